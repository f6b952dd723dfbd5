/**
 * A path to the peer whose narrowest link carries packets of so many bytes, and
 * whose routers say nothing of longer ones: a black hole. RFC 2923 §2.1.
 */

import type { Packet } from "../support/codec.ts";
import type { ScriptRun } from "../support/script_run.ts";

const RTT_MS = 50;
/** Between two segments: what leaves at the same instant, RACK cannot tell apart. */
const SPACING_MS = 0.1;
/** Longer than any retransmission timeout. */
const PATIENCE_MS = 130_000;

/** The peer behind the path: it acknowledges each segment that arrives. */
export class NarrowPath {
  /** In bytes, headers included; may change at any time. */
  mtu: number;
  /** Payload lengths that arrived and that did not, in the order of sending. */
  readonly arrived: number[] = [];
  readonly lost: number[] = [];
  /** Called before a segment which is too long, with its payload's length. */
  beforeLoss: (length: number) => void = () => {};
  readonly #t: ScriptRun;
  readonly #hasSack: boolean;
  /** Relative to X: all before it arrived. */
  #next = 1;
  /** What arrived beyond a gap, ascending and apart. */
  #beyond: [start: number, end: number][] = [];

  constructor(t: ScriptRun, mtu: number, hasSack = true) {
    this.#t = t;
    this.mtu = mtu;
    this.#hasSack = hasSack;
  }

  /** The product writes `count` bytes more; returns when all have arrived and were acknowledged. */
  carry(count: number): void {
    const t = this.#t;
    const end = t.flow.writePosition + t.flow.unwritten + count;
    t.calls.write(t.flow, count, null);
    while (this.#next < end) {
      const first = t.next(PATIENCE_MS);
      if (first === null) throw t.failure(`Only ${this.#next - 1} bytes arrived`);
      const flight = [first];
      for (let p = t.next(); p !== null; p = t.next()) flight.push(p);
      t.advance(RTT_MS);
      for (const packet of flight) this.#pass(packet);
    }
  }

  #pass(packet: Packet): void {
    const isIpv6 = packet.source.includes(":");
    const headers = (isIpv6 ? 60 : 40) + optionsLength(packet);
    const { length } = packet.payload;
    if (length + headers > this.mtu) {
      this.beforeLoss(length);
      this.lost.push(length);
      return;
    }
    this.arrived.push(length);
    const start = (packet.seq - this.#t.flow.productIsn!) >>> 0;
    this.#take(start, start + length);
  }

  #take(start: number, end: number): void {
    let block: [number, number] = [start, end];
    const apart = this.#beyond.filter(([from, to]) => to < start || from > end);
    for (const [from, to] of this.#beyond) {
      if (to >= start && from <= end) block = [Math.min(from, block[0]), Math.max(to, block[1])];
    }
    const isInOrder = block[0] <= this.#next;
    if (isInOrder) this.#next = Math.max(this.#next, block[1]);
    this.#beyond = isInOrder ? apart : [...apart, block].sort((a, b) => a[0] - b[0]);
    const sack = isInOrder || !this.#hasSack ? "" : ` <nop,nop,sack ${block[0]}:${block[1]}>`;
    this.#t.inject(`. 1:1(0) ack ${this.#next}${sack}`);
    this.#t.advance(SPACING_MS);
  }
}

/** Bytes of the TCP options of a packet of these tests: timestamps or nothing. */
function optionsLength(packet: Packet): number {
  return packet.options.length > 0 ? 12 : 0;
}
