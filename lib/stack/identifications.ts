/**
 * Identifications: numbers of IPv4 datagrams that routers may fragment. Each of
 * 65536 in a row is another, in an order that only the key tells. RFC 6864 §4,
 * RFC 7739 §5.
 */

import { hashRound } from "../wire/hash.ts";

/** Rounds of the Feistel network; four make a permutation that looks random. */
const ROUNDS = 4;

/** The numbers of one host, for all destinations together. */
export class Identifications {
  readonly #key: number;
  #count = 0;

  /** `key` is a secret int32. */
  constructor(key: number) {
    this.#key = key;
  }

  /** The next number, 0 … 65535. */
  next(): number {
    const count = this.#count++ & 0xffff;
    let left = count >>> 8;
    let right = count & 0xff;
    for (let round = 0; round < ROUNDS; round++) {
      const mixed = left ^ this.#mix(right | (round << 8));
      left = right;
      right = mixed;
    }
    return (left << 8) | right;
  }

  /** Eight bits out of the key and `value`. */
  #mix(value: number): number {
    return hashRound(hashRound(this.#key, value), this.#key) >>> 24;
  }
}
