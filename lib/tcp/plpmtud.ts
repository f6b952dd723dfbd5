/**
 * Packetization layer path MTU discovery: how large segments may be where no
 * router says so. RFC 4821 §7, in the terms of RFC 8899.
 *
 * Full-size segments that time out without a word of ICMP fell into a black
 * hole: segments fall to BASE_PLPMTU. Then single larger segments of the data
 * that is to be sent anyway search upward. One that is lost is a finding about
 * the path and no congestion: cwnd stays.
 *
 * All sizes are those of an MSS option: bytes of a segment without options.
 */

import { seqGeq } from "../wire/seq.ts";
import { usableWindow } from "./congestion.ts";
import type { Connection } from "./connection.ts";
import {
  followPath,
  headersLength,
  leastSegmentSize,
  optionsLength,
  segmentSizeIn,
} from "./path_mtu.ts";
import { PathSource } from "./path_mtus.ts";
import { NO_SLOT } from "./peer_slots.ts";
import { Phase } from "./phase.ts";
import { DUPLICATE_THRESHOLD } from "./rack.ts";
import { blockCount } from "./sack_blocks.ts";
import type { Scoreboard } from "./scoreboard.ts";

/** How often a size is lost before it is too large: once may be chance. RFC 8899 §5.1.2. */
const MAX_PROBES = 3;

/** The search ends where this many bytes more would not matter. Linux: `tcp_probe_threshold`. */
const RESOLUTION = 8;

/** What a connection that searches knows of its path. */
export class MtuSearch {
  /** PLPMTU: the largest size that is taken to arrive. */
  size: number;
  /** MAX_PLPMTU: what the peer, the link and routers allow. */
  #ceiling = 0;
  /** No larger size may arrive. */
  #largest = 0;
  /** PROBED_SIZE and PROBE_COUNT: how often it was lost. RFC 8899 §5.1.3. */
  #probedSize = 0;
  #losses = 0;
  /** Whether a probe's fate is not known yet; whether its bytes, lost or not, are not acknowledged yet. */
  isInFlight = false;
  isOutstanding = false;
  /** First sequence number of the last probe, and the one behind it. */
  probeStart = 0;
  probeEnd = 0;
  /** When a completed search begins anew: int32 milliseconds. RFC 8899 §5.1.1 (PMTU_RAISE_TIMER). */
  raiseAt = 0;

  /** Segments of `size` bytes are taken to arrive. */
  constructor(size: number) {
    this.size = size;
  }

