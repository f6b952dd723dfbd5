/** NewReno: slow start and congestion avoidance, counted in bytes. RFC 5681 §3.1, RFC 3465 §2.3, RFC 6582. */

import { type CongestionControl, MAX_CWND } from "./congestion.ts";
import type { Connection } from "./connection.ts";

/** L: in slow start one acknowledgment, which may cover a super-segment, opens cwnd by at most this many MSS. RFC 9406 §4.2. */
const SLOW_START_LIMIT = 8;

/** The one instance: it has no state of its own. */
export const NEW_RENO: CongestionControl = {
  acknowledged(c: Connection, bytes: number): void {
    if (c.cwnd < c.ssthresh) {
      const limit = (c.inTimeoutRecovery ? 1 : SLOW_START_LIMIT) * c.mss;
      c.cwnd = Math.min(c.cwnd + Math.min(bytes, limit), MAX_CWND);
      return;
    }
    // One MSS for each cwnd of acknowledged bytes. RFC 5681 §3.1 (3), byte counted.
    c.cwndCredit += bytes;
    if (c.cwndCredit >= c.cwnd) {
      c.cwndCredit -= c.cwnd;
      c.cwnd = Math.min(c.cwnd + c.mss, MAX_CWND);
    }
  },

  reduced(c: Connection): number {
    return Math.max(((c.sndNxt - c.sndUna) | 0) >> 1, 2 * c.mss);
  },
};
