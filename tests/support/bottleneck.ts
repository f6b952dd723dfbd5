/** Bottleneck: a sender and a receiver of ours, and between them a link that is narrow, long or lossy. Virtual time. */

import type { Connection } from "../../lib/tcp/connection.ts";
import { DEFAULT_TUNABLES, setTunable } from "../../lib/tcp/tunables.ts";
import { PairHost } from "./pair.ts";
import { randomWords } from "./random.ts";

/** What the link does. */
export interface BottleneckTerms {
  /** Bytes per millisecond; 125 are 1 Mbit/s. */
  readonly rate: number;
  /** There and back, milliseconds. */
  readonly rttMs: number;
  /** Bytes that wait at the bottleneck; what finds no room is dropped. */
  readonly queueBytes: number;
  /** The part of data frames that is lost by chance. */
  readonly loss: number;
  /** Acknowledgments come together, once in so many milliseconds; 0: each for itself. */
  readonly aggregationMs: number;
  /** A policer before the bottleneck: tokens, of one byte each, per millisecond. Infinity: there is none. */
  readonly tokenRate: number;
  /** So many tokens are kept at most; a frame that finds too few is dropped. */
  readonly tokenBytes: number;
}

/** 10 Mbit/s, 20 ms, and a queue of two such round trips. */
const USUAL_TERMS: BottleneckTerms = {
  rate: 1250,
  rttMs: 20,
  queueBytes: 50_000,
  loss: 0,
  aggregationMs: 0,
  tokenRate: Infinity,
  tokenBytes: 0,
};

interface Transit {
  readonly bytes: Uint8Array;
  /** When it has left the bottleneck, and when it arrives. */
  leavesAt: number;
  at: number;
}

const PAGE_BYTES = 16 << 20;
const PORT = 9;
/** Larger frames carry data. */
const BARE_FRAME = 100;

/** One connection from `sender` to `receiver`, which takes everything at once. */
export class Bottleneck {
  readonly sender: PairHost;
  readonly receiver: PairHost;
  /** The sender's end. */
  readonly c: Connection;
  /** Milliseconds. */
  now = 1000;
  /** How many bytes the sender's user writes ahead of what is sent: they leave still after `supply` has ended. */
  backlog = Infinity;
  /** Payload that arrived in order. */
  received = 0;
  /** Frames dropped by chance or on request, for want of room, and for want of tokens. */
  lost = 0;
  overflowed = 0;
  policed = 0;
  /** Called when time has moved, after each step. */
  watch: () => void = () => {};
  #terms: BottleneckTerms;
  #supply = 0;
  #supplied = 0;
  #suppliedSince = 0;
  /** The receiver's end; null until it is accepted. */
  #peer: Connection | null = null;
  readonly #next: () => number;
  /** In order of arrival. */
  readonly #there: Transit[] = [];
  readonly #back: Transit[] = [];
  #freeAt = 0;
  #tokens: number;
  #tokensAt = 0;
  /** The next data frames that are to be lost, or late by so much. */
  #framesToLose = 0;
  #framesToDelay = 0;
  #delayMs = 0;

