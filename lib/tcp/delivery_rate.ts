/**
 * DeliveryRate: how fast the network delivers what a connection sends, measured
 * by each acknowledgment that delivers something. draft-ietf-ccwg-bbr §4.1.
 *
 * What the draft keeps with each packet is kept once for all that leaves in the
 * same microsecond, and found by when it left.
 */

import { RowQueue } from "./row_queue.ts";

/** One departure is a row of six numbers; the first is when it was. */
const STRIDE = 6;
/** P.delivered and P.lost. */
const DELIVERED = 1;
const LOST = 2;
/** P.delivered_time and P.first_send_time. */
const DELIVERED_AT = 3;
const FIRST_SENT_AT = 4;
/** P.tx_in_flight; negative where P.is_app_limited. */
const IN_FLIGHT = 5;

/** More departures are not remembered; the oldest give no samples then. */
const MAX_DEPARTURES = 4096;

/** The sampler of one connection. Times are int32 microseconds, modulo 2^32; volumes are bytes. */
export class DeliveryRate {
  /** All that was delivered so far, SACKed or acknowledged: C.delivered. */
  delivered = 0;
  /** All that was taken for lost so far: C.lost. */
  lost = 0;

  /** C.delivered_time and C.first_send_time. */
  #deliveredAt = 0;
  #firstSentAt = 0;
  /** C.app_limited; 0: the connection is limited by the network. */
  #limitedEnd = 0;
  readonly #departures = new RowQueue(STRIDE);

  // The sample of the last acknowledgment: RS.

  /** Whether it told anything. */
  hasSample = false;
  /** Bytes per millisecond; 0 if the interval is too short to say. RS.delivery_rate. */
  rate = 0;
  /** What was delivered since the newest delivered bytes left, and what had been before. */
  deliveredSince = 0;
  deliveredBefore = 0;
  /** RS.lost: what was lost since they left. */
  lostSince = 0;
  /** RS.tx_in_flight: what was in flight then, they included. */
  inFlightThen = 0;
  /** RS.is_app_limited: too little was there to be sent. */
  wasLimited = false;

  /** Whether the sender has had too little to send, and that is in flight still. */
  get isLimited(): boolean {
    return this.#limitedEnd > 0;
  }

  /** There is nothing to send now, and room for more than the `inFlight` bytes: samples of these say little. §4.1.2.4. */
  limit(inFlight: number): void {
    this.#limitedEnd = Math.max(this.delivered + inFlight, 1);
  }

  /** `length` bytes leave, and `inFlight` are on their way. §4.1.2.2. */
  sent(length: number, inFlight: number, nowUs: number): void {
    if (inFlight === 0) this.#firstSentAt = this.#deliveredAt = nowUs;
    const departures = this.#departures;
    const total = inFlight + length;
    if (departures.count > 0) {
      const last = (departures.tail - 1) * STRIDE;
      if (departures.rows[last] === nowUs) {
        departures.rows[last + IN_FLIGHT] = this.isLimited ? -total : total;
        return;
      }
    }
    if (departures.count === MAX_DEPARTURES) departures.head++;
    departures.reserve();
    const { rows } = departures;
    const at = departures.tail++ * STRIDE;
    rows[at] = nowUs;
    rows[at + DELIVERED] = this.delivered;
    rows[at + LOST] = this.lost;
    rows[at + DELIVERED_AT] = this.#deliveredAt;
    rows[at + FIRST_SENT_AT] = this.#firstSentAt;
    rows[at + IN_FLIGHT] = this.isLimited ? -total : total;
  }

  /** Nothing is in flight any more: times of before a silence cannot be compared with later ones. */
  forgetAll(): void {
    this.#departures.release();
  }

  /** Nothing that left before `sentAt` is in flight any more. */
  forgetBefore(sentAt: number): void {
    const departures = this.#departures;
    while (
      departures.count > 0 && ((departures.rows[departures.head * STRIDE] - sentAt) | 0) < 0
    ) departures.head++;
  }

  /** An acknowledgment delivered `bytes`, of which the newest left at `sentAt`. §4.1.2.3. */
  acknowledged(bytes: number, sentAt: number, minRttUs: number, nowUs: number): void {
    this.delivered += bytes;
    this.#deliveredAt = nowUs;
    if (this.delivered > this.#limitedEnd) this.#limitedEnd = 0;
    this.rate = 0;
    const at = this.#recall(sentAt);
    this.hasSample = at >= 0;
    if (at < 0) return;
    const { rows } = this.#departures;
    this.deliveredSince = ((this.delivered | 0) - rows[at + DELIVERED]) | 0;
    this.deliveredBefore = this.delivered - this.deliveredSince;
    const sending = (sentAt - rows[at + FIRST_SENT_AT]) | 0;
    const acknowledging = (nowUs - rows[at + DELIVERED_AT]) | 0;
    this.#firstSentAt = sentAt;
    const interval = Math.max(sending, acknowledging);
    if (interval > 0 && interval >= minRttUs) this.rate = this.deliveredSince / (interval / 1000);
  }

  /** `lostSince`, `inFlightThen` and `wasLimited` are about what left at `sentAt`. Returns false when nobody knows. §5.5.10.2. */
  lossOf(sentAt: number): boolean {
    return this.#recall(sentAt) >= 0;
  }

  /** Returns where the row of the departure at `sentAt` begins; -1: there is none any more. */
  #recall(sentAt: number): number {
    const at = this.#find(sentAt);
    if (at < 0) return at;
    const { rows } = this.#departures;
    this.lostSince = ((this.lost | 0) - rows[at + LOST]) | 0;
    this.inFlightThen = Math.abs(rows[at + IN_FLIGHT]);
    this.wasLimited = rows[at + IN_FLIGHT] < 0;
    return at;
  }

  #find(sentAt: number): number {
    const { rows, head, tail } = this.#departures;
    let low = head;
    let high = tail;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (((rows[middle * STRIDE] - sentAt) | 0) < 0) low = middle + 1;
      else high = middle;
    }
    return low < tail && rows[low * STRIDE] === sentAt ? low * STRIDE : -1;
  }
}
