/**
 * TupleReuse: when the tuple of a connection in TIME-WAIT may be had again, and
 * what is answered until then. RFC 9293 §3.6.1, §3.10.7.4, RFC 6191 §2, RFC 1337.
 */

import { ACK, type Segment } from "../wire/segment.ts";
import { seqGt, seqMax } from "../wire/seq.ts";
import type { Connection } from "./connection.ts";
import type { Tuple } from "./connection_table.ts";
import type { IsnSource } from "./isn.ts";
import { prepareReply } from "./output.ts";
import { PeerClocks } from "./peer_clocks.ts";
import type { Tcp } from "./tcp.ts";
import type { TimeWaitQueue } from "./time_wait.ts";
import type { Tunables } from "./tunables.ts";

/** By how much an ISS lies beyond the old connection's numbers: its largest window without scaling, and 2. */
const ISS_GAP = 65535 + 2;

/** The tuples that rest in TIME-WAIT. */
export class TupleReuse {
  readonly #tcp: Tcp;
  readonly #records: TimeWaitQueue;
  readonly #isn: IsnSource;
  readonly #peerClocks = new PeerClocks();
  /** A tuple is on its way from TIME-WAIT to a new connection. */
  #isReopening = false;
  #reopenedFrom = 0;
  #reopenedRecord: Int32Array | null = null;

  constructor(tcp: Tcp, records: TimeWaitQueue, isn: IsnSource) {
    this.#tcp = tcp;
    this.#records = records;
    this.#isn = isn;
  }

  /** What the tuple left behind in TIME-WAIT, while a listener judges the SYN that wants it; else null. */
  get reopenedRecord(): Int32Array | null {
    return this.#reopenedRecord;
  }

