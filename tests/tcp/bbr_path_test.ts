import { assertEquals } from "@std/assert";
import { BbrPath } from "../../lib/tcp/bbr_path.ts";
import type { Connection } from "../../lib/tcp/connection.ts";

/** The path of a connection with an SRTT of 50 ms and a cwnd of 40,000 bytes, since 1000 ms. */
class Observed {
  readonly c = { srttUs: 50_000, cwnd: 40_000 } as Connection;
  readonly path = new BbrPath(this.c, 1000);
  isProbing = false;
  isFull = true;
  now = 1000;

  /** 1000 bytes are acknowledged; by default they left when all that was delivered before had been. */
  acknowledge(
    rate: number,
    { bytes = 1000, before = this.path.delivery.delivered, wasLimited = false } = {},
  ): void {
    this.observe(rate, { bytes, before, wasLimited });
    this.path.conclude();
  }

  observe(
    rate: number,
    { bytes = 1000, before = this.path.delivery.delivered, wasLimited = false } = {},
  ): void {
    const { delivery } = this.path;
    delivery.delivered += bytes;
    const deliveredSince = delivery.delivered - before;
    Object.assign(delivery, { rate, deliveredSince, deliveredBefore: before, wasLimited });
    this.path.observe(this.c, bytes, this.isProbing, this.isFull, this.now);
  }

  /** A round trip with loss ends, by an acknowledgment of what left after the loss. */
  lose(rate: number, bytes = 1000): void {
    this.path.noteLoss();
    this.acknowledge(rate, { bytes });
  }

