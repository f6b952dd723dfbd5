/** Trace: a world's story, one line for each thing that happened. */

import type { Segment } from "../../lib/wire/segment.ts";
import { formatSegment } from "../../lib/wire/segment_text.ts";
import { ReceivedSegment, type WireFrame } from "./packet.ts";

/** Writes lines; knows the first sequence numbers of each connection, to count from them. */
export class Trace {
  readonly #write: (line: string) => void;
  readonly #received = new ReceivedSegment();
  /** First sequence numbers by the client's port: its own, and the stack's. */
  readonly #first = new Map<number, { client: number; stack: number }>();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** One line. `now` is in milliseconds since the world began. */
  note(what: string, now: number): void {
    this.#write(`${(now / 1000).toFixed(6).padStart(12)}  ${what}`);
  }

  /** What became of a frame, and what is in it. */
  frame(fate: string, isUp: boolean, frame: WireFrame, now: number): void {
    const fault = this.#received.read(frame.bytes);
    const way = `${isUp ? "→" : "←"} ${fate}`.padEnd(12);
    const text = fault === "" ? this.#text(this.#received.seg, isUp) : `(${fault})`;
    this.note(`${way} ${text} [${frame.bytes.length}]`, now);
  }

  /** The segment in packetdrill's notation, counted from the first numbers of both sides. */
  #text(seg: Segment, isUp: boolean): string {
    // Read as the receiver does: what goes up has the client at its remote end.
    const port = isUp ? seg.remotePort : seg.localPort;
    const first = this.#first.get(port) ?? { client: 0, stack: 0 };
    if (seg.hasSyn && isUp) first.client = seg.seq;
    if (seg.hasSyn && !isUp) first.stack = seg.seq;
    this.#first.set(port, first);
    const other = isUp ? first.stack : first.client;
    seg.seq -= isUp ? first.client : first.stack;
    seg.ack -= other;
    for (let i = 0; i < seg.sackCount; i++) {
      seg.sackStart[i] -= other;
      seg.sackEnd[i] -= other;
    }
    return `${port} ${formatSegment(seg)}`;
  }
}
