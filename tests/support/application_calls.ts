/** What scripts make the application do with its connection, and find in it. */

import type { Stack } from "../../lib/stack/stack.ts";
import type { CallError } from "../../lib/tcp/call_error.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import type { Listener } from "../../lib/tcp/listener.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import type { Gather } from "../../lib/wire/gather.ts";
import type { Arena } from "../../lib/wire/memory.ts";
import { endpointText } from "./fixture.ts";
import { type Flow, peerPattern, productPattern } from "./flow.ts";
import type { CallAction } from "./script_parser.ts";

/** Calls on behalf of one application. What goes wrong is thrown as an Error. */
export class ApplicationCalls {
  readonly #arena: Arena;
  /** Accepted from in order. */
  readonly #listeners: Listener[];

  constructor(arena: Arena, listener: Listener) {
    this.#arena = arena;
    this.#listeners = [listener];
  }

  /** Whether any listener is open. */
  get isListening(): boolean {
    return this.#listeners.some((listener) => !listener.isClosed);
  }

  /** Adds a listener to accept from. */
  addListener(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Executes one verb of a script. Returns what the call came to. */
  call(flow: Flow, { verb, count, text, failure }: CallAction): CallError {
    switch (verb) {
      case "accept":
        this.accept(flow);
        return "";
      case "acceptNone":
        this.#acceptNone();
        return "";
      case "read":
        if (failure !== null) return readError(flow);
        this.read(flow, count, text);
        return "";
      case "readable":
        expectEqual("readable bytes", readableLength(flow), count);
        return "";
      case "eof":
        expectEqual("readable bytes", readableLength(flow), 0);
        expectEqual("end of stream", connectionOf(flow).peerClosed, true);
        return connectionOf(flow).receiveError;
      case "write":
        if (failure !== null) return this.#writeError(flow);
        this.write(flow, count, text);
        return "";
      case "shutdown":
      case "close":
      case "release":
        return this.#end(flow, verb);
      case "abort":
        return connectionOf(flow).abort();
      case "keepalive":
        connectionOf(flow).setKeepalive({});
        return "";
      case "nodelay":
        connectionOf(flow).setNoDelay(true);
        return "";
    }
  }

  /** Opens the flow's connection actively. Throws what `Stack.connect` throws. */
  connect(stack: Stack, flow: Flow, isFast: boolean, now: number): void {
    const { peerAddress, peerPort, localPort } = flow.ends;
    const remote = parseEndpoint(endpointText(peerAddress, peerPort))!;
    flow.connection = stack.connect(remote, { localPort, fastOpen: isFast }, now);
    flow.connection.user = flow;
  }

  /** Takes the flow's connection from the accept queue. */
  accept(flow: Flow): void {
    const c = this.#acceptNext();
    if (c === null) throw new Error("There is nothing to accept");
    const remote = endpointText(c.remoteAddress.toString(), c.remotePort);
    const { peerAddress, peerPort } = flow.ends;
    expectEqual("the accepted peer", remote, endpointText(peerAddress, peerPort));
    c.user = flow;
    flow.connection = c;
  }

  /** Reads and consumes bytes, which must be `text` or the peer's pattern. */
  read(flow: Flow, count: number, text: string | null): void {
    const c = connectionOf(flow);
    const expected = text === null ? null : new TextEncoder().encode(text);
    for (let done = 0; done < count;) {
      const bytes = this.#copy(c.readable(), count - done);
      if (bytes.length === 0) throw new Error(`Only ${done} of ${count} bytes can be read`);
      bytes.forEach((byte, i) => {
        const due = expected?.[done + i] ?? peerPattern(flow.readPosition + i);
        if (byte !== due) throw new Error(`Byte ${flow.readPosition + i} is ${byte}, not ${due}`);
      });
      c.consume(bytes.length);
      done += bytes.length;
      flow.readPosition += bytes.length;
    }
  }

  /** Writes `text`, or `count` bytes of the product's pattern; what finds no room, when there is some. */
  write(flow: Flow, count: number, text: string | null): void {
    const before = flow.unwritten;
    const written = before > 0 ? 0 : this.writeSome(flow, count, text);
    if (written < count && text !== null) throw new Error(`Only ${written} bytes were taken`);
    flow.unwritten += count - written;
  }

  /** There is room: goes on with what `write` left. Returns whether it wrote any. */
  continueWriting(flow: Flow): boolean {
    if (flow.unwritten === 0) return false;
    const written = this.writeSome(flow, flow.unwritten);
    flow.unwritten -= written;
    const { verbAfterWriting } = flow;
    if (flow.unwritten === 0 && verbAfterWriting !== null) {
      flow.verbAfterWriting = null;
      this.#end(flow, verbAfterWriting);
    }
    return written > 0;
  }

  /** Writes as much as there is room for, at most `count` bytes. Returns how many. */
  writeSome(flow: Flow, count: number, text: string | null = null): number {
    const c = connectionOf(flow);
    const literal = text === null ? null : new TextEncoder().encode(text);
    let done = 0;
    while (done < count) {
      const room = c.writable();
      const length = Math.min(room.length, count - done);
      if (length === 0) break;
      const bytes = literal?.subarray(done, done + length) ??
        Uint8Array.from({ length }, (_, i) => productPattern(flow.writePosition + i));
      this.#fill(room, bytes);
      c.commit(length);
      if (literal !== null) flow.wrote(bytes);
      else flow.writePosition += length;
      done += length;
    }
    return done;
  }

  /** Ends the stream, once what `write` left has found room. */
  #end(flow: Flow, verb: "shutdown" | "close" | "release"): CallError {
    if (flow.unwritten > 0) {
      flow.verbAfterWriting = verb;
      return "";
    }
    if (verb === "shutdown") return connectionOf(flow).shutdown();
    connectionOf(flow).release();
    return "";
  }

