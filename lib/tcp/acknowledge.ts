/**
 * The ACK step of SEGMENT ARRIVES: SND.UNA, the send window, round-trip time,
 * loss detection, cwnd and the transmission timer. RFC 9293 §3.10.7.4 (fifth),
 * RFC 5681, RFC 6298 §5, RFC 6582, RFC 8985.
 */

import { FIN, type Segment, SYN } from "../wire/segment.ts";
import { seqGeq, seqGt, seqLeq, seqLt, seqMax, seqMin } from "../wire/seq.ts";
import { isWindowUsed } from "./congestion.ts";
import { type Connection, SIGNAL } from "./connection.ts";
import { takeCongestionEcho } from "./ecn.ts";
import { sendLimit } from "./memory.ts";
import { Phase } from "./phase.ts";
import { followProbe } from "./plpmtud.ts";
import { detectLoss, DUPLICATE_THRESHOLD, noteReordering, widenReorderWindow } from "./rack.ts";
import { enterRecovery, goOn, reduceProportionally, tellLosses } from "./recovery.ts";
import { leastEchoAge, sampleOfTimestamps, takeRttSample } from "./rtt.ts";
import type { Scoreboard } from "./scoreboard.ts";
import { concludeProbe, isProbeReportedTwice } from "./tail_probe.ts";
import { disarm, TIMER, toMicroseconds } from "./timers.ts";
import { endTransmission, setTransmissionTimer } from "./transmission_timer.ts";

/**
 * Room that must be free before a writer who found none is told, or else a
 * quarter of all: waking it for less costs more than it brings, later it might
 * come too late to keep the flight filled.
 */
const ROOM_WORTH_TELLING = 256 << 10;

/**
 * Acts on SEG.ACK and SEG.WND. Returns false when the acknowledgment is not
 * acceptable: the segment is to be dropped then, an ACK is owed. RFC 5961 §5.
 */
export function acknowledge(c: Connection, seg: Segment, now: number): boolean {
  const acked = (seg.ack - c.sndUna) | 0;
  if (seqGt(seg.ack, c.sndNxt) || acked < -c.maxSndWnd) {
    c.tcp.counters.TCPACKInvalid++;
    c.tcp.acknowledgeInvalid(c, now);
    return false;
  }
  if (acked > 0 || c.sndUna === c.sndNxt) c.retries = 0;
  if (c.scoreboard !== null) flightAcknowledged(c, c.scoreboard, seg, acked, now);
  else if (c.recovery !== null || c.hasProbed) lateNewsArrives(c, seg);
  if (c.ecnOk) takeCongestionEcho(c, seg);
  const wasShut = c.sndWnd === 0;
  updateWindow(c, seg, acked);
  const isProgress = acked > 0 || (wasShut && c.sndWnd > 0);
  if (isProgress && c.userTimeoutMs !== 0) c.progressAt = now | 0;
  if (c.sndUna !== c.endOfStream) c.tcp.ready(c);
  return true;
}

/**
 * `ack` acknowledges our SYN, and maybe bytes that it carried. The others were
 * not lost, but refused: they are new again, and cwnd stays. RFC 7413 §4.2.2.
 */
export function synAcknowledged(c: Connection, ack: number): void {
  const acked = (ack - c.sndUna) | 0;
  c.sndNxt = ack;
  if (acked === 0) return;
  c.sndUna = ack;
  c.recover = ack;
  c.bytesAcknowledged += acked;
  c.sendQueue.acknowledge(ack);
  tellWriter(c);
}

