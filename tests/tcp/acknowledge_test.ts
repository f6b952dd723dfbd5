import { assertEquals } from "@std/assert";
import type { Bbr } from "../../lib/tcp/bbr.ts";
import { type Connection, SIGNAL } from "../../lib/tcp/connection.ts";
import { Phase } from "../../lib/tcp/phase.ts";
import { Recovery } from "../../lib/tcp/recovery.ts";
import { TIMER } from "../../lib/tcp/timers.ts";
import { ScriptRun } from "../support/script_run.ts";
import { RecordingModel } from "./support.ts";

/** Whether a writer who found no room is told when `acked` bytes of a full queue of `limit` are acknowledged. */
function isTold(cwnd: number, limit: number, acked: number): boolean {
  const t = new ScriptRun("offload");
  t.run(`
    EST+WS7
    +0 < . 1:1(0) ack 1 win 65535
  `);
  t.connection.cwnd = cwnd;
  assertEquals(t.calls.writeSome(t.flow, 10 << 20), limit);
  t.discard();
  assertEquals(t.connection.writable().length, 0);
  t.inject(`. 1:1(0) ack ${1 + acked} win 65535`);
  t.discard();
  return (t.flow.signals & SIGNAL.Writable) !== 0;
}

Deno.test("acknowledge: a writer is told of a quarter of the room, or of 256 KiB", () => {
  assertEquals(isTold(14_600, 29_200, 7299), false);
  assertEquals(isTold(14_600, 29_200, 7300), true);
  const quarter = 256 << 10;
  // What is acknowledged opens cwnd, and with it the room, unless that is as large as can be.
  assertEquals(isTold(4_000_000, 4_194_304, quarter - 1), false);
  assertEquals(isTold(4_000_000, 4_194_304, quarter), true);
});

Deno.test("acknowledge: RFC 6675 §2, a report of one byte is a duplicate that counts", () => {
  const t = new ScriptRun("bare");
  t.run(`
    EST+SACK
    nodelay
    write 1
    +0 > P. 1:2(1) ack 1
    write 1
    +0 > P. 2:3(1) ack 1
    +0 < . 1:1(0) ack 1 <nop,nop,sack 2:3>
    cnt:TCPDupAcks
    +0 < . 1:1(0) ack 1 <nop,nop,sack 2:3>
    cnt:TCPDupAcks=0
  `);
});

/** Ten segments of 1460 bytes are in flight, from 1 on; all of `changes` besides. */
function inFlight(fixture = "EST", changes: Partial<Connection> = {}): ScriptRun {
  const t = new ScriptRun("bare");
  t.run(fixture);
  t.calls.write(t.flow, 14_600, null);
  t.discard();
  Object.assign(t.connection, changes);
  return t;
}

/** The sequence number of segment `index` of those ten, as scripts count. */
function at(index: number): number {
  return 1 + 1460 * index;
}

Deno.test("acknowledge: RFC 9293 §3.8.3, a byte acknowledged ends the count toward R2, and so does any ACK with none in flight", () => {
  const t = inFlight("EST", { retries: 3 });
  const counts = [`. 1:1(0) ack 1 win 65535`, `. 1:1(0) ack 2 win 65535`].map((ack) => {
    t.inject(ack);
    return t.connection.retries;
  });
  assertEquals(counts, [3, 0]);
  t.inject(`. 1:1(0) ack ${at(10)} win 65535`);
  t.connection.retries = 3; // a shut window was asked
  t.inject(`. 1:1(0) ack ${at(10)} win 65535`);
  assertEquals(t.connection.retries, 0);
});

