/**
 * Memory: what one connection may keep for sending, and what is done when all of
 * them together need too much. Linux: tcp(7), `tcp_mem`.
 */

import type { PagePool } from "../wire/pages.ts";
import type { Connection } from "./connection.ts";

/** Above this share of lent pages no buffer grows. */
const PRESSURE = 0.75;

/** Whether pages are so short that no window moves further. */
export function isShort(pages: PagePool): boolean {
  return pages.lent > pages.limit * PRESSURE;
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
