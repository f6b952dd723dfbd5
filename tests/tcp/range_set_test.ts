import { assert, assertEquals } from "@std/assert";
import { MAX_RANGES, RangeSet } from "../../lib/tcp/range_set.ts";
import { randomWords } from "../support/random.ts";
import { STARTS } from "./support.ts";

const SPACE = 300;

/** Runs of true in `held`, as the set tells them. */
function runsOf(held: boolean[], base: number): [number, number][] {
  const runs: [number, number][] = [];
  for (let i = 0; i < held.length; i++) {
    if (!held[i]) continue;
    const start = i;
    while (held[i]) i++;
    runs.push([(base + start) | 0, (base + i) | 0]);
  }
  return runs;
}

function contents(set: RangeSet): [number, number][] {
  return Array.from({ length: set.count }, (_, i) => [set.start(i), set.end(i)]);
}

function blocksOf(set: RangeSet, limit: number): [number, number][] {
  const starts = new Int32Array(4).fill(77);
  const ends = new Int32Array(4).fill(77);
  const count = set.blocks(starts, ends, limit);
  return Array.from({ length: count }, (_, i) => [starts[i], ends[i]]);
}

Deno.test("range set: what was added and not removed is there, merged and in order", () => {
  for (const [index, base] of STARTS.map((start) => (start - SPACE / 2) | 0).entries()) {
    const random = randomWords(index + 1);
    const set = new RangeSet();
    const held = new Array<boolean>(SPACE).fill(false);
    for (let step = 0; step < 3000; step++) {
      const start = random() % (SPACE - 20);
      const end = start + 1 + random() % [1, 3, 19][step % 3];
      if (random() % 20 > 0) {
        assert(set.insert((base + start) | 0, (base + end) | 0));
        held.fill(true, start, end);
      } else if (random() % 10 > 0) {
        set.removeBefore((base + start) | 0);
        held.fill(false, 0, start);
      } else {
        set.clear();
        held.fill(false);
      }
      const runs = runsOf(held, base);
      assertEquals(contents(set), runs);
      const seq = (base + random() % SPACE) | 0;
      const first = runs.findIndex(([, end]) => ((end - seq) | 0) > 0);
      assertEquals(set.firstEndingAfter(seq), first < 0 ? runs.length : first);
    }
  }
});

Deno.test("range set: RFC 2018 §4, blocks tell the newest run first, then those touched before", () => {
  for (const [index, base] of STARTS.map((start) => (start - SPACE / 2) | 0).entries()) {
    const random = randomWords(index + 100);
    const set = new RangeSet();
    const held = new Array<boolean>(SPACE).fill(false);
    let touched: number[] = []; // newest first
    for (let step = 0; step < 2000; step++) {
      if (step % 100 === 99) {
        set.clear();
        held.fill(false);
        touched = [];
      }
      const start = random() % (SPACE - 20);
      const end = start + 1 + random() % 4;
      set.insert((base + start) | 0, (base + end) | 0);
      held.fill(true, start, end);
      touched.unshift((base + start) | 0);

      const runs = runsOf(held, base);
      const order = touched.map((seq) =>
        runs.findIndex(([from, to]) => ((seq - from) | 0) >= 0 && ((to - seq) | 0) > 0)
      );
      const expected = [...new Set(order)].map((index) => runs[index]);
      const limit = 1 + random() % 4;
      const blocks = blocksOf(set, limit);
      assertEquals(blocks.length, Math.min(limit, runs.length));
      assertEquals(blocks[0], expected[0]);
      // What was touched long ago may stand in any order, but no run stands twice.
      const texts = blocks.map(String);
      assertEquals(new Set(texts).size, texts.length);
      assert(texts.every((text) => runs.some((run) => String(run) === text)));
    }
  }
});