  #writeError(flow: Flow): CallError {
    const c = connectionOf(flow);
    expectEqual("room to write", c.writable().length, 0);
    return c.sendError;
  }

  #acceptNone(): void {
    const c = this.#acceptNext();
    if (c !== null) throw new Error(`There is a connection from port ${c.remotePort} to accept`);
  }

  #acceptNext(): Connection | null {
    for (const listener of this.#listeners) {
      const c = listener.accept();
      if (c !== null) return c;
    }
    return null;
  }

  #copy(gather: Gather, limit: number): Uint8Array {
    const copy = new Uint8Array(Math.min(gather.length, limit));
    for (let i = 0, at = 0; i < gather.count && at < copy.length; i++) {
      const length = Math.min(gather.lengths[i], copy.length - at);
      const offset = gather.offsets[i];
      copy.set(this.#arena.bytes.subarray(offset, offset + length), at);
      at += length;
    }
    return copy;
  }

  #fill(room: Gather, bytes: Uint8Array): void {
    for (let i = 0, at = 0; i < room.count && at < bytes.length; i++) {
      const piece = bytes.subarray(at, at + room.lengths[i]);
      this.#arena.bytes.set(piece, room.offsets[i]);
      at += piece.length;
    }
  }
}

/** The flow's accepted connection. Throws when there is none. */
export function connectionOf(flow: Flow): Connection {
  if (flow.connection === null) throw new Error("The connection was not accepted");
  return flow.connection;
}

function readError(flow: Flow): CallError {
  expectEqual("readable bytes", readableLength(flow), 0);
  return connectionOf(flow).receiveError;
}

function readableLength(flow: Flow): number {
  return connectionOf(flow).readable().length;
}

function expectEqual<T>(what: string, actual: T, expected: T): void {
  if (actual !== expected) throw new Error(`Expected ${what}: ${expected}, not ${actual}`);
}
