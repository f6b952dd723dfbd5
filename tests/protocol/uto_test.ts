/** UTO: the user timeout. Requirements §2.28. */

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