Deno.test("acknowledge: UTO-01, progress is what was acknowledged, and a shut window that opens", () => {
  const t = inFlight("EST", { userTimeoutMs: 60_000 });
  const c = t.connection;
  const isProgress = (ack: string) => {
    t.advance(10);
    t.inject(ack);
    return c.progressAt === (t.now | 0);
  };
  isProgress(". 1:1(0) ack 1 win 65535"); // the timer begins
  assertEquals(isProgress(". 1:1(0) ack 1 win 65535"), false);
  assertEquals(isProgress(". 1:1(0) ack 1 win 65534"), false);
  assertEquals(isProgress(". 1:1(0) ack 2 win 65535"), true);
  assertEquals(isProgress(". 1:1(0) ack 2 win 0"), false);
  assertEquals(isProgress(". 1:1(0) ack 2 win 0"), false);
  assertEquals(isProgress(". 1:1(0) ack 2 win 1"), true);
  assertEquals(isProgress(". 1:1(0) ack 2 win 2"), false);
  c.userTimeoutMs = 0;
  assertEquals(isProgress(". 1:1(0) ack 3 win 2"), false);
});

Deno.test("acknowledge: RFC 5681 §2, a duplicate has no text, no FIN and no other window", () => {
  const isDuplicate = (segment: string) => {
    const t = inFlight();
    t.growth("TCPDupAcks");
    t.inject(segment);
    return t.growth("TCPDupAcks") === 1;
  };
  assertEquals(isDuplicate(". 1:1(0) ack 1 win 65535"), true);
  for (
    const segment of [
      ". 1:2(1) ack 1 win 65535",
      "F. 1:1(0) ack 1 win 65535",
      ". 1:1(0) ack 1 win 65534",
      ". 1:1(0) ack 2 win 65535",
    ]
  ) assertEquals(isDuplicate(segment), false, segment);
});

Deno.test("acknowledge: RFC 2018 §4, blocks between SND.UNA and SND.NXT count, others do not", () => {
  const reported = (start: number, end: number, ack = 1) => {
    const t = inFlight("EST+SACK");
    t.inject(`. 1:1(0) ack ${ack} win 65535 <nop,nop,sack ${start}:${end}>`);
    return t.connection.scoreboard!.sackedBytes;
  };
  assertEquals(reported(at(9), at(10)), 1460);
  assertEquals(reported(at(9), at(10) + 1), 0); // was never sent
  assertEquals(reported(at(0), at(1)), 0); // would have been acknowledged
  assertEquals(reported(at(1), at(2)), 1460);
  assertEquals(reported(at(1), at(2), at(1)), 0);
  assertEquals(reported(at(1) + 1, at(3), at(1)), 1460);
  assertEquals(reported(at(2), at(2)), 0);
  assertEquals(reported(at(3), at(2)), 0);
});

Deno.test("acknowledge: RFC 2883 §4, a first block below the ACK or within the second tells of text that came twice", () => {
  const isReport = (ack: number, ...blocks: [number, number][]) => {
    const t = inFlight("EST+SACK");
    t.inject(`. 1:1(0) ack ${at(5)} win 65535`);
    t.growth("TCPDSACKRecv");
    const text = blocks.map(([start, end]) => `${start}:${end}`).join(" ");
    t.inject(`. 1:1(0) ack ${ack} win 65535 <nop,nop,sack ${text}>`);
    return t.growth("TCPDSACKRecv") === 1;
  };
  const una = at(5);
  assertEquals(isReport(una, [una - 10, una]), true);
  assertEquals(isReport(una, [una - 10, una + 1]), false);
  assertEquals(isReport(at(6), [at(5), at(6)]), true);
  assertEquals(isReport(una, [una - 10, una - 10]), false); // nothing
  assertEquals(isReport(una, [una - 65_535, una]), true);
  assertEquals(isReport(una, [una - 65_536, una]), false); // older than any window
  assertEquals(isReport(una, [at(7), at(8)]), false);
  assertEquals(isReport(una, [at(7), at(8)], [at(7), at(8)]), true);
  assertEquals(isReport(una, [at(7), at(8)], [at(6), at(9)]), true);
  assertEquals(isReport(una, [at(7) - 1, at(8)], [at(7), at(8)]), false);
  assertEquals(isReport(una, [at(7), at(8) + 1], [at(7), at(8)]), false);
  assertEquals(isReport(una, [at(9), at(10)], [at(9), at(10)]), true);
  assertEquals(isReport(una, [at(9), at(10) + 1], [at(9), at(10) + 1]), false); // was never sent
});

