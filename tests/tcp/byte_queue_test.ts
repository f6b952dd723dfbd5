import { assertEquals } from "@std/assert";
import { Gather, GATHER_PIECES } from "../../lib/wire/gather.ts";
import { ByteQueue } from "../../lib/tcp/byte_queue.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PAGE_SIZE, PagePool } from "../../lib/wire/pages.ts";
import { randomWords } from "../support/random.ts";
import { Memory, pattern, STARTS } from "./support.ts";

const WINDOW = 60 * PAGE_SIZE;

Deno.test("byte queue: sparse bytes are read as they were written, page by page", () => {
  for (const [index, base] of STARTS.entries()) {
    const random = randomWords(index + 1);
    const memory = new Memory(256);
    const queue = memory.queue();
    const gather = new Gather();
    const pageOf = (offset: number) => Math.floor(((base & (PAGE_SIZE - 1)) + offset) / PAGE_SIZE);
    const pages = new Set<number>();
    let runs: { start: number; end: number; copy: number }[] = [];
    let low = 0;

    for (let step = 0; step < 600; step++) {
      const choice = random() % 10;
      const at = low + random() % WINDOW;
      const seq = (base + at) | 0;
      if (choice < 5) {
        const length = 1 + random() % [10, PAGE_SIZE, 5 * PAGE_SIZE][step % 3];
        assertEquals(queue.lend(seq, length), length);
        for (let page = pageOf(at); page <= pageOf(at + length - 1); page++) pages.add(page);
        queue.write(seq, memory.scratch(length, (i) => pattern(seq + i, step)), length);
        runs = runs.filter((run) => run.end <= at || run.start >= at + length);
        runs.push({ start: at, end: at + length, copy: step });
      } else if (choice < 8 && runs.length > 0) {
        const run = runs[random() % runs.length];
        const from = run.start + random() % (run.end - run.start);
        const length = run.end - from;
        assertEquals(queue.gather(gather, (base + from) | 0, length), length);
        const byteAt = (i: number) => pattern((base + from + i) | 0, run.copy);
        assertEquals(memory.mismatch(gather, byteAt), -1);
      } else if (choice === 8) {
        low += random() % (3 * PAGE_SIZE);
        queue.releaseBefore((base + low) | 0);
        runs = runs.filter((run) => run.start >= low);
        for (const page of pages) if (page < pageOf(low)) pages.delete(page);
      } else if (step % 3 === 0) {
        queue.releaseFrom(seq);
        runs = runs.filter((run) => run.end <= at);
        for (const page of pages) if (page > pageOf(at - 1)) pages.delete(page);
      }
      assertEquals(memory.pool.lent, pages.size);
    }
    queue.releaseAll();
    assertEquals([memory.pool.lent, queue.span], [0, 0]);
  }
});

Deno.test("byte queue: a page goes back with its last byte before, not earlier", () => {
  for (const first of [-3 * PAGE_SIZE, -PAGE_SIZE, 0, 0x7fffffff - 2 * PAGE_SIZE + 1]) {
    const memory = new Memory(8);
    const queue = memory.queue();
    queue.lend(first, 3 * PAGE_SIZE);
    const lentAfter = (offset: number) => {
      queue.releaseBefore((first + offset) | 0);
      return memory.pool.lent;
    };
    assertEquals([-PAGE_SIZE, 0, PAGE_SIZE - 1, PAGE_SIZE].map(lentAfter), [3, 3, 3, 2]);
    assertEquals([3 * PAGE_SIZE - 1, 3 * PAGE_SIZE, 9 * PAGE_SIZE].map(lentAfter), [1, 0, 0]);
    assertEquals(queue.span, 0);
  }
});

Deno.test("byte queue: a page goes back with its first byte behind, not earlier", () => {
  for (const first of [-3 * PAGE_SIZE, -PAGE_SIZE, 0, 0x7fffffff - 2 * PAGE_SIZE + 1]) {
    const memory = new Memory(8);
    const queue = memory.queue();
    queue.lend(first, 3 * PAGE_SIZE);
    const lentAfter = (offset: number) => {
      queue.releaseFrom((first + offset) | 0);
      return memory.pool.lent;
    };
    assertEquals([9 * PAGE_SIZE, 3 * PAGE_SIZE, 2 * PAGE_SIZE + 1].map(lentAfter), [3, 3, 3]);
    assertEquals([2 * PAGE_SIZE, 1, 0, -PAGE_SIZE].map(lentAfter), [2, 1, 0, 0]);
    assertEquals(queue.span, 0);
  }
});

