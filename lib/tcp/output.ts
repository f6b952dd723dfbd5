/**
 * Output: what to send for a connection now. RFC 9293 §3.8, §3.10.2.
 *
 * Data leaves as super-segments which the device cuts at the effective MSS: a
 * whole number of MSS, a shorter tail only when it empties the queue.
 */

import { EMPTY_GATHER, type Gather } from "../wire/gather.ts";
import { ACK, ECE, FIN, PSH, RST, type Segment, URG } from "../wire/segment.ts";
import { seqLeq, seqMax } from "../wire/seq.ts";
import {
  initialWindowOf,
  noteWindowUse,
  type PathModel,
  pipe,
  sendingRoom,
  usableWindow,
} from "./congestion.ts";
import type { Connection } from "./connection.ts";
import type { Tuple } from "./connection_table.ts";
import { addDuplicateReport, hasDuplicateReport } from "./duplicate_report.ts";
import { markCapable } from "./ecn.ts";
import { advertise } from "./receive_window.ts";
import { backedOff } from "./rtt.ts";
import { followPath, hearOfPath, leastSegmentSize, optionsLength } from "./path_mtu.ts";
import { Phase } from "./phase.ts";
import { type MtuSearch, probeLength } from "./plpmtud.ts";
import { usesRack } from "./rack.ts";
import { blockCount, blockLimit, writeBlocks } from "./sack_blocks.ts";
import { State } from "./state.ts";
import { hasNewProbe } from "./tail_probe.ts";
import type { Tcp } from "./tcp.ts";
import { arm, disarm, elapsedMs, TIMER, toMicroseconds } from "./timers.ts";
import { lostDataResent, newDataSent } from "./transmission_timer.ts";
import { announcedSeconds } from "./user_timeout.ts";

/** The IP length is 16 bits: so many payload bytes fit behind 60 + 60 bytes of headers in any case. */
const SUPER_SEGMENT = 65535 - 120;

/** The farthest that an urgent pointer reaches. RFC 9293 §3.1. */
const URGENT_REACH = 0xffff;

/** What one connection sends before the others have their turn: super-segments, or frames where the device cuts none. */
const SUPER_SEGMENTS_PER_TURN = 8;
const FRAMES_PER_TURN = 64;

/** How long silly-window avoidance may hold a short segment back. RFC 9293 §3.8.6.2.1. Milliseconds. */
const OVERRIDE_MS = 200;

/** What became of a connection's turn. */
export const Turn = {
  /** All that may be sent was sent. */
  Done: 0,
  /** More may be sent, after the others. */
  More: 1,
  /** The device takes nothing now. */
  Refused: 2,
} as const;
/** See the constants of the same name. */
export type Turn = (typeof Turn)[keyof typeof Turn];

/** Sends what `c` owes and may. One question after the other: RST? lost data? new data? FIN? ACK? */
export function transmit(c: Connection, now: number): Turn {
  if (c.resetPending) return sendReset(c, now) ? Turn.Done : Turn.Refused;
  if (c.isReleased) limitOrphan(c, now);
  // A super-segment would repeat these in each of its pieces.
  const isNews = c.owesUserTimeout || hasDuplicateReport(c);
  if (isNews && !sendAcknowledgment(c, now)) return Turn.Refused;
  let turn: Turn = Turn.Done;
  if (c.sndUna !== c.endOfStream && c.state !== State.TimeWait && c.state !== State.Closed) {
    hearOfPath(c, now);
    // A timeout that may be spurious is answered by new data first. RFC 5682 §2.1 (2b).
    if (c.recovery !== null && c.recovery.sendsNew) c.recovery.sendsNew = false;
    else turn = sendLost(c, now);
    if (turn === Turn.Done) turn = sendNew(c, now);
    if (turn === Turn.Done && c.phase === Phase.Recovery) turn = rescue(c, now);
    if (c.userTimeoutMs !== 0) awaitProgress(c, now);
    if (c.sndWnd === 0) awaitWindow(c, now);
    if (turn === Turn.Refused) return turn;
  }
  if (c.ackNow && !sendAcknowledgment(c, now)) return Turn.Refused;
  return turn;
}

