/**
 * Relay: one client connection ↔ one upstream. Synchronous, driven by readiness;
 * it never waits. House §7, PX-01 … PX-11, PX-15.
 *
 * Whatever happens (readiness, signals, an offer) only puts the relay into the
 * run list; `run` then looks at both sides and does what can be done now. It
 * remembers an edge until a call took or gave less than it was asked to.
 *
 * | Event                                      | On the other side                                    |
 * | ------------------------------------------ | ---------------------------------------------------- |
 * | client FIN                                 | shutdownWrite upstream after the last byte           |
 * | client FIN while dialing                   | the same, once connected                             |
 * | fast open (client not established yet)     | dialed; bytes are held, unless the route is          |
 * |                                            | idempotent: a replayed SYN must not act twice        |
 * | bytes there when the upstream is dialed    | with `opensFast` they ride on the SYN, if they may   |
 * |                                            | go up: the first ones, else none                     |
 * | urgent data, with px_relay_urgent          | its last byte is sent as such; without, as any other |
 * | upstream EOF                               | shutdown(): FIN after the last byte                  |
 * | client RST or timeout                      | upstream closed with RST, what was kept is discarded |
 * | client RST while dialing                   | dialing given up                                     |
 * | upstream reset or error                    | what it sent is delivered for px_reset_flush s at    |
 * |                                            | most, then RST to the client                         |
 * | dial failed or px_connect_timeout passed   | RST, never FIN                                       |
 * | both FINs passed on, client's ACK came     | upstream closed, connection released                 |
 * | px_idle_timeout, px_half_close_timeout     | RST on both sides                                    |
 * | px_drain_timeout, both directions empty    | FIN on both sides                                    |
 * | px_drain_timeout, bytes still on their way | RST on both sides                                    |
 * | a bug in the relay                         | RST on both sides                                    |
 */

import { EAGAIN, EINPROGRESS } from "../host/errno.ts";
import { READABLE, WRITABLE } from "../host/host.ts";
import { invariant } from "../invariant.ts";
import type { ByteSink, Connection } from "../tcp/connection.ts";
import { NOT_FILED } from "../tcp/deadlines.ts";
import type { Tunables } from "../tcp/tunables.ts";
import type { Upstream } from "./upstream.ts";

/** What a relay uses of its connection; test doubles implement it. */
export type ClientConnection = Pick<
  Connection,
  | "user"
  | "sink"
  | "closeReason"
  | "bytesReceived"
  | "bytesAcknowledged"
  | "isEstablished"
  | "peerClosed"
  | "urgentRemaining"
  | "isDrained"
  | "readable"
  | "consume"
  | "writable"
  | "commit"
  | "urge"
  | "shutdown"
  | "abort"
  | "resetWhenDrained"
  | "setKeepalive"
  | "setNoDelay"
  | "release"
>;

/** What all relays of a proxy share. */
export interface RelayHost {
  /** In force now; another object after a change. */
  readonly tunables: Tunables;
  /** Has `relay.run` called in this turn or the next. */
  schedule(relay: Relay): void;
}

/** A relay's life. */
export const Stage = {
  /** The upstream has not answered yet; the client's bytes wait in the receive queue. */
  Dialing: 0,
  /** Bytes flow. */
  Open: 1,
  /** The upstream is gone and closed; the engine delivers what it had sent. */
  Flushing: 2,
  /** Nothing is held any more. */
  Ended: 3,
} as const;

/** See the constants of the same name. */
export type Stage = (typeof Stage)[keyof typeof Stage];

/** Why a relay ended. */
export type EndReason =
  /** Both FINs were passed on. */
  | "closed"
  /** The client reset, or answers no more. */
  | "client lost"
  | "dial failed"
  | "dial timed out"
  /** The upstream reset, or answers no more. */
  | "upstream lost"
  | "idle"
  | "half-closed"
  /** Unfinished at the end of a drain. */
  | "drained"
  /** The program ended, or its device disappeared. */
  | "aborted"
  /** A bug. */
  | "failed";

