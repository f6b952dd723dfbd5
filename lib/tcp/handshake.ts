/**
 * Handshake: SYN-RECEIVED of a passive open, a dozen numbers until the third
 * ACK pays for a connection. RFC 9293 §3.10.7.4, RFC 4987 §3.2.
 *
 * The SYN-ACK is sent when its deadline passes: the first at once, the others
 * with doubling waits of `tcp_synack_retries` times.
 */

import { EMPTY_GATHER } from "../wire/gather.ts";
import { ACK, ECE, RST, type Segment, SYN } from "../wire/segment.ts";
import { seqGeq, seqGt } from "../wire/seq.ts";
import {
  type ConnectionRequest,
  measure,
  mssOf,
  openConnection,
  scaledUp,
  scaleOf,
  type SynHistory,
} from "./agreement.ts";
import type { CloseReason, Connection } from "./connection.ts";
import { NOT_FILED } from "./deadlines.ts";
import { asksForEcn } from "./ecn.ts";
import { COOKIE_LENGTH } from "./fast_open.ts";
import { segmentArrives } from "./input.ts";
import type { Listener } from "./listener.ts";
import { prepareReply } from "./output.ts";
import { replyReset } from "./reset.ts";
import { State } from "./state.ts";
import type { Tcp } from "./tcp.ts";

/** How soon a SYN-ACK that the device refused is tried again. Milliseconds. */
const REFUSED_RETRY_MS = 10;

/** A connection request that waits for the third ACK: an entry of the SYN queue. */
export class Handshake implements ConnectionRequest, SynHistory {
  readonly tcp: Tcp;
  readonly listener: Listener;
  readonly local0: number;
  readonly local1: number;
  readonly local2: number;
  readonly local3: number;
  readonly remote0: number;
  readonly remote1: number;
  readonly remote2: number;
  readonly remote3: number;
  readonly localPort: number;
  readonly remotePort: number;
  readonly hash: number;
  readonly pathHigh: number;
  readonly pathLow: number;
  heapIndex = NOT_FILED;

  readonly irs: number;
  readonly iss: number;
  /** The peer's MSS, after bounds; what it said about scaling, SACK, ECN and timestamps. */
  readonly mss: number;
  readonly windowScale: number;
  readonly sackOk: boolean;
  readonly ecnOk: boolean;
  readonly tsOk: boolean;
  tsRecent: number;
  readonly tsOffset: number;
  readonly userTimeout: number;
  readonly wnd: number;
  /** What the SYN-ACK acknowledges: the SYN, and its data in a fast open. */
  rcvNxt: number;
  /** The connection that fast open made at the SYN; null: there is none yet. */
  child: Connection | null = null;
  /** Whether the SYN-ACK brings a fast-open cookie, and whether in the experimental option, as the SYN had it. */
  offersCookie = false;
  readonly #isFastOpenExperimental: boolean;

  /** SYN-ACKs sent by deadline; those that answer a repeated SYN do not count. */
  sent = 0;
  sentAt = 0;
  /** TSval of the first SYN-ACK. */
  firstTsVal = 0;
  /** The TIME-WAIT record whose tuple this request took; null: it took none. */
  replaced: Int32Array | null = null;

  constructor(tcp: Tcp, listener: Listener, syn: Segment, hash: number, now: number) {
    const tunables = tcp.tunables;
    this.tcp = tcp;
    this.listener = listener;
    this.local0 = syn.local0;
    this.local1 = syn.local1;
    this.local2 = syn.local2;
    this.local3 = syn.local3;
    this.remote0 = syn.remote0;
    this.remote1 = syn.remote1;
    this.remote2 = syn.remote2;
    this.remote3 = syn.remote3;
    this.localPort = syn.localPort;
    this.remotePort = syn.remotePort;
    this.hash = hash;
    this.pathHigh = syn.pathHigh;
    this.pathLow = syn.pathLow;
    this.irs = syn.seq;
    this.iss = tcp.tupleReuse.nextIss(syn, now);
    this.mss = mssOf(syn, tunables);
    this.windowScale = scaleOf(syn, tunables);
    this.sackOk = syn.sackPermitted && tunables.tcp_sack !== 0;
    this.ecnOk = asksForEcn(syn, tunables);
    this.tsOk = syn.hasTimestamps && tunables.tcp_timestamps !== 0;
    this.tsRecent = syn.tsVal;
    this.tsOffset = this.tsOk ? tcp.timestampOffset(syn) : 0;
    this.userTimeout = syn.userTimeout;
    this.wnd = syn.wnd;
    this.rcvNxt = (syn.seq + 1) | 0;
    this.#isFastOpenExperimental = syn.isFastOpenExperimental;
  }

