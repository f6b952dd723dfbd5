/**
 * The peer's codec: Ethernet, IPv4, IPv6 and TCP between bytes and plain
 * objects. It is deliberately simple, slow and written apart from `lib/wire`,
 * so that each finds the other's mistakes. What the product sends is decoded
 * strictly: a frame no careful host would send is an error.
 */

import { addressBytes, addressText, macBytes, macText } from "./internet_address.ts";

/** A TCP option. Numbers are unsigned. */
export type TcpOption =
  | { readonly name: "eol" }
  | { readonly name: "nop" }
  | { readonly name: "mss"; readonly value: number }
  | { readonly name: "wscale"; readonly shift: number }
  | { readonly name: "sackOK" }
  | { readonly name: "sack"; readonly blocks: readonly (readonly [number, number])[] }
  | { readonly name: "TS"; readonly val: number; readonly ecr: number }
  | { readonly name: "uto"; readonly count: number; readonly unit: "s" | "min" }
  | { readonly name: "FO"; readonly cookie: string }
  | { readonly name: "hex"; readonly bytes: string };

/** A TCP segment with its IP and link headers. All numbers are unsigned. */
export interface Packet {
  sourceMac: string;
  destinationMac: string;
  /** Dotted quads or IPv6 text; both of one family. */
  source: string;
  destination: string;
  sourcePort: number;
  destinationPort: number;
  /** Time to live, or hop limit. */
  ttl: number;
  /** DSCP and ECN. */
  trafficClass: number;
  /** Received, IPv4: the identification of a packet with DF clear; absent: DF is set. */
  identification?: number;
  seq: number;
  ack: number;
  /** Letters of `SFRPUEW.` that are set, in that order. */
  flags: string;
  window: number;
  urgent: number;
  options: readonly TcpOption[];
  payload: Uint8Array;
}

/** How a peer's frame leaves `encodePacket`. */
export interface EncodeOptions {
  /** Leave the pseudo-header sum in the checksum field, as a device's NEEDS_CSUM promises. */
  readonly partialChecksum?: boolean;
}

/** A frame of the product that no careful host would send. */
export class CodecError extends Error {
  override readonly name = "CodecError";
}

const FLAG_BITS: readonly (readonly [string, number])[] = [
  ["S", 0x02],
  ["F", 0x01],
  ["R", 0x04],
  ["P", 0x08],
  ["U", 0x20],
  ["E", 0x40],
  ["W", 0x80],
  [".", 0x10],
];

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const PROTOCOL_TCP = 6;

/** The frame of a packet. */
export function encodePacket(packet: Packet, { partialChecksum }: EncodeOptions = {}): Uint8Array {
  const source = addressBytes(packet.source);
  const destination = addressBytes(packet.destination);
  const options = encodeOptions(packet.options);
  const tcp = new Uint8Array(20 + options.length + packet.payload.length);
  const view = new DataView(tcp.buffer);
  view.setUint16(0, packet.sourcePort);
  view.setUint16(2, packet.destinationPort);
  view.setUint32(4, packet.seq);
  view.setUint32(8, packet.ack);
  view.setUint8(12, ((20 + options.length) / 4) << 4);
  view.setUint8(13, flagBits(packet.flags));
  view.setUint16(14, packet.window);
  view.setUint16(18, packet.urgent);
  tcp.set(options, 20);
  tcp.set(packet.payload, 20 + options.length);
  const pseudo = pseudoHeader(source, destination, tcp.length);
  view.setUint16(16, partialChecksum ? sum(pseudo) : 0xffff - sum(pseudo, tcp));
  const ip = source.length === 4
    ? ipv4Header(packet, source, destination, tcp.length)
    : ipv6Header(packet, source, destination, tcp.length);
  const type = source.length === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  return concat(
    macBytes(packet.destinationMac),
    macBytes(packet.sourceMac),
    Uint8Array.of(type >> 8, type & 255),
    ip,
    tcp,
  );
}

/**
 * The TCP segment in a frame, or null when the frame carries none (ARP, ICMP,
 * …). Throws CodecError unless lengths, checksums, reserved bits and padding are
 * as they must be.
 */
export function decodePacket(frame: Uint8Array): Packet | null {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length < 14) throw new CodecError(`Frame of ${frame.length} bytes`);
  const type = view.getUint16(12);
  if (type !== ETHERTYPE_IPV4 && type !== ETHERTYPE_IPV6) return null;
  const ip = type === ETHERTYPE_IPV4
    ? decodeIpv4(frame.subarray(14))
    : decodeIpv6(frame.subarray(14));
  if (ip.protocol !== PROTOCOL_TCP) return null;
  return {
    destinationMac: macText(frame.subarray(0, 6)),
    sourceMac: macText(frame.subarray(6, 12)),
    source: addressText(ip.source),
    destination: addressText(ip.destination),
    ttl: ip.ttl,
    trafficClass: ip.trafficClass,
    ...ip.identification === undefined ? {} : { identification: ip.identification },
    ...decodeTcp(ip.body, ip.source, ip.destination),
  };
}

