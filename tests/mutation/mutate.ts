/**
 * `deno task mutate`: plants small faults one at a time, and tells which of them
 * the suite finds.
 *
 *     --in PATHS     files and directories, with commas; default lib/tcp,lib/stack,lib/proxy/relay.ts
 *     --sample N     how many mutants are drawn; default 400
 *     --seed N       by which they are drawn; default: a fresh one, which is printed
 *     --jobs N       runs at a time; default: the number of cores
 *     --least N      per cent that must be killed; default 90
 *
 * The exit code is 1 when fewer are killed, or a survivor has no reason in
 * `survivors.ts`.
 */

import { parseArgs } from "node:util";
import { randomWords } from "../support/random.ts";
import { type Mutant, mutantsOf, withMutant } from "./mutants.ts";
import { Suite, testFiles, type Verdict } from "./suite.ts";
import { reasonFor } from "./survivors.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** Test files that a mutant meets first, in a run of their own: most do not survive them. */
const VANGUARD = 8;
/** A mutant is hung when its run takes that many times the run without one. */
const PATIENCE = 6;
/** The limit of the first runs, in milliseconds. */
const LONG = 600_000;
/** Simulated worlds for a mutant that all test files let through. */
const SEEDS = 200;

interface Result {
  readonly mutant: Mutant;
  readonly isKilled: boolean;
}

/** All `.ts` files at or below `paths`. */
function filesIn(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (Deno.statSync(ROOT + path).isFile) return [path];
    return filesIn([...Deno.readDirSync(ROOT + path)].map(({ name }) => `${path}/${name}`).sort());
  }).filter((path) => path.endsWith(".ts"));
}

/** `count` of `all`, each at most once, in the order they are drawn. */
function sample<T>(all: readonly T[], count: number, seed: number): T[] {
  const next = randomWords(seed);
  const rest = [...all];
  const drawn: T[] = [];
  while (drawn.length < count && rest.length > 0) {
    const at = next() % rest.length;
    drawn.push(rest[at]);
    rest[at] = rest[rest.length - 1];
    rest.pop();
  }
  return drawn;
}

/** Test files, best first: the file's own test, those which killed most, those of its floor. */
class Order {
  readonly #files: readonly string[];
  readonly #kills = new Map<string, number>();

  constructor(files: readonly string[]) {
    this.#files = files;
  }

  killed(file: string): void {
    this.#kills.set(file, (this.#kills.get(file) ?? 0) + 1);
  }

  for(path: string): string[] {
    const own = path.replace(/^lib\/(.*)\.ts$/, "tests/$1_test.ts");
    const isNear = (file: string) => /^tests\/(?:protocol|tcp)\//.test(file);
    const score = (file: string) =>
      file === own ? Infinity : (this.#kills.get(file) ?? 0) + (isNear(file) ? 0.5 : 0);
    return [...this.#files].sort((a, b) => score(b) - score(a) || a.localeCompare(b));
  }
}

async function judge(mutants: readonly Mutant[], jobs: number): Promise<Result[]> {
  const order = new Order(testFiles(ROOT));
  const results: Result[] = [];
  const queue = [...mutants];
  const suites = await Promise.all(Array.from({ length: jobs }, () => Suite.copy(ROOT)));
  try {
    const limitMs = await timeLimit(async () => (await suites[0].run(order.for(""), LONG)).verdict);
    const simLimitMs = await timeLimit(() => suites[0].simulate(SEEDS, LONG));
    await Promise.all(suites.map(async (suite) => {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const text = suite.read(mutant.path);
        suite.write(mutant.path, withMutant(text, mutant));
        const files = order.for(mutant.path);
        let { verdict, file } = await suite.run(files.slice(0, VANGUARD), limitMs);
        if (verdict === "passed") {
          ({ verdict, file } = await suite.run(files.slice(VANGUARD), limitMs));
        }
        if (verdict === "passed") verdict = await suite.simulate(SEEDS, simLimitMs);
        suite.write(mutant.path, text);
        order.killed(file);
        results.push({ mutant, isKilled: verdict !== "passed" });
        if (verdict === "passed") console.log(`alive  ${described(mutant)}`);
        if (results.length % 20 === 0) console.log(`${results.length} of ${mutants.length}`);
      }
    }));
  } finally {
    await Promise.all(suites.map((suite) => suite.dispose()));
  }
  return results;
}

/** How long a run may take, from one without any fault. */
async function timeLimit(run: () => Promise<Verdict>): Promise<number> {
  const start = performance.now();
  if (await run() !== "passed") throw new Error("The suite fails without any fault");
  return PATIENCE * (performance.now() - start);
}

function described({ path, line, lineText, before, after }: Mutant): string {
  return `${path}:${line}  ${before} -> ${after}  in  ${lineText}`;
}

/** The arguments; a wrong one ends the program with code 2. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        in: { type: "string", default: "lib/tcp,lib/stack,lib/proxy/relay.ts" },
        sample: { type: "string", default: "400" },
        seed: { type: "string", default: `${crypto.getRandomValues(new Uint32Array(1))[0]}` },
        jobs: { type: "string", default: `${navigator.hardwareConcurrency}` },
        least: { type: "string", default: "90" },
      },
    });
    const number = (name: "sample" | "seed" | "jobs" | "least", least: number) => {
      const value = Number(values[name]);
      if (Number.isInteger(value) && value >= least) return value;
      throw new RangeError(`--${name} must be a whole number from ${least} on: ${values[name]}`);
    };
    return {
      paths: values.in.split(","),
      count: number("sample", 1),
      seed: number("seed", 0),
      jobs: number("jobs", 1),
      least: number("least", 0),
    };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}

async function main(): Promise<number> {
  const { paths, count, seed, jobs, least } = readOptions();
  const all = filesIn(paths).flatMap((path) => mutantsOf(path, Deno.readTextFileSync(ROOT + path)));
  const mutants = sample(all, count, seed);
  console.log(`${mutants.length} of ${all.length} mutants of ${paths}, seed ${seed}`);
  const results = await judge(mutants, jobs);
  const survivors = results.filter(({ isKilled }) => !isKilled).map(({ mutant }) => mutant);
  survivors.sort((a, b) => a.path.localeCompare(b.path) || a.offset - b.offset);
  const killed = results.length - survivors.length;
  const share = 100 * killed / results.length;
  console.log(`\nSeed ${seed}: killed ${killed} of ${results.length}, ${share.toFixed(1)} %`);
  for (const survivor of survivors) {
    console.log(`${described(survivor)}\n    ${reasonFor(survivor) ?? "NO REASON GIVEN"}`);
  }
  const isExplained = survivors.every((survivor) => reasonFor(survivor) !== undefined);
  return share >= least && isExplained ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
