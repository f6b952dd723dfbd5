/**
 * Loss recovery: how a connection enters and leaves it, how much it may send
 * meanwhile (PRR, RFC 9937), and how it takes back what was a mistake (RFC 3522,
 * RFC 3708, RFC 4015, RFC 5682).
 */

import type { Segment } from "../wire/segment.ts";
import { seqGeq, seqGt, seqLeq } from "../wire/seq.ts";
import { pipe, reducibleFlight, usableWindow } from "./congestion.ts";
import type { Connection } from "./connection.ts";
import { noteReduction } from "./ecn.ts";
import { Phase } from "./phase.ts";
import type { Scoreboard } from "./scoreboard.ts";

/** What only a connection that has met loss must remember. */
export class Recovery {
  /** Bytes delivered and sent since the reduction began. RFC 9937 §6. */
  prrDelivered = 0;
  prrOut = 0;
  /** RecoverFS. */
  priorFlight = 0;

  /** Whether the reduction may still be taken back, and SND.UNA when it was made. */
  mayUndo = false;
  undoFrom = 0;
  /** Bytes sent again since, less those the peer had already; -1: none was sent again. */
  undoBytes = -1;
  /** TSval of the first retransmission since; only if `undoBytes` is not -1. RFC 3522 §3.2. */
  resentStamp = 0;
  priorCwnd = 0;
  priorSsthresh = 0;
  /** Whether it was fast recovery that sent something again last, and not a timeout. */
  isFast = false;

  /** Whether the last segment was sent again in this recovery, for want of anything else. RFC 6675 §4 (RescueRxt). */
  hasRescued = false;

  /** Whether it is still open if the timeout was spurious: F-RTO. RFC 5682 §2.1. */
  isTesting = false;
  /** New data has the next turn, before what is lost. RFC 5682 §2.1 step 2b. */
  sendsNew = false;

  /** RACK.reordering_seen: the path delivers out of order. RFC 8985 §6.2 step 3. */
  isReordering = false;
  /** RACK.reo_wnd_mult and RACK.reo_wnd_persist. RFC 8985 §6.2 step 4. */
  windowFactor = 1;
  windowPersists = 0;
  /** RACK.dsack_round: DSACKs before it is acknowledged count once. */
  hasRound = false;
  roundEnd = 0;

  /** `length` bytes were sent again, in a segment with TSval `stamp`. */
  resent(length: number, stamp: number): void {
    if (this.undoBytes < 0) {
      this.undoBytes = 0;
      this.resentStamp = stamp;
    }
    this.undoBytes += length;
  }

  /** The peer had `[start, end)` twice. RFC 3708 §2. */
  reportedTwice(start: number, end: number): void {
    if (this.undoBytes <= 0 || seqLeq(end, this.undoFrom)) return;
    this.undoBytes = Math.max(0, this.undoBytes - ((end - start) | 0));
  }
}

/**
 * Acknowledgments told of a loss: fast recovery begins. `acked`: by how much the
 * last of them moved SND.UNA. RFC 6675 §5 (4), RFC 9937 §6.
 */
export function enterRecovery(c: Connection, acked: number): void {
  const recovery = c.recovery ??= new Recovery();
  reduce(c, recovery);
  c.phase = Phase.Recovery;
  // What came in one batch with the news, and before it, is not answered yet.
  const flight = ((c.sndNxt - c.sndUna) | 0) + acked;
  recovery.prrDelivered = Math.max(0, recovery.priorFlight - flight);
  recovery.prrOut = 0;
  recovery.hasRescued = false;
  recovery.isFast = true;
  if (c.sackOk) c.tcp.counters.TCPSackRecovery++;
  else c.tcp.counters.TCPRenoRecovery++;
}

/**
 * The retransmission timer expired: everything in flight counts as lost, slow
 * start begins anew. RFC 5681 §3.1, RFC 6298 §5.4; Linux: tcp_enter_loss.
 */
