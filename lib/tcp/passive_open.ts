/**
 * How a connection begins at the passive end, whatever remembered its SYN: an
 * entry of the SYN queue, a cookie, or a fast open. RFC 9293 §3.10.7.4 (fifth).
 */

import { initialWindow } from "./congestion.ts";
import { Connection } from "./connection.ts";
import type { Tuple } from "./connection_table.ts";
import { segmentArrives } from "./input.ts";
import type { Destination } from "./output.ts";
import type { Tcp } from "./tcp.ts";
import type { Segment } from "../wire/segment.ts";

/** MSS where the SYN names none. RFC 9293 §3.7.1 (MUST-15). */
const DEFAULT_MSS_IPV4 = 536;
const DEFAULT_MSS_IPV6 = 1220;

/** Bytes of the timestamps option in every segment. RFC 7323 App. A. */
const TIMESTAMPS_LENGTH = 12;

/** Largest shift. RFC 7323 §2.3. */
export const MAX_SHIFT = 14;

/** The window of a SYN-ACK is not scaled. RFC 7323 §2.2. */
export const SYN_WINDOW = 65535;

/** Our window scale: the smallest that covers the receive buffer's 4 MiB. RFC 7323 §2.3. */
export const RECEIVE_SHIFT = 7;

/** What both SYNs agreed on, and where the peer is. */
export interface Agreement extends Tuple, Destination {
  readonly iss: number;
  readonly irs: number;
  /** The peer's MSS, after bounds. */
  readonly mss: number;
  /** The peer's shift, 0 … 14; -1: neither end scales. */
  readonly windowScale: number;
  readonly sackOk: boolean;
  readonly tsOk: boolean;
  readonly tsRecent: number;
  readonly tsOffset: number;
}

/** Whether the remote address is an IPv4 one. */
export function isIpv4(t: Omit<Tuple, "hash">): boolean {
  return t.remote0 === 0 && t.remote1 === 0 && t.remote2 === 0xffff;
}

/** The MSS which a SYN names, or the one that counts when it names none. RFC 9293 §3.7.1. */
export function mssNamed(syn: Segment): number {
  if (syn.mss >= 0) return syn.mss;
  return isIpv4(syn) ? DEFAULT_MSS_IPV4 : DEFAULT_MSS_IPV6;
}

/** A connection of what was agreed. It stands in no table yet, and its peer has named no window. */
export function openConnection(tcp: Tcp, agreed: Agreement, now: number): Connection {
  const tunables = tcp.tunables;
  const c = new Connection(tcp, agreed, agreed.iss, agreed.irs);
  c.pathHigh = agreed.pathHigh;
  c.pathLow = agreed.pathLow;
  c.sackOk = agreed.sackOk;
  c.tsOk = agreed.tsOk;
  c.tsRecent = agreed.tsRecent;
  c.tsRecentAt = now | 0;
  c.tsOffset = agreed.tsOffset;
  const options = agreed.tsOk ? TIMESTAMPS_LENGTH : 0;
  c.mss = Math.min(agreed.mss, tcp.maxSegmentSize(agreed)) - options;
  if (agreed.windowScale >= 0) {
    c.sndShift = agreed.windowScale;
    c.rcvShift = RECEIVE_SHIFT;
  }
  c.rcvEdge = (c.rcvNxt + SYN_WINDOW) | 0;
  c.rtoMs = tunables.tcp_rto_init;
  c.cwnd = initialWindow(c.mss, tunables.tcp_initial_cwnd);
  c.lastReceivedAt = now | 0;
  return c;
}

/** The third ACK: → ESTABLISHED. The segment is processed further there. RFC 9293 §3.10.7.4, fifth. */
export function establish(c: Connection, seg: Segment, now: number): void {
  c.sndWnd = seg.wnd << c.sndShift;
  c.maxSndWnd = Math.max(c.maxSndWnd, c.sndWnd);
  c.sndWl1 = seg.seq;
  c.lastReceivedAt = now | 0;
  c.tcp.established(c);
  segmentArrives(c, seg, now);
}
