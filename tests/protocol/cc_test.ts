/** CC: congestion control. Requirements §2.23. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ALGORITHMS } from "../../lib/tcp/algorithms.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

const RENO = { tunables: { tcp_congestion_control: 0 } };

/** Acknowledges each segment `rttMs` after the last was sent; returns how many there were. */
function playRound(t: ScriptRun, rttMs: number): number {
  const ends: number[] = [];
  for (let packet = t.next(); packet !== null; packet = t.next()) {
    ends.push(((packet.seq - t.flow.productIsn!) | 0) + packet.payload.length);
  }
  t.advance(rttMs);
  t.inject(...ends.map((end) => `. 1:1(0) ack ${end}`));
  return ends.length;
}

for (const [mss, mtu, segments] of [[1460, 1500, 10], [536, 1500, 10], [8960, 9000, 2]]) {
  protocolTest(
    "CC-01",
    `with an MSS of ${mss} the initial window is ${segments} segments`,
    `
    0  < S 0:0(0) win 65535 <mss ${mss}>
    +0 > S. 0:0(0) ack 1 <mss ${mtu - 40}>
    +.1 < . 1:1(0) ack 1
       accept
       write 100000
    +0 > . 1:${1 + segments * mss}(${segments * mss}/${mss}) ack 1
    none(.1)
    `,
    { mtu },
  );
}

protocolTest("CC-02", "slow start doubles the window when each segment is acknowledged", (t) => {
  t.run("EST rtt .1");
  t.calls.write(t.flow, 200_000, null);
  assertEquals(playRound(t, 100), 10);
  assertEquals(playRound(t, 100), 20);
  assertEquals(playRound(t, 100), 40);
  t.discard();
});

protocolTest(
  "CC-02",
  "one ACK for five segments opens the window by five",
  `
  EST rtt .1
      write 100000
  +0  > . 1:14601(14600/1460) ack 1
  +.1 < . 1:1(0) ack 7301
  +0  > . 14601:29201(14600/1460) ack 1
  none(.1)
  `,
);

protocolTest(
  "CC-02",
  "one ACK for ten segments opens the window by eight",
  `
  EST rtt .1
      write 100000
  +0  > . 1:14601(14600/1460) ack 1
  +.1 < . 1:1(0) ack 14601
  +0  > . 14601:40881(26280/1460) ack 1
  none(.1)
  `,
);

protocolTest("CC-02", "above ssthresh the window grows by one segment a round", (t) => {
  t.run("EST rtt .1");
  t.connection.ssthresh = 14_600;
  t.calls.write(t.flow, 200_000, null);
  for (const segments of [10, 11, 12, 13]) assertEquals(playRound(t, 100), segments);
  t.discard();
}, RENO);

for (const [name, algorithm, segments] of [["reno", 0, 10], ["cubic", 1, 14]] as const) {
  protocolTest(
    "CC-03",
    `loss found by ACKs takes a flight of 20 to ${segments} with ${name}`,
    (t) => {
      t.run("EST+SACK rtt .1");
      t.calls.write(t.flow, 43_800, null);
      playRound(t, 100);
      assertEquals(t.connection.cwnd, 20 * 1460);
      t.run(`
      +0  > P. 14601:43801(29200) ack 1
      +.1 < . 1:1(0) ack 14601 <nop,nop,sack 16061:43801>
      +0  > . 14601:16061(1460) ack 1
    `);
      assertEquals(t.connection.ssthresh, segments * 1460);
    },
    { tunables: { tcp_congestion_control: algorithm } },
  );
}

for (const [name, algorithm, segments] of [["reno", 0, 5], ["cubic", 1, 7]] as const) {
  protocolTest(
    "CC-04",
    `after a timeout one segment is sent, after its ACK two, up to ${segments} with ${name}`,
    (t) => {
      t.run(`
        EST rtt .1
            write 14600
        +0  > P. 1:14601(14600) ack 1
        +.3 > . 1:1461(1460) ack 1
      `);
      assertEquals(t.connection.ssthresh, segments * 1460);
      t.run(`
        +.1 < . 1:1(0) ack 1461
        +0  > . 1461:4381(2920/1460) ack 1
        none(.1)
      `);
    },
    { tunables: { tcp_congestion_control: algorithm } },
  );
}

