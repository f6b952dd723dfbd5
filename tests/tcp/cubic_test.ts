import { assert, assertEquals } from "@std/assert";
import { MAX_CWND } from "../../lib/tcp/congestion.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { CUBIC } from "../../lib/tcp/cubic.ts";

const MSS = 1000;
const RTT_MS = 100;

function connection(segments: number): Connection {
  return {
    mss: MSS,
    cwnd: segments * MSS,
    ssthresh: MSS,
    srttUs: RTT_MS * 1000,
    cubic: null,
    roundTrips: null,
  } as unknown as Connection;
}

/** Loses a segment of a full window: cwnd is ssthresh. */
function lose(c: Connection): void {
  c.ssthresh = CUBIC.reduced(c, c.cwnd);
  c.cwnd = c.ssthresh;
}

/** Acknowledges a full window each round trip, segment by segment, and returns cwnd in segments after each. */
function grow(c: Connection, rounds: number, beganMs: number): number[] {
  return Array.from({ length: rounds }, (_, round) => {
    const segments = Math.floor(c.cwnd / MSS);
    for (let i = 0; i < segments; i++) {
      CUBIC.acknowledged(c, MSS, -1, beganMs + RTT_MS * (round + (i + 1) / segments));
    }
    return c.cwnd / MSS;
  });
}

Deno.test("cubic: CC-07, after a loss at 100 segments cwnd follows the formula within 5 %", () => {
  const c = connection(100);
  lose(c);
  assertEquals(c.cwnd, 70 * MSS);
  const windows = grow(c, 100, 5000);
  // RFC 9438 §4.2: W(t) = C·(t - K)³ + W_max, K = ∛(W_max·(1 - β)/C); Reno's line where that is higher (§4.3).
  const period = Math.cbrt(30 / 0.4);
  windows.forEach((window, round) => {
    const time = (round + 1) * RTT_MS / 1000;
    const cubic = 0.4 * (time - period) ** 3 + 100;
    const reno = 70 + 0.529 * (round + 1);
    const expected = Math.max(cubic, reno);
    assert(
      Math.abs(window - expected) <= 0.05 * expected,
      `${window} at ${time} s, not ${expected}`,
    );
  });
});

Deno.test("cubic: CC-07, a second loss below W_max makes room: W_max is 0.85 cwnd", () => {
  const c = connection(100);
  lose(c);
  assertEquals(c.cubic!.greatest, 100);
  lose(c);
  assertEquals([c.cwnd, c.cubic!.greatest], [49 * MSS, 70 * 0.85]);
});

Deno.test("cubic: CC-07, the decrease is 0.7 of the flight and not below two segments", () => {
  const c = connection(100);
  assertEquals([100, 10, 3, 2, 1].map((flight) => CUBIC.reduced(c, flight * MSS)), [
    70 * MSS,
    7 * MSS,
    2100,
    2 * MSS,
    2 * MSS,
  ]);
});

Deno.test("cubic: RFC 9438 §4.3, Reno's window grows by one a round trip once it is where the loss was", () => {
  const c = connection(10);
  lose(c);
  const windows = grow(c, 14, 0);
  assert(Math.abs(windows[3] - 9.1) < 0.2, `${windows[3]}`);
  const slope = windows[12] - windows[11];
  assert(slope > 0.9 && slope < 1.6, `${slope}`);
});

Deno.test("cubic: one ACK for many segments opens cwnd like many ACKs", () => {
  const [single, merged] = [connection(100), connection(100)];
  for (const c of [single, merged]) lose(c);
  for (let time = 0; time < 3000; time += 10) {
    for (let i = 0; i < 8; i++) CUBIC.acknowledged(single, MSS, -1, time);
    CUBIC.acknowledged(merged, 8 * MSS, -1, time);
  }
  assert(Math.abs(single.cwnd - merged.cwnd) < 2 * MSS, `${single.cwnd} and ${merged.cwnd}`);
});

Deno.test("cubic: RFC 9438 §4.2, no round trip opens cwnd by more than half", () => {
  const c = connection(10);
  CUBIC.acknowledged(c, MSS, -1, 0);
  CUBIC.acknowledged(c, c.cwnd, -1, 100_000);
  assert(c.cwnd <= 1.5 * 10.2 * MSS, `${c.cwnd}`);
});

Deno.test("cubic: RFC 9438 §5.8, time in which nothing is sent does not open cwnd", () => {
  const [idle, busy] = [connection(100), connection(100)];
  for (const c of [idle, busy]) {
    lose(c);
    grow(c, 5, 0);
  }
  CUBIC.resumed(idle, 60_000);
  assertEquals(grow(idle, 5, 60_500), grow(busy, 5, 500));
});

Deno.test("cubic: RFC 9438 §4.9, a reduction taken back leaves no trace", () => {
  const [mistaken, undisturbed] = [connection(100), connection(100)];
  for (const c of [mistaken, undisturbed]) {
    lose(c);
    grow(c, 5, 0);
  }
  const before = mistaken.cwnd;
  lose(mistaken);
  mistaken.cwnd = before;
  CUBIC.restored(mistaken);
  assertEquals(grow(mistaken, 20, 500), grow(undisturbed, 20, 500));
});

Deno.test("cubic: cwnd ends at its limit", () => {
  const c = connection(10);
  c.cwnd = MAX_CWND - 10;
  CUBIC.acknowledged(c, c.cwnd, -1, 0);
  CUBIC.acknowledged(c, c.cwnd, -1, 1e6);
  assertEquals(c.cwnd, MAX_CWND);
});
