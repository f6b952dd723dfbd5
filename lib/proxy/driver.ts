/**
 * Driver: the only loop. House §9, io-measurements §5.
 *
 *     turn:  log      once a second: say how many records were suppressed
 *            sockets  mark what the poller reported
 *            link     up to 64 frames or 256 KiB: link.read → stack.receive;
 *                     fewer when one of them wants an answer of its own
 *            tell     accept new connections, deliver signals
 *            run      relays with something to do, each once
 *            poll     due timers; stack.poll sends what all that queued
 *
 * A turn marks readiness before it reads frames, so that an offer knows of room
 * in the upstream's buffer, and runs relays behind both and behind the signals,
 * so that each runs once a turn and its bytes leave in the same turn.
 *
 * Between turns: work remembered → the next turn; every millisecond one yield to
 * Deno's loop, where signal handlers and timers run; idle for less than
 * `busy_poll` → look again; idle for some milliseconds → wait in this thread,
 * until the next yield; idle → one park until the deadline.
 *
 * Looking costs a processor, and on a machine without a free one the time of the
 * very peer that is awaited, so it is short and for no other end. A wait costs
 * one wake-up; a park, two threads and a turn of Deno's loop, so nothing parks
 * while there is traffic.
 */

import { setImmediate } from "node:timers";
import type { Clock, Link, Poller } from "../host/host.ts";
import type { Address } from "../wire/address.ts";
import type { Arena } from "../wire/memory.ts";
import { Frame } from "../wire/frame.ts";
import { errnoName } from "../host/errno.ts";
import type { Proxy } from "./proxy.ts";
import type { RecordLog } from "./record_log.ts";

/** Frames, and bytes of them, read before relays and timers have their turn. */
const FRAMES_PER_TURN = 64;
const BYTES_PER_TURN = 256 * 1024;
/** An IP packet of 65535 bytes behind an Ethernet header with VLAN tags. */
const FRAME_CAPACITY = 65536 + 64;
/** How long Deno's loop may be kept waiting. */
const YIELD_MS = 1;
/** Traffic that paused for less is waited for in this thread, and so is a deadline nearer than a yield. */
const PAUSE_MS = 4;
/** `stack.poll` calls at the very end, for the last resets. */
const LAST_POLLS = 1024;

/** What the driver uses of the `Stack`; test doubles implement it. */
export interface DrivenStack {
  receive(frame: Frame, now: number): void;
  /** Whether no frame more may be received before `poll`. */
  readonly mustPoll: boolean;
  poll(now: number): boolean;
  deadline(now: number): number;
  /** An address of ours that another host on the link has; null: none. RFC 4862 §5.4. */
  readonly conflict: Address | null;
  /** The address of ours that was defended last against another host, and how often any was. RFC 5227 §2.4. */
  readonly contested: Address | null;
  readonly defences: number;
}

/** Who sees what a driver is given besides frames and bytes. */
export interface DriverWatcher {
  /** A turn begins; `events` of the poller are ready for it. */
  turnBegins(events: number, now: number): void;
  /** `drain` was called. */
  drains(): void;
  /** `stop` was called. */
  stops(): void;
  /** It ended; its last frames are sent. */
  ended(ending: Ending): void;
}

/** What a driver drives. */
export interface DriverParts {
  readonly link: Link;
  readonly stack: DrivenStack;
  readonly proxy: Proxy;
  readonly poller: Poller;
  readonly clock: Clock;
  /** Gives the driver's one frame its slot. */
  readonly arena: Arena;
  readonly log: RecordLog;
  /** Null or left out: nobody watches. */
  readonly watcher?: DriverWatcher | null;
}

const EXIT_CODES = { "drained": 0, "aborted": 1, "address-taken": 1, "device-gone": 75 } as const;

/** Why the driver ended. */
export interface Ending {
  /**
   * `drained`: asked to, and no pair is left. `aborted`: asked to end at once,
   * or twice. `device-gone`: the link's device was destroyed. `address-taken`:
   * another host on the link has an address of ours.
   */
  readonly reason: keyof typeof EXIT_CODES;
  /** The process's: 0, 1 and, for the supervisor to restart it, 75 (EX_TEMPFAIL). */
  readonly exitCode: number;
  /** What the link answered; 0 unless the device is gone. */
  readonly errno: number;
}

/** Turns until asked to stop. */
export class Driver {
  readonly #link: Link;
  readonly #stack: DrivenStack;
  readonly #proxy: Proxy;
  readonly #poller: Poller;
  readonly #clock: Clock;
  readonly #log: RecordLog;
  readonly #watcher: DriverWatcher | null;
  readonly #frame: Frame;
  /** Events of the poller that no turn has seen. */
  #events = 0;
  /** Whether the link may have a frame. */
  #isLinkReadable = true;
  /** When a turn last had something to do. */
  #busyAt = -Infinity;
  /** How often `drain` was called. */
  #drainCalls = 0;
  #isStopped = false;
  /** Defences of addresses that the log has. */
  #defences = 0;
  #ending: Ending | null = null;

  /** Takes one frame's slot of the arena, and has the poller watch the link. */
  constructor(parts: DriverParts) {
    this.#link = parts.link;
    this.#stack = parts.stack;
    this.#proxy = parts.proxy;
    this.#poller = parts.poller;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#watcher = parts.watcher ?? null;
    this.#frame = new Frame(parts.arena, FRAME_CAPACITY);
    this.#poller.watchLink(this.#link.descriptor);
  }

  /** Why it ended; null while it runs. */
  get ending(): Ending | null {
    return this.#ending;
  }

  /** Lets pairs finish for `px_drain_timeout` seconds, then ends; called again, ends at once. */
  drain(): void {
    this.#watcher?.drains();
    this.#drainCalls++;
    this.#poller.wake();
  }