const WITHOUT_COOKIE = { tcp_fastopen: 0x202 };

for (
  const [how, opening, tunables] of [
    ["by a handshake", "EST rtt .1", {}],
    ["by a SYN cookie", "EST rtt .1", { tcp_syncookies: 2 }],
    ["fast", "TFO", WITHOUT_COOKIE],
  ] as const
) {
  protocolTest("CC-07", `a listener's own algorithm is that of what is opened ${how}`, (t) => {
    if (opening === "TFO") {
      t.run(`
        0  < S 0:10(10) win 65535 <mss 1460,FO>
        +0 > S. 0:0(0) ack 11 <mss 1460>
        +.1 < . 11:11(0) ack 1
           accept
           read 10
      `);
    } else {
      t.run(opening);
    }
    t.calls.write(t.flow, 14_600, null);
    t.expect("P. 1:14601(14600) ack *");
    t.expect(". 1:1461(1460) ack *", 3000);
    assertEquals([t.connection.congestion.name, t.connection.ssthresh], ["reno", 5 * 1460]);
  }, { tunables, congestionControl: "reno", fastOpen: 10 });
}

protocolTest("CC-07", "an active open has the algorithm that is asked for", (t) => {
  const remote = parseEndpoint("10.0.0.2:9")!;
  const names = ["reno", "cubic", null].map((congestionControl) =>
    t.stack.connect(remote, { congestionControl }, t.now).congestion.name
  );
  assertEquals(names, ["reno", "cubic", "cubic"]);
  for (
    const connect of [t.stack.connect.bind(t.stack, remote), t.stack.listen.bind(t.stack, remote)]
  ) {
    const message = 'There is no congestion control "cubik"; did you mean cubic?';
    assertThrows(() => connect({ congestionControl: "cubik" }, t.now), RangeError, message);
  }
  t.expectFrame(); // asks for the next hop
});

for (const [name, algorithm, segments] of [["reno", 0, 5], ["cubic", 1, 7]] as const) {
  protocolTest("CC-04", `only the first timeout of a segment lowers ssthresh with ${name}`, (t) => {
    t.run(`
      EST rtt .1
          write 14600
      +0  > P. 1:14601(14600) ack 1
      +.3 > . 1:1461(1460) ack 1
      +.6 > . 1:1461(1460) ack 1
      +1.2 > . 1:1461(1460) ack 1
    `);
    assertEquals([t.connection.ssthresh, t.connection.cwnd], [segments * 1460, 1460]);
    t.run("+.1 < . 1:1(0) ack 14601");
  }, { tunables: { tcp_congestion_control: algorithm }, toleranceMs: 20 });
}

protocolTest(
  "CC-04",
  "an ACK for all that was sent before a timeout opens the window by one",
  (t) => {
    t.run(`
    EST rtt .1
        write 14600
    +0  > P. 1:14601(14600) ack 1
    +.3 > . 1:1461(1460) ack 1
    +.1 < . 1:1(0) ack 14601
        write 14600
    +0  > . 14601:17521(2920/1460) ack 1
    none(.1)
  `);
  },
);

protocolTest(
  "CC-05",
  "the third duplicate ACK sends again; a partial ACK repairs the next hole",
  `
  EST rtt .1
       write 14600
  +0   > P. 1:14601(14600) ack 1
  +.1  < . 1:1(0) ack 1
  +0   < . 1:1(0) ack 1
  none(.01)
  +0   < . 1:1(0) ack 1
  +0   > . 1:1461(1460) ack 1
  +0   < . 1:1(0) ack 1
  +0   < . 1:1(0) ack 1
  +0   < . 1:1(0) ack 1
  +0   < . 1:1(0) ack 1
  +0   < . 1:1(0) ack 1
  +.1  < . 1:1(0) ack 5841
  +0   > . 5841:7301(1460) ack 1
  +.1  < . 1:1(0) ack 14601
       cnt:TCPDupAcks=8
       cnt:TCPFastRetrans
       cnt:TCPTimeouts=0
  none(10)
  `,
);

