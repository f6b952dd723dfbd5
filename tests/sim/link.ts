/**
 * SimLink: a TAP device with a network behind it. What the stack writes is cut
 * and completed as a device would, goes through the weather and arrives at the
 * hosts; what hosts send goes through weather of its own and waits here until
 * the driver reads it.
 */

import { ETHERNET_HEADER_LENGTH } from "../../lib/wire/ethernet.ts";
import type { Frame } from "../../lib/wire/frame.ts";
import type { Gather } from "../../lib/wire/gather.ts";
import type { Link } from "../../lib/host/host.ts";
import type { Dice } from "./dice.ts";
import type { EventQueue } from "./events.ts";
import { fold, sumOf, type WireFrame } from "./packet.ts";
import { isWithin, type LinkPlan, type Weather } from "./weather.ts";

/** Who sees frames come and go. Times are virtual milliseconds. */
export interface LinkWatcher {
  /** The stack hands down a frame, checksum complete, still in one piece. Returns nothing the link acts on. */
  written(frame: WireFrame, now: number): void;
  /** The driver reads a frame. */
  read(frame: WireFrame, now: number): void;
  /** A frame of the stack arrives at the hosts. */
  arrives(frame: WireFrame, now: number): void;
  /** What the weather did to a frame, for the trace: `lost`, `late`, … */
  happened(fate: string, isUp: boolean, frame: WireFrame, now: number): void;
  /** A frame of the stack was too long for a router on the way. */
  tooLong(frame: WireFrame, mtu: number): void;
}

/** What the parts of a world share. */
export interface LinkParts {
  readonly plan: LinkPlan;
  readonly dice: Dice;
  readonly events: EventQueue;
  readonly watcher: LinkWatcher;
}

/** One direction of the network. */
class Path {
  readonly #weather: Weather;
  readonly #plan: LinkPlan;
  readonly #dice: Dice;
  readonly #events: EventQueue;
  readonly #watcher: LinkWatcher;
  readonly #isUp: boolean;
  readonly #deliver: (frame: WireFrame, now: number) => void;
  #burstLeft = 0;
  /** When the last frame in order arrives: the next is not earlier. */
  #lastAt = 0;

  constructor(parts: LinkParts, isUp: boolean, deliver: (frame: WireFrame, now: number) => void) {
    this.#plan = parts.plan;
    this.#weather = isUp ? parts.plan.up : parts.plan.down;
    this.#dice = parts.dice.fork();
    this.#events = parts.events;
    this.#watcher = parts.watcher;
    this.#isUp = isUp;
    this.#deliver = deliver;
  }

  /** Takes a frame that sets out at `at`, not before `now`. */
  send(frame: WireFrame, at: number, now: number): void {
    const dice = this.#dice;
    const { delay, jitter, jitterReorders, duplication, reordering, lag } = this.#weather;
    if (this.#isSwallowed(frame, now)) return this.#tell("swallowed", frame, now);
    let arrivesAt = at + delay + (jitter > 0 ? dice.fraction() * jitter : 0);
    if (now >= this.#plan.calmAt) return this.#arriveAt(frame, this.#inOrder(arrivesAt));
    if (this.#isLost(frame, now)) return;
    const arriving = this.#damaged(this.#marked(frame, now), now);
    if (dice.chance(duplication)) {
      this.#tell("doubled", frame, now);
      this.#arriveAt(arriving, arrivesAt + dice.fraction() * lag);
    }
    if (dice.chance(reordering)) {
      this.#tell("late", frame, now);
      arrivesAt += dice.fraction() * lag;
    } else if (!jitterReorders) {
      arrivesAt = this.#inOrder(arrivesAt);
    }
    this.#arriveAt(arriving, arrivesAt);
  }

  #isSwallowed(frame: WireFrame, now: number): boolean {
    const { blackHoleFrom, blackHoleMtu } = this.#plan;
    return !this.#isUp && now >= blackHoleFrom && longestPacket(frame) > blackHoleMtu;
  }

  #isLost(frame: WireFrame, now: number): boolean {
    const { loss, burst, burstLength } = this.#weather;
    const dice = this.#dice;
    const { outages, narrows, narrowMtu } = this.#plan;
    if (longestPacket(frame) > narrowMtu && isWithin(narrows, now)) {
      this.#tell("too long", frame, now);
      if (!this.#isUp && this.#plan.tellsNarrow) this.#watcher.tooLong(frame, narrowMtu);
      return true;
    }
    if (this.#burstLeft === 0 && dice.chance(burst)) this.#burstLeft = dice.integer(1, burstLength);
    const isInBurst = this.#burstLeft > 0;
    if (isInBurst) this.#burstLeft--;
    const isLost = isInBurst || dice.chance(loss) || isWithin(outages, now);
    if (isLost) this.#tell("lost", frame, now);
    return isLost;
  }

  #marked(frame: WireFrame, now: number): WireFrame {
    if (!this.#dice.chance(this.#weather.marking)) return frame;
    const marked = withMark(frame);
    if (marked !== frame) this.#tell("marked", frame, now);
    return marked;
  }

  #damaged(frame: WireFrame, now: number): WireFrame {
    const { corruption, truncation } = this.#weather;
    const dice = this.#dice;
    const isCorrupt = dice.chance(corruption);
    if (!isCorrupt && !dice.chance(truncation)) return frame;
    const bytes = frame.bytes.slice();
    const last = bytes.length - 1;
    if (!isCorrupt) {
      this.#tell("truncated", frame, now);
      return { ...frame, bytes: bytes.subarray(0, dice.integer(1, last)), isIntact: false };
    }
    this.#tell("corrupted", frame, now);
    // A change of one byte is one that no checksum of RFC 1071 misses; but the
    // first word of an IPv6 header, with its ECN field, is under none.
    const first = Math.min(ETHERNET_HEADER_LENGTH + 4, last);
    bytes[dice.integer(first, last)] ^= dice.integer(1, 255);
    return { ...frame, bytes, isIntact: false };
  }

  #inOrder(at: number): number {
    this.#lastAt = Math.max(this.#lastAt, at);
    return this.#lastAt;
  }

  #arriveAt(frame: WireFrame, at: number): void {
    this.#events.plan(at, () => this.#deliver(frame, at));
  }

