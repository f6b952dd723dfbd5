/**
 * A Linux TAP device as the program's link: Ethernet frames by `read(2)` and
 * `write(2)` on one descriptor, or `writev(2)` where a payload lies elsewhere.
 *
 * With offload each frame has a virtio-net header of 10 bytes in front
 * (`struct virtio_net_hdr`, virtio 1.2 §5.1.6, in the machine's byte order): a
 * read brings up to 64 KiB of one stream, the device cuts what is written and
 * completes its checksum. Without it frames are bare, one per MTU, with the
 * Ethernet header at the same place of the slot.
 */

import { invariant } from "../invariant.ts";
import type { Cidr } from "../wire/address.ts";
import { type Frame, FRAME_HEADROOM } from "../wire/frame.ts";
import { type Gather, GATHER_PIECES } from "../wire/gather.ts";
import type { Arena } from "../wire/memory.ts";
import { ArenaAddress } from "./arena_address.ts";
import { EAGAIN, EIO, ENOBUFS, ENOMEM } from "./errno.ts";
import type { Link } from "./host.ts";
import { IoVector } from "./io_vector.ts";
import { libc, type LibcCalls } from "./libc.ts";
import { steerReceive } from "./receive_steering.ts";
import { Netlink } from "./netlink.ts";
import { attachTap, setLinkMtu, setTxQueueLength, type TapDevice } from "./tap_device.ts";

const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
const VIRTIO_NET_HDR_F_DATA_VALID = 2;
const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
const VIRTIO_NET_HDR_GSO_TCPV6 = 4;
const VIRTIO_NET_HDR_GSO_ECN = 0x80;
/** All but VIRTIO_NET_HDR_GSO_ECN: whether a received super-segment has CWR its header says. */
const GSO_TYPE_MASK = 0x7f;
const CHECKSUM_KNOWN = VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID;

/** What to open, and how to set it up. */
export interface TapOptions {
  /** Where the frames lie that will be read and written. */
  readonly arena: Arena;
  /**
   * The device's name, 1 … 15 bytes; `%d` in it becomes the first free number.
   * One that exists is used and stays, one that does not is made and goes with
   * the process.
   */
  readonly name: string;
  /** Largest IP packet in bytes, 68 … 65521. */
  readonly mtu: number;
  /** Whether to ask for super-segments and checksums by the device. */
  readonly offload: boolean;
  /**
   * Frames the device keeps for us before it drops. It drops without telling the
   * sender's TCP, so a receive window of frames should fit.
   */
  readonly txQueueLength: number;
  /** Addresses of the host's side, to add before the link is set up; null leaves addresses and link state alone. */
  readonly setup: { readonly addresses: readonly Cidr[] } | null;
}

/** An open TAP device; its owner closes it. */
export class TapLink implements Link {
  readonly name: string;
  readonly descriptor: number;
  readonly offload: boolean;
  /** The device's transmit queue in frames; not as asked for when that was refused. */
  readonly txQueueLength: number;
  /** Frames not sent because the device had no room or the kernel no memory. */
  writesRefused = 0;
  /** Frames lost because the device was down. */
  writesWhileDown = 0;
  /** Frames lost because the kernel rejected them, or the device is gone. */
  writesFailed = 0;
  /** The errno of the last of `writesFailed`, positive; 0: none. */
  lastWriteErrno = 0;

  readonly #call: LibcCalls;
  readonly #errno: Int32Array;
  readonly #view: DataView<ArrayBuffer>;
  readonly #address: ArenaAddress;
  readonly #vector: IoVector;
  /** Bytes of virtio-net header in front of each frame: 10 or 0. */
  readonly #headerLength: number;
  /** By `Frame.base`: where reading or writing that frame begins. */
  readonly #pointers = new Map<number, Deno.PointerObject>();

  /**
   * Opens the device and sets it up. Throws `LibcError` with advice when the
   * system refuses, RangeError when the name has no legal length.
   */
  static open(options: TapOptions): TapLink {
    const device = attachTap(options.name, options.offload);
    try {
      const txQueueLength = setUpDevice(device.name, options);
      if (!device.offload) steerReceive(device.name, navigator.hardwareConcurrency);
      return new TapLink(options.arena, device, txQueueLength);
    } catch (error) {
      libc().call.close(device.descriptor);
      throw error;
    }
  }

