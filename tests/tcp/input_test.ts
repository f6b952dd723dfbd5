import { assertEquals } from "@std/assert";
import type { ByteSink } from "../../lib/tcp/connection.ts";
import { FastOpenTrial } from "../../lib/tcp/fast_open_client.ts";
import { encodePacket } from "../support/codec.ts";
import { runTest } from "../support/script.ts";
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

Deno.test("input: ACK-04, only text speaks again after a pause, which is longer than the timeout", () => {
  const options = { tunables: { px_quick_acks: 1 } };
  const cases = [
    { ackMs: 0, textMs: 300, isQuick: false },
    { ackMs: 0, textMs: 301, isQuick: true },
    { ackMs: 1000, textMs: 300, isQuick: false },
  ];
  for (const { ackMs, textMs, isQuick } of cases) {
    const t = new ScriptRun("bare", options);
    t.run("EST");
    t.connection.rtoMs = 300;
    t.run(`
      +0 < P. 1:11(10) ack 1
      +0 > . 1:1(0) ack 11
    `);
    t.advance(ackMs);
    t.inject(". 11:11(0) ack 1");
    t.advance(textMs);
    t.inject("P. 11:21(10) ack 1");
    t.expect(". 1:1(0) ack 21", 41);
    assertEquals(t.growth("DelayedACKs"), isQuick ? 0 : 1);
  }
});

Deno.test("input: segments that came without offload are answered without", () => {
  const t = new ScriptRun("offload");
  t.run("EST");
  t.inject("P. 1:11(10) ack 1");
  t.discard();
  assertEquals(t.connection.isOffloaded, true);
  t.injectFrame(encodePacket(t.packet("P. 11:21(10) ack 1")));
  t.discard();
  assertEquals(t.connection.isOffloaded, false);
});

Deno.test("input: RFC 6093 §4, without URG nothing is urgent, wherever it lies", () => {
  runTest(
    `
    EST+SACK
    +0 < P. 1:11(10) ack 1
    +0 > . 1:1(0) ack 11
    +0 < P. 11:21(10) ack 1
    +0 > . 1:1(0) ack 21
    app: Readable
    read 20
    app: none
    +0 < P. 31:41(10) ack 1
    +0 > . 1:1(0) ack 21 <...>
    app: none
    `,
    "bare",
  );
});

Deno.test("input: RFC 6093 §4, the urgent pointer only moves forward, and is told once", () => {
  const t = new ScriptRun("bare");
  t.run("EST");
  t.inject("PU. 1:11(10) ack 1 urg 20");
  t.discard();
  t.run("app: Urgent, Readable");
  t.inject("PU. 11:16(5) ack 1 urg 5");
  t.discard();
  assertEquals(t.connection.urgentRemaining, 20);
  t.run("read 15");
  t.flow.signals = 0;
  t.inject("U. 16:16(0) ack 1 urg 5"); // the same again
  t.inject("U. 16:16(0) ack 1 urg 6");
  t.run("app: none");
  assertEquals(t.connection.urgentRemaining, 6);
});

Deno.test("input: RFC 6093 §4, a pointer to what is read already tells nothing", () => {
  const t = new ScriptRun("bare");
  t.run("EST");
  t.inject("P. 1:11(10) ack 1");
  t.discard();
  t.run("read 10");
  t.flow.signals = 0;
  t.inject("U. 11:11(0) ack 1 urg 0");
  t.inject("U. 6:11(5) ack 1 urg 3");
  t.discard();
  t.run("app: none");
  assertEquals(t.connection.isUrgent, false);
});

Deno.test("input: what a sink takes is urgent no more, the rest is", () => {
  const { t } = withSink(10_000);
  t.inject("PU. 1:10001(10000) ack 1 urg 15000");
  t.discard();
  assertEquals(t.connection.urgentRemaining, 5000);
  t.inject(". 10001:20001(10000) ack 1");
  t.discard();
  assertEquals([t.connection.urgentRemaining, t.connection.isUrgent], [0, false]);
});

Deno.test("input: RFC 9293 §3.10.7.3, a SYN-ACK brings no text, or one byte", () => {
  runTest(
    `
    ACT
    +0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0 > . 1:1(0) ack 1
    cnt:TCPOutOfWindow=0
    readable 0
    `,
    "bare",
  );
  runTest(
    `
    ACT
    +0 < S. 0:1(1) ack 1 win 65535 <mss 1460>
    +0 > . 1:1(0) ack 2
    readable 1
    `,
    "bare",
  );
});

