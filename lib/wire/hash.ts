/**
 * The hash by which tables are searched and numbers are drawn: rounds, each of
 * which takes in one word. Tables that strangers fill begin it with a secret:
 * nobody outside can choose words whose hashes fall together.
 */

/**
 * Takes `word` into `h`, which is the secret or what earlier rounds gave; all
 * are int32. Any bits of the outcome may be used, the lowest or the highest.
 * Only two rounds spread the upper bits of a word over all of it: words that
 * tell little apart come last.
 */
export function hashRound(h: number, word: number): number {
  const product = Math.imul(h ^ word, 0x85ebca77);
  return product ^ (product >>> 16);
}

/** The hash of an address, four words, under `key`; all are int32. */
export function hashAddress(
  word0: number,
  word1: number,
  word2: number,
  word3: number,
  key: number,
): number {
  const h = hashRound(hashRound(key, word3), word2);
  return hashRound(hashRound(h, word1), word0);
}
