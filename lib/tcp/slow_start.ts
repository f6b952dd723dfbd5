/**
 * Slow start, counted in bytes (RFC 5681 §3.1, RFC 3465 §2.3), and HyStart++,
 * which ends the first one before it overflows a queue (RFC 9406).
 *
 * A round trip that takes longer than those of the round before tells of a
 * growing queue: slow start goes on at a quarter of its speed, and ends unless
 * the round trip becomes shorter again.
 */

import { seqGt } from "../wire/seq.ts";
import { MAX_CWND } from "./congestion.ts";
import type { Connection } from "./connection.ts";

/** L: one acknowledgment, which may cover a super-segment, opens cwnd by at most this many MSS. RFC 9406 §4.2. */
const SLOW_START_LIMIT = 8;

/** MIN_RTT_THRESH, MAX_RTT_THRESH in µs, and MIN_RTT_DIVISOR. RFC 9406 §4.3. */
const LEAST_THRESHOLD_US = 4000;
const GREATEST_THRESHOLD_US = 16_000;
const THRESHOLD_SHIFT = 3;
/** N_RTT_SAMPLE. */
const ENOUGH_SAMPLES = 8;
/** CSS_GROWTH_DIVISOR. */
const CONSERVATIVE_DIVISOR = 4;
/** CSS_ROUNDS. */
const CONSERVATIVE_ROUNDS = 5;

const UNKNOWN = 0x7fffffff;

/** What HyStart++ remembers of the round trips of a first slow start. Times in µs. */
export class RoundTrips {
  /** SND.NXT when this round began: an ACK of more is the first of the next. */
  #end: number;
  #lastLeast = UNKNOWN;
  #least = UNKNOWN;
  #samples = 0;
  /** Rounds of conservative slow start that began; 0: slow start goes on at full speed. */
  #conservativeRounds = 0;
  /** What the round trip took when that began. */
  #baseline = UNKNOWN;

  /** The first round ends when `sndNxt` is acknowledged. */
  constructor(sndNxt: number) {
    this.#end = sndNxt;
  }

  /** Whether cwnd grows at a quarter of the speed. */
  get isConservative(): boolean {
    return this.#conservativeRounds > 0;
  }

  /** Takes what one acknowledgment tells. Returns whether slow start has ended. RFC 9406 §4.2. */
  acknowledged(una: number, sndNxt: number, rttUs: number): boolean {
    if (seqGt(una, this.#end)) {
      this.#end = sndNxt;
      this.#lastLeast = this.#least;
      this.#least = UNKNOWN;
      this.#samples = 0;
      if (this.isConservative && ++this.#conservativeRounds > CONSERVATIVE_ROUNDS) return true;
    }
    if (rttUs < 0) return false;
    this.#samples++;
    this.#least = Math.min(this.#least, rttUs);
    if (this.#samples < ENOUGH_SAMPLES) return false;
    if (this.isConservative) {
      if (this.#least < this.#baseline) this.#conservativeRounds = 0;
    } else if (this.#lastLeast !== UNKNOWN && this.#least >= this.#lastLeast + this.#threshold()) {
      this.#baseline = this.#least;
      this.#conservativeRounds = 1;
    }
    return false;
  }

  #threshold(): number {
    const share = this.#lastLeast >> THRESHOLD_SHIFT;
    return Math.max(LEAST_THRESHOLD_US, Math.min(share, GREATEST_THRESHOLD_US));
  }
}

/** `bytes` were delivered below ssthresh: cwnd opens. The first slow start may end by it. */
export function slowStart(c: Connection, bytes: number, rttUs: number): void {
  let growth = Math.min(bytes, SLOW_START_LIMIT * c.mss);
  if (c.ssthresh === UNKNOWN) {
    const roundTrips = c.roundTrips ??= new RoundTrips(c.sndNxt);
    if (roundTrips.acknowledged(c.sndUna, c.sndNxt, rttUs)) {
      c.ssthresh = c.cwnd;
      c.roundTrips = null;
      return;
    }
    if (roundTrips.isConservative) growth = Math.ceil(growth / CONSERVATIVE_DIVISOR);
  }
  c.cwnd = Math.min(c.cwnd + growth, Math.max(c.ssthresh, c.cwnd), MAX_CWND);
}
