import { assertEquals } from "@std/assert";
import { IpPacket, packetPseudoSum } from "../../lib/wire/ip_packet.ts";

Deno.test("HDR-03: the pseudo-header's sum is the same for IPv4 in both spellings", () => {
  const packet = new IpPacket();
  packet.source3 = 0xac103002 | 0;
  packet.destination3 = 0xac103001 | 0;
  packet.protocol = 6;
  packet.payloadLength = 40;
  assertEquals(packetPseudoSum(packet), 0xb852);
  packet.source2 = packet.destination2 = 0xffff;
  assertEquals(packetPseudoSum(packet), 0xb852);
});

Deno.test("ip packet: the header's length is what lies before the payload", () => {
  const packet = new IpPacket();
  packet.offset = 24;
  packet.payloadOffset = 48;
  assertEquals(packet.headerLength, 24);
});
