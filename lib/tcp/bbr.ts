/**
 * BBR, version 3: instead of taking each loss for congestion it models the path,
 * by how fast and how soon it delivers, and sends at that pace. Loss counts where
 * it is more than the path is known to have anyway. draft-ietf-ccwg-bbr (August
 * 2026), whose sections and names are quoted.
 */

import { BbrPath, BETA } from "./bbr_path.ts";
import {
  type CongestionControl,
  initialWindowOf,
  MAX_CWND,
  type PathModel,
  pipe,
} from "./congestion.ts";
import type { Connection } from "./connection.ts";
import { Pacer } from "./pacer.ts";
import { Phase } from "./phase.ts";
import type { Scoreboard } from "./scoreboard.ts";
import { toMicroseconds } from "./timers.ts";

/** BBR.state. §5.1. */
export const BbrState = {
  Startup: 0,
  Drain: 1,
  ProbeBwDown: 2,
  ProbeBwCruise: 3,
  ProbeBwRefill: 4,
  ProbeBwUp: 5,
  ProbeRtt: 6,
} as const;
/** See the constants of the same name. */
export type BbrState = (typeof BbrState)[keyof typeof BbrState];

/** BBR.pacing_gain and BBR.cwnd_gain, by state. §5.6.1. */
const PACING_GAIN = [2.77, 0.5, 0.9, 1, 1, 1.25, 1] as const;
const CWND_GAIN = [2, 2, 2, 2, 2, 2.25, 0.5] as const;

/** BBR.LossThresh, BBR.Headroom, and BBR.MinPipeCwnd in segments. §2.7. */
const LOSS_THRESHOLD = 0.02;
const HEADROOM = 0.15;
const LEAST_CWND = 4;
/** BBR.PacingMarginPercent, as a factor. §2.5. */
const PACING_MARGIN = 0.99;
/** Growth which shows that the pipe was not full, and rounds without it which show that it is. §5.3.1.2. */
const FULL_BW_GROWTH = 1.25;
const FULL_BW_ROUNDS = 3;
/** BBRStartupFullLossCnt: runs of lost bytes in a round trip. §5.3.1.3. */
const STARTUP_LOSSES = 6;
/** The longest Drain. §5.3.2. */
const DRAIN_ROUNDS = 3;
/** Super-segments that are on their way through the hosts at both ends. §5.5.8.1. */
const OFFLOAD_QUANTA = 3;
/** BBR.ProbeRTTDuration. §2.13. */
const PROBE_RTT_MS = 200;
/** Between two probes for bandwidth: so long and up to so much more, or so many round trips. §5.3.3.5.3. */
const PROBE_WAIT_MS = 2000;
const PROBE_WAIT_SPREAD_MS = 1000;
const COEXISTENCE_ROUNDS = 63;

/** Of `undo_state`: loss has not changed the state. */
const NO_STATE = -1;

/** What BBR knows and does about one connection. */
export class Bbr implements PathModel {
  /** The path as measured. */
  readonly path: BbrPath;
  readonly #pacer: Pacer;
  #state: BbrState = BbrState.Startup;

  /** BBR.full_bw_reached: the pipe was full once. */
  #isFullBwReached = false;
  /** BBR.full_bw_now, full_bw, full_bw_count: is it, since the last look? */
  #isFullBwNow = false;
  #fullBw = 0;
  #fullBwCount = 0;
  /** Runs of lost bytes since a round trip of loss began. */
  #lossRuns = 0;
  #drainStartRound = 0;
  #isIdleRestart = false;

  /** When ProbeRTT is long enough; 0: too much is in flight still. */
  #probeRttDoneAt = 0;
  #hasProbeRttRound = false;

  // The cycle of probes for bandwidth. §2.11.
  /** BBR.ack_phase is ACKS_PROBE_STOPPING: the last probe is told of still. Nothing depends on its other phases. */
  #isStopping = false;
  /** BBR.is_bw_probe_sample. */
  #isProbeSample = false;
  #probeUpRounds = 0;
  #probeUpAcked = 0;
  #probeUpAckedPerStep = Infinity;
  /** BBR.round_count when the last probe ended, or the round before. */
  #probedRound = 0;
  #probeWait = 0;
  #cycleAt = 0;
  /** BBR.prev_probe_too_high, BBR.prev_probe_precautionary. */
  #wasTooHigh = false;
  #wasPrecautionary = false;
  #dice: number;

