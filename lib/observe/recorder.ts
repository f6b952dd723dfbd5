/**
 * Recorder: writes down what goes into the engine and the proxy and what comes
 * out, while they run. Link, sockets, poller and entropy are wrapped, the driver
 * tells of its turns; nothing else reaches the program, so that a replay can do
 * without any of it.
 *
 * It begins with the program and ends at a limit: an engine cannot be put into
 * the state of an hour ago, so that the last hour alone would be of no use.
 */

import type { Entropy, Link, Poller, Sockets } from "../host/host.ts";
import type { DriverWatcher, Ending } from "../proxy/driver.ts";
import type { Machine, Setup } from "../proxy/program.ts";
import type { Endpoint } from "../wire/address.ts";
import type { Frame } from "../wire/frame.ts";
import type { Gather } from "../wire/gather.ts";
import type { Arena } from "../wire/memory.ts";
import { Calls, type DescriptorKind, messageOf } from "./calls.ts";
import {
  CHECKSUM_TRUSTED,
  ENTRY_HEADER,
  EntryWriter,
  HEADER_LENGTH,
  Kind,
  recordingHeader,
} from "./recording.ts";
import { setupText } from "./setup.ts";

/** Bytes that wait in memory while the program is busy; when it rests they are written. */
const BUFFER_BYTES = 256 * 1024;

