/**
 * Congestion control: what every algorithm does alike, and the small interface
 * behind which they differ. RFC 5681 §3.1, RFC 6928 §2, RFC 9293 §3.8.2.
 */

import { seqGeq } from "../wire/seq.ts";
import type { Connection } from "./connection.ts";
import type { Scoreboard } from "./scoreboard.ts";

/**
 * How a connection's cwnd answers to acknowledgments and loss. There is one
 * instance of each algorithm; what it must remember is in the connection.
 */
export interface CongestionControl {
  /** As `tcp_congestion_control` calls it. */
  readonly name: string;
  /** The model by which it sends, from the next flight of `c` on; null: it has none, and what follows is called. */
  modelOf(c: Connection, now: number): PathModel | null;
  /**
   * `bytes` were newly delivered while the flight filled cwnd, outside of fast
   * recovery; `rttUs` is the round trip they took, -1 if that is not known.
   */
  acknowledged(c: Connection, bytes: number, rttUs: number, now: number): void;
  /** Returns ssthresh, in bytes, for a loss among `flight` bytes found now; cwnd is still what it was. */
  reduced(c: Connection, flight: number): number;
  /** The last call of `reduced` was a mistake: nothing was lost. RFC 9438 §4.9. */
  restored(c: Connection): void;
  /** Sending goes on after nothing was in flight for `idleMs`. RFC 9438 §5.8. */
  resumed(c: Connection, idleMs: number): void;
}

/**
 * An algorithm that models the path of one connection: it says at which pace
 * bytes leave, and sets cwnd by itself, in recovery too.
 */
export interface PathModel {
  /** How many bytes the pace lets leave `now`. */
  allowance(c: Connection, now: number): number;
  /** When it lets more leave; milliseconds with a fraction. */
  readonly nextAt: number;
  /** `length` bytes leave, which are not counted as in flight yet. */
  sent(c: Connection, length: number, now: number): void;
  /** There is nothing to send, and room for more. */
  idle(c: Connection): void;
  /** Sending begins, or goes on after nothing was in flight. */
  resumed(c: Connection, now: number): void;
  /** An acknowledgment delivered bytes. What it shows to be lost is not known yet. */
  measured(c: Connection, scoreboard: Scoreboard, now: number): void;
  /** Bytes were found lost; `scoreboard` says which. */
  lossesFound(c: Connection, scoreboard: Scoreboard, now: number): void;
  /** All is known about the acknowledgment last measured: sets cwnd and pace. */
  acknowledged(c: Connection, scoreboard: Scoreboard, now: number): void;
  /** Loss recovery begins, or a router marked a segment. */
  reduced(c: Connection): void;
  /** Loss recovery is over. */
  recovered(c: Connection): void;
  /** What was taken for lost was not. */
  restored(c: Connection): void;
}

/** No congestion window grows beyond this; SND.WND is the smaller anyway. */
export const MAX_CWND = 1 << 30;

/** The initial window: min(n·MSS, max(2·MSS, n·1460)). RFC 6928 §2. `segments` is `tcp_initial_cwnd`. */
export function initialWindow(mss: number, segments: number): number {
  return Math.min(segments * mss, Math.max(2 * mss, segments * 1460));
}

/** The initial window of `c`, in bytes. */
export function initialWindowOf(c: Connection): number {
  return initialWindow(c.mss, c.tcp.tunables.tcp_initial_cwnd);
}

/** Bytes between SND.UNA and SND.NXT which are neither reported received nor taken for lost. RFC 6675 §3 (pipe). */
export function pipe(c: Connection): number {
  const scoreboard = c.scoreboard;
  const flight = (c.sndNxt - c.sndUna) | 0;
  return scoreboard === null ? flight : flight - scoreboard.sackedBytes - scoreboard.lostBytes;
}

/** How many bytes cwnd lets leave now, and the pace if there is one. Negative: more than cwnd is in flight. */
export function sendingRoom(c: Connection, now: number): number {
  const room = c.cwnd - pipe(c);
  return c.model === null ? room : Math.min(room, c.model.allowance(c, now));
}

/**
 * How many bytes beyond SND.NXT the peer's window takes; negative once it shrank
 * over what is in flight. RFC 9293 §3.8.6.2.1 (the usable window).
 */
export function usableWindow(c: Connection): number {
  return (c.sndUna + c.sndWnd - c.sndNxt) | 0;
}

/**
 * FlightSize without what limited transmit sent beyond cwnd: what a reduction
 * starts from. RFC 5681 §3.1 (4).
 *
 * The greatest of this round trip: acknowledgments that arrived together with
 * the news of a loss are not answered yet, and what they opened would be in
 * flight had they come one by one. RFC 7661 §4.4.1 (pipeACK), too, so that a
 * loss at the end of a flight does not count for more than one at its beginning.
 */
export function reducibleFlight(c: Connection): number {
  return Math.min(Math.max((c.sndNxt - c.sndUna) | 0, c.greatestFlight), c.cwnd);
}

/**
 * Notes how much of cwnd is in use, after something was sent or nothing may be.
 * The best of a round trip counts. RFC 7661 §4.3; Linux: tcp_cwnd_validate.
 */
export function noteWindowUse(c: Connection): void {
  const flight = (c.sndNxt - c.sndUna) | 0;
  const isLimited = pipe(c) + c.mss > c.cwnd;
  const isRoundOver = seqGeq(c.sndUna, c.windowUseEnd);
  if (!isRoundOver && !isLimited && (c.isCwndLimited || flight <= c.greatestFlight)) return;
  c.isCwndLimited = isLimited;
  c.greatestFlight = flight;
  c.windowUseEnd = c.sndNxt;
}

/** Whether acknowledgments may open cwnd: in slow start if half of it was used, else if all was. RFC 7661 §4.3. */
export function isWindowUsed(c: Connection): boolean {
  return c.isCwndLimited || (c.cwnd < c.ssthresh && c.cwnd < 2 * c.greatestFlight);
}
