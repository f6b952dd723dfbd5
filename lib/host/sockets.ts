/**
 * TCP sockets of the kernel towards upstreams, through FFI: never blocking,
 * never throwing. Bytes are sent from and received into the arena where they
 * lie; the calls are told where by an `iovec` there.
 */

import { invariant } from "../invariant.ts";
import type { Endpoint } from "../wire/address.ts";
import type { Gather } from "../wire/gather.ts";
import { GATHER_PIECES } from "../wire/gather.ts";
import type { Arena } from "../wire/memory.ts";
import { ArenaAddress } from "./arena_address.ts";
import { EINPROGRESS } from "./errno.ts";
import type { Sockets } from "./host.ts";
import { IoVector } from "./io_vector.ts";
import { libc, type LibcCalls } from "./libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_FASTOPEN_CONNECT = 30;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_KEEPALIVE = 9;
const SO_OOBINLINE = 10;
const SO_LINGER = 13;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SHUT_WR = 1;
const MSG_OOB = 1;
const MSG_NOSIGNAL = 0x4000;
const SIOCATMARK = 0x8905;

const SOCKADDR_IN_LENGTH = 16;
const SOCKADDR_IN6_LENGTH = 28;
/** `struct msghdr` in 32-bit words; its iovec and their number are at 4 and 6. */
const MSGHDR_WORDS = 14;
const MSGHDR_IOV_WORD = 4;
const MSGHDR_IOVLEN_WORD = 6;

/** How the sockets are set up. */
export interface SocketOptions {
  /** Room for sent bytes that the upstream has not acknowledged, in bytes; 0 leaves it to the kernel. */
  readonly sendBufferBytes: number;
  /** Room for received bytes that the relay has not taken, in bytes; 0 leaves it to the kernel. */
  readonly receiveBufferBytes: number;
}

/**
 * A send buffer of 4 MiB nearly always takes a whole super-segment; a receive
 * buffer of that size brings 5 to 15 % more over loopback than one the kernel
 * grows by itself.
 */
const DEFAULT_OPTIONS: SocketOptions = { sendBufferBytes: 4 << 20, receiveBufferBytes: 4 << 20 };

/** Kernel sockets whose data lies in one arena. */
export class KernelSockets implements Sockets {
  readonly #call: LibcCalls;
  readonly #errno: Int32Array;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  readonly #vector: IoVector;
  readonly #message: Deno.PointerObject;
  readonly #messageAt: number;
  readonly #socketAddress: Deno.PointerObject;
  readonly #socketAddressOffset: number;
  /** Two integers: an option's value, or a `struct linger`. */
  readonly #value: Deno.PointerObject;
  readonly #valueAt: number;
  readonly #valueLength: Deno.PointerObject;
  readonly #valueLengthAt: number;
  /** What SIOCATMARK answers. */
  readonly #mark = new Int32Array(1);
  readonly #sendBufferBytes: number;
  readonly #receiveBufferBytes: number;
  /** The socket option that grants the wish above in full; 0: none does. */
  readonly #sendBufferOption: number;
  readonly #receiveBufferOption: number;

