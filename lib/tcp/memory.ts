/**
 * Memory: what one connection may keep for sending, and what is done when all of
 * them together need too much. Linux: tcp(7), `tcp_mem`.
 */

import type { PagePool } from "../wire/pages.ts";
import type { Connection } from "./connection.ts";
import type { Tcp } from "./tcp.ts";
import { elapsedMs } from "./timers.ts";

/** Above this share of lent pages no buffer grows. */
const PRESSURE = 0.75;

/** Above this one nobody is let in; what arrives finds no page soon after. */
const EXHAUSTION = 0.97;

/** A connection that holds bytes and moved none for so long is stalled. Milliseconds. */
const STALLED_MS = 5000;

/** Whether pages are so short that no window moves further. */
export function isShort(pages: PagePool): boolean {
  return pages.lent > pages.limit * PRESSURE;
}

/** Whether so few pages are left that no more connections are let in. */
export function isExhausted(pages: PagePool): boolean {
  return pages.lent > pages.limit * EXHAUSTION;
}

/**
 * Pages are short: what lies beyond gaps is given up, it will be sent again; and
 * if that is not enough the connections which stalled longest are reset. SEC-15,
 * RFC 6429; Linux: tcp_prune_ofo_queue.
 */
export function relieve(tcp: Tcp, connections: readonly Connection[], now: number): void {
  const { counters, pages } = tcp;
  for (const c of connections) {
    if (!c.receiveQueue.hasGap) continue;
    c.receiveQueue.dropGaps();
    counters.OfoPruned++;
  }
  if (!isExhausted(pages)) return;
  const stalled = connections.filter((c) => stalledMs(c, now) >= STALLED_MS);
  stalled.sort((a, b) => stalledMs(b, now) - stalledMs(a, now));
  for (const c of stalled) {
    if (!isShort(pages)) return;
    counters.TCPAbortOnMemory++;
    c.abort();
  }
}

/** How long `c` has held bytes and moved none; 0: it holds none. */
function stalledMs(c: Connection, now: number): number {
  if (c.sendQueue.length === 0 && c.receiveQueue.length === 0) return 0;
  const unsentMs = elapsedMs(c.lastSentAt, now);
  // What a peer sends does not excuse that it takes nothing.
  if (c.sendQueue.length > 0 && c.sndWnd === 0) return unsentMs;
  return Math.min(unsentMs, elapsedMs(c.rcvRoundAt, now));
}

/**
 * Most bytes that `c` may keep for sending: the next flight beside the one under
 * way, from `tcp_wmem_default` to `tcp_wmem_max`; `tcp_wmem_min` when memory is
 * short. It does not fall with cwnd: what a loss leaves at the receiver is kept
 * too.
 */
export function sendLimit(c: Connection): number {
  const { tunables, isUnderPressure } = c.tcp;
  c.mostCwnd = Math.max(c.mostCwnd, c.cwnd);
  if (isUnderPressure) return tunables.tcp_wmem_min;
  return Math.min(Math.max(2 * c.mostCwnd, tunables.tcp_wmem_default), tunables.tcp_wmem_max);
}
