/**
 * Transmitter: the one frame from which everything leaves. It writes link and
 * IP headers in front of what a reply or a segment puts there, and hands the
 * frame to the device. RFC 894, RFC 2464, RFC 791, RFC 8200.
 */

import type { Counters } from "../tcp/counters.ts";
import type { Mac } from "../wire/address.ts";
import {
  buildEthernet,
  ETHERNET_HEADER_LENGTH,
  EtherType,
  tagEthernet,
  VLAN_TAG_LENGTH,
} from "../wire/ethernet.ts";
import { Frame, type FrameSink } from "../wire/frame.ts";
import type { Gather } from "../wire/gather.ts";
import { hashAddress, hashRound } from "../wire/hash.ts";
import type { IpPacket } from "../wire/ip_packet.ts";
import { Protocol } from "../wire/ip_packet.ts";
import {
  buildIpv4,
  IPV4_ATOMIC,
  IPV4_HEADER_LENGTH,
  IPV4_MORE_FRAGMENTS,
  MAPPED_PREFIX,
} from "../wire/ipv4.ts";
import {
  buildFragmentHeader,
  buildIpv6,
  buildIpv6Address,
  FRAGMENT_HEADER_LENGTH,
  IPV6_HEADER_LENGTH,
} from "../wire/ipv6.ts";
import type { Arena } from "../wire/memory.ts";
import { CWR, type Segment } from "../wire/segment.ts";
import {
  buildTcp,
  completeTcp,
  portsWord,
  TCP_CHECKSUM_OFFSET,
  tcpPseudoSum,
} from "../wire/tcp_header.ts";
import { Identifications } from "./identifications.ts";

/** Room for Ethernet, IPv6, and TCP with all its options, or an ICMPv6 message with one option. */
const HEADERS_CAPACITY = 128;

/** Builds frames and sends them, one at a time. */
export class Transmitter {
  readonly frame: Frame;
  readonly arena: Arena;
  readonly #view: DataView;
  readonly #sink: FrameSink;
  readonly #macHigh: number;
  readonly #macLow: number;
  readonly #offload: boolean;
  /** Time to live, or hop limit, of replies; segments have their own. */
  ttl: number;
  /** Whether routers may fragment what is sent over IPv4. RFC 791 §3.1 (DF). */
  mayFragment = false;
  readonly #identifications: Identifications;
  readonly #flowKey: number;
  #vlanId = 0;
  /** Bytes of the link header, the tag included. */
  #linkLength = ETHERNET_HEADER_LENGTH;
  readonly #counters: Counters;

  /** `flowKey` is a secret int32; `offload` lets the device complete TCP's checksums. */
  constructor(
    arena: Arena,
    sink: FrameSink,
    mac: Mac,
    options: Readonly<{ offload: boolean; ttl: number; flowKey: number }>,
    counters: Counters,
  ) {
    this.frame = new Frame(arena, HEADERS_CAPACITY);
    this.arena = arena;
    this.#view = arena.view;
    this.#sink = sink;
    this.#macHigh = mac.high;
    this.#macLow = mac.low;
    this.#offload = options.offload;
    this.ttl = options.ttl;
    this.#flowKey = options.flowKey;
    this.#identifications = new Identifications(options.flowKey);
    this.#counters = counters;
  }

  /** The VLAN whose tag all frames carry from now on, 1 … 4094; 0: none. */
  set vlanId(vlanId: number) {
    this.#vlanId = vlanId;
    this.#linkLength = ETHERNET_HEADER_LENGTH + (vlanId === 0 ? 0 : VLAN_TAG_LENGTH);
  }

