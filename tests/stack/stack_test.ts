import { assertEquals } from "@std/assert";
import { createFixture } from "../support/fixture.ts";
import { arp, ethernet, OWN_MAC, PEER_MAC } from "../support/packets.ts";
import { decodePacket, encodePacket } from "../support/codec.ts";

for (const link of ["bare", "offload"] as const) {
  Deno.test(`stack: a SYN is answered to where it came from, ${link}`, () => {
    const { stack, frame, sink } = createFixture(link, {});
    const bytes = encodePacket({
      sourceMac: "02:00:00:00:00:77",
      destinationMac: OWN_MAC,
      source: "203.0.113.5",
      destination: "10.0.0.1",
      sourcePort: 40000,
      destinationPort: 80,
      ttl: 1,
      trafficClass: 0,
      seq: 1000,
      ack: 0,
      flags: "S",
      window: 65535,
      urgent: 0,
      options: [{ name: "mss", value: 1460 }],
      payload: new Uint8Array(0),
    });
    frame.arena.bytes.set(bytes, frame.start);
    frame.length = bytes.length;
    stack.receive(frame, 5000);
    while (stack.poll(5000));
    const packet = decodePacket(sink.frames[0].bytes)!;
    assertEquals([packet.flags, packet.ack], ["S.", 1001]);
    assertEquals(packet.destinationMac, "02:00:00:00:00:77");
    assertEquals([packet.source, packet.destination], ["10.0.0.1", "203.0.113.5"]);
    assertEquals([stack.counters.InSegs, stack.counters.OutSegs], [1, 1]);
    assertEquals(stack.deadline(5000) > 5000, true);
  });
}

Deno.test("stack: ARP is answered without a poll", () => {
  const { stack, frame, sink } = createFixture("bare", {});
  const zero = "00:00:00:00:00:00";
  const bytes = ethernet(0x0806, arp(1, PEER_MAC, "10.0.0.2", zero, "10.0.0.1"));
  frame.arena.bytes.set(bytes, frame.start);
  frame.length = bytes.length;
  stack.receive(frame, 5000);
  assertEquals(sink.frames.length, 1);
  assertEquals(stack.signalled(), null);
});

Deno.test("GEN-05: tunables changed at run time reach both floors", () => {
  const { stack } = createFixture("bare", {});
  stack.tunables = { ...stack.tunables, ip_default_ttl: 9 };
  assertEquals(stack.tunables.ip_default_ttl, 9);
  assertEquals(stack.tcp.tunables.ip_default_ttl, 9);
});
