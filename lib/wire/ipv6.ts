/** The IPv6 header and its extension headers. RFC 8200, RFC 5095, RFC 6946. */

import { IpFault, type IpPacket, Protocol } from "./ip_packet.ts";

/** Bytes of the fixed IPv6 header. */
export const IPV6_HEADER_LENGTH = 40;

/** Bytes of a fragment header. RFC 8200 §4.5. */
export const FRAGMENT_HEADER_LENGTH = 8;

/** How many extension headers are walked; a longer chain is an attack. */
const EXTENSION_LIMIT = 8;

const OPTION_PAD1 = 0;
/** The two high bits of an unknown option: anything but 0 means "discard". RFC 8200 §4.2. */
const OPTION_ACTION_MASK = 0xc0;

/**
 * Parses the IPv6 headers at `offset`, `available` bytes of frame behind them,
 * into `packet`. Returns an `IpFault`; `packet` is of use only after
 * `IpFault.None`.
 */
export function parseIpv6(
  view: DataView,
  offset: number,
  available: number,
  packet: IpPacket,
): number {
  if (available < IPV6_HEADER_LENGTH) return IpFault.Header;
  const start = view.getInt32(offset);
  const payloadLength = view.getUint16(offset + 4);
  if (start >>> 28 !== 6 || payloadLength > available - IPV6_HEADER_LENGTH) return IpFault.Header;

  packet.offset = offset;
  packet.isIpv6 = true;
  packet.source0 = view.getInt32(offset + 8);
  packet.source1 = view.getInt32(offset + 12);
  packet.source2 = view.getInt32(offset + 16);
  packet.source3 = view.getInt32(offset + 20);
  packet.destination0 = view.getInt32(offset + 24);
  packet.destination1 = view.getInt32(offset + 28);
  packet.destination2 = view.getInt32(offset + 32);
  packet.destination3 = view.getInt32(offset + 36);
  packet.protocol = view.getUint8(offset + 6);
  packet.protocolOffset = 6;
  packet.payloadOffset = offset + IPV6_HEADER_LENGTH;
  packet.payloadLength = payloadLength;
  packet.ecn = (start >>> 20) & 3;
  packet.dscp = (start >>> 22) & 0x3f;
  packet.ttl = view.getUint8(offset + 7);
  packet.isFragment = false;
  packet.identification = 0;
  packet.fragmentOffset = 0;
  packet.moreFragments = false;
  if (packet.protocol === Protocol.Tcp) return IpFault.None;
  return walkExtensions(view, packet);
}

/**
 * Writes a fixed header at `offset`. `tos` is the traffic class, `flowLabel` 20
 * bits. The addresses are the caller's to write, `buildIpv6Addresses`.
 */
export function buildIpv6(
  view: DataView,
  offset: number,
  tos: number,
  flowLabel: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
): void {
  view.setInt32(offset, 0x60000000 | (tos << 20) | (flowLabel & 0xfffff));
  view.setInt32(offset + 4, (payloadLength << 16) | (nextHeader << 8) | hopLimit);
}

/** Writes four words of an address at `offset`. */
export function buildIpv6Address(
  view: DataView,
  offset: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): void {
  view.setInt32(offset, word0);
  view.setInt32(offset + 4, word1);
  view.setInt32(offset + 8, word2);
  view.setInt32(offset + 12, word3);
}

/** Writes a fragment header at `offset`: `fragmentOffset` is in bytes, a multiple of 8. RFC 8200 §4.5. */
export function buildFragmentHeader(
  view: DataView,
  offset: number,
  nextHeader: number,
  fragmentOffset: number,
  hasMore: boolean,
  identification: number,
): void {
  view.setInt32(offset, (nextHeader << 24) | fragmentOffset | (hasMore ? 1 : 0));
  view.setInt32(offset + 4, identification);
}

/** Moves `packet` behind its extension headers, at most eight. RFC 8200 §4. */
function walkExtensions(view: DataView, packet: IpPacket): number {
  packet.hasFragmentHeader = false;
  for (let count = 0; isExtension(packet.protocol); count++) {
    if (count === EXTENSION_LIMIT || packet.payloadLength < 8) return IpFault.Header;
    if (packet.protocol === Protocol.HopByHop && count > 0) return IpFault.Header;
    const fault = packet.protocol === Protocol.Fragment
      ? takeFragmentHeader(view, packet)
      : takeExtension(view, packet);
    if (fault !== IpFault.None) return fault;
    if (packet.isFragment) return IpFault.None; // what follows belongs to the whole datagram
  }
  return IpFault.None;
}

function isExtension(protocol: number): boolean {
  return protocol === Protocol.HopByHop || protocol === Protocol.Routing ||
    protocol === Protocol.Fragment || protocol === Protocol.DestinationOptions;
}

/** Hop-by-hop options, destination options, routing: they share their first two bytes. */
function takeExtension(view: DataView, packet: IpPacket): number {
  const offset = packet.payloadOffset;
  const length = (view.getUint8(offset + 1) + 1) << 3;
  if (length > packet.payloadLength) return IpFault.Header;
  if (packet.protocol === Protocol.Routing) {
    if (view.getUint8(offset + 2) === 0) return IpFault.SourceRoute; // RFC 5095 §3
    if (view.getUint8(offset + 3) !== 0) return IpFault.Header; // segments left: not for us
  } else if (!areOptionsHarmless(view, offset + 2, offset + length)) {
    return IpFault.Header;
  }
  advance(view, packet, length);
  return IpFault.None;
}

/** RFC 8200 §4.5. An atomic fragment is processed alone, RFC 6946 §4. */
function takeFragmentHeader(view: DataView, packet: IpPacket): number {
  const field = view.getUint16(packet.payloadOffset + 2);
  packet.hasFragmentHeader = true;
  packet.identification = view.getInt32(packet.payloadOffset + 4);
  packet.fragmentOffset = field & 0xfff8;
  packet.moreFragments = (field & 1) !== 0;
  packet.isFragment = packet.fragmentOffset !== 0 || packet.moreFragments;
  advance(view, packet, FRAGMENT_HEADER_LENGTH);
  return IpFault.None;
}

function advance(view: DataView, packet: IpPacket, length: number): void {
  packet.protocol = view.getUint8(packet.payloadOffset);
  packet.protocolOffset = packet.payloadOffset - packet.offset;
  packet.payloadOffset += length;
  packet.payloadLength -= length;
}

/** Whether every option may be skipped. RFC 8200 §4.2. */
function areOptionsHarmless(view: DataView, offset: number, end: number): boolean {
  while (offset < end) {
    const kind = view.getUint8(offset);
    if (kind === OPTION_PAD1) {
      offset++;
      continue;
    }
    if (offset + 1 >= end || (kind & OPTION_ACTION_MASK) !== 0) return false;
    offset += 2 + view.getUint8(offset + 1);
  }
  return offset === end;
}
