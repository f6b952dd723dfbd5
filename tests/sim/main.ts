/**
 * Searches seeds for violations, on all cores, or replays one.
 *
 *     deno task sim --seed N       replays seed N with its trace
 *     deno task sim --seeds N      runs N seeds, from --first (default: chance)
 *     deno task sim --minutes M    runs seeds for M minutes
 *     --jobs J                     that many workers (default: the cores)
 *
 * Exit codes: 0 nothing was violated, 1 something was, 2 wrong flags.
 */

import { runSeed } from "./run.ts";
import { search, type SearchLimits } from "./search.ts";

const FLAGS = ["seed", "seeds", "minutes", "first", "jobs"];
const USAGE = "deno task sim (--seed N | --seeds N | --minutes M) [--first N] [--jobs J]";
/** Violations after which a search ends: more would not tell more. */
const ENOUGH = 20;

/** Seeds are whole numbers below 2^31. */
const SEED_LIMIT = 2 ** 31;

function main(args: string[]): Promise<number> | number {
  const flags = flagsFrom(args);
  const seed = flags?.get("seed");
  const seeds = flags?.get("seeds");
  const minutes = flags?.get("minutes");
  const tasks = [seed, seeds, minutes].filter((n) => n !== undefined);
  if (flags === null || tasks.length !== 1) {
    console.error(`Usage: ${USAGE}`);
    return 2;
  }
  if (seed !== undefined) return replay(seed);
  const first = flags.get("first") ?? crypto.getRandomValues(new Uint32Array(1))[0] >>> 2;
  return searchAndTell({
    first,
    seeds: seeds ?? Infinity,
    milliseconds: (minutes ?? Infinity) * 60_000,
    jobs: flags.get("jobs") ?? navigator.hardwareConcurrency,
    violations: ENOUGH,
  });
}

/** Each flag with its number; null: one is wrong. */
function flagsFrom(args: string[]): Map<string, number> | null {
  const flags = new Map<string, number>();
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i].replace(/^--/, "");
    const value = /^[0-9.]+$/.test(args[i + 1] ?? "") ? Number(args[i + 1]) : NaN;
    if (!FLAGS.includes(name) || !(value >= 0 && value < SEED_LIMIT)) return null;
    flags.set(name, value);
  }
  return flags;
}

function replay(seed: number): number {
  const outcome = runSeed(seed, (line) => console.log(line));
  console.log(`seed ${seed}: ${outcome.violation || "nothing violated"}`);
  return outcome.violation === "" ? 0 : 1;
}

async function searchAndTell(limits: SearchLimits): Promise<number> {
  const beganAt = performance.now();
  console.log(`seeds from ${limits.first} on, ${limits.jobs} workers`);
  const { ran, violations } = await search(limits, ({ seed, violation }) => {
    console.log(`seed ${seed}: ${violation.split("\n")[0]}`);
  });
  const seconds = (performance.now() - beganAt) / 1000;
  console.log(`${ran} seeds in ${seconds.toFixed(0)} s, ${violations} with a violation`);
  return violations === 0 ? 0 : 1;
}

Deno.exit(await main(Deno.args));
