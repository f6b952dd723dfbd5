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

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = O_NONBLOCK;
const ETH_P_ALL = 3;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
/** Frames that this process itself sends do not come back. */
const PACKET_IGNORE_OUTGOING = 23;
/** `struct sockaddr_ll`. */
const ADDRESS_LENGTH = 20;
/** A whole receive window in flight, with what the kernel adds to each frame. */
const SOCKET_BUFFER_BYTES = 32 << 20;

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
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
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

/** A socket whose reads are the frames that come in by the device, and whose writes go out. */
function openPacketSocket(device: string): number {
  // Without a protocol at first: bound to nothing, it would get every device's frames.
  const descriptor = demand("socket", libc.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0));
  setOption(descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  setOption(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES);
  setOption(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES);
  const address = new Uint8Array(ADDRESS_LENGTH);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ETH_P_ALL);
  view.setUint32(4, libc.if_nametoindex(cString(device)), true);
  demand("bind", libc.bind(descriptor, address, address.length));
  return descriptor;
}

function setOption(descriptor: number, level: number, option: number, value: number): void {
  const bytes = new Uint8Array(Int32Array.of(value).buffer);
  demand("setsockopt", libc.setsockopt(descriptor, level, option, bytes, bytes.length));
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

function demand(call: string, result: number): number {
  if (result < 0) throw new Error(`Cannot link: ${call} failed`);
  return result;
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
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
