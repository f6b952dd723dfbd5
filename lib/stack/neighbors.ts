/**
 * Neighbors: the cache of link-layer addresses, for ARP and NDP alike. Bounded,
 * ageing, probing. RFC 826, RFC 1122 §2.3.2, RFC 4861 §7.
 *
 * It sends nothing itself: `poll` asks a `Prober` to, outside of any other use
 * of the transmit frame.
 */

import { invariant } from "../invariant.ts";
import type { Counters } from "../tcp/counters.ts";
import { hashAddress } from "../wire/hash.ts";

/** The life of an entry. */
export const NeighborState = {
  Free: 0,
  /** Asked for by broadcast; there is no MAC yet. */
  Incomplete: 1,
  /** The MAC was confirmed, lately or some time ago. */
  Reachable: 2,
  /** Not confirmed for long: used, and asked for by unicast. */
  Probing: 3,
  /** Nobody answered. Held for a while, so that each packet does not ask again. */
  Failed: 4,
} as const;

/** Sends what the cache wants to be sent. */
export interface Prober {
  /** Asks for the address of entry `slot`: by unicast to its MAC if it has one. */
  probe(slot: number): void;
  /** Sends what waits for entry `slot`, which is reachable now. Returns false when some must wait on. */
  flush(slot: number): boolean;
  /** Forgets what waits for entry `slot`, which failed or is needed for another. */
  discard(slot: number): void;
}

const PROBE_INTERVAL_MS = 1000;
const PROBE_LIMIT = 3;
/** Long enough that a retransmitted SYN or two ask nothing, short enough for a host that comes back. */
const FAILURE_HOLD_MS = 20_000;
/** How soon the device is tried again that took nothing. */
const FLUSH_RETRY_MS = 1;
/** A confirmation counts once in that time: it is seen with every segment. */
const CONFIRM_INTERVAL_MS = 1000;
const NONE = -1;

/** The cache. An entry is a slot number, 0 … limit - 1, valid until the next `create`. */
export class Neighbors {
  /** Addresses, four words each. */
  readonly words: Int32Array;
  /** MACs: 16 high bits, 32 low bits. */
  readonly macHigh: Int32Array;
  readonly macLow: Int32Array;
  /** `NeighborState` of each slot. */
  readonly state: Uint8Array;
  readonly #limit: number;
  /** How long an entry is believed without confirmation. */
  staleMs: number;
  readonly #prober: Prober;
  readonly #counters: Counters;
  readonly #probes: Uint8Array;
  /** When to probe next, flush, or forget the failure; Infinity: nothing to do. */
  readonly #dueAt: Float64Array;
  readonly #confirmedAt: Float64Array;
  /** The tick of the last use; the smallest goes first. */
  readonly #usedTick: Float64Array;
  readonly #hashes: Int32Array;
  readonly #mask: number;
  /** Slots of one hash, chained. */
  readonly #next: Int32Array;
  readonly #hashKey: number;
  #count = 0;
  #fresh = 0;
  #tick = 0;
  #deadline = Infinity;
  /** The slot found last: one peer's segments come in rows. */
  #last = 0;

  /** At most `limit` entries, probed when `staleMs` went by unconfirmed. `hashKey` is a secret int32. */
  constructor(
    limit: number,
    staleMs: number,
    hashKey: number,
    prober: Prober,
    counters: Counters,
  ) {
    this.words = new Int32Array(limit * 4);
    this.macHigh = new Int32Array(limit);
    this.macLow = new Int32Array(limit);
    this.state = new Uint8Array(limit);
    this.#limit = limit;
    this.staleMs = staleMs;
    this.#prober = prober;
    this.#counters = counters;
    this.#probes = new Uint8Array(limit);
    this.#dueAt = new Float64Array(limit).fill(Infinity);
    this.#confirmedAt = new Float64Array(limit);
    this.#usedTick = new Float64Array(limit);
    let size = 16;
    while (size < limit) size *= 2;
    this.#hashes = new Int32Array(size).fill(NONE);
    this.#mask = size - 1;
    this.#next = new Int32Array(limit).fill(NONE);
    this.#hashKey = hashKey;
  }

