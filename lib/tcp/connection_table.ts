/**
 * ConnectionTable: 4-tuple → connection (or handshake), open addressing with
 * linear probing. RFC 9293 §3.4 (HS-27).
 *
 * The hash is keyed, so that nobody outside can choose tuples which share a
 * slot. Deleting shifts followers back: there are no tombstones to age.
 */

import type { Endpoint } from "../wire/address.ts";
import { hashRound } from "../wire/hash.ts";
import { portsWord } from "../wire/tcp_header.ts";

/** A 4-tuple, spread into the object which has it. Addresses as four int32 words. */
export interface Tuple {
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
  /** `tupleHash` of the above. */
  readonly hash: number;
}

/** Whether the remote address is an IPv4 one. */
export function isIpv4(t: Omit<Tuple, "hash">): boolean {
  return t.remote0 === 0 && t.remote1 === 0 && t.remote2 === 0xffff;
}

/** The tuple's hash under a 32-bit key, an int32. */
export function tupleHash(t: Omit<Tuple, "hash">, key: number): number {
  let h = hashRound(key, t.remote3);
  h = hashRound(h, portsWord(t.remotePort, t.localPort));
  h = hashRound(h, t.local3);
  if (t.remote0 !== 0 || t.remote1 !== 0) {
    h = hashRound(h, t.remote2 ^ key);
    h = hashRound(h, t.remote1);
    h = hashRound(h, t.remote0 ^ t.local0);
  }
  return h;
}

/** Whether a segment, or another tuple, has the same ends. */
export function tupleMatches(t: Tuple, seg: Omit<Tuple, "hash">): boolean {
  return t.remotePort === seg.remotePort && t.localPort === seg.localPort &&
    t.remote3 === seg.remote3 && t.local3 === seg.local3 &&
    t.remote2 === seg.remote2 && t.local2 === seg.local2 &&
    t.remote1 === seg.remote1 && t.local1 === seg.local1 &&
    t.remote0 === seg.remote0 && t.local0 === seg.local0;
}

function isAt(t: Tuple, local: Endpoint): boolean {
  const { w0, w1, w2, w3 } = local.address;
  return (local.port === 0 || t.localPort === local.port) &&
    t.local3 === w3 && t.local2 === w2 && t.local1 === w1 && t.local0 === w0;
}

const INITIAL_CAPACITY = 256;

/** The table. At most half of the slots are in use. */
export class ConnectionTable<T extends Tuple> {
  #hashes = new Int32Array(INITIAL_CAPACITY);
  #items: (T | null)[] = new Array<T | null>(INITIAL_CAPACITY).fill(null);
  #mask = INITIAL_CAPACITY - 1;
  #count = 0;

  /** Entries in the table. */
  get count(): number {
    return this.#count;
  }

  /** The entry a segment belongs to, or null. `hash` is the segment's `tupleHash`. */
  find(seg: Omit<Tuple, "hash">, hash: number): T | null {
    const items = this.#items;
    const hashes = this.#hashes;
    const mask = this.#mask;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const item = items[slot];
      if (item === null) return null;
      if (hashes[slot] === hash && tupleMatches(item, seg)) return item;
    }
  }

  /** Adds an entry whose tuple is not in the table yet. */
  add(item: T): void {
    if ((this.#count + 1) * 2 > this.#mask + 1) this.#grow();
    this.#count++;
    this.#place(item);
  }

  /** Takes an entry out. Returns whether it was in. */
  remove(item: T): boolean {
    const items = this.#items;
    const hashes = this.#hashes;
    const mask = this.#mask;
    let slot = item.hash & mask;
    while (items[slot] !== item) {
      if (items[slot] === null) return false;
      slot = (slot + 1) & mask;
    }
    this.#count--;
    for (let next = slot;;) {
      next = (next + 1) & mask;
      const follower = items[next];
      if (follower === null) break;
      // A follower may move into the gap unless its home lies behind the gap.
      if (((next - (hashes[next] & mask)) & mask) < ((next - slot) & mask)) continue;
      items[slot] = follower;
      hashes[slot] = hashes[next];
      slot = next;
    }
    items[slot] = null;
    return true;
  }

  /** Calls `visit` with every entry; `visit` must not change the table. */
  forEach(visit: (item: T) => void): void {
    for (const item of this.#items) if (item !== null) visit(item);
  }

  /** Whether an entry's local end is `local`, whose port 0 means every port. */
  hasLocal(local: Endpoint): boolean {
    return this.#items.some((item) => item !== null && isAt(item, local));
  }

  #place(item: T): void {
    let slot = item.hash & this.#mask;
    while (this.#items[slot] !== null) slot = (slot + 1) & this.#mask;
    this.#items[slot] = item;
    this.#hashes[slot] = item.hash;
  }

  #grow(): void {
    const items = this.#items;
    const capacity = items.length * 2;
    this.#hashes = new Int32Array(capacity);
    this.#items = new Array<T | null>(capacity).fill(null);
    this.#mask = capacity - 1;
    for (const item of items) if (item !== null) this.#place(item);
  }
}
