/** ETH: the device. Requirements §2.2. */

import { assertEquals } from "@std/assert";
import { concat, encodePacket } from "../support/codec.ts";
import { ethernet, halves, icmp, ipv4 } from "../support/packets.ts";
import { protocolTest } from "../support/script.ts";

const SYN = "S 0:0(0) win 65535 <mss 1460>";

protocolTest("ETH-01", "frames for others, or from groups, draw nothing", (t) => {
  const syn = t.packet(SYN);
  t.inject({ ...syn, destinationMac: "02:00:00:00:00:03" });
  t.inject({ ...syn, destinationMac: "01:00:5e:00:00:01" });
  t.inject({ ...syn, sourceMac: "03:00:00:00:00:02" });
  t.none(70);
  assertEquals([t.growth("EthNotForUs"), t.growth("EthBadSource")], [2, 1]);
});

protocolTest("ETH-02", "other types and 802.3 lengths draw nothing", (t) => {
  t.injectFrame(ethernet(0x0600, new Uint8Array(46)));
  t.injectFrame(ethernet(0x0040, new Uint8Array(46)));
  t.none(1);
  assertEquals(t.growth("EthUnknownType"), 2);
});

protocolTest("ETH-03", "padding is no data", (t) => {
  t.run("EST");
  t.injectFrame(concat(encodePacket(t.packet(". 1:1(0) ack 1")), new Uint8Array(6).fill(0x41)));
  t.none(1);
  t.run(`
    readable 0
    +0 < P. 1:2(1) ack 1
    *  > . 1:1(0) ack 2
       read 1
  `);
});

protocolTest("ETH-03", "frames too short and too long draw nothing", (t) => {
  const { mtu } = t.fixture.sink;
  const frame = encodePacket(t.packet(SYN));
  for (const length of [0, 1, 13]) t.injectFrame(frame.slice(0, length));
  t.injectFrame(concat(frame, new Uint8Array(mtu + 15 - frame.length)));
  t.none(1);
  assertEquals(t.growth("EthBadLength"), 4);
});

protocolTest("ETH-03", "a super-segment of 65535 bytes is processed as one", (t) => {
  t.run("EST+WS7 rtt .1");
  const packet = t.packet("P. 1:61321(61320) ack 1");
  t.injectFrame(encodePacket(packet), false, 1460);
  t.run(`
    *  > . 1:1(0) ack 61321
       read 61320
  `);
}, { links: ["offload"] });

/** A frame with an 802.1Q tag of priority 3. */
function tagged(vlanId: number, frame: Uint8Array): Uint8Array {
  return concat(frame.slice(0, 12), halves(0x8100, 0x6000 | vlanId), frame.slice(12));
}

protocolTest("ETH-04", "a priority tag counts as none, other tags are dropped", (t) => {
  t.injectFrame(tagged(8, encodePacket(t.packet(SYN))));
  t.none(1);
  assertEquals(t.growth("EthVlanMismatch"), 1);
  t.injectFrame(tagged(0, encodePacket(t.packet(SYN))));
  t.expect("S. 0:0(0) ack 1 <mss 1460>");
  t.run("+.1 < R. 1:1(0) ack 1");
});

protocolTest("ETH-04", "with vlan_id only that VLAN is heard, and answered with its tag", (t) => {
  const syn = encodePacket(t.packet(SYN));
  t.injectFrame(tagged(8, syn));
  t.injectFrame(tagged(0, syn));
  t.injectFrame(syn);
  t.none(1);
  assertEquals(t.growth("EthVlanMismatch"), 3);
  t.injectFrame(tagged(7, syn));
  const synAck = t.expectFrame(); // the codec takes a tagged frame for none of TCP
  assertEquals(synAck.slice(12, 18).toHex(), "810000070800");
  assertEquals([synAck.length, synAck[18 + 20 + 13]], [18 + 20 + 24, 0x12]);
  t.injectFrame(tagged(7, ethernet(0x0800, ipv4(1, icmp(8, 0, new Uint8Array(60))))));
  assertEquals(t.expectFrame().slice(12, 19).toHex(), "81000007080045");
}, { tunables: { vlan_id: 7 } });

protocolTest("ETH-05", "an echo reply a full device refused is lost and counted", (t) => {
  const { sink } = t.fixture;
  sink.isFull = true;
  t.injectFrame(ethernet(0x0800, ipv4(1, icmp(8, 0, new Uint8Array(60)))));
  sink.isFull = false;
  t.none(10);
  assertEquals(t.growth("TxDrop"), 1);
});

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
