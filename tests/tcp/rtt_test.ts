import { assert, assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import {
  backedOff,
  leastEchoAge,
  retransmissionLimit,
  retransmissionTimeout,
  sampleOfTimestamps,
  takeRttSample,
} from "../../lib/tcp/rtt.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { Segment } from "../../lib/wire/segment.ts";
import { randomWords } from "../support/random.ts";

function connection(): Connection {
  return { srttUs: 0, rttvarUs: 0, minRttUs: 0, rtoMs: 1000 } as unknown as Connection;
}

function valuesOf(c: Connection): number[] {
  return [c.srttUs, c.rttvarUs, c.minRttUs, c.rtoMs];
}

Deno.test("rtt: RTX-02, samples of 100, 120 and 80 ms", () => {
  const c = connection();
  takeRttSample(c, 100_000, DEFAULT_TUNABLES, 0);
  assertEquals(valuesOf(c), [100_000, 50_000, 100_000, 300]);
  takeRttSample(c, 120_000, DEFAULT_TUNABLES, 0);
  assertEquals(valuesOf(c), [102_500, 42_500, 100_000, 303]);
  takeRttSample(c, 80_000, DEFAULT_TUNABLES, 0);
  assertEquals(valuesOf(c), [99_687, 37_500, 80_000, 300]);
});

Deno.test("rtt: RFC 6298 §2.3, integers stay close to the formula", () => {
  for (const longest of [100, 10_000, 1_000_000, 60_000_000]) {
    const random = randomWords(longest);
    const c = connection();
    let srtt = 0;
    let rttvar = 0;
    for (let i = 0; i < 500; i++) {
      const rtt = 1 + random() % longest;
      takeRttSample(c, rtt, DEFAULT_TUNABLES, 0);
      rttvar = i === 0 ? rtt / 2 : 0.75 * rttvar + 0.25 * Math.abs(srtt - rtt);
      srtt = i === 0 ? rtt : 0.875 * srtt + 0.125 * rtt;
      // What is rounded down once is forgotten by an eighth, or a fourth, each time.
      assert(Math.abs(c.srttUs - srtt) < 9 && Math.abs(c.rttvarUs - rttvar) < 14);
      const rto = Math.min(120_000, (srtt + Math.max(200_000, 4 * rttvar)) / 1000);
      assert(Math.abs(c.rtoMs - rto) < 1.1);
      assertEquals(c.rtoMs, retransmissionTimeout(c, DEFAULT_TUNABLES));
    }
  }
});

Deno.test("rtt: RTX-03, the floor is for the variance and 120 s are the most", () => {
  const c = connection();
  for (let i = 0; i < 100; i++) takeRttSample(c, 1000, DEFAULT_TUNABLES, 0);
  assertEquals(c.rtoMs, 201);
  takeRttSample(c, 250_000_000, DEFAULT_TUNABLES, 0);
  assertEquals(c.rtoMs, 120_000);
});

Deno.test("rtt: RTX-01, without a sample the timeout is the initial one", () => {
  assertEquals(retransmissionTimeout(connection(), DEFAULT_TUNABLES), 1000);
  const tunables = { ...DEFAULT_TUNABLES, tcp_rto_init: 3000 };
  assertEquals(retransmissionTimeout(connection(), tunables), 3000);
});

Deno.test("rtt: a sample of no time counts as a microsecond", () => {
  const c = connection();
  takeRttSample(c, 0, DEFAULT_TUNABLES, 0);
  assertEquals(valuesOf(c), [1, 0, 1, 201]);
});

Deno.test("rtt: RFC 6298 §5.5, each backoff doubles the timeout, up to the limit", () => {
  const backoffs = [0, 1, 2, 9, 10, 255].map((times) => backedOff(201, times, DEFAULT_TUNABLES));
  assertEquals(backoffs, [201, 402, 804, 102_912, 120_000, 120_000]);
});

Deno.test("rtt: RTX-08, fifteen retransmissions last 924.6 s, three last 3 s", () => {
  assertEquals(retransmissionLimit(15, DEFAULT_TUNABLES), 924_600);
  assertEquals(retransmissionLimit(3, DEFAULT_TUNABLES), 3000);
  assertEquals(retransmissionLimit(0, DEFAULT_TUNABLES), 200);
});

/** The least round trip after samples, each as milliseconds and when it was taken. */
function leastAfter(...samples: [number, number][]): number[] {
  const c = connection();
  return samples.map(([ms, at]) => {
    takeRttSample(c, ms * 1000, DEFAULT_TUNABLES, at);
    return c.minRttUs / 1000;
  });
}

Deno.test("rtt: RFC 8985 §6.2 step 1, the least round trip is forgotten after half of five minutes twice", () => {
  assertEquals(leastAfter([10, 0], [30, 150_000], [40, 150_001], [50, 300_001], [50, 300_002]), [
    10,
    10,
    10,
    10,
    40,
  ]);
  // The least of a half is the least of the next one, wherever in it that was.
  assertEquals(leastAfter([10, 0], [30, 150_001], [20, 200_000], [25, 250_000], [50, 300_002]), [
    10,
    10,
    10,
    10,
    20,
  ]);
  assertEquals(leastAfter([30, -5], [20, 100], [25, 200]), [30, 20, 20]);
});

Deno.test("rtt: RFC 7323 §4.1, an echo is a sample in milliseconds unless nothing of it may be in flight", () => {
  const c = { tsOffset: 7, tcp: { timestamp: (offset: number, now: number) => offset + now } };
  const seg = new Segment();
  const sample = (elapsed: number) => {
    seg.tsEcr = 7 + 5_000_000 - elapsed;
    return sampleOfTimestamps(c as unknown as Connection, seg, 5_000_000);
  };
  assertEquals(sample(3), -1);
  seg.hasTimestamps = true;
  assertEquals([-1, 0, 1, 2].map(sample), [-1, 1000, 1000, 2000]);
  assertEquals([2_000_000, 2_000_001].map(sample), [2_000_000_000, -1]);
});

Deno.test("rtt: by its echo a segment left so many milliseconds ago, or nearly one less", () => {
  const tcp = { timestamp: (offset: number, now: number) => offset + now };
  const seg = new Segment();
  seg.hasTimestamps = true;
  const age = (elapsed: number, tsOk = true) => {
    seg.tsEcr = 7 + 5_000_000 - elapsed;
    return leastEchoAge({ tsOk, tsOffset: 7, tcp } as unknown as Connection, seg, 5_000_000);
  };
  assertEquals([-1, 0, 1, 2, 2_000_000].map((ms) => age(ms)), [0, 0, 0, 1000, 1_999_999_000]);
  assertEquals([age(2_000_001), age(2, false)], [0, 0]);
});
