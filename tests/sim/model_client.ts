/**
 * ModelClient: a TCP that follows the RFCs, small and simple, and written apart
 * from `lib/tcp` so that it has none of its mistakes. RFC 9293, RFC 7323,
 * RFC 2018, RFC 3168, RFC 5961.
 *
 * It counts in positions of the streams, plain numbers which begin with 0 and
 * never wrap, and turns them into sequence numbers at the edge. Position
 * `plan.upBytes` is that of its FIN. What it receives is compared with the
 * pattern where it stands and then forgotten.
 */

import { ACK, CWR, ECE, FIN, PSH, RST, type Segment, SYN } from "../../lib/wire/segment.ts";
import { compose, type Ends, type HostParts, type SimHost } from "./host.ts";
import type { ReceivedSegment } from "./packet.ts";
import type { Pattern } from "./pattern.ts";

/** What one client does. Times in milliseconds. */
export interface ClientPlan {
  readonly ends: Ends;
  readonly startsAt: number;
  readonly isn: number;
  readonly mss: number;
  /** -1: no scaling. */
  readonly windowScale: number;
  readonly hasSack: boolean;
  readonly hasTimestamps: boolean;
  /** Added to the clock in TSval. */
  readonly tsOffset: number;
  readonly upBytes: number;
  /** Whether its FIN waits for the server's. */
  readonly closesLast: boolean;
  /** What it does after so many bytes, sent and received together: stay to the end, reset, or be switched off. */
  readonly leaves: "never" | "resets" | "vanishes";
  readonly leavesAfter: number;
  readonly bufferBytes: number;
  /** How its user reads; 0 ms: at once. */
  readonly readMs: number;
  readonly readBytes: number;
  /** How its user writes; 0 ms: all at once. */
  readonly writeMs: number;
  readonly writeBytes: number;
  /** Whether it asks, from time to time, a peer whom it does not hear. RFC 9293 §3.8.4. */
  readonly keepsAlive: boolean;
  /** Whether it asks for ECN. */
  readonly hasEcn: boolean;
  /** How long an acknowledgment may wait; 0: not at all. */
  readonly delayAckMs: number;
  /** Most bytes it has in flight. */
  readonly flight: number;
  /** Segments it hands to an offloading device at once. */
  readonly segmentsPerFrame: number;
}

/** `done`: both streams ended as they should. */
export type Phase = "waiting" | "syn-sent" | "open" | "done" | "reset" | "left";

const SYN_TIMEOUT_MS = 1000;
const LEAST_TIMEOUT_MS = 300;
const MOST_TIMEOUT_MS = 10_000;
const KEEPALIVE_MS = 15_000;
const DUPLICATE_THRESHOLD = 3;
const INITIAL_SEGMENTS = 10;

/** Values of the ECN field. RFC 3168 §5. */
const CAPABLE = 2;
const CONGESTION = 3;

/** A run of positions, `[start, end)`. */
interface Run {
  start: number;
  end: number;
}

/** One client with one connection. */
export class ModelClient implements SimHost {
  readonly plan: ClientPlan;
  phase: Phase = "waiting";
  /** When it was done, reset or gone. */
  endedAt = Infinity;
  /**
   * Whether the stack, which answers with SYN cookies, sent a reset. When that is lost, a cookie can be
   * found in an ACK of an old connection, and begin another that the client
   * knows nothing of: its formula (COOKIE-02) holds whenever both streams went on
   * by the same number of bytes. What the client gets then says nothing.
   */
  isForsaken = false;
  /** How often it had to send again. */
  resent = 0;
  /** Whether it asked a shut window; the byte it asked with may have been refused. */
  hasProbed = false;
  /** Called when it is done. */
  whenDone: () => void = () => {};
  readonly #parts: HostParts;
  readonly #up: Pattern;
  readonly #down: Pattern;
  #irs = 0;

