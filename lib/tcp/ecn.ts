/**
 * Explicit congestion notification: instead of dropping a packet a router marks
 * it, the receiver echoes the mark by ECE until the sender answers by CWR.
 * RFC 3168 §6.1.
 *
 * The state is in the connection; none of this is called unless both SYNs
 * agreed on it, but for `noteReduction`.
 */

import { CWR, ECE, Ecn, type Segment } from "../wire/segment.ts";
import { seqGt } from "../wire/seq.ts";
import { reducibleFlight } from "./congestion.ts";
import type { Connection } from "./connection.ts";
import type { Tunables } from "./tunables.ts";

/** Whether a SYN asks for ECN, and may have it. RFC 3168 §6.1.1. */
export function asksForEcn(syn: Segment, tunables: Tunables): boolean {
  return tunables.tcp_ecn !== 0 && (syn.flags & (ECE | CWR)) === (ECE | CWR);
}

/**
 * As receiver: a mark on a segment with text is echoed until CWR comes, the
 * first echo at once. RFC 3168 §6.1.3.
 */
export function takeCongestionMarks(c: Connection, seg: Segment): void {
  if ((seg.flags & CWR) !== 0) c.owesEce = false;
  if (seg.ecn !== Ecn.Ce) return;
  c.tcp.counters.InCEPkts++;
  c.owesEce = true;
  c.ackNow = true;
  c.tcp.ready(c);
}

/** As sender: ECE reduces cwnd as a loss would, at most once in a round trip. RFC 3168 §6.1.2. */
export function takeCongestionEcho(c: Connection, seg: Segment): void {
  if (c.isCwndReduced && seqGt(c.sndUna, c.ecnRecover)) c.isCwndReduced = false;
  if ((seg.flags & ECE) === 0 || c.isCwndReduced) return;
  c.ssthresh = c.congestion.reduced(c, reducibleFlight(c));
  c.cwnd = Math.min(c.cwnd, c.ssthresh);
  noteReduction(c);
}

/** cwnd was reduced, for whatever reason: the peer hears of it with the next new data. RFC 3168 §6.1.2. */
export function noteReduction(c: Connection): void {
  if (!c.ecnOk) return;
  c.isCwndReduced = true;
  c.ecnRecover = c.sndNxt;
  c.owesCwr = true;
}

/** A segment with new text may be marked, and no other: a lost mark on one that is sent again would be no news. RFC 3168 §6.1.5. */
export function markCapable(c: Connection, seg: Segment): void {
  seg.ecn = Ecn.Ect0;
  if (c.owesCwr) seg.flags |= CWR;
}
