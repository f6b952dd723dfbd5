/**
 * The format of recordings: what went into the engine and the proxy, and what
 * came out, entry by entry, in the order in which it happened.
 *
 *     "tapster record\n", then the version in one byte
 *     entries: kind       1 byte; 0x80 is added where the call threw
 *              asked      4 bytes, how long that part is
 *              answered   4 bytes, how long that part is
 *              the two parts
 *
 * `asked` is what the program does: a frame it sends, a call it makes. `answered`
 * is what the machine says to it: a result, received bytes, the time. A replay
 * compares the first and gives back the second. Numbers are little-endian. The
 * first entry is the set-up, as JSON.
 */

import type { Gather } from "../wire/gather.ts";

/** What the first bytes of a recording are, its version apart. */
const MAGIC = new TextEncoder().encode("tapster record\n");
/** The version which this program writes and reads. */
export const VERSION = 1;
/** Bytes in front of the first entry. */
export const HEADER_LENGTH: number = MAGIC.length + 1;
/** Bytes of an entry in front of its two parts. */
export const ENTRY_HEADER = 9;
const THREW = 0x80;

/** The kinds of entries, and what is in their parts. */
export const Kind = {
  /** asked: the set-up as JSON. */
  Setup: 1,
  /** answered: time, then descriptor and readiness of each event. */
  Turn: 2,
  /** The program was asked to end: `Driver.drain`. */
  Drain: 3,
  /** The program was asked to end at once: `Driver.stop`. */
  Stop: 4,
  /** asked: reason and errno. The last entry of a run that ended. */
  Ending: 5,
  /** asked: the message. The last entry of a run that a bug ended. */
  Failure: 6,
  /** The limit was reached: the run went on, unrecorded. */
  Full: 7,
  /** asked: how many bytes; answered: the bytes. */
  Entropy: 8,
  /** asked: a descriptor. */
  Watch: 9,
  /** answered: length or errno; flags, segment size, the frame. */
  FrameIn: 10,
  /** asked: headers, offloads, length and digest of the payload; answered: whether it was taken. */
  FrameOut: 11,
  /** asked: whether by fast open, to where; answered: descriptor or errno. */
  Dial: 12,
  /** asked: descriptor, time, interval, probes. */
  SetKeepalive: 13,
  /** asked: descriptor; answered: errno. */
  DialResult: 14,
  /** asked: descriptor, length and digest of the bytes; answered: count or errno. */
  Send: 15,
  /** The same, from the pages of a queue. */
  SendGather: 16,
  /** asked: descriptor, room; answered: count or errno, the bytes. */
  Receive: 17,
  /** asked: descriptor; answered: 0 or errno. */
  ShutdownWrite: 18,
  /** asked: descriptor. */
  Close: 19,
  /** asked: descriptor. */
  Reset: 20,
  /** asked: descriptor, 1 and digest of the byte; answered: 1 or errno. */
  SendUrgent: 21,
  /** asked: descriptor; answered: 0 or 1. */
  AtMark: 22,
} as const;

/** See the constants of the same name. */
export type Kind = (typeof Kind)[keyof typeof Kind];

const LAST_KIND = Kind.AtMark;

/** Bit of a received frame's flags: `Frame.checksumTrusted`. */
export const CHECKSUM_TRUSTED = 1;

/** A file that cannot be replayed. The message says what is wrong with it, and where. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";
}

/** The first bytes of a recording. */
export function recordingHeader(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_LENGTH);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = VERSION;
  return bytes;
}

