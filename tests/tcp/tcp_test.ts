/** Tcp: what no segment shows at once; the rest is in tests/protocol/. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { tupleHash } from "../../lib/tcp/connection_table.ts";
import { RateLimit } from "../../lib/tcp/rate_limit.ts";
import { SipHash } from "../../lib/tcp/siphash.ts";
import { SIGNAL } from "../../lib/tcp/connection.ts";
import { SECRETS } from "../../lib/tcp/tcp.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { createFixture, type FixtureOptions } from "../support/fixture.ts";
import { pathError } from "../protocol/path_errors.ts";
import { runTest } from "../support/script.ts";
import { ScriptRun } from "../support/script_run.ts";
import { tupleOf } from "./support.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => 7 * i);

function tcpWith(options: FixtureOptions) {
  return createFixture("bare", options).stack.tcp;
}

/** Which of many events, ever denser, pass. */
function passing(take: (now: number) => boolean): boolean[] {
  return Array.from({ length: 5000 }, (_, i) => take(10_000 * Math.log2(1 + i)));
}

Deno.test("tcp: secrets lie side by side, each of its own length", () => {
  const ranges = Object.values(SECRETS);
  assertEquals(ranges.map(([begin]) => begin), [0, ...ranges.map(([, end]) => end)].slice(0, -1));
  const lengths = Object.entries(SECRETS).map(([name, [begin, end]]) => [name, end - begin]);
  for (const [name, length] of lengths) assertEquals(length, name === "tuples" ? 4 : 16);
});

Deno.test("tcp: tuples are hashed under their own secret", () => {
  const tuple = tupleOf(2, 40_000, 0);
  const tcp = tcpWith({ secrets: { tuples: Uint8Array.of(0x89, 0xab, 0xcd, 0xef) } });
  assertEquals(tcp.hashOf(tuple), tupleHash(tuple, 0x89abcdef | 0));
});

Deno.test("tcp: a hundred challenge ACKs of handshakes a second, in a pattern of their own", () => {
  const tcp = tcpWith({ secrets: { limits: KEY }, tunables: { px_rst_ratelimit: 100 } });
  const limitOf = (stream: number) => {
    const limit = new RateLimit(100, new SipHash(new Arena(65536), KEY), stream);
    return passing((now) => limit.take(now));
  };
  const challenges = passing((now) => tcp.mayChallenge(now));
  assertEquals(challenges, limitOf(1));
  assertEquals(passing((now) => tcp.resetLimit.take(now)), limitOf(0));
  assertNotEquals(limitOf(0), limitOf(1));
  assert(challenges.includes(false) && challenges.includes(true));
});

Deno.test("tcp: who has nothing to do asks for no call, a refused connection for one in a millisecond", () => {
  runTest((t) => {
    t.run("EST");
    const { tcp } = t.stack;
    assertEquals(tcp.deadline(t.now), Infinity);
    t.fixture.sink.isFull = true;
    t.calls.write(t.flow, 10, null);
    tcp.poll(t.now);
    assertEquals(tcp.deadline(t.now), t.now + 1);
    t.fixture.sink.isFull = false;
    tcp.poll(t.now + 0.5);
    assertEquals(t.fixture.sink.frames.length, 0);
    t.advance(2);
    t.run("* > P. 1:11(10) ack 1");
  }, "bare");
});

Deno.test("tcp: TIME-WAIT asks for a call when it is over", () => {
  runTest((t) => {
    t.run(`
      EST
      shutdown
      +0 > F. 1:1(0) ack 1
      +0 < F. 1:1(0) ack 2
      +0 > . 2:2(0) ack 2
    `);
    assertEquals(t.stack.tcp.deadline(t.now), Math.floor(t.now) + 120_000);
  }, "bare");
});

Deno.test("tcp: the first signal of all is delivered, and each once", () => {
  const { stack } = createFixture("bare", {});
  const c = stack.connect(parseEndpoint("10.0.0.2:5000")!, {}, 0);
  const { tcp } = stack;
  c.abort();
  assert(tcp.signalled() === c);
  assert(tcp.signalled() === null);
  tcp.signal(c, SIGNAL.Readable);
  tcp.signal(c, SIGNAL.Writable);
  assert(tcp.signalled() === c);
  assert(tcp.signalled() === null, "it was told twice");
  const all = SIGNAL.Reset | SIGNAL.Closed | SIGNAL.Readable | SIGNAL.Writable;
  assertEquals(c.takeSignals(), all);
  tcp.signal(c, 0);
  assert(tcp.signalled() === null, "there is nothing to tell");
});

Deno.test("tcp: who is not accepted yet is told of nothing", () => {
  runTest(
    `
    SR
    +0 < P. 1:11(10) ack 1
    *  > . 1:1(0) ack 11
    app: none
    accept
    app: Established, Readable
    `,
    "bare",
  );
});

Deno.test("tcp: however often a connection became ready, it has one turn", () => {
  const t = new ScriptRun("bare");
  t.run("EST+WS7");
  t.connection.cwnd = 1 << 20;
  t.inject(". 1:1(0) ack 1 win 65535");
  for (let i = 0; i < 8; i++) t.calls.writeSome(t.flow, 20_000);
  assert(t.stack.tcp.poll(t.now), "there is more to send");
  assertEquals(t.fixture.sink.frames.length, 64);
});

