/**
 * Opening a TAP device and setting its queue and MTU; what can go wrong there, and
 * what the user can do about it.
 */

import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENOTTY, ENXIO, EPERM } from "./errno.ts";
import { cString, libc, LibcError } from "./libc.ts";
import type { Netlink } from "./netlink.ts";

const CONTROL_FILE = "/dev/net/tun";
const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;

const TUNSETIFF = 0x400454ca;
const TUNGETFEATURES = 0x800454cf;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
/** TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 and TUN_F_TSO_ECN: TCP of both families. */
const TCP_OFFLOADS = 1 | 2 | 4 | 8;
const VNET_HEADER_LENGTH = 10;

const SIOCGIFMTU = 0x8921;
const SIOCSIFMTU = 0x8922;
const SIOCGIFTXQLEN = 0x8942;

/** `struct ifreq`: the name in 16 bytes, then a union. */
const IFREQ_LENGTH = 40;
const IFNAMSIZ = 16;

/** An open TAP; the descriptor belongs to who called `attachTap`. */
export interface TapDevice {
  /** As the kernel completed it. */
  readonly name: string;
  readonly descriptor: number;
  /** Whether a virtio-net header is in front of each frame, with the TCP offloads on. */
  readonly offload: boolean;
}

/**
 * Opens the device `name`, not blocking, making it when there is none. When the
 * kernel does not grant `offload`, frames are bare. Throws `LibcError`,
 * RangeError when the name has no legal length.
 */
export function attachTap(name: string, offload: boolean): TapDevice {
  const nameLength = new TextEncoder().encode(name).length;
  if (nameLength === 0 || nameLength >= IFNAMSIZ) {
    throw new RangeError(`Device name must have 1 to ${IFNAMSIZ - 1} bytes: ${name}`);
  }
  return (offload ? tryAttach(name, true) : null) ?? tryAttach(name, false)!;
}

/**
 * Sets the MTU in bytes. With `isRequired` false, one that we may not change will
 * do if it is the wanted one already. Throws `LibcError`.
 */
export function setLinkMtu(name: string, mtu: number, isRequired: boolean): void {
  const errno = setInteger(name, SIOCSIFMTU, mtu);
  if (errno === 0) return;
  const isRefused = errno === EPERM && !isRequired;
  if (isRefused && getInteger(name, SIOCGIFMTU) === mtu) return;
  const attempt = `Cannot set the MTU of ${name} to ${mtu}`;
  throw new LibcError("SIOCSIFMTU", errno, attempt, mtuAdvice(name, mtu, errno));
}

/**
 * Sets the transmit queue's length in frames, and returns what it is now. With
 * `isRequired` false a refusal only leaves it as it was: a short queue costs
 * speed. Throws `LibcError`.
 */
export function setTxQueueLength(
  netlink: Netlink,
  name: string,
  frames: number,
  isRequired: boolean,
): number {
  const errno = netlink.setTxQueueLength(frames);
  if (errno === 0) return frames;
  if (errno === EPERM && !isRequired) return getInteger(name, SIOCGIFTXQLEN);
  const attempt = `Cannot set the transmit queue of ${name} to ${frames} frames`;
  const advice = errno === EPERM ? needsCapability(name) : "";
  throw new LibcError("IFLA_TXQLEN", errno, attempt, advice);
}

/** Null when the kernel does not grant the offloads. */
function tryAttach(name: string, offload: boolean): TapDevice | null {
  const { call } = libc();
  const descriptor = openControlFile();
  let isKept = false;
  try {
    if (offload && !hasVnetHeader(descriptor)) return null;
    const actualName = setInterface(descriptor, name, offload ? IFF_VNET_HDR : 0);
    const isGranted = setOffloads(descriptor, offload);
    isKept = isGranted || !offload;
    return isKept ? { name: actualName, descriptor, offload } : null;
  } finally {
    if (!isKept) call.close(descriptor);
  }
}

