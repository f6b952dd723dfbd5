/**
 * SEGMENT ARRIVES in a synchronized state, one function for each step of
 * RFC 9293 §3.10.7.4.
 *
 * Nothing is sent from here: what is owed is flagged on the connection and sent
 * by `Tcp.poll`, once for all segments of a batch.
 */

import { type Segment, URG } from "../wire/segment.ts";
import { seqGt, seqMax } from "../wire/seq.ts";
import { acknowledge } from "./acknowledge.ts";
import { type Connection, SIGNAL } from "./connection.ts";
import { noteDuplicate } from "./duplicate_report.ts";
import { takeCongestionMarks } from "./ecn.ts";
import { suspectBlackHole } from "./fast_open_client.ts";
import { limitOrphan } from "./output.ts";
import { tuneReceiveWindow } from "./receive_window.ts";
import { replyReset } from "./reset.ts";
import { canReceive, State } from "./state.ts";
import { arm, elapsedMs, TIMER } from "./timers.ts";
import { takeUserTimeout } from "./user_timeout.ts";

/**
 * From this size on a segment is offered to the sink where it lies; a smaller
 * one is copied, and leaves together with its neighbours in one system call.
 */
const OFFER_MIN = 8192;

/** A TS.Recent older than this says nothing. RFC 7323 §5.5. Milliseconds. */
const PAWS_STALE_MS = 24 * 24 * 3600 * 1000;

/** Full segments in order that one acknowledgment answers at most, while quick ones last. */
const QUICK_BATCH = 4;

/** SEGMENT ARRIVES in a synchronized state, RFC 9293 §3.10.7.4. */
export function segmentArrives(c: Connection, seg: Segment, now: number): void {
  if (c.tsOk && isOld(c, seg, now)) return; // RFC 7323 §5.3; not RST
  if (!isAcceptable(c, seg)) return refuse(c, seg, now); // first
  if (seg.payloadLength > 0 && elapsedMs(c.lastReceivedAt, now) > c.rtoMs) speakAgain(c);
  hear(c, now);
  c.receivedDscp = seg.dscp;
  c.isOffloaded = c.tcp.offload && seg.isOffloaded;
  if (seg.hasRst) return resetArrives(c, seg, now); // second; RFC 5961 §3
  if (seg.hasSyn) return c.tcp.challenge(c, now); // fourth; RFC 5961 §4
  if (!seg.hasAck) return dropWithoutAck(c); // fifth
  if (!acknowledge(c, seg, now)) return;
  if (c.tsOk) noteTimestamp(c, seg, now);
  if (seg.userTimeout !== 0) takeUserTimeout(c, seg.userTimeout, now);
  if (c.sndUna === c.endOfStream && c.finQueued && finAcknowledged(c, now)) return;
  if ((seg.flags & URG) !== 0) takeUrgent(c, seg); // sixth
  if (seg.payloadLength > 0) takeText(c, seg, now); // seventh
  if (seg.hasFin) finArrives(c, seg, now); // eighth
  else if (c.finHeld) takeFin(c, now);
}

/** Text after a pause: its sender's cwnd is small again, it waits for each ACK. ACK-04. */
function speakAgain(c: Connection): void {
  c.quickAcks = c.tcp.tunables.px_quick_acks;
  c.isInteractive = false;
}

/** Sixth to eighth for text and FIN of a SYN-ACK; `seg.seq` is that of the text. RFC 9293 §3.10.7.3. */
export function textOfSynArrives(c: Connection, seg: Segment, now: number): void {
  if (seg.payloadLength > 0) takeText(c, seg, now);
  if (seg.hasFin) finArrives(c, seg, now);
}

/**
 * PAWS, RFC 7323 §5.3 R1, and the rule that timestamps, once agreed, are in
 * every segment (§3.2). A segment found old is answered or dropped here.
 */
function isOld(c: Connection, seg: Segment, now: number): boolean {
  if (seg.hasRst) return false;
  if (!seg.hasTimestamps) {
    if (seg.hasSyn) return false;
    c.tcp.counters.TCPNoTimestamp++;
    return true;
  }
  if (((seg.tsVal - c.tsRecent) | 0) < 0 && elapsedMs(c.tsRecentAt, now) < PAWS_STALE_MS) {
    c.tcp.counters.PAWSEstabRejected++;
    if (seg.len > 0) owe(c);
    else c.tcp.acknowledgeInvalid(c, now);
    return true;
  }
  return false;
}

/**
 * TS.Recent moves, RFC 7323 §5.3 R3. Only once SEG.ACK was found acceptable: a
 * forged timestamp would make everything that follows look old. Linux.
 */
function noteTimestamp(c: Connection, seg: Segment, now: number): void {
  if (seqGt(seg.seq, c.lastAckSent)) return;
  c.tsRecent = seg.tsVal;
  c.tsRecentAt = now | 0;
}

/** First: the four cases of RFC 9293 §3.10.7.4 table 6. A shut window still lets ACKs pass (§3.4 MUST-66). */
function isAcceptable(c: Connection, seg: Segment): boolean {
  const window = (c.rcvEdge - c.rcvNxt) | 0;
  const start = (seg.seq - c.rcvNxt) | 0;
  if (start === 0) return true;
  if (start > 0) return start < window;
  return ((start + seg.len) | 0) > 0 && window > 0;
}