export function enterLoss(c: Connection, scoreboard: Scoreboard, now: number): void {
  const recovery = c.recovery ??= new Recovery();
  const isOver = seqGeq(c.sndUna, c.recover);
  const isFirst = c.phase === Phase.Loss && c.retries === 0;
  recovery.isTesting = c.tcp.tunables.tcp_frto !== 0 && (c.phase === Phase.Open || c.retries > 0);
  recovery.sendsNew = false;
  recovery.isFast = false;
  // ssthresh falls on the first timeout of a segment only. RFC 5681 §3.1.
  if (c.phase === Phase.Open || isOver || isFirst) reduce(c, recovery);
  c.phase = Phase.Loss;
  c.recover = c.sndNxt;
  c.duplicateAcks = 0;
  c.hasProbed = false;
  scoreboard.loseAll();
  tellLosses(c, scoreboard, now); // the model judges by the cwnd that there was
  c.cwnd = c.mss;
}

/** A path model hears of what was found lost since it was told last, unless that was too large for the path. */
export function tellLosses(c: Connection, scoreboard: Scoreboard, now: number): void {
  if (c.model === null || scoreboard.newlyLostBytes === 0) return;
  if (scoreboard.hasLost(c.mss)) c.model.lossesFound(c, scoreboard, now);
  scoreboard.forgetLosses();
}

/** ssthresh falls; what was is kept in case that it was a mistake. RFC 4015 §3. */
function reduce(c: Connection, recovery: Recovery): void {
  recovery.mayUndo = true;
  recovery.undoFrom = c.sndUna;
  recovery.undoBytes = -1;
  recovery.priorCwnd = c.cwnd;
  recovery.priorSsthresh = c.ssthresh;
  // Deviates from RFC 9937 §6.2: what was SACKed before counts too, as in Linux,
  // and so PRR's ratio is that of the reduction.
  recovery.priorFlight = Math.max(c.mss, reducibleFlight(c));
  c.ssthresh = c.congestion.reduced(c, recovery.priorFlight);
  c.recover = c.sndNxt;
  c.roundTrips = null;
  c.hasProbed = false;
  noteReduction(c);
}

/**
 * An acknowledgment moved SND.UNA by `acked`, or told more about what is in
 * flight: goes on with the phase, or leaves it. `isDsack`: it reported bytes
 * that the peer had twice; `isDuplicate`: it is one, or brought SACK news.
 * Linux: tcp_fastretrans_alert.
 */
export function goOn(
  c: Connection,
  scoreboard: Scoreboard | null,
  seg: Segment,
  acked: number,
  isDsack: boolean,
  isDuplicate: boolean,
): void {
  const recovery = c.recovery;
  if (recovery === null) return;
  const isOver = seqGeq(c.sndUna, c.recover);
  if (c.phase === Phase.Loss) {
    return goOnAfterTimeout(c, recovery, scoreboard, seg, acked, isDuplicate);
  }
  if (c.phase === Phase.Open) {
    if (isDsack && recovery.mayUndo && recovery.undoBytes === 0) {
      c.tcp.counters.TCPDSACKUndo++;
      undo(c, recovery);
    }
    return;
  }
  if (isOver) return leaveRecovery(c, recovery, seg);
  if (acked > 0 && recovery.mayUndo && wasDelayed(c, recovery, seg)) {
    // The hole was reordered; another may be lost still. Linux: tcp_try_undo_partial.
    recovery.isReordering = true;
    if (scoreboard === null || scoreboard.hasResent) return;
    c.tcp.counters.TCPPartialUndo++;
    takeBack(c, recovery, scoreboard);
  } else if (isDsack && recovery.mayUndo && recovery.undoBytes === 0) {
    c.tcp.counters.TCPDSACKUndo++;
    takeBack(c, recovery, scoreboard);
  }
}

/** Fast recovery is over: all that was in flight when it began is acknowledged. RFC 6675 §5 (A). */
function leaveRecovery(c: Connection, recovery: Recovery, seg: Segment): void {
  c.phase = Phase.Open;
  if (isMistake(c, recovery, seg)) {
    c.tcp.counters.TCPFullUndo++;
    return undo(c, recovery);
  }
  if (c.model !== null) c.model.recovered(c);
  else c.cwnd = c.ssthresh;
  if (recovery.windowPersists > 0 && --recovery.windowPersists === 0) recovery.windowFactor = 1;
}

