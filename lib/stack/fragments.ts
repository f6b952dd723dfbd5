/**
 * Fragments: datagrams that arrive in pieces, put together within bounds. RFC
 * 791 §3.2, RFC 1122 §3.3.2, RFC 8200 §4.5, RFC 5722.
 *
 * All bounds drop the oldest: who sends first fragments only fills the memory
 * that is set aside, and pushes out nothing but other fragments. A page is taken
 * from the common pool for each, so there are never more datagrams than pages
 * within `ipfrag_high_thresh`.
 */

import type { Counters } from "../tcp/counters.ts";
import type { Tunables } from "../tcp/tunables.ts";
import { ETHERNET_HEADER_LENGTH } from "../wire/ethernet.ts";
import { Frame } from "../wire/frame.ts";
import { hashAddress } from "../wire/hash.ts";
import { IcmpType } from "../wire/icmp.ts";
import { ICMPV6_ERRONEOUS_FIELD, Icmpv6Type, REASSEMBLY_TIME_EXCEEDED } from "../wire/icmpv6.ts";
import { IpPacket, Protocol } from "../wire/ip_packet.ts";
import { buildIpv4, IPV4_HEADER_LENGTH, parseIpv4 } from "../wire/ipv4.ts";
import { buildIpv6, buildIpv6Address, IPV6_HEADER_LENGTH, parseIpv6 } from "../wire/ipv6.ts";
import type { Arena } from "../wire/memory.ts";
import { PAGE_SIZE, type PagePool } from "../wire/pages.ts";
import type { IcmpErrors } from "./errors.ts";
import { PartialDatagram, Placement } from "./partial_datagram.ts";

/** The longest datagram: IPv4 with its header, IPv6 without. RFC 791 §3.1, RFC 8200 §4.5. */
const DATAGRAM_LIMIT = 65535;
/** Incomplete datagrams of one source. */
const SOURCE_LIMIT = 128;
/** RFC 8200 §4.5. */
const IPV6_TIMEOUT_MS = 60_000;
/** A TCP header in two fragments hides its flags from filters: no host sends that. RFC 1858 §3, RFC 3128. */
const TCP_HEADER_LENGTH = 20;
const BUCKETS = 256;

/** What Fragments is made of. */
export interface FragmentsParts {
  readonly arena: Arena;
  readonly pages: PagePool;
  readonly errors: IcmpErrors;
  readonly tunables: Tunables;
  readonly counters: Counters;
  /** A secret int32. */
  readonly hashKey: number;
}

/** All incomplete datagrams of one host. */
export class Fragments {
  /** Where a datagram is put together; its Ethernet header is not written. */
  readonly frame: Frame;
  readonly #arena: Arena;
  readonly #pages: PagePool;
  readonly #errors: IcmpErrors;
  readonly #counters: Counters;
  readonly #hashKey: number;
  #tunables: Tunables;
  /** By source; the newest first. */
  readonly #buckets: (PartialDatagram | null)[] = new Array(BUCKETS).fill(null);
  readonly #spare: PartialDatagram[] = [];
  #oldest: PartialDatagram | null = null;
  #newest: PartialDatagram | null = null;
  /** Memory in use, in pages; a datagram without any counts for one. */
  #used = 0;
  #deadline = Infinity;
  /** Scratch: the first fragment of a datagram that is given up. */
  readonly #packet = new IpPacket();

  constructor(parts: FragmentsParts) {
    this.#arena = parts.arena;
    this.#pages = parts.pages;
    this.#errors = parts.errors;
    this.#counters = parts.counters;
    this.#hashKey = parts.hashKey;
    this.#tunables = parts.tunables;
    this.frame = new Frame(
      parts.arena,
      ETHERNET_HEADER_LENGTH + IPV6_HEADER_LENGTH + DATAGRAM_LIMIT,
    );
  }

  /** Changes time and bound; what waits keeps its time. */
  set tunables(tunables: Tunables) {
    this.#tunables = tunables;
  }

  /** When `poll` has something to do; Infinity: nothing. */
  get deadline(): number {
    return this.#deadline;
  }

  /**
   * A fragment for us arrived. Returns whether it was the last one missing:
   * then the whole packet lies in `frame`, to be parsed like any other.
   */
  arrives(packet: IpPacket, now: number): boolean {
    this.#counters.ReasmReqds++;
    if (!this.#isPlausible(packet, now)) {
      this.#counters.ReasmFails++;
      return false;
    }
    const datagram = this.#find(packet) ?? this.#begin(packet, now);
    if (datagram === null || !this.#keep(datagram, packet)) {
      this.#counters.ReasmFails++;
      return false;
    }
    if (!datagram.isComplete) return false;
    this.#counters.ReasmOKs++;
    this.#build(datagram);
    this.#forget(datagram);
    return true;
  }