protocolTest(
  "CC-05",
  "ACKs with data or another window are no duplicates",
  `
  EST rtt .1
       write 14600
  +0   > P. 1:14601(14600) ack 1
  +.05 < P. 1:11(10) ack 1
  +0   > . 14601:14601(0) ack 11
  +0   < P. 11:21(10) ack 1
  +0   > . 14601:14601(0) ack 21
  +0   < P. 21:31(10) ack 1
  +0   > . 14601:14601(0) ack 31
  +0   < . 31:31(0) ack 1 win 65000
  +0   < . 31:31(0) ack 1 win 64000
  +0   < . 31:31(0) ack 1 win 63000
  none(.1)
  `,
);

for (const sack of [false, true]) {
  protocolTest(
    "CC-06",
    `the first two duplicates each release a new segment${sack ? ", with SACK" : ""}`,
    `
    EST${sack ? "+SACK" : ""} rtt .1
          write 29200
    +0    > . 1:14601(14600/1460) ack 1
    +.1   < . 1:1(0) ack 1${sack ? " <nop,nop,sack 1461:2921>" : ""}
    +0    > . 14601:16061(1460) ack 1
    +.001 < . 1:1(0) ack 1${sack ? " <nop,nop,sack 1461:4381>" : ""}
    +0    > . 16061:17521(1460) ack 1
    +.001 < . 1:1(0) ack 1${sack ? " <nop,nop,sack 1461:5841>" : ""}
    +0    > . 1:1461(1460) ack 1
          cnt:${sack ? "TCPSackRecovery" : "TCPRenoRecovery"}
    none(.05)
    +.05  < . 1:1(0) ack 17521
    +0    > . 17521:27741(10220/1460) ack 1
    +.1   < . 1:1(0) ack 27741
    +0    > P. 27741:29201(1460) ack 1
    +.1   < . 1:1(0) ack 29201
    `,
  );
}

/**
 * Fills cwnd, of which the first segment is lost, and repairs that. Returns when
 * recovery was over.
 */
function loseOne(t: ScriptRun): number {
  const { flow } = t;
  const start = (t.connection.sndUna - flow.productIsn!) | 0;
  const ends: number[] = [];
  for (let packet = t.next(); packet !== null; packet = t.next()) {
    ends.push(((packet.seq - flow.productIsn!) | 0) + packet.payload.length);
  }
  assertEquals(ends[0], start + 1460);
  t.advance(100);
  t.inject(...ends.slice(1).map((end) => `. 1:1(0) ack ${start} <nop,nop,sack ${ends[0]}:${end}>`));
  assertEquals((t.next()!.seq - flow.productIsn!) | 0, start);
  t.advance(100);
  t.inject(`. 1:1(0) ack ${ends.at(-1)}`);
  return t.elapsedMs;
}

/** W(t) = C·(t - K)³ + W_max with K = ∛(W_max·(1 - β)/C), for a loss at 100 segments. RFC 9438 §4.2. */
function cubicWindow(seconds: number): number {
  return 0.4 * (seconds - Math.cbrt(100 * (1 - 0.7) / 0.4)) ** 3 + 100;
}

protocolTest("CC-07", "after a loss at 100 segments cwnd follows the formula within 5 %", (t) => {
  t.run("EST+SACK+WS7 rtt .1");
  t.inject(". 1:1(0) ack 1 win 60000");
  const c = t.connection;
  c.cwnd = 100 * 1460;
  t.calls.write(t.flow, 20_000_000, null);
  const beganMs = loseOne(t);
  assertEquals(c.ssthresh, 70 * 1460);
  let prior = 0;
  for (let round = 0; round < 80; round++) {
    const seconds = (t.elapsedMs - beganMs) / 1000;
    // Reno's line where that is higher: §4.3.
    const expected = Math.max(cubicWindow(seconds), 70 + 0.529 * round);
    const window = c.cwnd / 1460;
    assert(
      Math.abs(window - expected) <= 0.05 * expected,
      `${window}, not ${expected}, at ${seconds} s`,
    );
    assert(window >= prior);
    prior = window;
    playRound(t, 100);
  }
  assert(prior > 115, `${prior} segments after 8 s`);
  t.discard();
});