  /** Opens the connection, with the algorithm `congestionControl`. Its user has any amount to send. */
  constructor(congestionControl: string, terms: Partial<BottleneckTerms> = {}, seed = 1) {
    this.#terms = { ...USUAL_TERMS, ...terms };
    this.#tokens = this.#terms.tokenBytes;
    this.#next = randomWords(seed);
    const tunables = setTunable(DEFAULT_TUNABLES, "tcp_congestion_control", congestionControl);
    this.sender = new PairHost("a", 1, { pageBytes: PAGE_BYTES, tunables });
    this.receiver = new PairHost("b", 2, { pageBytes: PAGE_BYTES });
    const listener = this.receiver.stack.listen(this.receiver.at(PORT));
    this.c = this.sender.stack.connect(this.receiver.at(PORT), {}, this.now);
    const isAccepted = this.runUntil(() => (this.#peer = listener.accept()) !== null, 60_000);
    if (!isAccepted) throw new Error("The link is too slow for a handshake");
    this.supply = Infinity;
  }

  get terms(): BottleneckTerms {
    return this.#terms;
  }

  /** The link is another one from now on, also for what waits before it. */
  change(terms: Partial<BottleneckTerms>): void {
    const before = this.#terms;
    this.#terms = { ...before, ...terms };
    const stretch = before.rate / this.#terms.rate;
    for (const transit of this.#there) {
      const later = Math.max(0, transit.leavesAt - this.now) * (stretch - 1);
      transit.leavesAt += later;
      transit.at += later;
    }
    this.#freeAt += Math.max(0, this.#freeAt - this.now) * (stretch - 1);
  }

  /** Bytes per millisecond that the sender's user writes; Infinity: whatever there is room for. */
  get supply(): number {
    return this.#supply;
  }

  set supply(rate: number) {
    this.#supply = rate;
    this.#supplied = 0;
    this.#suppliedSince = this.now;
  }

  /** The next `frames` with data are lost. */
  lose(frames: number): void {
    this.#framesToLose = frames;
  }

  /** The next `frames` with data take `ms` longer, and others overtake them; 0 frames: no more of them. */
  delay(frames: number, ms: number): void {
    this.#framesToDelay = frames;
    this.#delayMs = ms;
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    this.runUntil(() => false, ms);
  }

  /** Lets time pass until `isOver`, for `ms` at most. Returns whether it came to that. */
  runUntil(isOver: () => boolean, ms: number): boolean {
    const end = this.now + ms;
    for (;;) {
      this.#work();
      this.watch();
      if (isOver()) return true;
      const next = this.#nextEvent();
      if (next > end) break;
      this.now = Math.max(this.now, next);
      this.#deliver(this.#there, this.receiver);
      this.#deliver(this.#back, this.sender);
    }
    this.now = end;
    return false;
  }

  #work(): void {
    this.#write();
    while (this.sender.stack.poll(this.now)) this.#write();
    this.#take();
    while (this.receiver.stack.poll(this.now));
    for (const { bytes } of this.sender.sink.frames.splice(0)) this.#carry(bytes);
    for (const { bytes } of this.receiver.sink.frames.splice(0)) this.#carryBack(bytes);
  }

  #write(): void {
    if (this.#supply === 0) return;
    const elapsed = this.now - this.#suppliedSince;
    const due = this.#supply === Infinity ? Infinity : this.#supply * elapsed;
    const { c } = this;
    for (let room = c.writable(); room.length > 0; room = c.writable()) {
      const ahead = this.backlog - ((c.endOfStream - c.sndNxt) | 0);
      const length = Math.min(room.length, Math.floor(due - this.#supplied), ahead);
      if (!(length > 0)) return;
      c.commit(length);
      this.#supplied += length;
    }
  }

  #take(): void {
    const peer = this.#peer;
    if (peer === null) return;
    for (let ready = peer.readable(); ready.length > 0; ready = peer.readable()) {
      this.received += ready.length;
      peer.consume(ready.length);
    }
  }

  #carry(bytes: Uint8Array): void {
    const { rate, rttMs, queueBytes } = this.#terms;
    let late = 0;
    if (bytes.length > BARE_FRAME) {
      if (this.#isLost()) {
        this.lost++;
        return;
      }
      if (this.#framesToDelay > 0) {
        this.#framesToDelay--;
        late = this.#delayMs;
      }
    }
    if (!this.#takeTokens(bytes.length)) {
      this.policed++;
      return;
    }
    if ((this.#freeAt - this.now) * rate > queueBytes) {
      this.overflowed++;
      return;
    }
    this.#freeAt = Math.max(this.#freeAt, this.now) + bytes.length / rate;
    const transit = { bytes, leavesAt: this.#freeAt, at: this.#freeAt + rttMs / 2 + late };
    const before = this.#there.findLastIndex((other) => other.at <= transit.at);
    this.#there.splice(before + 1, 0, transit);
  }

  #isLost(): boolean {
    if (this.#framesToLose > 0) {
      this.#framesToLose--;
      return true;
    }
    return this.#next() / 2 ** 32 < this.#terms.loss;
  }

  #takeTokens(count: number): boolean {
    const { tokenRate, tokenBytes } = this.#terms;
    if (tokenRate === Infinity) return true;
    const more = (this.now - this.#tokensAt) * tokenRate;
    this.#tokens = Math.min(this.#tokens + more, tokenBytes);
    this.#tokensAt = this.now;
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  #carryBack(bytes: Uint8Array): void {
    const { rttMs, aggregationMs } = this.#terms;
    let at = this.now + rttMs / 2;
    if (aggregationMs > 0) at = Math.ceil(at / aggregationMs) * aggregationMs;
    this.#back.push({ bytes, leavesAt: at, at });
  }

  #nextEvent(): number {
    let next = Math.min(
      this.sender.stack.deadline(this.now),
      this.receiver.stack.deadline(this.now),
      this.#there[0]?.at ?? Infinity,
      this.#back[0]?.at ?? Infinity,
    );
    // A user who writes slowly does so a few times a millisecond.
    if (this.#supply !== 0 && this.#supply !== Infinity) next = Math.min(next, this.now + 0.25);
    return next;
  }

  #deliver(transit: Transit[], to: PairHost): void {
    while (transit.length > 0 && transit[0].at <= this.now) {
      const { bytes } = transit.shift()!;
      to.frame.arena.bytes.set(bytes, to.frame.start);
      to.frame.length = bytes.length;
      to.stack.receive(to.frame, this.now);
    }
  }
}
