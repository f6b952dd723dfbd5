/**
 * WaitingPackets: segments of our own connections that wait until their next
 * hop is known, complete but for the link header, a lent page each.
 * RFC 1122 §2.3.2.2.
 *
 * Replies never wait: they go where the frame came from. So this is no path of a
 * flood, and may allocate.
 */

import type { Counters } from "../tcp/counters.ts";
import { Gather } from "../wire/gather.ts";
import { PAGE_SIZE, type PagePool } from "../wire/pages.ts";
import type { Segment } from "../wire/segment.ts";
import type { Transmitter } from "./transmitter.ts";

/** Packets that wait for one neighbour: 64 KiB. */
const NEIGHBOR_LIMIT = 16;
/** Packets that wait for any neighbour. */
const TOTAL_LIMIT = 256;

/** Is told of packets that nobody will get. */
export interface LostPacketReceiver {
  /** The IP packet of `length` bytes at arena offset `offset` was given up: its next hop is silent. */
  packetLost(offset: number, length: number): void;
}

type Packet = Readonly<{ page: number; length: number }>;

/** Short queues of packets, by neighbour. */
export class WaitingPackets {
  readonly #transmitter: Transmitter;
  readonly #pages: PagePool;
  readonly #counters: Counters;
  readonly #queues = new Map<number, Packet[]>();
  readonly #payload = new Gather();
  #count = 0;

  constructor(transmitter: Transmitter, pages: PagePool, counters: Counters) {
    this.#transmitter = transmitter;
    this.#pages = pages;
    this.#counters = counters;
  }

  /** Packets that wait. */
  get count(): number {
    return this.#count;
  }

  /** Keeps a segment for neighbour `slot`, the newest in favour of the oldest, unless it is too large. */
  add(slot: number, seg: Segment, payload: Gather): void {
    const queue = this.#queues.get(slot) ?? [];
    if (queue.length === NEIGHBOR_LIMIT) {
      this.#dropFirst(queue);
      this.#counters.NeighborQueueDrop++;
    }
    const page = this.#count < TOTAL_LIMIT ? this.#pages.take() : -1;
    const length = page < 0 ? 0 : this.#transmitter.writePacket(seg, payload, page, PAGE_SIZE);
    if (length === 0) {
      if (page >= 0) this.#pages.give(page);
      this.#counters.NeighborQueueDrop++;
      return;
    }
    queue.push({ page, length });
    this.#count++;
    this.#queues.set(slot, queue);
  }

  /** Sends what waits for neighbour `slot`, in order. Returns false when some must wait on. */
  send(slot: number, macHigh: number, macLow: number, etherType: number): boolean {
    const queue = this.#queues.get(slot) ?? [];
    while (queue.length > 0) {
      this.#payload.clear();
      this.#payload.add(queue[0].page, queue[0].length);
      this.#transmitter.beginFrame(macHigh, macLow, etherType);
      if (!this.#transmitter.sendBuilt(this.#payload)) return false;
      this.#dropFirst(queue);
    }
    this.#queues.delete(slot);
    return true;
  }

  /** Forgets what waits for neighbour `slot`; `receiver` is told of each packet. */
  discard(slot: number, receiver: LostPacketReceiver | null = null): void {
    const queue = this.#queues.get(slot) ?? [];
    if (receiver !== null) {
      for (const { page, length } of queue) receiver.packetLost(page, length);
    }
    this.#counters.NeighborQueueDrop += queue.length;
    while (queue.length > 0) this.#dropFirst(queue);
    this.#queues.delete(slot);
  }

  #dropFirst(queue: Packet[]): void {
    const packet = queue.shift();
    if (packet === undefined) return;
    this.#pages.give(packet.page);
    this.#count--;
  }
}
