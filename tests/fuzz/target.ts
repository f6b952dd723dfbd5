/**
 * Target: the engine under fire, with users who read, write, close and abort,
 * and a device that is full now and then. What must hold is checked on the way
 * and at the end; a violation is an exception like any other.
 */

import type { Connection } from "../../lib/tcp/connection.ts";
import { Stack } from "../../lib/stack/stack.ts";
import type { Listener } from "../../lib/tcp/listener.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { parseCidr, parseEndpoint, parseMac } from "../../lib/wire/address.ts";
import { Frame, type FrameSink } from "../../lib/wire/frame.ts";
import type { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PagePool } from "../../lib/wire/pages.ts";
import { Choices } from "./choices.ts";
import { OWN_IPV4, OWN_IPV6, OWN_MAC } from "./frame_source.ts";

/** What happens before a frame comes, and the frame. */
export interface Step {
  readonly advanceMs: number;
  /** Not 0: the engine and its users have a turn after the frame, and this decides what they do. */
  readonly turn: number;
  readonly isTrusted: boolean;
  readonly segmentSize: number;
  readonly bytes: Uint8Array;
}

/** Is told of what the engine sends; the header is borrowed. */
export type Observer = (header: Uint8Array, payloadLength: number) => void;

const PAGE_BYTES = 2 << 20;
const MTU = 1500;
const CONNECTIONS = 300;
/** More turns than this without rest are a hang. */
const TURNS = 2000;
/** When all that lingers by itself is gone: TIME-WAIT, orphans, retransmission, fragments. */
const REST_MS = 3_000_000;

class Device implements FrameSink {
  readonly #observer: Observer;
  isFull = false;
  /** Frames taken so far. */
  count = 0;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  write(header: Frame, payload: Gather, segmentSize: number): boolean {
    if (this.isFull) return false;
    const { arena, start, length } = header;
    require(
      length + (segmentSize > 0 ? segmentSize : payload.length) <= 14 + MTU,
      "frame over MTU",
    );
    this.count++;
    this.#observer(arena.bytes.subarray(start, start + length), payload.length);
    return true;
  }
}

/** One engine and its users. */
export class Target {
  readonly stack: Stack;
  readonly pages: PagePool;
  readonly #frame: Frame;
  readonly #device: Device;
  readonly #listeners: Listener[];
  readonly #users = new Set<Connection>();
  /** What the users do next. */
  #choices: Choices;
  #now = 1000.5;

