import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Bbr, BbrState } from "../../lib/tcp/bbr.ts";
import { pipe } from "../../lib/tcp/congestion.ts";
import { Phase } from "../../lib/tcp/phase.ts";
import { Bottleneck } from "../support/bottleneck.ts";

const { Startup, Drain, ProbeBwDown, ProbeBwCruise, ProbeBwRefill, ProbeBwUp, ProbeRtt } = BbrState;

/** Of what the link carries so much is payload. */
const PAYLOAD = 1448 / 1514;
/** Ahead of what is sent there is little: who is paused has soon nothing to send. */
const LITTLE = 8 << 10;

function modelOf(b: Bottleneck): Bbr {
  assert(b.c.model instanceof Bbr);
  return b.c.model;
}

/** Lets time pass until `state`, for a minute at most. */
function reach(b: Bottleneck, state: BbrState): Bbr {
  const isReached = b.runUntil(() => b.c.model instanceof Bbr && b.c.model.state === state, 60_000);
  assert(isReached, `${state} is not reached`);
  return modelOf(b);
}

/** Lets time pass until the state is another one, for `ms` at most, and returns that. */
function leave(b: Bottleneck, ms = 10_000): BbrState {
  const bbr = modelOf(b);
  const { state } = bbr;
  assert(b.runUntil(() => bbr.state !== state, ms), `${state} does not end`);
  return bbr.state;
}

/** Calls `each` once for each round trip, when its first acknowledgment has come. */
function eachRound(b: Bottleneck, each: (bbr: Bbr) => void): void {
  let round = b.c.model instanceof Bbr ? b.c.model.path.roundCount : 0;
  b.watch = () => {
    const bbr = b.c.model as Bbr;
    if (bbr.path.roundCount === round) return;
    round = bbr.path.roundCount;
    each(bbr);
  };
}

/** Counts the rounds in a row whose rate is less than a quarter above `baseline`, the last that was. */
function countPlateau(b: Bottleneck, baseline: number): { rounds: number } {
  const plateau = { rounds: 0 };
  eachRound(b, ({ path }) => {
    const isGrowing = path.delivery.rate >= 1.25 * baseline;
    if (isGrowing) baseline = path.delivery.rate;
    plateau.rounds = isGrowing ? 0 : plateau.rounds + 1;
  });
  return plateau;
}

/** What fills the path at the rate `bw`, by the model: Inflight(1.0). */
function inFlightAt(b: Bottleneck, bw: number): number {
  const bbr = modelOf(b);
  const quantum = Math.max(2 * b.c.mss, bbr.pacingRate);
  return Math.max(bw * bbr.path.minRtt, 3 * quantum);
}

// The example test cases of draft-ietf-ccwg-bbr, its appendix, in their order.

Deno.test("bbr: Startup ends when the rate has not grown by a quarter in three rounds", () => {
  const b = new Bottleneck("bbr");
  const bbr = reach(b, Startup);
  const plateau = countPlateau(b, 0);
  assertEquals(leave(b), Drain);
  assertEquals(plateau.rounds, 3);
  assertAlmostEquals(bbr.path.maxBw, b.terms.rate * PAYLOAD, 0.02 * b.terms.rate);
  assertEquals(b.c.retransmits, 0);
});

Deno.test("bbr: Startup ends by loss though there is little to send", () => {
  const b = new Bottleneck("bbr", { rate: 2500, rttMs: 40, queueBytes: 500_000 });
  b.backlog = LITTLE;
  b.supply = 1800;
  const bbr = reach(b, Startup);
  b.run(500);
  assertEquals([bbr.state, bbr.path.inFlightLongTerm], [Startup, Infinity]);
  b.change({ loss: 0.2 });
  leave(b);
  const { path } = bbr;
  assert(path.delivery.wasLimited && path.delivery.lostSince > 0.02 * path.delivery.inFlightThen);
  assertEquals(path.inFlightLongTerm, Math.floor(Math.max(path.bdp, path.inFlightLatest)));
});