  /** cwnd before recovery or ProbeRTT, and what a mistake is taken back to. §2.12. */
  #priorCwnd = 0;
  #undoState: typeof BbrState.Startup | typeof BbrState.ProbeBwUp | typeof NO_STATE = NO_STATE;
  #undoBwShortTerm = Infinity;
  #undoInFlightShortTerm = Infinity;
  #undoInFlightLongTerm = Infinity;

  /** `c` begins to send. §5.2.1, §5.6.2 (InitPacingRate). */
  constructor(c: Connection, now: number) {
    this.path = new BbrPath(c, now);
    this.#pacer = new Pacer(PACING_GAIN[BbrState.Startup] * initialWindowOf(c) / roundTrip(c));
    this.#dice = c.hash ^ c.iss;
  }

  /** BBR.state. */
  get state(): BbrState {
    return this.#state;
  }

  /** C.pacing_rate, bytes per millisecond. */
  get pacingRate(): number {
    return this.#pacer.rate;
  }

  allowance(c: Connection, now: number): number {
    return this.#pacer.allowance(c.mss, now);
  }

  get nextAt(): number {
    return this.#pacer.next;
  }

  sent(c: Connection, length: number, now: number): void {
    this.path.delivery.sent(length, pipe(c), toMicroseconds(now));
    this.#pacer.sent(length, now);
  }

  idle(c: Connection): void {
    this.path.delivery.limit(pipe(c));
  }

