/** EventQueue: what will happen, in order of virtual time; at one instant, in the order it was planned. */

interface Event {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** A binary heap of events. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #planned = 0;

  /** Events that have not happened. */
  get count(): number {
    return this.#heap.length;
  }

  /** When the first event is; Infinity: there is none. */
  get earliest(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0].at;
  }

  /** `act` will be called at `at`, milliseconds of virtual time. */
  plan(at: number, act: () => void): void {
    const heap = this.#heap;
    const event = { at, order: this.#planned++, act };
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, heap[parent])) break;
      heap[index] = heap[parent];
      index = parent;
    }
    heap[index] = event;
  }

  /** Lets everything happen that is due at `now`. */
  run(now: number): void {
    while (this.#heap.length > 0 && this.#heap[0].at <= now) this.#take().act();
  }

  #take(): Event {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[index] = heap[child];
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}
