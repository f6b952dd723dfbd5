import { assertEquals, assertThrows } from "@std/assert";
import { parseLines, parseScript, ScriptSyntaxError } from "./script_parser.ts";

Deno.test("script: times are absolute, relative, a range, at once, or in the same batch", () => {
  const events = parseLines(`
    0.5    < S 0:0(0)
    +.25   > S. 0:0(0) ack 1
    +1~2   > S. 0:0(0) ack 1
    *      > S. 0:0(0) ack 1
    &      accept
           state ESTABLISHED
  `);
  assertEquals(events.map((event) => event.time), [
    { kind: "at", relative: false, fromMs: 500, toMs: 500 },
    { kind: "at", relative: true, fromMs: 250, toMs: 250 },
    { kind: "at", relative: true, fromMs: 1000, toMs: 2000 },
    { kind: "any" },
    { kind: "sameBatch" },
    { kind: "at", relative: true, fromMs: 0, toMs: 0 },
  ]);
});

Deno.test("script: every kind of line is understood", () => {
  const actions = parseLines(`
    <b S 0:0(0)
    none(1.5)
    cnt:ListenOverflows
    cnt:PAWSEstabRejected=2
    app: Readable, PeerClosed
    app b: Reset "reset by peer"
    app: none
    state LAST_ACK
    state b TIME-WAIT
    synQueue 1
    acceptQueue 0
    SR
    EST+TS+WS7 rtt 0.1
    peer b 10.0.0.3:40001 > 10.0.0.1:81
    new b 5000
    accept none
    read b 10
    write "abc"
    eof // a remark
  `).map(({ action }) => action);
  assertEquals(actions.map((action) => action.kind), [
    "segment",
    "none",
    "count",
    "count",
    "signals",
    "signals",
    "signals",
    "state",
    "state",
    "queue",
    "queue",
    "fixture",
    "fixture",
    "peer",
    "new",
    "call",
    "call",
    "call",
    "call",
  ]);
  assertEquals(actions[3], { kind: "count", counter: "PAWSEstabRejected", growth: 2 });
  assertEquals(actions[5], {
    kind: "signals",
    flow: "b",
    names: ["Reset"],
    reason: "reset by peer",
  });
  assertEquals(actions[6], { kind: "signals", flow: "", names: [], reason: null });
  assertEquals(actions[8], { kind: "state", flow: "b", state: "TIME-WAIT" });
  assertEquals(actions[12], { kind: "fixture", parts: ["EST", "TS", "WS7"], rttMs: 100 });
  assertEquals(actions[15], {
    kind: "call",
    verb: "acceptNone",
    flow: "",
    count: 0,
    text: null,
    failure: null,
  });
  assertEquals(actions[16], {
    kind: "call",
    verb: "read",
    flow: "b",
    count: 10,
    text: null,
    failure: null,
  });
  assertEquals(actions[17], {
    kind: "call",
    verb: "write",
    flow: "",
    count: 3,
    text: "abc",
    failure: null,
  });
});

Deno.test("script: one that checks nothing is rejected", () => {
  assertThrows(
    () => parseScript("0 < S 0:0(0)\naccept\nwrite 10"),
    ScriptSyntaxError,
    "checks nothing",
  );
  for (
    const check of [
      "> S. 0:0(0) ack 1",
      "state CLOSED",
      "cnt:TxDrop",
      "none(1)",
      "write 1 fails EPIPE",
    ]
  ) {
    assertEquals(parseScript(check).length, 1);
  }
});

Deno.test("script: a line nobody understands is named", () => {
  const error = assertThrows(() => parseScript("\n+0 none(1)\n+0 ponder 5"), ScriptSyntaxError);
  assertEquals(error.message, "Line 3: Not understood\n    +0 ponder 5");
  assertThrows(() => parseScript("* < S 0:0(0)"), ScriptSyntaxError, "any time");
  assertThrows(() => parseScript("1..2 none(1)"), ScriptSyntaxError, "Not a time");
  assertThrows(() => parseScript("read"), ScriptSyntaxError, "How many bytes?");
  assertThrows(() => parseScript("accept fails EPIPE"), ScriptSyntaxError, "accept cannot fail");
  assertThrows(() => parseScript('write 4 "abc"'), ScriptSyntaxError, "3 bytes, not 4");
});
