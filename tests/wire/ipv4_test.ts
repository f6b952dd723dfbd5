import { assertEquals } from "@std/assert";
import { IpFault, IpPacket, Protocol } from "../../lib/wire/ip_packet.ts";
import { buildIpv4, IPV4_ATOMIC, parseIpv4 } from "../../lib/wire/ipv4.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { fromHex, hexAt } from "../support/bytes.ts";
import { HOST_A, HOST_B } from "../support/golden.ts";
import { ipv4 } from "../support/packets.ts";

const AT = 24;
const arena = new Arena(65536);
const view = arena.view;

function parse(bytes: Uint8Array, available: number = bytes.length): [number, IpPacket] {
  const packet = new IpPacket();
  arena.bytes.set(bytes, AT);
  return [parseIpv4(view, AT, available, packet), packet];
}

Deno.test("IP-02: the headers of the golden vectors are built exactly", () => {
  buildIpv4(view, AT, 0, 60, IPV4_ATOMIC, 64, Protocol.Tcp, HOST_A, HOST_B);
  assertEquals(hexAt(arena, AT, 20), "4500003c0000400040068298ac103002ac103001");
  buildIpv4(view, AT, 0, 60, IPV4_ATOMIC, 64, Protocol.Tcp, HOST_B, HOST_A);
  assertEquals(hexAt(arena, AT, 20), "4500003c0000400040068298ac103001ac103002");
  buildIpv4(view, AT, 0, 52, IPV4_ATOMIC, 64, Protocol.Tcp, HOST_A, HOST_B);
  assertEquals(hexAt(arena, AT, 20), "450000340000400040" + "0682a0ac103002ac103001");
});

Deno.test("IP-02: every header built is parsed, with any sum", () => {
  const packet = new IpPacket();
  for (let i = 0; i < 100_000; i++) {
    const source = Math.imul(i, 0x9e3779b1);
    const [fragment, length] = [source ^ i, 20 + (i % 1000)];
    buildIpv4(view, AT, i & 255, length, fragment, i & 255, i >> 8 & 255, source, ~source ^ i);
    assertEquals(parseIpv4(view, AT, 1020, packet), IpFault.None);
    assertEquals([packet.source3, packet.destination3], [source, (~source ^ i) | 0]);
  }
});

Deno.test("IP-01: each field is read from its place", () => {
  const [fault, p] = parse(ipv4(17, new Uint8Array(9), { tos: 0xba, ttl: 1, fragment: 0x2003 }));
  assertEquals(fault, IpFault.None);
  assertEquals([p.offset, p.payloadOffset, p.payloadLength], [AT, AT + 20, 9]);
  assertEquals([p.isIpv6, p.protocol, p.protocolOffset], [false, 17, 9]);
  assertEquals([p.dscp, p.ecn, p.ttl], [46, 2, 1]);
  assertEquals([p.isFragment, p.moreFragments, p.fragmentOffset], [true, true, 24]);
  assertEquals([p.source2, p.source3, p.destination2, p.destination3], [
    0xffff,
    0x0a000002,
    0xffff,
    0x0a000001,
  ]);
});

Deno.test("ETH-03: padding behind the total length does not count", () => {
  const [fault, p] = parse(ipv4(6, new Uint8Array(9)), 46);
  assertEquals([fault, p.payloadLength], [IpFault.None, 9]);
});

Deno.test("IP-01: impossible lengths and versions are refused", () => {
  const good = ipv4(6, new Uint8Array(9));
  for (let length = 0; length < good.length; length++) {
    assertEquals(parse(good, length)[0], IpFault.Header);
  }
  for (const start of [0x44, 0x55, 0x65]) {
    const bad = good.slice();
    bad[0] = start;
    assertEquals(parse(bad)[0], IpFault.Header);
  }
});

Deno.test("IP-05: options are skipped or refused, source routes told apart", () => {
  const options = (hex: string) => parse(ipv4(6, new Uint8Array(9), { options: fromHex(hex) }));
  const [fault, p] = options("0101010794040000");
  assertEquals(fault, IpFault.Header);
  assertEquals(options("01000000")[0], IpFault.None);
  assertEquals(options("94040000")[1].payloadLength, 9);
  assertEquals(options("83070400000000" + "00")[0], IpFault.SourceRoute);
  assertEquals(options("89070400000000" + "00")[0], IpFault.SourceRoute);
  assertEquals(p.payloadLength, 0);
});
