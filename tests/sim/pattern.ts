/**
 * Pattern: every byte of a stream follows from (seed, position), so that each
 * can be checked where it stands, whatever way it came.
 */

import { Dice } from "./dice.ts";

/** Prime, so that no shift by pages, windows or segments maps a pattern on itself. */
const PERIOD = 65521;
/** Longest run compared or copied at once. */
const RUN = 65536;

const TABLE = new Uint8Array(PERIOD + RUN);
{
  const dice = new Dice(1);
  for (let i = 0; i < PERIOD; i++) TABLE[i] = dice.word() >>> 24;
  TABLE.copyWithin(PERIOD, 0, RUN);
}

/** The bytes of one stream. */
export class Pattern {
  readonly #start: number;

  constructor(seed: number) {
    this.#start = (seed >>> 0) % PERIOD;
  }

  /** Writes the bytes from `position` on into `bytes[from … to)`. */
  write(bytes: Uint8Array, from: number, to: number, position: number): void {
    while (from < to) {
      const at = (this.#start + position) % PERIOD;
      const length = Math.min(to - from, RUN);
      bytes.set(TABLE.subarray(at, at + length), from);
      from += length;
      position += length;
    }
  }

  /** The first position whose byte is not what stands in `bytes[from … to)`; -1: all are right. */
  firstWrong(bytes: Uint8Array, from: number, to: number, position: number): number {
    let at = (this.#start + position) % PERIOD;
    for (let i = from; i < to; i++) {
      if (bytes[i] !== TABLE[at]) return position + i - from;
      if (++at === PERIOD) at = 0;
    }
    return -1;
  }
}