  // Sending.
  /** First position not acknowledged, next to be sent, behind the highest ever sent. */
  #una = 0;
  #nxt = 0;
  #max = 0;
  /** Bytes the user wrote. */
  #written = 0;
  /** The right edge of the peer's window. It never moves left. */
  #edge = 0;
  /** The peer's shift. */
  #shift = 0;
  #mss: number;
  #cwnd: number;
  #duplicates = 0;
  /** Recovery lasts until this position is acknowledged. */
  #recover = -1;
  #sacked: Run[] = [];
  /** A position whose acknowledgment gives a round-trip time, and when it was sent; -1: none. */
  #timed = -1;
  #timedAt = 0;
  #rto = SYN_TIMEOUT_MS;
  #backoff = 1;

  // Receiving.
  /** Next position expected, first one not read by the user. */
  #rcv = 0;
  #read = 0;
  /** The right edge as it was offered. */
  #offered = 0;
  #ownShift = 0;
  #held: Run[] = [];
  /** Position of the peer's FIN. */
  #finAt = Infinity;
  #finReceived = false;
  #unacknowledged = 0;
  #usesSack = false;
  #usesTimestamps = false;
  #usesEcn = false;
  /** A mark of congestion came, and is echoed until the peer says that it heard. */
  #echoesMark = false;
  /** What it has to say about its own cwnd, and the position behind which it may be reduced again. */
  #owesCwr = false;
  #reducedAt = -1;
  #tsRecent = 0;
  #lastAckSent = 0;
  /** Whether it closed first, and now rests. */
  #isTimeWait = false;

  // When what is due; Infinity: not at all.
  #retransmitAt = Infinity;
  #persistAt = Infinity;
  #ackAt = Infinity;
  #readAt = Infinity;
  #writeAt = Infinity;
  #keepaliveAt = Infinity;
  #plannedAt = Infinity;

  constructor(parts: HostParts, plan: ClientPlan, up: Pattern, down: Pattern) {
    this.#parts = parts;
    this.plan = plan;
    this.#up = up;
    this.#down = down;
    this.#mss = plan.mss;
    this.#cwnd = INITIAL_SEGMENTS * plan.mss;
    parts.events.plan(plan.startsAt, () => this.#open());
  }

  /** Bytes received in order. */
  get received(): number {
    return this.#rcv - (this.#finReceived ? 1 : 0);
  }

  /** Bytes the peer acknowledged. */
  get acknowledged(): number {
    return Math.min(this.#una, this.plan.upBytes);
  }

  /** Whether the connection is there, or was. */
  get isSynchronized(): boolean {
    return this.phase !== "waiting" && this.phase !== "syn-sent";
  }

  /** The sequence number behind all it ever sent. */
  get sentEnd(): number {
    return (this.plan.isn + 1 + this.#max) | 0;
  }

  /** Whether its FIN was sent. */
  get hasSentFin(): boolean {
    return this.#max > this.plan.upBytes;
  }

  /** The peer's first number, of the SYN-ACK it took; only if `isSynchronized`. */
  get irs(): number {
    return this.#irs;
  }

  /** The right edge of the largest window it ever offered, as a sequence number. */
  get offeredEnd(): number {
    return (this.#irs + 1 + this.#offered) | 0;
  }

  /** The peer's FIN was received. */
  get isDownEnded(): boolean {
    return this.#finReceived;
  }

  /** Its state in one line, for the trace of a connection that hangs. */
  toString(): string {
    return `client ${this.plan.ends.port} ${this.phase}: una=${this.#una} nxt=${this.#nxt} ` +
      `max=${this.#max} edge=${this.#edge} of ${this.plan.upBytes}, rcv=${this.#rcv} ` +
      `offered=${this.#offered} held=${this.#held.map((r) => `${r.start}-${r.end}`)}`;
  }

  /** It is switched off. */
  vanish(): void {
    this.#end("left", this.#parts.now());
  }

  receive(received: ReceivedSegment, now: number): void {
    const { seg } = received;
    switch (this.phase) {
      case "waiting":
      case "left":
        return;
      case "syn-sent":
        return this.#synSentArrives(seg, now);
      case "open":
        return this.#arrives(received, now);
      case "done":
        if (this.#isTimeWait && !seg.hasRst && !seg.hasSyn) {
          if (seg.len > 0) this.#sendAck(now);
          return;
        }
        return this.#refuse(seg);
      case "reset":
        return this.#refuse(seg);
    }
  }

  // Opening.

  #open(): void {
    this.phase = "syn-sent";
    this.#offered = Math.min(this.plan.bufferBytes, 0xffff);
    this.#sendSyn();
  }

  #sendSyn(): void {
    const { plan } = this;
    const now = this.#parts.now();
    this.#send((seg) => {
      seg.flags = plan.hasEcn ? SYN | ECE | CWR : SYN;
      seg.seq = plan.isn;
      seg.ack = 0;
      seg.wnd = this.#offered;
      seg.mss = plan.mss;
      seg.windowScale = plan.windowScale;
      seg.sackPermitted = plan.hasSack;
      seg.hasTimestamps = plan.hasTimestamps;
      seg.tsVal = this.#timestamp(now);
      seg.tsEcr = 0;
    });
    this.#retransmitAt = now + this.#rto * this.#backoff;
    this.#backoff = Math.min(this.#backoff * 2, MOST_TIMEOUT_MS / this.#rto);
    this.#arm();
  }

