// BBR's limits and branches, each for itself: bbr_test.ts sees them work together.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { BBR, BbrState } from "../../lib/tcp/bbr.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { Phase } from "../../lib/tcp/phase.ts";
import { toMicroseconds } from "../../lib/tcp/timers.ts";
import { MSS, PlayedFlow } from "../support/played_flow.ts";

const { Startup, Drain, ProbeBwDown, ProbeBwCruise, ProbeBwRefill, ProbeBwUp, ProbeRtt } = BbrState;

Deno.test("bbr: the first pace is the initial window per round trip, or per millisecond where that is not known", () => {
  assertAlmostEquals(new PlayedFlow(100).bbr.pacingRate, 2.77 * 10 * MSS / 100);
  assertAlmostEquals(new PlayedFlow(100, { srttUs: 0 }).bbr.pacingRate, 2.77 * 10 * MSS);
});

Deno.test("bbr: growth by just a quarter is growth, and rounds with little to send do not count", () => {
  const f = new PlayedFlow();
  for (const bytes of [10_000, 12_500, 12_500, 12_500]) f.round(bytes);
  for (let i = 0; i < 5; i++) {
    f.bbr.idle(f.c);
    f.round(12_500);
  }
  assertEquals(f.bbr.state, Startup);
  f.round(12_500);
  assert(f.bbr.state !== Startup);
});

for (
  const [name, lost, runs, phase, sackOk, isOver] of [
    ["more than 2 % in six places end it", 2001, 6, Phase.Recovery, true, true],
    ["2 % do not end it", 2000, 6, Phase.Recovery, true, false],
    ["five places do not end it", 5000, 5, Phase.Recovery, true, false],
    ["without recovery it does not end it", 2001, 6, Phase.Open, true, false],
    ["after a timeout it does not end it", 2001, 6, Phase.Loss, true, false],
    ["without SACK one byte ends it", 1, 1, Phase.Recovery, false, true],
  ] as const
) {
  Deno.test(`bbr: loss in Startup, ${name}`, () => {
    const f = new PlayedFlow(100, { sackOk });
    f.round(100_000);
    const sentAt = f.send(100_000);
    f.now += 50;
    f.lose(lost, runs, sentAt);
    f.c.phase = phase;
    f.now += 50;
    f.deliver(100_000, sentAt);
    assertEquals(f.bbr.state !== Startup, isOver);
    assertEquals(f.bbr.path.inFlightLongTerm, isOver ? 100_000 : Infinity);
    assertEquals(f.bbr.path.bwShortTerm, Infinity);
  });
}

Deno.test("bbr: the first probe goes beyond the bound that loss in Startup has left", () => {
  const f = new PlayedFlow();
  f.round(100_000);
  const first = f.send(100_000);
  f.lose(5000, 6, first);
  f.c.phase = Phase.Recovery;
  f.now += 100;
  f.deliver(100_000, first);
  f.c.phase = Phase.Open;
  f.probe(50_000);
  assertEquals(f.bbr.path.inFlightLongTerm, 100_000);
  reach(f, 100_000);
  assertEquals(f.bbr.state, ProbeBwUp);
});

Deno.test("bbr: the first rate is a beginning, however low, and so it is after a mistake", () => {
  const f = new PlayedFlow(1000);
  for (let i = 0; i < 3; i++) f.round(400);
  assertEquals(f.bbr.state, Startup);
  f.bbr.restored(f.c);
  for (let i = 0; i < 3; i++) f.round(400);
  assertEquals(f.bbr.state, Startup);
  f.round(400);
  assert(f.bbr.state !== Startup);
});

Deno.test("bbr: loss in Startup is counted for a round trip of its own", () => {
  const f = new PlayedFlow();
  for (let i = 0; i < 2; i++) {
    const sentAt = f.send(100_000);
    f.now += 50;
    f.lose(5000, 5, sentAt);
    f.c.phase = Phase.Recovery;
    f.now += 50;
    f.deliver(100_000, sentAt);
  }
  assertEquals(f.bbr.state, Startup);
  // Of six places the news comes in the middle of a round trip, which decides nothing.
  const first = f.send(50_000);
  f.now += 10;
  const second = f.send(50_000);
  f.now += 90;
  f.deliver(50_000, first);
  f.lose(6000, 6, second);
  f.now += 10;
  f.deliver(25_000, second);
  assertEquals(f.bbr.state, Startup);
  const third = f.send(25_000);
  f.now += 100;
  f.lose(6000, 6, third);
  f.deliver(25_000, third);
  assert(f.bbr.state !== Startup);
});

