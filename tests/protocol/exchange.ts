/** Both ends send at the same time: a peer that keeps and acknowledges what it gets. */

import { assert } from "@std/assert";
import type { ScriptRun } from "../support/script_run.ts";

const SEGMENT = 1400;
const SEGMENTS_A_TURN = 16;
const MOST_TURNS = 20_000;

/**
 * Sends `length` bytes each way over the connection of `t`, where either end
 * stands at 1. `isLost` is asked for every segment. Fails when the product sends
 * SYN or RST, or when the streams do not arrive.
 */
export function exchange(t: ScriptRun, length: number, isLost: () => boolean): void {
  const { flow } = t;
  const beyond = new Map<number, number>();
  const timestamps = t.connection.tsOk ? " <ts>" : "";
  let acknowledged = 1;
  let received = 1;
  for (let turn = 0; acknowledged <= length || received <= length; turn++) {
    assert(turn < MOST_TURNS, `only ${received} and ${acknowledged} of ${length} bytes arrived`);
    t.calls.writeSome(flow, length + 1 - flow.writePosition);
    const segments: string[] = [];
    const edge = Math.min(flow.productEdge!, length + 1);
    for (let start = acknowledged; start < edge && segments.length < SEGMENTS_A_TURN;) {
      const end = Math.min(start + SEGMENT, edge);
      segments.push(`. ${start}:${end} ack ${received}${timestamps}`);
      start = end;
    }
    // Whoever misses something says so with pure ACKs.
    if (acknowledged > length || beyond.size > 0) {
      const acks = Math.max(1, Math.min(beyond.size, 3));
      segments.push(
        ...Array(acks).fill(`. ${acknowledged}:${acknowledged}(0) ack ${received}${timestamps}`),
      );
    }
    t.inject(...segments.filter(() => !isLost()));
    for (let packet = t.next(50); packet !== null; packet = t.next()) {
      assert(!/[SR]/.test(packet.flags), `the product sent ${packet.flags}`);
      if (isLost()) continue;
      acknowledged = Math.max(acknowledged, (packet.ack - flow.peerIsn) | 0);
      const start = (packet.seq - flow.productIsn!) | 0;
      beyond.set(start, Math.max(beyond.get(start) ?? 0, start + packet.payload.length));
      received = inOrder(beyond, received);
    }
    t.calls.read(flow, t.connection.readable().length, null);
  }
  assert(flow.readPosition === length + 1, `the application read ${flow.readPosition - 1} bytes`);
}

/** Moves `received` over the ranges which follow it, and forgets those. */
function inOrder(beyond: Map<number, number>, received: number): number {
  for (let moved = true; moved;) {
    moved = false;
    for (const [start, end] of beyond) {
      if (start > received) continue;
      moved ||= end > received;
      received = Math.max(received, end);
      beyond.delete(start);
    }
  }
  return received;
}
