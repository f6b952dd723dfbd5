/** RTX: retransmission timer and limits. Requirements §2.20. */

import { assert, assertEquals } from "@std/assert";
import { arp, ethernet, OWN_MAC, PEER_MAC } from "../support/packets.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

const ZERO_MAC = "00:00:00:00:00:00";

/** Writes 100 bytes that are acknowledged `rttMs` later. */
function roundTrip(t: ScriptRun, rttMs: number): void {
  const start = t.flow.writePosition;
  t.calls.write(t.flow, 100, null);
  t.expect(`P. ${start}:${start + 100}(100) ack 1`);
  t.advance(rttMs);
  t.inject(`. 1:1(0) ack ${start + 100}`);
}

/** Writes 100 bytes and measures when they are sent again. */
function measureRto(t: ScriptRun): number {
  const start = t.flow.writePosition;
  t.calls.write(t.flow, 100, null);
  t.expect(`P. ${start}:${start + 100}(100) ack 1 <...>`);
  const sentMs = t.elapsedMs;
  t.next(200_000);
  return t.elapsedMs - sentMs;
}

protocolTest(
  "RTX-01",
  "without any sample the RTO is one second",
  `
  0   < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
  +.1 < . 1:1(0) ack 1
      accept
      write 10
  +0  > P. 1:11(10) ack 1
  none(.999)
  +.001 > P. 1:11(10) ack 1
  none(1.99)
  `,
  { tunables: { tcp_syncookies: 2 }, toleranceMs: 1 },
);

protocolTest(
  "RTX-02",
  "SRTT and RTTVAR follow RFC 6298",
  (t) => {
    t.run("EST rtt .1");
    roundTrip(t, 120);
    roundTrip(t, 80);
    // SRTT 100, 102.5, 99.6875; RTTVAR 50, 42.5, 37.5; RTO = SRTT + 4·RTTVAR.
    const rto = measureRto(t);
    assert(Math.abs(rto - (99.6875 + 4 * 37.5)) <= 2, `RTO is ${rto} ms`);
  },
  { tunables: { tcp_rto_min: 10 } },
);

protocolTest("RTX-03", "the floor of the RTO is SRTT + 200 ms", (t) => {
  t.run("EST rtt .001");
  const rto = measureRto(t);
  assert(Math.abs(rto - 201) <= 2, `RTO is ${rto} ms`);
});

protocolTest("RTX-03", "backoff stops at 120 s", (t) => {
  t.run("EST rtt .1");
  t.calls.write(t.flow, 100, null);
  t.expect("P. 1:101(100) ack 1");
  let longest = 0;
  for (let i = 0, last = t.elapsedMs; i < 12; i++) {
    assert(t.next(200_000) !== null, "the product gave up");
    longest = t.elapsedMs - last;
    last = t.elapsedMs;
  }
  assertEquals(Math.round(longest / 1000), 120);
});

protocolTest("RTX-04", "the ACK of a retransmission is no sample", (t) => {
  t.run("EST rtt .1");
  t.calls.write(t.flow, 100, null);
  t.run(`
    +0  > P. 1:101(100) ack 1
    +.3 > P. 1:101(100) ack 1
    +.2 < . 1:1(0) ack 101
  `);
  const { srttUs } = t.connection;
  assert(Math.abs(srttUs - 100_000) <= 2000, `SRTT is ${srttUs} µs`);
});

protocolTest(
  "RTX-05",
  "the first segment is sent again at R, 3R, 7R and 15R",
  `
  EST rtt .1
       write 3000
  +0   > P. 1:3001(3000) ack 1
  +.3  > . 1:1461(1460) ack 1
  +.6  > . 1:1461(1460) ack 1
  +1.2 > . 1:1461(1460) ack 1
  +2.4 > . 1:1461(1460) ack 1
       cnt:RetransSegs=4
       cnt:TCPTimeouts=4
  none(4)
  `,
  { toleranceMs: 20, tunables: { tcp_mtu_probing: 0 } },
);

protocolTest(
  "RTX-05",
  "the timer begins anew with an ACK and ends with the last",
  `
  EST rtt .1
       nodelay
       write 1000
  +0   > P. 1:1001(1000) ack 1
  +.1  write 500
  +0   > P. 1001:1501(500) ack 1
  +.1  < . 1:1(0) ack 1001
  none(.25)
  +0   < . 1:1(0) ack 1501
  none(10)
  `,
);