Deno.test("tcp: behind one that the device refused the others keep their turn", () => {
  const t = new ScriptRun("bare");
  t.run(`
    EST
    peer b 10.0.0.2:40001
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
    +0 <b . 1:1(0) ack 1
    accept b
  `);
  t.fixture.sink.isFull = true;
  for (const name of ["", "b"]) t.calls.writeSome(t.flows.named(name)!, 10);
  t.stack.tcp.poll(t.now);
  t.fixture.sink.isFull = false;
  t.run(`
    +.002 > P. 1:11(10) ack 1
    +0 >b P. 1:11(10) ack 1
  `);
});

Deno.test("tcp: SEC-15, all connections are looked through for memory once a second, when it is short", () => {
  runTest((t) => {
    t.run("EST+SACK");
    const { pages, stack } = t.fixture;
    const taken: number[] = [];
    const takePages = () => {
      while (!stack.tcp.isUnderPressure) taken.push(pages.take());
    };
    const leaveGap = () => {
      for (const page of taken.splice(0)) pages.give(page);
      t.inject(". 1001:1002(1) ack 1");
      t.discard();
    };
    const pruned = (afterMs: number) => {
      t.advance(afterMs);
      stack.tcp.poll(t.now);
      return t.growth("OfoPruned");
    };
    leaveGap();
    assertEquals(pruned(5000), 0);
    takePages();
    assertEquals(pruned(0), 1);
    leaveGap();
    takePages();
    assertEquals([pruned(0), pruned(999), pruned(1)], [0, 0, 1]);
  }, "bare");
});

Deno.test("tcp: who found no page is told once when there is one", () => {
  runTest((t) => {
    t.run("EST");
    const { pages } = t.fixture;
    const taken: number[] = [];
    for (let page = pages.take(); page >= 0; page = pages.take()) taken.push(page);
    assertEquals(t.connection.writable().length, 0);
    t.run("none(.001)\napp: none");
    for (const page of taken) pages.give(page);
    t.run("app: Writable");
    t.run("none(.001)\napp: none");
    t.run(`
      write 10
      +0 > P. 1:11(10) ack 1
      +0 < . 1:1(0) ack 11
      none(.001)
    `);
    assertEquals(t.flow.signals & SIGNAL.Writable, 0);
  }, "bare");
});

Deno.test("tcp: RFC 5961 §7, the limit of acknowledgments counts from the first millisecond on", () => {
  // The clock's 0 means that there was none, and is told as the millisecond before.
  for (const [startMs, skipped] of [[0, [0, 1, 0, 1]], [1.25, [0, 1, 1, 0]]] as const) {
    const t = new ScriptRun("bare", { startMs, tunables: { tcp_invalid_ratelimit: 2 } });
    t.run("EST");
    const growths = [0, 0, 1, 1].map((afterMs) => {
      t.advance(afterMs);
      t.inject(". 200000:200000(0) ack 1");
      t.discard();
      return t.growth("TCPACKSkipped");
    });
    assertEquals(growths, [...skipped], `from ${startMs} ms on`);
  }
});

Deno.test("tcp: a connection ends once, for its first reason", () => {
  runTest((t) => {
    t.run("EST\n+0 < R. 1:1(0) ack 1\napp: Reset");
    const c = t.connection;
    t.stack.tcp.closed(c, "timed out");
    assertEquals([c.closeReason, c.signals], ["reset by peer", 0]);
  }, "bare");
});

Deno.test("tcp: RFC 2525 §2.17, one byte that nobody read makes the close a reset", () => {
  runTest(
    `
    EST
    +0 < P. 1:2(1) ack 1
    +0 > . 1:1(0) ack 2
    close
    +0 > R. 1:1(0) ack 2
    `,
    "bare",
  );
});

Deno.test("tcp: who is over leaves no orphan behind", () => {
  for (
    const ending of [
      "+0 < R. 1:1(0) ack 1\nstate CLOSED",
      "shutdown\n+0 > F. 1:1(0) ack 1\n+0 < F. 1:1(0) ack 2\n+0 > . 2:2(0) ack 2\nstate TIME_WAIT",
    ]
  ) {
    const options = { tunables: { tcp_max_orphans: 0 } };
    runTest(`EST\n${ending}\nrelease\nnone(1)\ncnt:TCPAbortOnMemory=0`, "bare", options);
  }
});

Deno.test("tcp: ICMP about our SYN or SYN-ACK is about something in flight", () => {
  for (const [script, code] of [["ACT", 1], ["ACT", 3], ["SR", 1], ["SR", 3], ["SR", 4]] as const) {
    runTest((t) => {
      t.run(script);
      t.injectFrame(pathError(t, 3, code, { seq: 0 }));
      assertEquals([t.growth("IcmpSoftErrors"), t.growth("OutOfWindowIcmps")], [1, 0], script);
      t.discard();
    }, "bare");
  }
});

Deno.test("tcp: ICMP-03, without a probe what lies before SND.UNA is not in flight, however long it was silent", () => {
  runTest((t) => {
    t.run("EST");
    for (const seconds of [0, 7200, 7200]) {
      t.advance(1000 * seconds);
      t.injectFrame(pathError(t, 3, 1, { seq: 0 }));
      assertEquals([t.growth("IcmpSoftErrors"), t.growth("OutOfWindowIcmps")], [0, 1]);
    }
  }, "bare");
});