  /** `seed` decides the engine's secrets. */
  constructor(seed: number, isOffload: boolean, observer: Observer) {
    const choices = this.#choices = new Choices(seed ^ 0x55555555);
    const arena = new Arena(PAGE_BYTES + (2 << 20));
    this.pages = new PagePool(arena, PAGE_BYTES);
    this.#device = new Device(observer);
    this.stack = new Stack({
      arena,
      pages: this.pages,
      tunables: {
        ...DEFAULT_TUNABLES,
        dad_transmits: 0,
        px_max_connections: CONNECTIONS,
        tcp_max_syn_backlog: 32,
        tcp_max_tw_buckets: 100,
        tcp_tw_recycle: choices.below(2),
      },
      entropy: {
        fill: (bytes) => {
          for (let i = 0; i < bytes.length; i++) bytes[i] = choices.below(256);
        },
      },
      frameSink: this.#device,
      mac: parseMac(OWN_MAC)!,
      mtu: MTU,
      offload: isOffload,
      addresses: [parseCidr(`${OWN_IPV4}/24`)!, parseCidr(`${OWN_IPV6}/64`)!],
      tracer: null,
    });
    this.#frame = new Frame(arena, 65_535);
    this.#listeners = [OWN_IPV4, `[${OWN_IPV6}]`].flatMap((address) => [
      this.stack.listen(parseEndpoint(`${address}:80`)!, { backlog: 8 }),
      this.stack.listen(parseEndpoint(`${address}:82`)!, { backlog: 20, fastOpen: 10 }),
    ]);
  }

  /** Live connections that have a user. */
  get userCount(): number {
    return this.#users.size;
  }

  /** Time passes, a frame arrives, and perhaps the engine and its users have a turn. */
  step({ advanceMs, turn, isTrusted, segmentSize, bytes }: Step): void {
    this.#now += advanceMs;
    const frame = this.#frame;
    frame.arena.bytes.set(bytes, frame.start);
    frame.length = bytes.length;
    frame.checksumTrusted = isTrusted;
    frame.segmentSize = segmentSize;
    const sent = this.#device.count;
    this.stack.receive(frame, this.#now);
    require(this.#device.count - sent <= 1, "more than one reply to a frame");
    if (turn !== 0) this.turn(new Choices(turn));
  }

  /** The users act, the engine does what is due. */
  turn(choices: Choices): void {
    this.#choices = choices;
    this.#device.isFull = choices.onceIn(50);
    if (choices.onceIn(20)) this.#accept();
    if (choices.onceIn(200)) this.#connect();
    for (let c = this.stack.signalled(); c !== null; c = this.stack.signalled()) {
      c.takeSignals();
      this.#act(c);
    }
    if (this.#users.size > 0 && choices.onceIn(4)) this.#act(choices.pick([...this.#users]));
    this.#poll();
    this.#check();
  }

  /** Everybody leaves, time passes: all tables must be empty and all memory back. */
  finish(): void {
    this.#device.isFull = false;
    for (const c of this.#users) c.abort();
    for (const listener of this.#listeners) listener.close();
    for (const end = this.#now + REST_MS; this.#now < end;) {
      this.#poll();
      for (let c = this.stack.signalled(); c !== null; c = this.stack.signalled()) c.takeSignals();
      this.#now = Math.min(end, Math.max(this.#now + 1, this.stack.deadline(this.#now)));
    }
    this.#poll();
    for (const c of this.#users) c.release();
    this.#users.clear();
    const { tcp } = this.stack;
    require(tcp.connectionCount === 0, `${tcp.connectionCount} connections left`);
    require(tcp.handshakeCount === 0, `${tcp.handshakeCount} requests left`);
    require(tcp.openingCount === 0, `${tcp.openingCount} active opens left`);
    require(tcp.timeWaits.count === 0, `${tcp.timeWaits.count} tuples left in TIME-WAIT`);
    require(tcp.deadlines.count === 0, `${tcp.deadlines.count} deadlines left`);
    require(this.pages.lent === 0, `${this.pages.lent} pages or bytes still lent`);
  }

  #accept(): void {
    for (const listener of this.#listeners) {
      for (let c = listener.accept(); c !== null; c = listener.accept()) {
        this.#users.add(c);
        if (this.#choices.onceIn(4)) c.setKeepalive({ time: 5, interval: 1, probes: 3 });
      }
    }
  }

  #connect(): void {
    const choices = this.#choices;
    const host = choices.pick(["10.0.0.2", "10.0.0.3", "[fd00::2]"]);
    if (this.stack.tcp.openingCount > 20) return;
    const remote = parseEndpoint(`${host}:${9000 + choices.below(4)}`)!;
    this.#users.add(this.stack.connect(remote, {}, this.#now));
  }

  #act(c: Connection): void {
    const choices = this.#choices;
    if (!this.#users.has(c)) return;
    const kind = choices.below(40);
    if (kind < 22) {
      c.consume(choices.onceIn(5) ? choices.below(c.readable().length + 1) : c.readable().length);
    }
    if (kind >= 12 && kind < 32) this.#write(c, choices.pick([1, 100, 3000, 60_000]));
    if (kind === 32 || kind > 37) c.shutdown();
    if (kind === 33) c.resetWhenDrained(this.#now + 1000);
    if (kind === 34 || c.state === 0) this.#leave(c, choices.onceIn(3));
  }

  #write(c: Connection, most: number): void {
    const room = c.writable();
    const count = Math.min(most, room.length);
    if (count > 0) c.commit(count);
  }

  #leave(c: Connection, aborts: boolean): void {
    if (aborts) c.abort();
    c.release();
    this.#users.delete(c);
  }

  #poll(): void {
    let turns = 0;
    while (this.stack.poll(this.#now)) require(++turns < TURNS, "poll never rests");
  }

  #check(): void {
    const { tcp } = this.stack;
    require(this.pages.lent <= this.pages.limit, "more pages lent than there are");
    require(tcp.connectionCount <= CONNECTIONS, "more connections than px_max_connections");
    for (const c of this.#users) {
      require(((c.sndNxt - c.sndUna) | 0) >= 0, "SND.NXT before SND.UNA");
      require(((c.rcvEdge - c.rcvNxt) | 0) >= 0, "RCV.NXT beyond the promised edge");
    }
  }
}

function require(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}