/** F-RTO, and slow start until all that was in flight at the timeout is acknowledged. RFC 5682 §2.1, §3.1. */
function goOnAfterTimeout(
  c: Connection,
  recovery: Recovery,
  scoreboard: Scoreboard | null,
  seg: Segment,
  acked: number,
  isDuplicate: boolean,
): void {
  if (acked > 0 && isMistake(c, recovery, seg)) {
    c.tcp.counters.TCPLossUndo++;
    return takeBack(c, recovery, scoreboard);
  }
  const isOver = seqGeq(c.sndUna, c.recover);
  if (recovery.isTesting && scoreboard !== null) {
    const hasSentNew = seqGt(c.sndNxt, c.recover);
    // Step 3b: what was not sent again has arrived, and without SACK not before the timeout.
    if (scoreboard.sawOriginal && (c.sackOk || hasSentNew)) {
      c.tcp.counters.TCPLossUndo++;
      c.tcp.counters.TCPSpuriousRTOs++;
      return takeBack(c, recovery, scoreboard);
    }
    if (hasSentNew) {
      if (isDuplicate) recovery.isTesting = false; // step 3a: the loss was real
    } else if (acked > 0 && !isOver) {
      recovery.isTesting = canSendNew(c);
      recovery.sendsNew = recovery.isTesting; // step 2b
    }
  }
  if (!isOver) return;
  c.phase = Phase.Open;
  c.model?.recovered(c);
}

function canSendNew(c: Connection): boolean {
  const hasMore = seqGt(c.endOfStream, c.sndNxt);
  return hasMore && usableWindow(c) > 0;
}

/** Whether the peer proves that nothing of what was sent again was lost. RFC 3522 §3.2, RFC 3708 §3. */
function isMistake(c: Connection, recovery: Recovery, seg: Segment): boolean {
  return recovery.mayUndo && (recovery.undoBytes === 0 || wasDelayed(c, recovery, seg));
}

/** Whether the acknowledgment answers what was sent before the first retransmission. RFC 3522 §3.2 (Eifel). */
function wasDelayed(c: Connection, recovery: Recovery, seg: Segment): boolean {
  return c.tsOk && recovery.undoBytes >= 0 && ((seg.tsEcr - recovery.resentStamp) | 0) < 0;
}

/** Nothing was lost: recovery ends in the middle. */
function takeBack(c: Connection, recovery: Recovery, scoreboard: Scoreboard | null): void {
  if (scoreboard !== null) scoreboard.findAll();
  recovery.isTesting = false;
  recovery.sendsNew = false;
  c.phase = Phase.Open;
  undo(c, recovery);
}

/** cwnd and ssthresh are what they were before the reduction. RFC 4015 §3.2; Linux: tcp_undo_cwnd_reduction. */
function undo(c: Connection, recovery: Recovery): void {
  recovery.mayUndo = false;
  c.cwnd = Math.max(c.cwnd, recovery.priorCwnd);
  c.ssthresh = Math.max(c.ssthresh, recovery.priorSsthresh);
  c.owesCwr = false;
  c.congestion.restored(c);
}

/**
 * How much may be sent in fast recovery: as much as is delivered, times the
 * reduction; below ssthresh as much as is delivered, and one segment more when
 * that is safe. `isSafe`: SND.UNA moved and no further loss was found. RFC 9937 §6.
 */
export function reduceProportionally(c: Connection, delivered: number, isSafe: boolean): void {
  const recovery = c.recovery!;
  recovery.prrDelivered += delivered;
  const inFlight = pipe(c);
  let room: number;
  if (inFlight > c.ssthresh) {
    const share = Math.ceil(recovery.prrDelivered * c.ssthresh / recovery.priorFlight);
    room = share - recovery.prrOut;
  } else {
    room = Math.max(recovery.prrDelivered - recovery.prrOut, delivered) + (isSafe ? c.mss : 0);
    room = Math.min(room, c.ssthresh - inFlight);
  }
  // The first retransmission leaves in any case.
  c.cwnd = inFlight + Math.max(room, recovery.prrOut > 0 ? 0 : c.mss);
}