protocolTest(
  "RTX-05",
  "backoff stays until data that was sent once is acknowledged",
  `
  EST rtt .1
       write 1000
  +0   > P. 1:1001(1000) ack 1
  +.3  > P. 1:1001(1000) ack 1
  +.1  < . 1:1(0) ack 1001
       write 1000
  +0   > P. 1001:2001(1000) ack 1
  +.6  > P. 1001:2001(1000) ack 1
  +.1  < . 1:1(0) ack 2001
       write 1000
  +0   > P. 2001:3001(1000) ack 1
  +.1  < . 1:1(0) ack 3001
       write 1000
  +0   > P. 3001:4001(1000) ack 1
  +.3  > P. 3001:4001(1000) ack 1
  `,
  { toleranceMs: 20 },
);

protocolTest("RTX-06", "a lost SYN-ACK makes the first RTO 3 s", (t) => {
  t.run(`
    SR
    +1  > S. 0:0(0) ack 1 <mss 1460>
    +.1 < . 1:1(0) ack 1
    accept
  `);
  assertEquals(Math.round(measureRto(t) / 10), 300);
});

protocolTest("RTX-06", "a SYN sent twice makes the first RTO 3 s, too", (t) => {
  t.run(`
    ACT
    +1  > S 0:0(0) <...>
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0  > . 1:1(0) ack 1
  `);
  assertEquals(Math.round(measureRto(t) / 10), 300);
});

protocolTest(
  "RTX-06",
  "with timestamps a SYN-ACK sent twice does not raise the first RTO",
  (t) => {
    t.run(`
    SR+TS
    +1  > S. 0:0(0) ack 1 <...>
    +.1 < . 1:1(0) ack 1 <ts>
    accept
  `);
    assert(measureRto(t) <= 1010);
  },
);

for (const [retries, seconds] of [[15, 924.6], [3, 3]]) {
  protocolTest(
    "RTX-08",
    `with tcp_retries2=${retries} a connection times out after ${seconds} s`,
    (t) => {
      t.run("EST");
      t.calls.write(t.flow, 100, null);
      t.expect("P. 1:101(100) ack 1");
      const { rtoMs } = t.connection;
      assertEquals(rtoMs, 201);
      const beganMs = t.elapsedMs;
      // The limit is that of an RTO of 200 ms: the first timeout past it ends the connection.
      let dueMs = 0;
      for (let i = 0; dueMs < seconds * 1000; i++) dueMs += Math.min(rtoMs * 2 ** i, 120_000);
      assert(dueMs - seconds * 1000 <= 1023);
      let sent = 0;
      while (t.stack.tcp.connectionCount > 0) {
        t.advance(10);
        while (t.next() !== null) sent++;
      }
      assertEquals(Math.round((t.elapsedMs - beganMs - dueMs) / 20), 0);
      assertEquals(sent, retries);
      t.run(`
        state CLOSED
        app: Reset "timed out"
        read fails ETIMEDOUT
        cnt:TCPAbortOnTimeout
      `);
    },
    { tunables: { tcp_retries2: retries } },
  );
}

protocolTest("RTX-08", "each connection may have a limit of its own", (t) => {
  t.run("EST");
  t.connection.setUserTimeout(5000, t.now);
  t.calls.write(t.flow, 100, null);
  const beganMs = t.elapsedMs;
  while (t.stack.tcp.connectionCount > 0) {
    t.advance(10);
    t.discard();
  }
  assertEquals(Math.round((t.elapsedMs - beganMs) / 20), 250);
  t.run(`
    app: Reset "timed out"
    read fails ETIMEDOUT
  `);
});

protocolTest("RTX-08", "an ideal path sees no retransmission", (t) => {
  t.run("EST+SACK+WS7 rtt .01");
  const total = 10 << 20;
  let received = 1;
  while (received <= total) {
    t.calls.writeSome(t.flow, total + 1 - t.flow.writePosition);
    let packet = t.next();
    if (packet === null) {
      assert((packet = t.next(1000)) !== null, "the product stalls");
    }
    for (; packet !== null; packet = t.next()) {
      assertEquals((packet.seq - t.flow.productIsn!) | 0, received);
      received += packet.payload.length;
    }
    t.advance(10);
    t.inject(`. 1:1(0) ack ${received} win 60000`);
  }
  assertEquals(t.connection.retransmits, 0);
});

