import { assertEquals } from "@std/assert";
import {
  buildNdpBody,
  isNdp,
  NDP_LENGTH,
  ndpLinkLayer,
  NdpOption,
  ndpTarget,
} from "../../lib/wire/icmpv6.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { hexAt, putHex } from "../support/bytes.ts";

const AT = 64;
const HEADER = "8700000000000000";
const TARGET = "fd000000000000000000000000000001";
const OPTION = "0101020000000002";
const arena = new Arena(65536);
const view = arena.view;

function isNdpHex(hex: string): boolean {
  return isNdp(view, AT, putHex(arena, AT, hex));
}

Deno.test("IP6-04: a solicitation's target and MAC are read from their places", () => {
  const length = putHex(arena, AT, HEADER + TARGET + "0e01000000000000" + OPTION);
  assertEquals(isNdp(view, AT, length), true);
  assertEquals([0, 1, 2, 3].map((i) => ndpTarget(view, AT, i)), [0xfd000000 | 0, 0, 0, 1]);
  assertEquals(ndpLinkLayer(view, AT, length, NdpOption.SourceLinkLayer), AT + 34);
  assertEquals(ndpLinkLayer(view, AT, length, NdpOption.TargetLinkLayer), 0);
});

Deno.test("IP6-04: malformed messages are told from good ones", () => {
  assertEquals(isNdpHex(HEADER + TARGET), true);
  assertEquals(isNdpHex(HEADER + TARGET.slice(2)), false);
  assertEquals(isNdpHex(HEADER.replace("8700", "8701") + TARGET), false);
  assertEquals(isNdpHex(HEADER + "ff02" + TARGET.slice(4)), false);
  assertEquals(isNdpHex(HEADER + TARGET + "0100020000000002"), false);
  assertEquals(isNdpHex(HEADER + TARGET + "0102020000000002"), false);
  assertEquals(isNdpHex(HEADER + TARGET + OPTION + "01"), false);
});

Deno.test("IP6-04: a body is built as it lies on the wire", () => {
  buildNdpBody(view, AT, 0xfd000000 | 0, 0, 0, 1, NdpOption.TargetLinkLayer, 0x0200, 2);
  assertEquals(hexAt(arena, AT + 8, NDP_LENGTH - 8), TARGET + "0201020000000002");
});