  /** Gives up what is due. */
  poll(now: number): void {
    if (now < this.#deadline) return;
    this.#deadline = Infinity;
    let datagram = this.#oldest;
    while (datagram !== null) {
      const newer: PartialDatagram | null = datagram.newer;
      if (datagram.dueAt <= now) this.#timeOut(datagram, now);
      else this.#deadline = Math.min(this.#deadline, datagram.dueAt);
      datagram = newer;
    }
  }

  /** Whether a fragment may be a part of anything. IP-10; RFC 8200 §4.5 wants the sender to be told. */
  #isPlausible(packet: IpPacket, now: number): boolean {
    const { fragmentOffset, payloadLength, moreFragments } = packet;
    const errors = this.#errors;
    if (payloadLength === 0) return false;
    if (moreFragments && (payloadLength & 7) !== 0) {
      if (packet.isIpv6) {
        errors.send(packet, Icmpv6Type.ParameterProblem, ICMPV6_ERRONEOUS_FIELD, 4, now);
      }
      return false;
    }
    const header = packet.isIpv6 ? 0 : IPV4_HEADER_LENGTH;
    if (header + fragmentOffset + payloadLength > DATAGRAM_LIMIT) {
      const pointer = packet.protocolOffset + 2;
      if (packet.isIpv6) {
        errors.send(packet, Icmpv6Type.ParameterProblem, ICMPV6_ERRONEOUS_FIELD, pointer, now);
      }
      return false;
    }
    if (packet.protocol !== Protocol.Tcp) return true;
    return fragmentOffset === 0
      ? payloadLength >= TCP_HEADER_LENGTH
      : fragmentOffset >= TCP_HEADER_LENGTH;
  }

