/** API-01: what each call comes to in each state. Requirements §2.30. */

import { assertEquals } from "@std/assert";
import { AddressError } from "../../lib/tcp/address_error.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import type { MatrixState } from "../support/matrix.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { formatPacket } from "../support/segment_notation.ts";
import { BEGIN, CROSSED, stateOf } from "./matrix_scenarios.ts";

/** A call. Returns its error or what it gave; "": it was accepted. */
type Call = (t: ScriptRun) => string;

const CALLS: Readonly<Record<string, Call>> = {
  "passive OPEN": openPassively,
  "active OPEN": openActively,
  "SEND": send,
  "RECEIVE": receive,
  "CLOSE": close,
  "ABORT": abort,
  "STATUS": (t) => t.state(),
};

/**
 * RFC 9293 §3.10.1–3.10.6: the error or what the call gave, the segments sent at
 * once, and the state that follows; "ok": it is accepted and nothing else happens.
 * Where the RFC says "connection closing" to RECEIVE, POSIX has the end of the
 * stream; a second CLOSE before the peer's is the RFC's "ok".
 */
const RESULTS = `
| state       | passive OPEN | active OPEN          | SEND                 | RECEIVE      | CLOSE                        | ABORT                   | STATUS      |
| CLOSED      | → LISTEN     | S 0:0(0) → SYN_SENT  | EPIPE                | ECONNREFUSED | ENOTCONN                     | ENOTCONN                | CLOSED      |
| LISTEN      | EADDRINUSE   | S 0:0(0) → SYN_SENT  | S 0:0(0) → SYN_SENT  | waits        | → CLOSED                     | → CLOSED                | LISTEN      |
| SYN_SENT    | EADDRINUSE   | EADDRNOTAVAIL        | ok                   | waits        | → CLOSED                     | → CLOSED                | SYN_SENT    |
| SYN_RCVD    | EADDRINUSE   | EADDRNOTAVAIL        | ok                   | waits        | F. 1:1(0) ack 1 → FIN_WAIT_1 | R. 1:1(0) ack 1 → CLOSED | SYN_RCVD    |
| ESTABLISHED | EADDRINUSE   | EADDRNOTAVAIL        | P. 1:6(5) ack 1      | waits        | F. 1:1(0) ack 1 → FIN_WAIT_1 | R. 1:1(0) ack 1 → CLOSED | ESTABLISHED |
| FIN_WAIT_1  | EADDRINUSE   | EADDRNOTAVAIL        | EPIPE                | waits        | ok                           | R. 2:2(0) ack 1 → CLOSED | FIN_WAIT_1  |
| FIN_WAIT_2  | EADDRINUSE   | EADDRNOTAVAIL        | EPIPE                | waits        | ok                           | R. 2:2(0) ack 1 → CLOSED | FIN_WAIT_2  |
| CLOSE_WAIT  | EADDRINUSE   | EADDRNOTAVAIL        | P. 1:6(5) ack 2      | end          | F. 1:1(0) ack 2 → LAST_ACK   | R. 1:1(0) ack 2 → CLOSED | CLOSE_WAIT  |
| CLOSING     | EADDRINUSE   | EADDRNOTAVAIL        | EPIPE                | end          | EALREADY                     | → CLOSED                | CLOSING     |
| LAST_ACK    | EADDRINUSE   | EADDRNOTAVAIL        | EPIPE                | end          | EALREADY                     | → CLOSED                | LAST_ACK    |
| TIME_WAIT   | EADDRINUSE   | EADDRNOTAVAIL        | EPIPE                | end          | EALREADY                     | → CLOSED                | TIME_WAIT   |
`;

const [[, ...columns], ...rows] = RESULTS.trim().split("\n")
  .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
for (const [state, ...results] of rows as [MatrixState, ...string[]][]) {
  columns.forEach((column, i) => {
    protocolTest("API-01", `${column} in ${state} comes to: ${results[i]}`, (t) => {
      begin(t, state, column);
      assertEquals(stateOf(t), state);
      const result = CALLS[column](t);
      const frames: string[] = [];
      for (let packet = t.next(); packet !== null; packet = t.next()) {
        frames.push(formatPacket(packet, t.flow, ">", 0).replace(/ (win|<).*/, ""));
      }
      const follows = stateOf(t) === state ? "" : `→ ${stateOf(t)}`;
      const words = [result, ...frames, follows].filter((word) => word !== "");
      assertEquals(words.join(" ") || "ok", results[i]);
      t.none(0.15); // before a retransmission is due
    });
  });
}

protocolTest(
  "API-01",
  "RECEIVE gives what came before the end of the stream, then the end",
  `
  EST
  +0 < FP. 1:4(3) ack 1
  +0 > . 1:1(0) ack 5
     state CLOSE_WAIT
     read 3
     eof
     shutdown
  +0 > F. 1:1(0) ack 5
     eof
  +0 < . 5:5(0) ack 2
     state CLOSED
     eof
  `,
);

protocolTest(
  "API-01",
  "SEND before ESTABLISHED is queued, and sent then",
  `
  ACT
     write 5
  none(.1)
  +0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0 > P. 1:6(5) ack 1
     state ESTABLISHED
  `,
);

/** Brings a run into the state, free for the call: a passive OPEN is not to meet the run's own listener. */
function begin(t: ScriptRun, state: MatrixState, column: string): void {
  const isOpen = column.endsWith("OPEN");
  if (state === "LISTEN") return t.learnPeer();
  if (state === "CLOSED" && isOpen) t.learnPeer();
  else if (state === "CLOSED") t.run("ACT\n+0 < R. 0:0(0) ack 1");
  else t.run(state === "SYN_RCVD" ? CROSSED : BEGIN[state]);
  if (state === "CLOSED" || column === "passive OPEN") t.fixture.listener.close();
}

function openPassively(t: ScriptRun): string {
  return codeOf(() => {
    t.calls.addListener(t.stack.listen(t.fixture.listener.local, { reuseAddress: false }));
  });
}

function openActively(t: ScriptRun): string {
  const isListening = t.flow.connection === null && t.calls.isListening;
  return codeOf(() => {
    if (isListening) openListener(t);
    else t.calls.connect(t.stack, t.flow, false, t.now);
  });
}

/** Names the remote of a listener: the passive OPEN becomes an active one. RFC 9293 §3.10.1. */
function openListener(t: ScriptRun): void {
  const { peerAddress, peerPort } = t.flow.ends;
  t.flow.connection = t.fixture.listener.connect(
    parseEndpoint(`${peerAddress}:${peerPort}`)!,
    t.now,
  );
}

function send(t: ScriptRun): string {
  if (t.flow.connection === null) openListener(t);
  const written = t.calls.writeSome(t.flow, 5);
  assertEquals(written, t.connection.sendError === "" ? 5 : 0);
  return t.connection.sendError;
}

function receive(t: ScriptRun): string {
  if (t.flow.connection === null) {
    t.run("accept none");
    return "waits";
  }
  assertEquals(t.connection.readable().length, 0);
  return t.connection.receiveError || (t.connection.peerClosed ? "end" : "waits");
}

function close(t: ScriptRun): string {
  if (t.flow.connection !== null) return t.connection.shutdown();
  t.fixture.listener.close();
  return "";
}

function abort(t: ScriptRun): string {
  return t.flow.connection === null ? close(t) : t.connection.abort();
}

/** The code of the AddressError which `open` throws; "": none. */
function codeOf(open: () => void): string {
  try {
    open();
  } catch (error) {
    if (error instanceof AddressError) return error.code;
    throw error;
  }
  return "";
}
