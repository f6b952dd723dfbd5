/** Frames on their way over a link, first in, first out, in one ring of bytes. */

/** The largest super-segment, and what the kernel puts before it. */
const FRAME_CAPACITY = 65_536 + 64;
const RING_BYTES = 64 << 20;
const MOST_FRAMES = 1 << 16;

/** Frames, each with the time it arrives at, which is never before the last one's. */
export class FrameQueue {
  /** Behind the ring is room for one frame that is not kept. */
  readonly #bytes = new Uint8Array(RING_BYTES + FRAME_CAPACITY);
  readonly #offsets = new Uint32Array(MOST_FRAMES);
  readonly #lengths = new Uint32Array(MOST_FRAMES);
  readonly #arrivals = new Float64Array(MOST_FRAMES);
  #head = 0;
  #tail = 0;
  /** Where the next frame goes. */
  #next = 0;

  /** When the first frame arrives; Infinity: there is none. */
  get firstArrival(): number {
    return this.#head === this.#tail ? Infinity : this.#arrivals[this.#head % MOST_FRAMES];
  }

  /** Where a frame may be read to before it is pushed, or forgotten. */
  room(): Uint8Array<ArrayBuffer> {
    this.#next = this.#findRoom();
    return this.#bytes.subarray(this.#next, this.#next + FRAME_CAPACITY);
  }

  /** The first `length` bytes of the room are a frame. Returns false when it could not be kept. */
  push(length: number, arrival: number): boolean {
    if (this.#next === RING_BYTES) return false;
    const index = this.#tail++ % MOST_FRAMES;
    this.#offsets[index] = this.#next;
    this.#lengths[index] = length;
    this.#arrivals[index] = arrival;
    this.#next += length;
    return true;
  }

  /** Removes the first frame, of which there must be one; borrowed until the next call. */
  shift(): Uint8Array<ArrayBuffer> {
    const index = this.#head++ % MOST_FRAMES;
    const offset = this.#offsets[index];
    return this.#bytes.subarray(offset, offset + this.#lengths[index]);
  }

  /** Behind the last frame, or at the start of the ring again; `RING_BYTES`: there is none. */
  #findRoom(): number {
    const last = (this.#tail - 1) % MOST_FRAMES;
    const count = this.#tail - this.#head;
    if (count === 0) return 0;
    if (count === MOST_FRAMES) return RING_BYTES;
    const first = this.#offsets[this.#head % MOST_FRAMES];
    const behind = this.#offsets[last] + this.#lengths[last];
    if (this.#offsets[last] < first) return first - behind >= FRAME_CAPACITY ? behind : RING_BYTES;
    if (RING_BYTES - behind >= FRAME_CAPACITY) return behind;
    return first >= FRAME_CAPACITY ? 0 : RING_BYTES;
  }
}
