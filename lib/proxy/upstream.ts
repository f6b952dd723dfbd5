/**
 * Upstream: the side of a relay which it has dialed. Two kinds: a socket of the
 * kernel, here, and a connection of our own stack, in tap_upstream.ts.
 *
 * What a relay asks of either is answered as a system call would: with a count
 * or a negative errno, at once, and never by an exception.
 */

import type { Sockets } from "../host/host.ts";
import type { Keepalive } from "../tcp/connection.ts";
import type { Tunables } from "../tcp/tunables.ts";
import type { Endpoint } from "../wire/address.ts";
import type { Gather } from "../wire/gather.ts";
import type { Relay } from "./relay.ts";
import { KERNEL_KEEPALIVE_LIMIT } from "./route.ts";

/** The upstream leg of one pair. */
export interface Upstream {
  /** Whose readiness the poller reports; -1: nobody's, its connection has signals. */
  readonly descriptor: number;
  /** Whether `send` may be called while the engine takes a segment in, by `ByteSink.offer`. */
  readonly takesOffers: boolean;
  /**
   * Begins to connect; who watches it has `relay` run. With `opensFast` the
   * first bytes are sent at once, and may ride on the SYN. Returns 0, or a
   * negative errno when there is nothing to close.
   */
  dial(relay: Relay, opensFast: boolean, now: number): number;
  /** 0 when connected, else why not, or what became of the connection since. A positive errno. */
  dialResult(): number;
  /** Sends bytes of the arena. Returns how many were taken, or a negative errno. */
  send(offset: number, length: number): number;
  /** Sends the pieces in order, which may be a scratch Gather. Returns how many bytes were taken, or a negative errno. */
  sendGather(bytes: Gather): number;
  /** Sends one byte of the arena as the last of urgent data. Returns 1, or a negative errno. */
  sendUrgent(offset: number): number;
  /**
   * Receives into the pieces in order, and not beyond the urgent mark unless it
   * begins there. Returns a count, 0 at the end of the stream, or a negative errno.
   */
  receive(room: Gather): number;
  /** Whether the byte that is received next is the last of urgent data. */
  isAtMark(): boolean;
  /** Sends FIN behind what was sent. Returns 0 or a negative errno. */
  shutdownWrite(): number;
  /** Closes gracefully. */
  close(): void;
  /** Closes with RST; gives a dialing up. */
  reset(): void;
  /** Where it is, as a route says it. */
  toString(): string;
}

/** How a socket's silent peer is probed; what is left out is the tunable's value. */
export type SocketKeepalive = Omit<Keepalive, "bytes">;

/** A socket of the kernel. */
export class KernelUpstream implements Upstream {
  readonly remote: Endpoint;
  readonly keepalive: SocketKeepalive | null;
  descriptor = -1;
  readonly takesOffers = true;
  readonly #sockets: Sockets;

  /** `keepalive` null: a silent upstream is not probed. */
  constructor(sockets: Sockets, remote: Endpoint, keepalive: SocketKeepalive | null) {
    this.#sockets = sockets;
    this.remote = remote;
    this.keepalive = keepalive;
  }

  dial(relay: Relay, opensFast: boolean): number {
    const descriptor = this.#sockets.dial(this.remote, opensFast);
    if (descriptor < 0) return descriptor;
    this.descriptor = descriptor;
    if (this.keepalive !== null) this.#probe(this.keepalive, relay.host.tunables);
    return 0;
  }

  toString(): string {
    return `${this.remote}`;
  }

  dialResult(): number {
    return this.#sockets.dialResult(this.descriptor);
  }

  send(offset: number, length: number): number {
    return this.#sockets.send(this.descriptor, offset, length);
  }

  sendGather(bytes: Gather): number {
    return this.#sockets.sendGather(this.descriptor, bytes);
  }

  sendUrgent(offset: number): number {
    return this.#sockets.sendUrgent(this.descriptor, offset);
  }

  receive(room: Gather): number {
    return this.#sockets.receive(this.descriptor, room);
  }

  isAtMark(): boolean {
    return this.#sockets.isAtMark(this.descriptor);
  }

  shutdownWrite(): number {
    return this.#sockets.shutdownWrite(this.descriptor);
  }

  close(): void {
    this.#sockets.close(this.descriptor);
  }

  reset(): void {
    this.#sockets.reset(this.descriptor);
  }

  #probe(keepalive: SocketKeepalive, tunables: Tunables): void {
    const time = keepalive.time ?? tunables.tcp_keepalive_time;
    const interval = keepalive.interval ?? tunables.tcp_keepalive_intvl;
    const probes = keepalive.probes ?? tunables.tcp_keepalive_probes;
    const kernelTime = Math.min(time, KERNEL_KEEPALIVE_LIMIT); // a tunable may be greater
    this.#sockets.setKeepalive(this.descriptor, kernelTime, interval, probes);
  }
}
