/** The IPv4 header. RFC 791 §3.1, RFC 1122 §3.2.1, RFC 7126. */

import { checksumOf, foldSum } from "./checksum.ts";
import { IpFault, type IpPacket } from "./ip_packet.ts";

/** Bytes of an IPv4 header without options. */
export const IPV4_HEADER_LENGTH = 20;

/** What stands in the third word of the mapped form ::ffff:a.b.c.d. RFC 4291 §2.5.5.2. */
export const MAPPED_PREFIX = 0xffff;

/**
 * The second word of a datagram that is never fragmented: DF, and an
 * identification that means nothing. RFC 6864 §4.1.
 */
export const IPV4_ATOMIC = 0x4000;
/** "More fragments" in the second word. */
export const IPV4_MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET_MASK = 0x1fff;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_LOOSE_SOURCE_ROUTE = 131;
const OPTION_STRICT_SOURCE_ROUTE = 137;

/**
 * Parses the IPv4 header at `offset`, `available` bytes of frame behind it, into
 * `packet`. Returns an `IpFault`; `packet` is of use only after `IpFault.None`.
 */
export function parseIpv4(
  view: DataView,
  offset: number,
  available: number,
  packet: IpPacket,
): number {
  if (available < IPV4_HEADER_LENGTH) return IpFault.Header;
  const start = view.getInt32(offset);
  const headerLength = (start >>> 22) & 0x3c;
  const totalLength = start & 0xffff;
  if (start >>> 28 !== 4 || headerLength < IPV4_HEADER_LENGTH) return IpFault.Header;
  if (totalLength < headerLength || totalLength > available) return IpFault.Header;
  const fragment = view.getInt32(offset + 4);
  const middle = view.getInt32(offset + 8);
  const source = view.getInt32(offset + 12);
  const destination = view.getInt32(offset + 16);
  // The words at hand are summed as numbers: a call into WASM costs more.
  const sum = sumWord(start) + sumWord(fragment) + sumWord(middle) + sumWord(source) +
    sumWord(destination);
  const optionsEnd = offset + headerLength;
  if (headerLength === IPV4_HEADER_LENGTH) {
    if (foldSum(sum) !== 0xffff) return IpFault.Checksum;
  } else {
    if (foldSum(sum + sumOptions(view, offset, optionsEnd)) !== 0xffff) return IpFault.Checksum;
    const fault = checkOptions(view, offset + IPV4_HEADER_LENGTH, optionsEnd);
    if (fault !== IpFault.None) return fault;
  }

  packet.offset = offset;
  packet.isIpv6 = false;
  packet.source0 = 0;
  packet.source1 = 0;
  packet.source2 = MAPPED_PREFIX;
  packet.source3 = source;
  packet.destination0 = 0;
  packet.destination1 = 0;
  packet.destination2 = MAPPED_PREFIX;
  packet.destination3 = destination;
  packet.protocol = (middle >>> 16) & 0xff;
  packet.protocolOffset = 9;
  packet.payloadOffset = optionsEnd;
  packet.payloadLength = totalLength - headerLength;
  packet.ecn = (start >>> 16) & 3;
  packet.dscp = (start >>> 18) & 0x3f;
  packet.ttl = middle >>> 24;
  packet.isFragment = (fragment & (IPV4_MORE_FRAGMENTS | FRAGMENT_OFFSET_MASK)) !== 0;
  packet.identification = fragment >>> 16;
  packet.fragmentOffset = (fragment & FRAGMENT_OFFSET_MASK) << 3;
  packet.moreFragments = (fragment & IPV4_MORE_FRAGMENTS) !== 0;
  return IpFault.None;
}

/**
 * Writes a header of 20 bytes at `offset`, checksum included. `tos` is DSCP and
 * ECN in one byte; `totalLength` counts the header, at most 65535; `fragment` is
 * the second word: identification, flags, and the offset in units of 8 bytes.
 */
export function buildIpv4(
  view: DataView,
  offset: number,
  tos: number,
  totalLength: number,
  fragment: number,
  ttl: number,
  protocol: number,
  source: number,
  destination: number,
): void {
  const start = 0x45000000 | (tos << 16) | totalLength;
  const middle = (ttl << 24) | (protocol << 16);
  const sum = (start >>> 16) + (start & 0xffff) + (fragment >>> 16) + (fragment & 0xffff) +
    (middle >>> 16) + (source >>> 16) + (source & 0xffff) + (destination >>> 16) +
    (destination & 0xffff);
  view.setInt32(offset, start);
  view.setInt32(offset + 4, fragment);
  view.setInt32(offset + 8, middle | checksumOf(foldSum(sum)));
  view.setInt32(offset + 12, source);
  view.setInt32(offset + 16, destination);
}

function sumWord(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}

function sumOptions(view: DataView, offset: number, end: number): number {
  let sum = 0;
  for (let at = offset + IPV4_HEADER_LENGTH; at < end; at += 4) sum += sumWord(view.getInt32(at));
  return sum;
}

/** Walks the options only to refuse: they have no effect here. RFC 1122 §3.2.1.8, RFC 7126 §4.3. */
function checkOptions(view: DataView, offset: number, end: number): number {
  while (offset < end) {
    const kind = view.getUint8(offset);
    if (kind === OPTION_END) return IpFault.None;
    if (kind === OPTION_NOP) {
      offset++;
      continue;
    }
    if (offset + 1 >= end) return IpFault.Header;
    const length = view.getUint8(offset + 1);
    if (length < 2 || offset + length > end) return IpFault.Header;
    if (kind === OPTION_LOOSE_SOURCE_ROUTE || kind === OPTION_STRICT_SOURCE_ROUTE) {
      return IpFault.SourceRoute;
    }
    offset += length;
  }
  return IpFault.None;
}
