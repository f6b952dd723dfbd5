/**
 * BbrPath: what BBR knows of a path, by what it has delivered and lost.
 * draft-ietf-ccwg-bbr §5.5; the names in capitals and with dots are the draft's.
 */

import type { Connection } from "./connection.ts";
import { DeliveryRate } from "./delivery_rate.ts";
import { WindowedMax } from "./windowed_max.ts";

/** BBR.Beta: what one lossy round trip takes away at most. §2.7. */
export const BETA = 0.7;

/** BBR.MaxBwFilterLen in cycles, BBR.ExtraAckedFilterLen in round trips. §2.9, §2.10. */
const MAX_BW_CYCLES = 2;
const EXTRA_ACKED_ROUNDS = 10;
/** BBR.MinRTTFilterLen and BBR.ProbeRTTInterval, milliseconds. §2.13. */
const MIN_RTT_MS = 10_000;
const PROBE_RTT_INTERVAL_MS = 5_000;

/** The path of one connection. Volumes are bytes, times milliseconds, rates bytes per millisecond. */
export class BbrPath {
  /** C.delivered, C.lost, and RS. */
  readonly delivery = new DeliveryRate();

  /** BBR.max_bw: the best of this cycle of probing and the one before. */
  maxBw = 0;
  /** BBR.bw: `maxBw`, or what recent loss leaves of it. */
  bw = 0;
  readonly #bwFilter = new WindowedMax(MAX_BW_CYCLES);

  /** BBR.min_rtt of the last ten seconds; Infinity: not known. */
  minRtt: number;
  #minRttAt: number;
  /** BBR.probe_rtt_min_delay, probe_rtt_min_stamp: the same for five seconds. */
  #recentRtt = Infinity;
  #recentRttAt: number;
  /** BBR.probe_rtt_expired: those five seconds are over. */
  isRttOld = false;

  /** BBR.extra_acked: how much more than `bw` comes at once. §5.5.9. */
  extraAcked = 0;
  readonly #extraFilter = new WindowedMax(EXTRA_ACKED_ROUNDS);
  #extraSince: number;
  #extraDelivered = 0;

  /** BBR.inflight_longterm, whole bytes, for cwnd is to reach it; Infinity: no bound was met yet. */
  inFlightLongTerm = Infinity;
  /** BBR.bw_shortterm, BBR.inflight_shortterm: since the last loss; Infinity: no bound. */
  bwShortTerm = Infinity;
  inFlightShortTerm = Infinity;
  /** BBR.bw_latest, BBR.inflight_latest: the best of this round trip. */
  #bwLatest = 0;
  inFlightLatest = 0;

  /** BBR.round_count. §5.5.1. */
  roundCount = 0;
  /** BBR.round_start: the last acknowledgment was the first of a round trip. */
  isRoundStart = false;
  #roundEnd = 0;
  /** BBR.loss_round_start, loss_round_delivered, is_loss_in_round: the same, counted from a loss. §5.5.10.3. */
  isLossRoundStart = false;
  isLossInRound = false;
  #lossRoundEnd = 0;

  /** `c` begins to send. §5.2.1. */
  constructor(c: Connection, now: number) {
    this.minRtt = c.srttUs === 0 ? Infinity : c.srttUs / 1000;
    this.#minRttAt = this.#recentRttAt = this.#extraSince = now;
  }

  /** BBR.bdp; 0: not known. */
  get bdp(): number {
    return this.minRtt === Infinity ? 0 : this.bw * this.minRtt;
  }

