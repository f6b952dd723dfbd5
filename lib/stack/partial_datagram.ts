/**
 * PartialDatagram: the fragments of one datagram that are here, in lent pages,
 * and which bytes they are. RFC 791 §3.2, RFC 8200 §4.5, RFC 5722.
 *
 * Byte n of the datagram's payload lies in page n >> 12: a page costs its 4 KiB
 * however little is in it, and that is what the bound on memory counts.
 */

import { IpPacket } from "../wire/ip_packet.ts";
import { PAGE_SHIFT, PAGE_SIZE, type PagePool } from "../wire/pages.ts";

/** Fragments that one datagram may come in. CVE-2018-5391. */
const FRAGMENT_LIMIT = 64;
/** Pages for 65535 bytes. */
const PAGE_LIMIT = 16;
/** The longest chain of headers before a fragment that a host in its right mind sends. */
const HEADER_LIMIT = 128;
/** ECN: congestion experienced. RFC 3168 §5. */
const CE = 3;

/** What becomes of a fragment. */
export const Placement = {
  /** It fills a gap. */
  New: 0,
  /** It is here already. RFC 8200 §4.5. */
  Duplicate: 1,
  /** It overlaps others, or contradicts them about the end. RFC 5722 §4. */
  Overlap: 2,
  /** It is one too many, or its headers are too long. */
  Refused: 3,
} as const;

/** One datagram. Used again and again; `begin` makes it another. */
export class PartialDatagram {
  /**
   * What its fragments have in common: family, addresses, number, and in IPv4
   * the protocol. The rest is the first fragment's: protocol, traffic class, time
   * to live and MAC; but CE if any fragment has it. Written here only.
   */
  readonly header = new IpPacket();
  /** When it is given up. Milliseconds. */
  dueAt = Infinity;
  /** Given up already; what else comes of it is dropped until it is due. RFC 5722 §4. */
  isDiscarded = false;
  /** Fragments here. */
  count = 0;
  /** Bytes of the whole, -1 while the last fragment is missing. */
  length = -1;
  /** Pages lent to it. */
  pageCount = 0;
  /** The neighbours in age, and the next one in the same bucket. */
  older: PartialDatagram | null = null;
  newer: PartialDatagram | null = null;
  next: PartialDatagram | null = null;

  readonly #pages = new Int32Array(PAGE_LIMIT).fill(-1);
  readonly #starts = new Int32Array(FRAGMENT_LIMIT);
  readonly #ends = new Int32Array(FRAGMENT_LIMIT);
  #received = 0;
  /** The highest end of a fragment. */
  #end = 0;
  /** The first fragment's headers and payload, to be quoted. */
  readonly #header = new Uint8Array(HEADER_LIMIT);
  #headerLength = 0;
  #firstLength = 0;

  /** Makes it the datagram of `packet`, still without any fragment. */
  begin(packet: IpPacket, dueAt: number): void {
    const { header } = this;
    header.isIpv6 = packet.isIpv6;
    header.source0 = packet.source0;
    header.source1 = packet.source1;
    header.source2 = packet.source2;
    header.source3 = packet.source3;
    header.destination0 = packet.destination0;
    header.destination1 = packet.destination1;
    header.destination2 = packet.destination2;
    header.destination3 = packet.destination3;
    header.identification = packet.identification;
    header.protocol = packet.protocol;
    header.ecn = 0;
    this.dueAt = dueAt;
    this.isDiscarded = false;
    this.count = 0;
    this.length = -1;
    this.#received = 0;
    this.#end = 0;
    this.#headerLength = 0;
  }

  /** Whether `packet` is a fragment of it. RFC 791 §3.2, RFC 8200 §4.5. */
  has(packet: IpPacket): boolean {
    const { header } = this;
    return header.identification === packet.identification && this.isFrom(packet) &&
      header.destination3 === packet.destination3 && header.destination2 === packet.destination2 &&
      header.destination1 === packet.destination1 && header.destination0 === packet.destination0 &&
      (header.isIpv6 || header.protocol === packet.protocol);
  }

  /** Whether it has the source of `packet`. */
  isFrom(packet: IpPacket): boolean {
    const { header } = this;
    return header.isIpv6 === packet.isIpv6 &&
      header.source3 === packet.source3 && header.source2 === packet.source2 &&
      header.source1 === packet.source1 && header.source0 === packet.source0;
  }

