/** SACK: selective acknowledgment. Requirements §2.24. */

import { assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";

protocolTest(
  "SACK-01",
  "SACK is offered when the SYN does, and used when both did",
  `
  peer b 10.0.0.2:40001
  0  < S 0:0(0) win 65535 <mss 1460,sackOK>
  +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
  +0 < . 1:1(0) ack 1
     accept
  +0 < . 11:21(10) ack 1
  +0 > . 1:1(0) ack 1 <nop,nop,sack 11:21>
  +0 <b S 0:0(0) win 65535 <mss 1460>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
  +0 <b . 1:1(0) ack 1
     accept b
  +0 <b . 11:21(10) ack 1
  +0 >b . 1:1(0) ack 1
  `,
);

protocolTest(
  "SACK-01",
  "SACK is not offered when it is switched off",
  `
  0  < S 0:0(0) win 65535 <mss 1460,sackOK>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  +0 < . 1:1(0) ack 1
     accept
  +0 < . 11:21(10) ack 1
  +0 > . 1:1(0) ack 1
  `,
  { tunables: { tcp_sack: 0 } },
);

for (const isAgreed of [true, false]) {
  protocolTest(
    "SACK-01",
    `a SYN offers SACK; it is ${isAgreed ? "" : "not "}used when the SYN-ACK does ${
      isAgreed ? "" : "not"
    }`,
    (t) => {
      t.run("ACT");
      t.run(`
        +0 < S. 0:0(0) ack 1 win 65535 <mss 1460${isAgreed ? ",sackOK" : ""}>
        +0 > . 1:1(0) ack 1
        +0 < . 11:21(10) ack 1
        +0 > . 1:1(0) ack 1${isAgreed ? " <nop,nop,sack 11:21>" : ""}
      `);
    },
  );
}

protocolTest(
  "SACK-02",
  "blocks stand newest first, at most four",
  `
  EST+SACK
  +0 < . 11:21(10) ack 1
  +0 > . 1:1(0) ack 1 <nop,nop,sack 11:21>
  +0 < . 31:41(10) ack 1
  +0 > . 1:1(0) ack 1 <nop,nop,sack 31:41 11:21>
  +0 < . 51:61(10) ack 1
  +0 > . 1:1(0) ack 1 <nop,nop,sack 51:61 31:41 11:21>
  +0 < . 21:25(4) ack 1
  +0 > . 1:1(0) ack 1 <nop,nop,sack 11:25 51:61 31:41>
  +0 < . 71:81(10) ack 1
  +0 > . 1:1(0) ack 1 <nop,nop,sack 71:81 11:25 51:61 31:41>
  +0 < . 91:101(10) ack 1
  +0 > . 1:1(0) ack 1 <nop,nop,sack 91:101 71:81 11:25 51:61>
  `,
);

protocolTest(
  "SACK-02",
  "beside timestamps there are at most three blocks",
  `
  EST+SACK+TS
  +0 < . 11:21(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,nop,nop,sack 11:21>
  +0 < . 31:41(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,nop,nop,sack 31:41 11:21>
  +0 < . 51:61(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,nop,nop,sack 51:61 31:41 11:21>
  +0 < . 71:81(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,nop,nop,sack 71:81 51:61 31:41>
  `,
);

protocolTest(
  "SACK-03",
  "text that came twice is reported once, before all other blocks",
  `
  EST+SACK
  +0 < P. 1:11(10) ack 1
  +0 > . 1:1(0) ack 11
  +0 < P. 1:11(10) ack 1
  +0 > . 1:1(0) ack 11 <nop,nop,sack 1:11>
     cnt:TCPDSACKOldSent
  +0 < P. 5:15(10) ack 1
  +0 > . 1:1(0) ack 15 <nop,nop,sack 5:11>
     cnt:TCPDSACKOldSent
  +0 < P. 21:31(10) ack 1
  +0 > . 1:1(0) ack 15 <nop,nop,sack 21:31>
  +0 < P. 25:41(16) ack 1
  +0 > . 1:1(0) ack 15 <nop,nop,sack 25:31 21:41>
     cnt:TCPDSACKOfoSent
  +0 < P. 51:61(10) ack 1
  +0 > . 1:1(0) ack 15 <nop,nop,sack 51:61 21:41>
  +0 < P. 71:81(10) ack 1
  +0 > . 1:1(0) ack 15 <nop,nop,sack 71:81 51:61 21:41>
  +0 < P. 91:101(10) ack 1
  +0 > . 1:1(0) ack 15 <nop,nop,sack 91:101 71:81 51:61 21:41>
  +0 < P. 45:95(50) ack 1
  +0 > . 1:1(0) ack 15 <nop,nop,sack 51:61 45:101 21:41>
  +0 < P. 15:101(86) ack 1
  +0 > . 1:1(0) ack 101 <nop,nop,sack 21:41>
     read 100
  +0 < P. 101:111(10) ack 1
  +0 > . 1:1(0) ack 111
     read 10
  `,
);

protocolTest(
  "SACK-03",
  "beside timestamps there are three blocks, the report among them",
  `
  EST+SACK+TS
  +0 < . 11:21(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,nop,nop,sack 11:21>
  +0 < . 31:41(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,nop,nop,sack 31:41 11:21>
  +0 < . 51:61(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,nop,nop,sack 51:61 31:41 11:21>
  +0 < . 51:61(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,nop,nop,sack 51:61 51:61 31:41>
  `,
);

protocolTest(
  "SACK-03",
  "a report leaves in a segment of its own",
  `
  EST+SACK
  +0 < P. 1:11(10) ack 1
  +0 > . 1:1(0) ack 11
     read 10
     write 3000
  &  < P. 1:11(10) ack 1
  +0 > . 1:1(0) ack 11 <nop,nop,sack 1:11>
  +0 > . 1:2921(2920) ack 11
  +0 > P. 2921:3001(80) ack 11
  `,
);

for (
  const [title, fixture, tunables] of [
    ["by tcp_dsack", "EST+SACK", { tcp_dsack: 0 }],
    ["without SACK", "EST", {}],
  ] as const
) {
  protocolTest(
    "SACK-03",
    `nothing is reported ${title}`,
    `
    ${fixture}
    +0 < P. 1:11(10) ack 1
    +0 > . 1:1(0) ack 11
    +0 < P. 1:11(10) ack 1
    +0 > . 1:1(0) ack 11
       cnt:TCPDSACKOldSent=0
    `,
    { tunables },
  );
}

protocolTest(
  "SACK-02",
  "a FIN behind a gap is reported like a byte",
  `
  EST+SACK
  +0 < F. 21:21(0) ack 1
  +0 > . 1:1(0) ack 1 <nop,nop,sack 21:22>
  +0 < . 11:21(10) ack 1
  +0 > . 1:1(0) ack 1 <nop,nop,sack 11:22>
  +0 < . 1:11(10) ack 1
  +0 > . 1:1(0) ack 22
  `,
);

protocolTest(
  "SACK-02",
  "runs that grew together make room for ones that were not told",
  `
  EST+SACK+TS
  +0 < . 11:21(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <...>
  +0 < . 31:41(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <...>
  +0 < . 51:61(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <...>
  +0 < . 71:81(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <...>
  +0 < . 91:101(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,nop,nop,sack 91:101 71:81 51:61>
  +0 < . 81:91(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,nop,nop,sack 71:101 51:61 31:41>
  +0 < . 61:71(10) ack 1 <ts>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,nop,nop,sack 51:101 31:41 11:21>
  `,
);

protocolTest(
  "SACK-04",
  "what was selectively acknowledged is not sent again before a timeout",
  `
  EST+SACK rtt .1
       write 14600
  +0   > P. 1:14601(14600) ack 1
  +.1  < . 1:1(0) ack 1 <nop,nop,sack 1461:2921>
  +.001 < . 1:1(0) ack 1 <nop,nop,sack 1461:5841>
  +0   > . 1:1461(1460) ack 1
  +.001 < . 1:1(0) ack 1 <nop,nop,sack 1461:13141>
  +.001 < . 1:1(0) ack 1 <nop,nop,sack 1461:14601>
  none(.1)
  +0   < . 1:1(0) ack 14601
  none(10)
  `,
);

protocolTest(
  "SACK-04",
  "what was selectively acknowledged is kept until the cumulative ACK",
  (t) => {
    t.run(`
    EST+SACK rtt .1
         write 14600
    +0   > P. 1:14601(14600) ack 1
    +.1  < . 1:1(0) ack 1 <nop,nop,sack 1461:13141>
    +0   > . 1:1461(1460) ack 1
    none(.1)
  `);
    const { connection: c } = t;
    assertEquals([c.sendQueue.length, c.scoreboard!.sackedBytes], [14_600, 8 * 1460]);
    t.run("+0 < . 1:1(0) ack 14601\nnone(10)");
    assertEquals([c.sendQueue.length, c.scoreboard], [0, null]);
  },
);

protocolTest(
  "SACK-05",
  "without RACK two holes of twenty are repaired in one round trip",
  `
  EST+SACK rtt .1
        write 29200
  +0    > P. 1:29201(29200) ack 1
  +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:4381>
  +.001 < . 1:1(0) ack 1 <nop,nop,sack 5841:7301 1461:4381>
  +0    > . 1:1461(1460) ack 1
  +.001 < . 1:1(0) ack 1 <nop,nop,sack 5841:8761 1461:4381>
  +.001 < . 1:1(0) ack 1 <nop,nop,sack 5841:11681 1461:4381>
  +0    > . 4381:5841(1460) ack 1
  +.001 < . 1:1(0) ack 1 <nop,nop,sack 5841:29201 1461:4381>
  +.1   < . 1:1(0) ack 29201
        cnt:TCPTimeouts=0
        cnt:RetransSegs=2
  none(10)
  `,
  { tunables: { tcp_recovery: 0, tcp_initial_cwnd: 20, tcp_congestion_control: 0 } },
);

protocolTest(
  "SACK-05",
  "without RACK and new data the last segment is sent again once: the rescue",
  `
  EST+SACK rtt .1
        write 14600
  +0    > P. 1:14601(14600) ack 1
  +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:5841>
  +0    > . 1:1461(1460) ack 1
  +.001 < . 1:1(0) ack 1 <nop,nop,sack 1461:8761>
  +0    > P. 13141:14601(1460) ack 1
  +.1   < . 1:1(0) ack 8761 <nop,nop,sack 13141:14601>
  none(.05)
  +.1~.4 > . 8761:10221(1460) ack 1
        cnt:TCPTimeouts
  +.1   < . 1:1(0) ack 14601
  none(10)
  `,
  { tunables: { tcp_recovery: 0 }, toleranceMs: 30 },
);

protocolTest(
  "SACK-06",
  "impossible blocks are ignored",
  `
  EST+SACK rtt .1
       write 2920
  +0   > P. 1:2921(2920) ack 1
  +.05 < . 1:1(0) ack 1 <nop,nop,sack 5000:6000>
  +0   < . 1:1(0) ack 1 <nop,nop,sack 1461:1461>
  +0   < . 1:1(0) ack 1 <nop,nop,sack 2921:1461>
  +0   < . 1:1(0) ack 1 <nop,nop,sack -2000:-1000>
  +0   < . 1:1(0) ack 1 <nop,hex 0509000000000000000000,eol>
  none(.2)
  +.05 > . 1:1461(1460) ack 1
  +.05 < . 1:1(0) ack 2921
  none(10)
  `,
  { tunables: { tcp_recovery: 0 } },
);

/** SACK-06: blocks while 1:14601 is in flight and 1461 is acknowledged, and how many bytes each reports. */
const BLOCKS: readonly (readonly [blocks: string, reported: number])[] = [
  ["2921:4381", 1460],
  ["13141:14601", 1460],
  ["13141:14602", 0],
  ["14601:16061", 0],
  ["1462:14601", 8 * 1460],
  ["1461:2921", 0],
  ["1460:2921", 0],
  ["1:1461", 0],
  ["2921:2921", 0],
  ["4381:2921", 0],
  ["-70000:-65000", 0],
  ["2921:4381 14601:16061", 1460],
  ["4381:2921 4381:5841", 1460],
];

for (const [blocks, reported] of BLOCKS) {
  protocolTest("SACK-06", `sack ${blocks} reports ${reported} bytes of ten segments`, (t) => {
    t.run(`
      EST+SACK rtt .1
           write 14600
      +0   > P. 1:14601(14600) ack 1
      +.05 < . 1:1(0) ack 1461 <nop,nop,sack ${blocks}>
    `);
    const { scoreboard } = t.connection;
    assertEquals([scoreboard!.sackedBytes, scoreboard!.sackedSegments], [
      reported,
      reported / 1460,
    ]);
    t.discard();
  });
}

protocolTest(
  "SACK-07",
  "what was reported is there when the gap is filled, however late",
  `
  EST+SACK
  +0   < P. 11:21(10) ack 1
  +0   > . 1:1(0) ack 1 <nop,nop,sack 11:21>
  +0   < P. 31:41(10) ack 1
  +0   > . 1:1(0) ack 1 <nop,nop,sack 31:41 11:21>
  +600 < P. 1:11(10) ack 1
  +0   > . 1:1(0) ack 21 <nop,nop,sack 31:41>
  +600 < P. 21:31(10) ack 1
  +0   > . 1:1(0) ack 41
       read 40
  `,
);

protocolTest("SACK-07", "a transfer completes though the peer forgets what it reported", (t) => {
  t.run(`
    EST+SACK rtt .1
    write 14600
    +0  > P. 1:14601(14600) ack 1
    +.1 < . 1:1(0) ack 1 <nop,nop,sack 11681:14601>
  `);
  // From now on the peer keeps nothing that is out of order.
  let received = 1;
  for (let packet = t.next(5000); packet !== null; packet = t.next(5000)) {
    if (((packet.seq - t.flow.productIsn!) | 0) === received) received += packet.payload.length;
    t.advance(50);
    t.inject(`. 1:1(0) ack ${received}`);
  }
  assertEquals(received, 14_601);
  assertEquals(t.connection.isDrained, true);
});
