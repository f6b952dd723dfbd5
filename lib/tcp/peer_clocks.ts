/**
 * PeerClocks: which timestamp each peer had when a connection of it last entered
 * TIME-WAIT; only `tcp_tw_recycle` asks. Linux up to 4.11: per-host PAWS.
 *
 * A peer pushed out by another lets in a SYN that would have been refused, and
 * never the other way round.
 */

import { NO_SLOT, type Peer, PeerSlots } from "./peer_slots.ts";

const SLOT_BITS = 12;
const TS_VAL = 0;
const NOTED_AT = 1;
const WORDS = 2;

/** How long a note counts. Linux: TCP_PAWS_MSL. Milliseconds. */
const LIFETIME_MS = 60_000;
/** By how much a timestamp may be lower. Linux: TCP_PAWS_WINDOW. */
const TOLERANCE = 1;

/** The timestamps of peers. */
export class PeerClocks {
  readonly #slots = new PeerSlots(SLOT_BITS, WORDS);

  /** A connection to `peer` entered TIME-WAIT; `tsVal` was the peer's last. */
  note(peer: Peer, tsVal: number, now: number): void {
    const at = this.#slots.take(peer);
    this.#slots.set(at, TS_VAL, tsVal);
    this.#slots.set(at, NOTED_AT, now | 0);
  }

  /** Whether `tsVal` is older than what was noted of `peer` not long ago. */
  isStale(peer: Peer, tsVal: number, now: number): boolean {
    const slots = this.#slots;
    const at = slots.find(peer);
    return at !== NO_SLOT && ((now - slots.word(at, NOTED_AT)) | 0) < LIFETIME_MS &&
      ((slots.word(at, TS_VAL) - tsVal) | 0) > TOLERANCE;
  }
}