  /** Entries in the cache, failed ones included. */
  get count(): number {
    return this.#count;
  }

  /** When `poll` has something to do; Infinity: nothing. */
  get deadline(): number {
    return this.#deadline;
  }

  /** The slot of an address, -1 when there is none. */
  find(word0: number, word1: number, word2: number, word3: number): number {
    if (this.#count === 0) return NONE;
    if (this.#isAt(this.#last, word0, word1, word2, word3)) return this.#last;
    let slot = this.#hashes[this.#hash(word0, word1, word2, word3)];
    while (slot !== NONE && !this.#isAt(slot, word0, word1, word2, word3)) slot = this.#next[slot];
    if (slot !== NONE) this.#last = slot;
    return slot;
  }

  /**
   * Notes that a packet goes to entry `slot`. Returns whether it has a MAC; when
   * that was not confirmed for long, it is probed as well. RFC 1122 §2.3.2.1.
   */
  use(slot: number, now: number): boolean {
    this.#usedTick[slot] = ++this.#tick;
    const state = this.state[slot];
    const isOld = now - this.#confirmedAt[slot] > this.staleMs;
    if (isOld) this.doubt(slot, now);
    return state === NeighborState.Reachable || state === NeighborState.Probing;
  }

  /** Those above miss answers of entry `slot`: it is probed though it was confirmed lately. RFC 1122 §2.3.2.1. */
  doubt(slot: number, now: number): void {
    if (this.state[slot] !== NeighborState.Reachable || this.#mustFlush(slot)) return;
    this.state[slot] = NeighborState.Probing;
    this.#probes[slot] = 0;
    this.#schedule(slot, now);
  }

  /** Whether entry `slot` was asked for in vain, lately. */
  isFailed(slot: number): boolean {
    return this.state[slot] === NeighborState.Failed;
  }

  /** Adds an entry for an address that is not in, Incomplete, to be asked for at once. Returns its slot. */
  create(word0: number, word1: number, word2: number, word3: number, now: number): number {
    invariant(this.find(word0, word1, word2, word3) === NONE, "a neighbour is added twice");
    const slot = this.#takeSlot();
    const bucket = this.#hash(word0, word1, word2, word3);
    this.words[slot * 4] = word0;
    this.words[slot * 4 + 1] = word1;
    this.words[slot * 4 + 2] = word2;
    this.words[slot * 4 + 3] = word3;
    this.macHigh[slot] = 0;
    this.macLow[slot] = 0;
    this.state[slot] = NeighborState.Incomplete;
    this.#probes[slot] = 0;
    this.#usedTick[slot] = ++this.#tick;
    this.#next[slot] = this.#hashes[bucket];
    this.#hashes[bucket] = slot;
    this.#count++;
    this.#schedule(slot, now);
    return slot;
  }

  /** The host itself told its MAC: what waits for it is sent by the next `poll`. */
  learn(slot: number, macHigh: number, macLow: number, now: number): void {
    const isWaitedFor = this.state[slot] === NeighborState.Incomplete || this.#mustFlush(slot);
    this.macHigh[slot] = macHigh;
    this.macLow[slot] = macLow;
    this.state[slot] = NeighborState.Reachable;
    this.#confirmedAt[slot] = now;
    this.#dueAt[slot] = Infinity;
    if (isWaitedFor) this.#schedule(slot, now);
  }

  /** A connection made progress through entry `slot`, whose MAC this is: it is reachable. RFC 4861 §7.3.1. */
  confirm(slot: number, macHigh: number, macLow: number, now: number): void {
    if (now - this.#confirmedAt[slot] < CONFIRM_INTERVAL_MS) return;
    const state = this.state[slot];
    if (state !== NeighborState.Reachable && state !== NeighborState.Probing) return;
    if (this.macLow[slot] !== macLow || this.macHigh[slot] !== macHigh) return;
    this.#confirmedAt[slot] = now;
    if (state === NeighborState.Reachable) return;
    this.state[slot] = NeighborState.Reachable;
    this.#dueAt[slot] = Infinity;
  }

  /** Sends due probes and what need no longer wait, gives up on the silent. */
  poll(now: number): void {
    if (now < this.#deadline) return;
    this.#deadline = Infinity;
    for (let slot = 0; slot < this.#fresh; slot++) {
      if (this.#dueAt[slot] <= now) this.#act(slot, now);
      this.#deadline = Math.min(this.#deadline, this.#dueAt[slot]);
    }
  }

  #act(slot: number, now: number): void {
    const state = this.state[slot];
    this.#dueAt[slot] = Infinity;
    if (state === NeighborState.Reachable) {
      if (!this.#prober.flush(slot)) this.#dueAt[slot] = now + FLUSH_RETRY_MS;
    } else if (state === NeighborState.Failed) {
      this.#remove(slot);
    } else if (this.#probes[slot] < PROBE_LIMIT) {
      this.#probes[slot]++;
      this.#dueAt[slot] = now + PROBE_INTERVAL_MS;
      this.#counters.NeighborProbes++;
      this.#prober.probe(slot);
    } else {
      this.#fail(slot, now);
    }
  }

  /** A stale entry goes: the frames' own MACs serve. One never resolved stays, as failed. */
  #fail(slot: number, now: number): void {
    this.#counters.NeighborFailures++;
    const isStale = this.state[slot] === NeighborState.Probing;
    this.state[slot] = NeighborState.Failed;
    this.#dueAt[slot] = now + FAILURE_HOLD_MS;
    this.#prober.discard(slot);
    if (isStale) this.#remove(slot);
  }

  /** Whether packets wait for entry `slot` although it is reachable: the next `poll` sends them. */
  #mustFlush(slot: number): boolean {
    return this.state[slot] === NeighborState.Reachable && this.#dueAt[slot] !== Infinity;
  }

  #schedule(slot: number, at: number): void {
    this.#dueAt[slot] = at;
    this.#deadline = Math.min(this.#deadline, at);
  }

  /** A free slot, else that of the entry whose last use is longest ago. */
  #takeSlot(): number {
    if (this.#fresh < this.#limit) return this.#fresh++;
    let oldest = 0;
    for (let slot = 0; slot < this.#limit; slot++) {
      if (this.state[slot] === NeighborState.Free) return slot;
      if (this.#usedTick[slot] < this.#usedTick[oldest]) oldest = slot;
    }
    this.#prober.discard(oldest);
    this.#remove(oldest);
    return oldest;
  }

  #remove(slot: number): void {
    const words = this.words;
    const at = slot * 4;
    const bucket = this.#hash(words[at], words[at + 1], words[at + 2], words[at + 3]);
    if (this.#hashes[bucket] === slot) {
      this.#hashes[bucket] = this.#next[slot];
    } else {
      let before = this.#hashes[bucket];
      while (this.#next[before] !== slot) before = this.#next[before];
      this.#next[before] = this.#next[slot];
    }
    this.#next[slot] = NONE;
    this.#dueAt[slot] = Infinity;
    this.state[slot] = NeighborState.Free;
    this.#count--;
  }

  #isAt(slot: number, word0: number, word1: number, word2: number, word3: number): boolean {
    const words = this.words;
    const at = slot * 4;
    return words[at + 3] === word3 && words[at + 2] === word2 && words[at + 1] === word1 &&
      words[at] === word0 && this.state[slot] !== NeighborState.Free;
  }

  #hash(word0: number, word1: number, word2: number, word3: number): number {
    return hashAddress(word0, word1, word2, word3, this.#hashKey) & this.#mask;
  }
}
