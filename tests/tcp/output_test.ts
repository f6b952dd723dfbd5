import { assertEquals } from "@std/assert";
import {
  prepareReply,
  sendKeepalive,
  sendProbe,
  sendShort,
  sendTailProbe,
  transmit,
  Turn,
} from "../../lib/tcp/output.ts";
import { Phase } from "../../lib/tcp/phase.ts";
import { MtuSearch } from "../../lib/tcp/plpmtud.ts";
import { Recovery } from "../../lib/tcp/recovery.ts";
import type { FixtureOptions, LinkMode } from "../support/fixture.ts";
import { TIMER } from "../../lib/tcp/timers.ts";
import { ScriptRun } from "../support/script_run.ts";
import { RecordingModel } from "./support.ts";

const IP_AND_TCP = 14 + 20 + 20;

/** A run whose connection has a peer with such an MSS and a window of 8 MB. */
function established(link: LinkMode, mss = 1460, options: FixtureOptions = {}): ScriptRun {
  const t = new ScriptRun(link, options);
  t.run(`
    0  < S 0:0(0) win 65535 <mss ${mss},nop,wscale 7>
    +0 > S. 0:0(0) ack 1 <...>
    +0 < . 1:1(0) ack 1 win 65535
       accept
  `);
  t.connection.lastSentAt = t.now | 0; // no pause ends cwnd
  return t;
}

/** Writes `length` bytes; returns the payload of each frame that leaves in one turn. */
function framesOf(t: ScriptRun, length: number): number[] {
  const { sink } = t.fixture;
  t.calls.writeSome(t.flow, length);
  t.stack.poll(t.now);
  const lengths = sink.frames.map(({ bytes }) => bytes.length - IP_AND_TCP);
  t.discard();
  return lengths;
}

for (const [link, frames] of [["bare", 64], ["offload", 8]] as const) {
  Deno.test(`output: on a ${link} link a turn ends after ${frames} frames`, () => {
    const t = established(link);
    t.connection.cwnd = 2_000_000;
    assertEquals(t.calls.writeSome(t.flow, 1_000_000), 1_000_000);
    assertEquals([t.stack.poll(t.now), t.fixture.sink.frames.length], [true, frames]);
    t.discard();
  });
}

Deno.test("output: a super-segment leaves room for 120 bytes of headers, and uses all the rest", () => {
  const [exact, tooLong] = [
    established("offload", 4361, { mtu: 9000 }),
    established("offload", 1258),
  ];
  for (const t of [exact, tooLong]) t.connection.cwnd = 1_000_000;
  assertEquals(framesOf(exact, 65_415), [65_415]);
  assertEquals(framesOf(tooLong, 65_416), [65_416 - 1258, 1258]);
});

Deno.test("output: with px_gso_push half of cwnd leaves at a time, but no single segment is left", () => {
  const bursts = (cwnd: number) => {
    const t = established("offload", 1460, { tunables: { px_gso_push: 1 } });
    t.connection.cwnd = cwnd;
    return framesOf(t, 100_000);
  };
  assertEquals(bursts(20 * 1460), [10 * 1460, 10 * 1460]);
  assertEquals(bursts(4 * 1460), [2 * 1460, 2 * 1460]);
  assertEquals(bursts(4 * 1460 - 2), [3 * 1460]);
});

Deno.test("output: RFC 9293 §3.8, a FIN needs no room in cwnd, the byte before it does", () => {
  const t = established("bare");
  t.calls.write(t.flow, 14_601, null);
  t.expect(". 1:14601(14600/1460) ack 1");
  t.none(0.05);
  t.connection.shutdown();
  t.none(0.05);
  const lone = established("bare");
  lone.calls.write(lone.flow, 14_600, null);
  lone.expect("P. 1:14601(14600/1460) ack 1");
  lone.connection.shutdown();
  lone.expect("F. 14601:14601(0) ack 1");
});

/** Writes after a pause of RTO + `beyond` ms; returns cwnd and ssthresh then. */
function afterPause(beyond: number, cwnd: number, ssthresh: number): [number, number] {
  const t = established("bare");
  const c = t.connection;
  t.calls.write(t.flow, 10, null);
  t.expect("P. 1:11(10) ack 1");
  t.inject(". 1:1(0) ack 11 win 65535");
  Object.assign(c, { cwnd, ssthresh });
  t.advance(c.rtoMs + beyond);
  t.calls.write(t.flow, 10, null);
  t.expect("P. 11:21(10) ack 1");
  return [c.cwnd, c.ssthresh];
}

