/** Agreement: what the two SYNs come to. RFC 9293 §3.7.1, RFC 7323 §2.3, RFC 6298 §5.7. */

import { assertEquals } from "@std/assert";
import {
  measure,
  mssOf,
  scaledUp,
  scaleOf,
  shiftFor,
  type SynHistory,
} from "../../lib/tcp/agreement.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { Segment } from "../../lib/wire/segment.ts";
import { segmentOf, tupleOf } from "./support.ts";

const TUPLE = tupleOf(2, 40_000, 0);

Deno.test("agreement: RFC 9293 §3.7.1, an MSS of 0 is one that was named, and lifted", () => {
  const believed = (mss: number, isIpv6 = false) => {
    const syn = segmentOf(isIpv6 ? { ...TUPLE, remote2: 0 } : TUPLE);
    syn.mss = mss;
    return mssOf(syn, { ...DEFAULT_TUNABLES, tcp_min_snd_mss: 100 });
  };
  assertEquals([-1, 0, 99, 100, 101].map((mss) => believed(mss)), [536, 100, 100, 100, 101]);
  assertEquals(believed(-1, true), 1220);
});

Deno.test("agreement: RFC 7323 §2.3, a shift is 14 at most, and -1 where scaling is off", () => {
  const shift = (windowScale: number, tcp_window_scaling: number) => {
    const syn = Object.assign(new Segment(), { windowScale });
    return scaleOf(syn, { ...DEFAULT_TUNABLES, tcp_window_scaling });
  };
  assertEquals([-1, 0, 14, 15].map((windowScale) => shift(windowScale, 1)), [-1, 0, 14, 14]);
  assertEquals(shift(7, 0), -1);
});

Deno.test("agreement: our shift is the least that covers the window, up to 14", () => {
  const windows = [1, 65_535, 65_536, 131_070, 131_071, 65_535 << 13, 65_535 << 14];
  assertEquals(windows.map(shiftFor), [0, 0, 1, 1, 2, 13, 14]);
  assertEquals([(65_535 << 13) + 1, (65_535 << 14) + 1].map(shiftFor), [14, 14]);
});

Deno.test("agreement: RFC 9293 §3.8.6 SHLD-14, a scaled window is rounded up", () => {
  const fields = [[0, 4], [1, 4], [16, 4], [17, 4], [65_535, 0], [65_536, 0]];
  assertEquals(fields.map(([window, shift]) => scaledUp(window, shift)), [
    ...[0, 1, 1, 2, 65_535, 65_535],
  ]);
});

/** RTO and cwnd after an answer to the last of `sent` SYNs, without a round-trip sample. */
function afterLoss(sent: number, tsOk: boolean, rtoMs: number): number[] {
  const history: SynHistory = { sent, sentAt: 0, firstTsVal: 5 };
  const c = { tsOk, rtoMs, mss: 1460, cwnd: 14_600, tcp: { tunables: DEFAULT_TUNABLES } };
  const answer = Object.assign(new Segment(), { tsEcr: 6 });
  measure(c as unknown as Connection, history, answer, 8000);
  return [c.rtoMs, c.cwnd];
}

Deno.test("agreement: RFC 6298 §5.7, without a sample the timeout is 3 s at least", () => {
  assertEquals(afterLoss(2, false, 1000), [3000, 14_600]);
  assertEquals(afterLoss(2, false, 4000), [4000, 14_600]);
  assertEquals(afterLoss(2, true, 1000), [1000, 14_600]);
});

Deno.test("agreement: RFC 6928 §2, a SYN lost more than once leaves one segment", () => {
  assertEquals([2, 3].map((sent) => afterLoss(sent, true, 1000)[1]), [14_600, 1460]);
});