/** Where a recording goes. */
export interface RecordingFile {
  /** Appends all of `bytes`. Throws what the system refuses. */
  write(bytes: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** What a recorder needs to know. */
export interface RecorderOptions {
  /** The most bytes of the file. */
  readonly limit: number;
  /** The recording ended before the program, which goes on: `error` is the system's refusal, null the limit. */
  readonly onStop: (bytes: number, error: unknown) => void;
}

/** Records one run. */
export class Recorder implements DriverWatcher {
  /** Bytes recorded. */
  length = 0;
  readonly #file: RecordingFile;
  readonly #limit: number;
  readonly #onStop: RecorderOptions["onStop"];
  readonly #out = new EntryWriter(2 * BUFFER_BYTES);
  readonly #calls: Calls;
  readonly #arena: Arena;
  #poller: Poller | null = null;
  #isOn = true;

  /** `arena` is the program's; some 16 KiB of it are taken. `file` is closed by `close`, or when the recording stops. */
  constructor(file: RecordingFile, arena: Arena, { limit, onStop }: RecorderOptions) {
    this.#file = file;
    this.#arena = arena;
    this.#limit = limit;
    this.#onStop = onStop;
    this.#calls = new Calls(this.#out, arena);
  }

  /**
   * Writes the head of the file. Returns the machine that the program is to be
   * put together with in place of `machine`; to be called once.
   */
  attach(setup: Setup, machine: Machine): Machine {
    const { link, sockets, poller, entropy } = machine;
    const header = recordingHeader();
    this.#out.copy(header, 0, header.length);
    this.length = HEADER_LENGTH;
    this.#out.begin(Kind.Setup);
    this.#out.text(setupText(setup, link));
    this.#out.answer();
    this.#end();
    this.#poller = poller;
    return {
      ...machine,
      link: new RecordedLink(this, link),
      sockets: new RecordedSockets(this, sockets),
      poller: new RecordedPoller(this, poller),
      entropy: { fill: (bytes) => this.#fill(entropy, bytes) },
    };
  }

  /** What the program threw, and ended by. */
  failed(error: unknown): void {
    if (!this.#isOn) return;
    this.#calls.failure(error);
    this.#out.answer();
    this.#end();
  }

  /** Writes what waits in memory. */
  flush(): void {
    if (!this.#isOn || this.#out.length === 0) return;
    try {
      this.#file.write(this.#out.written());
      this.#out.clear();
    } catch (error) {
      this.#stop(error);
    }
  }

  /** Ends the recording. */
  close(): void {
    this.flush();
    if (!this.#isOn) return;
    this.#isOn = false;
    this.#file.close();
  }

  // What the driver tells.

  turnBegins(events: number, now: number): void {
    if (!this.#isOn) return;
    const out = this.#out;
    out.begin(Kind.Turn);
    out.answer();
    out.f64(now);
    for (let i = 0; i < events; i++) {
      out.i32(this.#poller!.descriptorAt(i));
      out.u8(this.#poller!.readinessAt(i));
    }
    this.#end();
  }

  drains(): void {
    this.#note(Kind.Drain);
  }

  stops(): void {
    this.#note(Kind.Stop);
  }

  ended({ reason, errno }: Ending): void {
    if (!this.#isOn) return;
    this.#calls.ending(reason, errno);
    this.#out.answer();
    this.#end();
  }

  // What its wrappers tell, each before and after a call.

  /** Where a call is written before it is made; null: nothing is recorded any more. */
  get asking(): Calls | null {
    return this.#isOn ? this.#calls : null;
  }

  /** The call answered with a number, and nothing else; returns it. */
  answered(result: number): number {
    this.#out.answer();
    this.#out.i32(result);
    this.#end();
    return result;
  }

  /** The call gave no answer. */
  done(): void {
    this.#out.answer();
    this.#end();
  }

  /** The call answered with so many bytes of the pieces, or with a negative errno. */
  received(count: number, room: Gather): number {
    this.#out.answer();
    this.#out.i32(count);
    this.#out.copyGather(this.#arena.bytes, room, Math.max(count, 0));
    this.#end();
    return count;
  }

  /** The call answered with the length of a frame, 0, or a negative errno. */
  frameRead(length: number, frame: Frame): number {
    const out = this.#out;
    out.answer();
    out.i32(length);
    if (length > 0) {
      out.u8(frame.checksumTrusted ? CHECKSUM_TRUSTED : 0);
      out.u16(frame.segmentSize);
      out.copy(this.#arena.bytes, frame.start, frame.length);
    }
    this.#end();
    return length;
  }

  /** The call threw; returns what is to be thrown on. */
  threw(error: unknown): unknown {
    this.#out.threw();
    this.#out.text(messageOf(error));
    this.#end();
    return error;
  }

  #fill(entropy: Entropy, bytes: Uint8Array): void {
    entropy.fill(bytes);
    if (!this.#isOn) return;
    this.#calls.entropy(bytes.length);
    this.#out.answer();
    this.#out.copy(bytes, 0, bytes.length);
    this.#end();
  }

  #note(kind: Kind): void {
    if (!this.#isOn) return;
    this.#out.begin(kind);
    this.#out.answer();
    this.#end();
  }

  /** Ends an entry, if it and the one that says "full" fit below the limit; else the recording. */
  #end(): void {
    const out = this.#out;
    out.end();
    const length = this.length + out.entryLength;
    if (length > this.#limit - ENTRY_HEADER) return this.#stopFull();
    this.length = length;
    if (out.length >= BUFFER_BYTES) this.flush();
  }

  #stopFull(): void {
    this.#out.cancel();
    this.#out.begin(Kind.Full);
    this.#out.answer();
    this.#out.end();
    this.length += this.#out.entryLength;
    this.flush();
    if (this.#isOn) this.#stop(null);
  }

  #stop(error: unknown): void {
    this.#isOn = false;
    this.#file.close();
    this.#onStop(this.length, error);
  }
}

/** A link which tells of every frame. */
class RecordedLink implements Link {
  readonly name: string;
  readonly descriptor: number;
  readonly offload: boolean;
  readonly #recorder: Recorder;
  readonly #link: Link;

  constructor(recorder: Recorder, link: Link) {
    this.name = link.name;
    this.descriptor = link.descriptor;
    this.offload = link.offload;
    this.#recorder = recorder;
    this.#link = link;
  }

  read(frame: Frame): number {
    const calls = this.#recorder.asking;
    if (calls === null) return this.#link.read(frame);
    calls.frameIn();
    return this.#recorder.frameRead(this.#link.read(frame), frame);
  }

  write(header: Frame, payload: Gather, segmentSize: number): boolean {
    const calls = this.#recorder.asking;
    if (calls === null) return this.#link.write(header, payload, segmentSize);
    calls.frameOut(header, payload, segmentSize);
    try {
      const isTaken = this.#link.write(header, payload, segmentSize);
      this.#recorder.answered(isTaken ? 1 : 0);
      return isTaken;
    } catch (error) {
      throw this.#recorder.threw(error);
    }
  }

  close(): void {
    this.#link.close();
  }
}

/** Sockets which tell of every call. */
class RecordedSockets implements Sockets {
  readonly #recorder: Recorder;
  readonly #sockets: Sockets;

  constructor(recorder: Recorder, sockets: Sockets) {
    this.#recorder = recorder;
    this.#sockets = sockets;
  }

  dial(remote: Endpoint, opensFast = false): number {
    const calls = this.#recorder.asking;
    if (calls === null) return this.#sockets.dial(remote, opensFast);
    calls.dial(remote, opensFast);
    return this.#recorder.answered(this.#sockets.dial(remote, opensFast));
  }

  setKeepalive(descriptor: number, time: number, interval: number, probes: number): void {
    this.#sockets.setKeepalive(descriptor, time, interval, probes);
    const calls = this.#recorder.asking;
    if (calls === null) return;
    calls.setKeepalive(descriptor, time, interval, probes);
    this.#recorder.done();
  }

  dialResult(descriptor: number): number {
    return this.#answered(Kind.DialResult, descriptor, this.#sockets.dialResult(descriptor));
  }

  send(descriptor: number, offset: number, length: number): number {
    const calls = this.#recorder.asking;
    if (calls === null) return this.#sockets.send(descriptor, offset, length);
    calls.send(descriptor, offset, length);
    return this.#recorder.answered(this.#sockets.send(descriptor, offset, length));
  }

  sendGather(descriptor: number, bytes: Gather): number {
    const calls = this.#recorder.asking;
    if (calls === null) return this.#sockets.sendGather(descriptor, bytes);
    calls.sendGather(descriptor, bytes);
    return this.#recorder.answered(this.#sockets.sendGather(descriptor, bytes));
  }

  sendUrgent(descriptor: number, offset: number): number {
    const calls = this.#recorder.asking;
    if (calls === null) return this.#sockets.sendUrgent(descriptor, offset);
    calls.sendUrgent(descriptor, offset);
    return this.#recorder.answered(this.#sockets.sendUrgent(descriptor, offset));
  }

  receive(descriptor: number, room: Gather): number {
    const calls = this.#recorder.asking;
    if (calls === null) return this.#sockets.receive(descriptor, room);
    calls.receive(descriptor, room.length);
    try {
      return this.#recorder.received(this.#sockets.receive(descriptor, room), room);
    } catch (error) {
      throw this.#recorder.threw(error);
    }
  }

  isAtMark(descriptor: number): boolean {
    const isAtMark = this.#sockets.isAtMark(descriptor);
    this.#answered(Kind.AtMark, descriptor, isAtMark ? 1 : 0);
    return isAtMark;
  }

  shutdownWrite(descriptor: number): number {
    return this.#answered(Kind.ShutdownWrite, descriptor, this.#sockets.shutdownWrite(descriptor));
  }

  close(descriptor: number): void {
    this.#sockets.close(descriptor);
    this.#answered(Kind.Close, descriptor, 0);
  }

  reset(descriptor: number): void {
    this.#sockets.reset(descriptor);
    this.#answered(Kind.Reset, descriptor, 0);
  }

  /** A call on a descriptor was made, and gave `result`; returns it. */
  #answered(kind: DescriptorKind, descriptor: number, result: number): number {
    const calls = this.#recorder.asking;
    if (calls === null) return result;
    calls.onDescriptor(kind, descriptor);
    return this.#recorder.answered(result);
  }
}

/** A poller which tells what is watched; its events are told with the turn they are for. */
class RecordedPoller implements Poller {
  readonly #recorder: Recorder;
  readonly #poller: Poller;

  constructor(recorder: Recorder, poller: Poller) {
    this.#recorder = recorder;
    this.#poller = poller;
  }

  watchLink(descriptor: number): void {
    this.#poller.watchLink(descriptor);
  }

  watch(descriptor: number): void {
    const calls = this.#recorder.asking;
    if (calls === null) return this.#poller.watch(descriptor);
    calls.onDescriptor(Kind.Watch, descriptor);
    try {
      this.#poller.watch(descriptor);
    } catch (error) {
      throw this.#recorder.threw(error);
    }
    this.#recorder.done();
  }

  poll(): number {
    return this.#poller.poll();
  }

  wait(milliseconds: number): number {
    this.#recorder.flush(); // as below
    return this.#poller.wait(milliseconds);
  }

  park(milliseconds: number): ReturnType<Poller["park"]> {
    this.#recorder.flush(); // what led to the rest is there even if the process is killed in it
    return this.#poller.park(milliseconds);
  }

  descriptorAt(index: number): number {
    return this.#poller.descriptorAt(index);
  }

  readinessAt(index: number): number {
    return this.#poller.readinessAt(index);
  }

  wake(): void {
    this.#poller.wake();
  }

  close(): void {
    this.#poller.close();
  }
}
