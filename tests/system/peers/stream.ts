/** One direction of a connection: sending the pattern, or receiving, with count and SHA-256. */

import { createHash } from "node:crypto";
import { BLOCK_LENGTH, Pattern } from "./pattern.ts";

/** Stands between the head and the body of an HTTP/1.1 message. RFC 9112 §2.1. */
export const HTTP_HEAD_END = "\r\n\r\n";

/** Bytes that went one way, and how it ended. */
export interface Tally {
  bytes: number;
  /** Of all those bytes, in hexadecimal. */
  sha256: string;
  /** `done`: all sent, or the end of the stream received; otherwise what went wrong. */
  end: "done" | "reset" | "broken pipe" | "refused" | "open" | string;
}

/** Told after each write and read how many bytes it moved; what it returns is awaited. */
export type Progress = (bytes: number) => Promise<void> | void;

/** Sends `length` bytes of the seed's pattern. Never throws: the tally tells. */
export async function sendPattern(
  conn: Deno.Conn,
  seed: number,
  length: number,
  progress: Progress,
): Promise<Tally> {
  const tally: Tally = { bytes: 0, sha256: "", end: "open" };
  const hash = createHash("sha256");
  const pattern = new Pattern(seed);
  try {
    while (tally.bytes < length) {
      const block = pattern.block(tally.bytes / BLOCK_LENGTH, length - tally.bytes);
      await writeAll(conn, block, (count) => {
        hash.update(block.subarray(tally.bytes % BLOCK_LENGTH).subarray(0, count));
        tally.bytes += count;
        return progress(count);
      });
    }
    tally.end = "done";
  } catch (error) {
    tally.end = endOf(error);
  }
  tally.sha256 = hash.digest("hex");
  return tally;
}

/** Receives until the end of the stream. Never throws: the tally tells. */
export async function receiveAll(
  conn: Deno.Conn,
  bufferLength: number,
  progress: Progress,
): Promise<Tally> {
  const tally: Tally = { bytes: 0, sha256: "", end: "open" };
  const hash = createHash("sha256");
  const buffer = new Uint8Array(bufferLength);
  try {
    for (;;) {
      const count = await conn.read(buffer);
      if (count === null) break;
      hash.update(buffer.subarray(0, count));
      tally.bytes += count;
      await progress(count);
    }
    tally.end = "done";
  } catch (error) {
    tally.end = endOf(error);
  }
  tally.sha256 = hash.digest("hex");
  return tally;
}

/** Writes all of `bytes`. Throws what the system says. */
export async function writeAll(
  conn: Deno.Conn,
  bytes: Uint8Array,
  progress: Progress = () => {},
): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const count = await conn.write(bytes.subarray(written));
    written += count;
    await progress(count);
  }
}

/** Reads exactly `length` bytes. Throws at an earlier end of the stream. */
export async function readExactly(
  conn: Deno.Conn,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let received = 0;
  while (received < length) {
    const count = await conn.read(bytes.subarray(received));
    if (count === null) throw new Deno.errors.UnexpectedEof(`${received} of ${length} bytes`);
    received += count;
  }
  return bytes;
}

/** What an error of a socket says about the connection, in one word if possible. */
export function endOf(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionReset) return "reset";
  if (error instanceof Deno.errors.ConnectionRefused) return "refused";
  // What Linux calls a reset that comes after the peer's FIN.
  if (error instanceof Deno.errors.BrokenPipe) return "broken pipe";
  return String(error);
}
