/** Scenarios of matrix A: what the application calls in each state, which timers run, and what must come of it. */

import { assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../lib/tcp/address_error.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import type { Clause, MatrixState } from "../support/matrix.ts";
import { endpointText } from "../support/fixture.ts";
import type { ScriptRun } from "../support/script_run.ts";
import {
  BEGIN,
  CROSSED,
  FAST_OPEN,
  FAST_OPEN_OPTIONS,
  NUMBERS,
  type Scenario,
  Scenarios,
  SYNCHRONIZED,
} from "./matrix_scenarios.ts";

/** How long nothing more may come; no retransmission is due before. Seconds. */
const SILENCE = 0.15;

const PASSIVE_OPEN = "passive OPEN";
const ACTIVE_OPEN = "active OPEN";
const TIMER = "timer / limit";

/** A connection that was refused. */
const CLOSED = "ACT\n+0 < R. 0:0(0) ack 1";

/** What proves the clauses of matrix A. */
export const CALLS: Scenarios = new Scenarios();

/** OPEN's error, and that it changed nothing is for the cell to find. */
function errorOf(open: () => unknown): string {
  return assertThrows(open, AddressError).code;
}

/** A passive OPEN of the run's own address and port, which must not be in use. */
function listen(t: ScriptRun) {
  return t.stack.listen(t.fixture.listener.local, { reuseAddress: false });
}

function connect(t: ScriptRun): void {
  t.calls.connect(t.stack, t.flow, false, t.now);
}

function remoteOf(t: ScriptRun, address: string) {
  return parseEndpoint(endpointText(address, t.flow.ends.peerPort))!;
}

/** What SEND of five bytes comes to. */
function send(t: ScriptRun): string {
  t.calls.writeSome(t.flow, 5);
  return t.connection.sendError;
}

/** Expects the frames of `action` after a call which came to `error`. */
function expectDone(t: ScriptRun, { action }: Clause, error: string, state: MatrixState): void {
  const { rcv, snd } = NUMBERS[state];
  const data = `${snd}:${snd + 5}(5) ack ${rcv}`;
  assertEquals(error === "", action !== "err", `the error is "${error}"`);
  switch (action) {
    case "":
    case "err":
    case "no segment":
    case "ok":
    case "ok, no second FIN":
    case "queue":
      break;
    case "send SYN":
      t.run("+0 > S 0:0(0) <...>");
      break;
    case "send":
      t.run(`+0 > P. ${data}`);
      break;
    case "data, FIN":
      t.run(`+0 > FP. ${data}`);
      break;
    case "FIN":
      t.run(`+0 > F. ${snd}:${snd}(0) ack ${rcv}`);
      break;
    case "RST":
      t.run(`+0 > R. ${snd}:${snd}(0) ack ${rcv}`);
      break;
    default:
      throw new Error(`Nobody knows how to ${action}`);
  }
  t.none(SILENCE);
}

/** Adds a scenario: a call, and what it comes to. */
function call(
  state: MatrixState,
  column: string,
  when: string,
  act: (t: ScriptRun) => string | void,
  change: Partial<Scenario> = {},
): void {
  CALLS.add(state, column, when, {
    begin: state === "CLOSED" ? CLOSED : BEGIN[state],
    event: (t, clause) => {
      const error = act(t) ?? "";
      expectDone(t, clause, error, state);
      return error;
    },
    ...change,
  });
}

// CLOSED: nobody listens, or the connection is over.
const unused = { begin: "", prepare: (t: ScriptRun) => t.fixture.listener.close() };
CALLS.add("CLOSED", PASSIVE_OPEN, "", {
  ...unused,
  event: (t) => {
    t.calls.addListener(listen(t));
    t.run(`
      none(1)
      SR
      +0 < R 1:1(0)
    `);
  },
});
call("CLOSED", ACTIVE_OPEN, "", connect, {
  ...unused,
  prepare: (t) => {
    unused.prepare(t);
    t.learnPeer();
  },
});
call("CLOSED", "SEND", "", send);
call("CLOSED", "CLOSE", "", (t) => t.connection.shutdown());
call("CLOSED", "ABORT", "", (t) => t.connection.abort());

// LISTEN.
const known = { prepare: (t: ScriptRun) => t.learnPeer() };
call("LISTEN", PASSIVE_OPEN, "", (t) => errorOf(() => listen(t)));
call("LISTEN", ACTIVE_OPEN, "", (t) => {
  t.flow.connection = t.fixture.listener.connect(remoteOf(t, t.flow.ends.peerAddress), t.now);
}, known);
CALLS.add("LISTEN", "SEND", "remote named", {
  begin: "",
  ...known,
  event: (t) => {
    const remote = remoteOf(t, t.flow.ends.peerAddress);
    t.flow.connection = t.fixture.listener.connect(remote, t.now);
    assertEquals(send(t), "");
    t.run(`
      +0 > S 0:0(0) <...>
      none(${SILENCE})
    `);
  },
});
call("LISTEN", "SEND", "else", (t) => {
  const anywhere = t.flow.ends.peerAddress.includes(":") ? "::" : "0.0.0.0";
  return errorOf(() => t.fixture.listener.connect(remoteOf(t, anywhere), t.now));
});
for (const column of ["CLOSE", "ABORT"]) {
  CALLS.add("LISTEN", column, "", {
    begin: "",
    event: (t) => {
      t.run("SR\nsynQueue 1");
      t.fixture.listener.close();
      t.run("synQueue 0\nnone(70)");
    },
  });
}
CALLS.event("LISTEN", TIMER, "none", (t) => t.none(1_000_000));

// SYN_SENT.
const LATE = { gc_stale_time: 86_400 };
call("SYN_SENT", PASSIVE_OPEN, "", (t) => {
  t.fixture.listener.close();
  return errorOf(() => listen(t));
});
call("SYN_SENT", ACTIVE_OPEN, "", (t) => errorOf(() => connect(t)));
call("SYN_SENT", "SEND", "", send);
call("SYN_SENT", "CLOSE", "", (t) => t.connection.shutdown());
call("SYN_SENT", "ABORT", "", (t) => t.connection.abort());
CALLS.event("SYN_SENT", TIMER, "", (t) => t.run("+1 > S 0:0(0) <...>"));
CALLS.add("SYN_SENT", TIMER, "limit 247 s", {
  begin: BEGIN.SYN_SENT,
  options: { tunables: LATE },
  event: (t) => expire(t, "SYN_SENT", 247),
});

// SYN_RCVD: of a passive open, where there is no connection to call yet, of an active one, of fast open.
const active = { begin: CROSSED };
const fast = { begin: FAST_OPEN, options: FAST_OPEN_OPTIONS };
call("SYN_RCVD", PASSIVE_OPEN, "", (t) => errorOf(() => listen(t)));
call("SYN_RCVD", PASSIVE_OPEN, "", (t) => {
  t.fixture.listener.close();
  return errorOf(() => listen(t));
}, active);
for (const change of [{}, active]) {
  call("SYN_RCVD", ACTIVE_OPEN, "", (t) => errorOf(() => connect(t)), change);
}
call("SYN_RCVD", "SEND", "", send, active);
CALLS.add("SYN_RCVD", "SEND", "TFO child", {
  ...fast,
  event: (t) => {
    assertEquals(send(t), "");
    t.run("+0 > P. 1:6(5) ack 11");
  },
});
const queued = "after queued data";
call("SYN_RCVD", "CLOSE", queued, (t) => t.connection.shutdown(), active);
CALLS.add("SYN_RCVD", "CLOSE", queued, {
  ...active,
  event: (t) => {
    assertEquals([send(t), t.connection.shutdown()], ["", ""]);
    t.run(`
      none(${SILENCE})
         write 1 fails EPIPE
      +0 < . 1:1(0) ack 1
      +0 > FP. 1:6(5) ack 1
    `);
  },
});
CALLS.add("SYN_RCVD", "CLOSE", queued, {
  ...fast,
  event: (t) => {
    assertEquals(t.connection.shutdown(), "");
    t.run("+0 > F. 1:1(0) ack 11");
  },
});
call("SYN_RCVD", "ABORT", "", (t) => t.connection.abort(), active);
CALLS.add("SYN_RCVD", "ABORT", "", {
  ...fast,
  event: (t) => {
    assertEquals(t.connection.abort(), "");
    t.run("+0 > R. 1:1(0) ack 11");
  },
});
const again = "+1 > S. 0:0(0) ack 1 <mss 1460>";
for (const change of [{}, active]) {
  CALLS.add("SYN_RCVD", TIMER, "", {
    begin: BEGIN.SYN_RCVD,
    event: (t) => t.run(again),
    ...change,
  });
}
CALLS.event("SYN_RCVD", TIMER, "63 s: passive", (t) => expire(t, "SYN_RCVD", 63));
for (const change of [active, fast]) {
  CALLS.add("SYN_RCVD", TIMER, "active or TFO child", {
    ...change,
    event: (t) => expire(t, "SYN_RCVD", 63),
  });
}

// What is alike in the synchronized states, TIME_WAIT among them.
for (const state of [...SYNCHRONIZED, "TIME_WAIT"] as const) {
  call(state, PASSIVE_OPEN, "", (t) => {
    t.fixture.listener.close();
    return errorOf(() => listen(t));
  });
  if (state !== "TIME_WAIT") call(state, ACTIVE_OPEN, "", (t) => errorOf(() => connect(t)));
  call(state, "SEND", "", send);
  call(state, "ABORT", "", (t) => t.connection.abort());
  const hasData = state === "ESTABLISHED" || state === "CLOSE_WAIT";
  call(state, "CLOSE", "", (t) => {
    if (hasData) t.calls.write(t.flow, 5, null);
    return t.connection.shutdown();
  });
}

// The timers of the synchronized states.
const FEW = { tcp_retries2: 2, tcp_keepalive_probes: 1 };
for (const state of ["ESTABLISHED", "CLOSE_WAIT"] as const) {
  const { rcv } = NUMBERS[state];
  const limits = state === "ESTABLISHED" ? "R2, keep-alive, user timeout" : "R2, keep-alive";
  CALLS.add(state, TIMER, limits, {
    begin: BEGIN[state],
    options: { tunables: FEW },
    event: (t) => {
      t.calls.write(t.flow, 5, null);
      t.run(`+0 > P. 1:6(5) ack ${rcv}`);
      t.advance(60_000);
      t.discard();
      assertEquals(t.connection.receiveError, "ETIMEDOUT");
    },
  });
  CALLS.add(state, TIMER, limits, {
    begin: BEGIN[state],
    options: { tunables: FEW },
    event: (t) => {
      t.run(`
           keepalive
        +7200 > . 0:0(0) ack ${rcv}
        +75 > R. 1:1(0) ack ${rcv}
      `);
      assertEquals(t.connection.receiveError, "ETIMEDOUT");
    },
  });
}
CALLS.event("ESTABLISHED", TIMER, "R2, keep-alive, user timeout", (t) => {
  t.connection.setUserTimeout(3000, t.now);
  t.calls.write(t.flow, 5, null);
  t.advance(2900);
  t.discard();
  t.run(`
       state ESTABLISHED
    +.1 > R. 6:6(0) ack 1
  `);
  assertEquals(t.connection.receiveError, "ETIMEDOUT");
});
CALLS.event("ESTABLISHED", TIMER, "", (t) =>
  t.run(`
       write 5
    +0 > P. 1:6(5) ack 1
    +.1~4 > P. 1:6(5) ack 1
  `));
CALLS.event("CLOSE_WAIT", TIMER, "otherwise", (t) => t.none(1_000_000));
for (const state of ["FIN_WAIT_1", "CLOSING", "LAST_ACK"] as const) {
  const { rcv } = NUMBERS[state];
  CALLS.event(state, TIMER, "", (t) => t.run(`+.1~4 > F. 1:1(0) ack ${rcv}`));
  CALLS.add(state, TIMER, "limit", {
    begin: BEGIN[state],
    options: { tunables: FEW },
    event: (t) => {
      t.advance(60_000);
      t.discard();
      t.none(100);
    },
  });
}
CALLS.add("FIN_WAIT_2", TIMER, "orphan: `tcp_fin_timeout`", {
  begin: BEGIN.FIN_WAIT_2.replace("shutdown", "close"),
  event: (t) => {
    const seconds = t.stack.tunables.tcp_fin_timeout;
    t.none(seconds - 0.1);
    t.run("state FIN_WAIT_2");
    t.none(0.2);
  },
});
CALLS.event("FIN_WAIT_2", TIMER, "with reader", (t) => {
  t.run(`
       keepalive
    none(7199)
    +1 > . 1:1(0) ack 1
  `);
});

// TIME_WAIT.
CALLS.add("TIME_WAIT", ACTIVE_OPEN, "same tuple", {
  begin: `
    EST+TS
    shutdown
    +0 > F. 1:1(0) ack 1 <ts>
    +0 < F. 1:1(0) ack 2 <ts>
    +0 > . 2:2(0) ack 2 <ts>
  `,
  follows: "SYN_SENT",
  event: (t) => {
    t.advance(900);
    assertEquals(errorOf(() => connect(t)), "EADDRNOTAVAIL");
    t.none(0.2);
    t.learnPeer();
    t.flow.renew(t.flow.peerIsn);
    connect(t);
    t.run("+0 > S 0:0(0) <...>");
  },
});
CALLS.event("TIME_WAIT", TIMER, "2MSL", (t) => {
  const seconds = 2 * t.stack.tunables.tcp_msl;
  t.none(seconds - 0.1);
  t.run("state TIME_WAIT");
  t.none(0.2);
});
CALLS.add("TIME_WAIT", TIMER, "recycle 3.5*RTO", {
  begin: `
    EST+TS
    shutdown
    +0 > F. 1:1(0) ack 1 <ts>
    +0 < F. 1:1(0) ack 2 <ts>
    +0 > . 2:2(0) ack 2 <ts>
  `,
  options: { tunables: { tcp_tw_recycle: 1 } },
  follows: "CLOSED",
  event: (t) => {
    const seconds = 3.5 * t.connection.rtoMs / 1000;
    t.none(seconds - 0.05);
    t.run("state TIME_WAIT");
    t.none(0.1);
  },
});

/** Lets everything be sent again until the limit, `seconds` after the last thing that came. */
function expire(t: ScriptRun, state: MatrixState, seconds: number): string {
  const elapsed = state === "SYN_SENT" || t.flow.connection === null ? 0 : t.elapsedMs / 1000;
  t.advance(1000 * (seconds + elapsed) - 100 - t.elapsedMs);
  t.discard();
  t.run(`state ${state}`);
  t.none(0.2);
  return t.flow.connection?.receiveError ?? "";
}
