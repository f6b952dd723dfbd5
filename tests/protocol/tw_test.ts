/** TW: TIME-WAIT. Requirements §2.18. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_TUNABLES, setTunable, TunableError } from "../../lib/tcp/tunables.ts";
import { protocolTest } from "../support/script.ts";
import { IN_STATE } from "./states.ts";

/** Ends at 0 s in TIME_WAIT, with both RCV.NXT and SND.NXT 2. */
const TIME_WAIT = `
  ${IN_STATE.FIN_WAIT_1.script}
  +0 < F. 1:1(0) ack 2
  +0 > . 2:2(0) ack 2
     state TIME_WAIT
`;

/** The same with timestamps; the peer's last is 1000. */
const TIME_WAIT_TS = `
  0  < S 0:0(0) win 65535 <mss 1460,TS val 998 ecr 0>
  +0 > S. 0:0(0) ack 1 <...>
  +0 < . 1:1(0) ack 1 <nop,nop,TS val 999 ecr 0>
     accept
     shutdown
  +0 > F. 1:1(0) ack 1 <ts>
  +0 < F. 1:1(0) ack 2 <nop,nop,TS val 1000 ecr 0>
  +0 > . 2:2(0) ack 2 <ts>
     state TIME_WAIT
`;

protocolTest(
  "TW-01",
  "TIME_WAIT lasts 120 s by default",
  `
  ${TIME_WAIT}
  119.9 state TIME_WAIT
  120.1 state CLOSED
  `,
);

protocolTest(
  "TW-01",
  "TIME_WAIT lasts 240 s with tcp_msl=120",
  `
  ${TIME_WAIT}
  239.9 state TIME_WAIT
  240.1 state CLOSED
  `,
  { tunables: { tcp_msl: 120 } },
);

protocolTest("TW-02", "only the side that closes first enters TIME_WAIT", (t) => {
  t.run(`
    ${IN_STATE.LAST_ACK.script}
    +0 < . 2:2(0) ack 2
       state CLOSED
  `);
  assertEquals(t.stack.tcp.timeWaits.count, 0);
});

protocolTest("TW-02", "a connection that both sides close at once enters TIME_WAIT", (t) => {
  t.run(`
    ${IN_STATE.CLOSING.script}
    +0 < . 2:2(0) ack 2
       state TIME_WAIT
  `);
  assertEquals(t.stack.tcp.timeWaits.count, 1);
});

protocolTest(
  "TW-03",
  "a repeated FIN is acknowledged and begins 2MSL anew",
  `
  ${TIME_WAIT}
  100   < F. 1:1(0) ack 2
  +0    > . 2:2(0) ack 2
  219   state TIME_WAIT
  219.9 < F. 1:1(0) ack 2
  +0    > . 2:2(0) ack 2
  339.8 state TIME_WAIT
  340   state CLOSED
  `,
);

protocolTest("TW-03", "2MSL are 120 s to the millisecond, at first and anew", (t) => {
  const { timeWaits } = t.stack.tcp;
  const left = () => (timeWaits.earliest - Math.floor(t.now)) | 0;
  t.run(TIME_WAIT);
  assertEquals(left(), 120_000);
  t.advance(50_000);
  assertEquals(left(), 70_000);
  t.run("+0 < F. 1:1(0) ack 2\n+0 > . 2:2(0) ack 2");
  assertEquals(left(), 120_000);
});

protocolTest(
  "TW-04",
  "a FIN after TIME_WAIT is answered with RST",
  `
  ${TIME_WAIT}
  121 < F. 1:1(0) ack 2
  +0  > R 2:2(0)
  none(10)
  `,
);

protocolTest(
  "TW-05",
  "with tcp_rfc1337 a RST does not end TIME_WAIT",
  `
  ${TIME_WAIT}
  +1 < R 2:2(0)
  none(1)
     state TIME_WAIT
     cnt:TCPTimeWaitRst
  +0 < F. 1:1(0) ack 2
  +0 > . 2:2(0) ack 2
  `,
);

protocolTest(
  "TW-05",
  "without tcp_rfc1337 an exact RST ends TIME_WAIT",
  `
  ${TIME_WAIT}
  +1 < R 3:3(0)
     state TIME_WAIT
  +1 < R 2:2(0)
     state CLOSED
  +0 < F. 1:1(0) ack 2
  +0 > R 2:2(0)
  `,
  { tunables: { tcp_rfc1337: 0 } },
);

