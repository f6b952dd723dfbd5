/**
 * A link between two devices: frames are lost on it, wait in a queue for their
 * turn, and take their time. Makes a TAP for the client's end, which may then be
 * moved elsewhere, and joins it by a packet(7) socket to a device that is there.
 * Argument: a `LinkTask` as JSON. Prints a record when it has begun, and a
 * `LinkReport` after the first line of its standard input; ends with that.
 *
 * All through FFI, in one loop that blocks: nothing else happens in this process.
 */

import { randomWords } from "../../support/random.ts";
import { FrameQueue } from "./frame_queue.ts";
import { cString, demand, openPacketSocket } from "./packet_socket.ts";

/** What a link does to frames, alike in both directions. */
export interface LinkTerms {
  /** The part of the frames that is lost, each way by dice of its own: 0 … 1. */
  readonly loss: number;
  /** How long a frame travels, in milliseconds; a round trip takes twice that. */
  readonly delayMs: number;
  /** How fast frames leave for the link, in Mbit/s; 0: at once. */
  readonly rateMbit: number;
  /** Bytes that may wait for that; a frame that finds no room is dropped. RFC 7567 §2.1 (tail drop). */
  readonly queueBytes: number;
}

/** What to join, and on which terms. */
export interface LinkTask extends LinkTerms {
  /** The TAP to make. */
  readonly clientDevice: string;
  /** The device that is there and up. */
  readonly device: string;
  /** Whether the client may send super-segments; else each frame is one segment. */
  readonly offload: boolean;
}

/** What became of the frames. */
export interface LinkReport {
  event: "unlinked";
  /** From the client. */
  up: WayReport;
  /** To the client. */
  down: WayReport;
}

/** Frames of one direction. */
export interface WayReport {
  forwarded: number;
  lost: number;
  /** The queue had no room for them. */
  overflowed: number;
  /** Lost besides: the device behind took them not. */
  refused: number;
}

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFNAMSIZ = 16;
const IFREQ_LENGTH = 40;
/** Checksums, TCP over IPv4 and over IPv6, ECN's too. */
const TUN_F_ALL = 0x01 | 0x02 | 0x04 | 0x08;

const STDIN = 0;
const POLLIN = 1;
/** `struct pollfd`. */
const POLLFD_LENGTH = 8;
/** Frames of one direction before the other has its turn. */
const FRAMES_PER_TURN = 64;
/** `struct virtio_net_hdr`, which both ends have in front of each frame. */
const VNET_LENGTH = 10;
const BYTES_PER_MS_AND_MBIT = 125;
const SEED_UP = 0x5eed0001;
const SEED_DOWN = 0x5eed0002;

