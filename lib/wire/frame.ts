/**
 * Frame: one slot of arena memory with an Ethernet frame in it, and what the
 * device said, or is to be told, about offloads.
 *
 * A slot is 64-byte aligned and starts with 10 bytes of room for the
 * virtio-net header; the Ethernet header lies at +10, so that the IPv4 header
 * (+24), the TCP header (+44) and a payload behind timestamps (+76) are
 * aligned to 4 bytes.
 */

import type { Gather } from "./gather.ts";
import type { Arena } from "./memory.ts";

/** Bytes in front of the Ethernet header, kept for the virtio-net header. */
export const FRAME_HEADROOM = 10;

/** A slot of the arena which holds one frame, or the headers of one. */
export class Frame {
  readonly arena: Arena;
  /** Arena offset of the slot: the virtio-net header's place. */
  readonly base: number;
  /** Arena offset of the Ethernet header. */
  readonly start: number;
  /** Bytes the slot has room for behind `start`. */
  readonly capacity: number;
  /** Bytes of the frame, from `start` on. */
  length = 0;
  /**
   * Received: the device vouches for the checksum (`NEEDS_CSUM` or
   * `DATA_VALID`), so it is not summed again.
   */
  checksumTrusted = false;
  /** Received: the size the sender's device would cut the payload into; 0: not a super-segment. */
  segmentSize = 0;
  /**
   * To send: offset from `start` where the device begins to sum, and the offset
   * from there of the 16-bit field it completes. `checksumStart` 0 means the
   * frame is complete as it is.
   */
  checksumStart = 0;
  checksumField = 0;
  /** To send with a segment size: whether the packet is IPv6 (TCPV6) or IPv4 (TCPV4). */
  isIpv6 = false;
  /** To send with a segment size: whether the header has CWR, which only the first piece keeps. RFC 3168 §6.1.2. */
  hasCwr = false;

  /** Takes a slot of `capacity` bytes behind the headroom out of the arena, for good. */
  constructor(arena: Arena, capacity: number) {
    this.arena = arena;
    this.base = arena.reserve(FRAME_HEADROOM + capacity, 64);
    this.start = this.base + FRAME_HEADROOM;
    this.capacity = capacity;
  }
}

/** Where the engine's frames go. Never calls back into the engine. */
export interface FrameSink {
  /**
   * Sends `header.length` bytes of `header` followed by `payload`.
   * `segmentSize` is the size the device cuts the payload into, 0 for a frame
   * that fits as it is. Returns false when the device takes nothing now: the
   * engine keeps what it can send again; a stateless reply is lost and counted.
   */
  write(header: Frame, payload: Gather, segmentSize: number): boolean;
}
