/** Nanoseconds and bytes of one operation. House §14. */

import type { Operation } from "./operations.ts";

/** What one step costs. */
export interface Cost {
  readonly ns: number;
  /** Bytes of garbage; NaN when no round was free of a collection. */
  readonly bytes: number;
}

const WARM_UP = 200_000;
const STEPS = 10_000;
const ROUNDS = 5;
/** Rounds in which the collector ran do not count. */
const MOST_ROUNDS = 50;

/**
 * Measures a step: the fastest of five rounds of 10,000 steps, and the fewest
 * bytes that `heapUsed` grew by in a round without a collection.
 */
export function measure({ step }: Operation): Cost {
  run(step, WARM_UP);
  const idle = leastGrowth(() => {});
  return {
    ns: fastest(step) * 1e6 / STEPS,
    bytes: Math.max(0, leastGrowth(step) - idle) / STEPS,
  };
}

/** Lines of a table of costs; one over its budget is marked. */
export function formatCosts(costs: readonly (readonly [Operation, Cost])[]): string {
  const width = Math.max(...costs.map(([{ name }]) => name.length));
  const lines = costs.map(([operation, { ns, bytes }]) => {
    const { name, budgetNs, allocates } = operation;
    const isOver = (budgetNs !== null && ns > budgetNs) || (!allocates && bytes >= 0.5);
    const budget = budgetNs === null ? "" : `<= ${budgetNs} ns`;
    return `${name.padEnd(width)}  ${ns.toFixed(1).padStart(9)} ns ${
      bytes.toFixed(1).padStart(8)
    } B  ${budget.padEnd(9)}${isOver ? "  OVER" : ""}`.trimEnd();
  });
  return lines.join("\n");
}

function run(step: () => void, count: number): void {
  for (let i = 0; i < count; i++) step();
}

function fastest(step: () => void): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    run(step, STEPS);
    best = Math.min(best, performance.now() - began);
  }
  return best;
}

function leastGrowth(step: () => void): number {
  let least = NaN;
  for (let round = 0, counted = 0; round < MOST_ROUNDS && counted < ROUNDS; round++) {
    const before = Deno.memoryUsage().heapUsed;
    run(step, STEPS);
    const growth = Deno.memoryUsage().heapUsed - before;
    if (growth < 0) continue;
    counted++;
    if (!(growth >= least)) least = growth;
  }
  return least;
}
