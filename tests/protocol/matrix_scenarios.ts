/** How runs come into each of the eleven states, and what proves a clause of a matrix there. */

import type { FixtureOptions } from "../support/fixture.ts";
import type { Cell, Clause, MatrixState } from "../support/matrix.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { IN_STATE } from "./states.ts";

/** One way to prove a clause. */
export interface Scenario {
  /** A script which ends in the cell's state. */
  readonly begin: string;
  readonly options?: FixtureOptions;
  /** The state that follows, where the clause only refers to a row or to another cell. */
  readonly follows?: MatrixState;
  /** Prepares what a script cannot say, before `begin`. */
  readonly prepare?: (t: ScriptRun) => void;
  /** Lets the event happen and expects what the clause says is done. Returns the error it came to, if any. */
  readonly event: (t: ScriptRun, clause: Clause) => string | void;
}

/** Numbers relative to C and X in a state: RCV.NXT, SND.UNA, SND.NXT. */
export interface Numbers {
  readonly rcv: number;
  readonly una: number;
  readonly snd: number;
}

/** SYN_RCVD of a simultaneous open. */
export const CROSSED = `
  ACT
  +.1 < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
`;

/** SYN_RCVD of a fast open which brought ten bytes. */
export const FAST_OPEN = `
  +0 < S 0:10(10) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 11 <mss 1460>
     accept
     read 10
`;
/** Lets fast opens in without a cookie. */
export const FAST_OPEN_OPTIONS: FixtureOptions = {
  fastOpen: 8,
  tunables: { tcp_fastopen: 0x202 },
};

/** TIME_WAIT. */
export const TIME_WAIT = `
  ${IN_STATE.FIN_WAIT_2.script}
  +0 < F. 1:1(0) ack 2
  +0 > . 2:2(0) ack 2
`;

/** A script for each state but CLOSED and LISTEN, which need none. */
export const BEGIN: Readonly<Record<MatrixState, string>> = {
  CLOSED: "",
  LISTEN: "",
  SYN_SENT: "ACT",
  SYN_RCVD: "SR",
  ESTABLISHED: IN_STATE.ESTABLISHED.script,
  FIN_WAIT_1: IN_STATE.FIN_WAIT_1.script,
  FIN_WAIT_2: IN_STATE.FIN_WAIT_2.script,
  CLOSE_WAIT: IN_STATE.CLOSE_WAIT.script,
  CLOSING: IN_STATE.CLOSING.script,
  LAST_ACK: IN_STATE.LAST_ACK.script,
  TIME_WAIT,
};

/** The numbers in those scripts. */
export const NUMBERS: Readonly<Record<MatrixState, Numbers>> = {
  CLOSED: { rcv: 100, una: 500, snd: 500 },
  LISTEN: { rcv: 100, una: 500, snd: 500 },
  SYN_SENT: { rcv: 1, una: 0, snd: 1 },
  SYN_RCVD: { rcv: 1, una: 1, snd: 1 },
  ESTABLISHED: { rcv: 1, una: 1, snd: 1 },
  FIN_WAIT_1: { rcv: 1, una: 1, snd: 2 },
  FIN_WAIT_2: { rcv: 1, una: 2, snd: 2 },
  CLOSE_WAIT: { rcv: 2, una: 1, snd: 1 },
  CLOSING: { rcv: 2, una: 1, snd: 2 },
  LAST_ACK: { rcv: 2, una: 1, snd: 2 },
  TIME_WAIT: { rcv: 2, una: 2, snd: 2 },
};

/** The states from ESTABLISHED to LAST_ACK. */
export const SYNCHRONIZED: readonly MatrixState[] = [
  "ESTABLISHED",
  "FIN_WAIT_1",
  "FIN_WAIT_2",
  "CLOSE_WAIT",
  "CLOSING",
  "LAST_ACK",
];

/** The scenarios of one matrix, by what they prove. */
export class Scenarios {
  readonly #byClause = new Map<string, Scenario[]>();

  /** Adds a scenario for the clause about `when` of a cell. */
  add(state: MatrixState, column: string, when: string, scenario: Scenario): void {
    const key = keyOf(state, column, when);
    const others = this.#byClause.get(key);
    if (others === undefined) this.#byClause.set(key, [scenario]);
    else others.push(scenario);
  }

  /** Adds one with the state's own `begin`. */
  event(state: MatrixState, column: string, when: string, event: Scenario["event"]): void {
    this.add(state, column, when, { begin: BEGIN[state], event });
  }

  /** What proves a clause; throws when nothing does. */
  of({ state, column, text }: Cell, { when }: Clause): readonly Scenario[] {
    const scenarios = this.#byClause.get(keyOf(state, column, when));
    if (scenarios === undefined) throw new Error(`Nothing proves the case "${when}" of: ${text}`);
    return scenarios;
  }

  /** Scenarios for what no cell says. */
  unused(cells: readonly Cell[]): string[] {
    const said = new Set(
      cells.flatMap(({ state, column, clauses }) =>
        clauses.map(({ when }) => keyOf(state, column, when))
      ),
    );
    return [...this.#byClause.keys()].filter((key) => !said.has(key));
  }
}

/** The state of what a run is about: its request, its connection, or its listener. */
export function stateOf(t: ScriptRun): string {
  const { flow } = t;
  if (flow.connection === null && t.stack.tcp.handshakeCount > 0) return "SYN_RCVD";
  if (flow.connection === null && t.fixture.listener.acceptable > 0) t.calls.accept(flow);
  return flow.connection === null && !t.calls.isListening ? "CLOSED" : t.state();
}

function keyOf(state: MatrixState, column: string, when: string): string {
  return `${state} × ${column}${when === "" ? "" : `, ${when}`}`;
}
