/** A clock, a poller and a link in memory: time stands still but for the steps a test asks for. */

import type { Clock, Link, Poller } from "../../lib/host/host.ts";
import type { Frame } from "../../lib/wire/frame.ts";

/** Time that moves by `stepMs` with each look at it. */
export class FakeClock implements Clock {
  time: number;
  stepMs: number;

  constructor(time: number, stepMs: number) {
    this.time = time;
    this.stepMs = stepMs;
  }

  now(): number {
    this.time += this.stepMs;
    return this.time;
  }
}

/** Readiness as the test reports it. */
export class FakePoller implements Poller {
  /** Descriptors watched, in order. */
  readonly watched: number[] = [];
  /** The descriptor of the link; -1: none. */
  link = -1;
  /** How often `poll` was called. */
  polls = 0;
  /** How long each wait was to last. */
  readonly waits: number[] = [];
  /** How long each park was to last. */
  readonly parks: number[] = [];
  wakes = 0;
  /** Called when the driver waits, with the milliseconds; what it reports ends the wait. */
  onWait: (milliseconds: number) => void = () => {};
  /** Called when the driver parks, with the milliseconds; what it reports ends the park. */
  onPark: (milliseconds: number) => void = () => {};
  /** Called before each poll. */
  onPoll: () => void = () => {};
  #reported: [descriptor: number, readiness: number][] = [];
  #events: [descriptor: number, readiness: number][] = [];

  /** The next poll or park will find the descriptor ready. */
  report(descriptor: number, readiness: number): void {
    this.#reported.push([descriptor, readiness]);
  }

  watchLink(descriptor: number): void {
    this.link = descriptor;
  }

  watch(descriptor: number): void {
    this.watched.push(descriptor);
  }

  poll(): number {
    this.polls++;
    this.onPoll();
    return this.#fetch();
  }

  wait(milliseconds: number): number {
    this.waits.push(milliseconds);
    this.onWait(milliseconds);
    return this.#fetch();
  }

  park(milliseconds: number): Promise<number> {
    this.parks.push(milliseconds);
    this.onPark(milliseconds);
    return Promise.resolve(this.#fetch());
  }

  descriptorAt(index: number): number {
    return this.#events[index][0];
  }

  readinessAt(index: number): number {
    return this.#events[index][1];
  }

  wake(): void {
    this.wakes++;
  }

  close(): void {}

  #fetch(): number {
    this.#events = this.#reported;
    this.#reported = [];
    return this.#events.length;
  }
}

/** A device with frames of given lengths and nothing in them. */
export class FakeLink implements Link {
  readonly name = "fake0";
  readonly descriptor = 3;
  readonly offload = true;
  /** Lengths of the frames that wait. */
  frames: number[] = [];
  /** What a read behind the last frame answers: 0, or a negative errno. */
  end = 0;
  reads = 0;

  read(frame: Frame): number {
    this.reads++;
    const length = this.frames.shift();
    if (length === undefined) return this.end;
    frame.length = length;
    return length;
  }

  write(): boolean {
    return true;
  }

  close(): void {}
}
