/** PlayedFlow: BBR on a connection whose network is played by the test, acknowledgment by acknowledgment. */

import { assertEquals } from "@std/assert";
import { Bbr, BbrState } from "../../lib/tcp/bbr.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { Phase } from "../../lib/tcp/phase.ts";
import type { Scoreboard } from "../../lib/tcp/scoreboard.ts";
import { toMicroseconds } from "../../lib/tcp/timers.ts";

/** Segments of a `PlayedFlow`, in bytes. */
export const MSS = 1000;

/** No time passes, and nothing arrives, but by the test's word. Volumes are bytes, times milliseconds. */
export class PlayedFlow {
  now = 1000;
  readonly rttMs: number;
  /** What the model reads of a scoreboard. */
  readonly scoreboard = {
    deliveredBytes: 0,
    newestSentAt: 0,
    rttSample: -1,
    newlyLostBytes: 0,
    newlyLostRuns: 0,
    newestLostAt: 0,
    sackedBytes: 0,
    lostBytes: 0,
    count: 1, // something of old stays in flight
    firstSentAt: 0,
  };
  readonly c: Connection;
  readonly bbr: Bbr;

  /** Its path takes `rttMs`; `changes` are to its connection. */
  constructor(rttMs: number = 100, changes: Partial<Connection> = {}) {
    this.rttMs = rttMs;
    this.c = {
      mss: MSS,
      cwnd: 10 * MSS,
      srttUs: rttMs * 1000,
      minRttUs: rttMs * 1000,
      sndUna: 0,
      sndNxt: 0,
      phase: Phase.Open,
      sackOk: true,
      isCwndLimited: false,
      scoreboard: this.scoreboard,
      tcp: { tunables: { tcp_initial_cwnd: 10 } },
      hash: 0,
      iss: 0,
      ...changes,
    } as unknown as Connection;
    this.bbr = new Bbr(this.c, this.now);
  }

  /** `bytes` leave. Returns when. */
  send(bytes: number): number {
    this.bbr.sent(this.c, bytes, this.now);
    this.c.sndNxt += bytes;
    return this.now;
  }

  /** An acknowledgment of `bytes`, of which the newest left at `sentAt`. The round trip it tells of is not the least. */
  deliver(bytes: number, sentAt: number): void {
    const { c, bbr, scoreboard, now } = this;
    c.sndUna = Math.min(c.sndUna + bytes, c.sndNxt);
    scoreboard.deliveredBytes = bytes;
    scoreboard.newestSentAt = toMicroseconds(sentAt);
    scoreboard.rttSample = (this.rttMs + 1) * 1000;
    const board = scoreboard as unknown as Scoreboard;
    bbr.measured(c, board, now);
    bbr.acknowledged(c, board, now);
  }

  /** `bytes` of what left at `sentAt` are found lost. */
  lose(bytes: number, runs: number, sentAt: number): void {
    const { c, bbr, scoreboard, now } = this;
    scoreboard.newlyLostBytes = bytes;
    scoreboard.newlyLostRuns = runs;
    scoreboard.newestLostAt = toMicroseconds(sentAt);
    bbr.lossesFound(c, scoreboard as unknown as Scoreboard, now);
  }

  /** A round trip: `bytes` leave and are delivered. */
  round(bytes: number): void {
    const sentAt = this.send(bytes);
    this.now += this.rttMs;
    this.deliver(bytes, sentAt);
  }

  /** So much is in flight that nobody hears of again. */
  hold(bytes: number): void {
    this.c.sndNxt = this.c.sndUna + bytes;
  }

  /** Rounds of `bytes` until the pipe is full; `held` bytes more are in flight when it is. */
  fill(bytes: number, held = 0): void {
    for (let i = 0; i < 3; i++) this.round(bytes);
    const sentAt = this.send(bytes);
    this.now += this.rttMs;
    this.hold(bytes + held);
    this.deliver(bytes, sentAt);
  }

  /** From ProbeBW_CRUISE or _DOWN to ProbeBW_UP, which begins with `cwnd`, by rounds of `bytes`. */
  probe(bytes: number, cwnd = 1e6): void {
    for (let i = 0; i < 100 && this.bbr.state !== BbrState.ProbeBwUp; i++) {
      this.c.cwnd = cwnd;
      this.round(bytes);
    }
    assertEquals(this.bbr.state, BbrState.ProbeBwUp);
  }
}
