/**
 * The hash by which tables of hosts are searched. Strangers fill them: without
 * the key nobody can choose addresses that crowd one place.
 */

/** An int32 out of an address, four words, and a secret int32; its lowest bits are as good as any. */
export function hashAddress(
  word0: number,
  word1: number,
  word2: number,
  word3: number,
  key: number,
): number {
  let h = Math.imul(word3 ^ key, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ word2, 0x85ebca77);
  h = Math.imul(h ^ (h >>> 13) ^ word1, 0xc2b2ae3d);
  h = Math.imul(h ^ (h >>> 15) ^ word0, 0x27d4eb2f);
  return h ^ (h >>> 16);
}
