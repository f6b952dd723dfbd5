/** Search: many seeds on several workers. */

import type { Outcome } from "./run.ts";

/** Where a search begins and ends. */
export interface SearchLimits {
  readonly first: number;
  /** Seeds, milliseconds and violations after which it ends; Infinity: never. */
  readonly seeds: number;
  readonly milliseconds: number;
  readonly violations: number;
  readonly jobs: number;
}

/** What a search came to. */
export interface SearchResult {
  readonly ran: number;
  readonly violations: number;
}

/** Runs seeds one after the other, `limits.jobs` at a time; `tell` hears of each violation. */
export async function search(
  limits: SearchLimits,
  tell: (outcome: Outcome) => void,
): Promise<SearchResult> {
  const until = performance.now() + limits.milliseconds;
  let next = limits.first;
  let ran = 0;
  let violations = 0;
  const mayGoOn = () =>
    next < limits.first + limits.seeds && violations < limits.violations &&
    performance.now() < until;
  const work = async (worker: Worker) => {
    while (mayGoOn()) {
      const outcome = await ask(worker, next++);
      ran++;
      if (outcome.violation === "") continue;
      violations++;
      tell(outcome);
    }
    worker.terminate();
  };
  const workers = Array.from({ length: limits.jobs }, () => {
    return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  });
  await Promise.all(workers.map(work));
  return { ran, violations };
}

function ask(worker: Worker, seed: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<Outcome>) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(seed);
  });
}
