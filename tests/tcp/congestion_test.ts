import { assertEquals } from "@std/assert";
import {
  initialWindow,
  isWindowUsed,
  MAX_CWND,
  noteWindowUse,
  pipe,
  reducibleFlight,
  sendingRoom,
} from "../../lib/tcp/congestion.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { Scoreboard } from "../../lib/tcp/scoreboard.ts";
import { RecordingModel } from "./support.ts";

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

Deno.test("congestion: no window is above 2^30 bytes, which sequence arithmetic allows", () => {
  assertEquals(MAX_CWND, 1_073_741_824);
});

Deno.test("congestion: RFC 5681 §3.1 (4), a reduction starts from the flight within cwnd", () => {
  const flight = (cwnd: number, greatestFlight = 0) =>
    reducibleFlight({ sndUna: -1000, sndNxt: 9000, cwnd, greatestFlight } as Connection);
  assertEquals([9999, 10_000, 10_001].map((cwnd) => flight(cwnd)), [9999, 10_000, 10_000]);
  assertEquals([9999, 10_001, 15_000].map((most) => flight(15_000, most)), [
    10_000,
    10_001,
    15_000,
  ]);
  assertEquals(flight(12_000, 15_000), 12_000);
});

/** 9000 of 10,000 bytes are in flight, in a round that ends at 100; greatest flight so far: 9000. */
function limited(changes: Partial<Connection>): [boolean, number, number] {
  const c = {
    mss: 1000,
    cwnd: 10_000,
    sndUna: 0,
    sndNxt: 9000,
    windowUseEnd: 100,
    isCwndLimited: false,
    greatestFlight: 9000,
    scoreboard: null,
    ...changes,
  } as unknown as Connection;
  noteWindowUse(c);
  return [c.isCwndLimited, c.greatestFlight, c.windowUseEnd];
}

Deno.test("congestion: RFC 7661 §4.3, the window is in use while less than a segment of it is free", () => {
  assertEquals(limited({}), [false, 9000, 100]);
  assertEquals(limited({ sndNxt: 9001 }), [true, 9001, 9001]);
  assertEquals(limited({ sndNxt: 9001, isCwndLimited: true }), [true, 9001, 9001]);
});

Deno.test("congestion: RFC 7661 §4.3, of a round trip the best is kept, and the next begins anew", () => {
  assertEquals(limited({ greatestFlight: 8999 }), [false, 9000, 9000]);
  assertEquals(limited({ greatestFlight: 8999, isCwndLimited: true }), [true, 8999, 100]);
  assertEquals(limited({ greatestFlight: 9900, windowUseEnd: 1 }), [false, 9900, 1]);
  assertEquals(limited({ greatestFlight: 9900, windowUseEnd: 0 }), [false, 9000, 9000]);
  assertEquals(limited({ isCwndLimited: true, windowUseEnd: 0 }), [false, 9000, 9000]);
});

Deno.test("congestion: RFC 7661 §4.3, in slow start half of the window must be used, later all", () => {
  const isUsed = (ssthresh: number, greatestFlight: number, isCwndLimited = false) =>
    isWindowUsed({ cwnd: 10_000, ssthresh, greatestFlight, isCwndLimited } as Connection);
  assertEquals([isUsed(10_001, 5000), isUsed(10_001, 5001)], [false, true]);
  assertEquals([isUsed(10_000, 5001), isUsed(10_000, 10_000)], [false, false]);
  assertEquals([isUsed(10_000, 0, true), isUsed(10_001, 0, true)], [true, true]);
});

Deno.test("congestion: room to send is what cwnd leaves, and what the pace lets leave now if there is one", () => {
  const flight = { cwnd: 12_000, sndUna: -1000, sndNxt: 9000, scoreboard: null };
  const room = (changes: object) =>
    sendingRoom({ ...flight, model: null, ...changes } as unknown as Connection, 0);
  assertEquals([room({}), room({ cwnd: 9000 })], [2000, -1000]);
  const model = new RecordingModel();
  const rooms = [0, 1999, 2001].map((pace) => room({ model: Object.assign(model, { pace }) }));
  assertEquals([...rooms, room({ model, cwnd: 9000 })], [0, 1999, 2000, -1000]);
});
