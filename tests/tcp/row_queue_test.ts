import { assert, assertEquals } from "@std/assert";
import { RowQueue } from "../../lib/tcp/row_queue.ts";

const STRIDE = 3;

/** The rows there are, by their first numbers; the others must have come along. */
function names(queue: RowQueue): number[] {
  return Array.from({ length: queue.count }, (_, i) => {
    const at = (queue.head + i) * STRIDE;
    const name = queue.rows[at];
    assertEquals(Array.from(queue.rows.subarray(at, at + STRIDE)), [name, name, -name]);
    return name;
  });
}

/** `count` rows more, named on from `first`; without `reserve`. */
function append(queue: RowQueue, count: number, first: number): void {
  for (let name = first; name < first + count; name++) {
    queue.rows.set([name, name, -name], queue.tail++ * STRIDE);
  }
}

/** A queue of rows named `head` … `tail` - 1, which lie at these places of sixteen. */
function filled(head: number, tail: number): RowQueue {
  const queue = new RowQueue(STRIDE);
  append(queue, tail, 0);
  queue.head = head;
  return queue;
}

/** The numbers from `start` to before `end`. */
function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

Deno.test("row queue: a new one has room for sixteen rows and holds none", () => {
  const queue = new RowQueue(STRIDE);
  assertEquals([queue.rows.length, queue.head, queue.tail, queue.count], [16 * STRIDE, 0, 0, 0]);
});

Deno.test("row queue: while two more rows have room behind the last nothing moves", () => {
  const queue = filled(1, 14);
  const rows = queue.rows;
  queue.reserve();
  assert(queue.rows === rows);
  assertEquals([queue.head, queue.tail], [1, 14]);
  assertEquals(names(queue), range(1, 14));
});

Deno.test("row queue: rows that fill half of the room move to its beginning", () => {
  const queue = filled(7, 15);
  const rows = queue.rows;
  queue.reserve();
  assert(queue.rows === rows);
  assertEquals([queue.head, queue.tail], [0, 8]);
  assertEquals(names(queue), range(7, 15));
});

Deno.test("row queue: rows that fill more than half of the room get twice as much", () => {
  const queue = filled(6, 15);
  queue.reserve();
  assertEquals([queue.rows.length, queue.head, queue.tail], [32 * STRIDE, 0, 9]);
  assertEquals(names(queue), range(6, 15));
});

Deno.test("row queue: rows that come and go for long keep their order in the room they need", () => {
  const queue = new RowQueue(STRIDE);
  for (let next = 1; next <= 1000; next++) {
    queue.reserve();
    append(queue, 1, next);
    if (next > 20) queue.head++;
    assertEquals(names(queue), range(Math.max(1, next - 19), next + 1));
  }
  assertEquals(queue.rows.length, 64 * STRIDE);
});

Deno.test("row queue: what was forgotten takes no room", () => {
  const queue = filled(2, 5);
  queue.clear();
  assertEquals([queue.head, queue.tail, queue.count], [0, 0, 0]);
});

Deno.test("row queue: a row doubled or removed moves those behind it", () => {
  const queue = filled(1, 5);
  queue.double(2);
  assertEquals(names(queue), [1, 2, 2, 3, 4]);
  queue.double(5);
  assertEquals(names(queue), [1, 2, 2, 3, 4, 4]);
  queue.remove(2);
  assertEquals(names(queue), [1, 2, 3, 4, 4]);
  queue.remove(5);
  assertEquals(names(queue), [1, 2, 3, 4]);
  queue.remove(1);
  assertEquals(names(queue), [2, 3, 4]);
});

Deno.test("row queue: one that has grown gives its room back, another keeps its own", () => {
  const queue = filled(0, 15);
  const rows = queue.rows;
  queue.release();
  assert(queue.rows === rows);
  assertEquals([queue.head, queue.tail], [0, 0]);
  append(queue, 15, 0);
  queue.reserve();
  assertEquals(queue.rows.length, 32 * STRIDE);
  queue.release();
  assertEquals([queue.rows.length, queue.head, queue.tail], [16 * STRIDE, 0, 0]);
  append(queue, 15, 0);
  queue.reserve();
  assertEquals([queue.rows.length, names(queue)], [32 * STRIDE, range(0, 15)]);
});
