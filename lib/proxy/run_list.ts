/** RunList: the relays with remembered work, first come, first served. House §7. */

import type { Relay } from "./relay.ts";

const INITIAL_CAPACITY = 64;

/** A queue which holds a relay at most once. */
export class RunList {
  #relays: (Relay | null)[] = new Array(INITIAL_CAPACITY).fill(null);
  #head = 0;
  #length = 0;

  /** Relays that wait. */
  get length(): number {
    return this.#length;
  }

  /** Adds `relay` at the end, if it does not wait already. */
  add(relay: Relay): void {
    if (relay.isWaiting) return;
    relay.isWaiting = true;
    if (this.#length === this.#relays.length) this.#grow();
    this.#relays[(this.#head + this.#length) & (this.#relays.length - 1)] = relay;
    this.#length++;
  }

  /** Takes the first one out; only if `length` > 0. */
  take(): Relay {
    const relay = this.#relays[this.#head]!;
    this.#relays[this.#head] = null;
    this.#head = (this.#head + 1) & (this.#relays.length - 1);
    this.#length--;
    relay.isWaiting = false;
    return relay;
  }

  #grow(): void {
    const relays = this.#relays;
    const inOrder = relays.slice(this.#head).concat(relays.slice(0, this.#head));
    this.#relays = inOrder.concat(new Array(relays.length).fill(null));
    this.#head = 0;
  }
}