Deno.test("acknowledge: SACK-01, blocks of a peer that did not offer SACK say nothing", () => {
  const t = inFlight();
  t.inject(`. 1:1(0) ack 1 win 65535 <nop,nop,sack ${at(1)}:${at(2)}>`);
  assertEquals([t.connection.scoreboard!.sackedSegments, t.growth("TCPDSACKRecv")], [0, 0]);
});

Deno.test("acknowledge: RFC 6582 §3.2, the third duplicate finds the hole, unless SND.UNA is within the recovery before", () => {
  const entered = (recover: number, duplicates: number) => {
    const t = inFlight();
    const c = t.connection;
    c.recover = (c.sndUna + recover) | 0;
    for (let i = 0; i < duplicates; i++) t.inject(". 1:1(0) ack 1 win 65535");
    return [c.phase, t.growth("TCPFastRetrans")];
  };
  assertEquals(entered(0, 2), [Phase.Open, 0]);
  assertEquals(entered(0, 3), [Phase.Recovery, 1]);
  assertEquals(entered(0, 5), [Phase.Recovery, 1]);
  assertEquals(entered(1, 5), [Phase.Open, 0]);
});

Deno.test("acknowledge: RFC 5681 §3.2, an ACK that moves SND.UNA ends the count of duplicates", () => {
  const t = inFlight();
  const { connection } = t;
  for (const ack of [1, 1, at(1), at(1), at(1)]) t.inject(`. 1:1(0) ack ${ack} win 65535`);
  assertEquals(connection.phase, Phase.Open);
  t.inject(`. 1:1(0) ack ${at(1)} win 65535`);
  assertEquals(connection.phase, Phase.Recovery);
});

Deno.test("acknowledge: RFC 6582 §3.2, a partial acknowledgment of one byte tells of the next hole", () => {
  const t = inFlight();
  for (let i = 0; i < 3; i++) t.inject(". 1:1(0) ack 1 win 65535");
  assertEquals(t.connection.scoreboard!.lostBytes, 0); // it was sent again
  t.inject(". 1:1(0) ack 2 win 65535");
  assertEquals(t.connection.scoreboard!.lostBytes, 1459);
});

Deno.test("acknowledge: RFC 5682 §2.1 (3a), after a timeout duplicates are credited once new data was sent", () => {
  const credited = (phase: Phase, beyond: number) => {
    const t = inFlight();
    const c = t.connection;
    c.recover = (c.sndNxt - beyond) | 0;
    c.phase = phase;
    t.inject(". 1:1(0) ack 1 win 65535");
    return c.scoreboard!.sackedBytes;
  };
  assertEquals([credited(Phase.Loss, 0), credited(Phase.Loss, 1)], [0, 1460]);
  assertEquals(credited(Phase.Open, 0), 1460);
});

/** Which bytes an ACK hands to congestion control; null: none. */
function grown(changes: Partial<Connection>, ack: string): number | null {
  const t = inFlight("EST+SACK rtt .1");
  const c = t.connection;
  let bytes: number | null = null;
  const congestion = { ...c.congestion, acknowledged: (_: Connection, n: number) => bytes = n };
  Object.assign(c, { congestion, ...changes });
  t.advance(100);
  t.inject(ack);
  return bytes;
}

Deno.test("acknowledge: RFC 5681 §3.1, cwnd opens by what is newly acknowledged while it is in use", () => {
  const ack = `. 1:1(0) ack ${at(2)} win 65535`;
  assertEquals(grown({}, ack), 2920);
  assertEquals(grown({}, ". 1:1(0) ack 2 win 65535"), 1);
  assertEquals(grown({}, ". 1:1(0) ack 1 win 65535"), null);
  const idle = { isCwndLimited: false, greatestFlight: 0, windowUseEnd: 0x40000000 };
  assertEquals(grown(idle, ack), null);
});

Deno.test("acknowledge: what SACK reports opens cwnd only on a path that reorders", () => {
  const sack = `. 1:1(0) ack 1 win 65535 <nop,nop,sack ${at(1)}:${at(2)}>`;
  assertEquals(grown({}, sack), null);
  const recovery = Object.assign(new Recovery(), { isReordering: true });
  assertEquals(grown({ recovery }, sack), 1460);
  assertEquals(grown({ recovery: new Recovery() }, sack), null);
});

