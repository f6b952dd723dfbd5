/** protocolTest: one test for each row of the requirements catalogue, as a script or a function. */

import type { FixtureOptions, LinkMode } from "./fixture.ts";
import { ScriptRun } from "./script_run.ts";

/** A script, or what a script cannot say. */
export type TestBody = string | ((t: ScriptRun) => void);

const LINKS: readonly LinkMode[] = ["bare", "offload"];

/**
 * Registers a test for each of `ids`, named by the id; it runs on a bare link
 * and on one with offload. `ids` has commas between: `"HS-01, HS-03"`.
 */
export function protocolTest(
  ids: string,
  title: string,
  body: TestBody,
  options: FixtureOptions = {},
): void {
  for (const id of ids.split(/\s*,\s*/)) {
    Deno.test(`${id}: ${title}`, () => {
      for (const link of options.links ?? LINKS) runTest(body, link, options);
    });
  }
}

/** Runs a test body once. Throws ScriptFailure, or ScriptSyntaxError. */
export function runTest(body: TestBody, link: LinkMode, options: FixtureOptions = {}): void {
  const run = new ScriptRun(link, options);
  if (typeof body === "string") run.runWhole(body);
  else body(run);
  run.finish();
}
