/**
 * The arena: one fixed-size WASM memory which holds every frame and every page
 * of buffer. FFI reads into it and writes from it by address; checksum and
 * SipHash work in it in place. It is never grown, so its views stay valid.
 */

import { instantiateKernels } from "./kernels.ts";

const WASM_PAGE = 65536;

/** The room all frames and pages are taken from. */
export class Arena {
  /** Bytes in all; a multiple of 65536. */
  readonly byteLength: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly #kernels: ReturnType<typeof instantiateKernels>;
  #reserved = 0;

  /** Address space for `byteLength` bytes, rounded up to 64 KiB, at most 2 GiB; the system commits what is touched. */
  constructor(byteLength: number) {
    const wasmPages = Math.ceil(byteLength / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages });
    this.byteLength = wasmPages * WASM_PAGE;
    this.bytes = new Uint8Array(memory.buffer as ArrayBuffer);
    this.view = new DataView(memory.buffer as ArrayBuffer);
    this.#kernels = instantiateKernels(memory);
  }

  /** Bytes given out so far. */
  get reserved(): number {
    return this.#reserved;
  }

  /**
   * Takes `length` bytes, aligned to `alignment` (a power of two), for the life
   * of the arena. Returns their offset. Throws RangeError when it is used up.
   */
  reserve(length: number, alignment: number): number {
    const offset = (this.#reserved + alignment - 1) & -alignment;
    if (offset + length > this.byteLength) {
      throw new RangeError(`Arena of ${this.byteLength} bytes has no room for ${length} more`);
    }
    this.#reserved = offset + length;
    return offset;
  }

  /**
   * Ones' complement sum of the big-endian 16-bit words of `length` bytes at
   * `offset`, folded to 16 bits; an odd last byte counts as its word's high
   * half. RFC 1071 §2.
   */
  sum(offset: number, length: number): number {
    return this.#kernels.sum(offset, length);
  }

  /**
   * SipHash-2-4 of `length` bytes at `message` with the 16 key bytes at `key`;
   * writes the 8 bytes, little-endian, at `result`. All three are offsets.
   */
  sipHash(key: number, message: number, length: number, result: number): void {
    this.#kernels.sipHash(key, message, length, result);
  }

  /** Copies `length` bytes at offset `from` to offset `to`; the runs may overlap. Half as long as `copyWithin`. */
  copy(to: number, from: number, length: number): void {
    this.#kernels.copy(to, from, length);
  }
}
