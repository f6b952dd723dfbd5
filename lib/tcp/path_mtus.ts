/**
 * PathMtus: what routers told of the paths to some destinations, until it
 * expires. RFC 1191 §6, RFC 8201 §5.2.
 *
 * A destination pushed out by another is told of again.
 */

import { type Peer, PeerSlots } from "./peer_slots.ts";

const SLOT_BITS = 10;
/** In bytes; 0: nothing is known any more. */
const MTU = 0;
const EXPIRES_AT = 1;
/** 1: packets must leave with DF clear. */
const MAY_FRAGMENT = 2;
const WORDS = 3;

/** The MTUs of paths which are less than the link's. */
export class PathMtus {
  readonly #slots = new PeerSlots(SLOT_BITS, WORDS);

  /** The path to `to` carries packets of `mtu` bytes, until `expiresAt` (int32 ms); `mayFragment`: larger ones in pieces. */
  learn(to: Peer, mtu: number, mayFragment: boolean, expiresAt: number): void {
    const at = this.#slots.take(to);
    this.#slots.set(at, MTU, mtu);
    this.#slots.set(at, EXPIRES_AT, expiresAt);
    this.#slots.set(at, MAY_FRAGMENT, mayFragment ? 1 : 0);
  }

  /** Where the path to `to` stands, for the calls below; -1: nothing is known of it any more. */
  find(to: Peer, now: number): number {
    const at = this.#slots.find(to);
    if (at < 0 || this.#slots.word(at, MTU) === 0) return -1;
    if (((this.#slots.word(at, EXPIRES_AT) - now) | 0) > 0) return at;
    // A time that is past would be one to come again, half the clock's round later.
    this.#slots.set(at, MTU, 0);
    return -1;
  }

  /** The longest packet, in bytes. */
  mtu(at: number): number {
    return this.#slots.word(at, MTU);
  }

  /** When that is forgotten: int32 milliseconds. */
  expiresAt(at: number): number {
    return this.#slots.word(at, EXPIRES_AT);
  }

  /** Whether packets must leave with DF clear: the path is narrower than `min_pmtu`. */
  mayFragment(at: number): boolean {
    return this.#slots.word(at, MAY_FRAGMENT) !== 0;
  }
}