Deno.test("output: RFC 2861 §3.2, a pause longer than RTO ends cwnd, which ssthresh remembers", () => {
  assertEquals(afterPause(0, 146_000, 14_600), [146_000, 14_600]);
  assertEquals(afterPause(1, 146_000, 14_600), [14_600, 109_500]);
  assertEquals(afterPause(1, 14_600, 2920), [14_600, 2920]);
});

Deno.test("output: RFC 8985 §7.3, a tail probe is new data if the window has room for all of it", () => {
  const probed = (window: number, length: number) => {
    const t = new ScriptRun("bare", { startMs: 5000 });
    t.run(`
      EST+SACK rtt .1
      +0 < . 1:1(0) ack 1 win ${window}
    `);
    t.calls.write(t.flow, 14_600 + length, null);
    while (t.next() !== null);
    const probe = t.next(203)!;
    assertEquals([t.elapsedMs, t.growth("TCPLossProbes")], [302, 1]);
    return [(probe.seq - t.flow.productIsn!) | 0, probe.payload.length];
  };
  assertEquals(probed(65_535, 1), [14_601, 1]);
  assertEquals(probed(65_535, 5000), [14_601, 1460]);
  assertEquals(probed(14_610, 10), [14_601, 10]);
  assertEquals(probed(14_609, 10), [13_141, 1460]);
  assertEquals(probed(14_600, 10), [13_141, 1460]);
});

Deno.test("output: a device that takes nothing ends the turn of all", () => {
  const t = established("bare");
  t.fixture.sink.isFull = true;
  t.calls.writeSome(t.flow, 10);
  assertEquals(t.stack.poll(t.now), false);
  t.fixture.sink.isFull = false;
  t.expect("P. 1:11(10) ack 1", 2);
});

Deno.test("output: RFC 2861 §3.2, who only acknowledges does not send after a pause", () => {
  const t = established("bare");
  const c = t.connection;
  c.cwnd = 146_000;
  t.advance(c.rtoMs + 1);
  t.inject("P. 1:11(10) ack 1");
  t.expect(". 1:1(0) ack 11");
  assertEquals(c.cwnd, 146_000);
});

/** Ten segments of 1460 bytes are in flight, from 1 on. */
function inFlight(fixture = "EST", options: FixtureOptions = {}): ScriptRun {
  const t = new ScriptRun("bare", options);
  t.run(fixture);
  t.calls.write(t.flow, 14_600, null);
  t.discard();
  return t;
}

/** Gives the connection a turn. The payload lengths of what leaves in it, and what became of it. */
function turnOf(t: ScriptRun): [number[], Turn] {
  const turn = transmit(t.connection, t.now);
  const lengths = t.fixture.sink.frames.map(({ bytes }) => bytes.length - IP_AND_TCP);
  t.fixture.sink.frames.length = 0;
  return [lengths, turn];
}

for (const [link, frames] of [["bare", 64], ["offload", 8]] as const) {
  Deno.test(`output: on a ${link} link a turn of lost segments ends after ${frames} frames`, () => {
    const t = established(link);
    t.connection.cwnd = 2_000_000;
    framesOf(t, 1_000_000);
    while (t.stack.poll(t.now)) t.discard();
    t.discard();
    t.connection.scoreboard!.loseAll();
    const [lengths, turn] = turnOf(t);
    assertEquals([lengths.length, turn], [frames, Turn.More]);
  });
}

Deno.test("output: RFC 9293 §3.8.6.2.1, of what was lost a part leaves where the window ends, not where cwnd does", () => {
  const resent = (cwnd: number, window: number) => {
    const t = inFlight();
    t.connection.scoreboard!.loseAll();
    Object.assign(t.connection, { cwnd, sndWnd: window });
    return turnOf(t)[0];
  };
  assertEquals([499, 500, 501].map((cwnd) => resent(cwnd, 500)), [[], [500], [500]]);
  assertEquals(resent(2919, 4000), [1460]);
  assertEquals(resent(2920, 4000), [1460, 1460]);
  assertEquals(resent(2919, 2000), [1460, 540]);
});

