/**
 * PeerSlots: some words about each of many peers, in a fixed table without
 * chains. A peer may push another out: its user must bear to forget.
 */

import { hashAddress } from "../wire/hash.ts";
import type { Tuple } from "./connection_table.ts";

/** Words of the address. */
const ADDRESS = 4;

/** The place of a peer of which nothing is kept. */
export const NO_SLOT = -1;

/** The remote end of a tuple. */
export type Peer = Pick<Tuple, "remote0" | "remote1" | "remote2" | "remote3">;

/** A table of 2^`bits` slots with `words` words of their user's each. */
export class PeerSlots {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #shift: number;
  readonly #stride: number;

  constructor(bits: number, words: number) {
    this.#shift = 32 - bits;
    this.#stride = ADDRESS + words;
    this.#words = new Int32Array(this.#stride << bits);
  }

  /** Where the words of `peer` stand, for `word` and `set`; a peer that stood there is forgotten. */
  take(peer: Peer): number {
    const at = this.#slotOf(peer);
    const words = this.#words;
    words[at] = peer.remote0;
    words[at + 1] = peer.remote1;
    words[at + 2] = peer.remote2;
    words[at + 3] = peer.remote3;
    return at + ADDRESS;
  }

  /** Where the words of `peer` stand; NO_SLOT: nothing is kept of it. Untaken slots are those of the address of zeros. */
  find(peer: Peer): number {
    const at = this.#slotOf(peer);
    const words = this.#words;
    const isKnown = words[at] === peer.remote0 && words[at + 1] === peer.remote1 &&
      words[at + 2] === peer.remote2 && words[at + 3] === peer.remote3;
    return isKnown ? at + ADDRESS : NO_SLOT;
  }

  /** The word number `index` at a place told by `take` or `find`. */
  word(at: number, index: number): number {
    return this.#words[at + index];
  }

  /** Writes that word. */
  set(at: number, index: number, value: number): void {
    this.#words[at + index] = value;
  }

  #slotOf(peer: Peer): number {
    const hash = hashAddress(peer.remote0, peer.remote1, peer.remote2, peer.remote3, 0);
    return (hash >>> this.#shift) * this.#stride;
  }
}
