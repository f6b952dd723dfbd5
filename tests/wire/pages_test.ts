import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../lib/invariant.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PAGE_SIZE, PagePool } from "../../lib/wire/pages.ts";

function poolOf(pages: number): PagePool {
  const arena = new Arena(1 << 20);
  arena.reserve(100, 1); // so that the region does not begin at 0
  return new PagePool(arena, pages * PAGE_SIZE);
}

Deno.test("pages: who leaves some to others gets none of the last", () => {
  const pages = poolOf(4);
  assertEquals([pages.take(2) >= 0, pages.take(2) >= 0, pages.take(2), pages.lent], [
    true,
    true,
    -1,
    2,
  ]);
  assertEquals([pages.take() >= 0, pages.take(0) >= 0, pages.take()], [true, true, -1]);
});

Deno.test("pages: as many are lent as the limit says, then none", () => {
  const pages = poolOf(5);
  const lent = new Set<number>();
  for (let i = 0; i < 5; i++) lent.add(pages.take());
  assertEquals([pages.limit, pages.lent, lent.size], [5, 5, 5]);
  assertEquals([...lent].filter((offset) => offset <= 0 || offset % PAGE_SIZE !== 0), []);
  assertEquals([pages.take(), pages.take(), pages.lent], [-1, -1, 5]);
});

Deno.test("pages: the page given back last is lent first", () => {
  const pages = poolOf(8);
  const [a, b, c] = [pages.take(), pages.take(), pages.take()];
  pages.give(a);
  pages.give(c);
  assertEquals(pages.lent, 1);
  assertEquals([pages.take(), pages.take()], [c, a]);
  assertNotEquals(pages.take(), b);
  assertEquals(pages.lent, 4);
});

Deno.test("pages: a page never lent is only touched when all others are", () => {
  const pages = poolOf(8);
  const first = pages.take();
  for (let i = 0; i < 20; i++) {
    pages.give(first);
    assertEquals(pages.take(), first);
  }
});

Deno.test("pages: a limit that is no whole page is rounded down", () => {
  const pages = new PagePool(new Arena(1 << 16), 2 * PAGE_SIZE - 1);
  assertEquals(pages.limit, 1);
  assertEquals(new PagePool(new Arena(1 << 16), 0).take(), -1);
});

Deno.test("pages: an arena without room is refused at once", () => {
  assertThrows(() => new PagePool(new Arena(1 << 16), 1 << 17), RangeError);
});

Deno.test("pages: what is not lent cannot be given back", () => {
  const pages = poolOf(4);
  const page = pages.take();
  pages.give(page);
  for (const offset of [page, page + PAGE_SIZE, page - PAGE_SIZE, page + 64 * PAGE_SIZE, -1]) {
    assertThrows(() => pages.give(offset), InvariantError);
  }
  const again = pages.take();
  assertThrows(() => pages.give(again + 8), InvariantError);
  assertEquals(pages.lent, 1);
});
