/**
 * The checksum and SipHash loops, as a WASM module over the arena's memory:
 * five to seven times the best plain TypeScript, and in place.
 *
 * The source is kernels.wat; `deno task kernels` assembles it (wat2wasm of
 * Debian's package wabt) and writes the binary below. A test compares the two.
 */

/** kernels.wat, assembled. Not edited by hand. */
export const KERNELS_BASE64 =
  "AGFzbQEAAAABDgJgAn9/AX9gBH9/f38AAg8BA2VudgZtZW1vcnkCAAEDAwIAAQcRAgNzdW0AAAdzaXBIYXNoAAEK" +
  "+AUCvAIDAX8CewF+IAAgAUFgcWohAgJAA0AgACACTw0BIAMgAP0AAAD9f/2uASEDIAQgAP0AABD9f/2uASEEIABB" +
  "IGohAAwACwsgAUEQcQRAIAMgAP0AAAD9f/2uASEDIABBEGohAAsgAUEIcQRAIAA1AAAgADUABHwhBSAAQQhqIQAL" +
  "IAFBBHEEQCAFIAA1AAB8IQUgAEEEaiEACyABQQJxBEAgBSAAMwAAfCEFIABBAmohAAsgAUEBcQRAIAUgADEAAHwh" +
  "BQsgAUEQTwRAIAP9yQEgA/3KAf3OASAE/ckBIAT9ygH9zgH9zgEhAyAFIAP9HQAgA/0dAXx8IQULIAVC//8DgyAF" +
  "QhCIfCEFIAVC//8DgyAFQhCIfCEFIAVC//8DgyAFQhCIfCEFIAWnIQIgAkH/AXFBCHQgAkEIdnILtwMCBn4CfyAA" +
  "KQAAIQQgACkACCEFIARC4eSV89bs2bzsAIUhBiAFQvPK0cunjNmy9ACFIQcgBEL1ys2D16zbt/MAhSEEIAVC7d6R" +
  "85bM3LfkAIUhBSABIAJBeHFqIQogAkEBcQRAIAogAkEGcWoxAAAhCQsgAkECcQRAIAlCEIYgCiACQQRxajMAAIQh" +
  "CQsgAkEEcQRAIAlCIIYgCjUAAIQhCQsgCSACrUI4hoQhCSACQQN2QQNqIQsDQCALQQFrIQsgC0EDTwRAIAEpAAAh" +
  "CCABQQhqIQEFIAkhCEIAIQkgC0EBRgRAIAZC/wGFIQYLCyAHIAiFIQcgBCAFfCEEIAYgB3whBiAFQg2JIASFIQUg" +
  "B0IQiSAGhSEHIARCIIkhBCAGIAV8IQYgBCAHfCEEIAVCEYkgBoUhBSAHQhWJIASFIQcgBkIgiSEGIAQgBXwhBCAG" +
  "IAd8IQYgBUINiSAEhSEFIAdCEIkgBoUhByAEQiCJIQQgBiAFfCEGIAQgB3whBCAFQhGJIAaFIQUgB0IViSAEhSEH" +
  "IAZCIIkhBiAEIAiFIQQgCw0ACyADIAQgBYUgBiAHhYU3AAAL";

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
}

const kernels = new WebAssembly.Module(Uint8Array.fromBase64(KERNELS_BASE64));

/** The kernels over `memory`, which stays the caller's. A run outside of it is a WebAssembly.RuntimeError. */
export function instantiateKernels(memory: WebAssembly.Memory): Kernels {
  const instance = new WebAssembly.Instance(kernels, { env: { memory } });
  return instance.exports as unknown as Kernels;
}