Deno.test("bbr: without SACK recovery in Startup is no loss of itself", () => {
  const f = new PlayedFlow(100, { sackOk: false });
  f.c.phase = Phase.Recovery;
  f.round(100_000);
  f.round(100_000);
  assertEquals(f.bbr.state, Startup);
});

Deno.test("bbr: Drain and ProbeBW_DOWN end where what is in flight fills the path exactly", () => {
  for (const [over, isOver] of [[0, true], [1, false]] as const) {
    const f = new PlayedFlow();
    f.fill(100_000, 100_000 + over);
    assertEquals(f.bbr.state !== Drain, isOver);
    const g = new PlayedFlow();
    g.fill(100_000, 150_000);
    // Drain lasts as long as it may.
    while (g.bbr.state === Drain) {
      const sentAt = g.send(1000);
      g.now += 100;
      g.hold(151_000);
      g.deliver(1000, sentAt);
    }
    assertEquals(g.bbr.state, ProbeBwDown);
    const sentAt = g.send(1000);
    g.now += 1;
    g.hold(101_000 + over);
    g.deliver(1000, sentAt);
    assertEquals(g.bbr.state, isOver ? ProbeBwCruise : ProbeBwDown);
  }
});

Deno.test("bbr: three quanta may be in flight at least, and four segments", () => {
  // 10 000 bytes a millisecond: at half of that the quantum is some 5000.
  for (const [held, isOver] of [[14_840, true], [14_860, false]] as const) {
    const f = new PlayedFlow(1);
    f.fill(10_000, 100_000);
    assertEquals(f.bbr.state, Drain);
    const sentAt = f.send(1000);
    f.now += 0.1;
    f.hold(1000 + held);
    f.deliver(1000, sentAt);
    assertEquals(f.bbr.state !== Drain, isOver, `${held}`);
  }
});

Deno.test("bbr: cwnd is two paths full, and what comes together", () => {
  const f = new PlayedFlow(10);
  const { c, bbr } = f;
  const { path } = bbr;
  const expected = (gain: number): number => Math.floor(gain * path.bdp + path.extraAcked);
  // In Startup it does not grow once it is there.
  f.round(100_000);
  for (let i = 0; i < 20; i++) {
    bbr.idle(c);
    f.round(100_000);
  }
  assert(c.cwnd >= expected(2) && c.cwnd < expected(2) + 100_000, `${c.cwnd}`);
  f.round(100_000);
  f.round(100_000);
  c.cwnd = 1e6;
  const sentAt = f.send(100_000);
  f.now += f.rttMs;
  f.hold(250_000);
  f.deliver(100_000, sentAt);
  assertEquals([bbr.state, c.cwnd], [Drain, expected(2)]);
  while (bbr.state === Drain) {
    const sentAt = f.send(1000);
    f.now += f.rttMs;
    f.hold(151_000);
    c.cwnd = 1e6;
    f.deliver(1000, sentAt);
  }
  assertEquals([bbr.state, c.cwnd], [ProbeBwDown, expected(2)]);
  f.hold(0);
  const seen = new Set<BbrState>();
  for (let i = 0; i < 200 && seen.size < 4; i++) {
    c.cwnd = 1e6;
    f.round(100_000);
    const isUp = bbr.state === ProbeBwUp;
    assertEquals(c.cwnd, expected(isUp ? 2.25 : 2) + (isUp ? 2 * MSS : 0));
    seen.add(bbr.state);
  }
  assert([ProbeBwCruise, ProbeBwRefill, ProbeBwUp].every((state) => seen.has(state)));
});

Deno.test("bbr: in Startup cwnd grows while it is less than the path takes", () => {
  for (const [cwnd, after] of [[299_999, 399_999], [300_000, 300_000]]) {
    const f = new PlayedFlow();
    f.round(100_000);
    f.round(100_000);
    assertEquals(2 * f.bbr.path.bdp + f.bbr.path.extraAcked, 300_000);
    f.c.cwnd = cwnd;
    f.round(100_000);
    assertEquals([f.bbr.state, f.c.cwnd], [Startup, after]);
  }
});

