/** Episode: a run of frames against a fresh engine, remembered so that it can be told again. */

import { Choices } from "./choices.ts";
import { FlowBook } from "./flow_book.ts";
import { FrameSource } from "./frame_source.ts";
import { type Step, Target } from "./target.ts";

/** What a frame is cut to when its end does not matter. */
const SHORT_FRAME = 100;

/** An input under which the engine fails. */
export interface Finding {
  readonly seed: number;
  readonly isOffload: boolean;
  readonly steps: readonly Step[];
  readonly error: Error;
}

/** Runs `count` frames drawn by `seed`. Returns what went wrong, or null. */
export function runEpisode(seed: number, count: number): Finding | null {
  const choices = new Choices(seed);
  const book = new FlowBook();
  const source = new FrameSource(choices, book);
  const isOffload = choices.onceIn(2);
  const steps: Step[] = [];
  try {
    const target = new Target(seed, isOffload, (header, length) => book.see(header, length));
    for (let i = 0; i < count; i++) {
      source.make();
      const { writer, isTrusted, segmentSize } = source;
      const step = {
        advanceMs: advance(choices),
        turn: choices.onceIn(3) ? choices.word() | 1 : 0,
        isTrusted,
        segmentSize,
        bytes: writer.bytes.slice(0, writer.length),
      };
      steps.push(step);
      target.step(step);
    }
    target.finish();
    return null;
  } catch (error) {
    return { seed, isOffload, steps, error: asError(error) };
  }
}

/** Runs given steps. Returns the error they end in, or null. */
export function runSteps({ seed, isOffload, steps }: Omit<Finding, "error">): Error | null {
  try {
    const target = new Target(seed, isOffload, () => {});
    for (const step of steps) target.step(step);
    target.finish();
    return null;
  } catch (error) {
    return asError(error);
  }
}

/** The shortest run found that still fails: steps are left out, frames cut, while that helps. */
export function shortened(finding: Finding): Finding {
  let shortest = finding;
  const fails = (steps: readonly Step[]) => {
    const error = runSteps({ ...shortest, steps });
    if (error !== null) shortest = { ...shortest, steps, error };
    return error !== null;
  };
  for (let before = Infinity; shortest.steps.length < before;) {
    before = shortest.steps.length;
    for (let size = before >> 1; size > 0; size >>= 1) {
      for (let at = 0; at < shortest.steps.length;) {
        if (!fails(shortest.steps.toSpliced(at, size))) at += size;
      }
    }
  }
  for (const [at, step] of shortest.steps.entries()) {
    if (step.bytes.length <= SHORT_FRAME) continue;
    fails(shortest.steps.with(at, { ...step, bytes: step.bytes.slice(0, SHORT_FRAME) }));
  }
  return shortest;
}

/** Mostly none; at times longer than any timer of a live connection. Milliseconds. */
function advance(choices: Choices): number {
  if (choices.below(4) > 0) return 0;
  if (choices.onceIn(100)) return choices.below(20_000);
  return choices.below(200) / 4;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
