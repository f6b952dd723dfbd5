/**
 * Congestion control: what every algorithm does alike, and the small interface
 * behind which they differ. RFC 5681 §3.1, RFC 6928 §2, RFC 9293 §3.8.2.
 */

import type { Connection } from "./connection.ts";

/** How a connection's cwnd answers to acknowledgments and loss. Keeps its state in the connection. */
export interface CongestionControl {
  /** `bytes` were newly acknowledged while the flight filled cwnd, outside of recovery. */
  acknowledged(c: Connection, bytes: number, now: number): void;
  /** Returns ssthresh, in bytes, for a loss found now. */
  reduced(c: Connection, now: number): number;
}

/** No congestion window grows beyond this; SND.WND is the smaller anyway. */
export const MAX_CWND = 1 << 30;

/** The initial window: min(n·MSS, max(2·MSS, n·1460)). RFC 6928 §2. `segments` is `tcp_initial_cwnd`. */
export function initialWindow(mss: number, segments: number): number {
  return Math.min(segments * mss, Math.max(2 * mss, segments * 1460));
}

/** Bytes between SND.UNA and SND.NXT which are neither reported received nor taken for lost. RFC 6675 §3 (pipe). */
export function pipe(c: Connection): number {
  const scoreboard = c.scoreboard;
  const flight = (c.sndNxt - c.sndUna) | 0;
  return scoreboard === null ? flight : flight - scoreboard.sackedBytes - scoreboard.lostBytes;
}
