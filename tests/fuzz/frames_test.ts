import { assertEquals } from "@std/assert";
import { corpusText, parseCorpus } from "./corpus.ts";
import { runEpisode, runSteps, shortened } from "./episode.ts";
import { Target } from "./target.ts";

/** Episodes of 5000 frames. */
const EPISODES = 40;
const FRAMES = 5000;

Deno.test("GEN-07: 200,000 hostile frames of a fresh seed cause no exception, hang or leak", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
  console.log(`first seed ${seed}`);
  for (let i = 0; i < EPISODES; i++) {
    const finding = runEpisode(seed + i, FRAMES);
    if (finding === null) continue;
    throw new Error(`deno task fuzz --seed ${finding.seed} --frames ${FRAMES}`, {
      cause: finding.error,
    });
  }
});

Deno.test("fuzz: a planted fault is found, shortened and told again", () => {
  const finding = withFault(() => runEpisode(1, 3000));
  assertEquals(finding?.error.message, "a planted fault");
  const short = withFault(() => shortened(finding!));
  assertEquals(short.steps.length, 1);
  const again = parseCorpus(corpusText(short));
  assertEquals(again.steps, short.steps);
  assertEquals(withFault(() => runSteps(again))?.message, "a planted fault");
  assertEquals(runSteps(again), null);
});

/** Runs with a target that fails at a super-segment of a certain size. */
function withFault<T>(run: () => T): T {
  const step = Target.prototype.step;
  Target.prototype.step = function (given) {
    if (given.segmentSize === 9000) throw new Error("a planted fault");
    step.call(this, given);
  };
  try {
    return run();
  } finally {
    Target.prototype.step = step;
  }
}
