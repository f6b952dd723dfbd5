/**
 * The ACK step of SEGMENT ARRIVES: SND.UNA, the send window, round-trip time,
 * congestion window and loss detection. RFC 9293 §3.10.7.4 (fifth), RFC 5681,
 * RFC 6298 §5, RFC 6582, RFC 8985 §6.
 */

import { FIN, type Segment, SYN } from "../wire/segment.ts";
import { type Connection, SIGNAL } from "./connection.ts";
import { noteReduction, takeCongestionEcho } from "./ecn.ts";
import { NEW_RENO } from "./new_reno.ts";
import { backedOff, takeRttSample } from "./rtt.ts";
import type { Scoreboard } from "./scoreboard.ts";
import { arm, disarm, TIMER } from "./timers.ts";

const DUPLICATE_THRESHOLD = 3;

/** Room that must be free before a writer who found none is told: waking it for less costs more than it brings. */
const ROOM_WORTH_TELLING = 256 << 10;

/**
 * Acts on SEG.ACK and SEG.WND. Returns false when the acknowledgment is not
 * acceptable: the segment is to be dropped then, an ACK is owed. RFC 5961 §5.
 */
export function acknowledge(c: Connection, seg: Segment, now: number): boolean {
  const acked = (seg.ack - c.sndUna) | 0;
  if (((seg.ack - c.sndNxt) | 0) > 0 || acked < -c.maxSndWnd) {
    c.tcp.counters.TCPACKInvalid++;
    c.tcp.acknowledgeInvalid(c, now);
    return false;
  }
  const flight = (c.sndNxt - c.sndUna) | 0;
  const scoreboard = c.scoreboard;
  c.retries = 0;
  if (scoreboard !== null) {
    const nowUs = toMicroseconds(now);
    const wasLimited = c.isCwndLimited;
    const news = c.sackOk && seg.sackCount > 0 ? takeSackBlocks(c, scoreboard, seg, nowUs) : 0;
    if (acked > 0) advance(c, scoreboard, seg.ack, acked, wasLimited, now);
    else if (acked === 0 && flight > 0 && isDuplicate(c, seg)) duplicateArrives(c, news);
    if (c.scoreboard !== null) findLoss(c, scoreboard, nowUs, now);
  }
  if (c.ecnOk) takeCongestionEcho(c, seg, now);
  updateWindow(c, seg);
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
  c.sndWl2 = ack;
  if (acked === 0) return;
  c.sndUna = ack;
  c.recover = ack;
  c.bytesAcknowledged += acked;
  c.sendQueue.acknowledge(ack);
  tellWriter(c);
}

/** Whole microseconds of a time in milliseconds, modulo 2^32. */
export function toMicroseconds(now: number): number {
  return (now * 1000) | 0;
}

/** Loss was found: ssthresh and cwnd fall once for all that is in flight. RFC 5681 §3.2. */
export function enterRecovery(c: Connection, now: number): void {
  if (c.inRecovery) return;
  c.inRecovery = true;
  c.mustResend = true;
  c.recover = c.sndNxt;
  c.ssthresh = NEW_RENO.reduced(c, now);
  c.cwnd = c.ssthresh;
  c.cwndCredit = 0;
  noteReduction(c);
}

function advance(
  c: Connection,
  scoreboard: Scoreboard,
  ack: number,
  acked: number,
  wasLimited: boolean,
  now: number,
): void {
  const tunables = c.tcp.tunables;
  scoreboard.acknowledge(ack, toMicroseconds(now));
  if (scoreboard.rttSample >= 0) {
    takeRttSample(c, scoreboard.rttSample, tunables);
    scoreboard.minRttUs = c.minRttUs;
    c.backoff = 0;
  }
  c.sndUna = ack;
  c.duplicateAcks = 0;
  const bytesEnd = ((ack - c.sendQueue.end) | 0) > 0 ? c.sendQueue.end : ack;
  c.bytesAcknowledged += (bytesEnd - c.sendQueue.start) | 0;
  c.sendQueue.acknowledge(bytesEnd);
  if (c.inRecovery) recoveryAdvances(c, scoreboard, acked, now);
  else if (wasLimited) NEW_RENO.acknowledged(c, acked, now);
  if (ack === c.sndNxt) {
    disarm(c, TIMER.Retransmit | TIMER.Reorder);
    c.tcp.endFlight(c);
  } else {
    arm(c, TIMER.Retransmit, (now + backedOff(c.rtoMs, c.backoff, tunables)) | 0);
  }
  tellWriter(c);
}

function tellWriter(c: Connection): void {
  if (c.wantsRoom) {
    const room = c.sendQueue.limit - c.sendQueue.length;
    if (room >= ROOM_WORTH_TELLING || c.sendQueue.length === 0) {
      c.wantsRoom = false;
      c.tcp.signal(c, SIGNAL.Writable);
    }
  }
  if (!c.isDrained) return;
  c.tcp.signal(c, SIGNAL.Drained);
  if (c.resetsWhenDrained) c.abort();
}

