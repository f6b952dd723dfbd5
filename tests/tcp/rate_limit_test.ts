import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { RateLimit } from "../../lib/tcp/rate_limit.ts";
import { SipHash } from "../../lib/tcp/siphash.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { randomWords } from "../support/random.ts";

const SECRET = Uint8Array.from({ length: 16 }, (_, i) => i);

function rateLimit(perSecond: number, stream = 0, secret = SECRET): RateLimit {
  return new RateLimit(perSecond, new SipHash(new Arena(65536), secret), stream);
}

function takenOf(limit: RateLimit, times: number, now: number): number {
  let taken = 0;
  for (let i = 0; i < times; i++) taken += limit.take(now) ? 1 : 0;
  return taken;
}

/** How many of 5000 events, spread over a second, may happen. */
function takenInSecond(limit: RateLimit, from: number): number {
  let taken = 0;
  for (let i = 0; i < 5000; i++) taken += takenOf(limit, 1, from + i / 5);
  return taken;
}

Deno.test("rate limit: RST-12, a flood of a second is answered nearly as often as the limit says", () => {
  for (const start of [0, 0.5, 1e9]) {
    const taken = takenInSecond(rateLimit(1000), start);
    assert(taken >= 874 && taken <= 1000, `${taken}`);
  }
});

Deno.test("rate limit: no second of a flood, wherever it begins, has more events than the limit", () => {
  const random = randomWords(3);
  const limit = rateLimit(50);
  const times: number[] = [];
  let now = 1000;
  for (let i = 0; i < 50_000; i++) {
    now += random() % 5 === 0 ? random() % 10 : 0;
    if (limit.take(now)) times.push(now);
  }
  for (let i = 50; i < times.length; i++) assert(times[i] - times[i - 50] >= 1000);
  assert(times.length > (now - 1000) / 1000 * 50 * 0.7);
});

Deno.test("rate limit: SEC-04, how many events a burst has changes every second, and with the secret", () => {
  const bursts = (limit: RateLimit) =>
    Array.from({ length: 20 }, (_, second) => takenOf(limit, 1000, 1000 * second));
  const ones = bursts(rateLimit(1000));
  assert(ones.every((count) => count >= 125 && count <= 250), `${ones}`);
  assert(Math.min(...ones) < 150 && Math.max(...ones) > 225, `${ones}`);
  assert(new Set(ones).size > 10, `${ones}`);
  assertEquals(bursts(rateLimit(1000)), ones);
  assertNotEquals(bursts(rateLimit(1000, 1)), ones);
  assertNotEquals(bursts(rateLimit(1000, 0, SECRET.map((byte) => byte ^ 1))), ones);
});

Deno.test("rate limit: a small limit lets one event pass, none a second are none at all", () => {
  const limit = rateLimit(1);
  assertEquals([takenOf(limit, 10, 5000), takenOf(limit, 10, 6000)], [1, 0]);
  assertEquals(takenOf(limit, 10, 7000), 1);
  assertEquals(takenOf(rateLimit(0), 10, 1_000_000), 0);
});

Deno.test("rate limit: of a limit below eight single events pass, the next when its token flowed in", () => {
  const limit = rateLimit(2);
  // Three quarters of 2 flow in during a second: one each 667 ms.
  const times = [5000, 5000, 5666, 5667, 5667, 6334];
  assertEquals(times.map((now) => limit.take(now)), [true, false, false, true, false, true]);
});

Deno.test("rate limit: a bucket keeps its size for a second, and not a millisecond longer", () => {
  const burstsAt = (later: number) => {
    const limit = rateLimit(1000);
    return [takenOf(limit, 1000, 5000), takenOf(limit, 1000, 5000 + later)];
  };
  const [size, same] = burstsAt(999);
  const [, other] = burstsAt(1000);
  assertEquals(same, size);
  assertNotEquals(other, size);
});

Deno.test("rate limit: a changed limit holds at once", () => {
  const limit = rateLimit(8);
  const before = takenOf(limit, 10, 1000);
  assert(before >= 1 && before <= 2);
  limit.perSecond = 80;
  assert(takenOf(limit, 100, 1500) >= 10);
  limit.perSecond = 0;
  assertEquals(takenOf(limit, 10, 9000), 0);
});