  private constructor(arena: Arena, device: TapDevice, txQueueLength: number) {
    const { call, errno } = libc();
    this.name = device.name;
    this.descriptor = device.descriptor;
    this.offload = device.offload;
    this.txQueueLength = txQueueLength;
    this.#call = call;
    this.#errno = errno;
    this.#view = arena.view;
    this.#address = new ArenaAddress(arena);
    this.#vector = new IoVector(this.#address, 1 + GATHER_PIECES);
    this.#headerLength = device.offload ? FRAME_HEADROOM : 0;
  }

  read(frame: Frame): number {
    const headerLength = this.#headerLength;
    const length = headerLength + frame.capacity;
    const count = this.#call.read(this.descriptor, this.#pointerTo(frame), length);
    if (count <= 0) return count === 0 ? 0 : this.#readFailed();
    frame.length = count - headerLength;
    if (headerLength === 0) {
      frame.checksumTrusted = false;
      frame.segmentSize = 0;
      return count;
    }
    const base = frame.base;
    const hasSegments = (this.#view.getUint8(base + 1) & GSO_TYPE_MASK) !== 0;
    frame.checksumTrusted = (this.#view.getUint8(base) & CHECKSUM_KNOWN) !== 0;
    frame.segmentSize = hasSegments ? this.#view.getUint16(base + 4, true) : 0;
    return frame.length;
  }

  write(header: Frame, payload: Gather, segmentSize: number): boolean {
    const headerLength = this.#headerLength;
    if (headerLength !== 0) {
      this.#writeOffloads(header, segmentSize);
    } else {
      invariant(header.checksumStart === 0, "checksum left to a device that completes none");
      invariant(segmentSize === 0, "super-segment for a device that cuts none");
    }
    const length = headerLength + header.length;
    const count = payload.count === 0
      ? this.#call.write(this.descriptor, this.#pointerTo(header), length)
      : this.#writeGather(header, length, payload);
    if (count >= 0) return true;
    this.#countRefusal(this.#errno[0]);
    return false;
  }

  close(): void {
    this.#call.close(this.descriptor);
  }

  #writeGather(header: Frame, length: number, payload: Gather): number {
    this.#vector.set(0, header.start - this.#headerLength, length);
    this.#vector.setAll(1, payload);
    return this.#call.writev(this.descriptor, this.#vector.pointer, 1 + payload.count);
  }

  /** Fills the virtio-net header in front of `header`. */
  #writeOffloads(header: Frame, segmentSize: number): void {
    const view = this.#view;
    const base = header.base;
    const needsChecksum = header.checksumStart !== 0;
    view.setUint8(base, needsChecksum ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0);
    view.setUint16(base + 6, header.checksumStart, true);
    view.setUint16(base + 8, needsChecksum ? header.checksumField : 0, true);
    if (segmentSize === 0) {
      view.setUint8(base + 1, 0);
      view.setInt32(base + 2, 0); // header length and segment size
      return;
    }
    const type = header.isIpv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
    view.setUint8(base + 1, header.hasCwr ? type | VIRTIO_NET_HDR_GSO_ECN : type);
    view.setUint16(base + 2, header.length, true);
    view.setUint16(base + 4, segmentSize, true);
  }

  #readFailed(): number {
    const errno = this.#errno[0];
    return errno === EAGAIN || errno === EIO ? 0 : -errno;
  }

  #countRefusal(errno: number): void {
    if (errno === EAGAIN || errno === ENOBUFS || errno === ENOMEM) {
      this.writesRefused++;
    } else if (errno === EIO) {
      this.writesWhileDown++;
    } else {
      this.writesFailed++;
      this.lastWriteErrno = errno;
    }
  }

  /** To the virtio-net header in front of a frame, or to the frame. */
  #pointerTo(frame: Frame): Deno.PointerObject {
    return this.#pointers.get(frame.base) ?? this.#newPointer(frame);
  }

  #newPointer(frame: Frame): Deno.PointerObject {
    invariant(frame.arena === this.#address.arena, "frame of another arena");
    const pointer = this.#address.pointer(frame.start - this.#headerLength);
    this.#pointers.set(frame.base, pointer);
    return pointer;
  }
}

/** Returns the length of the transmit queue. */
function setUpDevice(name: string, options: TapOptions): number {
  const { mtu, txQueueLength, setup } = options;
  const isOurs = setup !== null;
  using netlink = new Netlink(name);
  setLinkMtu(name, mtu, isOurs);
  const actualLength = setTxQueueLength(netlink, name, txQueueLength, isOurs);
  if (setup === null) return actualLength;
  for (const address of setup.addresses) netlink.addAddress(address);
  netlink.setUp();
  return actualLength;
}