for (
  const [what, syn] of [
    ["a newer timestamp", "S -50:-50(0) win 65535 <mss 1460,TS val 1001 ecr 0>"],
    ["the same timestamp and a higher number", "S 5:5(0) win 65535 <mss 1460,TS val 1000 ecr 0>"],
    ["no timestamp and a higher number", "S 5:5(0) win 65535 <mss 1460>"],
  ]
) {
  protocolTest(
    "TW-06",
    `after timestamps a SYN with ${what} connects`,
    `
    ${TIME_WAIT_TS}
    +1 < ${syn}
    +0 > S. * ack * <...>
       synQueue 1
       cnt:TWRecycled
    +0 < R ${what === "a newer timestamp" ? -49 : 6}
       synQueue 0
    `,
  );
}

protocolTest(
  "TW-06",
  "after timestamps an older SYN is dropped",
  `
  ${TIME_WAIT_TS}
  +1 < S -50:-50(0) win 65535 <mss 1460,TS val 999 ecr 0>
  none(1)
     state TIME_WAIT
     cnt:TCPTimeWaitSynDrop
  `,
);

for (const [what, seq] of [["the number expected next", 2], ["a lower number", -50]]) {
  protocolTest(
    "TW-06",
    `after timestamps a SYN with the same timestamp and ${what} is dropped`,
    `
    ${TIME_WAIT_TS}
    +1 < S ${seq}:${seq}(0) win 65535 <mss 1460,TS val 1000 ecr 0>
    none(1)
       state TIME_WAIT
       cnt:TCPTimeWaitSynDrop
    `,
  );
}

protocolTest(
  "TW-06",
  "after timestamps an old SYN without any is acknowledged",
  `
  ${TIME_WAIT_TS}
  +1 < S 2:2(0) win 65535 <mss 1460>
  +0 > . 2:2(0) ack 2 win 0 <ts>
     state TIME_WAIT
     cnt:TCPTimeWaitSynDrop=0
  `,
);

for (
  const [what, syn] of [
    ["timestamps", "S -50:-50(0) win 65535 <mss 1460,TS val 1 ecr 0>"],
    ["a number just beyond", "S 3:3(0) win 65535 <mss 1460>"],
  ]
) {
  protocolTest(
    "TW-07",
    `without timestamps before, a SYN with ${what} connects`,
    `
    ${TIME_WAIT}
    +1 < ${syn}
    +0 > S. * ack * <...>
       synQueue 1
    `,
  );
}

for (const [what, seq] of [["an older SYN", -50], ["a SYN with the number expected next", 2]]) {
  protocolTest(
    "TW-07",
    `without timestamps ${what} is answered with ACK`,
    `
    ${TIME_WAIT}
    +1 < S ${seq}:${seq}(0) win 65535 <mss 1460>
    +0 > . 2:2(0) ack 2
       state TIME_WAIT
    `,
  );
}

protocolTest(
  "TW-07",
  "where timestamps are not agreed to, those of an old SYN prove nothing",
  `
  ${TIME_WAIT}
  +1 < S -50:-50(0) win 65535 <mss 1460,TS val 1 ecr 0>
  +0 > . 2:2(0) ack 2
     state TIME_WAIT
  `,
  { tunables: { tcp_timestamps: 0 } },
);

protocolTest("TW-08", "a reopened tuple begins beyond the old numbers and timestamps", (t) => {
  t.run(TIME_WAIT_TS);
  const oldIss = t.flow.productIsn!;
  const oldTsVal = t.flow.lastTsVal;
  t.advance(1);
  t.flow.renew(t.flow.peerIsn + 100_000);
  t.inject("S 0:0(0) win 65535 <mss 1460,TS val 1001 ecr 0>");
  const synAck = t.expect("S. 0:0(0) ack 1 <...>");
  const distance = (synAck.seq - (oldIss + 2)) | 0;
  assert(distance >= 65537, `the new ISS lies ${distance} behind the old SND.NXT`);
  const option = synAck.options.find((option) => option.name === "TS");
  assert(option !== undefined && ((option.val - oldTsVal) | 0) > 0, "TSval did not grow");
});

