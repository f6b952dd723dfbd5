/**
 * Gather: a list of up to 17 pieces of the arena, read or written in order as
 * one run of bytes. Seventeen 4 KiB pages hold a 64 KiB run at any alignment.
 */

/** The most pieces one `Gather` holds. */
export const GATHER_PIECES = 17;

/**
 * Pieces of the arena, in order. A `Gather` is a scratch object lent by the
 * queue which filled it; it is valid until that queue is touched again.
 */
export class Gather {
  /** Pieces in use, 0 … 17. */
  count = 0;
  /** Bytes in all pieces together. */
  length = 0;
  /** Arena offset of each piece, in bytes. */
  readonly offsets: Int32Array = new Int32Array(GATHER_PIECES);
  /** Length of each piece, in bytes. */
  readonly lengths: Int32Array = new Int32Array(GATHER_PIECES);

  /** Empties the list. */
  clear(): void {
    this.count = 0;
    this.length = 0;
  }

  /** Appends a piece. The caller has checked that fewer than 17 are in use. */
  add(offset: number, length: number): void {
    this.offsets[this.count] = offset;
    this.lengths[this.count] = length;
    this.count++;
    this.length += length;
  }
}

/** No bytes. Shared: nobody adds to it. */
export const EMPTY_GATHER: Gather = new Gather();
