import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { hashAddress, hashRound } from "../../lib/wire/hash.ts";
import { randomWords } from "../support/random.ts";

/** How often each bit of the outcome flips, 0 … 1, where `flipH` and `flipWord` flip bits of random inputs. */
function flipRates(rounds: number, flipH: number, flipWord: number): number[] {
  const random = randomWords(7);
  const samples = 2000;
  const flips = new Uint32Array(32);
  for (let i = 0; i < samples; i++) {
    const h = random();
    const word = random();
    let one = hashRound(h, word);
    let other = hashRound(h ^ flipH, word ^ flipWord);
    for (let round = 1; round < rounds; round++) {
      one = hashRound(one, 5);
      other = hashRound(other, 5);
    }
    for (let bit = 0; bit < 32; bit++) flips[bit] += ((one ^ other) >>> bit) & 1;
  }
  return Array.from(flips, (count) => count / samples);
}

Deno.test("hash: each input bit flips about half of the bits after two rounds, and each of them half of the time after three", () => {
  for (let bit = 0; bit < 32; bit++) {
    for (const [flipH, flipWord] of [[1 << bit, 0], [0, 1 << bit]]) {
      const flipped = flipRates(2, flipH, flipWord).reduce((sum, rate) => sum + rate);
      assert(Math.abs(flipped - 16) < 2, `${bit}: ${flipped}`);
      const rates = flipRates(3, flipH, flipWord);
      assert(rates.every((rate) => Math.abs(rate - 0.5) < 0.07), `${bit}: ${rates}`);
    }
  }
});

Deno.test("hash: a round multiplies, and folds the upper half of the product onto the lower", () => {
  assertEquals(hashRound(3, 2), 0x85eb4f9c | 0);
  assertEquals(hashRound(0x10000, 0), 0xca77ca77 | 0);
});

Deno.test("hash: words of one round have hashes of their own, whichever half tells them apart", () => {
  for (const shift of [0, 16]) {
    const hashes = new Set<number>();
    for (let i = 0; i < 65536; i++) hashes.add(hashRound(5, i << shift));
    assertEquals(hashes.size, 65536);
  }
});

Deno.test("address hash: each word and the key have a part in it", () => {
  const address = [1, 2, 3, 4, 5] as const;
  const hash = hashAddress(...address);
  assertEquals([hashAddress(...address), hash | 0], [hash, hash]);
  for (let i = 0; i < address.length; i++) {
    const [word0, word1, word2, word3, key] = address.map((n, index) => n ^ Number(index === i));
    assertNotEquals(hashAddress(word0, word1, word2, word3, key), hash, `${i}`);
  }
});

Deno.test("address hash: 4096 neighbours crowd none of 256 places, whichever word tells them apart", () => {
  for (const key of [0, 1, -1, 0x12345678]) {
    for (let word = 0; word < 4; word++) {
      const places = new Uint16Array(256);
      for (let i = 0; i < 4096; i++) {
        const [a, b, c, d] = [0, 1, 2, 3].map((index) => (index === word ? i : 0));
        places[hashAddress(a, b, c, d, key) & 255]++;
      }
      assert(Math.max(...places) < 48, `${Math.max(...places)}`);
    }
  }
});