/** An acknowledgment while bytes are in flight. What it says is gathered first, then acted upon. */
function flightAcknowledged(
  c: Connection,
  scoreboard: Scoreboard,
  seg: Segment,
  acked: number,
  now: number,
): void {
  const nowUs = toMicroseconds(now);
  const isUsed = isWindowUsed(c);
  const isAfterTimeout = c.phase === Phase.Loss;
  scoreboard.beginAcknowledgment();
  const isDsack = c.sackOk && seg.sackCount > 0 && takeSackBlocks(c, scoreboard, seg, nowUs);
  let isDuplicate = scoreboard.deliveredBytes > 0;
  if (acked > 0) advance(c, scoreboard, seg, acked, now);
  else if (acked === 0 && isRepeated(c, seg)) isDuplicate = duplicateArrives(c, scoreboard);
  if (scoreboard.sawReordering) noteReordering(c);
  if (scoreboard.rttSample >= 0) takeSample(c, scoreboard, now);
  if (c.model !== null && scoreboard.deliveredBytes > 0) c.model.measured(c, scoreboard, now);
  if (c.hasProbed) concludeProbe(c, seg, acked, isDsack);
  goOn(c, scoreboard, seg, acked, isDsack, isDuplicate);

  const lostBefore = scoreboard.lostBytes;
  const wait = detectLoss(c, scoreboard, nowUs);
  if (!c.sackOk) findNextHole(c, scoreboard, acked);
  if (c.mtuSearch !== null) followProbe(c, c.mtuSearch, scoreboard, now);
  tellLosses(c, scoreboard, now);
  if (c.phase === Phase.Open && scoreboard.lostBytes > 0 && scoreboard.hasLost(c.mss)) {
    enterRecovery(c, Math.max(0, acked));
  }
  const delivered = scoreboard.deliveredBytes;
  if (c.model !== null) {
    if (delivered > 0) c.model.acknowledged(c, scoreboard, now);
  } else if (c.phase === Phase.Recovery) {
    if (delivered > 0 || isDsack) {
      reduceProportionally(c, delivered, acked > 0 && scoreboard.lostBytes <= lostBefore);
    }
  } else if (isUsed && delivered > 0 && (acked > 0 || c.recovery?.isReordering === true)) {
    // What arrived before the timeout is no reason to send more now: L is 1. RFC 3465 §2.3.
    const counted = isAfterTimeout ? Math.min(delivered, c.mss) : delivered;
    c.congestion.acknowledged(c, counted, scoreboard.rttSample, now);
  }
  if (c.sndUna === c.sndNxt) endTransmission(c, now);
  else setTransmissionTimer(c, wait, acked > 0, now);
}

/** SND.UNA moves. */
function advance(
  c: Connection,
  scoreboard: Scoreboard,
  seg: Segment,
  acked: number,
  now: number,
): void {
  scoreboard.acknowledge(seg.ack, toMicroseconds(now), leastEchoAge(c, seg, now));
  if (!c.sackOk) scoreboard.takeCredit(acked, c.mss);
  // Which of a segment's transmissions it answers only a timestamp can tell. RFC 7323 §4.1.
  if (scoreboard.rttSample < 0 && c.tsOk) scoreboard.rttSample = sampleOfTimestamps(c, seg, now);
  c.sndUna = seg.ack;
  // Numbers wrap: a recovery of long ago must not seem to lie ahead.
  if (c.phase === Phase.Open) c.recover = seqMax(c.recover, seg.ack);
  c.duplicateAcks = 0;
  if (c.isSendingUrgent && seqGeq(seg.ack, c.sndUp)) c.isSendingUrgent = false;
  const bytesEnd = seqMin(seg.ack, c.sendQueue.end);
  c.bytesAcknowledged += (bytesEnd - c.sendQueue.start) | 0;
  c.sendQueue.acknowledge(bytesEnd);
  tellWriter(c);
}

function tellWriter(c: Connection): void {
  if (c.wantsRoom) {
    const limit = sendLimit(c);
    const room = limit - c.sendQueue.length;
    if (room >= Math.min(ROOM_WORTH_TELLING, limit >> 2)) {
      c.wantsRoom = false;
      c.tcp.signal(c, SIGNAL.Writable);
    }
  }
  if (!c.isDrained) return;
  disarm(c, TIMER.ZeroWindow);
  c.tcp.signal(c, SIGNAL.Drained);
  if (c.resetsWhenDrained) c.abort();
}

/** A round trip was measured: the backoff ends. RFC 6298 §5.7. */
function takeSample(c: Connection, scoreboard: Scoreboard, now: number): void {
  takeRttSample(c, scoreboard.rttSample, c.tcp.tunables, now);
  scoreboard.minRttUs = c.minRttUs;
  c.backoff = 0;
}

/** Whether the segment says nothing but "again". RFC 5681 §2. */
function isRepeated(c: Connection, seg: Segment): boolean {
  return seg.payloadLength === 0 && (seg.flags & (SYN | FIN)) === 0 &&
    (seg.wnd << c.sndShift) === c.sndWnd;
}

/** Returns whether the duplicate counts: with SACK only what it reports does. RFC 6675 §2, RFC 5681 §3.2. */
function duplicateArrives(c: Connection, scoreboard: Scoreboard): boolean {
  const hasNews = scoreboard.deliveredBytes > 0;
  if (c.sackOk && !hasNews) return false;
  c.tcp.counters.TCPDupAcks++;
  if (c.sackOk) return true;
  c.duplicateAcks++;
  // After a timeout only what was sent new since then can be what arrived. RFC 5682 §2.1 (3a).
  const isCredit = c.phase !== Phase.Loss || seqGt(c.sndNxt, c.recover);
  if (isCredit) scoreboard.creditDuplicate(c.mss);
  return true;
}