Deno.test("bbr: Drain sends at half the rate until what is in flight fills the path and no more", () => {
  const b = new Bottleneck("bbr");
  const bbr = reach(b, Drain);
  const { path } = bbr;
  assertAlmostEquals(bbr.pacingRate, 0.5 * 0.99 * path.bw);
  const start = path.roundCount;
  b.watch = () => {
    if (bbr.state === Drain) assert(pipe(b.c) > inFlightAt(b, path.bw));
  };
  leave(b);
  assert(path.roundCount - start <= 3);
  assert(pipe(b.c) <= inFlightAt(b, path.bw) + 2 * b.c.mss);
});

Deno.test("bbr: Drain ends after three rounds though the queue is not empty", () => {
  const b = new Bottleneck("bbr");
  const bbr = reach(b, Drain);
  b.change({ rate: 0.5 * b.terms.rate });
  const start = bbr.path.roundCount;
  assertEquals(leave(b), ProbeBwDown);
  assertEquals(bbr.path.roundCount, start + 4);
  assert(pipe(b.c) > 1.2 * inFlightAt(b, bbr.path.bw));
});

Deno.test("bbr: ProbeBW_UP ends when the rate has not grown by a quarter in three rounds", () => {
  const b = new Bottleneck("bbr");
  const bbr = reach(b, ProbeBwUp);
  assertAlmostEquals(bbr.pacingRate, 1.25 * 0.99 * bbr.path.bw);
  const plateau = countPlateau(b, bbr.path.delivery.rate);
  assertEquals(leave(b), ProbeBwDown);
  assertEquals(plateau.rounds, 3);
  assert(pipe(b.c) > inFlightAt(b, bbr.path.bw));
  assertEquals(b.c.retransmits, 0);
});

Deno.test("bbr: ProbeBW_UP ends by loss though there is little to send, which says nothing about the path", () => {
  const b = new Bottleneck("bbr");
  b.backlog = LITTLE;
  const bbr = reach(b, ProbeBwUp);
  b.supply = 600;
  b.run(100);
  assertEquals([bbr.state, bbr.path.delivery.wasLimited], [ProbeBwUp, true]);
  b.lose(1);
  assertEquals(leave(b), ProbeBwDown);
  assert(bbr.path.delivery.lostSince > 0.02 * bbr.path.delivery.inFlightThen);
  assertEquals([b.lost, bbr.path.inFlightLongTerm], [1, Infinity]);
});

for (const [name, state] of [["Startup", Startup], ["ProbeBW_UP", ProbeBwUp]] as const) {
  Deno.test(`bbr: ${name} does not end while there is little to send and nothing is lost`, () => {
    const b = new Bottleneck("bbr");
    b.backlog = LITTLE;
    if (state === Startup) b.supply = 300;
    const bbr = reach(b, state);
    b.supply = 300;
    const start = bbr.path.roundCount;
    b.watch = () => assertEquals(bbr.state, state);
    b.run(3000);
    assert(bbr.path.roundCount > start + 60, `${bbr.path.roundCount - start}`);
  });
}

for (const queueBytes of [50_000, 10_000]) {
  Deno.test(`bbr: ProbeBW_DOWN ends when the queue of ${queueBytes} bytes is empty and some of the path is left`, () => {
    const b = new Bottleneck("bbr", { queueBytes });
    reach(b, ProbeBwUp);
    const bbr = reach(b, ProbeBwDown);
    const { path } = bbr;
    assertEquals(path.inFlightLongTerm === Infinity, queueBytes === 50_000);
    assertAlmostEquals(bbr.pacingRate, 0.9 * 0.99 * path.bw);
    const target = (): number => Math.min(0.85 * path.inFlightLongTerm, inFlightAt(b, path.maxBw));
    b.watch = () => {
      if (bbr.state === ProbeBwDown) assert(pipe(b.c) > target());
    };
    assertEquals(leave(b), ProbeBwCruise);
    assert(pipe(b.c) <= target() + 2 * b.c.mss);
  });
}

