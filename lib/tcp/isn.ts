/**
 * Initial sequence numbers and timestamp offsets, from keyed hashes: a clock
 * tells apart incarnations of a connection, the hash hides it from others.
 * RFC 9293 §3.4.1, RFC 6528 §3, RFC 7323 §5.4.
 */

import type { Arena } from "../wire/memory.ts";
import type { Tuple } from "./connection_table.ts";
import { SipHash } from "./siphash.ts";

/** The clock M adds one every four microseconds. */
const TICKS_PER_MS = 250;

/** Where a connection's first numbers come from. */
export interface IsnSource {
  /** The ISN of a connection that begins at `now` (milliseconds). */
  next(t: Omit<Tuple, "hash">, now: number): number;
  /** What is added to the millisecond clock in TSval. */
  timestampOffset(t: Omit<Tuple, "hash">): number;
}

/** Makes ISNs and timestamp offsets. Its two keys are secrets of this engine. */
export class IsnGenerator implements IsnSource {
  readonly #isn: SipHash;
  readonly #timestamp: SipHash;

  /** Both keys are 16 bytes. */
  constructor(arena: Arena, isnKey: Uint8Array, timestampKey: Uint8Array) {
    this.#isn = new SipHash(arena, isnKey);
    this.#timestamp = new SipHash(arena, timestampKey);
  }

  /** ISN = M + F(local IP, remote IP, local port, remote port, key). `now` in milliseconds. */
  next(t: Omit<Tuple, "hash">, now: number): number {
    const f = this.#isn.begin()
      .address(t.local0, t.local1, t.local2, t.local3)
      .address(t.remote0, t.remote1, t.remote2, t.remote3)
      .half(t.localPort).half(t.remotePort).low();
    return (f + Math.floor(now * TICKS_PER_MS)) | 0;
  }

  /** What is added to the millisecond clock in TSval: alike for all connections of two hosts. */
  timestampOffset(t: Omit<Tuple, "hash">): number {
    return this.#timestamp.begin()
      .address(t.local0, t.local1, t.local2, t.local3)
      .address(t.remote0, t.remote1, t.remote2, t.remote3).low();
  }
}
