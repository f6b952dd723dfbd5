import { assert, assertEquals } from "@std/assert";
import { Connection, SIGNAL } from "../../lib/tcp/connection.ts";
import { NOT_FILED } from "../../lib/tcp/deadlines.ts";
import { State } from "../../lib/tcp/state.ts";
import { TIMER } from "../../lib/tcp/timers.ts";
import { createFixture, type FixtureOptions } from "../support/fixture.ts";
import { ScriptRun } from "../support/script_run.ts";
import { tupleOf } from "./support.ts";

/** A run after the given lines, the last of which leave a connection accepted. */
function runOf(script: string, options: FixtureOptions = {}): ScriptRun {
  const t = new ScriptRun("bare", options);
  t.run(script);
  return t;
}

Deno.test("connection: each signal has a bit of its own", () => {
  assertEquals(Object.values(SIGNAL), Object.values(SIGNAL).map((_, i) => 1 << i));
});

Deno.test("connection: a new one owes nothing, waits for nothing and has counted nothing", () => {
  const { tcp } = createFixture("bare", {}).stack;
  const tuple = tupleOf(2, 40_000, 7);
  const c = new Connection(tcp, tuple, 999, 4999);
  const { state, timerAt, tcp: owner, user, congestion, sendQueue, receiveQueue, ...rest } = c;
  assertEquals([state, owner, user], [State.Established, tcp, null]);
  assertEquals([congestion.name, sendQueue.length, receiveQueue.length], ["cubic", 0, 0]);
  assertEquals(timerAt, Object.keys(TIMER).map(() => 0));
  const first = { out: 1000, in: 5000 };
  const other = {
    ...tuple,
    iss: 999,
    irs: 4999,
    sndUna: first.out,
    sndNxt: first.out,
    sndSmall: first.out,
    recover: first.out,
    windowUseEnd: first.out,
    rcvNxt: first.in,
    rcvEdge: first.in,
    sndWl1: first.in,
    lastAckSent: first.in,
    mss: 536, // RFC 9293 §3.7.1: what every host takes
    peerMss: 536,
    rcvMss: 536,
    rcvRoundMs: 1,
    ssthresh: 0x7fffffff,
    quickAcks: 16,
    keepaliveBytes: -1,
    heapIndex: NOT_FILED,
  };
  for (const [name, value] of Object.entries(rest)) {
    const expected = Reflect.get(other, name);
    if (expected !== undefined) assertEquals(value, expected, name);
    else assert(value === 0 || value === false || value === null || value === "", name);
  }
});

Deno.test("connection: consuming nothing announces nothing", () => {
  const t = runOf("EST+WS7");
  t.connection.rcvLimit = 1 << 20;
  t.connection.consume(0);
  t.none(1);
});

Deno.test("connection: a window of less than twice what was offered is not announced", () => {
  const t = runOf("EST+WS7");
  const c = t.connection;
  const offered = (c.rcvEdge - c.rcvNxt) | 0;
  t.inject(". 1:2(1) ack 1");
  t.discard();
  c.rcvLimit = 2 * offered - 3;
  t.calls.read(t.flow, 1, null);
  t.none(1);
});

Deno.test("connection: one byte is written, and leaves, like many", () => {
  const t = runOf("EST");
  t.calls.write(t.flow, 1, null);
  t.expect("P. 1:2(1) ack 1");
});

Deno.test("connection: RFC 9293 §3.10.5, nothing is written or shut down behind ABORT", () => {
  const t = runOf(`
    EST
    +0 < F. 1:1(0) ack 1
    +0 > . 1:1(0) ack 2
  `);
  const c = t.connection;
  c.abort();
  assertEquals(c.writable().length, 0);
  c.shutdown();
  t.expect("R. 1:1(0) ack 2");
  assertEquals(c.closeReason, "aborted");
});

Deno.test("connection: RFC 9293 §3.10.2, nothing is written behind CLOSE", () => {
  const t = runOf("ACT");
  t.connection.shutdown();
  assertEquals(t.connection.writable().length, 0);
});

Deno.test("connection: RFC 9293 §3.10.5, ABORT of what has ended does nothing", () => {
  const t = runOf(`
    EST
    +0 < R. 1:1(0) ack 1
  `);
  const c = t.connection;
  c.abort();
  assert(!c.resetPending);
  t.none(1);
  assertEquals(c.closeReason, "reset by peer");
});

Deno.test("connection: what has ended waits for no deadline any more", () => {
  const t = runOf(`
    EST
    write 10
    +0 > P. 1:11(10) ack 1
    +0 < R. 1:1(0) ack 1
  `);
  const c = t.connection;
  c.setKeepalive({ time: 1 });
  c.resetWhenDrained(t.now + 1000);
  assertEquals([c.timers, t.stack.tcp.deadlines.count], [0, 0]);
});

