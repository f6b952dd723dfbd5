/**
 * TapUpstream: an upstream on the device's network, dialed by our own stack.
 * PX-19.
 *
 * Its connection has signals where a socket has readiness: the proxy tells the
 * relay that both directions may have something to do. Bytes are copied from
 * the pages of one connection into those of the other; a segment is not taken
 * from its frame, for the engine must not be called while it takes it in.
 */

import { EADDRNOTAVAIL, EAGAIN, ENETUNREACH, EPIPE, errnoNamed } from "../host/errno.ts";
import { AddressError } from "../tcp/address_error.ts";
import { endError } from "../tcp/call_error.ts";
import type { Connection, Keepalive } from "../tcp/connection.ts";
import type { ConnectOptions } from "../tcp/openings.ts";
import type { Endpoint } from "../wire/address.ts";
import { copyGather, Gather } from "../wire/gather.ts";
import type { Arena } from "../wire/memory.ts";
import type { Relay } from "./relay.ts";
import type { Upstream } from "./upstream.ts";

/** What a TapUpstream uses of its connection; test doubles implement it. */
export type UpstreamConnection = Pick<
  Connection,
  | "user"
  | "closeReason"
  | "peerClosed"
  | "readable"
  | "consume"
  | "writable"
  | "commit"
  | "urge"
  | "urgentRemaining"
  | "shutdown"
  | "abort"
  | "setKeepalive"
  | "setNoDelay"
  | "release"
>;

/** How the leg of such an upstream is to be. */
export interface TapOptions {
  /** Null: a silent upstream is not probed. */
  readonly keepalive: Keepalive | null;
  /** See `ConnectOptions`. */
  readonly congestionControl: string | null;
}

/** Opens connections: the `Stack`. */
export interface Opener {
  /** See `Tcp.connect`. */
  connect(remote: Endpoint, options: ConnectOptions, now: number): UpstreamConnection;
}

/**
 * The pieces of one connection while the other one's are asked for: all
 * connections fill the same scratch Gather. Nothing is in it between calls.
 */
const HELD = new Gather();

/** A connection of our own stack. */
export class TapUpstream implements Upstream {
  readonly remote: Endpoint;
  readonly descriptor = -1;
  readonly takesOffers = false;
  readonly options: TapOptions;
  readonly #opener: Opener;
  readonly #bytes: Uint8Array;
  #connection: UpstreamConnection | null = null;

  /** `arena` is the one that the stack's queues are in. */
  constructor(opener: Opener, arena: Arena, remote: Endpoint, options: TapOptions) {
    this.#opener = opener;
    this.#bytes = arena.bytes;
    this.remote = remote;
    this.options = options;
  }

  dial(relay: Relay, opensFast: boolean, now: number): number {
    const { keepalive, congestionControl } = this.options;
    try {
      const options = { fastOpen: opensFast, congestionControl };
      this.#connection = this.#opener.connect(this.remote, options, now);
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      return error.code === "EADDRNOTAVAIL" ? -EADDRNOTAVAIL : -ENETUNREACH;
    }
    this.#connection.user = relay;
    this.#connection.setNoDelay(true); // PX-13, as toward the client
    if (keepalive !== null) this.#connection.setKeepalive(keepalive);
    return 0;
  }

  toString(): string {
    return `tap:${this.remote}`;
  }

  dialResult(): number {
    const error = endError(this.#connection!.closeReason);
    return error === "" ? 0 : errnoNamed(error);
  }

  /** Nothing is taken: `takesOffers` is false. */
  send(): number {
    return -EAGAIN;
  }

  sendGather(bytes: Gather): number {
    const { length } = bytes;
    HELD.set(bytes);
    return this.#sendHeld(length);
  }

  sendUrgent(offset: number): number {
    HELD.clear();
    HELD.add(offset, 1);
    const sent = this.#sendHeld(1);
    if (sent === 1) this.#connection!.urge();
    return sent;
  }

  #sendHeld(length: number): number {
    const c = this.#connection!;
    while (HELD.length > 0) {
      const room = c.writable();
      if (room.length === 0) break;
      const count = copyGather(this.#bytes, HELD, room);
      c.commit(count);
      HELD.drop(count);
    }
    const sent = length - HELD.length;
    if (sent > 0) return sent;
    return c.closeReason === "" ? -EAGAIN : -(this.dialResult() || EPIPE);
  }

  receive(room: Gather): number {
    const c = this.#connection!;
    const { length } = room;
    HELD.set(room);
    while (HELD.length > 0) {
      const bytes = c.readable();
      if (bytes.length === 0) break;
      const beforeMark = c.urgentRemaining - 1;
      if (beforeMark === 0 && HELD.length < length) break;
      if (beforeMark > 0 && beforeMark < bytes.length) bytes.keep(beforeMark);
      const count = copyGather(this.#bytes, bytes, HELD);
      c.consume(count);
      HELD.drop(count);
    }
    const received = length - HELD.length;
    if (received > 0) return received;
    const errno = this.dialResult();
    if (errno !== 0) return -errno;
    return c.peerClosed ? 0 : -EAGAIN;
  }

  isAtMark(): boolean {
    return this.#connection!.urgentRemaining === 1;
  }

  shutdownWrite(): number {
    const errno = this.dialResult();
    if (errno === 0) this.#connection!.shutdown();
    return -errno;
  }

  close(): void {
    this.#connection!.release();
  }

  reset(): void {
    this.#connection!.abort();
    this.#connection!.release();
  }
}
