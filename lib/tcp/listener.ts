/**
 * LISTEN: who may come in. RFC 9293 §3.10.7.2, RFC 4987.
 *
 * `arrives` decides in the order of house §6, one early return each.
 */

import type { Endpoint } from "../wire/address.ts";
import { ACK, FIN, RST, type Segment, SYN } from "../wire/segment.ts";
import { AddressError } from "./address_error.ts";
import { algorithmNamed } from "./algorithms.ts";
import type { CongestionControl } from "./congestion.ts";
import { type Connection } from "./connection.ts";
import {
  CookieValidity,
  DEFAULT_FAST_OPEN_LIMIT,
  FAST_OPEN,
  FastOpenQueue,
  openFast,
} from "./fast_open.ts";
import { establish, Handshake } from "./handshake.ts";
import { isExhausted } from "./memory.ts";
import { State, STATE_NAMES } from "./state.ts";
import { openByCookie, replyCookie } from "./syn_cookie.ts";
import type { Tcp } from "./tcp.ts";

/** How long after the last cookie one may come back: the longest that a cookie lives. COOKIE-08. */
const OVERFLOW_MEMORY_MS = 120_000;

/** What a listener may be given. */
export interface ListenOptions {
  /** Most connections that wait for `accept`; at most the tunable `somaxconn`, which is also the default. */
  readonly backlog?: number;
  /** See `Listener.fastOpen`; default 0. */
  readonly fastOpen?: number;
  /**
   * Whether connections, in TIME-WAIT or any other state, may have the address
   * and port; default true. SYNs are told from old ones anyway. POSIX:
   * SO_REUSEADDR.
   */
  readonly reuseAddress?: boolean;
  /** The congestion control of its connections, reno, cubic or bbr; none or null: what `tcp_congestion_control` says. */
  readonly congestionControl?: string | null;
}

/** One local address and port, or every port of an address, where connections are welcome. */
export class Listener {
  readonly #tcp: Tcp;
  readonly local: Endpoint;
  readonly #backlog: number;
  /** Null: the tunable's. */
  readonly #congestion: CongestionControl | null;
  /**
   * Fast-open requests that may wait for their third ACK, 0 … 65535; 0: no fast
   * open. May change at any time. RFC 7413 §5.1; Linux: `TCP_FASTOPEN`.
   */
  fastOpen: number;
  readonly fastOpenQueue: FastOpenQueue = new FastOpenQueue();
  /** Established connections that the user has not taken; house: accept queue. */
  readonly #acceptQueue: Connection[] = [];
  /** Entries of the SYN queue that belong to this listener. */
  synQueueLength = 0;
  /** When a SYN was last answered with a cookie, in milliseconds with a fraction. */
  #lastCookieAt = -Infinity;
  #isClosed = false;

  constructor(tcp: Tcp, local: Endpoint, options: ListenOptions) {
    this.#tcp = tcp;
    this.local = local;
    this.#backlog = options.backlog ?? Infinity;
    this.#congestion = algorithmNamed(options.congestionControl ?? null);
    this.fastOpen = options.fastOpen ?? 0;
  }

