/**
 * RangeSet: disjoint runs of sequence numbers in order, merged where they
 * touch. It remembers which were touched last, for the order of SACK blocks
 * (RFC 2018 §4).
 */

import { seqGt, seqLeq, seqMax, seqMin } from "../wire/seq.ts";

const RECENT = 4;
const INITIAL_CAPACITY = 8;

/** The most runs kept; SEC-13. An insertion which would need one more is refused. */
export const MAX_RANGES = 4096;

/** Runs `[start, end)`, ascending modulo 2^32 within half of the number space. */
export class RangeSet {
  /** Runs in use. */
  count = 0;
  #starts = new Int32Array(INITIAL_CAPACITY);
  #ends = new Int32Array(INITIAL_CAPACITY);
  /** Where the last insertions were, newest first. */
  readonly #recent = new Int32Array(RECENT);
  #recentCount = 0;

  /** First sequence number of run `index`. */
  start(index: number): number {
    return this.#starts[index];
  }

  /** The sequence number behind run `index`. */
  end(index: number): number {
    return this.#ends[index];
  }

  /** Index of the first run which ends behind `seq`; `count` if none does. O(log n). */
  firstEndingAfter(seq: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (seqGt(this.#ends[middle], seq)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Whether the run that was touched last ends before `seq`. */
  isNewestEnd(seq: number): boolean {
    const index = this.#runWith(this.#recent[0]); // of an empty set none
    return index !== -1 && this.#ends[index] === seq;
  }

  /** Adds `[start, end)`, merging what it overlaps or touches. Returns false when the set is full. */
  insert(start: number, end: number): boolean {
    const first = this.firstEndingAfter((start - 1) | 0);
    let last = first;
    while (last < this.count && seqLeq(this.#starts[last], end)) last++;
    if (first === last) {
      if (this.count === MAX_RANGES) return false;
      this.#open(first);
      this.#starts[first] = start;
      this.#ends[first] = end;
    } else {
      this.#starts[first] = seqMin(this.#starts[first], start);
      const lastEnd = this.#ends[last - 1];
      this.#ends[first] = seqMax(end, lastEnd);
      this.#close(first + 1, last);
    }
    this.#remember(start);
    return true;
  }

  /** Forgets everything before `seq`. */
  removeBefore(seq: number): void {
    const first = this.firstEndingAfter(seq);
    this.#close(0, first);
    this.#starts[0] = seqMax(this.#starts[0], seq); // where none is left, of no run
  }

  /** Forgets all runs. */
  clear(): void {
    this.count = 0;
    this.#recentCount = 0;
  }

  /**
   * Writes up to `limit` (≤ 4) blocks into `starts` and `ends`: first the run
   * with the newest bytes, then the ones touched before it, then others while
   * there are any. Returns how many.
   */
  blocks(starts: Int32Array, ends: Int32Array, limit: number): number {
    let found = 0;
    for (let i = 0; i < this.#recentCount && found < limit; i++) {
      const index = this.#runWith(this.#recent[i]);
      if (index !== -1) found = this.#addBlock(starts, ends, found, index);
    }
    // Runs that grew together have left no places to older ones.
    for (let i = this.count - 1; i >= 0 && found < limit; i--) {
      found = this.#addBlock(starts, ends, found, i);
    }
    return found;
  }

  /** Index of the run which holds `seq`; -1: none does. */
  #runWith(seq: number): number {
    const index = this.firstEndingAfter(seq);
    return index === this.count || seqGt(this.#starts[index], seq) ? -1 : index;
  }

  #addBlock(starts: Int32Array, ends: Int32Array, found: number, index: number): number {
    const start = this.#starts[index];
    for (let i = 0; i < found; i++) {
      if (starts[i] === start) return found;
    }
    starts[found] = start;
    ends[found] = this.#ends[index];
    return found + 1;
  }

  #remember(seq: number): void {
    const recent = this.#recent;
    // A run which merely grew keeps one place in the order.
    const own = this.firstEndingAfter(seq);
    let kept = 0;
    for (let i = 0; i < this.#recentCount; i++) {
      if (this.firstEndingAfter(recent[i]) === own) continue;
      recent[kept++] = recent[i];
    }
    if (kept === RECENT) kept--;
    recent.copyWithin(1, 0, kept);
    recent[0] = seq;
    this.#recentCount = kept + 1;
  }

  #open(index: number): void {
    if (this.count === this.#starts.length) this.#grow();
    this.#starts.copyWithin(index + 1, index, this.count);
    this.#ends.copyWithin(index + 1, index, this.count);
    this.count++;
  }

  #close(from: number, to: number): void {
    if (from === to) return;
    this.#starts.copyWithin(from, to, this.count);
    this.#ends.copyWithin(from, to, this.count);
    this.count -= to - from;
  }

  #grow(): void {
    const starts = new Int32Array(this.count * 2);
    const ends = new Int32Array(this.count * 2);
    starts.set(this.#starts);
    ends.set(this.#ends);
    this.#starts = starts;
    this.#ends = ends;
  }
}