Deno.test("acknowledge: RFC 3465 §2.3, after a timeout one segment at most counts", () => {
  const recover = inFlight().connection.sndNxt;
  const grownBy = (ack: number) => {
    const changes = { phase: Phase.Loss, recovery: new Recovery(), recover };
    return grown(changes, `. 1:1(0) ack ${ack} win 65535`);
  };
  assertEquals([at(1) - 1, at(1), at(3)].map(grownBy), [1459, 1460, 1460]);
});

Deno.test("acknowledge: RFC 9293 §3.8.6.1, a shut window that opens ends the probes and their backoff", () => {
  const t = new ScriptRun("bare");
  t.run(`
    EST
    +0 < . 1:1(0) ack 1 win 0
    write 10
  `);
  const c = t.connection;
  const isProbed = () => (c.timers & TIMER.Persist) !== 0;
  c.backoff = 2;
  t.inject(". 1:1(0) ack 1 win 0");
  assertEquals([isProbed(), c.backoff], [true, 2]);
  t.inject(". 1:1(0) ack 1 win 1");
  assertEquals(c.backoff, 0);
  t.inject(". 1:1(0) ack 1 win 10");
  t.expect("P. 1:11(10) ack 1");
  assertEquals(isProbed(), false);
  c.backoff = 2;
  t.inject(". 1:1(0) ack 1 win 20"); // was open
  assertEquals(c.backoff, 2);
});

Deno.test("acknowledge: RFC 9293 §3.10.7.4, an older segment does not name the window", () => {
  const t = inFlight();
  const c = t.connection;
  const windowAfter = (segment: string) => {
    t.inject(segment);
    return c.sndWnd;
  };
  assertEquals(windowAfter(". 1:1(0) ack 1 win 60000"), 60_000);
  t.inject("P. 1:11(10) ack 1 win 50000");
  assertEquals(windowAfter(". 11:11(0) ack 1 win 40000"), 40_000);
  assertEquals(windowAfter(". 10:10(0) ack 1 win 30000"), 40_000); // an older number
  assertEquals(windowAfter(". 10:10(0) ack 2 win 30000"), 30_000); // but it moves SND.UNA
  assertEquals(windowAfter(". 11:11(0) ack 3 win 20000"), 20_000);
  assertEquals(windowAfter(". 11:11(0) ack 2 win 10000"), 20_000); // an older acknowledgment
  assertEquals(windowAfter(". 11:11(0) ack 3 win 10000"), 10_000);
  assertEquals(c.maxSndWnd, 65_535);
});

Deno.test("acknowledge: an answer to a SYN without data drains nothing, one byte of a fast SYN is taken off", () => {
  const answered = (isFast: boolean, ack: number) => {
    const t = new ScriptRun("bare");
    t.learnPeer();
    if (isFast) {
      t.run(`
        peer x 10.0.0.2:50000
        connect fast x
        +0 >x S 0:0(0) <...>
        +0 <x S. 0:0(0) ack 1 win 65535 <mss 1460,FO 00112233445566aa,nop,nop>
        +0 >x . 1:1(0) ack 1
        connect fast
        & write 2
      `);
    } else {
      t.run("connect");
    }
    t.discard();
    t.flow.signals = 0;
    t.inject(`S. 0:0(0) ack ${ack} win 65535 <mss 1460>`);
    t.discard();
    const drained = t.flow.signals & SIGNAL.Drained;
    return [t.flow.signals & SIGNAL.Established, drained, t.connection.bytesAcknowledged];
  };
  assertEquals(answered(false, 1), [SIGNAL.Established, 0, 0]);
  assertEquals(answered(true, 1), [SIGNAL.Established, 0, 0]);
  assertEquals(answered(true, 2), [SIGNAL.Established, 0, 1]);
  assertEquals(answered(true, 3), [SIGNAL.Established, SIGNAL.Drained, 2]);
});

