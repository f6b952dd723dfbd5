/** Round-trip time and retransmission timeout. RFC 6298 §2. */

import type { Segment } from "../wire/segment.ts";
import type { Connection } from "./connection.ts";
import { elapsedMs } from "./timers.ts";
import type { Tunables } from "./tunables.ts";

/** A least round-trip time is believed for up to twice that long: paths change. Linux: `tcp_min_rtt_wlen`. */
const LEAST_RTT_HALF_MS = 150_000;

/** An echo older than that is none of this connection's segments in flight. */
const OLDEST_ECHO_MS = 2_000_000;

/**
 * Takes a round-trip sample of `rttUs` microseconds into SRTT, RTTVAR and RTO.
 *
 * Deviates from RFC 6298 §2.4: the floor `tcp_rto_min` applies to the variance
 * term, as in Linux, so that a delayed ACK is not raced.
 */
export function takeRttSample(
  c: Connection,
  rttUs: number,
  tunables: Tunables,
  now: number,
): void {
  const rtt = Math.max(1, rttUs);
  if (c.srttUs === 0) {
    c.srttUs = rtt;
    c.rttvarUs = rtt >> 1;
  } else {
    c.rttvarUs = (3 * c.rttvarUs + Math.abs(c.srttUs - rtt)) >> 2;
    c.srttUs = (7 * c.srttUs + rtt) >> 3;
  }
  c.rtoMs = retransmissionTimeout(c, tunables);
  takeLeast(c, rtt, now);
}

/** The least RTT of the last five to two and a half minutes: of this half of the window and the one before. */
function takeLeast(c: Connection, rtt: number, now: number): void {
  if (c.minRttUs === 0 || elapsedMs(c.minRttSince, now) > LEAST_RTT_HALF_MS) {
    c.minRttUs = c.minRttUs === 0 ? rtt : c.laterMinRttUs;
    c.laterMinRttUs = rtt;
    c.minRttSince = now | 0;
  }
  c.laterMinRttUs = Math.min(c.laterMinRttUs, rtt);
  c.minRttUs = Math.min(c.minRttUs, rtt);
}

/**
 * The round trip of the segment whose TSval `seg` echoes, in µs; -1: it echoes
 * nothing that may be in flight. Whole milliseconds, and not less than one.
 * RFC 7323 §4.1.
 */
export function sampleOfTimestamps(c: Connection, seg: Segment, now: number): number {
  const elapsed = echoAge(c, seg, now);
  return elapsed < 0 ? -1 : Math.max(1, elapsed) * 1000;
}

/** How long ago at least the segment left which `seg` answers, in µs: TSval counts whole milliseconds. 0: nobody knows. */
export function leastEchoAge(c: Connection, seg: Segment, now: number): number {
  return c.tsOk ? Math.max(0, echoAge(c, seg, now) - 1) * 1000 : 0;
}

/** The age of the echo, milliseconds; -1: there is none, or it is none of something in flight. */
function echoAge(c: Connection, seg: Segment, now: number): number {
  const elapsed = (c.tcp.timestamp(c.tsOffset, now) - seg.tsEcr) | 0;
  return !seg.hasTimestamps || elapsed < 0 || elapsed > OLDEST_ECHO_MS ? -1 : elapsed;
}

/** The RTO in milliseconds without backoff: SRTT + max(4·RTTVAR, `tcp_rto_min`), or the initial one. */
export function retransmissionTimeout(c: Connection, tunables: Tunables): number {
  if (c.srttUs === 0) return tunables.tcp_rto_init;
  const variance = Math.max(4 * c.rttvarUs, tunables.tcp_rto_min * 1000);
  return Math.min(Math.ceil((c.srttUs + variance) / 1000), tunables.tcp_rto_max);
}

/** The RTO doubled `times` times, at most `tcp_rto_max`. RFC 6298 §5.5. Milliseconds. */
export function backedOff(rtoMs: number, times: number, tunables: Tunables): number {
  return Math.min(rtoMs * 2 ** Math.min(times, 20), tunables.tcp_rto_max);
}

/**
 * How long retransmission goes on before the connection is given up: the sum of
 * `retries` + 1 timeouts beginning at `tcp_rto_min`, as in Linux. Milliseconds;
 * 924,600 for the default 15. RFC 9293 §3.8.3 (R2).
 */
export function retransmissionLimit(retries: number, tunables: Tunables): number {
  let total = 0;
  for (let i = 0; i <= retries; i++) total += backedOff(tunables.tcp_rto_min, i, tunables);
  return total;
}