Deno.test("output: RFC 9293 §3.8.6.1, a shut window is asked with no more than was in flight", () => {
  const t = new ScriptRun("bare");
  t.run(`
    EST rtt .1
    write 10
    +0  > P. 1:11(10) ack 1
    +.1 < . 1:1(0) ack 1 win 0
  `);
  t.expect("P. 1:11(10) ack 1", 1000);
});

Deno.test("output: a cork holds a short segment for 200 ms from when it was written", () => {
  const t = new ScriptRun("bare");
  t.run("EST rtt .9");
  t.connection.setCork(true);
  t.calls.write(t.flow, 1460, null);
  t.expect("P. 1:1461(1460) ack 1");
  t.advance(100);
  t.calls.write(t.flow, 10, null);
  t.none(0.19);
  t.expect("P. 1461:1471(10) ack 1", 20);
});

Deno.test("output: RFC 6675 §4, the last segment is sent again once, when cwnd has room for a segment", () => {
  const rescued = (room: number) => {
    const t = inFlight("EST+SACK", { tunables: { tcp_recovery: 0 } });
    const c = t.connection;
    Object.assign(c, { phase: Phase.Recovery, recovery: new Recovery(), cwnd: 14_600 + room });
    const first = turnOf(t);
    c.cwnd += 1460;
    return [first, turnOf(t)];
  };
  assertEquals(rescued(1460), [[[1460], Turn.Done], [[], Turn.Done]]);
  assertEquals(rescued(1459), [[[], Turn.Done], [[1460], Turn.Done]]);
});

Deno.test("output: RFC 8985 §7.3, where the tail's fate is known there is no probe, and that is no refusal", () => {
  const t = inFlight("EST+SACK");
  const c = t.connection;
  c.scoreboard!.loseAll();
  assertEquals([sendTailProbe(c, t.now), c.hasProbed, t.growth("TCPLossProbes")], [true, false, 0]);
});

Deno.test("output: RFC 8985 §7.3, without new data the last segment is the probe; two new ones are where both fit", () => {
  const probes = (unsent: number, window: number) => {
    const t = inFlight("EST+SACK");
    if (unsent > 0) t.calls.writeSome(t.flow, unsent);
    const c = t.connection;
    c.sndWnd = 14_600 + window;
    assertEquals(sendTailProbe(c, t.now), true);
    const { frames } = t.fixture.sink;
    const lengths = frames.map(({ bytes }) => bytes.length - IP_AND_TCP);
    frames.length = 0;
    return [lengths, c.isProbeResent, c.hasProbed];
  };
  assertEquals(probes(0, 5000), [[1460], true, true]);
  assertEquals(probes(10, 0), [[1460], true, true]);
  assertEquals(probes(2919, 5000), [[1460], false, true]);
  assertEquals(probes(2920, 5000), [[1460, 1460], false, true]);
  assertEquals(probes(2920, 2920), [[1460, 1460], false, true]);
  assertEquals(probes(2920, 2919), [[1460], false, true]);
});

Deno.test("output: what the device refuses has not happened", () => {
  const t = inFlight("EST+SACK");
  const c = t.connection;
  const { sink } = t.fixture;
  sink.isFull = true;
  const refused = [sendTailProbe, sendProbe, sendKeepalive].map((send) => send(c, t.now));
  c.ackNow = true;
  assertEquals([refused, transmit(c, t.now), c.ackNow], [
    [false, false, false],
    Turn.Refused,
    true,
  ]);
  t.calls.writeSome(t.flow, 10);
  assertEquals([sendTailProbe(c, t.now), sendShort(c, t.now)], [false, false]);
  assertEquals([c.hasProbed, c.sndNxt, t.growth("TCPLossProbes")], [
    false,
    c.sendQueue.end - 10,
    0,
  ]);
  c.scoreboard!.loseAll();
  assertEquals([transmit(c, t.now), c.scoreboard!.lostBytes], [Turn.Refused, 14_600]);
  sink.isFull = false;
  assertEquals([transmit(c, t.now), c.ackNow], [Turn.Done, false]);
  t.discard();
  c.ackNow = true;
  assertEquals(transmit(c, t.now), Turn.Done);
  assertEquals([sendShort(c, t.now), c.sndNxt], [true, c.sendQueue.end]);
  c.abort();
  sink.isFull = true;
  assertEquals([transmit(c, t.now), t.growth("OutRsts")], [Turn.Refused, 0]);
  sink.isFull = false;
  assertEquals([transmit(c, t.now), t.growth("OutRsts")], [Turn.Done, 1]);
  t.discard();
});

