/**
 * Session: one script's engine behind the control protocol pdctl/1, which
 * README.md beside this file describes. Requests go in, replies come out;
 * nothing here waits or reads a clock.
 */

import { FastOpenCookies } from "../../lib/tcp/fast_open.ts";
import { Endpoint, parseAddress } from "../../lib/wire/address.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { Segment } from "../../lib/wire/segment.ts";
import { Settings } from "./settings.ts";
import { BLOCKED, type Blocked, type CallOptions, POLL, Socket, SocketError } from "./socket.ts";
import { SocketOptions } from "./socket_options.ts";
import { tcpInfo } from "./tcp_info.ts";
import { VirtualHost } from "./virtual_host.ts";

/** One request; what fields there are depends on `op`. */
// deno-lint-ignore no-explicit-any
export type Request = { id: number; now: number; op: string } & Record<string, any>;

/** One reply, without the id. `ret` -1 comes with `errno`. */
export type Reply = { readonly ret: number } & Readonly<Record<string, unknown>>;

/** A call that is made until it does not answer BLOCKED. */
type Call = () => Reply | Blocked;

/** A call without a reply yet. */
interface Pending {
  readonly id: number;
  readonly call: Call;
  /** When it waits no longer; Infinity: it does. Microseconds. */
  readonly deadlineUs: number;
}

/** Handles the requests of one connection. */
export class Session {
  readonly #reply: (reply: Readonly<Record<string, unknown>>) => void;
  readonly #settings = new Settings();
  readonly #sockets = new Map<number, Socket>();
  #lastHandle = 0;
  #pending: Pending[] = [];
  #hello: Request | null = null;
  #host: VirtualHost | null = null;

  /** `reply` is called with what is to be sent, in order. */
  constructor(reply: (reply: Readonly<Record<string, unknown>>) => void) {
    this.#reply = reply;
  }

  /** Handles a request; it is answered now, or with a later one. */
  handle(request: Request): void {
    if (this.#host !== null) this.#advance(request.now);
    const pending = {
      id: request.id,
      call: this.#callOf(request),
      deadlineUs: deadlineOf(request),
    };
    const reply = this.#attempt(pending);
    this.#host?.settle();
    this.#retry();
    if (reply === BLOCKED) this.#pending.push(pending);
    else this.#reply({ id: request.id, ...reply });
  }

  /** Makes a call; an error of the socket is an answer. */
  #attempt({ call }: Pending): Reply | Blocked {
    try {
      return call();
    } catch (error) {
      if (error instanceof SocketError) return { ret: -1, errno: error.message };
      throw error;
    }
  }