Deno.test("bbr: between two probes pass two to three seconds, not always the same", () => {
  const waits: number[] = [];
  for (let hash = 0; hash < 64; hash++) {
    const f = new PlayedFlow(100, { hash: Math.imul(hash, 0x9e3779b1) });
    const sentAt = f.send(1_000_000);
    f.hold(0);
    f.fill(100_000);
    assertEquals(f.bbr.state, ProbeBwCruise);
    // All of this left before the cycle began, and ends no round trip.
    const start = f.now;
    for (; f.bbr.state === ProbeBwCruise && f.now < start + 4000; f.now += 5) {
      f.deliver(100, sentAt);
    }
    waits.push(f.now - 5 - start);
  }
  const [least, most] = [Math.min(...waits), Math.max(...waits)];
  assert(least > 2000 && least < 2100, `${least}`);
  assert(most > 2900 && most <= 3005, `${most}`);
  assert(new Set(waits).size > 40);
});

for (const [segments, most] of [[20, 20], [100, 63]]) {
  Deno.test(`bbr: a path of ${segments} segments is probed after ${most} round trips, or one less`, () => {
    const counts = new Set<number>();
    for (let hash = 0; hash < 16; hash++) {
      const f = new PlayedFlow(10, { hash: Math.imul(hash, 0x9e3779b1) });
      f.fill(segments * MSS);
      f.c.cwnd = 1e6;
      const start = f.bbr.path.roundCount;
      while (f.bbr.state === ProbeBwCruise) f.round(segments * MSS);
      assertEquals(f.bbr.state, ProbeBwRefill);
      counts.add(f.bbr.path.roundCount - start);
    }
    assertEquals([...counts].sort((a, b) => a - b), [most - 1, most]);
  });
}

/** A flow in ProbeBW_UP at 1000 bytes a millisecond. */
function playUp(changes: Partial<Connection> = {}): PlayedFlow {
  const f = new PlayedFlow(100, changes);
  f.fill(100_000);
  f.c.cwnd = 1e6;
  f.probe(100_000);
  return f;
}

/** Such a flow in ProbeBW_DOWN, which just met a loss, and the bound that this left. */
function playLoss(): { f: PlayedFlow; bound: number } {
  const f = playUp();
  f.lose(5000, 1, f.send(100_000));
  f.hold(0);
  const bound = f.bbr.path.inFlightLongTerm;
  assertEquals([f.bbr.state, bound], [ProbeBwDown, Math.floor(95_000 / 0.98)]);
  return { f, bound };
}

/** 1000 bytes are delivered, `afterMs` after they left, while `inFlight` others are in flight. */
function reach(f: PlayedFlow, inFlight: number, afterMs = 10): void {
  const sentAt = f.send(1000);
  f.now += afterMs;
  f.hold(1000 + inFlight);
  f.deliver(1000, sentAt);
}

for (
  const [name, lost, sackOk, isOver] of [
    ["more than 2 %", 2001, true, true],
    ["2 %", 2000, true, false],
    ["a byte without SACK", 1, false, true],
  ] as const
) {
  Deno.test(`bbr: loss in ProbeBW_UP, ${name} ${isOver ? "is" : "is not"} too much`, () => {
    const f = playUp({ sackOk });
    const sentAt = f.send(100_000);
    f.now += 50;
    f.lose(lost, 1, sentAt);
    assertEquals(f.bbr.state, isOver ? ProbeBwDown : ProbeBwUp);
    const bound = isOver ? Math.floor((100_000 - lost) / 0.98) : Infinity;
    assertEquals(f.bbr.path.inFlightLongTerm, bound);
  });
}

Deno.test("bbr: however much is lost, the bound falls to 0.7 of the path or of cwnd at most", () => {
  for (const [cwnd, bound] of [[1e6, 70_000], [50_000, 35_000]]) {
    const f = playUp();
    const sentAt = f.send(100_000);
    f.c.cwnd = cwnd;
    f.lose(90_000, 1, sentAt);
    assertEquals(f.bbr.path.inFlightLongTerm, bound);
  }
});

