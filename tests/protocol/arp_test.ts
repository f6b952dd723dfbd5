/** ARP. Requirements §2.3. Next hops of active opens: `next_hop_test.ts`. */

import { assert, assertEquals } from "@std/assert";
import { encodePacket } from "../support/codec.ts";
import { arp, BROADCAST_MAC, ethernet, OWN_MAC, PEER_MAC } from "../support/packets.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

const ZERO_MAC = "00:00:00:00:00:00";
const THIRD_MAC = "02:00:00:00:00:99";

function request(sender: string, target: string, senderMac = PEER_MAC): Uint8Array {
  const packet = arp(1, senderMac, sender, ZERO_MAC, target);
  return ethernet(0x0806, packet, { to: BROADCAST_MAC, from: senderMac });
}

/** What answers a request for 10.0.0.1. */
function reply(target: string, targetMac = PEER_MAC): Uint8Array {
  const packet = arp(2, OWN_MAC, "10.0.0.1", targetMac, target);
  return ethernet(0x0806, packet, { to: targetMac, from: OWN_MAC });
}

/** The product knows the peer. */
function introduce(t: ScriptRun): void {
  t.injectFrame(request("10.0.0.2", "10.0.0.1"));
  assertEquals(t.expectFrame(), reply("10.0.0.2"));
}

protocolTest("ARP-01", "a wrong field makes a packet of no account", (t) => {
  const good = request("10.0.0.2", "10.0.0.1");
  for (const [offset, value] of [[15, 2], [17, 6], [18, 5], [19, 6], [21, 0], [21, 3]]) {
    const bad = good.slice();
    bad[offset] = value;
    t.injectFrame(bad);
  }
  t.injectFrame(good.slice(0, 41));
  t.none(1);
  assertEquals(t.growth("ArpInErrors"), 7);
});

protocolTest(
  "ARP-02",
  "who asks for us is answered with 42 bytes, who asks for others is not",
  (t) => {
    introduce(t);
    assertEquals(reply("10.0.0.2").length, 42);
    t.injectFrame(request("10.0.0.2", "10.0.0.9"));
    t.none(2);
  },
);

protocolTest("ARP-03", "a known host's new MAC is used for the next frame", (t) => {
  introduce(t);
  t.run("SR");
  t.injectFrame(request("10.0.0.2", "10.0.0.2", THIRD_MAC));
  Object.assign(t.flow.ends, { peerMac: THIRD_MAC });
  t.run("1 > S. 0:0(0) ack 1 <mss 1460>");
  t.run("+.1 < R. 1:1(0) ack 1");
});

protocolTest("ARP-03", "an unknown host's announcement makes no entry", (t) => {
  t.injectFrame(request("10.0.0.2", "10.0.0.2", THIRD_MAC));
  t.run(`
    SR
    1 > S. 0:0(0) ack 1 <mss 1460>
    +.1 < R. 1:1(0) ack 1
  `);
});

protocolTest("ARP-04", "1000 SYNs of unknown sources are answered without a question", (t) => {
  const { frame, sink } = t.fixture;
  const syn = t.packet("S 0:0(0) win 65535 <mss 1460>");
  let answered = 0;
  for (let i = 0; i < 1000; i++) {
    const low = `${(i >> 8).toString(16)}:${(i & 255).toString(16)}`;
    const sourceMac = `02:00:00:01:${low}`;
    const bytes = encodePacket({
      ...syn,
      sourceMac,
      source: `10.0.0.${3 + i % 200}`,
      sourcePort: i + 1,
    });
    frame.arena.bytes.set(bytes, frame.start);
    frame.length = bytes.length;
    frame.checksumTrusted = false;
    frame.segmentSize = 0;
    t.stack.receive(frame, t.now);
    t.stack.poll(t.now);
    for (const sent of sink.frames.splice(0)) {
      assertEquals(sent.bytes.slice(0, 6), bytes.slice(6, 12));
      assertEquals([sent.bytes[12], sent.bytes[13], sent.bytes[47]], [8, 0, 0x12]);
      answered++;
    }
  }
  assertEquals([answered, t.growth("NeighborProbes")], [1000, 0]);
});

protocolTest("ARP-05", "after 61 s of silence the peer is asked by unicast, three times", (t) => {
  introduce(t);
  t.run("EST rtt .1");
  t.advance(61_500);
  t.calls.write(t.flow, 1, null);
  t.run("+0 > P. 1:2(1) ack 1");
  const question = arp(1, OWN_MAC, "10.0.0.1", ZERO_MAC, "10.0.0.2");
  assertEquals(t.expectFrame(), ethernet(0x0806, question, { to: PEER_MAC, from: OWN_MAC }));
  t.inject(". 1:1(0) ack 2");
  t.none(10); // the segment confirmed the entry
  assertEquals(t.growth("NeighborProbes"), 1);
});

protocolTest("ARP-05", "a connection that lives 120 s asks nothing", (t) => {
  introduce(t);
  t.run("EST rtt .1");
  for (let i = 0; i < 120; i++) {
    t.inject(`P. ${1 + i}:${2 + i}(1) ack 1`);
    t.next(100);
    t.advance(1000);
  }
  t.none(1);
  assertEquals(t.growth("NeighborProbes"), 0);
});

