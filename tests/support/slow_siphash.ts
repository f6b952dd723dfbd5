/** SipHash a second time, written apart from `lib/wire`, so that each finds the other's mistakes. */

/** SipHash-2-4 as its paper writes it. */
export function slowSipHash(key: Uint8Array, message: Uint8Array): bigint {
  const word = (from: Uint8Array, offset: number) => {
    let value = 0n;
    for (let i = 7; i >= 0; i--) value = value << 8n | BigInt(from[offset + i] ?? 0);
    return value;
  };
  const add = (a: bigint, b: bigint) => BigInt.asUintN(64, a + b);
  const rotate = (a: bigint, by: bigint) => BigInt.asUintN(64, a << by | a >> (64n - by));
  let v0 = word(key, 0) ^ 0x736f6d6570736575n;
  let v1 = word(key, 8) ^ 0x646f72616e646f6dn;
  let v2 = word(key, 0) ^ 0x6c7967656e657261n;
  let v3 = word(key, 8) ^ 0x7465646279746573n;
  const round = () => {
    v0 = add(v0, v1);
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = add(v2, v3);
    v3 = rotate(v3, 16n) ^ v2;
    v0 = add(v0, v3);
    v3 = rotate(v3, 21n) ^ v0;
    v2 = add(v2, v1);
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const full = message.length & ~7;
  for (let offset = 0; offset <= full; offset += 8) {
    const top = offset === full ? BigInt(message.length & 0xff) << 56n : 0n;
    const m = word(message, offset) | top;
    v3 ^= m;
    round();
    round();
    v0 ^= m;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}
