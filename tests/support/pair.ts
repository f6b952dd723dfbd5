/** Pair: two hosts of ours on one link, in virtual time. */

import { Stack } from "../../lib/stack/stack.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { STATE_NAMES } from "../../lib/tcp/state.ts";
import { DEFAULT_TUNABLES, type Tunables } from "../../lib/tcp/tunables.ts";
import { type Endpoint, parseCidr, parseEndpoint, parseMac } from "../../lib/wire/address.ts";
import { Frame } from "../../lib/wire/frame.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PagePool } from "../../lib/wire/pages.ts";
import { decodePacket } from "./codec.ts";
import { randomWords } from "./random.ts";
import { RecordingSink, type SentFrame } from "./recording_sink.ts";

/** What a test changes of a host. */
export interface PairHostOptions {
  /** Bytes of pages for all queues; 4 MiB by default. */
  readonly pageBytes?: number;
  readonly tunables?: Tunables;
}

/** One of the two: "a" is 10.0.0.1, "b" is 10.0.0.2. */
export class PairHost {
  readonly name: string;
  readonly address: string;
  readonly stack: Stack;
  readonly frame: Frame;
  readonly sink = new RecordingSink(false, 1500);

  constructor(name: string, number: number, options: PairHostOptions = {}) {
    const pageBytes = options.pageBytes ?? 4 << 20;
    this.name = name;
    this.address = `10.0.0.${number}`;
    const arena = new Arena(pageBytes + (2 << 20));
    const next = randomWords(number);
    this.frame = new Frame(arena, 2048);
    this.stack = new Stack({
      arena,
      pages: new PagePool(arena, pageBytes),
      tunables: options.tunables ?? DEFAULT_TUNABLES,
      entropy: {
        fill(bytes) {
          for (let i = 0; i < bytes.length; i++) bytes[i] = next() >>> 24;
        },
      },
      frameSink: this.sink,
      mac: parseMac(`02:00:00:00:00:0${number}`)!,
      mtu: 1500,
      offload: false,
      addresses: [parseCidr(`${this.address}/24`)!],
      tracer: null,
    });
  }

  /** An endpoint of this host. */
  at(port: number): Endpoint {
    return parseEndpoint(`${this.address}:${port}`)!;
  }
}

/** Both hosts. Each frame takes one latency; what is sent at one instant crosses. */
export class Pair {
  readonly a = new PairHost("a", 1);
  readonly b = new PairHost("b", 2);
  /** TCP segments in the order they were sent: `a S.`. */
  readonly segments: string[] = [];
  /** The states passed by each watched connection, by the RFC's names. */
  readonly states = new Map<Connection, string[]>();
  now = 1000;

  /** Notes each state of `c` from now on. */
  watch(c: Connection): void {
    this.states.set(c, [STATE_NAMES[c.state]]);
  }

  /** Lets both send, and what was sent arrive `latencyMs` later, `rounds` times. */
  exchange(rounds: number, latencyMs: number = 1): void {
    for (let i = 0; i < rounds; i++) {
      const fromA = this.#sent(this.a);
      const fromB = this.#sent(this.b);
      this.now += latencyMs;
      this.#deliver(fromA, this.b);
      this.#deliver(fromB, this.a);
    }
  }

  /** The segments sent since this was asked last. */
  takeSegments(): string[] {
    return this.segments.splice(0);
  }

  #sent(host: PairHost): SentFrame[] {
    while (host.stack.poll(this.now));
    this.#note();
    const frames = host.sink.frames.splice(0);
    for (const { bytes } of frames) {
      const packet = decodePacket(bytes);
      if (packet !== null) this.segments.push(`${host.name} ${packet.flags}`);
    }
    return frames;
  }

  #deliver(frames: SentFrame[], to: PairHost): void {
    for (const { bytes } of frames) {
      to.frame.arena.bytes.set(bytes, to.frame.start);
      to.frame.length = bytes.length;
      to.stack.receive(to.frame, this.now);
      this.#note();
    }
  }

  #note(): void {
    for (const [c, states] of this.states) {
      const state = STATE_NAMES[c.state];
      if (states.at(-1) !== state) states.push(state);
    }
  }
}
