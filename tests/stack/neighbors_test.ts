import { assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../lib/invariant.ts";
import { Neighbors, NeighborState, type Prober } from "../../lib/stack/neighbors.ts";
import { Counters } from "../../lib/tcp/counters.ts";

class RecordingProber implements Prober {
  readonly calls: string[] = [];
  isOpen = true;

  probe(slot: number): void {
    this.calls.push(`probe ${slot}`);
  }

  flush(slot: number): boolean {
    this.calls.push(`flush ${slot}`);
    return this.isOpen;
  }

  discard(slot: number): void {
    this.calls.push(`discard ${slot}`);
  }

  take(): string[] {
    return this.calls.splice(0);
  }
}

function create(limit = 4) {
  const prober = new RecordingProber();
  const neighbors = new Neighbors(limit, 60_000, 12345, prober, new Counters());
  return { prober, neighbors };
}

Deno.test("neighbors: an entry is found by all four words", () => {
  const { neighbors } = create();
  const slot = neighbors.create(1, 2, 3, 4, 0);
  assertEquals(neighbors.find(1, 2, 3, 4), slot);
  for (const [a, b, c, d] of [[0, 2, 3, 4], [1, 0, 3, 4], [1, 2, 0, 4], [1, 2, 3, 0]]) {
    assertEquals(neighbors.find(a, b, c, d), -1);
  }
  assertThrows(() => neighbors.create(1, 2, 3, 4, 0), InvariantError);
});

Deno.test("ARP-08: a full cache gives up the entry used longest ago", () => {
  const { neighbors, prober } = create(3);
  for (let i = 1; i <= 3; i++) neighbors.learn(neighbors.create(0, 0, 0, i, 0), 2, i, 0);
  neighbors.use(neighbors.find(0, 0, 0, 1), 0);
  neighbors.create(0, 0, 0, 4, 0);
  assertEquals([1, 2, 3, 4].map((i) => neighbors.find(0, 0, 0, i) >= 0), [true, false, true, true]);
  assertEquals(neighbors.count, 3);
  assertEquals(prober.take(), ["discard 1"]);
});

Deno.test("ARP-08: many come and go, and each is found while it is in", () => {
  const { neighbors } = create(64);
  for (let i = 0; i < 5000; i++) {
    neighbors.create(0, 0, 0xffff, i * 7919, 0);
    for (let back = 0; back < Math.min(i + 1, 64); back++) {
      assertEquals(neighbors.find(0, 0, 0xffff, (i - back) * 7919) >= 0, true);
    }
    assertEquals(neighbors.find(0, 0, 0xffff, (i - 64) * 7919), -1);
  }
});

Deno.test("ARP-04: an incomplete entry is probed three times, then held as failed", () => {
  const { neighbors, prober } = create();
  const slot = neighbors.create(0, 0, 0, 1, 100);
  assertEquals(neighbors.use(slot, 100), false);
  for (let now = 100; now <= 5000; now += 100) neighbors.poll(now);
  assertEquals(prober.take(), ["probe 0", "probe 0", "probe 0", "discard 0"]);
  assertEquals(neighbors.isFailed(slot), true);
  neighbors.learn(slot, 2, 2, 5000);
  assertEquals(neighbors.use(slot, 5000), true);
});

Deno.test("ARP-04: an answer flushes what waits, again when the device is full", () => {
  const { neighbors, prober } = create();
  const slot = neighbors.create(0, 0, 0, 1, 0);
  neighbors.learn(slot, 2, 2, 0);
  prober.isOpen = false;
  neighbors.poll(0);
  assertEquals([prober.take(), neighbors.deadline], [["flush 0"], 1]);
  prober.isOpen = true;
  neighbors.poll(1);
  assertEquals([prober.take(), neighbors.deadline], [["flush 0"], Infinity]);
});

Deno.test("ARP-05: a stale entry is probed when it is used, and saved by progress", () => {
  const { neighbors, prober } = create();
  const slot = neighbors.create(0, 0, 0, 1, 0);
  neighbors.learn(slot, 2, 2, 0);
  neighbors.poll(0);
  prober.take();
  assertEquals(neighbors.use(slot, 60_000), true);
  assertEquals(neighbors.state[slot], NeighborState.Reachable);
  assertEquals(neighbors.use(slot, 60_001), true);
  assertEquals(neighbors.state[slot], NeighborState.Probing);
  neighbors.confirm(slot, 2, 3, 60_002);
  assertEquals(neighbors.state[slot], NeighborState.Probing);
  neighbors.confirm(slot, 2, 2, 60_002);
  assertEquals(neighbors.state[slot], NeighborState.Reachable);
  neighbors.poll(60_003);
  assertEquals(prober.take(), []);
});

Deno.test("ARP-08: what waits for a neighbour is sent, though it tells its MAC twice before", () => {
  const { neighbors, prober } = create();
  const slot = neighbors.create(0, 0, 0, 1, 0);
  neighbors.learn(slot, 2, 3, 0);
  neighbors.learn(slot, 2, 3, 1);
  prober.isOpen = false;
  neighbors.poll(1);
  assertEquals(prober.take(), [`flush ${slot}`]);
  // Neither another message nor its age makes it forget what the device refused.
  neighbors.learn(slot, 2, 3, 2);
  neighbors.use(slot, 100_000);
  prober.isOpen = true;
  neighbors.poll(100_000);
  assertEquals(prober.take(), [`flush ${slot}`]);
});

Deno.test("ARP-08: a cache of one holds the last", () => {
  const { neighbors, prober } = create(1);
  for (let i = 1; i <= 3; i++) assertEquals(neighbors.create(0, 0, 0, i, 0), 0);
  assertEquals([1, 2, 3].map((i) => neighbors.find(0, 0, 0, i)), [-1, -1, 0]);
  assertEquals([neighbors.count, prober.take()], [1, ["discard 0", "discard 0"]]);
});

Deno.test("ARP-08: the place of a stale entry that went is free, and nobody is given up for it", () => {
  for (const silent of [0, 1, 2]) {
    const { neighbors, prober } = create(3);
    for (let i = 0; i < 3; i++) neighbors.learn(neighbors.create(0, 0, 0, i, 0), 2, i, 0);
    neighbors.poll(0);
    assertEquals(neighbors.find(0, 0, 0, silent), silent);
    neighbors.doubt(silent, 0);
    for (const now of [0, 1000, 2000, 3000]) neighbors.poll(now);
    assertEquals([neighbors.find(0, 0, 0, silent), neighbors.count], [-1, 2]);
    prober.take();
    // The free place was used last of all.
    for (let i = 0; i < 3; i++) if (i !== silent) neighbors.use(i, 3000);
    assertEquals([neighbors.create(0, 0, 0, 9, 3000), prober.take()], [silent, []]);
  }
});

Deno.test("ARP-05: a confirmation counts once in a second, to the millisecond", () => {
  for (const [at, isBelieved] of [[999, false], [1000, true]] as const) {
    const { neighbors } = create();
    const slot = neighbors.create(0, 0, 0, 1, 0);
    neighbors.learn(slot, 2, 2, 0);
    neighbors.poll(0);
    neighbors.confirm(slot, 2, 2, at);
    neighbors.use(slot, 60_001);
    assertEquals(neighbors.state[slot] === NeighborState.Reachable, isBelieved);
  }
});

Deno.test("ARP-05: only a neighbour whose MAC is known is confirmed, and only by all of that", () => {
  const { neighbors } = create();
  const slot = neighbors.create(0, 0, 0, 1, 0);
  neighbors.confirm(slot, 0, 0, 2000);
  assertEquals(neighbors.state[slot], NeighborState.Incomplete);
  for (const now of [2000, 3000, 4000, 5000]) neighbors.poll(now);
  neighbors.confirm(slot, 0, 0, 6000);
  assertEquals(neighbors.state[slot], NeighborState.Failed);
  neighbors.learn(slot, 2, 3, 6000);
  neighbors.doubt(slot, 6000);
  for (const [high, low] of [[1, 3], [2, 1]]) neighbors.confirm(slot, high, low, 8000);
  assertEquals(neighbors.state[slot], NeighborState.Probing);
  neighbors.confirm(slot, 2, 3, 8000);
  assertEquals(neighbors.state[slot], NeighborState.Reachable);
});

Deno.test("ARP-04: a confirmation does not make it forget what the device refused", () => {
  const { neighbors, prober } = create();
  const slot = neighbors.create(0, 0, 0, 1, 0);
  neighbors.learn(slot, 2, 2, 0);
  prober.isOpen = false;
  neighbors.poll(0);
  neighbors.confirm(slot, 2, 2, 2000);
  prober.take();
  neighbors.poll(2000);
  assertEquals(prober.take(), [`flush ${slot}`]);
});

Deno.test("neighbors: each is probed at its own time, and the next deadline is the earliest", () => {
  const { neighbors, prober } = create();
  neighbors.create(0, 0, 0, 1, 0);
  neighbors.create(0, 0, 0, 2, 300);
  assertEquals(neighbors.deadline, 0);
  const turns: [number, string[]][] = [];
  for (let turn = 0; turn < 4; turn++) {
    const now = neighbors.deadline;
    neighbors.poll(now - 1);
    assertEquals(prober.take(), []);
    neighbors.poll(now);
    turns.push([now, prober.take()]);
  }
  assertEquals(turns, [
    [0, ["probe 0"]],
    [300, ["probe 1"]],
    [1000, ["probe 0"]],
    [1300, ["probe 1"]],
  ]);
});
