/**
 * Frames that are not TCP, as bytes: ARP, ICMP, UDP, NDP, and odd IP headers.
 * Written apart from `lib/wire`, like the codec, whose arithmetic it shares.
 */

import { concat, sum } from "./codec.ts";
import { addressBytes, macBytes } from "./internet_address.ts";

/** The product of the default fixture, and its peer. */
export const OWN_MAC = "02:00:00:00:00:01";
/** See `OWN_MAC`. */
export const PEER_MAC = "02:00:00:00:00:02";
/** See `OWN_MAC`. */
export const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff";

/** The fields of an IP header, with their usual values. */
export interface IpFields {
  readonly source?: string;
  readonly destination?: string;
  readonly ttl?: number;
  readonly tos?: number;
  readonly identification?: number;
  /** Flags and fragment offset, 16 bits. */
  readonly fragment?: number;
  /** Option bytes, a multiple of 4. */
  readonly options?: Uint8Array;
}

/** An Ethernet frame. */
export function ethernet(
  type: number,
  body: Uint8Array,
  { to = OWN_MAC, from = PEER_MAC }: { to?: string; from?: string } = {},
): Uint8Array {
  return concat(macBytes(to), macBytes(from), halves(type), body);
}

/** An IPv4 packet; from 10.0.0.2 to 10.0.0.1 unless told otherwise. */
export function ipv4(protocol: number, body: Uint8Array, fields: IpFields = {}): Uint8Array {
  const options = fields.options ?? new Uint8Array(0);
  const headerLength = 20 + options.length;
  const header = concat(
    Uint8Array.of(0x40 | (headerLength / 4), fields.tos ?? 0),
    halves(headerLength + body.length, fields.identification ?? 0, fields.fragment ?? 0x4000),
    Uint8Array.of(fields.ttl ?? 64, protocol, 0, 0),
    addressBytes(fields.source ?? "10.0.0.2"),
    addressBytes(fields.destination ?? "10.0.0.1"),
    options,
  );
  header.set(halves(0xffff - sum(header)), 10);
  return concat(header, body);
}

/** An IPv6 packet; from fd00::2 to fd00::1 unless told otherwise. */
export function ipv6(nextHeader: number, body: Uint8Array, fields: IpFields = {}): Uint8Array {
  return concat(
    Uint8Array.of(0x60, 0, 0, 0),
    halves(body.length),
    Uint8Array.of(nextHeader, fields.ttl ?? 64),
    addressBytes(fields.source ?? "fd00::2"),
    addressBytes(fields.destination ?? "fd00::1"),
    body,
  );
}

/** An ICMP message. `rest` follows the checksum. */
export function icmp(type: number, code: number, rest: Uint8Array): Uint8Array {
  const message = concat(Uint8Array.of(type, code, 0, 0), rest);
  message.set(halves(0xffff - sum(message)), 2);
  return message;
}

/** An ICMPv6 message between the addresses of `fields`. */
export function icmpv6(
  type: number,
  code: number,
  rest: Uint8Array,
  fields: IpFields = {},
): Uint8Array {
  const message = concat(Uint8Array.of(type, code, 0, 0), rest);
  const pseudo = concat(
    addressBytes(fields.source ?? "fd00::2"),
    addressBytes(fields.destination ?? "fd00::1"),
    Uint8Array.of(0, 0, message.length >> 8, message.length, 0, 0, 0, 58),
  );
  message.set(halves(0xffff - sum(pseudo, message)), 2);
  return message;
}

/** A UDP datagram over IPv4; checksum 0, "none", unless one is given. */
export function udp(payload: Uint8Array, checksum = 0): Uint8Array {
  return concat(halves(5353, 53, 8 + payload.length, checksum), payload);
}

/** An ARP packet. */
export function arp(
  operation: number,
  senderMac: string,
  sender: string,
  targetMac: string,
  target: string,
): Uint8Array {
  return concat(
    halves(1, 0x0800, 0x0604, operation),
    macBytes(senderMac),
    addressBytes(sender),
    macBytes(targetMac),
    addressBytes(target),
  );
}

/** Bytes of 16-bit numbers. */
export function halves(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >> 8 & 255, value & 255]));
}