  /**
   * ISS for a new connection; beyond the old one's numbers when the tuple is
   * taken from TIME-WAIT. RFC 9293 §3.6.1 (1).
   */
  nextIss(t: Omit<Tuple, "hash">, now: number): number {
    const iss = this.#isn.next(t, now);
    if (!this.#isReopening) return iss;
    const floor = (this.#reopenedFrom + ISS_GAP) | 0;
    return seqMax(iss, floor);
  }

  /** `c` enters TIME-WAIT: its tuple rests from now on. */
  rest(c: Connection, now: number): void {
    const { tcp_max_tw_buckets, tcp_tw_recycle } = this.#tcp.tunables;
    if (this.#records.count >= tcp_max_tw_buckets) this.#tcp.counters.TCPTimeWaitOverflow++;
    else this.#records.add(c, (now + this.#restMs(c)) | 0, now | 0);
    if (c.tsOk && tcp_tw_recycle !== 0) this.#peerClocks.note(c, c.tsRecent, now);
  }

  /** 2·MSL; at most 3.5 RTO with `tcp_tw_recycle`. RFC 9293 §3.6.1; TW-12. */
  #restMs(c: Connection): number {
    const most = 2000 * this.#tcp.tunables.tcp_msl;
    const recycles = c.tsOk && this.#tcp.tunables.tcp_tw_recycle !== 0;
    return recycles ? Math.min(most, 3.5 * c.rtoMs) : most;
  }

  /** Whether the tuple of `c`, and not of a later connection, rests still. */
  rests(c: Connection): boolean {
    return this.#indexOf(c) >= 0;
  }

  /** ABORT in TIME-WAIT: the tuple of `c` is free at once. RFC 9293 §3.10.5. */
  abandon(c: Connection): void {
    const index = this.#indexOf(c);
    if (index >= 0) this.#records.remove(index);
  }

  /** The record of `c`, -1 when there is none. */
  #indexOf(c: Connection): number {
    const records = this.#records;
    const index = records.find(c, c.hash);
    const isOwn = index >= 0 && records.sndNxt(index) === c.sndNxt;
    return isOwn && records.rcvNxt(index) === c.rcvNxt ? index : -1;
  }

  /** Whether `syn` is older than what its host sent before: `tcp_tw_recycle` refuses it. TW-13. */
  isFromStaleHost(syn: Segment, now: number): boolean {
    return this.#tcp.tunables.tcp_tw_recycle !== 0 && syn.hasTimestamps &&
      this.#peerClocks.isStale(syn, syn.tsVal, now);
  }

  /**
   * Whether an active open may have the tuple as far as TIME-WAIT goes: when
   * timestamps tell the two connections apart. RFC 6191 §2; Linux:
   * `tcp_tw_reuse`, whose 2 is for the loopback only.
   */
  mayTake(t: Omit<Tuple, "hash">, hash: number, now: number): boolean {
    const index = this.#records.find(t, hash);
    if (index < 0) return true;
    const tunables = this.#tcp.tunables;
    if (tunables.tcp_tw_reuse !== 1 || tunables.tcp_timestamps === 0) return false;
    return this.#records.hasTimestamps(index) &&
      ((now - this.#records.heardAt(index)) | 0) > tunables.tcp_tw_reuse_delay;
  }

  /** Takes the tuple, out of TIME-WAIT if it is there, and returns the ISS for it. */
  take(t: Omit<Tuple, "hash">, hash: number, now: number): number {
    const index = this.#records.find(t, hash);
    if (index < 0) return this.nextIss(t, now);
    this.#begin(index);
    const iss = this.nextIss(t, now);
    this.#isReopening = false;
    return iss;
  }

  /**
   * SEGMENT ARRIVES in TIME-WAIT, for the record at `index`. Returns false for
   * a SYN that has got the tuple, but that its listener would have reset.
   */
  arrives(index: number, seg: Segment, hash: number, now: number): boolean {
    const records = this.#records;
    const { counters, tunables } = this.#tcp;
    records.hear(index, now | 0);
    if (seg.hasRst) {
      const isExact = seg.seq === records.rcvNxt(index);
      if (isExact && tunables.tcp_rfc1337 === 0) records.remove(index);
      else counters.TCPTimeWaitRst++;
      return true;
    }
    if (seg.hasSyn && !seg.hasAck && !seg.hasFin) {
      const mayHave = mayReopen(records, index, seg, tunables) && this.#tcp.hasListenerFor(seg);
      if (mayHave) return this.#reopen(index, seg, hash, now);
      if (seg.hasTimestamps && records.hasTimestamps(index)) {
        counters.TCPTimeWaitSynDrop++;
        return true;
      }
    }
    if (!seg.hasAck && !seg.hasSyn) {
      counters.TCPNoAckFlag++;
      return true;
    }
    if (seg.hasSyn) counters.TCPChallengeACK++;
    const isFin = seg.hasFin && !seg.hasSyn;
    if (isFin) records.restart(index, (now + 2000 * tunables.tcp_msl) | 0);
    const isExact = seg.len === 0 && seg.seq === records.rcvNxt(index) &&
      seg.ack === records.sndNxt(index);
    if (isExact) return true;
    const mayAnswer = isFin ||
      records.mayAcknowledge(index, now | 0, tunables.tcp_invalid_ratelimit);
    if (mayAnswer) this.#acknowledge(index, seg, now);
    return true;
  }

  /** A SYN takes its tuple out of TIME-WAIT. Returns whether a listener wanted it. RFC 9293 §3.6.1. */
  #reopen(index: number, syn: Segment, hash: number, now: number): boolean {
    this.#reopenedRecord = this.#records.copy(index);
    this.#begin(index);
    const isWanted = this.#tcp.listenerArrives(syn, hash, now);
    this.#isReopening = false;
    this.#reopenedRecord = null;
    return isWanted;
  }

  /** The record goes; until `#isReopening` is false again, `nextIss` is for its tuple. */
  #begin(index: number): void {
    this.#isReopening = true;
    this.#reopenedFrom = this.#records.sndNxt(index);
    this.#records.remove(index);
    this.#tcp.counters.TWRecycled++;
  }

  /** `<SEQ=SND.NXT><ACK=RCV.NXT><ACK>` for a tuple in TIME-WAIT, stateless. */
  #acknowledge(index: number, arrived: Segment, now: number): void {
    const records = this.#records;
    const seg = prepareReply(this.#tcp, arrived);
    seg.flags = ACK;
    seg.seq = records.sndNxt(index);
    seg.ack = records.rcvNxt(index);
    seg.wnd = 0;
    if (records.hasTimestamps(index)) {
      seg.hasTimestamps = true;
      seg.tsVal = this.#tcp.timestamp(this.#tcp.timestampOffset(arrived), now);
      seg.tsEcr = records.tsRecent(index);
    }
    this.#tcp.sendReply(seg, now);
  }
}

/**
 * Whether a SYN proves to be newer than the connection in TIME-WAIT. RFC 6191 §2;
 * TW-06, TW-07. That it has timestamps while the connection had none proves that
 * only where they would have been agreed to: else it may be the connection's own.
 */
function mayReopen(
  records: TimeWaitQueue,
  index: number,
  syn: Segment,
  tunables: Tunables,
): boolean {
  const isBeyond = seqGt(syn.seq, records.rcvNxt(index));
  if (!records.hasTimestamps(index)) {
    return isBeyond || (syn.hasTimestamps && tunables.tcp_timestamps !== 0);
  }
  if (!syn.hasTimestamps) return isBeyond;
  const newer = (syn.tsVal - records.tsRecent(index)) | 0;
  return newer > 0 || (newer === 0 && isBeyond);
}
