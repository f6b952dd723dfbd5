import { assert, assertEquals } from "@std/assert";
import { ReceiveQueue } from "../../lib/tcp/receive_queue.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { PAGE_SIZE } from "../../lib/wire/pages.ts";
import { randomWords } from "../support/random.ts";
import { Memory, pattern, STARTS } from "./support.ts";

/** A stream of `length` bytes sent in random pieces, each with bytes of its own, into a queue. */
class Scene {
  readonly memory: Memory;
  readonly queue: ReceiveQueue;
  readonly gather = new Gather();
  /** The copy each byte was first kept from; -1: it is not held. */
  readonly copies: number[];
  readonly base: number;
  start = 0;

  constructor(pages: number, base: number, length: number) {
    this.memory = new Memory(pages);
    this.queue = new ReceiveQueue(this.memory.arena, this.memory.pool, base);
    this.copies = new Array<number>(length).fill(-1);
    this.base = base;
  }

  get next(): number {
    return (this.queue.next - this.base) | 0;
  }

  /** Whether the queue says that it holds the byte at `offset`. */
  isHeld(offset: number): boolean {
    if (offset < this.next) return true;
    const ranges = this.queue.ranges;
    if (ranges === null) return false;
    const seq = (this.base + offset) | 0;
    const index = ranges.firstEndingAfter(seq);
    return index < ranges.count && ((ranges.start(index) - seq) | 0) <= 0;
  }

  /** A segment comes, trimmed as the engine does. Returns how many of its bytes are held then. */
  arrives(start: number, end: number, copy: number): number {
    const at = Math.max(start, this.next);
    const length = Math.min(end, this.copies.length) - at;
    if (length <= 0) return 0;
    const seq = (this.base + at) | 0;
    const from = this.memory.scratch(length, (i) => pattern(seq + i, copy));
    if (at === this.next) this.queue.append(from, length);
    else this.queue.insert(seq, from, length);
    let held = 0;
    while (held < length && this.isHeld(at + held)) held++;
    for (let i = at; i < at + held; i++) if (this.copies[i] < 0) this.copies[i] = copy;
    return held;
  }

  /** Reads up to `limit` bytes and compares them with their first copies. */
  read(limit: number): void {
    const covered = this.queue.gather(this.gather);
    const wrong = this.memory.mismatch(
      this.gather,
      (i) => pattern((this.base + this.start + i) | 0, this.copies[this.start + i]),
    );
    assertEquals(wrong, -1);
    const count = Math.min(covered, limit);
    this.queue.consume(count);
    this.start += count;
  }

  /** What the queue says it holds is what came. */
  check(): void {
    for (let i = 0; i < this.copies.length; i++) {
      if (i < this.start) continue;
      if (this.isHeld(i) !== this.copies[i] >= 0) {
        assertEquals(this.isHeld(i), this.copies[i] >= 0, `byte ${i}`);
      }
    }
    assertEquals(this.queue.length, this.next - this.start);
    assertEquals(this.queue.hasGap, this.copies.findLastIndex((copy) => copy >= 0) >= this.next);
  }
}

Deno.test("receive queue: in whatever order segments come, the first copy of each byte wins", () => {
  for (const [index, base] of STARTS.entries()) {
    const random = randomWords(index + 1);
    const scene = new Scene(64, base, 60_000);
    for (let copy = 0; scene.start < scene.copies.length; copy++) {
      const start = random() % 4 === 0 ? scene.next : scene.start + random() % 20_000;
      const end = start + 1 + random() % [3, 1460, 9000][copy % 3];
      const fits = Math.max(0, Math.min(end, scene.copies.length) - Math.max(start, scene.next));
      assertEquals(scene.arrives(start, end, copy), fits);
      scene.check();
      if (random() % 3 === 0) scene.read(random() % 8000);
    }
    assertEquals(scene.memory.pool.lent, 0);
  }
});

Deno.test("receive queue: without pages less is kept, and nothing is mixed up", () => {
  for (const [index, base] of STARTS.entries()) {
    const random = randomWords(index + 50);
    const scene = new Scene(4, base, 60_000);
    for (let copy = 0; scene.start < scene.copies.length; copy++) {
      const start = random() % 4 === 0 ? scene.next : scene.start + random() % 20_000;
      scene.arrives(start, start + 1 + random() % [3, 1460, 9000][copy % 3], copy);
      if (random() % 20 === 0) {
        scene.queue.dropGaps();
        scene.copies.fill(-1, scene.next);
      }
      scene.check();
      if (random() % 3 === 0) scene.read(random() % 8000);
    }
    assertEquals(scene.memory.pool.lent, 0);
  }
});

Deno.test("receive queue: SEC-12, a later copy changes neither held bytes nor their number", () => {
  const scene = new Scene(8, -15, 40);
  scene.arrives(10, 20, 1);
  scene.arrives(0, 20, 2);
  scene.arrives(5, 25, 3);
  assertEquals(scene.copies.slice(0, 25).join(""), "2".repeat(10) + "1".repeat(10) + "33333");
  scene.read(100);
  assertEquals([scene.start, scene.memory.pool.lent], [25, 0]);
});

