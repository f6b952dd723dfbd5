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

  /** Takes the place of `other`, which may be filled anew meanwhile. */
  set(other: Gather): void {
    this.offsets.set(other.offsets);
    this.lengths.set(other.lengths);
    this.count = other.count;
    this.length = other.length;
  }

  /** Leaves out the first `count` bytes, at most `length`. */
  drop(count: number): void {
    this.length -= count;
    let gone = 0;
    while (gone < this.count && count >= this.lengths[gone]) count -= this.lengths[gone++];
    this.offsets.copyWithin(0, gone, this.count);
    this.lengths.copyWithin(0, gone, this.count);
    this.count -= gone;
    if (count === 0) return;
    this.offsets[0] += count;
    this.lengths[0] -= count;
  }

  /** Leaves out all but the first `count` bytes, 1 … `length`. */
  keep(count: number): void {
    this.length = count;
    let kept = 0;
    while (count > this.lengths[kept]) count -= this.lengths[kept++];
    this.lengths[kept] = count;
    this.count = kept + 1;
  }

  /** Appends a piece. The caller has checked that fewer than 17 are in use. */
  add(offset: number, length: number): void {
    this.offsets[this.count] = offset;
    this.lengths[this.count] = length;
    this.count++;
    this.length += length;
  }
}

/**
 * Copies the first bytes of `from` to the beginning of `to`, as many as there
 * are and find room. `arena` holds the pieces of both. Returns how many.
 */
export function copyGather(arena: Uint8Array, from: Gather, to: Gather): number {
  const length = Math.min(from.length, to.length);
  let source = 0; // the piece of `from`, and how much of it is copied
  let taken = 0;
  let target = 0; // the piece of `to`, and how much of it is filled
  let filled = 0;
  for (let left = length; left > 0;) {
    const piece = Math.min(left, from.lengths[source] - taken, to.lengths[target] - filled);
    const start = from.offsets[source] + taken;
    arena.copyWithin(to.offsets[target] + filled, start, start + piece);
    left -= piece;
    taken += piece;
    filled += piece;
    if (taken === from.lengths[source]) {
      source++;
      taken = 0;
    }
    if (filled === to.lengths[target]) {
      target++;
      filled = 0;
    }
  }
  return length;
}

/** No bytes. Shared: nobody adds to it. */
export const EMPTY_GATHER: Gather = new Gather();
