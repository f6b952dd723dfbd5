/**
 * The user timeout and its option: how long the peer may take nothing, told to
 * it, and learned from it. RFC 9293 §3.8.3, RFC 5482.
 *
 * The option is advice: it is told once in the SYN, where there is one to come,
 * and once in the first empty segment behind it, and not repeated when lost
 * (RFC 5482 §3.2).
 */

import type { Connection } from "./connection.ts";
import { State } from "./state.ts";
import { disarm, TIMER } from "./timers.ts";

/** Bounds of what is told and of what is believed, in seconds. RFC 5482 §3.1 (L_LIMIT, U_LIMIT). */
const LEAST_SECONDS = 100;
const MOST_SECONDS = 3600;

/** `c` has this user timeout from now on; 0: none. What waits already has it from now. */
export function changeUserTimeout(c: Connection, timeoutMs: number, now: number): void {
  c.userTimeoutMs = timeoutMs;
  disarm(c, TIMER.User);
  if (timeoutMs > 0 && c.sndUna !== c.endOfStream) c.tcp.ready(c);
  c.progressAt = now | 0;
}

/** The user of `c` has chosen its timeout, which the peer is told, if it may be. RFC 5482 §3.1. */
export function announceUserTimeout(c: Connection): void {
  const isOver = c.state === State.Closed || c.state === State.TimeWait;
  c.owesUserTimeout = c.userTimeoutMs > 0 && !isOver && isEnabled(c);
  if (c.owesUserTimeout) c.tcp.ready(c);
}

/** What our option says, in seconds; 0: there is none to send. */
export function announcedSeconds(c: Connection): number {
  return c.owesUserTimeout ? bounded(Math.ceil(c.userTimeoutMs / 1000)) : 0;
}

/** The peer told its user timeout, in seconds: it becomes ours, unless our user has chosen one. RFC 5482 §3.1 (CHANGEABLE). */
export function takeUserTimeout(c: Connection, seconds: number, now: number): void {
  if (c.isUserTimeoutChosen || !isEnabled(c)) return;
  const timeoutMs = 1000 * bounded(seconds);
  if (timeoutMs !== c.userTimeoutMs) changeUserTimeout(c, timeoutMs, now);
}

function isEnabled(c: Connection): boolean {
  return c.tcp.tunables.px_user_timeout_option !== 0;
}

function bounded(seconds: number): number {
  return Math.min(Math.max(seconds, LEAST_SECONDS), MOST_SECONDS);
}