/** Whether the timeout is found to be spurious when the ACK of an original comes after `between`. */
function isSpurious(fixture: string, ...between: string[]): boolean {
  const t = new ScriptRun("bare", { tunables: { tcp_recovery: 0 } });
  t.run(`${fixture} rtt .1`);
  t.calls.write(t.flow, 14_601, null);
  t.discard();
  t.advance(310);
  t.discard(); // the first segment was sent again
  for (const segment of between) t.inject(segment);
  t.inject(`. 1:1(0) ack ${at(4)} win 65535`);
  t.discard();
  return t.growth("TCPSpuriousRTOs") === 1;
}

Deno.test("acknowledge: RFC 5682 §3.1 (3a), after new data a report of one byte shows that the loss was real", () => {
  const isStillSpurious = (...between: string[]) =>
    isSpurious("EST+SACK", ...between.map((segment) => `. 1:1(0) ${segment}`));
  const part = "ack 731 win 65535";
  assertEquals(isStillSpurious(), true);
  assertEquals(isStillSpurious(part), true);
  // More of what was sent again says nothing, nor does what reports nothing.
  assertEquals(isStillSpurious(part, "ack 732 win 65535"), true);
  assertEquals(isStillSpurious(part, part), true);
  const news = `<nop,nop,sack ${at(10)}:${at(10) + 1}>`;
  assertEquals(isStillSpurious(part, `ack 731 win 65534 ${news}`), false);
  assertEquals(isStillSpurious(part, `${part} ${news}`), false);
});

Deno.test("acknowledge: RFC 5682 §2.1 (3a), without SACK a duplicate after new data shows it", () => {
  const part = ". 1:1(0) ack 731 win 65535";
  assertEquals(isSpurious("EST", part), true);
  assertEquals(isSpurious("EST", part, part), false);
});

Deno.test("acknowledge: RFC 6298 §5.7, even a round trip of no time ends the backoff", () => {
  const t = inFlight("EST", { backoff: 2 });
  t.inject(`. 1:1(0) ack ${at(1)} win 65535`);
  assertEquals(t.connection.backoff, 0);
});

/** cwnd after segments of the peer in fast recovery, with ssthresh far beyond the flight; it was 1. */
function recovering(...segments: string[]): number {
  const t = inFlight("EST+SACK rtt .1");
  const c = t.connection;
  const recovery = Object.assign(new Recovery(), {
    isReordering: true,
    prrOut: 1,
    prrDelivered: 1,
  });
  Object.assign(c, {
    phase: Phase.Recovery,
    recover: c.sndNxt,
    ssthresh: 50_000,
    cwnd: 1,
    recovery,
  });
  t.advance(100);
  for (const segment of segments) t.inject(`. 1:1(0) ${segment}`);
  return c.cwnd;
}

Deno.test("acknowledge: RFC 9937 §6, an ACK without news leaves cwnd, one of a byte does not", () => {
  assertEquals(recovering("ack 1 win 65535"), 1);
  assertEquals(recovering("ack 1 win 65534"), 1);
  assertEquals(recovering("ack 2 win 65535"), 14_599 + 1 + 1460);
});

Deno.test("acknowledge: RFC 9937 §6, one segment more only where SND.UNA moves and nothing more is lost", () => {
  assertEquals(recovering(`ack ${at(1)} win 65535`), 13_140 + 1460 + 1460);
  assertEquals(recovering(`ack 1 win 65535 <nop,nop,sack ${at(9)}:${at(10)}>`), 13_140 + 1460);
});

Deno.test("acknowledge: RFC 9937 §6, an ACK which tells of a loss is not safe", () => {
  const t = inFlight("EST+SACK rtt .1");
  const c = t.connection;
  const recovery = Object.assign(new Recovery(), { prrOut: 1, prrDelivered: 1 });
  Object.assign(c, { phase: Phase.Recovery, recover: c.sndNxt, ssthresh: 50_000, recovery });
  t.advance(100);
  t.inject(`. 1:1(0) ack ${at(1)} win 65535 <nop,nop,sack ${at(2)}:${at(9)}>`);
  // One segment is lost, one may be on its way; eight were delivered.
  assertEquals(c.cwnd, 1460 + 8 * 1460);
});