  get shortTerm(): [number, number] {
    return [this.path.bwShortTerm, this.path.inFlightShortTerm];
  }
}

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.2.1, at first the handshake's round trip is all that is known", () => {
  const { path } = new Observed();
  assertEquals([path.minRtt, path.maxBw, path.bw, path.bdp, path.extraAcked], [50, 0, 0, 0, 0]);
  assertEquals([path.inFlightLongTerm, path.bwShortTerm, path.inFlightShortTerm], [
    Infinity,
    Infinity,
    Infinity,
  ]);
  assertEquals([path.roundCount, path.inFlightLatest], [0, 0]);
  assertEquals([path.isRoundStart, path.isLossRoundStart, path.isLossInRound, path.isRttOld], [
    false,
    false,
    false,
    false,
  ]);
  assertEquals(new BbrPath({ srttUs: 0 } as Connection, 0).minRtt, Infinity);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.1, a round trip ends with what left after the last one ended", () => {
  const t = new Observed();
  const { path } = t;
  const rounds = [0, 0, 999, 1000, 2000, 3999, 4000].map((before) => {
    t.acknowledge(100, { before });
    return [path.isRoundStart, path.roundCount];
  });
  assertEquals(rounds, [
    [true, 1], // until 1000 is delivered, and beyond
    [false, 1],
    [false, 1],
    [true, 2], // 4000
    [false, 2],
    [false, 2],
    [true, 3],
  ]);
  path.startRound();
  t.acknowledge(100, { before: 6999 });
  assertEquals([path.isRoundStart, path.roundCount], [false, 3]);
  t.acknowledge(100, { before: 7000 });
  assertEquals([path.isRoundStart, path.roundCount], [true, 4]);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.10.3, rounds of loss are counted from the first loss in them", () => {
  const t = new Observed();
  const { path } = t;
  t.acknowledge(100); // 1000 are delivered
  assertEquals(path.isLossRoundStart, true);
  t.acknowledge(100, { before: 0 });
  path.noteLoss(); // 2000
  assertEquals(path.isLossInRound, true);
  t.acknowledge(100, { before: 1999 });
  assertEquals([path.isRoundStart, path.isLossRoundStart], [true, false]);
  path.noteLoss(); // does not move the end
  assertEquals(path.isLossInRound, true);
  t.acknowledge(100, { before: 2000 });
  assertEquals([path.isRoundStart, path.isLossRoundStart, path.isLossInRound], [
    false,
    true,
    false,
  ]);
  t.acknowledge(100, { before: 3999 });
  assertEquals(path.isLossRoundStart, false);
  t.acknowledge(100, { before: 4000 });
  assertEquals(path.isLossRoundStart, true);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.3, the bandwidth is the best of this cycle and the one before", () => {
  const t = new Observed();
  const { path } = t;
  const bandwidths = [[100, 90], [80], [70, 75], []].map((rates) => {
    for (const rate of rates) t.acknowledge(rate);
    const { maxBw } = path;
    path.advanceCycle();
    return maxBw;
  });
  t.acknowledge(10);
  assertEquals([...bandwidths, path.maxBw], [100, 100, 80, 80, 10]);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.4, samples of too little data count only if they show that more is possible", () => {
  const t = new Observed();
  const { path } = t;
  const wasLimited = true;
  const seen = [50, 40, 50, 60].map((rate) => {
    t.acknowledge(rate, { wasLimited });
    return path.maxBw;
  });
  assertEquals(seen, [50, 50, 50, 60]);
  path.advanceCycle();
  t.acknowledge(59.9, { wasLimited });
  path.advanceCycle();
  t.acknowledge(0, { wasLimited });
  assertEquals(path.maxBw, 0); // the 59.9 did not count
  t.acknowledge(30);
  path.advanceCycle();
  t.acknowledge(30, { wasLimited });
  path.advanceCycle();
  t.acknowledge(0);
  assertEquals(path.maxBw, 30); // as great as the greatest
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.10.3, after a round of loss rate and volume fall to what was delivered, by β at most", () => {
  const t = new Observed();
  const { path } = t;
  t.acknowledge(100);
  t.lose(90);
  // 0.9 of the rate was delivered; of the window next to nothing.
  assertEquals(t.shortTerm, [100, 28_000]); // of this round trip, which 100 began
  assertEquals(path.bw, 100);
  t.lose(20);
  assertEquals(t.shortTerm, [90, 19_600]);
  assertEquals(path.bw, 90);
  t.lose(20);
  assertEquals([t.shortTerm, path.bw], [[0.7 * 90, 0.7 * 19_600], 0.7 * 90]);
  t.lose(20, 12_345);
  assertEquals(t.shortTerm, [0.7 * (0.7 * 90), 12_345]);
  t.acknowledge(20); // without loss nothing falls
  assertEquals(t.shortTerm, [0.7 * (0.7 * 90), 12_345]);
  assertEquals(path.maxBw, 100);
  path.forgetShortTerm();
  assertEquals(t.shortTerm, [Infinity, Infinity]);
  t.acknowledge(20);
  assertEquals(path.bw, 100);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.10.3, loss is no reason to fall back where bandwidth is probed for", () => {
  const t = new Observed();
  t.acknowledge(100);
  t.isProbing = true;
  t.lose(50);
  assertEquals([t.shortTerm, t.path.isLossInRound, t.path.isLossRoundStart], [
    [Infinity, Infinity],
    false,
    true,
  ]);
  t.isProbing = false;
  t.acknowledge(50); // nothing was lost in this one
  assertEquals(t.shortTerm, [Infinity, Infinity]);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.10.3, nothing falls before the round trip of the loss is over", () => {
  const t = new Observed();
  t.acknowledge(100);
  t.path.noteLoss();
  t.acknowledge(50, { before: 999 });
  assertEquals([t.shortTerm, t.path.isLossInRound], [[Infinity, Infinity], true]);
  t.acknowledge(50);
  assertEquals([t.shortTerm, t.path.isLossInRound], [[100, 28_000], false]);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.10.3, the latest rate and volume are the best of a round trip", () => {
  const t = new Observed();
  const { path } = t;
  t.acknowledge(100, { bytes: 5000 });
  assertEquals(path.inFlightLatest, 5000);
  t.acknowledge(60, { before: 4000, bytes: 7000 });
  t.acknowledge(70, { before: 4500, bytes: 500 });
  assertEquals(path.inFlightLatest, 8000);
  t.observe(10, { before: 12_000, bytes: 1 }); // not yet, for the state is to see it
  assertEquals([path.inFlightLatest, path.isLossRoundStart], [8000, true]);
  path.conclude();
  assertEquals(path.inFlightLatest, 501);
  // What began with a rate of 10 goes on with 40, and is the latest when a loss is answered.
  t.acknowledge(40, { before: 12_400, bytes: 1 });
  path.noteLoss();
  t.acknowledge(30, { bytes: 100 });
  assertEquals(t.shortTerm[0], 70);
  path.noteLoss();
  t.acknowledge(55, { bytes: 100 });
  assertEquals(t.shortTerm[0], 55);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.10.3, signals that are reset tell of nothing before", () => {
  const t = new Observed();
  const { path } = t;
  t.acknowledge(100, { bytes: 30_000 });
  path.noteLoss();
  path.forgetRound();
  assertEquals([path.isLossInRound, path.inFlightLatest], [false, 0]);
  t.lose(20);
  assertEquals(t.shortTerm, [70, 28_000]);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.10.3, a rate of less than a byte per millisecond falls like others", () => {
  const t = new Observed();
  t.lose(0.5); // the first thing that is known
  assertEquals(t.shortTerm[0], 0.5);
  t.path.forgetRound();
  t.lose(0.1);
  assertEquals(t.shortTerm[0], 0.35);
});