/** Without SACK: the third duplicate tells of a hole, and a partial acknowledgment of the next. RFC 6582 §3.2. */
function findNextHole(c: Connection, scoreboard: Scoreboard, acked: number): void {
  if (c.phase === Phase.Recovery) {
    if (acked > 0) scoreboard.loseFirst(c.mss);
    return;
  }
  const isThird = c.duplicateAcks === DUPLICATE_THRESHOLD && c.phase === Phase.Open;
  if (!isThird || seqLt(c.sndUna, c.recover)) return;
  const search = c.mtuSearch;
  if (search !== null && search.isInFlight && search.probeStart === c.sndUna) {
    return scoreboard.loseFirst((search.probeEnd - search.probeStart) | 0); // no congestion
  }
  c.tcp.counters.TCPFastRetrans++;
  enterRecovery(c, 0);
  scoreboard.loseFirst(c.mss);
}

/**
 * Marks what the receiver reports; invalid blocks are ignored (SACK-06). Returns
 * whether the first block told of bytes that had arrived before. RFC 2018 §5,
 * RFC 2883 §5.
 */
function takeSackBlocks(
  c: Connection,
  scoreboard: Scoreboard,
  seg: Segment,
  nowUs: number,
): boolean {
  const una = seqMax(seg.ack, c.sndUna);
  const isDsack = takeDuplicateReport(c, seg);
  for (let i = isDsack ? 1 : 0; i < seg.sackCount; i++) {
    const start = seg.sackStart[i];
    const end = seg.sackEnd[i];
    const isValid = seqGt(end, start) && seqGt(start, una) &&
      seqGeq(c.sndNxt, end);
    if (isValid) scoreboard.sack(start, end, nowUs);
  }
  return isDsack;
}

/** Whether the first block is a DSACK: below SEG.ACK, or within the second. RFC 2883 §4. */
function takeDuplicateReport(c: Connection, seg: Segment): boolean {
  const start = seg.sackStart[0];
  const end = seg.sackEnd[0];
  const isBelow = seqGeq(seg.ack, end) && ((c.sndUna - start) | 0) <= c.maxSndWnd;
  const isInside = seg.sackCount > 1 && seqGeq(c.sndNxt, end) &&
    seqGeq(start, seg.sackStart[1]) && seqGeq(seg.sackEnd[1], end);
  if (seqLeq(end, start) || !(isBelow || isInside)) return false;
  c.tcp.counters.TCPDSACKRecv++;
  c.recovery?.reportedTwice(start, end);
  if (!isProbeReportedTwice(c, end)) widenReorderWindow(c, end);
  return true;
}

/** Nothing is in flight any more, but how what was got there may still come out. RFC 3708, RFC 8985 §7.4. */
function lateNewsArrives(c: Connection, seg: Segment): void {
  const isDsack = c.sackOk && seg.sackCount > 0 && takeDuplicateReport(c, seg);
  if (c.hasProbed) concludeProbe(c, seg, 0, isDsack);
  goOn(c, null, seg, 0, isDsack, false);
}

/**
 * SND.WND, unless an older segment arrives late: one with a lower SEG.SEQ, or one
 * that acknowledges less than was acknowledged. RFC 9293 §3.10.7.4; SEG-09.
 * SND.WL2 is not kept: no window was taken from an acknowledgment beyond SND.UNA.
 *
 * Deviates from RFC 9293 §3.10.7.4, as Linux does: what moved SND.UNA names the
 * window whatever its sequence number. A segment that fills a gap is older than
 * those behind the gap; the window they named, counted from the new SND.UNA,
 * would reach beyond what the peer ever offered.
 */
function updateWindow(c: Connection, seg: Segment, acked: number): void {
  if (acked < 0 || (acked === 0 && seqLt(seg.seq, c.sndWl1))) return;
  const wasShut = c.sndWnd === 0;
  c.sndWnd = seg.wnd << c.sndShift;
  c.sndWl1 = seg.seq;
  c.maxSndWnd = Math.max(c.maxSndWnd, c.sndWnd);
  if (wasShut && c.sndWnd > 0) {
    disarm(c, TIMER.Persist | TIMER.ZeroWindow);
    c.backoff = 0;
  }
}
