/**
 * The loops of checksum, SipHash and copying, as a WASM module over the arena's
 * memory: two to seven times the best plain TypeScript, and in place.
 *
 * The source is kernels.wat; `deno task kernels` assembles it (wat2wasm of
 * Debian's package wabt) and writes the binary below. A test compares the two.
 */

/** kernels.wat, assembled. Not edited by hand. */
export const KERNELS_BASE64 =
  "AGFzbQEAAAABFANgAn9/AX9gBH9/f38AYAN/f38AAg8BA2VudgZtZW1vcnkCAAEDBAMAAQIHGAMDc3VtAAAHc2lw" +
  "SGFzaAABBGNvcHkAAgqFBgO8AgMBfwJ7AX4gACABQWBxaiECAkADQCAAIAJPDQEgAyAA/QAAAP1//a4BIQMgBCAA" +
  "/QAAEP1//a4BIQQgAEEgaiEADAALCyABQRBxBEAgAyAA/QAAAP1//a4BIQMgAEEQaiEACyABQQhxBEAgADUAACAA" +
  "NQAEfCEFIABBCGohAAsgAUEEcQRAIAUgADUAAHwhBSAAQQRqIQALIAFBAnEEQCAFIAAzAAB8IQUgAEECaiEACyAB" +
  "QQFxBEAgBSAAMQAAfCEFCyABQRBPBEAgA/3JASAD/coB/c4BIAT9yQEgBP3KAf3OAf3OASEDIAUgA/0dACAD/R0B" +
  "fHwhBQsgBUL//wODIAVCEIh8IQUgBUL//wODIAVCEIh8IQUgBUL//wODIAVCEIh8IQUgBachAiACQf8BcUEIdCAC" +
  "QQh2cgu3AwIGfgJ/IAApAAAhBCAAKQAIIQUgBELh5JXz1uzZvOwAhSEGIAVC88rRy6eM2bL0AIUhByAEQvXKzYPX" +
  "rNu38wCFIQQgBULt3pHzlszct+QAhSEFIAEgAkF4cWohCiACQQFxBEAgCiACQQZxajEAACEJCyACQQJxBEAgCUIQ" +
  "hiAKIAJBBHFqMwAAhCEJCyACQQRxBEAgCUIghiAKNQAAhCEJCyAJIAKtQjiGhCEJIAJBA3ZBA2ohCwNAIAtBAWsh" +
  "CyALQQNPBEAgASkAACEIIAFBCGohAQUgCSEIQgAhCSALQQFGBEAgBkL/AYUhBgsLIAcgCIUhByAEIAV8IQQgBiAH" +
  "fCEGIAVCDYkgBIUhBSAHQhCJIAaFIQcgBEIgiSEEIAYgBXwhBiAEIAd8IQQgBUIRiSAGhSEFIAdCFYkgBIUhByAG" +
  "QiCJIQYgBCAFfCEEIAYgB3whBiAFQg2JIASFIQUgB0IQiSAGhSEHIARCIIkhBCAGIAV8IQYgBCAHfCEEIAVCEYkg" +
  "BoUhBSAHQhWJIASFIQcgBkIgiSEGIAQgCIUhBCALDQALIAMgBCAFhSAGIAeFhTcAAAsMACAAIAEgAvwKAAAL";

/** The module's functions. Offsets and lengths are bytes of the memory it was made for. */
export interface Kernels {
  /**
   * Ones' complement sum of the big-endian 16-bit words of `length` bytes at
   * `offset`, folded to 0 … 65535; an odd last byte is its word's high half.
   * Any alignment; at most 1 MiB. RFC 1071 §1, §2.
   */
  sum(offset: number, length: number): number;
  /**
   * SipHash-2-4 of `length` bytes at `message` with the 16 key bytes at `key`;
   * writes the 8 bytes, little-endian, at `result`. Any alignment; `result`
   * may overlap the others.
   */
  sipHash(key: number, message: number, length: number, result: number): void;
  /** Copies `length` bytes at `from` to `to`; the runs may overlap. */
  copy(to: number, from: number, length: number): void;
}

const kernels = new WebAssembly.Module(Uint8Array.fromBase64(KERNELS_BASE64));

/** The kernels over `memory`, which stays the caller's. A run outside of it is a WebAssembly.RuntimeError. */
export function instantiateKernels(memory: WebAssembly.Memory): Kernels {
  const instance = new WebAssembly.Instance(kernels, { env: { memory } });
  return instance.exports as unknown as Kernels;
}
