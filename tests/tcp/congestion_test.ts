import { assertEquals } from "@std/assert";
import { initialWindow, pipe } from "../../lib/tcp/congestion.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { Scoreboard } from "../../lib/tcp/scoreboard.ts";

Deno.test("congestion: CC-01, the initial window is min(10 MSS, max(2 MSS, 14600))", () => {
  const windows = [536, 1448, 1460, 2190, 4380, 8960, 65495].map((mss) => initialWindow(mss, 10));
  assertEquals(windows, [5360, 14_480, 14_600, 14_600, 14_600, 17_920, 130_990]);
});

Deno.test("congestion: the initial window follows `tcp_initial_cwnd`", () => {
  assertEquals([1, 2, 4, 64].map((segments) => initialWindow(1460, segments)), [
    1460,
    2920,
    5840,
    93_440,
  ]);
  assertEquals(initialWindow(8960, 1), 8960);
});

Deno.test("congestion: RFC 6675 §3, the pipe is the flight without SACKed and lost bytes", () => {
  const c = { sndUna: -1000, sndNxt: 9000, scoreboard: null } as unknown as Connection;
  assertEquals(pipe(c), 10_000);
  const board = c.scoreboard = new Scoreboard();
  board.sent(-1000, 9000, 1000, 0);
  assertEquals(pipe(c), 10_000);
  board.sack(3000, 4000, 10);
  assertEquals(pipe(c), 9000);
  board.detectLoss(1000, 0);
  assertEquals(pipe(c), 5000);
  board.resent(500, 500, 1000);
  assertEquals(pipe(c), 5500);
});
