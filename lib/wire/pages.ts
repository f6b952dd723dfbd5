/**
 * PagePool: the arena's 4 KiB pages, lent one by one to the queues of bytes.
 *
 * The page given back last is lent first: it is the one most likely still in
 * the cache. Pages never lent are never touched, so the system need not back
 * them with memory.
 */

import { invariant } from "../invariant.ts";
import type { Arena } from "./memory.ts";

/** The binary logarithm of `PAGE_SIZE`. */
export const PAGE_SHIFT = 12;
/** Bytes of a page. */
export const PAGE_SIZE: number = 1 << PAGE_SHIFT;

/** The pages of one region of an arena. */
export class PagePool {
  /** How many pages there are. */
  readonly limit: number;
  /** Arena offset of the region. */
  private readonly base: number;
  /** Pages given back, by number; the last is the next to be lent. */
  private readonly free: Int32Array;
  private freeCount = 0;
  /** The first page which was never lent; so are all behind it. */
  private fresh = 0;
  /** 1 for a lent page. A page given back twice would be lent to two at once, and mix up two streams. */
  private readonly isLent: Uint8Array;

  /**
   * Takes `limitBytes`, rounded down to pages, out of the arena, for good.
   * Throws RangeError when the arena has not as much left.
   */
  constructor(arena: Arena, limitBytes: number) {
    this.limit = Math.floor(limitBytes / PAGE_SIZE);
    this.base = arena.reserve(this.limit * PAGE_SIZE, PAGE_SIZE);
    this.free = new Int32Array(this.limit);
    this.isLent = new Uint8Array(this.limit);
  }

  /** How many pages are lent now. */
  get lent(): number {
    return this.fresh - this.freeCount;
  }

  /**
   * Lends a page: its arena offset, a multiple of `PAGE_SIZE`; -1 when no more
   * than `spare` are left. What is in it is left from its last user.
   */
  take(spare = 0): number {
    if (this.limit - this.lent <= spare) return -1;
    const page = this.freeCount > 0 ? this.free[--this.freeCount] : this.fresh++;
    this.isLent[page] = 1;
    return this.base + (page << PAGE_SHIFT);
  }

  /** Takes back the page at the arena offset which `take` gave. */
  give(offset: number): void {
    const page = (offset - this.base) >> PAGE_SHIFT;
    // Beyond the array's ends, and between two pages, there is no 1 either.
    invariant(
      this.isLent[page] === 1 && (offset & (PAGE_SIZE - 1)) === 0,
      "a page is given back that was not lent",
    );
    this.isLent[page] = 0;
    this.free[this.freeCount++] = page;
  }
}
