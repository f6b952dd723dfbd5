import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { Phase } from "../../lib/tcp/phase.ts";
import { Scoreboard } from "../../lib/tcp/scoreboard.ts";
import { TIMER } from "../../lib/tcp/timers.ts";
import {
  lostDataResent,
  newDataSent,
  restartRetransmission,
  resumeRetransmission,
  setTransmissionTimer,
} from "../../lib/tcp/transmission_timer.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";

/** 20 segments, sent at 1000 ms; SRTT is 50 ms, RTO 250 ms. */
function connection(sackOk: boolean): Connection {
  const scoreboard = new Scoreboard();
  scoreboard.sent(0, 20_000, 1000, 1_000_000);
  return {
    phase: Phase.Open,
    handshake: null,
    hasProbed: false,
    sackOk,
    srttUs: 50_000,
    rtoMs: 250,
    backoff: 0,
    mss: 1000,
    sndUna: 0,
    sndNxt: 20_000,
    timers: 0,
    timerAt: [0, 0, 0, 0, 0, 0, 0, 0, 0],
    scoreboard,
    tcp: { tunables: DEFAULT_TUNABLES, deadlines: { file() {} } },
  } as unknown as Connection;
}

/** Which timers are armed, and when the last armed one is due. */
function armed(c: Connection): [number, number] {
  return [c.timers, c.timerAt[31 - Math.clz32(c.timers)]];
}

Deno.test("transmission timer: the tail is probed with SACK, else the retransmission timer runs", () => {
  const [withSack, without] = [connection(true), connection(false)];
  for (const c of [withSack, without]) newDataSent(c, 1000);
  assertEquals(armed(withSack), [TIMER.Probe, 1102]);
  assertEquals(armed(without), [TIMER.Retransmit, 1250]);
  for (const c of [withSack, without]) newDataSent(c, 1010);
  assertEquals(armed(withSack), [TIMER.Probe, 1112]);
  assertEquals(armed(without), [TIMER.Retransmit, 1250]);
});

Deno.test("transmission timer: RFC 8985 §7.2, no probe after the retransmission timeout of the first byte", () => {
  const c = connection(true);
  newDataSent(c, 1200);
  assertEquals(armed(c), [TIMER.Probe, 1250]);
});

Deno.test("transmission timer: RFC 6298 §5.3, it runs from the first segment's retransmission, a later one moves nothing", () => {
  const c = connection(true);
  c.phase = Phase.Recovery;
  restartRetransmission(c, 1100);
  lostDataResent(c, 1000, 1110);
  assertEquals(armed(c), [TIMER.Retransmit, 1350]);
  lostDataResent(c, 0, 1110);
  assertEquals(armed(c), [TIMER.Retransmit, 1360]);
});

Deno.test("transmission timer: a repair is probed where there is new data, not after the timeout", () => {
  const resent = (now: number) => {
    const c = connection(true);
    Object.assign(c, { phase: Phase.Recovery, endOfStream: 30_000, sndWnd: 30_000 });
    restartRetransmission(c, 1100);
    lostDataResent(c, 1000, now);
    return armed(c);
  };
  assertEquals([resent(1110), resent(1200)], [[TIMER.Probe, 1212], [TIMER.Probe, 1250]]);
});

Deno.test("transmission timer: RACK-04, whichever is armed takes the others' place", () => {
  const c = connection(true);
  newDataSent(c, 1000);
  setTransmissionTimer(c, 12_300, false, 1050);
  assertEquals(armed(c), [TIMER.Reorder, 1063]);
  setTransmissionTimer(c, 0, false, 1060);
  assertEquals(armed(c), [TIMER.Retransmit, 1250]);
  setTransmissionTimer(c, 0, true, 1070);
  assertEquals(armed(c), [TIMER.Probe, 1172]);
  restartRetransmission(c, 1100);
  assertEquals(armed(c), [TIMER.Retransmit, 1350]);
});

Deno.test("transmission timer: RFC 6298 §5.3, an ACK that moves nothing moves no timer", () => {
  const c = connection(false);
  newDataSent(c, 1000);
  setTransmissionTimer(c, 0, false, 1100);
  assertEquals(armed(c), [TIMER.Retransmit, 1250]);
  setTransmissionTimer(c, 0, true, 1100);
  assertEquals(armed(c), [TIMER.Retransmit, 1350]);
});

Deno.test("transmission timer: RFC 8985 §7.2, an ACK that moves nothing does not end the wait for the probe", () => {
  const c = connection(true);
  newDataSent(c, 1000);
  setTransmissionTimer(c, 0, false, 1010);
  assertEquals(armed(c), [TIMER.Probe, 1102]);
});

Deno.test("transmission timer: what is overdue is due at once", () => {
  const c = connection(false);
  resumeRetransmission(c, 5000);
  assertEquals(armed(c), [TIMER.Retransmit, 5001]);
});

Deno.test("transmission timer: RFC 8985 §6.2 step 5, reordered is what waits by a microsecond", () => {
  const c = connection(true);
  setTransmissionTimer(c, 1, false, 1050);
  assertEquals(armed(c), [TIMER.Reorder, 1051]);
  setTransmissionTimer(c, 2_000_000, false, 1050);
  assertEquals(armed(c), [TIMER.Reorder, 3050]);
});

Deno.test("transmission timer: microseconds of the flight are milliseconds of the timer", () => {
  const c = connection(false);
  c.rtoMs = 5000;
  resumeRetransmission(c, 4500);
  assertEquals(armed(c), [TIMER.Retransmit, 6000]);
});
