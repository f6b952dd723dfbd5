import { assert } from "@std/assert";
import { MonotonicClock } from "../../lib/host/clock.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { hostTest } from "./support.ts";

hostTest("clock: time goes forward in fractions of a millisecond", () => {
  const clock = new MonotonicClock(new Arena(65536));
  let last = clock.now();
  let smallestStep = Infinity;
  for (let i = 0; i < 10_000; i++) {
    const now = clock.now();
    assert(now >= last);
    if (now > last) smallestStep = Math.min(smallestStep, now - last);
    last = now;
  }
  assert(smallestStep < 0.01, `${smallestStep} ms`);
});

hostTest("clock: it runs as fast as performance.now", () => {
  const clock = new MonotonicClock(new Arena(65536));
  const from = performance.now();
  const ownFrom = clock.now();
  while (performance.now() - from < 3);
  const ownMs = clock.now() - ownFrom;
  const ms = performance.now() - from;
  assert(ownMs > 2.9 && ownMs <= ms + 0.1, `${ownMs} ms in ${ms} ms`);
});
