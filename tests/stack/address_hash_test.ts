import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { hashAddress } from "../../lib/stack/address_hash.ts";

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