/** One pair. */
export class Relay implements ByteSink {
  readonly host: RelayHost;
  readonly connection: ClientConnection;
  /** Closed from `Flushing` on. */
  readonly upstream: Upstream;
  readonly openedAt: number;
  stage: Stage = Stage.Dialing;
  /** Why it ends; empty until that is known. */
  reason: EndReason | "" = "";
  /** What the upstream failed with; 0: nothing. */
  upstreamErrno = 0;
  /** Whether the upstream may get the same bytes twice: those of a fast open's SYN go up at once. RFC 7413 §6.1. */
  isIdempotent = false;
  /** Whether bytes that are there when the upstream is dialed may ride on the SYN. RFC 7413 §4.2.2. */
  opensFast = false;
  /** Bytes sent to the upstream. */
  bytesUp = 0;
  /** Bytes received from the upstream. */
  bytesDown = 0;
  /** Whether it stands in the run list. Written by `RunList` only. */
  isWaiting = false;
  /** Written by `Deadlines` only. */
  heapIndex = NOT_FILED;

  /** Whether the mark of urgent data is carried across, both ways. RFC 9293 §3.8.5 (SHLD-13); URG-03. */
  private readonly relaysUrgent: boolean;
  /** Whether the upstream was dialed and is to be closed. */
  private isHeld = false;
  /** Edges remembered: whether `receive` and `send` may have something to do. */
  private canReceive = false;
  private canSend = false;
  /** Whether the client's FIN was passed on. */
  private isUpFinished = false;
  /** Whether the upstream's FIN was passed on. */
  private isDownFinished = false;
  /** When bytes moved last, and the `progress` seen then. */
  private activeAt: number;
  private progressSeen = 0;
  /** When the client is reset whatever it has got; Infinity: the upstream lives. */
  private flushUntil = Infinity;
  /** What was thrown in `offer`, where nobody could take it; null: nothing. */
  private failure: unknown = null;

  constructor(host: RelayHost, connection: ClientConnection, upstream: Upstream, now: number) {
    this.host = host;
    this.connection = connection;
    this.upstream = upstream;
    this.openedAt = now;
    this.activeAt = now;
    this.relaysUrgent = host.tunables.px_relay_urgent !== 0;
    connection.user = this;
  }

  /** Begins to connect to the upstream; ends the relay when that cannot be. */
  dial(now: number): void {
    if (this.isClientLost()) return this.end("client lost");
    // Without bytes at hand the kernel would send no SYN at all, and a server
    // that speaks first would never be heard.
    const isFast = this.opensFast && this.mayGoUp() && this.connection.readable().length > 0 &&
      !this.hasMark(); // the SYN has none
    const result = this.upstream.dial(this, isFast, now);
    if (result === 0) {
      this.isHeld = true;
      if (isFast) this.sendWithSyn();
      return;
    }
    this.upstreamErrno = -result;
    this.connection.abort();
    this.end("dial failed");
  }

  /** The upstream became ready for `readiness`. */
  ready(readiness: number): void {
    if ((readiness & READABLE) !== 0) this.canReceive = true;
    if ((readiness & WRITABLE) !== 0) this.canSend = true;
  }

  /** The client's bytes, where they lie in the frame they came in. Never throws into the engine. */
  offer(_connection: unknown, offset: number, length: number): number {
    const canOffer = this.canSend && this.stage === Stage.Open && this.upstreamErrno === 0;
    if (!canOffer) return 0; // the window will say so
    if (this.hasMark()) return 0; // `up` finds it
    this.host.schedule(this);
    try {
      return this.sent(this.upstream.send(offset, length), length);
    } catch (error) {
      this.canSend = false;
      this.failure = error;
      return 0;
    }
  }

  /**
   * Moves what can be moved now, up to `budget` bytes each way. Returns whether
   * there is more to move at once. May throw; the caller then cuts it off.
   */
  run(budget: number, now: number): boolean {
    if (this.stage === Stage.Dialing && this.canSend) this.dialEnded(now);
    if (this.stage !== Stage.Open || this.isClientLost()) {
      this.lookForEnd();
      return false;
    }
    if (this.failure !== null) throw this.failure;
    const isUpLeft = this.up(budget);
    this.passFinUp();
    const isDownLeft = this.down(budget);
    this.noteProgress(now);
    if (this.upstreamErrno !== 0) return this.deliverRest(isDownLeft, now);
    this.finish();
    return isUpLeft || isDownLeft;
  }