Deno.test("bbr: one probe is answered once, and only while the answer may be about it", () => {
  const f = playUp();
  const first = f.send(100_000);
  f.lose(5000, 1, first);
  const bound = f.bbr.path.inFlightLongTerm;
  f.lose(50_000, 1, first);
  assertEquals(f.bbr.path.inFlightLongTerm, bound);
  const g = new PlayedFlow();
  g.fill(100_000);
  g.lose(50_000, 1, g.send(100_000));
  assertEquals([g.bbr.state, g.bbr.path.inFlightLongTerm], [ProbeBwCruise, Infinity]);
  const h = new PlayedFlow();
  h.round(100_000);
  h.lose(50_000, 1, h.send(100_000));
  assertEquals([h.bbr.state, h.bbr.path.inFlightLongTerm], [Startup, Infinity]);
});

Deno.test("bbr: loss that is found when the probe has ended lowers the bound, and no more", () => {
  const f = playUp();
  const sentAt = f.send(200_000);
  f.now += 100;
  for (let i = 0; i < 3; i++) {
    assertEquals(f.bbr.state, ProbeBwUp);
    f.round(100_000);
  }
  assertEquals(f.bbr.state, ProbeBwDown);
  f.lose(20_000, 1, sentAt);
  const { inFlightLongTerm } = f.bbr.path;
  assert(inFlightLongTerm < 200_000);
  f.bbr.restored(f.c);
  assertEquals([f.bbr.state, f.bbr.path.inFlightLongTerm], [ProbeBwDown, Infinity]);
});

Deno.test("bbr: after a probe that was too high the next one stops at the bound, and goes on a round later", () => {
  const { f, bound } = playLoss();
  for (const [inFlight, isOver] of [[bound - 1, false], [bound, true]] as const) {
    f.probe(50_000);
    reach(f, inFlight);
    assertEquals(f.bbr.state, isOver ? ProbeBwDown : ProbeBwUp);
    f.hold(0);
  }
  f.round(50_000);
  assertEquals(f.bbr.state, ProbeBwRefill);
  // Nothing spoke against it: from now on it goes beyond, and ends without haste.
  f.round(50_000);
  assertEquals(f.bbr.state, ProbeBwUp);
  reach(f, bound);
  assertEquals(f.bbr.state, ProbeBwUp);
  f.hold(0);
  for (let i = 0; f.bbr.state === ProbeBwUp && i < 5; i++) f.round(50_000);
  assertEquals(f.bbr.state, ProbeBwDown);
  f.round(50_000);
  assertEquals(f.bbr.state, ProbeBwCruise);
});

Deno.test("bbr: a probe that ends by itself lets the next one go beyond the bound", () => {
  const { f, bound } = playLoss();
  for (let probe = 0; probe < 2; probe++) {
    f.probe(50_000);
    for (let i = 0; f.bbr.state === ProbeBwUp && i < 5; i++) f.round(50_000);
  }
  f.probe(50_000);
  reach(f, bound);
  assertEquals(f.bbr.state, ProbeBwUp);
});

Deno.test("bbr: a rate which the bound keeps down is no plateau", () => {
  for (const [below, isOver] of [[0, false], [1, true]] as const) {
    const { f } = playLoss();
    f.probe(50_000, 1e9); // and does not rise so soon
    for (let i = 0; i < 6 && f.bbr.state === ProbeBwUp; i++) {
      f.c.isCwndLimited = true;
      f.c.cwnd = f.bbr.path.inFlightLongTerm - below;
      f.round(100);
    }
    assertEquals(f.bbr.state !== ProbeBwUp, isOver);
  }
});

Deno.test("bbr: the bound rises by a segment for each cwnd, then for a half, a quarter, down to a segment", () => {
  const f = playUp();
  f.lose(5000, 1, f.send(100_000));
  f.hold(0);
  f.now += 1;
  const early = f.send(1000); // what left now ends no round trip
  f.hold(0);
  const bound = f.bbr.path.inFlightLongTerm;
  const use = (): void => {
    f.c.isCwndLimited = true;
    f.c.cwnd = 200_000;
    f.bbr.path.inFlightLongTerm = bound;
  };
  const rise = (bytes: number): number => {
    use();
    f.deliver(bytes, early);
    return (f.bbr.path.inFlightLongTerm - bound) / MSS;
  };
  for (let probe = 0; probe < 2; probe++) {
    f.c.isCwndLimited = false;
    f.probe(50_000, 200_000);
    assertEquals([199_999, 1, 200_000, 450_000, 149_999, 1].map(rise), [0, 1, 1, 2, 0, 1]);
    for (const step of [100_000, 50_000, 25_000, 12_500, 6250, 3125, 1563, 1000, 1000]) {
      use();
      f.round(1);
      assertEquals([step - 2, 1].map(rise), [0, 1], `${step}`);
    }
    // Who does not use it does not raise it.
    f.c.isCwndLimited = false;
    f.deliver(1_000_000, early);
    const before = f.bbr.path.inFlightLongTerm;
    f.c.isCwndLimited = true;
    f.c.cwnd = before - 1;
    f.deliver(1_000_000, early);
    assertEquals(f.bbr.path.inFlightLongTerm, before);
    f.c.isCwndLimited = false;
    for (let i = 0; f.bbr.state === ProbeBwUp && i < 5; i++) f.round(50_000);
    assert(f.bbr.state !== ProbeBwUp);
  }
});

