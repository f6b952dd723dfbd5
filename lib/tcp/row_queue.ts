/**
 * RowQueue: rows of numbers side by side in one array, from which the first
 * ones go and behind which new ones come. Moving rows is one copy.
 */

const INITIAL_CAPACITY = 16;

/** Rows of `stride` int32 numbers. Who uses it reads and writes them in place, row `i` from `i * stride` on. */
export class RowQueue {
  /** The numbers. Another array after `reserve` and `release`. */
  rows: Int32Array<ArrayBuffer>;
  /** Index of the first row; who takes that out adds one. */
  head = 0;
  /** Index behind the last row; who writes one there adds one. */
  tail = 0;
  readonly #stride: number;
  #capacity = INITIAL_CAPACITY;

  constructor(stride: number) {
    this.#stride = stride;
    this.rows = new Int32Array(this.#capacity * stride);
  }

  /** Rows there are. */
  get count(): number {
    return this.tail - this.head;
  }

  /** Forgets all rows. */
  clear(): void {
    this.head = this.tail = 0;
  }

  /** Forgets all rows, and gives back what they took. */
  release(): void {
    this.clear();
    if (this.#capacity === INITIAL_CAPACITY) return;
    this.#capacity = INITIAL_CAPACITY;
    this.rows = new Int32Array(this.#capacity * this.#stride);
  }

  /**
   * Makes room for two rows behind the last, which are all that one cut in the
   * middle adds. Where there is none the rows move to the beginning, and into
   * twice the room if that is not half of it. Indices change.
   */
  reserve(): void {
    if (this.tail + 2 > this.#capacity) this.#pack();
  }

  #pack(): void {
    const count = this.count;
    const start = this.head * this.#stride;
    const end = this.tail * this.#stride;
    if (count * 2 > this.#capacity) {
      const kept = this.rows.subarray(start, end);
      this.#capacity *= 2;
      this.rows = new Int32Array(this.#capacity * this.#stride);
      this.rows.set(kept);
    } else {
      this.rows.copyWithin(0, start, end); // a view would be garbage
    }
    this.head = 0;
    this.tail = count;
  }

  /** Row `i` stands there twice: the rows from `i` on move back by one. There is room. */
  double(i: number): void {
    const at = i * this.#stride;
    this.rows.copyWithin(at + this.#stride, at, this.tail * this.#stride);
    this.tail++;
  }

  /** Takes row `i` out; those behind it move up. */
  remove(i: number): void {
    const at = i * this.#stride;
    this.rows.copyWithin(at, at + this.#stride, this.tail * this.#stride);
    this.tail--;
  }
}