  #tell(fate: string, frame: WireFrame, now: number): void {
    this.#watcher.happened(fate, this.#isUp, frame, now);
  }
}

/** The device, and the network behind it. */
export class SimLink implements Link {
  readonly name = "sim0";
  readonly descriptor = 3;
  readonly offload: boolean;
  /** Virtual time; the world moves it. */
  now = 0;
  /** Frames that wait for the driver. */
  readonly waiting: WireFrame[] = [];
  readonly #plan: LinkPlan;
  readonly #dice: Dice;
  readonly #watcher: LinkWatcher;
  readonly #up: Path;
  readonly #down: Path;
  /** Until when the device is busy with what it took. */
  #busyUntil = 0;

  constructor(parts: LinkParts) {
    this.#plan = parts.plan;
    this.offload = parts.plan.offload;
    this.#dice = parts.dice.fork();
    this.#watcher = parts.watcher;
    this.#up = new Path(parts, true, (frame) => this.#receive(frame));
    this.#down = new Path(parts, false, (frame, now) => parts.watcher.arrives(frame, now));
  }

  /** A host sends a frame to the stack. */
  send(frame: WireFrame): void {
    this.#up.send(frame, this.now, this.now);
  }

  read(frame: Frame): number {
    const next = this.waiting.shift();
    if (next === undefined) return 0;
    frame.arena.bytes.set(next.bytes, frame.start);
    frame.length = next.bytes.length;
    // A device vouches for what came from the same machine; what a wire brought is to be summed.
    frame.checksumTrusted = this.offload && next.isIntact;
    frame.segmentSize = this.offload && next.isIntact ? next.segmentSize : 0;
    this.#watcher.read(next, this.now);
    return frame.length;
  }

