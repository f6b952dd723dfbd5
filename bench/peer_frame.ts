/** PeerFrame: one frame of a peer that is sent again and again with other numbers. */

import { Frame } from "../lib/wire/frame.ts";
import type { Arena } from "../lib/wire/memory.ts";
import { encodePacket, type Packet, sum } from "../tests/support/codec.ts";

const TCP_OFFSET = 14 + 20;
const SOURCE_PORT = TCP_OFFSET;
const SEQ = TCP_OFFSET + 4;
const ACK = TCP_OFFSET + 8;
const CHECKSUM = TCP_OFFSET + 16;
/** Behind timestamps. */
const SACK_BLOCKS = TCP_OFFSET + 20 + 12 + 4;

/** A received IPv4 frame whose numbers can be changed in a few nanoseconds. */
export class PeerFrame {
  readonly frame: Frame;
  readonly #view: DataView;
  readonly #start: number;
  /** Sum of all that the TCP checksum covers but port, SEQ and ACK. */
  readonly #rest: number;
  readonly #port: number;

  /** `segmentSize` > 0 makes it a super-segment; of that, or if `isTrusted`, the device vouches for the checksum. */
  constructor(arena: Arena, packet: Packet, segmentSize: number = 0, isTrusted: boolean = false) {
    const bytes = encodePacket({ ...packet, seq: 0, ack: 0, sourcePort: 0 });
    this.frame = new Frame(arena, bytes.length);
    arena.bytes.set(bytes, this.frame.start);
    this.frame.length = bytes.length;
    this.frame.segmentSize = segmentSize;
    this.frame.checksumTrusted = isTrusted || segmentSize > 0;
    this.#view = arena.view;
    this.#start = this.frame.start;
    this.#rest = 0xffff - this.#view.getUint16(this.#start + CHECKSUM);
    this.#port = packet.sourcePort;
    this.set(packet.seq, packet.ack, packet.sourcePort);
    if (sum(bytes.subarray(14, 34)) !== 0xffff) throw new Error("The IPv4 header is wrong");
  }

  /** Changes SACK block `index`. Only if the device vouches for the checksum, which stays. */
  setBlock(index: number, start: number, end: number): void {
    this.#view.setInt32(this.#start + SACK_BLOCKS + 8 * index, start);
    this.#view.setInt32(this.#start + SACK_BLOCKS + 8 * index + 4, end);
  }

  /** Changes the numbers, and the checksum with them. */
  set(seq: number, ack: number, port: number = this.#port): void {
    const view = this.#view;
    const start = this.#start;
    view.setUint16(start + SOURCE_PORT, port);
    view.setInt32(start + SEQ, seq);
    view.setInt32(start + ACK, ack);
    let total = this.#rest + port + (seq >>> 16) + (seq & 0xffff) + (ack >>> 16) + (ack & 0xffff);
    total = (total >>> 16) + (total & 0xffff);
    total = (total >>> 16) + (total & 0xffff);
    view.setUint16(start + CHECKSUM, 0xffff - total);
  }
}
