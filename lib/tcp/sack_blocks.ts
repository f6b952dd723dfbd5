/** What our segments report beyond a gap: runs of text, and the peer's FIN. RFC 2018 §3, §4. */

import type { Segment } from "../wire/segment.ts";
import type { Connection } from "./connection.ts";

/** How many SACK blocks a segment of `c` carries. */
export function blockCount(c: Connection): number {
  if (!c.sackOk) return 0;
  const runs = c.receiveQueue.hasGap ? c.receiveQueue.ranges!.count : 0;
  return Math.min(runs + (isLoneFin(c) ? 1 : 0), blockLimit(c));
}

/** Writes them into `seg`, the newest run first. */
export function writeBlocks(c: Connection, seg: Segment): void {
  const limit = blockLimit(c);
  const queue = c.receiveQueue;
  seg.sackCount = queue.hasGap ? queue.ranges!.blocks(seg.sackStart, seg.sackEnd, limit) : 0;
  if (c.finHeld) reportFin(c, seg, limit);
}

/** SACK blocks that fit: 40 bytes of options, 12 of them for timestamps. RFC 2018 §3. */
export function blockLimit(c: Connection): number {
  return c.tsOk ? 3 : 4;
}

/** A FIN behind a gap is received like a byte: its sender need not repeat it. */
function reportFin(c: Connection, seg: Segment, limit: number): void {
  const behind = (c.finSeq + 1) | 0;
  if (isLoneFin(c)) {
    if (seg.sackCount === limit) return;
    seg.sackStart[seg.sackCount] = c.finSeq;
    seg.sackEnd[seg.sackCount++] = behind;
    return;
  }
  for (let i = 0; i < seg.sackCount; i++) {
    if (seg.sackEnd[i] === c.finSeq) seg.sackEnd[i] = behind;
  }
}

/** Whether the peer's FIN is held, and the text before it is not there. */
function isLoneFin(c: Connection): boolean {
  if (!c.finHeld || c.finSeq === c.rcvNxt) return false;
  const { hasGap, ranges } = c.receiveQueue;
  return !hasGap || ranges!.end(ranges!.count - 1) !== c.finSeq;
}
