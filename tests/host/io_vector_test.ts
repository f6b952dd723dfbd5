import { assertEquals } from "@std/assert";
import { ArenaAddress } from "../../lib/host/arena_address.ts";
import { IoVector } from "../../lib/host/io_vector.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { hostTest, pieces } from "./support.ts";

hostTest("io vector: pieces are their addresses and lengths in 64 bits each", () => {
  const arena = new Arena(65536);
  const address = new ArenaAddress(arena);
  const vector = new IoVector(address, 3);
  const gather = pieces(arena, 10, 20);
  vector.set(0, 5, 7);
  vector.setAll(1, gather);
  const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(arena.bytes));
  const words = Array.from(
    { length: 6 },
    (_, index) => arena.view.getBigUint64(vector.offset + 8 * index, true),
  );
  const [first, second] = [gather.offsets[0], gather.offsets[1]].map(BigInt);
  assertEquals(words, [base + 5n, 7n, base + first, 10n, base + second, 20n]);
  assertEquals(vector.offset % 8, 0);
});

hostTest("arena address: a pointer and a stored address are the same", () => {
  const arena = new Arena(1 << 20);
  const address = new ArenaAddress(arena);
  for (const offset of [0, 1, 65_535, (1 << 20) - 1]) {
    address.store(2, offset);
    const stored = arena.view.getBigUint64(8, true);
    assertEquals(stored, Deno.UnsafePointer.value(address.pointer(offset)));
  }
});
