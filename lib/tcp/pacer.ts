/**
 * Pacer: spreads what leaves over time instead of sending it as fast as
 * acknowledgments come. draft-ietf-ccwg-bbr §5.6.2, §5.6.3.
 */

/** Send quantum: what leaves at once is a millisecond's worth, at most 64 KiB, at least two segments. §5.6.3. */
const QUANTUM_MS = 1;
const GREATEST_QUANTUM = 64 << 10;

/**
 * A timer comes late: this much of the time that passed since something might
 * have left is made good. Milliseconds; as often as the timers look, and once more.
 */
const LATENESS_MS = 2;

/** The pace of one connection. Times are milliseconds with a fraction, rates bytes per millisecond. */
export class Pacer {
  /** Bytes per millisecond; > 0. */
  rate: number;
  /** The earliest time for the next quantum. */
  #next = -Infinity;

  /** Begins with `rate`, > 0. */
  constructor(rate: number) {
    this.rate = rate;
  }

  /** When the next quantum may leave. */
  get next(): number {
    return this.#next;
  }

  /** How much leaves together, for segments of `mss` bytes. */
  quantum(mss: number): number {
    return Math.max(Math.min(this.rate * QUANTUM_MS, GREATEST_QUANTUM), 2 * mss);
  }

  /** How many bytes may leave `now`, in segments of `mss`: none, or at least two segments. */
  allowance(mss: number, now: number): number {
    if (now < this.#next) return 0;
    const late = Math.min(now - this.#next, LATENESS_MS);
    return Math.floor(this.quantum(mss) + late * this.rate);
  }

  /** `length` bytes left. */
  sent(length: number, now: number): void {
    this.#next = Math.max(this.#next, now - LATENESS_MS) + length / this.rate;
  }
}
