/**
 * PathMtus: what routers told of the paths to some destinations, or probes found
 * out, until it expires. RFC 1191 §6, RFC 8201 §5.2, RFC 4821 §5.2.
 *
 * A destination pushed out by another is told of again.
 */

import { NO_SLOT, type Peer, PeerSlots } from "./peer_slots.ts";

const SLOT_BITS = 10;
/** In bytes; 0: nothing is known any more. */
const MTU = 0;
const EXPIRES_AT = 1;
const SOURCE = 2;
const WORDS = 3;

/** Who says how much a path carries. */
export const PathSource = {
  /** A router: it drops longer packets. */
  Router: 0,
  /** A router of a path that is narrower than `min_pmtu`: it may cut them, DF must be clear. MTU-02. */
  NarrowRouter: 1,
  /** A connection's probes: longer packets may be tried. RFC 4821 §7. */
  Search: 2,
} as const;
/** See the constants of the same name. */
export type PathSource = (typeof PathSource)[keyof typeof PathSource];

/** The MTUs of paths which are less than the link's. */
export class PathMtus {
  /** How often routers told something new, modulo 2^32: who sends asks again when it has changed. */
  news = 0;
  readonly #slots = new PeerSlots(SLOT_BITS, WORDS);

  /**
   * The path to `to` carries packets of `mtu` bytes, `source` says. That counts
   * for so many `seconds`; returns until when: int32 milliseconds.
   */
  learn(to: Peer, mtu: number, source: PathSource, seconds: number, now: number): number {
    const expiresAt = (now + seconds * 1000) | 0;
    const at = this.#slots.take(to);
    this.#slots.set(at, MTU, mtu);
    this.#slots.set(at, EXPIRES_AT, expiresAt);
    this.#slots.set(at, SOURCE, source);
    if (source !== PathSource.Search) this.news = (this.news + 1) | 0;
    return expiresAt;
  }

  /** Where the path to `to` stands, for the calls below; NO_SLOT: nothing is known of it any more. */
  find(to: Peer, now: number): number {
    const at = this.#slots.find(to);
    if (at === NO_SLOT || this.#slots.word(at, MTU) === 0) return NO_SLOT;
    if (((this.#slots.word(at, EXPIRES_AT) - now) | 0) > 0) return at;
    // A time that is past would be one to come again, half the clock's round later.
    this.#slots.set(at, MTU, 0);
    return NO_SLOT;
  }

  /** As `find`, of what a router told. */
  findTold(to: Peer, now: number): number {
    const at = this.find(to, now);
    return at !== NO_SLOT && this.source(at) !== PathSource.Search ? at : NO_SLOT;
  }

  /** The longest packet, in bytes. */
  mtu(at: number): number {
    return this.#slots.word(at, MTU);
  }

  /** When that is forgotten: int32 milliseconds. */
  expiresAt(at: number): number {
    return this.#slots.word(at, EXPIRES_AT);
  }

  /** Who said so. */
  source(at: number): PathSource {
    return this.#slots.word(at, SOURCE) as PathSource;
  }
}