function openControlFile(): number {
  const { call, errno } = libc();
  const descriptor = call.open(cString(CONTROL_FILE), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (descriptor >= 0) return descriptor;
  throw new LibcError("open", errno[0], `Cannot open ${CONTROL_FILE}`, openAdvice(errno[0]));
}

function hasVnetHeader(descriptor: number): boolean {
  const { call } = libc();
  const features = new Uint32Array(1);
  const isKnown = call.ioctl(descriptor, TUNGETFEATURES, new Uint8Array(features.buffer)) === 0;
  return isKnown && (features[0] & IFF_VNET_HDR) !== 0;
}

/** Binds the descriptor to the device; returns the device's name. */
function setInterface(descriptor: number, name: string, flags: number): string {
  const { call, errno } = libc();
  const request = interfaceRequest(name);
  new DataView(request.buffer).setUint16(IFNAMSIZ, IFF_TAP | IFF_NO_PI | flags, true);
  if (call.ioctl(descriptor, TUNSETIFF, request) !== 0) {
    const advice = attachAdvice(name, errno[0]);
    throw new LibcError("TUNSETIFF", errno[0], `Cannot open ${name}`, advice);
  }
  return new TextDecoder().decode(request.subarray(0, request.indexOf(0)));
}

/**
 * Sets both ways explicitly, for a device that outlives its users remembers what
 * the last one asked for.
 */
function setOffloads(descriptor: number, offload: boolean): boolean {
  const { call } = libc();
  if (!offload) return call.ioctl_number(descriptor, TUNSETOFFLOAD, 0) === 0;
  const length = new Uint8Array(new Uint32Array([VNET_HEADER_LENGTH]).buffer);
  return call.ioctl(descriptor, TUNSETVNETHDRSZ, length) === 0 &&
    call.ioctl_number(descriptor, TUNSETOFFLOAD, TCP_OFFLOADS) === 0;
}

/** Sets an integer of a device; returns 0 or a positive errno. */
function setInteger(name: string, operation: number, value: number): number {
  const request = interfaceRequest(name);
  new DataView(request.buffer).setInt32(IFNAMSIZ, value, true);
  return deviceIoctl(operation, request);
}

/** An integer of a device; -1 when it cannot be asked for. */
function getInteger(name: string, operation: number): number {
  const request = interfaceRequest(name);
  const errno = deviceIoctl(operation, request);
  return errno === 0 ? new DataView(request.buffer).getInt32(IFNAMSIZ, true) : -1;
}

/** An ioctl that takes a device's name works on any socket. Returns 0 or a positive errno. */
function deviceIoctl(operation: number, request: Uint8Array<ArrayBuffer>): number {
  const { call, errno } = libc();
  const socket = call.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return errno[0];
  const result = call.ioctl(socket, operation, request) === 0 ? 0 : errno[0];
  call.close(socket);
  return result;
}

function interfaceRequest(name: string): Uint8Array<ArrayBuffer> {
  const request = new Uint8Array(IFREQ_LENGTH);
  new TextEncoder().encodeInto(name, request.subarray(0, IFNAMSIZ - 1));
  return request;
}

function openAdvice(errno: number): string {
  if (errno === ENOENT || errno === ENODEV || errno === ENXIO) {
    return "Load the kernel's driver with `modprobe tun`; " +
      `in a container, pass the file in with \`--device ${CONTROL_FILE}\`.`;
  }
  if (errno === EPERM || errno === EACCES) {
    return `Run as root, or let your user open ${CONTROL_FILE} (\`sudo chmod 666 ${CONTROL_FILE}\` ` +
      `is what most distributions have); in a container, pass it in with ` +
      `\`--device ${CONTROL_FILE}\`.`;
  }
  return "";
}

function attachAdvice(name: string, errno: number): string {
  if (errno === EPERM || errno === EACCES) return needsCapability(name);
  if (errno === EBUSY) {
    return `Another program has ${name} open, perhaps another Tapster: stop it, or choose another name with --tap.`;
  }
  if (errno === EINVAL) {
    return `${name} is not a TAP with a single queue, or not a legal name: choose another one with ` +
      `--tap, or look at it with \`ip -d link show ${name}\`.`;
  }
  if (errno === ENOTTY) {
    return `${CONTROL_FILE} is not the TUN/TAP driver: make it with ` +
      `\`mknod ${CONTROL_FILE} c 10 200\`; in a container, pass it in with ` +
      `\`--device ${CONTROL_FILE}\`.`;
  }
  return "";
}

function mtuAdvice(name: string, mtu: number, errno: number): string {
  if (errno === EINVAL) return "A TAP has an MTU of 68 to 65521 bytes, 1280 or more with IPv6.";
  if (errno === EPERM) {
    return `Have it set beforehand with \`ip link set ${name} mtu ${mtu}\`. ${
      needsCapability(name)
    }`;
  }
  return "";
}

function needsCapability(name: string): string {
  return `This needs the capability CAP_NET_ADMIN: use \`sudo\`; or try it in a private network with ` +
    `\`unshare -Urn\`; or have the device made once with ` +
    `\`ip tuntap add dev ${name} mode tap user $USER\`, set up, and use --no-setup.`;
}
