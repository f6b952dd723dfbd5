/** UTO: the user timeout. Requirements §2.28. */

import { assert, assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";

const THREE_SECONDS = 3000;

protocolTest("UTO-01", "data that nobody acknowledges for 3 s ends the connection", (t) => {
  t.run("EST rtt .1");
  t.connection.setUserTimeout(THREE_SECONDS, t.now);
  t.run("none(10)");
  t.calls.write(t.flow, 10, null);
  t.expect("P. 1:11(10) ack 1");
  t.run(`
    +.3  > P. 1:11(10) ack 1
    +.6  > P. 1:11(10) ack 1
    +1.2 > P. 1:11(10) ack 1
    +.9  > R. 11:11(0) ack 1
         app: Reset "timed out"
         cnt:TCPAbortOnTimeout
    none(100)
  `);
});

protocolTest("UTO-01", "each acknowledgment gives the rest its time anew", (t) => {
  t.run("EST");
  t.connection.setUserTimeout(THREE_SECONDS, t.now);
  t.calls.write(t.flow, 2000, null);
  t.discard();
  t.advance(2900);
  t.discard();
  t.inject(". 1:1(0) ack 1461");
  t.advance(2900);
  t.discard();
  t.run("state ESTABLISHED");
  t.expect("R. 2001:2001(0) ack 1", 150);
});

protocolTest(
  "UTO-01",
  "a window shut for 3 s ends the connection, though probes are answered",
  (t) => {
    t.run("EST");
    t.connection.setUserTimeout(THREE_SECONDS, t.now);
    t.inject(". 1:1(0) ack 1 win 0");
    t.calls.write(t.flow, 10, null);
    for (let i = 0; i < 28; i++) {
      t.advance(100);
      t.discard();
      t.inject(". 1:1(0) ack 1 win 0");
    }
    t.discard();
    t.run("state ESTABLISHED");
    t.expect("R. 1:1(0) ack 1", 250);
  },
);

protocolTest("UTO-01", "in place of the number of probes it ends an idle connection", (t) => {
  t.run("EST");
  t.connection.setKeepalive({ time: 10, interval: 5, probes: 2 });
  t.connection.setUserTimeout(30_000, t.now);
  t.run(`
    10 > . 0:0(0) ack 1
    15 > . 0:0(0) ack 1
    20 > . 0:0(0) ack 1
    25 > . 0:0(0) ack 1
    30 > R. 1:1(0) ack 1
       app: Reset "keep-alive timed out"
  `);
});

protocolTest("UTO-01", "switched off again it ends nothing", (t) => {
  t.run("EST");
  t.connection.setUserTimeout(THREE_SECONDS, t.now);
  t.calls.write(t.flow, 10, null);
  t.discard();
  t.connection.setUserTimeout(0, t.now);
  t.advance(10_000);
  t.discard();
  t.run(`
    state ESTABLISHED
    +0 < . 1:1(0) ack 11
       app: Drained
  `);
});

protocolTest("UTO-01", "the time counts from the last progress to the millisecond", (t) => {
  t.run("EST");
  t.connection.setUserTimeout(THREE_SECONDS, t.now);
  t.calls.write(t.flow, 10, null);
  t.expect("P. 1:11(10) ack 1");
  t.advance(1);
  t.inject(". 1:1(0) ack 6");
  t.advance(2999);
  t.discard();
  t.run("state ESTABLISHED");
  t.advance(1);
  t.expect("R. 11:11(0) ack 1");
});

protocolTest("UTO-01", "a probed peer has at least one probe to answer", (t) => {
  t.run("EST");
  t.connection.setKeepalive({ time: 10, interval: 5 });
  t.connection.setUserTimeout(5000, t.now);
  t.run(`
    10    > . 0:0(0) ack 1
    +.001 > R. 1:1(0) ack 1
          app: Reset "keep-alive timed out"
          cnt:TCPKeepAlive
  `);
}, { startMs: 5000, toleranceMs: 0.4 });

protocolTest("UTO-01", "a connection that it ends is not sent again in the same moment", (t) => {
  t.run("EST rtt .1");
  t.connection.setUserTimeout(300, t.now);
  t.calls.write(t.flow, 10, null);
  t.run(`
    +0 > P. 1:11(10) ack 1
    +.3 > R. 11:11(0) ack 1
    cnt:TCPTimeouts=0
  `);
});

const ENABLED = { tunables: { px_user_timeout_option: 1 } };

for (
  const [option, seconds] of [
    ["uto 300 s", 300],
    ["uto 5 min", 300],
    ["uto 10 s", 100],
    ["uto 100 s", 100],
    ["uto 3600 s", 3600],
    ["uto 61 min", 3600],
  ] as const
) {
  protocolTest("UTO-02", `enabled, <${option}> on a SYN is stored as ${seconds} s`, (t) => {
    t.run(`
      0  < S 0:0(0) win 65535 <mss 1460,${option}>
      +0 > S. 0:0(0) ack 1 <mss 1460>
      +0 < . 1:1(0) ack 1
         accept
    `);
    assertEquals(t.connection.userTimeoutMs, 1000 * seconds);
  }, ENABLED);
}

protocolTest(
  "UTO-02",
  "disabled, the option is ignored, wherever it comes, and none is sent",
  (t) => {
    t.run(`
    0  < S 0:0(0) win 65535 <mss 1460,uto 300 s>
    +0 > S. 0:0(0) ack 1 <mss 1460>
    +0 < . 1:1(0) ack 1 <uto 300 s>
       accept
    +0 < P. 1:11(10) ack 1 <uto 300 s>
    +0 > . 1:1(0) ack 11
  `);
    assertEquals(t.connection.userTimeoutMs, 0);
    t.connection.setUserTimeout(200_000, t.now);
    t.none(1);
  },
);

protocolTest("UTO-02", "the option counts in any acceptable segment, the last one most", (t) => {
  t.run("EST\n+0 < . 1:1(0) ack 1 <uto 200 s>");
  assertEquals(t.connection.userTimeoutMs, 200_000);
  t.run(`
    +0 < P. 1:11(10) ack 1 <uto 400 s>
    +0 > . 1:1(0) ack 11
  `);
  assertEquals(t.connection.userTimeoutMs, 400_000);
  t.run(`
    +0 < . 900000:900000(0) ack 1 <uto 500 s>
    +0 > . 1:1(0) ack 11
  `);
  assertEquals(t.connection.userTimeoutMs, 400_000, "an unacceptable one does not count");
}, ENABLED);

protocolTest("UTO-02", "after a SYN cookie the option of the third ACK counts", (t) => {
  t.run(`
    0  < S 0:0(0) win 65535 <mss 1460,uto 300 s>
    +0 > S. 0:0(0) ack 1 <mss 1460>
    +0 < . 1:1(0) ack 1 <uto 200 s>
       accept
  `);
  assertEquals(t.connection.userTimeoutMs, 200_000);
}, { tunables: { px_user_timeout_option: 1, tcp_syncookies: 2 } });

for (const tcp_syncookies of [0, 2]) {
  protocolTest("UTO-02", `enabled, no option is none, tcp_syncookies ${tcp_syncookies}`, (t) => {
    t.run(`
      0  < S 0:0(0) win 65535 <mss 1460>
      +0 > S. 0:0(0) ack 1 <mss 1460>
      +0 < . 1:1(0) ack 1
         accept
    `);
    assertEquals(t.connection.userTimeoutMs, 0);
  }, { tunables: { px_user_timeout_option: 1, tcp_syncookies } });
}

protocolTest(
  "UTO-02",
  "what the peer told ends the connection when it takes nothing for so long",
  (t) => {
    t.run("EST rtt .1\n+0 < . 1:1(0) ack 1 <uto 10 s>\nwrite 10");
    while (t.elapsedMs < 100_000) {
      const packet = t.next(100_000);
      if (packet!.flags.includes("R")) break;
    }
    t.run('state CLOSED\napp: Reset "timed out"');
    assert(Math.abs(t.elapsedMs - 100_100) < 10, `reset at ${t.elapsedMs} ms`);
  },
  ENABLED,
);

protocolTest("UTO-02", "a shorter option counts for what waits already", (t) => {
  t.run("EST rtt .1\n+0 < . 1:1(0) ack 1 <uto 3000 s>\nwrite 10");
  t.advance(500_000);
  t.discard();
  t.inject(". 1:1(0) ack 1 <uto 100 s>");
  t.advance(99_000);
  t.discard();
  t.run("state ESTABLISHED");
  t.expect("R. 11:11(0) ack 1", 1100);
}, ENABLED);

protocolTest(
  "UTO-02",
  "the user's own timeout is told once, bounded, and the peer's changes nothing",
  (t) => {
    t.run("EST+SACK+TS");
    t.connection.setUserTimeout(300_000, t.now);
    t.run(`
    +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,uto 300 s>
    write 10
    +0 > P. 1:11(10) ack 1 <ts>
    +0 < . 1:1(0) ack 11 <nop,nop,TS val * ecr *,uto 200 s>
  `);
    assertEquals(t.connection.userTimeoutMs, 300_000);
    for (const [ms, seconds] of [[5000, 100], [100_001, 101], [2 ** 31 - 1, 3600]]) {
      t.connection.setUserTimeout(ms, t.now);
      t.run(`+0 > . 11:11(0) ack 1 <nop,nop,TS val * ecr *,uto ${seconds} s>`);
      assertEquals(t.connection.userTimeoutMs, ms);
    }
    // Without one the peer's counts again.
    t.connection.setUserTimeout(0, t.now);
    t.run("none(.1)\n+0 < . 1:1(0) ack 11 <nop,nop,TS val * ecr *,uto 200 s>");
    assertEquals(t.connection.userTimeoutMs, 200_000);
  },
  ENABLED,
);

protocolTest("UTO-02", "the option takes the place of the third SACK block", (t) => {
  t.run(`
    EST+SACK+TS
    +0 < . 11:21(10) ack 1 <ts>
    +0 < . 31:41(10) ack 1 <ts>
    +0 < . 51:61(10) ack 1 <ts>
  `);
  t.discard();
  t.connection.setUserTimeout(300_000, t.now);
  t.run(`
    +0 > . 1:1(0) ack 1 <nop,nop,TS val * ecr *,uto 300 s,nop,nop,sack 51:61 31:41>
  `);
}, ENABLED);

protocolTest("UTO-02", "an active open tells it on the SYN, and again on the third ACK", (t) => {
  t.learnPeer();
  t.calls.connect(t.stack, t.flow, false, t.now);
  t.connection.setUserTimeout(600_000, t.now);
  t.run(`
    +0 > S 0:0(0) <mss 1460,sackOK,TS val * ecr *,nop,wscale 7,uto 600 s>
    +1 > S 0:0(0) <mss 1460,sackOK,TS val * ecr *,nop,wscale 7,uto 600 s>
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0 > . 1:1(0) ack 1 <uto 600 s>
    write 10
    +0 > P. 1:11(10) ack 1
  `);
  assertEquals(t.connection.userTimeoutMs, 600_000);
}, ENABLED);

protocolTest(
  "UTO-02",
  "a fast open's SYN leaves its room to the cookie, the third ACK tells it",
  (t) => {
    t.learnPeer();
    t.calls.connect(t.stack, t.flow, true, t.now);
    t.connection.setUserTimeout(600_000, t.now);
    t.run(`
    +0  > S 0:0(0) <mss 1460,sackOK,TS val * ecr *,nop,wscale 7,FO,nop,nop>
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0  > . 1:1(0) ack 1 <uto 600 s>
  `);
  },
  ENABLED,
);

protocolTest("UTO-02", "the peer's option on the SYN-ACK is stored", (t) => {
  t.run(`
    ACT
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460,uto 300 s>
    +0  > . 1:1(0) ack 1
  `);
  assertEquals(t.connection.userTimeoutMs, 300_000);
}, ENABLED);
