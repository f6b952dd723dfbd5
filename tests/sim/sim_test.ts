import { assertEquals } from "@std/assert";
import { runSeed } from "./run.ts";

/** The share of each test run; `deno task sim` searches further. */
const SEEDS = 300;

Deno.test(`sim: ${SEEDS} fresh seeds hold all invariants`, () => {
  const first = crypto.getRandomValues(new Uint32Array(1))[0] >>> 2;
  console.log(`sim: seeds ${first} … ${first + SEEDS - 1}`);
  for (let seed = first; seed < first + SEEDS; seed++) {
    const { violation } = runSeed(seed, null);
    assertEquals(violation, "", `replay it with: deno task sim --seed ${seed}`);
  }
});

Deno.test("sim: the same seed tells the same story", () => {
  const story = () => {
    const lines: string[] = [];
    runSeed(7, (line) => lines.push(line));
    return lines;
  };
  assertEquals(story(), story());
});
