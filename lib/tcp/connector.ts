/**
 * Connector: SYN-SENT, and SYN-RECEIVED of an active open. RFC 9293 §3.10.1,
 * §3.10.7.3, §3.10.7.4; simultaneous open: §3.5.
 *
 * The connection is its user's from the first call on and may queue bytes. The
 * connector stands beside it until the SYN is acknowledged: it sends the SYN,
 * and SYN-ACK, when its deadline passes, and takes what arrives. Meanwhile the
 * connection's place in the ready queue is taken (`isReady`), so that nothing
 * asks a synchronized connection whether it is open yet.
 */

import { EMPTY_GATHER } from "../wire/gather.ts";
import { type PathError, PathErrorKind } from "../wire/path_error.ts";
import { ACK, CWR, ECE, type Segment, SYN } from "../wire/segment.ts";
import { seqGt, seqLeq } from "../wire/seq.ts";
import { synAcknowledged } from "./acknowledge.ts";
import {
  adopt,
  type Agreement,
  measure,
  mssOf,
  scaledUp,
  scaleOf,
  type SynHistory,
} from "./agreement.ts";
import type { Connection } from "./connection.ts";
import { NOT_FILED } from "./deadlines.ts";
import { asksForEcn } from "./ecn.ts";
import { FastOpenAttempt } from "./fast_open_client.ts";
import { segmentArrives, textOfSynArrives } from "./input.ts";
import { prepareReply } from "./output.ts";
import { learnPathMtu } from "./path_mtu.ts";
import { NO_SLOT } from "./peer_slots.ts";
import { replyReset } from "./reset.ts";
import { State } from "./state.ts";
import { announcedSeconds } from "./user_timeout.ts";

/** How soon a SYN that the device refused is tried again. Milliseconds. */
const REFUSED_RETRY_MS = 10;

/** What a connection that is opened actively needs until it is synchronized. */
export class Connector implements Agreement, SynHistory {
  readonly connection: Connection;
  heapIndex = NOT_FILED;

  mss = 536;
  windowScale = -1;
  sackOk = false;
  ecnOk = false;
  tsOk = false;
  tsRecent = 0;
  readonly tsOffset: number;
  userTimeout = 0;

  /** Segments with our SYN sent by deadline; how many of them before SYN-RECEIVED. */
  sent = 0;
  #sentBefore = 0;
  sentAt = 0;
  /** TSval of the first SYN. */
  firstTsVal = 0;
  /** CLOSE was called in SYN-RECEIVED with bytes queued: they go first. RFC 9293 §3.10.4. */
  closesWhenOpen = false;
  /** Whether the last SYN asked for ECN. */
  #askedForEcn = false;
  /** Null: fast open was not asked for. */
  readonly #fastOpen: FastOpenAttempt | null;

  /** The first SYN leaves with the next `poll`; if it `opensFast`, with what is queued by then. */
  constructor(c: Connection, opensFast: boolean, now: number) {
    this.connection = c;
    this.#fastOpen = opensFast ? new FastOpenAttempt(c) : null;
    this.tsOffset = c.tcp.timestampOffset(c);
    c.tcp.deadlines.file(this, now | 0);
  }

