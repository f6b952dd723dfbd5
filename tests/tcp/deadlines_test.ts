import { assertEquals } from "@std/assert";
import { Deadlines, NOT_FILED, type Timed } from "../../lib/tcp/deadlines.ts";
import { randomWords } from "../support/random.ts";

interface Item extends Timed {
  readonly name: number;
}

function itemsOf(count: number): Item[] {
  return Array.from({ length: count }, (_, name) => ({ name, heapIndex: NOT_FILED }));
}

Deno.test("deadlines: entries come up in the order of a sorted list, over the wrap of int32 too", () => {
  for (const [index, base] of [0x7fffffff - 3000, -3000, 0, 123_456].entries()) {
    const random = randomWords(index + 1);
    const deadlines = new Deadlines<Item>();
    const items = itemsOf(300);
    const filed = new Map<Item, number>(); // milliseconds from base
    let now = 0;
    for (let step = 0; step < 20_000; step++) {
      const item = items[random() % items.length];
      const choice = random() % 8;
      if (choice < 4) {
        const at = now + random() % 1000;
        deadlines.file(item, (base + at) | 0);
        filed.set(item, Math.min(at, filed.get(item) ?? Infinity));
      } else if (choice === 4) {
        deadlines.remove(item);
        filed.delete(item);
      } else {
        now += random() % 4;
        const earliest = Math.min(Infinity, ...filed.values());
        const due = deadlines.takeDue((base + now) | 0);
        assertEquals(
          due === null ? Infinity : filed.get(due),
          earliest > now ? Infinity : earliest,
        );
        if (due !== null) {
          assertEquals(due.heapIndex, NOT_FILED);
          filed.delete(due);
        }
      }
      assertEquals(deadlines.count, filed.size);
      if (filed.size > 0) {
        assertEquals(deadlines.earliest, (base + Math.min(...filed.values())) | 0);
      }
    }
    assertEquals(
      items.filter((item) => item.heapIndex !== NOT_FILED).length,
      filed.size,
    );
  }
});

Deno.test("deadlines: a later time leaves the entry where it is, an earlier one moves it", () => {
  const deadlines = new Deadlines<Item>();
  const [a, b] = itemsOf(2);
  deadlines.file(a, -10);
  deadlines.file(b, 10);
  deadlines.file(a, 20);
  assertEquals([deadlines.earliest, deadlines.count], [-10, 2]);
  deadlines.file(b, -20);
  assertEquals([deadlines.earliest, deadlines.count], [-20, 2]);
  assertEquals([deadlines.takeDue(0)?.name, deadlines.takeDue(0)?.name], [b.name, a.name]);
  assertEquals([deadlines.takeDue(0), deadlines.count], [null, 0]);
});

Deno.test("deadlines: an entry is due at its time, not a millisecond before", () => {
  const deadlines = new Deadlines<Item>();
  const [item] = itemsOf(1);
  deadlines.file(item, -0x80000000);
  assertEquals(deadlines.takeDue(0x7fffffff), null);
  assertEquals(deadlines.takeDue(-0x80000000), item);
});

Deno.test("deadlines: what is not filed may be removed, and filed again", () => {
  const deadlines = new Deadlines<Item>();
  const [a, b, c] = itemsOf(3);
  deadlines.remove(a);
  for (const item of [a, b, c]) deadlines.file(item, item.name);
  deadlines.remove(b);
  deadlines.remove(b);
  assertEquals([deadlines.count, b.heapIndex], [2, -1]);
  deadlines.file(b, 5);
  const names = [1, 2, 3].map(() => deadlines.takeDue(9)?.name);
  assertEquals(names, [a.name, c.name, b.name]);
});

Deno.test("deadlines: a thousand entries filed backwards come up forwards", () => {
  const deadlines = new Deadlines<Item>();
  const items = itemsOf(1000);
  for (const item of items) deadlines.file(item, (0x7fffffff + 500 - item.name) | 0);
  for (const item of items.toReversed()) assertEquals(deadlines.takeDue(-0x7fff0000), item);
});
