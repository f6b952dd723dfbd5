import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { IsnGenerator } from "../../lib/tcp/isn.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { tupleOf } from "./support.ts";

const K0 = Uint8Array.from({ length: 16 }, (_, i) => i);
const K1 = K0.map((byte) => byte + 16);

const A = { address: 0xac103002 | 0, port: 32782 }; // 172.16.48.2
const B = { address: 0xac103001 | 0, port: 5002 }; // 172.16.48.1

function generator(): IsnGenerator {
  return new IsnGenerator(new Arena(65536), K0, K1);
}

function tuple(local: typeof A, remote: typeof A) {
  return {
    ...tupleOf(0, remote.port, 0),
    local3: local.address,
    localPort: local.port,
    remote3: remote.address,
  };
}

Deno.test("GV-04: ISNs of the seed's hosts with key K0", () => {
  const isn = generator();
  assertEquals(isn.next(tuple(A, B), 0), 0x274bfb08);
  assertEquals(isn.next(tuple(A, B), 1000), 0x274fcb98);
  assertEquals(isn.next(tuple(B, A), 0), 0x13f38f27);
});

Deno.test("ISN-02: the clock adds one every 4 µs and wraps after 17179.869184 s", () => {
  const isn = generator();
  const at = (now: number) => isn.next(tuple(A, B), now);
  assertEquals([at(0.0039), at(0.004), at(0.0081)].map((isn) => isn - at(0)), [0, 1, 2]);
  assertEquals(at(17_179_869.184), at(0));
  assertEquals((at(17_179_869.184 + 1000) - at(0)) | 0, 250_000);
  for (const now of [0, 8_589_934.592, 3e9, 3e11]) {
    assertEquals((at(now + 1000) - at(now)) | 0, 250_000);
    assertEquals(at(now), at(now) | 0);
  }
});

Deno.test("ISN-03: tuples of one instant have unrelated numbers", () => {
  const isn = generator();
  const numbers = Array.from(
    { length: 10_000 },
    (_, i) => isn.next(tupleOf(i >> 8, i & 255, 0), 5),
  );
  assert(new Set(numbers).size >= 9998); // by chance 0.01 collisions
  for (let bit = 0; bit < 32; bit++) {
    const ones = numbers.filter((number) => (number >>> bit & 1) === 1).length;
    assert(ones > 4750 && ones < 5250, `bit ${bit} is set ${ones} times`); // 5 sigma
  }
  const differences = numbers.slice(1, 100).map((number, i) => (number - numbers[i]) | 0);
  assertEquals(new Set(differences).size, 99);
});

Deno.test("isn: RFC 7323 §5.4, the timestamp offset is one for all ports of two hosts", () => {
  const isn = generator();
  const offset = isn.timestampOffset(tupleOf(2, 40_000, 0));
  assertEquals(isn.timestampOffset({ ...tupleOf(2, 40_001, 0), localPort: 443 }), offset);
  assertNotEquals(isn.timestampOffset(tupleOf(3, 40_000, 0)), offset);
  const other = new IsnGenerator(new Arena(65536), K0, K0);
  assertNotEquals(other.timestampOffset(tupleOf(2, 40_000, 0)), offset);
});

Deno.test("isn: IPv6 addresses are hashed whole", () => {
  const isn = generator();
  const v6 = {
    ...tupleOf(2, 40_000, 0),
    local0: 0xfd000000 | 0,
    local2: 0,
    remote0: 0xfd000000 | 0,
    remote2: 0,
  };
  const number = isn.next(v6, 0);
  for (const field of ["local0", "local1", "local2", "remote0", "remote1", "remote2"] as const) {
    assertNotEquals(isn.next({ ...v6, [field]: v6[field] + 1 }, 0), number, field);
  }
});