  /** SYN or SYN-ACK is due, or nobody answers. RFC 6298 §5.5; HS-07. */
  deadlinePassed(now: number): void {
    const c = this.connection;
    const tunables = c.tcp.tunables;
    const times = this.sent - this.#sentBefore;
    const limit = c.state === State.SynSent
      ? tunables.tcp_syn_retries
      : tunables.tcp_synack_retries;
    if (times > 0) this.#fastOpen?.timedOut(times, times > limit, now);
    if (times > limit) {
      c.tcp.counters.TCPAbortOnTimeout++;
      return c.tcp.closed(c, "timed out");
    }
    if (!this.#sendSyn(now)) return c.tcp.deadlines.file(this, (now + REFUSED_RETRY_MS) | 0);
    if (times > 0) c.tcp.counters.TCPSynRetrans++;
    if (this.sent === 0) {
      this.sentAt = now | 0;
      this.firstTsVal = c.tcp.timestamp(this.tsOffset, now);
    }
    this.sent++;
    const wait = Math.min(tunables.tcp_rto_init * 2 ** times, tunables.tcp_rto_max);
    c.tcp.deadlines.file(this, (now + wait) | 0);
  }

  /** SEGMENT ARRIVES before the connection is synchronized. */
  arrives(seg: Segment, now: number): void {
    if (this.connection.state === State.SynSent) this.#arrivesInSynSent(seg, now);
    else this.#arrivesInSynReceived(seg, now);
  }

  /**
   * An ICMP error quotes our SYN; only a refusal ends the attempt. One that was
   * too large with its data goes again without. RFC 5461 §4.1, RFC 5927 §5.2,
   * RFC 7413 §7.1.
   */
  pathErrorArrives({ kind, mtu }: PathError, now: number): void {
    const c = this.connection;
    c.tcp.counters.IcmpSoftErrors++;
    c.tcp.reportError(c);
    if (kind === PathErrorKind.TooBig) return this.#tooBigArrives(mtu, now);
    if (kind !== PathErrorKind.Refused) return;
    this.#fastOpen?.refused(now);
    c.tcp.closed(c, "refused");
  }

  #tooBigArrives(mtu: number, now: number): void {
    const c = this.connection;
    learnPathMtu(c.tcp, c, mtu, now);
    const hasData = c.sndNxt !== c.sndUna;
    const isNarrow = c.tcp.pathMtus.findTold(c, now) !== NO_SLOT;
    if (!hasData || !isNarrow || c.state !== State.SynSent) return;
    if (this.#sendSyn(now)) c.tcp.counters.TCPSynRetrans++;
  }

  /** CLOSE. Nothing is sent in SYN-SENT; FIN, or first what is queued, in SYN-RECEIVED. RFC 9293 §3.10.4. */
  shutdown(): void {
    const c = this.connection;
    if (c.state === State.SynSent) return c.tcp.closed(c, "closed");
    if (c.state !== State.SynReceived) return;
    if (c.sendQueue.length > 0) this.closesWhenOpen = true;
    else this.#close();
  }

  /** ABORT. RFC 9293 §3.10.5. */
  abort(): void {
    const c = this.connection;
    if (c.state === State.SynSent) return c.tcp.closed(c, "aborted");
    c.resetPending = true;
    c.tcp.admit(c);
  }

  /** RFC 9293 §3.10.7.3. */
  #arrivesInSynSent(seg: Segment, now: number): void {
    const c = this.connection;
    const tcp = c.tcp;
    if (seg.hasAck && !this.#isAcceptable(seg.ack)) { // first
      if (seg.hasRst) tcp.counters.TCPRstOutOfWindow++;
      else replyReset(tcp, seg, now);
      return;
    }
    if (seg.hasRst) { // second
      if (seg.hasAck) return this.#resetArrives(now);
      tcp.counters.TCPRstOutOfWindow++;
      return;
    }
    if (!seg.hasSyn) { // fifth
      tcp.counters.TCPSynSentDrop++;
      return;
    }
    this.#synchronize(seg, now); // fourth
    if (seg.hasAck) this.#establishBySyn(seg, now);
    else this.#receiveSyn(now);
  }