  /** Where a well-formed fragment belongs. */
  placementOf(packet: IpPacket): number {
    const start = packet.fragmentOffset;
    const end = start + packet.payloadLength;
    for (let i = 0; i < this.count; i++) {
      if (this.#starts[i] === start && this.#ends[i] === end) return Placement.Duplicate;
      if (this.#starts[i] < end && start < this.#ends[i]) return Placement.Overlap;
    }
    const isPastEnd = this.length !== -1 && (end > this.length || !packet.moreFragments);
    if (isPastEnd || (!packet.moreFragments && end < this.#end)) return Placement.Overlap;
    if (this.count === FRAGMENT_LIMIT || packet.headerLength > HEADER_LIMIT) {
      return Placement.Refused;
    }
    return Placement.New;
  }

  /** Pages to be lent before the bytes of `packet` can be kept. */
  pagesFor(packet: IpPacket): number {
    const last = (packet.fragmentOffset + packet.payloadLength - 1) >> PAGE_SHIFT;
    let missing = 0;
    for (let i = packet.fragmentOffset >> PAGE_SHIFT; i <= last; i++) {
      if (this.#pages[i] < 0) missing++;
    }
    return missing;
  }

  /** Keeps a fragment whose placement is `New`. Returns false when `pool` has not the pages. */
  keep(packet: IpPacket, pool: PagePool, bytes: Uint8Array): boolean {
    if (!this.#takePages(packet, pool)) return false;
    const start = packet.fragmentOffset;
    const end = start + packet.payloadLength;
    for (let at = start; at < end;) {
      const next = Math.min((at | (PAGE_SIZE - 1)) + 1, end);
      const from = packet.payloadOffset + at - start;
      const to = this.#pages[at >> PAGE_SHIFT] + (at & (PAGE_SIZE - 1));
      bytes.copyWithin(to, from, from + next - at);
      at = next;
    }
    this.#starts[this.count] = start;
    this.#ends[this.count] = end;
    this.count++;
    this.#received += packet.payloadLength;
    this.#end = Math.max(this.#end, end);
    if (!packet.moreFragments) this.length = end;
    if (packet.ecn === CE) this.header.ecn = CE;
    if (start === 0) this.#keepHeader(packet, bytes);
    return true;
  }

  /** Whether nothing is missing. */
  get isComplete(): boolean {
    return this.#received === this.length;
  }

  /** Whether the first fragment is here. */
  get hasFirst(): boolean {
    return this.#headerLength !== 0;
  }

  /** Writes the payload, which is complete, to arena offset `to`. */
  copyPayload(bytes: Uint8Array, to: number): void {
    this.#copy(bytes, to, this.length);
  }

  /** Writes the first fragment, headers and all, to arena offset `to`. Returns its length. */
  copyFirst(bytes: Uint8Array, to: number): number {
    for (let i = 0; i < this.#headerLength; i++) bytes[to + i] = this.#header[i];
    this.#copy(bytes, to + this.#headerLength, this.#firstLength);
    return this.#headerLength + this.#firstLength;
  }

  /** Gives all pages back. */
  release(pool: PagePool): void {
    for (let i = 0; i < PAGE_LIMIT; i++) {
      if (this.#pages[i] >= 0) pool.give(this.#pages[i]);
      this.#pages[i] = -1;
    }
    this.pageCount = 0;
  }

  #takePages(packet: IpPacket, pool: PagePool): boolean {
    const last = (packet.fragmentOffset + packet.payloadLength - 1) >> PAGE_SHIFT;
    for (let i = packet.fragmentOffset >> PAGE_SHIFT; i <= last; i++) {
      if (this.#pages[i] >= 0) continue;
      const page = pool.take();
      if (page < 0) return false;
      this.#pages[i] = page;
      this.pageCount++;
    }
    return true;
  }

  #keepHeader(packet: IpPacket, bytes: Uint8Array): void {
    const length = packet.headerLength;
    for (let i = 0; i < length; i++) this.#header[i] = bytes[packet.offset + i];
    this.#headerLength = length;
    this.#firstLength = packet.payloadLength;
    const { header } = this;
    header.protocol = packet.protocol;
    header.dscp = packet.dscp;
    if (header.ecn !== CE) header.ecn = packet.ecn;
    header.ttl = packet.ttl;
    header.pathHigh = packet.pathHigh;
    header.pathLow = packet.pathLow;
  }

  #copy(bytes: Uint8Array, to: number, length: number): void {
    for (let at = 0; at < length; at += PAGE_SIZE) {
      const page = this.#pages[at >> PAGE_SHIFT];
      bytes.copyWithin(to + at, page, page + Math.min(PAGE_SIZE, length - at));
    }
  }
}
