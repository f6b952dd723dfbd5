/**
 * Adversary: a client that does not follow the RFCs. It opens connections, and
 * then lies: wrong acknowledgments, overlapping text, tiny and shrinking
 * windows, invented SACK blocks, resets beside the window, segments nobody
 * could mean, floods of SYNs, ICMP errors, garbage.
 *
 * Nothing it does may break an invariant, throw, leak, or hurt other clients.
 */

import { ETHERNET_HEADER_LENGTH } from "../../lib/wire/ethernet.ts";
import { ACK, FIN, PSH, RST, type Segment, SYN, URG } from "../../lib/wire/segment.ts";
import type { Dice } from "./dice.ts";
import { compose, type Ends, type HostParts, type SimHost } from "./host.ts";
import type { ReceivedSegment } from "./packet.ts";
import type { Pattern } from "./pattern.ts";

/** What one adversary does. */
export interface AdversaryPlan {
  readonly ends: Ends;
  readonly startsAt: number;
  /** It stops lying, and falls silent. */
  readonly stopsAt: number;
  readonly isn: number;
  /** Between two lies, on average. Milliseconds. */
  readonly pauseMs: number;
  readonly mss: number;
  readonly windowScale: number;
  readonly hasSack: boolean;
  readonly hasTimestamps: boolean;
  /** What it is fond of; it does the others, too. */
  readonly habit: Habit;
  /** SYNs of one flood. */
  readonly floodSyns: number;
}

/** Kinds of lies. */
export const HABITS = [
  "acks",
  "text",
  "windows",
  "sacks",
  "resets",
  "flags",
  "floods",
  "garbage",
  "patience",
] as const;
/** See `HABITS`. */
export type Habit = (typeof HABITS)[number];

/** One liar with one tuple. */
export class Adversary implements SimHost {
  readonly plan: AdversaryPlan;
  readonly #parts: HostParts;
  readonly #dice: Dice;
  readonly #up: Pattern;
  #isOpen = false;
  #irs = 0;
  /** Where its own stream stands, and what it knows of the other. */
  #nxt: number;
  #acked: number;
  #rcv = 0;
  #wnd = 65535;
  #tsRecent = 0;
  #usesTimestamps = false;

  constructor(parts: HostParts, plan: AdversaryPlan, up: Pattern, dice: Dice) {
    this.#parts = parts;
    this.plan = plan;
    this.#dice = dice;
    this.#up = up;
    this.#nxt = (plan.isn + 1) | 0;
    this.#acked = this.#nxt;
    parts.events.plan(plan.startsAt, () => this.#act());
  }

  receive({ seg }: ReceivedSegment): void {
    if (this.#parts.now() >= this.plan.stopsAt) return;
    if (seg.hasRst) this.#isOpen = false;
    if (seg.hasSyn && seg.hasAck) {
      this.#isOpen = true;
      this.#irs = seg.seq;
      this.#rcv = (seg.seq + 1) | 0;
      this.#usesTimestamps = seg.hasTimestamps;
    }
    if (seg.hasTimestamps) this.#tsRecent = seg.tsVal;
    if (seg.hasAck && ((seg.ack - this.#acked) | 0) > 0) this.#acked = seg.ack;
    const isNext = this.#isOpen && seg.len > 0 && seg.seq === this.#rcv;
    if (isNext && !seg.hasSyn) this.#rcv = (this.#rcv + seg.len) | 0;
    // It follows now and then, or it would never come far.
    if (this.#isOpen && seg.len > 0 && this.#dice.chance(0.6)) this.#say(ACK, this.#nxt);
  }

  #act(): void {
    const { stopsAt, pauseMs, habit } = this.plan;
    const now = this.#parts.now();
    if (now >= stopsAt) return;
    if (!this.#isOpen) this.#knock();
    else this.#lie(this.#dice.chance(0.6) ? habit : this.#dice.pick(HABITS));
    const pause = this.#dice.between(0, 2 * pauseMs) + 0.01;
    this.#parts.events.plan(now + pause, () => this.#act());
  }

  #knock(): void {
    this.#nxt = (this.plan.isn + 1) | 0;
    this.#acked = this.#nxt;
    const { plan } = this;
    this.#send((seg) => {
      seg.flags = SYN;
      seg.seq = plan.isn;
      seg.ack = 0;
      seg.wnd = this.#dice.pick([0, 1, 100, 65535]);
      seg.mss = plan.mss;
      seg.windowScale = plan.windowScale;
      seg.sackPermitted = plan.hasSack;
      seg.hasTimestamps = plan.hasTimestamps;
      seg.tsVal = Math.floor(this.#parts.now());
      seg.payloadLength = this.#dice.chance(0.1) ? 100 : 0;
    });
  }

  #lie(habit: Habit): void {
    const dice = this.#dice;
    switch (habit) {
      case "acks":
        return this.#say(ACK, this.#nxt, (seg) => seg.ack = this.#near(this.#rcv));
      case "text":
        return this.#sayText();
      case "windows":
        this.#wnd = dice.pick([0, 0, 1, 2, 47, 536, 65535]);
        return this.#say(ACK, this.#nxt);
      case "sacks":
        return this.#say(ACK, this.#nxt, (seg) => this.#inventBlocks(seg));
      case "resets":
        return this.#say(dice.pick([RST, RST | ACK]), this.#near(this.#nxt));
      case "flags":
        return this.#say(dice.integer(0, 255), this.#near(this.#nxt), (seg) => {
          seg.urgentPointer = dice.integer(0, 65535);
          seg.payloadLength = dice.pick([0, 0, 1, 100]);
        });
      case "floods":
        return this.#flood();
      case "garbage":
        return this.#sendGarbage();
      case "patience":
        // What its user wrote waits for an acknowledgment that does not come.
        return this.#say(ACK | PSH, this.#nxt, (seg) => {
          seg.ack = (this.#irs + 1) | 0;
          seg.payloadLength = 1;
        });
    }
  }

