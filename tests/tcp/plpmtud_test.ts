import { assertEquals } from "@std/assert";
import { MtuSearch } from "../../lib/tcp/plpmtud.ts";

/** Searches between `size` and `ceiling` where `most` arrives; the sizes probed, one for all tries. */
function search(size: number, ceiling: number, most: number): [probed: number[], found: number] {
  const s = new MtuSearch(size);
  s.limit(ceiling);
  const probed: number[] = [];
  while (!s.isComplete && probed.length < 100) {
    const next = s.nextSize;
    if (next !== probed.at(-1)) probed.push(next);
    s.sent(0, next);
    if (next > most) s.failed();
    s.acknowledged();
  }
  return [probed, s.size];
}

Deno.test("PLPMTUD: MTU-05, first the most is probed, then the middle of what is left", () => {
  assertEquals(search(1024, 1460, 1460), [[1460], 1460]);
  assertEquals(search(1024, 1460, 1360), [[1460, 1242, 1351, 1405, 1378, 1364, 1357], 1357]);
});

Deno.test("PLPMTUD: MTU-05, the search ends within 8 bytes of any limit", () => {
  for (let most = 1024; most <= 8960; most += 17) {
    const [probed, found] = search(1024, 8960, most);
    assertEquals(found <= most && most - found < 8, true, `${found} of ${most}`);
    assertEquals(probed.length <= 12, true, `${probed.length} sizes`);
  }
});

Deno.test("PLPMTUD: MTU-05, a size is too large when it was lost three times in a row", () => {
  const s = new MtuSearch(1024);
  s.limit(1460);
  for (const left of [1460, 1460, 1242]) {
    s.sent(0, 1460);
    assertEquals([s.isInFlight, s.isOutstanding], [true, true]);
    s.failed();
    assertEquals([s.isInFlight, s.isOutstanding], [false, true]);
    assertEquals(s.acknowledged(), false);
    assertEquals([s.isOutstanding, s.nextSize, s.size], [false, left, 1024]);
  }
  s.sent(0, 1242);
  assertEquals(s.acknowledged(), true);
  assertEquals([s.isOutstanding, s.size, s.isOver], [false, 1242, false]);
});

Deno.test("PLPMTUD: MTU-05, losses count for the size that was lost", () => {
  const s = new MtuSearch(1024);
  s.limit(1460);
  for (let i = 0; i < 2; i++) {
    s.sent(0, 1460);
    s.failed();
  }
  s.limit(1400);
  s.sent(0, 1400);
  s.failed();
  assertEquals(s.nextSize, 1400);
});

Deno.test("PLPMTUD: MTU-05, another ceiling begins the search anew, the same does not", () => {
  const s = new MtuSearch(1024);
  s.limit(1460);
  for (let i = 0; i < 3; i++) {
    s.sent(0, 1460);
    s.failed();
  }
  s.limit(1460);
  assertEquals(s.nextSize, 1242);
  s.limit(1400);
  assertEquals([s.nextSize, s.isComplete], [1400, false]);
  s.limit(1000);
  assertEquals([s.size, s.isComplete, s.isOver], [1000, true, true]);
});

Deno.test("PLPMTUD: MTU-05, a probe above a new ceiling is none any more, one below it is", () => {
  for (const [ceiling, isInFlight] of [[1459, false], [1461, true]] as const) {
    const s = new MtuSearch(1024);
    s.limit(1460);
    s.sent(0, 1460);
    s.limit(ceiling);
    assertEquals([s.isInFlight, s.isOutstanding], [isInFlight, true]);
  }
});

Deno.test("PLPMTUD: MTU-05, after a fall and after a rest the most is probed again", () => {
  const s = new MtuSearch(1024);
  s.limit(1460);
  s.sent(0, 1460);
  s.fall(512);
  assertEquals([s.size, s.isInFlight, s.nextSize], [512, false, 1460]);
  for (let i = 0; i < 3; i++) {
    s.sent(0, 1460);
    s.failed();
  }
  s.raise();
  assertEquals(s.nextSize, 1460);
});

Deno.test("PLPMTUD: MTU-05, a search that rests is complete until it is raised, or may find more", () => {
  const s = new MtuSearch(1357);
  s.limit(1460);
  assertEquals([s.isComplete, s.nextSize], [false, 1460]);
  s.rest(5000);
  assertEquals([s.isComplete, s.isOver, s.raiseAt, s.size], [true, false, 5000, 1357]);
  s.limit(1460);
  assertEquals(s.isComplete, true);
  s.limit(1440);
  assertEquals([s.isComplete, s.nextSize], [false, 1440]);
  s.rest(5000);
  s.raise();
  assertEquals([s.isComplete, s.nextSize], [false, 1440]);
});
