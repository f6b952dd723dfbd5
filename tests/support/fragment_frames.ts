/** Cuts frames into fragments, as a router (IPv4) or a host (IPv6) would. */

import { concat } from "./codec.ts";
import { ethernet, halves, type IpFields, ipv4, ipv6 } from "./packets.ts";

/** What the headers of fragments say. */
export interface FragmentFields extends IpFields {
  readonly identification?: number;
  /** The source MAC. */
  readonly from?: string;
}

/** One fragment: `body` belongs at `offset`, in bytes, of a datagram of `protocol`. */
export function fragment(
  protocol: number,
  body: Uint8Array,
  offset: number,
  hasMore: boolean,
  fields: FragmentFields = {},
): Uint8Array {
  const { identification = 7, from = "02:00:00:00:00:02" } = fields;
  if (fields.source?.includes(":")) {
    const header = concat(
      Uint8Array.of(protocol, 0),
      halves(offset | Number(hasMore), identification >>> 16, identification & 0xffff),
    );
    return ethernet(0x86dd, ipv6(44, concat(header, body), fields), { from });
  }
  const flags = (hasMore ? 0x2000 : 0) | (offset >> 3);
  return ethernet(0x0800, ipv4(protocol, body, { ...fields, identification, fragment: flags }), {
    from,
  });
}

/** The payload of a frame without IP options or extension headers, cut at the given offsets. */
export function fragmentsOf(
  frame: Uint8Array,
  cuts: readonly number[],
  fields: FragmentFields = {},
): Uint8Array[] {
  const isIpv6 = frame[12] === 0x86;
  const body = frame.slice(isIpv6 ? 54 : 34);
  const addresses = isIpv6 ? { source: "fd00::2", destination: "fd00::1" } : {};
  return [0, ...cuts].map((start, i) =>
    fragment(
      frame[isIpv6 ? 20 : 23],
      body.slice(start, cuts[i]),
      start,
      i < cuts.length,
      { ...addresses, ...fields },
    )
  );
}
