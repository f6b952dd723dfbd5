import { assert, assertEquals } from "@std/assert";
import { NOT_FILED } from "../../lib/tcp/deadlines.ts";
import { State } from "../../lib/tcp/state.ts";
import { deadlinePassed } from "../../lib/tcp/timeouts.ts";
import { arm, TIMER } from "../../lib/tcp/timers.ts";
import { ScriptRun } from "../support/script_run.ts";
import { RecordingModel } from "./support.ts";

/** A run on a clock of whole milliseconds, in which a frame may not be late by one of them. */
function exactRun(script: string, tunables = {}): ScriptRun {
  const t = new ScriptRun("bare", { startMs: 5000, toleranceMs: 0.4, tunables });
  t.run(script);
  return t;
}

Deno.test("timeouts: a keep-alive probe that the device refused is tried again after 10 ms", () => {
  const t = exactRun("EST");
  t.connection.setKeepalive({ time: 1 });
  t.fixture.sink.isFull = true;
  t.advance(1000);
  t.fixture.sink.isFull = false;
  t.none(0.009);
  t.expect(". 0:0(0) ack 1", 1);
  assertEquals(t.growth("TCPKeepAlive"), 1);
});

Deno.test("timeouts: an end of resetWhenDrained sends nothing again in the same moment", () => {
  const t = exactRun(`
    EST rtt .1
    write 10
    +0 > P. 1:11(10) ack 1
  `);
  t.connection.resetWhenDrained(t.now + 300);
  t.run(`
    +.3 > R. 11:11(0) ack 1
    cnt:TCPTimeouts=0
  `);
});

Deno.test("timeouts: RFC 9293 §3.8.3, R2 ends a connection in the millisecond it is reached", () => {
  const t = exactRun("EST", { tcp_retries2: 3 });
  t.connection.rtoMs = 200;
  t.run(`
    write 10
    +0  > P. 1:11(10) ack 1
    +.2 > P. 1:11(10) ack 1
    +.4 > P. 1:11(10) ack 1
    +.8 > P. 1:11(10) ack 1
    none(1.599)
    state ESTABLISHED
    +.001 state CLOSED
    none(100)
  `);
});

Deno.test("timeouts: an orphan's second look for the peer's FIN does not begin the wait anew", () => {
  const t = exactRun(`
    EST
    close
    +0  > F. 1:1(0) ack 1
    +0  < . 1:1(0) ack 2
    +30 < . 0:0(0) ack 2
    +0  > . 2:2(0) ack 1
    +29.999 state FIN_WAIT_2
    +.001 state CLOSED
  `);
  t.none(100);
});

Deno.test("timeouts: an ACK that waited in vain says that the user does not answer: the next FIN's does not wait", () => {
  const t = exactRun("EST", { px_quick_acks: 0 });
  t.run(`
    +0 < P. 1:11(10) ack 1
    write 10
    +0 > P. 1:11(10) ack 11
    +.001 < P. 11:21(10) ack 11
    +.04 > . 11:11(0) ack 21
    +0 < F. 21:21(0) ack 11
    +0 > . 11:11(0) ack 22
  `);
});

Deno.test("timeouts: RFC 9293 §3.8.3, a user timeout ends nobody whose data were acknowledged", () => {
  const t = exactRun("EST");
  t.connection.setUserTimeout(1000, t.now);
  t.run(`
    write 10
    +0 > P. 1:11(10) ack 1
    +.1 < . 1:1(0) ack 11
    none(100)
    state ESTABLISHED
  `);
});

Deno.test("timeouts: a user timeout that came up too early keeps nothing else from being done", () => {
  const t = exactRun("EST", { px_quick_acks: 0 });
  t.connection.setUserTimeout(500, t.now);
  t.connection.rtoMs = 3000;
  t.run(`
    write 10
    +0 > P. 1:11(10) ack 1
    +.35 < . 1:1(0) ack 11
    write 10
    +0 > P. 11:21(10) ack 1
    +.11 < P. 1:11(10) ack 11
    +.04 > . 21:21(0) ack 11
    cnt:DelayedACKs
  `);
});

