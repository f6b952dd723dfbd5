import { assertEquals } from "@std/assert";
import { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { FIN, Segment, SYN } from "../../lib/wire/segment.ts";
import { formatSegment } from "../../lib/wire/segment_text.ts";
import {
  buildTcp,
  completeTcp,
  parseTcp,
  TcpFault,
  tcpPseudoSum,
  verifyTcp,
} from "../../lib/wire/tcp_header.ts";
import { fromHex, hexAt, putHex } from "../support/bytes.ts";
import {
  addressIpv4,
  fillGolden,
  GOLDEN,
  type Golden,
  HOST_A,
  HOST_B,
  turnAround,
} from "../support/golden.ts";

const AT = 64;
const BUILT = 4096;
const arena = new Arena(65536);
const view = arena.view;

function parse(golden: Golden): Segment {
  const seg = new Segment();
  const length = putHex(arena, AT, golden.hex);
  assertEquals(parseTcp(view, AT, length, seg), TcpFault.None);
  const isFromA = golden.source === HOST_A;
  addressIpv4(seg, golden.source, isFromA ? HOST_B : HOST_A);
  return seg;
}

function parseHex(hex: string): number {
  return parseTcp(view, AT, putHex(arena, AT, hex), new Segment());
}

Deno.test("GV-01, GV-02, GV-03: the seed's exchange decodes, verifies and is built alike", () => {
  for (const golden of GOLDEN.slice(0, 3)) {
    const seg = parse(golden);
    assertEquals(formatSegment(seg), golden.text);
    assertEquals(verifyTcp(arena, AT, fromHex(golden.hex).length, seg), true);
    fillGolden(seg, golden.id);
    const headerLength = buildTcp(view, BUILT, seg);
    completeTcp(arena, BUILT, headerLength, seg, new Gather());
    assertEquals(hexAt(arena, BUILT, headerLength), golden.hex);
  }
});

for (const golden of GOLDEN) {
  const length = fromHex(golden.hex).length;

  Deno.test(`HDR-01 ${golden.id}: parses into its fields`, () => {
    assertEquals(formatSegment(parse(golden)), golden.text);
  });

  Deno.test(`HDR-01 ${golden.id}: parsed and built again gives the same bytes`, () => {
    const seg = parse(golden);
    const payload = new Gather();
    if (seg.payloadLength > 0) payload.add(seg.payloadOffset, seg.payloadLength);
    turnAround(seg);
    const headerLength = buildTcp(view, BUILT, seg);
    completeTcp(arena, BUILT, headerLength, seg, payload);
    const text = hexAt(arena, AT + headerLength, length - headerLength);
    assertEquals(hexAt(arena, BUILT, headerLength) + text, golden.hex);
  });

  Deno.test(`HDR-03 ${golden.id}: built from its fields gives the same bytes`, () => {
    const seg = new Segment();
    fillGolden(seg, golden.id);
    const payload = new Gather();
    if (golden.id === "GV-07") payload.add(AT, putHex(arena, AT, "616263"));
    seg.payloadLength = payload.length;
    const headerLength = buildTcp(view, BUILT, seg);
    completeTcp(arena, BUILT, headerLength, seg, payload);
    const text = hexAt(arena, AT, payload.length);
    assertEquals(hexAt(arena, BUILT, headerLength) + text, golden.hex);
  });

  Deno.test(`HDR-04 ${golden.id}: the checksum verifies until a bit is flipped`, () => {
    const seg = parse(golden);
    assertEquals(verifyTcp(arena, AT, length, seg), true);
    for (let bit = 0; bit < length * 8; bit++) {
      arena.bytes[AT + (bit >> 3)] ^= 1 << (bit & 7);
      assertEquals(verifyTcp(arena, AT, length, seg), false, `bit ${bit}`);
      arena.bytes[AT + (bit >> 3)] ^= 1 << (bit & 7);
    }
  });
}

Deno.test("HDR-03 GV-07: GV-01 over IPv6 has checksum 22be", () => {
  const seg = new Segment();
  fillGolden(seg, "GV-01");
  seg.local0 = seg.remote0 = 0xfd000000 | 0;
  seg.local2 = seg.remote2 = 0;
  seg.local3 = 2;
  seg.remote3 = 1;
  const headerLength = buildTcp(view, BUILT, seg);
  completeTcp(arena, BUILT, headerLength, seg, new Gather());
  assertEquals(view.getUint16(BUILT + 16), 0x22be);
  turnAround(seg);
  assertEquals(verifyTcp(arena, BUILT, headerLength, seg), true);
});

Deno.test("HDR-03: the pseudo-header's sum and the segment's make the checksum", () => {
  const seg = new Segment();
  fillGolden(seg, "GV-01");
  const headerLength = buildTcp(view, BUILT, seg);
  view.setUint16(BUILT + 16, tcpPseudoSum(seg, headerLength));
  assertEquals(~arena.sum(BUILT, headerLength) & 0xffff, 0x649e);
});

Deno.test("HDR-03: a payload in pieces of odd length has the checksum of one piece", () => {
  const seg = new Segment();
  fillGolden(seg, "GV-03");
  const headerLength = buildTcp(view, BUILT, seg);
  for (let i = 0; i < 1000; i++) arena.bytes[AT + i] = i * 37;
  for (const cuts of [[0, 1000], [0, 1, 1000], [0, 333, 334, 700, 1000], [0, 500, 999, 1000]]) {
    const payload = new Gather();
    for (let i = 1; i < cuts.length; i++) payload.add(AT + cuts[i - 1], cuts[i] - cuts[i - 1]);
    view.setUint16(BUILT + 16, 0);
    completeTcp(arena, BUILT, headerLength, seg, payload);
    arena.bytes.copyWithin(BUILT + headerLength, AT, AT + 1000);
    assertEquals(verifyTcp(arena, BUILT, headerLength + 1000, seg), true, cuts.join());
  }
});

Deno.test("HDR-02: all 256 flag values survive building and parsing", () => {
  const seg = new Segment();
  const parsed = new Segment();
  fillGolden(seg, "GV-03");
  for (let flags = 0; flags < 256; flags++) {
    seg.flags = flags;
    const headerLength = buildTcp(view, BUILT, seg);
    assertEquals(parseTcp(view, BUILT, headerLength, parsed), TcpFault.None);
    assertEquals(parsed.flags, flags);
    assertEquals(parsed.len, (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0));
  }
});

Deno.test("HDR-05: a header with an impossible length, offset or port is refused", () => {
  const good = "0001000200000000000000005010000000000000";
  assertEquals(parseHex(good), TcpFault.None);
  assertEquals(parseHex(good.slice(0, -2)), TcpFault.Header);
  assertEquals(parseHex(good.replace("5010", "4010")), TcpFault.Header);
  assertEquals(parseHex(good.replace("5010", "6010")), TcpFault.Header);
  assertEquals(parseHex(good.replace("0001", "0000")), TcpFault.Header);
  assertEquals(parseHex(good.replace("0002", "0000")), TcpFault.Header);
});

Deno.test("HDR-06: reserved bits are ignored, and sent as zero", () => {
  const seg = new Segment();
  const length = putHex(arena, AT, "0001000200000000000000005f02000000000000");
  assertEquals(parseTcp(view, AT, length, seg), TcpFault.None);
  assertEquals(seg.flags, SYN);
  buildTcp(view, BUILT, seg);
  assertEquals(arena.bytes[BUILT + 12], 0x50);
});

Deno.test("GEN-07: truncated golden vectors are parsed or refused, never thrown at", () => {
  for (const golden of GOLDEN) {
    const whole = putHex(arena, AT, golden.hex);
    for (let length = 0; length <= whole; length++) parseTcp(view, AT, length, new Segment());
  }
});