/** The volume by which acknowledgments of `bytes` at these times exceed 100 bytes per millisecond. */
function extraAfter(t: Observed, acks: [ms: number, bytes: number][]): number[] {
  return acks.map(([ms, bytes]) => {
    t.now = 1000 + ms;
    t.acknowledge(100, { bytes, before: 0 }); // within one round trip
    return t.path.extraAcked;
  });
}

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.9, what comes at once beyond the rate is aggregation", () => {
  const t = new Observed();
  t.acknowledge(100); // until now no rate was known: all of it is extra
  assertEquals(t.path.extraAcked, 1000);
  // 1000 are expected after 10 ms, and came: the interval begins anew.
  assertEquals(extraAfter(t, [[10, 1500]]), [1500]);
  // After 14 ms another 1400 of 1500 are expected.
  assertEquals(extraAfter(t, [[24, 2000]]), [2100]);
  // 3500 in 34.999 ms are more than was expected, in 35 they are not.
  assertEquals(extraAfter(t, [[44.99, 500]]), [2100]);
  assertEquals(extraAfter(t, [[50, 2200]]), [2200]);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.9, an interval ends in the moment in which all of it was expected", () => {
  const extra = (ms: number) => {
    const t = new Observed();
    t.isFull = false;
    t.acknowledge(100);
    t.now += 5;
    t.path.restartAggregation(t.now - 5);
    t.acknowledge(100, { bytes: 500, before: 0 });
    t.now = 1000 + ms;
    t.acknowledge(100, { bytes: 1000 }); // a round of its own
    return t.path.extraAcked;
  };
  assertEquals([extra(14), extra(15), extra(16)], [1100, 1000, 1000]);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.9, an interval that ended is measured by no later rate", () => {
  const t = new Observed();
  t.isFull = false;
  t.acknowledge(100); // 1000
  t.now += 10; // all of them were expected
  t.acknowledge(200, { bytes: 3000 });
  assertEquals(t.path.extraAcked, 3000);
  t.now += 5; // and now 1000 of 3500
  t.acknowledge(200, { bytes: 500 });
  assertEquals(t.path.extraAcked, 2500);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.9, aggregation is that of one round trip while the pipe is not full, then of ten", () => {
  const extras = (isFull: boolean) => {
    const t = new Observed();
    t.isFull = isFull;
    t.acknowledge(100, { bytes: 9000 });
    return Array.from({ length: 11 }, () => {
      t.now += 1000;
      t.acknowledge(100, { bytes: 10 });
      return t.path.extraAcked;
    });
  };
  assertEquals(extras(false), Array(11).fill(10));
  assertEquals(extras(true), [...Array(9).fill(9000), 10, 10]);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.5.9, no more than cwnd comes at once", () => {
  const t = new Observed();
  t.acknowledge(100, { bytes: 39_999 });
  assertEquals(t.path.extraAcked, 39_999);
  t.acknowledge(100, { bytes: 2, before: 0 });
  assertEquals(t.path.extraAcked, 40_000);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.4.1, silence is no aggregation", () => {
  const t = new Observed();
  t.acknowledge(100, { bytes: 600 });
  t.path.restartAggregation(6000);
  t.now = 6005;
  t.acknowledge(100, { bytes: 600, before: 0 }); // 1200 since then, 500 expected
  assertEquals(t.path.extraAcked, 700);
});