Deno.test("bbr: ProbeBW_DOWN ends after two to three seconds though the queue is not empty", () => {
  const b = new Bottleneck("bbr", { rttMs: 100, queueBytes: 250_000 });
  const bbr = reach(b, Drain);
  b.change({ rate: 0.5 * b.terms.rate });
  reach(b, ProbeBwDown);
  b.change({ rate: 1.8 * b.terms.rate });
  const start = b.now;
  assertEquals(leave(b), ProbeBwRefill);
  const elapsed = b.now - start;
  assert(elapsed > 2000 && elapsed < 3100, `${elapsed}`);
  assert(pipe(b.c) > inFlightAt(b, bbr.path.maxBw));
});

Deno.test("bbr: ProbeRTT comes five seconds after the least round trip, takes 200 ms, and leaves cwnd as it was", () => {
  const b = new Bottleneck("bbr", { rate: 625, queueBytes: 25_000 });
  let leastAt = 0;
  let least = Infinity;
  b.watch = () => {
    const { minRtt } = (b.c.model as Bbr).path;
    if (minRtt < least) [least, leastAt] = [minRtt, b.now];
  };
  reach(b, ProbeBwCruise);
  let before = 0;
  b.watch = () => {
    if (modelOf(b).state !== ProbeRtt) before = b.c.cwnd;
  };
  const bbr = reach(b, ProbeRtt);
  assertAlmostEquals(b.now - leastAt, 5000, 50);
  const window = Math.floor(Math.max(0.5 * bbr.path.bdp, 4 * b.c.mss));
  assertEquals(b.c.cwnd, window);
  const start = b.now;
  b.watch = () => {
    if (bbr.state === ProbeRtt) assertEquals(b.c.cwnd, window);
  };
  assertEquals(leave(b), ProbeBwCruise);
  const elapsed = b.now - start;
  assert(elapsed > 200 && elapsed < 260, `${elapsed}`);
  b.run(50);
  assert(b.c.cwnd >= before);
});

Deno.test("bbr: who was idle for five seconds needs no ProbeRTT, and begins at the rate of the path", () => {
  const b = new Bottleneck("bbr");
  b.backlog = LITTLE;
  const bbr = reach(b, ProbeBwDown);
  b.supply = 0;
  assert(b.runUntil(() => pipe(b.c) === 0, 1000));
  b.run(6000);
  const { state } = bbr;
  b.supply = Infinity;
  b.run(0);
  assert(pipe(b.c) > 0);
  assertAlmostEquals(bbr.pacingRate, 0.99 * bbr.path.bw);
  b.watch = () => assert(bbr.state !== ProbeRtt);
  b.run(1000);
  assert(state !== ProbeRtt);
});

Deno.test("bbr: Startup finds the rate of a link whose acknowledgments come in batches", () => {
  const b = new Bottleneck("bbr", { aggregationMs: 20, queueBytes: 100_000 });
  const { path } = reach(b, Drain);
  assertAlmostEquals(path.maxBw, b.terms.rate * PAYLOAD, 0.05 * b.terms.rate);
  // A batch is what the link carries in 20 ms, and comes at once.
  const batch = 20 * b.terms.rate * PAYLOAD;
  assert(path.extraAcked > 0.9 * batch && path.extraAcked < 1.2 * batch, `${path.extraAcked}`);
  assertAlmostEquals(b.c.cwnd, 2 * path.bdp + path.extraAcked, 1.5 * b.c.mss);
});

