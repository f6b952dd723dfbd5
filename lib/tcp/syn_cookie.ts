/**
 * SYN cookies: when the SYN queue is full, the SYN-ACK's sequence number (and,
 * with timestamps, the low bits of TSval) remember the SYN, and nothing else
 * does. RFC 4987 §3.6 and App. A; the layout is Linux's, but for the MSS codes.
 *
 *     ISS = H0(tuple, 0) + ISN + (n mod 2^8 << 24) + (H1(tuple, n) + MSS code) mod 2^24
 *
 * n counts periods of 60 s. All of n is hashed, not only the eight bits that
 * travel: a cookie would come to life again after 256 minutes.
 */

import type { Arena } from "../wire/memory.ts";
import { ACK, ECE, type Segment, SYN } from "../wire/segment.ts";
import { MAX_SHIFT, mssOf, openConnection, scaleOf } from "./agreement.ts";
import type { Connection } from "./connection.ts";
import { isIpv4, type Tuple } from "./connection_table.ts";
import { asksForEcn } from "./ecn.ts";
import { prepareReply } from "./output.ts";
import { SipHash } from "./siphash.ts";
import type { Tcp } from "./tcp.ts";

const PERIOD_MS = 60_000;

/** A cookie of this period or the one before is valid: it lives for 60 to 120 s. */
const MOST_PERIODS_OLD = 1;

const LOW_24 = 0xffffff;

/** The MSS values that a cookie can hold. Linux: the most frequent ones. */
const MSS_IPV4 = [536, 1300, 1440, 1460] as const;
const MSS_IPV6 = [1220, 1420, 1440, 8940] as const;

/**
 * What stands for each entry of these tables. Linux adds the index itself: then
 * an ACK whose SEQ is one to three too high holds another index, and is taken
 * for the third one. A client that sends two bytes and an ACK, overtaken by the
 * ACK, would lose the bytes. These lie so far apart that only the first ACK fits.
 */
const MSS_CODES = [0x3c6ef3, 0x78dde7, 0xb54cdb, 3] as const;

/**
 * What the low six bits of TSval hold: the shift, or 15 for none, whether SACK
 * was agreed on, and whether ECN was. Linux: `TSBITS`.
 */
const OPTION_MASK = 0x3f;
const SCALE_MASK = 0x0f;
const SACK_BIT = 0x10;
const ECN_BIT = 0x20;

/** Makes and checks the sequence numbers. Its two keys are secrets of this engine. */
export class SynCookies {
  readonly #h0: SipHash;
  readonly #h1: SipHash;

  /** Both keys are 16 bytes. */
  constructor(arena: Arena, key0: Uint8Array, key1: Uint8Array) {
    this.#h0 = new SipHash(arena, key0);
    this.#h1 = new SipHash(arena, key1);
  }

