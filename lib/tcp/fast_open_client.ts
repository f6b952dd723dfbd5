/**
 * TCP Fast Open, the client's side: what our first SYN asks for or carries, and
 * what becomes of that. RFC 7413 §4.1.3, §4.2.1, §4.2.2, §7.1.
 *
 * Only the first SYN is fast. Whatever goes wrong, the next one is like any
 * other, and the bytes follow the handshake.
 */

import { EMPTY_GATHER, type Gather } from "../wire/gather.ts";
import type { Segment } from "../wire/segment.ts";
import { tcpOptionsLength } from "../wire/tcp_options.ts";
import { defaultMss } from "./agreement.ts";
import type { Connection } from "./connection.ts";
import { FAST_OPEN } from "./fast_open.ts";
import { pathSegmentSize } from "./path_mtu.ts";

/** After so many timeouts in a row something swallows what fast open makes. Linux: `tcp_fastopen_active_detect_blackhole`. */
const BLACK_HOLE_TIMEOUTS = 3;

/** What our SYN tried of fast open. */
export const FastOpenTrial = {
  None: 0,
  /** It carried the option, or data. */
  Tried: 1,
  /** The same, after a pause: success ends the suspicion. */
  TriedAgain: 2,
} as const;
/** See the constants of the same name. */
export type FastOpenTrial = (typeof FastOpenTrial)[keyof typeof FastOpenTrial];

/** The fast open of one active open. */
export class FastOpenAttempt {
  readonly #c: Connection;
  /** The option of our SYN: -1 none, 0 a request, else a cookie's length. */
  #optionLength = -1;
  /** Bytes that our SYN carried. */
  #dataLength = 0;

  constructor(c: Connection) {
    this.#c = c;
  }

  /**
   * Adds to our SYN, otherwise complete, what may be added: a request, or the
   * server's cookie and as many of the queued bytes as fit. Returns the bytes,
   * `syn.payloadLength` of them. Nothing is noted before `sent`.
   */
  extend(syn: Segment, now: number): Gather {
    const c = this.#c;
    const tcp = c.tcp;
    const { tcp_fastopen, tcp_fastopen_blackhole_timeout_sec } = tcp.tunables;
    if ((tcp_fastopen & FAST_OPEN.Client) === 0) return EMPTY_GATHER;
    if (tcp.fastOpenPause.isOn(tcp_fastopen_blackhole_timeout_sec, now)) return EMPTY_GATHER;
    const server = tcp.fastOpenCache.find(c);
    if (server !== null && now < server.refusedUntil) return EMPTY_GATHER;
    if ((tcp_fastopen & FAST_OPEN.ClientWithoutCookie) === 0) {
      syn.fastOpenLength = server === null ? 0 : server.cookieLength;
      if (syn.fastOpenLength === 0) return EMPTY_GATHER;
      syn.fastOpenCookie.set(server!.cookie);
    }
    const mss = server !== null && server.mss > 0 ? server.mss : defaultMss(c);
    const room = Math.min(mss, pathSegmentSize(tcp, c, now)) - tcpOptionsLength(syn);
    const length = Math.min(room, c.sendQueue.length);
    if (length <= 0) return EMPTY_GATHER;
    syn.payloadLength = c.sendQueue.gather(tcp.sendGather, c.sendQueue.start, length);
    return tcp.sendGather;
  }

  /** Our first SYN left as it is now. */
  sent(syn: Segment): void {
    this.#c.sndNxt = (this.#c.sndUna + syn.payloadLength) | 0;
    this.#optionLength = syn.fastOpenLength;
    this.#dataLength = syn.payloadLength;
    if (syn.fastOpenLength < 0 && syn.payloadLength === 0) return;
    const isSuspicious = this.#c.tcp.fastOpenPause.isSuspicious;
    this.#c.fastOpenTrial = isSuspicious ? FastOpenTrial.TriedAgain : FastOpenTrial.Tried;
  }

  /** Our SYN was sent `times` times and had no answer; the last time if `isLast`. RFC 7413 §4.1.3.1. */
  timedOut(times: number, isLast: boolean, now: number): void {
    this.refused(now);
    if (isLast && times < BLACK_HOLE_TIMEOUTS) suspectBlackHole(this.#c, now);
    else timeoutSuspects(this.#c, times, now);
  }

  /** The server wants none of it: it is left alone for `px_tfo_negative_ttl` seconds. RFC 7413 §4.1.3.1. */
  refused(now: number): void {
    const c = this.#c;
    if (c.fastOpenTrial === FastOpenTrial.None) return;
    c.tcp.fastOpenCache.enter(c).refusedUntil = now + c.tcp.tunables.px_tfo_negative_ttl * 1000;
  }

  /** `synAck` acknowledges our SYN, and maybe its data; `mss` is what to believe it. RFC 7413 §4.2.2. */
  answered(synAck: Segment, mss: number, now: number): void {
    const c = this.#c;
    if (c.fastOpenTrial === FastOpenTrial.None) return;
    const server = c.tcp.fastOpenCache.enter(c);
    const taken = (synAck.ack - c.sndUna) | 0;
    server.mss = mss;
    // A cookie that nobody asked for is ignored.
    if (this.#optionLength >= 0 && synAck.fastOpenLength > 0) {
      server.give(synAck.fastOpenCookie, synAck.fastOpenLength);
    } else if (this.#optionLength === 0 || (this.#dataLength > 0 && taken === 0)) {
      this.refused(now);
    } else if (taken > 0) {
      server.refusedUntil = -Infinity;
    }
    if (this.#dataLength === 0) return;
    if (taken === this.#dataLength) c.tcp.counters.TCPFastOpenActive++;
    else c.tcp.counters.TCPFastOpenActiveFail++;
  }
}

/** The timer of `c` ran out `times` times in a row: before or after the handshake, that is how black holes look. */
export function timeoutSuspects(c: Connection, times: number, now: number): void {
  if (times === BLACK_HOLE_TIMEOUTS) suspectBlackHole(c, now);
}

/** If `c` tried fast open, all of it pauses. RFC 7413 §7.1; Linux: `tcp_fastopen_blackhole_timeout_sec`. */
export function suspectBlackHole(c: Connection, now: number): void {
  if (c.fastOpenTrial === FastOpenTrial.None) return;
  const seconds = c.tcp.tunables.tcp_fastopen_blackhole_timeout_sec;
  if (c.tcp.fastOpenPause.begin(seconds, now)) c.tcp.counters.TCPFastOpenBlackhole++;
}

/** `c` is over. If it tried fast open after a pause and had an answer, there is no black hole. */
export function trialEnded(c: Connection): void {
  if (c.fastOpenTrial === FastOpenTrial.TriedAgain && c.bytesReceived > 0) {
    c.tcp.fastOpenPause.end();
  }
}