Deno.test("timeouts: nor does one that has nothing to wait for", () => {
  const t = exactRun("EST", { px_quick_acks: 0 });
  t.connection.setUserTimeout(500, t.now);
  t.run(`
    write 10
    +0 > P. 1:11(10) ack 1
    +.1 < . 1:1(0) ack 11
    +.36 < P. 1:11(10) ack 11
    +.04 > . 11:11(0) ack 11
    cnt:DelayedACKs
  `);
});

Deno.test("timeouts: SEC-14, a limit to shut windows that was lifted meanwhile keeps nothing from being done", () => {
  const tunables = { px_quick_acks: 0, px_zero_window_timeout: 1 };
  const t = exactRun("EST\n+0 < . 1:1(0) ack 1 win 0", tunables);
  t.connection.rtoMs = 3000;
  t.run("write 10\n+.96 < P. 1:11(10) ack 1 win 0");
  t.stack.tunables = { ...t.stack.tcp.tunables, px_zero_window_timeout: 0 };
  t.run("+.04 > . 1:1(0) ack 11\nstate ESTABLISHED");
});

Deno.test("timeouts: SEC-14, who is ended for a shut window is not probed in the same moment", () => {
  const t = exactRun("EST\n+0 < . 1:1(0) ack 1 win 0", { px_zero_window_timeout: 1 });
  t.connection.rtoMs = 1000;
  t.run("write 10\n+1 > R. 1:1(0) ack 1\nnone(10)\ncnt:TCPWinProbe=0");
});

Deno.test("timeouts: RFC 8985 §6.3, one byte that was lost is sent again when the reordering window is over", () => {
  const t = exactRun("EST+SACK rtt .1\nnodelay");
  t.run(`
    write 1
    +0 > P. 1:2(1) ack 1
    write 1000
    +0 > P. 2:1002(1000) ack 1
    +.1 < . 1:1(0) ack 1 <nop,nop,sack 2:1002>
  `);
  t.expect(". 1:2(1) ack 1", 60);
});

Deno.test("timeouts: RFC 8985 §6.3, what was lost and cannot be sent again waits from when it was sent", () => {
  const t = exactRun("EST+SACK rtt .1\nnodelay");
  t.run(`
    write 1
    +0 > P. 1:2(1) ack 1
    write 1000
    +0 > P. 2:1002(1000) ack 1
  `);
  const sentAt = t.now;
  t.run("+.1 < . 1:1(0) ack 1 <nop,nop,sack 2:1002>");
  t.fixture.sink.isFull = true;
  t.advance(60);
  assertEquals(t.growth("TCPTimeouts"), 0);
  assertEquals(t.connection.timerAt[0], sentAt + t.connection.rtoMs);
});

Deno.test("timeouts: RFC 4821 §7.7, a black hole is suspected after R1 timeouts, if that is the first", () => {
  const t = exactRun("EST", { tcp_retries1: 1, tcp_mtu_probing: 1 });
  t.connection.rtoMs = 1000;
  t.run("write 1460\n+0 > P. 1:1461(1460) ack 1\n+1 > P. 1:1461(1460) ack 1");
  assertEquals(t.connection.mss, 1460);
  t.advance(2000);
  t.discard();
  assertEquals(t.connection.mss, t.stack.tcp.tunables.tcp_base_mss);
});

/** A short segment waits for more behind 2920 bytes in flight, for 200 ms at most. */
const CORKED = `
  write 2930
  +0 > . 1:2921(2920/1460) ack 1
`;

Deno.test("timeouts: the short segment that a tail probe took along is not sent twice", () => {
  const t = exactRun("EST+SACK rtt .03");
  t.connection.setCork(true);
  t.run(CORKED);
  t.expect("P. 2921:2931(10) ack 1", 100);
  t.run("+0 < . 1:1(0) ack 2931\nnone(1)");
});

