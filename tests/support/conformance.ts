/**
 * `deno task conformance`: runs the tests and tells for each row of the
 * catalogue whether it is proven.
 *
 *     --json      {"rows":[{"id","group","level","status":"pass|fail|missing"}]}, nothing else
 *     --readme    writes the totals into README.md, and what `deno task readme` does
 *
 * The exit code is 1 when a row of a finished group is missing or fails, when a
 * test names an unknown id, or when the tests cannot be run at all.
 */

import denoJson from "../../deno.json" with { type: "json" };
import { DECLARATIONS } from "../protocol/groups.ts";
import {
  idsOf,
  judge,
  parseCatalogue,
  problemsOf,
  type Row,
  type TestResult,
  totalsTable,
} from "./catalogue.ts";
import { withSection } from "./markdown.ts";
import { currentReadme } from "./readme.ts";

const ROOT = new URL("../../", import.meta.url);
const FLAGS = ["--json", "--readme"];
const TAP_LINE = /^\s*(ok|not ok) \d+ - (.*?)( # SKIP.*)?$/gm;

/** Runs what `deno task test` runs. A skipped test proves nothing, and is left out. */
async function runTests(): Promise<TestResult[]> {
  const [, ...args] = denoJson.tasks.test.command.split(" ");
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args, "--reporter=tap"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  const results = [...text.matchAll(TAP_LINE)]
    .filter(([, , , skipped]) => skipped === undefined)
    .map(([, verdict, name]) => ({ name, passed: verdict === "ok" }));
  const planned = Number(/^1\.\.(\d+)$/m.exec(text)?.[1] ?? NaN);
  if (!(planned >= results.length) || results.length === 0) {
    console.error(new TextDecoder().decode(stderr));
    throw new Error("Cannot run the tests to their end");
  }
  return results;
}

function printTable(rows: readonly Row[]): void {
  console.log(totalsTable(rows, DECLARATIONS));
  for (const group of new Set(rows.map((row) => row.group))) {
    console.log(`\n${group}`);
    for (const row of rows.filter((row) => row.group === group)) {
      const isLeftOut = row.status === "missing" && DECLARATIONS.notImplemented.includes(row.id);
      const status = isLeftOut ? "not implemented" : row.status;
      console.log(`  ${row.id.padEnd(10)} ${row.level.padEnd(6)} ${status}`);
    }
  }
}

async function main(): Promise<number> {
  const unknown = Deno.args.filter((arg) => !FLAGS.includes(arg));
  if (unknown.length > 0) {
    console.error(`There is no flag ${unknown.join(", ")}`);
    return 2;
  }
  const catalogue = Deno.readTextFileSync(new URL("tests/protocol/requirements.md", ROOT));
  const results = await runTests();
  const rows = judge(parseCatalogue(catalogue), results);
  const problems = problemsOf(rows, results.flatMap((result) => idsOf(result.name)), DECLARATIONS);
  if (Deno.args.includes("--json")) {
    console.log(JSON.stringify({
      rows: rows.map(({ id, group, level, status }) => ({ id, group, level, status })),
    }));
  } else {
    printTable(rows);
  }
  if (Deno.args.includes("--readme")) {
    const path = new URL("README.md", ROOT);
    const table = totalsTable(rows, DECLARATIONS);
    Deno.writeTextFileSync(path, withSection(currentReadme(), "conformance", table));
  }
  for (const problem of problems) console.error(problem);
  return problems.length > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
