import { assertEquals } from "@std/assert";
import { Segment } from "../../lib/wire/segment.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { RangeSet } from "../../lib/tcp/range_set.ts";
import { blockCount, writeBlocks } from "../../lib/tcp/sack_blocks.ts";

/** RCV.NXT is 100; runs at 200, 300, … of ten bytes each. */
function connection(runs: number, tsOk: boolean): Connection {
  const ranges = new RangeSet();
  for (let i = 0; i < runs; i++) ranges.insert(200 + 100 * i, 210 + 100 * i);
  return {
    sackOk: true,
    tsOk,
    rcvNxt: 100,
    finHeld: false,
    finSeq: 0,
    receiveQueue: { ranges, hasGap: runs > 0 },
  } as unknown as Connection;
}

/** The blocks as written, whose number is the one announced. */
function blocksOf(c: Connection): [number, number][] {
  const seg = new Segment();
  if (blockCount(c) > 0) writeBlocks(c, seg);
  assertEquals(seg.sackCount, blockCount(c));
  return Array.from({ length: seg.sackCount }, (_, i) => [seg.sackStart[i], seg.sackEnd[i]]);
}

Deno.test("sack blocks: four fit, beside timestamps three", () => {
  assertEquals(blocksOf(connection(5, false)), [[600, 610], [500, 510], [400, 410], [300, 310]]);
  assertEquals(blocksOf(connection(5, true)), [[600, 610], [500, 510], [400, 410]]);
});

Deno.test("sack blocks: a FIN lengthens the run before it, or is a block of its own", () => {
  const c = connection(2, false);
  c.finHeld = true;
  c.finSeq = 310;
  assertEquals(blocksOf(c), [[300, 311], [200, 210]]);
  c.finSeq = 400;
  assertEquals(blocksOf(c), [[300, 310], [200, 210], [400, 401]]);
  c.finSeq = c.rcvNxt;
  assertEquals(blocksOf(c), [[300, 310], [200, 210]]);
  const alone = connection(0, false);
  alone.finHeld = true;
  alone.finSeq = 150;
  assertEquals(blocksOf(alone), [[150, 151]]);
});

Deno.test("sack blocks: without SACK nothing is reported", () => {
  const c = connection(2, false);
  c.sackOk = false;
  assertEquals(blocksOf(c), []);
});
