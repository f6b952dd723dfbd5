/**
 * DSACK, the receiver's side: an acknowledgment tells that text came twice, so
 * that the sender learns that it need not have sent it. RFC 2883.
 *
 * What is to be reported lies in `Connection.dsackStart` and `dsackEnd`; there
 * is nothing while they are equal.
 */

import type { Segment } from "../wire/segment.ts";
import { seqGeq, seqLt, seqMax, seqMin } from "../wire/seq.ts";
import type { Connection } from "./connection.ts";

/** Looks whether text of an arriving segment is here already, before it is taken. RFC 2883 §4. */
export function noteDuplicate(c: Connection, seg: Segment): void {
  const queue = c.receiveQueue;
  if (seg.seq === queue.next && !queue.hasGap) return;
  const { counters, tunables } = c.tcp;
  if (!c.sackOk || tunables.tcp_dsack === 0 || seg.payloadLength === 0) return;
  const end = (seg.seq + seg.payloadLength) | 0;
  if (seqLt(seg.seq, queue.next)) {
    counters.TCPDSACKOldSent++;
    return report(c, seg.seq, seqMin(end, queue.next));
  }
  if (!queue.hasGap) return;
  // Of several runs the first is reported. RFC 2883 §4 (2).
  const ranges = queue.ranges!;
  const index = ranges.firstEndingAfter(seg.seq);
  if (index === ranges.count || seqGeq(ranges.start(index), end)) return;
  counters.TCPDSACKOfoSent++;
  report(c, seqMax(ranges.start(index), seg.seq), seqMin(end, ranges.end(index)));
}

/** Whether there is a report to send. */
export function hasDuplicateReport(c: Connection): boolean {
  return c.dsackStart !== c.dsackEnd;
}

/** Puts the report in front of the blocks of `seg`, at most `limit` (≤ 4) of them. RFC 2883 §4 (1). */
export function addDuplicateReport(c: Connection, seg: Segment, limit: number): void {
  seg.sackStart.copyWithin(1, 0, 3);
  seg.sackEnd.copyWithin(1, 0, 3);
  seg.sackStart[0] = c.dsackStart;
  seg.sackEnd[0] = c.dsackEnd;
  seg.sackCount = Math.min(seg.sackCount + 1, limit);
}

/** An acknowledgment has room for one report. */
function report(c: Connection, start: number, end: number): void {
  c.dsackStart = start;
  c.dsackEnd = end;
  c.tcp.mustPoll = true;
}