const libc = Deno.dlopen("libc.so.6", {
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  set_offload: { name: "ioctl", parameters: ["i32", "u32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  ppoll: { parameters: ["buffer", "u32", "buffer", "pointer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
}).symbols;

/** One direction. Times are in milliseconds. */
class Way {
  readonly report: WayReport = { forwarded: 0, lost: 0, overflowed: 0, refused: 0 };
  readonly from: number;
  readonly #to: number;
  readonly #lossLimit: number;
  readonly #delayMs: number;
  readonly #bytesPerMs: number;
  readonly #queueMs: number;
  readonly #random: () => number;
  readonly #travelling = new FrameQueue();
  /** When the last byte in the queue will have left it. */
  #busyUntil = 0;

  constructor(from: number, to: number, terms: LinkTerms, seed: number) {
    this.from = from;
    this.#to = to;
    this.#lossLimit = terms.loss * 2 ** 32;
    this.#delayMs = terms.delayMs;
    this.#bytesPerMs = terms.rateMbit > 0 ? terms.rateMbit * BYTES_PER_MS_AND_MBIT : Infinity;
    this.#queueMs = terms.queueBytes / this.#bytesPerMs;
    this.#random = randomWords(seed);
  }

  /** When the next frame arrives; Infinity: none is on its way. */
  get nextArrival(): number {
    return this.#travelling.firstArrival;
  }

  /** Takes what there is, up to a turn's frames. */
  take(now: number): void {
    for (let count = 0; count < FRAMES_PER_TURN; count++) {
      const room = this.#travelling.room();
      const length = libc.read(this.from, room, room.length);
      if (length <= 0) return;
      if (this.#random() < this.#lossLimit) this.report.lost++;
      else this.#queue(length, now);
    }
  }

  #queue(length: number, now: number): void {
    const begin = Math.max(now, this.#busyUntil);
    const end = begin + (length - VNET_LENGTH) / this.#bytesPerMs;
    const overflows = end - now > this.#queueMs && begin > now;
    if (!overflows && this.#travelling.push(length, end + this.#delayMs)) this.#busyUntil = end;
    else this.report.overflowed++;
  }

  /** Hands over what has arrived. */
  deliver(now: number): void {
    while (this.#travelling.firstArrival <= now) {
      const frame = this.#travelling.shift();
      if (libc.write(this.#to, frame, frame.length) === frame.length) this.report.forwarded++;
      else this.report.refused++;
    }
  }
}

function openTap(name: string, offload: boolean): number {
  const descriptor = demand("open", libc.open(cString("/dev/net/tun"), O_RDWR | O_NONBLOCK, 0));
  const request = new Uint8Array(IFREQ_LENGTH);
  request.set(cString(name));
  const flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  new DataView(request.buffer).setUint16(IFNAMSIZ, flags, true);
  demand("TUNSETIFF", libc.ioctl(descriptor, TUNSETIFF, request));
  const features = offload ? TUN_F_ALL : 0;
  demand("TUNSETOFFLOAD", libc.set_offload(descriptor, TUNSETOFFLOAD, features));
  return descriptor;
}

/** Carries frames until there is something on the standard input, or it ends. */
function carryAll(ways: Way[]): void {
  const descriptors = [STDIN, ...ways.map(({ from }) => from)];
  const polled = new Uint8Array(POLLFD_LENGTH * descriptors.length);
  const view = new DataView(polled.buffer);
  descriptors.forEach((descriptor, index) => {
    view.setInt32(POLLFD_LENGTH * index, descriptor, true);
    view.setInt16(POLLFD_LENGTH * index + 4, POLLIN, true);
  });
  const isReady = (index: number) => view.getInt16(POLLFD_LENGTH * index + 6, true) !== 0;
  const timeout = new Timeout();
  for (;;) {
    const next = Math.min(...ways.map((way) => way.nextArrival));
    const wait = timeout.until(next, performance.now());
    demand("ppoll", libc.ppoll(polled, descriptors.length, wait, null));
    if (isReady(0)) return;
    const now = performance.now();
    ways.forEach((way, index) => {
      if (isReady(index + 1)) way.take(now);
      way.deliver(now);
    });
  }
}

/** A `struct timespec`. */
class Timeout {
  readonly #bytes = new Uint8Array(16);
  readonly #view = new DataView(this.#bytes.buffer);

  /** How long it is from `now` to `at`; null for Infinity. Borrowed until the next call. */
  until(at: number, now: number): Uint8Array<ArrayBuffer> | null {
    if (at === Infinity) return null;
    const ms = Math.max(0, at - now);
    const seconds = Math.floor(ms / 1000);
    this.#view.setInt32(0, seconds, true);
    this.#view.setInt32(8, Math.floor((ms - 1000 * seconds) * 1e6), true);
    return this.#bytes;
  }
}

function report(record: Record<string, unknown> | LinkReport): void {
  console.log(JSON.stringify(record));
}

if (import.meta.main) {
  const task: LinkTask = JSON.parse(Deno.args[0]!);
  const tap = openTap(task.clientDevice, task.offload);
  const socket = openPacketSocket(task.device, true);
  const up = new Way(tap, socket, task, SEED_UP);
  const down = new Way(socket, tap, task, SEED_DOWN);
  report({ event: "linked" });
  carryAll([up, down]);
  report({ event: "unlinked", up: up.report, down: down.report });
  Deno.exit(0);
}