/** Nobody is left to wait for the peer's FIN: FIN-WAIT-2 ends after `tcp_fin_timeout` seconds. CLOSE-17. */
export function limitOrphan(c: Connection, now: number): void {
  if (c.state !== State.FinWait2 || (c.timers & TIMER.FinWait2) !== 0) return;
  arm(c, TIMER.FinWait2, (now + c.tcp.tunables.tcp_fin_timeout * 1000) | 0);
}

/** The peer has something to take from now on. RFC 9293 §3.8.3; UTO-01. */
function awaitProgress(c: Connection, now: number): void {
  if ((c.timers & TIMER.User) !== 0) return;
  c.progressAt = now | 0;
  arm(c, TIMER.User, (now + c.userTimeoutMs) | 0);
}

/**
 * The peer could take something, and its window is shut: it may stay so for
 * `px_zero_window_timeout`. A fast open has named no window before its third ACK.
 */
function awaitWindow(c: Connection, now: number): void {
  const seconds = c.tcp.tunables.px_zero_window_timeout;
  if (seconds === 0 || c.handshake !== null || (c.timers & TIMER.ZeroWindow) !== 0) return;
  arm(c, TIMER.ZeroWindow, (now + seconds * 1000) | 0);
}

/** Sends lost ranges again as far as cwnd and SND.WND allow. RFC 6675 §5 (C), RFC 9293 §3.8.1. */
function sendLost(c: Connection, now: number): Turn {
  for (let i = 0; i < burst(c); i++) {
    const scoreboard = c.scoreboard;
    if (scoreboard === null || scoreboard.lostBytes === 0) return Turn.Done;
    const unit = segmentRoom(c);
    const index = scoreboard.firstLost();
    const start = scoreboard.start(index);
    const length = (scoreboard.end(index) - start) | 0;
    const piece = resendable(c, start, length, unit, now);
    if (piece <= 0) return Turn.Done;
    if (!sendRange(c, start, piece, unit, now)) return Turn.Refused;
    scoreboard.resent(piece, unit, toMicroseconds(now));
    noteResent(c, piece, now);
    if (c.phase === Phase.Recovery) lostDataResent(c, start, now);
  }
  return Turn.More;
}

/**
 * How many of `length` lost bytes from `start` on may be sent again now: whole
 * segments, and a short one where they or the window end. RFC 9293 §3.8.6 (SHLD-16).
 */
function resendable(
  c: Connection,
  start: number,
  length: number,
  unit: number,
  now: number,
): number {
  const room = Math.min(sendingRoom(c, now), superSegment(c));
  let window = (c.sndUna + c.sndWnd - start) | 0;
  if (length <= Math.min(room, window + roundedOff(c))) return length;
  // A window that was shut over what is in flight is asked by the timer, with the first segment.
  if (window <= 0) window = start === c.sndUna && c.retries > 0 ? askingSize(c, unit) : 0;
  const most = Math.min(room, window);
  if (length <= most) return length;
  const whole = most - (most % unit);
  return whole > 0 || room < window ? whole : window;
}

/**
 * With how many bytes a window that was shut over what is in flight is asked:
 * beyond R1 with no more than any path carries, for it may be a black hole that
 * hides that the window has opened. RFC 4821 §7.7.
 */
function askingSize(c: Connection, unit: number): number {
  if (c.retries <= c.tcp.tunables.tcp_retries1) return unit;
  return Math.min(unit, leastSegmentSize(c) - optionsLength(c));
}

/** By how much scaling alone may have moved the edge of the peer's window left, at most. RFC 7323 §2.4. */
function roundedOff(c: Connection): number {
  return (1 << c.sndShift) - 1;
}

/** `length` bytes were sent again. */
function noteResent(c: Connection, length: number, now: number): void {
  c.recovery?.resent(length, c.tcp.timestamp(c.tsOffset, now));
  c.retransmits++;
  c.tcp.counters.RetransSegs++;
}

/** Sends bytes and FIN for the first time, as far as cwnd and SND.WND allow. */
function sendNew(c: Connection, now: number): Turn {
  if (c.sndUna === c.sndNxt) resumeSending(c, now);
  if (c.isPathNarrow && ((c.pathExpiresAt - now) | 0) <= 0) followPath(c, now);
  const before = c.sndNxt;
  let turn: Turn = Turn.More;
  if (c.mtuSearch !== null) turn = sendMtuProbe(c, c.mtuSearch, now);
  if (turn === Turn.More) turn = sendNewRanges(c, now);
  if (c.sndNxt !== before) newDataSent(c, now);
  if (turn === Turn.Done) {
    noteWindowUse(c);
    if (c.model !== null) awaitPace(c, c.model, now);
  }
  return turn;
}

