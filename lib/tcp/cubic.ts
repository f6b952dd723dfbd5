/**
 * CUBIC: after a loss cwnd grows along a cubic function of time, flat where the
 * loss was and steep away from it, and at least as fast as Reno would.
 * RFC 9438 §4.
 */

import { type CongestionControl, MAX_CWND } from "./congestion.ts";
import type { Connection } from "./connection.ts";
import { slowStart } from "./slow_start.ts";

/** C, in segments per second³. RFC 9438 §5. */
const SCALE = 0.4;
/** β_cubic. RFC 9438 §4.6. */
const BETA = 0.7;
/** α_cubic: by how many segments Reno would have to grow for the same average. RFC 9438 §4.3. */
const FRIENDLY_GROWTH = 3 * (1 - BETA) / (1 + BETA);

/** What CUBIC remembers of a connection; windows in segments, times in seconds. RFC 9438 §4.1.2. */
export class CubicState {
  /** W_max: cwnd when it was reduced last. */
  greatest = 0;
  /** cwnd_prior. */
  prior = 0;
  /** W_est: what Reno's window would be. */
  estimate = 0;
  /** K: how long the window takes back to W_max. */
  period = 0;
  /** t_epoch, on the clock of `now`; -1: congestion avoidance has not begun since the last reduction. */
  epochAt = -1;
  /** The segments acknowledged that have not moved cwnd by a byte yet, in bytes of cwnd. */
  fraction = 0;

  /** What the last reduction changed. */
  #saved: Pick<CubicState, "greatest" | "prior" | "estimate" | "period" | "epochAt"> | null = null;

  /** Keeps what a reduction changes. */
  save(): void {
    const { greatest, prior, estimate, period, epochAt } = this;
    this.#saved = { greatest, prior, estimate, period, epochAt };
  }

  /** Takes the last reduction back. RFC 9438 §4.9. */
  restore(): void {
    Object.assign(this, this.#saved);
  }

  /** Congestion avoidance begins with a window of `cwnd` segments. RFC 9438 §4.2. */
  beginEpoch(cwnd: number, now: number): void {
    this.epochAt = now;
    this.estimate = cwnd;
    this.fraction = 0;
    if (cwnd < this.greatest) {
      this.period = Math.cbrt((this.greatest - cwnd) / SCALE);
    } else {
      this.period = 0;
      this.greatest = cwnd;
    }
  }

  /** The window `seconds` after the epoch began: W_cubic. RFC 9438 §4.2 (1). */
  windowAfter(seconds: number): number {
    return SCALE * (seconds - this.period) ** 3 + this.greatest;
  }
}

/** The one instance. */
export const CUBIC: CongestionControl = {
  name: "cubic",

  modelOf(): null {
    return null;
  },

  acknowledged(c: Connection, bytes: number, rttUs: number, now: number): void {
    if (c.cwnd < c.ssthresh) return slowStart(c, bytes, rttUs);
    const state = c.cubic ??= new CubicState();
    const cwnd = c.cwnd / c.mss;
    const acked = bytes / c.mss;
    if (state.epochAt < 0) state.beginEpoch(cwnd, now);
    // Reno's window, which grows by one a round trip once it has made good for the smaller decrease. RFC 9438 §4.3.
    const growth = state.estimate >= state.prior ? 1 : FRIENDLY_GROWTH;
    state.estimate += growth * acked / cwnd;
    const elapsed = (now - state.epochAt) / 1000;
    let grown: number;
    if (state.windowAfter(elapsed) < state.estimate) {
      grown = Math.max(cwnd, state.estimate);
    } else {
      const ahead = state.windowAfter(elapsed + c.srttUs / 1e6);
      const target = Math.max(cwnd, Math.min(ahead, 1.5 * cwnd)); // RFC 9438 §4.2
      grown = cwnd + (target - cwnd) / cwnd * acked;
    }
    const exact = grown * c.mss + state.fraction;
    c.cwnd = Math.min(Math.floor(exact), MAX_CWND);
    state.fraction = exact - Math.floor(exact);
  },

  reduced(c: Connection, flight: number): number {
    const state = c.cubic ??= new CubicState();
    state.save();
    const cwnd = c.cwnd / c.mss;
    state.prior = cwnd;
    // Fast convergence: others want a share, W_max falls below what there was. RFC 9438 §4.7.
    state.greatest = cwnd < state.greatest ? cwnd * (1 + BETA) / 2 : cwnd;
    state.epochAt = -1;
    return Math.max(Math.floor(flight * 7 / 10), 2 * c.mss); // β, exactly
  },

  restored(c: Connection): void {
    c.cubic?.restore();
  },

  resumed(c: Connection, idleMs: number): void {
    // While nothing was sent nothing grew. RFC 9438 §5.8.
    if (c.cubic !== null && c.cubic.epochAt >= 0) c.cubic.epochAt += idleMs;
  },
};
