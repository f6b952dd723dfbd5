/** What a router says of a packet that is too long for the next link. RFC 792, RFC 1191 §4, RFC 4443 §3.2. */

import { buildEthernet, ETHERNET_HEADER_LENGTH, EtherType } from "../../lib/wire/ethernet.ts";
import { Protocol } from "../../lib/wire/ip_packet.ts";
import { buildIpv4, IPV4_HEADER_LENGTH } from "../../lib/wire/ipv4.ts";
import { buildIpv6, IPV6_HEADER_LENGTH } from "../../lib/wire/ipv6.ts";
import { fold, ROUTER_MAC, STACK_MAC, sumOf, type WireFrame } from "./packet.ts";

/** How much of the packet is quoted. */
const QUOTE = 500;
const ICMP_LENGTH = 8;
const TYPE_UNREACHABLE = 3;
const CODE_FRAGMENTATION_NEEDED = 4;
const TYPE_PACKET_TOO_BIG = 2;

/** The ICMP error about `frame`, which the stack sent, from whom it was sent to. `mtu` is the next link's. */
export function tooBig(frame: WireFrame, mtu: number): WireFrame {
  const isIpv6 = frame.bytes[ETHERNET_HEADER_LENGTH] >> 4 === 6;
  const ipLength = isIpv6 ? IPV6_HEADER_LENGTH : IPV4_HEADER_LENGTH;
  const quote = frame.bytes.subarray(ETHERNET_HEADER_LENGTH, ETHERNET_HEADER_LENGTH + QUOTE);
  const icmp = ETHERNET_HEADER_LENGTH + ipLength;
  const bytes = new Uint8Array(icmp + ICMP_LENGTH + quote.length);
  const view = new DataView(bytes.buffer);
  const length = bytes.length - icmp;
  const { high, low } = STACK_MAC;
  const type = isIpv6 ? EtherType.Ipv6 : EtherType.Ipv4;
  buildEthernet(view, 0, high, low, ROUTER_MAC.high, ROUTER_MAC.low, type);
  bytes.set(quote, icmp + ICMP_LENGTH);
  const quoted = new DataView(quote.buffer, quote.byteOffset);
  if (isIpv6) {
    buildIpv6(view, ETHERNET_HEADER_LENGTH, 0, 0, length, Protocol.Icmpv6, 64);
    bytes.set(quote.subarray(24, 40), icmp - 32);
    bytes.set(quote.subarray(8, 24), icmp - 16);
    view.setUint8(icmp, TYPE_PACKET_TOO_BIG);
    view.setUint32(icmp + 4, mtu);
    const pseudo = sumOf(bytes, icmp - 32, icmp) + Protocol.Icmpv6 + length;
    view.setUint16(icmp + 2, 0xffff - fold(pseudo + sumOf(bytes, icmp, bytes.length)));
  } else {
    const source = quoted.getInt32(16);
    const destination = quoted.getInt32(12);
    const ip = ETHERNET_HEADER_LENGTH;
    buildIpv4(view, ip, 0, bytes.length - ip, 0, 64, Protocol.Icmp, source, destination);
    view.setUint8(icmp, TYPE_UNREACHABLE);
    view.setUint8(icmp + 1, CODE_FRAGMENTATION_NEEDED);
    view.setUint16(icmp + 6, mtu);
    view.setUint16(icmp + 2, 0xffff - fold(sumOf(bytes, icmp, bytes.length)));
  }
  return { bytes, isIntact: true, segmentSize: 0 };
}