/** Nothing more leaves now: has the user nothing, or is it the pace? Then the turn comes when that lets more leave. */
function awaitPace(c: Connection, model: PathModel, now: number): void {
  const isIdle = c.sndNxt === c.endOfStream && c.scoreboard?.lostBytes === 0;
  if (c.cwnd <= pipe(c)) return;
  if (isIdle) model.idle(c);
  else if (model.nextAt > now) arm(c, TIMER.Pace, Math.ceil(model.nextAt) | 0);
}

/** The next segment probes the path, if it is to; more may be sent then, unless the probe waits for room. */
function sendMtuProbe(c: Connection, search: MtuSearch, now: number): Turn {
  const length = probeLength(c, search, now);
  if (length === 0) return Turn.More;
  // What is in flight makes room for it, or time; the pace counts more than one segment at a time anyway.
  if (c.cwnd - pipe(c) < length || sendingRoom(c, now) <= 0) return Turn.Done;
  const start = c.sndNxt;
  if (!sendNext(c, length, length, now)) return Turn.Refused;
  search.sent(start, c.sndNxt);
  return Turn.More;
}

function sendNewRanges(c: Connection, now: number): Turn {
  for (let i = 0; i < burst(c); i++) {
    const unsent = (c.endOfStream - c.sndNxt) | 0;
    if (unsent === 0) return Turn.Done;
    const window = usableWindow(c);
    // cwnd counts data; a FIN alone has none. RFC 5681 §2.
    const isFin = c.finQueued && unsent === 1;
    const allowed = isFin ? unsent : sendingRoom(c, now);
    const room = Math.min(window, allowed, superSegment(c));
    const isRest = unsent <= room;
    const length = isRest ? unsent - heldBack(c, unsent) : wholeSegments(c, room);
    if (length <= 0) {
      if (isRest ? c.isCorked : window < allowed) considerProbing(c, window, now);
      return Turn.Done;
    }
    if (!sendNext(c, length, segmentRoom(c), now)) return Turn.Refused;
    disarm(c, TIMER.Persist);
  }
  return Turn.More;
}

/**
 * Fast recovery without RACK has nothing to send: the last segment, once, lest
 * the timer must find the loss of the tail. RFC 6675 §4 (NextSeg, 4).
 */
function rescue(c: Connection, now: number): Turn {
  const recovery = c.recovery!;
  const room = c.cwnd - pipe(c);
  if (recovery.hasRescued || !c.sackOk || usesRack(c) || room < c.mss) return Turn.Done;
  if (c.sndNxt !== c.endOfStream || !resendLast(c, now)) return Turn.Done;
  recovery.hasRescued = true;
  return Turn.Done;
}

/**
 * Sends the last segment in flight again, if its fate is not known and the window
 * has not shrunk before it. Returns false when the device refused it.
 */
function resendLast(c: Connection, now: number): boolean {
  if (usableWindow(c) + roundedOff(c) < 0) return true;
  const scoreboard = c.scoreboard!;
  const unit = segmentRoom(c);
  const start = scoreboard.lastSegment(unit);
  const length = (c.sndNxt - start) | 0;
  if (length === 0) return true;
  if (!sendRange(c, start, length, unit, now)) return false;
  scoreboard.probed(start, toMicroseconds(now));
  noteResent(c, length, now);
  return true;
}

/** Sends the next `length` bytes for the first time, in segments of `unit` bytes. Returns false when the device refused them. */
function sendNext(c: Connection, length: number, unit: number, now: number): boolean {
  const from = c.sndNxt;
  if (!sendRange(c, from, length, unit, now)) return false;
  c.sndNxt = (from + length) | 0;
  // An old number would be ahead again after 2^31 bytes.
  if (length % unit !== 0) c.sndSmall = c.sndNxt;
  else c.sndSmall = seqMax(c.sndSmall, c.sndUna);
  c.tcp.beginFlight(c).sent(from, c.sndNxt, unit, toMicroseconds(now));
  return true;
}

/**
 * How many of the `unsent` last bytes wait for more to come, or for an
 * acknowledgment: a cork, Nagle's algorithm. Deviates from RFC 9293 §3.7.4: only a short
 * segment in flight holds back another, as in Linux, so that the end of a large
 * write does not wait for its beginning.
 */