Deno.test("bbr: what was in flight without loss is a bound no more", () => {
  const { f, bound } = playLoss();
  f.round(50_000);
  f.round(50_000);
  assertEquals(f.bbr.path.inFlightLongTerm, bound);
  f.c.sackOk = false;
  f.round(150_000);
  assertEquals(f.bbr.path.inFlightLongTerm, 150_000);
});

Deno.test("bbr: ProbeBW_CRUISE leaves 15 % of the bound to others, a segment at least, and keeps four", () => {
  for (const [bound, window] of [[100_000, 85_000], [6000, 5000], [4500, 4000]]) {
    const f = new PlayedFlow();
    f.fill(100_000);
    f.bbr.path.inFlightLongTerm = bound;
    f.c.cwnd = 1e6;
    f.deliver(1, f.send(1));
    assertEquals([f.bbr.state, f.c.cwnd], [ProbeBwCruise, window]);
  }
});

Deno.test("bbr: ProbeBW_DOWN ends where 15 % of the bound are free exactly", () => {
  for (const [over, isOver] of [[0, true], [1, false]] as const) {
    const { f } = playLoss();
    const sentAt = f.send(1000);
    f.bbr.path.inFlightLongTerm = 80_000;
    f.now += 1;
    f.hold(1000 + 68_000 + over);
    f.deliver(1000, sentAt);
    assertEquals(f.bbr.state, isOver ? ProbeBwCruise : ProbeBwDown);
  }
});

Deno.test("bbr: recent loss bounds rate and window until it proves to be none", () => {
  const f = new PlayedFlow();
  f.fill(100_000);
  const { bbr, c } = f;
  const { path } = bbr;
  f.round(50_000);
  f.lose(1000, 1, f.send(50_000));
  c.phase = Phase.Recovery;
  f.hold(0);
  f.round(50_000);
  assertEquals([path.bwShortTerm, path.isLossInRound], [700, false]);
  assert(path.inFlightShortTerm < c.cwnd + 1 && c.cwnd <= path.inFlightShortTerm);
  // What is found later belongs to the same recovery.
  f.lose(1000, 1, f.send(50_000));
  assert(path.isLossInRound);
  bbr.restored(c);
  assertEquals([path.bwShortTerm, path.inFlightShortTerm], [Infinity, Infinity]);
  assertEquals([path.isLossInRound, bbr.state], [false, ProbeBwCruise]);
});

Deno.test("bbr: loss bounds neither rate nor window before and during a probe", () => {
  const f = new PlayedFlow();
  f.fill(100_000);
  while (f.bbr.state !== ProbeBwRefill) f.round(100_000);
  for (const state of [ProbeBwRefill, ProbeBwUp]) {
    assertEquals(f.bbr.state, state);
    const sentAt = f.send(100_000);
    f.lose(1000, 1, sentAt);
    f.now += 100;
    f.deliver(100_000, sentAt);
    assertEquals([f.bbr.path.bwShortTerm, f.bbr.path.inFlightShortTerm], [Infinity, Infinity]);
  }
});

Deno.test("bbr: what a timeout or a mark did is taken back too", () => {
  const { f, bound } = playLoss();
  const { bbr, c } = f;
  // Fast recovery was told of by the loss itself.
  f.scoreboard.lostBytes = 1;
  bbr.path.inFlightLongTerm = 50_000;
  bbr.reduced(c);
  bbr.restored(c);
  assertEquals([bbr.state, bbr.path.inFlightLongTerm], [ProbeBwRefill, Infinity]);
  f.scoreboard.lostBytes = 0;
  bbr.path.inFlightLongTerm = bound;
  bbr.reduced(c);
  assert(bbr.path.isLossInRound);
  bbr.path.inFlightLongTerm = 50_000;
  bbr.restored(c);
  assertEquals([bbr.state, bbr.path.inFlightLongTerm], [ProbeBwRefill, bound]);
});

