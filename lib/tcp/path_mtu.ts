/**
 * The path's MTU: how large the segments of a connection may be, and what is
 * done when a router says that one was too large. RFC 1191, RFC 8201, RFC 5927
 * §7; who may say so was checked before (ICMP-03).
 */

import type { Connection } from "./connection.ts";
import { isIpv4, type Tuple } from "./connection_table.ts";
import { PathSource } from "./path_mtus.ts";
import { NO_SLOT } from "./peer_slots.ts";
import type { MtuSearch } from "./plpmtud.ts";
import type { Tcp } from "./tcp.ts";

/** IP and TCP headers without options. RFC 9293 §3.7.1. */
const HEADERS_IPV4 = 40;
const HEADERS_IPV6 = 60;

/** Bytes of the timestamps option in every segment. RFC 7323 App. A. */
const TIMESTAMPS_LENGTH = 12;

/** MTUs which links have, for routers that do not tell theirs. RFC 1191 §7. */
const PLATEAUS = [65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68] as const;

/** Every IPv6 link carries so much: who claims less is not believed. RFC 8201 §4. */
const LEAST_IPV6_MTU = 1280;

/** Bytes of the headers, without options, of a packet to the remote end of `t`. */
export function headersLength(t: Omit<Tuple, "hash">): number {
  return isIpv4(t) ? HEADERS_IPV4 : HEADERS_IPV6;
}

/** The largest segment without options that fits a packet of `mtu` bytes to the remote end of `t`. */
export function segmentSizeIn(mtu: number, t: Omit<Tuple, "hash">): number {
  return mtu - headersLength(t);
}

/** The largest segment without options that the link carries to the remote end of `t` and, by what routers told, the path. */
export function pathSegmentSize(tcp: Tcp, t: Omit<Tuple, "hash">, now: number): number {
  const slot = tcp.pathMtus.findTold(t, now);
  const most = tcp.maxSegmentSize(t);
  return slot === NO_SLOT ? most : Math.min(most, segmentSizeIn(tcp.pathMtus.mtu(slot), t));
}

/** The largest segment that is sure to fit, or nearly: what a router is believed at least. RFC 8899 §5.1.2 (MIN_PLPMTU). */
export function leastSegmentSize(c: Connection): number {
  return segmentSizeIn(isIpv4(c) ? c.tcp.tunables.min_pmtu : LEAST_IPV6_MTU, c);
}

/** Bytes of options in each segment of `c`. */
export function optionsLength(c: Connection): number {
  return c.tsOk ? TIMESTAMPS_LENGTH : 0;
}

/** `c` sends segments as large as its path and its peer take, by what is known now. RFC 9293 §3.7.1 (MUST-16). */
export function followPath(c: Connection, now: number): void {
  const { pathMtus, tunables } = c.tcp;
  c.pathNews = pathMtus.news;
  // What probes found is where a search begins, and no limit to it.
  const slot = pathMtus.findTold(c, now);
  let most = Math.min(c.peerMss, pathSegmentSize(c.tcp, c, now));
  c.isPathNarrow = slot !== NO_SLOT;
  c.mayFragment = tunables.ip_no_pmtu_disc !== 0;
  if (c.isPathNarrow) {
    c.pathExpiresAt = pathMtus.expiresAt(slot);
    c.mayFragment ||= pathMtus.source(slot) === PathSource.NarrowRouter;
  }
  if (c.mtuSearch !== null) most = searched(c, c.mtuSearch, most);
  c.mss = most - optionsLength(c);
  // Both are bytes: what was enough for small segments must be for large ones. RFC 5681 §3.1.
  c.cwnd = Math.max(c.cwnd, c.mss);
  c.ssthresh = Math.max(c.ssthresh, 2 * c.mss);
}

/**
 * `c` is about to send: its path may be narrower than it knows, for routers tell
 * one connection at a time. What is in flight stays there until it is known to be
 * dropped. RFC 1191 §6.2, RFC 8201 §5.2.
 */
export function hearOfPath(c: Connection, now: number): void {
  const { pathMtus } = c.tcp;
  if (c.pathNews === pathMtus.news) return;
  c.pathNews = pathMtus.news;
  // News of another path may have pushed out what was told of this one: that is no reason to grow.
  if (pathMtus.findTold(c, now) !== NO_SLOT) followPath(c, now);
}

/** What is known to arrive, of the `most` that is allowed. A search without anything left to be found is over. */
function searched(c: Connection, search: MtuSearch, most: number): number {
  search.limit(most);
  if (search.isOver || c.mayFragment) c.mtuSearch = null;
  return c.mayFragment ? most : search.size;
}

/**
 * A router dropped a segment in flight: it takes packets of `mtu` bytes, 0 if it
 * did not say. What is in flight in larger segments is sent again at once; that
 * is no congestion. Another connection may have been told before: it is the
 * segments in flight that tell whether this is news here. RFC 1191 §6.2, §6.4.
 */
export function tooBigArrives(c: Connection, mtu: number, now: number): void {
  learnPathMtu(c.tcp, c, mtu, now);
  if (c.tcp.pathMtus.findTold(c, now) === NO_SLOT) return;
  followPath(c, now);
  if (c.scoreboard === null) return;
  c.scoreboard.loseLargerThan(pathSegmentSize(c.tcp, c, now) - optionsLength(c));
  c.tcp.ready(c);
}

/** Notes the MTU of the path to the remote end of `t`, if a router may say so and it is news. MTU-02, MTU-03. */
export function learnPathMtu(tcp: Tcp, t: Omit<Tuple, "hash">, mtu: number, now: number): void {
  const { pathMtus, tunables } = tcp;
  if (tunables.ip_no_pmtu_disc !== 0) return;
  const slot = pathMtus.find(t, now);
  const current = slot !== NO_SLOT ? pathMtus.mtu(slot) : tcp.mtu;
  const isFromIpv4 = isIpv4(t);
  let told = mtu;
  if (isFromIpv4 && mtu === 0) told = PLATEAUS.find((plateau) => plateau < current) ?? 0;
  if (!isFromIpv4 && told < LEAST_IPV6_MTU) return;
  const mayFragment = isFromIpv4 && told < tunables.min_pmtu;
  if (mayFragment) told = Math.min(tunables.min_pmtu, current);
  const source = mayFragment ? PathSource.NarrowRouter : PathSource.Router;
  const isNews = told < current ||
    (mayFragment && !(slot !== NO_SLOT && pathMtus.source(slot) === source));
  if (isNews) pathMtus.learn(t, told, source, tunables.mtu_expires, now);
}
