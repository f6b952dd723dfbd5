/**
 * IpPacket: what the floors above need of an IPv4 or IPv6 header, and why a
 * header was refused. One scratch object; borrowed, never stored.
 */

import { addressSum, pseudoHeaderSum } from "./checksum.ts";

/** IP protocol numbers, IPv6 next header values. */
export const Protocol = {
  HopByHop: 0,
  Icmp: 1,
  Tcp: 6,
  Udp: 17,
  Routing: 43,
  Fragment: 44,
  Icmpv6: 58,
  NoNextHeader: 59,
  DestinationOptions: 60,
} as const;

/** What `parseIpv4` and `parseIpv6` found. */
export const IpFault = {
  /** Nothing wrong. */
  None: 0,
  /** Version, lengths, an option or an extension header is malformed. */
  Header: 1,
  /** The header checksum does not verify. */
  Checksum: 2,
  /** The packet wants to choose its own route. */
  SourceRoute: 3,
} as const;

/** A parsed IP header. Addresses as in `Segment`. */
export class IpPacket {
  /** Arena offset of the IP header. */
  offset = 0;
  isIpv6 = false;
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  /** The protocol of the payload, behind all extension headers. */
  protocol = 0;
  /** Offset from the IP header of the byte which named `protocol`. RFC 4443 §3.4. */
  protocolOffset = 0;
  /** Arena offset of the payload. */
  payloadOffset = 0;
  /** Bytes of payload; link padding does not count. */
  payloadLength = 0;
  ecn = 0;
  dscp = 0;
  /** Time to live, or hop limit. */
  ttl = 0;
  /** Whether this is a part of a datagram; an atomic fragment is whole. RFC 6946. */
  isFragment = false;
  /** IPv6, extension headers: whether one was a fragment header, an atomic fragment's too. RFC 6980 §5. */
  hasFragmentHeader = false;
  /** Fragments: which datagram, 16 or 32 bits. */
  identification = 0;
  /** Fragments: where in it the payload belongs, in bytes. */
  fragmentOffset = 0;
  /** Fragments: whether this is not the last one. */
  moreFragments = false;

  /** Who handed the packet over: the source MAC of its frame, 16 high bits and 32 low bits. */
  pathHigh = 0;
  pathLow = 0;

  /** Bytes of the headers before the payload. */
  get headerLength(): number {
    return this.payloadOffset - this.offset;
  }
}

/** The folded sum of the pseudo-header before a packet's payload. RFC 768, RFC 8200 §8.1. */
export function packetPseudoSum(packet: IpPacket): number {
  return pseudoHeaderSum(
    addressSum(packet.source0, packet.source1, packet.source2, packet.source3),
    addressSum(
      packet.destination0,
      packet.destination1,
      packet.destination2,
      packet.destination3,
    ),
    packet.protocol,
    packet.payloadLength,
  );
}