/** An acknowledgment moved SND.UNA during recovery. RFC 6582 §3.2 step 3, RFC 5681 §3.1. */
function recoveryAdvances(c: Connection, scoreboard: Scoreboard, acked: number, now: number): void {
  if (((c.sndUna - c.recover) | 0) >= 0) {
    c.inRecovery = false;
    if (!c.inTimeoutRecovery) c.cwnd = c.ssthresh;
    c.inTimeoutRecovery = false;
    return;
  }
  if (c.inTimeoutRecovery) {
    NEW_RENO.acknowledged(c, acked, now);
  } else if (!c.sackOk) {
    // Partial: the next hole is lost too; deflate by what left the network.
    scoreboard.loseFirst(c.mss);
    c.mustResend = true;
    c.cwnd = Math.max(c.ssthresh, c.cwnd - acked + c.mss);
  }
}

/** Whether the segment says nothing but "again". RFC 5681 §2. */
function isDuplicate(c: Connection, seg: Segment): boolean {
  return seg.payloadLength === 0 && (seg.flags & (SYN | FIN)) === 0 &&
    (seg.wnd << c.sndShift) === c.sndWnd;
}

function duplicateArrives(c: Connection, sackNews: number): void {
  if (c.sackOk) {
    c.tcp.counters.TCPDupAcks += sackNews > 0 ? 1 : 0;
    return;
  }
  c.tcp.counters.TCPDupAcks++;
  c.duplicateAcks++;
  // One more segment has left the network. RFC 5681 §3.2 step 4; not beyond the flight (SEC-10).
  if (c.inRecovery && !c.inTimeoutRecovery) {
    if (c.duplicateAcks * c.mss <= ((c.sndNxt - c.sndUna) | 0)) c.cwnd += c.mss;
  }
}

function findLoss(c: Connection, scoreboard: Scoreboard, nowUs: number, now: number): void {
  if (c.sackOk) {
    const before = scoreboard.lostBytes;
    const wait = scoreboard.detectLoss(nowUs, reorderWindow(c, scoreboard));
    if (scoreboard.lostBytes > before) enterRecovery(c, now);
    if (wait > 0) arm(c, TIMER.Reorder, Math.ceil(now + wait / 1000) | 0);
    return;
  }
  const isThird = c.duplicateAcks === DUPLICATE_THRESHOLD && !c.inRecovery;
  if (!isThird || ((c.sndUna - c.recover) | 0) < 0) return;
  enterRecovery(c, now);
  c.cwnd += DUPLICATE_THRESHOLD * c.mss;
  scoreboard.loseFirst(c.mss);
  c.tcp.counters.TCPFastRetrans++;
}

/** How long a gap may be mere reordering, in µs. RFC 8985 §6.2 step 4. */
export function reorderWindow(c: Connection, scoreboard: Scoreboard): number {
  if (c.inRecovery || scoreboard.sackedBytes >= DUPLICATE_THRESHOLD * c.mss) return 0;
  return Math.min(c.minRttUs >> 2, c.srttUs);
}

/** Marks what the receiver reports. Returns how many bytes were news. RFC 2018 §5; invalid blocks are ignored (SACK-06). */
function takeSackBlocks(
  c: Connection,
  scoreboard: Scoreboard,
  seg: Segment,
  nowUs: number,
): number {
  let news = 0;
  const una = ((seg.ack - c.sndUna) | 0) > 0 ? seg.ack : c.sndUna;
  for (let i = 0; i < seg.sackCount; i++) {
    const start = seg.sackStart[i];
    const end = seg.sackEnd[i];
    const isValid = ((end - start) | 0) > 0 && ((start - una) | 0) > 0 &&
      ((c.sndNxt - end) | 0) >= 0;
    if (isValid) news += scoreboard.sack(start, end, nowUs);
  }
  return news;
}

/** SND.WND, unless an older segment arrives late. RFC 9293 §3.10.7.4; SEG-09. */
function updateWindow(c: Connection, seg: Segment): void {
  const newer = (seg.seq - c.sndWl1) | 0;
  if (newer < 0 || (newer === 0 && ((seg.ack - c.sndWl2) | 0) < 0)) return;
  const wasShut = c.sndWnd === 0;
  c.sndWnd = seg.wnd << c.sndShift;
  c.sndWl1 = seg.seq;
  c.sndWl2 = seg.ack;
  if (c.sndWnd > c.maxSndWnd) c.maxSndWnd = c.sndWnd;
  if (wasShut && c.sndWnd > 0) {
    disarm(c, TIMER.Persist);
    c.backoff = 0;
  }
}