function heldBack(c: Connection, unsent: number): number {
  if (c.finQueued || c.isSendingUrgent) return 0;
  if (!c.isCorked && (c.isNoDelay || seqLeq(c.sndSmall, c.sndUna))) return 0;
  return unsent % segmentRoom(c);
}

/**
 * Asks for an acknowledgment of the tail: by new segments, whatever cwnd says, or
 * by the last one again. Returns false when the device refused it. RFC 8985 §7.3.
 *
 * Deviates from RFC 8985 §7.3: two new segments where there are, as many as
 * RFC 3042 lets leave beyond cwnd. If only the flight's acknowledgment was lost,
 * one would wait for the receiver's delayed acknowledgment; a second one is
 * answered at once (RFC 9293 §3.8.6.3).
 */
export function sendTailProbe(c: Connection, now: number): boolean {
  hearOfPath(c, now);
  const unit = segmentRoom(c);
  const unsent = (c.endOfStream - c.sndNxt) | 0;
  const isResent = !hasNewProbe(c);
  if (!isResent) {
    if (!sendNext(c, Math.min(unsent, unit), unit, now)) return false;
    const window = usableWindow(c);
    if (unsent >= 2 * unit && window >= unit) sendNext(c, unit, unit, now);
  } else {
    const before = c.retransmits;
    if (!resendLast(c, now)) return false;
    if (c.retransmits === before) return true;
  }
  c.hasProbed = true;
  c.isProbeResent = isResent;
  c.probeEnd = c.sndNxt;
  c.tcp.counters.TCPLossProbes++;
  return true;
}

/** After an idle RTO nobody knows the path any more. RFC 5681 §4.1, RFC 2861 §3.2; Linux: `tcp_slow_start_after_idle`. */
function resumeSending(c: Connection, now: number): void {
  const tunables = c.tcp.tunables;
  // The last round trip was no pause: it ended with the acknowledgment of all.
  c.congestion.resumed(c, elapsedMs(c.idleSince, now));
  c.idleSince = now | 0;
  c.model = c.congestion.modelOf(c, now);
  if (c.model !== null) return c.model.resumed(c, now);
  const idleMs = elapsedMs(c.lastSentAt, now);
  if (tunables.tcp_slow_start_after_idle === 0 || idleMs <= c.rtoMs) return;
  const restart = initialWindowOf(c);
  if (c.cwnd <= restart) return;
  c.ssthresh = Math.max(c.ssthresh, (c.cwnd >> 1) + (c.cwnd >> 2));
  c.cwnd = restart;
}

/**
 * Nothing may be sent, and nothing is in flight whose acknowledgment would
 * change that: probe a shut window, or send the short segment after a while.
 * RFC 9293 §3.8.6.1, §3.8.6.2.1.
 */
function considerProbing(c: Connection, window: number, now: number): void {
  if ((c.timers & TIMER.Persist) !== 0 || (window <= 0 && c.sndUna !== c.sndNxt)) return;
  const wait = window > 0 ? OVERRIDE_MS : backedOff(c.rtoMs, c.backoff, c.tcp.tunables);
  arm(c, TIMER.Persist, (now + wait) | 0);
}

/** Sends what the open part of the window, which is not empty, holds, even if it is silly. Returns false when refused. */
export function sendShort(c: Connection, now: number): boolean {
  hearOfPath(c, now);
  const unsent = (c.endOfStream - c.sndNxt) | 0;
  const length = Math.min(unsent, usableWindow(c), c.mss);
  if (!sendNext(c, length, segmentRoom(c), now)) return false;
  newDataSent(c, now);
  return true;
}

/**
 * A keep-alive probe: left of the window, empty unless `tcp_keepalive_garbage`
 * adds one byte, for peers who answer nothing less. RFC 9293 §3.8.4 (SHLD-12, MAY-6).
 */
export function sendKeepalive(c: Connection, now: number): boolean {
  const tcp = c.tcp;
  const bytes = c.keepaliveBytes >= 0 ? c.keepaliveBytes : tcp.tunables.tcp_keepalive_garbage;
  if (bytes === 0) return sendProbe(c, now);
  const seg = prepare(c, ACK, (c.sndUna - 1) | 0, now);
  seg.payloadLength = 1;
  tcp.sendGather.clear();
  tcp.sendGather.add(tcp.garbage, 1);
  return tcp.send(seg, tcp.sendGather, now);
}