Deno.test("bbr: acknowledgments that come in batches make room for one more batch", () => {
  const b = new Bottleneck("bbr");
  const { path } = reach(b, ProbeBwCruise);
  b.run(200);
  assert(path.extraAcked <= 2 * b.c.mss);
  b.change({ aggregationMs: 30 });
  b.run(100);
  const before = b.received;
  b.run(1000);
  assert(b.received - before > 0.95 * 1000 * b.terms.rate * PAYLOAD);
  const batch = 30 * b.terms.rate * PAYLOAD;
  assert(path.extraAcked > batch - b.c.mss, `${path.extraAcked}`);
  assert(b.c.cwnd > 2 * path.bdp + batch - 2 * b.c.mss);
});

Deno.test("bbr: a path that holds less than a segment is used at its rate, with four in flight", () => {
  const b = new Bottleneck("bbr", { rate: 8 });
  const bbr = reach(b, ProbeBwCruise);
  const before = b.received;
  let least = Infinity;
  b.watch = () => least = Math.min(least, b.c.cwnd);
  b.run(30_000);
  assertEquals(least, 4 * b.c.mss);
  assertAlmostEquals(bbr.pacingRate, 8 * PAYLOAD, 0.05 * 8);
  assert(b.received - before > 0.98 * 30_000 * 8 * PAYLOAD);
});

Deno.test("bbr: ten times the rate is found in one ProbeBW_UP, by steps which double", () => {
  const b = new Bottleneck("bbr", { rate: 250, queueBytes: 2500 });
  const { path } = reach(b, ProbeBwCruise);
  assert(path.inFlightLongTerm < 10_000);
  b.change({ rate: 2500, queueBytes: 50_000 });
  const bbr = reach(b, ProbeBwUp);
  const start = path.roundCount;
  let bound = path.inFlightLongTerm;
  const steps: number[] = [];
  eachRound(b, () => {
    if (path.inFlightLongTerm > bound) steps.push(path.inFlightLongTerm - bound);
    bound = path.inFlightLongTerm;
  });
  assert(b.runUntil(() => path.maxBw > 0.95 * 2500 * PAYLOAD, 2000));
  assertEquals(bbr.state, ProbeBwUp);
  assert(path.roundCount - start < 25, `${path.roundCount - start}`);
  assert(steps.some((step) => step > 4 * steps[0]), `${steps}`);
});

Deno.test("bbr: a tenth of the rate is noticed by the loss at once, and believed after two cycles", () => {
  const b = new Bottleneck("bbr", { rate: 2500, queueBytes: 50_000 });
  const bbr = reach(b, ProbeBwCruise);
  const { path } = bbr;
  const before = path.maxBw;
  b.change({ rate: 250, queueBytes: 5000 });
  const falls: number[] = [];
  eachRound(b, () => falls.push(path.bwShortTerm / before));
  leave(b);
  const firstFall = falls.findIndex((part) => part < 1);
  for (const [i, part] of [0.7, 0.49, 0.343].entries()) {
    assertAlmostEquals(falls[firstFall + i], part, 1e-3);
  }
  assertEquals(path.maxBw, before);
  b.watch = () => {};
  let cycles = 0;
  for (; path.maxBw > 1.05 * 250; cycles++) {
    reach(b, ProbeBwUp);
    reach(b, ProbeBwDown);
    b.run(2 * b.c.srttUs / 1000);
  }
  assertAlmostEquals(path.maxBw, 250 * PAYLOAD, 0.02 * 250);
  assert(cycles <= 2, `${cycles}`);
});

Deno.test("bbr: behind a policer it keeps to the rate of the tokens, with no more than some loss", () => {
  const b = new Bottleneck("bbr", { rate: 6250, tokenRate: 1250, tokenBytes: 60_000 });
  const { path } = reach(b, ProbeBwCruise);
  assert(b.runUntil(() => path.bwShortTerm < path.maxBw, 1000));
  assert(path.inFlightShortTerm < Infinity);
  b.run(1500); // what it took for the rate is forgotten
  const [received, policed] = [b.received, b.policed];
  b.run(2000);
  const goodput = (b.received - received) / 2000;
  assert(goodput > 0.9 * 1250 * PAYLOAD, `${goodput}`);
  assert(b.policed - policed < 0.08 * 2000 * 1250 / 1514, `${b.policed - policed}`);
});

