/**
 * ICMPv6 types, and neighbour discovery's two messages. RFC 4443, RFC 4861 §4.3,
 * §4.4, §7.1.
 */

import { ICMP_HEADER_LENGTH } from "./icmp.ts";
import { buildIpv6Address } from "./ipv6.ts";

/** ICMPv6 types; those below 128 are errors. */
export const Icmpv6Type = {
  Unreachable: 1,
  PacketTooBig: 2,
  TimeExceeded: 3,
  ParameterProblem: 4,
  Echo: 128,
  EchoReply: 129,
  RouterSolicitation: 133,
  RouterAdvertisement: 134,
  NeighborSolicitation: 135,
  NeighborAdvertisement: 136,
} as const;

/** Code of `Icmpv6Type.Unreachable` for a port nobody listens on. */
export const ICMPV6_PORT_UNREACHABLE = 4;
/** Code of `Icmpv6Type.ParameterProblem` for a field that cannot be. */
export const ICMPV6_ERRONEOUS_FIELD = 0;
/** Code of "time exceeded" for a datagram whose fragments did not all come; the same in ICMP. */
export const REASSEMBLY_TIME_EXCEEDED = 1;
/** Code of `Icmpv6Type.ParameterProblem` for a next header nobody speaks. */
export const ICMPV6_UNKNOWN_NEXT_HEADER = 1;

/** Every neighbour discovery message travels with this hop limit: it never crossed a router. RFC 4861 §7.1. */
export const NDP_HOP_LIMIT = 255;
/** Bytes of a solicitation or an advertisement without options. */
export const NDP_BARE_LENGTH = 24;
/** Bytes of a solicitation or an advertisement with one link-layer address option. */
export const NDP_LENGTH = 32;

/** The flags of an advertisement, as they lie in the second word. */
export const NdpFlag = { Solicited: 0x40000000, Override: 0x20000000 } as const;

/** NDP options. */
export const NdpOption = { SourceLinkLayer: 1, TargetLinkLayer: 2 } as const;

const TARGET_OFFSET = 8;
const OPTIONS_OFFSET = NDP_BARE_LENGTH;

/**
 * Whether a solicitation or advertisement of `length` bytes at `offset` is well
 * formed: code 0, a unicast target, no empty option. Hop limit and checksum are
 * the caller's. RFC 4861 §7.1.1, §7.1.2.
 */
export function isNdp(view: DataView, offset: number, length: number): boolean {
  if (length < OPTIONS_OFFSET || view.getUint8(offset + 1) !== 0) return false;
  if (view.getUint8(offset + TARGET_OFFSET) === 0xff) return false;
  const end = offset + length;
  let at = offset + OPTIONS_OFFSET;
  while (at + 2 <= end) {
    const optionLength = view.getUint8(at + 1) << 3;
    if (optionLength === 0 || at + optionLength > end) return false;
    at += optionLength;
  }
  return at === end;
}

/** Word `index` (0 … 3) of the target of the message at `offset`. */
export function ndpTarget(view: DataView, offset: number, index: number): number {
  return view.getInt32(offset + TARGET_OFFSET + (index << 2));
}

/**
 * Offset of the MAC in the link-layer address option `kind` of a well-formed
 * message, 0 when it carries none.
 */
export function ndpLinkLayer(view: DataView, offset: number, length: number, kind: number): number {
  const end = offset + length;
  for (let at = offset + OPTIONS_OFFSET; at < end; at += view.getUint8(at + 1) << 3) {
    if (view.getUint8(at) === kind && view.getUint8(at + 1) === 1) return at + 2;
  }
  return 0;
}

/**
 * Writes what follows the first eight bytes: the target and one option `kind`
 * with a MAC. The whole message has `NDP_LENGTH` bytes.
 */
export function buildNdpBody(
  view: DataView,
  offset: number,
  target0: number,
  target1: number,
  target2: number,
  target3: number,
  kind: number,
  macHigh: number,
  macLow: number,
): void {
  buildIpv6Address(view, offset + ICMP_HEADER_LENGTH, target0, target1, target2, target3);
  view.setInt16(offset + OPTIONS_OFFSET, (kind << 8) | 1);
  view.setInt16(offset + OPTIONS_OFFSET + 2, macHigh);
  view.setInt32(offset + OPTIONS_OFFSET + 4, macLow);
}
