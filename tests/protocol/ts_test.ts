/** TS: timestamps, window scale, PAWS. Requirements §2.26. */

import { assert, assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";

protocolTest(
  "TS-01",
  "window scaling counts only when both sides ask for it",
  `
  0  < S 0:0(0) win 65535 <mss 1460,nop,wscale 7>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  +.1 < . 1:1(0) ack 1 win 3000
     accept
     write 20000
  +0 > . 1:2921(2920/1460) ack 1
  `,
  { tunables: { tcp_window_scaling: 0 } },
);

protocolTest(
  "TS-02",
  "windows are scaled in all segments but the SYN",
  `
  0  < S 0:0(0) win 5840 <mss 1460,nop,wscale 2>
  +0 > S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>
  +.1 < . 1:1(0) ack 1 win 1460
     accept
     write 20000
  +0 > . 1:5841(5840/1460) ack 1
  `,
);

protocolTest(
  "TS-03",
  "a shift above 14 counts as 14",
  `
  0  < S 0:0(0) win 65535 <mss 1460,nop,wscale 15>
  +0 > S. 0:0(0) ack 1 <mss 1460,nop,wscale 7>
  +.1 < . 1:1(0) ack 1 win 1
     accept
     write 20000
  +0 > . 1:14601(14600/1460) ack 1
  +.1 < . 1:1(0) ack 14601 win 1
  +0 > P. 14601:20001(5400) ack 1
  `,
);

protocolTest(
  "TS-05",
  "once agreed, a segment without timestamps is dropped silently",
  `
  EST+TS
  +0 < P. 1:11(10) ack 1
  none(1)
     readable 0
     cnt:TCPNoTimestamp
  +0 < P. 1:11(10) ack 1 <ts>
  +0 > . 1:1(0) ack 11 <ts>
     read 10
  `,
);

protocolTest("TS-06", "offsets differ between peers; the clock ticks every millisecond", (t) => {
  const syn = t.packet("S 0:0(0) win 65535 <mss 1460,TS val 1 ecr 0>");
  const tsValOf = (source: string, sourcePort: number) => {
    t.inject({ ...syn, source, sourcePort });
    const option = t.next()!.options.find((option) => option.name === "TS");
    assert(option !== undefined);
    return option.val;
  };
  const first = tsValOf("10.0.0.2", 1);
  assert(tsValOf("10.0.0.3", 1) !== first);
  t.advance(500);
  assertEquals((tsValOf("10.0.0.2", 2) - first) | 0, 500);
});

protocolTest(
  "TS-07",
  "TS.Recent moves with what is in order only",
  `
  0  < S 0:0(0) win 65535 <mss 1460,TS val 100 ecr 0>
  +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 0 ecr 100>
  +0 < . 1:1(0) ack 1 <nop,nop,TS val 200 ecr 0>
     accept
  +0 < P. 11:21(10) ack 1 <nop,nop,TS val 500 ecr 0>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr 200>
  +0 < P. 1:11(10) ack 1 <nop,nop,TS val 400 ecr 0>
  +0 > . 1:1(0) ack 21 <nop,nop,TS val * ecr 400>
  +0 < P. 21:31(10) ack 1 <nop,nop,TS val 600 ecr 0>
  +0 > . 1:1(0) ack 31 <nop,nop,TS val * ecr 600>
     read 30
  `,
);

for (
  const [what, segment] of [
    ["whose ACK is beyond SND.NXT", "F. 1:1(0) ack 9999"],
    ["left of the window", "P. -10:0(10) ack 1"],
    ["that ends where the window begins", "P. -9:1(10) ack 1"],
    ["with SYN", "S 1:1(0) win 65535"],
  ]
) {
  protocolTest(
    "TS-07",
    `TS.Recent does not move with a segment ${what}`,
    `
    0  < S 0:0(0) win 65535 <mss 1460,TS val 100 ecr 0>
    +0 > S. 0:0(0) ack 1 <...>
    +0 < . 1:1(0) ack 1 <nop,nop,TS val 200 ecr 0>
       accept
    +0 < ${segment} <nop,nop,TS val 200000 ecr 0>
    +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr 200>
    +0 < P. 1:11(10) ack 1 <nop,nop,TS val 201 ecr 0>
    +0 > . 1:1(0) ack 11 <nop,nop,TS val * ecr 201>
       read 10
    `,
  );
}

protocolTest(
  "TS-08",
  "an old timestamp is answered and dropped",
  `
  0  < S 0:0(0) win 65535 <mss 1460,TS val 100 ecr 0>
  +0 > S. 0:0(0) ack 1 <...>
  +0 < . 1:1(0) ack 1 <nop,nop,TS val 200 ecr 0>
     accept
  +1 < P. 1:11(10) ack 1 <nop,nop,TS val 199 ecr 0>
  +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr 200>
     readable 0
     cnt:PAWSEstabRejected
  +0 < P. 1:11(10) ack 1 <nop,nop,TS val 200 ecr 0>
  +0 > . 1:1(0) ack 11 <ts>
     read 10
  `,
);

protocolTest("TS-09", "after 25 days an old timestamp is believed again", (t) => {
  t.run(`
    0  < S 0:0(0) win 65535 <mss 1460,TS val 100 ecr 0>
    +0 > S. 0:0(0) ack 1 <...>
    +0 < . 1:1(0) ack 1 <nop,nop,TS val 0x7fffffff ecr 0>
       accept
  `);
  // Our own clock of 32 bits has passed half of its numbers: it seems to be behind.
  t.flow.timestampBase = null;
  t.run(`
    +2160000 < P. 1:11(10) ack 1 <nop,nop,TS val 0x7ffffff0 ecr 0>
    +0 > . 1:1(0) ack 11 <nop,nop,TS val * ecr 2147483632>
       read 10
  `);
});

protocolTest("TS-10", "a forged echo does not change SRTT", (t) => {
  t.run("EST+TS rtt .1");
  const before = t.connection.srttUs;
  t.calls.write(t.flow, 100, null);
  t.run(`
    +0  > P. 1:101(100) ack 1 <ts>
    +.1 < . 1:1(0) ack 101 <nop,nop,TS val * ecr 1000000>
  `);
  assert(Math.abs(t.connection.srttUs - before) < 2000, `SRTT is ${t.connection.srttUs} µs`);
});

protocolTest(
  "TS-05",
  "a SYN without timestamps is answered as any SYN",
  `
  EST+TS
  +0 < S 1:1(0) win 65535 <mss 1460>
  +0 > . 1:1(0) ack 1 <ts>
     cnt:TCPChallengeACK
     cnt:TCPNoTimestamp=0
  `,
);

protocolTest(
  "TS-07",
  "TS.Recent is that of the first segment which waits for its ACK",
  `
  0  < S 0:0(0) win 65535 <mss 1460,TS val 100 ecr 0>
  +0 > S. 0:0(0) ack 1 <...>
  +0 < . 1:1(0) ack 1 <nop,nop,TS val 200 ecr 0>
     accept
  +0 < P. 1:2(1) ack 1 <nop,nop,TS val 300 ecr 0>
  +0 < P. 2:3(1) ack 1 <nop,nop,TS val 400 ecr 0>
  +.04 > . 1:1(0) ack 3 <nop,nop,TS val * ecr 300>
     read 2
  `,
  { tunables: { px_quick_acks: 0 } },
);

protocolTest(
  "TS-08",
  "old data is answered each time, an old pure ACK once in tcp_invalid_ratelimit",
  `
  0  < S 0:0(0) win 65535 <mss 1460,TS val 100 ecr 0>
  +0 > S. 0:0(0) ack 1 <...>
  +0 < . 1:1(0) ack 1 <nop,nop,TS val 200 ecr 0>
     accept
  +0 < P. 1:2(1) ack 1 <nop,nop,TS val 199 ecr 0>
  +0 > . 1:1(0) ack 1 <ts>
  +0 < P. 1:2(1) ack 1 <nop,nop,TS val 199 ecr 0>
  +0 > . 1:1(0) ack 1 <ts>
     cnt:TCPACKSkipped=0
  +0 < . 1:1(0) ack 1 <nop,nop,TS val 199 ecr 0>
  +0 > . 1:1(0) ack 1 <ts>
  +0 < . 1:1(0) ack 1 <nop,nop,TS val 199 ecr 0>
  none(.1)
     cnt:TCPACKSkipped
     cnt:PAWSEstabRejected=4
  `,
);

const STALE_MS = 24 * 86_400_000;

for (const [idleMs, isOld] of [[STALE_MS - 1, true], [STALE_MS, false]] as const) {
  protocolTest("TS-09", `after ${idleMs} ms a timestamp is ${isOld ? "old" : "new"}`, (t) => {
    t.run(`
      0  < S 0:0(0) win 65535 <mss 1460,TS val 100 ecr 0>
      +0 > S. 0:0(0) ack 1 <...>
      +0 < . 1:1(0) ack 1 <nop,nop,TS val 0x7fffffff ecr 0>
         accept
    `);
    t.advance(idleMs);
    t.inject("P. 1:11(10) ack 1 <nop,nop,TS val 0x7ffffff0 ecr 0>");
    t.expect(`. 1:1(0) ack ${isOld ? 1 : 11} <ts>`);
    assertEquals(t.growth("PAWSEstabRejected"), isOld ? 1 : 0);
  });
}
