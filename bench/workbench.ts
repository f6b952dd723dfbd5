/** Workbench: an engine whose frames are only counted, and a peer to talk to it. */

import type { Connection } from "../lib/tcp/connection.ts";
import type { Listener } from "../lib/tcp/listener.ts";
import { DEFAULT_TUNABLES, type Tunables } from "../lib/tcp/tunables.ts";
import { Stack } from "../lib/stack/stack.ts";
import { Endpoint, parseAddress, parseCidr, parseMac } from "../lib/wire/address.ts";
import type { Frame, FrameSink } from "../lib/wire/frame.ts";
import type { Gather } from "../lib/wire/gather.ts";
import { Arena } from "../lib/wire/memory.ts";
import { PagePool } from "../lib/wire/pages.ts";
import type { Packet, TcpOption } from "../tests/support/codec.ts";
import { randomWords } from "../tests/support/random.ts";
import { PeerFrame } from "./peer_frame.ts";

/** Payload of a full segment with timestamps. */
export const SEGMENT = 1448;
/** Payload of a super-segment: as many full segments as fit. */
export const SUPER_SEGMENT: number = 45 * SEGMENT;

const PEER_ISN = 1000;
const SEQ_OFFSET = 14 + 20 + 4;

const TIMESTAMPS: readonly TcpOption[] = [
  { name: "nop" },
  { name: "nop" },
  { name: "TS", val: 1, ecr: 0 },
];

const SYN_OPTIONS: readonly TcpOption[] = [
  { name: "mss", value: 1460 },
  { name: "sackOK" },
  { name: "TS", val: 1, ecr: 0 },
  { name: "nop" },
  { name: "wscale", shift: 7 },
];

function sackOption(blocks: number): TcpOption[] {
  if (blocks === 0) return [];
  const empty = Array.from({ length: blocks }, (): [number, number] => [0, 0]);
  return [{ name: "nop" }, { name: "nop" }, { name: "sack", blocks: empty }];
}

/** Counts frames and remembers the last sequence number. */
export class CountingSink implements FrameSink {
  frames = 0;
  bytes = 0;
  lastSeq = 0;

  write(header: Frame, payload: Gather, _segmentSize: number): boolean {
    this.frames++;
    this.bytes += header.length + payload.length;
    this.lastSeq = header.arena.view.getInt32(header.start + SEQ_OFFSET);
    return true;
  }
}

/** One engine on 10.0.0.1 with a listener on port 80. */
export class Workbench {
  readonly arena: Arena = new Arena(48 << 20);
  readonly sink: CountingSink = new CountingSink();
  readonly stack: Stack;
  readonly listener: Listener;
  /**
   * Milliseconds with a fraction, boxed once when they change: the engine, not
   * the bench, is to answer for the numbers it boxes.
   */
  readonly #time: (number | null)[] = [null, 1000.25];
  #polls = 0;
  readonly #offload: boolean;

  constructor(offload: boolean, tunables: Partial<Tunables> = {}) {
    this.#offload = offload;
    const next = randomWords(1);
    this.stack = new Stack({
      arena: this.arena,
      pages: new PagePool(this.arena, 32 << 20),
      tunables: { ...DEFAULT_TUNABLES, ...tunables },
      entropy: { fill: (bytes) => bytes.forEach((_, i) => bytes[i] = next()) },
      frameSink: this.sink,
      mac: parseMac("02:00:00:00:00:01")!,
      mtu: 1500,
      offload,
      addresses: [parseCidr("10.0.0.1/24")!],
      tracer: null,
    });
    this.listener = this.stack.listen(new Endpoint(parseAddress("10.0.0.1")!, 80));
  }

  /**
   * A frame of the peer: `length` bytes of payload behind timestamps and `blocks`
   * SACK blocks to be set, or a SYN's options.
   */
  frame(flags: string, length: number = 0, segmentSize: number = 0, blocks: number = 0): PeerFrame {
    const packet: Packet = {
      sourceMac: "02:00:00:00:00:02",
      destinationMac: "02:00:00:00:00:01",
      source: "10.0.0.2",
      destination: "10.0.0.1",
      sourcePort: 40000,
      destinationPort: 80,
      ttl: 64,
      trafficClass: 0,
      seq: PEER_ISN,
      ack: 0,
      flags,
      window: 65535,
      urgent: 0,
      options: flags === "S" ? SYN_OPTIONS : [...TIMESTAMPS, ...sackOption(blocks)],
      payload: Uint8Array.from({ length }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24),
    };
    return new PeerFrame(this.arena, packet, segmentSize, this.#offload);
  }

  /** An established connection. The peer's next number is 1001, the window 8 MiB. */
  connect(): Connection {
    this.receive(this.frame("S"));
    this.poll();
    const ack = this.frame(".");
    ack.set(PEER_ISN + 1, (this.sink.lastSeq + 1) | 0);
    this.receive(ack);
    this.poll();
    const c = this.listener.accept();
    if (c === null) throw new Error("The handshake failed");
    c.user = this;
    return c;
  }

  /** A frame arrives. */
  receive(frame: PeerFrame): void {
    this.stack.receive(frame.frame, this.#time[1]!);
  }

  /** What the driver does behind a batch. A millisecond passes in a thousand of them. */
  poll(): void {
    for (let c = this.stack.signalled(); c !== null; c = this.stack.signalled()) c.takeSignals();
    while (this.stack.poll(this.#time[1]!));
    if (++this.#polls % 1000 === 0) this.#time[1] = this.#time[1]! + 1;
  }
}