  /** The SYN-ACK is due, or the request is given up. RFC 6298 §5.5; SYNQ-03, SYNQ-04. */
  deadlinePassed(now: number): void {
    const tunables = this.tcp.tunables;
    if (this.sent > tunables.tcp_synack_retries) {
      this.tcp.counters.TCPSynAckGivenUp++;
      if (tunables.tcp_synack_fail_rst !== 0) this.#sendReset(now);
      return this.#end("timed out");
    }
    if (!this.sendSynAck(now)) return this.tcp.deadlines.file(this, (now + REFUSED_RETRY_MS) | 0);
    if (this.sent > 0) this.tcp.counters.TCPSynRetrans++;
    else this.#noteFirst(now);
    const wait = Math.min(tunables.tcp_rto_init * 2 ** this.sent, tunables.tcp_rto_max);
    this.sent++;
    this.tcp.deadlines.file(this, (now + wait) | 0);
  }

  #noteFirst(now: number): void {
    this.sentAt = now | 0;
    this.firstTsVal = this.tcp.timestamp(this.tsOffset, now);
  }

  /** `<SEQ=ISS><ACK=RCV.NXT><SYN,ACK>`, always alike but for TSval. Returns false when refused. */
  sendSynAck(now: number): boolean {
    const seg = prepareReply(this.tcp, this);
    seg.flags = this.ecnOk ? SYN | ACK | ECE : SYN | ACK;
    seg.seq = this.iss;
    seg.ack = this.rcvNxt;
    seg.wnd = this.tcp.synWindow;
    seg.mss = this.tcp.maxSegmentSize(this);
    seg.sackPermitted = this.sackOk;
    if (this.windowScale >= 0) seg.windowScale = this.tcp.receiveShift;
    if (this.tsOk) {
      seg.hasTimestamps = true;
      seg.tsVal = this.tcp.timestamp(this.tsOffset, now);
      seg.tsEcr = this.tsRecent;
    }
    if (this.offersCookie) {
      seg.fastOpenLength = COOKIE_LENGTH;
      seg.isFastOpenExperimental = this.#isFastOpenExperimental;
      this.tcp.fastOpenCookies.write(this, seg.fastOpenCookie);
    }
    return this.tcp.send(seg, EMPTY_GATHER, now);
  }

  /** SEGMENT ARRIVES in SYN-RECEIVED of a passive open. RFC 9293 §3.10.7.4. */
  arrives(seg: Segment, now: number): void {
    const tcp = this.tcp;
    const offset = (seg.seq - this.rcvNxt) | 0;
    if (seg.hasRst) return this.#resetArrives(offset, now);
    if (seg.hasSyn) return this.#synArrives(seg, offset, now);
    if (!seg.hasAck) {
      tcp.counters.TCPNoAckFlag++;
      return;
    }
    const isAcceptable = offset >= 0 ? offset < tcp.synWindow : offset + seg.len > 0;
    if (!isAcceptable) return this.#challenge(now);
    if (this.tsOk && (!seg.hasTimestamps || ((seg.tsVal - this.tsRecent) | 0) < 0)) {
      tcp.counters.PAWSEstabRejected++;
      return;
    }
    const last = this.child === null ? (this.iss + 1) | 0 : this.child.sndNxt;
    const isNews = seqGt(seg.ack, this.iss) && seqGeq(last, seg.ack);
    if (!isNews) {
      const isTaken = this.child === null &&
        this.listener.cookieArrives(seg, this.hash, this, now);
      return isTaken ? undefined : replyReset(tcp, seg, now);
    }
    if (this.child === null && !this.listener.hasRoom) {
      tcp.counters.ListenOverflows++;
      if (tcp.tunables.tcp_abort_on_overflow === 0) return;
      tcp.forget(this);
      return replyReset(tcp, seg, now);
    }
    this.#establish(seg, now);
  }

  /** Only the exact sequence number ends it. RFC 5961 §3; SYNQ-12. */
  #resetArrives(offset: number, now: number): void {
    if (offset === 0) {
      this.tcp.counters.TCPReqReset++;
      if (this.child !== null) this.listener.fastOpenQueue.reset(now);
      this.#end("reset by peer");
      // The SYN was an old duplicate: its tuple goes on resting. RFC 9293 §3.6.1 (2).
      if (this.replaced !== null) this.tcp.timeWaits.restore(this.replaced, this.hash, now);
      return;
    }
    if (offset > 0 && offset < this.tcp.synWindow) this.#challenge(now);
    else this.tcp.counters.TCPRstOutOfWindow++;
  }

  /** The same SYN again is answered alike and changes nothing (HS-18); another in the window ends it (HS-25). */
  #synArrives(seg: Segment, offset: number, now: number): void {
    if (seg.seq === this.irs && !seg.hasAck) {
      // The first answer is due; this one would not count, and its ACK would measure nothing.
      if (this.sent === 0) return;
      if (!this.sendSynAck(now)) this.tcp.counters.TxDrop++;
      return;
    }
    // A child has data that nobody would send again. RFC 5961 §4.
    const isOutside = offset < 0 || offset >= this.tcp.synWindow;
    if (isOutside || this.child !== null) return this.#challenge(now);
    this.tcp.counters.TCPReqReset++;
    this.tcp.forget(this);
  }

  /** `<SEQ=SND.NXT><ACK=RCV.NXT><ACK>`, rate limited for all handshakes together. */
  #challenge(now: number): void {
    const tcp = this.tcp;
    if (this.child !== null) return tcp.challenge(this.child, now);
    if (!tcp.mayChallenge(now)) return;
    const seg = prepareReply(tcp, this);
    seg.flags = ACK;
    seg.seq = (this.iss + 1) | 0;
    seg.ack = this.rcvNxt;
    seg.wnd = scaledUp(tcp.synWindow, this.windowScale >= 0 ? tcp.receiveShift : 0);
    if (this.tsOk) {
      seg.hasTimestamps = true;
      seg.tsVal = tcp.timestamp(this.tsOffset, now);
      seg.tsEcr = this.tsRecent;
    }
    tcp.sendReply(seg, now);
  }

  /** `<SEQ=ISS+1><ACK=RCV.NXT><RST,ACK>` to a peer who never answered. SYNQ-07. */
  #sendReset(now: number): void {
    const seg = prepareReply(this.tcp, this);
    seg.flags = RST | ACK;
    seg.seq = (this.iss + 1) | 0;
    seg.ack = this.rcvNxt;
    this.tcp.counters.OutRsts++;
    this.tcp.sendReply(seg, now);
  }

  /** The third ACK: the connection takes over. */
  #establish(seg: Segment, now: number): void {
    const tcp = this.tcp;
    const child = this.child;
    const c = child ?? openConnection(tcp, this, now);
    tcp.forget(this);
    measure(c, this, seg, now);
    if (child === null) this.listener.established(c);
    else if (c.state === State.SynReceived) c.state = State.Established;
    establish(c, seg, now);
  }

  /** There will be no third ACK. The user of a child still reads what its SYN brought. */
  #end(reason: CloseReason): void {
    const child = this.child;
    if (child !== null) this.tcp.closed(child, reason);
    else this.tcp.forget(this);
  }
}

/** The third ACK: → ESTABLISHED. The segment is processed further there. RFC 9293 §3.10.7.4, fifth. */
export function establish(c: Connection, seg: Segment, now: number): void {
  c.sndWnd = seg.wnd << c.sndShift;
  c.maxSndWnd = Math.max(c.maxSndWnd, c.sndWnd);
  c.sndWl1 = seg.seq;
  c.lastReceivedAt = now | 0;
  c.tcp.established(c);
  segmentArrives(c, seg, now);
}