  /** SEGMENT ARRIVES in SYN-SENT. RFC 9293 §3.10.7.3. */
  #synSentArrives(seg: Segment, now: number): void {
    const isAcked = seg.hasAck && seg.ack === ((this.plan.isn + 1) | 0);
    if (seg.hasAck && !isAcked) return this.#refuse(seg);
    if (seg.hasRst) return isAcked ? this.#end("reset", now) : undefined;
    if (!seg.hasSyn || !isAcked) return;
    const { plan } = this;
    this.phase = "open";
    this.#irs = seg.seq;
    this.#usesSack = plan.hasSack && seg.sackPermitted;
    this.#usesTimestamps = plan.hasTimestamps && seg.hasTimestamps;
    this.#usesEcn = plan.hasEcn && (seg.flags & (ECE | CWR)) === ECE;
    this.#tsRecent = seg.tsVal;
    if ((seg.flags & ECE) !== 0 && !plan.hasEcn) this.#violated("ECN nobody asked for");
    if (seg.sackPermitted && !plan.hasSack) this.#violated("SACK nobody asked for");
    if (seg.hasTimestamps && !plan.hasTimestamps) this.#violated("timestamps nobody asked for");
    if (seg.windowScale >= 0 && plan.windowScale < 0) this.#violated("scaling nobody asked for");
    if (plan.windowScale >= 0 && seg.windowScale >= 0) {
      this.#shift = seg.windowScale;
      this.#ownShift = plan.windowScale;
    }
    const theirs = seg.mss >= 0 ? seg.mss : plan.ends.isIpv6 ? 1220 : 536;
    this.#mss = Math.min(plan.mss, theirs) - (this.#usesTimestamps ? 12 : 0);
    this.#cwnd = INITIAL_SEGMENTS * this.#mss;
    this.#edge = seg.wnd;
    this.#rto = SYN_TIMEOUT_MS;
    this.#backoff = 1;
    this.#retransmitAt = Infinity;
    if (plan.keepsAlive) this.#keepaliveAt = now + KEEPALIVE_MS;
    this.#sendAck(now);
    this.#write(now);
    this.#pump(now);
    this.#arm();
  }

  // SEGMENT ARRIVES, RFC 9293 §3.10.7.4.

  #arrives(received: ReceivedSegment, now: number): void {
    const { seg } = received;
    const at = this.#rcv + ((seg.seq - this.#seqOfTheirs(this.#rcv)) | 0);
    if (this.#usesTimestamps && !seg.hasRst && this.#isOld(seg, at)) {
      if (seg.len > 0) this.#sendAck(now);
    } else if (!this.#isAcceptable(at, seg.len)) {
      if (!seg.hasRst) this.#sendAck(now);
    } else if (seg.hasRst) {
      if (at === this.#rcv) this.#end("reset", now);
      else this.#sendAck(now); // RFC 5961 §3
    } else if (seg.hasSyn) {
      this.#sendAck(now); // RFC 5961 §4
    } else if (seg.hasAck && this.#acknowledge(seg, now)) {
      if (seg.len > 0) this.#takeText(received, at, now);
      this.#pump(now);
      this.#lookForEnd(now);
    }
    const isWaiting = this.plan.keepsAlive && this.phase === "open";
    this.#keepaliveAt = isWaiting ? now + KEEPALIVE_MS : Infinity;
    this.#arm();
  }

  /** PAWS. RFC 7323 §5.3. */
  #isOld(seg: Segment, at: number): boolean {
    if (!seg.hasTimestamps) return true;
    if (((seg.tsVal - this.#tsRecent) | 0) < 0) return true;
    if (at <= this.#lastAckSent) this.#tsRecent = seg.tsVal;
    return false;
  }

  #isAcceptable(at: number, length: number): boolean {
    if (at === this.#rcv) return true; // with a shut window only its ACK counts
    if (length === 0) return at > this.#rcv && at < this.#offered;
    return at < this.#offered && at + length > this.#rcv;
  }

  /** Returns whether the segment is to be processed further. */
  #acknowledge(seg: Segment, now: number): boolean {
    const ack = this.#una + ((seg.ack - this.#seqOfOurs(this.#una)) | 0);
    if (ack > this.#max) {
      this.#sendAck(now);
      return false;
    }
    const edge = ack + seg.wnd * 2 ** this.#shift;
    const isNewEdge = edge > this.#edge;
    if (isNewEdge) this.#edge = edge;
    if (this.#usesSack) this.#noteSacked(seg);
    if (this.#usesEcn) this.#noteMarks(seg);
    if (ack > this.#una) this.#advance(ack, now);
    else if (ack === this.#una && seg.len === 0 && !isNewEdge && this.#una < this.#max) {
      if (++this.#duplicates === DUPLICATE_THRESHOLD && this.#recover <= this.#una) {
        this.#recover = this.#max;
        this.#cwnd = Math.max(this.#cwnd >> 1, 2 * this.#mss);
        this.#sendAgain(now);
      }
    }
    return true;
  }

  #advance(ack: number, now: number): void {
    this.#una = ack;
    this.#nxt = Math.max(this.#nxt, ack);
    this.#duplicates = 0;
    this.#backoff = 1;
    if (this.#timed >= 0 && ack > this.#timed) {
      this.#rto = Math.min(Math.max(2 * (now - this.#timedAt) + 100, LEAST_TIMEOUT_MS), 3000);
      this.#timed = -1;
    }
    this.#sacked = this.#sacked.filter((run) => run.end > ack);
    this.#retransmitAt = ack === this.#max ? Infinity : now + this.#rto;
    if (ack < this.#recover) this.#sendAgain(now); // RFC 6582: the next hole
    else this.#cwnd += this.#mss;
  }

  /** RFC 3168 §6.1.2, §6.1.3. */
  #noteMarks(seg: Segment): void {
    if ((seg.flags & CWR) !== 0) this.#echoesMark = false;
    if (seg.ecn === CONGESTION && seg.len > 0) this.#echoesMark = true;
    if ((seg.flags & ECE) === 0 || this.#una < this.#reducedAt) return;
    this.#reducedAt = this.#max;
    this.#cwnd = Math.max(this.#cwnd >> 1, 2 * this.#mss);
    this.#owesCwr = true;
  }

  #noteSacked(seg: Segment): void {
    for (let i = 0; i < seg.sackCount; i++) {
      const start = this.#una + ((seg.sackStart[i] - this.#seqOfOurs(this.#una)) | 0);
      const end = this.#una + ((seg.sackEnd[i] - this.#seqOfOurs(this.#una)) | 0);
      if (start < end && start > this.#una && end <= this.#max) insertRun(this.#sacked, start, end);
    }
  }

  #takeText({ seg, bytes }: ReceivedSegment, at: number, now: number): void {
    const { payloadOffset, payloadLength } = seg;
    const end = at + payloadLength;
    const skip = Math.max(0, -at);
    const from = payloadOffset + skip;
    if (payloadLength > this.plan.mss) this.#violated("more text than our MSS");
    if (seg.ecn !== 0 && !this.#usesEcn) this.#violated("ECN that was not agreed on");
    const wrong = this.#down.firstWrong(bytes, from, payloadOffset + payloadLength, at + skip);
    if (wrong >= 0) this.#violated(`client gets a wrong byte at ${wrong}`);
    if (end + (seg.hasFin ? 1 : 0) > this.#offered) this.#violated("text beyond the window");
    if (seg.hasFin) {
      if (this.#finAt !== Infinity && this.#finAt !== end) this.#violated("a FIN that moves");
      this.#finAt = end;
    }
    if (end > this.#finAt) this.#violated("text behind the FIN");
    const before = this.#rcv;
    if (at > this.#rcv || (at === this.#rcv && this.#held.length > 0)) this.#ackAt = now;
    if (end > this.#rcv) insertRun(this.#held, Math.max(at, this.#rcv), end);
    if (this.#held.length > 0 && this.#held[0].start <= this.#rcv) {
      this.#rcv = this.#held.shift()!.end;
    }
    if (this.#rcv === this.#finAt && !this.#finReceived) {
      this.#finReceived = true;
      this.#rcv++;
      this.#ackAt = now;
    }
    this.#consume(now);
    if (this.#rcv === before) this.#ackAt = now; // nothing new: again
    this.#unacknowledged += this.#rcv - before;
    if (this.plan.delayAckMs === 0 || this.#unacknowledged >= 2 * this.#mss) this.#ackAt = now;
    if (this.#ackAt === now) return this.#sendAck(now);
    this.#ackAt = Math.min(this.#ackAt, now + this.plan.delayAckMs);
  }

  // What its user does.

  #consume(now: number): void {
    if (this.plan.readMs === 0) this.#read = this.#rcv;
    else if (this.#read < this.#rcv && this.#readAt === Infinity) {
      this.#readAt = now + this.plan.readMs;
    }
  }

  #readSome(now: number): void {
    this.#readAt = Infinity;
    this.#read = Math.min(this.#read + this.plan.readBytes, this.#rcv);
    this.#consume(now);
    if (this.#nextEdge() > this.#offered) this.#sendAck(now);
  }

  #write(now: number): void {
    const { writeMs, writeBytes, upBytes } = this.plan;
    this.#written = writeMs === 0 ? upBytes : Math.min(this.#written + writeBytes, upBytes);
    this.#writeAt = this.#written < upBytes ? now + writeMs : Infinity;
  }

  /** Leaves where the plan says so, or is done when both streams ended. */
  #lookForEnd(now: number): void {
    const { leaves, leavesAfter, upBytes } = this.plan;
    if (leaves !== "never" && this.#una + this.#rcv >= leavesAfter) return this.#leave(now);
    if (!this.#finReceived || this.#una <= upBytes) return;
    this.#isTimeWait = !this.plan.closesLast;
    this.#end("done", now);
    this.whenDone();
  }

  #leave(now: number): void {
    if (this.plan.leaves === "vanishes") return this.vanish();
    this.#send((seg) => {
      seg.flags = RST | ACK;
      seg.seq = this.#seqOfOurs(this.#nxt);
      seg.ack = this.#seqOfTheirs(this.#rcv);
    });
    this.#end("reset", now);
  }

  #end(phase: Phase, now: number): void {
    this.phase = phase;
    this.endedAt = now;
    this.#retransmitAt = this.#persistAt = this.#ackAt = Infinity;
    this.#readAt = this.#writeAt = this.#keepaliveAt = Infinity;
    this.#parts.note(`${this}`);
  }

  // Sending.

  /** Position behind all that may be sent now, FIN included. */
  get #sendable(): number {
    const { upBytes, closesLast } = this.plan;
    const mayEnd = this.#written === upBytes && (!closesLast || this.#finReceived);
    return this.#written + (mayEnd ? 1 : 0);
  }

  /** Sends what windows allow. */
  #pump(now: number): void {
    const end = this.#sendable;
    const most = this.#mss * this.plan.segmentsPerFrame;
    while (this.#nxt < end) {
      if (this.#skipSacked()) continue;
      const limit = Math.min(this.#edge, this.#una + Math.min(this.#cwnd, this.plan.flight));
      const length = Math.min(end - this.#nxt, limit - this.#nxt, most);
      // No silly windows: a short segment waits while something is in flight. RFC 9293 §3.8.6.2.1.
      const isShort = length < this.#mss && length < end - this.#nxt && this.#una < this.#nxt;
      if (length <= 0 || isShort) break;
      this.#sendText(this.#nxt, length, now);
      this.#nxt += length;
    }
    const isStuck = this.#una === this.#max && this.#nxt < end;
    if (!isStuck) this.#persistAt = Infinity;
    else if (this.#persistAt === Infinity) this.#persistAt = now + this.#rto * this.#backoff;
  }

  /** Whether the next bytes are known to be there, and were skipped. */
  #skipSacked(): boolean {
    for (const { start, end } of this.#sacked) {
      if (start > this.#nxt || this.#nxt >= end) continue;
      this.#nxt = end;
      return true;
    }
    return false;
  }

  /** The first segment not acknowledged, once more. */
  #sendAgain(now: number): void {
    const hole = this.#sacked.length > 0 ? this.#sacked[0].start : Infinity;
    const length = Math.min(this.#max, hole, this.#una + this.#mss) - this.#una;
    if (length <= 0) return;
    this.#timed = -1;
    this.resent++;
    this.#sendText(this.#una, length, now);
  }

  #sendText(at: number, length: number, now: number): void {
    const { upBytes } = this.plan;
    const end = at + length;
    const bytes = Math.min(end, upBytes) - at;
    this.#send((seg) => {
      this.#fillAck(seg, now);
      seg.seq = this.#seqOfOurs(at);
      if (end === this.#written) seg.flags |= PSH;
      if (end > upBytes) seg.flags |= FIN;
      if (this.#usesEcn && at === this.#max && bytes > 0) this.#fillEcn(seg);
      seg.payloadLength = bytes;
      seg.segmentSize = bytes > this.#mss ? this.#mss : 0;
    }, (frame, from, to) => this.#up.write(frame, from, to, at));
    if (at === this.#max && this.#timed < 0) {
      this.#timed = at;
      this.#timedAt = now;
    }
    this.#max = Math.max(this.#max, end);
    if (this.#retransmitAt === Infinity) this.#retransmitAt = now + this.#rto * this.#backoff;
  }

  #sendAck(now: number): void {
    this.#send((seg) => {
      this.#fillAck(seg, now);
      // Not behind the byte of a probe: beyond a shut window no ACK is acceptable.
      seg.seq = this.#seqOfOurs(Math.min(this.#max, Math.max(this.#edge, this.#una)));
      if (this.#usesSack) this.#fillSack(seg);
    });
  }

  #fillAck(seg: Segment, now: number): void {
    const edge = this.#nextEdge();
    const unit = 2 ** this.#ownShift;
    const field = Math.min(Math.ceil((edge - this.#rcv) / unit), 0xffff);
    this.#offered = Math.max(this.#offered, this.#rcv + field * unit);
    seg.flags = this.#echoesMark ? ACK | ECE : ACK;
    seg.ack = this.#seqOfTheirs(this.#rcv);
    seg.wnd = field;
    seg.hasTimestamps = this.#usesTimestamps;
    seg.tsVal = this.#timestamp(now);
    seg.tsEcr = this.#tsRecent;
    this.#lastAckSent = this.#rcv;
    this.#unacknowledged = 0;
    this.#ackAt = Infinity;
  }

  /** New text, and no other, may be marked. RFC 3168 §6.1.5. */
  #fillEcn(seg: Segment): void {
    seg.ecn = CAPABLE;
    if (this.#owesCwr) seg.flags |= CWR;
    this.#owesCwr = false;
  }

  #fillSack(seg: Segment): void {
    seg.sackCount = Math.min(this.#held.length, this.#usesTimestamps ? 3 : 4);
    for (let i = 0; i < seg.sackCount; i++) {
      seg.sackStart[i] = this.#seqOfTheirs(this.#held[i].start);
      seg.sackEnd[i] = this.#seqOfTheirs(this.#held[i].end);
    }
  }

  /** The right edge to offer: it moves when that is worth a segment. RFC 9293 §3.8.6.2.2. */
  #nextEdge(): number {
    const { bufferBytes } = this.plan;
    // No more than the field can say, or each ACK would seem to be worth sending and say nothing new.
    const edge = Math.min(this.#read + bufferBytes, this.#rcv + 0xffff * 2 ** this.#ownShift);
    const isWorthIt = edge - this.#offered >= Math.min(this.#mss, bufferBytes / 2);
    return Math.max(isWorthIt ? edge : this.#offered, this.#offered, this.#rcv);
  }

  /** Answers a segment for no connection. RFC 9293 §3.10.7.1. */
  #refuse(seg: Segment): void {
    if (seg.hasRst) return;
    const { seq, ack, len, hasAck } = seg;
    this.#send((out) => {
      out.flags = hasAck ? RST : RST | ACK;
      out.seq = hasAck ? ack : 0;
      out.ack = hasAck ? 0 : (seq + len) | 0;
    });
  }

  // Time.

  #arm(): void {
    const at = Math.min(
      this.#retransmitAt,
      this.#persistAt,
      this.#ackAt,
      this.#readAt,
      this.#writeAt,
      this.#keepaliveAt,
    );
    if (at >= this.#plannedAt) return;
    this.#plannedAt = at;
    this.#parts.events.plan(at, () => {
      if (this.#plannedAt !== at) return; // an earlier one came and planned anew
      this.#plannedAt = Infinity;
      this.#timePassed(this.#parts.now());
    });
  }

  #timePassed(now: number): void {
    if (now >= this.#retransmitAt) this.#timeout(now);
    if (this.phase === "open") {
      if (now >= this.#readAt) this.#readSome(now);
      if (now >= this.#writeAt) this.#write(now);
      this.#pump(now);
      if (now >= this.#persistAt) this.#probe(now);
      if (now >= this.#ackAt) this.#sendAck(now);
      if (now >= this.#keepaliveAt) this.#keepAlive(now);
    }
    this.#arm();
  }

  /** Everything not reported is sent again, slowly at first. RFC 6298 §5.4 … §5.7. */
  #timeout(now: number): void {
    this.#retransmitAt = Infinity;
    if (this.#edge > this.#una) this.resent++; // else it asks a shut window
    if (this.phase === "syn-sent") return this.#sendSyn();
    this.#timed = -1;
    this.#backoff = Math.min(this.#backoff * 2, MOST_TIMEOUT_MS / this.#rto);
    this.#cwnd = this.#mss;
    this.#recover = -1;
    this.#duplicates = 0;
    this.#sacked = []; // the peer may have dropped it. RFC 2018 §8
    this.#nxt = this.#una;
    this.#pump(now);
    if (this.#retransmitAt === Infinity && this.#una < this.#max) {
      // The window was shut over what is in flight: it is asked for all the same.
      this.#sendAgain(now);
    }
  }

  /** One byte beyond a shut window; it does not count as sent. RFC 9293 §3.8.6.1. */
  #probe(now: number): void {
    this.hasProbed = true;
    this.#persistAt = Infinity;
    const length = Math.min(this.#sendable - this.#nxt, Math.max(this.#edge - this.#nxt, 1));
    this.#backoff = Math.min(this.#backoff * 2, MOST_TIMEOUT_MS / this.#rto);
    this.#sendText(this.#nxt, Math.min(length, this.#mss), now);
  }

  /** RFC 9293 §3.8.4. */
  #keepAlive(now: number): void {
    this.#keepaliveAt = now + KEEPALIVE_MS;
    this.#send((seg) => {
      this.#fillAck(seg, now);
      seg.seq = this.#seqOfOurs(this.#una - 1);
    });
  }

  #send(fill: (seg: Segment) => void, writePayload?: Parameters<typeof compose>[2]): void {
    this.#parts.send(compose(this.plan.ends, fill, writePayload));
  }

  #timestamp(now: number): number {
    return (Math.floor(now) + this.plan.tsOffset) | 0;
  }

  #seqOfOurs(position: number): number {
    return (this.plan.isn + 1 + position) | 0;
  }

  #seqOfTheirs(position: number): number {
    return (this.#irs + 1 + position) | 0;
  }

  #violated(what: string): void {
    if (!this.isForsaken) this.#parts.violated(`${what} (${this})`);
  }
}

/** Adds a run to sorted, disjoint ones, and joins what it touches. */
function insertRun(runs: Run[], start: number, end: number): void {
  let from = 0;
  while (from < runs.length && runs[from].end < start) from++;
  let to = from;
  while (to < runs.length && runs[to].start <= end) {
    start = Math.min(start, runs[to].start);
    end = Math.max(end, runs[to].end);
    to++;
  }
  runs.splice(from, to - from, { start, end });
}
