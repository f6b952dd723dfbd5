/**
 * Stack: the engine's door. A dual-stack host, made of the network floor and
 * TCP; frames, time and calls go in, frames and signals come out. It is
 * synchronous, never reads a clock, and draws randomness only for its keys.
 */

import type { Connection } from "../tcp/connection.ts";
import { Counters } from "../tcp/counters.ts";
import type { Listener, ListenOptions } from "../tcp/listener.ts";
import type { IsnSource } from "../tcp/isn.ts";
import type { ConnectOptions } from "../tcp/openings.ts";
import { type Receiving, Tcp } from "../tcp/tcp.ts";
import type { Tracer } from "../tcp/tracer.ts";
import type { Tunables } from "../tcp/tunables.ts";
import type { Address, Endpoint } from "../wire/address.ts";
import type { Frame } from "../wire/frame.ts";
import { Network, type NetworkParts } from "./network.ts";

/** What a Stack is made of. */
export interface StackParts extends NetworkParts {
  /** Fills bytes with secrets; used at construction only. */
  readonly entropy: { fill(bytes: Uint8Array): void };
  /** Sees every segment; null: nobody does. */
  readonly tracer: Tracer | null;
  /** Keys of fast open, as `tcp_fastopen_key` has them; see `FastOpenCookies.setKeys`. */
  readonly fastOpenKey?: string;
  /** See `TcpParts`. */
  readonly isn?: IsnSource | null;
  readonly receiving?: Receiving | null;
}

/** One host. `now` is monotonic milliseconds with a fraction, the same clock for all calls. */
export class Stack {
  readonly tcp: Tcp;
  readonly counters: Counters = new Counters();
  readonly #network: Network;

  constructor(parts: StackParts) {
    const keys = new Int32Array(2);
    parts.entropy.fill(new Uint8Array(keys.buffer));
    this.#network = new Network(parts, keys, this.counters);
    this.tcp = new Tcp({
      arena: parts.arena,
      pages: parts.pages,
      tunables: parts.tunables,
      entropy: parts.entropy,
      counters: this.counters,
      sink: this.#network,
      mtu: parts.mtu,
      offload: parts.offload,
      tracer: parts.tracer,
      fastOpenKey: parts.fastOpenKey,
      isn: parts.isn ?? null,
      router: this.#network,
      receiving: parts.receiving ?? null,
    });
    this.#network.attach(this.tcp);
  }

  /** The tunables in force. */
  get tunables(): Tunables {
    return this.tcp.tunables;
  }

  /** Changes them; `gc_thresh3`, `dad_transmits` and `arp_probe` count only at start. */
  set tunables(tunables: Tunables) {
    this.tcp.tunables = tunables;
    this.#network.tunables = tunables;
  }

  /**
   * An address of ours that another host had already, known a second after the
   * first `poll` (IPv6) or, with `arp_probe`, some seconds (IPv4); none of its
   * family is used then. Null: there is none. RFC 4862 §5.4.5, RFC 5227 §2.1.1.
   */
  get conflict(): Address | null {
    return this.#network.conflict;
  }

  /** The address that was defended last against another host which uses it; null: none. RFC 5227 §2.4. */
  get contested(): Address | null {
    return this.#network.claims.contested;
  }

  /** How often addresses were defended. */
  get defences(): number {
    return this.#network.claims.defences;
  }

  /** See `Tcp.listen`. */
  listen(local: Endpoint, options: ListenOptions = {}): Listener {
    return this.tcp.listen(local, options);
  }

  /** See `Tcp.connect`. */
  connect(remote: Endpoint, options: ConnectOptions, now: number): Connection {
    return this.tcp.connect(remote, options, now);
  }

  /**
   * Whether to call `poll` before the next frame is received: an acknowledgment
   * waits that cannot answer both. RFC 5681 §4.2.
   */
  get mustPoll(): boolean {
    return this.tcp.mustPoll;
  }

  /** A frame arrived; it is free after the call. Whatever it holds, this does not throw. */
  receive(frame: Frame, now: number): void {
    this.#network.receive(frame, now);
  }

  /** Does what is due and sends what may be sent. Returns true when there is more to send at once. */
  poll(now: number): boolean {
    // First what was asked for in vain or answered; then TCP, whose new
    // questions wait for the second look.
    this.#network.poll(now);
    const hasMore = this.tcp.poll(now);
    this.#network.poll(now);
    return hasMore;
  }

  /** When `poll` must be called at the latest; may be Infinity. */
  deadline(now: number): number {
    return Math.min(this.tcp.deadline(now), this.#network.deadline);
  }

  /** The next connection with undelivered signals, or null. */
  signalled(): Connection | null {
    return this.tcp.signalled();
  }
}
