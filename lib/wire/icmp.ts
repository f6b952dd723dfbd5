/**
 * ICMP and what ICMPv6 shares with it: the first eight bytes of a message.
 * RFC 792, RFC 1122 §3.2.2, RFC 4443.
 */

import { checksumOf, foldSum } from "./checksum.ts";

/** Bytes before a message's data. */
export const ICMP_HEADER_LENGTH = 8;

/** ICMP types. */
export const IcmpType = {
  EchoReply: 0,
  Unreachable: 3,
  Echo: 8,
  TimeExceeded: 11,
  ParameterProblem: 12,
} as const;

/** Codes of `IcmpType.Unreachable`. */
export const IcmpUnreachable = { Protocol: 2, Port: 3, FragmentationNeeded: 4 } as const;

/** Type of the message at `offset`. */
export function icmpTypeOf(view: DataView, offset: number): number {
  return view.getUint8(offset);
}

/** Code of the message at `offset`. */
export function icmpCodeOf(view: DataView, offset: number): number {
  return view.getUint8(offset + 1);
}

/** The second word: identifier and sequence, MTU, pointer; by type. */
export function icmpParameterOf(view: DataView, offset: number): number {
  return view.getInt32(offset + 4);
}

/**
 * Writes the eight bytes before the data. `sum` is the unfolded sum of the data,
 * and of the pseudo-header for ICMPv6.
 */
export function buildIcmp(
  view: DataView,
  offset: number,
  type: number,
  code: number,
  parameter: number,
  sum: number,
): void {
  const start = (type << 8) | code;
  const total = sum + start + (parameter >>> 16) + (parameter & 0xffff);
  view.setInt32(offset, (start << 16) | checksumOf(foldSum(total)));
  view.setInt32(offset + 4, parameter);
}
