/**
 * LISTEN: who may come in. RFC 9293 §3.10.7.2, RFC 4987.
 *
 * `arrives` decides in the order of house §6, one early return each.
 */

import type { Endpoint } from "../wire/address.ts";
import { ACK, FIN, RST, type Segment, SYN } from "../wire/segment.ts";
import { AddressError } from "./address_error.ts";
import { type Connection } from "./connection.ts";
import { Handshake } from "./handshake.ts";
import type { Tcp } from "./tcp.ts";

/** What a listener may be given. */
export interface ListenOptions {
  /** Most connections that wait for `accept`; at most the tunable `somaxconn`, which is also the default. */
  readonly backlog?: number;
  /**
   * Whether the address and port may be in TIME-WAIT; default true. SYNs are
   * told from old ones anyway. POSIX: SO_REUSEADDR.
   */
  readonly reuseAddress?: boolean;
}

/** One local address and port, or every port of an address, where connections are welcome. */
export class Listener {
  readonly #tcp: Tcp;
  readonly local: Endpoint;
  readonly #backlog: number;
  /** Established connections that the user has not taken; house: accept queue. */
  readonly #acceptQueue: Connection[] = [];
  /** Entries of the SYN queue that belong to this listener. */
  synQueueLength = 0;
  #isClosed = false;

  constructor(tcp: Tcp, local: Endpoint, options: ListenOptions) {
    this.#tcp = tcp;
    this.local = local;
    this.#backlog = options.backlog ?? Infinity;
  }

  /** Connections that wait for `accept`. */
  get acceptable(): number {
    return this.#acceptQueue.length;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether one more connection may wait. Linux: min(backlog, `somaxconn`). */
  get hasRoom(): boolean {
    return this.#acceptQueue.length < Math.min(this.#backlog, this.#tcp.tunables.somaxconn);
  }

  /** The next established connection, or null. From now on its signals are delivered. */
  accept(): Connection | null {
    const c = this.#acceptQueue.shift();
    if (c === undefined) return null;
    c.isAccepted = true;
    this.#tcp.signal(c, 0);
    return c;
  }

  /** No more connections: the SYN queue is emptied, those not accepted are reset. RFC 9293 §3.10.4. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#tcp.listenerClosed(this);
    for (const c of this.#acceptQueue) {
      c.abort();
      c.release();
    }
    this.#acceptQueue.length = 0;
  }

  /**
   * Turns active: the listener is closed, and its address and port open a
   * connection to `remote`. Throws AddressError, and listens on, when connections
   * wait here or `remote` can be nobody. RFC 9293 §3.10.1, §3.10.2.
   */
  connect(remote: Endpoint, now: number): Connection {
    if (this.#isClosed || this.synQueueLength > 0 || this.#acceptQueue.length > 0) {
      throw new AddressError("EISCONN", `Cannot connect from ${this.local}: connections wait here`);
    }
    const { address, port } = this.local;
    const c = this.#tcp.connect(remote, { localAddress: address, localPort: port }, now);
    this.close();
    return c;
  }

  /** A handshake was completed. */
  established(c: Connection): void {
    this.#acceptQueue.push(c);
  }

  /** A segment arrived that belongs to nobody yet. Returns false when it deserves a reset. RFC 9293 §3.10.7.2. */
  arrives(seg: Segment, hash: number, now: number): boolean {
    const tcp = this.#tcp;
    const counters = tcp.counters;
    const kind = seg.flags & (SYN | ACK | RST | FIN);
    if ((kind & RST) !== 0) {
      counters.TCPListenRst++;
      return true;
    }
    if ((kind & ACK) !== 0) return false;
    if (kind !== SYN) {
      counters.TCPListenBadFlags++;
      return true;
    }
    if (tcp.connectionCount + tcp.handshakeCount >= tcp.tunables.px_max_connections) {
      counters.TCPConnectionLimit++;
      return tcp.tunables.tcp_abort_on_overflow === 0; // PX-20
    }
    if (!this.hasRoom) {
      counters.ListenOverflows++;
      return true;
    }
    if (this.synQueueLength >= tcp.tunables.tcp_max_syn_backlog) {
      counters.TCPReqQFullDrop++;
      return true;
    }
    tcp.begin(new Handshake(tcp, this, seg, hash, now), now);
    return true;
  }
}