protocolTest(
  "TW-09",
  "a reset proves that the SYN was an old duplicate, and TIME_WAIT goes on",
  `
  ${TIME_WAIT_TS}
  10  < S -50:-50(0) win 65535 <mss 1460,TS val 1001 ecr 0>
  +0  > S. * ack * <...>
      synQueue 1
  10.9 < R -49:-49(0)
      synQueue 0
      state TIME_WAIT
  20  state TIME_WAIT
  +0  < F. 1:1(0) ack 2 <nop,nop,TS val 1000 ecr 0>
  +0  > . 2:2(0) ack 2 <ts>
  139.9 state TIME_WAIT
  140.1 state CLOSED
  `,
);

protocolTest(
  "TW-09",
  "what is left of TIME_WAIT is what was left before",
  `
  ${TIME_WAIT}
  10    < S 5:5(0) win 65535 <mss 1460>
  +0    > S. * ack * <...>
  10.5  < R 6:6(0)
        state TIME_WAIT
  119.9 state TIME_WAIT
  120.1 state CLOSED
  `,
);

protocolTest("TW-10", "old segments never enter the reopened connection", (t) => {
  t.run(TIME_WAIT_TS);
  const oldAck = (t.flow.productIsn! + 2) >>> 0;
  t.flow.renew(t.flow.peerIsn - 50);
  t.run(`
    +1 < S 0:0(0) win 65535 <mss 1460,TS val 1001 ecr 0>
    +0 > S. 0:0(0) ack 1 <...>
    +0 < . 1:1(0) ack 1 <nop,nop,TS val 1002 ecr 0>
       accept
  `);
  for (const segment of ["P. 1:11(10)", "P. 30:50(20)", "FP. 40:50(10)", "F. 1:1(0)"]) {
    for (const ack of ["1", `=${oldAck}`]) {
      t.run(`
        +1 < ${segment} ack ${ack} <nop,nop,TS val 1000 ecr 0>
        +0 > . 1:1(0) ack 1 <ts>
      `);
    }
  }
  t.run(`
    readable 0
    state ESTABLISHED
    cnt:PAWSEstabRejected=8
    +0 < P. 1:6(5) ack 1 <nop,nop,TS val 1003 ecr 0> "fresh"
    +0 > . 1:1(0) ack 6 <ts>
       read "fresh"
       readable 0
  `);
});

for (
  const [what, fixture, srttMs, seconds] of [
    ["3.5 RTO", "EST+TS", 0, 0.7],
    ["2MSL at most", "EST+TS", 400_000, 120],
    ["2MSL without timestamps", "EST", 0, 120],
  ] as const
) {
  const timestamps = fixture === "EST" ? "" : "<ts>";
  protocolTest("TW-12", `with tcp_tw_recycle TIME_WAIT lasts ${what}`, (t) => {
    t.run(fixture);
    if (srttMs > 0) t.connection.srttUs = 1000 * srttMs;
    t.connection.shutdown();
    t.run(`
      +0 > F. 1:1(0) ack 1 ${timestamps}
      +0 < F. 1:1(0) ack 2 ${timestamps}
      +0 > . 2:2(0) ack 2 ${timestamps}
    `);
    const rtoMs = srttMs > 0 ? 120_000 : 200;
    assert(Math.abs(t.connection.rtoMs - rtoMs) <= 1, `RTO is ${t.connection.rtoMs} ms`);
    t.advance(1000 * seconds - 50);
    t.run("state TIME_WAIT");
    t.advance(100);
    t.run("state CLOSED");
  }, { tunables: { tcp_tw_recycle: 1 } });
}

for (
  const [what, seconds, options, verdict] of [
    ["with an older timestamp is refused", 59.9, "TS val 998 ecr 0", "none"],
    ["without timestamps connects", 59.9, "nop", "synAck"],
    ["of a host not heard for 60 s connects", 60.1, "TS val 998 ecr 0", "synAck"],
    ["with a timestamp older by 1 connects", 59.9, "TS val 999 ecr 0", "synAck"],
  ] as const
) {
  protocolTest("TW-13", `with tcp_tw_recycle a SYN ${what}`, (t) => {
    t.run(`
      peer b 10.0.0.2:40001
      ${TIME_WAIT_TS}
    `);
    t.advance(1000 * seconds);
    const syn = `+0 <b S 0:0(0) win 65535 <mss 1460,${options}>`;
    t.run(
      verdict === "none"
        ? `${syn}\nnone(70)\ncnt:PAWSPassiveRejected`
        : `${syn}\n+0 >b S. 0:0(0) ack 1 <...>\ncnt:PAWSPassiveRejected=0`,
    );
  }, { tunables: { tcp_tw_recycle: 1 } });
}

