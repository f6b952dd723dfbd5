import { assertEquals } from "@std/assert";
import {
  buildIcmp,
  ICMP_HEADER_LENGTH,
  icmpCodeOf,
  icmpParameterOf,
  icmpTypeOf,
} from "../../lib/wire/icmp.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { hexAt, putHex } from "../support/bytes.ts";
import { icmp } from "../support/packets.ts";

const AT = 44;
const arena = new Arena(65536);
const view = arena.view;

Deno.test("ICMP-01: a message is built with its checksum", () => {
  const data = new TextEncoder().encode("abcdefghi");
  arena.bytes.set(data, AT + ICMP_HEADER_LENGTH);
  buildIcmp(view, AT, 0, 0, 0x12345678, arena.sum(AT + ICMP_HEADER_LENGTH, data.length));
  const expected = icmp(0, 0, Uint8Array.of(0x12, 0x34, 0x56, 0x78, ...data));
  assertEquals(hexAt(arena, AT, expected.length), expected.toHex());
  assertEquals(arena.sum(AT, expected.length), 0xffff);
});

Deno.test("ICMP-03: each field is read from its place", () => {
  putHex(arena, AT, "0304 0000 00000578");
  assertEquals([icmpTypeOf(view, AT), icmpCodeOf(view, AT)], [3, 4]);
  assertEquals(icmpParameterOf(view, AT), 1400);
});
