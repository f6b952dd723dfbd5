import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { Phase } from "../../lib/tcp/phase.ts";
import {
  canProbe,
  concludeProbe,
  hasNewProbe,
  isProbeReportedTwice,
  probeTimeout,
} from "../../lib/tcp/tail_probe.ts";
import { TIMER } from "../../lib/tcp/timers.ts";
import { Segment } from "../../lib/wire/segment.ts";

Deno.test("tail probe: RACK-03, the timeout is 2·SRTT, longer for a lone segment, 1 s without SRTT", () => {
  const timeout = (srttMs: number, flight: number) =>
    probeTimeout(
      { srttUs: srttMs * 1000, mss: 1460, sndUna: -5, sndNxt: flight - 5 } as Connection,
    );
  assertEquals([timeout(50, 14_600), timeout(50, 1460), timeout(0, 14_600)], [102, 300, 1000]);
});

Deno.test("tail probe: RFC 8985 §7.2, each condition alone forbids a probe", () => {
  const willing = {
    phase: Phase.Open,
    hasProbed: false,
    handshake: null,
    sackOk: true,
    tcp: { tunables: { tcp_recovery: 1 } },
    scoreboard: { sackedBytes: 0 },
  };
  const may = (changes: object) => canProbe({ ...willing, ...changes } as unknown as Connection);
  assertEquals(may({}), true);
  const forbidding = [
    { phase: Phase.Recovery },
    { phase: Phase.Loss },
    { hasProbed: true },
    { handshake: {} },
    { sackOk: false },
    { tcp: { tunables: { tcp_recovery: 0 } } },
    { scoreboard: null },
    { scoreboard: { sackedBytes: 1 } },
  ];
  for (const changes of forbidding) assertEquals(may(changes), false, JSON.stringify(changes));
});

/** In fast recovery all that was lost was sent again; the window takes 1000 bytes, a segment. */
const REPAIRED = {
  phase: Phase.Recovery,
  hasProbed: false,
  handshake: null,
  sackOk: true,
  mss: 1000,
  sndUna: 0,
  sndNxt: 5000,
  sndWnd: 6000,
  endOfStream: 9000,
  timers: TIMER.Retransmit | TIMER.Keepalive,
  tcp: { tunables: { tcp_recovery: 1 } },
  scoreboard: { sackedBytes: 3000, lostBytes: 0 },
};

Deno.test("tail probe: RFC 3042, fast recovery is probed by new data when nothing lost is left", () => {
  const may = (changes: object) => canProbe({ ...REPAIRED, ...changes } as unknown as Connection);
  assertEquals(may({}), true);
  const forbidding = [
    { phase: Phase.Loss },
    { hasProbed: true },
    { handshake: {} },
    { sackOk: false },
    { tcp: { tunables: { tcp_recovery: 0 } } },
    { scoreboard: null },
    { scoreboard: { sackedBytes: 3000, lostBytes: 1 } },
    { timers: TIMER.Reorder },
    { endOfStream: 5000 },
    { sndWnd: 5999 },
  ];
  for (const changes of forbidding) assertEquals(may(changes), false, JSON.stringify(changes));
});

Deno.test("tail probe: RFC 8985 §7.3, new data is a probe as a whole segment, or all of it", () => {
  const has = (unsent: number, window: number) =>
    hasNewProbe({
      ...{ mss: 1000, sndUna: 0, sndNxt: 5000 },
      ...{ sndWnd: 5000 + window, endOfStream: 5000 + unsent },
    } as Connection);
  assertEquals([has(9000, 1000), has(9000, 999)], [true, false]);
  assertEquals([has(10, 10), has(10, 9), has(0, 9000)], [true, false, false]);
});

Deno.test("tail probe: RFC 8985 §7.4.2, a DSACK up to the end of a probe that was sent again tells of it", () => {
  const isReported = (isProbeResent: boolean, end: number) =>
    isProbeReportedTwice({ isProbeResent, probeEnd: 500 } as Connection, end);
  assertEquals([isReported(true, 500), isReported(true, 499)], [true, false]);
  assertEquals(isReported(false, 500), false);
});

/** The probe ended at 500, cwnd is 10,000. Whether it still waits for an answer, cwnd, and whether that was a repair. */
function concluded(
  ack: number,
  { isResent = true, acked = 0, dsackEnd = 0, sacks = 0, payload = 0, ssthresh = 5000 },
): [boolean, number, number] {
  const c = {
    hasProbed: true,
    isProbeResent: isResent,
    probeEnd: 500,
    cwnd: 10_000,
    ssthresh: 1 << 30,
    congestion: { reduced: () => ssthresh },
    tcp: { counters: { TCPLossProbeRecovery: 0 } },
  } as unknown as Connection;
  const seg = Object.assign(new Segment(), { ack, sackCount: sacks, payloadLength: payload });
  seg.sackEnd[0] = dsackEnd;
  concludeProbe(c, seg, acked, dsackEnd !== 0);
  return [c.hasProbed, c.cwnd, c.tcp.counters.TCPLossProbeRecovery];
}

Deno.test("tail probe: RFC 8985 §7.4.2, what is acknowledged before the probe's end says nothing", () => {
  for (const dsackEnd of [0, 500]) {
    assertEquals(concluded(499, { acked: 100, dsackEnd }), [true, 10_000, 0]);
  }
});

Deno.test("tail probe: RFC 8985 §7.4.2, an ACK beyond the probe tells that it repaired a loss", () => {
  assertEquals(concluded(501, { acked: 100 }), [false, 5000, 1]);
  assertEquals(concluded(501, { acked: 100, ssthresh: 20_000 }), [false, 10_000, 1]);
});

Deno.test("tail probe: RFC 8985 §7.4.2, new data as a probe, or one whose DSACK comes, repaired nothing", () => {
  for (const ack of [500, 501]) {
    assertEquals(concluded(ack, { acked: 100, isResent: false }), [false, 10_000, 0]);
    assertEquals(concluded(ack, { acked: 100, dsackEnd: 500 }), [false, 10_000, 0]);
  }
});

Deno.test("tail probe: RFC 8985 §7.4.2, a DSACK of other bytes says nothing about the probe", () => {
  assertEquals(concluded(500, { sacks: 1, dsackEnd: 499 }), [true, 10_000, 0]);
  assertEquals(concluded(501, { acked: 100, sacks: 1, dsackEnd: 499 }), [false, 5000, 1]);
});

Deno.test("tail probe: RFC 8985 §7.4.2, a bare duplicate at the probe's end tells that both arrived", () => {
  assertEquals(concluded(500, {}), [false, 10_000, 0]);
  for (const news of [{ acked: 1 }, { sacks: 1 }, { payload: 1 }]) {
    assertEquals(concluded(500, news), [true, 10_000, 0], JSON.stringify(news));
  }
});