protocolTest("ARP-06", "a probe for our address is answered and makes no entry", (t) => {
  t.injectFrame(request("0.0.0.0", "10.0.0.1"));
  assertEquals(t.expectFrame(), reply("0.0.0.0"));
  t.none(1);
});

protocolTest("ARP-08", "2000 spoofed senders do not push out a live connection's entry", (t) => {
  introduce(t);
  t.run("EST rtt .1");
  for (let i = 0; i < 2000; i++) {
    t.injectFrame(request(`10.0.${1 + (i >> 7)}.${1 + (i & 127)}`, "10.0.0.1", THIRD_MAC));
    t.expectFrame();
    if (i % 500 === 0) {
      t.inject(`P. ${1 + i / 500}:${2 + i / 500}(1) ack 1`);
      assert(t.next(100) !== null);
    }
  }
  // Known still, the peer's new MAC counts.
  t.injectFrame(request("10.0.0.2", "10.0.0.2", THIRD_MAC));
  Object.assign(t.flow.ends, { peerMac: THIRD_MAC });
  t.calls.write(t.flow, 1, null);
  t.run("+0 > P. 1:2(1) ack 5");
});

protocolTest("ARP-08", "senders that cannot be teach nothing", (t) => {
  for (const sender of ["224.0.0.1", "10.0.0.255", "255.255.255.255"]) {
    t.injectFrame(request(sender, "10.0.0.1"));
  }
  const group = arp(1, "03:00:00:00:00:02", "10.0.0.2", ZERO_MAC, "10.0.0.1");
  t.injectFrame(ethernet(0x0806, group));
  t.injectFrame(request("10.0.0.1", "10.0.0.1"));
  t.none(1);
  assertEquals([t.growth("ArpInErrors"), t.growth("AddressConflicts")], [4, 1]);
});

const CLAIMING = { tunables: { arp_probe: 1 } };

/** A probe, or an announcement, of the product. */
function claim(source: string): Uint8Array {
  const packet = arp(1, OWN_MAC, source, ZERO_MAC, "10.0.0.1");
  return ethernet(0x0806, packet, { to: BROADCAST_MAC, from: OWN_MAC });
}

/** Waits for a claim; returns when it came, in milliseconds. */
function expectClaim(t: ScriptRun, source: string): number {
  assertEquals(t.expectFrame(2100), claim(source));
  return t.elapsedMs;
}

protocolTest("ARP-07", "three probes 1 to 2 s apart are followed by two announcements", (t) => {
  const probes = Array.from({ length: 3 }, () => expectClaim(t, "0.0.0.0"));
  assert(probes[0] <= 1000);
  for (const gap of [probes[1] - probes[0], probes[2] - probes[1]]) {
    assert(gap >= 999 && gap <= 2001, `${gap}`);
  }
  // Until then the address is not used.
  t.injectFrame(request("10.0.0.2", "10.0.0.1"));
  t.inject("S 0:0(0) win 65535 <mss 1460>");
  t.none(1.9);
  const announcements = [expectClaim(t, "10.0.0.1"), expectClaim(t, "10.0.0.1")];
  assertEquals(Math.round(announcements[0] - probes[2]), 2000);
  assertEquals(Math.round(announcements[1] - announcements[0]), 2000);
  introduce(t);
  t.none(0);
  t.run(`
    SR
    +.1 < R 1:1(0)
    none(60)
  `);
  assertEquals(t.stack.conflict, null);
}, CLAIMING);

for (
  const [what, conflicting] of [
    [
      "a reply of another host",
      () => ethernet(0x0806, arp(2, PEER_MAC, "10.0.0.1", OWN_MAC, "10.0.0.9")),
    ],
    ["another host's probe", () => request("0.0.0.0", "10.0.0.1")],
  ] as const
) {
  protocolTest("ARP-07", `${what} between the probes takes the address`, (t) => {
    expectClaim(t, "0.0.0.0");
    t.injectFrame(conflicting());
    assertEquals(t.stack.conflict?.toString(), "10.0.0.1");
    assertEquals(t.growth("AddressConflicts"), 1);
    t.none(60);
    t.inject("S 0:0(0) win 65535 <mss 1460>");
    t.none(60);
  }, CLAIMING);
}

protocolTest("ARP-07", "an address in use is defended once in ten seconds", (t) => {
  for (let i = 0; i < 3; i++) expectClaim(t, "0.0.0.0");
  for (let i = 0; i < 2; i++) expectClaim(t, "10.0.0.1");
  t.advance(5000);
  const conflict = ethernet(0x0806, arp(1, PEER_MAC, "10.0.0.1", ZERO_MAC, "10.0.0.1"));
  t.injectFrame(conflict);
  assertEquals(t.expectFrame(), claim("10.0.0.1"));
  t.none(1);
  t.injectFrame(conflict);
  t.none(9.1);
  assertEquals([t.growth("AddressConflicts"), t.stack.defences], [2, 1]);
  t.injectFrame(conflict);
  assertEquals(t.expectFrame(), claim("10.0.0.1"));
  assertEquals([t.stack.conflict, t.stack.contested?.toString()], [null, "10.0.0.1"]);
}, CLAIMING);
