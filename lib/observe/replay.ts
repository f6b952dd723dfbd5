/**
 * Replay: runs a recording through the engine and the proxy again. Link,
 * sockets, poller and entropy are the recording: they answer what was answered,
 * as long as they are asked what was asked. The first thing that is asked
 * otherwise is the difference, and the end: there is no answer to it.
 */

import type { Clock, Entropy, Link, Poller, Sockets } from "../host/host.ts";
import { EAGAIN } from "../host/errno.ts";
import type { Driver, DriverWatcher, Ending } from "../proxy/driver.ts";
import { arenaBytes, assemble, type Setup } from "../proxy/program.ts";
import { type ProxyLogger, RecordLog } from "../proxy/record_log.ts";
import type { Endpoint } from "../wire/address.ts";
import type { Frame } from "../wire/frame.ts";
import type { Gather } from "../wire/gather.ts";
import { Arena } from "../wire/memory.ts";
import { Calls, type DescriptorKind } from "./calls.ts";
import { CHECKSUM_TRUSTED, EntryReader, Kind, PartReader, RecordingError } from "./recording.ts";
import { type LinkFacts, parseSetup } from "./setup.ts";
import { type Difference, type ReplayViewer, Tape } from "./tape.ts";

/** How a replay went. */
export interface Verdict {
  /** The first thing that was not as recorded; null: all was, bit for bit. */
  readonly difference: Difference | null;
  /**
   * Where the recording ends: `ended` with the run, `full` at its limit, `cut`
   * off by whatever ended the program or the disk.
   */
  readonly end: "ended" | "full" | "cut";
  /** What was replayed, up to the difference. */
  readonly turns: number;
  readonly framesIn: number;
  readonly framesOut: number;
  /** Calls on sockets. */
  readonly calls: number;
  /** From the first turn to the last one, in milliseconds. */
  readonly milliseconds: number;
}

/** Replays the bytes of a recording. Throws RecordingError when they are none, or damaged. */
export function replay(bytes: Uint8Array<ArrayBuffer>, viewer: ReplayViewer | null): Verdict {
  const reader = new EntryReader(bytes);
  const first = reader.next();
  if (first?.kind !== Kind.Setup) throw new RecordingError("it ends before the program began");
  const { setup, link } = parseSetup(new PartReader(first.asked).text());
  const run = new ReplayedRun(new Tape(reader, viewer), setup, link);
  return run.verdict();
}

class ReplayedRun implements DriverWatcher {
  readonly #tape: Tape;
  readonly #calls: Calls;
  readonly #poller: ReplayedPoller;
  readonly #driver: Driver | null;
  #turns = 0;
  #isEnded = false;

  constructor(tape: Tape, setup: Setup, facts: LinkFacts) {
    const arena = new Arena(arenaBytes(setup.tunables));
    const calls = new Calls(tape.asked, arena);
    this.#tape = tape;
    this.#calls = calls;
    this.#poller = new ReplayedPoller(tape, calls);
    const machine = {
      arena,
      link: new ReplayedLink(tape, calls, facts),
      sockets: new ReplayedSockets(tape, calls, arena),
      poller: this.#poller,
      clock: NO_CLOCK,
      entropy: replayedEntropy(tape, calls),
    };
    const log = new RecordLog(loggerOf(tape), "debug", setup.tunables.px_log_ratelimit);
    const onlookers = { log, tracer: null, watcher: this };
    this.#driver = this.#caught(() => assemble(setup, machine, onlookers));
  }

  verdict(): Verdict {
    const tape = this.#tape;
    while (this.#driver !== null && this.#step(this.#driver));
    if (tape.damage !== null) throw tape.damage;
    return {
      difference: tape.difference,
      end: tape.isFull ? "full" : this.#isEnded ? "ended" : "cut",
      turns: this.#turns,
      framesIn: tape.count(Kind.FrameIn),
      framesOut: tape.count(Kind.FrameOut),
      calls: tape.calls,
      milliseconds: tape.milliseconds,
    };
  }

  /** Plays one turn, or what was asked of the program between two. Returns whether there is more. */
  #step(driver: Driver): boolean {
    const tape = this.#tape;
    switch (tape.nextKind()) {
      case Kind.Turn: {
        const { now, events } = tape.takeTurn();
        this.#turns++;
        this.#poller.events = events;
        this.#caught(() => driver.turn(events.length, now));
        return true;
      }
      case Kind.Drain:
        tape.skip();
        driver.drain();
        return true;
      case Kind.Stop:
        tape.skip();
        driver.stop();
        return true;
      case null:
        return false;
      default:
        tape.differAtEndOfTurn();
        return false;
    }
  }

  /** What the program throws belongs to the recording, too. */
  #caught<T>(act: () => T): T | null {
    try {
      return act();
    } catch (error) {
      this.#calls.failure(error);
      if (this.#tape.answer() !== null) this.#isEnded = true;
      return null;
    }
  }

  // The tape knows all of these before the driver does.

  turnBegins(): void {}
  drains(): void {}
  stops(): void {}

