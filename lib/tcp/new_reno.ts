/** NewReno: congestion avoidance by one MSS a round trip, counted in bytes. RFC 5681 §3.1, RFC 6582. */

import { type CongestionControl, MAX_CWND } from "./congestion.ts";
import type { Connection } from "./connection.ts";
import { slowStart } from "./slow_start.ts";

/** The one instance. */
export const NEW_RENO: CongestionControl = {
  name: "reno",

  modelOf(): null {
    return null;
  },

  acknowledged(c: Connection, bytes: number, rttUs: number): void {
    if (c.cwnd < c.ssthresh) return slowStart(c, bytes, rttUs);
    // One MSS for each cwnd of acknowledged bytes. RFC 5681 §3.1 (3), byte counted.
    c.cwndCredit += bytes;
    if (c.cwndCredit >= c.cwnd) {
      c.cwndCredit -= c.cwnd;
      c.cwnd = Math.min(c.cwnd + c.mss, MAX_CWND);
    }
  },

  reduced(c: Connection, flight: number): number {
    c.cwndCredit = 0;
    return Math.max(flight >> 1, 2 * c.mss);
  },

  restored(): void {},

  resumed(): void {},
};
