import { assertEquals } from "@std/assert";
import { seqGeq, seqGt, seqLeq, seqLt, seqMax, seqMin } from "../../lib/wire/seq.ts";
import { randomWords } from "../support/random.ts";

Deno.test("seq: RFC 9293 §3.4, later by less than 2^31 is after, across the wrap too", () => {
  const random = randomWords(1);
  const distances = [1, 2, 1448, 65535, 1 << 30, 0x7fffffff];
  for (let i = 0; i < 1000; i++) {
    const a = random() | 0;
    const b = (a + distances[i % distances.length]) | 0;
    assertEquals([seqLt(a, b), seqLeq(a, b), seqGt(a, b), seqGeq(a, b)], [
      true,
      true,
      false,
      false,
    ]);
    assertEquals([seqLt(b, a), seqLeq(b, a), seqGt(b, a), seqGeq(b, a)], [
      false,
      false,
      true,
      true,
    ]);
    assertEquals([seqMax(a, b), seqMax(b, a), seqMin(a, b), seqMin(b, a)], [b, b, a, a]);
  }
});

Deno.test("seq: a number is neither before nor after itself", () => {
  for (const a of [0, 1, -1, 0x7fffffff, -0x80000000]) {
    assertEquals([seqLt(a, a), seqLeq(a, a), seqGt(a, a), seqGeq(a, a)], [
      false,
      true,
      false,
      true,
    ]);
    assertEquals([seqMax(a, a), seqMin(a, a)], [a, a]);
  }
});

Deno.test("seq: the wrap lies between -1 and 0, and between 2^31 - 1 and -2^31", () => {
  assertEquals([seqLt(-1, 0), seqGt(0, -1)], [true, true]);
  assertEquals([seqLt(0x7fffffff, -0x80000000), seqMax(0x7fffffff, -0x80000000)], [
    true,
    -0x80000000,
  ]);
});
