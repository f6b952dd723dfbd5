/** ETH: the device. Requirements §2.2. */

import { assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";

protocolTest("ETH-05", "what a full device refused is sent later, in order, without RTO", (t) => {
  t.run("EST+WS7 rtt .1");
  const { sink } = t.fixture;
  t.calls.write(t.flow, 14_600, null);
  sink.isFull = true;
  t.none(.05);
  sink.isFull = false;
  t.run("+0 > P. 1:14601(14600/1460) ack 1");
  t.run("+.1 < . 1:1(0) ack 14601");
  assertEquals(t.connection.retransmits, 0);
  t.none(10);
});

protocolTest("ETH-05", "a reset a full device refused is lost and counted", (t) => {
  const { sink } = t.fixture;
  t.growth("TxDrop");
  sink.isFull = true;
  t.inject("F. 1:1(0) ack 5");
  sink.isFull = false;
  t.none(10);
  assertEquals(t.growth("TxDrop"), 1);
});

protocolTest("ETH-05", "a SYN-ACK a full device refused is sent soon", (t) => {
  const { sink } = t.fixture;
  sink.isFull = true;
  t.inject("S 0:0(0) win 65535 <mss 1460>");
  t.none(.5);
  sink.isFull = false;
  t.expect("S. 0:0(0) ack 1 <mss 1460>", 20);
});
