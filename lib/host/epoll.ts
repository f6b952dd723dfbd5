/**
 * Readiness through epoll: a poll for the busy loop, a short wait in the loop's
 * own thread, and one waiting call on another thread for the idle one.
 *
 * Sockets are edge-triggered, so a descriptor costs nothing while its relay
 * has no wish to read or write; the link is level-triggered, because a turn may
 * end before it is empty.
 */

import { invariant } from "../invariant.ts";
import type { Arena } from "../wire/memory.ts";
import { ArenaAddress } from "./arena_address.ts";
import { ENOSPC } from "./errno.ts";
import { type Poller, READABLE, WRITABLE } from "./host.ts";
import { type Libc, libc, LibcError } from "./libc.ts";

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 0x001;
const EPOLLOUT = 0x004;
const EPOLLERR = 0x008;
const EPOLLHUP = 0x010;
const EPOLLRDHUP = 0x2000;
const EPOLLET = 0x8000_0000 | 0;
const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

/** `struct epoll_event` is packed on x86-64 only; in 32-bit words. */
const EVENT_WORDS = Deno.build.arch === "x86_64" ? 3 : 4;
/** Where its 64 bits of user data lie: the descriptor, then its generation. */
const DATA_WORD = EVENT_WORDS - 2;

const READABLE_MASK = EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP;
const WRITABLE_MASK = EPOLLOUT | EPOLLERR | EPOLLHUP;

/** The longest finite park: a deadline further away is looked at again then. */
const LONGEST_PARK_MS = 86_400_000;

/** Events fetched at once when the options do not say. */
const DEFAULT_EVENTS = 256;

/**
 * An epoll instance with an eventfd to wake it.
 *
 * A descriptor closed while its event waits to be handled, whose number a new
 * socket then got, is not reported for the new one: each `watch` of a number
 * begins a generation, and an event of an older one has readiness 0.
 */
export class EpollPoller implements Poller {
  readonly #libc: Libc;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #epoll: number;
  readonly #eventfd: number;
  readonly #capacity: number;
  /** The fetched events. */
  readonly #events: Deno.PointerObject;
  readonly #eventsAt: number;
  /** One event on its way into `epoll_ctl`. */
  readonly #request: Deno.PointerObject;
  readonly #requestAt: number;
  /** A `struct timespec`. */
  readonly #timeout: Deno.PointerObject;
  readonly #timeoutAt: number;
  /** The 64-bit one that `wake` adds to the eventfd. */
  readonly #one: Deno.PointerObject;
  /** Whether the kernel has `epoll_pwait2`, with its nanoseconds. */
  readonly #isFine: boolean;
  /** By descriptor. */
  #generations: Int32Array = new Int32Array(1024);
  #isWoken = false;
  #isParked = false;
  #isClosed = false;

  /**
   * Takes some 4 KiB of the arena, for good: a parked call keeps writing there
   * and FFI does not keep its buffers alive. `events` is how many are fetched at
   * once. Throws `LibcError` when the system has no descriptors left.
   */
  constructor(arena: Arena, events: number = DEFAULT_EVENTS) {
    const address = new ArenaAddress(arena);
    const offset = arena.reserve((events + 1) * EVENT_WORDS * 4, 8);
    const requestOffset = offset + events * EVENT_WORDS * 4;
    const timeoutOffset = arena.reserve(16, 8);
    const oneOffset = arena.reserve(8, 8);
    this.#libc = libc();
    this.#words = address.words;
    this.#capacity = events;
    this.#events = address.pointer(offset);
    this.#eventsAt = offset >> 2;
    this.#request = address.pointer(requestOffset);
    this.#requestAt = requestOffset >> 2;
    this.#timeout = address.pointer(timeoutOffset);
    this.#timeoutAt = timeoutOffset >> 2;
    this.#one = address.pointer(oneOffset);
    this.#words[oneOffset >> 2] = 1;
    this.#words[(oneOffset >> 2) + 1] = 0;
    this.#epoll = this.#open("epoll_create1", this.#libc.call.epoll_create1(EPOLL_CLOEXEC));
    this.#eventfd = this.#open("eventfd", this.#libc.call.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    // Edge-triggered: each wake is one event, and nobody need read the eventfd.
    this.#add(this.#eventfd, EPOLLIN | EPOLLET);
    this.#isFine = this.#hasFineWait();
  }

  /** Throws `LibcError` when the kernel refuses to watch. */
  watchLink(descriptor: number): void {
    this.#add(descriptor, EPOLLIN);
  }

