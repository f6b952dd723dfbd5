/**
 * The addresses of this network namespace, asked of rtnetlink: Linux gives one
 * to two devices without a word, and answers for its own itself, so that clients
 * would never reach a stack with the same one.
 */

import { Address, Cidr, ipv4Address } from "../wire/address.ts";
import { EADDRINUSE } from "./errno.ts";
import { libc, LibcError } from "./libc.ts";
import {
  AF_INET,
  AF_INET6,
  HEADER_LENGTH,
  IFA_ADDRESS,
  IFA_LOCAL,
  IFADDRMSG_LENGTH,
  MSG_DONTWAIT,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  openRtnetlink,
  RTM_NEWADDR,
} from "./rtnetlink.ts";

const NLM_F_DUMP = 0x300;
const NLMSG_DONE = 3;
const RTM_GETADDR = 22;

/** The first ten bits of fe80::/10. RFC 4291 §2.5.6. */
const LINK_LOCAL_BITS = 0x3fa;

const IFNAMSIZ = 16;
/** The kernel writes a dump in pieces of this length at most. */
const REPLY_LENGTH = 32768;

/** An address of a device here. */
export interface LocalAddress {
  /** With the prefix length it was given. */
  readonly cidr: Cidr;
  /** The device's index in this network namespace. */
  readonly deviceIndex: number;
}

/**
 * Throws `LibcError` with advice if another device than `device` has one of
 * `hostAddresses`, or the network of one of `stackAddresses`, or any device one
 * of those themselves: they belong to the stack behind it.
 */
export function refuseTakenAddresses(
  device: string,
  hostAddresses: readonly Cidr[],
  stackAddresses: readonly Cidr[],
): void {
  for (const local of localAddresses()) {
    const owner = deviceName(local.deviceIndex);
    const isLocal = ({ address }: Cidr) => address.equals(local.cidr.address);
    const remedy = `remove it with \`ip address del ${local.cidr} dev ${owner}\``;
    if (owner !== device && hostAddresses.some(isLocal)) {
      refuse(
        `Cannot give ${local.cidr.address} to ${device}`,
        `${owner} has that address: ${remedy}, or choose another one with --host-address.`,
      );
    }
    if (stackAddresses.some(isLocal)) {
      refuse(
        `Cannot relay connections to ${local.cidr.address}`,
        `${owner} has that address, and Linux would answer for it instead of Tapster: ${remedy}, ` +
          "or choose another one with --listen or --stack-address.",
      );
    }
    const drawn = owner === device ? undefined : stackAddresses.find((own) => draws(local, own));
    if (drawn === undefined) continue;
    refuse(
      `Cannot relay connections to ${drawn.address}`,
      `${owner} has the network ${local.cidr}, and Linux would send there what is for ` +
        `${drawn.address}: ${remedy}, or choose another network with --host-address and ` +
        "--listen or --stack-address.",
    );
  }
}

/**
 * Whether Linux sends what is for `own` to the device of `local`: the longest
 * prefix counts, and of equal ones the route that was there first. Every device
 * has the network of link-local addresses; a route to them names its device.
 */
function draws(local: LocalAddress, own: Cidr): boolean {
  const isLinkLocal = !own.address.isIpv4 && own.address.w0 >>> 22 === LINK_LOCAL_BITS;
  return !isLinkLocal && local.cidr.prefixLength >= own.prefixLength &&
    local.cidr.contains(own.address);
}

/** All addresses of all devices here. Throws `LibcError`. */
export function localAddresses(): LocalAddress[] {
  const { call, errno } = libc();
  const attempt = "Cannot list the addresses of this host";
  const descriptor = openRtnetlink(attempt);
  try {
    const request = dumpRequest();
    if (call.send(descriptor, request, request.length, 0) < 0) {
      throw new LibcError("send", errno[0], attempt);
    }
    const found: LocalAddress[] = [];
    const reply = new Uint8Array(REPLY_LENGTH);
    for (;;) {
      const length = call.recv(descriptor, reply, reply.length, MSG_DONTWAIT);
      if (length < 0) throw new LibcError("recv", errno[0], attempt);
      if (parseAddresses(reply.subarray(0, length), found)) return found;
    }
  } finally {
    call.close(descriptor);
  }
}

/**
 * Appends what one piece of the kernel's answer lists to `found`. Returns
 * whether it was the last piece. Throws `LibcError` when the kernel refuses.
 */
export function parseAddresses(reply: Uint8Array<ArrayBuffer>, found: LocalAddress[]): boolean {
  const view = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
  for (let at = 0; at + HEADER_LENGTH <= view.byteLength;) {
    const length = view.getUint32(at, true);
    const type = view.getUint16(at + 4, true);
    if (type === NLMSG_DONE || length < HEADER_LENGTH) return true;
    if (type === NLMSG_ERROR) {
      const errno = -view.getInt32(at + HEADER_LENGTH, true);
      throw new LibcError("RTM_GETADDR", errno, "Cannot list the addresses of this host");
    }
    const local = type === RTM_NEWADDR ? addressOf(view, at + HEADER_LENGTH, at + length) : null;
    if (local !== null) found.push(local);
    at += aligned(length);
  }
  return view.byteLength === 0;
}

/** The address in a `struct ifaddrmsg` and its attributes; null: of no Internet. */
function addressOf(view: DataView, start: number, end: number): LocalAddress | null {
  const family = view.getUint8(start);
  if (family !== AF_INET && family !== AF_INET6) return null;
  let address: Address | null = null;
  for (let at = start + IFADDRMSG_LENGTH; at + 4 <= end;) {
    const length = view.getUint16(at, true);
    const type = view.getUint16(at + 2, true);
    const isBetter = type === IFA_LOCAL || (type === IFA_ADDRESS && address === null);
    if (isBetter) address = readAddress(view, at + 4, family === AF_INET);
    if (length < 4) break;
    at += aligned(length);
  }
  if (address === null) return null;
  const cidr = new Cidr(address, view.getUint8(start + 1));
  return { cidr, deviceIndex: view.getUint32(start + 4, true) };
}

function readAddress(view: DataView, at: number, isIpv4: boolean): Address {
  if (isIpv4) return ipv4Address(view.getInt32(at));
  return new Address(
    view.getInt32(at),
    view.getInt32(at + 4),
    view.getInt32(at + 8),
    view.getInt32(at + 12),
  );
}

function dumpRequest(): Uint8Array<ArrayBuffer> {
  const request = new Uint8Array(HEADER_LENGTH + IFADDRMSG_LENGTH);
  const view = new DataView(request.buffer);
  view.setUint32(0, request.length, true);
  view.setUint16(4, RTM_GETADDR, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  return request;
}

function deviceName(index: number): string {
  const name = new Uint8Array(IFNAMSIZ);
  if (libc().call.if_indextoname(index, name) === null) return `device ${index}`; // just gone
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}

function refuse(attempt: string, advice: string): never {
  throw new LibcError("RTM_GETADDR", EADDRINUSE, attempt, advice);
}

function aligned(length: number): number {
  return (length + 3) & -4;
}
