/** The TCP header and its checksum. RFC 9293 §3.1, RFC 8200 §8.1. */

import { addressSum, addSums, checksumOf, foldSum, pseudoHeaderSum } from "./checksum.ts";
import type { Gather } from "./gather.ts";
import { Protocol } from "./ip_packet.ts";
import type { Arena } from "./memory.ts";
import type { Segment } from "./segment.ts";
import { buildTcpOptions, parseTcpOptions } from "./tcp_options.ts";

/** Bytes of a TCP header without options. */
export const TCP_HEADER_LENGTH = 20;
/** Where in the header the checksum lies. */
export const TCP_CHECKSUM_OFFSET = 16;

/** What `parseTcp` found. */
export const TcpFault = {
  /** Nothing wrong. */
  None: 0,
  /** A length, the data offset or a port cannot be: drop. RFC 9293 §3.1. */
  Header: 1,
  /** The options end in a malformed one: count, and process the segment. */
  Options: 2,
} as const;

/**
 * Parses a received segment of `length` bytes at `offset` into `seg`: header,
 * options, payload offset and length. What the IP floor knows (addresses, ecn,
 * segment size, path) is the caller's to set, afterwards. Returns a `TcpFault`.
 */
export function parseTcp(view: DataView, offset: number, length: number, seg: Segment): number {
  seg.reset();
  if (length < TCP_HEADER_LENGTH) return TcpFault.Header;
  const word = view.getInt32(offset + 12);
  const headerLength = (word >>> 26) & 0x3c;
  if (headerLength < TCP_HEADER_LENGTH || headerLength > length) return TcpFault.Header;
  seg.remotePort = view.getUint16(offset);
  seg.localPort = view.getUint16(offset + 2);
  if (seg.remotePort === 0 || seg.localPort === 0) return TcpFault.Header; // RFC 6335 §6
  seg.seq = view.getInt32(offset + 4);
  seg.ack = view.getInt32(offset + 8);
  seg.flags = (word >>> 16) & 0xff;
  seg.wnd = word & 0xffff;
  seg.urgentPointer = view.getUint16(offset + 18);
  seg.payloadOffset = offset + headerLength;
  seg.payloadLength = length - headerLength;
  if (headerLength === TCP_HEADER_LENGTH) return TcpFault.None;
  const optionsLength = headerLength - TCP_HEADER_LENGTH;
  const isWhole = parseTcpOptions(view, offset + TCP_HEADER_LENGTH, optionsLength, seg);
  return isWhole ? TcpFault.None : TcpFault.Options;
}

/**
 * Writes the header of `seg`, options included, at `offset`; the checksum field
 * is 0. Returns the header's length, 20 … 60.
 */
export function buildTcp(view: DataView, offset: number, seg: Segment): number {
  const headerLength = TCP_HEADER_LENGTH +
    buildTcpOptions(view, offset + TCP_HEADER_LENGTH, seg);
  view.setInt32(offset, portsWord(seg.localPort, seg.remotePort));
  view.setInt32(offset + 4, seg.seq);
  view.setInt32(offset + 8, seg.ack);
  view.setInt32(offset + 12, (headerLength << 26) | (seg.flags << 16) | seg.wnd);
  view.setInt32(offset + 16, seg.urgentPointer);
  return headerLength;
}

/** The first word of a header, an int32: the source port and the destination port. */
export function portsWord(source: number, destination: number): number {
  return (source << 16) | destination;
}

/** The folded sum of the pseudo-header before a segment of `length` bytes, either family's. */
export function tcpPseudoSum(seg: Segment, length: number): number {
  return pseudoHeaderSum(
    addressSum(seg.local0, seg.local1, seg.local2, seg.local3),
    addressSum(seg.remote0, seg.remote1, seg.remote2, seg.remote3),
    Protocol.Tcp,
    length,
  );
}

/** Whether the checksum of the received segment of `length` bytes at `offset` verifies; the addresses are taken from `seg`. */
export function verifyTcp(arena: Arena, offset: number, length: number, seg: Segment): boolean {
  return addSums(arena.sum(offset, length), tcpPseudoSum(seg, length)) === 0xffff;
}

/**
 * Completes the checksum of the header of `headerLength` bytes that `buildTcp`
 * wrote at `offset`, in front of `payload`. RFC 9293 §3.1 MUST-2.
 */
export function completeTcp(
  arena: Arena,
  offset: number,
  headerLength: number,
  seg: Segment,
  payload: Gather,
): void {
  const sum = tcpPseudoSum(seg, headerLength + payload.length) + arena.sum(offset, headerLength) +
    sumGather(arena, payload);
  arena.view.setInt16(offset + TCP_CHECKSUM_OFFSET, checksumOf(foldSum(sum)));
}

/** The folded sum of all pieces as one run of bytes. A piece at an odd position has its halves exchanged. RFC 1071 §2. */
function sumGather(arena: Arena, payload: Gather): number {
  let sum = 0;
  let position = 0;
  for (let i = 0; i < payload.count; i++) {
    const length = payload.lengths[i];
    const piece = arena.sum(payload.offsets[i], length);
    sum += (position & 1) === 0 ? piece : ((piece & 0xff) << 8) | (piece >>> 8);
    position += length;
  }
  return foldSum(sum);
}
