import { assertEquals } from "@std/assert";
import { Pacer } from "../../lib/tcp/pacer.ts";

const MSS = 1000;

Deno.test("pacer: draft-ietf-ccwg-bbr §5.6.3, the send quantum is a millisecond's worth, at least two segments, at most 64 KiB", () => {
  const quantum = (rate: number, mss = MSS) => new Pacer(rate).quantum(mss);
  assertEquals([1, 2000, 2000.5, 65_536, 65_537].map((rate) => quantum(rate)), [
    2000,
    2000,
    2000.5,
    65_536,
    65_536,
  ]);
  assertEquals(quantum(1e9, 40_000), 80_000);
});

Deno.test("pacer: the first bytes may leave at any time", () => {
  const pacer = new Pacer(1000);
  assertEquals([pacer.rate, pacer.next], [1000, -Infinity]);
  assertEquals([-5000, 0].map((now) => pacer.allowance(MSS, now)), [4000, 4000]);
});

Deno.test("pacer: draft-ietf-ccwg-bbr §5.6.2, the next quantum leaves when the last one is through", () => {
  const pacer = new Pacer(1000);
  pacer.sent(4000, 10); // two milliseconds of it are made good
  assertEquals(pacer.next, 12);
  assertEquals([10, 11.999, 12].map((now) => pacer.allowance(MSS, now)), [0, 0, 2000]);
  pacer.sent(2000, 12);
  assertEquals(pacer.next, 14);
  pacer.sent(500, 12); // what may not wait delays what comes after it
  assertEquals([pacer.next, pacer.allowance(MSS, 14)], [14.5, 0]);
});

Deno.test("pacer: who comes late is given what would have left, of two milliseconds at most", () => {
  const pacer = new Pacer(1000);
  pacer.sent(4000, 10);
  assertEquals([12.25, 13, 14, 14.1, 1e6].map((now) => pacer.allowance(MSS, now)), [
    2250,
    3000,
    4000,
    4000,
    4000,
  ]);
  pacer.sent(2250, 12.25);
  assertEquals(pacer.next, 14.25);
  pacer.sent(1000, 100); // was due at 98 at the earliest
  assertEquals(pacer.next, 99);
});

Deno.test("pacer: whole bytes leave, and over time at the rate", () => {
  const pacer = new Pacer(1234.5);
  let sent = 0;
  let wakes = 0;
  for (let now = 0; now < 1000; now = Math.ceil(pacer.next)) {
    const bytes = pacer.allowance(MSS, now);
    assertEquals([Number.isInteger(bytes), bytes >= 2 * MSS], [true, true]);
    pacer.sent(bytes, now);
    sent += bytes;
    wakes++;
  }
  // A thousand milliseconds of it, and what was given at the start and at the end.
  const beyond = sent - 1000 * 1234.5;
  assertEquals([beyond >= 0, beyond <= 2 * MSS + 2 * 1234.5], [true, true], `${beyond}`);
  assertEquals(wakes <= 500, true, `${wakes}`);
});

Deno.test("pacer: another rate is that of what leaves next", () => {
  const pacer = new Pacer(1000);
  pacer.sent(4000, 10);
  pacer.rate = 100_000;
  assertEquals([pacer.next, pacer.allowance(MSS, 12)], [12, 65_536]);
  pacer.sent(50_000, 12);
  assertEquals(pacer.next, 12.5);
});
