/**
 * A `struct iovec[]` in the arena: the pieces which one `readv`, `writev` or
 * `sendmsg` reads or writes. Filling it makes no pointer objects.
 */

import type { Gather } from "../wire/gather.ts";
import type { ArenaAddress } from "./arena_address.ts";

const IOVEC_LENGTH = 16;
const WORDS_PER_IOVEC = IOVEC_LENGTH / 4;

/** Pieces of the arena as the kernel wants them listed. */
export class IoVector {
  /** Arena offset of the array, aligned to 8. */
  readonly offset: number;
  /** What the system call is given. */
  readonly pointer: Deno.PointerObject;
  readonly #address: ArenaAddress;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #start: number;

  /** Takes room for `capacity` pieces out of the arena, for good. */
  constructor(address: ArenaAddress, capacity: number) {
    this.offset = address.arena.reserve(capacity * IOVEC_LENGTH, 8);
    this.pointer = address.pointer(this.offset);
    this.#address = address;
    this.#words = address.words;
    this.#start = this.offset >> 2;
    this.#words.fill(0, this.#start, this.#start + capacity * WORDS_PER_IOVEC);
  }

  /** Makes piece `index` the `length` bytes at arena offset `offset`. */
  set(index: number, offset: number, length: number): void {
    const at = this.#start + index * WORDS_PER_IOVEC;
    this.#address.store(at, offset);
    this.#words[at + 2] = length; // the high half stays 0
  }

  /** Makes the pieces from `index` on those of `bytes`. */
  setAll(index: number, bytes: Gather): void {
    const count = bytes.count;
    for (let i = 0; i < count; i++) this.set(index + i, bytes.offsets[i], bytes.lengths[i]);
  }
}
