/** RateLimit: so many events a second, counted in windows of one second. */

const WINDOW_MS = 1000;

/** At most `perSecond` events in each second that begins with an event. */
export class RateLimit {
  /** Events in a window, 0 or more. */
  perSecond: number;
  #windowBeganAt = -Infinity;
  #taken = 0;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
  }

  /** Whether one more event may happen at `now` (milliseconds); if so it is counted. */
  take(now: number): boolean {
    if (now - this.#windowBeganAt >= WINDOW_MS) {
      this.#windowBeganAt = now;
      this.#taken = 0;
    }
    if (this.#taken >= this.perSecond) return false;
    this.#taken++;
    return true;
  }
}
