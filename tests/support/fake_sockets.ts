/** FakeSockets: upstream sockets in memory. A test plays the upstream and the kernel between. */

import { EAGAIN } from "../../lib/host/errno.ts";
import type { Sockets } from "../../lib/host/host.ts";
import type { Endpoint } from "../../lib/wire/address.ts";
import type { Gather } from "../../lib/wire/gather.ts";
import type { Arena } from "../../lib/wire/memory.ts";

const FIRST_DESCRIPTOR = 10;

/** One socket as the kernel sees it. */
export class FakeSocket {
  readonly remote: Endpoint;
  /** Whether it was dialed by fast open: then bytes may be sent before the upstream answers. */
  readonly opensFast: boolean;
  /** What `dialResult` answers; asked once, as SO_ERROR. */
  pendingErrno = 0;
  /** Bytes the kernel still takes for sending. */
  sendRoom = Infinity;
  /** What sending fails with; 0: it does not. */
  sendErrno = 0;
  /** What the upstream sent and nobody received. */
  incoming = "";
  /** What comes behind `incoming`: an errno, "EOF", or nothing yet. */
  incomingEnd: number | "EOF" = EAGAIN;
  /** Position in `incoming` of the last byte of urgent data; -1: there is none. */
  mark = -1;
  /** Lengths of `outgoing` behind each byte that was sent as urgent. */
  readonly urgentEnds: number[] = [];
  /** What the upstream was sent. */
  outgoing = "";
  /** How it ended. */
  state: "open" | "closed" | "reset" = "open";
  /** How a silent upstream is probed: time, interval, probes; null: not at all. */
  keepalive: [time: number, interval: number, probes: number] | null = null;
  /** System calls on it by name, in order. */
  readonly calls: string[] = [];

  constructor(remote: Endpoint, opensFast: boolean) {
    this.remote = remote;
    this.opensFast = opensFast;
  }
}

/** Sockets whose bytes lie in `arena`. Descriptors count from 10; the lowest free one is taken, as in Linux. */
export class FakeSockets implements Sockets {
  readonly #arena: Arena;
  readonly #open: Map<number, FakeSocket> = new Map();
  /** All that were dialed, in order. */
  readonly dialed: FakeSocket[] = [];
  /** What the next dialing fails with at once; 0: it does not. */
  dialErrno = 0;
  /** Called before each call on a socket; throws to be a bug. */
  onCall: (name: string, descriptor: number) => void = () => {};

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** How many are not closed. */
  get openCount(): number {
    return this.#open.size;
  }

  /** The open socket of that number. */
  at(descriptor: number): FakeSocket {
    const socket = this.#open.get(descriptor);
    if (socket === undefined) throw new Error(`Descriptor ${descriptor} is not open`);
    return socket;
  }

  dial(remote: Endpoint, opensFast = false): number {
    if (this.dialErrno !== 0) return -this.dialErrno;
    let descriptor = FIRST_DESCRIPTOR;
    while (this.#open.has(descriptor)) descriptor++;
    const socket = new FakeSocket(remote, opensFast);
    this.#open.set(descriptor, socket);
    this.dialed.push(socket);
    return descriptor;
  }

  setKeepalive(descriptor: number, time: number, interval: number, probes: number): void {
    this.at(descriptor).keepalive = [time, interval, probes];
  }

  dialResult(descriptor: number): number {
    const socket = this.#called("dialResult", descriptor);
    const errno = socket.pendingErrno;
    socket.pendingErrno = 0;
    return errno;
  }

  send(descriptor: number, offset: number, length: number): number {
    return this.#send(this.#called("send", descriptor), this.#text(offset, length));
  }

  sendGather(descriptor: number, bytes: Gather): number {
    let text = "";
    for (let i = 0; i < bytes.count; i++) text += this.#text(bytes.offsets[i], bytes.lengths[i]);
    return this.#send(this.#called("sendGather", descriptor), text);
  }

  sendUrgent(descriptor: number, offset: number): number {
    const socket = this.#called("sendUrgent", descriptor);
    const sent = this.#send(socket, this.#text(offset, 1));
    if (sent === 1) socket.urgentEnds.push(socket.outgoing.length);
    return sent;
  }

  isAtMark(descriptor: number): boolean {
    return this.#called("isAtMark", descriptor).mark === 0;
  }

  receive(descriptor: number, room: Gather): number {
    const socket = this.#called("receive", descriptor);
    if (room.length === 0) throw new Error("Receive without room");
    if (socket.incoming === "") {
      return socket.incomingEnd === "EOF" ? 0 : -socket.incomingEnd;
    }
    const end = socket.mark > 0 ? Math.min(room.length, socket.mark) : room.length;
    const text = socket.incoming.slice(0, end);
    socket.incoming = socket.incoming.slice(text.length);
    socket.mark = Math.max(socket.mark - text.length, -1);
    let done = 0;
    for (let i = 0; i < room.count && done < text.length; i++) {
      const piece = text.slice(done, done + room.lengths[i]);
      writeText(this.#arena, room.offsets[i], piece);
      done += piece.length;
    }
    return text.length;
  }

  shutdownWrite(descriptor: number): number {
    return -this.#called("shutdownWrite", descriptor).sendErrno;
  }

  close(descriptor: number): void {
    this.#called("close", descriptor).state = "closed";
    this.#open.delete(descriptor);
  }

  reset(descriptor: number): void {
    this.#called("reset", descriptor).state = "reset";
    this.#open.delete(descriptor);
  }

  #send(socket: FakeSocket, text: string): number {
    if (socket.sendErrno !== 0) return -socket.sendErrno;
    const sent = text.slice(0, socket.sendRoom);
    if (sent === "") return -EAGAIN;
    socket.sendRoom -= sent.length;
    socket.outgoing += sent;
    return sent.length;
  }

  #called(name: string, descriptor: number): FakeSocket {
    const socket = this.at(descriptor);
    socket.calls.push(name);
    this.onCall(name, descriptor);
    return socket;
  }

  #text(offset: number, length: number): string {
    return readText(this.#arena, offset, length);
  }
}

/** Bytes of the arena as text, one character each. */
export function readText(arena: Arena, offset: number, length: number): string {
  let text = "";
  for (let i = 0; i < length; i += 4096) {
    const end = offset + Math.min(i + 4096, length);
    text += String.fromCharCode(...arena.bytes.subarray(offset + i, end));
  }
  return text;
}

/** Writes text of one byte a character into the arena. */
export function writeText(arena: Arena, offset: number, text: string): void {
  for (let i = 0; i < text.length; i++) arena.bytes[offset + i] = text.charCodeAt(i);
}