Deno.test("output: RFC 9293 §3.8.6.1, what is written while a shut window is probed does not put the probe off", () => {
  const t = new ScriptRun("bare");
  t.run(`
    EST rtt .1
    +0 < . 1:1(0) ack 1 win 0
    write 10
  `);
  t.none(0.2);
  t.calls.writeSome(t.flow, 10);
  t.expect(". 0:0(0) ack 1", 110);
});

Deno.test("output: RFC 9293 §3.8.6.2.1, the last byte of the window is used after 200 ms, whatever is in flight", () => {
  const t = new ScriptRun("bare");
  t.run(`
    EST rtt .3
    +0 < . 1:1(0) ack 1 win 1461
  `);
  t.calls.writeSome(t.flow, 2000);
  t.expect(". 1:1461(1460) ack 1");
  t.none(0.19);
  t.expect(". 1461:1462(1) ack 1", 20);
});

Deno.test("output: RFC 9293 §3.8.4, the garbage of a keep-alive probe is one byte, and the header says so", () => {
  const t = new ScriptRun("bare", { tunables: { tcp_keepalive_garbage: 1 } });
  t.run("EST");
  assertEquals(sendKeepalive(t.connection, t.now), true);
  const { bytes } = t.fixture.sink.frames[0];
  assertEquals([bytes.length, (bytes[16] << 8) | bytes[17]], [IP_AND_TCP + 1, IP_AND_TCP - 14 + 1]);
  t.discard();
});

Deno.test("output: RFC 3168 §6.1.4, a single byte is capable of ECN, what is sent again is not", () => {
  const t = new ScriptRun("bare");
  t.run("EST+ECN rtt .1");
  t.calls.write(t.flow, 1, null);
  assertEquals([t.next()!.trafficClass & 3, t.next(1000)!.trafficClass & 3], [2, 0]);
});

Deno.test("output: with px_gso_push a super-segment ends in PSH, one segment or what is sent again does not", () => {
  const pushed = (tunable: number, cwnd: number) => {
    const t = established("offload", 1460, { tunables: { px_gso_push: tunable } });
    t.connection.cwnd = cwnd;
    t.calls.writeSome(t.flow, 100_000);
    t.stack.poll(t.now);
    const flags = () => {
      const { frames } = t.fixture.sink;
      return frames.splice(0).map(({ bytes }) => (bytes[47] & 8) !== 0);
    };
    const first = flags();
    t.connection.scoreboard!.loseAll();
    transmit(t.connection, t.now);
    return [first, flags()];
  };
  assertEquals(pushed(1, 2920), [[true], [false]]);
  assertEquals(pushed(1, 1460), [[false], [false]]);
  assertEquals(pushed(0, 2920), [[false], [false]]);
});

Deno.test("output: who answers within the delayed ACK's time is interactive", () => {
  const isInteractive = (waitMs: number) => {
    const t = established("bare");
    t.inject("P. 1:11(10) ack 1");
    t.discard();
    const c = t.connection;
    c.isInteractive = false;
    c.lastReceivedAt = (t.now - waitMs) | 0;
    framesOf(t, 10);
    return c.isInteractive;
  };
  assertEquals([40, 41].map(isInteractive), [true, false]);
});

Deno.test("output: RFC 6691, SACK blocks take their room from the text beside them", () => {
  const lengths = (...starts: number[]) => {
    const t = new ScriptRun("bare");
    t.run("EST+SACK");
    for (const start of starts) t.inject(`. ${start}:${start + 10}(10) ack 1`);
    t.discard();
    t.calls.write(t.flow, 3000, null);
    return [t.next(), t.next()].map((packet) => packet!.payload.length);
  };
  assertEquals([lengths(), lengths(11), lengths(11, 31)], [
    [1460, 1460],
    [1448, 1448],
    [1440, 1440],
  ]);
});

