/** FSM: the state transition matrices of the catalogue, cell by cell. Requirements §3. */

import { assertEquals, assertThrows } from "@std/assert";
import { State } from "../../lib/tcp/state.ts";
import { type Cell, type Clause, parseMatrix } from "../support/matrix.ts";
import { runTest } from "../support/script.ts";
import { ScriptFailure, ScriptRun } from "../support/script_run.ts";
import { ALLOWED_EDGES } from "../support/transition_recorder.ts";
import { CALLS } from "./matrix_calls.ts";
import { ARRIVALS } from "./matrix_arrivals.ts";
import { type Scenario, type Scenarios, stateOf } from "./matrix_scenarios.ts";
import catalogue from "./requirements.md" with { type: "text" };

const CALL_CELLS = parseMatrix(catalogue, "A");
const ARRIVAL_CELLS = parseMatrix(catalogue, "B");

const MATRICES = { "FSM-01": [CALL_CELLS, CALLS], "FSM-02": [ARRIVAL_CELLS, ARRIVALS] } as const;

/** What differs between the families: addresses, and the MSS. */
const OVER_IPV6: readonly [from: string, to: string][] = [
  ["<mss 1460", "<mss 1440"],
  ["10.0.0.2", "fd00::2"],
];

for (const id of ["FSM-01", "FSM-02"] as const) {
  const [cells, scenarios] = MATRICES[id];
  for (const cell of cells) {
    Deno.test(`${id}: ${cell.state} × ${cell.column}: ${cell.text}`, () => {
      proveCell(cell, scenarios, false);
    });
    Deno.test(`IP6-01: ${cell.state} × ${cell.column} is over IPv6 as over IPv4`, () => {
      proveCell(cell, scenarios, true);
    });
  }
  Deno.test(`${id}: no scenario is about what no cell says`, () => {
    assertEquals(scenarios.unused(cells), []);
  });
}

Deno.test("FSM-03: a change of state that no cell has fails any test", () => {
  const wrong = (t: ScriptRun) => {
    t.run("EST");
    t.connection.state = State.Closing;
    t.none(0.1);
  };
  assertThrows(() => runTest(wrong, "bare"), ScriptFailure, "leads ESTABLISHED → CLOSING");
});

// Every run of the suite has a recorder; here it is seen that the recorders miss nothing.
Deno.test("FSM-03: the lives of connections pass through what the matrices allow, and all of it", () => {
  const seen = new Set<string>();
  for (const [cells, scenarios] of Object.values(MATRICES)) {
    for (const cell of cells) {
      for (const clause of cell.clauses) {
        for (const scenario of scenarios.of(cell, clause)) {
          const t = new ScriptRun("bare", scenario.options);
          scenario.prepare?.(t);
          t.run(scenario.begin);
          scenario.event(t, clause);
          for (const edge of t.transitions.edges) seen.add(edge);
        }
      }
    }
  }
  // A listener and a record in TIME-WAIT are no connections: the tests of their cells look at
  // them. Two cells are two steps of one segment, by way of ESTABLISHED or FIN_WAIT_2.
  const others = /^(?:LISTEN|TIME_WAIT)>|>LISTEN$|^SYN_RCVD>CLOSE_WAIT$|^FIN_WAIT_1>TIME_WAIT$/;
  const isConnections = (edge: string) => !others.test(edge);
  assertEquals(
    [...seen].filter(isConnections).sort(),
    [...ALLOWED_EDGES].filter(isConnections).sort(),
  );
});

function proveCell(cell: Cell, scenarios: Scenarios, isIpv6: boolean): void {
  for (const clause of cell.clauses) {
    for (const scenario of scenarios.of(cell, clause)) {
      for (const link of ["bare", "offload"] as const) {
        runTest(
          (t) => {
            if (isIpv6) translate(t);
            prove(t, cell, clause, scenario);
          },
          link,
          { ...scenario.options, isIpv6 },
        );
      }
    }
  }
}

/** Lets a run take scripts about IPv4 for such about IPv6. */
function translate(t: ScriptRun): void {
  const run = t.run.bind(t);
  t.run = (script) => {
    run(OVER_IPV6.reduce((text, [from, to]) => text.replaceAll(from, to), script));
  };
}

function prove(t: ScriptRun, { state }: Cell, clause: Clause, scenario: Scenario): void {
  scenario.prepare?.(t);
  t.run(scenario.begin);
  assertEquals(stateOf(t), state, "the state in which it happens");
  const error = scenario.event(t, clause) ?? "";
  assertEquals(stateOf(t), clause.to ?? scenario.follows ?? state, "the state that follows");
  if (clause.error !== "") assertEquals(error, clause.error);
}