  /** The peer's SYN tells its numbers, its window and what it agrees to. */
  #synchronize(syn: Segment, now: number): void {
    const c = this.connection;
    const tunables = c.tcp.tunables;
    this.mss = mssOf(syn, tunables);
    this.windowScale = scaleOf(syn, tunables);
    this.sackOk = syn.sackPermitted && tunables.tcp_sack !== 0;
    // A SYN sent again did not ask any more, and an answer that repeats the question agrees to nothing.
    this.ecnOk = syn.hasAck
      ? this.#askedForEcn && (syn.flags & (ECE | CWR)) === ECE
      : asksForEcn(syn, tunables);
    this.tsOk = syn.hasTimestamps && tunables.tcp_timestamps !== 0;
    this.tsRecent = syn.tsVal;
    this.userTimeout = syn.userTimeout;
    c.pathHigh = syn.pathHigh;
    c.pathLow = syn.pathLow;
    c.synchronize(syn.seq);
    adopt(c, this, now);
    c.sndWnd = syn.wnd;
    c.maxSndWnd = syn.wnd;
    c.lastReceivedAt = now | 0;
  }

  /** SYN without ACK: both sides open at once. What else it carries comes again. RFC 9293 §3.5. */
  #receiveSyn(now: number): void {
    this.connection.state = State.SynReceived;
    this.#sentBefore = this.sent;
    this.connection.tcp.deadlines.file(this, now | 0);
  }

  /** The peer's SYN acknowledges ours: → ESTABLISHED at once; its text counts. */
  #establishBySyn(seg: Segment, now: number): void {
    const c = this.connection;
    this.#fastOpen?.answered(seg, this.mss, now);
    this.#establish(seg, now);
    seg.seq = (seg.seq + 1) | 0;
    textOfSynArrives(c, seg, now);
    c.ackNow = true;
  }

  /** SYN-RECEIVED: as for a passive open, but that nothing leads back to LISTEN. RFC 9293 §3.10.7.4. */
  #arrivesInSynReceived(seg: Segment, now: number): void {
    const c = this.connection;
    const tcp = c.tcp;
    const offset = (seg.seq - c.rcvNxt) | 0;
    const isOutside = offset < 0 || offset >= ((c.rcvEdge - c.rcvNxt) | 0);
    if (seg.hasRst) {
      if (offset === 0) return this.#refused();
      if (isOutside) tcp.counters.TCPRstOutOfWindow++;
      else this.#challenge(now);
      return;
    }
    const isTheirSyn = seg.hasSyn && offset === -1;
    if (isTheirSyn && !seg.hasAck) return this.#answerAgain(now);
    if (!isTheirSyn && (seg.hasSyn || (seg.hasAck && isOutside))) return this.#challenge(now);
    if (!seg.hasAck) {
      tcp.counters.TCPNoAckFlag++;
      return;
    }
    if (c.tsOk && (!seg.hasTimestamps || ((seg.tsVal - c.tsRecent) | 0) < 0)) {
      tcp.counters.PAWSEstabRejected++;
      return;
    }
    if (!this.#isAcceptable(seg.ack)) return replyReset(tcp, seg, now);
    this.#establish(seg, now);
    // Its SYN-ACK needs no answer: ours is under way. RFC 9293 §3.5, figure 7.
    if (!isTheirSyn) segmentArrives(c, seg, now);
  }

  /** Whether `ack` acknowledges our SYN, and nothing that was not sent. RFC 9293 §3.10.7.3. */
  #isAcceptable(ack: number): boolean {
    const c = this.connection;
    return seqGt(ack, c.iss) && seqLeq(ack, c.sndNxt);
  }

  /** Our SYN is acknowledged: the connection goes its own way. */
  #establish(answer: Segment, now: number): void {
    const c = this.connection;
    c.isOffloaded = c.tcp.offload && answer.isOffloaded;
    measure(c, this, answer, now);
    if (c.state !== State.FinWait1) {
      c.state = State.Established;
      synAcknowledged(c, answer.ack);
    }
    c.tcp.opened(c);
    if (this.closesWhenOpen) c.shutdown();
  }

  /** Some middleboxes reset what asks for ECN: the next SYN does not. RFC 3168 §6.1.1.1. */
  #resetArrives(now: number): void {
    this.#fastOpen?.refused(now);
    if (!this.#askedForEcn) return this.#refused();
    this.#askedForEcn = false;
    this.connection.tcp.counters.TCPECNRefused++;
  }

  #refused(): void {
    const c = this.connection;
    c.tcp.counters.AttemptFails++;
    c.tcp.closed(c, "refused");
  }

  #close(): void {
    const c = this.connection;
    c.state = State.FinWait1;
    c.finQueued = true;
    c.tcp.admit(c);
  }

  /** A repeated SYN is answered alike and changes nothing. */
  #answerAgain(now: number): void {
    if (!this.#sendSyn(now)) this.connection.tcp.counters.TxDrop++;
  }

  /** `<SEQ=SND.NXT><ACK=RCV.NXT><ACK>`, rate limited. RFC 5961 §3, §4. */
  #challenge(now: number): void {
    const c = this.connection;
    if (c.state === State.FinWait1) return c.tcp.challenge(c, now); // it sends by itself
    if (!c.tcp.mayChallenge(now)) return;
    const seg = prepareReply(c.tcp, c);
    seg.flags = ACK;
    seg.seq = c.sndNxt;
    seg.ack = c.rcvNxt;
    seg.wnd = scaledUp(c.tcp.synWindow, c.rcvShift);
    c.rcvEdge = (c.rcvNxt + (seg.wnd << c.rcvShift)) | 0;
    if (c.tsOk) this.#stamp(seg, now);
    c.tcp.sendReply(seg, now);
  }

  /** `<SEQ=ISS><SYN>`, or with `<ACK=RCV.NXT>` when the peer's SYN is known. Returns false when refused. */
  #sendSyn(now: number): boolean {
    const c = this.connection;
    const tcp = c.tcp;
    const tunables = tcp.tunables;
    const isAnswer = c.state !== State.SynSent;
    const seg = prepareReply(tcp, c);
    // Whoever does not answer a SYN with ECN may answer one without. RFC 3168 §6.1.1.1.
    const asksForEcn = !isAnswer && tunables.tcp_ecn === 1 && this.sent === 0;
    seg.flags = isAnswer ? SYN | ACK : SYN;
    if (asksForEcn) seg.flags |= ECE | CWR;
    if (isAnswer && this.ecnOk) seg.flags |= ECE;
    seg.seq = c.iss;
    seg.ack = isAnswer ? c.rcvNxt : 0;
    seg.wnd = tcp.synWindow;
    seg.mss = tcp.maxSegmentSize(c);
    seg.sackPermitted = isAnswer ? this.sackOk : tunables.tcp_sack !== 0;
    const scales = isAnswer ? this.windowScale >= 0 : tunables.tcp_window_scaling !== 0;
    if (scales) seg.windowScale = tcp.receiveShift;
    if (isAnswer ? this.tsOk : tunables.tcp_timestamps !== 0) this.#stamp(seg, now);
    // Only the first SYN is fast: a path that swallows such SYNs gets another. RFC 7413 §4.2.2.
    const fastOpen = isAnswer || this.sent > 0 ? null : this.#fastOpen;
    // Beside a cookie there may be no room. It is owed still: who answers with a
    // SYN cookie takes it from the third ACK. RFC 5482 §3.
    if (fastOpen === null) seg.userTimeout = announcedSeconds(c);
    const payload = fastOpen === null ? EMPTY_GATHER : fastOpen.extend(seg, now);
    if (!tcp.send(seg, payload, now)) return false;
    if (fastOpen !== null) fastOpen.sent(seg);
    this.#askedForEcn = asksForEcn;
    return true;
  }

  #stamp(seg: Segment, now: number): void {
    seg.hasTimestamps = true;
    seg.tsVal = this.connection.tcp.timestamp(this.tsOffset, now);
    seg.tsEcr = this.tsRecent;
  }
}