Deno.test("output: RFC 6298 §5.1, only the first segment sent again restarts the timer in fast recovery", () => {
  const t = inFlight("EST+SACK rtt .1");
  t.advance(100);
  t.inject(". 1:1(0) ack 1 win 65535 <nop,nop,sack 1461:5841>");
  t.expect(". 1:1461(1460) ack 1");
  assertEquals(t.connection.rtoMs, 300);
  t.discard();
  t.advance(50);
  t.inject(". 1:1(0) ack 1 win 65535 <nop,nop,sack 7301:11681 1461:5841>");
  t.expect(". 5841:7301(1460) ack 1");
  t.none(0.24);
  t.expect(". 1:1461(1460) ack 1", 20);
});

Deno.test("output: a window may be shut for as long as px_zero_window_timeout, from its first second on", () => {
  const abortedAfter = (seconds: number) => {
    const t = new ScriptRun("bare", { tunables: { px_zero_window_timeout: seconds } });
    t.run(`
      EST
      +0 < . 1:1(0) ack 1 win 0
      write 10
    `);
    const beganMs = t.elapsedMs;
    for (let waitedMs = 0; waitedMs < 3000; waitedMs += 100) {
      t.advance(100);
      t.discard();
      if (t.growth("TCPAbortOnZeroWindow") > 0) return t.elapsedMs - beganMs;
      t.calls.writeSome(t.flow, 1); // does not put it off
    }
    return Infinity;
  };
  assertEquals([1, 2, 0].map(abortedAfter), [1000, 2000, Infinity]);
});

Deno.test("output: what is known of a narrow path is believed until it expires", () => {
  const sent = (isPathNarrow: boolean, expiresInMs: number) => {
    const t = established("bare");
    const pathExpiresAt = Math.ceil(t.now) + expiresInMs;
    Object.assign(t.connection, { mss: 1000, isPathNarrow, pathExpiresAt });
    return framesOf(t, 1460);
  };
  assertEquals(sent(true, 1), [1000, 460]);
  assertEquals(sent(true, 0), [1460]);
  assertEquals(sent(false, 0), [1000, 460]); // so large is what the peer takes
});

Deno.test("output: RFC 4821 §7.4, a probe of the path waits until cwnd has room for all of it", () => {
  const sent = (inFlight: number) => {
    const t = established("bare");
    const c = t.connection;
    Object.assign(c, { mss: 1000, cwnd: 10_000 });
    framesOf(t, inFlight);
    c.mtuSearch = new MtuSearch(1000);
    c.mtuSearch.limit(1460);
    return framesOf(t, 6000);
  };
  assertEquals([8540, 8541].map(sent), [[1460], []]);
});

Deno.test("output: a reply which belongs to no connection names no window, is one frame and follows ip_no_pmtu_disc", () => {
  for (const ip_no_pmtu_disc of [0, 1]) {
    const t = new ScriptRun("bare", { tunables: { ip_no_pmtu_disc } });
    t.run("EST");
    const { tcp } = t.stack;
    Object.assign(tcp.out, { wnd: 77, isOffloaded: true, mayFragment: ip_no_pmtu_disc === 0 });
    const { wnd, isOffloaded, mayFragment } = prepareReply(tcp, t.connection);
    assertEquals([wnd, isOffloaded, mayFragment], [0, false, ip_no_pmtu_disc === 1]);
  }
});

/** A connection with a path model which lets `pace` bytes leave, and what leaves when `length` are written. */
function paced(pace: number, length: number, changes = {}): [ScriptRun, RecordingModel, number[]] {
  const t = established("bare");
  const model = Object.assign(new RecordingModel(), { pace, nextAt: t.now + 5 });
  Object.assign(t.connection, { congestion: model.congestion }, changes);
  return [t, model, framesOf(t, length)];
}

function isPaceAwaited(t: ScriptRun): boolean {
  return (t.connection.timers & TIMER.Pace) !== 0;
}

Deno.test("output: draft-ietf-ccwg-bbr §5.6.2, new text leaves in whole segments as the pace allows", () => {
  const sent = [0, 1459, 1460, 2919].map((pace) => {
    const [, model, lengths] = paced(pace, 1460);
    return [lengths, model.take()];
  });
  assertEquals(sent.slice(0, 2), [[[], ["resumed"]], [[], ["resumed"]]]);
  assertEquals(sent.slice(2), [
    [[1460], ["resumed", "sent 1460", "idle"]],
    [[1460], ["resumed", "sent 1460", "idle"]],
  ]);
});

