/** Scenarios of matrix B: which segment arrives in each state, and what must leave. */

import { assertEquals } from "@std/assert";
import type { MatrixState } from "../support/matrix.ts";
import type { ScriptRun } from "../support/script_run.ts";
import {
  BEGIN,
  CROSSED,
  FAST_OPEN_OPTIONS,
  NUMBERS,
  type Numbers,
  type Scenario,
  Scenarios,
  SYNCHRONIZED,
  TIME_WAIT,
} from "./matrix_scenarios.ts";

/** How long nothing more may come; no retransmission is due before. Seconds. */
const SILENCE = 0.15;

const FIN = "FIN (ours unsent or unacked)";
const FIN_AND_ACK = "FIN + ACK of our FIN";

/** A segment of the peer, in relative numbers; without `ack` it has no ACK flag. */
interface Arrival {
  readonly flags: string;
  readonly seq: number;
  readonly length?: number;
  readonly ack?: number;
  readonly options?: string;
}

/** What proves the clauses of matrix B. */
export const ARRIVALS: Scenarios = new Scenarios();

function arrival(
  state: MatrixState,
  column: string,
  when: string,
  segment: Arrival,
  change: Partial<Scenario> = {},
): void {
  ARRIVALS.add(state, column, when, {
    begin: BEGIN[state],
    event: (t, clause) => {
      const { rcv, snd } = NUMBERS[state];
      const isSynSent = state === "SYN_SENT";
      arrive(t, segment, clause.action, { rcv, snd: isSynSent ? 1 : snd });
      return t.flow.connection?.receiveError;
    },
    ...change,
  });
}

/** Injects the segment and expects what `action` says. */
function arrive(
  t: ScriptRun,
  segment: Arrival,
  action: string,
  { rcv, snd }: Pick<Numbers, "rcv" | "snd">,
): void {
  const { flags, seq, length = 0, ack, options = "" } = segment;
  const deliveredBefore = readableOf(t);
  t.growth("TCPChallengeACK");
  if (action === "accept") t.flow.renew(t.flow.peerIsn); // X is another
  const acknowledged = ack === undefined ? "" : `ack ${ack}`;
  t.run(`+0 < ${flags} ${seq}:${seq + length}(${length}) ${acknowledged} win 1000 ${options}`);
  const end = seq + length + (/[SF]/.test(flags) ? 1 : 0);
  const delivers = seq <= rcv && !/drop|refuse|not delivered/.test(action);
  const next = delivers ? Math.max(end, rcv) : rcv;
  const ackOf = (number: number) => `+0 > . ${snd}:${snd}(0) ack ${number}`;
  switch (action) {
    case "":
    case "drop":
    case "ignore":
      break;
    case "update":
      assertEquals(t.connection.sndWnd, 1000);
      break;
    case "RST":
    case "RST SEQ=SEG.ACK":
      t.run(`+0 > R ${ack}:${ack}(0)`);
      break;
    case "RST,ACK":
      t.run(`+0 > R. =0:=0(0) ack ${end}`);
      break;
    case "SYN-ACK":
    case "SYN-ACK again":
    case "accept":
      t.run(`+0 > S. 0:0(0) ack ${seq + 1} <...>`);
      break;
    case "chal":
      t.run(ackOf(rcv));
      assertEquals(t.growth("TCPChallengeACK"), 1);
      break;
    case "ACK":
    case "ACK, drop":
    case "ACK, not delivered":
    case "ACK, restart 2MSL":
    case "deliver":
    case "deliver, ACK":
    case "refuse":
    case "same":
      t.run(ackOf(next));
      break;
    default:
      throw new Error(`Nobody knows how to ${action}`);
  }
  t.none(SILENCE);
  const delivered = readableOf(t) - deliveredBefore;
  assertEquals(delivered, action.startsWith("deliver") ? length : 0, "bytes delivered");
}

function readableOf(t: ScriptRun): number {
  if (t.flow.connection === null && t.fixture.listener.acceptable > 0) t.calls.accept(t.flow);
  return t.flow.connection?.readable().length ?? 0;
}

// Nobody is there, or a listener only.
for (const state of ["CLOSED", "LISTEN"] as const) {
  const prepare = (t: ScriptRun) => {
    if (state === "CLOSED") t.fixture.listener.close();
  };
  const { rcv: seq, snd: ack } = NUMBERS[state];
  const add = (column: string, when: string, segment: Arrival) =>
    arrival(state, column, when, segment, { prepare });
  add("SYN", "", { flags: "S", seq, options: "<mss 1460>" });
  add("SYN+ACK", "", { flags: "S.", seq, ack });
  add("acceptable ACK", "", { flags: ".", seq, ack });
  add("unacceptable ACK", "", { flags: ".", seq, ack: ack + 1000 });
  add(FIN, "with ACK", { flags: "F.", seq, ack });
  add(FIN, "without", { flags: "F", seq });
  add(FIN_AND_ACK, "", { flags: "F.", seq, ack });
  add("RST exact", "", { flags: "R", seq });
  add("RST exact", "", { flags: "R.", seq, ack });
  add("RST in window", "", { flags: "R", seq: seq + 1 });
  add("data", "with ACK", { flags: "P.", seq, length: 5, ack });
  add("data", "without", { flags: "P", seq, length: 5 });
}
ARRIVALS.add("LISTEN", "SYN", "TFO", {
  begin: "",
  options: FAST_OPEN_OPTIONS,
  follows: "SYN_RCVD",
  event: (t) =>
    t.run(`
      +0 < S 0:100(100) win 65535 <mss 1460>
      +0 > S. 0:0(0) ack 101 <mss 1460>
         accept
         read 100
    `),
});

