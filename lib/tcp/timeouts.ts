/** Timeouts: what a connection does when one of its deadlines has passed. RFC 9293 §3.10.8. */

import { usableWindow } from "./congestion.ts";
import { type CloseReason, type Connection } from "./connection.ts";
import { timeoutSuspects } from "./fast_open_client.ts";
import { sendKeepalive, sendProbe, sendShort, sendTailProbe } from "./output.ts";
import { Phase } from "./phase.ts";
import { followProbe, suspectBlackHole } from "./plpmtud.ts";
import { detectLoss } from "./rack.ts";
import { enterLoss, enterRecovery, reduceProportionally, tellLosses } from "./recovery.ts";
import { backedOff, retransmissionLimit } from "./rtt.ts";
import { State } from "./state.ts";
import { canProbe } from "./tail_probe.ts";
import { arm, refile, takeDueTimers, TIMER, toMicroseconds } from "./timers.ts";
import {
  restartRetransmission,
  resumeRetransmission,
  setTransmissionTimer,
  TRANSMISSION,
} from "./transmission_timer.ts";

/** How soon a probe that the device refused is tried again. Milliseconds. */
const REFUSED_RETRY_MS = 10;

/** A deadline of `c` may have passed: does what is due and files the next. */
export function deadlinePassed(c: Connection, now: number): void {
  const due = takeDueTimers(c, now | 0);
  if ((due & TIMER.ResetFlush) !== 0) c.abort();
  if ((due & TIMER.FinWait2) !== 0) return c.tcp.closed(c, "closed");
  if ((due & TIMER.Linger) !== 0) c.tcp.closeDone(c);
  if (c.resetPending) return refile(c); // the queues are gone: only RST is left to send
  if ((due & TIMER.User) !== 0 && userTimeout(c, now)) return refile(c);
  if ((due & TIMER.ZeroWindow) !== 0 && zeroWindowTimeout(c)) return refile(c);
  if ((due & TIMER.DelayedAck) !== 0) {
    c.ackNow = true;
    c.isInteractive = false; // there was no answer to ride on
    c.tcp.counters.DelayedACKs++;
    c.tcp.ready(c);
  }
  if ((due & TIMER.Reorder) !== 0) reorderingOver(c, now);
  if ((due & TIMER.Probe) !== 0) probeTail(c, now);
  if ((due & TIMER.Retransmit) !== 0) retransmissionTimeout(c, now);
  if ((due & TIMER.Persist) !== 0) persistTimeout(c, now);
  if (c.state === State.Closed) return; // given up: nothing comes up for it any more
  if ((due & TIMER.Pace) !== 0) c.tcp.ready(c);
  if ((due & TIMER.Keepalive) !== 0) keepaliveTimeout(c, now);
  refile(c);
}

/** RFC 9293 §3.8.3: the peer took nothing for too long. Returns whether that ends the connection. */
function userTimeout(c: Connection, now: number): boolean {
  if (c.sndUna === c.endOfStream) return false;
  const endsAt = (c.progressAt + c.userTimeoutMs) | 0;
  if (((endsAt - now) | 0) > 0) {
    arm(c, TIMER.User, endsAt);
    return false;
  }
  c.closeReason = c.isUnreachable ? "host unreachable" : "timed out";
  c.tcp.counters.TCPAbortOnTimeout++;
  c.abort();
  return true;
}

/**
 * RFC 6429: a peer whose window never opens may be an attacker who holds our
 * memory. SEC-14. Returns whether that ends the connection.
 */
function zeroWindowTimeout(c: Connection): boolean {
  if (c.tcp.tunables.px_zero_window_timeout === 0) return false; // changed meanwhile
  c.closeReason = "zero window timed out";
  c.tcp.counters.TCPAbortOnZeroWindow++;
  c.abort();
  return true;
}

/** RFC 6298 §5.4–5.7: everything in flight counts as lost, the timeout doubles, slow start begins anew. */
function retransmissionTimeout(c: Connection, now: number): void {
  const scoreboard = c.scoreboard;
  if (scoreboard === null || c.sndUna === c.sndNxt) return;
  if (c.handshake !== null) return postpone(c, TIMER.Retransmit, now);
  if (givesUp(c, now)) return giveUp(c, "timed out");
  c.tcp.counters.TCPTimeouts++;
  const r1 = c.tcp.tunables.tcp_retries1;
  if (c.retries > 0 && c.retries % r1 === 0) suspectBlackHole(c, scoreboard, now);
  enterLoss(c, scoreboard, now);
  if (c.mtuSearch !== null) followProbe(c, c.mtuSearch, scoreboard, now);
  if (c.retries === r1) adviseNegatively(c);
  c.retries++;
  timeoutSuspects(c, c.retries, now);
  c.backoff++;
  restartRetransmission(c, now);
  c.tcp.ready(c);
}

/** R1: the next hop is doubted, and the user may ask for soft errors. RFC 9293 §3.8.3 (MUST-20). */
function adviseNegatively(c: Connection): void {
  c.tcp.reportError(c);
  c.tcp.doubtPath(c);
}

/** No acknowledgment of the tail came: one segment asks for it, then the retransmission timer runs. RFC 8985 §7.3. */
function probeTail(c: Connection, now: number): void {
  if (!canProbe(c)) return resumeRetransmission(c, now);
  if (!sendTailProbe(c, now)) return arm(c, TIMER.Probe, (now + REFUSED_RETRY_MS) | 0);
  restartRetransmission(c, now);
}