  /** §5.4.1 (HandleRestartFromIdle). */
  resumed(c: Connection, now: number): void {
    this.idle(c); // else something would be in flight
    this.#isIdleRestart = true;
    this.path.restartAggregation(now);
    if (this.#isInProbeBw()) this.#pace(c, 1);
    else if (this.#state === BbrState.ProbeRtt) this.#checkProbeRttDone(c, now);
  }

  measured(c: Connection, scoreboard: Scoreboard, now: number): void {
    const { delivery } = this.path;
    const { deliveredBytes, newestSentAt } = scoreboard;
    delivery.acknowledged(deliveredBytes, newestSentAt, c.minRttUs, toMicroseconds(now));
  }

  /** §5.5.10.2 (HandleLostPacket). One event for all that was found at once; the newest of it is judged. */
  lossesFound(c: Connection, scoreboard: Scoreboard, now: number): void {
    const { delivery } = this.path;
    delivery.lost += scoreboard.newlyLostBytes;
    this.#lossRuns += scoreboard.newlyLostRuns;
    this.path.noteLoss();
    if (c.phase === Phase.Open) this.#save(c);
    if (!this.#isProbeSample || !delivery.lossOf(scoreboard.newestLostAt)) return;
    if (!this.#isInFlightTooHigh(c)) return;
    // InflightAtLoss(): the size of what was lost, before which the draft looks, cancels out.
    const inFlight = (delivery.inFlightThen - delivery.lostSince) / (1 - LOSS_THRESHOLD);
    this.#handleTooHigh(c, inFlight, now);
  }

  acknowledged(c: Connection, scoreboard: Scoreboard, now: number): void {
    const { delivery } = this.path;
    if (delivery.hasSample) {
      delivery.lossOf(scoreboard.newestSentAt); // what was found lost since it was taken counts
      this.#update(c, scoreboard, now);
    }
    // In recovery what was sent first may have been sent again last.
    if (scoreboard.count === 0) delivery.forgetAll();
    else if (c.phase === Phase.Open) delivery.forgetBefore(scoreboard.firstSentAt);
  }

  /** §5.2.3 (UpdateOnACK). */
  #update(c: Connection, scoreboard: Scoreboard, now: number): void {
    const { path } = this;
    path.observe(c, scoreboard.deliveredBytes, this.#isProbing(), this.#isFullBwReached, now);
    this.#checkFullBw();
    this.#checkStartupDone(c);
    this.#checkDrainDone(c, now);
    this.#updateCycle(c, scoreboard.deliveredBytes, now);
    path.takeRtt(scoreboard.rttSample, now);
    this.#checkProbeRtt(c, now);
    path.conclude();
    this.#pace(c, PACING_GAIN[this.#state]);
    this.#setCwnd(c, scoreboard.deliveredBytes);
  }

  /** §5.6.4.4 (OnEnterRTO); a mark of a router counts as a loss. What fast recovery is about `lossesFound` was told. */
  reduced(c: Connection): void {
    if (c.phase === Phase.Open && c.scoreboard !== null && c.scoreboard.lostBytes > 0) return;
    this.path.noteLoss();
    this.#save(c);
  }

  recovered(c: Connection): void {
    c.cwnd = Math.max(c.cwnd, this.#priorCwnd);
  }

  /** §5.5.11.2 (HandleSpuriousLossDetection). */
  restored(c: Connection): void {
    const { path } = this;
    this.recovered(c);
    path.isLossInRound = false;
    this.#resetFullBw(0);
    path.bwShortTerm = Math.max(path.bwShortTerm, this.#undoBwShortTerm);
    path.inFlightShortTerm = Math.max(path.inFlightShortTerm, this.#undoInFlightShortTerm);
    path.inFlightLongTerm = Math.max(path.inFlightLongTerm, this.#undoInFlightLongTerm);
    const to = this.#undoState;
    this.#undoState = NO_STATE;
    if (to === NO_STATE || to === this.#state) return;
    if (to === BbrState.Startup) this.#isFullBwReached = false;
    if (this.#state === BbrState.ProbeRtt) return;
    if (to === BbrState.Startup) this.#state = BbrState.Startup;
    else this.#startRefill();
  }

  // Startup and Drain. §5.3.1, §5.3.2.

  #resetFullBw(baseline: number): void {
    this.#fullBw = baseline;
    this.#fullBwCount = 0;
    this.#isFullBwNow = false;
  }

  /** Whether the rate has stopped growing. §5.3.1.2. */
  #checkFullBw(): void {
    const { delivery, isRoundStart } = this.path;
    if (this.#isFullBwNow || !isRoundStart || delivery.wasLimited) return;
    if (delivery.rate >= this.#fullBw * FULL_BW_GROWTH) return this.#resetFullBw(delivery.rate);
    this.#fullBwCount++;
    this.#isFullBwNow = this.#fullBwCount >= FULL_BW_ROUNDS;
    if (this.#isFullBwNow) this.#isFullBwReached = true;
  }

  #checkStartupDone(c: Connection): void {
    const { path } = this;
    if (!this.#isFullBwReached && this.#isStartupLossHigh(c)) {
      this.#undoState = BbrState.Startup;
      this.#isFullBwReached = true;
      path.inFlightLongTerm = Math.floor(Math.max(path.bdp, path.inFlightLatest));
    }
    if (path.isLossRoundStart) this.#lossRuns = 0;
    if (this.#state !== BbrState.Startup || !this.#isFullBwReached) return;
    this.#state = BbrState.Drain;
    this.#drainStartRound = path.roundCount;
  }

  /** A whole round trip of recovery, and more loss than there may be, in many places. §5.3.1.3. */
  #isStartupLossHigh(c: Connection): boolean {
    if (c.phase !== Phase.Recovery) return false;
    if (!c.sackOk) return this.#lossRuns > 0;
    return this.path.isLossRoundStart && this.#lossRuns >= STARTUP_LOSSES &&
      this.#isInFlightTooHigh(c);
  }

  #checkDrainDone(c: Connection, now: number): void {
    if (this.#state !== BbrState.Drain) return;
    const { roundCount, bw } = this.path;
    const isLong = roundCount > this.#drainStartRound + DRAIN_ROUNDS;
    if (isLong || pipe(c) <= this.#inFlight(c, bw)) this.#startDown(now);
  }

  // ProbeBW. §5.3.3.

  #isInProbeBw(): boolean {
    return this.#state >= BbrState.ProbeBwDown && this.#state <= BbrState.ProbeBwUp;
  }

  #isProbing(): boolean {
    const state = this.#state;
    return state === BbrState.Startup || state === BbrState.ProbeBwRefill ||
      state === BbrState.ProbeBwUp;
  }

  #startDown(now: number): void {
    this.path.forgetRound();
    this.#pickProbeWait();
    this.#cycleAt = now;
    this.#isStopping = true;
    this.path.startRound();
    this.#state = BbrState.ProbeBwDown;
  }

  #startRefill(): void {
    this.path.forgetShortTerm();
    this.#probeUpRounds = 0;
    this.#probeUpAcked = 0;
    this.#wasPrecautionary = false;
    this.#isStopping = false;
    this.path.startRound();
    this.#state = BbrState.ProbeBwRefill;
  }

  #startUp(c: Connection): void {
    this.#isProbeSample = true;
    this.path.startRound();
    this.#resetFullBw(this.path.delivery.rate);
    this.#state = BbrState.ProbeBwUp;
    this.#raiseSlope(c);
  }

  /** §5.3.3.6 (UpdateProbeBWCyclePhase). */
  #updateCycle(c: Connection, bytes: number, now: number): void {
    if (!this.#isFullBwReached || this.#adaptLongTerm(c, bytes)) return;
    switch (this.#state) {
      case BbrState.ProbeBwDown:
        if (this.#isTimeToProbe(c, now)) this.#startRefill();
        else if (this.#isTimeToCruise(c)) this.#state = BbrState.ProbeBwCruise;
        break;
      case BbrState.ProbeBwCruise:
        if (this.#isTimeToProbe(c, now)) this.#startRefill();
        break;
      case BbrState.ProbeBwRefill:
        if (this.path.isRoundStart) this.#startUp(c);
        break;
      case BbrState.ProbeBwUp:
        if (!this.#isTimeToGoDown(c)) break;
        this.#wasTooHigh = false;
        this.#startDown(now);
        break;
    }
  }

  /** Follows what acknowledgments tell of the last probe. Returns whether that decided the state. §5.3.3.6. */
  #adaptLongTerm(c: Connection, bytes: number): boolean {
    const { path } = this;
    const { delivery } = path;
    if (this.#isStopping && path.isRoundStart) {
      this.#isProbeSample = false;
      this.#isStopping = false;
      if (this.#isInProbeBw()) {
        if (!delivery.wasLimited) path.advanceCycle();
        if (this.#wasPrecautionary && !this.#wasTooHigh) {
          this.#startRefill();
          return true;
        }
      }
    }
    if (this.#isInFlightTooHigh(c) || path.inFlightLongTerm === Infinity) return false;
    path.inFlightLongTerm = Math.max(path.inFlightLongTerm, delivery.inFlightThen);
    if (this.#state === BbrState.ProbeBwUp) this.#probeUpward(c, bytes);
    return false;
  }

  /** The bound rises, the faster the longer nothing speaks against it. */
  #probeUpward(c: Connection, bytes: number): void {
    const { path } = this;
    if (!c.isCwndLimited || c.cwnd < path.inFlightLongTerm) return;
    this.#probeUpAcked += bytes;
    if (this.#probeUpAcked >= this.#probeUpAckedPerStep) {
      const steps = Math.floor(this.#probeUpAcked / this.#probeUpAckedPerStep);
      this.#probeUpAcked -= steps * this.#probeUpAckedPerStep;
      path.inFlightLongTerm += steps * c.mss;
    }
    if (path.isRoundStart) this.#raiseSlope(c);
  }

  #raiseSlope(c: Connection): void {
    const growth = 2 ** this.#probeUpRounds++;
    this.#probeUpAckedPerStep = Math.max(c.cwnd / growth, c.mss);
  }

  #isTimeToProbe(c: Connection, now: number): boolean {
    if (now > this.#cycleAt + this.#probeWait) return true;
    // As often as Reno would meet a loss in as large a window. §5.3.3.5.2.
    const rounds = Math.min(this.#targetInFlight(c) / c.mss, COEXISTENCE_ROUNDS);
    return this.path.roundCount - this.#probedRound >= rounds;
  }

  #pickProbeWait(): void {
    const { roundCount } = this.path;
    this.#dice = (Math.imul(this.#dice, 1664525) + 1013904223) | 0;
    this.#probedRound = roundCount - (this.#dice >>> 31);
    this.#probeWait = PROBE_WAIT_MS +
      PROBE_WAIT_SPREAD_MS * ((this.#dice >>> 8) & 0xffff) / 0x10000;
  }

  #isTimeToCruise(c: Connection): boolean {
    const inFlight = pipe(c);
    return inFlight <= this.#withHeadroom(c) && inFlight <= this.#inFlight(c, this.path.maxBw);
  }

  #isTimeToGoDown(c: Connection): boolean {
    const { inFlightLongTerm, delivery } = this.path;
    if (this.#wasTooHigh && pipe(c) >= inFlightLongTerm) {
      this.#wasPrecautionary = true;
      return true;
    }
    if (c.isCwndLimited && c.cwnd >= inFlightLongTerm) {
      this.#resetFullBw(delivery.rate); // it is this bound that keeps the rate down
      return false;
    }
    return this.#isFullBwNow;
  }

  // Loss. §5.5.10.

  /** Whether what the last sample, or loss, is about was more than the path bears. */
  #isInFlightTooHigh(c: Connection): boolean {
    const { lostSince, inFlightThen } = this.path.delivery;
    return lostSince > inFlightThen * LOSS_THRESHOLD || (lostSince > 0 && !c.sackOk);
  }

  #handleTooHigh(c: Connection, inFlight: number, now: number): void {
    const { path } = this;
    this.#wasTooHigh = true;
    this.#isProbeSample = false; // one answer for each probe
    if (!path.delivery.wasLimited) {
      path.inFlightLongTerm = Math.floor(Math.max(inFlight, this.#targetInFlight(c) * BETA));
    }
    if (this.#state !== BbrState.ProbeBwUp) return;
    this.#undoState = BbrState.ProbeBwUp;
    this.#startDown(now);
  }

  #save(c: Connection): void {
    const { path } = this;
    this.#saveCwnd(c);
    this.#undoState = NO_STATE;
    this.#undoBwShortTerm = path.bwShortTerm;
    this.#undoInFlightShortTerm = path.inFlightShortTerm;
    this.#undoInFlightLongTerm = path.inFlightLongTerm;
  }

  #saveCwnd(c: Connection): void {
    const isGood = c.phase === Phase.Open && this.#state !== BbrState.ProbeRtt;
    this.#priorCwnd = isGood ? c.cwnd : Math.max(this.#priorCwnd, c.cwnd);
  }

  // ProbeRTT. §5.3.4.

  #checkProbeRtt(c: Connection, now: number): void {
    const { path } = this;
    if (this.#state !== BbrState.ProbeRtt && path.isRttOld && !this.#isIdleRestart) {
      this.#saveCwnd(c);
      this.#state = BbrState.ProbeRtt;
      this.#probeRttDoneAt = 0;
      this.#isStopping = true;
      path.startRound();
    }
    if (this.#state === BbrState.ProbeRtt) this.#handleProbeRtt(c, now);
    this.#isIdleRestart = false;
  }

  #handleProbeRtt(c: Connection, now: number): void {
    const { path } = this;
    this.idle(c); // low rates say nothing now
    if (this.#probeRttDoneAt === 0) {
      if (pipe(c) > this.#probeRttCwnd(c)) return;
      this.#probeRttDoneAt = now + PROBE_RTT_MS;
      this.#hasProbeRttRound = false;
      path.startRound();
      return;
    }
    if (path.isRoundStart) this.#hasProbeRttRound = true;
    if (this.#hasProbeRttRound) this.#checkProbeRttDone(c, now);
  }

  #checkProbeRttDone(c: Connection, now: number): void {
    if (this.#probeRttDoneAt === 0 || now <= this.#probeRttDoneAt) return;
    this.path.renewRtt(now);
    this.recovered(c);
    this.path.forgetShortTerm();
    if (!this.#isFullBwReached) {
      this.#state = BbrState.Startup;
      return;
    }
    this.#startDown(now);
    this.#state = BbrState.ProbeBwCruise;
  }

  // Pace and window. §5.6.

  /**
   * Deviates from §5.6.2: never less than a segment in a round trip. On a path
   * that was dead for minutes the rate measured is none to go on with.
   */
  #pace(c: Connection, gain: number): void {
    const rate = Math.max(gain * this.path.bw * PACING_MARGIN, c.mss / roundTrip(c));
    if (this.#isFullBwReached || rate > this.#pacer.rate) this.#pacer.rate = rate;
  }

  #setCwnd(c: Connection, bytes: number): void {
    const { path } = this;
    const most = this.#quantized(
      c,
      this.#bdpTimes(c, path.bw, CWND_GAIN[this.#state]) + path.extraAcked,
    );
    let cwnd = c.cwnd;
    if (this.#isFullBwReached) cwnd = Math.min(cwnd + bytes, most);
    else if (cwnd < most || path.delivery.delivered < initialWindowOf(c)) cwnd += bytes;
    cwnd = Math.max(cwnd, LEAST_CWND * c.mss);
    if (this.#state === BbrState.ProbeRtt) cwnd = Math.min(cwnd, this.#probeRttCwnd(c));
    c.cwnd = Math.floor(Math.min(cwnd, this.#cap(c), MAX_CWND));
  }

  /** The volume that recent and less recent loss leaves. §5.6.4.6 (BoundCwndForModel). */
  #cap(c: Connection): number {
    const { inFlightLongTerm, inFlightShortTerm } = this.path;
    let cap = Infinity;
    if (this.#state === BbrState.ProbeRtt || this.#state === BbrState.ProbeBwCruise) {
      cap = this.#withHeadroom(c);
    } else if (this.#isInProbeBw()) {
      cap = inFlightLongTerm;
    }
    return Math.max(Math.min(cap, inFlightShortTerm), LEAST_CWND * c.mss);
  }

  /** InflightWithHeadroom(): leaves some of the path to others. */
  #withHeadroom(c: Connection): number {
    const { inFlightLongTerm } = this.path;
    if (inFlightLongTerm === Infinity) return Infinity;
    const headroom = Math.max(c.mss, HEADROOM * inFlightLongTerm);
    return Math.max(inFlightLongTerm - headroom, LEAST_CWND * c.mss);
  }

  #targetInFlight(c: Connection): number {
    return Math.min(this.path.bdp, c.cwnd);
  }

  #probeRttCwnd(c: Connection): number {
    const window = this.#bdpTimes(c, this.path.bw, CWND_GAIN[BbrState.ProbeRtt]);
    return Math.max(window, LEAST_CWND * c.mss);
  }

  /** Inflight(1.0): what fills the path at the rate of `bw`. */
  #inFlight(c: Connection, bw: number): number {
    return this.#quantized(c, this.#bdpTimes(c, bw, 1));
  }

  #bdpTimes(c: Connection, bw: number, gain: number): number {
    const { minRtt } = this.path;
    return minRtt === Infinity ? initialWindowOf(c) : gain * bw * minRtt;
  }

  /** QuantizationBudget(). */
  #quantized(c: Connection, volume: number): number {
    const budget = OFFLOAD_QUANTA * this.#pacer.quantum(c.mss);
    const most = Math.max(volume, budget, LEAST_CWND * c.mss);
    return this.#state === BbrState.ProbeBwUp ? most + 2 * c.mss : most;
  }
}

/** C.srtt; a millisecond until it is known. §5.6.2. */
function roundTrip(c: Connection): number {
  return c.srttUs === 0 ? 1 : c.srttUs / 1000;
}

/** The one instance; what it remembers is in the `Bbr` of a connection. */
export const BBR: CongestionControl = {
  name: "bbr",

  modelOf(c: Connection, now: number): PathModel {
    return c.model ?? new Bbr(c, now);
  },

  acknowledged(): void {},

  // Where the model has not begun, for it begins with a flight, cwnd falls as CUBIC's would.
  reduced(c: Connection, flight: number): number {
    if (c.model === null) return Math.max(Math.floor(flight * BETA), 2 * c.mss);
    c.model.reduced(c);
    return c.ssthresh;
  },

  restored(c: Connection): void {
    c.model?.restored(c);
  },

  resumed(): void {},
};
