/** RateLimit: a token bucket. */

/** At most `perSecond` events a second, and as many in a burst. */
export class RateLimit {
  #perSecond: number;
  #tokens: number;
  #filledAt = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** Changes the limit; the bucket is full then. */
  set perSecond(value: number) {
    this.#perSecond = value;
    this.#tokens = value;
  }

  /** Whether one more event may happen at `now` (milliseconds); if so it is counted. */
  take(now: number): boolean {
    const earned = (now - this.#filledAt) * this.#perSecond / 1000;
    this.#filledAt = now;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + earned);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
