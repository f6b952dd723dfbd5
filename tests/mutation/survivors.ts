/**
 * Mutants that no test kills, each with the reason. `deno task mutate` asks for
 * a reason for every survivor, and tells which of these it met.
 */

import type { Mutant } from "./mutants.ts";

/** A mutant known by its text, for line numbers move; `reason`: why no test can or need tell it. */
export interface Survivor extends Pick<Mutant, "path" | "lineText" | "before" | "after"> {
  readonly reason: string;
}

export const SURVIVORS: readonly Survivor[] = [
  {
    path: "lib/tcp/acknowledge.ts",
    lineText: "const una = ((seg.ack - c.sndUna) | 0) > 0 ? seg.ack : c.sndUna;",
    before: ">",
    after: ">=",
    reason: "Where both are equal it does not matter which is taken.",
  },
  {
    path: "lib/tcp/connection.ts",
    lineText: "if (count > 0) this.tcp.ready(this);",
    before: ">",
    after: ">=",
    reason: "A turn of a connection that has nothing new to send sends nothing.",
  },
  {
    path: "lib/tcp/connection.ts",
    lineText: "if (timeoutMs > 0) this.tcp.ready(this);",
    before: ">",
    after: ">=",
    reason: "Without a user timeout that turn has nothing to begin.",
  },
  {
    path: "lib/tcp/input.ts",
    lineText: "if (start > 0) return start < window;",
    before: ">",
    after: ">=",
    reason: "The line before has returned where it is 0.",
  },
  {
    path: "lib/tcp/input.ts",
    lineText: "if (taken < length) {",
    before: "<",
    after: "<=",
    reason: "Nothing is left to be stored then, and storing nothing changes nothing.",
  },
  {
    path: "lib/tcp/input.ts",
    lineText: "const size = seg.segmentSize > 0 ? seg.segmentSize : seg.payloadLength;",
    before: "0",
    after: "1",
    reason: "No device cuts segments of one byte.",
  },
  {
    path: "lib/tcp/input.ts",
    lineText: "if (size > c.rcvMss) c.rcvMss = Math.min(size, c.tcp.maxSegmentSize(c));",
    before: ">",
    after: ">=",
    reason: "It becomes what it is.",
  },
  {
    path: "lib/tcp/input.ts",
    lineText: "if (((c.rcvNxt - c.rcvEdge) | 0) > 0) c.rcvEdge = c.rcvNxt;",
    before: ">",
    after: ">=",
    reason: "It becomes what it is.",
  },
  {
    path: "lib/tcp/output.ts",
    lineText: "Refused: 2,",
    before: "2",
    after: "3",
    reason: "It is a name only, and no other.",
  },
  {
    path: "lib/tcp/output.ts",
    lineText: "if (turn === Turn.Refused) return turn;",
    before: "turn === Turn.Refused",
    after: "false",
    reason: "A device that refused the data refuses the acknowledgment behind it, too.",
  },
  {
    path: "lib/tcp/output.ts",
    lineText: "else if (((c.sndSmall - c.sndUna) | 0) < 0) c.sndSmall = c.sndUna;",
    before: "<",
    after: "<=",
    reason: "It becomes what it is.",
  },
  {
    path: "lib/tcp/output.ts",
    lineText: "else if (((c.sndSmall - c.sndUna) | 0) < 0) c.sndSmall = c.sndUna;",
    before: "0",
    after: "1",
    reason: "It becomes what it is.",
  },
  {
    path: "lib/tcp/output.ts",
    lineText: "if (c.quickAcks > 0) c.quickAcks--;",
    before: ">",
    after: ">=",
    reason: "Less than none is none, too.",
  },
  {
    path: "lib/tcp/timeouts.ts",
    lineText: "if (scoreboard === null || c.sndUna === c.sndNxt) return;",
    before: "scoreboard === null || c.sndUna === c.sndNxt",
    after: "false",
    reason:
      "The timer is disarmed when the last byte in flight is acknowledged; the line keeps it so for who changes that.",
  },
  {
    path: "lib/tcp/timeouts.ts",
    lineText: "if (scoreboard === null || c.sndUna === c.sndNxt) return;",
    before: "||",
    after: "&&",
    reason: "The one is never true without the other.",
  },
];

/** The reason why `mutant` may live, or undefined. */
export function reasonFor(mutant: Mutant): string | undefined {
  return SURVIVORS.find((known) =>
    known.path === mutant.path && known.lineText === mutant.lineText &&
    known.before === mutant.before && known.after === mutant.after
  )?.reason;
}
