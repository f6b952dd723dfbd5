/** URG: urgent data. Requirements §2.28. */

import { assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";

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
