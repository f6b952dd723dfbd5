/**
 * RACK: loss is what was sent a while before something that was delivered, and
 * how long a while is the path teaches. RFC 8985 §6.
 *
 * The times are in the scoreboard; here is when to look, and the reordering window.
 */

import { seqLeq, seqLt } from "../wire/seq.ts";
import type { Connection } from "./connection.ts";
import { Phase } from "./phase.ts";
import { Recovery } from "./recovery.ts";
import type { Scoreboard } from "./scoreboard.ts";

/** DupThresh: this many segments delivered beyond a gap make reordering unlikely. RFC 5681 §3.2. */
export const DUPLICATE_THRESHOLD = 3;

/** For how many recoveries a wider reordering window is kept. RFC 8985 §6.2 step 4. */
const WINDOW_PERSISTS = 16;
const GREATEST_FACTOR = 255;

/** Whether acknowledgments with SACK are judged by time; else by count, RFC 6675. Linux: `tcp_recovery`. */
export function usesRack(c: Connection): boolean {
  return c.sackOk && c.tcp.tunables.tcp_recovery !== 0;
}

/**
 * Takes for lost what the acknowledgment shows to be. Returns after how many µs
 * to look again, 0: not by itself.
 */
export function detectLoss(c: Connection, scoreboard: Scoreboard, nowUs: number): number {
  if (usesRack(c)) return scoreboard.detectLoss(nowUs, reorderWindow(c, scoreboard));
  if (c.sackOk) scoreboard.detectLossBySacks(DUPLICATE_THRESHOLD, c.mss);
  return 0;
}

/** How long a gap may be mere reordering, in µs. RFC 8985 §6.2 step 4. */
export function reorderWindow(c: Connection, scoreboard: Scoreboard): number {
  const recovery = c.recovery;
  if (recovery === null || !recovery.isReordering) {
    const isLoss = c.phase !== Phase.Open || scoreboard.sackedSegments >= DUPLICATE_THRESHOLD;
    if (isLoss) return 0;
  }
  const factor = recovery === null ? 1 : recovery.windowFactor;
  return Math.min((c.minRttUs >> 2) * factor, c.srttUs);
}

/** Something was delivered that had been overtaken. RFC 8985 §6.2 step 3. */
export function noteReordering(c: Connection): void {
  (c.recovery ??= new Recovery()).isReordering = true;
  c.tcp.counters.TCPSACKReorder++;
}

/**
 * The peer had bytes up to `end` twice, and not because of a probe. If fast
 * recovery sent them again, that was in vain: the window was too short, once a
 * round trip. RFC 8985 §6.2 step 4.
 *
 * Deviates from RFC 8985 §6.2: not every DSACK counts. What a timer sent again
 * tells nothing of order, for the acknowledgment may have been lost; Linux leaves
 * out probes for that. But a fast retransmission in vain shows by itself that the
 * path reorders: without timestamps nothing else may.
 */
export function widenReorderWindow(c: Connection, end: number): void {
  const recovery = c.recovery;
  if (recovery === null || !recovery.isFast || seqLeq(end, recovery.undoFrom)) return;
  if (recovery.hasRound && seqLt(c.sndUna, recovery.roundEnd)) return;
  recovery.isReordering = true;
  recovery.hasRound = true;
  recovery.roundEnd = c.sndNxt;
  recovery.windowFactor = Math.min(recovery.windowFactor + 1, GREATEST_FACTOR);
  recovery.windowPersists = WINDOW_PERSISTS;
}
