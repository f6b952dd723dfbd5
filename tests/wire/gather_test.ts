import { assertEquals } from "@std/assert";
import { Gather, GATHER_PIECES } from "../../lib/wire/gather.ts";

Deno.test("gather: pieces stay in order, their lengths add up", () => {
  const gather = new Gather();
  gather.add(4096, 100);
  gather.add(0, 4096);
  assertEquals([gather.count, gather.length], [2, 4196]);
  assertEquals([...gather.offsets.subarray(0, 2)], [4096, 0]);
  assertEquals([...gather.lengths.subarray(0, 2)], [100, 4096]);
});

Deno.test("gather: has room for 64 KiB of 4 KiB pages at any alignment", () => {
  const gather = new Gather();
  gather.add(1, 4095);
  while (gather.length + 4096 <= 65536) gather.add(gather.length + 1, 4096);
  gather.add(gather.length + 1, 65536 - gather.length);
  assertEquals([gather.count, gather.length], [GATHER_PIECES, 65536]);
});

Deno.test("gather: is empty after clear", () => {
  const gather = new Gather();
  gather.add(5, 6);
  gather.clear();
  gather.add(7, 8);
  assertEquals([gather.count, gather.length, gather.offsets[0]], [1, 8, 7]);
});