  write(header: Frame, payload: Gather, segmentSize: number): boolean {
    const { now } = this;
    const { jams, refusal, calmAt, bandwidth, queueMs } = this.#plan;
    if (this.#busyUntil - now > queueMs) return false;
    if (now < calmAt && (isWithin(jams, now) || this.#dice.chance(refusal))) return false;
    const frame = { bytes: wireBytes(header, payload), isIntact: true, segmentSize };
    this.#watcher.written(frame, now);
    for (const piece of cut(frame, header.length)) {
      this.#busyUntil = Math.max(this.#busyUntil, now) + piece.bytes.length / bandwidth;
      this.#down.send(piece, this.#busyUntil, now);
    }
    return true;
  }

  close(): void {}

  #receive(frame: WireFrame): void {
    if (this.waiting.length < this.#plan.receiveQueue) this.waiting.push(frame);
    else this.#watcher.happened("no room", true, frame, this.now);
  }
}

/** The frame with CE in its ECN field, if its sender is capable of ECN. RFC 3168 §5. */
function withMark(frame: WireFrame): WireFrame {
  const ip = ETHERNET_HEADER_LENGTH;
  if (frame.bytes.length < ip + 20) return frame; // garbage
  const isIpv6 = frame.bytes[ip] >> 4 === 6;
  const isCapable = (frame.bytes[ip + 1] & (isIpv6 ? 0x30 : 0x03)) !== 0;
  if (!isCapable) return frame;
  const bytes = frame.bytes.slice();
  bytes[ip + 1] |= isIpv6 ? 0x30 : 0x03;
  if (!isIpv6) completeIpv4(bytes);
  return { ...frame, bytes };
}

function completeIpv4(bytes: Uint8Array<ArrayBuffer>): void {
  const view = new DataView(bytes.buffer);
  const ip = ETHERNET_HEADER_LENGTH;
  view.setUint16(ip + 10, 0);
  view.setUint16(ip + 10, 0xffff - fold(sumOf(bytes, ip, ip + 20)));
}

/** The length of the longest IP packet that becomes of a frame; not exact where a host sent a super-segment. */
function longestPacket({ bytes, segmentSize }: WireFrame): number {
  const length = bytes.length - ETHERNET_HEADER_LENGTH;
  return segmentSize > 0 ? Math.min(length, segmentSize + 40) : length;
}

/** Header and payload in one, the checksum completed as VIRTIO_NET_HDR_F_NEEDS_CSUM asks. */
function wireBytes(header: Frame, payload: Gather): Uint8Array<ArrayBuffer> {
  const { arena, start, length, checksumStart, checksumField } = header;
  const bytes = new Uint8Array(length + payload.length);
  bytes.set(arena.bytes.subarray(start, start + length));
  let at = length;
  for (let i = 0; i < payload.count; i++) {
    const offset = payload.offsets[i];
    bytes.set(arena.bytes.subarray(offset, offset + payload.lengths[i]), at);
    at += payload.lengths[i];
  }
  if (checksumStart !== 0) complete(bytes, checksumStart, checksumField);
  return bytes;
}

/** The field holds the pseudo-header's sum already. */
function complete(bytes: Uint8Array, start: number, field: number): void {
  const checksum = 0xffff - fold(sumOf(bytes, start, bytes.length));
  bytes[start + field] = checksum >> 8;
  bytes[start + field + 1] = checksum & 0xff;
}

/** A super-segment as a device cuts it: FIN and PSH on the last piece only, CWR on the first. */
export function cut(frame: WireFrame, headerLength: number): WireFrame[] {
  const { bytes, segmentSize } = frame;
  if (segmentSize === 0) return [frame];
  const pieces: WireFrame[] = [];
  for (let from = headerLength; from < bytes.length; from += segmentSize) {
    const to = Math.min(from + segmentSize, bytes.length);
    const piece = new Uint8Array(headerLength + to - from);
    piece.set(bytes.subarray(0, headerLength));
    piece.set(bytes.subarray(from, to), headerLength);
    rewriteHeaders(piece, from - headerLength, to === bytes.length);
    pieces.push({ bytes: piece, isIntact: true, segmentSize: 0 });
  }
  return pieces;
}

function rewriteHeaders(bytes: Uint8Array<ArrayBuffer>, offset: number, isLast: boolean): void {
  const view = new DataView(bytes.buffer);
  const ip = ETHERNET_HEADER_LENGTH;
  const isIpv6 = bytes[ip] >> 4 === 6;
  const tcp = ip + (isIpv6 ? 40 : 20);
  const length = bytes.length - tcp;
  if (isIpv6) {
    view.setUint16(ip + 4, length);
  } else {
    view.setUint16(ip + 2, bytes.length - ip);
    completeIpv4(bytes);
  }
  view.setInt32(tcp + 4, view.getInt32(tcp + 4) + offset);
  if (!isLast) bytes[tcp + 13] &= ~0x09; // FIN, PSH
  if (offset > 0) bytes[tcp + 13] &= ~0x80; // CWR
  view.setUint16(tcp + 16, 0);
  const pseudo = sumOf(bytes, tcp - (isIpv6 ? 32 : 8), tcp) + 6 + length;
  view.setUint16(tcp + 16, 0xffff - fold(pseudo + sumOf(bytes, tcp, bytes.length)));
}
