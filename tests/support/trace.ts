/** Trace: what happened in a run, in the language of the scripts. */

/** The lines of a run so far. */
export class Trace {
  readonly #lines: { readonly ms: number; readonly text: string }[] = [];

  /** Adds a line and returns its number. `ms` counts from the start of the run. */
  add(ms: number, text: string): number {
    return this.#lines.push({ ms, text }) - 1;
  }

  /** The last `limit` lines; the one numbered `marked` has an arrow before and `remark` behind it. */
  format(marked: number = -1, remark: string = "", limit: number = 80): string {
    const first = Math.max(0, this.#lines.length - limit);
    const lines = this.#lines.slice(first).map(({ ms, text }, i) => {
      const isMarked = first + i === marked;
      return `${isMarked ? "-->" : "   "} ${formatSeconds(ms)} ${text}` +
        (isMarked && remark !== "" ? `    // ${remark}` : "");
    });
    if (first > 0) lines.unshift(`    // ${first} lines before`);
    return lines.join("\n");
  }
}

/** Milliseconds as seconds with three digits, as wide as a thousand seconds. */
export function formatSeconds(ms: number): string {
  return (ms / 1000).toFixed(3).padStart(8);
}
