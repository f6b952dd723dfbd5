/**
 * The transmission timer: what is in flight waits for one of three deadlines,
 * never for two of them. RFC 8985 §8, RFC 6298 §5.
 */

import type { Connection } from "./connection.ts";
import { backedOff } from "./rtt.ts";
import { canProbe, probeTimeout } from "./tail_probe.ts";
import { arm, disarm, TIMER, toMicroseconds } from "./timers.ts";

/** The timers of which at most one is armed. */
export const TRANSMISSION = TIMER.Retransmit | TIMER.Probe | TIMER.Reorder;

/** Arms the retransmission timer from now on. RFC 6298 §5.3. */
export function restartRetransmission(c: Connection, now: number): void {
  armOnly(c, TIMER.Retransmit, (now + backedOff(c.rtoMs, c.backoff, c.tcp.tunables)) | 0);
}

/** Nothing is in flight any more. RFC 6298 §5.2. */
export function endTransmission(c: Connection, now: number): void {
  disarm(c, TRANSMISSION);
  c.idleSince = now | 0;
  c.tcp.endFlight(c);
}

/**
 * Something is in flight and was acknowledged, or not. `waitUs` > 0: so long
 * some of it may have been reordered. `isRestart`: SND.UNA moved.
 */
export function setTransmissionTimer(
  c: Connection,
  waitUs: number,
  isRestart: boolean,
  now: number,
): void {
  if (waitUs > 0) return armOnly(c, TIMER.Reorder, Math.ceil(now + waitUs / 1000) | 0);
  if (isRestart) {
    if (canProbe(c)) return armOnly(c, TIMER.Probe, (now + Math.min(probeTimeout(c), c.rtoMs)) | 0);
    return restartRetransmission(c, now);
  }
  if ((c.timers & TIMER.Reorder) !== 0) resumeRetransmission(c, now);
}

/** New data was sent: the timer runs from now if none did; the tail is probed after its last segment. */
export function newDataSent(c: Connection, now: number): void {
  if (canProbe(c)) awaitProbe(c, now);
  else if ((c.timers & TRANSMISSION) === 0) restartRetransmission(c, now);
}

/** Fast recovery sent lost data from `start` on again: it is probed, or the timer runs from now if that was the first in flight. */
export function lostDataResent(c: Connection, start: number, now: number): void {
  if (canProbe(c)) awaitProbe(c, now);
  else if (start === c.sndUna) restartRetransmission(c, now);
}

function awaitProbe(c: Connection, now: number): void {
  const timeout = Math.min(now + probeTimeout(c), retransmissionTime(c, now));
  armOnly(c, TIMER.Probe, timeout | 0);
}

/** Arms the retransmission timer as if it had run since the first byte in flight was sent. */
export function resumeRetransmission(c: Connection, now: number): void {
  armOnly(c, TIMER.Retransmit, retransmissionTime(c, now) | 0);
}

/** When that is, milliseconds; not before the next. */
function retransmissionTime(c: Connection, now: number): number {
  const elapsedUs = (toMicroseconds(now) - c.scoreboard!.firstSentAt) | 0;
  const rto = backedOff(c.rtoMs, c.backoff, c.tcp.tunables);
  return now + Math.max(1, rto - elapsedUs / 1000);
}

function armOnly(c: Connection, bit: number, at: number): void {
  c.timers &= ~TRANSMISSION;
  arm(c, bit, at);
}
