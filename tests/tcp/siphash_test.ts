import { assertEquals, assertNotEquals } from "@std/assert";
import { SipHash } from "../../lib/tcp/siphash.ts";
import { Arena } from "../../lib/wire/memory.ts";

const K0 = Uint8Array.from({ length: 16 }, (_, i) => i);

Deno.test("siphash: messages of 0 to 10 counting bytes give the low halves of the reference", () => {
  const hash = new SipHash(new Arena(65536), K0);
  const halves = [0x0001, 0x0203, 0x0405, 0x0607, 0x0809];
  // vectors_sip64 of the reference implementation, every second one.
  const expected = [0xdd0e0e31, 0xd9a94f5a, 0x277187b7, 0x58fee3ce, 0x9a932462, 0x94ddb9f3];
  for (let count = 0; count <= halves.length; count++) {
    hash.begin();
    for (const half of halves.slice(0, count)) hash.half(half);
    assertEquals(hash.low(), expected[count] | 0, `${2 * count} bytes`);
  }
});

Deno.test("siphash: the longest message, 48 counting bytes", () => {
  const hash = new SipHash(new Arena(65536), K0);
  hash.begin();
  for (let i = 0; i < 12; i++) hash.word(0x00010203 + i * 0x04040404);
  assertEquals(hash.low(), 0x9ecba951 | 0);
});

Deno.test("siphash: a word is two halves, and both are big-endian whatever their sign", () => {
  const hash = new SipHash(new Arena(65536), K0);
  const ofWord = hash.begin().word(0x89abcdef | 0).low();
  assertEquals(hash.begin().half(0x89ab).half(0xcdef).low(), ofWord);
  assertEquals(hash.begin().word(0x89abcdef).low(), ofWord);
});

Deno.test("siphash: an IPv4 address is four bytes, any other sixteen", () => {
  const hash = new SipHash(new Arena(65536), K0);
  assertEquals(hash.begin().address(0, 0, 0xffff, 77).low(), hash.begin().word(77).low());
  for (const words of [[0, 0, 0, 77], [0, 1, 0xffff, 77], [1, 0, 0xffff, 77]] as const) {
    const [a, b, c, d] = words;
    assertEquals(
      hash.begin().address(a, b, c, d).low(),
      hash.begin().word(a).word(b).word(c).word(d).low(),
    );
  }
});

Deno.test("siphash: two hashes of one arena keep their own keys and messages", () => {
  const arena = new Arena(65536);
  const key = K0.slice();
  const a = new SipHash(arena, key);
  const b = new SipHash(arena, key.map((byte) => byte + 16));
  key.fill(0); // it was copied
  a.begin().word(1);
  b.begin().word(1);
  assertEquals(a.low(), new SipHash(arena, K0).begin().word(1).low());
  assertNotEquals(a.low(), b.low());
});
