/**
 * Timers of one connection: a mask of which are armed, a time for each, and one
 * entry for all of them in the heap of deadlines. RFC 9293 §3.10.8.
 */

import type { Connection } from "./connection.ts";

/** Bits of `Connection.timers`. */
export const TIMER = {
  /** The retransmission timer. RFC 6298 §5. */
  Retransmit: 1,
  /** Zero window probes, and the override of silly-window avoidance. RFC 9293 §3.8.6.1. */
  Persist: 2,
  /** A delayed acknowledgment is due. RFC 9293 §3.8.6.3. */
  DelayedAck: 4,
  /** Keep-alive. RFC 9293 §3.8.4. */
  Keepalive: 8,
  /** RACK's reordering window. RFC 8985 §6.2. */
  Reorder: 16,
  /** End of an orphan in FIN-WAIT-2; Linux: `tcp_fin_timeout`. */
  FinWait2: 32,
  /** `resetWhenDrained` waits no longer. */
  ResetFlush: 64,
  /** `closeLingering` reports now. */
  Linger: 128,
  /** A tail loss probe. RFC 8985 §7. */
  Probe: 256,
  /** The user timeout. RFC 9293 §3.8.3. */
  User: 512,
  /** The end of the patience with a shut window. RFC 6429; `px_zero_window_timeout`. */
  ZeroWindow: 1024,
  /** The pace lets more leave. draft-ietf-ccwg-bbr §5.6.2. */
  Pace: 2048,
} as const;

/** Number of timers. */
const COUNT = 12;

/** Arms a timer of `c`, or moves it. `bit` is one of `TIMER`, `at` int32 milliseconds. */
export function arm(c: Connection, bit: number, at: number): void {
  c.timers |= bit;
  c.timerAt[31 - Math.clz32(bit)] = at;
  c.tcp.deadlines.file(c, at);
}

/** Disarms timers. Their entry in the heap comes up in vain, or for another timer. */
export function disarm(c: Connection, bits: number): void {
  c.timers &= ~bits;
}

/**
 * Milliseconds from `since`, an int32 time of the past, to `now`. Unlike a
 * difference of int32 times it tells what was long ago from what is to come: up
 * to 49.7 days, which is as far as such a time reaches.
 */
export function elapsedMs(since: number, now: number): number {
  return ((now | 0) - since) >>> 0;
}

/** Whole microseconds of a time in milliseconds, modulo 2^32. */
export function toMicroseconds(now: number): number {
  return (now * 1000) | 0;
}

/** The mask of armed timers which are due; they are disarmed. */
export function takeDueTimers(c: Connection, now: number): number {
  let due = 0;
  for (let i = 0; i < COUNT; i++) {
    const bit = 1 << i;
    if ((c.timers & bit) !== 0 && ((c.timerAt[i] - now) | 0) <= 0) due |= bit;
  }
  c.timers &= ~due;
  return due;
}

/** Files the earliest armed timer again, after the entry came up. */
export function refile(c: Connection): void {
  for (let i = 0; i < COUNT; i++) {
    if ((c.timers & (1 << i)) !== 0) c.tcp.deadlines.file(c, c.timerAt[i]);
  }
}
