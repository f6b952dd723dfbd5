/**
 * Frames as the peers of the stack build and read them: Ethernet, IPv4 or IPv6
 * and TCP in bytes of their own. Headers are written and parsed by `lib/wire`,
 * checksums are summed apart.
 */

import { buildEthernet, ETHERNET_HEADER_LENGTH, EtherType } from "../../lib/wire/ethernet.ts";
import { IpFault, IpPacket, Protocol } from "../../lib/wire/ip_packet.ts";
import { buildIpv4, IPV4_ATOMIC, IPV4_HEADER_LENGTH, parseIpv4 } from "../../lib/wire/ipv4.ts";
import { buildIpv6, buildIpv6Address, IPV6_HEADER_LENGTH, parseIpv6 } from "../../lib/wire/ipv6.ts";
import { Segment } from "../../lib/wire/segment.ts";
import { buildTcp, parseTcp, TCP_CHECKSUM_OFFSET, TcpFault } from "../../lib/wire/tcp_header.ts";

/** The stack's MAC address; `ROUTER_MAC` is that of the router behind which all clients are. */
export const STACK_MAC = { high: 0x0200, low: 1 } as const;
/** See `STACK_MAC`. */
export const ROUTER_MAC = { high: 0x0200, low: 2 } as const;

/** The most a segment's headers take up. */
const HEADERS_ROOM = ETHERNET_HEADER_LENGTH + IPV6_HEADER_LENGTH + 60;

/** A frame on its way, with what a device knows of it. */
export interface WireFrame {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether nothing happened to it that a checksum would tell. */
  readonly isIntact: boolean;
  /** The size a device will cut the payload into, or would have; 0: it is one segment. */
  readonly segmentSize: number;
}

/** Writes payload into `bytes[from … to)`. */
export type PayloadWriter = (bytes: Uint8Array, from: number, to: number) => void;

const NO_PAYLOAD: PayloadWriter = () => {};

/** A frame from a client to the stack, made of `seg`, whose `local` end is the client's. */
export function frameOf(seg: Segment, writePayload: PayloadWriter = NO_PAYLOAD): WireFrame {
  const isIpv6 = seg.local2 !== 0xffff || seg.local0 !== 0 || seg.local1 !== 0;
  const ip = ETHERNET_HEADER_LENGTH;
  const tcp = ip + (isIpv6 ? IPV6_HEADER_LENGTH : IPV4_HEADER_LENGTH);
  const bytes = new Uint8Array(HEADERS_ROOM + seg.payloadLength);
  const view = new DataView(bytes.buffer);
  const headerLength = buildTcp(view, tcp, seg);
  const end = tcp + headerLength + seg.payloadLength;
  writePayload(bytes, tcp + headerLength, end);
  const type = isIpv6 ? EtherType.Ipv6 : EtherType.Ipv4;
  const { high, low } = STACK_MAC;
  buildEthernet(view, 0, high, low, ROUTER_MAC.high, ROUTER_MAC.low, type);
  const tos = (seg.dscp << 2) | seg.ecn;
  if (isIpv6) {
    buildIpv6(view, ip, tos, 0, end - tcp, Protocol.Tcp, seg.ttl);
    buildIpv6Address(view, ip + 8, seg.local0, seg.local1, seg.local2, seg.local3);
    buildIpv6Address(view, ip + 24, seg.remote0, seg.remote1, seg.remote2, seg.remote3);
  } else {
    const { ttl, local3, remote3 } = seg;
    buildIpv4(view, ip, tos, end - ip, IPV4_ATOMIC, ttl, Protocol.Tcp, local3, remote3);
  }
  view.setUint16(tcp + TCP_CHECKSUM_OFFSET, 0xffff - tcpSum(bytes, tcp, end, isIpv6));
  return { bytes: bytes.subarray(0, end), isIntact: true, segmentSize: seg.segmentSize };
}

/** A segment as it was read out of a frame of the stack. */
export class ReceivedSegment {
  /** Its `local` end is the receiver's. */
  readonly seg: Segment = new Segment();
  readonly packet: IpPacket = new IpPacket();
  bytes: Uint8Array = new Uint8Array(0);

  /**
   * Reads a frame, checksums and all. Returns "" or what is wrong with it;
   * "other" for a frame that holds no TCP segment.
   */
  read(bytes: Uint8Array<ArrayBuffer>): string {
    this.bytes = bytes;
    const { seg, packet } = this;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const type = bytes.length < ETHERNET_HEADER_LENGTH ? 0 : view.getUint16(12);
    if (type !== EtherType.Ipv4 && type !== EtherType.Ipv6) return "other";
    const isIpv6 = type === EtherType.Ipv6;
    const available = bytes.length - ETHERNET_HEADER_LENGTH;
    const fault = isIpv6
      ? parseIpv6(view, ETHERNET_HEADER_LENGTH, available, packet)
      : parseIpv4(view, ETHERNET_HEADER_LENGTH, available, packet);
    if (fault !== IpFault.None) return "bad IP header";
    if (packet.protocol !== Protocol.Tcp) return "other";
    const { payloadOffset: tcp, payloadLength: length } = packet;
    if (parseTcp(view, tcp, length, seg) !== TcpFault.None) return "bad TCP header";
    if (tcpSum(bytes, tcp, tcp + length, isIpv6) !== 0xffff) return "bad TCP checksum";
    seg.remote0 = packet.source0;
    seg.remote1 = packet.source1;
    seg.remote2 = packet.source2;
    seg.remote3 = packet.source3;
    seg.local0 = packet.destination0;
    seg.local1 = packet.destination1;
    seg.local2 = packet.destination2;
    seg.local3 = packet.destination3;
    seg.ecn = packet.ecn;
    return "";
  }
}

/** The sum of pseudo-header and segment in `bytes[tcp … end)`; 0xffff where the checksum is right. RFC 9293 §3.1. */
function tcpSum(bytes: Uint8Array, tcp: number, end: number, isIpv6: boolean): number {
  const addresses = tcp - (isIpv6 ? 32 : 8); // they end where the header does
  return fold(sumOf(bytes, addresses, end) + Protocol.Tcp + (end - tcp));
}

/** The sum of 16-bit words in `bytes[from … to)`, an odd last byte being a word's high half. RFC 1071 §1. */
export function sumOf(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i + 1 < to; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
  if (((to - from) & 1) !== 0) sum += bytes[to - 1] << 8;
  return sum;
}

/** Adds the carries of a sum of words back into 16 bits. RFC 1071 §1. */
export function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}