/** The letters for a byte of flags, in the order of `SFRPUEW.`. */
export function flagLetters(bits: number): string {
  return FLAG_BITS.filter(([, bit]) => (bits & bit) !== 0).map(([letter]) => letter).join("");
}

/** The byte of flags for letters. Throws on an unknown letter. */
export function flagBits(letters: string): number {
  let bits = 0;
  for (const letter of letters) {
    const found = FLAG_BITS.find(([name]) => name === letter);
    if (found === undefined) throw new Error(`Unknown flag: ${letter}`);
    bits |= found[1];
  }
  return bits;
}

/** The option area, padded to 32 bits with zeros. */
export function encodeOptions(options: readonly TcpOption[]): Uint8Array {
  const bytes = concat(...options.map(encodeOption));
  return concat(bytes, new Uint8Array(-bytes.length & 3));
}

/** Ones' complement sum of the 16-bit words of each part; an odd part is padded with zero. */
export function sum(...parts: Uint8Array[]): number {
  let total = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) total += (part[i] << 8) | (part[i + 1] ?? 0);
  }
  while (total > 0xffff) total = (total >>> 16) + (total & 0xffff);
  return total;
}

/** The parts in one. */
export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** The sum's other part for TCP over either family. RFC 9293 §3.1, RFC 8200 §8.1. */
export function pseudoHeader(
  source: Uint8Array,
  destination: Uint8Array,
  length: number,
): Uint8Array {
  // The 16-bit words of both families' pseudo-headers add up alike.
  const tail = Uint8Array.of(length >> 24, length >> 16, length >> 8, length, 0, PROTOCOL_TCP);
  return concat(source, destination, tail);
}

function ipv4Header(p: Packet, source: Uint8Array, destination: Uint8Array, length: number) {
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  view.setUint8(0, 0x45);
  view.setUint8(1, p.trafficClass);
  view.setUint16(2, 20 + length);
  view.setUint16(6, 0x4000);
  view.setUint8(8, p.ttl);
  view.setUint8(9, PROTOCOL_TCP);
  header.set(source, 12);
  header.set(destination, 16);
  view.setUint16(10, 0xffff - sum(header));
  return header;
}

function ipv6Header(p: Packet, source: Uint8Array, destination: Uint8Array, length: number) {
  const header = new Uint8Array(40);
  const view = new DataView(header.buffer);
  view.setUint32(0, (0x60000000 | (p.trafficClass << 20)) >>> 0);
  view.setUint16(4, length);
  view.setUint8(6, PROTOCOL_TCP);
  view.setUint8(7, p.ttl);
  header.set(source, 8);
  header.set(destination, 24);
  return header;
}

interface IpPacket {
  identification?: number;
  source: Uint8Array;
  destination: Uint8Array;
  protocol: number;
  ttl: number;
  trafficClass: number;
  body: Uint8Array;
}

function decodeIpv4(bytes: Uint8Array): IpPacket {
  if (bytes[0] !== 0x45) throw new CodecError(`IPv4 version and header length are ${bytes[0]}`);
  const total = (bytes[2] << 8) | bytes[3];
  if (total !== bytes.length) {
    throw new CodecError(`IPv4 total length is ${total}, but there are ${bytes.length} bytes`);
  }
  if (sum(bytes.subarray(0, 20)) !== 0xffff) throw new CodecError("IPv4 header checksum is wrong");
  const fragment = (bytes[6] << 8) | bytes[7];
  if ((fragment & 0xbfff) !== 0 && bytes[9] === PROTOCOL_TCP) {
    throw new CodecError("IPv4 packet is a fragment");
  }
  return {
    ...(fragment & 0x4000) === 0 ? { identification: (bytes[4] << 8) | bytes[5] } : {},
    source: bytes.slice(12, 16),
    destination: bytes.slice(16, 20),
    protocol: bytes[9],
    ttl: bytes[8],
    trafficClass: bytes[1],
    body: bytes.subarray(20),
  };
}

function decodeIpv6(bytes: Uint8Array): IpPacket {
  if (bytes[0] >> 4 !== 6) throw new CodecError(`IPv6 version is ${bytes[0] >> 4}`);
  const length = (bytes[4] << 8) | bytes[5];
  if (length !== bytes.length - 40) {
    throw new CodecError(`IPv6 payload length is ${length} of ${bytes.length - 40} bytes`);
  }
  return {
    source: bytes.slice(8, 24),
    destination: bytes.slice(24, 40),
    protocol: bytes[6],
    ttl: bytes[7],
    trafficClass: ((bytes[0] & 15) << 4) | (bytes[1] >> 4),
    body: bytes.subarray(40),
  };
}

