import { assertEquals } from "@std/assert";
import { copyGather, Gather, GATHER_PIECES } from "../../lib/wire/gather.ts";

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

/** A gather of these pieces, offset and length each. */
function gatherOf(...pieces: [offset: number, length: number][]): Gather {
  const gather = new Gather();
  for (const [offset, length] of pieces) gather.add(offset, length);
  return gather;
}

/** The pieces as `offset+length`. */
function textOf(gather: Gather): string {
  const pieces = Array.from(
    { length: gather.count },
    (_, i) => `${gather.offsets[i]}+${gather.lengths[i]}`,
  );
  return `${gather.length}: ${pieces.join(" ")}`;
}

Deno.test("gather: what is kept are the first bytes, whole pieces and a part of one", () => {
  const kept = (count: number) => {
    const gather = gatherOf([10, 4], [20, 4], [30, 4]);
    gather.keep(count);
    return textOf(gather);
  };
  assertEquals(kept(12), "12: 10+4 20+4 30+4");
  assertEquals(kept(9), "9: 10+4 20+4 30+1");
  assertEquals(kept(8), "8: 10+4 20+4");
  assertEquals(kept(1), "1: 10+1");
});

Deno.test("gather: what is dropped is left out, whole pieces and parts of one", () => {
  const other = gatherOf([10, 4], [20, 4], [30, 4]);
  const gather = new Gather();
  gather.set(other);
  other.clear();
  assertEquals(textOf(gather), "12: 10+4 20+4 30+4");
  gather.drop(0);
  assertEquals(textOf(gather), "12: 10+4 20+4 30+4");
  gather.drop(6);
  assertEquals(textOf(gather), "6: 22+2 30+4");
  gather.drop(2);
  assertEquals(textOf(gather), "4: 30+4");
  gather.drop(4);
  assertEquals(textOf(gather), "0: ");
});

Deno.test("gather: bytes are copied across pieces of any length, up to the shorter one's end", () => {
  const from = gatherOf([0, 3], [8, 5], [16, 2]);
  for (
    const to of [
      gatherOf([32, 10]),
      gatherOf([32, 1], [40, 9]),
      gatherOf([32, 3], [40, 5], [48, 40]),
      gatherOf([32, 4], [48, 2]),
      gatherOf([32, 0], [40, 3]),
      gatherOf(),
    ]
  ) {
    const arena = Uint8Array.from({ length: 96 }, (_, i) => i < 32 ? i + 1 : 0);
    const length = Math.min(10, to.length);
    assertEquals(copyGather(arena, from, to), length);
    const copied = [];
    for (let i = 0; i < to.count; i++) {
      copied.push(...arena.subarray(to.offsets[i], to.offsets[i] + to.lengths[i]));
    }
    assertEquals(copied.slice(0, length), [1, 2, 3, 9, 10, 11, 12, 13, 17, 18].slice(0, length));
    assertEquals(arena.subarray(32).filter((byte) => byte !== 0).length, length, "and no more");
  }
});
