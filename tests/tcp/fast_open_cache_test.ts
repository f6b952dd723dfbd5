import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  type AddressPair,
  FAST_OPEN_SERVERS,
  FastOpenCache,
  FastOpenPause,
} from "../../lib/tcp/fast_open_cache.ts";

const PAIR: AddressPair = {
  ...{ local0: 0, local1: 0, local2: 0xffff, local3: 0x0a000001 },
  ...{ remote0: 0, remote1: 0, remote2: 0xffff, remote3: 0x0a000002 },
};

Deno.test("TFO-C-02: a server is found by its addresses and by ours", () => {
  const cache = new FastOpenCache();
  const server = cache.enter(PAIR);
  assertStrictEquals(cache.find({ ...PAIR }), server);
  assertStrictEquals(cache.enter({ ...PAIR }), server);
  for (const word of Object.keys(PAIR)) {
    assertEquals(cache.find({ ...PAIR, [word]: 7 }), null, word);
  }
  assertEquals(cache.count, 1);
});

Deno.test("TFO-C-02: of 1024 servers the one least recently used makes room", () => {
  assertEquals(FAST_OPEN_SERVERS, 1024);
  const cache = new FastOpenCache();
  for (let i = 0; i < 1024; i++) cache.enter({ ...PAIR, remote3: i });
  assert(cache.find({ ...PAIR, remote3: 0 }) !== null); // 1 is the oldest now
  cache.enter({ ...PAIR, remote3: 5000 });
  assertEquals(cache.count, 1024);
  assertEquals(cache.find({ ...PAIR, remote3: 1 }), null);
  assert(cache.find({ ...PAIR, remote3: 0 }) !== null);
  assert(cache.find({ ...PAIR, remote3: 5000 }) !== null);
});

Deno.test("fast open cache: a new cookie replaces the old one and ends a refusal", () => {
  const server = new FastOpenCache().enter(PAIR);
  assertEquals(server.cookieLength, 0);
  server.give(Uint8Array.fromHex("00112233445566778899aabbccddeeff"), 16);
  server.refusedUntil = 5;
  const lent = Uint8Array.fromHex("00000000ffffffffffffffffffffffff");
  server.give(lent, 4);
  lent.fill(1);
  assertEquals(server.cookieLength, 4);
  assertEquals(server.cookie.subarray(0, 4).toHex(), "00000000");
  assertEquals(server.refusedUntil, -Infinity);
});

Deno.test("TFO-C-08: pauses double up to 64 times, until fast open works", () => {
  const pause = new FastOpenPause();
  let now = 0.5;
  assert(!pause.isOn(3600, now) && !pause.isSuspicious);
  for (const times of [1, 2, 4, 8, 16, 32, 64, 64]) {
    assert(pause.begin(3600, now));
    assert(pause.isOn(3600, now + times * 3_600_000 - 1));
    now += times * 3_600_000;
    assert(!pause.isOn(3600, now));
    assert(pause.isSuspicious);
  }
  pause.end();
  assert(!pause.isSuspicious);
  assert(!pause.isOn(3600, now - 1), "what ended is not on");
  pause.begin(3600, now);
  pause.end();
  assert(!pause.isOn(3600, now), "what ended at once is not on");
  assert(pause.begin(3600, now));
  assert(!pause.isOn(3600, now + 3_600_000));
});

Deno.test("TFO-C-08: during a pause no other begins, and 0 seconds is no pause", () => {
  const pause = new FastOpenPause();
  assert(!pause.begin(0, 0));
  assert(!pause.isSuspicious);
  assert(pause.begin(1, 0));
  assert(!pause.begin(1, 999));
  assert(!pause.isOn(1, 1000));
});
