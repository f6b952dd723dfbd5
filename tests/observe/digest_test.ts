import { assertEquals, assertNotEquals } from "@std/assert";
import { Digest } from "../../lib/observe/digest.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { randomWords } from "../support/random.ts";
import { slowSipHash } from "../support/slow_siphash.ts";

const AT = 131072;
const LENGTH = 40_000;

const arena = new Arena(1 << 18);
const digest = new Digest(arena);
const next = randomWords(3);
for (let i = 0; i < LENGTH; i++) arena.bytes[AT + i] = next() >>> 24;

function of(length: number): bigint {
  digest.of(AT, length);
  return told();
}

function told(): bigint {
  return BigInt(digest.high >>> 0) << 32n | BigInt(digest.low >>> 0);
}

Deno.test("digest: up to 16 KiB it is SipHash-2-4 with a key of zeros", () => {
  for (const length of [0, 1, 8, 1448, 16383]) {
    const bytes = arena.bytes.slice(AT, AT + length);
    assertEquals(of(length), slowSipHash(new Uint8Array(16), bytes));
  }
});

Deno.test("digest: it does not depend on the pieces", () => {
  const whole = of(LENGTH);
  for (const sizes of [[4096], [1, 8191], [16384], [16383, 2], [39_999]]) {
    const gather = new Gather();
    for (let at = 0, i = 0; at < LENGTH; i++) {
      const length = gather.count === 16
        ? LENGTH - at
        : Math.min(sizes[i % sizes.length], LENGTH - at);
      gather.add(AT + at, length);
      at += length;
    }
    digest.ofGather(gather);
    assertEquals(told(), whole, `${sizes}`);
  }
});

Deno.test("digest: each bit, the order and the length count", () => {
  const whole = of(LENGTH);
  for (const at of [0, 16383, 16384, 32767, 32768, LENGTH - 1]) {
    arena.bytes[AT + at] ^= 1;
    assertNotEquals(of(LENGTH), whole, `byte ${at}`);
    arena.bytes[AT + at] ^= 1;
  }
  assertEquals(of(LENGTH), whole);
  for (const length of [LENGTH - 1, 16384, 32768]) assertNotEquals(of(length), whole);
  const gather = new Gather();
  gather.add(AT + 20_000, 20_000);
  gather.add(AT, 20_000);
  digest.ofGather(gather);
  assertNotEquals(told(), whole);
});