  /** When `deadlinePassed` must be called at the latest; may be Infinity. */
  deadline(): number {
    if (this.stage === Stage.Dialing) {
      return this.openedAt + this.host.tunables.px_connect_timeout * 1000;
    }
    if (this.stage === Stage.Ended) return Infinity;
    return Math.min(this.flushUntil, this.activeAt + this.quietLimitMs());
  }

  /** Does what is due. The time filed may have been moved later: then nothing. */
  deadlinePassed(now: number): void {
    if (this.stage === Stage.Open || this.stage === Stage.Flushing) this.noteProgress(now);
    if (now < this.deadline()) return;
    if (this.stage === Stage.Dialing) return this.cut("dial timed out");
    if (this.flushUntil <= now) return this.cut("upstream lost");
    this.cut(this.isHalfClosed() ? "half-closed" : "idle");
  }

  /** The drain took too long: FIN to a pair at rest, else RST. PX-21. */
  dismiss(): void {
    const c = this.connection;
    const isAtRest = this.stage === Stage.Open && this.upstreamErrno === 0 && c.isDrained &&
      c.readable().length === 0;
    if (!isAtRest) return this.cut("drained");
    this.closeUpstream();
    if (!this.isDownFinished) c.shutdown();
    this.end("drained");
  }

  /** Resets both sides. */
  cut(reason: EndReason): void {
    if (this.stage === Stage.Ended) return;
    this.resetUpstream();
    this.connection.abort();
    this.end(reason);
  }

  /** The first bytes of a fast open; those that do not fit wait until the upstream has answered. */
  private sendWithSyn(): void {
    const bytes = this.connection.readable();
    const length = bytes.length;
    const result = this.upstream.sendGather(bytes);
    if (result === -EINPROGRESS) return; // the SYN went without any
    this.connection.consume(this.sent(result, length));
    if (this.upstreamErrno !== 0) this.cut("dial failed");
  }

  private dialEnded(now: number): void {
    this.upstreamErrno = this.upstream.dialResult();
    if (this.upstreamErrno !== 0) return this.cut("dial failed");
    this.stage = Stage.Open;
    this.activeAt = now;
    if (this.upstream.takesOffers) this.connection.sink = this;
  }

  /** Sends what was kept back. Returns whether the budget ended it. */
  private up(budget: number): boolean {
    const c = this.connection;
    if (!this.mayGoUp()) return false; // `Established` brings us back
    let left = budget;
    while (this.canSend && this.upstreamErrno === 0) {
      const bytes = c.readable();
      if (bytes.length === 0) return false;
      if (left <= 0) return true;
      const beforeMark = this.hasMark() ? c.urgentRemaining - 1 : -1;
      if (beforeMark > 0 && beforeMark < bytes.length) bytes.keep(beforeMark);
      const length = beforeMark === 0 ? 1 : bytes.length;
      const result = beforeMark === 0
        ? this.upstream.sendUrgent(bytes.offsets[0])
        : this.upstream.sendGather(bytes);
      const sent = this.sent(result, length);
      c.consume(sent);
      left -= sent;
    }
    return false;
  }

  /** What became of `length` bytes, as a send answered. Returns how many the upstream took. */
  private sent(result: number, length: number): number {
    // A short count is as good as EAGAIN, and asking again costs (io-measurements §4).
    if (result < length) this.canSend = false;
    if (result < 0) return this.sendRefused(-result);
    this.bytesUp += result;
    return result;
  }

  /** Whether the upstream may get the client's bytes: those of a SYN may be a replay. RFC 7413 §6.1. */
  private mayGoUp(): boolean {
    return this.isIdempotent || this.connection.isEstablished;
  }

  /** Whether the client called some of its bytes urgent that have not gone up, and the upstream is to know. */
  private hasMark(): boolean {
    return this.relaysUrgent && this.connection.urgentRemaining > 0;
  }

  private passFinUp(): void {
    const c = this.connection;
    if (!c.peerClosed || this.isUpFinished || this.upstreamErrno !== 0) return;
    if (c.readable().length > 0) return;
    this.isUpFinished = true;
    const result = this.upstream.shutdownWrite();
    if (result < 0) this.sendRefused(-result);
  }

