import { assertEquals } from "@std/assert";
import type { ByteSink } from "../../lib/tcp/connection.ts";
import { ScriptRun } from "../support/script_run.ts";

/** A connection whose user takes up to `most` bytes where they lie; what it was offered. */
function withSink(most: number, tunables = {}): { t: ScriptRun; offered: number[] } {
  const t = new ScriptRun("offload", { tunables });
  t.run("EST+SACK");
  const offered: number[] = [];
  const sink: ByteSink = {
    offer(_c, _offset, length) {
      offered.push(length);
      return Math.min(length, most);
    },
  };
  t.connection.sink = sink;
  return { t, offered };
}

Deno.test("input: segments from 8 KiB on are offered to the sink, smaller ones are kept", () => {
  const { t, offered } = withSink(Infinity);
  t.inject(". 1:8192(8191) ack 1");
  t.expect(". 1:1(0) ack 8192");
  assertEquals([offered, t.connection.readable().length], [[], 8191]);
  t.connection.consume(8191);
  t.inject(". 8192:16384(8192) ack 1");
  t.expect(". 1:1(0) ack 16384");
  assertEquals([offered, t.connection.readable().length], [[8192], 0]);
  assertEquals(t.connection.bytesReceived, 16_383);
});

Deno.test("input: what the sink leaves is kept, and nothing is offered before it or beside a gap", () => {
  const { t, offered } = withSink(100);
  t.inject(". 1:10001(10000) ack 1");
  t.expect(". 1:1(0) ack 10001");
  assertEquals([offered, t.connection.readable().length], [[10_000], 9900]);
  t.inject(". 10001:20001(10000) ack 1");
  t.expect(". 1:1(0) ack 20001");
  t.connection.consume(19_900);
  t.inject(". 30001:30002(1) ack 1");
  t.expect(". 1:1(0) ack 20001 <...>");
  t.inject(". 20001:30001(10000) ack 1");
  t.expect(". 1:1(0) ack 30002");
  assertEquals([offered, t.connection.readable().length], [[10_000], 10_001]);
});

Deno.test("input: what comes twice in part is acknowledged at once, though the sink took the rest", () => {
  const { t } = withSink(Infinity, { px_quick_acks: 0 });
  t.inject(". 1:2(1) ack 1");
  t.expect(". 1:1(0) ack 2", 50);
  t.connection.consume(1);
  t.connection.rcvMss = 10_000; // so much more may wait
  t.inject(". 1:8194(8193) ack 1");
  t.expect(". 1:1(0) ack 8194 <...>");
});

/** Receives segments one after the other; whether `poll` had to come before each next one. */
function wantsOf(t: ScriptRun, segments: string[]): boolean[] {
  const { stack } = t;
  const wants: boolean[] = [];
  const poll = stack.poll.bind(stack);
  return segments.map((segment) => {
    wants.length = 0;
    stack.poll = (now) => {
      wants.push(stack.mustPoll);
      return poll(now);
    };
    t.inject(segment);
    t.discard();
    assertEquals(stack.mustPoll, false);
    return wants.includes(true);
  });
}

Deno.test("input: a run that begins, or joins another, wants an acknowledgment of its own", () => {
  const { t } = withSink(0);
  const wants = wantsOf(t, [
    ". 11:21(10) ack 1",
    ". 21:31(10) ack 1", // grows
    ". 41:51(10) ack 1",
    ". 31:32(1) ack 1", // another one grows
    ". 32:33(1) ack 1",
    ". 33:41(8) ack 1", // joins
  ]);
  assertEquals(wants, [true, false, true, true, false, true]);
});

Deno.test("input: text that comes twice wants an acknowledgment of its own, text in order does not", () => {
  const { t } = withSink(0);
  const wants = wantsOf(t, [". 1:11(10) ack 1", ". 1:11(10) ack 1", ". 11:21(10) ack 1"]);
  assertEquals(wants, [false, true, false]);
});

Deno.test("input: without SACK each segment beyond a gap wants an acknowledgment of its own", () => {
  const t = new ScriptRun("offload");
  t.run("EST");
  assertEquals(wantsOf(t, [". 11:21(10) ack 1", ". 21:31(10) ack 1"]), [true, true]);
});
