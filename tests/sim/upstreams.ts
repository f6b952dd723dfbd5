/**
 * SimSockets: the kernel's side of the upstream sockets, and the servers
 * behind them. A server follows its plan: it accepts or refuses, reads and
 * sends at its pace, stalls, ends or resets at a byte of its choice. What it is
 * sent must be the client's pattern, byte for byte.
 */

import { EAGAIN, ECONNREFUSED, ECONNRESET, EMFILE, EPIPE } from "../../lib/host/errno.ts";
import { READABLE, type Sockets, WRITABLE } from "../../lib/host/host.ts";
import type { Endpoint } from "../../lib/wire/address.ts";
import type { Gather } from "../../lib/wire/gather.ts";
import type { Arena } from "../../lib/wire/memory.ts";
import type { Dice } from "./dice.ts";
import type { EventQueue } from "./events.ts";
import type { Pattern } from "./pattern.ts";
import type { SimPoller } from "./poller.ts";
import type { Spell } from "./weather.ts";

const FIRST_DESCRIPTOR = 10;
/** How late a writer hears of room that he was refused although it was there. */
const SHORT_SEND_MS = 3;

/** What one server does. */
export interface ServerPlan {
  /** `error`: the system refuses at once; `silent`: nobody answers. */
  readonly dial: "accept" | "refuse" | "silent" | "error";
  readonly dialMs: number;
  /** Bytes it sends in all. */
  readonly downBytes: number;
  /** It sends after so many bytes of the client; Infinity: at its end. */
  readonly answersAfter: number;
  /** Resets after having sent so many bytes, or received so many; Infinity: never. */
  readonly resetsAfterSent: number;
  readonly resetsAfterReceived: number;
  /** Every `stepMs` it reads and sends up to so many bytes. */
  readonly stepMs: number;
  readonly readBytes: number;
  readonly sendBytes: number;
  /** It does neither in these. */
  readonly stalls: readonly Spell[];
  /** What the kernel keeps of what it did not read yet. */
  readonly bufferBytes: number;
  /** How often the kernel takes less than it could. */
  readonly shortSends: number;
}

/** How a server's connection went. */
export class Server {
  readonly plan: ServerPlan;
  readonly up: Pattern;
  readonly down: Pattern;
  /** Whether what it is sent is the pattern `up`; an adversary's may be anything. */
  readonly isChecked: boolean;
  /** How often it was dialed. */
  dials = 0;
  /** Bytes the kernel took for it. */
  received = 0;
  /** Bytes the proxy took from it. */
  delivered = 0;
  /** Whether the client's end of stream came. */
  isUpEnded = false;
  /** How the proxy closed it. */
  end: "" | "closed" | "reset" = "";
  /** Whether it reset the connection itself. */
  hasReset = false;

  constructor(plan: ServerPlan, up: Pattern, down: Pattern, isChecked: boolean) {
    this.plan = plan;
    this.up = up;
    this.down = down;
    this.isChecked = isChecked;
  }
}

/** What sockets need of their world. */
export interface SocketsParts {
  readonly arena: Arena;
  readonly dice: Dice;
  readonly events: EventQueue;
  readonly poller: SimPoller;
  /** The server behind an upstream endpoint; null: nobody should dial there. */
  serverAt(remote: Endpoint): Server | null;
  violated(what: string): void;
  note(what: string): void;
}

/** One connection of the kernel's. */
class Socket {
  readonly descriptor: number;
  readonly server: Server;
  readonly plan: ServerPlan;
  isConnected = false;
  isOpen = true;
  /** SO_ERROR, told once. */
  errno = 0;
  /** Behind an error there is nothing but EOF and EPIPE. */
  isDead = false;
  /** Bytes the server has sent, and read. */
  sent = 0;
  read = 0;
  hasEnded = false;
  /** The writer found no room: it is told when there is some. */
  wantsRoom = false;
  /** Whether the server's next step is planned. */
  isStepping = false;

  constructor(descriptor: number, server: Server) {
    this.descriptor = descriptor;
    this.server = server;
    this.plan = server.plan;
  }
}

/** All upstream sockets of one proxy. */
export class SimSockets implements Sockets {
  readonly #parts: SocketsParts;
  readonly #open = new Map<number, Socket>();
  /** Virtual time; the world moves it. */
  now = 0;

  constructor(parts: SocketsParts) {
    this.#parts = parts;
  }

