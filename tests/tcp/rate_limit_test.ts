import { assert, assertEquals } from "@std/assert";
import { RateLimit } from "../../lib/tcp/rate_limit.ts";
import { randomWords } from "../support/random.ts";

function takenOf(limit: RateLimit, times: number, now: number): number {
  let taken = 0;
  for (let i = 0; i < times; i++) taken += limit.take(now) ? 1 : 0;
  return taken;
}

Deno.test("rate limit: a second that begins with an event has so many and no more", () => {
  const limit = new RateLimit(100);
  assertEquals([takenOf(limit, 60, 5000), takenOf(limit, 60, 5999)], [60, 40]);
  assertEquals([takenOf(limit, 1000, 6000), takenOf(limit, 1, 6999)], [100, 0]);
  assertEquals(takenOf(limit, 1000, 99_000), 100);
});

Deno.test("rate limit: RST-12, a flood of a second gets through as often as the limit says", () => {
  for (const start of [0, 0.5, 1e9]) {
    const limit = new RateLimit(1000);
    let taken = 0;
    for (let i = 0; i < 5000; i++) taken += takenOf(limit, 1, start + i / 5);
    assertEquals(taken, 1000);
  }
});

Deno.test("rate limit: over a long time no more is allowed than the limit, and as much under a flood", () => {
  const random = randomWords(3);
  const limit = new RateLimit(50);
  const times: number[] = [];
  let now = 1000;
  for (let i = 0; i < 50_000; i++) {
    now += random() % 5 === 0 ? random() % 10 : 0;
    if (limit.take(now)) times.push(now);
  }
  for (let i = 50; i < times.length; i += 50) assert(times[i] - times[i - 50] >= 1000);
  assert(times.length > (now - 1000) / 1000 * 48);
});

Deno.test("rate limit: none a second are none at all", () => {
  assertEquals(takenOf(new RateLimit(0), 10, 1_000_000), 0);
});

Deno.test("rate limit: a changed limit holds at once", () => {
  const limit = new RateLimit(2);
  assertEquals(takenOf(limit, 10, 1000), 2);
  limit.perSecond = 5;
  assertEquals(takenOf(limit, 10, 1000), 3);
  limit.perSecond = 0;
  assertEquals(takenOf(limit, 10, 9000), 0);
});