/** An empty segment left of the window: the peer must answer it. RFC 9293 §3.8.6.1. */
export function sendProbe(c: Connection, now: number): boolean {
  const seg = prepare(c, ACK, (c.sndUna - 1) | 0, now);
  return c.tcp.send(seg, EMPTY_GATHER, now);
}

/** `<SEQ=SND.NXT><ACK=RCV.NXT><ACK>`. Returns false when the device refused it. */
function sendAcknowledgment(c: Connection, now: number): boolean {
  const seg = prepare(c, ACK, c.sndNxt, now);
  if (hasDuplicateReport(c)) addDuplicateReport(c, seg, blockLimit(c));
  seg.userTimeout = announcedSeconds(c);
  if (!c.tcp.send(seg, EMPTY_GATHER, now)) return false;
  acknowledged(c);
  c.dsackStart = c.dsackEnd;
  c.owesUserTimeout = false;
  if (c.quickAcks > 0) c.quickAcks--;
  return true;
}

/** `<SEQ=SND.NXT><ACK=RCV.NXT><RST,ACK>` where the state asks for it; the connection is gone. RFC 9293 §3.10.5. */
function sendReset(c: Connection, now: number): boolean {
  const isSilent = c.state === State.Closing || c.state === State.LastAck;
  if (!isSilent) {
    const seg = prepare(c, RST | ACK, c.sndNxt, now);
    if (!c.tcp.send(seg, EMPTY_GATHER, now)) return false;
    c.tcp.counters.OutRsts++;
  }
  c.tcp.closed(c, c.closeReason === "" ? "aborted" : c.closeReason);
  return true;
}

/** Sends `[seq, seq + length)`, which may end in our FIN, in segments of `unit` bytes. Returns false when the device refused it. */
function sendRange(
  c: Connection,
  seq: number,
  length: number,
  unit: number,
  now: number,
): boolean {
  const tcp = c.tcp;
  const bytesLeft = (c.sendQueue.end - seq) | 0;
  const bytes = Math.min(length, bytesLeft);
  let flags = ACK;
  const isNewText = bytes > 0 && seq === c.sndNxt;
  const endsBurst = isNewText && bytes > unit && tcp.tunables.px_gso_push !== 0;
  if (endsBurst || (bytes === bytesLeft && bytes > 0)) flags |= PSH;
  if (bytes < length) flags |= FIN;
  const seg = prepare(c, flags, seq, now);
  seg.payloadLength = bytes;
  seg.segmentSize = bytes > unit ? unit : 0;
  if (c.ecnOk && isNewText) markCapable(c, seg);
  const gather: Gather = bytes > 0 ? tcp.sendGather : EMPTY_GATHER;
  if (bytes > 0) c.sendQueue.gather(gather, seq, bytes);
  if (!tcp.send(seg, gather, now)) return false;
  acknowledged(c);
  if (isNewText) newTextLeft(c, now);
  if (c.recovery !== null) c.recovery.prrOut += length;
  if (c.model !== null) c.model.sent(c, length, now);
  c.lastSentAt = now | 0;
  return true;
}

function newTextLeft(c: Connection, now: number): void {
  c.owesCwr = false;
  const sinceHeard = elapsedMs(c.lastReceivedAt, now);
  if (sinceHeard <= c.tcp.tunables.tcp_delack_ms) c.isInteractive = true;
}

/** The scratch segment, with all that is alike in a connection's segments. */
function prepare(c: Connection, flags: number, seq: number, now: number): Segment {
  const seg = c.tcp.out;
  seg.reset();
  seg.local0 = c.local0;
  seg.local1 = c.local1;
  seg.local2 = c.local2;
  seg.local3 = c.local3;
  seg.remote0 = c.remote0;
  seg.remote1 = c.remote1;
  seg.remote2 = c.remote2;
  seg.remote3 = c.remote3;
  seg.localPort = c.localPort;
  seg.remotePort = c.remotePort;
  seg.pathHigh = c.pathHigh;
  seg.pathLow = c.pathLow;
  seg.ttl = c.ttl || c.tcp.tunables.ip_default_ttl;
  seg.dscp = c.dscp;
  seg.mayFragment = c.mayFragment;
  seg.isOffloaded = c.isOffloaded;
  seg.flags = c.owesEce && (flags & RST) === 0 ? flags | ECE : flags;
  seg.seq = seq;
  seg.ack = c.rcvNxt;
  seg.wnd = advertise(c);
  if (c.tsOk) {
    seg.hasTimestamps = true;
    seg.tsVal = c.tcp.timestamp(c.tsOffset, now);
    seg.tsEcr = c.tsRecent;
  }
  if (blockCount(c) > 0 && (flags & RST) === 0) writeBlocks(c, seg);
  if (c.isSendingUrgent && (flags & RST) === 0) markUrgent(c, seg);
  return seg;
}

