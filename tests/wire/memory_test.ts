import { assertEquals, assertThrows } from "@std/assert";
import { Arena } from "../../lib/wire/memory.ts";

Deno.test("arena: its size is rounded up to 64 KiB and never changes", () => {
  const arena = new Arena(70_000);
  assertEquals([arena.byteLength, arena.bytes.length, arena.view.byteLength], [
    131072,
    131072,
    131072,
  ]);
});

Deno.test("arena: reservations are aligned and do not overlap", () => {
  const arena = new Arena(65536);
  assertEquals([arena.reserve(10, 1), arena.reserve(100, 64), arena.reserve(1, 4096)], [
    0,
    64,
    4096,
  ]);
  assertEquals(arena.reserved, 4097);
});

Deno.test("arena: what does not fit is refused and costs nothing", () => {
  const arena = new Arena(65536);
  arena.reserve(65000, 1);
  assertThrows(() => arena.reserve(537, 1), RangeError);
  assertThrows(() => arena.reserve(1, 65536), RangeError);
  assertEquals(arena.reserve(536, 1), 65000);
});

Deno.test("arena: sum and sipHash work on its bytes", () => {
  const arena = new Arena(65536);
  arena.bytes.set([0x12, 0x34, 0x56], 65533);
  assertEquals(arena.sum(65533, 3), 0x6834);
  for (let i = 0; i < 16; i++) arena.bytes[i] = i;
  arena.sipHash(0, 0, 15, 32);
  assertEquals(arena.view.getBigUint64(32, true), 0xa129ca6149be45e5n);
});