Deno.test("bbr: a mistake found when the next probe is there leaves it alone", () => {
  const { f } = playLoss();
  f.probe(50_000);
  f.bbr.restored(f.c);
  assertEquals(f.bbr.state, ProbeBwUp);
});

/** Lets five seconds pass, and `f` enter ProbeRTT with `inFlight` on the way. */
function enterProbeRtt(f: PlayedFlow, inFlight: number): void {
  f.now += 5000;
  reach(f, inFlight, 100);
  assertEquals(f.bbr.state, ProbeRtt);
}

Deno.test("bbr: a mistake found in ProbeRTT does not end it", () => {
  const { f } = playLoss();
  enterProbeRtt(f, 0);
  f.bbr.restored(f.c);
  assertEquals(f.bbr.state, ProbeRtt);
  const g = new PlayedFlow();
  g.round(100_000);
  const sentAt = g.send(100_000);
  g.lose(5000, 6, sentAt);
  g.c.phase = Phase.Recovery;
  g.now += 100;
  g.deliver(100_000, sentAt);
  g.c.phase = Phase.Open;
  enterProbeRtt(g, 0);
  g.bbr.restored(g.c);
  assertEquals(g.bbr.state, ProbeRtt);
  for (let i = 0; i < 4; i++) g.round(1000);
  assertEquals(g.bbr.state, Startup);
});

Deno.test("bbr: ProbeRTT lasts 200 ms from when little enough is in flight, and a round trip", () => {
  for (const over of [0, 1]) {
    const f = new PlayedFlow();
    f.fill(100_000);
    const window = Math.max(0.5 * f.bbr.path.bdp, 4 * MSS);
    const early = f.send(1000);
    enterProbeRtt(f, window + over);
    assertEquals(f.c.cwnd, window);
    f.hold(0);
    if (over > 0) {
      f.now += 50;
      f.deliver(1000, early);
    }
    const start = f.now;
    f.now = start + 201;
    f.deliver(1000, early); // no round trip has passed
    assertEquals(f.bbr.state, ProbeRtt);
    f.now = start;
    f.deliver(1000, f.send(1000));
    for (const [at, state] of [[200, ProbeRtt], [200.5, ProbeBwCruise]] as const) {
      f.now = start + at;
      f.deliver(1000, early);
      assertEquals(f.bbr.state, state, `${over} ${at}`);
    }
  }
});

Deno.test("bbr: ProbeRTT may end while nothing is sent, and nothing else does", () => {
  const f = new PlayedFlow();
  f.fill(100_000);
  const { bbr, c } = f;
  const { cwnd } = c;
  enterProbeRtt(f, 0);
  f.now += 200;
  bbr.resumed(c, f.now);
  assertEquals(bbr.state, ProbeRtt);
  f.now += 1;
  bbr.resumed(c, f.now);
  assertEquals([bbr.state, c.cwnd], [ProbeBwCruise, cwnd]);
  assertAlmostEquals(bbr.pacingRate, 0.99 * bbr.path.bw);
  const g = new PlayedFlow();
  g.bbr.idle(g.c);
  g.round(50_000);
  enterProbeRtt(g, 0);
  for (let i = 0; i < 4; i++) g.round(1000);
  assertEquals(g.bbr.state, Startup);
  g.now += 500;
  g.bbr.resumed(g.c, g.now);
  const { pacingRate } = g.bbr;
  g.round(1000);
  assertEquals([g.bbr.state, g.bbr.pacingRate], [Startup, pacingRate]);
});

Deno.test("bbr: a pause does not end a ProbeRTT which waits for what is in flight", () => {
  const f = new PlayedFlow();
  f.fill(100_000);
  enterProbeRtt(f, 60_000);
  f.now += 1000;
  f.bbr.resumed(f.c, f.now);
  assertEquals(f.bbr.state, ProbeRtt);
});

Deno.test("bbr: loss in ProbeRTT tells nothing about the probe before", () => {
  const { f, bound } = playLoss();
  f.probe(50_000);
  for (let i = 0; f.bbr.state === ProbeBwUp && i < 5; i++) f.round(50_000);
  f.probe(50_000);
  enterProbeRtt(f, 0);
  f.round(1000);
  f.lose(5000, 1, f.send(50_000));
  f.hold(0);
  for (let i = 0; i < 4; i++) f.round(1000);
  f.probe(50_000);
  reach(f, bound);
  assertEquals(f.bbr.state, ProbeBwUp);
});