/** The peer is there: the idle time begins anew, and no probe is unanswered. */
function hear(c: Connection, now: number): void {
  c.lastReceivedAt = now | 0;
  c.keepaliveProbes = 0;
  c.isUnreachable = false;
}

/** What lies outside of the window is answered with an ACK, unless it is a reset. RFC 9293 §3.10.7.4, first. */
function refuse(c: Connection, seg: Segment, now: number): void {
  if (seg.hasRst) {
    c.tcp.counters.TCPRstOutOfWindow++;
    return;
  }
  if (seg.hasSyn) return c.tcp.challenge(c, now);
  if (!seg.hasAck) return dropWithoutAck(c);
  // A repeated FIN, a keep-alive or a window probe: its acknowledgment counts. RFC 9293 App. A.2 (SEG-11).
  const last = (seg.seq + Math.max(seg.len, 1)) | 0;
  // A peer that has filled the window, and of which something was lost, acknowledges from its edge (SEG-01).
  const isFromEdge = seg.len === 0 && seg.seq === c.rcvEdge;
  if (last === c.rcvNxt || isFromEdge) {
    hear(c, now);
    if (!acknowledge(c, seg, now)) return;
    if (c.sndUna === c.endOfStream && c.finQueued && finAcknowledged(c, now)) {
      if (c.state === State.TimeWait) owe(c);
      return;
    }
  }
  c.tcp.counters.TCPOutOfWindow++;
  noteDuplicate(c, seg);
  if (seg.len > 0) owe(c);
  else c.tcp.acknowledgeInvalid(c, now);
}

function dropWithoutAck(c: Connection): void {
  c.tcp.counters.TCPNoAckFlag++;
}

/** Second: only the exact sequence number resets. RFC 5961 §3. */
function resetArrives(c: Connection, seg: Segment, now: number): void {
  if (seg.seq !== c.rcvNxt) {
    if (c.bytesReceived === 0) suspectBlackHole(c, now);
    return c.tcp.challenge(c, now);
  }
  c.tcp.counters.EstabResets++;
  c.tcp.closed(c, "reset by peer");
}

/** Fifth, the states that wait for the ACK of our FIN. Returns whether the connection is over. */
function finAcknowledged(c: Connection, now: number): boolean {
  switch (c.state) {
    case State.FinWait1:
      c.state = State.FinWait2;
      if (c.isReleased) limitOrphan(c, now);
      c.tcp.closeDone(c);
      return false;
    case State.Closing:
      c.tcp.enterTimeWait(c, now);
      return true;
    case State.LastAck:
      c.tcp.closed(c, "closed");
      return true;
    default:
      return false;
  }
}

/**
 * Sixth: the urgent pointer names the byte behind the urgent ones, which may not
 * have arrived yet. The user is told once until it has taken them. RFC 6093 §4.
 */
function takeUrgent(c: Connection, seg: Segment): void {
  if (!canReceive(c.state)) return;
  const up = (seg.seq + seg.urgentPointer) | 0;
  const remaining = c.urgentRemaining;
  if (((up - c.receiveQueue.start) | 0) <= remaining) return;
  c.rcvUp = up;
  c.isUrgent = true;
  if (remaining === 0) c.tcp.signal(c, SIGNAL.Urgent);
}

/** Seventh: takes the segment's text into the stream, as far as it is new and fits. */
function takeText(c: Connection, seg: Segment, now: number): void {
  noteDuplicate(c, seg);
  if (!canReceive(c.state)) {
    // Behind the peer's FIN there is no text; where ours is out, too, it is ignored.
    if (c.state === State.CloseWait) owe(c);
    return;
  }
  if (c.isReleased) return textForNobody(c, seg, now);
  const length = seg.payloadLength;
  const skip = Math.max(0, (c.rcvNxt - seg.seq) | 0);
  const beyond = Math.max(0, (seg.seq + length - c.rcvEdge) | 0);
  const fresh = length - skip - beyond;
  if (fresh <= 0) {
    c.tcp.counters.TCPOutOfWindow++;
    c.quickAcks = c.tcp.tunables.px_quick_acks; // the peer had to send again: it waits for our word
    return owe(c);
  }
  if (c.ecnOk) takeCongestionMarks(c, seg);
  const offset = seg.payloadOffset + skip;
  if (seqGt(seg.seq, c.rcvNxt)) return holdText(c, seg.seq, offset, fresh);
  const filledGap = c.receiveQueue.hasGap;
  const taken = takeInOrder(c, offset, fresh);
  if (taken < fresh) c.tcp.counters.TCPRcvQDrop++;
  noteSegmentSize(c, seg);
  tuneReceiveWindow(c, seg, now);
  scheduleAck(c, taken < length || filledGap, now);
}