  ended({ reason, errno }: Ending): void {
    this.#calls.ending(reason, errno);
    if (this.#tape.answer() !== null) this.#isEnded = true;
  }
}

/** Time comes with the turns. */
const NO_CLOCK: Clock = { now: () => 0 };

/** The recorded device. */
class ReplayedLink implements Link {
  readonly name: string;
  readonly descriptor: number;
  readonly offload: boolean;
  readonly #tape: Tape;
  readonly #calls: Calls;

  constructor(tape: Tape, calls: Calls, { name, descriptor, offload }: LinkFacts) {
    this.name = name;
    this.descriptor = descriptor;
    this.offload = offload;
    this.#tape = tape;
    this.#calls = calls;
  }

  read(frame: Frame): number {
    this.#calls.frameIn();
    const answer = this.#tape.answer();
    if (answer === null) return 0;
    const length = answer.i32();
    if (length <= 0) return length;
    frame.checksumTrusted = (answer.u8() & CHECKSUM_TRUSTED) !== 0;
    frame.segmentSize = answer.u16();
    frame.length = Math.min(length, frame.capacity);
    frame.arena.bytes.set(answer.bytes(frame.length), frame.start);
    return frame.length;
  }

  write(header: Frame, payload: Gather, segmentSize: number): boolean {
    this.#calls.frameOut(header, payload, segmentSize);
    const answer = this.#tape.answer();
    return answer === null || answer.i32() === 1;
  }

  close(): void {}
}

/** The recorded upstreams. Where the tape ends they have nothing to say. */
class ReplayedSockets implements Sockets {
  readonly #tape: Tape;
  readonly #calls: Calls;
  readonly #bytes: Uint8Array;

  constructor(tape: Tape, calls: Calls, arena: Arena) {
    this.#tape = tape;
    this.#calls = calls;
    this.#bytes = arena.bytes;
  }

  dial(remote: Endpoint, opensFast = false): number {
    this.#calls.dial(remote, opensFast);
    return this.#result(-EAGAIN);
  }

  setKeepalive(descriptor: number, time: number, interval: number, probes: number): void {
    this.#calls.setKeepalive(descriptor, time, interval, probes);
    this.#tape.answer();
  }

  dialResult(descriptor: number): number {
    return this.#ask(Kind.DialResult, descriptor);
  }

  send(descriptor: number, offset: number, length: number): number {
    this.#calls.send(descriptor, offset, length);
    return this.#result(-EAGAIN);
  }

  sendGather(descriptor: number, bytes: Gather): number {
    this.#calls.sendGather(descriptor, bytes);
    return this.#result(-EAGAIN);
  }

  sendUrgent(descriptor: number, offset: number): number {
    this.#calls.sendUrgent(descriptor, offset);
    return this.#result(-EAGAIN);
  }

  receive(descriptor: number, room: Gather): number {
    this.#calls.receive(descriptor, room.length);
    const answer = this.#tape.answer();
    if (answer === null) return -EAGAIN;
    const count = Math.min(answer.i32(), room.length);
    for (let i = 0, left = count; left > 0; i++) {
      const length = Math.min(left, room.lengths[i]);
      this.#bytes.set(answer.bytes(length), room.offsets[i]);
      left -= length;
    }
    return count;
  }

  isAtMark(descriptor: number): boolean {
    return this.#ask(Kind.AtMark, descriptor) === 1;
  }

  shutdownWrite(descriptor: number): number {
    return this.#ask(Kind.ShutdownWrite, descriptor);
  }

  close(descriptor: number): void {
    this.#ask(Kind.Close, descriptor);
  }

  reset(descriptor: number): void {
    this.#ask(Kind.Reset, descriptor);
  }

  #ask(kind: DescriptorKind, descriptor: number): number {
    this.#calls.onDescriptor(kind, descriptor);
    return this.#result(0);
  }

  #result(atEnd: number): number {
    return this.#tape.answer()?.i32() ?? atEnd;
  }
}

/** The recorded readiness. */
class ReplayedPoller implements Poller {
  /** Those of the turn that is played: descriptor and readiness. */
  events: readonly (readonly [descriptor: number, readiness: number])[] = [];
  readonly #tape: Tape;
  readonly #calls: Calls;

  constructor(tape: Tape, calls: Calls) {
    this.#tape = tape;
    this.#calls = calls;
  }

  watchLink(): void {}

  watch(descriptor: number): void {
    this.#calls.onDescriptor(Kind.Watch, descriptor);
    this.#tape.answer();
  }

  poll(): number {
    return 0;
  }

  wait(): never {
    throw new Error("A replay turns, it does not wait");
  }

  park(): never {
    throw new Error("A replay turns, it does not park");
  }

  descriptorAt(index: number): number {
    return this.events[index][0];
  }

  readinessAt(index: number): number {
    return this.events[index][1];
  }

  wake(): void {}
  close(): void {}
}

function replayedEntropy(tape: Tape, calls: Calls): Entropy {
  return {
    fill: (bytes) => {
      calls.entropy(bytes.length);
      const answer = tape.answer();
      if (answer !== null) bytes.set(answer.bytes(bytes.length));
    },
  };
}

function loggerOf(tape: Tape): ProxyLogger {
  const write = (level: string) => (message: () => string) => tape.note(`${level} ${message()}`);
  return {
    debug: write("DEBUG"),
    info: write("INFO"),
    warn: write("WARN"),
    error: write("ERROR"),
  };
}