Deno.test("acknowledge: what was reported before opens cwnd once", () => {
  const sack = `<nop,nop,sack ${at(1)}:${at(2)}>`;
  const t = inFlight("EST+SACK rtt .1");
  const c = t.connection;
  const told: number[] = [];
  c.congestion = { ...c.congestion, acknowledged: (_, bytes) => told.push(bytes) };
  t.advance(100);
  for (
    const ack of [
      `ack 1 win 65535 ${sack}`,
      `ack ${at(1)} win 65535 ${sack}`,
      `ack ${at(2)} win 65535`,
    ]
  ) {
    t.inject(`. 1:1(0) ${ack}`);
  }
  assertEquals(told, [1460]);
});

Deno.test("acknowledge: RFC 6298 §5.3, one byte acknowledged restarts the retransmission timer", () => {
  const t = inFlight("EST rtt .1");
  t.advance(200);
  t.inject(". 1:1(0) ack 2 win 65535");
  t.none(0.25);
  t.inject(". 1:1(0) ack 2 win 65535");
  t.expect(". 2:1461(1459) ack 1", 150); // a duplicate does not
});

Deno.test("acknowledge: RFC 7323 §4.1, a round trip that is known is not taken from timestamps", () => {
  const t = inFlight("EST+TS");
  t.inject(`. 1:1(0) ack ${at(1)} win 65535 <ts>`);
  assertEquals(t.connection.srttUs, 1); // in no time
});

Deno.test("acknowledge: only blocks that a segment has are read", () => {
  const t = inFlight("EST+SACK");
  const stale = [at(5), at(7)].map((start) => `${start}:${start + 1460}`);
  const one = `<nop,nop,sack ${at(2)}:${at(3)}>`;
  // What this one reports is not taken: it acknowledges what was never sent.
  t.inject(`. 1:1(0) ack 20000 win 65535 <nop,nop,sack ${stale.join(" ")}>`);
  t.inject(`. 1:1(0) ack 1 win 65535 ${one}`);
  assertEquals(t.connection.scoreboard!.sackedBytes, 1460);
  t.inject(`. 1:1(0) ack 20000 win 65535 <nop,nop,sack ${stale[0]} ${at(2)}:${at(4)}>`);
  t.inject(`. 1:1(0) ack 1 win 65535 ${one}`);
  assertEquals(t.growth("TCPDSACKRecv"), 0);
});

Deno.test("acknowledge: RFC 2883 §4, behind a report of text that came twice the others count", () => {
  const t = inFlight("EST+SACK");
  const blocks = [[at(0), at(1)], [at(3), at(4)], [at(6), at(7)]];
  const text = blocks.map(([start, end]) => `${start}:${end}`).join(" ");
  t.inject(`. 1:1(0) ack ${at(1)} win 65535 <nop,nop,sack ${text}>`);
  assertEquals([t.growth("TCPDSACKRecv"), t.connection.scoreboard!.sackedBytes], [1, 2920]);
});

Deno.test("acknowledge: RFC 8985 §7.4.2, a duplicate ends a probe even when nothing is in flight any more", () => {
  const t = inFlight("EST+SACK");
  const c = t.connection;
  t.inject(`. 1:1(0) ack ${at(10)} win 65535`);
  Object.assign(c, { hasProbed: true, isProbeResent: true, probeEnd: c.sndNxt });
  t.inject(`. 1:1(0) ack ${at(10)} win 65535`);
  assertEquals([c.hasProbed, t.growth("TCPLossProbeRecovery")], [false, 0]);
});

Deno.test("acknowledge: the user is told once of room, and that all was taken only then", () => {
  const t = new ScriptRun("offload");
  t.run("EST");
  t.connection.cwnd = 14_600;
  t.calls.writeSome(t.flow, 10 << 20);
  t.discard();
  assertEquals(t.connection.writable().length, 0);
  const told = (ack: number) => {
    t.flow.signals = 0;
    t.inject(`. 1:1(0) ack ${ack} win 65535`);
    t.discard();
    return t.flow.signals & (SIGNAL.Writable | SIGNAL.Drained);
  };
  assertEquals([14_601, 14_602].map(told), [SIGNAL.Writable, 0]);
});

