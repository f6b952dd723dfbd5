/**
 * The header in front of a relayed stream which tells the upstream who the
 * client is. PROXY protocol, revision 2020/03/05, §2.2 (version 2, binary).
 */

import type { Address, Endpoint } from "../wire/address.ts";

/** What a header of version 2 begins with: no text protocol starts so. §2.2. */
const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

/** Version in the upper four bits, command in the lower. §2.2. */
const VERSION_LOCAL = 0x20;
const VERSION_PROXY = 0x21;
/** Address family in the upper four bits, SOCK_STREAM in the lower. §2.2. */
const UNSPEC = 0x00;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

/** Bytes before the addresses: signature, version and command, family, length. */
const FIXED_LENGTH = 16;
const IPV4_LENGTH = 4;
const IPV6_LENGTH = 16;
const PORTS_LENGTH = 4;

/**
 * The header for a stream from `client` to `local`, the endpoint it connected
 * to: 28 bytes over IPv4, 52 over IPv6. Throws RangeError when the two are of
 * different families.
 */
export function proxyHeader(client: Endpoint, local: Endpoint): Uint8Array<ArrayBuffer> {
  const { isIpv4 } = client.address;
  if (isIpv4 !== local.address.isIpv4) {
    throw new RangeError(`No stream leads from ${client} to ${local}`);
  }
  const addressLength = isIpv4 ? IPV4_LENGTH : IPV6_LENGTH;
  const length = 2 * addressLength + PORTS_LENGTH;
  const view = begin(VERSION_PROXY, isIpv4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6, length);
  writeAddress(view, FIXED_LENGTH, client.address);
  writeAddress(view, FIXED_LENGTH + addressLength, local.address);
  view.setUint16(FIXED_LENGTH + 2 * addressLength, client.port);
  view.setUint16(FIXED_LENGTH + 2 * addressLength + 2, local.port);
  return new Uint8Array(view.buffer);
}

/** The header of a connection that is the proxy's own, a health check say: 16 bytes, no addresses. §2.2 (LOCAL). */
export function proxyHeaderLocal(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(begin(VERSION_LOCAL, UNSPEC, 0).buffer);
}

/** A header with `length` bytes behind its fixed part, not written yet. */
function begin(version: number, family: number, length: number): DataView<ArrayBuffer> {
  const header = new Uint8Array(FIXED_LENGTH + length);
  header.set(SIGNATURE);
  const view = new DataView(header.buffer);
  view.setUint8(12, version);
  view.setUint8(13, family);
  view.setUint16(14, length);
  return view;
}

function writeAddress(view: DataView, offset: number, address: Address): void {
  if (address.isIpv4) return view.setInt32(offset, address.w3);
  view.setInt32(offset, address.w0);
  view.setInt32(offset + 4, address.w1);
  view.setInt32(offset + 8, address.w2);
  view.setInt32(offset + 12, address.w3);
}
