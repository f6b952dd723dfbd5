/** The requirements catalogue as a program reads it: rows, ids in names of tests, and the verdict. */

import { markdownTable } from "./markdown.ts";

/** How binding a row is. Requirements, §1. */
export type Level = "MUST" | "SHOULD" | "MAY";

/** One requirement. */
export interface Requirement {
  readonly id: string;
  /** The id without its number: `TFO-S`. */
  readonly group: string;
  readonly level: Level;
}

/** What the tests say about a row. */
export type Status = "pass" | "fail" | "missing";

/** A row with what its tests said. */
export interface Row extends Requirement {
  readonly status: Status;
}

/** A test that ran. */
export interface TestResult {
  readonly name: string;
  readonly passed: boolean;
}

/** What is declared about the catalogue: see `tests/protocol/groups.ts`. */
export interface Declarations {
  readonly finishedGroups: readonly string[];
  readonly notImplemented: readonly string[];
}

const ID = "[A-Z][A-Z0-9]*(?:-[SC])?-[0-9][0-9](?![0-9])";
const ROW = new RegExp(`^\\| (${ID}) \\| (MUST|SHOULD|MAY) \\|`, "gm");
const LEADING_IDS = new RegExp(`^${ID}(?:(?:, *| )${ID})*(?=:|$)`);
const NAMING_LITERAL = new RegExp(
  `[tT]est\\(\\s*["\`](${ID}(?:(?:, *| )${ID})*)(?=[:"\`]| \\$\\{)`,
  "g",
);
/** Tests made in `for (const id of ["HS-01", "HS-02"])`. */
const NAMING_LOOP = /[tT]est\(\s*`\$\{id\}/;
const LOOP_LIST = /\bid of \[([^\]]*)\]/g;
const ANY_ID = new RegExp(ID, "g");

/** All requirements of the catalogue's text, in its order. */
export function parseCatalogue(text: string): Requirement[] {
  return [...text.matchAll(ROW)].map(([, id, level]) => ({
    id,
    group: id.replace(/-\d\d$/, ""),
    level: level as Level,
  }));
}

/** The ids a test's name begins with: `HDR-01 GV-01: …` has two. */
export function idsOf(name: string): string[] {
  return (LEADING_IDS.exec(name)?.[0] ?? "").split(/[, ]+/).filter((id) => id !== "");
}

/** The ids which a test file names its tests by, where they stand in its text. */
export function idsIn(source: string): string[] {
  const literals = [...source.matchAll(NAMING_LITERAL)].flatMap(([, ids]) => ids.split(/[, ]+/));
  if (!NAMING_LOOP.test(source)) return literals;
  const lists = [...source.matchAll(LOOP_LIST)].flatMap(([, list]) => list.match(ANY_ID) ?? []);
  return [...literals, ...lists];
}

/** Each requirement with its status: it passes when it has tests and all of them do. */
export function judge(catalogue: readonly Requirement[], results: readonly TestResult[]): Row[] {
  const passed = new Map<string, boolean>();
  for (const result of results) {
    for (const id of idsOf(result.name)) {
      passed.set(id, result.passed && (passed.get(id) ?? true));
    }
  }
  return catalogue.map((requirement) => {
    const verdict = passed.get(requirement.id);
    const status = verdict === undefined ? "missing" : verdict ? "pass" : "fail";
    return { ...requirement, status };
  });
}

/** What must not be: finished rows without a passing test, ids and groups nobody knows. In words. */
export function problemsOf(
  rows: readonly Row[],
  namedIds: readonly string[],
  { finishedGroups, notImplemented }: Declarations,
): string[] {
  const known = new Map(rows.map((row) => [row.id, row]));
  const groups = new Set(rows.map((row) => row.group));
  const unknown = [...new Set(namedIds)].filter((id) => !known.has(id));
  return [
    ...unknown.map((id) => `A test names ${id}, which is not in the catalogue`),
    ...finishedGroups.filter((group) => !groups.has(group))
      .map((group) => `There is no group ${group} to be finished`),
    ...notImplemented.filter((id) => known.get(id)?.level !== "MAY")
      .map((id) => `${id} is no MAY row and cannot be left out`),
    ...rows.filter((row) => finishedGroups.includes(row.group))
      .filter((row) => row.status !== "pass")
      .filter((row) => row.status === "fail" || !notImplemented.includes(row.id))
      .map((row) => `${row.id} of the finished group ${row.group}: ${row.status}`),
  ];
}

/** A Markdown table of the groups' totals, as `deno fmt` writes it; without line end. */
export function totalsTable(rows: readonly Row[], { finishedGroups }: Declarations): string {
  const groups = [...new Set(rows.map((row) => row.group))];
  const line = (name: string, of: readonly Row[], note: string) => [
    name,
    String(of.length),
    String(of.filter((row) => row.status === "pass").length),
    note,
  ];
  const cells = [
    ["Group", "Rows", "Proven", "Finished"],
    ...groups.map((group) => {
      const note = finishedGroups.includes(group) ? "yes" : "";
      return line(group, rows.filter((row) => row.group === group), note);
    }),
    line("All", rows, ""),
  ];
  return markdownTable(cells, [1, 2]);
}
