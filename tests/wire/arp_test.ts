import { assertEquals } from "@std/assert";
import {
  ARP_LENGTH,
  ArpOperation,
  arpOperationOf,
  arpSender,
  arpSenderMacHigh,
  arpSenderMacLow,
  arpTarget,
  buildArp,
  isArp,
} from "../../lib/wire/arp.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { hexAt, putHex } from "../support/bytes.ts";

const AT = 24;
const REPLY = "0001080006040002" + "020000000001" + "0a000001" + "02ffffffffff" + "c0000002";
const arena = new Arena(65536);
const view = arena.view;

Deno.test("ARP-02: a reply is built as it lies on the wire", () => {
  const target = 0xc0000002 | 0;
  buildArp(view, AT, ArpOperation.Reply, 0x0200, 1, 0x0a000001, 0x02ff, -1, target);
  assertEquals(hexAt(arena, AT, ARP_LENGTH), REPLY);
});

Deno.test("ARP-01: each field is read from its place", () => {
  assertEquals(isArp(view, AT, putHex(arena, AT, REPLY)), true);
  assertEquals(arpOperationOf(view, AT), 2);
  assertEquals([arpSenderMacHigh(view, AT), arpSenderMacLow(view, AT)], [0x0200, 1]);
  assertEquals([arpSender(view, AT), arpTarget(view, AT)], [0x0a000001, 0xc0000002 | 0]);
});

Deno.test("ARP-01: nothing else than IPv4 over Ethernet is ARP to us", () => {
  putHex(arena, AT, REPLY);
  assertEquals(isArp(view, AT, 27), false);
  for (const start of ["0002080006040002", "0001080606040002", "0001080005040002"]) {
    assertEquals(isArp(view, AT, putHex(arena, AT, start + REPLY.slice(16))), false);
  }
  for (const operation of ["0000", "0003"]) {
    putHex(arena, AT, "000108000604" + operation);
    assertEquals(isArp(view, AT, ARP_LENGTH), false);
  }
});
