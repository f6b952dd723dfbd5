/**
 * ByteQueue: bytes of a stream addressed by sequence number, in lent pages.
 *
 * The byte with sequence number `s` lies in the page of `s >> 12`. A page is
 * taken when its first byte must wait and goes back with its last; nothing
 * moves when a window grows, and an idle queue owns no page.
 */

import type { Gather } from "../wire/gather.ts";
import { GATHER_PIECES } from "../wire/gather.ts";
import type { Arena } from "../wire/memory.ts";
import { PAGE_SHIFT, PAGE_SIZE, type PagePool } from "../wire/pages.ts";

const NONE = -1;
const INITIAL_PAGES = 16;
const EMPTY = new Int32Array(0);

/** A sparse run of bytes. Who uses it knows which bytes are there. */
export class ByteQueue {
  readonly #arena: Arena;
  readonly #pool: PagePool;
  /** Arena offsets of the pages, ring-indexed by page number; NONE where there is none. */
  #pages: Int32Array = EMPTY;
  #mask = 0;
  /** Page numbers of the lowest page that may be lent, and of the one behind the highest. */
  #low = 0;
  #high = 0;

  constructor(arena: Arena, pool: PagePool) {
    this.#arena = arena;
    this.#pool = pool;
  }

  /** Pages lent to this queue at most. 0 exactly if it owns none. */
  get span(): number {
    return (this.#high - this.#low) & PAGE_NUMBERS;
  }

  /**
   * Lends pages for `length` (> 0) bytes from `seq` on. Returns how many bytes
   * of that run, from its beginning, have a page now: less than `length` when
   * the pool has no more than `spare` pages left.
   */
  lend(seq: number, length: number, spare = 0): number {
    const first = seq >>> PAGE_SHIFT;
    const count = pagesOf(seq, length);
    this.#reach(first, count);
    const pages = this.#pages;
    const mask = this.#mask;
    for (let i = 0; i < count; i++) {
      const slot = (first + i) & mask;
      if (pages[slot] !== NONE) continue;
      const page = this.#pool.take(spare);
      if (page < 0) {
        this.#shrink();
        return i === 0 ? 0 : i * PAGE_SIZE - (seq & (PAGE_SIZE - 1));
      }
      pages[slot] = page;
    }
    return length;
  }

  /** Copies `length` bytes of the arena to `seq`; the pages are lent already. */
  write(seq: number, from: number, length: number): void {
    while (length > 0) {
      const within = seq & (PAGE_SIZE - 1);
      const piece = Math.min(length, PAGE_SIZE - within);
      const page = this.#pages[(seq >>> PAGE_SHIFT) & this.#mask];
      this.#arena.copy(page + within, from, piece);
      seq = (seq + piece) | 0;
      from += piece;
      length -= piece;
    }
  }

  /**
   * Fills `gather` with the pieces which hold up to `length` bytes from `seq`
   * on; all of them have pages. Stops at 17 pieces. Returns the bytes covered.
   */
  gather(gather: Gather, seq: number, length: number): number {
    gather.clear();
    const pages = this.#pages;
    const mask = this.#mask;
    while (length > 0 && gather.count < GATHER_PIECES) {
      const within = seq & (PAGE_SIZE - 1);
      const piece = Math.min(length, PAGE_SIZE - within);
      gather.add(pages[(seq >>> PAGE_SHIFT) & mask] + within, piece);
      seq = (seq + piece) | 0;
      length -= piece;
    }
    return gather.length;
  }

  /** Gives back the pages whose bytes all lie before `seq`. */
  releaseBefore(seq: number): void {
    let count = Math.min(pageDifference(seq >>> PAGE_SHIFT, this.#low), this.span);
    for (; count > 0; count--) {
      this.#give(this.#low);
      this.#low = (this.#low + 1) & PAGE_NUMBERS;
    }
  }

  /** Gives back the pages whose bytes all lie at `seq` or behind it. */
  releaseFrom(seq: number): void {
    // The first page that holds nothing before `seq`.
    const target = ((seq + PAGE_SIZE - 1) | 0) >>> PAGE_SHIFT;
    let count = Math.min(pageDifference(this.#high, target), this.span);
    for (; count > 0; count--) {
      this.#high = (this.#high - 1) & PAGE_NUMBERS;
      this.#give(this.#high);
    }
  }

  /** Gives back every page. */
  releaseAll(): void {
    while (this.#low !== this.#high) {
      this.#give(this.#low);
      this.#low = (this.#low + 1) & PAGE_NUMBERS;
    }
  }

  /** Narrows the span to the pages that are lent. */
  #shrink(): void {
    const pages = this.#pages;
    while (this.#low !== this.#high && pages[(this.#high - 1) & this.#mask] === NONE) {
      this.#high = (this.#high - 1) & PAGE_NUMBERS;
    }
    while (this.#low !== this.#high && pages[this.#low & this.#mask] === NONE) {
      this.#low = (this.#low + 1) & PAGE_NUMBERS;
    }
  }

  #give(number: number): void {
    const slot = number & this.#mask;
    const page = this.#pages[slot];
    if (page === NONE) return;
    this.#pages[slot] = NONE;
    this.#pool.give(page);
  }

  /** Widens the span so that it covers `count` pages from page number `first` on. */
  #reach(first: number, count: number): void {
    if (this.#low === this.#high) {
      this.#low = first;
      this.#high = first;
    }
    const below = Math.max(0, pageDifference(this.#low, first));
    const above = Math.max(0, pageDifference(first + count, this.#high));
    const span = below + this.span + above;
    if (span > this.#pages.length) this.#resize(span);
    this.#low = (this.#low - below) & PAGE_NUMBERS;
    this.#high = (this.#high + above) & PAGE_NUMBERS;
  }

  #resize(span: number): void {
    let capacity = Math.max(INITIAL_PAGES, this.#pages.length);
    while (capacity < span) capacity *= 2;
    const pages = new Int32Array(capacity).fill(NONE);
    const mask = capacity - 1;
    for (let n = this.#low; n !== this.#high; n = (n + 1) & PAGE_NUMBERS) {
      pages[n & mask] = this.#pages[n & this.#mask];
    }
    this.#pages = pages;
    this.#mask = mask;
  }
}

/** Page numbers are 20 bits wide: sequence numbers wrap, and so do they. */
const PAGE_NUMBERS = (1 << (32 - PAGE_SHIFT)) - 1;

/** How many pages `length` (> 0) bytes from `seq` on touch. */
function pagesOf(seq: number, length: number): number {
  return ((seq & (PAGE_SIZE - 1)) + length + PAGE_SIZE - 1) >>> PAGE_SHIFT;
}

/** How far page number `a` is ahead of `b`, modulo 2^20; negative when it is behind. */
function pageDifference(a: number, b: number): number {
  return ((a - b) << PAGE_SHIFT) >> PAGE_SHIFT;
}
