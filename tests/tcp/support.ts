/** What the tests of TCP's data structures share: memory, patterned bytes, tuples. */

import { ByteQueue } from "../../lib/tcp/byte_queue.ts";
import type { CongestionControl, PathModel } from "../../lib/tcp/congestion.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import type { Tuple } from "../../lib/tcp/connection_table.ts";
import { NEW_RENO } from "../../lib/tcp/new_reno.ts";
import type { Scoreboard } from "../../lib/tcp/scoreboard.ts";
import type { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PAGE_SIZE, PagePool } from "../../lib/wire/pages.ts";
import { Segment } from "../../lib/wire/segment.ts";

/** Where streams begin: each is soon over the wrap of 2^32 or of 2^31, or on the edge of a page. */
export const STARTS: readonly number[] = [-1, -5000, -40_001, -PAGE_SIZE, 0x7fffffff - 9000, 0];

/** Bytes which one call of `Memory.scratch` may fill. */
export const SCRATCH_LENGTH = 1 << 18;

/** An arena with a pool of pages and room to copy from. */
export class Memory {
  readonly arena: Arena;
  readonly pool: PagePool;
  readonly #scratch: number;

  constructor(pages: number) {
    this.arena = new Arena((pages + 2) * PAGE_SIZE + SCRATCH_LENGTH);
    this.#scratch = this.arena.reserve(SCRATCH_LENGTH, 8);
    this.pool = new PagePool(this.arena, pages * PAGE_SIZE);
  }

  queue(): ByteQueue {
    return new ByteQueue(this.arena, this.pool);
  }

  /** Fills the scratch room with `byteAt(0)` …; returns its arena offset. */
  scratch(length: number, byteAt: (index: number) => number): number {
    for (let i = 0; i < length; i++) this.arena.bytes[this.#scratch + i] = byteAt(i);
    return this.#scratch;
  }

  /** Which byte of the pieces is the first that is not `byteAt(index)`; -1: none. */
  mismatch(gather: Gather, byteAt: (index: number) => number): number {
    let index = 0;
    for (let piece = 0; piece < gather.count; piece++) {
      for (let i = 0; i < gather.lengths[piece]; i++, index++) {
        if (this.arena.bytes[gather.offsets[piece] + i] !== byteAt(index)) return index;
      }
    }
    return -1;
  }

  /** Writes `byteAt(0)` … into the first `length` bytes of the pieces. */
  fill(gather: Gather, length: number, byteAt: (index: number) => number): void {
    let index = 0;
    for (let piece = 0; piece < gather.count; piece++) {
      for (let i = 0; i < gather.lengths[piece] && index < length; i++) {
        this.arena.bytes[gather.offsets[piece] + i] = byteAt(index++);
      }
    }
  }
}

/** A path model that keeps no model, but says what it was told, and paces as a test wants it. */
export class RecordingModel implements PathModel {
  /** Bytes that may leave now, and when more may. */
  pace = Infinity;
  nextAt = -Infinity;
  readonly #told: string[] = [];

  /** An algorithm that has it. */
  get congestion(): CongestionControl {
    return {
      ...NEW_RENO,
      modelOf: () => this,
      reduced: (c, flight) => {
        this.reduced();
        return NEW_RENO.reduced(c, flight);
      },
      acknowledged: () => this.#tell("grown"),
      restored: () => this.restored(),
    };
  }

  /** What it was told since this was asked last. */
  take(): string[] {
    return this.#told.splice(0);
  }

  allowance(): number {
    return this.pace;
  }

  sent(_: Connection, length: number): void {
    this.#tell(`sent ${length}`);
  }

  idle(): void {
    this.#tell("idle");
  }

  resumed(): void {
    this.#tell("resumed");
  }

  measured(_: Connection, { deliveredBytes }: Scoreboard): void {
    this.#tell(`measured ${deliveredBytes}`);
  }

  lossesFound(_: Connection, { newlyLostBytes }: Scoreboard): void {
    this.#tell(`lost ${newlyLostBytes}`);
  }

  acknowledged(_: Connection, { deliveredBytes }: Scoreboard): void {
    this.#tell(`acknowledged ${deliveredBytes}`);
  }

  reduced(): void {
    this.#tell("reduced");
  }

  recovered(): void {
    this.#tell("recovered");
  }

  restored(): void {
    this.#tell("restored");
  }

  #tell(what: string): void {
    this.#told.push(what);
  }
}

/** A byte which tells positions of a stream and copies of them apart. */
export function pattern(seq: number, copy = 0): number {
  return Math.imul(seq ^ Math.imul(copy, 0x01000193), 0x9e3779b1) >>> 24;
}

/** A 4-tuple of 10.0.0.`host`:`port` and 10.0.0.1:80, with any hash. */
export function tupleOf(host: number, port: number, hash: number): Tuple {
  return {
    local0: 0,
    local1: 0,
    local2: 0xffff,
    local3: 0x0a000001,
    remote0: 0,
    remote1: 0,
    remote2: 0xffff,
    remote3: 0x0a000000 | host,
    localPort: 80,
    remotePort: port,
    hash,
  };
}

/** A segment of a tuple. */
export function segmentOf(t: Tuple): Segment {
  const { hash: _, ...addresses } = t;
  return Object.assign(new Segment(), addresses);
}
