/**
 * `deno task fuzz`: frames without end against the engine.
 *
 *     --frames N     how many; default 1,000,000
 *     --seed N       of the first episode; default: a fresh one, which is printed
 *
 * A failing input is shortened and joins `tests/fuzz/corpus`, which the tests
 * run from then on; the exit code is 1. So it is when live memory grows.
 */

import { parseArgs } from "node:util";
import { liveHeap } from "../support/heap.ts";
import { corpusText } from "./corpus.ts";
import { runEpisode, shortened } from "./episode.ts";

/** Frames of an episode. */
const EPISODE = 5000;
/** A million frames may leave that many bytes behind: what the runtime itself keeps. */
const GROWTH_LIMIT = 4 << 20;
const CORPUS = new URL("corpus/", import.meta.url);

function readOptions(): { frames: number; seed: number } {
  try {
    const { values } = parseArgs({
      options: {
        frames: { type: "string", default: "1000000" },
        seed: { type: "string", default: `${crypto.getRandomValues(new Uint32Array(1))[0] >>> 1}` },
      },
    });
    const [frames, seed] = [Number(values.frames), Number(values.seed)];
    if (!(Number.isInteger(frames) && frames > 0)) {
      throw new RangeError("--frames: a number above 0");
    }
    if (!(Number.isInteger(seed) && seed >= 0)) throw new RangeError("--seed: a number from 0 on");
    return { frames, seed };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}

function main(): number {
  const { frames, seed } = readOptions();
  console.log(`${frames} frames, first seed ${seed}`);
  let heapAtStart = 0;
  for (let done = 0, episode = 0; done < frames; done += EPISODE, episode++) {
    const finding = runEpisode(seed + episode, EPISODE);
    if (finding !== null) {
      console.log(`Seed ${finding.seed}, frame ${finding.steps.length}: ${finding.error.stack}`);
      const short = shortened(finding);
      const file = new URL(`seed_${finding.seed}.frames`, CORPUS);
      Deno.writeTextFileSync(file, corpusText(short));
      console.log(`Shortened to ${short.steps.length} frames: ${file.pathname}`);
      return 1;
    }
    if ((done + EPISODE) % 1_000_000 > EPISODE - 1) continue;
    const heap = liveHeap();
    console.log(`${done + EPISODE} frames, ${(heap / 2 ** 20).toFixed(1)} MiB live`);
    if (heapAtStart === 0) heapAtStart = heap;
    if (heap - heapAtStart > GROWTH_LIMIT) {
      console.log("Memory grows");
      return 1;
    }
  }
  return 0;
}

if (import.meta.main) Deno.exit(main());