/** The pointer names the byte behind the urgent ones, as far as its 16 bits reach. RFC 9293 §3.8.5, RFC 6093 §4. */
function markUrgent(c: Connection, seg: Segment): void {
  const offset = (c.sndUp - seg.seq) | 0;
  if (offset <= 0) return;
  seg.flags |= URG;
  seg.urgentPointer = Math.min(offset, URGENT_REACH);
}

/** A segment with the current RCV.NXT left. */
function acknowledged(c: Connection): void {
  c.ackNow = false;
  c.lastAckSent = c.rcvNxt;
  disarm(c, TIMER.DelayedAck);
}

/** Payload bytes of one segment on the wire, beside the SACK blocks it will carry. RFC 6691. */
function segmentRoom(c: Connection): number {
  const blocks = blockCount(c);
  return blocks === 0 ? c.mss : c.mss - 4 - 8 * blocks;
}

/** Most payload bytes handed to the device at once. */
function superSegment(c: Connection): number {
  const unit = segmentRoom(c);
  // The device would set URG, and the same pointer, in each of its pieces. ETH-05.
  if (c.isSendingUrgent || !sendsSuperSegments(c)) return unit;
  const most = c.tcp.tunables.px_gso_push !== 0 ? burstLimit(c, unit) : SUPER_SEGMENT;
  // A segment of a very large MTU may be longer than a super-segment.
  return Math.max(unit, most - (most % unit));
}

/**
 * Half of cwnd, so that the ACK of one super-segment comes while the next is on
 * its way; a single segment is not left behind. Linux: tcp_cwnd_test.
 */
function burstLimit(c: Connection, unit: number): number {
  const half = c.cwnd >> 1;
  const rest = c.cwnd - pipe(c) - half;
  return Math.min(rest < 2 * unit ? SUPER_SEGMENT : half, SUPER_SEGMENT);
}

/**
 * `length` without the part that does not fill a segment. A short one is worth
 * sending only if it is half of the largest window the peer ever offered.
 * RFC 9293 §3.8.6.2.1.
 */
function wholeSegments(c: Connection, length: number): number {
  const unit = segmentRoom(c);
  if (length >= unit) return length - (length % unit);
  return length >= c.maxSndWnd >> 1 ? length : 0;
}

function burst(c: Connection): number {
  return sendsSuperSegments(c) ? SUPER_SEGMENTS_PER_TURN : FRAMES_PER_TURN;
}

/**
 * Whether the device is handed several segments at once. Where routers may
 * fragment it is not: those it cuts them into would have identifications in a
 * row, which may not be. RFC 6864 §4.3.
 */
function sendsSuperSegments(c: Connection): boolean {
  return c.isOffloaded && !c.mayFragment;
}

/** Where a segment goes: a tuple, and the path below it. */
export interface Destination extends Omit<Tuple, "hash"> {
  readonly pathHigh: number;
  readonly pathLow: number;
}

/** The scratch segment, addressed to where `to` came from: for replies which belong to no connection. */
export function prepareReply(tcp: Tcp, to: Destination): Segment {
  const seg = tcp.out;
  seg.reset();
  seg.local0 = to.local0;
  seg.local1 = to.local1;
  seg.local2 = to.local2;
  seg.local3 = to.local3;
  seg.remote0 = to.remote0;
  seg.remote1 = to.remote1;
  seg.remote2 = to.remote2;
  seg.remote3 = to.remote3;
  seg.localPort = to.localPort;
  seg.remotePort = to.remotePort;
  seg.pathHigh = to.pathHigh;
  seg.pathLow = to.pathLow;
  seg.ttl = tcp.tunables.ip_default_ttl;
  seg.mayFragment = tcp.tunables.ip_no_pmtu_disc !== 0;
  seg.isOffloaded = false;
  seg.wnd = 0;
  return seg;
}
