/**
 * Socket: a connection or listener of the engine as POSIX and Linux show it to
 * a program. POSIX: socket(2) and its kin; Linux: tcp(7), poll(2), socket(7).
 *
 * No call waits: one that cannot finish yet answers BLOCKED, and is made again
 * when something has changed.
 */

import { AddressError } from "../../lib/tcp/address_error.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { FAST_OPEN } from "../../lib/tcp/fast_open.ts";
import type { Listener } from "../../lib/tcp/listener.ts";
import { State } from "../../lib/tcp/state.ts";
import { type Address, Endpoint, parseAddress } from "../../lib/wire/address.ts";
import type { Gather } from "../../lib/wire/gather.ts";
import { SocketOptions } from "./socket_options.ts";
import type { VirtualHost } from "./virtual_host.ts";

/** A call cannot finish yet. */
export const BLOCKED: unique symbol = Symbol("blocked");
/** See the constant of the same name. */
export type Blocked = typeof BLOCKED;

/** A call failed; the message is the name of the error. POSIX: errno.h. */
export class SocketError extends Error {
  override readonly name = "SocketError";
}

/** Bits of poll(2). Linux's values. */
export const POLL = {
  In: 0x1,
  Out: 0x4,
  Error: 0x8,
  HangUp: 0x10,
  ReadNormal: 0x40,
  WriteNormal: 0x100,
  ReadHangUp: 0x2000,
} as const;

/** How a call is to be made: MSG_ flags without their prefix, and whether it may wait. */
export interface CallOptions {
  readonly nonblock: boolean;
  readonly flags: readonly string[];
}

/** All options of one segment. RFC 9293 §3.1. */
const OPTION_SPACE = 40;

/** One socket. Its owner closes it by `close`, and makes no more calls then. */
export class Socket {
  readonly options: SocketOptions;
  readonly #host: VirtualHost;
  readonly #isIpv6: boolean;
  #local: Endpoint | null = null;
  #listeners: Listener[] = [];
  #connection: Connection | null = null;
  /** Where `connect` is to go with the first bytes; null: nowhere. Linux: TCP_FASTOPEN_CONNECT. */
  #deferred: Endpoint | null = null;
  /** A `connect` is under way, or has ended and was not answered. */
  #isConnecting = false;
  /** The connection's end was told as an error already. */
  #isErrorTaken = false;
  #isReadShut = false;
  #isWriteShut = false;

  constructor(host: VirtualHost, isIpv6: boolean, options: SocketOptions) {
    this.#host = host;
    this.#isIpv6 = isIpv6;
    this.options = options;
  }

  /** The connection, for what only the engine knows; null: there is none. */
  get connection(): Connection | null {
    return this.#connection;
  }