protocolTest(
  "RTX-09",
  "a retransmission carries the current ACK",
  `
  EST rtt .1
      write 1000
  +0  > P. 1:1001(1000) ack 1
  +.1 < P. 1:11(10) ack 1
  +0  > . 1001:1001(0) ack 11
  +.2 > P. 1:1001(1000) ack 11
  `,
);

protocolTest(
  "RTX-09",
  "a retransmission carries the window and the timestamps of its time",
  (t) => {
    t.run("EST+TS rtt .1\nwrite 100");
    const first = t.next()!;
    t.advance(100);
    const received = t.packet("P. 1:1001(1000) ack 1 <ts>");
    t.inject(received);
    t.expect(". 101:101(0) ack 1001 <...>");
    const second = t.next(300)!;
    const [before, after] = [first, second].map(({ options }) =>
      options.find((option) => option.name === "TS")!
    );
    const clock = received.options.find((option) => option.name === "TS")!;
    assertEquals([second.seq, second.payload.length], [first.seq, 100]);
    assertEquals((second.ack - first.ack) | 0, 1000);
    assertEquals(first.window - second.window, 1000);
    assertEquals([(after.val - before.val) | 0, after.ecr], [300, clock.val]);
  },
  { tunables: { tcp_rmem_default: 60_000, tcp_moderate_rcvbuf: 0 } },
);

protocolTest("RTX-04", "a timestamp tells which transmission the ACK of one answers", (t) => {
  t.run("EST+TS rtt .1");
  t.calls.write(t.flow, 100, null);
  t.run(`
    +0  > P. 1:101(100) ack 1 <...>
    +.3 > P. 1:101(100) ack 1 <...>
    +.2 < . 1:1(0) ack 101 <ts>
  `);
  const { srttUs, backoff } = t.connection;
  assert(Math.abs(srttUs - (7 * 100_000 + 200_000) / 8) <= 2000, `SRTT is ${srttUs} µs`);
  assertEquals(backoff, 0);
});

protocolTest(
  "RTX-10",
  "after a timeout the head is sent first, and what was SACKed only if it is still missing",
  `
  EST+SACK rtt .1
        write 14600
  +0    > P. 1:14601(14600) ack 1
  +.15  < . 1:1(0) ack 1 <nop,nop,sack 13141:14601>
  +0    > . 1:1461(1460) ack 1
  +.3~.4 > . 1:1461(1460) ack 1
        cnt:TCPTimeouts
  +.1   < . 1:1(0) ack 1461 <nop,nop,sack 13141:14601>
  +0    > . 1461:4381(2920/1460) ack 1
  +.1   < . 1:1(0) ack 4381 <nop,nop,sack 13141:14601>
  +0    > . 4381:8761(4380/1460) ack 1
  +.1   < . 1:1(0) ack 8761 <nop,nop,sack 13141:14601>
  +0    > . 8761:13141(4380/1460) ack 1
  +.1   < . 1:1(0) ack 14601
  none(10)
  `,
  { toleranceMs: 30 },
);

protocolTest(
  "RTX-10",
  "a peer that has discarded what it reported gets it again",
  `
  EST+SACK rtt .1
        write 4380
  +0    > P. 1:4381(4380) ack 1
  +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:4381>
  +.025 > . 1:1461(1460) ack 1
  +.1   < . 1:1(0) ack 1461
  +.2~.4 > . 1461:2921(1460) ack 1
        cnt:TCPTimeouts
  +.1   < . 1:1(0) ack 2921
  +0    > P. 2921:4381(1460) ack 1
  +.1   < . 1:1(0) ack 4381
  none(10)
  `,
  { toleranceMs: 20 },
);

for (const sack of ["", "+SACK"]) {
  protocolTest("RTX-11", `a delay spike causes no go-back-N${sack && ", with SACK"}`, (t) => {
    t.run(`
      EST${sack} rtt .1
            write 29200
      +0    > . 1:14601(14600/1460) ack 1
    `);
    const segments = sack === "" ? 1 : 3; // with SACK a probe of new data goes first
    for (let i = 0; i < segments; i++) assert(t.next(1000) !== null);
    assertEquals(t.growth("TCPTimeouts"), 1);
    t.advance(20);
    t.inject(". 1:1(0) ack 1461"); // the originals arrive, late
    const news = [t.next(), t.next()].map((packet) => (packet!.seq - t.flow.productIsn!) | 0);
    assert(news[0] >= 14_601 && news[1] === news[0] + 1460, `${news}`);
    t.advance(5);
    t.inject(". 1:1(0) ack 2921");
    t.discard();
    assertEquals([t.growth("TCPSpuriousRTOs"), t.growth("TCPLossUndo")], [1, 1]);
    assertEquals(t.connection.retransmits, 1);
    assertEquals([t.connection.ssthresh, t.connection.cwnd >= 14_600], [0x7fffffff, true]);
  });
}