Deno.test("bbr: Drain goes on at its pace after a pause", () => {
  const f = new PlayedFlow();
  f.fill(100_000, 150_000);
  f.bbr.resumed(f.c, f.now);
  assertEquals(f.bbr.state, Drain);
  assertAlmostEquals(f.bbr.pacingRate, 0.5 * 0.99 * 1000);
});

Deno.test("bbr: cwnd is again what it was before recovery and ProbeRTT", () => {
  const f = new PlayedFlow();
  f.fill(100_000);
  const { bbr, c } = f;
  const lose = (cwnd: number, phase: Phase): number => {
    c.cwnd = cwnd;
    c.phase = phase;
    bbr.reduced(c);
    c.cwnd = MSS;
    bbr.recovered(c);
    return c.cwnd;
  };
  assertEquals(lose(80_000, Phase.Open), 80_000);
  assertEquals(lose(50_000, Phase.Open), 50_000);
  assertEquals(lose(30_000, Phase.Recovery), 50_000);
  assertEquals(lose(60_000, Phase.Loss), 60_000);
  c.phase = Phase.Open;
  c.cwnd = 90_000;
  enterProbeRtt(f, 0);
  assertEquals(lose(4 * MSS, Phase.Open), 90_000);
});

Deno.test("bbr: the slowest pace is a segment in a round trip, whatever the rate", () => {
  const slow = new PlayedFlow(1000);
  slow.fill(400);
  assertEquals([slow.bbr.path.bw < 0.5, slow.bbr.pacingRate], [true, MSS / 1000]);
  const unknown = new PlayedFlow(100, { minRttUs: 1e6 });
  const sentAt = unknown.send(100_000);
  unknown.lose(5000, 6, sentAt);
  unknown.c.phase = Phase.Recovery;
  unknown.now += 100;
  unknown.deliver(100_000, sentAt);
  assert(unknown.bbr.state !== Startup);
  assertEquals([unknown.bbr.path.bw, unknown.bbr.pacingRate], [0, MSS / 100]);
});

Deno.test("bbr: before an initial window is delivered cwnd grows by it whatever the model says", () => {
  for (const [bytes, isGrowing] of [[9999, true], [10_000, false]] as const) {
    const f = new PlayedFlow();
    f.c.cwnd = 1e6;
    f.round(bytes);
    assertEquals(f.c.cwnd, 1e6 + (isGrowing ? bytes : 0));
  }
});

Deno.test("bbr: an acknowledgment of which nothing is known changes nothing", () => {
  const f = new PlayedFlow();
  f.fill(100_000);
  const { roundCount } = f.bbr.path;
  const { cwnd } = f.c;
  f.c.cwnd = 50_000;
  f.deliver(10_000, f.now - 1234);
  assertEquals([f.c.cwnd, f.bbr.path.roundCount], [50_000, roundCount]);
  assert(cwnd > 50_000);
});

Deno.test("bbr: what left before all that is in flight is forgotten, but not in recovery", () => {
  for (
    const [phase, count, isKnown] of [
      [Phase.Open, 1, false],
      [Phase.Open, 0, false],
      [Phase.Recovery, 1, true],
    ] as const
  ) {
    const f = new PlayedFlow();
    const first = f.send(1000);
    f.now += 10;
    const second = f.send(1000);
    f.now += 100;
    f.c.phase = phase;
    f.scoreboard.count = count;
    f.scoreboard.firstSentAt = toMicroseconds(second);
    f.deliver(1000, second);
    f.deliver(1000, first);
    assertEquals(f.bbr.path.delivery.hasSample, isKnown);
  }
});

Deno.test("bbr: before there is a model a loss takes away what it would with CUBIC", () => {
  const c = { model: null, mss: MSS, ssthresh: 1 } as unknown as Connection;
  assertEquals([10_001, 10_000, 2000].map((flight) => BBR.reduced(c, flight)), [7000, 7000, 2000]);
  const f = new PlayedFlow(100, { ssthresh: 12345 });
  assertEquals(BBR.reduced(Object.assign(f.c, { model: f.bbr }), 10_000), 12345);
});
