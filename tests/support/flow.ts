/**
 * Flow: one 4-tuple as a script sees it: where its relative numbers count
 * from, and which bytes stand where in both streams.
 */

import type { Connection } from "../../lib/tcp/connection.ts";

/** Where a flow's ends are. */
export interface FlowEnds {
  readonly peerMac: string;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** One 4-tuple and what was seen of it. */
export class Flow {
  /** As the script calls it; "" for the one it need not name. */
  readonly name: string;
  readonly ends: FlowEnds;
  /** C: what the peer's relative numbers count from. */
  peerIsn: number;
  /** X: what the product's relative numbers count from; null until its SYN was seen. */
  productIsn: number | null = null;
  /** The product's first TSval, from which its others count; null until seen. */
  timestampBase: number | null = null;
  /** The product's latest TSval, for `ecr *`. */
  lastTsVal = 0;
  /** The window the peer last named, for segments that name none. */
  peerWindow = 65535;
  /** What the peer's window fields are shifted by, and the product's; -1: no such option on its SYN. */
  peerShift = -1;
  productShift = -1;
  /** The greatest relative ACK + window either end announced; null before the first. */
  peerEdge: number | null = null;
  productEdge: number | null = null;
  /** Relative number behind the peer's FIN; null before it. */
  peerEnd: number | null = null;
  /** The MSS the product announced. */
  productMss = 536;

  connection: Connection | null = null;
  /** Signals raised since the script last asked. */
  signals = 0;
  /** Relative number of the next byte the application reads, and writes. */
  readPosition = 1;
  writePosition = 1;
  /** Bytes the application wants to write when there is room, and what it does then. */
  unwritten = 0;
  verbAfterWriting: "shutdown" | "close" | "release" | null = null;
  /** Bytes the application wrote literally, by relative number; the others follow the pattern. */
  readonly #literals = new Map<number, number>();

  constructor(name: string, ends: FlowEnds, peerIsn: number) {
    this.name = name;
    this.ends = ends;
    this.peerIsn = peerIsn;
  }

  /** Begins another incarnation: X is learned again, both streams start at 1. */
  renew(peerIsn: number): void {
    this.peerIsn = peerIsn;
    this.productIsn = null;
    this.peerShift = this.productShift = -1;
    this.peerEdge = this.productEdge = this.peerEnd = null;
    this.connection = null;
    this.signals = 0;
    this.readPosition = this.writePosition = 1;
    this.unwritten = 0;
    this.verbAfterWriting = null;
    this.#literals.clear();
  }

  /** Notes that the application wrote `bytes` and moves `writePosition`. */
  wrote(bytes: Uint8Array): void {
    for (const byte of bytes) this.#literals.set(this.writePosition++, byte);
  }

  /** The byte of the product's stream at a relative number. */
  productByte(position: number): number {
    return this.#literals.get(position) ?? productPattern(position);
  }
}

/** The byte a peer sends at a relative number when the script does not say. */
export function peerPattern(position: number): number {
  return (position * 31 + (position >>> 8) * 17) & 255;
}

/** The byte an application writes at a relative number when the script does not say. */
export function productPattern(position: number): number {
  return peerPattern(position) ^ 0x5a;
}
