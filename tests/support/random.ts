/** Seeded randomness: the same seed, the same test. */

/**
 * A source of numbers 0 … 2^32 - 1 (xorshift32; Marsaglia 2003). Good enough to
 * choose cases by, for nothing else.
 */
export function randomWords(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
