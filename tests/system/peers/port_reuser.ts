/**
 * A client of Linux that opens two connections from one local port, the second
 * while Tapster has the first in TIME-WAIT; between them a SYN is sent in its name
 * whose timestamp is older than what was seen. Argument: a `ReuseTask` as JSON.
 * Prints a `ReuseReport`.
 *
 * All through FFI, for Deno's own sockets cannot choose their port.
 */

import { decodePacket, encodePacket, type Packet } from "../../support/codec.ts";
import { addressBytes } from "../../support/internet_address.ts";
import { demand, openPacketSocket } from "./packet_socket.ts";

/** From where to where. The device has no offloads: each frame is complete. */
export interface ReuseTask {
  readonly device: string;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  /** Where the other side speaks HTTP, and closes first. */
  readonly remotePort: number;
}

/** What happened. */
export interface ReuseReport {
  event: "reused";
  /** What both connections received. */
  pages: string[];
  /** Flags of the answers to the old SYN. */
  answersToOldSyn: string[];
  /** How long the second connect took: a second or more when its SYN had to be repeated. */
  connectMs: number;
}

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCKADDR_LENGTH = { 4: 16, 6: 28 } as const;
const SOCKADDR_ADDRESS = { 4: 4, 6: 8 } as const;
const FRAME_CAPACITY = 2048;
const PAGE_CAPACITY = 64 * 1024;
/** How long an answer may take. */
const ANSWER_MS = 500;
/** Far more than what passes between the two connections. */
const TIMESTAMP_AGE = 10_000;
/** As if the first connection had been long: by its sequence number alone the SYN were new. */
const SEQ_DISTANCE = 1_000_000;

const libc = Deno.dlopen("libc.so.6", {
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
}).symbols;

/** Connects from the local port, gets the page, and closes behind the server. */
function fetchPage(task: ReuseTask): { page: string; connectMs: number } {
  const { local, localPort, remote, remotePort } = task;
  const family = familyOf(local) === 4 ? AF_INET : AF_INET6;
  const socket = demand("socket", libc.socket(family, SOCK_STREAM, 0));
  const own = socketAddress(local, localPort);
  demand("bind", libc.bind(socket, own, own.length));
  const other = socketAddress(remote, remotePort);
  const beganAt = performance.now();
  demand("connect", libc.connect(socket, other, other.length));
  const connectMs = performance.now() - beganAt;
  const request = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
  demand("write", libc.write(socket, request, request.length));
  const bytes = new Uint8Array(PAGE_CAPACITY);
  let length = 0;
  for (;;) {
    const count = demand("read", libc.read(socket, bytes.subarray(length), PAGE_CAPACITY - length));
    if (count === 0) break; // the server's FIN: it closed first
    length += count;
  }
  demand("close", libc.close(socket));
  return { page: new TextDecoder().decode(bytes.subarray(0, length)), connectMs };
}

/** The segments to the local port that came by the device since this was asked last. */
function arrivals(socket: number, task: ReuseTask): Packet[] {
  const packets: Packet[] = [];
  const frame = new Uint8Array(FRAME_CAPACITY);
  for (let length = 0; (length = libc.read(socket, frame, frame.length)) > 0;) {
    const packet = decodePacket(frame.slice(0, length));
    if (packet?.destinationPort === task.localPort) packets.push(packet);
  }
  return packets;
}

/** A SYN in the client's name whose timestamp is older than those that `last`, from Tapster, answers. */
function oldSyn(task: ReuseTask, last: Packet): Packet {
  const timestamps = last.options.find((option) => option.name === "TS");
  if (timestamps === undefined) throw new Error("Tapster sends no timestamps");
  return {
    ...last,
    sourceMac: last.destinationMac,
    destinationMac: last.sourceMac,
    source: task.local,
    destination: task.remote,
    sourcePort: task.localPort,
    destinationPort: task.remotePort,
    seq: (last.ack + SEQ_DISTANCE) >>> 0,
    ack: 0,
    flags: "S",
    options: [
      { name: "mss", value: 1460 },
      { name: "sackOK" },
      { name: "TS", val: (timestamps.ecr - TIMESTAMP_AGE) >>> 0, ecr: 0 },
    ],
    payload: new Uint8Array(0),
  };
}

async function run(task: ReuseTask): Promise<ReuseReport> {
  const wire = openPacketSocket(task.device);
  const first = fetchPage(task);
  await pause(); // for the answer to our FIN
  const last = arrivals(wire, task).at(-1);
  if (last === undefined) throw new Error("Nothing came by the device");
  const frame = encodePacket(oldSyn(task, last));
  demand("write", libc.write(wire, frame as Uint8Array<ArrayBuffer>, frame.length));
  await pause();
  const answersToOldSyn = arrivals(wire, task).map(({ flags }) => flags);
  const second = fetchPage(task);
  const pages = [first.page, second.page];
  return { event: "reused", pages, answersToOldSyn, connectMs: second.connectMs };
}

function socketAddress(address: string, port: number): Uint8Array<ArrayBuffer> {
  const family = familyOf(address);
  const bytes = new Uint8Array(SOCKADDR_LENGTH[family]);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(addressBytes(address), SOCKADDR_ADDRESS[family]);
  return bytes;
}

function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
}

if (import.meta.main) {
  console.log(JSON.stringify(await run(JSON.parse(Deno.args[0]!))));
  Deno.exit(0);
}
