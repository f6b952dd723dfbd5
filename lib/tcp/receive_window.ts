/**
 * The receive window: what is promised to the peer, when a better promise is
 * worth a segment, and how the promise follows what the user takes. RFC 9293
 * §3.8.6; Linux: dynamic right-sizing.
 */

import type { Segment } from "../wire/segment.ts";
import { seqMax } from "../wire/seq.ts";
import type { Connection } from "./connection.ts";
import { elapsedMs } from "./timers.ts";

/** Where the scaled window ends: the field has 16 bits. RFC 7323 §2.3. */
const FIELD_MAX = 0xffff;

/** How many times the growth of one round trip may follow before the next is measured: slow start doubles twice. */
const GROWTH_AHEAD = 6;

/** Segments which the window has room for besides. Linux. */
const SPARE_SEGMENTS = 16;

/**
 * What the peer may still send: the buffer's rest, and never less than it was
 * promised. When memory is short the buffer is `tcp_rmem_min`.
 */
export function receiveWindow(c: Connection): number {
  const offered = (c.rcvEdge - c.rcvNxt) | 0;
  const limit = c.tcp.isUnderPressure ? c.tcp.tunables.tcp_rmem_min : c.rcvLimit;
  return Math.max(offered, Math.min(limit - c.receiveQueue.length, FIELD_MAX << c.rcvShift));
}

/** Whether the window may be opened far enough that the peer should hear of it. RFC 9293 §3.8.6.2.2. */
export function owesWindowUpdate(c: Connection): boolean {
  // Before the third ACK the peer may not even know our numbers.
  if (c.finReceived || c.handshake !== null) return false;
  const offered = (c.rcvEdge - c.rcvNxt) | 0;
  const window = receiveWindow(c);
  return window >= 2 * offered && isWorthMoving(c, window - offered);
}

/**
 * The window field, and the right edge it promises. The edge moves when that is
 * worth a segment (RFC 9293 §3.8.6.2.2) and never left; a window that stays is
 * rounded up, so that scaling does not move the edge either.
 */
export function advertise(c: Connection): number {
  const offered = (c.rcvEdge - c.rcvNxt) | 0;
  const window = receiveWindow(c);
  const moves = isWorthMoving(c, window - offered);
  const wanted = moves ? window >> c.rcvShift : (offered + (1 << c.rcvShift) - 1) >> c.rcvShift;
  const field = Math.min(wanted, FIELD_MAX);
  const edge = (c.rcvNxt + (field << c.rcvShift)) | 0;
  c.rcvEdge = seqMax(c.rcvEdge, edge);
  return field;
}

/**
 * Text arrived: once in a round trip the buffer becomes about twice what the
 * user took in the last one, and more while that grows, so that it is never what
 * holds the sender back. It only grows itself, up to `tcp_rmem_max`. Linux:
 * `tcp_moderate_rcvbuf`.
 */
export function tuneReceiveWindow(c: Connection, seg: Segment, now: number): void {
  const elapsed = elapsedMs(c.rcvRoundAt, now);
  if (elapsed < c.rcvRoundMs) return;
  const { tunables, isUnderPressure } = c.tcp;
  const taken = (c.receiveQueue.start - c.rcvRoundStart) | 0;
  // The text that ends a round may come late.
  const delivered = Math.floor(taken * c.rcvRoundMs / elapsed);
  const growth = delivered - c.rcvDelivered;
  if (growth > 0 && tunables.tcp_moderate_rcvbuf !== 0 && !isUnderPressure) {
    const wanted = 2 * delivered + GROWTH_AHEAD * growth + SPARE_SEGMENTS * c.rcvMss;
    c.rcvLimit = Math.max(c.rcvLimit, Math.min(wanted, tunables.tcp_rmem_max));
    c.rcvDelivered = delivered;
  }
  c.rcvRoundAt = now | 0;
  c.rcvRoundMs = roundTripMs(c, seg, now);
  c.rcvRoundStart = c.receiveQueue.start;
}

/** The round-trip time as far as it is known, at least 1 ms: who only receives has that of the handshake, or what is echoed. */
function roundTripMs(c: Connection, seg: Segment, now: number): number {
  const { tcp } = c;
  if (c.srttUs > 0) return Math.max(1, Math.round(c.srttUs / 1000));
  if (!c.tsOk) return 1;
  const echoed = (tcp.timestamp(c.tsOffset, now) - seg.tsEcr) | 0;
  return Math.min(Math.max(1, echoed), tcp.tunables.tcp_rto_init);
}

/** Silly windows are not promised. RFC 9293 §3.8.6.2.2. */
function isWorthMoving(c: Connection, by: number): boolean {
  return by >= Math.min(c.rcvMss, c.rcvLimit >> 1);
}
