/** Choices: what a fuzzer decides, all from one seed. */

import { randomWords } from "../support/random.ts";

/** A seeded source of decisions. */
export class Choices {
  readonly #next: () => number;

  constructor(seed: number) {
    // Seeds next to each other shall not begin alike.
    this.#next = randomWords(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995);
    for (let i = 0; i < 4; i++) this.#next();
  }

  /** 0 … 2^32 - 1. */
  word(): number {
    return this.#next();
  }

  /** 0 … `count` - 1. */
  below(count: number): number {
    return this.#next() % count;
  }

  /** True once in `times`, on average. */
  onceIn(times: number): boolean {
    return this.#next() % times === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.#next() % from.length];
  }
}
