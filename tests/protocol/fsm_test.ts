/** FSM: the state transition matrices of the catalogue, cell by cell. Requirements §3. */

import { assert, assertEquals } from "@std/assert";
import { type Cell, parseMatrix } from "../support/matrix.ts";
import { runTest } from "../support/script.ts";
import { ARRIVALS } from "./matrix_arrivals.ts";
import { type Scenarios, stateOf } from "./matrix_scenarios.ts";
import catalogue from "./requirements.md" with { type: "text" };

const ARRIVAL_CELLS = parseMatrix(catalogue, "B");

testMatrix("FSM-02", ARRIVAL_CELLS, ARRIVALS);

/** One test for each cell, and one which finds that the scenarios are about cells. */
function testMatrix(id: string, cells: readonly Cell[], scenarios: Scenarios): void {
  for (const cell of cells) {
    const { state, column, text } = cell;
    Deno.test(`${id}: ${state} × ${column}: ${text}`, () => {
      if (text === "–") assert(cell.clauses.length === 0, "nothing can be proven");
      for (const clause of cell.clauses) {
        for (const { begin, options, prepare, follows, event } of scenarios.of(cell, clause)) {
          const test = (t: Parameters<Exclude<Parameters<typeof runTest>[0], string>>[0]) => {
            prepare?.(t);
            t.run(begin);
            assertEquals(stateOf(t), state, "the state in which the event happens");
            const error = event(t, clause) ?? "";
            assertEquals(stateOf(t), clause.to ?? follows ?? state, "the state that follows");
            if (clause.error !== "") assertEquals(error, clause.error);
          };
          for (const link of ["bare", "offload"] as const) runTest(test, link, options);
        }
      }
    });
  }
  Deno.test(`${id}: no scenario is about what no cell says`, () => {
    assertEquals(scenarios.unused(cells), []);
  });
}
