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
  "TS-01",
  "a SYN without the option is answered without it, and nothing is scaled",
  `
  0  < S 0:0(0) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 1 win 65535 <mss 1460>
  +.1 < . 1:1(0) ack 1 win 3000
     accept
  +0 < P. 1:101(100) ack 1 win 3000
  +0 > . 1:1(0) ack 101 win 65435
     write 20000
  +0 > . 1:2921(2920/1460) ack 101
  `,
);

protocolTest(
  "TS-01",
  "a SYN-ACK without the option ends the scaling that our SYN offered",
  `
  ACT
  +0 < S. 0:0(0) ack 1 win 3000 <mss 1460>
  +0 > . 1:1(0) ack 1 win 65535
  +0 < P. 1:101(100) ack 1 win 3000
  +0 > . 1:1(0) ack 101 win 65435
     write 20000
  +0 > . 1:2921(2920/1460) ack 101
  `,
);

protocolTest(
  "TS-01",
  "the option counts in a SYN only",
  `
  0  < S 0:0(0) win 65535 <mss 1460,nop,wscale 0>
  +0 > S. 0:0(0) ack 1 <mss 1460,nop,wscale 7>
  +.1 < . 1:1(0) ack 1 win 3000 <nop,wscale 7>
     accept
  +0 < . 1:1(0) ack 1 win 3000 <nop,wscale 7>
     write 20000
  +0 > . 1:2921(2920/1460) ack 1
  `,
);

protocolTest(
  "TS-02, WND-01",
  "the window of a SYN-ACK is not scaled, those behind it are",
  `
  ACT
  +0 < S. 0:0(0) ack 1 win 5840 <mss 1460,nop,wscale 2>
  +0 > . 1:1(0) ack 1 win 1024
     write 40000
  +0 > . 1:5841(5840/1460) ack 1
  +.1 < . 1:1(0) ack 5841 win 2190
  +0 > . 5841:14601(8760/1460) ack 1
  `,
);

protocolTest("TS-02", "our own field is the window without the bits of the shift", (t) => {
  t.run("EST+WS7");
  const { connection: c } = t;
  let next = 1;
  for (const size of [1, 127, 1000, 5001]) {
    t.inject(`. ${next}:${next + size}(${size}) ack 1`);
    next += size;
    const { window } = t.expect(`. 1:1(0) ack ${next} win <1025`);
    assertEquals(window << 7, (c.rcvEdge - c.rcvNxt) | 0);
    assert(131_072 - (window << 7) - (next - 1) < 128);
  }
  t.calls.read(t.flow, next - 1, null);
}, { tunables: { tcp_moderate_rcvbuf: 0 } });

for (
  const [most, shift] of [[65_535, 0], [65_536, 1], [4_194_240, 6], [6_291_456, 7], [
    65_535 << 14,
    14,
  ]]
) {
  protocolTest("TS-03", `for tcp_rmem_max=${most} our shift is ${shift}`, (t) => {
    t.inject("S 0:0(0) win 65535 <mss 1460,nop,wscale 0>");
    t.expect(`S. 0:0(0) ack 1 <mss 1460,nop,wscale ${shift}>`);
  }, { tunables: { tcp_rmem_max: most } });
}

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

protocolTest("TS-05", "each segment carries timestamps, a reset, too", (t) => {
  const flags = new Set<string>();
  const check = () => {
    for (let packet = t.next(); packet !== null; packet = t.next()) {
      const has = packet.options.some((option) => option.name === "TS");
      assert(has, packet.flags);
      flags.add(packet.flags);
    }
  };
  t.run("EST+TS+SACK");
  t.calls.write(t.flow, 1000, null);
  check();
  t.advance(2000); // a probe and retransmissions
  check();
  t.inject("P. 11:21(10) ack 1001 <ts>", "P. -100:-90(10) ack 1001 <ts>");
  check();
  t.inject("P. 1:11(10) ack 1001 win 0 <ts>");
  check();
  t.calls.read(t.flow, 20, null);
  t.calls.write(t.flow, 10, null);
  t.advance(3000); // window probes
  check();
  t.inject(". 21:21(0) ack 1001 win 65535 <ts>");
  t.connection.shutdown();
  check();
  t.connection.abort();
  check();
  assertEquals([...flags].sort(), [".", "F.", "P.", "R."]);
});