function decodeTcp(tcp: Uint8Array, source: Uint8Array, destination: Uint8Array) {
  const view = new DataView(tcp.buffer, tcp.byteOffset, tcp.length);
  if (tcp.length < 20) throw new CodecError(`TCP segment of ${tcp.length} bytes`);
  const headerLength = (tcp[12] >> 4) * 4;
  if (headerLength < 20 || headerLength > tcp.length) {
    throw new CodecError(`TCP data offset is ${headerLength} bytes`);
  }
  if ((tcp[12] & 15) !== 0) throw new CodecError("TCP reserved bits are set");
  if (sum(pseudoHeader(source, destination, tcp.length), tcp) !== 0xffff) {
    throw new CodecError("TCP checksum is wrong");
  }
  const flags = flagLetters(tcp[13]);
  if (!flags.includes(".") && view.getUint32(8) !== 0) {
    throw new CodecError("TCP acknowledgment number is set without the ACK flag");
  }
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    seq: view.getUint32(4),
    ack: view.getUint32(8),
    flags,
    window: view.getUint16(14),
    urgent: view.getUint16(18),
    options: decodeOptions(tcp.subarray(20, headerLength)),
    payload: tcp.slice(headerLength),
  };
}

function encodeOption(option: TcpOption): Uint8Array {
  switch (option.name) {
    case "eol":
      return Uint8Array.of(0);
    case "nop":
      return Uint8Array.of(1);
    case "mss":
      return Uint8Array.of(2, 4, option.value >> 8, option.value & 255);
    case "wscale":
      return Uint8Array.of(3, 3, option.shift);
    case "sackOK":
      return Uint8Array.of(4, 2);
    case "sack":
      return words(5, option.blocks.flat());
    case "TS":
      return words(8, [option.val, option.ecr]);
    case "uto": {
      const field = (option.unit === "min" ? 0x8000 : 0) + option.count;
      return Uint8Array.of(28, 4, field >> 8, field & 255);
    }
    case "FO":
      return concat(
        Uint8Array.of(34, 2 + option.cookie.length / 2),
        Uint8Array.fromHex(option.cookie),
      );
    case "hex":
      return Uint8Array.fromHex(option.bytes);
  }
}

function words(kind: number, values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 + 4 * values.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setUint8(1, bytes.length);
  values.forEach((value, i) => view.setUint32(2 + 4 * i, value));
  return bytes;
}

function decodeOptions(area: Uint8Array): TcpOption[] {
  const options: TcpOption[] = [];
  for (let at = 0; at < area.length;) {
    const kind = area[at];
    if (kind === 0) {
      if (area.subarray(at).some((byte) => byte !== 0)) {
        throw new CodecError("TCP option area is not zero behind the end of the list");
      }
      options.push({ name: "eol" });
      break;
    }
    const length = kind === 1 ? 1 : area[at + 1];
    if (!(length >= (kind === 1 ? 1 : 2) && at + length <= area.length)) {
      throw new CodecError(`TCP option ${kind} has length ${length}`);
    }
    options.push(decodeOption(area.subarray(at, at + length)));
    at += length;
  }
  return options;
}

function decodeOption(bytes: Uint8Array): TcpOption {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = bytes.length;
  switch (bytes[0]) {
    case 1:
      return { name: "nop" };
    case 2:
      if (length === 4) return { name: "mss", value: view.getUint16(2) };
      break;
    case 3:
      if (length === 3) return { name: "wscale", shift: bytes[2] };
      break;
    case 4:
      if (length === 2) return { name: "sackOK" };
      break;
    case 5:
      if (length > 2 && length % 8 === 2) return { name: "sack", blocks: sackBlocks(view) };
      break;
    case 8:
      if (length === 10) return { name: "TS", val: view.getUint32(2), ecr: view.getUint32(6) };
      break;
    case 28:
      if (length === 4) {
        const field = view.getUint16(2);
        return { name: "uto", count: field & 0x7fff, unit: field < 0x8000 ? "s" : "min" };
      }
      break;
    case 34:
      return { name: "FO", cookie: bytes.slice(2).toHex() };
  }
  return { name: "hex", bytes: bytes.toHex() };
}

function sackBlocks(view: DataView): [number, number][] {
  const blocks: [number, number][] = [];
  for (let at = 2; at < view.byteLength; at += 8) {
    blocks.push([view.getUint32(at), view.getUint32(at + 4)]);
  }
  return blocks;
}
