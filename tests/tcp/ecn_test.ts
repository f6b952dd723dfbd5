import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import {
  asksForEcn,
  markCapable,
  noteReduction,
  takeCongestionEcho,
  takeCongestionMarks,
} from "../../lib/tcp/ecn.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { ACK, CWR, ECE, Ecn, Segment } from "../../lib/wire/segment.ts";

function segment(flags: number, ecn: Segment["ecn"] = Ecn.NotEct): Segment {
  return Object.assign(new Segment(), { flags, ecn });
}

Deno.test("ecn: RFC 3168 §6.1.1, a SYN with both flags asks for it, unless `tcp_ecn` is 0", () => {
  const asks = (flags: number, tcp_ecn: number) =>
    asksForEcn(segment(flags), { ...DEFAULT_TUNABLES, tcp_ecn });
  assertEquals([0, 1, 2].map((tcp_ecn) => asks(ECE | CWR, tcp_ecn)), [false, true, true]);
  assertEquals([ECE, CWR, ACK].map((flags) => asks(flags, 1)), [false, false, false]);
});

Deno.test("ecn: RFC 3168 §6.1.3, a mark is echoed at once and until CWR comes", () => {
  let turns = 0;
  const c = {
    owesEce: false,
    ackNow: false,
    tcp: { counters: { InCEPkts: 0 }, ready: () => turns++ },
  } as unknown as Connection;
  const after = (flags: number, ecn: Segment["ecn"]) => {
    c.ackNow = false;
    takeCongestionMarks(c, segment(flags, ecn));
    return [c.owesEce, c.ackNow, c.tcp.counters.InCEPkts, turns];
  };
  assertEquals(after(ACK, Ecn.Ect0), [false, false, 0, 0]);
  assertEquals(after(ACK, Ecn.Ect1), [false, false, 0, 0]);
  assertEquals(after(ACK, Ecn.Ce), [true, true, 1, 1]);
  assertEquals(after(ACK, Ecn.Ect0), [true, false, 1, 1]);
  assertEquals(after(ACK | CWR, Ecn.Ect0), [false, false, 1, 1]);
  assertEquals(after(ACK | CWR, Ecn.Ce), [true, true, 2, 2]); // a new mark
});

/** 10,000 bytes are in flight from -3000 on, cwnd is 12,000. */
function sender(): Connection {
  return {
    sndUna: -3000,
    sndNxt: 7000,
    greatestFlight: 0,
    cwnd: 12_000,
    ssthresh: 1 << 30,
    ecnOk: true,
    isCwndReduced: false,
    ecnRecover: 0,
    owesCwr: false,
    congestion: { reduced: (_: Connection, flight: number) => flight >> 1 },
  } as unknown as Connection;
}

Deno.test("ecn: RFC 3168 §6.1.2, ECE halves cwnd once in a round trip", () => {
  const c = sender();
  takeCongestionEcho(c, segment(ACK));
  assertEquals([c.cwnd, c.owesCwr], [12_000, false]);
  takeCongestionEcho(c, segment(ACK | ECE));
  assertEquals([c.cwnd, c.ssthresh, c.owesCwr], [5000, 5000, true]);
  assertEquals([c.isCwndReduced, c.ecnRecover], [true, 7000]);
  c.sndUna = 7000; // as much as was in flight, and not more
  takeCongestionEcho(c, segment(ACK | ECE));
  assertEquals([c.cwnd, c.isCwndReduced], [5000, true]);
  c.sndUna = 7001;
  takeCongestionEcho(c, segment(ACK));
  assertEquals([c.cwnd, c.isCwndReduced], [5000, false]);
  c.sndNxt = 9001;
  takeCongestionEcho(c, segment(ACK | ECE));
  assertEquals([c.cwnd, c.ecnRecover], [1000, 9001]);
});

Deno.test("ecn: a window below ssthresh is not opened by ECE", () => {
  const c = sender();
  c.cwnd = 4000;
  c.congestion = { reduced: () => 6000 } as unknown as Connection["congestion"];
  takeCongestionEcho(c, segment(ACK | ECE));
  assertEquals([c.cwnd, c.ssthresh], [4000, 6000]);
});

Deno.test("ecn: RFC 3168 §6.1.2, any reduction is told, but only to a peer that knows ECN", () => {
  const c = sender();
  c.ecnOk = false;
  noteReduction(c);
  assertEquals([c.isCwndReduced, c.owesCwr, c.ecnRecover], [false, false, 0]);
  const seg = segment(ACK);
  markCapable(c, seg);
  assertEquals([seg.flags, seg.ecn], [ACK, Ecn.Ect0]);
  c.owesCwr = true;
  markCapable(c, seg);
  assertEquals(seg.flags, ACK | CWR);
});
