/** RecordingSink: a device that keeps what the product sends, as it would stand on the wire. */

import type { Frame, FrameSink } from "../../lib/wire/frame.ts";
import type { Gather } from "../../lib/wire/gather.ts";
import { CodecError, concat, type Packet, sum } from "./codec.ts";

/** A frame the product sent, its checksum completed. */
export interface SentFrame {
  readonly bytes: Uint8Array;
  /** The size the device was told to cut the payload into; 0: not at all. */
  readonly segmentSize: number;
}

/** Keeps frames. With `offload` it is a device that completes checksums and cuts super-segments. */
export class RecordingSink implements FrameSink {
  readonly offload: boolean;
  readonly mtu: number;
  /** While true, the device takes nothing. */
  isFull = false;
  /** Oldest first; the owner takes them out. */
  readonly frames: SentFrame[] = [];

  constructor(offload: boolean, mtu: number) {
    this.offload = offload;
    this.mtu = mtu;
  }

  write(header: Frame, payload: Gather, segmentSize: number): boolean {
    if (this.isFull) return false;
    const { arena, start, length } = header;
    const pieces = [arena.bytes.slice(start, start + length)];
    for (let i = 0; i < payload.count; i++) {
      pieces.push(arena.bytes.slice(payload.offsets[i], payload.offsets[i] + payload.lengths[i]));
    }
    const bytes = concat(...pieces);
    if (header.checksumStart !== 0) this.#complete(bytes, header);
    this.#checkSize(bytes.length, length, segmentSize);
    this.frames.push({ bytes, segmentSize });
    return true;
  }

  /** What a device does with VIRTIO_NET_HDR_F_NEEDS_CSUM. */
  #complete(bytes: Uint8Array, { checksumStart, checksumField }: Frame): void {
    if (!this.offload) throw new CodecError("Checksum left to a device that completes none");
    const rest = bytes.subarray(checksumStart);
    const checksum = 0xffff - sum(rest);
    rest[checksumField] = checksum >> 8;
    rest[checksumField + 1] = checksum & 255;
  }

  #checkSize(length: number, headerLength: number, segmentSize: number): void {
    if (segmentSize === 0) {
      if (length > this.mtu + 14) throw new CodecError(`Frame of ${length} bytes`);
      return;
    }
    if (!this.offload) throw new CodecError("Super-segment for a device that cuts none");
    if (headerLength + segmentSize > this.mtu + 14) {
      throw new CodecError(`Super-segment cut into frames of ${headerLength + segmentSize} bytes`);
    }
    if (length - headerLength <= segmentSize) {
      throw new CodecError(`Super-segment of ${length - headerLength} bytes needs no cut`);
    }
  }
}

/** A super-segment as the device cuts it: FIN and PSH on the last piece, CWR on the first. */
export function cutPacket(packet: Packet, size: number): Packet[] {
  const { payload, flags, seq } = packet;
  if (size === 0 || payload.length <= size) return [packet];
  const pieces: Packet[] = [];
  for (let offset = 0; offset < payload.length; offset += size) {
    const isLast = offset + size >= payload.length;
    let letters = flags;
    if (!isLast) letters = letters.replace(/[FP]/g, "");
    if (offset > 0) letters = letters.replace("W", "");
    pieces.push({
      ...packet,
      flags: letters,
      seq: (seq + offset) >>> 0,
      payload: payload.subarray(offset, offset + size),
    });
  }
  return pieces;
}
