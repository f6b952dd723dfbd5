import { assert, assertEquals } from "@std/assert";
import { SendQueue } from "../../lib/tcp/send_queue.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { PAGE_SIZE } from "../../lib/wire/pages.ts";
import { randomWords } from "../support/random.ts";
import { Memory, pattern, STARTS } from "./support.ts";

const LIMIT = 200_000;

Deno.test("send queue: what was committed and not acknowledged can be read at any place", () => {
  for (const [index, base] of STARTS.entries()) {
    for (const pages of [64, 5]) {
      const random = randomWords(index + pages);
      const memory = new Memory(pages);
      const queue = new SendQueue(memory.arena, memory.pool, base);
      const gather = new Gather();
      let start = 0;
      let end = 0;
      for (let step = 0; step < 400; step++) {
        const lent = queue.room(gather, LIMIT);
        assert(lent <= LIMIT - (end - start));
        assertEquals(gather.length, lent);
        if (lent > 0 && random() % 4 > 0) {
          const count = random() % 3 === 0 ? lent : random() % (lent + 1);
          memory.fill(gather, count, (i) => pattern((base + end + i) | 0));
          // The peer may acknowledge while the room is lent.
          if (random() % 4 === 0) {
            start = end;
            queue.acknowledge((base + start) | 0);
          }
          queue.commit(count);
          end += count;
        } else {
          queue.commit(0);
        }
        if (random() % 3 === 0) {
          start += random() % (end - start + 1);
          queue.acknowledge((base + start) | 0);
        }
        assertEquals([queue.length, queue.start, queue.end], [
          end - start,
          (base + start) | 0,
          (base + end) | 0,
        ]);
        if (end === start) {
          assertEquals(memory.pool.lent, 0);
          continue;
        }
        const at = start + random() % (end - start);
        const length = Math.min(end - at, 1 + random() % 65536);
        const covered = queue.gather(gather, (base + at) | 0, length);
        assertEquals(covered, length);
        const byteAt = (i: number) => pattern((base + at + i) | 0);
        assertEquals(memory.mismatch(gather, byteAt), -1);
      }
      queue.acknowledge(queue.end);
      assertEquals(memory.pool.lent, 0);
    }
  }
});

Deno.test("send queue: who fills the room gets more of it, who writes little gets little", () => {
  const memory = new Memory(64);
  const queue = new SendQueue(memory.arena, memory.pool, -PAGE_SIZE);
  const gather = new Gather();
  assertEquals([queue.room(gather, LIMIT), gather.count], [4 * PAGE_SIZE, 4]);
  queue.commit(4 * PAGE_SIZE);
  assertEquals([queue.room(gather, LIMIT), gather.count], [16 * PAGE_SIZE, 16]);
  queue.commit(5 * PAGE_SIZE);
  assertEquals(queue.room(gather, LIMIT), 16 * PAGE_SIZE);
  queue.commit(100);
  assertEquals(queue.room(gather, LIMIT), 4 * PAGE_SIZE);
  queue.commit(0);
  queue.clear();
  assertEquals(memory.pool.lent, 0);
});

Deno.test("send queue: unused room costs no page", () => {
  const memory = new Memory(64);
  const queue = new SendQueue(memory.arena, memory.pool, -10);
  const gather = new Gather();
  assertEquals(queue.room(gather, LIMIT), 4 * PAGE_SIZE);
  assertEquals(memory.pool.lent, 5);
  queue.commit(10);
  assertEquals([memory.pool.lent, queue.length], [1, 10]);
  queue.room(gather, LIMIT);
  queue.commit(0);
  assertEquals([memory.pool.lent, queue.length], [1, 10]);
  queue.acknowledge(0);
  queue.room(gather, LIMIT);
  queue.commit(0);
  assertEquals([memory.pool.lent, queue.length], [0, 0]);
});

Deno.test("send queue: its limit and the pool's are both the end of the room", () => {
  const memory = new Memory(3);
  const gather = new Gather();
  const queue = new SendQueue(memory.arena, memory.pool, -4000);
  assertEquals(queue.room(gather, 10_000), 10_000);
  queue.commit(10_000);
  assertEquals([queue.room(gather, 10_000), gather.count], [0, 0]);
  queue.acknowledge(-3999);
  assertEquals(queue.room(gather, 10_000), 1);
  const other = new SendQueue(memory.arena, memory.pool, 0);
  assertEquals([other.room(gather, 10_000), gather.count], [0, 0]);
  other.commit(0);
  queue.commit(1);
  queue.clear();
  assertEquals([queue.length, queue.start, memory.pool.lent], [0, 6001, 0]);
  assertEquals(other.room(gather, 10_000), 10_000);
  other.commit(0);
  assertEquals(memory.pool.lent, 0);
});

Deno.test("send queue: an acknowledgment gives back the pages before it only", () => {
  const memory = new Memory(8);
  const queue = new SendQueue(memory.arena, memory.pool, -PAGE_SIZE);
  queue.room(new Gather(), LIMIT);
  queue.commit(3 * PAGE_SIZE);
  const lentAfter = (seq: number) => {
    queue.acknowledge(seq);
    return memory.pool.lent;
  };
  assertEquals([-1, 0, PAGE_SIZE, 2 * PAGE_SIZE - 1, 2 * PAGE_SIZE].map(lentAfter), [
    3,
    2,
    1,
    1,
    0,
  ]);
});
