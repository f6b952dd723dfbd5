/** Episode: a run of frames against a fresh engine, remembered so that it can be told again. */

import { Choices } from "./choices.ts";
import { FlowBook } from "./flow_book.ts";
import { FrameSource } from "./frame_source.ts";
import { type Step, Target } from "./target.ts";

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
        isTurn: choices.onceIn(3),
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

/** The shortest run of steps found that still fails, by leaving out ever smaller parts. */
export function shortened(finding: Finding): Finding {
  let shortest = finding;
  for (let size = finding.steps.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < shortest.steps.length;) {
      const steps = shortest.steps.toSpliced(at, size);
      const error = runSteps({ ...shortest, steps });
      if (error === null) at += size;
      else shortest = { ...shortest, steps, error };
    }
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