Deno.test("timeouts: RFC 9293 §3.8.6.1, a window shut over what is in flight is not probed", () => {
  const t = exactRun("EST rtt .03");
  t.connection.setCork(true);
  t.run(`
    ${CORKED}
    +.01 < . 1:1(0) ack 1 win 0
    none(.195)
    cnt:TCPWinProbe=0
  `);
});

Deno.test("timeouts: TFO-S-12, a fast open whose SYN shut the window is not probed before the third ACK", () => {
  const t = new ScriptRun("bare", { fastOpen: 16, tunables: { tcp_fastopen: 0x202 } });
  t.run(`
    +0 < S 0:10(10) win 0 <mss 1460>
    +0 > S. 0:0(0) ack 11 <...>
    accept
    write 20
    +1 > S. 0:0(0) ack 11 <...>
    none(1.9)
    cnt:TCPWinProbe=0
  `);
});

Deno.test("timeouts: RFC 9293 §3.8.3, with a user timeout retransmissions do not count", () => {
  const t = exactRun("EST", { tcp_retries2: 1, tcp_rto_max: 1000 });
  t.connection.setUserTimeout(60_000, t.now);
  t.run("write 10\n+0 > P. 1:11(10) ack 1");
  t.advance(59_999);
  t.discard();
  t.run("state ESTABLISHED\n+.001 state CLOSED");
  t.discard();
});

Deno.test("timeouts: SHLD-17, R2 counts from when the peer last shut the window, if only by a millisecond", () => {
  for (const [shutMs, state] of [[0, "CLOSED"], [1, "ESTABLISHED"]] as const) {
    const t = exactRun("EST", { tcp_retries2: 3 });
    t.connection.rtoMs = 200;
    t.run("write 10\n+0 > P. 1:11(10) ack 1");
    t.advance(shutMs);
    t.inject(". 1:1(0) ack 1 win 0");
    t.advance(3000 - shutMs);
    t.discard();
    t.run(`state ${state}`);
  }
});

Deno.test("timeouts: RFC 9293 §3.8.3, a user timeout of 1 ms holds for what is in flight", () => {
  const t = exactRun("EST\nwrite 10\n+0 > P. 1:11(10) ack 1");
  t.connection.setUserTimeout(1, t.now);
  t.run("+.001 > R. 11:11(0) ack 1\nstate CLOSED");
});

Deno.test("timeouts: RFC 5482 §3.1, a user timeout of 1 ms was chosen, and no word of the peer changes it", () => {
  const t = exactRun("EST", { px_user_timeout_option: 1 });
  t.connection.setUserTimeout(1, t.now);
  t.discard();
  t.inject(". 1:1(0) ack 1 <uto 300 s>");
  t.discard();
  assertEquals(t.connection.userTimeoutMs, 1);
  t.connection.setUserTimeout(0, t.now);
  t.inject(". 1:1(0) ack 1 <uto 300 s>");
  t.discard();
  assertEquals(t.connection.userTimeoutMs, 300_000);
});

Deno.test("timeouts: who is given up in the moment of its keep-alive has no timer left", () => {
  for (const window of [0, 1000]) {
    const t = exactRun(`EST rtt .1\n+0 < . 1:1(0) ack 1 win ${window}\nwrite 10`, {
      tcp_retries2: 3,
    });
    const c = t.connection;
    c.setKeepalive({ time: 1000 });
    for (let at = 0; c.closeReason === ""; at++) {
      assert(at < 60_000, "it was never given up");
      const next = Math.min(
        ...[0, 1].filter((i) => (c.timers & (1 << i)) !== 0).map((i) => c.timerAt[i]),
      );
      if (Number.isFinite(next)) arm(c, TIMER.Keepalive, next);
      t.advance(1);
      t.discard();
    }
    assertEquals([c.state, c.timers, c.heapIndex], [State.Closed, 0, NOT_FILED]);
  }
});