/** Writes entries one behind the other into memory that grows as needed. */
export class EntryWriter {
  /** Where the next byte goes; all before it is written. */
  length = 0;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #entryAt = 0;
  #answerAt = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What is written, from `start` on; valid until something else is. */
  written(start = 0): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(start, this.length);
  }

  /** Forgets all, to begin at 0 again. */
  clear(): void {
    this.length = 0;
  }

  /** Begins an entry: what follows is `asked`. */
  begin(kind: Kind): void {
    this.#need(ENTRY_HEADER);
    this.#entryAt = this.length;
    this.#bytes[this.length] = kind;
    this.length += ENTRY_HEADER;
  }

  /** What follows is `answered`. */
  answer(): void {
    this.#answerAt = this.length;
    this.#view.setUint32(this.#entryAt + 1, this.length - this.#entryAt - ENTRY_HEADER, true);
  }

  /** What follows is the message of what the call threw. */
  threw(): void {
    this.#bytes[this.#entryAt] |= THREW;
    this.answer();
  }

  /** Bytes of the entry that was begun last. */
  get entryLength(): number {
    return this.length - this.#entryAt;
  }

  /** Ends the entry; `answer` was called. */
  end(): void {
    this.#view.setUint32(this.#entryAt + 5, this.length - this.#answerAt, true);
  }

  /** Takes an entry back that is not ended. */
  cancel(): void {
    this.length = this.#entryAt;
  }

  u8(value: number): void {
    this.#need(1);
    this.#bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.#need(2);
    this.#view.setUint16(this.length, value, true);
    this.length += 2;
  }

  i32(value: number): void {
    this.#need(4);
    this.#view.setInt32(this.length, value, true);
    this.length += 4;
  }

  f64(value: number): void {
    this.#need(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.copy(bytes, 0, bytes.length);
  }

  /** Bytes `offset` … `offset + length` of `from`. */
  copy(from: Uint8Array, offset: number, length: number): void {
    this.#need(length);
    this.#bytes.set(from.subarray(offset, offset + length), this.length);
    this.length += length;
  }

  /** The first `length` bytes of the pieces, which lie in `arena`. */
  copyGather(arena: Uint8Array, pieces: Gather, length: number): void {
    for (let i = 0; length > 0; i++) {
      const count = Math.min(length, pieces.lengths[i]);
      this.copy(arena, pieces.offsets[i], count);
      length -= count;
    }
  }

  #need(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.length + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** One entry of a recording. Its parts are views of it. */
export interface Entry {
  readonly kind: Kind;
  /** Whether the call threw; `answered` is the message then. */
  readonly threw: boolean;
  readonly asked: Uint8Array<ArrayBuffer>;
  readonly answered: Uint8Array<ArrayBuffer>;
  /** Where in the file it begins, in bytes. */
  readonly at: number;
}

/** Reads entries one behind the other. One that is not there as a whole is the end. */
export class EntryReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  #at = HEADER_LENGTH;

  /** Throws RecordingError when `bytes` is not a recording, or one of another version. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    const isRecording = MAGIC.every((byte, i) => bytes[i] === byte);
    if (!isRecording || bytes.length < HEADER_LENGTH) {
      throw new RecordingError("it is no recording of Tapster: it does not begin like one");
    }
    const version = bytes[MAGIC.length];
    if (version !== VERSION) {
      throw new RecordingError(
        `it is a recording of format ${version}, and this Tapster reads format ${VERSION}: ` +
          "replay it with the one that wrote it",
      );
    }
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Where in the file the next entry begins, in bytes. */
  get at(): number {
    return this.#at;
  }

  /** Whether bytes are left of which no entry can be made: the file was cut off. */
  get isCut(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** The next entry; null: there is none, or not all of it. Throws RecordingError when it can be none. */
  next(): Entry | null {
    const at = this.#at;
    const askedAt = at + ENTRY_HEADER;
    if (askedAt > this.#bytes.length) return null;
    const first = this.#bytes[at];
    const kind = first & ~THREW;
    if (kind === 0 || kind > LAST_KIND) {
      throw new RecordingError(`it is damaged at byte ${at}: there is no entry of kind ${kind}`);
    }
    const answeredAt = askedAt + this.#view.getUint32(at + 1, true);
    const end = answeredAt + this.#view.getUint32(at + 5, true);
    if (end > this.#bytes.length) return null;
    this.#at = end;
    return {
      kind: kind as Kind,
      threw: (first & THREW) !== 0,
      asked: this.#bytes.subarray(askedAt, answeredAt),
      answered: this.#bytes.subarray(answeredAt, end),
      at,
    };
  }
}

/** Reads the numbers of one part of an entry in the order they were written. Behind its end there are zeros. */
export class PartReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not read yet. */
  get left(): number {
    return Math.max(0, this.#bytes.length - this.#at);
  }

  u8(): number {
    return this.#has(1) ? this.#view.getUint8(this.#at - 1) : 0;
  }

  u16(): number {
    return this.#has(2) ? this.#view.getUint16(this.#at - 2, true) : 0;
  }

  i32(): number {
    return this.#has(4) ? this.#view.getInt32(this.#at - 4, true) : 0;
  }

  f64(): number {
    return this.#has(8) ? this.#view.getFloat64(this.#at - 8, true) : 0;
  }

  /** The next `length` bytes, as many as there are. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  /** All that is left, as text. */
  text(): string {
    return new TextDecoder().decode(this.bytes(this.left));
  }

  #has(count: number): boolean {
    this.#at += count;
    return this.#at <= this.#bytes.length;
  }
}
