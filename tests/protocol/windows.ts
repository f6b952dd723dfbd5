/** How tests shut the product's receive window. */

import type { FixtureOptions } from "../support/fixture.ts";
import type { ScriptRun } from "../support/script_run.ts";

/** Options with so few pages that a window shuts soon. */
export const FEW_PAGES: FixtureOptions = { pageBytes: 256 << 10 };

/**
 * Sends from `next` on until the product, whose application reads nothing,
 * announces no window any more. Returns RCV.NXT.
 */
export function shutWindow(t: ScriptRun, next: number = 1, ack: number = 1): number {
  for (let i = 0; i < 1000 && t.flow.productEdge! > next; i++) {
    const end = Math.min(next + 20_000, t.flow.productEdge!);
    t.inject(`. ${next}:${end}(${end - next}) ack ${ack}`);
    while (t.next(100) !== null);
    next = end;
  }
  return next;
}