protocolTest("CC-07", "a second loss below W_max takes W_max to 0.85 cwnd", (t) => {
  t.run("EST+SACK+WS7 rtt .1");
  t.inject(". 1:1(0) ack 1 win 60000");
  const c = t.connection;
  c.cwnd = 100 * 1460;
  t.calls.write(t.flow, 5_000_000, null);
  loseOne(t);
  assertEquals(c.cubic!.greatest, 100);
  for (let round = 0; round < 5; round++) playRound(t, 100);
  const { cwnd } = c;
  assert(cwnd > 75 * 1460 && cwnd < 95 * 1460);
  loseOne(t);
  assert(Math.abs(c.cubic!.greatest - 0.85 * cwnd / 1460) < 1e-9, `${c.cubic!.greatest}`);
  assert(Math.abs(c.ssthresh - 0.7 * cwnd) < 1460, `${c.ssthresh}`);
  t.discard();
});

protocolTest("CC-07", "time in which nothing may be sent is no part of the curve", (t) => {
  t.run("EST+SACK+WS7 rtt .1");
  t.inject(". 1:1(0) ack 1 win 60000");
  const c = t.connection;
  c.cwnd = 100 * 1460;
  t.calls.write(t.flow, 20_000_000, null);
  const beganMs = loseOne(t);
  for (let round = 0; round < 5; round++) playRound(t, 100);
  t.discard();
  t.advance(100);
  const end = (c.sndNxt - t.flow.productIsn!) | 0;
  const shutMs = t.elapsedMs;
  for (let probes = 0; probes < 5; probes++) {
    t.inject(`. 1:1(0) ack ${end} win 0`);
    assertEquals(t.next(10_000)!.payload.length, 0);
  }
  const pauseMs = t.elapsedMs - shutMs;
  assert(pauseMs > 1500, `${pauseMs} ms`);
  t.inject(`. 1:1(0) ack ${end} win 60000`);
  for (let round = 0; round < 20; round++) playRound(t, 100);
  t.discard();
  const seconds = (t.elapsedMs - beganMs - pauseMs) / 1000;
  const expected = cubicWindow(seconds);
  assert(
    Math.abs(c.cwnd / 1460 - expected) <= 0.02 * expected,
    `${c.cwnd / 1460}, not ${expected}`,
  );
}, { tunables: { tcp_slow_start_after_idle: 0 } });

protocolTest("CC-07", "reno may be chosen for all connections and for one", (t) => {
  t.run("EST rtt .1");
  assertEquals(t.connection.congestion.name, "reno");
  t.connection.congestion = ALGORITHMS[1];
  t.run(`
        write 14600
    +0  > P. 1:14601(14600) ack 1
    +.3 > . 1:1461(1460) ack 1
    +.1 < . 1:1(0) ack 14601
  `);
  assertEquals(t.connection.ssthresh, 7 * 1460);
}, RENO);

for (
  const [whom, options] of [
    ["all connections", { tunables: { tcp_congestion_control: 2 } }],
    ["one", { congestionControl: "bbr" }],
  ] as const
) {
  protocolTest(
    "CC-07",
    `bbr may be chosen for ${whom}: it paces, and one loss does not slow it`,
    (t) => {
      t.run("EST+SACK rtt .1");
      const c = t.connection;
      assertEquals(c.congestion.name, "bbr");
      t.calls.write(t.flow, 14_600, null);
      // 2.77 initial windows each round trip: 404 bytes per millisecond.
      const sent: [ms: number, end: number][] = [];
      const beganMs = t.elapsedMs;
      for (let packet = t.next(); packet !== null; packet = t.next(10)) {
        const end = ((packet.seq - t.flow.productIsn!) | 0) + packet.payload.length;
        sent.push([t.elapsedMs - beganMs, end]);
      }
      assertEquals(sent.at(-1)![1], 14_601);
      for (const [ms, end] of sent) {
        assert(end <= 1 + 2 * 1460 + 404.42 * (ms + 4), `${end} after ${ms} ms`);
        assert(end >= 404.42 * ms, `${end} after ${ms} ms`);
      }
      const { ssthresh, cwnd } = c;
      t.advance(70);
      t.inject(". 1:1(0) ack 1 <nop,nop,sack 1461:14601>");
      t.expect(". 1:1461(1460) ack 1");
      t.advance(100);
      t.inject(". 1:1(0) ack 14601");
      assertEquals([c.ssthresh, c.cwnd >= cwnd], [ssthresh, true], `${c.cwnd}`);
    },
    options,
  );
}