  /** Takes some 400 bytes of the arena, for good. Throws without `--allow-ffi`. */
  constructor(arena: Arena, options: SocketOptions = DEFAULT_OPTIONS) {
    const { call, errno } = libc();
    const address = new ArenaAddress(arena);
    this.#call = call;
    this.#errno = errno;
    this.#words = address.words;
    this.#view = arena.view;
    this.#vector = new IoVector(address, GATHER_PIECES);
    const messageOffset = arena.reserve(MSGHDR_WORDS * 4, 8);
    this.#message = address.pointer(messageOffset);
    this.#messageAt = messageOffset >> 2;
    this.#words.fill(0, this.#messageAt, this.#messageAt + MSGHDR_WORDS);
    address.store(this.#messageAt + MSGHDR_IOV_WORD, this.#vector.offset);
    this.#socketAddressOffset = arena.reserve(SOCKADDR_IN6_LENGTH, 8);
    this.#socketAddress = address.pointer(this.#socketAddressOffset);
    const valueOffset = arena.reserve(8, 8);
    this.#value = address.pointer(valueOffset);
    this.#valueAt = valueOffset >> 2;
    const valueLengthOffset = arena.reserve(4, 4);
    this.#valueLength = address.pointer(valueLengthOffset);
    this.#valueLengthAt = valueLengthOffset >> 2;
    this.#sendBufferBytes = options.sendBufferBytes;
    this.#receiveBufferBytes = options.receiveBufferBytes;
    this.#sendBufferOption = this.#grantingOption(
      options.sendBufferBytes,
      SO_SNDBUFFORCE,
      SO_SNDBUF,
    );
    this.#receiveBufferOption = this.#grantingOption(
      options.receiveBufferBytes,
      SO_RCVBUFFORCE,
      SO_RCVBUF,
    );
  }

  /**
   * Why the kernel opens no connection fast: ENOPROTOOPT before Linux 4.11,
   * EOPNOTSUPP without bit 0x1 of net.ipv4.tcp_fastopen. 0: it does.
   */
  fastOpenErrno(): number {
    const descriptor = this.#open(AF_INET);
    if (descriptor < 0) return -descriptor;
    const result = this.#setOption(descriptor, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    const errno = result === 0 ? 0 : this.#errno[0];
    this.#call.close(descriptor);
    return errno;
  }

  dial(remote: Endpoint, opensFast = false): number {
    const family = remote.address.isIpv4 ? AF_INET : AF_INET6;
    const descriptor = this.#open(family);
    if (descriptor < 0) return descriptor;
    this.#setOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    // Otherwise the last urgent byte would be missing from the stream.
    this.#setOption(descriptor, SOL_SOCKET, SO_OOBINLINE, 1);
    if (this.#sendBufferOption !== 0) {
      this.#setOption(descriptor, SOL_SOCKET, this.#sendBufferOption, this.#sendBufferBytes);
    }
    if (this.#receiveBufferOption !== 0) {
      this.#setOption(descriptor, SOL_SOCKET, this.#receiveBufferOption, this.#receiveBufferBytes);
    }
    // Where it is refused the dialing is like any other: see `fastOpenErrno`.
    if (opensFast) this.#setOption(descriptor, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    const length = this.#storeSocketAddress(family, remote);
    if (this.#call.connect(descriptor, this.#socketAddress, length) === 0) return descriptor;
    const errno = this.#errno[0]; // before close overwrites it
    if (errno === EINPROGRESS) return descriptor;
    this.#call.close(descriptor);
    return -errno;
  }

  setKeepalive(descriptor: number, time: number, interval: number, probes: number): void {
    this.#setOption(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, time);
    this.#setOption(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    this.#setOption(descriptor, IPPROTO_TCP, TCP_KEEPCNT, probes);
    this.#setOption(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  }

  /** Asks once: the kernel forgets a socket's error when it was told. */
  dialResult(descriptor: number): number {
    return this.#getOption(descriptor, SO_ERROR);
  }

  send(descriptor: number, offset: number, length: number): number {
    this.#vector.set(0, offset, length);
    return this.#sendPieces(descriptor, 1, 0);
  }

  sendUrgent(descriptor: number, offset: number): number {
    this.#vector.set(0, offset, 1);
    return this.#sendPieces(descriptor, 1, MSG_OOB);
  }

  sendGather(descriptor: number, bytes: Gather): number {
    this.#vector.setAll(0, bytes);
    return this.#sendPieces(descriptor, bytes.count, 0);
  }

  receive(descriptor: number, room: Gather): number {
    // The kernel's answer would be 0, which means the end of the stream.
    invariant(room.length > 0, "receive without room");
    this.#vector.setAll(0, room);
    const count = this.#call.readv(descriptor, this.#vector.pointer, room.count);
    return count >= 0 ? count : -this.#errno[0];
  }

  isAtMark(descriptor: number): boolean {
    const result = this.#call.ioctl(descriptor, SIOCATMARK, this.#mark);
    return result === 0 && this.#mark[0] !== 0;
  }

  shutdownWrite(descriptor: number): number {
    return this.#call.shutdown(descriptor, SHUT_WR) === 0 ? 0 : -this.#errno[0];
  }

  close(descriptor: number): void {
    this.#call.close(descriptor);
  }

  reset(descriptor: number): void {
    this.#words[this.#valueAt] = 1; // l_onoff
    this.#words[this.#valueAt + 1] = 0; // l_linger
    this.#call.setsockopt(descriptor, SOL_SOCKET, SO_LINGER, this.#value, 8);
    this.#call.close(descriptor);
  }

  #sendPieces(descriptor: number, count: number, flags: number): number {
    this.#words[this.#messageAt + MSGHDR_IOVLEN_WORD] = count;
    // sendmsg and not writev: a broken pipe must not raise SIGPIPE.
    const sent = this.#call.sendmsg(descriptor, this.#message, MSG_NOSIGNAL | flags);
    return sent >= 0 ? sent : -this.#errno[0];
  }

  #open(family: number): number {
    const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const descriptor = this.#call.socket(family, type, 0);
    return descriptor >= 0 ? descriptor : -this.#errno[0];
  }

  #setOption(descriptor: number, level: number, option: number, value: number): number {
    this.#words[this.#valueAt] = value;
    return this.#call.setsockopt(descriptor, level, option, this.#value, 4);
  }

  /** An integer option of the socket level, or the errno of asking. */
  #getOption(descriptor: number, option: number): number {
    this.#words[this.#valueLengthAt] = 4;
    const result = this.#call.getsockopt(
      descriptor,
      SOL_SOCKET,
      option,
      this.#value,
      this.#valueLength,
    );
    return result === 0 ? this.#words[this.#valueAt] : this.#errno[0];
  }

  /** Writes the `struct sockaddr` of `remote`; returns its length. */
  #storeSocketAddress(family: number, remote: Endpoint): number {
    const view = this.#view;
    const at = this.#socketAddressOffset;
    const address = remote.address;
    view.setUint16(at, family, true);
    view.setUint16(at + 2, remote.port);
    if (family === AF_INET) {
      view.setInt32(at + 4, address.w3);
      view.setInt32(at + 8, 0);
      view.setInt32(at + 12, 0);
      return SOCKADDR_IN_LENGTH;
    }
    view.setInt32(at + 4, 0); // flow label
    view.setInt32(at + 8, address.w0);
    view.setInt32(at + 12, address.w1);
    view.setInt32(at + 16, address.w2);
    view.setInt32(at + 20, address.w3);
    view.setInt32(at + 24, 0); // scope
    return SOCKADDR_IN6_LENGTH;
  }

  /**
   * Which option gives a socket a buffer of `bytes`: `forced` (it needs
   * CAP_NET_ADMIN), `limited`, or 0 when the system's limit is below it. A
   * buffer set too small would be worse than none: setting one ends the
   * kernel's own tuning, which goes up to 4 MiB and more.
   */
  #grantingOption(bytes: number, forced: number, limited: number): number {
    if (bytes === 0) return 0;
    const descriptor = this.#open(AF_INET);
    if (descriptor < 0) return 0;
    try {
      if (this.#setOption(descriptor, SOL_SOCKET, forced, bytes) === 0) return forced;
      this.#setOption(descriptor, SOL_SOCKET, limited, bytes);
      // The kernel doubles what it grants, for its own book-keeping.
      return this.#getOption(descriptor, limited) >= 2 * bytes ? limited : 0;
    } finally {
      this.#call.close(descriptor);
    }
  }
}
