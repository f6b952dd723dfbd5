/**
 * SendQueue: what the user wrote and the peer has not acknowledged, from
 * SND.UNA to the last byte committed. RFC 9293 §3.8.
 */

import type { Gather } from "../wire/gather.ts";
import type { Arena } from "../wire/memory.ts";
import { PAGE_SIZE, type PagePool } from "../wire/pages.ts";
import { ByteQueue } from "./byte_queue.ts";

/** Room lent at first to a user who last wrote little: an answer of one page costs one page. */
const SMALL_ROOM = 4 * PAGE_SIZE;
/** Room lent at once to a user who fills it: 64 KiB in 16 or 17 pieces. */
const LARGE_ROOM = 16 * PAGE_SIZE;

/** The bytes to send, kept until they are acknowledged: also the retransmission buffer. */
export class SendQueue {
  readonly #bytes: ByteQueue;
  /** Sequence number of the first byte kept. */
  start: number;
  /** Sequence number behind the last byte committed. */
  end: number;
  /** Behind the room lent to the user by `room` and not yet committed. */
  #lentEnd: number;
  #roomGoal = SMALL_ROOM;

  constructor(arena: Arena, pool: PagePool, start: number) {
    this.#bytes = new ByteQueue(arena, pool);
    this.start = start;
    this.end = start;
    this.#lentEnd = start;
  }

  /** Bytes kept. */
  get length(): number {
    return (this.end - this.start) | 0;
  }

  /**
   * Lends room behind `end` to be written into, while no more than `limit` bytes
   * are kept. Returns the bytes lent, 0 at the limit or without pages.
   */
  room(gather: Gather, limit: number): number {
    const wanted = Math.min(limit - this.length, this.#roomGoal);
    gather.clear();
    if (wanted <= 0) return 0;
    const lent = this.#bytes.lend(this.end, wanted);
    this.#lentEnd = (this.end + lent) | 0;
    return this.#bytes.gather(gather, this.end, lent);
  }

  /** Makes the first `count` bytes of the lent room part of the stream and takes the rest back. */
  commit(count: number): void {
    const lent = (this.#lentEnd - this.end) | 0;
    this.#roomGoal = count === lent ? LARGE_ROOM : count < SMALL_ROOM ? SMALL_ROOM : this.#roomGoal;
    this.end = (this.end + count) | 0;
    this.#lentEnd = this.end;
    if (count < lent) this.#bytes.releaseFrom(this.end);
    if (this.end === this.start) this.#bytes.releaseAll();
  }

  /** The pieces which hold up to `length` bytes from `seq` on. Returns the bytes covered. */
  gather(gather: Gather, seq: number, length: number): number {
    return this.#bytes.gather(gather, seq, length);
  }

  /** Forgets what lies before `seq`: it was acknowledged. */
  acknowledge(seq: number): void {
    this.start = seq;
    if (seq === this.end && this.#lentEnd === this.end) this.#bytes.releaseAll();
    else this.#bytes.releaseBefore(seq);
  }

  /** Gives everything back. */
  clear(): void {
    this.start = this.end;
    this.#lentEnd = this.end;
    this.#bytes.releaseAll();
  }
}