protocolTest(
  "CC-08",
  "a loss told in one batch with acknowledgments is one of the whole flight",
  (t) => {
    t.run("EST+SACK+WS7 rtt .1");
    t.inject(". 1:1(0) ack 1 win 60000");
    t.run("write 1\n+0 > P. 1:2(1) ack 1\n+.1 < . 1:1(0) ack 2");
    t.connection.cwnd = 20 * 1460;
    t.calls.write(t.flow, 200_000, null);
    // Five of 20 arrived, the sixth is lost. Had each acknowledgment been answered, 20 would be in flight.
    t.run(`
    +0  > . 2:29202(29200/1460) ack 1
    +.1 < . 1:1(0) ack 7302
    &   < . 1:1(0) ack 7302 <nop,nop,sack 8762:13142>
    +0  > . 7302:8762(1460) ack 1
    +0  > . 29202:32122(2920/1460) ack 1
    none(.05)
  `);
    assertEquals(t.connection.ssthresh, 14 * 1460);
  },
);

protocolTest("CC-08", "in recovery 0.7 segments are sent for each that is delivered", (t) => {
  t.run("EST+SACK+WS7 rtt .1");
  t.inject(". 1:1(0) ack 1 win 60000");
  t.run("write 1\n+0 > P. 1:2(1) ack 1\n+.1 < . 1:1(0) ack 2");
  t.connection.cwnd = 30 * 1460;
  t.calls.write(t.flow, 200_000, null);
  t.run("+0 > . 2:43802(43800/1460) ack 1");
  // The first of 30 in flight is lost, the others arrive one by one.
  t.advance(100);
  const first = 2;
  const resent: number[] = [];
  let sent = 0;
  for (let segment = 1; segment < 30; segment++) {
    t.inject(
      `. 1:1(0) ack ${first} <nop,nop,sack ${first + 1460}:${first + 1460 * (segment + 1)}>`,
    );
    for (let packet = t.next(); packet !== null; packet = t.next()) {
      if (((packet.seq - t.flow.productIsn!) | 0) === first) resent.push(segment);
      else if (resent.length > 0) sent++;
    }
    t.advance(1);
    if (resent.length === 0) continue;
    const delivered = segment - resent[0] + 1;
    // One of them was the retransmission; once the pipe is down to ssthresh one leaves for each.
    const due = delivered < 22 ? Math.max(0, Math.floor(0.7 * delivered) - 1) : delivered - 9;
    assertEquals(sent, due, `after ${delivered} delivered`);
  }
  assertEquals(resent, [3]);
  assertEquals(t.connection.ssthresh, 21 * 1460);
  t.inject(`. 1:1(0) ack ${first + 30 * 1460}`);
  t.discard();
  assertEquals(t.connection.cwnd >= 21 * 1460, true);
});

protocolTest(
  "CC-09",
  "rising round trips quarter the growth before the window overflows a queue",
  (t) => {
    t.run("EST+WS7 rtt .04");
    t.inject(". 1:1(0) ack 1 win 60000");
    t.calls.write(t.flow, 600_000, null);
    assertEquals([playRound(t, 40), playRound(t, 40), playRound(t, 40)], [10, 20, 40]);
    assertEquals([playRound(t, 60), playRound(t, 60)], [80, 80 + 7 + 18]);
    t.discard();
  },
);

protocolTest(
  "CC-10",
  "after an idle time a connection begins with the initial window again",
  (t) => {
    t.run("EST rtt .1");
    t.calls.write(t.flow, 400_000, null);
    for (let round = 0; round < 20; round++) playRound(t, 100);
    assert(t.connection.cwnd > 40 * 1460, `cwnd is ${t.connection.cwnd}`);
    t.advance(10_000);
    t.calls.write(t.flow, 100_000, null);
    assertEquals(playRound(t, 100), 10);
    t.discard();
  },
);

