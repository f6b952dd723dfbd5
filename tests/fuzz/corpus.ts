/**
 * The corpus: inputs under which the engine once failed, as text. The first line
 * is the seed and the kind of link, each other one a frame: milliseconds before
 * it, what decides the turn after it or 0, `trusted` or `-`, segment size, bytes in hex.
 */

import type { Finding } from "./episode.ts";

/** A failing input as text. */
export function corpusText({ seed, isOffload, steps }: Omit<Finding, "error">): string {
  const lines = steps.map(({ advanceMs, turn, isTrusted, segmentSize, bytes }) =>
    `${advanceMs} ${turn} ${isTrusted ? "trusted" : "-"} ${segmentSize} ${bytes.toHex() || "-"}`
  );
  return [`${seed} ${isOffload ? "offload" : "bare"}`, ...lines, ""].join("\n");
}

/** Reads what `corpusText` wrote. */
export function parseCorpus(text: string): Omit<Finding, "error"> {
  const [head, ...lines] = text.trim().split("\n");
  const [seed, link] = head.split(" ");
  const steps = lines.map((line) => {
    const [advanceMs, turn, trusted, segmentSize, hex] = line.split(" ");
    return {
      advanceMs: Number(advanceMs),
      turn: Number(turn),
      isTrusted: trusted === "trusted",
      segmentSize: Number(segmentSize),
      bytes: hex === "-" ? new Uint8Array(0) : Uint8Array.fromHex(hex),
    };
  });
  return { seed: Number(seed), isOffload: link === "offload", steps };
}