protocolTest("TW-13", "without tcp_tw_recycle an older timestamp of another port connects", (t) => {
  t.run(`
    peer b 10.0.0.2:40001
    ${TIME_WAIT_TS}
    +1 <b S 0:0(0) win 65535 <mss 1460,TS val 998 ecr 0>
    +0 >b S. 0:0(0) ack 1 <...>
  `);
});

Deno.test("TW-14: tcp_tw_recycle is refused while tcp_timestamps is 0, and the reverse", () => {
  const bare = setTunable(DEFAULT_TUNABLES, "tcp_timestamps", "0");
  assertThrows(() => setTunable(bare, "tcp_tw_recycle", "1"), TunableError, "tcp_timestamps is 0");
  const recycling = setTunable(DEFAULT_TUNABLES, "tcp_tw_recycle", "1");
  assertThrows(() => setTunable(recycling, "tcp_timestamps", "0"), TunableError, "is 1");
  assertEquals([bare.tcp_tw_recycle, recycling.tcp_timestamps], [0, 1]);
});

protocolTest(
  "TW-15",
  "above tcp_max_tw_buckets a connection is forgotten at once",
  `
  EST
  shutdown
  +0 > F. 1:1(0) ack 1
  +0 < F. 1:1(0) ack 2
  +0 > . 2:2(0) ack 2
     state CLOSED
     cnt:TCPTimeWaitOverflow
  `,
  { tunables: { tcp_max_tw_buckets: 0 } },
);

protocolTest("TW-15", "no page is kept for TIME_WAIT", (t) => {
  t.run(`
    EST
    +0 < P. 1:10001(10000) ack 1
    *  > . 1:1(0) ack 10001
       write 10000
    +0 > P. 1:10001(10000) ack 10001
    +0 < . 10001:10001(0) ack 10001
       read 10000
       shutdown
    +0 > F. 10001:10001(0) ack 10001
    +0 < F. 10001:10001(0) ack 10002
    +0 > . 10002:10002(0) ack 10002
       state TIME_WAIT
  `);
  assertEquals(t.fixture.pages.lent, 0);
});

protocolTest(
  "TW-17",
  "data and old ACKs are acknowledged, an exact ACK is ignored",
  `
  ${TIME_WAIT}
  +1 < P. 2:12(10) ack 2
  +0 > . 2:2(0) ack 2
  +1 < . 2:2(0) ack 1
  +0 > . 2:2(0) ack 2
  +1 < . 2:2(0) ack 2
  none(1)
     state TIME_WAIT
     readable 0
  `,
);

protocolTest(
  "TW-17",
  "acknowledgments in TIME_WAIT are rate limited",
  `
  ${TIME_WAIT}
  +1 < . 2:2(0) ack 1
  +0 > . 2:2(0) ack 2
  +.1 < . 2:2(0) ack 1
  none(.1)
  `,
);

protocolTest(
  "TW-17",
  "a segment without ACK is dropped, wherever it lies, and a FIN in it restarts nothing",
  `
  ${TIME_WAIT}
  100 < F 1:1(0)
  +0 < F 2:2(0)
  +0 < P 2:12(10)
     cnt:TCPNoAckFlag=3
  none(19.9)
  120.1 state CLOSED
  `,
);

protocolTest(
  "TW-07",
  "SYN with FIN reopens nothing and restarts nothing, but is acknowledged",
  `
  ${TIME_WAIT}
  100 < SF 5:5(0) win 65535 <mss 1460>
  +0 > . 2:2(0) ack 2
     state TIME_WAIT
  120.1 state CLOSED
  `,
);

protocolTest("TW-07", "where nobody listens any more, a SYN does not end TIME_WAIT", (t) => {
  t.run(TIME_WAIT);
  t.fixture.listener.close();
  t.run(`
    +1 < S 5:5(0) win 65535 <mss 1460>
    +0 > . 2:2(0) ack 2
       state TIME_WAIT
       cnt:TWRecycled=0
  `);
});

protocolTest(
  "TW-17",
  "an exact ACK does not spend the acknowledgment of one that is none",
  `
  ${TIME_WAIT}
  +1 < . 2:2(0) ack 2
  +.1 < . 2:2(0) ack 1
  +0 > . 2:2(0) ack 2
  `,
);