/** Before the third ACK of a fast open only the SYN-ACK is sent again: without it the peer takes nothing. TFO-S-12. */
function postpone(c: Connection, timer: number, now: number): void {
  arm(c, timer, (now + c.rtoMs) | 0);
}

/** RFC 8985 §6.3: the reordering window of some ranges is over. */
function reorderingOver(c: Connection, now: number): void {
  const scoreboard = c.scoreboard;
  if (scoreboard === null) return;
  const wait = detectLoss(c, scoreboard, toMicroseconds(now));
  if (c.mtuSearch !== null) followProbe(c, c.mtuSearch, scoreboard, now);
  tellLosses(c, scoreboard, now);
  if (scoreboard.lostBytes > 0) {
    if (c.phase === Phase.Open && scoreboard.hasLost(c.mss)) {
      enterRecovery(c, 0);
      if (c.model === null) reduceProportionally(c, c.mss, false);
    }
    c.tcp.ready(c);
  }
  resumeRetransmission(c, now);
  setTransmissionTimer(c, wait, false, now);
}

/** RFC 9293 §3.8.6.1: asks a shut window whether it is still shut; §3.8.6.2.1: ends the wait for a better one. */
function persistTimeout(c: Connection, now: number): void {
  if (c.sndNxt === c.endOfStream) return;
  if (c.handshake !== null) return postpone(c, TIMER.Persist, now);
  if (usableWindow(c) > 0) {
    if (!sendShort(c, now)) arm(c, TIMER.Persist, (now + REFUSED_RETRY_MS) | 0);
    return;
  }
  if (c.sndUna !== c.sndNxt) return; // the retransmission timer asks
  if (givesUp(c, now)) return giveUp(c, "timed out");
  if (!sendProbe(c, now)) return arm(c, TIMER.Persist, (now + REFUSED_RETRY_MS) | 0);
  c.tcp.counters.TCPWinProbe++;
  c.retries++;
  c.backoff++;
  arm(c, TIMER.Persist, (now + backedOff(c.rtoMs, c.backoff, c.tcp.tunables)) | 0);
}

/** RFC 9293 §3.8.4. The timer is not moved by what arrives; it looks when it comes up. */
function keepaliveTimeout(c: Connection, now: number): void {
  const isOpening = c.handshake !== null || c.connector !== null;
  if (isOpening) return arm(c, TIMER.Keepalive, (now + c.keepaliveTimeMs) | 0);
  const tunables = c.tcp.tunables;
  const idle = (now - c.lastReceivedAt) | 0;
  const time = c.keepaliveTimeMs;
  const interval = 1000 * (c.keepaliveInterval || tunables.tcp_keepalive_intvl);
  const isProbing = (c.timers & (TRANSMISSION | TIMER.Persist)) !== 0;
  if (idle < time || isProbing) {
    c.keepaliveProbes = 0;
    return arm(c, TIMER.Keepalive, (isProbing ? now + time : c.lastReceivedAt + time) | 0);
  }
  const isDead = c.userTimeoutMs !== 0
    ? c.keepaliveProbes > 0 && idle >= c.userTimeoutMs
    : c.keepaliveProbes >= (c.keepaliveLimit || tunables.tcp_keepalive_probes);
  if (isDead) return giveUp(c, "keep-alive timed out");
  if (!sendKeepalive(c, now)) return arm(c, TIMER.Keepalive, (now + REFUSED_RETRY_MS) | 0);
  c.keepaliveProbes++;
  c.tcp.counters.TCPKeepAlive++;
  const untilDead = c.userTimeoutMs !== 0 ? Math.max(1, c.userTimeoutMs - idle) : interval;
  arm(c, TIMER.Keepalive, (now + Math.min(interval, untilDead)) | 0);
}

/** Whether retransmission has gone on long enough. RFC 9293 §3.8.3 (R2); Linux: `tcp_retries2`, `tcp_orphan_retries`. */
function givesUp(c: Connection, now: number): boolean {
  if (c.retries === 0) {
    c.retriesBeganAt = (now - c.rtoMs) | 0;
    return false;
  }
  const tunables = c.tcp.tunables;
  if (c.isReleased && c.retries >= tunables.tcp_orphan_retries) return true;
  if (c.userTimeoutMs !== 0) return false; // has a timer of its own
  const limit = retransmissionLimit(tunables.tcp_retries2, tunables);
  return ((now - givingUpBeganAt(c)) | 0) >= limit;
}

/** Who shut the window over what is in flight, and keeps saying so, is there. RFC 9293 §3.8.6 (SHLD-17); Linux: tcp_retransmit_timer. */
function givingUpBeganAt(c: Connection): number {
  const isAnswered = c.sndWnd === 0 && ((c.lastReceivedAt - c.retriesBeganAt) | 0) > 0;
  return isAnswered ? c.lastReceivedAt : c.retriesBeganAt;
}

/** Ends the connection; where the peer may still be there it is told by RST. */
function giveUp(c: Connection, reason: CloseReason): void {
  const isIdle = reason === "keep-alive timed out";
  // Why the probes had no answer, if a router told. RFC 9293 §3.9.2.2, RFC 5461 §2.
  c.closeReason = c.isUnreachable ? "host unreachable" : reason;
  c.tcp.counters.TCPAbortOnTimeout++;
  if (isIdle) c.abort();
  else c.tcp.closed(c, c.closeReason);
}
