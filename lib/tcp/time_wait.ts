/**
 * TIME-WAIT: what is left of a connection for 2·MSL, as records of 64 bytes in
 * typed memory. RFC 9293 §3.6.1, RFC 1337, RFC 6191.
 *
 * Records live equally long, unless `tcp_tw_recycle` shortens the lives of some,
 * so most join the queue at its end; the queue is always in order of expiry.
 */

import type { Endpoint } from "../wire/address.ts";
import { portsWord } from "../wire/tcp_header.ts";
import type { Connection } from "./connection.ts";
import type { Tuple } from "./connection_table.ts";

/** Words of a record. */
const WORDS = 16;
const REMOTE = 0;
const LOCAL = 4;
const PORTS = 8;
const SND_NXT = 9;
const RCV_NXT = 10;
const TS_RECENT = 11;
/** When the last rate-limited acknowledgment was sent; 0: never. */
const ACKNOWLEDGED_AT = 12;
const EXPIRES_AT = 13;
/** When the peer was last heard. */
const HEARD_AT = 14;
/** 1: the connection used timestamps. */
const HAS_TIMESTAMPS = 15;

const INITIAL_CAPACITY = 64;
const NONE = -1;

/** The records, a hash index over them and the FIFO. Records are named by index. */
export class TimeWaitQueue {
  #records = new Int32Array(INITIAL_CAPACITY * WORDS);
  #hashes = new Int32Array(INITIAL_CAPACITY);
  /** Chains of the hash index, and of the free list. */
  #nextInChain = new Int32Array(INITIAL_CAPACITY);
  #nextInQueue = new Int32Array(INITIAL_CAPACITY);
  #previousInQueue = new Int32Array(INITIAL_CAPACITY);
  #buckets = new Int32Array(INITIAL_CAPACITY).fill(NONE);
  #capacity = INITIAL_CAPACITY;
  #used = 0;
  #free = NONE;
  #first = NONE;
  #last = NONE;
  #count = 0;

  /** Records in the queue. */
  get count(): number {
    return this.#count;
  }

  /** When the first record expires, int32 milliseconds; only if `count` > 0. */
  get earliest(): number {
    return this.#records[this.#first * WORDS + EXPIRES_AT];
  }

  /** Remembers what is needed of `c` until `expiresAt` (int32 milliseconds). */
  add(c: Connection, expiresAt: number, now: number): void {
    const index = this.#take();
    const at = index * WORDS;
    const records = this.#records;
    records[at + REMOTE] = c.remote0;
    records[at + REMOTE + 1] = c.remote1;
    records[at + REMOTE + 2] = c.remote2;
    records[at + REMOTE + 3] = c.remote3;
    records[at + LOCAL] = c.local0;
    records[at + LOCAL + 1] = c.local1;
    records[at + LOCAL + 2] = c.local2;
    records[at + LOCAL + 3] = c.local3;
    records[at + PORTS] = portsWord(c.remotePort, c.localPort);
    records[at + SND_NXT] = c.sndNxt;
    records[at + RCV_NXT] = c.rcvNxt;
    records[at + TS_RECENT] = c.tsRecent;
    records[at + ACKNOWLEDGED_AT] = 0;
    records[at + HAS_TIMESTAMPS] = c.tsOk ? 1 : 0;
    this.#insert(index, c.hash, expiresAt, now);
  }