/** Hands on or stores bytes at RCV.NXT. Returns how many of the segment's bytes were taken. */
function takeInOrder(c: Connection, offset: number, length: number): number {
  const queue = c.receiveQueue;
  let taken = 0;
  if (length >= OFFER_MIN && c.sink !== null && queue.length === 0 && !queue.hasGap) {
    taken = c.sink.offer(c, offset, length);
    queue.skip(taken);
    if (c.isUrgent && c.urgentRemaining === 0) c.isUrgent = false;
  }
  let stored = 0;
  if (taken < length) {
    const before = queue.length;
    stored = queue.append(offset + taken, length - taken);
    if (queue.length > before) c.tcp.signal(c, SIGNAL.Readable);
  }
  c.bytesReceived += (queue.next - c.rcvNxt) | 0;
  c.rcvNxt = queue.next;
  return taken + stored;
}

/** Text beyond a gap waits for the bytes before it, and is acknowledged at once. RFC 5681 §4.2. */
function holdText(c: Connection, seq: number, offset: number, length: number): void {
  c.tcp.counters.TCPOFOQueue++;
  // Its sender is repairing a loss: no acknowledgment is to wait meanwhile. Linux: tcp_enter_quickack_mode.
  c.quickAcks = c.tcp.tunables.px_quick_acks;
  const queue = c.receiveQueue;
  const runs = queue.runCount;
  const isGrowth = queue.endsNewestRun(seq);
  if (!queue.insert(seq, offset, length)) c.tcp.counters.TCPOFODrop++;
  // A sender without SACK counts duplicates (RFC 5681 §3.2). One with SACK must hear of every run
  // that begins, or becomes one with another; three acknowledgments name each (RFC 2018 §4), lest
  // it send again what only the lost one reported.
  if (!c.sackOk || !isGrowth || queue.runCount !== runs) c.tcp.mustPoll = true;
  owe(c);
}

/** Data for a user who is gone: the peer learns that it is lost. RFC 9293 §3.6.1, RFC 2525 §2.17. */
function textForNobody(c: Connection, seg: Segment, now: number): void {
  c.tcp.counters.TCPAbortOnData++;
  replyReset(c.tcp, seg, now);
  c.tcp.closed(c, "aborted");
}

function noteSegmentSize(c: Connection, seg: Segment): void {
  const size = seg.segmentSize > 0 ? seg.segmentSize : seg.payloadLength;
  if (size > c.rcvMss) c.rcvMss = Math.min(size, c.tcp.maxSegmentSize(c));
}

/**
 * Every second full segment is acknowledged at once, others within `tcp_delack_ms`. RFC 9293 §3.8.6.3.
 *
 * "At once" is at the end of a batch of frames. While quick acknowledgments last
 * it is QUICK_BATCH segments at most: the sender has few in flight, and if the
 * one answer to all of them is lost it stands still.
 */
function scheduleAck(c: Connection, atOnce: boolean, now: number): void {
  const unacknowledged = (c.rcvNxt - c.lastAckSent) | 0;
  if (c.quickAcks > 0 && unacknowledged >= QUICK_BATCH * c.rcvMss) c.tcp.mustPoll = true;
  if (atOnce || c.quickAcks > 0 || unacknowledged >= 2 * c.rcvMss) return owe(c);
  delayAck(c, now);
}

function delayAck(c: Connection, now: number): void {
  if ((c.timers & TIMER.DelayedAck) !== 0) return;
  arm(c, TIMER.DelayedAck, (now + c.tcp.tunables.tcp_delack_ms) | 0);
}

/** Eighth: the peer's FIN. One that is ahead of missing text is held (CLOSE-15). */
function finArrives(c: Connection, seg: Segment, now: number): void {
  const fin = (seg.seq + seg.payloadLength) | 0;
  // The end of an exchange: our own FIN may well follow at once. RFC 9293 §3.8.6.3; Linux.
  const mayWait = c.isInteractive && c.bytesReceived > 0 && c.state === State.Established &&
    fin === c.rcvNxt;
  if (mayWait) delayAck(c, now);
  else owe(c);
  if (c.finReceived || seqGt(fin, c.rcvEdge)) return;
  c.finHeld = true;
  c.finSeq = fin;
  takeFin(c, now);
  // An empty FIN arrived before any text: who let it pass held back the text.
  const isFirst = c.finHeld && seg.payloadLength === 0 && !c.receiveQueue.hasGap;
  if (isFirst && c.bytesReceived === 0) suspectBlackHole(c, now);
}

/** The held FIN takes effect when all text before it was taken. */
function takeFin(c: Connection, now: number): void {
  if (!c.finHeld || c.finSeq !== c.rcvNxt) return;
  c.finHeld = false;
  c.finReceived = true;
  c.rcvNxt = (c.rcvNxt + 1) | 0;
  c.rcvEdge = seqMax(c.rcvEdge, c.rcvNxt);
  c.receiveQueue.dropGaps();
  c.tcp.signal(c, SIGNAL.PeerClosed);
  if (c.state === State.Established) c.state = State.CloseWait;
  else if (c.state === State.FinWait1) c.state = State.Closing;
  else if (c.state === State.FinWait2) c.tcp.enterTimeWait(c, now);
}

function owe(c: Connection): void {
  c.ackNow = true;
  c.tcp.ready(c);
}
