/**
 * Upstream: the side of a relay which it has dialed. Two kinds: a socket of the
 * kernel, here, and a connection of our own stack, in tap_upstream.ts.
 *
 * What a relay asks of either is answered as a system call would: with a count
 * or a negative errno, at once, and never by an exception.
 */

import type { Sockets } from "../host/host.ts";
import type { Endpoint } from "../wire/address.ts";
import type { Gather } from "../wire/gather.ts";

/** The upstream leg of one pair. */
export interface Upstream {
  /** Where it is. */
  readonly remote: Endpoint;
  /** Whose readiness the poller reports; -1: nobody's, its connection has signals. */
  readonly descriptor: number;
  /** Whether `send` may be called while the engine takes a segment in, by `ByteSink.offer`. */
  readonly takesOffers: boolean;
  /** Begins to connect. Returns 0, or a negative errno when there is nothing to close. */
  dial(now: number): number;
  /** 0 when connected, else why not, or what became of the connection since. A positive errno. */
  dialResult(): number;
  /** Sends bytes of the arena. Returns how many were taken, or a negative errno. */
  send(offset: number, length: number): number;
  /** Sends the pieces in order, which may be a scratch Gather. Returns how many bytes were taken, or a negative errno. */
  sendGather(bytes: Gather): number;
  /** Receives into the pieces in order. Returns a count, 0 at the end of the stream, or a negative errno. */
  receive(room: Gather): number;
  /** Sends FIN behind what was sent. Returns 0 or a negative errno. */
  shutdownWrite(): number;
  /** Closes gracefully. */
  close(): void;
  /** Closes with RST; gives a dialing up. */
  reset(): void;
}

/** A socket of the kernel. */
export class KernelUpstream implements Upstream {
  readonly remote: Endpoint;
  descriptor = -1;
  readonly takesOffers = true;
  readonly #sockets: Sockets;

  constructor(sockets: Sockets, remote: Endpoint) {
    this.#sockets = sockets;
    this.remote = remote;
  }

  dial(): number {
    const descriptor = this.#sockets.dial(this.remote);
    if (descriptor < 0) return descriptor;
    this.descriptor = descriptor;
    return 0;
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

  receive(room: Gather): number {
    return this.#sockets.receive(this.descriptor, room);
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
}
