import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import {
  advertise,
  owesWindowUpdate,
  receiveWindow,
  tuneReceiveWindow,
} from "../../lib/tcp/receive_window.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { Segment } from "../../lib/wire/segment.ts";

const BUFFER = 10_000;

/** RCV.NXT is -500; 1000 bytes are promised of a buffer of 10,000, of which `waiting` are full. */
function connection(waiting: number, changes: Partial<Connection> = {}): Connection {
  return {
    rcvNxt: -500,
    rcvEdge: 500,
    rcvLimit: BUFFER,
    rcvShift: 0,
    rcvMss: 1000,
    receiveQueue: { length: waiting, start: 0 },
    finReceived: false,
    handshake: null,
    tcp: { isUnderPressure: false, tunables: DEFAULT_TUNABLES },
    ...changes,
  } as unknown as Connection;
}

const PRESSED = {
  tcp: { isUnderPressure: true, tunables: DEFAULT_TUNABLES } as unknown as Connection["tcp"],
};

Deno.test("receive window: it is the rest of the buffer, what was promised, or what the field can tell", () => {
  assertEquals([0, 4000, 9001].map((n) => receiveWindow(connection(n))), [10_000, 6000, 1000]);
  assertEquals(receiveWindow(connection(96, PRESSED)), 4000);
  const large = (rcvShift: number) => receiveWindow(connection(0, { rcvLimit: 1 << 20, rcvShift }));
  assertEquals([0, 2].map(large), [65_535, 262_140]);
});

Deno.test("receive window: RFC 9293 §3.8.6.2.2, news is twice the window and a segment or half of the buffer", () => {
  const owes = (window: number, changes: Partial<Connection> = {}) =>
    owesWindowUpdate(connection(BUFFER - window, changes));
  assertEquals([1999, 2000].map((window) => owes(window)), [false, true]);
  assertEquals([999, 1000].map((window) => owes(window, { rcvEdge: -500 })), [false, true]);
  const large = { rcvEdge: -500, rcvMss: 20_000 };
  assertEquals([4999, 5000].map((window) => owes(window, large)), [false, true]);
  assertEquals(owes(9000, { finReceived: true }), false);
  assertEquals(owes(9000, { handshake: {} as Connection["handshake"] }), false);
});

Deno.test("receive window: RFC 7323 §2.3, a window that stays is rounded up, one that moves down", () => {
  const told = (waiting: number, changes: Partial<Connection>) => {
    const c = connection(waiting, changes);
    return [advertise(c), c.rcvEdge];
  };
  assertEquals(told(BUFFER, { rcvShift: 2 }), [250, 500]);
  assertEquals(told(BUFFER, { rcvShift: 2, rcvEdge: 501 }), [251, 504]);
  assertEquals(told(BUFFER, { rcvShift: 2, rcvEdge: 503 }), [251, 504]);
  assertEquals(told(BUFFER, { rcvShift: 2, rcvEdge: 504 }), [251, 504]);
  assertEquals(told(BUFFER - 2003, { rcvShift: 2 }), [500, 1500]);
  assertEquals(told(BUFFER - 1999, {}), [1000, 500]); // not worth a segment
  assertEquals(told(BUFFER - 2000, {}), [2000, 1500]);
});

Deno.test("receive window: the field ends at 65,535 and the edge never goes left", () => {
  const c = connection(0, { rcvEdge: 70_000, rcvLimit: 1 << 20 });
  assertEquals([advertise(c), c.rcvEdge], [65_535, 70_000]);
});

/** 10,000 bytes were taken in the round trip of 50 ms that began at 1000 ms, 4000 in the one before. */
function tuned(now: number, changes: Partial<Connection> = {}): Connection {
  const c = connection(0, {
    rcvRoundAt: 1000,
    rcvRoundMs: 50,
    rcvRoundStart: -10_000,
    rcvDelivered: 4000,
    srttUs: 60_000,
    ...changes,
  });
  tuneReceiveWindow(c, new Segment(), now);
  return c;
}

Deno.test("receive window: once in a round trip the buffer becomes twice what was taken, and six times the growth", () => {
  const early = tuned(1049);
  assertEquals([early.rcvLimit, early.rcvRoundAt, early.rcvDelivered], [10_000, 1000, 4000]);
  const c = tuned(1050);
  assertEquals([c.rcvLimit, c.rcvDelivered], [20_000 + 36_000 + 16_000, 10_000]);
  assertEquals([c.rcvRoundAt, c.rcvRoundMs, c.rcvRoundStart], [1050, 60, 0]);
});

Deno.test("receive window: of text that comes late only a round trip's share counts", () => {
  assertEquals(tuned(1100).rcvLimit, 10_000 + 6000 + 16_000);
  const steady = tuned(1100, { rcvDelivered: 5000 }); // as before: no growth
  assertEquals([steady.rcvLimit, steady.rcvRoundAt], [10_000, 1100]);
  assertEquals(tuned(1100, { rcvDelivered: 4999 }).rcvLimit, 10_000 + 6 + 16_000);
});

Deno.test("receive window: it grows to `tcp_rmem_max`, and not under pressure or by a tunable of 0", () => {
  const limit = (tunables: object, isUnderPressure: boolean, rcvLimit = 10_000) => {
    const tcp = { isUnderPressure, tunables: { ...DEFAULT_TUNABLES, ...tunables } };
    return tuned(1050, { tcp: tcp as unknown as Connection["tcp"], rcvLimit }).rcvLimit;
  };
  assertEquals(limit({ tcp_rmem_max: 30_000 }, false), 30_000);
  assertEquals(limit({ tcp_moderate_rcvbuf: 0 }, false), 10_000);
  assertEquals(limit({}, true), 10_000);
  assertEquals(limit({}, false, 100_000), 100_000); // it never shrinks
});

Deno.test("receive window: without SRTT the next round trip lasts as long as the echo is old, 1 ms to the initial RTO", () => {
  const next = (srttUs: number, tsOk: boolean, elapsed: number) => {
    const tcp = {
      isUnderPressure: false,
      tunables: DEFAULT_TUNABLES,
      timestamp: (offset: number, now: number) => offset + now,
    };
    const c = connection(0, { rcvRoundAt: 0, rcvRoundMs: 1, rcvRoundStart: 0, rcvDelivered: 0 });
    Object.assign(c, { tcp, srttUs, tsOk, tsOffset: 7 });
    tuneReceiveWindow(c, Object.assign(new Segment(), { tsEcr: 5007 - elapsed }), 5000);
    return c.rcvRoundMs;
  };
  assertEquals([-1, 0, 1, 70, 1001].map((elapsed) => next(0, true, elapsed)), [1, 1, 1, 70, 1000]);
  assertEquals(next(0, false, 70), 1);
  const smoothed = [1, 400, 2600, 1_000_000].map((srttUs) => next(srttUs, true, 70));
  assertEquals(smoothed, [1, 1, 3, 1000]);
});