/** A connection with a path model, whose pace lets nothing leave for 10.5 ms; 1460 bytes wait. */
function paced(): [ScriptRun, RecordingModel] {
  const t = exactRun("EST+SACK rtt .1");
  const model = new RecordingModel();
  t.connection.congestion = model.congestion;
  Object.assign(model, { pace: 0, nextAt: t.now + 10.5 });
  t.calls.write(t.flow, 1460, null);
  return [t, model];
}

Deno.test("timeouts: draft-ietf-ccwg-bbr §5.6.2, what the pace holds back leaves in the millisecond in which it may", () => {
  const [t, model] = paced();
  t.none(0.0105);
  model.pace = Infinity;
  t.expect("P. 1:1461(1460) ack 1", 1);
  assertEquals(t.connection.timers & TIMER.Pace, 0);
  t.run("+.1 < . 1:1(0) ack 1461");
});

Deno.test("timeouts: a pace that has become slower meanwhile is waited for again", () => {
  const [t, model] = paced();
  t.none(0.01);
  model.nextAt += 20;
  t.none(0.02);
  model.pace = Infinity;
  t.expect("P. 1:1461(1460) ack 1", 1);
});

Deno.test("timeouts: it is the pace that gives a connection its turn, and no other timer of those that send nothing", () => {
  const [t] = paced();
  t.none(0.001);
  const c = t.connection;
  c.setKeepalive({ time: 1000 });
  arm(c, TIMER.Keepalive, t.now);
  deadlinePassed(c, t.now);
  assertEquals(c.isReady, false);
  deadlinePassed(c, t.now + 10);
  assertEquals(c.isReady, true);
});

Deno.test("timeouts: no pace is waited for by a connection that is reset or given up", () => {
  const [t, model] = paced();
  t.none(0.005);
  t.connection.abort();
  t.expect("R. 1:1(0) ack 1");
  model.pace = Infinity;
  t.none(1);
  assertEquals(t.connection.state, State.Closed);

  const [silent] = paced();
  silent.none(0.001);
  const c = silent.connection;
  c.setKeepalive({ time: 1000 });
  assertEquals(c.timers & TIMER.Pace, TIMER.Pace);
  Object.assign(c, { keepaliveProbes: 100, lastReceivedAt: (silent.now - 1e7) | 0 });
  arm(c, TIMER.Keepalive, silent.now);
  silent.advance(1);
  silent.discard();
  assertEquals([c.state, c.timers], [State.Closed, 0]);
  silent.none(1);
});

Deno.test("timeouts: RFC 8985 §6.3, a path model hears of what the reordering window shows to be lost, and sets cwnd itself", () => {
  const t = exactRun("EST+SACK rtt .1\nnodelay");
  const model = new RecordingModel();
  t.connection.congestion = model.congestion;
  t.run(`
    write 1
    +0 > P. 1:2(1) ack 1
    write 1000
    +0 > P. 2:1002(1000) ack 1
    +.1 < . 1:1(0) ack 1 <nop,nop,sack 2:1002>
  `);
  model.take();
  const { cwnd } = t.connection;
  t.expect(". 1:2(1) ack 1", 60);
  assertEquals([model.take(), t.connection.cwnd], [["lost 1", "reduced", "sent 1", "idle"], cwnd]);
});

Deno.test("timeouts: a path model hears of a timeout, and of what was lost by it", () => {
  const t = exactRun("EST rtt .1");
  const model = new RecordingModel();
  t.connection.congestion = model.congestion;
  t.run("write 10\n+0 > P. 1:11(10) ack 1\n+.3 > P. 1:11(10) ack 1");
  const told = model.take();
  assertEquals(told.slice(told.indexOf("reduced")), ["reduced", "lost 10", "sent 10", "idle"]);
});