arrival("SYN_SENT", "SYN", "", { flags: "S", seq: 0, options: "<mss 1460>" });
arrival("SYN_SENT", "SYN+ACK", "", { flags: "S.", seq: 0, ack: 1, options: "<mss 1460>" });
arrival("SYN_SENT", "acceptable ACK", "no SYN", { flags: ".", seq: 1, ack: 1 });
for (const ack of [0, 2, 100]) {
  arrival("SYN_SENT", "unacceptable ACK", "", { flags: "S.", seq: 0, ack });
  arrival("SYN_SENT", "unacceptable ACK", "", { flags: ".", seq: 1, ack });
}
arrival("SYN_SENT", FIN, "", { flags: "F", seq: 1 });
arrival("SYN_SENT", FIN_AND_ACK, "", { flags: "F.", seq: 1, ack: 1 });
arrival("SYN_SENT", "RST exact", "with acceptable ACK", { flags: "R.", seq: 0, ack: 1 });
arrival("SYN_SENT", "RST in window", "no ACK", { flags: "R", seq: 0 });
for (
  const [syn, reply, count, follows] of [
    ["S. 0:50(50) ack 1", ". 1:1(0) ack 51", 50, "ESTABLISHED"],
    ["S 0:50(50)", "S. 0:0(0) ack 1 <...>", 0, "SYN_RCVD"],
  ] as const
) {
  ARRIVALS.add("SYN_SENT", "data", "only with SYN", {
    begin: BEGIN.SYN_SENT,
    follows,
    event: (t) =>
      t.run(`
        +0 < P. 1:6(5) ack 1
        none(.1)
           state SYN_SENT
        +0 < ${syn} win 65535 <mss 1460>
        +0 > ${reply}
           readable ${count}
      `),
  });
}

const OTHER_SYN = { flags: "S", seq: 50, options: "<mss 1460>" };
const active = { begin: CROSSED };
arrival("SYN_RCVD", "SYN", "same SEQ", { flags: "S", seq: 0, options: "<mss 1460>" });
arrival("SYN_RCVD", "SYN", "same SEQ", { flags: "S", seq: 0, options: "<mss 1460>" }, active);
arrival("SYN_RCVD", "SYN", "other, in window: passive", OTHER_SYN);
arrival("SYN_RCVD", "SYN", "active", OTHER_SYN, active);
const FROM_IRS = { flags: "S.", seq: 0, ack: 1, options: "<mss 1460>" };
arrival("SYN_RCVD", "SYN+ACK", "SEQ=IRS after simultaneous open", FROM_IRS, active);
for (const change of [{ follows: "LISTEN" }, active] as const) {
  ARRIVALS.add("SYN_RCVD", "SYN+ACK", "in window", {
    begin: BEGIN.SYN_RCVD,
    event: (t) => {
      const asSyn = change === active ? "chal" : "";
      arrive(t, { flags: "S.", seq: 50, ack: 1 }, asSyn, NUMBERS.SYN_RCVD);
    },
    ...change,
  });
}
arrival("SYN_RCVD", "SYN+ACK", "else", { flags: "S.", seq: 100_000, ack: 1 });
arrival("SYN_RCVD", "SYN+ACK", "else", { flags: "S.", seq: 100_000, ack: 1 }, active);
for (const change of [{}, active]) {
  arrival("SYN_RCVD", "acceptable ACK", "", { flags: ".", seq: 1, ack: 1 }, change);
  for (const ack of [0, 2, 100]) {
    arrival("SYN_RCVD", "unacceptable ACK", "", { flags: ".", seq: 1, ack }, change);
  }
  const fin = { flags: "F.", seq: 1, ack: 1 };
  arrival("SYN_RCVD", FIN, "with acceptable ACK", fin, change);
  arrival("SYN_RCVD", "RST in window", "", { flags: "R", seq: 2 }, change);
  const data = { flags: "P.", seq: 1, length: 5, ack: 1 };
  arrival("SYN_RCVD", "data", "with acceptable ACK", data, change);
}
arrival("SYN_RCVD", "RST exact", "passive", { flags: "R", seq: 1 });
arrival("SYN_RCVD", "RST exact", "active", { flags: "R", seq: 1 }, active);
// With the accept queue full: SYNQ-10, SYNQ-11.
for (const aborts of [false, true]) {
  ARRIVALS.add("SYN_RCVD", "acceptable ACK", "or", {
    begin: `
      peer b 10.0.0.2:40001
      SR
      +0 <b S 0:0(0) win 65535 <mss 1460>
      +0 >b S. 0:0(0) ack 1 <mss 1460>
      +0 <b . 1:1(0) ack 1
         acceptQueue 1
    `,
    options: { backlog: 1, tunables: { tcp_abort_on_overflow: aborts ? 1 : 0 } },
    event: (t) => {
      t.run("+0 < . 1:1(0) ack 1");
      if (aborts) t.run("+0 > R 1:1(0)");
      t.run(`
        none(.1)
        cnt:ListenOverflows
        synQueue ${aborts ? 0 : 1}
        accept b
      `);
    },
    ...aborts ? { follows: "LISTEN" } : {},
  });
}
ARRIVALS.add("SYN_RCVD", FIN_AND_ACK, "after FIN_WAIT_1 only", {
  begin: CROSSED,
  follows: "TIME_WAIT",
  event: (t) =>
    t.run(`
         close
      +0 > F. 1:1(0) ack 1
         state FIN_WAIT_1
      +0 < F. 1:1(0) ack 2
      +0 > . 2:2(0) ack 2
    `),
});

