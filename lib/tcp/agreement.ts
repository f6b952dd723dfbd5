/**
 * What the two SYNs of a connection agree on, and how a connection begins with
 * it: the same for both ways of opening one. RFC 9293 §3.7.1, RFC 7323 §1.3,
 * RFC 2018 §2, RFC 6298 §5.7.
 */

import type { Segment } from "../wire/segment.ts";
import { initialWindowOf } from "./congestion.ts";
import { Connection } from "./connection.ts";
import { isIpv4, type Tuple } from "./connection_table.ts";
import type { Destination } from "./output.ts";
import { followPath } from "./path_mtu.ts";
import { beginSearch } from "./plpmtud.ts";
import { takeRttSample } from "./rtt.ts";
import type { Tcp } from "./tcp.ts";
import type { Tunables } from "./tunables.ts";
import { takeUserTimeout } from "./user_timeout.ts";

/** MSS where the SYN names none. RFC 9293 §3.7.1 (MUST-15). */
const DEFAULT_MSS_IPV4 = 536;
const DEFAULT_MSS_IPV6 = 1220;

/** Largest shift. RFC 7323 §2.3. */
export const MAX_SHIFT = 14;

/** Largest window of a SYN, which is not scaled. RFC 7323 §2.2. */
export const SYN_WINDOW_LIMIT = 65535;

/** What both SYNs said. */
export interface Agreement {
  /** The peer's MSS, after bounds. */
  readonly mss: number;
  /** The peer's shift; -1: no scaling, either way. */
  readonly windowScale: number;
  readonly sackOk: boolean;
  readonly ecnOk: boolean;
  readonly tsOk: boolean;
  readonly tsRecent: number;
  /** Of our own timestamps. */
  readonly tsOffset: number;
  /** The peer's user timeout option, seconds; 0: none. RFC 5482. */
  readonly userTimeout: number;
}

/** An agreement of a passive open: also who asked for it, and both initial numbers. */
export interface ConnectionRequest extends Agreement, Tuple, Destination {
  readonly iss: number;
  readonly irs: number;
}

/** What is known of the segments with our SYN. */
export interface SynHistory {
  /** How many were sent. */
  readonly sent: number;
  /** When the first was, int32 milliseconds, and its TSval. */
  readonly sentAt: number;
  readonly firstTsVal: number;
}

/** The MSS of a peer that has named none. RFC 9293 §3.7.1 (MUST-15). */
export function defaultMss(t: Omit<Tuple, "hash">): number {
  return isIpv4(t) ? DEFAULT_MSS_IPV4 : DEFAULT_MSS_IPV6;
}

/** The MSS to believe a SYN, at least `tcp_min_snd_mss`. RFC 9293 §3.7.1. */
export function mssOf(syn: Segment, tunables: Tunables): number {
  const named = syn.mss >= 0 ? syn.mss : defaultMss(syn);
  return Math.max(named, tunables.tcp_min_snd_mss);
}

/** The shift of a SYN, within its bounds; -1: it offers none, or we do not want it. RFC 7323 §2.3. */
export function scaleOf(syn: Segment, tunables: Tunables): number {
  return tunables.tcp_window_scaling !== 0 ? Math.min(syn.windowScale, MAX_SHIFT) : -1;
}

/** The smallest shift which lets the field say `window` bytes. RFC 7323 §2.3. */
export function shiftFor(window: number): number {
  let shift = 0;
  while (shift < MAX_SHIFT && (SYN_WINDOW_LIMIT << shift) < window) shift++;
  return shift;
}

/**
 * The field for `window` bytes, rounded up: scaling must not move the edge left
 * that a SYN-ACK promised. RFC 9293 §3.8.6 (SHLD-14).
 */
export function scaledUp(window: number, shift: number): number {
  return Math.min((window + (1 << shift) - 1) >> shift, SYN_WINDOW_LIMIT);
}

/**
 * The connection of a passive open, whatever remembered its SYN: an entry of the
 * SYN queue, a cookie, or a fast open. It stands in no table yet, and its peer
 * has named no window.
 */
export function openConnection(tcp: Tcp, request: ConnectionRequest, now: number): Connection {
  const c = new Connection(tcp, request, request.iss, request.irs);
  c.pathHigh = request.pathHigh;
  c.pathLow = request.pathLow;
  adopt(c, request, now);
  c.lastReceivedAt = now | 0;
  return c;
}

/** `c` is to follow the agreement; its RCV.NXT and the windows of the SYNs are known. */
export function adopt(c: Connection, agreement: Agreement, now: number): void {
  const tcp = c.tcp;
  c.sackOk = agreement.sackOk;
  c.ecnOk = agreement.ecnOk;
  c.tsOk = agreement.tsOk;
  c.tsRecent = agreement.tsRecent;
  c.tsRecentAt = now | 0;
  c.tsOffset = agreement.tsOffset;
  if (agreement.userTimeout !== 0) takeUserTimeout(c, agreement.userTimeout, now);
  c.peerMss = agreement.mss;
  followPath(c, now);
  beginSearch(c, now);
  if (agreement.windowScale >= 0) {
    c.sndShift = agreement.windowScale;
    c.rcvShift = tcp.receiveShift;
  }
  c.rcvEdge = (c.rcvNxt + tcp.synWindow) | 0;
  c.rcvLimit = tcp.receiveLimit;
  c.rcvRoundAt = now | 0;
  c.lastSentAt = now | 0;
  c.idleSince = now | 0;
  c.rcvRoundStart = c.rcvNxt;
  c.rtoMs = tcp.tunables.tcp_rto_init;
  c.cwnd = initialWindowOf(c);
}

/** `answer` acknowledges our SYN: round-trip time, timeout and cwnd begin with what that tells. */
export function measure(c: Connection, history: SynHistory, answer: Segment, now: number): void {
  const tunables = c.tcp.tunables;
  // Timestamps may prove that the first SYN came through, and others were sent in vain.
  const firstArrived = history.sent === 1 || (c.tsOk && answer.tsEcr === history.firstTsVal);
  // What was sent once gives the first round-trip sample; otherwise RFC 6298 §5.7.
  if (firstArrived) takeRttSample(c, ((now - history.sentAt) | 0) * 1000, tunables, now);
  else if (!c.tsOk) c.rtoMs = Math.max(c.rtoMs, 3000);
  // RFC 6928 §2: a SYN lost more than once says that the path is bad.
  if (history.sent > 2 && !firstArrived) c.cwnd = c.mss;
}