/** A flow in ProbeBW_UP which knows a bound for what is in flight. */
function boundedUp(): Bottleneck {
  const b = new Bottleneck("bbr", { queueBytes: 15_000 });
  const { path } = reach(b, ProbeBwUp);
  assert(path.inFlightLongTerm < Infinity);
  b.run(5);
  return b;
}

for (const late of [1, 2]) {
  Deno.test(`bbr: a recovery for nothing but ${late} late segments is taken back, and the probe begins anew`, () => {
    const b = boundedUp();
    const bbr = modelOf(b);
    const { path } = bbr;
    const [bound, { cwnd }] = [path.inFlightLongTerm, b.c];
    for (let i = 0; i < late; i++) {
      b.delay(1, 12);
      b.run(3);
    }
    assertEquals(leave(b), ProbeBwDown);
    assertEquals([b.c.phase, b.lost], [Phase.Recovery, 0]);
    assert(path.inFlightLongTerm < bound);
    assertEquals(leave(b), ProbeBwRefill);
    assertEquals([b.c.phase, path.inFlightLongTerm, path.isLossInRound], [
      Phase.Open,
      bound,
      false,
    ]);
    assertEquals([path.bwShortTerm, path.inFlightShortTerm], [Infinity, Infinity]);
    assert(b.c.cwnd >= cwnd);
    assertEquals(leave(b), ProbeBwUp);
  });
}

Deno.test("bbr: a timeout for nothing but late segments is taken back, and the probe begins anew", () => {
  const b = boundedUp();
  const bbr = modelOf(b);
  const { path } = bbr;
  const [bound, { cwnd }] = [path.inFlightLongTerm, b.c];
  b.delay(Infinity, 335); // what arrives soon after the timeout is no answer to it
  assertEquals(leave(b), ProbeBwDown);
  b.delay(0, 0);
  assertEquals([b.c.phase, b.c.cwnd, b.lost], [Phase.Loss, b.c.mss, 0]);
  assertEquals(path.inFlightLongTerm, Math.floor(0.7 * Math.min(path.bdp, cwnd)));
  assertEquals(leave(b), ProbeBwRefill);
  assertEquals([b.c.phase, path.inFlightLongTerm, path.isLossInRound], [Phase.Open, bound, false]);
  assert(b.c.cwnd >= cwnd);
  assertEquals(leave(b), ProbeBwUp);
});

Deno.test("bbr: loss in Startup that was none leads back to it", () => {
  const b = new Bottleneck("bbr", { rate: 2500, rttMs: 40, queueBytes: 500_000 });
  b.supply = 1800;
  const bbr = reach(b, Startup);
  b.run(500);
  b.change({ loss: 0.2 });
  leave(b);
  b.change({ loss: 0 });
  bbr.restored(b.c);
  assertEquals([bbr.state, bbr.path.inFlightLongTerm], [Startup, Infinity]);
  b.supply = Infinity;
  assertEquals(leave(b), Drain);
  assertAlmostEquals(bbr.path.maxBw, b.terms.rate * PAYLOAD, 0.05 * b.terms.rate);
});

Deno.test("bbr: ProbeRTT in Startup leads back to it", () => {
  const b = new Bottleneck("bbr");
  b.supply = 300;
  const bbr = reach(b, ProbeRtt);
  assertEquals(leave(b), Startup);
  assertEquals(bbr.path.inFlightLongTerm, Infinity);
  b.supply = Infinity;
  reach(b, Drain);
  assertAlmostEquals(bbr.path.maxBw, b.terms.rate * PAYLOAD, 0.02 * b.terms.rate);
});

