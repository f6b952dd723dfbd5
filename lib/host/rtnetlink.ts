/**
 * What all rtnetlink requests share: the socket and the numbers of
 * linux/netlink.h, linux/rtnetlink.h and linux/if_addr.h.
 */

import { libc, LibcError } from "./libc.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;

/** For `recv`: fail with EAGAIN rather than wait. */
export const MSG_DONTWAIT = 0x40;
/** IPv4. */
export const AF_INET = 2;
/** IPv6. */
export const AF_INET6 = 10;
/** A question to the kernel. */
export const NLM_F_REQUEST = 0x001;
/** The answer is an errno; 0 acknowledges. */
export const NLMSG_ERROR = 2;
/** An address: to be added, or listed. */
export const RTM_NEWADDR = 20;
/** The attribute with the address. */
export const IFA_ADDRESS = 1;
/** For IPv4, where IFA_ADDRESS is the other end of a point-to-point link. */
export const IFA_LOCAL = 2;
/** Bytes of `struct nlmsghdr`. */
export const HEADER_LENGTH = 16;
/** Bytes of `struct ifaddrmsg`. */
export const IFADDRMSG_LENGTH = 8;

/** A socket to the kernel's routing tables; its owner closes it. Throws `LibcError`. */
export function openRtnetlink(attempt: string): number {
  const { call, errno } = libc();
  const descriptor = call.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (descriptor < 0) throw new LibcError("socket", errno[0], attempt);
  return descriptor;
}
