/**
 * Segment: one parsed TCP segment, or one about to be built. RFC 9293 §3.1.
 *
 * There is one scratch Segment for what arrives and one for what leaves; a
 * segment is borrowed for the length of a call and never stored.
 */

import type { Gather } from "./gather.ts";

/** TCP flag bits as they lie in the header. RFC 9293 §3.1, RFC 3168 §6.1. */
export const FIN = 0x01;
/** See `FIN`. */
export const SYN = 0x02;
/** See `FIN`. */
export const RST = 0x04;
/** See `FIN`. */
export const PSH = 0x08;
/** See `FIN`. */
export const ACK = 0x10;
/** See `FIN`. */
export const URG = 0x20;
/** See `FIN`. */
export const ECE = 0x40;
/** See `FIN`. */
export const CWR = 0x80;

/** The two bits of the IP header by which routers tell of congestion. RFC 3168 §5. */
export const Ecn = {
  /** The sender would not understand a mark. */
  NotEct: 0,
  Ect1: 1,
  Ect0: 2,
  /** A router would otherwise have dropped the packet before long. */
  Ce: 3,
} as const;

/** SEG.* of the RFC. All 32-bit numbers are signed. */
export class Segment {
  /** Addresses as four big-endian int32 words, IPv4 as ::ffff:a.b.c.d. `local` is ours, whichever way it travels. */
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  remote0 = 0;
  remote1 = 0;
  remote2 = 0;
  remote3 = 0;
  localPort = 0;
  remotePort = 0;
  seq = 0;
  ack = 0;
  /** The eight flag bits, `FIN` … `CWR`. */
  flags = 0;
  /** The window field as it stands in the header, 0 … 65535, not scaled. */
  wnd = 0;
  urgentPointer = 0;

  /** Maximum segment size option, 0 … 65535; -1: none. RFC 9293 §3.7.1. */
  mss = -1;
  /** Window scale option's shift; -1: none. RFC 7323 §2.2. */
  windowScale = -1;
  /** SACK-permitted option. RFC 2018 §2. */
  sackPermitted = false;
  /** Timestamps option. RFC 7323 §3.2. */
  hasTimestamps = false;
  tsVal = 0;
  tsEcr = 0;
  /** SACK blocks in use, 0 … 4. RFC 2018 §3. */
  sackCount = 0;
  readonly sackStart: Int32Array = new Int32Array(4);
  readonly sackEnd: Int32Array = new Int32Array(4);
  /** User timeout option, seconds, 1 … 1966020; 0: none. RFC 5482 §2. */
  userTimeout = 0;
  /** Fast open option: -1 none, 0 a request, else the cookie's length 4 … 16. RFC 7413 §4.1.1. */
  fastOpenLength = -1;
  /** Whether it came, or is to be sent, as kind 254 with the number of the experiment. RFC 7413 §7. */
  isFastOpenExperimental = false;
  readonly fastOpenCookie: Uint8Array = new Uint8Array(16);

  /** Arena offset of the payload of a received segment. */
  payloadOffset = 0;
  /** Bytes of payload. To send: what the Gather beside it holds. */
  payloadLength = 0;
  /** The size the payload is cut into on the wire; 0: it is one segment. */
  segmentSize = 0;
  /**
   * Received: a device on the way vouches for the checksum. To send: the device
   * may complete the checksum, and cut the segment.
   */
  isOffloaded = false;
  /** The ECN field of the IP header: one of `Ecn`. */
  ecn = 0;
  /** The DSCP of the IP header, 0 … 63. RFC 2474 §3, RFC 9293 §3.9.2. */
  dscp = 0;
  /** Time to live, or hop limit, of a segment to send. RFC 9293 §3.9.2. */
  ttl = 64;
  /** Whether routers may cut a segment to send, which is IPv4's, into fragments. RFC 791 §3.1 (DF). */
  mayFragment = false;
  /**
   * What the floor below needs to reach the remote side: where a received
   * segment came from (its source MAC: 16 high bits, 32 low bits), to be handed
   * back with the replies. Opaque to `tcp`; both 0 = resolve the address.
   */
  pathHigh = 0;
  pathLow = 0;

  /** SEG.LEN: payload, plus one each for SYN and FIN. RFC 9293 §3.4. */
  get len(): number {
    const flags = this.flags;
    return this.payloadLength + ((flags & SYN) >> 1) + (flags & FIN);
  }
  get hasFin(): boolean {
    return (this.flags & FIN) !== 0;
  }
  get hasSyn(): boolean {
    return (this.flags & SYN) !== 0;
  }
  get hasRst(): boolean {
    return (this.flags & RST) !== 0;
  }
  get hasAck(): boolean {
    return (this.flags & ACK) !== 0;
  }

  /** Forgets all options and the payload, before parsing or building the next. */
  reset(): void {
    this.mss = -1;
    this.windowScale = -1;
    this.sackPermitted = false;
    this.hasTimestamps = false;
    this.sackCount = 0;
    this.userTimeout = 0;
    this.fastOpenLength = -1;
    this.isFastOpenExperimental = false;
    this.urgentPointer = 0;
    this.payloadLength = 0;
    this.segmentSize = 0;
    this.ecn = 0;
    this.dscp = 0;
    this.mayFragment = false;
  }
}

/** The floor below TCP: puts IP and link headers in front of a segment and sends it. */
export interface SegmentSink {
  /**
   * Sends `seg` with the bytes of `payload` (`seg.payloadLength` of them).
   * Returns false when the device takes nothing now; nothing was sent then.
   */
  send(seg: Segment, payload: Gather): boolean;
}