Deno.test("connection: settings of keep-alive that are left out are the tunables'", () => {
  const c = runOf("EST").connection;
  c.setKeepalive({ time: 5, interval: 6, probes: 7, bytes: 1 });
  c.setKeepalive({});
  assertEquals([c.keepaliveTimeMs, c.keepaliveBytes], [7_200_000, -1]);
  assertEquals([c.keepaliveTime, c.keepaliveInterval, c.keepaliveLimit], [0, 0, 0]);
});

Deno.test("connection: resetWhenDrained waits for the last byte's acknowledgment", () => {
  const t = runOf(`
    EST
    write 10
    +0 > P. 1:11(10) ack 1
  `);
  t.flow.signals = 0;
  t.connection.resetWhenDrained(t.now + 10_000);
  t.inject(". 1:1(0) ack 10");
  assertEquals(t.flow.signals & SIGNAL.Drained, 0);
  t.run("state ESTABLISHED");
  t.inject(". 1:1(0) ack 11");
  t.expect("R. 11:11(0) ack 1");
});

Deno.test("connection: released twice it is one orphan", () => {
  const t = runOf("EST", { tunables: { tcp_max_orphans: 1 } });
  t.connection.release();
  t.connection.release();
  t.expect("F. 1:1(0) ack 1");
  assertEquals(t.growth("TCPAbortOnMemory"), 0);
});

Deno.test("connection: closeLingering says nothing to a user who had released it", () => {
  const t = runOf("EST");
  t.connection.release();
  t.connection.closeLingering(1000, t.now);
  t.expect("F. 1:1(0) ack 1");
  t.inject(". 1:1(0) ack 2");
  t.none(2);
  assertEquals(t.flow.signals & SIGNAL.CloseDone, 0);
  assert(!t.connection.isLingering);
});

Deno.test("connection: closeLingering of 1 ms does not reset", () => {
  const t = runOf("EST");
  t.connection.closeLingering(1, t.now);
  t.expect("F. 1:1(0) ack 1");
  t.none(0.1);
  assertEquals(t.flow.signals & SIGNAL.CloseDone, SIGNAL.CloseDone);
});

Deno.test("connection: closeLingering of what has ended is done at once", () => {
  const t = runOf(`
    EST
    +0 < R. 1:1(0) ack 1
  `);
  t.connection.closeLingering(1000, t.now);
  t.next();
  assertEquals(t.flow.signals & SIGNAL.CloseDone, SIGNAL.CloseDone);
});

Deno.test("connection: a user timeout of 1 ms is one", () => {
  const t = runOf("EST");
  t.calls.write(t.flow, 10, null);
  t.connection.setUserTimeout(1, t.now);
  t.expect("P. 1:11(10) ack 1");
  t.expect("R. 11:11(0) ack 1", 2);
  assertEquals(t.connection.closeReason, "timed out");
});

Deno.test("connection: resetWhenDrained of what is drained resets at once", () => {
  const t = runOf("EST");
  assert(t.connection.isEstablished);
  t.connection.resetWhenDrained(t.now + 10_000);
  t.expect("R. 1:1(0) ack 1");
});

Deno.test("connection: released it has nothing to tell any more", () => {
  const { connection: c } = runOf("EST");
  c.signals = SIGNAL.Readable;
  c.release();
  assertEquals([c.takeSignals(), c.user, c.sink], [0, null, null]);
});

Deno.test("connection: a writer who found no page is told when there is one", () => {
  const t = runOf("EST");
  t.flow.signals = 0;
  const { pages } = t.fixture;
  const taken: number[] = [];
  for (let page = pages.take(); page >= 0; page = pages.take()) taken.push(page);
  assertEquals(t.connection.writable().length, 0);
  t.none(1);
  assertEquals(t.flow.signals, 0);
  for (const page of taken) pages.give(page);
  t.none(1);
  assertEquals(t.flow.signals, SIGNAL.Writable);
  assert(t.connection.writable().length > 0);
});

Deno.test("connection: one that we opened takes no place of those that are let in, nor leaves one", () => {
  const t = runOf(
    `
    ACT
    +0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0 > . 1:1(0) ack 1
    abort
    +0 > R. 1:1(0) ack 1
    peer b 10.0.0.3:40001
    peer c 10.0.0.4:40001
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <...>
    +0 <c S 0:0(0) win 65535 <mss 1460>
    cnt:TCPConnectionLimit
  `,
    { tunables: { px_max_connections: 1 } },
  );
  t.none(0.5);
});
