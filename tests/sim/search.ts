/** Search: many seeds on several workers. */

import type { Outcome } from "./run.ts";

/** A seed takes much less, also where others are at work. */
const PATIENCE_MS = 60_000;
const HANGS = `it does not end within ${PATIENCE_MS / 1000} s: a loop without end in one turn`;

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
  const work = async () => {
    let worker = newWorker();
    while (mayGoOn()) {
      const outcome = await ask(worker, next++);
      ran++;
      if (outcome.violation === "") continue;
      violations++;
      tell(outcome);
      if (outcome.violation !== HANGS) continue;
      worker.terminate();
      worker = newWorker();
    }
    worker.terminate();
  };
  await Promise.all(Array.from({ length: limits.jobs }, work));
  return { ran, violations };
}

function newWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}

/** Has `worker` run a seed. One that does not answer is to be given up. */
function ask(worker: Worker, seed: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const patience = setTimeout(() => {
      resolve({ seed, violation: HANGS, turns: 0, frames: 0, lastDoneMs: 0 });
    }, PATIENCE_MS);
    worker.onmessage = (event: MessageEvent<Outcome>) => {
      clearTimeout(patience);
      resolve(event.data);
    };
    worker.onerror = (event) => {
      clearTimeout(patience);
      reject(new Error(event.message));
    };
    worker.postMessage(seed);
  });
}