Deno.test("output: draft-ietf-ccwg-bbr §5.6.2, what was lost leaves again as the pace allows", () => {
  const [t, model] = paced(Infinity, 14_600);
  const c = t.connection;
  c.scoreboard!.loseAll();
  Object.assign(model, { pace: 1459, nextAt: t.now + 0.5 });
  model.take();
  assertEquals([turnOf(t)[0], model.take(), isPaceAwaited(t)], [[], [], true]);
  assertEquals(c.timerAt[Math.log2(TIMER.Pace)], Math.ceil(t.now + 0.5) | 0);
  model.pace = 1460;
  assertEquals(turnOf(t)[0].length, 10);
  assertEquals(model.take(), Array(10).fill("sent 1460"));
});

Deno.test("output: a pace is waited for only while something waits for it alone", () => {
  const isAwaited = (pace: number, length: number, changes = {}, nextIn = 5) => {
    const t = established("bare");
    const model = Object.assign(new RecordingModel(), { pace, nextAt: t.now + nextIn });
    Object.assign(t.connection, { congestion: model.congestion }, changes);
    framesOf(t, length);
    return [isPaceAwaited(t), model.take().includes("idle")];
  };
  assertEquals(isAwaited(0, 1460), [true, false]);
  assertEquals(isAwaited(0, 1460, {}, 0), [false, false]); // it might leave, were it not for something else
  assertEquals(isAwaited(Infinity, 1460), [false, true]); // nothing waits
  assertEquals(isAwaited(Infinity, 14_600), [false, false]); // nothing waits, and cwnd is full
  assertEquals(isAwaited(Infinity, 14_599), [false, true]);
  assertEquals(isAwaited(Infinity, 20_000), [false, false]); // waits for cwnd
});

Deno.test("output: draft-ietf-ccwg-bbr §4.1.2.4, who waits for what is lost has something to send", () => {
  const [t, model] = paced(Infinity, 1460);
  t.connection.scoreboard!.loseAll();
  model.pace = 0;
  model.take();
  turnOf(t);
  assertEquals(model.take(), []);
});

Deno.test("output: draft-ietf-ccwg-bbr §5.4.1, a path model hears when a flight begins, and no pause ends its cwnd", () => {
  const [t, model] = paced(Infinity, 10, { cwnd: 146_000, ssthresh: 14_600 });
  const c = t.connection;
  assertEquals(model.take(), ["resumed", "sent 10", "idle"]);
  assertEquals(framesOf(t, 1460), [1460]);
  assertEquals(model.take(), ["sent 1460", "idle"]);
  t.inject(". 1:1(0) ack 1471 win 65535");
  t.advance(c.rtoMs + 1000);
  model.take();
  framesOf(t, 10);
  assertEquals([model.take(), c.cwnd, c.ssthresh], [
    ["resumed", "sent 10", "idle"],
    146_000,
    14_600,
  ]);
});

Deno.test("output: a path model is asked for when a flight begins, not in the middle of one", () => {
  const t = established("bare");
  const model = new RecordingModel();
  framesOf(t, 10);
  t.connection.congestion = model.congestion;
  framesOf(t, 1460);
  assertEquals([t.connection.model, model.take()], [null, []]);
  t.inject(". 1:1(0) ack 1471 win 65535");
  framesOf(t, 10);
  assertEquals(model.take(), ["resumed", "sent 10", "idle"]);
});

Deno.test("output: RFC 8985 §7.3, a path model hears of a tail probe, which no pace delays", () => {
  const [t, model] = paced(Infinity, 1460);
  model.pace = 0;
  model.take();
  assertEquals([sendTailProbe(t.connection, t.now), model.take()], [true, ["sent 1460"]]);
  t.discard();
});

Deno.test("output: RFC 4821 §7.4, a pace delays a probe of the path, however little it lets leave at once", () => {
  const sent = (pace: number) => {
    const t = established("bare");
    const model = Object.assign(new RecordingModel(), { pace, nextAt: t.now + 5 });
    Object.assign(t.connection, { congestion: model.congestion, mss: 1000, cwnd: 10_000 });
    t.connection.mtuSearch = new MtuSearch(1000);
    t.connection.mtuSearch.limit(1460);
    return [framesOf(t, 6000)[0], isPaceAwaited(t)];
  };
  assertEquals([sent(0), sent(1)], [[undefined, true], [1460, true]]);
});
