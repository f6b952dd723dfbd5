/** The nearest valid name to a misspelt one, for messages that ask "did you mean …?". */

/**
 * The candidate with the fewest edits from `word`, the first of equals; null
 * when even that one differs in more than a third of its letters (two at least).
 */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let fewest = Infinity;
  for (const candidate of candidates) {
    const edits = editDistance(word, candidate);
    if (edits >= fewest || edits > Math.max(2, candidate.length / 3)) continue;
    best = candidate;
    fewest = edits;
  }
  return best;
}

/** Insertions, deletions and substitutions that turn `a` into `b` (Levenshtein's distance). */
export function editDistance(a: string, b: string): number {
  // Row by row of the classic table: previous[j] is the distance from the
  // letters of `a` seen so far to the first j letters of `b`.
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substituted, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
