/** FakeConnection: a client connection whose engine and peer are played by the test. */

import type { AcceptedConnection } from "../../lib/proxy/proxy.ts";
import type { ByteSink, CloseReason, Connection, Keepalive } from "../../lib/tcp/connection.ts";
import type { Address, Endpoint } from "../../lib/wire/address.ts";
import { Gather } from "../../lib/wire/gather.ts";
import type { Arena } from "../../lib/wire/memory.ts";
import { readText, writeText } from "./fake_sockets.ts";

/** Bytes of one direction's region, and of one `readable` or `writable`. */
const REGION = 1 << 16;

/** Behaves as lib/tcp/connection.ts promises to; remembers what it was told. */
export class FakeConnection implements AcceptedConnection {
  user: unknown = null;
  sink: ByteSink | null = null;
  closeReason: CloseReason = "";
  peerClosed = false;
  /** False: a fast open that waits for its third ACK. */
  isEstablished = true;
  bytesReceived = 0;
  bytesAcknowledged = 0;
  readonly localAddress: Address;
  readonly localPort: number;
  readonly remoteAddress: Address;
  readonly remotePort: number;
  /** Received, and not consumed. */
  kept = "";
  /** All that was committed. */
  committed = "";
  /** Bytes the send queue still takes. */
  room = Infinity;
  /** How idle peers are probed; null: not at all. */
  keepalive: Keepalive | null = null;
  isNoDelay = false;
  /** See `Connection`; `consume` counts it down. */
  urgentRemaining = 0;
  /** Lengths of `committed` at each `urge`. */
  readonly urgentEnds: number[] = [];
  /** Calls that change the connection, in order. */
  readonly calls: string[] = [];
  readonly #arena: Arena;
  readonly #receiveRegion: number;
  readonly #sendRegion: number;
  readonly #gather = new Gather();
  #isFinSent = false;
  #isFinAcknowledged = false;

  /** Takes 128 KiB of the arena. */
  constructor(arena: Arena, local: Endpoint, remote: Endpoint) {
    this.#arena = arena;
    this.#receiveRegion = arena.reserve(REGION, 8);
    this.#sendRegion = arena.reserve(REGION, 8);
    this.localAddress = local.address;
    this.localPort = local.port;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
  }

  get isDrained(): boolean {
    const isAcknowledged = this.bytesAcknowledged === this.committed.length;
    return isAcknowledged && this.#isFinSent === this.#isFinAcknowledged;
  }

  /** The client sends small segments: they are kept for the user. */
  receives(text: string): void {
    this.kept += text;
    this.bytesReceived += text.length;
  }

  /** The client sends a large segment: offered to the sink, its rest kept. Returns what was taken. */
  receivesLarge(text: string): number {
    writeText(this.#arena, this.#receiveRegion, text);
    const self = this as unknown as Connection; // no sink looks at it
    const taken = this.kept === "" && this.sink !== null
      ? this.sink.offer(self, this.#receiveRegion, text.length)
      : 0;
    this.kept += text.slice(taken);
    this.bytesReceived += text.length;
    return taken;
  }

  /** The client acknowledges all there is, the FIN too. */
  acknowledges(): void {
    this.bytesAcknowledged = this.committed.length;
    this.#isFinAcknowledged = this.#isFinSent;
  }

  takeSignals(): number {
    return 0;
  }

  readable(): Gather {
    const text = this.kept.slice(0, REGION);
    writeText(this.#arena, this.#receiveRegion, text);
    return this.#lend(this.#receiveRegion, text.length);
  }

  consume(count: number): void {
    this.kept = this.kept.slice(count);
    this.urgentRemaining = Math.max(this.urgentRemaining - count, 0);
  }

  writable(): Gather {
    if (this.#isFinSent) return this.#lend(this.#sendRegion, 0);
    return this.#lend(this.#sendRegion, Math.min(this.room, REGION));
  }

  commit(count: number): void {
    this.committed += readText(this.#arena, this.#sendRegion, count);
    this.room -= count;
  }

  urge(): "" {
    this.urgentEnds.push(this.committed.length);
    return "";
  }

  shutdown(): "" {
    this.#isFinSent = true;
    this.calls.push("shutdown");
    return "";
  }

  abort(): "" {
    this.calls.push("abort");
    return "";
  }

  resetWhenDrained(deadline: number): void {
    this.calls.push(`resetWhenDrained ${deadline}`);
  }

  setNoDelay(isNoDelay: boolean): void {
    this.isNoDelay = isNoDelay;
  }

  setKeepalive(settings: Keepalive | null): void {
    this.keepalive = settings;
  }

  release(): void {
    this.calls.push("release");
  }

  /** As two pieces, so that both ends of a gather are used. */
  #lend(offset: number, length: number): Gather {
    this.#gather.clear();
    const first = length >> 1;
    if (first > 0) this.#gather.add(offset, first);
    if (length > 0) this.#gather.add(offset + first, length - first);
    return this.#gather;
  }
}
