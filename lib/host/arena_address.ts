/**
 * Where the arena lies in the process's address space. The kernel is told
 * addresses, the program knows offsets; this is the one place they meet.
 */

import type { Arena } from "../wire/memory.ts";

const TWO_TO_32 = 0x1_0000_0000;

/** The address of an arena, whose memory never moves. */
export class ArenaAddress {
  readonly arena: Arena;
  /** The arena as little-endian words, as the kernel reads them on all targets. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly #base: bigint;
  readonly #low: number;
  readonly #high: number;

  /** Throws without `--allow-ffi`. The arena must outlive every pointer made here. */
  constructor(arena: Arena) {
    this.arena = arena;
    this.words = new Int32Array(arena.bytes.buffer);
    this.#base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(arena.bytes));
    this.#low = Number(this.#base & 0xffff_ffffn);
    this.#high = Number(this.#base >> 32n);
  }

  /** A pointer to the byte at `offset`. Costs 65 ns: made once and kept. */
  pointer(offset: number): Deno.PointerObject {
    return Deno.UnsafePointer.create(this.#base + BigInt(offset))!;
  }

  /**
   * Writes the 64-bit address of the byte at `offset` into `words[at]` and
   * `words[at + 1]`, as two halves: no bigint, no allocation.
   */
  store(at: number, offset: number): void {
    const low = this.#low + offset; // below 2^33, exact as a double
    this.words[at] = low;
    this.words[at + 1] = low < TWO_TO_32 ? this.#high : this.#high + 1;
  }
}
