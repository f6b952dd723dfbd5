import { assertEquals, assertThrows } from "@std/assert";
import { countShrinks, judgeRetransmissions, type SeenSegment } from "./retransmissions.ts";

/** 100 bytes from `seq` on. */
function data(at: number, seq: number): SeenSegment {
  return { at, seq, length: 100, ack: 0, window: 0, blocks: [], mark: String(at) };
}

/** An answer that takes no time. */
function answer(at: number, ack: number, ...blocks: [number, number][]): SeenSegment {
  return { at, seq: 0, length: 0, ack, window: 0, blocks, mark: String(at) };
}

/** Judges segments of which those arrive that were not sent at `lostAt`. */
function judge(segments: SeenSegment[], answers: SeenSegment[], ...lostAt: number[]) {
  const hasArrived = ({ at }: SeenSegment) => !lostAt.includes(at);
  return judgeRetransmissions(
    { segments, answers: answers.filter(hasArrived) },
    { segments: segments.filter(hasArrived), answers },
  );
}

Deno.test("retransmissions: one that fills a gap is needed", () => {
  const segments = [data(1, 0), data(2, 100), data(4, 0)];
  const result = judge(segments, [answer(3, 0, [100, 200])], 1);
  assertEquals(result, { sent: 3, lost: 1, resent: 1, needless: 0, spurious: 0 });
});

Deno.test("retransmissions: one of bytes that an answer told of is spurious", () => {
  const segments = [data(1, 0), data(2, 100), data(4, 0), data(5, 100)];
  assertEquals(judge(segments, [answer(3, 0, [100, 200])], 1), {
    ...{ sent: 4, lost: 1, resent: 2, needless: 1, spurious: 1 },
  });
  assertEquals(judge(segments, [answer(3, 200)]).spurious, 2);
});

Deno.test("retransmissions: one is needless, not spurious, when each answer that told was lost", () => {
  const segments = [data(1, 0), data(5, 0)];
  const result = judge(segments, [answer(2, 100), answer(3, 100)], 2, 3);
  assertEquals(result, { sent: 2, lost: 0, resent: 1, needless: 1, spurious: 0 });
  assertEquals(judge(segments, [answer(2, 100), answer(3, 100)], 2).spurious, 1);
});

Deno.test("retransmissions: one is needless, not spurious, when the answer was on its way", () => {
  const segments = [data(1, 0), data(5, 0)];
  const result = judgeRetransmissions(
    { segments, answers: [answer(6, 100)] },
    { segments, answers: [answer(4, 100)] },
  );
  assertEquals([result.needless, result.spurious], [1, 0]);
});

Deno.test("retransmissions: one is spurious when no answer told, or only a later one", () => {
  const segments = [data(1, 0), data(5, 0)];
  assertEquals(judge(segments, []).spurious, 1);
  assertEquals(judge(segments, [answer(6, 100)], 6).spurious, 1);
  assertEquals(judge(segments, [answer(2, 99, [1, 100])], 2).spurious, 1);
});

Deno.test("retransmissions: sequence numbers wrap", () => {
  const start = 2 ** 32 - 100;
  const segments = [data(1, start), data(2, 0), data(4, start), data(5, 0)];
  assertEquals(judge(segments, [answer(3, start, [0, 100])], 1).spurious, 1);
});

Deno.test("retransmissions: what was not sent cannot arrive", () => {
  const sender = { segments: [data(1, 0)], answers: [] };
  const receiver = { segments: [data(2, 0)], answers: [] };
  assertThrows(() => judgeRetransmissions(sender, receiver), Error, "was not sent");
});

Deno.test("retransmissions: a right edge that moves left is counted, one that stays is not", () => {
  const promises = [[0xffffff00, 300], [0, 44], [0, 43], [10, 33], [10, 40]] as const;
  assertEquals(countShrinks(promises.map(([ack, window]) => ({ ack, window }))), 1);
});
