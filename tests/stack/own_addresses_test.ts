import { assertEquals } from "@std/assert";
import { OwnAddresses } from "../../lib/stack/own_addresses.ts";
import { type Address, parseAddress, parseCidr } from "../../lib/wire/address.ts";
import { IpPacket } from "../../lib/wire/ip_packet.ts";

const own = new OwnAddresses(
  ["10.0.0.1/24", "192.0.2.7/32", "198.51.100.2/31", "fd00::1/64", "fd00::aa:bbcc/128"]
    .map((text) => parseCidr(text)!),
  [parseAddress("10.0.0.254")!],
);

function address(text: string): Address {
  return parseAddress(text)!;
}

function packet(source: string, destination: string): IpPacket {
  const p = new IpPacket();
  const from = address(source);
  const to = address(destination);
  p.isIpv6 = source.includes(":");
  [p.source0, p.source1, p.source2, p.source3] = [from.w0, from.w1, from.w2, from.w3];
  [p.destination0, p.destination1] = [to.w0, to.w1];
  [p.destination2, p.destination3] = [to.w2, to.w3];
  return p;
}

Deno.test("own addresses: each is a destination, others are not", () => {
  for (const text of ["10.0.0.1", "192.0.2.7", "198.51.100.2"]) {
    assertEquals(own.isDestination(packet("10.0.0.2", text)), true, text);
  }
  assertEquals(own.isDestination(packet("fd00::2", "fd00::aa:bbcc")), true);
  assertEquals(own.isDestination(packet("fd00::2", "::ffff:10.0.0.1")), false);
  assertEquals(own.isDestination(packet("10.0.0.2", "10.0.0.2")), false);
});

Deno.test("own addresses: directed broadcast exists in subnets that have one", () => {
  assertEquals(own.isMartianIpv4(address("10.0.0.255").w3), true);
  assertEquals(own.isMartianIpv4(address("192.0.2.255").w3), false);
  assertEquals(own.isMartianIpv4(address("198.51.100.3").w3), false);
});

Deno.test("own addresses: solicited-node groups of IPv6 addresses are ours", () => {
  assertEquals(own.isGroupMac(0x00000001), true);
  assertEquals(own.isGroupMac(0xff000001 | 0), true);
  assertEquals(own.isGroupMac(0xffaabbcc | 0), true);
  assertEquals(own.isGroupMac(0xff000007 | 0), false); // 192.0.2.7 has none
  assertEquals(own.isGroup(packet("fd00::2", "ff02::1")), true);
  assertEquals(own.isGroup(packet("fd00::2", "ff02::1:ffaa:bbcc")), true);
  assertEquals(own.isGroup(packet("fd00::2", "ff02::1:ffaa:bbcd")), false);
  assertEquals(own.isGroup(packet("fd00::2", "ff02::2")), false);
  assertEquals(own.isGroup(packet("fd00::2", "ff05::1")), false);
  const ipv4Only = new OwnAddresses([parseCidr("10.0.0.1/24")!], []);
  assertEquals(ipv4Only.isGroupMac(1), false);
});

Deno.test("own addresses: the next hop is the remote, or the family's gateway", () => {
  assertEquals(`${own.nextHop(address("10.0.0.9"))}`, "10.0.0.9");
  assertEquals(`${own.nextHop(address("8.8.8.8"))}`, "10.0.0.254");
  assertEquals(`${own.nextHop(address("2001:db8::1"))}`, "2001:db8::1");
});

Deno.test("own addresses: a question is asked from the subnet's address", () => {
  assertEquals(`${own.sourceFor(address("198.51.100.3"))}`, "198.51.100.2");
  assertEquals(`${own.sourceFor(address("8.8.8.8"))}`, "10.0.0.1");
  assertEquals(`${own.sourceFor(address("fd00::9"))}`, "fd00::1");
  assertEquals(new OwnAddresses([], []).sourceFor(address("fd00::9")), null);
});