Deno.test("range set: four runs are told as four blocks, whatever grew in between", () => {
  const set = new RangeSet();
  for (const start of [-30, -10, 10, 30]) set.insert(start, start + 5);
  assertEquals(blocksOf(set, 4), [[30, 35], [10, 15], [-10, -5], [-30, -25]]);
  set.insert(-5, -3);
  set.insert(-3, -2);
  assertEquals(blocksOf(set, 4), [[-10, -2], [30, 35], [10, 15], [-30, -25]]);
  assertEquals(blocksOf(set, 2), [[-10, -2], [30, 35]]);
  assertEquals(blocksOf(set, 0), []);
});

Deno.test("range set: where runs grew together even the first and oldest is told again", () => {
  const set = new RangeSet();
  for (const start of [-50, -30, -10, 10, 20]) set.insert(start, start + 5);
  assertEquals(blocksOf(set, 4), [[20, 25], [10, 15], [-10, -5], [-30, -25]]);
  set.insert(15, 20);
  assertEquals(blocksOf(set, 4), [[10, 25], [-10, -5], [-30, -25], [-50, -45]]);
});

Deno.test("range set: RFC 2018 §4, runs are told in the order in which they were touched last", () => {
  const set = new RangeSet();
  for (const start of [30, 10, -10, -30]) set.insert(start, start + 5);
  assertEquals(blocksOf(set, 4), [[-30, -25], [-10, -5], [10, 15], [30, 35]]);
  set.insert(15, 16);
  assertEquals(blocksOf(set, 4), [[10, 16], [-30, -25], [-10, -5], [30, 35]]);
});

Deno.test("range set: a run taken in is told no more", () => {
  const set = new RangeSet();
  for (const start of [-30, -10, 10]) set.insert(start, start + 5);
  set.removeBefore(-5);
  assertEquals(blocksOf(set, 4), [[10, 15]]);
  set.removeBefore(15);
  assertEquals([set.count, blocksOf(set, 4)], [0, []]);
});

Deno.test("range set: the highest run is told again, too, when others grew together", () => {
  const set = new RangeSet();
  for (const start of [50, -30, -10, 10, 20]) set.insert(start, start + 5);
  set.insert(15, 20);
  assertEquals(blocksOf(set, 4), [[10, 25], [-10, -5], [-30, -25], [50, 55]]);
});

Deno.test("range set: a run that was taken in gives its place in the order to none behind it", () => {
  const set = new RangeSet();
  for (const start of [10, 30, -10]) set.insert(start, start + 5);
  set.removeBefore(0);
  assertEquals(blocksOf(set, 4), [[30, 35], [10, 15]]);
});

Deno.test("range set: SEC-13, one run more than 4096 is refused, a merge is not", () => {
  assertEquals(MAX_RANGES, 4096);
  const set = new RangeSet();
  const base = -MAX_RANGES;
  for (let i = 0; i < MAX_RANGES; i++) {
    assert(set.insert((base + 2 * i) | 0, (base + 2 * i + 1) | 0));
  }
  const before = contents(set);
  assert(!set.insert((base - 10) | 0, (base - 8) | 0));
  assert(!set.insert((base + 2 * MAX_RANGES + 10) | 0, (base + 2 * MAX_RANGES + 11) | 0));
  assertEquals([set.count, contents(set)], [MAX_RANGES, before]);
  assert(set.insert((base + 1) | 0, (base + 2) | 0));
  assert(set.insert((base - 10) | 0, (base - 8) | 0));
  assertEquals(set.count, MAX_RANGES);
  assert(set.insert((base - 100) | 0, 100_000));
  assertEquals(contents(set), [[(base - 100) | 0, 100_000]]);
});

Deno.test("range set: where the run ends that was touched last", () => {
  const set = new RangeSet();
  assert(!set.isNewestEnd(0));
  set.insert(10, 20);
  set.insert(30, 40);
  assertEquals([20, 39, 40].map((seq) => set.isNewestEnd(seq)), [false, false, true]);
  set.insert(20, 25);
  assertEquals([25, 40].map((seq) => set.isNewestEnd(seq)), [true, false]);
  set.removeBefore(26);
  assertEquals([25, 40].map((seq) => set.isNewestEnd(seq)), [false, false]);
});
