/**
 * Control: the IP packets that carry no segment. Echo is answered, neighbour
 * discovery and errors are passed on, whatever nobody here speaks is told so.
 * RFC 792, RFC 1122 §3.2.2, RFC 4443.
 */

import type { Counters } from "../tcp/counters.ts";
import { addSums } from "../wire/checksum.ts";
import type { Frame } from "../wire/frame.ts";
import { Gather } from "../wire/gather.ts";
import {
  buildIcmp,
  ICMP_HEADER_LENGTH,
  icmpCodeOf,
  icmpParameterOf,
  IcmpType,
  icmpTypeOf,
  IcmpUnreachable,
} from "../wire/icmp.ts";
import { ICMPV6_PORT_UNREACHABLE, ICMPV6_UNKNOWN_NEXT_HEADER, Icmpv6Type } from "../wire/icmpv6.ts";
import { type IpPacket, packetPseudoSum, Protocol } from "../wire/ip_packet.ts";
import { IPV4_HEADER_LENGTH } from "../wire/ipv4.ts";
import { FRAGMENT_HEADER_LENGTH, IPV6_HEADER_LENGTH } from "../wire/ipv6.ts";
import type { Arena } from "../wire/memory.ts";
import { parseIcmpError, parseIcmpv6Error, PathError } from "../wire/path_error.ts";
import type { Discovery } from "./discovery.ts";
import { type IcmpErrors, replyPseudoSum } from "./errors.ts";
import type { OwnAddresses } from "./own_addresses.ts";
import type { Transmitter } from "./transmitter.ts";

const UDP_HEADER_LENGTH = 8;

/** Who knows the segments that ICMP errors quote. */
export interface PathErrorReceiver {
  /**
   * An ICMP error quotes a segment that we may have sent; its sequence number
   * tells. Returns false when no connection knows it. RFC 5927 §4.1.
   */
  pathErrorArrives(error: PathError, now: number): boolean;
}

/** What Control is made of. */
export interface ControlParts {
  readonly transmitter: Transmitter;
  readonly addresses: OwnAddresses;
  readonly discovery: Discovery;
  readonly errors: IcmpErrors;
  /** Of the link. A longer answer leaves in fragments. */
  readonly mtu: number;
  readonly counters: Counters;
}

/** Takes in ICMP, ICMPv6, UDP, and what is unknown. */
export class Control {
  readonly #arena: Arena;
  readonly #view: DataView;
  readonly #transmitter: Transmitter;
  readonly #addresses: OwnAddresses;
  readonly #discovery: Discovery;
  readonly #errors: IcmpErrors;
  readonly #mtu: number;
  readonly #counters: Counters;
  readonly #pathError = new PathError();
  readonly #echo = new Gather();
  /** Null until the floor above is named. */
  pathErrorReceiver: PathErrorReceiver | null = null;

  constructor(parts: ControlParts) {
    this.#arena = parts.transmitter.arena;
    this.#view = this.#arena.view;
    this.#transmitter = parts.transmitter;
    this.#addresses = parts.addresses;
    this.#discovery = parts.discovery;
    this.#errors = parts.errors;
    this.#mtu = parts.mtu;
    this.#counters = parts.counters;
  }

  /** A whole packet for us alone arrived, which is no segment. */
  packetArrives(frame: Frame, packet: IpPacket, now: number): void {
    const protocol = packet.protocol;
    if (packet.isIpv6 && protocol === Protocol.Icmpv6) return this.#icmpv6Arrives(packet, now);
    if (!packet.isIpv6 && protocol === Protocol.Icmp) return this.#icmpArrives(packet, now);
    if (protocol === Protocol.Udp) return this.#udpArrives(frame, packet, now);
    if (packet.isIpv6 && protocol === Protocol.NoNextHeader) {
      this.#counters.InNoNextHeader++;
      return;
    }
    this.#counters.InUnknownProtos++;
    if (packet.isIpv6) {
      const pointer = packet.protocolOffset;
      const type = Icmpv6Type.ParameterProblem;
      this.#errors.send(packet, type, ICMPV6_UNKNOWN_NEXT_HEADER, pointer, now);
    } else {
      this.#errors.send(packet, IcmpType.Unreachable, IcmpUnreachable.Protocol, 0, now);
    }
  }

