/** SipHash-2-4 under one secret key, over a message of big-endian numbers. RFC 6528 §3. */

import type { Arena } from "../wire/memory.ts";

const KEY_LENGTH = 16;
const MESSAGE_LENGTH = 48;

/** A keyed hash. The key lies in the arena and is never read back. */
export class SipHash {
  readonly #arena: Arena;
  readonly #key: number;
  readonly #message: number;
  readonly #result: number;
  #length = 0;

  /** `key` are 16 bytes; they are copied. */
  constructor(arena: Arena, key: Uint8Array) {
    this.#arena = arena;
    this.#key = arena.reserve(KEY_LENGTH + MESSAGE_LENGTH + 8, 16);
    this.#message = this.#key + KEY_LENGTH;
    this.#result = this.#message + MESSAGE_LENGTH;
    arena.bytes.set(key, this.#key);
  }

  /** Begins a message. At most 48 bytes follow. */
  begin(): this {
    this.#length = 0;
    return this;
  }

  /** Appends four bytes. */
  word(value: number): this {
    this.#arena.view.setInt32(this.#message + this.#length, value);
    this.#length += 4;
    return this;
  }

  /** Appends two bytes. */
  half(value: number): this {
    this.#arena.view.setUint16(this.#message + this.#length, value);
    this.#length += 2;
    return this;
  }

  /** Appends an address: 4 bytes for IPv4 (::ffff:a.b.c.d), else 16. */
  address(w0: number, w1: number, w2: number, w3: number): this {
    if (w0 !== 0 || w1 !== 0 || w2 !== 0xffff) this.word(w0).word(w1).word(w2);
    return this.word(w3);
  }

  /** The low 32 bits of the hash, as an int32. */
  low(): number {
    this.#arena.sipHash(this.#key, this.#message, this.#length, this.#result);
    return this.#arena.view.getInt32(this.#result, true);
  }

  /** The high 32 bits of the hash that `low` has just computed, as an int32. */
  high(): number {
    return this.#arena.view.getInt32(this.#result + 4, true);
  }

  /** Replaces the key by another of 16 bytes; they are copied. */
  rekey(key: Uint8Array): void {
    this.#arena.bytes.set(key, this.#key);
  }
}
