/**
 * A wire between two devices that loses some of the frames. Makes a TAP for the
 * client's end, which may then be moved elsewhere, and joins it by a packet(7)
 * socket to a device that is there. Neither has offloads, so each frame is one
 * segment. Argument: a `LossTask` as JSON. Prints a record when it has begun, and
 * a `LossReport` after the first line of its standard input; ends with that.
 *
 * All through FFI, in one loop that blocks: nothing else happens in this process.
 */

import { randomWords } from "../../support/random.ts";
import { cString, demand, openPacketSocket } from "./packet_socket.ts";

/** What to join and what to lose. */
export interface LossTask {
  /** The TAP to make. */
  readonly clientDevice: string;
  /** The device that is there and up. */
  readonly device: string;
  /** The part of the frames to lose, each way by dice of its own: 0 … 1. */
  readonly loss: number;
}

/** What became of the frames. */
export interface LossReport {
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
  /** Lost besides: the device behind took them not. */
  refused: number;
}

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const TUNSETIFF = 0x400454ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFNAMSIZ = 16;
const IFREQ_LENGTH = 40;

const STDIN = 0;
const POLLIN = 1;
/** `struct pollfd`. */
const POLLFD_LENGTH = 8;
const FRAME_CAPACITY = 65_536 + 64;
/** Frames of one direction before the other has its turn. */
const FRAMES_PER_TURN = 64;
const SEED_UP = 0x5eed0001;
const SEED_DOWN = 0x5eed0002;

const libc = Deno.dlopen("libc.so.6", {
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
}).symbols;

/** One direction. */
class Way {
  readonly report: WayReport = { forwarded: 0, lost: 0, refused: 0 };
  readonly #from: number;
  readonly #to: number;
  readonly #limit: number;
  readonly #random: () => number;
  readonly #frame = new Uint8Array(FRAME_CAPACITY);

  constructor(from: number, to: number, loss: number, seed: number) {
    this.#from = from;
    this.#to = to;
    this.#limit = loss * 2 ** 32;
    this.#random = randomWords(seed);
  }

  /** Passes on what there is, up to a turn's frames. */
  pump(): void {
    const frame = this.#frame;
    for (let count = 0; count < FRAMES_PER_TURN; count++) {
      const length = libc.read(this.#from, frame, frame.length);
      if (length <= 0) return;
      if (this.#random() < this.#limit) this.report.lost++;
      else if (libc.write(this.#to, frame, length) === length) this.report.forwarded++;
      else this.report.refused++;
    }
  }
}

function openTap(name: string): number {
  const descriptor = demand("open", libc.open(cString("/dev/net/tun"), O_RDWR | O_NONBLOCK, 0));
  const request = new Uint8Array(IFREQ_LENGTH);
  request.set(cString(name));
  new DataView(request.buffer).setUint16(IFNAMSIZ, IFF_TAP | IFF_NO_PI, true);
  demand("TUNSETIFF", libc.ioctl(descriptor, TUNSETIFF, request));
  return descriptor;
}

/** Passes frames on until there is something on the standard input, or it ends. */
function pumpAll(ways: { from: number; way: Way }[]): void {
  const descriptors = [STDIN, ...ways.map(({ from }) => from)];
  const polled = new Uint8Array(POLLFD_LENGTH * descriptors.length);
  const view = new DataView(polled.buffer);
  descriptors.forEach((descriptor, index) => {
    view.setInt32(POLLFD_LENGTH * index, descriptor, true);
    view.setInt16(POLLFD_LENGTH * index + 4, POLLIN, true);
  });
  const isReady = (index: number) => view.getInt16(POLLFD_LENGTH * index + 6, true) !== 0;
  for (;;) {
    demand("poll", libc.poll(polled, descriptors.length, -1));
    if (isReady(0)) return;
    ways.forEach(({ way }, index) => {
      if (isReady(index + 1)) way.pump();
    });
  }
}

function report(record: Record<string, unknown> | LossReport): void {
  console.log(JSON.stringify(record));
}

if (import.meta.main) {
  const { clientDevice, device, loss }: LossTask = JSON.parse(Deno.args[0]!);
  const tap = openTap(clientDevice);
  const socket = openPacketSocket(device);
  const up = new Way(tap, socket, loss, SEED_UP);
  const down = new Way(socket, tap, loss, SEED_DOWN);
  report({ event: "linked" });
  pumpAll([{ from: tap, way: up }, { from: socket, way: down }]);
  report({ event: "unlinked", up: up.report, down: down.report });
  Deno.exit(0);
}
