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
  assertEquals(own.isGroupMac(0xff000207 | 0), false); // 192.0.2.7 has none
  assertEquals(own.isGroupMac(0xfe000001 | 0), false);
  assertEquals(own.isGroupMac(0xff000000 | 0), false);
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

Deno.test("own addresses: an address is ours by all of its words", () => {
  const distinct = new OwnAddresses(
    ["10.0.0.1/24", "2001:db8:1:2:3:4:5:6/64"].map((text) => parseCidr(text)!),
    [],
  );
  for (const text of ["10.0.0.1", "2001:db8:1:2:3:4:5:6"]) {
    const { w0, w1, w2, w3 } = address(text);
    const words = [w0, w1, w2, w3] as const;
    assertEquals(distinct.has(...words), true);
    for (let i = 0; i < 4; i++) {
      const other = words.map((word, index) => index === i ? word ^ 1 : word);
      assertEquals(distinct.has(other[0], other[1], other[2], other[3]), false, `${text} ${i}`);
    }
  }
  assertEquals(distinct.has(0, 0, 0, 0), false);
});

Deno.test("own addresses: all nodes and solicited-node groups are link-local, and nothing beside them", () => {
  const groups = {
    "ff02::1": true,
    "ff02::1:ff00:1": true,
    "ff02::3": false,
    "ff02:0:1::1": false,
    "ff02:0:1::1:ff00:1": false,
    "ff02::1:0:1": false,
    "ff02::2:ff00:1": false,
    "ff02::ff00:1": false,
    "ff05::1:ff00:1": false,
    "ff02::1:ff00:207": false,
  };
  for (const [group, isOurs] of Object.entries(groups)) {
    assertEquals(own.isGroup(packet("fd00::2", group)), isOurs, group);
  }
  const ofIpv4 = packet("fd00::2", "ff02::1");
  ofIpv4.isIpv6 = false;
  assertEquals(own.isGroup(ofIpv4), false);
});

Deno.test("own addresses: who can be remote, and send, is neither odd nor ourselves", () => {
  const canBe = {
    "0.255.255.255": false,
    "1.0.0.0": true,
    "126.255.255.255": true,
    "127.0.0.1": false,
    "128.0.0.0": true,
    "223.255.255.255": true,
    "224.0.0.1": false,
    "255.255.255.255": false,
    "10.0.0.254": true,
    "10.0.0.255": false,
    "10.0.0.1": false,
    "::": false,
    "::1": false,
    "::2": true,
    "::1:0:0": true,
    "0:1::1": true,
    "1::1": true,
    "fd00::1": false,
    "fd00::2": true,
    "feff::1": true,
    "ff02::1": false,
    "0:1::ffff:10.0.0.2": true,
  };
  for (const [text, expected] of Object.entries(canBe)) {
    assertEquals(own.canBeRemote(address(text)), expected, text);
    const from = packet(text, text.includes(":") ? "fd00::1" : "10.0.0.1");
    assertEquals(own.isMartian(from), !expected, text);
  }
  const disguised = packet("fd00::2", "fd00::1");
  [disguised.source0, disguised.source2, disguised.source3] = [0, 0xffff, 0x0a000002];
  assertEquals(own.isMartian(disguised), true);
});

Deno.test("own addresses: a subnet of four addresses has a broadcast address, one of two has none", () => {
  const isOdd = (cidr: string, text: string) =>
    new OwnAddresses([parseCidr(cidr)!], []).isMartianIpv4(address(text).w3);
  assertEquals(isOdd("192.0.2.1/30", "192.0.2.3"), true);
  assertEquals(isOdd("192.0.2.1/30", "192.0.2.2"), false);
  assertEquals(isOdd("192.0.2.0/31", "192.0.2.1"), false);
});

Deno.test("own addresses: while tentative those of a family are no destinations", () => {
  const tentative = new OwnAddresses(
    ["10.0.0.1/24", "fd00::1/64"].map((text) => parseCidr(text)!),
    [],
  );
  const hears = () =>
    [["10.0.0.2", "10.0.0.1"], ["fd00::2", "fd00::1"]]
      .map(([from, to]) => tentative.isDestination(packet(from, to)));
  assertEquals(hears(), [true, true]);
  tentative.isTentative = true;
  assertEquals(hears(), [true, false]);
  tentative.isIpv4Tentative = true;
  assertEquals(hears(), [false, false]);
  tentative.isTentative = false;
  assertEquals(hears(), [false, true]);
});

Deno.test("own addresses: those of each family are told apart", () => {
  assertEquals(own.ipv4Addresses().map(String), ["10.0.0.1", "192.0.2.7", "198.51.100.2"]);
  assertEquals(own.ipv6Addresses().map(String), ["fd00::1", "fd00::aa:bbcc"]);
  assertEquals([own.hasIpv6, new OwnAddresses([], []).hasIpv6], [true, false]);
});