Deno.test("input: LAST-ACK ends with the ACK of the FIN, whatever else is in the segment", () => {
  runTest(
    `
    EST
    +0 < F. 1:1(0) ack 1
    * > . 1:1(0) ack 2
    shutdown
    +0 > F. 1:1(0) ack 2
    +0 < F. 2:2(0) ack 2
    state CLOSED
    none(100)
    `,
    "bare",
  );
});

Deno.test("input: CLOSING ends with the ACK of the FIN, whatever else is in the segment", () => {
  runTest(
    `
    EST
    shutdown
    +0 > F. 1:1(0) ack 1
    +0 < F. 1:1(0) ack 1
    +0 > . 2:2(0) ack 2
    state CLOSING
    +0 < F. 2:2(0) ack 2
    state TIME_WAIT
    none(10)
    `,
    "bare",
  );
});

Deno.test("input: TFO-C-08, only an empty FIN ahead of all text says that text was swallowed", () => {
  const suspected = (...segments: string[]) => {
    const t = new ScriptRun("bare");
    t.run("EST+SACK");
    t.connection.fastOpenTrial = FastOpenTrial.Tried;
    for (const segment of segments) t.inject(segment);
    t.discard();
    return t.growth("TCPFastOpenBlackhole");
  };
  assertEquals(suspected("F. 11:11(0) ack 1"), 1);
  assertEquals(suspected("F. 1:1(0) ack 1"), 0);
  assertEquals(suspected("F. 11:16(5) ack 1"), 0);
  assertEquals(suspected("P. 21:31(10) ack 1", "F. 31:31(0) ack 1"), 0);
  assertEquals(suspected("P. 1:2(1) ack 1", "F. 11:11(0) ack 1"), 0);
});

Deno.test("input: urgent bytes that were read are urgent no more", () => {
  const t = new ScriptRun("bare");
  t.run("EST");
  t.inject("PU. 1:11(10) ack 1 urg 5");
  t.discard();
  t.run("read 4");
  assertEquals([t.connection.urgentRemaining, t.connection.isUrgent], [1, true]);
  t.run("read 1");
  assertEquals([t.connection.urgentRemaining, t.connection.isUrgent], [0, false]);
});

Deno.test("input: RFC 9293 §3.10.7.4, a window of one byte takes the next one and not that behind it", () => {
  const t = new ScriptRun("bare");
  t.run("EST");
  t.run("write 10\n+0 > P. 1:11(10) ack 1");
  t.connection.rcvEdge = (t.connection.rcvNxt + 1) | 0;
  t.inject(". 2:3(1) ack 11");
  assertEquals([t.growth("TCPOutOfWindow"), t.connection.bytesAcknowledged], [1, 0]);
  t.expect(". 11:11(0) ack 1");
  t.inject(". 1:2(1) ack 11");
  assertEquals([t.growth("TCPOutOfWindow"), t.connection.bytesAcknowledged], [0, 10]);
  assertEquals(t.connection.bytesReceived, 1);
});

Deno.test("input: RFC 5681 §4.2, what a full segment is the peer's segments say", () => {
  runTest(
    `
    EST
    +0 < . 1:601(600) ack 1
    none(.01)
    +0 < . 601:1201(600) ack 1
    +0 > . 1:1(0) ack 1201
    `,
    "bare",
    { tunables: { px_quick_acks: 0 } },
  );
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

Deno.test("input: while quick acknowledgments last, four segments want one of their own", () => {
  const segments = [". 1:4380(4379/1460) ack 1", ". 4380:10220(5840/1460) ack 1"];
  for (const px_quick_acks of [16, 0]) {
    const t = new ScriptRun("offload", { tunables: { px_quick_acks } });
    t.run("EST");
    assertEquals(wantsOf(t, segments), [false, px_quick_acks > 0]);
  }
});

Deno.test("input: without SACK each segment beyond a gap wants an acknowledgment of its own", () => {
  const t = new ScriptRun("offload");
  t.run("EST");
  assertEquals(wantsOf(t, [". 11:21(10) ack 1", ". 21:31(10) ack 1"]), [true, true]);
});
