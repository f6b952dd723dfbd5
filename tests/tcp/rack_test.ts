import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { Phase } from "../../lib/tcp/phase.ts";
import {
  detectLoss,
  noteReordering,
  reorderWindow,
  usesRack,
  widenReorderWindow,
} from "../../lib/tcp/rack.ts";
import { Recovery } from "../../lib/tcp/recovery.ts";
import { Scoreboard } from "../../lib/tcp/scoreboard.ts";

/** Behind the bytes that the peer had twice; fast recovery began at 0. */
const END = 5000;

/** Nothing is acknowledged, and fast recovery sent something again. */
function connection(): Connection {
  return {
    phase: Phase.Open,
    minRttUs: 40_000,
    srttUs: 50_000,
    sndUna: 0,
    sndNxt: 10_000,
    recovery: Object.assign(new Recovery(), { isFast: true }),
  } as unknown as Connection;
}

function windowOf(c: Connection, sackedSegments: number): number {
  const board = new Scoreboard();
  board.sackedSegments = sackedSegments;
  return reorderWindow(c, board);
}

Deno.test("rack: RACK-02, the window is a quarter of the least RTT, or nothing where loss is likely", () => {
  const c = connection();
  assertEquals([0, 2, 3].map((segments) => windowOf(c, segments)), [10_000, 10_000, 0]);
  c.phase = Phase.Recovery;
  assertEquals(windowOf(c, 0), 0);
  c.recovery!.isReordering = true;
  assertEquals([0, 3].map((segments) => windowOf(c, segments)), [10_000, 10_000]);
});

Deno.test("rack: RACK-02, DSACKs widen the window once a round trip, up to SRTT", () => {
  const c = connection();
  widenReorderWindow(c, END);
  widenReorderWindow(c, END);
  assertEquals([windowOf(c, 3), c.recovery!.windowFactor], [20_000, 2]);
  for (let round = 0; round < 300; round++) {
    c.sndUna = c.sndNxt;
    c.sndNxt += 10_000;
    widenReorderWindow(c, END);
  }
  assertEquals([windowOf(c, 3), c.recovery!.windowFactor], [50_000, 255]);
});

Deno.test("rack: RACK-02, without any recovery yet the window is that of a quarter", () => {
  const c = connection();
  c.recovery = null;
  assertEquals([0, 2, 3].map((segments) => windowOf(c, segments)), [10_000, 10_000, 0]);
});

Deno.test("rack: RFC 8985 §6.2 step 4, a wider window is kept for sixteen recoveries", () => {
  const c = connection();
  widenReorderWindow(c, END);
  assertEquals([c.recovery!.windowPersists, c.recovery!.isReordering], [16, true]);
  c.recovery = null; // nothing was sent again: a DSACK tells of nothing
  widenReorderWindow(c, END);
  assertEquals(c.recovery, null);
});

Deno.test("rack: RFC 8985 §6.2 step 4, what a timeout sent again, or was sent before, widens nothing", () => {
  const widened = (isFast: boolean, undoFrom: number) => {
    const c = connection();
    Object.assign(c.recovery!, { isFast, undoFrom });
    widenReorderWindow(c, END);
    return [c.recovery!.windowFactor, c.recovery!.isReordering];
  };
  assertEquals([widened(true, 0), widened(false, 0)], [[2, true], [1, false]]);
  assertEquals([widened(true, END - 1), widened(true, END)], [[2, true], [1, false]]);
});

Deno.test("rack: RFC 8985 §6.2 step 4, a round trip is over when all that was in flight is acknowledged", () => {
  const c = connection();
  widenReorderWindow(c, END);
  for (const [una, factor] of [[9999, 2], [10_000, 3]]) {
    c.sndUna = una;
    widenReorderWindow(c, END);
    assertEquals(c.recovery!.windowFactor, factor);
  }
});

Deno.test("rack: RFC 8985 §6.2 step 3, who was overtaken once may be again, and is counted", () => {
  const c = connection();
  c.recovery = null;
  Object.assign(c, { tcp: { counters: { TCPSACKReorder: 0 } } });
  noteReordering(c);
  assertEquals([c.recovery!.isReordering, c.tcp.counters.TCPSACKReorder], [true, 1]);
});

Deno.test("rack: loss is found by time, by count without `tcp_recovery`, and not at all without SACK", () => {
  const found = (sackOk: boolean, tcp_recovery: number) => {
    const c = { ...connection(), mss: 1000, sackOk, tcp: { tunables: { tcp_recovery } } };
    const board = new Scoreboard();
    for (let i = 0; i < 5; i++) board.sent(1000 * i, 1000 * (i + 1), 1000, 1000 * i);
    board.sack(2000, 5000, 10_000); // RACK.rtt is 6 ms; three segments SACKed
    board.sackedSegments = 2; // not three for the reordering window, which is 10 ms then
    const wait = detectLoss(c as unknown as Connection, board, 10_000);
    return [usesRack(c as unknown as Connection), wait, board.lostBytes];
  };
  assertEquals(found(true, 1), [true, 6000, 0]);
  assertEquals(found(true, 0), [false, 0, 2000]);
  assertEquals([found(false, 0), found(false, 1)], [[false, 0, 0], [false, 0, 0]]);
});
