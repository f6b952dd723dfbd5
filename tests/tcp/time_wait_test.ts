import { assert, assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import type { Tuple } from "../../lib/tcp/connection_table.ts";
import { TimeWaitQueue } from "../../lib/tcp/time_wait.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { randomWords } from "../support/random.ts";
import { segmentOf, tupleOf } from "./support.ts";

/** What TIME-WAIT looks at of a connection. */
type Remains =
  & Tuple
  & Pick<Connection, "sndNxt" | "rcvNxt" | "tsRecent" | "tsOk">;

function remainsOf(tuple: Tuple, random: () => number): Remains {
  return {
    ...tuple,
    sndNxt: random() | 0,
    rcvNxt: random() | 0,
    tsRecent: random() | 0,
    tsOk: random() % 2 === 0,
  };
}

function add(queue: TimeWaitQueue, remains: Remains, expiresAt: number): void {
  queue.add(remains as unknown as Connection, expiresAt, 0);
}

/** Asserts that the queue tells of `remains` all there was. */
function check(queue: TimeWaitQueue, remains: Remains): void {
  const index = queue.find(segmentOf(remains), remains.hash);
  assert(index >= 0);
  assertEquals(
    [queue.sndNxt(index), queue.rcvNxt(index), queue.tsRecent(index)],
    [remains.sndNxt, remains.rcvNxt, remains.tsRecent],
  );
  assertEquals(queue.hasTimestamps(index), remains.tsOk);
}

Deno.test("time-wait: records are found, restarted, removed and expired as in a list", () => {
  const hashes: ((word: number) => number)[] = [
    (word) => word | 0,
    (word) => -1 - word % 3,
    (word) => (word & 0xffff0000) | 0x3f,
  ];
  for (const [index, hashOf] of hashes.entries()) {
    for (const base of [0x7fffffff - 3000, -3000]) {
      const random = randomWords(index + 9);
      const queue = new TimeWaitQueue();
      let list: { remains: Remains; expiresAt: number }[] = []; // in order of expiry
      let now = 0;
      const enlist = (entry: { remains: Remains; expiresAt: number }) => {
        const before = list.findLastIndex(({ expiresAt }) => expiresAt <= entry.expiresAt);
        list.splice(before + 1, 0, entry);
      };
      for (let step = 0; step < 8000; step++) {
        const lifetime = random() % 4 === 0 ? 1500 - random() % 1500 : 1500;
        now += random() % 3;
        const choice = random() % 8;
        const port = random() % 1000;
        const at = list.findIndex(({ remains }) => remains.remotePort === port);
        if (at < 0) {
          const tuple = tupleOf(port % 5, port, hashOf(random()));
          assertEquals(queue.find(segmentOf(tuple), tuple.hash), -1);
          if (choice < 6) {
            const remains = remainsOf(tuple, random);
            add(queue, remains, (base + now + lifetime) | 0);
            enlist({ remains, expiresAt: now + lifetime });
          }
        } else if (choice < 4) {
          const [{ remains }] = list.splice(at, 1);
          check(queue, remains);
          queue.restart(
            queue.find(segmentOf(remains), remains.hash),
            (base + now + lifetime) | 0,
          );
          enlist({ remains, expiresAt: now + lifetime });
        } else if (choice < 5) {
          const [{ remains }] = list.splice(at, 1);
          queue.remove(queue.find(segmentOf(remains), remains.hash));
          assertEquals(queue.find(segmentOf(remains), remains.hash), -1);
        } else if (choice < 6) {
          queue.expire((base + now) | 0);
          list = list.filter(({ expiresAt }) => expiresAt > now);
        }
        assertEquals(queue.count, list.length);
        if (list.length > 0) assertEquals(queue.earliest, (base + list[0].expiresAt) | 0);
      }
      for (const { remains } of list) check(queue, remains);
      queue.expire((base + now + 100_000) | 0);
      assertEquals(queue.count, 0);
      for (const { remains } of list) {
        assertEquals(queue.find(segmentOf(remains), remains.hash), -1);
      }
    }
  }
});

Deno.test("time-wait: a thousand records fit, and their places are used again", () => {
  const queue = new TimeWaitQueue();
  const random = randomWords(4);
  for (let round = 0; round < 3; round++) {
    const all = Array.from(
      { length: 1000 },
      (_, port) => remainsOf(tupleOf(2, port, random() | 0), random),
    );
    let highest = 0;
    for (const [i, remains] of all.entries()) {
      add(queue, remains, i);
      highest = Math.max(highest, queue.find(segmentOf(remains), remains.hash));
    }
    for (const remains of all) check(queue, remains);
    assertEquals([queue.count, highest], [1000, 999]);
    queue.expire(998);
    assertEquals([queue.count, queue.earliest], [1, 999]);
    queue.expire(999);
    assertEquals(queue.count, 0);
  }
});

Deno.test("time-wait: TW-01, a record expires at its time, not a millisecond before", () => {
  const queue = new TimeWaitQueue();
  const remains = remainsOf(tupleOf(2, 40_000, 1), randomWords(1));
  add(queue, remains, -0x80000000);
  queue.expire(0x7fffffff);
  check(queue, remains);
  queue.expire(-0x80000000);
  assertEquals([queue.count, queue.find(segmentOf(remains), 1)], [0, -1]);
});

Deno.test("time-wait: all words of both addresses are kept", () => {
  const queue = new TimeWaitQueue();
  const local = { local0: 1, local1: 2, local2: 3, local3: 4 };
  const remote = { remote0: 5, remote1: 6, remote2: 7, remote3: 8 };
  const remains = remainsOf({ ...tupleOf(2, 40_000, 1), ...local, ...remote }, randomWords(1));
  add(queue, remains, 5);
  check(queue, remains);
});

Deno.test("time-wait: a local end is remembered by its port and by all words of its address", () => {
  const queue = new TimeWaitQueue();
  const local = { local0: 1, local1: 2, local2: 3, local3: 4 };
  const remember = (port: number) => {
    const tuple = { ...tupleOf(2, 40_000, port), ...local, localPort: port };
    add(queue, remainsOf(tuple, randomWords(1)), 5);
  };
  const has = (port: number, w0 = 1, w1 = 2, w2 = 3, w3 = 4) => {
    const groups = [w0, w1, w2, w3].map((word) => `0:${word.toString(16)}`);
    return queue.hasLocal(parseEndpoint(`[${groups.join(":")}]:${port}`)!);
  };
  assert(!has(80) && !has(0));
  remember(80);
  remember(65535);
  assert(has(80) && has(65535) && has(0));
  assert(!has(81) && !has(1));
  assert(!has(80, 5) && !has(80, 1, 5) && !has(80, 1, 2, 5) && !has(80, 1, 2, 3, 5));
  assert(!has(0, 5) && !has(0, 1, 5) && !has(0, 1, 2, 5) && !has(0, 1, 2, 3, 5));
});

Deno.test("time-wait: a segment that differs in one number finds no record", () => {
  const queue = new TimeWaitQueue();
  const tuple = tupleOf(2, 40_000, 1);
  add(queue, remainsOf(tuple, randomWords(1)), 5);
  const { hash: _, ...numbers } = tuple;
  for (const [field, value] of Object.entries(numbers)) {
    assertEquals(queue.find(segmentOf({ ...tuple, [field]: value + 1 }), 1), -1, field);
  }
  assertEquals(queue.find(segmentOf(tuple), 2), -1);
});

Deno.test("time-wait: TW-17, ACKs to unacceptable segments keep their distance, per record", () => {
  for (const start of [0, -1, -600, 0x7fffffff - 100]) {
    const queue = new TimeWaitQueue();
    const random = randomWords(2);
    const [a, b] = [1, 2].map((port) => {
      const remains = remainsOf(tupleOf(2, port, port), random);
      add(queue, remains, 5);
      return queue.find(segmentOf(remains), port);
    });
    const times = [0, 1, 499, 501, 900, 1002];
    const allowed = times.map((time) => queue.mayAcknowledge(a, (start + time) | 0, 500));
    assertEquals(allowed, [true, false, false, true, false, true]);
    assert(queue.mayAcknowledge(b, start, 500));
  }
});

Deno.test("time-wait: a record begins without a past, though its place had one", () => {
  const queue = new TimeWaitQueue();
  const remains = remainsOf(tupleOf(2, 1, 1), randomWords(2));
  for (let i = 0; i < 3; i++) {
    add(queue, remains, 5);
    const index = queue.find(segmentOf(remains), 1);
    assert(queue.mayAcknowledge(index, 100, 500));
    assert(!queue.mayAcknowledge(index, 100, 500));
    queue.remove(index);
  }
});

Deno.test("time-wait: a removed record can be restored, and expires as it would have", () => {
  const queue = new TimeWaitQueue();
  const random = randomWords(6);
  const all = [3000, 1000, 2000].map((expiresAt, i) => {
    const remains = remainsOf(tupleOf(i, 1000 + i, random() | 0), random);
    add(queue, remains, expiresAt);
    return remains;
  });
  const [, remains] = all;
  const index = queue.find(segmentOf(remains), remains.hash);
  const record = queue.copy(index);
  queue.remove(index);
  assertEquals([queue.count, queue.earliest], [2, 2000]);
  queue.restore(record, remains.hash, 0);
  assertEquals([queue.count, queue.earliest], [3, 1000]);
  for (const each of all) check(queue, each);
  queue.expire(1000);
  assertEquals([queue.count, queue.earliest], [2, 2000]);
});