for (const state of SYNCHRONIZED) {
  const { rcv, una, snd } = NUMBERS[state];
  const hasFin = ["CLOSE_WAIT", "CLOSING", "LAST_ACK"].includes(state);
  const finSent = snd - 1 === 1;
  for (const seq of [rcv - 1, rcv, rcv + 100_000]) {
    arrival(state, "SYN", "", { flags: "S", seq, options: "<mss 1460>" });
  }
  arrival(state, "SYN+ACK", "", { flags: "S.", seq: rcv, ack: snd });
  const ackCase = finSent && una < snd ? "of FIN" : "";
  arrival(state, "acceptable ACK", ackCase, { flags: ".", seq: rcv, ack: snd });
  if (ackCase !== "") {
    arrival(state, "acceptable ACK", "else", { flags: ".", seq: rcv, ack: una });
  }
  arrival(state, "unacceptable ACK", "", { flags: "P.", seq: rcv, length: 5, ack: snd + 1 });
  const fin = { flags: "F.", seq: hasFin ? rcv - 1 : rcv, ack: una };
  if (state !== "FIN_WAIT_2") arrival(state, FIN, hasFin ? "repeated" : "", fin);
  if (finSent) arrival(state, FIN_AND_ACK, hasFin ? "repeated FIN" : "", { ...fin, ack: snd });
  arrival(state, "RST exact", "", { flags: "R", seq: rcv });
  arrival(state, "RST exact", "", { flags: "R.", seq: rcv, ack: una });
  arrival(state, "RST in window", "", { flags: "R", seq: rcv + 1 });
  const dataCase = state === "CLOSE_WAIT" ? "beyond FIN" : "";
  const data = { flags: "P.", seq: rcv, length: 5, ack: una };
  arrival(state, "data", dataCase, data);
}
for (const state of ["FIN_WAIT_1", "FIN_WAIT_2"] as const) {
  const begin = BEGIN[state].replace("shutdown", "close");
  const data = { flags: "P.", seq: 1, length: 5, ack: NUMBERS[state].una };
  arrival(state, "data", "orphan", data, { begin, follows: "CLOSED" });
}

const { rcv, snd } = NUMBERS.TIME_WAIT;
const beyond = { flags: "S", seq: rcv + 1, options: "<mss 1460>" };
arrival("TIME_WAIT", "SYN", "", beyond);
arrival("TIME_WAIT", "SYN", "or", { ...beyond, seq: rcv });
arrival("TIME_WAIT", "SYN+ACK", "", { flags: "S.", seq: rcv, ack: snd });
arrival("TIME_WAIT", "acceptable ACK", "", { flags: ".", seq: rcv, ack: snd });
arrival("TIME_WAIT", "unacceptable ACK", "", { flags: ".", seq: rcv, ack: snd + 1 });
const repeated = { flags: "F.", seq: rcv - 1, ack: snd };
for (const [column, when] of [[FIN, "repeated"], [FIN_AND_ACK, ""]]) {
  ARRIVALS.add("TIME_WAIT", column, when, {
    begin: TIME_WAIT,
    event: (t, { action }) => {
      t.advance(100_000);
      arrive(t, repeated, action, NUMBERS.TIME_WAIT);
      t.none(119); // 2MSL began anew
    },
  });
}
arrival("TIME_WAIT", "RST exact", "", { flags: "R", seq: rcv });
arrival("TIME_WAIT", "RST in window", "", { flags: "R", seq: rcv + 1 });
arrival("TIME_WAIT", "data", "", { flags: "P.", seq: rcv, length: 5, ack: snd });
