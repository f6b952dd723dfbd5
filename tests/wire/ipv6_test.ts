import { assertEquals } from "@std/assert";
import { IpFault, IpPacket, Protocol } from "../../lib/wire/ip_packet.ts";
import { buildIpv6, buildIpv6Address, parseIpv6 } from "../../lib/wire/ipv6.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { fromHex, hexAt } from "../support/bytes.ts";
import { concat } from "../support/codec.ts";
import { ipv6 } from "../support/packets.ts";

const AT = 24;
const arena = new Arena(65536);
const view = arena.view;

function parse(bytes: Uint8Array, available: number = bytes.length): [number, IpPacket] {
  const packet = new IpPacket();
  arena.bytes.set(bytes, AT);
  return [parseIpv6(view, AT, available, packet), packet];
}

/** Parses a packet with headers given in hexadecimal and 9 bytes of payload. */
function parseChain(first: number, hex: string): [number, IpPacket] {
  return parse(ipv6(first, concat(fromHex(hex), new Uint8Array(9))));
}

Deno.test("IP6-01: a header is built as it lies on the wire, and parsed", () => {
  buildIpv6(view, AT, 0xba, 0x12345, 40, Protocol.Tcp, 64);
  buildIpv6Address(view, AT + 8, 0xfd000000 | 0, 0, 0, 2);
  buildIpv6Address(view, AT + 24, 0xfd000000 | 0, 1, 2, 3);
  assertEquals(hexAt(arena, AT, 16), "6ba1234500280640" + "fd00000000000000");
  const p = new IpPacket();
  assertEquals(parseIpv6(view, AT, 80, p), IpFault.None);
  assertEquals([p.isIpv6, p.protocol, p.protocolOffset, p.ttl], [true, 6, 6, 64]);
  assertEquals([p.dscp, p.ecn, p.payloadOffset, p.payloadLength], [46, 2, AT + 40, 40]);
  assertEquals([p.source0, p.source3], [0xfd000000 | 0, 2]);
  assertEquals([p.destination1, p.destination2, p.destination3], [1, 2, 3]);
});

Deno.test("IP6-01: impossible lengths and versions are refused", () => {
  const good = ipv6(6, new Uint8Array(9));
  for (let length = 0; length < good.length; length++) {
    assertEquals(parse(good, length)[0], IpFault.Header);
  }
  good[0] = 0x40;
  assertEquals(parse(good)[0], IpFault.Header);
});

Deno.test("IP6-02: extension headers are skipped", () => {
  const [fault, p] = parseChain(0, "3c00010400000000" + "0601" + "0".repeat(28));
  assertEquals(fault, IpFault.None);
  assertEquals([p.protocol, p.payloadOffset, p.payloadLength], [6, AT + 64, 9]);
  assertEquals([p.protocolOffset, p.headerLength], [48, 64]);
});

Deno.test("IP6-02: eight extension headers are walked, a chain of nine is dropped", () => {
  const chain = (count: number) => "3c00010400000000".repeat(count - 1) + "0600010400000000";
  assertEquals(parseChain(60, chain(8))[0], IpFault.None);
  assertEquals(parseChain(60, chain(9))[0], IpFault.Header);
});

Deno.test("IP6-02: hop-by-hop options stand first only", () => {
  assertEquals(parseChain(0, "0600010400000000")[0], IpFault.None);
  assertEquals(parseChain(60, "0000010400000000" + "0600010400000000")[0], IpFault.Header);
});

Deno.test("IP6-02: routing headers that ask for more hops are dropped, type 0 always", () => {
  assertEquals(parseChain(43, "0600000000000000")[0], IpFault.SourceRoute);
  assertEquals(parseChain(43, "0600000100000000")[0], IpFault.SourceRoute);
  assertEquals(parseChain(43, "0600020100000000")[0], IpFault.Header);
  assertEquals(parseChain(43, "0600020000000000")[0], IpFault.None);
});

Deno.test("IP6-02: options that must not be skipped, or pass the end, drop the packet", () => {
  for (const options of ["c20400000000", "400400000000", "800400000000"]) {
    assertEquals(parseChain(60, "0600" + options)[0], IpFault.Header);
  }
  assertEquals(parseChain(60, "0600" + "010500000000")[0], IpFault.Header);
  assertEquals(parseChain(60, "0600" + "0000000000" + "01")[0], IpFault.Header);
  assertEquals(parseChain(60, "0600" + "0502" + "00000000")[0], IpFault.None);
  assertEquals(parseChain(60, "06ff" + "010400000000")[0], IpFault.Header);
});

Deno.test("IP6-03: fragments are told from atomic ones", () => {
  const [fault, atomic] = parseChain(44, "0600000012345678");
  assertEquals([fault, atomic.isFragment, atomic.protocol], [IpFault.None, false, 6]);
  const [, first] = parseChain(44, "0600000112345678");
  assertEquals([first.isFragment, first.moreFragments, first.fragmentOffset], [true, true, 0]);
  assertEquals(first.identification, 0x12345678);
  const [, later] = parseChain(44, "3c00001800000001");
  assertEquals([later.isFragment, later.moreFragments, later.fragmentOffset], [true, false, 24]);
});