  /** Takes what the upstream sent. Returns whether the budget ended it. */
  private down(budget: number): boolean {
    if (this.isDownFinished) {
      this.lookForReset();
      return false;
    }
    const c = this.connection;
    let left = budget;
    while (this.canReceive) {
      if (left <= 0) return true;
      const room = c.writable();
      if (room.length === 0) return false; // `Writable` brings us back
      const isUrgent = this.relaysUrgent && this.upstream.isAtMark();
      if (isUrgent) room.keep(1);
      const received = this.upstream.receive(room);
      c.commit(Math.max(received, 0));
      if (isUrgent && received > 0) c.urge();
      if (received <= 0) this.receiveEnded(received);
      else this.bytesDown += received;
      left -= received;
    }
    return false;
  }

  /** Nothing was there, the stream ended, or the socket failed. */
  private receiveEnded(result: number): void {
    this.canReceive = false;
    if (result === -EAGAIN) return;
    if (result < 0) {
      this.upstreamErrno ||= -result;
      return;
    }
    // The kernel tells an error once: after a refused send the end of the
    // stream is no FIN.
    if (this.upstreamErrno !== 0) return;
    this.isDownFinished = true;
    this.connection.shutdown();
  }

  /** Behind the end of its stream an upstream can still reset; only `dialResult` tells. */
  private lookForReset(): void {
    if (!this.canReceive || this.isUpFinished) return;
    this.canReceive = false;
    this.upstreamErrno ||= this.upstream.dialResult();
  }

  /** Remembers why the upstream takes no more. What it sent before is still to come. Returns 0. */
  private sendRefused(errno: number): number {
    if (errno === EAGAIN) return 0;
    this.upstreamErrno ||= errno;
    this.canReceive = true;
    return 0;
  }

  /** The upstream is lost: its last bytes, then RST. Returns whether more can be moved at once. PX-11. */
  private deliverRest(isDownLeft: boolean, now: number): boolean {
    if (this.flushUntil === Infinity) {
      this.flushUntil = now + this.host.tunables.px_reset_flush * 1000;
    }
    if (this.canReceive && !this.isDownFinished) return isDownLeft;
    this.resetUpstream();
    this.reason = "upstream lost";
    this.stage = Stage.Flushing;
    this.connection.sink = null;
    this.connection.resetWhenDrained(this.flushUntil);
    return false;
  }

  private finish(): void {
    const c = this.connection;
    if (!this.isUpFinished || !this.isDownFinished || !c.isDrained) return;
    invariant(this.bytesUp === c.bytesReceived, "bytes lost on their way to the upstream");
    invariant(this.bytesDown === c.bytesAcknowledged, "bytes lost on their way to the client");
    this.closeUpstream();
    this.end("closed");
  }

  /** Ends when the connection did: the client is lost, or all that was left to deliver came through. */
  private lookForEnd(): void {
    if (this.stage === Stage.Ended || this.connection.closeReason === "") return;
    this.resetUpstream();
    this.end("client lost");
  }

  private resetUpstream(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    this.upstream.reset();
  }

  private closeUpstream(): void {
    this.isHeld = false;
    this.upstream.close();
  }

  private end(reason: EndReason): void {
    if (this.reason === "") this.reason = reason;
    this.stage = Stage.Ended;
    this.connection.sink = null;
    this.connection.user = null;
    this.connection.release();
  }

  /** Whether the connection is over, and not because both sides were done. */
  private isClientLost(): boolean {
    const reason = this.connection.closeReason;
    return reason !== "" && reason !== "closed";
  }

  private isHalfClosed(): boolean {
    return this.isUpFinished || this.isDownFinished;
  }

  /** How long the pair may be without traffic; Infinity: for ever. PX-07, PX-15. */
  private quietLimitMs(): number {
    const { px_idle_timeout, px_half_close_timeout } = this.host.tunables;
    const idle = px_idle_timeout > 0 ? px_idle_timeout : Infinity;
    const isHalf = this.isHalfClosed() && px_half_close_timeout > 0;
    return (isHalf ? Math.min(idle, px_half_close_timeout) : idle) * 1000;
  }

  /** Acknowledgments count: a slow client that still takes bytes is not idle. */
  private noteProgress(now: number): void {
    const progress = this.bytesUp + this.bytesDown + this.connection.bytesAcknowledged;
    if (progress === this.progressSeen) return;
    this.progressSeen = progress;
    this.activeAt = now;
  }
}
