import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { Phase } from "../../lib/tcp/phase.ts";
import { reorderWindow, widenReorderWindow } from "../../lib/tcp/rack.ts";
import { Recovery } from "../../lib/tcp/recovery.ts";
import { Scoreboard } from "../../lib/tcp/scoreboard.ts";

function connection(): Connection {
  return {
    phase: Phase.Open,
    minRttUs: 40_000,
    srttUs: 50_000,
    sndUna: 0,
    sndNxt: 10_000,
    recovery: new Recovery(),
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
  widenReorderWindow(c);
  widenReorderWindow(c);
  assertEquals([windowOf(c, 3), c.recovery!.windowFactor], [20_000, 2]);
  for (let round = 0; round < 300; round++) {
    c.sndUna = c.sndNxt;
    c.sndNxt += 10_000;
    widenReorderWindow(c);
  }
  assertEquals([windowOf(c, 3), c.recovery!.windowFactor], [50_000, 255]);
});
