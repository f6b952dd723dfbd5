import { assertEquals } from "@std/assert";
import type { FixtureOptions, LinkMode } from "../support/fixture.ts";
import { ScriptRun } from "../support/script_run.ts";

const IP_AND_TCP = 14 + 20 + 20;

/** A run whose connection has a peer with such an MSS and a window of 8 MB. */
function established(link: LinkMode, mss = 1460, options: FixtureOptions = {}): ScriptRun {
  const t = new ScriptRun(link, options);
  t.run(`
    0  < S 0:0(0) win 65535 <mss ${mss},nop,wscale 7>
    +0 > S. 0:0(0) ack 1 <...>
    +0 < . 1:1(0) ack 1 win 65535
       accept
  `);
  t.connection.lastSentAt = t.now | 0; // no pause ends cwnd
  return t;
}

/** Writes `length` bytes; returns the payload of each frame that leaves in one turn. */
function framesOf(t: ScriptRun, length: number): number[] {
  const { sink } = t.fixture;
  t.calls.writeSome(t.flow, length);
  t.stack.poll(t.now);
  const lengths = sink.frames.map(({ bytes }) => bytes.length - IP_AND_TCP);
  t.discard();
  return lengths;
}

for (const [link, frames] of [["bare", 64], ["offload", 8]] as const) {
  Deno.test(`output: on a ${link} link a turn ends after ${frames} frames`, () => {
    const t = established(link);
    t.connection.cwnd = 2_000_000;
    assertEquals(t.calls.writeSome(t.flow, 1_000_000), 1_000_000);
    assertEquals([t.stack.poll(t.now), t.fixture.sink.frames.length], [true, frames]);
    t.discard();
  });
}

Deno.test("output: a super-segment leaves room for 120 bytes of headers, and uses all the rest", () => {
  const [exact, tooLong] = [
    established("offload", 4361, { mtu: 9000 }),
    established("offload", 1258),
  ];
  for (const t of [exact, tooLong]) t.connection.cwnd = 1_000_000;
  assertEquals(framesOf(exact, 65_415), [65_415]);
  assertEquals(framesOf(tooLong, 65_416), [65_416 - 1258, 1258]);
});

Deno.test("output: with px_gso_push half of cwnd leaves at a time, but no single segment is left", () => {
  const bursts = (cwnd: number) => {
    const t = established("offload", 1460, { tunables: { px_gso_push: 1 } });
    t.connection.cwnd = cwnd;
    return framesOf(t, 100_000);
  };
  assertEquals(bursts(20 * 1460), [10 * 1460, 10 * 1460]);
  assertEquals(bursts(4 * 1460), [2 * 1460, 2 * 1460]);
  assertEquals(bursts(4 * 1460 - 2), [3 * 1460]);
});

Deno.test("output: RFC 9293 §3.8, a FIN needs no room in cwnd, the byte before it does", () => {
  const t = established("bare");
  t.calls.write(t.flow, 14_601, null);
  t.expect(". 1:14601(14600/1460) ack 1");
  t.none(0.05);
  t.connection.shutdown();
  t.none(0.05);
  const lone = established("bare");
  lone.calls.write(lone.flow, 14_600, null);
  lone.expect("P. 1:14601(14600/1460) ack 1");
  lone.connection.shutdown();
  lone.expect("F. 14601:14601(0) ack 1");
});

/** Writes after a pause of RTO + `beyond` ms; returns cwnd and ssthresh then. */
function afterPause(beyond: number, cwnd: number, ssthresh: number): [number, number] {
  const t = established("bare");
  const c = t.connection;
  t.calls.write(t.flow, 10, null);
  t.expect("P. 1:11(10) ack 1");
  t.inject(". 1:1(0) ack 11 win 65535");
  Object.assign(c, { cwnd, ssthresh });
  t.advance(c.rtoMs + beyond);
  t.calls.write(t.flow, 10, null);
  t.expect("P. 11:21(10) ack 1");
  return [c.cwnd, c.ssthresh];
}

Deno.test("output: RFC 2861 §3.2, a pause longer than RTO ends cwnd, which ssthresh remembers", () => {
  assertEquals(afterPause(0, 146_000, 14_600), [146_000, 14_600]);
  assertEquals(afterPause(1, 146_000, 14_600), [14_600, 109_500]);
  assertEquals(afterPause(1, 14_600, 2920), [14_600, 2920]);
});

Deno.test("output: RFC 8985 §7.3, a tail probe is new data if the window has room for all of it", () => {
  const probed = (window: number, length: number) => {
    const t = new ScriptRun("bare", { startMs: 5000 });
    t.run(`
      EST+SACK rtt .1
      +0 < . 1:1(0) ack 1 win ${window}
    `);
    t.calls.write(t.flow, 14_600 + length, null);
    while (t.next() !== null);
    const probe = t.next(203)!;
    assertEquals([t.elapsedMs, t.growth("TCPLossProbes")], [302, 1]);
    return [(probe.seq - t.flow.productIsn!) | 0, probe.payload.length];
  };
  assertEquals(probed(65_535, 1), [14_601, 1]);
  assertEquals(probed(65_535, 5000), [14_601, 1460]);
  assertEquals(probed(14_610, 10), [14_601, 10]);
  assertEquals(probed(14_609, 10), [13_141, 1460]);
  assertEquals(probed(14_600, 10), [13_141, 1460]);
});

Deno.test("output: a device that takes nothing ends the turn of all", () => {
  const t = established("bare");
  t.fixture.sink.isFull = true;
  t.calls.writeSome(t.flow, 10);
  assertEquals(t.stack.poll(t.now), false);
  t.fixture.sink.isFull = false;
  t.expect("P. 1:11(10) ack 1", 2);
});

Deno.test("output: RFC 2861 §3.2, who only acknowledges does not send after a pause", () => {
  const t = established("bare");
  const c = t.connection;
  c.cwnd = 146_000;
  t.advance(c.rtoMs + 1);
  t.inject("P. 1:11(10) ack 1");
  t.expect(". 1:1(0) ack 11");
  assertEquals(c.cwnd, 146_000);
});
