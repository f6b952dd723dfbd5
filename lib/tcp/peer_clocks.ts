/**
 * PeerClocks: which timestamp each peer had when a connection of it last entered
 * TIME-WAIT; only `tcp_tw_recycle` asks. Linux up to 4.11: per-host PAWS.
 *
 * A fixed table without chains: a peer may push another out, which lets in a
 * SYN that would have been refused, and never the other way round.
 */

import type { Tuple } from "./connection_table.ts";

const SLOT_BITS = 12;
/** Words of a slot: the address, the timestamp, when it was noted. */
const WORDS = 6;
const TS_VAL = 4;
const NOTED_AT = 5;

/** How long a note counts. Linux: TCP_PAWS_MSL. Milliseconds. */
const LIFETIME_MS = 60_000;
/** By how much a timestamp may be lower. Linux: TCP_PAWS_WINDOW. */
const TOLERANCE = 1;

/** The remote end of a tuple. */
type Peer = Pick<Tuple, "remote0" | "remote1" | "remote2" | "remote3">;

/** The timestamps of peers. */
export class PeerClocks {
  readonly #words = new Int32Array(WORDS << SLOT_BITS);

  /** A connection to `peer` entered TIME-WAIT; `tsVal` was the peer's last. */
  note(peer: Peer, tsVal: number, now: number): void {
    const at = slotOf(peer);
    const words = this.#words;
    words[at] = peer.remote0;
    words[at + 1] = peer.remote1;
    words[at + 2] = peer.remote2;
    words[at + 3] = peer.remote3;
    words[at + TS_VAL] = tsVal;
    words[at + NOTED_AT] = now | 0;
  }

  /** Whether `tsVal` is older than what was noted of `peer` not long ago. */
  isStale(peer: Peer, tsVal: number, now: number): boolean {
    const at = slotOf(peer);
    const words = this.#words;
    const isKnown = words[at] === peer.remote0 && words[at + 1] === peer.remote1 &&
      words[at + 2] === peer.remote2 && words[at + 3] === peer.remote3;
    return isKnown && ((now - words[at + NOTED_AT]) | 0) < LIFETIME_MS &&
      ((words[at + TS_VAL] - tsVal) | 0) > TOLERANCE;
  }
}

/** Where the slot of a peer begins. */
function slotOf(peer: Peer): number {
  const mixed = Math.imul(
    peer.remote0 ^ Math.imul(peer.remote1, 31) ^ Math.imul(peer.remote2, 961) ^ peer.remote3,
    0x9e3779b1 | 0,
  );
  return (mixed >>> (32 - SLOT_BITS)) * WORDS;
}