  #find(packet: IpPacket): PartialDatagram | null {
    let datagram = this.#buckets[this.#bucketOf(packet)];
    while (datagram !== null && !datagram.has(packet)) datagram = datagram.next;
    return datagram;
  }

  /** Makes a place for the datagram of `packet`, at the cost of others. Returns null when there is none. */
  #begin(packet: IpPacket, now: number): PartialDatagram | null {
    const bucket = this.#bucketOf(packet);
    let count = 0;
    let oldest: PartialDatagram | null = null;
    for (let other = this.#buckets[bucket]; other !== null; other = other.next) {
      if (!other.isFrom(packet)) continue;
      count++;
      oldest = other;
    }
    if (count >= SOURCE_LIMIT && oldest !== null) this.#giveUp(oldest);
    if (!this.#makeRoom(1, null)) return null;
    const datagram = this.#spare.pop() ?? new PartialDatagram();
    const timeoutMs = packet.isIpv6 ? IPV6_TIMEOUT_MS : this.#tunables.ipfrag_time * 1000;
    datagram.begin(packet, now + timeoutMs);
    this.#deadline = Math.min(this.#deadline, datagram.dueAt);
    datagram.next = this.#buckets[bucket];
    this.#buckets[bucket] = datagram;
    datagram.older = this.#newest;
    if (this.#newest === null) this.#oldest = datagram;
    else this.#newest.newer = datagram;
    this.#newest = datagram;
    this.#used++;
    return datagram;
  }

  /** Returns false when the fragment, and perhaps all of its datagram, is of no use. */
  #keep(datagram: PartialDatagram, packet: IpPacket): boolean {
    if (datagram.isDiscarded) return false;
    const placement = datagram.placementOf(packet);
    if (placement === Placement.Duplicate) return false;
    if (placement !== Placement.New) {
      if (placement === Placement.Overlap) this.#counters.ReasmOverlaps++;
      this.#discard(datagram);
      return false;
    }
    const before = costOf(datagram);
    const after = Math.max(1, datagram.pageCount + datagram.pagesFor(packet));
    const isKept = this.#makeRoom(after - before, datagram) &&
      datagram.keep(packet, this.#pages, this.#arena.bytes);
    this.#used += costOf(datagram) - before;
    if (!isKept) this.#discard(datagram);
    return isKept;
  }

  /** Gives up the oldest until there is room for `pages` more. `user` stays. */
  #makeRoom(pages: number, user: PartialDatagram | null): boolean {
    const limit = Math.floor(this.#tunables.ipfrag_high_thresh / PAGE_SIZE);
    while (this.#used + pages > limit) {
      const oldest = this.#oldest === user && user !== null ? user.newer : this.#oldest;
      if (oldest === null) return false;
      this.#giveUp(oldest);
    }
    return true;
  }

  /** Its fragments are of no use, nor are those to come. RFC 5722 §4. */
  #discard(datagram: PartialDatagram): void {
    this.#counters.ReasmFails += datagram.count;
    this.#used += 1 - costOf(datagram);
    datagram.release(this.#pages);
    datagram.count = 0;
    datagram.isDiscarded = true;
  }

  #giveUp(datagram: PartialDatagram): void {
    this.#counters.ReasmFails += datagram.count;
    this.#forget(datagram);
  }

  /** The sender is told if it can be: a quote needs the first fragment. RFC 1122 §3.3.2, RFC 8200 §4.5. */
  #timeOut(datagram: PartialDatagram, now: number): void {
    if (!datagram.isDiscarded) {
      this.#counters.ReasmTimeout++;
      if (datagram.hasFirst) this.#reportTimeout(datagram, now);
    }
    this.#giveUp(datagram);
  }

  #reportTimeout(datagram: PartialDatagram, now: number): void {
    const packet = this.#packet;
    const { view, bytes } = this.#arena;
    const offset = this.frame.start + ETHERNET_HEADER_LENGTH;
    const length = datagram.copyFirst(bytes, offset);
    const { isIpv6, pathHigh, pathLow } = datagram.header;
    if (isIpv6) parseIpv6(view, offset, length, packet);
    else parseIpv4(view, offset, length, packet);
    packet.pathHigh = pathHigh;
    packet.pathLow = pathLow;
    const type = isIpv6 ? Icmpv6Type.TimeExceeded : IcmpType.TimeExceeded;
    this.#errors.send(packet, type, REASSEMBLY_TIME_EXCEEDED, 0, now);
  }

  /** Writes the packet that was cut, without the options and extension headers in front. */
  #build(datagram: PartialDatagram): void {
    const view = this.#arena.view;
    const { frame } = this;
    const { header, length } = datagram;
    const { ttl, protocol } = header;
    const at = frame.start + ETHERNET_HEADER_LENGTH;
    const tos = (header.dscp << 2) | header.ecn;
    let payload = at + IPV4_HEADER_LENGTH;
    if (header.isIpv6) {
      payload = at + IPV6_HEADER_LENGTH;
      const { source0, source1, source2, source3 } = header;
      const { destination0, destination1, destination2, destination3 } = header;
      buildIpv6(view, at, tos, 0, length, protocol, ttl);
      buildIpv6Address(view, at + 8, source0, source1, source2, source3);
      buildIpv6Address(view, at + 24, destination0, destination1, destination2, destination3);
    } else {
      const fragment = header.identification << 16;
      const { source3, destination3 } = header;
      const total = IPV4_HEADER_LENGTH + length;
      buildIpv4(view, at, tos, total, fragment, ttl, protocol, source3, destination3);
    }
    datagram.copyPayload(this.#arena.bytes, payload);
    frame.length = payload + length - frame.start;
  }

  #forget(datagram: PartialDatagram): void {
    this.#used -= costOf(datagram);
    datagram.release(this.#pages);
    const bucket = this.#bucketOf(datagram.header);
    let before = this.#buckets[bucket];
    if (before === datagram) {
      this.#buckets[bucket] = datagram.next;
    } else {
      while (before !== null && before.next !== datagram) before = before.next;
      if (before !== null) before.next = datagram.next;
    }
    if (datagram.older === null) this.#oldest = datagram.newer;
    else datagram.older.newer = datagram.newer;
    if (datagram.newer === null) this.#newest = datagram.older;
    else datagram.newer.older = datagram.older;
    datagram.older = datagram.newer = datagram.next = null;
    if (this.#oldest === null) this.#deadline = Infinity;
    this.#spare.push(datagram);
  }

  #bucketOf({ source0, source1, source2, source3 }: IpPacket): number {
    return hashAddress(source0, source1, source2, source3, this.#hashKey) & (BUCKETS - 1);
  }
}

/** Pages that a datagram counts for. */
function costOf(datagram: PartialDatagram): number {
  return Math.max(1, datagram.pageCount);
}