Deno.test("acknowledge: RFC 6675 §5, the loss of a single byte begins recovery", () => {
  const t = new ScriptRun("bare");
  t.run(`
    EST+SACK rtt .1
    nodelay
  `);
  for (let i = 0; i < 5; i++) {
    t.calls.write(t.flow, 1, null);
    t.discard();
  }
  t.advance(100);
  t.inject(". 1:1(0) ack 1 win 65535 <nop,nop,sack 2:6>");
  assertEquals([t.connection.phase, t.growth("RetransSegs")], [Phase.Recovery, 1]);
});

Deno.test("acknowledge: RFC 9937 §6, what came in one batch with the news of a loss was delivered in recovery", () => {
  const deliveredTo = (fixture: string, ...segments: string[]) => {
    const t = inFlight(`${fixture} rtt .1`);
    t.advance(100);
    t.inject(...segments.map((segment) => `. 1:1(0) ${segment}`));
    assertEquals(t.connection.phase, Phase.Recovery);
    return t.connection.recovery!.prrDelivered;
  };
  const delivered = (...segments: string[]) => deliveredTo("EST+SACK", ...segments);
  const sack = `win 65535 <nop,nop,sack ${at(4)}:${at(8)}>`;
  assertEquals(delivered(`ack 1 ${sack}`), 4 * 1460);
  assertEquals(delivered(`ack ${at(2)} ${sack}`), 6 * 1460);
  assertEquals(delivered(`ack ${at(2)} win 65535`, `ack ${at(2)} ${sack}`), 6 * 1460);
  assertEquals(delivered(`ack ${at(2)} win 65535`, `ack 1 ${sack}`), 6 * 1460); // an older one
  const again = `ack ${at(2)} win 65535`;
  assertEquals(deliveredTo("EST", again, again, again, again), 3 * 1460); // of the duplicates one
});

/** Ten segments of 1460 bytes are in flight of a connection with a path model. */
function modelled(fixture = "EST+SACK rtt .1"): [ScriptRun, RecordingModel] {
  const t = new ScriptRun("bare");
  t.run(fixture);
  const model = new RecordingModel();
  t.connection.congestion = model.congestion;
  t.calls.write(t.flow, 14_600, null);
  t.discard();
  t.advance(100);
  model.take();
  return [t, model];
}

Deno.test("acknowledge: a path model hears of what was delivered, and nobody else sets cwnd", () => {
  const [t, model] = modelled();
  t.inject(`. 1:1(0) ack ${at(2)} win 65535`);
  t.discard();
  assertEquals(model.take(), ["measured 2920", "acknowledged 2920", "idle"]);
  t.inject(`. 1:1(0) ack ${at(2) + 1} win 65535`);
  assertEquals(model.take(), ["measured 1", "acknowledged 1", "idle"]);
  t.inject(`. 1:1(0) ack ${at(2) + 1} win 65534`); // delivers nothing
  assertEquals(model.take(), ["idle"]);
  t.inject(`. 1:1(0) ack ${at(10)} win 65535`);
  assertEquals(model.take(), [`measured ${8 * 1460 - 1}`, `acknowledged ${8 * 1460 - 1}`]);
  assertEquals(t.connection.cwnd, 14_600);
});

Deno.test("acknowledge: a path model hears of loss before cwnd is set, and recovery leaves cwnd to it", () => {
  const [t, model] = modelled();
  const told = (ack: string) => {
    t.inject(`. 1:1(0) ${ack}`);
    t.discard();
    return model.take();
  };
  assertEquals(told(`ack 1 win 65535 <nop,nop,sack ${at(2)}:${at(6)}>`), [
    "measured 5840",
    "lost 2920",
    "reduced",
    "acknowledged 5840",
    "sent 1460",
    "sent 1460",
    "idle",
  ]);
  assertEquals([t.connection.phase, t.connection.cwnd], [Phase.Recovery, 14_600]);
  assertEquals(told("ack 1 win 65534"), ["idle"]);
  // A DSACK alone moves PRR, but no model.
  assertEquals(told(`ack 1 win 65534 <nop,nop,sack 0:1 ${at(2)}:${at(6)}>`), ["idle"]);
  t.advance(100);
  assertEquals(told(`ack ${at(10)} win 65535`), [
    "measured 8760",
    "recovered",
    "acknowledged 8760",
  ]);
  assertEquals([t.connection.phase, t.connection.cwnd], [Phase.Open, 14_600]);
});