  /** Connections that wait for `accept`. */
  get acceptable(): number {
    return this.#acceptQueue.length;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** STATUS: the RFC's name of the state. RFC 9293 §3.10.6. */
  get stateName(): string {
    return STATE_NAMES[this.#isClosed ? State.Closed : State.Listen];
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

  /** A connection may be accepted: its handshake was completed, or its SYN believed. */
  established(c: Connection): void {
    if (this.#congestion !== null) c.congestion = this.#congestion;
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
    if ((kind & ACK) !== 0) {
      return (kind & SYN) === 0 && this.cookieArrives(seg, hash, null, now);
    }
    if (kind !== SYN) {
      counters.TCPListenBadFlags++;
      return true;
    }
    if (tcp.tupleReuse.isFromStaleHost(seg, now)) {
      counters.PAWSPassiveRejected++;
      return true;
    }
    if (tcp.isFull) {
      counters.TCPConnectionLimit++;
      return tcp.tunables.tcp_abort_on_overflow === 0; // PX-20
    }
    if (isExhausted(tcp.pages)) {
      counters.TCPMemoryDrop++;
      return true;
    }
    if (!this.hasRoom) {
      counters.ListenOverflows++;
      return true;
    }
    const isQueueFull = this.synQueueLength >= tcp.tunables.tcp_max_syn_backlog;
    if (isQueueFull || tcp.tunables.tcp_syncookies === 2) return this.#overflow(seg, now);
    const handshake = new Handshake(tcp, this, seg, hash, now);
    tcp.begin(handshake, now);
    if (this.#maySpeedUp(seg, now)) this.#speedUp(handshake, seg, now);
    return true;
  }

  /** Fast-open requests that may be pending; 0: fast open is off. RFC 7413 §4.2; TFO-S-02. */
  get #fastOpenLimit(): number {
    const bits = this.#tcp.tunables.tcp_fastopen;
    if ((bits & FAST_OPEN.Server) === 0) return 0;
    if (this.fastOpen > 0 || (bits & FAST_OPEN.AllListeners) === 0) return this.fastOpen;
    return DEFAULT_FAST_OPEN_LIMIT;
  }

  /** Whether a SYN asks for fast open, and may: beyond the limit it is like any other. RFC 7413 §5.1. */
  #maySpeedUp(syn: Segment, now: number): boolean {
    if (syn.fastOpenLength < 0 && !this.#needsNoCookie(syn)) return false;
    const limit = this.#fastOpenLimit;
    if (limit === 0) return false;
    if (this.fastOpenQueue.hasRoom(limit, now)) return true;
    this.#tcp.counters.TCPFastOpenListenOverflow++;
    return false;
  }

  /** The cookie decides: a connection at once, or a new cookie with the SYN-ACK. RFC 7413 §4.2.2. */
  #speedUp(handshake: Handshake, syn: Segment, now: number): void {
    const { counters, fastOpenCookies, tunables } = this.#tcp;
    fastOpenCookies.age(tunables.px_tfo_rotate, now);
    if (!this.#needsNoCookie(syn)) {
      const validity = fastOpenCookies.check(syn);
      handshake.offersCookie = validity !== CookieValidity.Valid;
      if (syn.fastOpenLength === 0) counters.TCPFastOpenCookieReqd++;
      else if (validity === CookieValidity.Invalid) counters.TCPFastOpenPassiveFail++;
      else if (validity === CookieValidity.Ageing) counters.TCPFastOpenPassiveAltKey++;
      if (validity === CookieValidity.Invalid) return;
    }
    counters.TCPFastOpenPassive++;
    this.fastOpenQueue.pending++;
    this.established(openFast(handshake, syn, now));
  }

  #needsNoCookie(syn: Segment): boolean {
    return syn.payloadLength > 0 &&
      (this.#tcp.tunables.tcp_fastopen & FAST_OPEN.ServerWithoutCookie) !== 0;
  }

  /** A SYN that gets no place in the queue. RFC 4987 §3.6. */
  #overflow(syn: Segment, now: number): boolean {
    if (this.#tcp.tunables.tcp_syncookies === 0) {
      this.#tcp.counters.TCPReqQFullDrop++;
      return true;
    }
    this.#lastCookieAt = now;
    replyCookie(this.#tcp, syn, now);
    return true;
  }

  /**
   * An ACK for no request, or not for the one that is there: a cookie may have
   * been the answer to its SYN. Returns false when it deserves a reset. A client
   * that repeated its SYN has had two answers, a cookie and that of `request`;
   * the one it acknowledges counts.
   */
  cookieArrives(seg: Segment, hash: number, request: Handshake | null, now: number): boolean {
    const tcp = this.#tcp;
    const { counters, tunables } = tcp;
    const mode = tunables.tcp_syncookies;
    const isExpected = mode === 2 || (mode === 1 && now - this.#lastCookieAt <= OVERFLOW_MEMORY_MS);
    if (!isExpected) return false;
    const c = openByCookie(tcp, seg, hash, now);
    if (c === null) {
      counters.SyncookiesFailed++;
      return false;
    }
    counters.SyncookiesRecv++;
    if (tcp.isFull || !this.hasRoom) {
      if (tcp.isFull) counters.TCPConnectionLimit++;
      else counters.ListenOverflows++;
      return tunables.tcp_abort_on_overflow === 0; // SYNQ-10, SYNQ-11
    }
    counters.PassiveOpens++;
    if (request !== null) tcp.forget(request);
    this.established(c);
    establish(c, seg, now);
    return true;
  }
}
