import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  ConnectionTable,
  isIpv4,
  type Tuple,
  tupleHash,
  tupleMatches,
} from "../../lib/tcp/connection_table.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { randomWords } from "../support/random.ts";
import { segmentOf, tupleOf } from "./support.ts";

/** Ways to give a tuple's hash: spread, at the end of the slots, and all alike. */
const HASHES: Record<string, (word: number) => number> = {
  spread: (word) => word | 0,
  // These share slots from before the wrap of the table to behind it, at each of its sizes.
  crowded: (word) => -1 - word % 5,
  alike: () => -2,
  "alike but for high bits": (word) => (word & 0xffff0000) | 0xfffe,
};

Deno.test("connection table: storms of adding and removing leave what a Map would hold", () => {
  for (const [name, hashOf] of Object.entries(HASHES)) {
    const random = randomWords(name.length);
    const table = new ConnectionTable<Tuple>();
    const model = new Map<string, Tuple>();
    const size = name === "spread" ? 3000 : 200;
    for (let step = 0; step < 8 * size; step++) {
      const grows = Math.floor(step / size) % 2 === 0;
      const port = random() % size;
      const key = `${port % 7} ${port}`;
      const known = model.get(key);
      if (known !== undefined) {
        assertEquals(table.find(segmentOf(known), known.hash), known);
        if (!grows || random() % 4 === 0) {
          assert(table.remove(known));
          assert(!table.remove(known));
          model.delete(key);
        }
      } else {
        const tuple = tupleOf(port % 7, port, hashOf(random()));
        assertEquals(table.find(segmentOf(tuple), tuple.hash), null);
        if (grows || random() % 4 === 0) {
          table.add(tuple);
          model.set(key, tuple);
        }
      }
      assertEquals(table.count, model.size);
    }
    for (const tuple of model.values()) {
      assertEquals(table.find(segmentOf(tuple), tuple.hash), tuple);
    }
    const visited = new Set<Tuple>();
    table.forEach((tuple) => visited.add(tuple));
    assertEquals(visited, new Set(model.values()));
    for (const tuple of model.values()) assert(table.remove(tuple));
    assertEquals(table.count, 0);
  }
});

Deno.test("connection table: an equal tuple that is not in is not removed", () => {
  const table = new ConnectionTable<Tuple>();
  const tuple = tupleOf(2, 40_000, 5);
  table.add(tuple);
  assert(!table.remove({ ...tuple }));
  assertEquals([table.count, table.find(segmentOf(tuple), 5)], [1, tuple]);
  assertEquals(table.find(segmentOf(tuple), 6), null);
});

const FIELDS = [
  "local0",
  "local1",
  "local2",
  "local3",
  "remote0",
  "remote1",
  "remote2",
  "remote3",
  "localPort",
  "remotePort",
] as const;

Deno.test("connection table: HS-27, a segment matches its tuple only in all ten numbers", () => {
  const tuple = tupleOf(2, 40_000, 5);
  assert(tupleMatches(tuple, segmentOf(tuple)));
  for (const field of FIELDS) {
    assert(!tupleMatches(tuple, segmentOf({ ...tuple, [field]: tuple[field] + 1 })), field);
  }
});

Deno.test("connection table: the hash depends on the key and on what tells peers apart", () => {
  const v4 = tupleOf(2, 40_000, 0);
  const v6 = { ...v4, remote0: 0x20010db8, remote1: 1, remote2: 2, local0: 0x20010db8 };
  for (const tuple of [v4, v6]) {
    const hash = tupleHash(tuple, 77);
    assertEquals([hash, tupleHash({ ...tuple }, 77)], [hash | 0, hash]);
    assertNotEquals(tupleHash(tuple, 78), hash);
    const changing = FIELDS.filter((field) =>
      tupleHash({ ...tuple, [field]: tuple[field] ^ 0x100 }, 77) !== hash
    );
    const expected = tuple === v6
      ? FIELDS.filter((field) => field !== "local1" && field !== "local2")
      : ["local3", "remote0", "remote1", "remote3", "localPort", "remotePort"];
    assertEquals(changing, expected);
  }
});

Deno.test("connection table: hashes of neighbouring tuples spread over the slots", () => {
  const random = randomWords(5);
  for (let round = 0; round < 5; round++) {
    const key = random() | 0;
    for (const bits of [0, 16]) {
      const filled = new Map<number, number>();
      for (let i = 0; i < 4096; i++) {
        const slot = (tupleHash(tupleOf(i >> 9, 32_768 + (i & 511), 0), key) >>> bits) & 1023;
        filled.set(slot, (filled.get(slot) ?? 0) + 1);
      }
      // Four each on average; chance leaves about 2 % empty and hardly any beyond 16.
      assert(filled.size > 950 && Math.max(...filled.values()) < 20);
    }
  }
});

Deno.test("connection table: ports that differ in upper bits alone crowd no slot, whatever the key", () => {
  const random = randomWords(6);
  for (let round = 0; round < 5; round++) {
    const key = random() | 0;
    const slots = new Set<number>();
    for (let i = 0; i < 256; i++) slots.add(tupleHash(tupleOf(2, (i << 8) | 1, 0), key) & 255);
    // Chance fills 162 of 256.
    assert(slots.size > 128, `${slots.size}`);
  }
});

Deno.test("connection table: an IPv4 address is one of ::ffff:0:0/96, in all three words", () => {
  const tuple = tupleOf(2, 40_000, 0);
  assert(isIpv4(tuple));
  for (const word of ["remote0", "remote1", "remote2"]) {
    assert(!isIpv4({ ...tuple, [word]: 0xfffe }), word);
  }
});

Deno.test("connection table: a tuple is at its address and port, and at port 0 of its address", () => {
  const tuple = { ...tupleOf(2, 40_000, 0), local0: 1, local1: 2, local2: 3, local3: 4 };
  const address = "[0:1:0:2:0:3:0:4]";
  const table = new ConnectionTable<Tuple>();
  const at = (local: string) => table.hasLocal(parseEndpoint(local)!);
  assertEquals(at(`${address}:80`), false);
  table.add(tupleOf(2, 40_001, 1));
  table.add(tuple);
  assertEquals([`${address}:80`, `${address}:0`, `${address}:81`].map(at), [true, true, false]);
  for (const other of ["[9:1:0:2:0:3:0:4]", "[0:1:9:2:0:3:0:4]", "[0:1:0:2:9:3:0:4]"]) {
    assertEquals([`${other}:80`, `${other}:0`].map(at), [false, false], other);
  }
  assertEquals(at("[0:1:0:2:0:3:9:4]:80"), false);
});
