/** WindowedMax: the greatest value of the last so many periods. draft-ietf-ccwg-bbr §5.5.3. */

/** Periods are counted by whoever uses it: round trips, or cycles of probing. */
export class WindowedMax {
  /** The greatest value of each period, by its number modulo their count. */
  readonly #greatest: Float64Array;
  #period = 0;

  /** At most `periods` are looked back upon, the current one among them. */
  constructor(periods: number) {
    this.#greatest = new Float64Array(periods);
  }

  /** The next period begins. */
  advance(): void {
    this.#period++;
    this.#greatest[this.#period % this.#greatest.length] = 0;
  }

  /** A value ≥ 0 of the current period. */
  take(value: number): void {
    const at = this.#period % this.#greatest.length;
    this.#greatest[at] = Math.max(this.#greatest[at], value);
  }

  /** The greatest of the last `periods`, all by default; 0 if there was none. */
  greatest(periods: number = this.#greatest.length): number {
    let greatest = 0;
    const oldest = Math.max(0, this.#period - periods + 1);
    for (let period = this.#period; period >= oldest; period--) {
      greatest = Math.max(greatest, this.#greatest[period % this.#greatest.length]);
    }
    return greatest;
  }
}