Deno.test("receive queue: a segment over several runs fills only what is missing", () => {
  const scene = new Scene(8, -15, 60);
  scene.arrives(10, 15, 1);
  scene.arrives(20, 25, 2);
  scene.arrives(30, 35, 3);
  scene.arrives(5, 40, 4);
  assertEquals([scene.queue.hasGap, scene.queue.length, scene.queue.ranges?.count], [true, 0, 1]);
  scene.arrives(0, 12, 5);
  const expected = "555554444411111444442222244444333334" + "4444";
  assertEquals(scene.copies.slice(0, 40).join(""), expected);
  assertEquals([scene.queue.hasGap, scene.queue.length], [false, 40]);
  scene.read(40);
  assertEquals(scene.memory.pool.lent, 0);
});

Deno.test("receive queue: gaps of one byte are filled, runs of one byte kept", () => {
  const scene = new Scene(8, -15, 40);
  for (const at of [10, 12, 13, 16, 20]) scene.arrives(at, at + 1, 1);
  scene.arrives(0, 21, 2);
  assertEquals(scene.copies.slice(0, 21).join(""), "222222222212112212221");
  scene.read(21);
  assertEquals([scene.start, scene.memory.pool.lent], [21, 0]);
});

Deno.test("receive queue: dropped gaps cost no page, what is in order stays", () => {
  const scene = new Scene(64, -100, 200_000);
  scene.arrives(0, 150, 1);
  scene.arrives(50_000, 50_010, 2);
  scene.arrives(150_000, 150_010, 3);
  assertEquals(scene.memory.pool.lent, 4);
  scene.queue.dropGaps();
  assertEquals([scene.memory.pool.lent, scene.queue.hasGap, scene.queue.length], [2, false, 150]);
  scene.read(150);
  assertEquals(scene.memory.pool.lent, 0);

  scene.arrives(50_000, 50_010, 4);
  scene.queue.dropGaps();
  assertEquals(scene.memory.pool.lent, 0);
});

Deno.test("receive queue: a cleared queue holds nothing and goes on at RCV.NXT", () => {
  const scene = new Scene(8, -5, 100);
  scene.arrives(0, 10, 1);
  scene.arrives(20, 30, 1);
  scene.queue.clear();
  assertEquals([scene.queue.length, scene.queue.hasGap, scene.memory.pool.lent], [0, false, 0]);
  assertEquals([scene.queue.start, scene.queue.next], [5, 5]);
});

Deno.test("receive queue: bytes handed on unstored move the queue without a page", () => {
  const memory = new Memory(4);
  const queue = new ReceiveQueue(memory.arena, memory.pool, -1000);
  for (let i = 0; i < 1000; i++) queue.skip(1448);
  assertEquals([queue.start, queue.next, queue.length], [1_447_000, 1_447_000, 0]);
  assertEquals(queue.append(memory.scratch(10, pattern), 10), 10);
  const gather = new Gather();
  assertEquals([queue.gather(gather), memory.mismatch(gather, (i) => pattern(i))], [10, -1]);
  queue.consume(10);
  assertEquals(memory.pool.lent, 0);
});

Deno.test("receive queue: one run too many is refused and costs nothing in the end", () => {
  const memory = new Memory(64);
  const queue = new ReceiveQueue(memory.arena, memory.pool, -2000);
  const from = memory.scratch(PAGE_SIZE, pattern);
  for (let i = 0; i < 4096; i++) assert(queue.insert((-1999 + 2 * i) | 0, from, 1));
  assert(!queue.insert(100_000, from, 1));
  assert(!queue.insert(200_000, from, PAGE_SIZE));
  assertEquals(queue.append(from, 1), 1);
  assertEquals(queue.length, 2);
  assert(queue.insert(100_000, from, 1));
  queue.dropGaps();
  queue.consume(2);
  assertEquals(memory.pool.lent, 0);
});

Deno.test("receive queue: SEC-15, a page of 64 is left to others, beyond gaps a page of four", () => {
  const memory = new Memory(128);
  const from = memory.scratch(43 * PAGE_SIZE, pattern);
  const queue = new ReceiveQueue(memory.arena, memory.pool, 0);
  for (let i = 0; i < 3; i++) queue.append(from, 43 * PAGE_SIZE);
  assertEquals([queue.length, memory.pool.lent], [126 * PAGE_SIZE, 126]);
  queue.clear();
  for (let i = 0; i < 3; i++) {
    queue.insert((queue.next + (1 + 43 * i) * PAGE_SIZE) | 0, from, 43 * PAGE_SIZE);
  }
  assertEquals([queue.ranges?.count, memory.pool.lent], [1, 96]);
});

Deno.test("receive queue: a gap of one byte is one", () => {
  const scene = new Scene(8, -15, 40);
  scene.arrives(11, 12, 1);
  scene.arrives(0, 10, 2);
  assertEquals([scene.queue.length, scene.queue.hasGap], [10, true]);
  scene.arrives(10, 11, 3);
  assertEquals([scene.queue.length, scene.queue.hasGap], [12, false]);
});

Deno.test("receive queue: dropping gaps keeps a single byte in order, and no page for none", () => {
  const scene = new Scene(8, -15, 40);
  scene.queue.dropGaps(); // there never was one
  scene.arrives(5, 10, 1);
  scene.queue.dropGaps();
  assertEquals([scene.queue.length, scene.memory.pool.lent], [0, 0]);
  scene.arrives(0, 1, 2);
  scene.copies.fill(-1, 1);
  scene.arrives(5, 10, 3);
  scene.queue.dropGaps();
  assertEquals([scene.queue.length, scene.memory.pool.lent], [1, 1]);
  scene.read(1);
  assertEquals([scene.start, scene.memory.pool.lent], [1, 0]);
});
