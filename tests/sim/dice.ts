/** Dice: all chance of the simulator. The same seed throws the same numbers. */

import { randomWords } from "../support/random.ts";

/** A stream of chance. Parts of a world have dice of their own, so that one does not disturb another. */
export class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = randomWords(scramble(seed));
  }

  /** 0 … 2^32 - 1. */
  word(): number {
    return this.#next();
  }

  /** 0 ≤ x < 1. */
  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return p > 0 && this.fraction() < p;
  }

  /** A whole number `min` … `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  /** A number `min` ≤ x < `max`. */
  between(min: number, max: number): number {
    return min + this.fraction() * (max - min);
  }

  /** A whole number `min` (> 0) … `max`, small ones as likely as large ones: its logarithm is uniform. */
  magnitude(min: number, max: number): number {
    return Math.floor(min * ((max + 1) / min) ** this.fraction());
  }

  /** One of `items`. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)];
  }

  /** Dice which are independent of what is thrown here from now on. */
  fork(): Dice {
    return new Dice(this.#next());
  }
}

/** Neighbouring seeds must not begin alike. MurmurHash3's finalizer (Appleby, public domain). */
function scramble(seed: number): number {
  let h = seed ^ 0x5bd1e995;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
