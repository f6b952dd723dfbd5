/**
 * ReceiveQueue: bytes that arrived and were not taken yet, in order and out of
 * order. RFC 9293 §3.10.7.4, seventh.
 *
 * The first copy of a byte wins, whatever later segments claim (SEG-05).
 */

import type { Gather } from "../wire/gather.ts";
import type { Arena } from "../wire/memory.ts";
import type { PagePool } from "../wire/pages.ts";
import { seqGeq, seqLeq, seqMin } from "../wire/seq.ts";
import { ByteQueue } from "./byte_queue.ts";
import { RangeSet } from "./range_set.ts";

/**
 * One page of so many (2^6) is left to others. What was received may have to be
 * sent on by another connection, which needs pages of its own first: memory full
 * of bytes that wait would never be empty again.
 */
const SPARE_SHIFT = 6;

/**
 * One page of so many (2^2) is left by what lies beyond gaps. If that could fill
 * the memory, nothing that fills a gap would find room, and all gaps would stay:
 * all connections with one would hang for good. SEC-15.
 */
const GAP_SPARE_SHIFT = 2;

/** In-order bytes from `start` to `next`, and runs beyond gaps. */
export class ReceiveQueue {
  readonly #bytes: ByteQueue;
  readonly #spare: number;
  readonly #gapSpare: number;
  /** Sequence number of the first byte the user has not taken. */
  start: number;
  /** Sequence number behind the last byte in order: RCV.NXT, without the peer's FIN. */
  next: number;
  /** Runs beyond a gap; null until there was one. */
  #ranges: RangeSet | null = null;

  constructor(arena: Arena, pool: PagePool, start: number) {
    this.#spare = pool.limit >> SPARE_SHIFT;
    this.#gapSpare = pool.limit >> GAP_SPARE_SHIFT;
    this.#bytes = new ByteQueue(arena, pool);
    this.start = start;
    this.next = start;
  }

  /** The first byte will have the number `start`. Only while nothing was taken in. */
  begin(start: number): void {
    this.start = start;
    this.next = start;
  }

  /** Bytes in order which wait for the user. */
  get length(): number {
    return (this.next - this.start) | 0;
  }

  /** Runs of bytes that lie beyond gaps. */
  get runCount(): number {
    return this.#ranges === null ? 0 : this.#ranges.count;
  }

  /** Whether text from `seq` on continues the run that was touched last. */
  endsNewestRun(seq: number): boolean {
    return this.#ranges !== null && this.#ranges.isNewestEnd(seq);
  }

  /** Whether bytes lie beyond a gap. */
  get hasGap(): boolean {
    return this.runCount > 0;
  }

  /** Runs beyond gaps, for SACK blocks; null when there never was one. */
  get ranges(): RangeSet | null {
    return this.#ranges;
  }

  /** Bytes which were handed on without being stored; only while `length` is 0 and there is no gap. */
  skip(count: number): void {
    this.start = (this.start + count) | 0;
    this.next = this.start;
  }

  /**
   * Stores the next `length` bytes in order, from arena offset `from` on, and
   * takes in what they connect to. Returns how many of them found room.
   */
  append(from: number, length: number): number {
    const stored = this.#store(this.next, from, length, this.#spare);
    this.next = (this.next + stored) | 0;
    const ranges = this.#ranges;
    if (ranges === null || ranges.count === 0) return stored;
    const first = ranges.firstEndingAfter(this.next);
    if (first < ranges.count && seqLeq(ranges.start(first), this.next)) {
      this.next = ranges.end(first);
    }
    ranges.removeBefore(this.next);
    return stored;
  }

  /** Stores bytes beyond a gap. Returns false when there was no room for them or for one more run. */
  insert(seq: number, from: number, length: number): boolean {
    const ranges = this.#ranges ??= new RangeSet();
    const stored = this.#store(seq, from, length, this.#gapSpare);
    return stored > 0 && ranges.insert(seq, (seq + stored) | 0);
  }

  /** The pieces which hold the bytes in order. Returns the bytes covered, 17 pieces at most. */
  gather(gather: Gather): number {
    return this.#bytes.gather(gather, this.start, this.length);
  }

  /** The user took `count` bytes. */
  consume(count: number): void {
    this.start = (this.start + count) | 0;
    if (this.start === this.next && !this.hasGap) this.#bytes.releaseAll();
    else this.#bytes.releaseBefore(this.start);
  }

  /** Gives back what lies beyond gaps. */
  dropGaps(): void {
    if (!this.hasGap) return;
    this.#ranges!.clear();
    if (this.length === 0) this.#bytes.releaseAll();
    else this.#bytes.releaseFrom(this.next);
  }

  /** Gives everything back. */
  clear(): void {
    this.start = this.next;
    this.#ranges = null;
    this.#bytes.releaseAll();
  }

  /** Copies the bytes of the run which are not held yet. Returns how many from its beginning are held now. */
  #store(seq: number, from: number, length: number, spare: number): number {
    const lent = this.#bytes.lend(seq, length, spare);
    const end = (seq + lent) | 0;
    const ranges = this.#ranges;
    let at = seq;
    if (ranges !== null) {
      for (let i = ranges.firstEndingAfter(seq); i < ranges.count && at !== end; i++) {
        if (seqGeq(ranges.start(i), end)) break;
        const gap = (ranges.start(i) - at) | 0;
        if (gap > 0) this.#bytes.write(at, from + ((at - seq) | 0), gap);
        at = seqMin(ranges.end(i), end);
      }
    }
    const rest = (end - at) | 0;
    if (rest > 0) this.#bytes.write(at, from + ((at - seq) | 0), rest);
    return lent;
  }
}
