import { assertEquals } from "@std/assert";
import type { Verdict } from "../../lib/observe/replay.ts";
import { verdictLines } from "../../lib/observe/verdict.ts";

const VERDICT: Verdict = {
  difference: null,
  end: "ended",
  turns: 12,
  framesIn: 6,
  framesOut: 4,
  calls: 9,
  milliseconds: 1234.5,
};

Deno.test("verdict: the same, and up to where", () => {
  const volume = "12 turns, 6 frames in, 4 frames out, 9 socket calls, 1.234500 s";
  for (
    const [end, words] of [
      ["ended", "the end of the run"],
      ["full", "the recording's limit"],
      ["cut", "where the recording breaks off"],
    ] as const
  ) {
    assertEquals(verdictLines({ ...VERDICT, end }), [`identical up to ${words}: ${volume}`]);
  }
});

Deno.test("verdict: what is different, and where", () => {
  const difference = {
    at: 4711,
    turn: 12,
    milliseconds: 1234.5,
    recorded: "send 10, 5 bytes",
    replayed: "send 10, 4 bytes",
  };
  assertEquals(verdictLines({ ...VERDICT, difference }), [
    "different at byte 4711, in turn 12, 1.234500 s",
    "  recorded: send 10, 5 bytes",
    "  replayed: send 10, 4 bytes",
    "identical before: 12 turns, 6 frames in, 4 frames out, 9 socket calls, 1.234500 s",
  ]);
});
