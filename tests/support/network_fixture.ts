/** One network floor under a transport that writes down what it is told. */

import { Network, type NetworkParts, type Transport } from "../../lib/stack/network.ts";
import { Counters } from "../../lib/tcp/counters.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { parseCidr, parseMac } from "../../lib/wire/address.ts";
import { Frame } from "../../lib/wire/frame.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PagePool } from "../../lib/wire/pages.ts";
import type { PathError } from "../../lib/wire/path_error.ts";
import type { Segment } from "../../lib/wire/segment.ts";
import { formatSegment } from "../../lib/wire/segment_text.ts";
import { OWN_MAC } from "./packets.ts";
import { RecordingSink } from "./recording_sink.ts";

/** Writes down what arrives. */
export class RecordingTransport implements Transport {
  /** Text of each segment. */
  readonly segments: string[] = [];
  /** Kind and MTU of each error. */
  readonly errors: [kind: number, mtu: number][] = [];
  /** Called with each segment. */
  onReceive: (seg: Segment) => void = () => {};
  /** What errors are answered with. */
  knowsErrors = true;

  receive(seg: Segment): void {
    this.segments.push(formatSegment(seg));
    this.onReceive(seg);
  }

  pathErrorArrives(error: PathError): boolean {
    this.errors.push([error.kind, error.mtu]);
    return this.knowsErrors;
  }
}

/** A network floor, 10.0.0.1/24 and fd00::1/64, with all that lies around it. */
export class NetworkFixture {
  readonly arena: Arena = new Arena(4 << 20);
  readonly pages: PagePool = new PagePool(this.arena, 2 << 20);
  readonly counters: Counters = new Counters();
  readonly transport: RecordingTransport = new RecordingTransport();
  readonly sink: RecordingSink;
  readonly network: Network;
  readonly frame: Frame = new Frame(this.arena, 65600);

  constructor(parts: Partial<NetworkParts> = {}) {
    const offload = parts.offload ?? false;
    this.sink = new RecordingSink(offload, 1500);
    this.network = new Network(
      {
        arena: this.arena,
        pages: this.pages,
        // Its IPv6 address was found to be its own long ago.
        tunables: { ...DEFAULT_TUNABLES, dad_transmits: 0 },
        frameSink: this.sink,
        mac: parseMac(OWN_MAC)!,
        mtu: 1500,
        offload,
        addresses: [parseCidr("10.0.0.1/24")!, parseCidr("fd00::1/64")!],
        ...parts,
      },
      Int32Array.of(1, 2),
      this.counters,
    );
    this.network.attach(this.transport);
  }

  /** A frame arrives. Returns the frames that went out meanwhile, as hexadecimal digits. */
  receive(bytes: Uint8Array, now = 0, segmentSize = 0): string[] {
    const { frame } = this;
    this.arena.bytes.set(bytes, frame.start);
    frame.length = bytes.length;
    frame.segmentSize = segmentSize;
    this.network.receive(frame, now);
    return this.takeSent();
  }

  /** What went out since the last look, as hexadecimal digits. */
  takeSent(): string[] {
    return this.sink.frames.splice(0).map(({ bytes }) => bytes.toHex());
  }

  /** Lets the network do what is due at `now`. Returns what went out. */
  poll(now: number): string[] {
    this.network.poll(now);
    return this.takeSent();
  }

  /**
   * Names of the counters that `act` moved, with how far when more than 1:
   * `InErrs`, `InErrs+2`. `InReceives` comes first.
   */
  countersMovedBy(act: () => void): string[] {
    const before = { ...this.counters };
    act();
    return Object.entries(this.counters)
      .map(([name, value]) => [name, value - before[name as keyof Counters]] as const)
      .filter(([, step]) => step !== 0)
      .sort(([a], [b]) => Number(b === "InReceives") - Number(a === "InReceives"))
      .map(([name, step]) => (step === 1 ? name : `${name}+${step}`));
  }
}
