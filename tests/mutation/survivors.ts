/**
 * Mutants that no test kills, each with the reason. `deno task mutate` asks for
 * a reason for every survivor, and tells which of these it met.
 */

import type { Mutant } from "./mutants.ts";

/** A mutant known by its text, for line numbers move; `reason`: why no test can or need tell it. */
export interface Survivor extends Pick<Mutant, "path" | "lineText" | "before" | "after"> {
  readonly reason: string;
}

export const SURVIVORS: readonly Survivor[] = [];

/** The reason why `mutant` may live, or undefined. */
export function reasonFor(mutant: Mutant): string | undefined {
  return SURVIVORS.find((known) =>
    known.path === mutant.path && known.lineText === mutant.lineText &&
    known.before === mutant.before && known.after === mutant.after
  )?.reason;
}