Deno.test("bbr: loss in ProbeBW_UP lowers the bound to what was in flight, and ends it", () => {
  const b = boundedUp();
  const bbr = modelOf(b);
  const { path } = bbr;
  const bound = path.inFlightLongTerm;
  const judge = bbr.lossesFound.bind(bbr);
  let judged: [lost: number, bound: number] = [0, 0];
  bbr.lossesFound = (c, scoreboard, now) => {
    judge(c, scoreboard, now);
    const { inFlightThen, lostSince } = path.delivery;
    judged = [lostSince, Math.floor((inFlightThen - lostSince) / 0.98)];
  };
  b.lose(2);
  assertEquals(leave(b), ProbeBwDown);
  assertEquals(judged, [2 * b.c.mss, path.inFlightLongTerm]);
  assert(path.inFlightLongTerm < bound);
});

Deno.test("bbr: a bound that loss has left rises again when the path bears more", () => {
  const b = boundedUp();
  b.lose(2);
  const { path } = reach(b, ProbeBwDown);
  const bound = path.inFlightLongTerm;
  b.change({ rate: 2.5 * b.terms.rate, queueBytes: 125_000 });
  assert(b.runUntil(() => path.maxBw > 0.95 * b.terms.rate * PAYLOAD, 2000));
  assert(path.inFlightLongTerm > 2 * bound);
});

Deno.test("bbr: a ProbeBW_REFILL with little to send says nothing about the rate", () => {
  const b = new Bottleneck("bbr");
  b.backlog = LITTLE;
  const bbr = reach(b, ProbeBwRefill);
  const { path } = bbr;
  const { maxBw, roundCount } = path;
  b.supply = 200;
  assertEquals(leave(b), ProbeBwUp);
  assertEquals(path.roundCount, roundCount + 1);
  let samples = 0;
  b.watch = () => {
    if (path.delivery.wasLimited && path.delivery.rate < 0.5 * maxBw) samples++;
    assertEquals(path.maxBw, maxBw);
  };
  b.run(1000);
  assert(samples > 50, `${samples}`);
  assertEquals(bbr.state, ProbeBwUp);
  b.supply = Infinity;
  b.watch = () => {};
  assertEquals(leave(b), ProbeBwDown);
  assertAlmostEquals(path.maxBw, maxBw, 0.02 * maxBw);
});

// What it is for.

Deno.test("bbr: a clean link is full, and its queue holds no more than one round trip", () => {
  const [bbr, cubic] = ["bbr", "cubic"].map((algorithm) => {
    const b = new Bottleneck(algorithm, { queueBytes: 200_000 });
    b.run(1000);
    let longest = 0;
    b.watch = () => longest = Math.max(longest, b.c.srttUs / 1000);
    const before = b.received;
    b.run(3000);
    return { part: (b.received - before) / (3000 * b.terms.rate * PAYLOAD), longest };
  });
  assert(bbr.part > 0.95 && cubic.part > 0.95, `${bbr.part} and ${cubic.part}`);
  assert(bbr.longest < 2.1 * 20, `${bbr.longest}`);
  assert(cubic.longest > 4 * 20, `${cubic.longest}`);
});

// What CUBIC gets is a matter of loss and round trip alone: some 12 segments in each.
for (const [rttMs, times] of [[20, 1.8], [80, 5]]) {
  Deno.test(`bbr: at 1 % loss and ${rttMs} ms it delivers ${times} times what CUBIC does`, () => {
    const [bbr, cubic] = ["bbr", "cubic"].map((algorithm) => {
      const b = new Bottleneck(
        algorithm,
        { rate: 2500, rttMs, loss: 0.01, queueBytes: 100_000 },
        2,
      );
      b.run(5000);
      return b.received / (5000 * b.terms.rate * PAYLOAD);
    });
    assert(bbr > times * cubic, `${bbr} and ${cubic}`);
  });
}