  /** How many are not closed. */
  get openCount(): number {
    return this.#open.size;
  }

  dial(remote: Endpoint): number {
    const server = this.#parts.serverAt(remote);
    if (server === null) {
      this.#parts.violated(`dialed ${remote}, where no client goes`);
      return -ECONNREFUSED;
    }
    server.dials++;
    const { dial, dialMs } = server.plan;
    if (dial === "error") return -EMFILE;
    let descriptor = FIRST_DESCRIPTOR;
    while (this.#open.has(descriptor)) descriptor++;
    const socket = new Socket(descriptor, server);
    this.#open.set(descriptor, socket);
    this.#note(socket, `dialed ${remote}`);
    if (dial !== "silent") this.#after(socket, dialMs, () => this.#dialEnds(socket));
    return descriptor;
  }

  setKeepalive(descriptor: number): void {
    this.#at(descriptor, "setKeepalive");
  }

  dialResult(descriptor: number): number {
    return this.#errnoOf(this.#at(descriptor, "dialResult"));
  }

  send(descriptor: number, offset: number, length: number): number {
    const socket = this.#at(descriptor, "send");
    const room = this.#roomOf(socket, length);
    if (room <= 0) return room;
    this.#take(socket, offset, room);
    return room;
  }

  sendGather(descriptor: number, bytes: Gather): number {
    const socket = this.#at(descriptor, "sendGather");
    const room = this.#roomOf(socket, bytes.length);
    let left = room;
    for (let i = 0; i < bytes.count && left > 0; i++) {
      const length = Math.min(left, bytes.lengths[i]);
      this.#take(socket, bytes.offsets[i], length);
      left -= length;
    }
    return room;
  }

  sendUrgent(descriptor: number, offset: number): number {
    return this.send(descriptor, offset, 1);
  }

  /** No server sends anything urgent. */
  isAtMark(): boolean {
    return false;
  }

  receive(descriptor: number, room: Gather): number {
    const socket = this.#at(descriptor, "receive");
    if (room.length === 0) this.#parts.violated("receive without room");
    const { server } = socket;
    const length = Math.min(socket.sent - server.delivered, room.length);
    if (length === 0) return this.#endOf(socket);
    let left = length;
    for (let i = 0; left > 0; i++) {
      const from = room.offsets[i];
      const count = Math.min(left, room.lengths[i]);
      server.down.write(this.#parts.arena.bytes, from, from + count, server.delivered);
      server.delivered += count;
      left -= count;
    }
    return length;
  }

  shutdownWrite(descriptor: number): number {
    const socket = this.#at(descriptor, "shutdownWrite");
    if (socket.isDead) return -(this.#errnoOf(socket) || EPIPE);
    if (socket.server.isUpEnded) this.#parts.violated("shutdownWrite twice");
    socket.server.isUpEnded = true;
    this.#note(socket, `is told the end after ${socket.server.received}`);
    this.#wake(socket);
    return 0;
  }

  close(descriptor: number): void {
    this.#end(this.#at(descriptor, "close"), "closed");
  }

  reset(descriptor: number): void {
    this.#end(this.#at(descriptor, "reset"), "reset");
  }

  #end(socket: Socket, how: "closed" | "reset"): void {
    socket.isOpen = false;
    socket.server.end = how;
    this.#open.delete(socket.descriptor);
    this.#parts.poller.forget(socket.descriptor);
    this.#note(socket, how);
  }

  #dialEnds(socket: Socket): void {
    const isRefused = socket.plan.dial === "refuse";
    if (isRefused) this.#die(socket, ECONNREFUSED);
    socket.isConnected = !isRefused;
    this.#note(socket, isRefused ? "refuses" : "accepts");
    this.#signal(socket, isRefused ? READABLE | WRITABLE : WRITABLE);
    if (!isRefused) this.#wake(socket);
  }

  /** Something happened that the server may act on, at its pace. */
  #wake(socket: Socket): void {
    if (socket.isStepping || socket.isDead || !socket.isConnected) return;
    socket.isStepping = true;
    this.#after(socket, socket.plan.stepMs, () => {
      socket.isStepping = false;
      this.#step(socket);
    });
  }

  /** The server reads and sends a little. */
  #step(socket: Socket): void {
    const { plan, server } = socket;
    const stall = plan.stalls.find(({ from, to }) => from <= this.now && this.now < to);
    if (stall !== undefined) {
      return this.#after(socket, stall.to - this.now, () => this.#wake(socket));
    }
    this.#read(socket);
    const isAsked = socket.read >= plan.answersAfter ||
      (server.isUpEnded && socket.read === server.received);
    if (isAsked) this.#answer(socket);
    if (socket.sent >= plan.resetsAfterSent || socket.read >= plan.resetsAfterReceived) {
      server.hasReset = true;
      this.#note(socket, `resets, ${socket.sent} sent, ${socket.read} read`);
      this.#die(socket, ECONNRESET);
      return this.#signal(socket, READABLE | WRITABLE);
    }
    if (server.received > socket.read || (isAsked && !socket.hasEnded)) this.#wake(socket);
  }

  #read(socket: Socket): void {
    const { plan, server } = socket;
    const limit = Math.min(server.received, plan.resetsAfterReceived);
    const count = Math.min(limit - socket.read, plan.readBytes);
    if (count <= 0) return;
    socket.read += count;
    const room = plan.bufferBytes - (server.received - socket.read);
    if (!socket.wantsRoom || room * 3 < plan.bufferBytes) return;
    socket.wantsRoom = false;
    this.#signal(socket, WRITABLE);
  }

  #answer(socket: Socket): void {
    const { plan } = socket;
    if (socket.hasEnded) return;
    const before = socket.sent;
    socket.sent = Math.min(before + plan.sendBytes, plan.downBytes, plan.resetsAfterSent);
    const mayEnd = socket.sent === plan.downBytes && plan.resetsAfterSent === Infinity;
    socket.hasEnded = mayEnd;
    if (mayEnd) this.#note(socket, `ends after ${socket.sent}`);
    if (mayEnd || socket.sent > before) this.#signal(socket, READABLE);
  }

  /** What `receive` answers when there are no more bytes. */
  #endOf(socket: Socket): number {
    if (socket.isDead) return -this.#errnoOf(socket);
    return socket.hasEnded ? 0 : -EAGAIN;
  }

  /** How many of `length` bytes the kernel takes now, or a negative errno. */
  #roomOf(socket: Socket, length: number): number {
    const { plan, server } = socket;
    if (!socket.isConnected && !socket.isDead) {
      this.#parts.violated("sent before it was connected");
    }
    if (length === 0) this.#parts.violated("sent nothing");
    if (server.isUpEnded) this.#parts.violated("sent behind the end");
    if (socket.isDead) return -(this.#errnoOf(socket) || EPIPE);
    let room = Math.min(length, plan.bufferBytes - (server.received - socket.read));
    if (this.#parts.dice.chance(plan.shortSends)) {
      room = this.#parts.dice.integer(0, room);
      this.#after(socket, SHORT_SEND_MS, () => this.#signal(socket, WRITABLE));
    }
    if (room < length) socket.wantsRoom = true;
    return room > 0 ? room : -EAGAIN;
  }

  /** Takes bytes, and looks whether they are the right ones. */
  #take(socket: Socket, offset: number, length: number): void {
    const { server } = socket;
    if (server.isChecked) {
      const { bytes } = this.#parts.arena;
      const wrong = server.up.firstWrong(bytes, offset, offset + length, server.received);
      if (wrong >= 0) this.#parts.violated(`upstream gets a wrong byte at ${wrong}`);
    }
    server.received += length;
    this.#wake(socket);
  }

  #die(socket: Socket, errno: number): void {
    socket.errno = errno;
    socket.isDead = true;
  }

  #errnoOf(socket: Socket): number {
    const { errno } = socket;
    socket.errno = 0;
    return errno;
  }

  #signal(socket: Socket, readiness: number): void {
    if (socket.isOpen) this.#parts.poller.signal(socket.descriptor, readiness);
  }

  #after(socket: Socket, ms: number, act: () => void): void {
    this.#parts.events.plan(this.now + ms, () => {
      if (socket.isOpen) act();
    });
  }

  #at(descriptor: number, call: string): Socket {
    const socket = this.#open.get(descriptor);
    if (socket !== undefined) return socket;
    this.#parts.violated(`${call} on descriptor ${descriptor}, which is not open`);
    throw new Error(`Descriptor ${descriptor} is not open`);
  }

  #note(socket: Socket, what: string): void {
    this.#parts.note(`upstream ${socket.descriptor} ${what}`);
  }
}
