/**
 * VirtualHost: one engine on virtual time which takes and gives bare IP packets.
 *
 * The link is Ethernet still: a neighbour who answers for every address puts
 * the link header on what arrives, takes it off what leaves, and is never seen.
 */

import type { Receiving } from "../../lib/tcp/tcp.ts";
import type { Tunables } from "../../lib/tcp/tunables.ts";
import { Stack } from "../../lib/stack/stack.ts";
import { type Address, parseAddress, parseCidr, parseMac } from "../../lib/wire/address.ts";
import { Frame } from "../../lib/wire/frame.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PagePool } from "../../lib/wire/pages.ts";
import { Segment } from "../../lib/wire/segment.ts";
import { addressText } from "../support/internet_address.ts";
import { neighborQuestion } from "../support/neighbor_question.ts";
import { arp, ethernet, OWN_MAC, PEER_MAC } from "../support/packets.ts";
import { randomWords } from "../support/random.ts";
import { RecordingSink } from "../support/recording_sink.ts";

/** What an engine is made with; all the rest is as in any other. */
export interface HostOptions {
  /** Its address, and one that it will talk to. */
  readonly local: string;
  readonly remote: string;
  /** The longest IP packet of the link, in bytes. */
  readonly mtu: number;
  readonly tunables: Tunables;
  readonly receiving: Receiving;
  /** As `tcp_fastopen_key` has it; null: random. */
  readonly fastOpenKey: string | null;
}

/** A packet that left. */
export interface SentPacket {
  /** When, in microseconds since the start. */
  readonly us: number;
  /** From the IP header on; a super-segment is in one piece. */
  readonly bytes: Uint8Array;
}

/** The engine's clock runs for a while already. Milliseconds. */
const START_MS = 1_000_000;
const PAGE_BYTES = 32 << 20;
const FRAME_BYTES = 65536 + 64;
const ETHERNET_LENGTH = 14;
const ETHERTYPE_ARP = 0x0806;
const ICMPV6 = 58;
/** NDP's types of ICMPv6. RFC 4861 §4. */
const FIRST_NDP = 133;
const LAST_NDP = 137;

/** One engine, its clock and its link. */
export class VirtualHost {
  readonly stack: Stack;
  readonly arena: Arena;
  /** Oldest first; the owner takes them out. */
  readonly sent: SentPacket[] = [];
  readonly #local: Address;
  readonly #mtu: number;
  readonly #sink: RecordingSink;
  readonly #frame: Frame;
  #nowUs = 0;

  constructor(options: HostOptions) {
    const isIpv6 = options.local.includes(":");
    this.arena = new Arena(PAGE_BYTES + (2 << 20));
    this.#local = parseAddress(options.local)!;
    this.#mtu = options.mtu;
    this.#sink = new RecordingSink(true, options.mtu);
    const random = randomWords(1);
    this.stack = new Stack({
      arena: this.arena,
      pages: new PagePool(this.arena, PAGE_BYTES),
      tunables: options.tunables,
      entropy: { fill: (bytes) => bytes.forEach((_, i) => bytes[i] = random() >>> 24) },
      frameSink: this.#sink,
      mac: parseMac(OWN_MAC)!,
      mtu: options.mtu,
      offload: true,
      addresses: [parseCidr(`${options.local}/${isIpv6 ? 128 : 32}`)!],
      tracer: null,
      receiving: options.receiving,
      ...(options.fastOpenKey === null ? {} : { fastOpenKey: options.fastOpenKey }),
    });
    this.#frame = new Frame(this.arena, FRAME_BYTES);
    this.#receiveFrame(neighborQuestion(options.remote, PEER_MAC, options.local));
    this.settle();
  }

  /** The engine's time. */
  get now(): number {
    return START_MS + this.#nowUs / 1000;
  }

  /** Microseconds since the start. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** Its address and `remote`, as a tuple of which ports do not count. */
  pairWith(remote: Address): Segment {
    const { w0, w1, w2, w3 } = this.#local;
    return Object.assign(new Segment(), {
      ...{ local0: w0, local1: w1, local2: w2, local3: w3 },
      ...{ remote0: remote.w0, remote1: remote.w1, remote2: remote.w2, remote3: remote.w3 },
    });
  }

  /** An IP packet arrives. What is longer than the MTU is a super-segment. */
  receive(packet: Uint8Array): void {
    const type = packet[0] >> 4 === 6 ? 0x86dd : 0x0800;
    const isLong = packet.length > this.#mtu;
    this.#receiveFrame(ethernet(type, packet), isLong ? this.#mtu - 40 : 0);
  }

  /** Lets the engine send what it may. */
  settle(): void {
    do {
      while (this.stack.poll(this.now));
    } while (this.#takeFrames());
  }

  /**
   * Lets time pass until something is due, `untilUs` at the latest, and does it.
   * Returns whether something was due.
   */
  step(untilUs: number): boolean {
    const dueUs = Math.ceil((this.stack.deadline(this.now) - START_MS) * 1000);
    this.#nowUs = Math.max(this.#nowUs, Math.min(dueUs, untilUs));
    if (dueUs > untilUs) return false;
    this.settle();
    return true;
  }

  #receiveFrame(bytes: Uint8Array, segmentSize: number = 0): void {
    const frame = this.#frame;
    this.arena.bytes.set(bytes, frame.start);
    frame.length = bytes.length;
    frame.checksumTrusted = true;
    frame.segmentSize = segmentSize;
    this.stack.receive(frame, this.now);
  }

  /** Sorts what the engine sent. Returns whether the neighbour answered some of it. */
  #takeFrames(): boolean {
    let hasAnswered = false;
    for (const { bytes } of this.#sink.frames.splice(0)) {
      const answer = neighborAnswer(bytes);
      if (answer === null) {
        if (!isDiscovery(bytes)) {
          this.sent.push({ us: this.#nowUs, bytes: bytes.subarray(ETHERNET_LENGTH) });
        }
        continue;
      }
      hasAnswered = true;
      this.#receiveFrame(answer);
    }
    return hasAnswered;
  }
}

/** What the neighbour says to a question of ARP or NDP; null: it is none. */
function neighborAnswer(frame: Uint8Array): Uint8Array | null {
  const body = frame.subarray(ETHERNET_LENGTH);
  if (etherType(frame) === ETHERTYPE_ARP) {
    const isRequest = body[7] === 1;
    const sender = addressText(body.subarray(14, 18));
    const target = addressText(body.subarray(24, 28));
    return isRequest ? ethernet(ETHERTYPE_ARP, arp(2, PEER_MAC, target, OWN_MAC, sender)) : null;
  }
  const isSolicitation = isDiscovery(frame) && body[40] === 135;
  if (!isSolicitation) return null;
  // A question of its own tells its MAC as well.
  const target = addressText(body.subarray(48, 64));
  return neighborQuestion(target, PEER_MAC, addressText(body.subarray(8, 24)));
}

function isDiscovery(frame: Uint8Array): boolean {
  if (etherType(frame) === ETHERTYPE_ARP) return true;
  const body = frame.subarray(ETHERNET_LENGTH);
  return body[0] >> 4 === 6 && body[6] === ICMPV6 && body[40] >= FIRST_NDP &&
    body[40] <= LAST_NDP;
}

function etherType(frame: Uint8Array): number {
  return frame[12] << 8 | frame[13];
}
