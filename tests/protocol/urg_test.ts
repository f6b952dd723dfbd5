/** URG: urgent data. Requirements §2.28. */

import { assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

protocolTest("URG-01", "the pointer names the byte behind the urgent ones", (t) => {
  t.run(`
    EST
    +0 < PU. 1:11(10) ack 1 urg 5
    +0 > . 1:1(0) ack 11
    app: Urgent, Readable
  `);
  assertEquals(t.connection.urgentRemaining, 5);
  t.run("read 5");
  assertEquals(t.connection.urgentRemaining, 0);
  t.run("read 5\nreadable 0");
});

for (const pointer of [0, 10, 11, 65535]) {
  protocolTest("URG-01", `a pointer of ${pointer} leaves the bytes as they are`, (t) => {
    t.run(`
      EST
      +0 < PU. 1:11(10) ack 1 urg ${pointer}
      +0 > . 1:1(0) ack 11
      read 10
      readable 0
    `);
    assertEquals(t.connection.urgentRemaining, Math.max(0, pointer - 10));
    t.run(`
      +0 < P. 11:21(10) ack 1
      +0 > . 1:1(0) ack 21
      read 10
      state ESTABLISHED
    `);
  });
}

protocolTest("URG-01", "behind the peer's FIN there is nothing urgent", (t) => {
  t.run(`
    EST
    +0 < F. 1:1(0) ack 1
    +0~.1 > . 1:1(0) ack 2
    app: PeerClosed
    +0 < U. 2:2(0) ack 1 urg 100
    none(.2)
    app: none
  `);
  assertEquals(t.connection.urgentRemaining, 0);
});

protocolTest("URG-01", "the pointer without the flag means nothing", (t) => {
  t.run(`
    EST
    +0 < P. 1:11(10) ack 1 urg 5
    +0 > . 1:1(0) ack 11
    read 10
  `);
  assertEquals(t.connection.urgentRemaining, 0);
});

protocolTest("URG-02", "urgent bytes are told of once, counted, and read in their place", (t) => {
  t.run(`
    EST
    +0 < PU. 1:11(10) ack 1 urg 5
    +0 > . 1:1(0) ack 11
    app: Urgent
  `);
  assertEquals(t.connection.urgentRemaining, 5);
  t.run(`
    app: none
    read 3
  `);
  assertEquals(t.connection.urgentRemaining, 2);
  // More of the same is no news.
  t.run(`
    +0 < PU. 11:21(10) ack 1 urg 10
    +0 > . 1:1(0) ack 21
  `);
  assertEquals(t.connection.urgentRemaining, 17);
  assertEquals(t.flow.signals & 256, 0);
  t.run(`
    read 17
    readable 0
    app: Readable
    +0 < PU. 21:31(10) ack 1 urg 10
    +0 > . 1:1(0) ack 31
    app: Urgent
    read 10
  `);
});

protocolTest("URG-02", "the notice may come before the bytes, and through a shut window", (t) => {
  t.run(`
    EST
    +0 < U. 1:1(0) ack 1 urg 40000
    app: Urgent
  `);
  assertEquals(t.connection.urgentRemaining, 40_000);
  t.inject(". 1:30001(30000) ack 1");
  t.discard();
  t.calls.read(t.flow, 30_000, null);
  assertEquals(t.connection.urgentRemaining, 10_000);
  t.discard();
  t.run("+0 < . 30001:30001(0) ack 1\nnone(.1)");
});

/** Writes `count` bytes and calls them urgent. */
function urge(t: ScriptRun, count: number): void {
  assertEquals(t.calls.writeSome(t.flow, count), count);
  assertEquals(t.connection.urge(), "");
}

protocolTest(
  "URG-03",
  "what is urged has the flag, and names the byte behind it, until it is acknowledged",
  (t) => {
    t.run("EST rtt .1");
    urge(t, 5);
    t.run(`
    +0  > PU. 1:6(5) ack 1 urg 5
        write 10
    +0  > P. 6:16(10) ack 1
    +.3 > U. 1:6(5) ack 1 urg 5
    +0  > P. 6:16(10) ack 1
    +.1 < . 1:1(0) ack 16
        write 10
    +0  > P. 16:26(10) ack 1
    +.1 < . 1:1(0) ack 26
  `);
  },
);

protocolTest("URG-03", "a lone byte is marked, and one behind the urgent end is not", (t) => {
  t.run("EST rtt .1");
  urge(t, 1);
  t.run(`
    +0  > PU. 1:2(1) ack 1 urg 1
        write 1
    +0  > P. 2:3(1) ack 1
  `);
});

protocolTest("URG-03", "the notice passes a shut window, and is in the probes", (t) => {
  t.run("EST rtt .1\n+0 < . 1:1(0) ack 1 win 0");
  urge(t, 5);
  t.run(`
    +0  > U. 1:1(0) ack 1 urg 5
    +.3 > U. 0:0(0) ack 1 urg 6
    +.1 < . 1:1(0) ack 1 win 65535
    +0  > PU. 1:6(5) ack 1 urg 5
  `);
});

protocolTest(
  "URG-03",
  "segments up to the urgent end carry the mark, none of them a super-segment",
  (t) => {
    t.run("EST rtt .1");
    urge(t, 4000);
    t.calls.writeSome(t.flow, 2000);
    t.expect("U. 1:1461(1460) ack 1 urg 4000");
    t.expect("U. 1461:2921(1460) ack 1 urg 2540");
    t.expect("U. 2921:4381(1460) ack 1 urg 1080");
    t.expect("P. 4381:6001(1620) ack 1");
    t.run("+.1 < . 1:1(0) ack 6001\nwrite 10000\n+0 > P. 6001:16001(10000) ack 1");
  },
);

protocolTest("URG-03", "a pointer reaches 65535 bytes at most", (t) => {
  t.run("EST rtt .1");
  t.connection.cwnd = 1 << 20;
  assertEquals(t.calls.writeSome(t.flow, 80_000), 80_000);
  urge(t, 1);
  for (let at = 1; at < 16_061; at += 1460) {
    const reach = Math.min(65_535, 80_002 - at);
    t.expect(`U. ${at}:${at + 1460}(1460) ack 1 urg ${reach}`);
  }
  t.discard();
}, { tunables: { tcp_wmem_default: 1 << 20 } });

protocolTest("URG-03", "a later end takes the place of one that is not acknowledged", (t) => {
  t.run("EST rtt .1");
  urge(t, 5);
  t.run("+0 > PU. 1:6(5) ack 1 urg 5");
  urge(t, 5);
  t.run(`
    +0  > PU. 6:11(5) ack 1 urg 5
    +.1 < . 1:1(0) ack 6
    +0~.5 > PU. 6:11(5) ack 1 urg 5
    +.1 < . 1:1(0) ack 11
    none(10)
  `);
});

protocolTest(
  "URG-03",
  "with nothing to send there is nothing urgent, and behind a FIN no more",
  (t) => {
    t.run("EST");
    assertEquals(t.connection.urge(), "");
    t.run("none(1)\nshutdown\n+0 > F. 1:1(0) ack 1");
    assertEquals(t.connection.urge(), "EPIPE");
  },
);

protocolTest("URG-03", "a reset has no urgent pointer", (t) => {
  t.run("EST rtt .1");
  urge(t, 5);
  t.run("+0 > PU. 1:6(5) ack 1 urg 5\nabort\n+0 > R. 6:6(0) ack 1");
});
