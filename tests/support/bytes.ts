/** Bytes of the arena written and read as hexadecimal text. */

import type { Arena } from "../../lib/wire/memory.ts";

/** The bytes written as hexadecimal digits; white space between them is ignored. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replace(/\s/g, ""));
}

/** Writes bytes given as hexadecimal text into the arena. Returns how many. */
export function putHex(arena: Arena, offset: number, text: string): number {
  const bytes = fromHex(text);
  arena.bytes.set(bytes, offset);
  return bytes.length;
}

/** `length` bytes of the arena as hexadecimal digits. */
export function hexAt(arena: Arena, offset: number, length: number): string {
  return arena.bytes.subarray(offset, offset + length).toHex();
}
