/** One seed, from its plan to its verdict. */

import { planWorld } from "./plan.ts";
import { Trace } from "./trace.ts";
import { World } from "./world.ts";

/** How a seed went. */
export interface Outcome {
  readonly seed: number;
  /** What was violated, and when; empty: nothing. */
  readonly violation: string;
  readonly turns: number;
  readonly frames: number;
  /** When the last fair client was done, in virtual milliseconds. */
  readonly lastDoneMs: number;
}

/** Runs the world of `seed`, telling each thing that happens to `write`, if it is not null. */
export function runSeed(seed: number, write: ((line: string) => void) | null): Outcome {
  const world = new World(planWorld(seed), write === null ? null : new Trace(write));
  let violation = "";
  try {
    world.run();
  } catch (error) {
    // Whatever is thrown out of a turn is a bug of the program, or of the simulator.
    violation = error instanceof Error ? error.stack ?? error.message : String(error);
  }
  const done = world.sessions.filter(({ plan }) => plan.isFair).map(({ client }) => client.endedAt);
  return {
    seed,
    violation,
    turns: world.turns,
    frames: world.frames,
    lastDoneMs: Math.max(0, ...done),
  };
}