  /** ISS for a SYN with sequence number `irs`. `mssIndex` is 0 … 3, `now` in milliseconds. */
  make(t: Omit<Tuple, "hash">, irs: number, mssIndex: number, now: number): number {
    const period = Math.floor(now / PERIOD_MS) | 0;
    const low = (hash(this.#h1, t, period) + MSS_CODES[mssIndex]) & LOW_24;
    return (hash(this.#h0, t, 0) + irs + (period << 24) + low) | 0;
  }

  /** The MSS index in a cookie that was made for these numbers not long ago; -1: it was not. */
  check(t: Omit<Tuple, "hash">, irs: number, cookie: number, now: number): number {
    const bare = (cookie - hash(this.#h0, t, 0) - irs) | 0;
    const period = Math.floor(now / PERIOD_MS) | 0;
    const age = (period - (bare >>> 24)) & 0xff;
    if (age > MOST_PERIODS_OLD) return -1;
    const code = (bare - hash(this.#h1, t, (period - age) | 0)) & LOW_24;
    for (let index = 0; index < MSS_CODES.length; index++) {
      if (MSS_CODES[index] === code) return index;
    }
    return -1;
  }
}

/** Answers a SYN with a cookie, and forgets it. Without timestamps only the MSS is agreed on. */
export function replyCookie(tcp: Tcp, syn: Segment, now: number): void {
  const tunables = tcp.tunables;
  const index = mssIndexOf(isIpv4(syn), mssOf(syn, tunables));
  const seg = prepareReply(tcp, syn);
  seg.flags = SYN | ACK;
  seg.seq = tcp.cookies.make(syn, syn.seq, index, now);
  seg.ack = (syn.seq + 1) | 0;
  seg.wnd = tcp.synWindow;
  seg.mss = tcp.maxSegmentSize(syn);
  if (syn.hasTimestamps && tunables.tcp_timestamps !== 0) {
    const shift = scaleOf(syn, tunables);
    seg.sackPermitted = syn.sackPermitted && tunables.tcp_sack !== 0;
    if (shift >= 0) seg.windowScale = tcp.receiveShift;
    seg.hasTimestamps = true;
    const ecnOk = asksForEcn(syn, tunables);
    if (ecnOk) seg.flags |= ECE;
    const offset = tcp.timestamp(tcp.timestampOffset(syn), 0);
    const clock = tcp.timestamp(0, now);
    seg.tsVal = (timestampWith(clock, shift, seg.sackPermitted, ecnOk) + offset) | 0;
    seg.tsEcr = syn.tsVal;
  }
  tcp.counters.SyncookiesSent++;
  tcp.sendReply(seg, now);
}

/**
 * The connection whose SYN was answered with the cookie which `seg` acknowledges;
 * null when it is none of ours, or too old. Not established yet.
 */
export function openByCookie(
  tcp: Tcp,
  seg: Segment,
  hash: number,
  now: number,
): Connection | null {
  const irs = (seg.seq - 1) | 0;
  const iss = (seg.ack - 1) | 0;
  const index = tcp.cookies.check(seg, irs, iss, now);
  if (index < 0) return null;
  const tunables = tcp.tunables;
  const tsOk = seg.hasTimestamps && tunables.tcp_timestamps !== 0;
  const tsOffset = tsOk ? tcp.timestampOffset(seg) : 0;
  const options = tsOk ? (seg.tsEcr - tcp.timestamp(tsOffset, 0)) & OPTION_MASK : SCALE_MASK;
  const { local0, local1, local2, local3, localPort } = seg;
  const { remote0, remote1, remote2, remote3, remotePort, pathHigh, pathLow } = seg;
  return openConnection(tcp, {
    local0,
    local1,
    local2,
    local3,
    remote0,
    remote1,
    remote2,
    remote3,
    localPort,
    remotePort,
    hash,
    pathHigh,
    pathLow,
    iss,
    irs,
    mss: (isIpv4(seg) ? MSS_IPV4 : MSS_IPV6)[index],
    windowScale: shiftIn(options),
    sackOk: sackIn(options),
    ecnOk: ecnIn(options),
    tsOk,
    tsRecent: seg.tsVal,
    tsOffset,
    userTimeout: 0, // that of the third ACK counts
  }, now);
}

/** The greatest MSS of the table that is not above `mss`; the first when all are. */
export function mssIndexOf(isIpv4: boolean, mss: number): number {
  const table = isIpv4 ? MSS_IPV4 : MSS_IPV6;
  let index = table.length - 1;
  while (index > 0 && table[index] > mss) index--;
  return index;
}

/**
 * The latest time not after `clock` whose low bits hold these options; `shift`
 * -1: no scaling. TSval must not run ahead of the clock (COOKIE-05).
 */
export function timestampWith(
  clock: number,
  shift: number,
  sackOk: boolean,
  ecnOk: boolean,
): number {
  const options = (shift & SCALE_MASK) | (sackOk ? SACK_BIT : 0) | (ecnOk ? ECN_BIT : 0);
  const value = (clock & ~OPTION_MASK) | options;
  return ((value - clock) | 0) > 0 ? (value - OPTION_MASK - 1) | 0 : value;
}

/** The shift which a timestamp of `timestampWith` holds, 0 … 14; -1: no scaling. */
export function shiftIn(timestamp: number): number {
  const shift = timestamp & SCALE_MASK;
  return shift > MAX_SHIFT ? -1 : shift;
}

/** Whether a timestamp of `timestampWith` holds that SACK was agreed on. */
export function sackIn(timestamp: number): boolean {
  return (timestamp & SACK_BIT) !== 0;
}

/** Whether a timestamp of `timestampWith` holds that ECN was agreed on. */
export function ecnIn(timestamp: number): boolean {
  return (timestamp & ECN_BIT) !== 0;
}

function hash(h: SipHash, t: Omit<Tuple, "hash">, count: number): number {
  return h.begin()
    .address(t.remote0, t.remote1, t.remote2, t.remote3)
    .address(t.local0, t.local1, t.local2, t.local3)
    .half(t.remotePort).half(t.localPort).word(count).low();
}
