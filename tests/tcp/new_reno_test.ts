import { assert, assertEquals } from "@std/assert";
import { MAX_CWND } from "../../lib/tcp/congestion.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { NEW_RENO } from "../../lib/tcp/new_reno.ts";
import { randomWords } from "../support/random.ts";

const MSS = 1000;

function connection(cwnd: number, ssthresh: number): Connection {
  return {
    mss: MSS,
    cwnd,
    ssthresh,
    cwndCredit: 0,
    roundTrips: null,
    sndUna: -100,
    sndNxt: -100,
  } as unknown as Connection;
}

Deno.test("new reno: CC-02, slow start opens by the bytes acknowledged, eight MSS at most", () => {
  const c = connection(10 * MSS, 1 << 29);
  NEW_RENO.acknowledged(c, 5 * MSS, -1, 0);
  assertEquals(c.cwnd, 15 * MSS);
  NEW_RENO.acknowledged(c, 15 * MSS, -1, 0);
  assertEquals(c.cwnd, 23 * MSS);
  NEW_RENO.acknowledged(c, 1, -1, 0);
  assertEquals(c.cwnd, 23 * MSS + 1);
});

Deno.test("new reno: CC-02, congestion avoidance opens by one MSS for each window, in whatever pieces", () => {
  const random = randomWords(8);
  for (let round = 0; round < 20; round++) {
    const c = connection(20 * MSS, 20 * MSS);
    let acknowledged = 0;
    let expected = 0; // bytes that the windows so far were worth
    while (c.cwnd < 40 * MSS) {
      const before = c.cwnd;
      const bytes = 1 + random() % (3 * MSS);
      NEW_RENO.acknowledged(c, bytes, -1, 0);
      acknowledged += bytes;
      if (c.cwnd > before) expected += before;
      assert(c.cwnd === before || c.cwnd === before + MSS);
      assertEquals(c.cwndCredit, acknowledged - expected);
      assert(c.cwndCredit < c.cwnd);
    }
  }
});

Deno.test("new reno: CC-12, an acknowledgment in slices opens no further than in one piece", () => {
  for (const ssthresh of [1 << 29, MSS]) {
    const whole = connection(10 * MSS, ssthresh);
    const sliced = connection(10 * MSS, ssthresh);
    NEW_RENO.acknowledged(whole, MSS, -1, 0);
    for (let i = 0; i < MSS; i++) NEW_RENO.acknowledged(sliced, 1, -1, 0);
    assertEquals([sliced.cwnd, sliced.cwndCredit], [whole.cwnd, whole.cwndCredit]);
  }
});

Deno.test("new reno: cwnd ends at its limit", () => {
  const slow = connection(MAX_CWND - 10, 0x7fffffff);
  NEW_RENO.acknowledged(slow, 8 * MSS, -1, 0);
  const avoiding = connection(MAX_CWND - 10, MSS);
  avoiding.cwndCredit = MAX_CWND;
  NEW_RENO.acknowledged(avoiding, MSS, -1, 0);
  assertEquals([slow.cwnd, avoiding.cwnd], [MAX_CWND, MAX_CWND]);
});

Deno.test("new reno: CC-03, a loss halves the flight, down to two MSS", () => {
  const c = connection(100 * MSS, 1 << 29);
  const ssthreshAt = (flight: number) => NEW_RENO.reduced(c, flight);
  assertEquals([20 * MSS, 4 * MSS, MSS, 0].map(ssthreshAt), [10 * MSS, 2 * MSS, 2 * MSS, 2 * MSS]);
  assertEquals([c.cwnd, c.ssthresh], [100 * MSS, 1 << 29]);
});
