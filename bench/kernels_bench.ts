/** Checksum, SipHash and copying in WASM beside the same in TypeScript. */

import { Arena } from "../lib/wire/memory.ts";

const arena = new Arena(1 << 20);
for (let i = 0; i < arena.byteLength; i++) arena.bytes[i] = Math.imul(i, 0x9e3779b1) >>> 24;

/** RFC 1071 over 16-bit words of a DataView: the plain way. */
function plainSum(offset: number, length: number): number {
  let sum = 0;
  const end = offset + (length & ~1);
  for (; offset < end; offset += 2) sum += arena.view.getUint16(offset);
  if (length & 1) sum += arena.bytes[offset] << 8;
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  return sum;
}

for (const length of [20, 40, 1460, 65515]) {
  const group = `sum of ${length} bytes`;
  Deno.bench("WASM", { group, baseline: true }, () => {
    arena.sum(34, length);
  });
  Deno.bench("TypeScript", { group }, () => {
    plainSum(34, length);
  });
}

for (const length of [12, 36]) {
  Deno.bench(`sipHash of ${length} bytes`, () => {
    arena.sipHash(0, 64, length, 128);
  });
}

for (const length of [64, 1448, 4096]) {
  const group = `copy of ${length} bytes`;
  Deno.bench("WASM", { group, baseline: true }, () => {
    arena.copy(1 << 19, 76, length);
  });
  Deno.bench("copyWithin", { group }, () => {
    arena.bytes.copyWithin(1 << 19, 76, 76 + length);
  });
}