  /** Text that overlaps, jumps ahead, or comes before what was sent long ago; always from the pattern. */
  #sayText(): void {
    const dice = this.#dice;
    const isNext = dice.chance(0.5);
    const at = isNext ? this.#nxt : (this.#acked + dice.integer(-3000, 200_000)) | 0;
    const length = dice.magnitude(1, this.plan.mss);
    const flags = ACK | (dice.chance(0.02) ? FIN : 0) | (dice.chance(0.1) ? URG : 0);
    this.#say(flags, at, (seg) => seg.payloadLength = length);
    if (isNext) this.#nxt = (this.#nxt + length) | 0;
  }

  #inventBlocks(seg: Segment): void {
    const dice = this.#dice;
    seg.sackCount = dice.integer(1, this.#usesTimestamps ? 3 : 4);
    if (dice.chance(0.3)) seg.ack = (seg.ack - dice.integer(0, 5000)) | 0;
    for (let i = 0; i < seg.sackCount; i++) {
      seg.sackStart[i] = (seg.ack + dice.integer(-2000, 60_000)) | 0;
      seg.sackEnd[i] = (seg.sackStart[i] + dice.integer(-100, 20_000)) | 0;
    }
  }

  /** SYNs from ports nobody has. */
  #flood(): void {
    const { ends, floodSyns } = this.plan;
    for (let i = 0; i < floodSyns; i++) {
      const spoofed = {
        ...ends,
        host: this.#dice.integer(128, 250),
        port: this.#dice.integer(1, 900),
      };
      this.#parts.send(compose(spoofed, (seg) => {
        seg.flags = SYN;
        seg.seq = this.#dice.word() | 0;
        seg.ack = 0;
        seg.wnd = 1000;
        seg.mss = 1460;
        seg.hasTimestamps = this.#dice.chance(0.5);
      }));
    }
  }

  /** A frame cut anywhere, with any bytes changed; checksums mostly do not save it. */
  #sendGarbage(): void {
    const dice = this.#dice;
    const frame = compose(this.plan.ends, (seg) => {
      this.#fill(seg, ACK, this.#nxt);
      seg.payloadLength = dice.integer(0, 60);
    });
    const bytes = frame.bytes.slice(0, dice.integer(1, frame.bytes.length));
    for (let i = dice.integer(0, 8); i > 0; i--) {
      // The Ethernet addresses stay: a device shows us no others.
      const at = dice.integer(12, ETHERNET_HEADER_LENGTH + 60);
      if (at < bytes.length) bytes[at] = dice.word();
    }
    this.#parts.send({ ...frame, bytes, isIntact: dice.chance(0.3) });
  }

  #say(flags: number, seq: number, change: (seg: Segment) => void = () => {}): void {
    this.#send((seg) => {
      this.#fill(seg, flags, seq);
      change(seg);
    });
  }

  #fill(seg: Segment, flags: number, seq: number): void {
    seg.flags = flags;
    seg.seq = seq;
    seg.ack = this.#rcv;
    seg.wnd = this.#wnd;
    seg.hasTimestamps = this.#usesTimestamps && !this.#dice.chance(0.02);
    seg.tsVal = Math.floor(this.#parts.now()) | 0;
    seg.tsEcr = this.#tsRecent;
  }

  #send(fill: (seg: Segment) => void): void {
    let position = 0;
    this.#parts.send(compose(this.plan.ends, (seg) => {
      fill(seg);
      position = (seg.seq - this.plan.isn - 1) | 0;
    }, (bytes, from, to) => this.#up.write(bytes, from, to, position < 0 ? 0 : position)));
  }

  /** A number near `seq`, or anywhere. */
  #near(seq: number): number {
    const dice = this.#dice;
    const range = dice.pick([1, 3, 2000, 70_000, 5_000_000, 2 ** 31 - 1]);
    return (seq + dice.integer(-range, range)) | 0;
  }
}