protocolTest(
  "RTX-11",
  "a duplicate behind the new data tells that the timeout was real",
  `
  EST rtt .1
        write 17520
  +0    > . 1:14601(14600/1460) ack 1
  +.3   > . 1:1461(1460) ack 1
  +.1   < . 1:1(0) ack 1461
  +0    > P. 14601:17521(2920/1460) ack 1
  +.1   < . 1:1(0) ack 1461
  +0    > . 1461:2921(1460) ack 1
        cnt:TCPSpuriousRTOs=0
  +.1   < . 1:1(0) ack 17521
  none(10)
  `,
);

protocolTest(
  "RTX-11",
  "without new data to send a timeout is not doubted",
  `
  EST rtt .1
        write 14600
  +0    > P. 1:14601(14600/1460) ack 1
  +.3   > . 1:1461(1460) ack 1
  +.02  < . 1:1(0) ack 1461
  +0    > . 1461:4381(2920/1460) ack 1
  +.005 < . 1:1(0) ack 14601
        cnt:TCPSpuriousRTOs=0
  none(10)
  `,
);

protocolTest(
  "RTX-11",
  "with tcp_frto 0 what was in flight at the timeout is sent again",
  `
  EST rtt .1
        write 29200
  +0    > . 1:14601(14600/1460) ack 1
  +.3   > . 1:1461(1460) ack 1
  +.02  < . 1:1(0) ack 1461
  +0    > . 1461:4381(2920/1460) ack 1
        cnt:TCPSpuriousRTOs=0
  none(.1)
  `,
  { tunables: { tcp_frto: 0 } },
);

protocolTest(
  "RTX-12",
  "a window is restored when all that was sent again came twice, not before",
  (t) => {
    t.run(`
    EST+SACK rtt .1
          write 14600
    +0    > P. 1:14601(14600) ack 1
    +.1   < . 1:1(0) ack 1 <nop,nop,sack 2921:14601>
    +0    > . 1:2921(2920) ack 1
    +.01  < . 1:1(0) ack 14601
    +.05  < . 1:1(0) ack 14601 <nop,nop,sack 1:1461>
    cnt:TCPDSACKUndo=0
  `);
    assertEquals(t.connection.ssthresh, 7 * 1460);
    t.run("+.01 < . 1:1(0) ack 14601 <nop,nop,sack 1461:2921>\ncnt:TCPDSACKUndo");
    assertEquals([t.connection.cwnd >= 14_600, t.connection.ssthresh], [true, 0x7fffffff]);
  },
);

protocolTest("RTX-12", "a DSACK after a fast retransmit restores the window", (t) => {
  t.run(`
    EST+SACK rtt .1
          write 14600
    +0    > P. 1:14601(14600) ack 1
    +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:5841>
    +0    > . 1:1461(1460) ack 1
    +.01  < . 1:1(0) ack 14601
  `);
  assertEquals(Math.floor(t.connection.cwnd / 1460), 7);
  t.run("+.05 < . 1:1(0) ack 14601 <nop,nop,sack 1:1461>\ncnt:TCPDSACKUndo\ncnt:TCPDSACKRecv");
  assertEquals([t.connection.cwnd >= 14_600, t.connection.ssthresh], [true, 0x7fffffff]);
});

protocolTest("RTX-12", "a DSACK in recovery ends it", (t) => {
  t.run(`
    EST+SACK rtt .1
          write 14600
    +0    > P. 1:14601(14600) ack 1
    +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:5841>
    +0    > . 1:1461(1460) ack 1
    +.01  < . 1:1(0) ack 5841 <nop,nop,sack 1:1461>
          cnt:TCPDSACKUndo
  `);
  assertEquals([t.connection.cwnd >= 14_600, t.connection.ssthresh], [true, 0x7fffffff]);
  t.run("+.01 < . 1:1(0) ack 14601\nnone(10)");
});

