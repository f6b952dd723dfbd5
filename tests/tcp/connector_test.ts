import { assert, assertEquals } from "@std/assert";
import { State } from "../../lib/tcp/state.ts";
import type { Packet } from "../support/codec.ts";
import { runTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { randomWords } from "../support/random.ts";

const FLAGS = ["S", "S.", ".", "R", "R.", "F", "F.", "P.", "SF", "SF.", "", "SR", "SFRPUEW."];
const NUMBERS = [0, 1, 2, -1, 50, 70_000, 0x40000000];

/** A segment that may mean anything, with numbers near those that matter. */
function anySegment(t: ScriptRun, next: () => number): Packet {
  const pick = <T>(from: readonly T[]): T => from[next() % from.length];
  const flags = pick(FLAGS);
  const timestamps = { name: "TS", val: 5 + next() % 3, ecr: 0 } as const;
  return {
    ...t.packet("- 0:0(0)"),
    flags,
    seq: (t.flow.peerIsn + pick(NUMBERS)) >>> 0,
    ack: ((t.flow.productIsn ?? 0) + pick(NUMBERS)) >>> 0,
    window: pick([0, 1, 1000, 65535]),
    // The run's observer takes each SYN for the one that counts: all scale alike.
    options: flags.includes("S")
      ? [{ name: "wscale", shift: 14 }, timestamps, { name: "nop" }]
      : pick([[], [timestamps, { name: "nop" }, { name: "nop" }]]),
    payload: new Uint8Array(pick([0, 0, 0, 20])),
  };
}

Deno.test("connector: whatever arrives, each connection stands in one table and times out", () => {
  const endings = new Set<string>();
  for (let seed = 1; seed <= 400; seed++) {
    runTest((t) => {
      const next = randomWords(seed * 7919);
      const tcp = t.stack.tcp;
      t.run(seed % 3 === 0 ? "ACT\nwrite 5" : "ACT");
      const c = t.connection;
      for (let i = 0; i < 12; i++) {
        t.inject(anySegment(t, next));
        t.discard();
        if (next() % 8 === 0) c.shutdown();
        if (next() % 40 === 0) c.abort();
        t.discard();
        const isOver = c.state === State.Closed || c.state === State.TimeWait;
        assertEquals(c.connector !== null, tcp.openingCount === 1);
        assertEquals(tcp.openingCount + tcp.connectionCount, isOver ? 0 : 1);
        assert(c.state !== State.SynSent || c.connector !== null);
      }
      endings.add(t.state());
      t.advance(300_000);
      t.discard();
      assertEquals(tcp.openingCount, 0);
    }, "bare");
  }
  assert(endings.size >= 5, [...endings].join());
});
