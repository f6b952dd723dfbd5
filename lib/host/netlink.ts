/**
 * Addresses and link state of a network device by rtnetlink, in place of the
 * `ip` command. One request, one acknowledgement; the kernel answers within the
 * send, so nothing waits.
 */

import type { Cidr } from "../wire/address.ts";
import { EACCES, EINVAL, EOPNOTSUPP, EPERM } from "./errno.ts";
import { cString, libc, LibcError } from "./libc.ts";
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

const NLM_F_ACK = 0x004;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;
const RTM_NEWLINK = 16;
const IFF_UP = 1;
const IFLA_TXQLEN = 13;
/** No duplicate address detection: the address is usable at once. */
const IFA_F_NODAD = 0x02;

const IFINFOMSG_LENGTH = 16;
const ATTRIBUTE_HEADER_LENGTH = 4;

/** A rtnetlink socket for the set-up of one device. */
export class Netlink implements Disposable {
  readonly #device: string;
  readonly #index: number;
  readonly #descriptor: number;
  #sequence = 0;

  /** Throws `LibcError` when there is no device of that name here. Its owner disposes it. */
  constructor(device: string) {
    const { call, errno } = libc();
    this.#device = device;
    this.#index = call.if_nametoindex(cString(device));
    if (this.#index === 0) throw new LibcError("if_nametoindex", errno[0], `Cannot find ${device}`);
    this.#descriptor = openRtnetlink("Cannot open netlink");
  }

  /**
   * Gives the device an address with its prefix; one it has already is replaced.
   * Throws `LibcError`.
   */
  addAddress(cidr: Cidr): void {
    const request = addressRequest(cidr, this.#index);
    const { address, prefixLength } = cidr;
    const attempt = `Cannot add ${address}/${prefixLength} to ${this.#device}`;
    const refusal = this.#ask(request, attempt);
    if (refusal === 0) return;
    const advice = adviceFor(refusal, !address.isIpv4);
    throw new LibcError("RTM_NEWADDR", refusal, attempt, advice);
  }

  /** Sets the link up. Throws `LibcError`. */
  setUp(): void {
    const attempt = `Cannot set ${this.#device} up`;
    const refusal = this.#ask(linkUpRequest(this.#index), attempt);
    if (refusal !== 0) {
      throw new LibcError("RTM_NEWLINK", refusal, attempt, adviceFor(refusal, false));
    }
  }

  /**
   * Sets the transmit queue's length in frames. Returns 0, or a positive errno;
   * throws `LibcError` when the kernel could not be asked.
   *
   * The ioctl for it wants CAP_NET_ADMIN over the whole machine; this way, over
   * the device's network namespace will do, as `unshare -Urn` gives it.
   */
  setTxQueueLength(frames: number): number {
    const attempt = `Cannot set the transmit queue of ${this.#device}`;
    return this.#ask(txQueueRequest(this.#index, frames), attempt);
  }

  [Symbol.dispose](): void {
    libc().call.close(this.#descriptor);
  }

  /** Returns 0 or the kernel's refusal as a positive errno. */
  #ask(request: Uint8Array<ArrayBuffer>, attempt: string): number {
    const { call, errno } = libc();
    const sequence = ++this.#sequence;
    new DataView(request.buffer).setUint32(8, sequence, true);
    if (call.send(this.#descriptor, request, request.length, 0) < 0) {
      throw new LibcError("send", errno[0], attempt);
    }
    const reply = new Uint8Array(4096);
    const length = call.recv(this.#descriptor, reply, reply.length, MSG_DONTWAIT);
    if (length < 0) throw new LibcError("recv", errno[0], attempt);
    return parseAcknowledgement(reply.subarray(0, length), sequence);
  }
}

const NEEDS_CAPABILITY_ADVICE =
  "Setting up a device needs CAP_NET_ADMIN; --no-setup leaves it as it is.";
const SHORT_MTU_ADVICE = "IPv6 needs an MTU of at least 1280 bytes.";
const NO_IPV6_ADVICE =
  "IPv6 seems to be off: see the sysctl net.ipv6.conf.default.disable_ipv6, or use IPv4 only.";

function adviceFor(errno: number, isIpv6: boolean): string {
  if (errno === EPERM) return NEEDS_CAPABILITY_ADVICE;
  if (!isIpv6) return "";
  if (errno === EINVAL) return SHORT_MTU_ADVICE;
  return errno === EACCES || errno === EOPNOTSUPP ? NO_IPV6_ADVICE : "";
}

/** RTM_NEWADDR with the sequence number left 0, for the device with this index. */
export function addressRequest(cidr: Cidr, deviceIndex: number): Uint8Array<ArrayBuffer> {
  const bytes = addressBytes(cidr);
  const attributeLength = ATTRIBUTE_HEADER_LENGTH + bytes.length;
  const length = HEADER_LENGTH + IFADDRMSG_LENGTH + 2 * attributeLength;
  const request = newRequest(length, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  const view = new DataView(request.buffer);
  let at = HEADER_LENGTH;
  view.setUint8(at, cidr.address.isIpv4 ? AF_INET : AF_INET6);
  view.setUint8(at + 1, cidr.prefixLength);
  view.setUint8(at + 2, cidr.address.isIpv4 ? 0 : IFA_F_NODAD); // IPv4 has no detection
  view.setUint32(at + 4, deviceIndex, true);
  at += IFADDRMSG_LENGTH;
  for (const type of [IFA_LOCAL, IFA_ADDRESS]) {
    view.setUint16(at, attributeLength, true);
    view.setUint16(at + 2, type, true);
    request.set(bytes, at + ATTRIBUTE_HEADER_LENGTH);
    at += attributeLength;
  }
  return request;
}

/** RTM_NEWLINK that changes the flag IFF_UP alone, with the sequence number left 0. */
export function linkUpRequest(deviceIndex: number): Uint8Array<ArrayBuffer> {
  const request = newRequest(HEADER_LENGTH + IFINFOMSG_LENGTH, RTM_NEWLINK, 0);
  const view = new DataView(request.buffer);
  view.setInt32(HEADER_LENGTH + 4, deviceIndex, true);
  view.setUint32(HEADER_LENGTH + 8, IFF_UP, true); // the flags
  view.setUint32(HEADER_LENGTH + 12, IFF_UP, true); // which of them to change
  return request;
}

/** RTM_NEWLINK that sets the transmit queue's length alone, with the sequence number left 0. */
export function txQueueRequest(deviceIndex: number, frames: number): Uint8Array<ArrayBuffer> {
  const attributeAt = HEADER_LENGTH + IFINFOMSG_LENGTH;
  const attributeLength = ATTRIBUTE_HEADER_LENGTH + 4;
  const request = newRequest(attributeAt + attributeLength, RTM_NEWLINK, 0);
  const view = new DataView(request.buffer);
  view.setInt32(HEADER_LENGTH + 4, deviceIndex, true);
  view.setUint16(attributeAt, attributeLength, true);
  view.setUint16(attributeAt + 2, IFLA_TXQLEN, true);
  view.setUint32(attributeAt + ATTRIBUTE_HEADER_LENGTH, frames, true);
  return request;
}

/**
 * What the kernel said to request `sequence`: 0 for done, else a positive errno.
 * Throws `Error` when the reply is no answer to it.
 */
export function parseAcknowledgement(reply: Uint8Array<ArrayBuffer>, sequence: number): number {
  const view = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
  const isAnswer = reply.length >= HEADER_LENGTH + 4 && view.getUint16(4, true) === NLMSG_ERROR &&
    view.getUint32(8, true) === sequence;
  if (!isAnswer) throw new Error(`Cannot understand netlink's answer to request ${sequence}`);
  return -view.getInt32(HEADER_LENGTH, true);
}

function newRequest(length: number, type: number, flags: number): Uint8Array<ArrayBuffer> {
  const request = new Uint8Array(length);
  const view = new DataView(request.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_ACK | flags, true);
  return request;
}

/** The address in network order: 4 bytes or 16. */
function addressBytes(cidr: Cidr): Uint8Array<ArrayBuffer> {
  const { w0, w1, w2, w3, isIpv4 } = cidr.address;
  const words = isIpv4 ? [w3] : [w0, w1, w2, w3];
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => view.setInt32(4 * index, word));
  return bytes;
}