Deno.test("acknowledge: RFC 5681 §3.2, without SACK a path model hears of a duplicate as of what was delivered", () => {
  const [t, model] = modelled("EST rtt .1");
  const told = [1, 2, 3].map(() => {
    t.inject(". 1:1(0) ack 1 win 65535");
    return model.take();
  });
  const duplicate = ["measured 1460", "acknowledged 1460", "idle"];
  assertEquals(told, [duplicate, duplicate, [
    "measured 1460",
    "reduced",
    "lost 1460",
    "acknowledged 1460",
    "sent 1460",
    "idle",
  ]]);
  t.discard();
});

Deno.test("acknowledge: a loss before any round trip is known leaves BBR a window", () => {
  const t = new ScriptRun("bare", { tunables: { tcp_congestion_control: 2 } });
  t.run(`
    0   < S 0:0(0) win 65535 <mss 1460>
    +0  > S. 0:0(0) ack 1 <...>
    +1  > S. 0:0(0) ack 1 <...>
    +.1 < . 1:1(0) ack 1
        accept
        write 14600
  `);
  assertEquals(t.connection.srttUs, 0);
  t.advance(100);
  for (let i = 0; i < 4; i++) t.inject(". 1:1(0) ack 1");
  t.advance(100);
  t.inject(`. 1:1(0) ack ${at(2)}`);
  t.discard();
  const { cwnd, phase } = t.connection;
  assertEquals([Number.isInteger(cwnd), cwnd >= 4 * 1460, phase], [true, true, Phase.Recovery]);
});

Deno.test("acknowledge: draft-ietf-ccwg-bbr §5.5.10.2, what an acknowledgment shows to be lost counts in its sample", () => {
  const t = new ScriptRun("bare", { tunables: { tcp_congestion_control: 2 } });
  t.run("EST+SACK rtt .1");
  t.calls.write(t.flow, 14_600, null);
  t.advance(100);
  t.discard();
  const { delivery } = (t.connection.model as Bbr).path;
  const sampleAfter = (blocks: string) => {
    t.inject(`. 1:1(0) ack 1 win 65535 <nop,nop,sack ${blocks}>`);
    t.discard();
    return [delivery.lost, delivery.lostSince, delivery.inFlightThen];
  };
  assertEquals(sampleAfter(`${at(3)}:${at(6)}`), [3 * 1460, 3 * 1460, 6 * 1460]);
  // The newest left before it was lost; what it is about is what was delivered, not the loss.
  assertEquals(sampleAfter(`${at(9)}:${at(10)} ${at(3)}:${at(6)}`), [
    6 * 1460,
    6 * 1460,
    10 * 1460,
  ]);
});

Deno.test("acknowledge: after a silence of any length what BBR sends gives samples", () => {
  for (const minutes of [1, 35, 36, 40, 70, 72]) {
    const t = new ScriptRun("bare", { tunables: { tcp_congestion_control: 2 } });
    t.run("EST+SACK+WS7 rtt .1");
    const send = () => {
      t.calls.write(t.flow, 14_600, null);
      t.advance(50);
      t.discard();
    };
    send();
    t.advance(100);
    t.inject(`. 1:1(0) ack ${at(10)} win 60000`);
    t.advance(minutes * 60_000);
    send();
    const { delivery } = (t.connection.model as Bbr).path;
    for (let index = 11; index <= 20; index++) {
      t.inject(`. 1:1(0) ack ${at(index)} win 60000`);
      assertEquals(delivery.hasSample, true, `segment ${index} after ${minutes} minutes`);
      t.advance(1);
    }
  }
});