/** Feeds round trips of `[µs, at ms]`; what the path says after each: minRtt and whether five seconds are over. */
function rttsAfter(path: BbrPath, samples: [us: number, at: number][]): [number, boolean][] {
  return samples.map(([us, at]) => {
    path.takeRtt(us, at);
    return [path.minRtt, path.isRttOld];
  });
}

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.3.4.3, the least round trip of ten seconds, in milliseconds", () => {
  const { path } = new Observed();
  assertEquals(rttsAfter(path, [[60_000, 1000], [40_500, 1500], [45_000, 6500], [-1, 6501]]), [
    [50, false], // the handshake's
    [40.5, false],
    [40.5, false],
    [40.5, true],
  ]);
  // The least of five seconds is over, and another one: the least of ten is not.
  assertEquals(rttsAfter(path, [[47_000, 6502], [46_000, 6600], [48_000, 11_500]]), [
    [40.5, true],
    [40.5, false],
    [40.5, false],
  ]);
  assertEquals(rttsAfter(path, [[49_000, 11_501]]), [[46, false]]);
  // That one was measured at 6600.
  assertEquals(rttsAfter(path, [[51_000, 16_600], [52_000, 16_601], [53_000, 16_602]]), [
    [46, true],
    [51, false],
    [51, false],
  ]);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.3.4.3, another round trip as short keeps neither five seconds nor ten from passing", () => {
  const { path } = new Observed();
  const samples: [number, number][] = [[40_000, 1000], [40_000, 4000], [40_000, 6001]];
  assertEquals(rttsAfter(path, samples), [[40, false], [40, false], [40, true]]);
  assertEquals(rttsAfter(path, [[50_000, 11_002]]), [[50, true]]);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.3.4.3, an unknown round trip changes nothing, one of no time does", () => {
  const { path } = new Observed();
  assertEquals(rttsAfter(path, [[-1, 1000], [0, 1001]]), [[50, false], [0, false]]);
});

Deno.test("bbr path: draft-ietf-ccwg-bbr §5.3.4.3, five seconds begin anew when the queue was drained", () => {
  const { path } = new Observed();
  rttsAfter(path, [[40_000, 1000]]);
  path.renewRtt(4000);
  assertEquals(rttsAfter(path, [[41_000, 9000], [41_000, 9001], [41_000, 14_001]]), [
    [40, false],
    [40, true],
    [41, false],
  ]);
});

Deno.test("bbr path: what fills it is its rate times its least round trip", () => {
  const t = new Observed();
  t.acknowledge(100);
  assertEquals(t.path.bdp, 5000);
  t.path.takeRtt(20_000, 1001);
  assertEquals(t.path.bdp, 2000);
});

Deno.test("bbr path: while rate or round trip is not known it is not known what fills it", () => {
  const path = new BbrPath({ srttUs: 0 } as Connection, 0);
  assertEquals(path.bdp, 0);
  path.bw = 100;
  assertEquals(path.bdp, 0);
});
