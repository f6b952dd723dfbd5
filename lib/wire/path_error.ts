/**
 * PathError: what an ICMP or ICMPv6 error says about a segment of ours, the
 * same for both families. RFC 1122 §4.2.3.9, RFC 4443 §3, RFC 5461, RFC 5927.
 */

import { IcmpType, IcmpUnreachable } from "./icmp.ts";
import { Icmpv6Type } from "./icmpv6.ts";
import { MAPPED_PREFIX } from "./ipv4.ts";
import { Protocol } from "./ip_packet.ts";
import { Segment } from "./segment.ts";

/** What is wrong with the path. */
export const PathErrorKind = {
  /** Network or host unreachable: soft everywhere, fatal to a handshake. */
  Unreachable: 1,
  /** Protocol or port unreachable, ICMPv6: prohibited or port unreachable. RFC 5461 §3. */
  Refused: 2,
  /** The packet is larger than the next hop's MTU. RFC 1191, RFC 8201. */
  TooBig: 3,
  /** Anything else: soft. */
  Other: 4,
} as const;

/** One error. A scratch object; borrowed, never stored. */
export class PathError {
  /** The quoted segment, with nothing but addresses, ports and `seq` filled in. */
  readonly seg: Segment = new Segment();
  /** `PathErrorKind`. */
  kind = 0;
  /** `TooBig`: the next hop's MTU, 0 when its router did not tell. */
  mtu = 0;
}

const IPV4_MIN_LENGTH = 20;
const IPV6_LENGTH = 40;
/** A quote must reach this far into the TCP header: ports and SEQ. RFC 792. */
const QUOTED_TCP_LENGTH = 8;

/**
 * Reads the ICMP error of `length` bytes (8 at least) at `offset` into `error`.
 * Returns false when it quotes no TCP segment, or too little of it.
 */
export function parseIcmpError(
  view: DataView,
  offset: number,
  length: number,
  error: PathError,
): boolean {
  const type = view.getUint8(offset);
  const code = view.getUint8(offset + 1);
  error.kind = kindOf(type, code);
  error.mtu = error.kind === PathErrorKind.TooBig ? view.getUint16(offset + 6) : 0;
  return parseIpv4Quote(view, offset + 8, length - 8, error.seg);
}

/** The same for an ICMPv6 error. */
export function parseIcmpv6Error(
  view: DataView,
  offset: number,
  length: number,
  error: PathError,
): boolean {
  const type = view.getUint8(offset);
  const code = view.getUint8(offset + 1);
  error.kind = ipv6KindOf(type, code);
  // An MTU of 2^31 and more is as good as none.
  error.mtu = type === Icmpv6Type.PacketTooBig ? view.getInt32(offset + 4) & 0x7fffffff : 0;
  return parseIpv6Quote(view, offset + 8, length - 8, error.seg);
}

/**
 * Reads the beginning of a packet of ours, IPv4 or IPv6, of `length` bytes.
 * Returns false when it holds no TCP segment.
 */
export function parseQuote(view: DataView, offset: number, length: number, seg: Segment): boolean {
  const isIpv6 = view.getUint8(offset) >> 4 === 6;
  return isIpv6
    ? parseIpv6Quote(view, offset, length, seg)
    : parseIpv4Quote(view, offset, length, seg);
}

function kindOf(type: number, code: number): number {
  if (type !== IcmpType.Unreachable || code > IcmpUnreachable.FragmentationNeeded) {
    return PathErrorKind.Other;
  }
  if (code === IcmpUnreachable.FragmentationNeeded) return PathErrorKind.TooBig;
  return code < IcmpUnreachable.Protocol ? PathErrorKind.Unreachable : PathErrorKind.Refused;
}

function ipv6KindOf(type: number, code: number): number {
  if (type === Icmpv6Type.PacketTooBig) return PathErrorKind.TooBig;
  if (type !== Icmpv6Type.Unreachable) return PathErrorKind.Other;
  if (code === 1 || code === 4) return PathErrorKind.Refused;
  return code === 0 || code === 3 ? PathErrorKind.Unreachable : PathErrorKind.Other;
}

function parseIpv4Quote(view: DataView, offset: number, length: number, seg: Segment): boolean {
  if (length < IPV4_MIN_LENGTH) return false;
  const headerLength = (view.getUint8(offset) & 0x0f) << 2;
  if (view.getUint8(offset) >> 4 !== 4 || headerLength < IPV4_MIN_LENGTH) return false;
  if (length < headerLength + QUOTED_TCP_LENGTH) return false;
  if (view.getUint8(offset + 9) !== Protocol.Tcp) return false;
  if ((view.getUint16(offset + 6) & 0x1fff) !== 0) return false;
  seg.local0 = seg.remote0 = 0;
  seg.local1 = seg.remote1 = 0;
  seg.local2 = seg.remote2 = MAPPED_PREFIX;
  seg.local3 = view.getInt32(offset + 12);
  seg.remote3 = view.getInt32(offset + 16);
  takeQuotedTcp(view, offset + headerLength, seg);
  return true;
}

/** What we send has no extension headers: a quote with some is not of ours. */
function parseIpv6Quote(view: DataView, offset: number, length: number, seg: Segment): boolean {
  if (length < IPV6_LENGTH + QUOTED_TCP_LENGTH) return false;
  if (view.getUint8(offset) >> 4 !== 6 || view.getUint8(offset + 6) !== Protocol.Tcp) return false;
  seg.local0 = view.getInt32(offset + 8);
  seg.local1 = view.getInt32(offset + 12);
  seg.local2 = view.getInt32(offset + 16);
  seg.local3 = view.getInt32(offset + 20);
  seg.remote0 = view.getInt32(offset + 24);
  seg.remote1 = view.getInt32(offset + 28);
  seg.remote2 = view.getInt32(offset + 32);
  seg.remote3 = view.getInt32(offset + 36);
  takeQuotedTcp(view, offset + IPV6_LENGTH, seg);
  return true;
}

function takeQuotedTcp(view: DataView, offset: number, seg: Segment): void {
  seg.localPort = view.getUint16(offset);
  seg.remotePort = view.getUint16(offset + 2);
  seg.seq = view.getInt32(offset + 4);
}
