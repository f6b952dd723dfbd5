/**
 * What the rest of the program sees of the machine: link, sockets, readiness,
 * time and entropy. `lib/host/` implements these through FFI, `tests/sim/` and
 * `tests/support/` in memory.
 *
 * System calls of the data path answer with a number: a count, or a negative
 * errno. They never throw.
 */

import type { Endpoint } from "../wire/address.ts";
import type { Frame, FrameSink } from "../wire/frame.ts";
import type { Gather } from "../wire/gather.ts";

/** An Ethernet device; frames go out through `write`. */
export interface Link extends FrameSink {
  /** The device's name, as the kernel gave it. */
  readonly name: string;
  /** What `Poller.watchLink` takes. */
  readonly descriptor: number;
  /** Whether the device cuts super-segments and completes checksums. */
  readonly offload: boolean;
  /**
   * Reads one frame into the slot and sets its `length`, `checksumTrusted` and
   * `segmentSize`. Returns the length, 0 when there is none now (or the device
   * is down), a negative errno when the device is gone.
   */
  read(frame: Frame): number;
  /** Closes the descriptor; a device that this process made disappears. */
  close(): void;
}

/** Non-blocking stream sockets towards upstreams. */
export interface Sockets {
  /**
   * Begins to connect. Returns a descriptor, or a negative errno when the
   * system refused at once. Writable readiness tells the end of the dialing;
   * `dialResult` then tells how it ended.
   *
   * With `opensFast` the kernel uses TCP Fast Open where it can: it may send no
   * SYN before the first bytes are sent, so they must be sent at once. What does
   * not ride on the SYN is not taken (EAGAIN, EINPROGRESS). RFC 7413 §4.2.2.
   *
   * Urgent bytes are received in their place, as others are. RFC 6093 §6.
   */
  dial(remote: Endpoint, opensFast?: boolean): number;
  /**
   * Has the kernel probe a silent peer: after `time` seconds, then every
   * `interval` seconds, so many `probes` before the connection is given up.
   */
  setKeepalive(descriptor: number, time: number, interval: number, probes: number): void;
  /** 0 when connected, else the errno of the failed dialing. Positive. */
  dialResult(descriptor: number): number;
  /** Sends bytes of the arena. Returns how many were taken, or a negative errno. */
  send(descriptor: number, offset: number, length: number): number;
  /** Sends the pieces of a gather in order. Returns how many bytes were taken, or a negative errno. */
  sendGather(descriptor: number, bytes: Gather): number;
  /** Sends one byte of the arena as the last of urgent data. Returns 1, or a negative errno. POSIX: MSG_OOB. */
  sendUrgent(descriptor: number, offset: number): number;
  /**
   * Receives into the pieces in order, and not beyond the urgent mark unless it
   * begins there. Returns a count, 0 at the end of the stream, or a negative errno.
   */
  receive(descriptor: number, room: Gather): number;
  /**
   * Whether the byte that is received next is the last of urgent data. One that
   * comes between this and `receive`, with nothing before it, goes unnoticed.
   * POSIX: sockatmark.
   */
  isAtMark(descriptor: number): boolean;
  /** Sends FIN behind what was sent. Returns 0 or a negative errno. */
  shutdownWrite(descriptor: number): number;
  /** Closes gracefully. */
  close(descriptor: number): void;
  /** Closes with RST (SO_LINGER 0). */
  reset(descriptor: number): void;
}

/** Bits of `Poller.readinessAt`. */
export const READABLE = 1;
/** See `READABLE`. Also set when a dialing ended. */
export const WRITABLE = 2;

/** Readiness of many descriptors. EPOLLERR and EPOLLHUP count as READABLE and WRITABLE: the call itself tells. */
export interface Poller {
  /** Watches a link, level-triggered, for frames. */
  watchLink(descriptor: number): void;
  /** Watches a socket, edge-triggered, for both directions. Closing it ends that. */
  watch(descriptor: number): void;
  /** Fetches events without waiting. Returns how many there are. */
  poll(): number;
  /**
   * Waits for events or the end of `milliseconds` (fractions count; finite, not
   * negative). Nothing else of the program runs meanwhile. Returns how many
   * events there are.
   */
  wait(milliseconds: number): number;
  /**
   * Waits for events, `wake`, or the end of `milliseconds` (fractions count,
   * Infinity waits for ever); the rest of the program goes on. Returns how many
   * events there are. One at a time.
   */
  park(milliseconds: number): Promise<number>;
  /** The descriptor of event `index` of the last `poll` or `park`. */
  descriptorAt(index: number): number;
  /** The readiness of event `index`: `READABLE`, `WRITABLE` or both. */
  readinessAt(index: number): number;
  /** Ends a park, now or the next one at once. */
  wake(): void;
  /** Closes what it holds; the watched descriptors stay open. */
  close(): void;
}

/** Monotonic time. */
export interface Clock {
  /** Milliseconds with a fraction since an unnamed moment before the program began. */
  now(): number;
}

/** Randomness fit for keys. */
export interface Entropy {
  /** Overwrites `bytes` with random ones. */
  fill(bytes: Uint8Array): void;
}
