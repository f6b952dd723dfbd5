import { assertEquals, assertThrows } from "@std/assert";
import { instantiateKernels } from "../../lib/wire/kernels.ts";
import { randomWords } from "../support/random.ts";
import { slowSipHash } from "../support/slow_siphash.ts";

const memory = new WebAssembly.Memory({ initial: 3, maximum: 3 });
const bytes = new Uint8Array(memory.buffer);
const view = new DataView(memory.buffer);
const kernels = instantiateKernels(memory);

function fillRandomly(seed: number): void {
  const random = randomWords(seed);
  for (let i = 0; i < bytes.length; i++) bytes[i] = random() >>> 13;
}

/** RFC 1071 §4.1, one byte at a time. */
function slowSum(offset: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) {
    sum += i % 2 === 0 ? bytes[offset + i] << 8 : bytes[offset + i];
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

Deno.test("sum: is RFC 1071's at each alignment and length", () => {
  fillRandomly(1);
  for (let offset = 1000; offset < 1032; offset++) {
    for (let length = 0; length <= 200; length++) {
      assertEquals(kernels.sum(offset, length), slowSum(offset, length), `${offset}+${length}`);
    }
  }
});

Deno.test("sum: is RFC 1071's for long runs anywhere", () => {
  fillRandomly(2);
  const random = randomWords(3);
  for (let i = 0; i < 100; i++) {
    const length = random() % 65536;
    const offset = random() % (bytes.length - length);
    assertEquals(kernels.sum(offset, length), slowSum(offset, length), `${offset}+${length}`);
  }
});

Deno.test("sum: the example of RFC 1071 §3", () => {
  bytes.set([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], 5);
  assertEquals(kernels.sum(5, 8), 0xddf2);
});

Deno.test("sum: no carry is lost when all bits are set", () => {
  bytes.fill(0xff);
  assertEquals(kernels.sum(0, 0), 0);
  for (const length of [2, 16, 30, 32, 62, 65534, bytes.length]) {
    assertEquals(kernels.sum(0, length), 0xffff, `${length}`);
  }
  assertEquals(kernels.sum(0, 65535), 0xff00);
});

Deno.test("sum: only zero bytes sum to zero", () => {
  bytes.fill(0);
  assertEquals(kernels.sum(3, 65535), 0);
  bytes[40000] = 1;
  assertEquals(kernels.sum(4, 65535), 0x0100);
});

Deno.test("sum, sipHash: nothing outside of the run is read", () => {
  fillRandomly(4);
  const end = bytes.length;
  for (let length = 0; length <= 64; length++) {
    assertEquals(kernels.sum(end - length, length), slowSum(end - length, length));
    kernels.sipHash(0, end - length, length, 100);
  }
  assertThrows(() => kernels.sum(end - 1, 2), WebAssembly.RuntimeError);
});

Deno.test("sipHash: the test vector of its paper", () => {
  for (let i = 0; i < 16; i++) bytes[i] = bytes[64 + i] = i;
  kernels.sipHash(0, 64, 15, 200);
  assertEquals(view.getBigUint64(200, true), 0xa129ca6149be45e5n);
});

Deno.test("sipHash: the reference's 64 lengths, at each alignment", () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);
  const message = Uint8Array.from({ length: 64 }, (_, i) => i);
  for (let length = 0; length < 64; length++) {
    const expected = slowSipHash(key, message.subarray(0, length));
    for (let shift = 0; shift < 8; shift++) {
      fillRandomly(length + 1);
      bytes.set(key, 1000 + shift);
      bytes.set(message.subarray(0, length), 2000 + shift);
      kernels.sipHash(1000 + shift, 2000 + shift, length, 3000 + shift);
      assertEquals(view.getBigUint64(3000 + shift, true), expected, `${length}, +${shift}`);
    }
  }
});

Deno.test("sipHash: long messages and any key", () => {
  fillRandomly(5);
  const random = randomWords(6);
  for (let i = 0; i < 50; i++) {
    const key = random() % 1000;
    const message = 2000 + random() % 1000;
    const length = random() % 2000;
    const expected = slowSipHash(
      bytes.slice(key, key + 16),
      bytes.slice(message, message + length),
    );
    kernels.sipHash(key, message, length, 8001);
    assertEquals(view.getBigUint64(8001, true), expected, `${length}`);
  }
});

Deno.test("sipHash: writes 8 bytes and no more", () => {
  bytes.fill(0xaa, 500, 600);
  kernels.sipHash(0, 100, 20, 540);
  assertEquals([...bytes.subarray(532, 540), ...bytes.subarray(548, 556)], Array(16).fill(0xaa));
});

Deno.test("copy: each length at each alignment, and runs that overlap", () => {
  for (const [to, from] of [[2000, 1000], [1003, 1000], [1000, 1003], [70_001, 3]]) {
    for (const length of [0, 1, 2, 31, 32, 33, 1448, 4096]) {
      fillRandomly(4);
      const expected = bytes.slice();
      expected.set(expected.slice(from, from + length), to);
      kernels.copy(to, from, length);
      assertEquals(bytes.findIndex((byte, at) => byte !== expected[at]), -1, `${length}`);
    }
  }
});

Deno.test("copy: a run outside of the memory is refused", () => {
  assertThrows(() => kernels.copy(0, bytes.length - 1, 2), WebAssembly.RuntimeError);
  assertThrows(() => kernels.copy(bytes.length - 1, 0, 2), WebAssembly.RuntimeError);
});
