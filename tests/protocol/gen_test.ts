/** GEN: harness, time, observability. Requirements §2.1. */

import { assertEquals } from "@std/assert";
import { idsOf, judge, parseCatalogue, problemsOf } from "../support/catalogue.ts";

Deno.test("GEN-04: a finished row must pass and every id be known; MAY rows may be left out", () => {
  const catalogue = parseCatalogue("| AA-01 | MUST | |\n| AA-02 | MAY | |\n| BB-01 | MUST | |\n");
  const [must, may] = catalogue.map(({ id }) => id);
  const declared = { finishedGroups: ["AA"], notImplemented: [may] };
  const problems = (...results: { name: string; passed: boolean }[]) =>
    problemsOf(judge(catalogue, results), results.flatMap(({ name }) => idsOf(name)), declared);
  const pass = { name: `${must}: it works`, passed: true };
  assertEquals(problems(pass), []);
  assertEquals(problems(), [`${must} of the finished group AA: missing`]);
  assertEquals(problems(pass, { ...pass, passed: false }), [
    `${must} of the finished group AA: fail`,
  ]);
  assertEquals(problems(pass, { name: `${must}, AA-99: it works`, passed: true }), [
    `A test names AA-99, which is not in the catalogue`,
  ]);
  const wrong = { finishedGroups: ["CC"], notImplemented: [must] };
  assertEquals(problemsOf(judge(catalogue, []), [], wrong), [
    "There is no group CC to be finished",
    `${must} is no MAY row and cannot be left out`,
  ]);
});
