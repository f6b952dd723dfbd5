/**
 * Deadlines: one binary heap with at most one entry for each connection or
 * handshake, re-filed lazily.
 *
 * A retransmission timer moves later with nearly every acknowledgment. The
 * entry then stays where it is; when it comes up, its owner is asked for the
 * true time and filed again. Only an earlier time moves an entry at once.
 *
 * Times are int32 milliseconds, compared modulo 2^32: no deadline may lie more
 * than 24 days ahead.
 */

/** The `heapIndex` of what is not in the heap. */
export const NOT_FILED = -1;

/** What has deadlines. */
export interface Timed {
  /** Where the entry is in the heap, or `NOT_FILED`. Written by `Deadlines` only. */
  heapIndex: number;
}

const INITIAL_CAPACITY = 64;

/** The heap. The earliest deadline is at the top. */
export class Deadlines<T extends Timed> {
  #times = new Int32Array(INITIAL_CAPACITY);
  readonly #items: (T | null)[] = [];
  #count = 0;

  /** Entries filed now. */
  get count(): number {
    return this.#count;
  }

  /** The earliest filed time; only if `count` > 0. It may be earlier than its owner's true deadline. */
  get earliest(): number {
    return this.#times[0];
  }

  /** Makes sure that `item` comes up at `at` at the latest. */
  file(item: T, at: number): void {
    let index = item.heapIndex;
    if (index === NOT_FILED) {
      index = this.#count++;
      if (index === this.#times.length) this.#grow();
    } else if (((at - this.#times[index]) | 0) >= 0) {
      return;
    }
    this.#siftUp(item, at | 0, index);
  }

  /** Takes `item` out, if it is filed. */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index === NOT_FILED) return;
    item.heapIndex = NOT_FILED;
    const last = --this.#count;
    const moved = this.#items[last]!;
    const time = this.#times[last];
    this.#items[last] = null;
    if (index === last) return;
    if (index > 0 && ((time - this.#times[(index - 1) >> 1]) | 0) < 0) {
      this.#siftUp(moved, time, index);
    } else {
      this.#siftDown(moved, time, index);
    }
  }

  /** Takes the top entry out if its filed time is not after `now`, else returns null. */
  takeDue(now: number): T | null {
    if (this.#count === 0 || ((this.#times[0] - now) | 0) > 0) return null;
    const item = this.#items[0]!;
    this.remove(item);
    return item;
  }

  #siftUp(item: T, at: number, index: number): void {
    const times = this.#times;
    const items = this.#items;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (((times[parent] - at) | 0) <= 0) break;
      times[index] = times[parent];
      const moved = items[parent]!;
      items[index] = moved;
      moved.heapIndex = index;
      index = parent;
    }
    times[index] = at;
    items[index] = item;
    item.heapIndex = index;
  }

  #siftDown(item: T, at: number, index: number): void {
    const times = this.#times;
    const items = this.#items;
    const count = this.#count;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= count) break;
      if (child + 1 < count && ((times[child + 1] - times[child]) | 0) < 0) child++;
      if (((times[child] - at) | 0) >= 0) break;
      times[index] = times[child];
      const moved = items[child]!;
      items[index] = moved;
      moved.heapIndex = index;
      index = child;
    }
    times[index] = at;
    items[index] = item;
    item.heapIndex = index;
  }

  #grow(): void {
    const times = new Int32Array(this.#times.length * 2);
    times.set(this.#times);
    this.#times = times;
  }
}
