/** What is told of a replay at its end. */

import type { Verdict } from "./replay.ts";

const ENDS = {
  ended: "the end of the run",
  full: "the recording's limit",
  cut: "where the recording breaks off",
} as const;

/** The verdict in lines: `identical`, or `different` and what was recorded and replayed. */
export function verdictLines(verdict: Verdict): string[] {
  const { difference, end, turns, framesIn, framesOut, calls, milliseconds } = verdict;
  const seconds = (milliseconds / 1000).toFixed(6);
  const volume = `${turns} turns, ${framesIn} frames in, ${framesOut} frames out, ` +
    `${calls} socket calls, ${seconds} s`;
  if (difference === null) return [`identical up to ${ENDS[end]}: ${volume}`];
  const { at, turn, recorded, replayed } = difference;
  return [
    `different at byte ${at}, in turn ${turn}, ${(difference.milliseconds / 1000).toFixed(6)} s`,
    `  recorded: ${recorded}`,
    `  replayed: ${replayed}`,
    `identical before: ${volume}`,
  ];
}
