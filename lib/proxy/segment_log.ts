/**
 * SegmentLog: how connections begin and end, segment by segment, at level
 * debug: each segment with SYN, FIN or RST, and the third of the handshake.
 */

import type { Tracer } from "../tcp/tracer.ts";
import { Address, Endpoint } from "../wire/address.ts";
import { FIN, RST, type Segment, SYN } from "../wire/segment.ts";
import { formatSegment } from "../wire/segment_text.ts";
import type { RecordLog } from "./record_log.ts";

/** Clients whose third segment is awaited at most; a flood of SYNs must not fill memory. */
const AWAITED_LIMIT = 256;

/** Writes one line a segment: `<` arrived, `>` left, the client, then packetdrill's notation. */
export class SegmentLog implements Tracer {
  readonly #log: RecordLog;
  /** Clients that were sent a SYN-ACK and have not answered it. */
  readonly #awaited = new Set<string>();

  constructor(log: RecordLog) {
    this.#log = log;
  }

  received(seg: Segment): void {
    const isMark = (seg.flags & (SYN | FIN | RST)) !== 0;
    if (!isMark && this.#awaited.size === 0) return;
    const client = clientOf(seg);
    if (this.#awaited.delete(client) || isMark) this.#write("<", client, seg);
  }

  sent(seg: Segment): void {
    if ((seg.flags & (SYN | FIN | RST)) === 0) return;
    const client = clientOf(seg);
    if ((seg.flags & SYN) !== 0) this.#expectAnswer(client);
    this.#write(">", client, seg);
  }

  /** The one that has waited longest makes room. */
  #expectAnswer(client: string): void {
    this.#awaited.add(client);
    if (this.#awaited.size <= AWAITED_LIMIT) return;
    const [longest] = this.#awaited;
    this.#awaited.delete(longest);
  }

  #write(direction: string, client: string, seg: Segment): void {
    this.#log.write("segment", () => `${direction} ${client} ${formatSegment(seg)}`);
  }
}

function clientOf(seg: Segment): string {
  const address = new Address(seg.remote0, seg.remote1, seg.remote2, seg.remote3);
  return new Endpoint(address, seg.remotePort).toString();
}
