/**
 * RateLimit: a bucket of tokens whose size nobody outside knows, so that what a
 * sender sees of the limit does not tell what others were answered. RFC 5961
 * §10, CVE-2016-5696.
 */

import type { SipHash } from "./siphash.ts";

/** How long one draw decides how many tokens the bucket holds. Milliseconds. */
const DRAW_MS = 1000;

/** What flows in during a second, and the least and greatest size, in quarters and eighths of the limit. */
const INFLOW = 3 / 4;
const LEAST_SIZE = 1 / 8;
const GREATEST_SIZE = 1 / 4;

/** At most `perSecond` events in any second, and not less than seven eighths of that in the first. */
export class RateLimit {
  /** Most events in any second; 0: none at all. */
  perSecond: number;
  readonly #random: SipHash;
  readonly #stream: number;
  #draws = 0;
  #drawnAt = -Infinity;
  #size = 0;
  #tokens = Infinity;
  #filledAt = 0;

  /** `random` has a secret key; limits that share it have `stream` numbers of their own. */
  constructor(perSecond: number, random: SipHash, stream: number) {
    this.perSecond = perSecond;
    this.#random = random;
    this.#stream = stream;
  }

  /** Whether one more event may happen at `now` (milliseconds); if so it is counted. */
  take(now: number): boolean {
    if (now - this.#drawnAt >= DRAW_MS) this.#draw(now);
    const gained = (now - this.#filledAt) * this.perSecond * INFLOW / 1000;
    this.#filledAt = now;
    // A limit below eight still lets single events pass.
    const size = Math.max(this.#size * this.perSecond, Math.min(this.perSecond, 1));
    this.#tokens = Math.min(this.#tokens + gained, size);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #draw(now: number): void {
    const word = this.#random.begin().word(this.#stream).word(this.#draws++).low() >>> 0;
    this.#size = LEAST_SIZE + (GREATEST_SIZE - LEAST_SIZE) * word / 2 ** 32;
    this.#drawnAt = now;
  }
}