  /**
   * Takes the sample of an acknowledgment which delivered `bytes`. `isProbing`:
   * loss is no reason to fall back yet. `isFull`: the pipe was full once. §5.5.
   */
  observe(c: Connection, bytes: number, isProbing: boolean, isFull: boolean, now: number): void {
    const rs = this.delivery;
    this.#bwLatest = Math.max(this.#bwLatest, rs.rate);
    this.inFlightLatest = Math.max(this.inFlightLatest, rs.deliveredSince);
    this.isLossRoundStart = rs.deliveredBefore >= this.#lossRoundEnd;
    if (this.isLossRoundStart) this.#lossRoundEnd = rs.delivered;

    this.isRoundStart = rs.deliveredBefore >= this.#roundEnd;
    if (this.isRoundStart) {
      this.startRound();
      this.roundCount++;
      this.#extraFilter.advance();
    }
    // A sample of too little data counts only if it shows that more is possible. §5.5.4.
    if (rs.rate >= this.maxBw || !rs.wasLimited) this.#bwFilter.take(rs.rate);
    this.maxBw = this.#bwFilter.greatest();
    if (this.isLossRoundStart) {
      if (this.isLossInRound && !isProbing) this.#fallBack(c);
      this.isLossInRound = false;
    }
    this.#measureAggregation(bytes, c.cwnd, isFull, now);
  }

  /** Ends what `observe` began, when the state has taken note. §5.2.3. */
  conclude(): void {
    if (this.isLossRoundStart) {
      this.#bwLatest = this.delivery.rate;
      this.inFlightLatest = this.delivery.deliveredSince;
    }
    this.bw = Math.min(this.maxBw, this.bwShortTerm);
  }

  /** A round trip begins now. */
  startRound(): void {
    this.#roundEnd = this.delivery.delivered;
  }

  /** A cycle of probing is over: the filter of `maxBw` looks back on one less. §5.5.6. */
  advanceCycle(): void {
    this.#bwFilter.advance();
  }

  /** Something was lost. §5.5.10.2. */
  noteLoss(): void {
    if (!this.isLossInRound) this.#lossRoundEnd = this.delivery.delivered;
    this.isLossInRound = true;
  }

  /** §5.5.10.3 (ResetCongestionSignals). */
  forgetRound(): void {
    this.isLossInRound = false;
    this.#bwLatest = 0;
    this.inFlightLatest = 0;
  }

  /** §5.5.10.3 (ResetShortTermModel). */
  forgetShortTerm(): void {
    this.bwShortTerm = Infinity;
    this.inFlightShortTerm = Infinity;
  }

  /** A round trip with loss: down to what was delivered in it, but not by more than β. */
  #fallBack(c: Connection): void {
    if (this.bwShortTerm === Infinity) this.bwShortTerm = this.maxBw;
    if (this.inFlightShortTerm === Infinity) this.inFlightShortTerm = c.cwnd;
    this.bwShortTerm = Math.max(this.#bwLatest, BETA * this.bwShortTerm);
    this.inFlightShortTerm = Math.max(this.inFlightLatest, BETA * this.inFlightShortTerm);
  }

  #measureAggregation(bytes: number, cwnd: number, isFull: boolean, now: number): void {
    let expected = this.bw * (now - this.#extraSince);
    if (this.#extraDelivered <= expected) {
      this.#extraDelivered = 0;
      this.#extraSince = now;
      expected = 0;
    }
    this.#extraDelivered += bytes;
    this.#extraFilter.take(Math.min(this.#extraDelivered - expected, cwnd));
    this.extraAcked = this.#extraFilter.greatest(isFull ? EXTRA_ACKED_ROUNDS : 1);
  }

  /** Nothing was sent for a while: silence is no aggregation. §5.4.1. */
  restartAggregation(now: number): void {
    this.#extraSince = now;
  }

  /** Takes a round trip in µs, -1 for none. §5.3.4.3 (UpdateMinRTT). */
  takeRtt(rttUs: number, now: number): void {
    this.isRttOld = now > this.#recentRttAt + PROBE_RTT_INTERVAL_MS;
    const rtt = rttUs / 1000;
    if (rttUs >= 0 && (rtt < this.#recentRtt || this.isRttOld)) {
      this.#recentRtt = rtt;
      this.#recentRttAt = now;
    }
    if (this.#recentRtt < this.minRtt || now > this.#minRttAt + MIN_RTT_MS) {
      this.minRtt = this.#recentRtt;
      this.#minRttAt = this.#recentRttAt;
    }
  }

  /** The queue was drained for long enough: the next time is five seconds from now. */
  renewRtt(now: number): void {
    this.#recentRttAt = now;
  }
}
