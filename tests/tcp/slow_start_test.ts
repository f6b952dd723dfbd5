import { assertEquals } from "@std/assert";
import { MAX_CWND } from "../../lib/tcp/congestion.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { slowStart } from "../../lib/tcp/slow_start.ts";

const MSS = 1000;
const INFINITE = 0x7fffffff;

/** Acknowledges a window, segment by segment, with the same round-trip time; returns cwnd in segments. */
function playRound(c: Connection, rttUs: number): number {
  const segments = Math.floor(c.cwnd / MSS);
  c.sndNxt = (c.sndUna + segments * MSS) | 0;
  for (let i = 0; i < segments && c.cwnd < c.ssthresh; i++) {
    c.sndUna = (c.sndUna + MSS) | 0;
    slowStart(c, MSS, rttUs);
    c.sndNxt = (c.sndUna + c.cwnd) | 0;
  }
  return Math.floor(c.cwnd / MSS);
}

function connection(segments: number, ssthresh: number): Connection {
  return {
    mss: MSS,
    cwnd: segments * MSS,
    ssthresh,
    sndUna: -5000,
    sndNxt: -5000,
    roundTrips: null,
  } as unknown as Connection;
}

Deno.test("slow start: CC-02, one ACK opens cwnd by what it acknowledges, eight segments at most", () => {
  const c = connection(10, 1 << 29);
  slowStart(c, 5 * MSS, -1);
  assertEquals(c.cwnd, 15 * MSS);
  slowStart(c, 45 * MSS, -1);
  assertEquals(c.cwnd, 23 * MSS);
});

Deno.test("slow start: it ends at ssthresh, and at the limit of all windows", () => {
  const c = connection(10, 12_500);
  slowStart(c, 5 * MSS, -1);
  assertEquals(c.cwnd, 12_500);
  const large = connection(0, INFINITE);
  large.cwnd = MAX_CWND - 1;
  slowStart(large, MSS, -1);
  assertEquals(large.cwnd, MAX_CWND);
});

Deno.test("slow start: CC-09, while the round trip stays as it is cwnd doubles", () => {
  const c = connection(10, INFINITE);
  assertEquals([50, 50, 52, 53].map((ms) => playRound(c, ms * 1000)), [20, 40, 80, 160]);
});

Deno.test("slow start: CC-09, a longer round trip quarters the growth, and five rounds of that end it", () => {
  const c = connection(16, INFINITE);
  assertEquals([40, 40].map((ms) => playRound(c, ms * 1000)), [32, 64]);
  // RTT/8 is 5 ms: at the eighth sample of the round growth falls to a quarter.
  const first = playRound(c, 45_000);
  assertEquals(first, 64 + 7 + Math.floor(57 / 4));
  let rounds = 0;
  for (let before = 0; c.ssthresh === INFINITE; rounds++) {
    before = Math.floor(c.cwnd / MSS);
    const grown = playRound(c, 45_000) - before;
    assertEquals(c.ssthresh !== INFINITE || Math.abs(grown - before / 4) <= 1, true);
  }
  assertEquals(rounds, 5); // the last one ends with the ACK that would begin a sixth
  assertEquals([c.ssthresh, c.roundTrips], [c.cwnd, null]);
});

Deno.test("slow start: CC-09, it goes on at full speed when the round trip becomes shorter again", () => {
  const c = connection(16, INFINITE);
  for (const ms of [40, 40, 50, 50]) playRound(c, ms * 1000);
  const before = Math.floor(c.cwnd / MSS);
  playRound(c, 41_000); // the first eight samples at a quarter of the speed
  const after = Math.floor(c.cwnd / MSS);
  assertEquals(after > 1.9 * before, true);
});

for (const [rtt, threshold] of [[10, 4], [64, 8], [400, 16]]) {
  Deno.test(`slow start: CC-09, at ${rtt} ms it takes ${threshold} ms more`, () => {
    for (const [more, isConservative] of [[threshold - 0.1, false], [threshold, true]] as const) {
      const c = connection(16, INFINITE);
      playRound(c, rtt * 1000);
      playRound(c, rtt * 1000);
      playRound(c, (rtt + more) * 1000);
      assertEquals(c.roundTrips!.isConservative, isConservative);
    }
  });
}

Deno.test("slow start: CC-09, after a loss it is over with HyStart++", () => {
  const c = connection(16, 1 << 29);
  for (const ms of [40, 40, 400, 400]) playRound(c, ms * 1000);
  assertEquals([c.cwnd, c.roundTrips], [256 * MSS, null]);
});