  /** Whether nothing larger is worth a probe. RFC 8899 §5.2 (Search Complete). */
  get isComplete(): boolean {
    if (this.#largest === this.#ceiling) return this.size >= this.#ceiling;
    return this.#largest - this.size < RESOLUTION;
  }

  /** Whether the largest segments allowed arrive: there is nothing left to be found. */
  get isOver(): boolean {
    return this.size >= this.#ceiling;
  }

  /**
   * What is worth a probe: first the most, for it may have been an outage and no
   * black hole; then the middle of what is not known. RFC 4821 §7.3.
   */
  get nextSize(): number {
    return this.#largest === this.#ceiling ? this.#ceiling : (this.size + this.#largest + 1) >> 1;
  }

  /** Segments of more than `ceiling` bytes are not allowed. Another ceiling than before begins the search anew. */
  limit(ceiling: number): void {
    if (ceiling === this.#ceiling) return;
    this.#ceiling = ceiling;
    this.size = Math.min(this.size, ceiling);
    if (this.#probedSize > ceiling) this.isInFlight = false; // known to be too large
    this.raise();
  }

  /** The path may carry more than it did. RFC 8899 §5.3.1. */
  raise(): void {
    this.#largest = this.#ceiling;
    this.#losses = 0;
  }

  /** Nothing larger arrives, as far as is known; that is enough until `raiseAt`. */
  rest(raiseAt: number): void {
    this.#largest = this.size;
    this.raiseAt = raiseAt;
  }

  /** The path carries less than was thought: `size`, perhaps. RFC 8899 §4.3. */
  fall(size: number): void {
    this.size = size;
    this.isInFlight = false;
    this.raise();
  }

  /** A probe of `nextSize` left as the sequence numbers `[start, end)`. */
  sent(start: number, end: number): void {
    const size = this.nextSize;
    if (size !== this.#probedSize) this.#losses = 0;
    this.#probedSize = size;
    this.isInFlight = true;
    this.isOutstanding = true;
    this.probeStart = start;
    this.probeEnd = end;
  }

  /** The probe's bytes were acknowledged. Returns whether that is because it arrived. RFC 4821 §7.6.1. */
  acknowledged(): boolean {
    this.isOutstanding = false;
    if (!this.isInFlight) return false;
    this.isInFlight = false;
    this.#losses = 0;
    this.size = Math.max(this.size, this.#probedSize);
    return true;
  }

  /** The probe was lost, its bytes are sent again. RFC 4821 §7.6.2. */
  failed(): void {
    this.isInFlight = false;
    if (++this.#losses < MAX_PROBES) return;
    this.#losses = 0;
    this.#largest = this.#probedSize - 1;
  }
}

/**
 * `c` may send from now on: with what another connection found out about its
 * path, or with BASE_PLPMTU if `tcp_mtu_probing` is 2. RFC 4821 §5.2, §7.2.
 */
export function beginSearch(c: Connection, now: number): void {
  const { pathMtus, tunables } = c.tcp;
  if (tunables.tcp_mtu_probing === 0) return;
  const slot = pathMtus.find(c, now);
  const isFound = slot !== NO_SLOT && pathMtus.source(slot) === PathSource.Search;
  if (!isFound && tunables.tcp_mtu_probing === 1) return;
  const size = isFound ? segmentSizeIn(pathMtus.mtu(slot), c) : tunables.tcp_base_mss;
  const search = c.mtuSearch = new MtuSearch(size);
  followPath(c, now);
  if (isFound) search.rest(pathMtus.expiresAt(slot));
}

/**
 * The first segment in flight timed out so often that the path may be a black
 * hole for its size: the next are smaller, BASE_PLPMTU at first. RFC 4821 §7.7;
 * Linux: tcp_mtu_probing.
 */
export function suspectBlackHole(c: Connection, scoreboard: Scoreboard, now: number): void {
  const { tcp_mtu_probing, tcp_base_mss } = c.tcp.tunables;
  if (tcp_mtu_probing === 0 || c.mayFragment) return;
  if (c.sndWnd < scoreboard.firstSize) return; // it is the window that takes nothing
  const options = optionsLength(c);
  const full = c.mss + options;
  const smaller = tcp_base_mss < full ? tcp_base_mss : Math.max(full >> 1, leastSegmentSize(c));
  if (smaller >= scoreboard.firstSize + options) return;
  if (c.mtuSearch === null) c.mtuSearch = new MtuSearch(smaller);
  else c.mtuSearch.fall(smaller);
  followPath(c, now);
}

/**
 * How many bytes the next segment is to have as a probe; 0: none is to be one.
 * Enough must be there to be sent behind it that its loss is found by
 * acknowledgments, and no other loss to be repaired. RFC 4821 §7.4. A completed
 * search begins anew when it is time.
 */
export function probeLength(c: Connection, search: MtuSearch, now: number): number {
  if (search.isOutstanding || c.phase !== Phase.Open || blockCount(c) > 0) return 0;
  if (c.scoreboard !== null && c.scoreboard.lostBytes > 0) return 0;
  if (search.isComplete) {
    if (((search.raiseAt - now) | 0) > 0) return 0;
    search.raise();
  }
  const length = search.nextSize - optionsLength(c);
  const flight = length + (DUPLICATE_THRESHOLD + 1) * c.mss;
  const unsent = (c.sendQueue.end - c.sndNxt) | 0;
  const window = usableWindow(c);
  return unsent >= flight && window >= flight && c.cwnd >= flight ? length : 0;
}

/** Looks what became of the probe in flight, after something was acknowledged or taken for lost. */
export function followProbe(
  c: Connection,
  search: MtuSearch,
  scoreboard: Scoreboard,
  now: number,
): void {
  if (!search.isOutstanding) return;
  if (seqGeq(c.sndUna, search.probeEnd)) {
    if (!search.acknowledged()) return;
    c.tcp.counters.TCPMTUPSuccess++;
    followPath(c, now);
  } else if (search.isInFlight && scoreboard.isLost(search.probeStart)) {
    c.tcp.counters.TCPMTUPFail++;
    search.failed();
  } else {
    return;
  }
  if (search.isComplete && !search.isOver) complete(c, search, now);
}

/** What was found is used, and told to later connections, until it may have changed. */
function complete(c: Connection, search: MtuSearch, now: number): void {
  const { pathMtus, tunables } = c.tcp;
  const mtu = search.size + headersLength(c);
  search.rest(pathMtus.learn(c, mtu, PathSource.Search, tunables.mtu_expires, now));
}
