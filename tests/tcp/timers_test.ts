import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import {
  arm,
  disarm,
  elapsedMs,
  refile,
  takeDueTimers,
  TIMER,
  toMicroseconds,
} from "../../lib/tcp/timers.ts";

const BITS = Object.values(TIMER);

/** A connection without timers, and what was filed in the heap for it. */
function connection(): { c: Connection; filed: number[] } {
  const filed: number[] = [];
  const deadlines = { file: (_: unknown, at: number) => filed.push(at) };
  const c = { timers: 0, timerAt: BITS.map(() => 0), tcp: { deadlines } };
  return { c: c as unknown as Connection, filed };
}

Deno.test("timers: each has a bit and a time of its own", () => {
  const { c, filed } = connection();
  assertEquals(BITS, BITS.map((_, i) => 1 << i));
  BITS.forEach((bit, i) => arm(c, bit, 100 + i));
  assertEquals(filed, BITS.map((_, i) => 100 + i));
  BITS.forEach((bit, i) => assertEquals(takeDueTimers(c, 100 + i), bit));
  assertEquals(c.timers, 0);
});

Deno.test("timers: one is due at its millisecond, not before, also beyond 2^31", () => {
  for (const at of [500, 0x7fffffff, -0x80000000]) {
    const { c } = connection();
    arm(c, TIMER.User, at);
    assertEquals(takeDueTimers(c, (at - 1) | 0), 0);
    assertEquals(takeDueTimers(c, at), TIMER.User);
    assertEquals(takeDueTimers(c, at), 0);
  }
});

Deno.test("timers: the time since an int32 time is known for 49 days", () => {
  for (const now of [5000.75, 3_000_000_000.25]) {
    for (const elapsed of [0, 1, 25 * 86_400_000, 49 * 86_400_000]) {
      assertEquals(elapsedMs(((now | 0) - elapsed) | 0, now), elapsed);
    }
  }
});

Deno.test("timers: microseconds are whole, and begin anew after 2^32 of them", () => {
  const times = [0, 1.5, 1.9999, 2_147_483.647, 2_147_483.648, 4_294_967.295, 4_294_967.297];
  assertEquals(times.map(toMicroseconds), [0, 1500, 1999, 0x7fffffff, -0x80000000, -1, 1]);
});

Deno.test("timers: those that are armed are filed again, and no other", () => {
  const { c, filed } = connection();
  BITS.forEach((bit, i) => arm(c, bit, 100 + i));
  disarm(c, TIMER.Persist);
  assertEquals(takeDueTimers(c, 100), TIMER.Retransmit);
  filed.length = 0;
  refile(c);
  assertEquals(filed, BITS.map((_, i) => 100 + i).slice(2));
});
