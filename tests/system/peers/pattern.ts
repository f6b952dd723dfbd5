/** Pseudo-random bytes that follow from a seed and a position, made at several GB/s. */

const BLOCK_WORDS = 1 << 16;
/** 2^32 divided by the golden ratio: an odd number whose multiples spread well. */
const GOLDEN = 0x9e3779b9;

/** Length of a block in bytes. */
export const BLOCK_LENGTH = BLOCK_WORDS * 4;

/** What all blocks are made of, each by its own mask. */
const BASE = makeBase();

/** The bytes of one seed. */
export class Pattern {
  readonly #seed: number;
  readonly #words = new Uint32Array(BLOCK_WORDS);
  readonly #bytes = new Uint8Array(this.#words.buffer);

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Up to `length` bytes of block `index`, 0 …; borrowed until the next call. */
  block(index: number, length: number): Uint8Array<ArrayBuffer> {
    const words = this.#words;
    const mask = mix(Math.imul(index, GOLDEN) ^ mix(this.#seed));
    const count = Math.min(BLOCK_WORDS, Math.ceil(length / 4));
    for (let i = 0; i < count; i++) words[i] = BASE[i] ^ mask;
    return length < BLOCK_LENGTH ? this.#bytes.subarray(0, length) : this.#bytes;
  }
}

/** Numbers by xorshift32. */
function makeBase(): Uint32Array {
  const words = new Uint32Array(BLOCK_WORDS);
  let x = GOLDEN;
  for (let i = 0; i < BLOCK_WORDS; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  return words;
}

/** Spreads each bit over all, one to one: MurmurHash3's last step. */
function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
