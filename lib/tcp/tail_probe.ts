/**
 * Tail loss probes: when acknowledgments stay away, one segment asks for them
 * before the retransmission timer ends everything. RFC 8985 §7.
 */

import type { Segment } from "../wire/segment.ts";
import { usableWindow } from "./congestion.ts";
import type { Connection } from "./connection.ts";
import { Phase } from "./phase.ts";
import { usesRack } from "./rack.ts";
import { TIMER } from "./timers.ts";

/** How long the peer may delay the acknowledgment of a lone segment. RFC 8985 §7.2 (WCDelAckT); Linux: tcp_rto_min. */
const LONGEST_DELAY_MS = 200;
/** Linux: TCP_TIMEOUT_MIN. */
const LEAST_TIMEOUT_MS = 2;
/** Without a round-trip time. RFC 8985 §7.2. */
const INITIAL_TIMEOUT_MS = 1000;

/**
 * Whether what is in flight has a tail to be probed: nothing else would find its loss. RFC 8985 §7.2.
 *
 * Deviates from RFC 8985 §7.2: fast recovery is probed, too, when all that is
 * lost was sent again, by new data alone. The last retransmission is often alone
 * in flight; when its acknowledgment is lost, only a timeout would follow, and
 * send it again in vain.
 */
export function canProbe(c: Connection): boolean {
  const scoreboard = c.scoreboard;
  if (c.hasProbed || scoreboard === null || c.handshake !== null || !usesRack(c)) return false;
  if (c.phase === Phase.Open) return scoreboard.sackedBytes === 0;
  const isJudged = scoreboard.lostBytes === 0 && (c.timers & TIMER.Reorder) === 0;
  return c.phase === Phase.Recovery && isJudged && hasNewProbe(c);
}

/** Whether there is new data for a probe, a whole segment or all of it, and room for it in the window. */
export function hasNewProbe(c: Connection): boolean {
  const unsent = (c.endOfStream - c.sndNxt) | 0;
  return unsent > 0 && usableWindow(c) >= Math.min(unsent, c.mss);
}

/** PTO: how long after the last segment the probe is sent. Milliseconds with a fraction. RFC 8985 §7.2. */
export function probeTimeout(c: Connection): number {
  if (c.srttUs === 0) return INITIAL_TIMEOUT_MS;
  const isLone = ((c.sndNxt - c.sndUna) | 0) <= c.mss;
  return 2 * c.srttUs / 1000 + (isLone ? LONGEST_DELAY_MS : LEAST_TIMEOUT_MS);
}

/** Whether a DSACK that ends at `end` tells of the last probe: both it and the original arrived. RFC 8985 §7.4.2. */
export function isProbeReportedTwice(c: Connection, end: number): boolean {
  return c.isProbeResent && end === c.probeEnd;
}

/**
 * An acknowledgment at or behind the probe: was it the probe which repaired a
 * loss? Then cwnd falls once, as after any other. RFC 8985 §7.4.2.
 */
export function concludeProbe(
  c: Connection,
  seg: Segment,
  acked: number,
  isDsack: boolean,
): void {
  const beyond = (seg.ack - c.probeEnd) | 0;
  if (beyond < 0) return;
  const isTwice = isDsack && isProbeReportedTwice(c, seg.sackEnd[0]);
  if (!c.isProbeResent || isTwice) {
    c.hasProbed = false;
  } else if (beyond > 0) {
    c.hasProbed = false;
    c.tcp.counters.TCPLossProbeRecovery++;
    c.ssthresh = c.congestion.reduced(c, c.cwnd);
    c.cwnd = Math.min(c.cwnd, c.ssthresh);
  } else if (acked === 0 && seg.sackCount === 0 && seg.payloadLength === 0) {
    c.hasProbed = false; // a duplicate: original and probe arrived
  }
}
