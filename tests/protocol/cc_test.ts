/** CC: congestion control. Requirements §2.23. */

import { assert, assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

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

protocolTest("CC-02", "above ssthresh the window grows by one segment a round", (t) => {
  t.run("EST rtt .1");
  t.connection.ssthresh = 14_600;
  t.calls.write(t.flow, 200_000, null);
  for (const segments of [10, 11, 12, 13]) assertEquals(playRound(t, 100), segments);
  t.discard();
});

protocolTest("CC-03", "loss found by ACKs halves the flight", (t) => {
  t.run("EST+SACK rtt .1");
  t.calls.write(t.flow, 43_800, null);
  playRound(t, 100);
  t.run(`
    +0  > P. 14601:43801(29200) ack 1
    +.1 < . 1:1(0) ack 14601 <nop,nop,sack 16061:43801>
    +0  > . 14601:16061(1460) ack 1
  `);
  assertEquals(t.connection.ssthresh, 10 * 1460);
});

protocolTest(
  "CC-04",
  "after a timeout one segment is sent, after its ACK two",
  (t) => {
    t.run(`
      EST rtt .1
          write 14600
      +0  > P. 1:14601(14600) ack 1
      +.3 > . 1:1461(1460) ack 1
    `);
    assertEquals(t.connection.ssthresh, 5 * 1460);
    t.run(`
      +.1 < . 1:1(0) ack 1461
      +0  > . 1461:4381(2920/1460) ack 1
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
