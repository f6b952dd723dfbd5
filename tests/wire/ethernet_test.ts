import { assertEquals } from "@std/assert";
import {
  buildEthernet,
  destinationMacHigh,
  destinationMacLow,
  EtherType,
  etherTypeOf,
  sourceMacHigh,
  sourceMacLow,
  tagEthernet,
  vlanIdOf,
} from "../../lib/wire/ethernet.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { hexAt, putHex } from "../support/bytes.ts";

const arena = new Arena(65536);
const view = arena.view;

Deno.test("ethernet: a header is built as it lies on the wire", () => {
  buildEthernet(view, 10, 0x0200, 0xfffffffe | 0, 0x0212, 0x3456789a, EtherType.Ipv6);
  assertEquals(hexAt(arena, 10, 14), "0200fffffffe02123456789a86dd");
});

Deno.test("ethernet: each field is read from its place", () => {
  putHex(arena, 11, "fedcba987654 021234567890 8100 f007 0800");
  assertEquals([destinationMacHigh(view, 11), destinationMacLow(view, 11)], [
    0xfedc,
    0xba987654 | 0,
  ]);
  assertEquals([sourceMacHigh(view, 11), sourceMacLow(view, 11)], [0x0212, 0x34567890]);
  assertEquals([etherTypeOf(view, 11), vlanIdOf(view, 11)], [EtherType.Vlan, 7]);
});

Deno.test("ETH-04: a tag goes between addresses and type", () => {
  buildEthernet(view, 64, 0x0200, 2, 0x0200, 1, EtherType.Ipv6);
  tagEthernet(view, 64, 7);
  assertEquals(hexAt(arena, 64, 18), "020000000002" + "020000000001" + "81000007" + "86dd");
});
