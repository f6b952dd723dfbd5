/** ECN: explicit congestion notification. Requirements §2.27. */

import { assert, assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";

protocolTest(
  "ECN-01",
  "a SYN that asks for ECN is answered with ECE",
  `
  0  < SEW 0:0(0) win 65535 <mss 1460>
  +0 > [noecn] SE. 0:0(0) ack 1 <mss 1460>
  `,
);

protocolTest(
  "ECN-01",
  "a SYN with ECE or CWR alone does not ask",
  `
  0  < SE 0:0(0) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 1 <mss 1460>
     peer b 10.0.0.3:40001 > 10.0.0.1:80
  +0 <b SW 0:0(0) win 65535 <mss 1460>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
  `,
);

protocolTest(
  "ECN-01",
  "with tcp_ecn 0 nobody is agreed with",
  `
  0  < SEW 0:0(0) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  `,
  { tunables: { tcp_ecn: 0 } },
);

protocolTest(
  "ECN-01",
  "an active open asks with tcp_ecn 1, once: the second SYN is plain",
  `
     ACT+ECN
  +1 > [noecn] S 0:0(0) <...>
  +0 < SE. 0:0(0) ack 1 win 65535 <mss 1460>
  +0 > . 1:1(0) ack 1
     write 10
  +0 > [noecn] P. 1:11(10) ack 1
  `,
  { tunables: { tcp_ecn: 1 } },
);

protocolTest(
  "ECN-01",
  "a SYN with ECN that is refused is sent again without, after its timeout",
  `
     ACT+ECN
  +0 < R. 0:0(0) ack 1
     cnt:TCPECNRefused
     state SYN_SENT
  +1 > S 0:0(0) <...>
  +0 < R. 0:0(0) ack 1
     state CLOSED
     app: Reset "refused"
  `,
  { tunables: { tcp_ecn: 1 } },
);

protocolTest(
  "ECN-01",
  "an active open that is agreed with marks what it sends",
  `
     ACT+ECN
  +0 < SE. 0:0(0) ack 1 win 65535 <mss 1460>
  +0 > [noecn] . 1:1(0) ack 1
     write 10
  +0 > [ect0] P. 1:11(10) ack 1
  `,
  { tunables: { tcp_ecn: 1 } },
);

protocolTest(
  "ECN-01",
  "a SYN-ACK with both flags, as of a mirror, agrees to nothing",
  `
     ACT+ECN
  +0 < SEW. 0:0(0) ack 1 win 65535 <mss 1460>
  +0 > . 1:1(0) ack 1
     write 10
  +0 > [noecn] P. 1:11(10) ack 1
  `,
  { tunables: { tcp_ecn: 1 } },
);

protocolTest(
  "ECN-01",
  "an active open does not ask by default",
  `
  ACT
  1 > S 0:0(0) <...>
  `,
);

protocolTest(
  "ECN-01",
  "a cookie remembers ECN in its timestamp",
  `
  0  < SEW 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0>
  +0 > SE. 0:0(0) ack 1 <mss 1460,sackOK,TS val * ecr 100>
  +.1 < . 1:1(0) ack 1 win 65535 <ts>
     accept
     write 10
  +0 > [ect0] P. 1:11(10) ack 1 <...>
  `,
  { tunables: { tcp_syncookies: 2 } },
);

protocolTest(
  "ECN-01",
  "a cookie without timestamp has no room for ECN",
  `
  0  < SEW 0:0(0) win 65535 <mss 1460,sackOK>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  `,
  { tunables: { tcp_syncookies: 2 } },
);

protocolTest("ECN-02", "without agreement neither ECE nor a mark means anything", (t) => {
  t.run(`
    EST rtt .1
    write 5840
    +0  > [noecn] P. 1:5841(5840/1460) ack 1
  `);
  const { cwnd } = t.connection;
  t.run("+.1 < E. 1:1(0) ack 1461");
  assert(t.connection.cwnd >= cwnd);
  t.run(`
    +0 < [ce] P. 1:11(10) ack 5841
    +0 > . 5841:5841(0) ack 11
    cnt:InCEPkts=0
    write 10
    +0 > P. 5841:5851(10) ack 11
  `);
});

protocolTest(
  "ECN-03",
  "new data alone may be marked: no SYN, pure ACK, retransmission or probe",
  (t) => {
    t.run(`
    EST+ECN+SACK rtt .1
    +0   < P. 1:11(10) ack 1
    +0   > [noecn] . 1:1(0) ack 11
    write 14600
    +0   > [ect0] P. 1:14601(14600/1460) ack 11
    // The first is lost.
    +.1  < . 11:11(0) ack 1 <nop,nop,sack 1461:5841>
    *    > [noecn] . 1:1461(1460) ack 11
    +.1  < . 11:11(0) ack 14601 win 0
    write 10
    *    > [noecn] . 14600:14600(0) ack 11
    +.1  < . 11:11(0) ack 14601 win 65535
    +0   > [ect0] PW. 14601:14611(10) ack 11
    +.1  < . 11:11(0) ack 14611
    shutdown
    +0   > [noecn] F. 14611:14611(0) ack 11
  `);
  },
);

protocolTest(
  "ECN-04",
  "a mark is echoed by every acknowledgment until CWR",
  `
  EST+ECN rtt .1
  +0  < [ce] P. 1:11(10) ack 1
  +0  > E. 1:1(0) ack 11
      cnt:InCEPkts
  +.1 < [ect0] P. 11:21(10) ack 1
  +0  > E. 1:1(0) ack 21
      write 10
  +0  > [ect0] PE. 1:11(10) ack 21
  +.1 < [ect0] PW. 21:31(10) ack 11
  +0  > . 11:11(0) ack 31
  +.1 < [ect0] P. 31:41(10) ack 11
  +0  > . 11:11(0) ack 41
  // CWR for the last mark, and a new one.
  +.1 < [ce] PW. 41:51(10) ack 11
  +0  > E. 11:11(0) ack 51
  `,
);

protocolTest("ECN-04", "the first echo is not delayed", (t) => {
  t.run("EST+ECN");
  let next = 1;
  for (let i = 0; i < 20; i++) {
    t.inject(`. ${next}:${next + 1460}(1460) ack 1`);
    next += 1460;
    t.advance(50);
  }
  t.discard();
  t.run(`
    +.01 < [ce] P. ${next}:${next + 10}(10) ack 1
    +0   > E. 1:1(0) ack ${next + 10}
  `);
}, { toleranceMs: 1 });

protocolTest("ECN-04", "ECE halves cwnd once per round trip, and CWR says so once", (t) => {
  t.run(`
    EST+ECN rtt .1
    write 100000
    +0  > [ect0] . 1:14601(14600/1460) ack 1
    +.1 < E. 1:1(0) ack 1461
  `);
  const reduced = t.connection.cwnd;
  assertEquals(t.connection.ssthresh, reduced);
  assert(reduced < 14600 * 3 / 4, `cwnd is ${reduced}`);
  // More echoes of the same mark.
  t.inject("E. 1:1(0) ack 2921", "E. 1:1(0) ack 14601");
  assert(t.connection.cwnd >= reduced);
  const flags: string[] = [];
  for (let p = t.next(1); p !== null; p = t.next(1)) {
    assertEquals(p.trafficClass & 3, 2);
    flags.push(p.flags);
  }
  assert(flags.length >= 2);
  assertEquals(flags[0], "W.");
  assert(flags.slice(1).every((letters) => !letters.includes("W")), "CWR came twice");
  // An echo beyond what was in flight then is news.
  const before = t.connection.cwnd;
  t.advance(100);
  t.inject("E. 1:1(0) ack 16061");
  assert(t.connection.cwnd < before);
  t.discard();
});

protocolTest(
  "ECN-04",
  "a loss makes the next new data carry CWR, a retransmission does not",
  (t) => {
    t.run(`
    EST+ECN+SACK rtt .1
    write 30000
    +0  > [ect0] . 1:14601(14600/1460) ack 1
    +.1 < . 1:1(0) ack 1 <nop,nop,sack 1461:14601>
    *   > [noecn] . 1:1461(1460) ack 1
  `);
    const p = t.next(1000)!;
    assertEquals([p.flags, p.trafficClass & 3], ["W.", 2]);
    t.discard();
  },
);