  bind(ip: string, port: number): void {
    if (this.#local !== null) throw new SocketError("EINVAL");
    this.#local = new Endpoint(addressOf(ip), port);
  }

  listen(backlog: number): void {
    if (this.#connection !== null) throw new SocketError("EINVAL");
    if (this.#listeners.length > 0) return;
    const local = this.#local ?? new Endpoint(addressOf(this.#isIpv6 ? "::" : "0.0.0.0"), 0);
    const isDual = this.#isIpv6 && local.address.isUnspecified;
    const addresses = isDual ? [local.address, addressOf("0.0.0.0")] : [local.address];
    const options = {
      // Linux lets one more wait than it is told. listen(2).
      backlog: Math.max(backlog, 0) + 1,
      fastOpen: this.options.fastOpen,
      reuseAddress: this.options.reuseAddress,
    };
    this.#listeners = addresses.map((address) =>
      this.#try(() => this.#host.stack.listen(new Endpoint(address, local.port), options))
    );
  }

  /** setsockopt(2) with a number. Throws ENOPROTOOPT when there is no such option. */
  setOption(name: string, value: number): void {
    if (!this.options.set(name, value, this.#host.now)) throw new SocketError("ENOPROTOOPT");
    for (const listener of this.#listeners) listener.fastOpen = this.options.fastOpen;
  }

  /** The next connection as a socket of its own. */
  accept({ nonblock }: CallOptions): Socket | Blocked {
    if (this.#listeners.length === 0) throw new SocketError("EINVAL");
    for (const listener of this.#listeners) {
      const c = listener.accept();
      if (c === null) continue;
      const socket = new Socket(this.#host, this.#isIpv6, this.options.inherited());
      socket.#adopt(c);
      return socket;
    }
    return wait(nonblock);
  }

  /** The first call begins; it and later ones finish. */
  connect(ip: string, port: number, { nonblock }: CallOptions): 0 | Blocked {
    if (this.#listeners.length > 0) throw new SocketError("EISCONN");
    if (this.#connection === null) {
      if (this.#deferred !== null) throw new SocketError("EISCONN");
      const remote = new Endpoint(addressOf(ip), port);
      const { opensFast } = this.options;
      if (opensFast && this.#hasCookie(remote)) {
        this.#deferred = remote;
        return 0;
      }
      this.#open(remote, opensFast);
      if (nonblock) throw new SocketError("EINPROGRESS");
      return BLOCKED;
    }
    if (!this.#isConnecting) throw new SocketError("EISCONN");
    if (this.#connection.connector !== null) {
      if (nonblock) throw new SocketError("EALREADY");
      return BLOCKED;
    }
    this.#isConnecting = false;
    const error = this.takeError();
    if (error === "") return 0;
    this.#connection = null;
    throw new SocketError(error);
  }

  /** Dissolves the association: connect(2) to AF_UNSPEC. */
  disconnect(): void {
    if (this.#connection === null) throw new SocketError("ENOTCONN");
    this.#connection.abort();
    this.#connection.release();
    this.#connection = null;
    this.#isConnecting = false;
  }

  /** At most `length` bytes; none at the end of the stream. */
  read(length: number, { nonblock, flags }: CallOptions): Uint8Array | Blocked {
    const c = this.#connection;
    if (this.#deferred !== null) return wait(nonblock);
    if (c === null) throw new SocketError("ENOTCONN");
    const isEnded = c.peerClosed || this.#isReadShut || c.state === State.Closed;
    const wanted = flags.includes("WAITALL") ? length : Math.min(length, this.options.receiveLow);
    const available = c.receiveQueue.length;
    if (available >= wanted || (available > 0 && isEnded)) {
      return this.#take(c, length, flags.includes("PEEK"));
    }
    const error = this.takeError();
    if (error !== "") throw new SocketError(error);
    if (isEnded) return new Uint8Array(0);
    if (available > 0 && nonblock) return this.#take(c, length, flags.includes("PEEK"));
    return wait(nonblock);
  }

  /**
   * sendto(2) with MSG_FASTOPEN: opens the connection with as many of `bytes` as
   * the SYN has room for, and goes on as `writing`. Without waiting it ends there.
   * Linux: tcp(7).
   */
  openingFast(remote: Endpoint, bytes: Uint8Array, options: CallOptions): () => number | Blocked {
    if (this.#connection !== null) return this.writing(bytes, options);
    return this.#beginFast(remote, bytes, options);
  }

  #beginFast(remote: Endpoint, bytes: Uint8Array, options: CallOptions): () => number | Blocked {
    if ((this.#host.stack.tunables.tcp_fastopen & FAST_OPEN.Client) === 0) {
      throw new SocketError("EOPNOTSUPP");
    }
    this.#deferred = null;
    const room = this.#hasCookie(remote) ? this.#synRoom(remote) : 0;
    const c = this.#open(remote, true);
    const queued = this.#queue(c, bytes.subarray(0, room));
    if (options.nonblock) {
      if (queued === 0) throw new SocketError("EINPROGRESS");
      return () => queued;
    }
    const write = this.writing(bytes.subarray(queued), options);
    return () => {
      const written = write();
      return written === BLOCKED ? written : queued + written;
    };
  }

  /**
   * Begins to queue `bytes`. The call it returns answers how many were queued
   * when that is all or no more will be, and is to be made until then.
   */
  writing(bytes: Uint8Array, options: CallOptions): () => number | Blocked {
    if (this.#deferred !== null) return this.#beginFast(this.#deferred, bytes, options);
    const { nonblock } = options;
    let done = 0;
    return () => {
      const error = this.#writeError();
      if (error !== "") {
        if (done > 0) return done;
        throw new SocketError(this.takeError() || error);
      }
      const c = this.#connection!;
      if (c.connector !== null) return wait(nonblock);
      done += this.#queue(c, bytes.subarray(done));
      if (done === bytes.length || (nonblock && done > 0)) return done;
      return wait(nonblock);
    };
  }

  shutdown(how: string): void {
    const isRead = how !== "WR";
    const isWrite = how !== "RD";
    if (this.#listeners.length > 0) {
      if (isRead) this.#closeListeners();
      return;
    }
    const c = this.#connection;
    if (c === null || c.state === State.Closed) throw new SocketError("ENOTCONN");
    if (c.state === State.SynSent) {
      c.abort();
      return;
    }
    if (isRead) this.#isReadShut = true;
    if (!isWrite) return;
    this.#isWriteShut = true;
    c.shutdown();
  }

  /** Linux: tcp_close; SO_LINGER: socket(7). Returns BLOCKED while it lingers. */
  close(): 0 | Blocked {
    this.#closeListeners();
    const c = this.#connection;
    if (c === null || c.isReleased) return c !== null && c.isLingering ? BLOCKED : 0;
    const { lingerSeconds } = this.options;
    if (lingerSeconds < 0) {
      c.release();
      return 0;
    }
    c.closeLingering(lingerSeconds * 1000, this.#host.now);
    return c.isLingering ? BLOCKED : 0;
  }

  /** The pending error's name, which is none afterwards; "": there is none. SO_ERROR: socket(7). */
  takeError(): string {
    const error = this.#error();
    if (error !== "") this.#isErrorTaken = true;
    return error;
  }

  /** Bytes that `read` has. Linux: SIOCINQ, tcp(7). */
  get readableLength(): number {
    return this.#connection?.receiveQueue.length ?? 0;
  }

  /** Bytes that were written and are not acknowledged. Linux: SIOCOUTQ, tcp(7). */
  get unacknowledgedLength(): number {
    const c = this.#connection;
    if (c === null || c.state === State.Closed) return 0;
    return (c.endOfStream - c.sndUna) | 0;
  }

  /** Bytes that were written and not sent yet. Linux: SIOCOUTQNSD. */
  get unsentLength(): number {
    const c = this.#connection;
    return c === null || c.state === State.Closed ? 0 : (c.endOfStream - c.sndNxt) | 0;
  }

  /** What ioctl(2) answers. */
  inquire(request: string): number {
    switch (request) {
      case "SIOCINQ":
        return this.readableLength;
      case "SIOCOUTQ":
        return this.unacknowledgedLength;
      case "SIOCOUTQNSD":
        return this.unsentLength;
      default:
        throw new SocketError("EINVAL");
    }
  }

  get isListening(): boolean {
    return this.#listeners.length > 0;
  }

  /** What poll(2) tells of it; `POLL` bits. */
  get events(): number {
    if (this.#listeners.length > 0) {
      const hasSome = this.#listeners.some((listener) => listener.acceptable > 0);
      return hasSome ? POLL.In | POLL.ReadNormal : 0;
    }
    const c = this.#connection;
    if (this.#deferred !== null) return POLL.Out | POLL.WriteNormal;
    if (c === null) return POLL.Out | POLL.WriteNormal | POLL.HangUp;
    const isClosed = c.state === State.Closed;
    const isReadShut = c.peerClosed || this.#isReadShut || isClosed;
    const isWriteShut = this.#isWriteShut || isClosed;
    let events = 0;
    if (isClosed || (isReadShut && isWriteShut)) events |= POLL.HangUp;
    if (isReadShut) events |= POLL.In | POLL.ReadNormal | POLL.ReadHangUp;
    if (this.#error() !== "") events |= POLL.Error;
    if (c.connector !== null) return events;
    if (c.receiveQueue.length >= this.options.receiveLow) events |= POLL.In | POLL.ReadNormal;
    if (isWriteShut || this.#room(c) > 0) events |= POLL.Out | POLL.WriteNormal;
    return events;
  }

  #open(remote: Endpoint, fastOpen: boolean): Connection {
    const local = this.#local;
    const localAddress = local === null || local.address.isUnspecified ? null : local.address;
    const options = {
      fastOpen,
      localPort: local?.port ?? 0,
      ...(localAddress === null ? {} : { localAddress }),
    };
    const c = this.#try(() => this.#host.stack.connect(remote, options, this.#host.now));
    this.#adopt(c);
    this.#isConnecting = true;
    return c;
  }

  /** Whether bytes may go with the SYN. */
  #hasCookie(remote: Endpoint): boolean {
    const { tcp_fastopen, tcp_fastopen_blackhole_timeout_sec } = this.#host.stack.tunables;
    const { tcp } = this.#host.stack;
    if (tcp.fastOpenPause.isOn(tcp_fastopen_blackhole_timeout_sec, this.#host.now)) return false;
    const server = tcp.fastOpenCache.find(this.#host.pairWith(remote.address));
    if (server !== null && this.#host.now < server.refusedUntil) return false;
    return (tcp_fastopen & FAST_OPEN.ClientWithoutCookie) !== 0 ||
      (server !== null && server.cookieLength > 0);
  }

  /** Bytes that Linux puts into a SYN: beside all the options there might be. */
  #synRoom(remote: Endpoint): number {
    const pair = this.#host.pairWith(remote.address);
    const { tcp } = this.#host.stack;
    const mss = tcp.fastOpenCache.find(pair)?.mss || (remote.address.isIpv4 ? 536 : 1220);
    return Math.min(mss, tcp.maxSegmentSize(pair)) - OPTION_SPACE;
  }

  #adopt(c: Connection): void {
    this.#connection = c;
    c.user = this;
    this.options.attach(c, this.#host.now);
  }

  #take(c: Connection, length: number, isPeek: boolean): Uint8Array {
    const bytes = new Uint8Array(Math.min(length, c.receiveQueue.length));
    for (let done = 0; done < bytes.length;) {
      // A look sees 64 KiB; what lies behind shows when the first are gone.
      const count = copyOut(this.#host, c.readable(), bytes.subarray(done));
      if (isPeek) return bytes.subarray(0, count);
      c.consume(count);
      done += count;
    }
    return bytes;
  }

  #queue(c: Connection, bytes: Uint8Array): number {
    let done = 0;
    while (done < bytes.length) {
      const room = c.writable();
      const length = Math.min(room.length, bytes.length - done, this.#room(c));
      c.commit(copyIn(this.#host, bytes.subarray(done, done + length), room));
      if (length === 0) break;
      done += length;
    }
    return done;
  }

  /** Why nothing can be written; "": it can, or may soon. */
  #writeError(): string {
    const c = this.#connection;
    if (c === null) return "EPIPE";
    const error = this.#error();
    if (error !== "") return error;
    return this.#isWriteShut || c.finQueued || c.state === State.Closed ? "EPIPE" : "";
  }

  /** How much more SO_SNDBUF lets be queued. */
  #room(c: Connection): number {
    return Math.max(0, this.options.sendBuffer - c.sendQueue.length);
  }

  /** Why the connection ended, until somebody was told. */
  #error(): string {
    const c = this.#connection;
    if (c === null || this.#isErrorTaken) return "";
    switch (c.closeReason) {
      case "reset by peer":
        return "ECONNRESET";
      case "refused":
        return "ECONNREFUSED";
      case "timed out":
      case "keep-alive timed out":
      case "zero window timed out":
        return "ETIMEDOUT";
      case "host unreachable":
        return "EHOSTUNREACH";
      default:
        return "";
    }
  }

  #closeListeners(): void {
    for (const listener of this.#listeners) listener.close();
    this.#listeners = [];
  }

  #try<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      if (error instanceof AddressError) throw new SocketError(error.code);
      throw error;
    }
  }
}

function wait(nonblock: boolean): Blocked {
  if (nonblock) throw new SocketError("EAGAIN");
  return BLOCKED;
}

function addressOf(ip: string): Address {
  const address = parseAddress(ip);
  if (address === null) throw new SocketError("EINVAL");
  return address;
}

/** Copies what fits from the arena. Returns how many bytes that is. */
function copyOut({ arena }: VirtualHost, from: Gather, to: Uint8Array): number {
  let at = 0;
  for (let i = 0; i < from.count && at < to.length; i++) {
    const length = Math.min(from.lengths[i], to.length - at);
    to.set(arena.bytes.subarray(from.offsets[i], from.offsets[i] + length), at);
    at += length;
  }
  return at;
}

/** Copies bytes into the arena. Returns how many. */
function copyIn({ arena }: VirtualHost, from: Uint8Array, to: Gather): number {
  let at = 0;
  for (let i = 0; i < to.count && at < from.length; i++) {
    const piece = from.subarray(at, at + to.lengths[i]);
    arena.bytes.set(piece, to.offsets[i]);
    at += piece.length;
  }
  return at;
}