  /** RFC 1122 §3.2.2, §4.2.3.9. */
  #icmpArrives(packet: IpPacket, now: number): void {
    const offset = packet.payloadOffset;
    if (!this.#isIcmpIntact(packet, 0)) return;
    const type = icmpTypeOf(this.#view, offset);
    if (type === IcmpType.Echo && icmpCodeOf(this.#view, offset) === 0) {
      this.#replyEcho(packet, IcmpType.EchoReply, Protocol.Icmp, 0);
    } else if (
      type === IcmpType.Unreachable || type === IcmpType.TimeExceeded ||
      type === IcmpType.ParameterProblem
    ) {
      const error = this.#pathError;
      const isQuote = parseIcmpError(this.#view, offset, packet.payloadLength, error);
      this.#pathErrorArrives(isQuote, now);
    } else {
      this.#counters.IcmpInIgnored++;
    }
  }

  /** RFC 4443 §2.4. */
  #icmpv6Arrives(packet: IpPacket, now: number): void {
    const offset = packet.payloadOffset;
    const type = packet.payloadLength > 0 ? icmpTypeOf(this.#view, offset) : 0;
    if (isDiscovery(type)) return this.discoveryArrives(packet, now);
    if (!this.#isIcmpIntact(packet, packetPseudoSum(packet))) return;
    if (type === Icmpv6Type.Echo && icmpCodeOf(this.#view, offset) === 0) {
      const sum = replyPseudoSum(packet, packet.payloadLength);
      this.#replyEcho(packet, Icmpv6Type.EchoReply, Protocol.Icmpv6, sum);
    } else if (type >= Icmpv6Type.Unreachable && type <= Icmpv6Type.ParameterProblem) {
      const error = this.#pathError;
      const isQuote = parseIcmpv6Error(this.#view, offset, packet.payloadLength, error);
      this.#pathErrorArrives(isQuote, now);
    } else {
      this.#counters.IcmpInIgnored++;
    }
  }

  /** To us alone, or to a group of ours; the source of a probe is no address at all. */
  discoveryArrives(packet: IpPacket, now: number): void {
    const { source0, source1, source2, source3 } = packet;
    const isProbe = (source0 | source1 | source2 | source3) === 0;
    // Another host with an address of ours says so from that address. RFC 4862 §5.4.4.
    const isAdvertisement = packet.payloadLength > 0 &&
      icmpTypeOf(this.#view, packet.payloadOffset) === Icmpv6Type.NeighborAdvertisement;
    const isClaim = isAdvertisement && this.#addresses.has(source0, source1, source2, source3);
    if (!isProbe && !isClaim && this.#addresses.isMartian(packet)) {
      this.#counters.MartianSource++;
      return;
    }
    if (packet.hasFragmentHeader) {
      this.#counters.IcmpInErrors++; // RFC 6980 §5
      return;
    }
    if (!this.#isIcmpIntact(packet, packetPseudoSum(packet))) return;
    const type = icmpTypeOf(this.#view, packet.payloadOffset);
    if (type === Icmpv6Type.NeighborSolicitation) {
      this.#discovery.solicitationArrives(packet, now);
    } else if (type === Icmpv6Type.NeighborAdvertisement) {
      this.#discovery.advertisementArrives(packet, now);
    } else {
      this.#counters.IcmpInIgnored++; // echo to a group, routers, listeners of groups
    }
  }

  /** Counts a message that is not. */
  #isIcmpIntact(packet: IpPacket, pseudoSum: number): boolean {
    const { payloadOffset, payloadLength } = packet;
    const isIntact = payloadLength >= ICMP_HEADER_LENGTH &&
      addSums(this.#arena.sum(payloadOffset, payloadLength), pseudoSum) === 0xffff;
    if (isIntact) this.#counters.IcmpInMsgs++;
    else this.#counters.IcmpInErrors++;
    return isIntact;
  }

  #pathErrorArrives(isQuote: boolean, now: number): void {
    const isKnown = isQuote && this.pathErrorReceiver?.pathErrorArrives(this.#pathError, now);
    if (!isKnown) this.#counters.OutOfWindowIcmps++;
  }

  /** The data goes back from where it lies in the received frame. RFC 792. */
  #replyEcho(packet: IpPacket, type: number, protocol: number, pseudoSum: number): void {
    const length = packet.payloadLength;
    const limit = this.#mtu - (packet.isIpv6 ? IPV6_HEADER_LENGTH : IPV4_HEADER_LENGTH);
    if (length > limit) return this.#replyLongEcho(packet, type, protocol, pseudoSum, limit);
    const at = this.#transmitter.beginReply(packet, protocol, length);
    const parameter = icmpParameterOf(this.#view, packet.payloadOffset);
    const dataOffset = packet.payloadOffset + ICMP_HEADER_LENGTH;
    const dataLength = length - ICMP_HEADER_LENGTH;
    const sum = this.#arena.sum(dataOffset, dataLength) + pseudoSum;
    buildIcmp(this.#view, at, type, 0, parameter, sum);
    this.#echo.clear();
    if (dataLength !== 0) this.#echo.add(dataOffset, dataLength);
    this.#counters.IcmpOutMsgs++;
    this.#transmitter.sendReply(at + ICMP_HEADER_LENGTH, this.#echo);
  }

  /**
   * An echo that came in fragments goes back in fragments. RFC 1122 §3.2.2.6. The
   * answer's header is written over the request's, which was read already.
   */
  #replyLongEcho(
    packet: IpPacket,
    type: number,
    protocol: number,
    pseudoSum: number,
    limit: number,
  ): void {
    const { payloadOffset, payloadLength } = packet;
    const parameter = icmpParameterOf(this.#view, payloadOffset);
    const dataLength = payloadLength - ICMP_HEADER_LENGTH;
    const sum = this.#arena.sum(payloadOffset + ICMP_HEADER_LENGTH, dataLength) + pseudoSum;
    buildIcmp(this.#view, payloadOffset, type, 0, parameter, sum);
    const most = (packet.isIpv6 ? limit - FRAGMENT_HEADER_LENGTH : limit) & ~7;
    for (let offset = 0; offset < payloadLength; offset += most) {
      const length = Math.min(most, payloadLength - offset);
      const hasMore = offset + length < payloadLength;
      const end = this.#transmitter.beginFragment(packet, protocol, offset, length, hasMore);
      this.#echo.clear();
      this.#echo.add(payloadOffset + offset, length);
      this.#transmitter.sendReply(end, this.#echo);
    }
    this.#counters.IcmpOutMsgs++;
  }

  /** Nobody listens to UDP here. RFC 1122 §4.1.3.1. */
  #udpArrives(frame: Frame, packet: IpPacket, now: number): void {
    if (!this.#isUdpIntact(frame, packet)) {
      this.#counters.UdpInErrors++;
      return;
    }
    this.#counters.UdpNoPorts++;
    if (packet.isIpv6) {
      this.#errors.send(packet, Icmpv6Type.Unreachable, ICMPV6_PORT_UNREACHABLE, 0, now);
    } else {
      this.#errors.send(packet, IcmpType.Unreachable, IcmpUnreachable.Port, 0, now);
    }
  }

  #isUdpIntact(frame: Frame, packet: IpPacket): boolean {
    const { payloadOffset, payloadLength } = packet;
    if (payloadLength < UDP_HEADER_LENGTH) return false;
    const length = this.#view.getUint16(payloadOffset + 4);
    if (length < UDP_HEADER_LENGTH || length > payloadLength) return false;
    if (frame.checksumTrusted) return true;
    if (this.#view.getUint16(payloadOffset + 6) === 0) return !packet.isIpv6; // RFC 8200 §8.1
    // The datagram ends where UDP says; so does the pseudo-header's length.
    packet.payloadLength = length;
    const sum = addSums(this.#arena.sum(payloadOffset, length), packetPseudoSum(packet));
    packet.payloadLength = payloadLength;
    return sum === 0xffff;
  }
}

/** Solicitations and advertisements, of routers too: they may come from ::. */
function isDiscovery(type: number): boolean {
  return type >= Icmpv6Type.RouterSolicitation && type <= Icmpv6Type.NeighborAdvertisement;
}
