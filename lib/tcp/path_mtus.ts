/**
 * PathMtus: what routers told of the paths to some destinations, until it
 * expires. RFC 1191 §6, RFC 8201 §5.2.
 *
 * A fixed table without chains: a destination may push another out, which is
 * told again then.
 */

import type { Tuple } from "./connection_table.ts";

const SLOTS = 1024;
/** Words of a slot: the address, the MTU (0: the slot is free), when it expires, and whether DF must be clear. */
const WORDS = 7;
const MTU = 4;
const EXPIRES_AT = 5;
const MAY_FRAGMENT = 6;

/** The remote end of a tuple. */
type Destination = Pick<Tuple, "remote0" | "remote1" | "remote2" | "remote3">;

/** The MTUs of paths which are less than the link's. */
export class PathMtus {
  readonly #words = new Int32Array(SLOTS * WORDS);

  /** The path to `to` carries packets of `mtu` bytes, until `expiresAt` (int32 ms); `mayFragment`: larger ones in pieces. */
  learn(to: Destination, mtu: number, mayFragment: boolean, expiresAt: number): void {
    const at = slotOf(to);
    const words = this.#words;
    words[at] = to.remote0;
    words[at + 1] = to.remote1;
    words[at + 2] = to.remote2;
    words[at + 3] = to.remote3;
    words[at + MTU] = mtu;
    words[at + EXPIRES_AT] = expiresAt;
    words[at + MAY_FRAGMENT] = mayFragment ? 1 : 0;
  }

  /** Where the path to `to` stands, for the calls below; -1: nothing is known of it any more. */
  find(to: Destination, now: number): number {
    const at = slotOf(to);
    const words = this.#words;
    if (words[at + MTU] === 0) return -1;
    if (((words[at + EXPIRES_AT] - now) | 0) <= 0) {
      words[at + MTU] = 0;
      return -1;
    }
    const isKnown = words[at] === to.remote0 && words[at + 1] === to.remote1 &&
      words[at + 2] === to.remote2 && words[at + 3] === to.remote3;
    return isKnown ? at : -1;
  }

  /** The longest packet, in bytes. */
  mtu(at: number): number {
    return this.#words[at + MTU];
  }

  /** When that is forgotten: int32 milliseconds. */
  expiresAt(at: number): number {
    return this.#words[at + EXPIRES_AT];
  }

  /** Whether packets must leave with DF clear: the path is narrower than `min_pmtu`. */
  mayFragment(at: number): boolean {
    return this.#words[at + MAY_FRAGMENT] !== 0;
  }
}

/** Where the slot of a destination begins. */
function slotOf(to: Destination): number {
  const mixed = Math.imul(
    to.remote0 ^ Math.imul(to.remote1, 31) ^ Math.imul(to.remote2, 961) ^ to.remote3,
    0x9e3779b1 | 0,
  );
  return (mixed >>> 20) % SLOTS * WORDS;
}