protocolTest("RTX-12", "an echo from before the retransmission restores the window", (t) => {
  t.run("EST+SACK+TS rtt .1");
  t.calls.write(t.flow, 14_480, null);
  for (let packet = t.next(); packet !== null; packet = t.next());
  const before = t.flow.lastTsVal;
  t.advance(100);
  t.inject(". 1:1(0) ack 1 <nop,nop,TS val 9000 ecr *,nop,nop,sack 1449:5793>");
  t.expect(". 1:1449(1448) ack 1 <...>");
  t.advance(10);
  t.inject(`. 1:1(0) ack 14481 <nop,nop,TS val 9010 ecr =${before >>> 0}>`);
  assertEquals(t.growth("TCPFullUndo"), 1);
  assertEquals([t.connection.cwnd >= 14_480, t.connection.ssthresh], [true, 0x7fffffff]);
});

protocolTest("RTX-12", "an echo from before it takes recovery back in the middle", (t) => {
  t.run("EST+SACK+TS rtt .1");
  t.calls.write(t.flow, 14_480, null);
  for (let packet = t.next(); packet !== null; packet = t.next());
  const before = t.flow.lastTsVal;
  t.advance(100);
  t.inject(". 1:1(0) ack 1 <nop,nop,TS val 9000 ecr *,nop,nop,sack 1449:5793>");
  t.expect(". 1:1449(1448) ack 1 <...>");
  t.advance(10);
  t.inject(`. 1:1(0) ack 5793 <nop,nop,TS val 9010 ecr =${before >>> 0}>`);
  assertEquals(t.growth("TCPPartialUndo"), 1);
  assertEquals([t.connection.cwnd >= 14_480, t.connection.ssthresh], [true, 0x7fffffff]);
});

protocolTest("RTX-12", "the late answer to a first sending makes nothing else lost", (t) => {
  t.run("EST+SACK+TS rtt .1");
  t.calls.write(t.flow, 14_480, null);
  for (let packet = t.next(); packet !== null; packet = t.next());
  const before = t.flow.lastTsVal;
  while (t.growth("TCPTimeouts") === 0) assert(t.next(2000) !== null);
  t.discard();
  const { retransmits } = t.connection;
  t.advance(150); // longer than a round trip: by its age it could answer the retransmission
  t.inject(`. 1:1(0) ack 1449 <nop,nop,TS val 9010 ecr =${before >>> 0}>`);
  t.advance(20);
  assertEquals(t.growth("TCPLossUndo"), 1);
  assertEquals([t.connection.retransmits, t.connection.ssthresh], [retransmits, 0x7fffffff]);
});

protocolTest(
  "RTX-07",
  "at R1 the next hop is asked for again and the user has a soft error",
  (t) => {
    const packet = arp(1, PEER_MAC, "10.0.0.2", ZERO_MAC, "10.0.0.1");
    t.injectFrame(ethernet(0x0806, packet, { to: OWN_MAC, from: PEER_MAC }));
    t.expectFrame(); // the peer is in the neighbour cache
    t.run(`
    EST rtt .1
         write 100
    +0   > P. 1:101(100) ack 1
    +.3  > P. 1:101(100) ack 1
    +.6  > P. 1:101(100) ack 1
    +1.2 > P. 1:101(100) ack 1
    none(2.3)
  `);
    assertEquals([t.connection.softErrors, t.growth("NeighborProbes")], [0, 0]);
    t.run("+.1 > P. 1:101(100) ack 1");
    const question = arp(1, OWN_MAC, "10.0.0.1", ZERO_MAC, "10.0.0.2");
    assertEquals(
      t.expectFrame(20),
      ethernet(0x0806, question, { to: PEER_MAC, from: OWN_MAC }),
    );
    assertEquals([t.connection.softErrors, t.growth("TCPTimeouts")], [1, 4]);
    t.run("+.1 < . 1:1(0) ack 101\nnone(10)");
  },
  { toleranceMs: 20 },
);

for (const [retries, timeouts] of [[1, 2], [2, 3]]) {
  protocolTest(
    "RTX-07",
    `with tcp_retries1=${retries} the user has a soft error at timeout ${timeouts}`,
    (t) => {
      t.run("EST rtt .1\nwrite 100\n+0 > P. 1:101(100) ack 1");
      t.connection.reportsErrors = true;
      for (let i = 1; i <= timeouts; i++) {
        assertEquals([t.connection.softErrors, t.growth("TCPTimeouts")], [0, i > 1 ? 1 : 0]);
        assert(t.next(10_000) !== null);
      }
      t.run("app: ErrorReport");
      assertEquals(t.connection.softErrors, 1);
      t.inject(". 1:1(0) ack 101");
    },
    { tunables: { tcp_retries1: retries } },
  );
}
