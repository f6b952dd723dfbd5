/**
 * Digest: sixty-four bits for the bytes that the program sends. A recording has
 * these in place of the bytes, which it has already where they came in.
 */

import type { Gather } from "../wire/gather.ts";
import type { Arena } from "../wire/memory.ts";

const KEY_LENGTH = 16;
const DIGEST_LENGTH = 8;
/** Bytes hashed at once. */
const CHUNK = 16384;

/** SipHash-2-4 of runs of bytes, however they are cut into pieces. The key is 0: it hides nothing. */
export class Digest {
  /** The last digest. */
  low = 0;
  high = 0;
  readonly #arena: Arena;
  readonly #key: number;
  readonly #chunk: number;
  #filled = 0;

  /** Takes some 16 KiB of the arena, for good. */
  constructor(arena: Arena) {
    this.#arena = arena;
    this.#key = arena.reserve(KEY_LENGTH + DIGEST_LENGTH, 8);
    this.#chunk = arena.reserve(CHUNK, 8);
  }

  /** Of `length` bytes at `offset` of the arena. */
  of(offset: number, length: number): void {
    this.#begin();
    this.#add(offset, length);
    this.#end();
  }

  /** Of all pieces as one run. */
  ofGather(pieces: Gather): void {
    this.#begin();
    for (let i = 0; i < pieces.count; i++) this.#add(pieces.offsets[i], pieces.lengths[i]);
    this.#end();
  }

  #begin(): void {
    this.#filled = 0;
    this.#arena.bytes.fill(0, this.#key, this.#key + KEY_LENGTH);
  }

  #add(offset: number, length: number): void {
    while (length > 0) {
      const count = Math.min(length, CHUNK - this.#filled);
      this.#arena.copy(this.#chunk + this.#filled, offset, count);
      this.#filled += count;
      offset += count;
      length -= count;
      if (this.#filled === CHUNK) this.#hash(this.#key); // the next chunk's key
    }
  }

  #end(): void {
    const result = this.#key + KEY_LENGTH;
    this.#hash(result);
    this.low = this.#arena.view.getInt32(result, true);
    this.high = this.#arena.view.getInt32(result + 4, true);
  }

  #hash(result: number): void {
    this.#arena.sipHash(this.#key, this.#chunk, this.#filled, result);
    this.#filled = 0;
  }
}