for (const [idleMs, segments] of [[300, 30], [301, 10], [25 * 86_400_000, 10]] as const) {
  protocolTest(
    "CC-10",
    `with an RTO of 300 ms ${idleMs} ms of silence end in a burst of ${segments}`,
    (t) => {
      t.run("EST rtt .1");
      const c = t.connection;
      c.cwnd = 30 * 1460;
      t.run(`
         write 1460
      +0 > P. 1:1461(1460) ack 1
      +.1 < . 1:1(0) ack 1461
    `);
      c.rtoMs = 300;
      t.advance(idleMs - 100);
      t.calls.write(t.flow, 100_000, null);
      assertEquals(playRound(t, 100), segments);
      t.discard();
    },
  );
}

protocolTest("CC-10", "with tcp_slow_start_after_idle 0 the window stays", (t) => {
  t.run("EST rtt .1");
  t.connection.cwnd = 30 * 1460;
  t.advance(10_000);
  t.calls.write(t.flow, 100_000, null);
  assertEquals(playRound(t, 100), 30);
  t.discard();
}, { tunables: { tcp_slow_start_after_idle: 0 } });

protocolTest("CC-11", "a window that the peer's keeps from being used does not grow", (t) => {
  t.run("EST rtt .1\n+0 < . 1:1(0) ack 1 win 7300");
  t.calls.write(t.flow, 400_000, null);
  for (let i = 0; i < 50; i++) assertEquals(playRound(t, 100), 5);
  assertEquals(t.connection.cwnd, 14_600);
  t.discard();
});

protocolTest("CC-11", "a window that is not used does not grow", (t) => {
  t.run("EST rtt .1");
  for (let i = 0; i < 600; i++) {
    t.calls.write(t.flow, 1460, null);
    assertEquals(playRound(t, 100), 1);
  }
  assertEquals(t.connection.cwnd, 14_600);
});

protocolTest("CC-12", "ACKs count bytes, not segments", (t) => {
  t.run("EST rtt .1");
  t.calls.write(t.flow, 100_000, null);
  t.run("+0 > . 1:14601(14600/1460) ack 1");
  t.advance(100);
  t.inject(...Array.from({ length: 1460 }, (_, i) => `. 1:1(0) ack ${2 + i}`));
  t.run("+0 > . 14601:17521(2920/1460) ack 1\nnone(.1)");
});

protocolTest("CC-12", "an ACK of more than was sent gives no credit", (t) => {
  t.run("EST rtt .1");
  t.calls.write(t.flow, 100_000, null);
  t.run(`
    +0  > . 1:14601(14600/1460) ack 1
    +.1 < . 1:1(0) ack 14602
    +0  > . 14601:14601(0) ack 1
    none(.05)
  `);
  assertEquals(t.connection.cwnd, 14_600);
  t.run("+0 < . 1:1(0) ack 2921\n+0 > . 14601:20441(5840/1460) ack 1");
});

protocolTest(
  "CC-13",
  "the handshake does not open the window beyond the initial one",
  `
  EST rtt .1
     write 100000
  +0 > . 1:14601(14600/1460) ack 1
  none(.25)
  `,
);

protocolTest("CC-14", "a full device is no loss", (t) => {
  t.run("EST rtt .1");
  t.fixture.sink.isFull = true;
  t.calls.write(t.flow, 14_600, null);
  t.none(.1);
  t.fixture.sink.isFull = false;
  t.run("+0 > P. 1:14601(14600) ack 1");
  assertEquals(t.connection.cwnd, 14_600);
});

protocolTest(
  "CC-05",
  "the end of the last recovery follows SND.UNA, so that no wrap puts it ahead",
  (t) => {
    t.run("EST rtt .1");
    t.calls.write(t.flow, 14_600, null);
    assertEquals(playRound(t, 100), 10);
    const { connection } = t;
    assertEquals((connection.sndUna - connection.recover) | 0, 0);
    t.run(`
        write 14600
    +0  > P. 14601:29201(14600) ack 1
    +.1 < . 1:1(0) ack 14601
    +0  < . 1:1(0) ack 14601
    +0  < . 1:1(0) ack 14601
    +0  > . 14601:16061(1460) ack 1
    +.1 < . 1:1(0) ack 29201
  `);
  },
);