  /** Resets all pairs and ends. */
  stop(): void {
    this.#watcher?.stops();
    this.#isStopped = true;
    this.#poller.wake();
  }

  /** Turns until there is an ending. `signal` does what `stop` does. Throws what the engine throws: a bug. */
  async run(signal?: AbortSignal): Promise<Ending> {
    const stop = () => this.stop();
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
    try {
      for (;;) {
        const parkMs = this.work();
        if (this.#ending !== null) return this.#ending;
        if (parkMs > 0) this.#events = await this.#poller.park(parkMs);
        else await nextImmediate();
      }
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /**
   * Turns until it is time to yield, or nothing is left to do. Returns for how
   * many milliseconds to park, perhaps Infinity; 0: only yield.
   */
  work(): number {
    const beganAt = this.#clock.now();
    let now = beganAt;
    while (this.#ending === null) {
      const isBusy = this.turn(this.#events, now);
      if (isBusy) this.#busyAt = now;
      const deadline = isBusy ? now : this.deadline(now);
      const lookUntil = Math.min(deadline, this.#busyAt + this.#proxy.tunables.busy_poll / 1000);
      do {
        now = this.#clock.now();
        if (now - beganAt >= YIELD_MS) return 0;
        this.#events = this.#poller.poll();
      } while (this.#events === 0 && now < lookUntil);
      if (this.#events > 0 || now >= deadline) continue;
      const isPause = now - this.#busyAt < PAUSE_MS || deadline - now < YIELD_MS;
      if (!isPause) return deadline - now;
      this.#events = this.#poller.wait(Math.min(deadline, beganAt + YIELD_MS) - now);
      now = this.#clock.now();
    }
    return 0;
  }

  /**
   * One turn, with the `events` that the poller has ready. Returns whether it
   * had something to do or left something for the next one. `work` calls it, and
   * whoever keeps the time in place of the clock.
   */
  turn(events: number, now: number): boolean {
    this.#watcher?.turnBegins(events, now);
    this.#log.poll(this.#proxy.tunables.px_log_ratelimit, now);
    this.#mark(events);
    this.#obey(now);
    const frames = this.#isLinkReadable ? this.#readLink(now) : 0;
    if (this.#ending !== null) return false;
    this.#proxy.tell(now);
    this.#proxy.run(now);
    this.#proxy.poll(now);
    const isStackBusy = this.#stack.poll(now);
    this.#proxy.tell(now); // a timer may have ended a connection
    this.#lookForEnd(now);
    return events > 0 || frames > 0 || isStackBusy || this.#proxy.hasWork;
  }

  /** When the next turn must be at the latest; may be Infinity. */
  deadline(now: number): number {
    const engine = Math.min(this.#stack.deadline(now), this.#proxy.deadline(now));
    return Math.min(engine, this.#log.deadline());
  }

  #mark(events: number): void {
    this.#events = 0;
    for (let i = 0; i < events; i++) {
      const descriptor = this.#poller.descriptorAt(i);
      if (descriptor === this.#link.descriptor) this.#isLinkReadable = true;
      else this.#proxy.ready(descriptor, this.#poller.readinessAt(i));
    }
  }

  /** Does what `drain` and `stop` asked for outside of a turn. */
  #obey(now: number): void {
    if (this.#drainCalls > 0) this.#proxy.drain(now);
    if (this.#drainCalls > 1 || this.#isStopped) this.#end("aborted", 0, now);
  }

  /** Returns how many frames there were. */
  #readLink(now: number): number {
    let frames = 0;
    for (
      let bytes = 0;
      frames < FRAMES_PER_TURN && bytes < BYTES_PER_TURN && !this.#stack.mustPoll;
      frames++
    ) {
      const length = this.#link.read(this.#frame);
      if (length <= 0) {
        this.#isLinkReadable = false;
        if (length < 0) this.#end("device-gone", -length, now);
        break;
      }
      this.#stack.receive(this.#frame, now);
      bytes += length;
    }
    return frames;
  }

  #lookForEnd(now: number): void {
    if (this.#drainCalls > 0 && this.#proxy.open === 0) this.#end("drained", 0, now);
    if (this.#stack.conflict !== null) this.#end("address-taken", 0, now);
    if (this.#stack.defences !== this.#defences) this.#tellAddressContested();
  }

  #end(reason: Ending["reason"], errno: number, now: number): void {
    if (this.#ending !== null) return;
    this.#proxy.abort(now);
    this.#ending = { reason, exitCode: EXIT_CODES[reason], errno };
    if (errno === 0) this.#sendLast(now);
    else this.#tellDeviceGone(errno);
    if (reason === "address-taken") this.#tellAddressTaken();
    this.#log.tellSuppressed(); // no turn will
    this.#watcher?.ended(this.#ending);
  }

  #tellDeviceGone(errno: number): void {
    const cause = errnoName(errno);
    this.#log.logger.error(() => `device-gone name=${this.#link.name} cause=${cause}`);
  }

  #tellAddressTaken(): void {
    const address = this.#stack.conflict;
    this.#log.logger.error(() =>
      `address-taken address=${address} cause="another host on the link answers for it; give the stack another --listen or --stack-address"`
    );
  }

  /** At most once in ten seconds for each address. */
  #tellAddressContested(): void {
    this.#defences = this.#stack.defences;
    const address = this.#stack.contested;
    this.#log.logger.warn(() =>
      `address-contested address=${address} cause="another host on the link uses it, too"`
    );
  }

  /** What the last calls on connections queued, resets above all. */
  #sendLast(now: number): void {
    for (let i = 0; i < LAST_POLLS && this.#stack.poll(now); i++);
  }
}

function nextImmediate(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