  /** The record a segment belongs to, or -1. */
  find(seg: Omit<Tuple, "hash">, hash: number): number {
    if (this.#count === 0) return NONE;
    let index = this.#buckets[hash & (this.#capacity - 1)];
    while (index !== NONE && !(this.#hashes[index] === hash && this.#matches(index, seg))) {
      index = this.#nextInChain[index];
    }
    return index;
  }

  /** SND.NXT of the connection. */
  sndNxt(index: number): number {
    return this.#records[index * WORDS + SND_NXT];
  }

  /** RCV.NXT of the connection, behind the peer's FIN. */
  rcvNxt(index: number): number {
    return this.#records[index * WORDS + RCV_NXT];
  }

  /** TS.Recent of the connection; meaningful if `hasTimestamps`. */
  tsRecent(index: number): number {
    return this.#records[index * WORDS + TS_RECENT];
  }

  /** Whether an ACK may be sent that nothing but an unacceptable segment asks for; at most one each `intervalMs`. */
  mayAcknowledge(index: number, now: number, intervalMs: number): boolean {
    const at = index * WORDS + ACKNOWLEDGED_AT;
    const last = this.#records[at];
    if (last !== 0 && ((now - last) | 0) < intervalMs) return false;
    this.#records[at] = now || 1;
    return true;
  }

  /** Whether the connection used timestamps. */
  hasTimestamps(index: number): boolean {
    return this.#records[index * WORDS + HAS_TIMESTAMPS] !== 0;
  }

  /** A copy of the record, for `restore`. */
  copy(index: number): Int32Array {
    return this.#records.slice(index * WORDS, (index + 1) * WORDS);
  }

  /** Remembers a copied record again, until it expires as it would have; its peer was heard `now`. RFC 9293 §3.6.1 (2). */
  restore(record: Int32Array, hash: number, now: number): void {
    const index = this.#take();
    this.#records.set(record, index * WORDS);
    this.#insert(index, hash, record[EXPIRES_AT], now | 0);
  }

  /** When the connection's last segment arrived, int32 milliseconds. */
  heardAt(index: number): number {
    return this.#records[index * WORDS + HEARD_AT];
  }

  /** Notes that a segment for the record arrived. */
  hear(index: number, now: number): void {
    this.#records[index * WORDS + HEARD_AT] = now;
  }

  /** Whether a connection that came to this address and port is remembered. */
  hasLocal(local: Endpoint): boolean {
    const { address, port } = local;
    for (let index = this.#first; index !== NONE; index = this.#nextInQueue[index]) {
      const r = this.#records;
      const at = index * WORDS;
      const isPort = port === 0 || (r[at + PORTS] & 0xffff) === port;
      if (
        isPort && r[at + LOCAL + 3] === address.w3 && r[at + LOCAL + 2] === address.w2 &&
        r[at + LOCAL + 1] === address.w1 && r[at + LOCAL] === address.w0
      ) return true;
    }
    return false;
  }

  /** Begins 2·MSL anew: the peer repeated its FIN. RFC 9293 §3.10.7.4. */
  restart(index: number, expiresAt: number): void {
    this.#dequeue(index);
    this.#enqueue(index, expiresAt);
  }

  /** Forgets a record: it expired, or its tuple is used again. */
  remove(index: number): void {
    this.#dequeue(index);
    const bucket = this.#hashes[index] & (this.#capacity - 1);
    if (this.#buckets[bucket] === index) {
      this.#buckets[bucket] = this.#nextInChain[index];
    } else {
      let before = this.#buckets[bucket];
      while (this.#nextInChain[before] !== index) before = this.#nextInChain[before];
      this.#nextInChain[before] = this.#nextInChain[index];
    }
    this.#nextInChain[index] = this.#free;
    this.#free = index;
    this.#count--;
  }

  /** Forgets the records whose time has come. */
  expire(now: number): void {
    while (this.#count > 0 && ((this.earliest - now) | 0) <= 0) this.remove(this.#first);
  }

  #matches(index: number, seg: Omit<Tuple, "hash">): boolean {
    const r = this.#records;
    const at = index * WORDS;
    return r[at + PORTS] === portsWord(seg.remotePort, seg.localPort) &&
      r[at + REMOTE + 3] === seg.remote3 && r[at + LOCAL + 3] === seg.local3 &&
      r[at + REMOTE + 2] === seg.remote2 && r[at + LOCAL + 2] === seg.local2 &&
      r[at + REMOTE + 1] === seg.remote1 && r[at + LOCAL + 1] === seg.local1 &&
      r[at + REMOTE] === seg.remote0 && r[at + LOCAL] === seg.local0;
  }

  #insert(index: number, hash: number, expiresAt: number, now: number): void {
    this.#hashes[index] = hash;
    this.#records[index * WORDS + HEARD_AT] = now;
    const bucket = hash & (this.#capacity - 1);
    this.#nextInChain[index] = this.#buckets[bucket];
    this.#buckets[bucket] = index;
    this.#enqueue(index, expiresAt);
    this.#count++;
  }

  #enqueue(index: number, expiresAt: number): void {
    this.#records[index * WORDS + EXPIRES_AT] = expiresAt;
    const previous = this.#expiringBefore(expiresAt);
    const next = previous === NONE ? this.#first : this.#nextInQueue[previous];
    this.#previousInQueue[index] = previous;
    this.#nextInQueue[index] = next;
    if (previous === NONE) this.#first = index;
    else this.#nextInQueue[previous] = index;
    if (next === NONE) this.#last = index;
    else this.#previousInQueue[next] = index;
  }

  /** The last record that expires no later, sought from the nearer end; -1: there is none. */
  #expiringBefore(expiresAt: number): number {
    if (this.#first === NONE) return NONE;
    const isNearFirst = this.#untilExpiry(this.#first, expiresAt) <
      -this.#untilExpiry(this.#last, expiresAt);
    let index = isNearFirst ? this.#first : this.#last;
    if (!isNearFirst) {
      while (index !== NONE && this.#untilExpiry(index, expiresAt) < 0) {
        index = this.#previousInQueue[index];
      }
      return index;
    }
    while (this.#untilExpiry(index, expiresAt) >= 0) index = this.#nextInQueue[index];
    return this.#previousInQueue[index];
  }

  #untilExpiry(index: number, at: number): number {
    return (at - this.#records[index * WORDS + EXPIRES_AT]) | 0;
  }

  #dequeue(index: number): void {
    const previous = this.#previousInQueue[index];
    const next = this.#nextInQueue[index];
    if (previous === NONE) this.#first = next;
    else this.#nextInQueue[previous] = next;
    if (next === NONE) this.#last = previous;
    else this.#previousInQueue[next] = previous;
  }

  #take(): number {
    if (this.#free !== NONE) {
      const index = this.#free;
      this.#free = this.#nextInChain[index];
      return index;
    }
    if (this.#used === this.#capacity) this.#grow();
    return this.#used++;
  }

  #grow(): void {
    const capacity = this.#capacity * 2;
    this.#records = enlarged(this.#records, capacity * WORDS);
    this.#hashes = enlarged(this.#hashes, capacity);
    this.#nextInChain = enlarged(this.#nextInChain, capacity);
    this.#nextInQueue = enlarged(this.#nextInQueue, capacity);
    this.#previousInQueue = enlarged(this.#previousInQueue, capacity);
    this.#buckets = new Int32Array(capacity).fill(NONE);
    this.#capacity = capacity;
    // It grows only when no record is free: all of them are in use.
    for (let index = 0; index < this.#used; index++) {
      const bucket = this.#hashes[index] & (capacity - 1);
      this.#nextInChain[index] = this.#buckets[bucket];
      this.#buckets[bucket] = index;
    }
  }
}

function enlarged(from: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(length);
  to.set(from);
  return to;
}