  /** Throws `LibcError` when the kernel refuses to watch. */
  watch(descriptor: number): void {
    this.#add(descriptor, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }

  poll(): number {
    const count = this.#libc.call.epoll_wait(this.#epoll, this.#events, this.#capacity, 0);
    return count > 0 ? this.#withoutWake(count) : 0;
  }

  wait(milliseconds: number): number {
    const { epoll_pwait2, epoll_wait } = this.#libc.call;
    let count: number;
    if (this.#isFine && epoll_pwait2 !== null) {
      this.#setTimeout(milliseconds);
      count = epoll_pwait2(this.#epoll, this.#events, this.#capacity, this.#timeout, null);
    } else {
      count = epoll_wait(this.#epoll, this.#events, this.#capacity, Math.ceil(milliseconds));
    }
    return count > 0 ? this.#withoutWake(count) : 0;
  }

  async park(milliseconds: number): Promise<number> {
    invariant(!this.#isParked, "two parks at a time");
    if (this.#isWoken || this.#isClosed || milliseconds <= 0) {
      this.#isWoken = false;
      return this.#isClosed ? 0 : this.poll();
    }
    this.#isParked = true;
    const count = await this.#wait(milliseconds);
    this.#isParked = false;
    this.#isWoken = false;
    if (this.#isClosed) {
      this.#closeDescriptors();
      return 0;
    }
    // The call ran on a thread with an errno of its own; what it may say is
    // EINTR, which is no event.
    return count > 0 ? this.#withoutWake(count) : 0;
  }

  descriptorAt(index: number): number {
    return this.#words[this.#eventsAt + index * EVENT_WORDS + DATA_WORD];
  }

  readinessAt(index: number): number {
    const at = this.#eventsAt + index * EVENT_WORDS;
    const descriptor = this.#words[at + DATA_WORD];
    if (this.#words[at + DATA_WORD + 1] !== this.#generations[descriptor]) return 0;
    const events = this.#words[at];
    return ((events & READABLE_MASK) !== 0 ? READABLE : 0) |
      ((events & WRITABLE_MASK) !== 0 ? WRITABLE : 0);
  }

  wake(): void {
    this.#isWoken = true;
    if (this.#isParked) this.#libc.call.write(this.#eventfd, this.#one, 8);
  }

  /** A park that still waits ends with 0 events. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // The waiting thread sleeps on these descriptors: closed under it, they
    // would never wake it. It is woken, and the park closes them.
    if (this.#isParked) this.wake();
    else this.#closeDescriptors();
  }

  #closeDescriptors(): void {
    this.#libc.call.close(this.#eventfd);
    this.#libc.call.close(this.#epoll);
  }

  #wait(milliseconds: number): Promise<number> {
    const { epoll_pwait2_parked, epoll_wait_parked } = this.#libc.call;
    const isEndless = milliseconds === Infinity;
    const waitMs = Math.min(milliseconds, LONGEST_PARK_MS);
    if (this.#isFine && epoll_pwait2_parked !== null) {
      this.#setTimeout(waitMs);
      const timeout = isEndless ? null : this.#timeout;
      return epoll_pwait2_parked(this.#epoll, this.#events, this.#capacity, timeout, null);
    }
    // Rounded up: woken early, the driver would park again for no time at all.
    const wholeMs = isEndless ? -1 : Math.ceil(waitMs);
    return epoll_wait_parked(this.#epoll, this.#events, this.#capacity, wholeMs);
  }

  #setTimeout(milliseconds: number): void {
    const seconds = Math.floor(milliseconds / 1000);
    const at = this.#timeoutAt;
    this.#words[at] = seconds;
    this.#words[at + 1] = 0;
    this.#words[at + 2] = Math.floor((milliseconds - seconds * 1000) * 1e6);
    this.#words[at + 3] = 0;
  }

  /** Takes the eventfd's event out of `count` fetched ones; returns how many are left. */
  #withoutWake(count: number): number {
    for (let i = 0; i < count; i++) {
      if (this.descriptorAt(i) !== this.#eventfd) continue;
      const at = this.#eventsAt + i * EVENT_WORDS;
      const lastAt = this.#eventsAt + (count - 1) * EVENT_WORDS;
      this.#words.copyWithin(at, lastAt, lastAt + EVENT_WORDS);
      return count - 1;
    }
    return count;
  }

  #add(descriptor: number, events: number): void {
    const at = this.#requestAt;
    this.#words[at] = events;
    this.#words[at + DATA_WORD] = descriptor;
    this.#words[at + DATA_WORD + 1] = this.#nextGeneration(descriptor);
    const { epoll_ctl } = this.#libc.call;
    if (epoll_ctl(this.#epoll, EPOLL_CTL_ADD, descriptor, this.#request) === 0) return;
    const errno = this.#libc.errno[0];
    const advice = errno === ENOSPC ? "Raise the sysctl fs.epoll.max_user_watches." : "";
    throw new LibcError("epoll_ctl", errno, `Cannot watch descriptor ${descriptor}`, advice);
  }

  #nextGeneration(descriptor: number): number {
    if (descriptor >= this.#generations.length) {
      const larger = new Int32Array(2 * descriptor);
      larger.set(this.#generations);
      this.#generations = larger;
    }
    return ++this.#generations[descriptor];
  }

  #open(syscall: string, descriptor: number): number {
    if (descriptor >= 0) return descriptor;
    throw new LibcError(syscall, this.#libc.errno[0], "Cannot open an epoll instance");
  }

  /** A C library may know `epoll_pwait2` on a kernel, or under a filter, that does not. */
  #hasFineWait(): boolean {
    const { epoll_pwait2 } = this.#libc.call;
    if (epoll_pwait2 === null) return false;
    this.#setTimeout(0);
    return epoll_pwait2(this.#epoll, this.#events, this.#capacity, this.#timeout, null) >= 0;
  }
}