  /** Something changed: what was blocked may go on, and what it does may change more. */
  #retry(): void {
    for (const pending of this.#pending) {
      const reply = this.#attempt(pending);
      this.#host!.settle();
      if (reply === BLOCKED) continue;
      this.#pending = this.#pending.filter((other) => other !== pending);
      this.#reply({ id: pending.id, ...reply, t: this.#host!.nowUs });
    }
  }

  /** Lets time pass up to `untilUs`, or until `isEnough`. */
  #advance(untilUs: number, isEnough: () => boolean = () => false): void {
    const host = this.#begun;
    while (!isEnough()) {
      const callUs = Math.min(...this.#pending.map((pending) => pending.deadlineUs));
      const isDue = host.step(Math.min(untilUs, callUs));
      this.#retry();
      if (!isDue && host.nowUs >= untilUs) return;
    }
  }

  #callOf(request: Request): Call {
    const { op } = request;
    switch (op) {
      case "hello":
        this.#hello = request;
        return done;
      case "bye":
        return done;
      case "sysctl":
        this.#settings.set(request.key, String(request.val));
        if (this.#host !== null) this.#host.stack.tunables = this.#settings.tunables;
        return done;
      case "tfo_cookie":
        return () => ({ ret: 0, cookie: fastOpenCookie(request) });
      case "inject":
        return () => (this.#begun.receive(Uint8Array.fromHex(request.pkt)), done());
      case "advance":
        return () => (this.#advance(request.until), done());
      case "recv":
        return () => this.#nextPacket(request.until);
      case "socket":
        return () => {
          const isIpv6 = request.domain === "inet6";
          return { ret: this.#add(new Socket(this.#begun, isIpv6, new SocketOptions())) };
        };
      case "poll":
        return () => this.#poll(request);
      default:
        return this.#socketCall(request);
    }
  }

  /** The engine is made when it is needed: settings come before. */
  get #begun(): VirtualHost {
    if (this.#host !== null) return this.#host;
    const hello = this.#hello;
    if (hello === null) throw new SocketError("EPROTO");
    const { local, remote, mtu } = hello;
    const { tunables, receiving, fastOpenKey } = this.#settings;
    this.#host = new VirtualHost({ local, remote, mtu, tunables, receiving, fastOpenKey });
    return this.#host;
  }

  #add(socket: Socket): number {
    this.#sockets.set(++this.#lastHandle, socket);
    return this.#lastHandle;
  }

  #nextPacket(untilUs: number): Reply {
    const host = this.#begun;
    this.#advance(untilUs, () => host.sent.length > 0);
    const packet = host.sent.shift();
    if (packet === undefined) return { ret: 0, t: host.nowUs };
    return { ret: 0, t: packet.us, pkt: packet.bytes.toHex() };
  }

  #poll(request: Request): Reply | Blocked {
    const fds: readonly { sock: number; events: number }[] = request.fds;
    const revents = fds.map(({ sock, events }) =>
      (this.#sockets.get(sock)?.events ?? 0) & (events | POLL.Error | POLL.HangUp)
    );
    const ret = revents.filter((bits) => bits !== 0).length;
    const isOver = ret > 0 || this.#begun.nowUs >= deadlineOf(request);
    return isOver ? { ret, revents } : BLOCKED;
  }

  /** A call about one socket. */
  #socketCall(request: Request): Call {
    const socket = this.#sockets.get(request.sock);
    const failure = (errno: string) => () => {
      throw new SocketError(errno);
    };
    if (socket === undefined) return failure(SOCKET_CALLS.has(request.op) ? "EBADF" : "ENOSYS");
    const options: CallOptions = {
      nonblock: request.nonblock ?? false,
      flags: request.flags ?? [],
    };
    switch (request.op) {
      case "bind":
        return () => (socket.bind(request.addr.ip, request.addr.port), done());
      case "listen":
        return () => (socket.listen(request.backlog), done());
      case "shutdown":
        return () => (socket.shutdown(request.how), done());
      case "accept":
        return () => this.#accept(socket, options);
      case "connect":
        return () => {
          if (request.addr.unspec !== true) {
            return answer(socket.connect(request.addr.ip, request.addr.port, options));
          }
          socket.disconnect();
          return done();
        };
      case "read":
        return () => {
          const bytes = socket.read(request.len, options);
          return bytes === BLOCKED ? bytes : { ret: bytes.length, data: bytes.toHex() };
        };
      case "write": {
        const bytes = request.data === undefined
          ? new Uint8Array(request.len)
          : Uint8Array.fromHex(request.data);
        return this.#write(socket, bytes, request.addr, options);
      }
      case "close":
        this.#sockets.delete(request.sock);
        return () => {
          const result = socket.close();
          return options.nonblock ? done() : answer(result);
        };
      case "ioctl":
        return () => ({ ret: 0, val: socket.inquire(request.req) });
      case "setsockopt":
        return () => (setOption(socket, request), done());
      case "getsockopt":
        return () => getOption(socket, request);
      case "tcp_info":
        return () => ({ ret: 0, ...tcpInfo(socket) });
      default:
        return failure("ENOSYS");
    }
  }

  #write(
    socket: Socket,
    bytes: Uint8Array,
    to: { ip: string; port: number; unspec?: boolean } | null,
    options: CallOptions,
  ): Call {
    // Begun when the call is first made: what fails then is its answer.
    let write: (() => number | Blocked) | null = null;
    const begin = () => {
      if (!options.flags.includes("FASTOPEN")) return socket.writing(bytes, options);
      if (to === null || to.unspec === true) throw new SocketError("EOPNOTSUPP");
      return socket.openingFast(new Endpoint(parseAddress(to.ip)!, to.port), bytes, options);
    };
    return () => answer((write ??= begin())());
  }

  #accept(socket: Socket, options: CallOptions): Reply | Blocked {
    const accepted = socket.accept(options);
    if (accepted === BLOCKED) return accepted;
    const c = accepted.connection!;
    return { ret: this.#add(accepted), ip: String(c.remoteAddress), port: c.remotePort };
  }
}

/** Calls about one socket. */
const SOCKET_CALLS: ReadonlySet<string> = new Set([
  "bind",
  "listen",
  "shutdown",
  "accept",
  "connect",
  "read",
  "write",
  "close",
  "ioctl",
  "setsockopt",
  "getsockopt",
  "tcp_info",
]);

/** When a request waits no longer. Microseconds. */
function deadlineOf({ op, now, timeout_ms }: Request): number {
  return op === "poll" && timeout_ms >= 0 ? now + timeout_ms * 1000 : Infinity;
}

function done(): Reply {
  return { ret: 0 };
}

function answer(result: number | Blocked): Reply | Blocked {
  return result === BLOCKED ? result : { ret: result };
}

function setOption(socket: Socket, { level, name, val, onoff, linger }: Request): void {
  if (name === "SO_LINGER") {
    socket.options.lingerSeconds = onoff !== 0 ? linger : -1;
    return;
  }
  socket.setOption(`${level}.${name}`, val ?? 0);
}

function getOption(socket: Socket, { level, name }: Request): Reply {
  const { options } = socket;
  if (name === "SO_ERROR") return { ret: 0, val: socket.takeError() || 0 };
  if (name === "SO_LINGER") {
    const seconds = options.lingerSeconds;
    return { ret: 0, onoff: seconds < 0 ? 0 : 1, linger: Math.max(0, seconds) };
  }
  const value = options.get(`${level}.${name}`);
  if (value === null) throw new SocketError("ENOPROTOOPT");
  return typeof value === "number" ? { ret: 0, val: value } : { ret: 0, ...value };
}

/** The cookie that a server with this key gives this client. */
function fastOpenCookie({ local, remote, key }: Request): string {
  const cookies = new FastOpenCookies(new Arena(4096), new Uint8Array(16));
  cookies.setKeys(key);
  const server = parseAddress(local)!;
  const client = parseAddress(remote)!;
  const tuple = Object.assign(new Segment(), {
    ...{ local0: server.w0, local1: server.w1, local2: server.w2, local3: server.w3 },
    ...{ remote0: client.w0, remote1: client.w1, remote2: client.w2, remote3: client.w3 },
  });
  const cookie = new Uint8Array(8);
  cookies.write(tuple, cookie);
  return cookie.toHex();
}