protocolTest(
  "TS-05",
  "a reset without timestamps is taken",
  `
  EST+TS
  +0 < R. 1:1(0) ack 1
     app: Reset "reset by peer"
     state CLOSED
     cnt:TCPNoTimestamp=0
  `,
);

protocolTest("TS-06", "mode 2 shows the clock itself to every peer", (t) => {
  const syn = t.packet("S 0:0(0) win 65535 <mss 1460,TS val 1 ecr 0>");
  for (const source of ["10.0.0.2", "10.0.0.3"]) {
    t.inject({ ...syn, source });
    const option = t.next()!.options.find((option) => option.name === "TS")!;
    assertEquals(option.val | 0, t.now | 0);
  }
}, { tunables: { tcp_timestamps: 2 } });

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

protocolTest(
  "TS-08",
  "old and new are told apart modulo 2^32; a reset is never old",
  `
  0  < S 0:0(0) win 65535 <mss 1460,TS val 0xffffff00 ecr 0>
  +0 > S. 0:0(0) ack 1 <...>
  +0 < . 1:1(0) ack 1 <nop,nop,TS val 0xfffffff0 ecr 0>
     accept
  +0 < P. 1:11(10) ack 1 <nop,nop,TS val 5 ecr 0>
  +0 > . 1:1(0) ack 11 <nop,nop,TS val * ecr 5>
  +0 < P. 11:21(10) ack 1 <nop,nop,TS val 0xffffffff ecr 0>
  +0 > . 1:1(0) ack 11 <nop,nop,TS val * ecr 5>
     cnt:PAWSEstabRejected
     readable 10
  +0 < R 11:11(0) <nop,nop,TS val 4 ecr 0>
     cnt:PAWSEstabRejected=0
     state CLOSED
  `,
);

for (const [tsVal, isOld] of [["0x80000064", true], ["0x80000063", false]] as const) {
  // Half of all numbers are behind 100, and 100 + 2^31 is one of them.
  protocolTest("TS-08", `TSval ${tsVal} is ${isOld ? "" : "not "}older than 100`, (t) => {
    t.run(`
      0  < S 0:0(0) win 65535 <mss 1460,TS val 100 ecr 0>
      +0 > S. 0:0(0) ack 1 <...>
      +0 < . 1:1(0) ack 1 <nop,nop,TS val 100 ecr 0>
         accept
      +0 < P. 1:11(10) ack 1 <nop,nop,TS val ${tsVal} ecr 0>
      +0 > . 1:1(0) ack ${isOld ? 1 : 11} <ts>
         cnt:PAWSEstabRejected=${isOld ? 1 : 0}
    `);
  });
}

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

for (const [what, ecr] of [["of the future", 1_000_000], ["of an hour ago", -3_600_000]] as const) {
  protocolTest("TS-10", `an echo ${what} tells nothing of a retransmission either`, (t) => {
    t.run("EST+TS rtt .1");
    const { srttUs, rttvarUs } = t.connection;
    t.calls.write(t.flow, 100, null);
    t.run(`
      +0  > P. 1:101(100) ack 1 <ts>
      +.3 > P. 1:101(100) ack 1 <ts>
      +.2 < . 1:1(0) ack 101 <nop,nop,TS val * ecr ${ecr}>
    `);
    assertEquals([t.connection.srttUs, t.connection.rttvarUs], [srttUs, rttvarUs]);
    assertEquals(t.connection.isDrained, true);
  });
}

protocolTest(
  "TS-10",
  "an echo is a sample only where SND.UNA moves, and with the ACK flag",
  (t) => {
    t.run("EST+TS rtt .1");
    const { srttUs, rttvarUs } = t.connection;
    t.calls.write(t.flow, 3000, null);
    t.discard();
    t.advance(150);
    t.inject(". 1:1(0) ack 1 <ts>", "P. 1:11(10) ack 1 <ts>", "P 11:21(10) <ts>");
    t.expect(". 3001:3001(0) ack 11 <ts>");
    t.none(.05);
    assertEquals([t.connection.srttUs, t.connection.rttvarUs], [srttUs, rttvarUs]);
    t.inject(". 11:11(0) ack 3001 <ts>");
    assert(t.connection.srttUs > srttUs);
    t.calls.read(t.flow, 10, null);
  },
);

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