  /** Writes an Ethernet header. Returns the offset behind it. */
  beginFrame(macHigh: number, macLow: number, etherType: number): number {
    const start = this.frame.start;
    buildEthernet(this.#view, start, macHigh, macLow, this.#macHigh, this.#macLow, etherType);
    if (this.#vlanId !== 0) tagEthernet(this.#view, start, this.#vlanId);
    return start + this.#linkLength;
  }

  /**
   * Writes Ethernet and IP headers of an answer to `packet`, back to where it
   * came from, around `length` bytes of `protocol`. Returns the offset behind.
   */
  beginReply(packet: IpPacket, protocol: number, length: number): number {
    return packet.isIpv6
      ? this.#beginIpv6Reply(packet, protocol, length)
      : this.#beginIpv4Reply(packet, protocol, length, this.#wholeDatagram(this.mayFragment));
  }

  /**
   * The same for a fragment of an answer which is too long for one packet:
   * `length` bytes, a multiple of 8 if there are more, that belong at `offset`.
   * The number of the datagram is the packet's own: it was unique on its way here.
   */
  beginFragment(
    packet: IpPacket,
    protocol: number,
    offset: number,
    length: number,
    hasMore: boolean,
  ): number {
    if (!packet.isIpv6) {
      const flags = hasMore ? IPV4_MORE_FRAGMENTS : 0;
      const word = (packet.identification << 16) | flags | (offset >> 3);
      return this.#beginIpv4Reply(packet, protocol, length, word);
    }
    const at = this.#beginIpv6Reply(packet, Protocol.Fragment, FRAGMENT_HEADER_LENGTH + length);
    buildFragmentHeader(this.#view, at, protocol, offset, hasMore, packet.identification);
    return at + FRAGMENT_HEADER_LENGTH;
  }

  /**
   * Writes Ethernet and IPv6 headers without the addresses, which the caller
   * writes 32 and 16 bytes before the offset behind them, which is returned.
   */
  beginIpv6(
    macHigh: number,
    macLow: number,
    protocol: number,
    length: number,
    hopLimit: number,
  ): number {
    const at = this.beginFrame(macHigh, macLow, EtherType.Ipv6);
    buildIpv6(this.#view, at, 0, 0, length, protocol, hopLimit);
    return at + IPV6_HEADER_LENGTH;
  }

  /** Sends the frame, whose last header byte lies before `end`; lost, and counted, if the device takes nothing. */
  sendReply(end: number, payload: Gather): void {
    const frame = this.frame;
    frame.length = end - frame.start;
    frame.checksumStart = 0;
    if (!this.#sink.write(frame, payload, 0)) this.#counters.TxDrop++;
  }

  /** Sends what was built elsewhere, behind the Ethernet header at hand. Returns false when the device takes nothing now. */
  sendBuilt(rest: Gather): boolean {
    const frame = this.frame;
    frame.length = this.#linkLength;
    frame.checksumStart = 0;
    return this.#sink.write(frame, rest, 0);
  }

  /** Sends a segment to a MAC. Returns false when the device takes nothing now. */
  sendSegment(seg: Segment, payload: Gather, macHigh: number, macLow: number): boolean {
    const frame = this.frame;
    const at = this.#beginSegment(seg, payload, macHigh, macLow);
    const headerLength = frame.start + frame.length - at;
    if (this.#offload && seg.isOffloaded) {
      const sum = tcpPseudoSum(seg, headerLength + payload.length);
      this.#view.setInt16(at + TCP_CHECKSUM_OFFSET, sum);
      frame.checksumStart = at - frame.start;
    } else {
      completeTcp(this.arena, at, headerLength, seg, payload);
      frame.checksumStart = 0;
    }
    return this.#sink.write(frame, payload, seg.segmentSize);
  }

  /**
   * Writes a segment, without link header and complete with its checksum, into
   * `room` bytes at `offset`. Returns its length, 0 when the room does not do.
   */
  writePacket(seg: Segment, payload: Gather, offset: number, room: number): number {
    const frame = this.frame;
    const at = this.#beginSegment(seg, payload, 0, 0);
    const headersLength = frame.length - this.#linkLength;
    if (headersLength + payload.length > room) return 0;
    completeTcp(this.arena, at, frame.start + frame.length - at, seg, payload);
    const bytes = this.arena.bytes;
    const start = frame.start + this.#linkLength;
    bytes.copyWithin(offset, start, start + headersLength);
    let end = offset + headersLength;
    for (let i = 0; i < payload.count; i++) {
      bytes.copyWithin(end, payload.offsets[i], payload.offsets[i] + payload.lengths[i]);
      end += payload.lengths[i];
    }
    return end - offset;
  }

  /** The second word of a datagram in one piece: DF, or a number by which its pieces would be known. */
  #wholeDatagram(mayFragment: boolean): number {
    return mayFragment ? this.#identifications.next() << 16 : IPV4_ATOMIC;
  }

  #beginIpv4Reply(packet: IpPacket, protocol: number, length: number, fragment: number): number {
    const at = this.beginFrame(packet.pathHigh, packet.pathLow, EtherType.Ipv4);
    const { source3, destination3 } = packet;
    const totalLength = IPV4_HEADER_LENGTH + length;
    const { ttl } = this;
    buildIpv4(this.#view, at, 0, totalLength, fragment, ttl, protocol, destination3, source3);
    return at + IPV4_HEADER_LENGTH;
  }

  #beginIpv6Reply(packet: IpPacket, protocol: number, length: number): number {
    const view = this.#view;
    const at = this.beginIpv6(packet.pathHigh, packet.pathLow, protocol, length, this.ttl);
    const { source0, source1, source2, source3 } = packet;
    const { destination0, destination1, destination2, destination3 } = packet;
    buildIpv6Address(view, at - 32, destination0, destination1, destination2, destination3);
    buildIpv6Address(view, at - 16, source0, source1, source2, source3);
    return at;
  }

  /** Writes all headers, checksum 0, and the frame's fields. Returns the offset of the TCP header. */
  #beginSegment(seg: Segment, payload: Gather, macHigh: number, macLow: number): number {
    const frame = this.frame;
    const view = this.#view;
    const isIpv6 = seg.remote2 !== MAPPED_PREFIX || (seg.remote0 | seg.remote1) !== 0;
    const tos = (seg.dscp << 2) | seg.ecn;
    let at: number;
    let headerLength: number;
    if (isIpv6) {
      const ip = this.beginFrame(macHigh, macLow, EtherType.Ipv6);
      at = ip + IPV6_HEADER_LENGTH;
      headerLength = buildTcp(view, at, seg);
      const length = headerLength + payload.length;
      buildIpv6(view, ip, tos, this.#flowLabel(seg), length, Protocol.Tcp, seg.ttl);
      buildIpv6Address(view, ip + 8, seg.local0, seg.local1, seg.local2, seg.local3);
      buildIpv6Address(view, ip + 24, seg.remote0, seg.remote1, seg.remote2, seg.remote3);
    } else {
      const ip = this.beginFrame(macHigh, macLow, EtherType.Ipv4);
      at = ip + IPV4_HEADER_LENGTH;
      headerLength = buildTcp(view, at, seg);
      const length = IPV4_HEADER_LENGTH + headerLength + payload.length;
      const { ttl, local3, remote3 } = seg;
      const whole = this.#wholeDatagram(seg.mayFragment);
      buildIpv4(view, ip, tos, length, whole, ttl, Protocol.Tcp, local3, remote3);
    }
    frame.length = at + headerLength - frame.start;
    frame.checksumField = TCP_CHECKSUM_OFFSET;
    frame.isIpv6 = isIpv6;
    frame.hasCwr = (seg.flags & CWR) !== 0;
    return at;
  }

  /** A keyed hash of the connection, 1 … 0xfffff. RFC 6437 §3. */
  #flowLabel(seg: Segment): number {
    const { remote0, remote1, remote2, remote3 } = seg;
    let h = hashAddress(remote0, remote1, remote2, remote3, this.#flowKey);
    h = hashRound(h, portsWord(seg.remotePort, seg.localPort));
    h = hashRound(h, seg.local3 ^ seg.local0);
    return (h & 0xfffff) || 1;
  }
}
