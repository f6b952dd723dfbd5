import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import {
  addDuplicateReport,
  hasDuplicateReport,
  noteDuplicate,
} from "../../lib/tcp/duplicate_report.ts";
import { RangeSet } from "../../lib/tcp/range_set.ts";
import { Segment } from "../../lib/wire/segment.ts";

/** What is reported after text of `length` bytes at `seq`, RCV.NXT being 0, and which counter moved. */
function reported(
  runs: readonly [number, number][],
  seq: number,
  length: number,
  changes: { sackOk?: boolean; tcp_dsack?: number } = {},
): [number, number, string] | null {
  const { sackOk = true, tcp_dsack = 1 } = changes;
  const ranges = new RangeSet();
  for (const [start, end] of runs) ranges.insert(start, end);
  const counters: Record<string, number> = { TCPDSACKOldSent: 0, TCPDSACKOfoSent: 0 };
  const c = {
    sackOk,
    dsackStart: 0,
    dsackEnd: 0,
    receiveQueue: { next: 0, ranges: runs.length > 0 ? ranges : null, hasGap: runs.length > 0 },
    tcp: { counters, tunables: { tcp_dsack } },
  } as unknown as Connection;
  noteDuplicate(c, Object.assign(new Segment(), { seq, payloadLength: length }));
  const moved = Object.keys(counters).filter((name) => counters[name] === 1).join();
  if (hasDuplicateReport(c)) return [c.dsackStart, c.dsackEnd, moved];
  assertEquals(moved, "");
  return null;
}

Deno.test("duplicate report: RFC 2883 §4.1, text before RCV.NXT is reported as far as that", () => {
  assertEquals(reported([], -100, 50), [-100, -50, "TCPDSACKOldSent"]);
  assertEquals(reported([], -100, 100), [-100, 0, "TCPDSACKOldSent"]);
  assertEquals(reported([], -1, 2), [-1, 0, "TCPDSACKOldSent"]);
  assertEquals(reported([], -2, 1), [-2, -1, "TCPDSACKOldSent"]);
  // The number alone says nothing: a FIN or a probe has no text.
  assertEquals(reported([], -1, 0), null);
});

Deno.test("duplicate report: what is new is not reported", () => {
  assertEquals([reported([], 0, 10), reported([], 1, 10)], [null, null]);
  assertEquals([reported([[10, 20]], 0, 10), reported([[10, 20]], 20, 5)], [null, null]);
  assertEquals(reported([[10, 20]], 5, 5), null);
});

Deno.test("duplicate report: RFC 2883 §4.2, of text beyond a gap the part which is here", () => {
  const name = "TCPDSACKOfoSent";
  assertEquals(reported([[10, 20]], 10, 10), [10, 20, name]);
  assertEquals(reported([[10, 20]], 12, 3), [12, 15, name]);
  assertEquals(reported([[10, 20]], 19, 5), [19, 20, name]);
  assertEquals(reported([[10, 20]], 5, 6), [10, 11, name]);
  assertEquals(reported([[10, 20]], 9, 5), [10, 14, name]);
  assertEquals(reported([[10, 20]], 0, 30), [10, 20, name]);
  assertEquals(reported([[10, 20], [30, 40]], 15, 20), [15, 20, name]);
});

Deno.test("duplicate report: none without SACK, or without `tcp_dsack`", () => {
  assertEquals(reported([], -100, 50, { sackOk: false }), null);
  assertEquals(reported([], -100, 50, { tcp_dsack: 0 }), null);
});

Deno.test("duplicate report: RFC 2883 §4 (1), it stands before the blocks, the last of which may give way", () => {
  const c = { dsackStart: 1, dsackEnd: 2 } as Connection;
  for (const [count, limit, expected] of [[0, 4, 1], [2, 4, 3], [4, 4, 4], [3, 3, 3]]) {
    const seg = new Segment();
    for (let i = 0; i < 4; i++) {
      seg.sackStart[i] = 10 * (i + 1);
      seg.sackEnd[i] = 10 * (i + 1) + 5;
    }
    seg.sackCount = count;
    addDuplicateReport(c, seg, limit);
    assertEquals(seg.sackCount, expected);
    assertEquals([...seg.sackStart], [1, 10, 20, 30]);
    assertEquals([...seg.sackEnd], [2, 15, 25, 35]);
  }
});