Deno.test("byte queue: a run lent twice costs its pages once", () => {
  const memory = new Memory(8);
  const queue = memory.queue();
  assertEquals([queue.lend(-10, 20), queue.lend(-20, 30), queue.lend(-5, 1)], [20, 30, 1]);
  assertEquals(memory.pool.lent, 2);
  queue.releaseAll();
  assertEquals(memory.pool.lent, 0);
});

Deno.test("byte queue: pages lent from the last to the first all go back", () => {
  const memory = new Memory(64);
  const queue = memory.queue();
  for (let page = 40; page > 0; page--) queue.lend((page - 20) * PAGE_SIZE, 1);
  assertEquals([queue.span, memory.pool.lent], [40, 40]);
  queue.releaseAll();
  assertEquals([queue.span, memory.pool.lent], [0, 0]);
});

Deno.test("byte queue: with too few pages the beginning of a run is lent", () => {
  const memory = new Memory(3);
  const queue = memory.queue();
  assertEquals(queue.lend(-100, 2 * PAGE_SIZE), 2 * PAGE_SIZE);
  const other = memory.queue();
  assertEquals([other.lend(50, 1), memory.pool.lent], [0, 3]);
  assertEquals(queue.lend(PAGE_SIZE - 1, 3 * PAGE_SIZE), 1 + PAGE_SIZE);
  queue.releaseAll();
  assertEquals(other.lend(-100, 9 * PAGE_SIZE), 100 + 2 * PAGE_SIZE);
  other.releaseAll();
  assertEquals(memory.pool.lent, 0);
});

// Else a queue refused once would keep the span from there to where its stream is much later.
Deno.test("byte queue: a refused run leaves no span behind", () => {
  const memory = new Memory(1);
  const queue = memory.queue();
  const other = memory.queue();
  other.lend(0, 1);
  assertEquals([queue.lend(-100, 5 * PAGE_SIZE), queue.span], [0, 0]);
  other.releaseAll();
  queue.lend(-1, 1);
  assertEquals([queue.lend(100 * PAGE_SIZE, 1), queue.span], [0, 1]);
  assertEquals([queue.lend(-100 * PAGE_SIZE, 1), queue.span], [0, 1]);
  queue.releaseAll();
  assertEquals([memory.pool.lent, queue.span], [0, 0]);
});

Deno.test("byte queue: 64 KiB at any alignment are one gather, more are cut", () => {
  const memory = new Memory(32);
  const queue = memory.queue();
  const gather = new Gather();
  queue.lend(-70_000, 100_000);
  assertEquals([queue.gather(gather, -70_000, 65536), gather.count], [65536, GATHER_PIECES]);
  assertEquals([queue.gather(gather, -65536, 65536), gather.count], [65536, 16]);
  const covered = queue.gather(gather, -70_000, 100_000);
  assertEquals([covered, gather.count], [-(-70_000 % PAGE_SIZE) + 16 * PAGE_SIZE, GATHER_PIECES]);
  assertEquals([queue.gather(gather, 0, 0), gather.count], [0, 0]);
});

Deno.test("byte queue: an emptied queue begins anew anywhere in the number space", () => {
  const memory = new Memory(64);
  const queue = memory.queue();
  const random = randomWords(7);
  for (let i = 0; i < 200; i++) {
    const seq = random() | 0;
    assertEquals(queue.lend(seq, 3 * PAGE_SIZE), 3 * PAGE_SIZE);
    assertEquals(queue.span, memory.pool.lent);
    if (i % 2 === 0) queue.releaseBefore((seq + 4 * PAGE_SIZE) | 0);
    else queue.releaseFrom((seq - PAGE_SIZE) | 0);
    assertEquals([queue.span, memory.pool.lent], [0, 0]);
  }
});

Deno.test("byte queue: the page at the arena's beginning is one like the others", () => {
  const arena = new Arena(2 * PAGE_SIZE);
  const pool = new PagePool(arena, 2 * PAGE_SIZE);
  const queue = new ByteQueue(arena, pool);
  assertEquals(queue.lend(0, 2 * PAGE_SIZE), 2 * PAGE_SIZE);
  const gather = new Gather();
  queue.gather(gather, 0, 2 * PAGE_SIZE);
  assertEquals([...gather.offsets.subarray(0, 2)], [0, PAGE_SIZE]);
  queue.releaseAll();
  assertEquals(pool.lent, 0);
});
