/**
 * Scoreboard: what is in flight, remembered per range. RFC 2018 §5,
 * RFC 6675 §3, RFC 8985 §6.
 *
 * A 64 KiB super-segment is one range until a SACK block or a retransmission
 * cuts it, so it behaves like forty segments and costs like one. Ranges sent
 * in the same turn are one. They lie side by side: each begins where the one
 * before it ends.
 *
 * An acknowledgment costs what it changes, however many ranges there are: what
 * was sent once is in order of time already, what was sent again stands in a
 * queue of its own, and two places are remembered before which there is nothing
 * to do.
 */

import { seqGeq, seqGt, seqLeq, seqLt, seqMax, seqMin } from "../wire/seq.ts";
import { RowQueue } from "./row_queue.ts";

const MAX_RANGES = 4096;

/** One range is a row of five numbers. */
const STRIDE = 5;
const END = 1;
const SENT_AT = 2;
const FLAGS = 3;
/** The segments' size; of a SACKED range, how many segments it holds. */
const SIZE = 4;

/** A row of the queue of retransmissions: first sequence number, the one behind, and when. */
const RESENT_STRIDE = 3;

/** The receiver holds the range. */
const SACKED = 1;
/** The range is taken for lost and not sent again yet. */
const LOST = 2;
/** The range was sent more than once: it gives no RTT sample (Karn). RFC 6298 §3. */
const RETRANSMITTED = 4;

/** Ranges in flight, ascending. Times are int32 microseconds, compared modulo 2^32. */
export class Scoreboard {
  readonly #ranges = new RowQueue(STRIDE);
  readonly #resent = new RowQueue(RESENT_STRIDE);

  /** Bytes that the receiver reported beyond SND.UNA; without SACK, the credit of duplicates. */
  sackedBytes = 0;
  /** Segments that the receiver reported beyond SND.UNA. */
  sackedSegments = 0;
  /** Bytes taken for lost and not sent again yet. */
  lostBytes = 0;

  /** All ranges sent once before this sequence number are SACKED or LOST. */
  #judgedEnd = 0;
  /** Nothing before this sequence number is LOST. */
  #lostStart = 0;
  /** Behind the highest byte known to be delivered: RACK.fack, and its value before this acknowledgment. */
  #fack = 0;
  #priorFack = 0;
  /** When the newest delivered bytes were sent, and where they end: RACK.xmit_ts, RACK.end_seq. RFC 8985 §5.2. */
  #rackSentAt = 0;
  #rackEnd = 0;
  #hasRack = false;
  /** RACK.rtt in µs. */
  #rackRtt = 0;
  /** What is answered left that long ago at least, in µs; 0 for what SACK reports, of which timestamps say nothing. */
  #echoAge = 0;
  /** Behind what was in flight when all of it was taken for lost. */
  #timeoutEnd = 0;

  // What the acknowledgment told since `beginAcknowledgment`.

  /** The RTT measured, in µs; -1: none. */
  rttSample = -1;
  /** Bytes that left the network: newly acknowledged or SACKed. RFC 9937 §6 (DeliveredData). */
  deliveredBytes = 0;
  /** Whether bytes were delivered that were sent once, and before others delivered earlier. RFC 8985 §6.2 step 3. */
  sawReordering = false;
  /** Whether bytes were delivered that were in flight at the timeout and not sent again. RFC 5682 §3.1. */
  sawOriginal = false;

  /** When the newest of the bytes left that were delivered; only if there are any. */
  newestSentAt = 0;

  // What was taken for lost since `forgetLosses`.

  /** Bytes, and the runs in which they lay. */
  newlyLostBytes = 0;
  newlyLostRuns = 0;
  /** When the newest of it left. */
  newestLostAt = 0;
  #lastLostEnd = 0;

  /** The least RTT known of this path, in µs. Kept by the connection, lent with the flight. RFC 8985 §6.2 step 1. */
  minRttUs = 0;

  /** Whether retransmissions are in flight. */
  get hasResent(): boolean {
    return this.#resent.count > 0;
  }

  /** Ranges in flight. */
  get count(): number {
    return this.#ranges.count;
  }

  /** When the first byte in flight was sent last. Only if there is one. */
  get firstSentAt(): number {
    return this.#ranges.rows[this.#ranges.head * STRIDE + SENT_AT];
  }

  /** Payload bytes of the first segment in flight. Only if there is one. */
  get firstSize(): number {
    return this.#sizeOf(this.#ranges.head * STRIDE);
  }

  /** Forgets everything; the flight is over. */
  clear(): void {
    this.#ranges.clear();
    this.#resent.clear();
    this.sackedBytes = 0;
    this.sackedSegments = 0;
    this.lostBytes = 0;
    this.#hasRack = false;
    this.rttSample = -1;
    this.forgetLosses();
  }

  /** What is taken for lost from now on is news. */
  forgetLosses(): void {
    this.newlyLostBytes = 0;
    this.newlyLostRuns = 0;
  }

  /** What is told from now on belongs to one acknowledgment. */
  beginAcknowledgment(): void {
    this.rttSample = -1;
    this.#echoAge = 0;
    this.deliveredBytes = 0;
    this.sawReordering = false;
    this.sawOriginal = false;
    this.#priorFack = this.#fack;
  }

  /** `[start, end)` was sent for the first time, in segments of `size` bytes and perhaps a short one. */
  sent(start: number, end: number, size: number, atUs: number): void {
    const ranges = this.#ranges;
    const rows = ranges.rows;
    if (ranges.count === 0) {
      this.#judgedEnd = this.#lostStart = this.#fack = start;
    } else {
      const last = (ranges.tail - 1) * STRIDE;
      const isAlike = rows[last + FLAGS] === 0 && rows[last + SENT_AT] === atUs &&
        rows[last + SIZE] === size && ((start - rows[last]) | 0) % size === 0;
      if (isAlike) {
        rows[last + END] = end;
        return;
      }
    }
    ranges.reserve();
    this.#set(ranges.tail++, start, end, atUs, 0, size);
  }

  /**
   * Everything before `una` arrived. The segment that is answered left at least
   * `echoAgeUs` ago, as its timestamp tells; 0: it does not.
   */
  acknowledge(una: number, nowUs: number, echoAgeUs: number = 0): void {
    const ranges = this.#ranges;
    this.#echoAge = echoAgeUs;
    ranges.reserve();
    const rows = ranges.rows;
    const sampleOfSacks = this.rttSample;
    let isAmbiguous = false;
    while (ranges.head < ranges.tail) {
      const at = ranges.head * STRIDE;
      if (seqGeq(rows[at], una)) break;
      const isWhole = seqLeq(rows[at + END], una);
      const end = isWhole ? rows[at + END] : una;
      const length = (end - rows[at]) | 0;
      const flags = rows[at + FLAGS];
      if ((flags & SACKED) !== 0) {
        this.sackedBytes -= length;
        // The peer acknowledges a part of what it reported: the rest counts as one segment.
        const segments = isWhole ? rows[at + SIZE] : Math.max(0, rows[at + SIZE] - 1);
        this.sackedSegments -= segments;
        rows[at + SIZE] -= segments;
      } else {
        this.#delivered(at, end, nowUs);
        if ((flags & RETRANSMITTED) !== 0) isAmbiguous = true;
      }
      if ((flags & LOST) !== 0) this.lostBytes -= length;
      if (!isWhole) {
        this.#cutFront(at, length);
        break;
      }
      ranges.head++;
    }
    // What lies behind a hole may have waited at the receiver: its age is no round trip.
    if (isAmbiguous) this.rttSample = sampleOfSacks;
    if (ranges.head === ranges.tail) ranges.clear();
    const resent = this.#resent;
    while (resent.head < resent.tail) {
      if (seqGt(resent.rows[resent.head * RESENT_STRIDE + END], una)) break;
      resent.head++;
    }
  }

  /**
   * The receiver holds `[start, end)`; segments which it holds in part do not
   * count, as in Linux. Returns how many of these bytes were news. A receiver
   * that cuts the flight into more than 4096 ranges is not followed further
   * (SEC-05).
   */
  sack(start: number, end: number, nowUs: number): number {
    if (this.count >= MAX_RANGES) return 0;
    this.#ranges.reserve(); // only the first and the last range met can be cut
    const rows = this.#ranges.rows;
    let news = 0;
    let i = this.#firstEndingAfter(start);
    for (; i < this.#ranges.tail && seqLt(rows[i * STRIDE], end); i++) {
      const at = i * STRIDE;
      if ((rows[at + FLAGS] & SACKED) !== 0) continue;
      const size = rows[at + SIZE];
      const first = rows[at];
      const length = (rows[at + END] - first) | 0;
      const from = Math.max(0, (start - first) | 0);
      const to = Math.min(length, (end - first) | 0);
      const fromWhole = from + (size - from % size) % size;
      // All but a FIN at the end of the flight is all: there are receivers that never report it.
      const isWhole = to === length || (to === length - 1 && i === this.#ranges.tail - 1);
      const toWhole = isWhole ? to : to - to % size;
      if (toWhole <= fromWhole) continue;
      this.#take(at, fromWhole, toWhole, nowUs);
      news += toWhole - fromWhole;
      i = this.#markSacked(i, fromWhole, toWhole);
    }
    return news;
  }

  /** A duplicate acknowledgment of a peer without SACK: `bytes` more have left the network. RFC 5681 §3.2 step 4. */
  creditDuplicate(bytes: number): void {
    const before = this.sackedBytes;
    this.sackedBytes += bytes;
    this.#limitCredit(bytes);
    this.deliveredBytes += Math.max(0, this.sackedBytes - before);
  }

  /** Not all of the flight can have arrived, whatever the peer says: `hole` bytes have not (SEC-10). */
  #limitCredit(hole: number): void {
    const rows = this.#ranges.rows;
    const flight = this.count === 0
      ? 0
      : (rows[(this.#ranges.tail - 1) * STRIDE + END] - rows[this.#ranges.head * STRIDE]) | 0;
    const most = Math.max(0, flight - Math.max(this.lostBytes, hole));
    this.sackedBytes = Math.min(this.sackedBytes, most);
  }

  /**
   * SND.UNA moved by `acked` bytes, of which only a hole's were not credited
   * before. RFC 6582 §3.2 step 3; Linux: tcp_remove_reno_sacks.
   */
  takeCredit(acked: number, hole: number): void {
    const credited = Math.min(this.sackedBytes, Math.max(0, acked - hole));
    this.sackedBytes -= credited;
    this.deliveredBytes -= credited;
    this.#limitCredit(hole);
  }

  /**
   * Takes for lost what was sent before something that was delivered, more than
   * RACK.rtt + `reorderWindowUs` ago. Returns after how many µs the next range
   * will be, 0 if none waits. RFC 8985 §6.2 step 5.
   */
  detectLoss(nowUs: number, reorderWindowUs: number): number {
    if (!this.#hasRack) return 0;
    const age = (this.#rackRtt + reorderWindowUs - nowUs) | 0;
    const first = this.#judgeOriginals(age);
    const again = this.#judgeRetransmissions(age);
    return first === 0 ? again : again === 0 ? first : Math.min(first, again);
  }

  /** What was sent once stands in order of time. */
  #judgeOriginals(age: number): number {
    const rows = this.#ranges.rows;
    for (let i = this.#firstEndingAfter(this.#judgedEnd); i < this.#ranges.tail; i++) {
      const at = i * STRIDE;
      this.#judgedEnd = rows[at];
      if (rows[at + FLAGS] !== 0) continue;
      if (!this.#isBeforeRack(rows[at + SENT_AT], rows[at + END])) return 0;
      const remaining = (rows[at + SENT_AT] + age) | 0;
      if (remaining > 0) return remaining;
      this.#lose(at);
    }
    return 0;
  }

  /** A retransmission is lost like anything else. RFC 8985 §3.2. */
  #judgeRetransmissions(age: number): number {
    const resent = this.#resent;
    const rows = resent.rows;
    while (resent.head < resent.tail) {
      const at = resent.head * RESENT_STRIDE;
      const start = rows[at];
      const end = rows[at + END];
      const sentAt = rows[at + SENT_AT];
      // Of what was sent at once the part before the delivered bytes is judged.
      if (!this.#isBeforeRack(sentAt, start)) return 0;
      const remaining = (sentAt + age) | 0;
      const isWhole = this.#isBeforeRack(sentAt, end);
      const found = this.#judgeResent(start, isWhole ? end : this.#rackEnd, sentAt, remaining <= 0);
      if (found && remaining > 0) return remaining;
      if (isWhole) resent.head++;
      else rows[at] = this.#rackEnd;
    }
    return 0;
  }

  /** Returns whether some of the run is in flight still, since `sentAt`; it is taken for lost if `isLate`. */
  #judgeResent(start: number, end: number, sentAt: number, isLate: boolean): boolean {
    const rows = this.#ranges.rows;
    for (let i = this.#firstEndingAfter(start); i < this.#ranges.tail; i++) {
      const at = i * STRIDE;
      if (seqGeq(rows[at], end)) break;
      if (rows[at + FLAGS] !== RETRANSMITTED || rows[at + SENT_AT] !== sentAt) continue;
      if (!isLate) return true;
      this.#lose(at);
    }
    return false;
  }

  #isBeforeRack(sentAt: number, end: number): boolean {
    const later = (this.#rackSentAt - sentAt) | 0;
    return later > 0 || (later === 0 && seqGt(this.#rackEnd, end));
  }

  /**
   * Takes for lost what was sent once and has `threshold` SACKed ranges, or more
   * than `threshold` - 1 segments of `mss` SACKed bytes, above it. RFC 6675 §4 (IsLost).
   */
  detectLossBySacks(threshold: number, mss: number): void {
    const rows = this.#ranges.rows;
    let bytes = 0;
    let ranges = 0;
    let i = this.#ranges.tail - 1;
    for (; i >= this.#ranges.head && bytes <= (threshold - 1) * mss && ranges < threshold; i--) {
      const at = i * STRIDE;
      if ((rows[at + FLAGS] & SACKED) === 0) continue;
      bytes += (rows[at + END] - rows[at]) | 0;
      ranges++;
    }
    // Where there is not as much, `i` is before the first range.
    for (let k = this.#firstEndingAfter(this.#judgedEnd); k <= i; k++) {
      const at = k * STRIDE;
      this.#judgedEnd = rows[at + END];
      if (rows[at + FLAGS] === 0) this.#lose(at);
    }
  }

  /**
   * Takes everything not reported by the receiver for lost: the retransmission
   * timer expired. RFC 8985 §6.3. A receiver that reported the first byte and did
   * not acknowledge it has discarded it: then no report counts. RFC 2018 §8.
   */
  loseAll(): void {
    const rows = this.#ranges.rows;
    const hasReneged = this.count > 0 && (rows[this.#ranges.head * STRIDE + FLAGS] & SACKED) !== 0;
    for (let i = this.#ranges.head; i < this.#ranges.tail; i++) {
      const at = i * STRIDE;
      if (hasReneged && (rows[at + FLAGS] & SACKED) !== 0) {
        // Reported bytes were joined without their history: they give no RTT sample.
        rows[at + FLAGS] = RETRANSMITTED;
        rows[at + SIZE] = Math.ceil(((rows[at + END] - rows[at]) | 0) / rows[at + SIZE]);
      }
      if ((rows[at + FLAGS] & (SACKED | LOST)) === 0) this.#lose(at);
    }
    if (hasReneged || this.sackedSegments === 0) this.sackedBytes = this.sackedSegments = 0;
    this.#resent.clear();
    if (this.count > 0) this.#timeoutEnd = rows[(this.#ranges.tail - 1) * STRIDE + END];
  }

  /** Takes for lost what was sent in segments of more than `size` bytes: no router will carry those. RFC 1191 §6.4. */
  loseLargerThan(size: number): void {
    const rows = this.#ranges.rows;
    for (let i = this.#ranges.head; i < this.#ranges.tail; i++) {
      const at = i * STRIDE;
      if ((rows[at + FLAGS] & (SACKED | LOST)) !== 0) continue;
      if (this.#sizeOf(at) > size) this.#lose(at);
    }
    if (this.sackedSegments === 0) this.#limitCredit(0);
  }

  /** Whether the byte `seq`, which is in flight, is taken for lost. */
  isLost(seq: number): boolean {
    const at = this.#firstEndingAfter(seq) * STRIDE;
    return (this.#ranges.rows[at + FLAGS] & LOST) !== 0;
  }

  /**
   * Whether anything is taken for lost that was sent in segments of at most `size`
   * bytes. Others were larger than the path is known to carry: their loss is no
   * congestion. RFC 1191 §6.4, RFC 4821 §7.6.2.
   */
  hasLost(size: number): boolean {
    const rows = this.#ranges.rows;
    for (let i = this.#firstEndingAfter(this.#lostStart); i < this.#ranges.tail; i++) {
      const at = i * STRIDE;
      if ((rows[at + FLAGS] & LOST) !== 0 && rows[at + SIZE] <= size) return true;
    }
    return false;
  }

  /** Nothing was lost after all: the timeout was spurious. RFC 5682 §3.1; Linux: tcp_undo_cwnd_reduction. */
  findAll(): void {
    const rows = this.#ranges.rows;
    for (let i = this.#ranges.head; i < this.#ranges.tail; i++) rows[i * STRIDE + FLAGS] &= ~LOST;
    this.lostBytes = 0;
    if (this.count > 0) this.#judgedEnd = rows[this.#ranges.head * STRIDE];
  }

  /**
   * Takes the first `length` bytes in flight for lost, unless they are already or
   * were SACKed. For peers without SACK. RFC 6582 §3.2.
   */
  loseFirst(length: number): void {
    this.#ranges.reserve();
    const rows = this.#ranges.rows;
    const at = this.#ranges.head * STRIDE;
    if (this.count === 0 || (rows[at + FLAGS] & (SACKED | LOST)) !== 0) return;
    if (((rows[at + END] - rows[at]) | 0) > length) this.#split(this.#ranges.head, length);
    this.#lose(at);
    if (this.sackedSegments === 0) this.#limitCredit(0);
  }

  /** Index of the first lost range, for `start` and `end`, valid until the next change; -1: none. */
  firstLost(): number {
    if (this.lostBytes === 0) return -1;
    const rows = this.#ranges.rows;
    let i = this.#firstEndingAfter(this.#lostStart);
    while ((rows[i * STRIDE + FLAGS] & LOST) === 0) i++;
    this.#lostStart = rows[i * STRIDE];
    return i;
  }

  /** First sequence number of range `index`. */
  start(index: number): number {
    return this.#ranges.rows[index * STRIDE];
  }

  /** The sequence number behind range `index`. */
  end(index: number): number {
    return this.#ranges.rows[index * STRIDE + END];
  }

  /** The first `length` bytes of the first lost range were sent again, in segments of `size` bytes. */
  resent(length: number, size: number, atUs: number): void {
    this.#ranges.reserve();
    const index = this.firstLost();
    const at = index * STRIDE;
    if (((this.end(index) - this.start(index)) | 0) > length) this.#split(index, length);
    this.lostBytes -= length;
    this.#resend(at, size, atUs);
  }

  /**
   * First sequence number of the last segment in flight, if that is no longer
   * than `size` and neither SACKED nor LOST; else that of the end of the flight.
   */
  lastSegment(size: number): number {
    const rows = this.#ranges.rows;
    const at = (this.#ranges.tail - 1) * STRIDE;
    const end = rows[at + END];
    if ((rows[at + FLAGS] & (SACKED | LOST)) !== 0 || rows[at + SIZE] > size) return end;
    const length = (end - rows[at]) | 0;
    const rest = length % rows[at + SIZE];
    return (end - (rest > 0 ? rest : rows[at + SIZE])) | 0;
  }

  /** The last segment, from `start` on, was sent again as a probe. RFC 8985 §7.3. */
  probed(start: number, atUs: number): void {
    this.#ranges.reserve();
    const rows = this.#ranges.rows;
    const at = (this.#ranges.tail - 1) * STRIDE;
    const before = (start - rows[at]) | 0;
    if (before > 0) this.#split(this.#ranges.tail - 1, before);
    const last = (this.#ranges.tail - 1) * STRIDE;
    this.#resend(last, rows[last + SIZE], atUs);
  }

  #resend(at: number, size: number, atUs: number): void {
    const rows = this.#ranges.rows;
    rows[at + FLAGS] = RETRANSMITTED;
    rows[at + SENT_AT] = atUs;
    rows[at + SIZE] = size;
    const resent = this.#resent;
    resent.reserve();
    const queue = resent.rows;
    const entry = resent.tail++ * RESENT_STRIDE;
    queue[entry] = rows[at];
    queue[entry + END] = rows[at + END];
    queue[entry + SENT_AT] = atUs;
  }

  /** Counts `[from, to)` of the row at `at`, which is not SACKED, as reported. */
  #take(at: number, from: number, to: number, nowUs: number): void {
    const rows = this.#ranges.rows;
    if ((rows[at + FLAGS] & LOST) !== 0) this.lostBytes -= to - from;
    const start = rows[at];
    rows[at] = (start + from) | 0; // for a moment, the row is what is delivered
    this.#delivered(at, (start + to) | 0, nowUs);
    rows[at] = start;
    this.sackedBytes += to - from;
    this.sackedSegments += Math.ceil((to - from) / rows[at + SIZE]);
  }

  /** The bytes from `rows[at]` to `end` left the network. */
  #delivered(at: number, end: number, nowUs: number): void {
    const rows = this.#ranges.rows;
    const sentAt = rows[at + SENT_AT];
    const rtt = (nowUs - sentAt) | 0;
    if (this.deliveredBytes === 0 || ((sentAt - this.newestSentAt) | 0) > 0) {
      this.newestSentAt = sentAt;
    }
    this.deliveredBytes += (end - rows[at]) | 0;
    this.#fack = seqMax(this.#fack, end);
    if ((rows[at + FLAGS] & RETRANSMITTED) === 0) {
      this.rttSample = rtt;
      if (seqLt(rows[at], this.#priorFack)) this.sawReordering = true;
      if (seqLeq(end, this.#timeoutEnd)) this.sawOriginal = true;
    } else if (rtt < this.minRttUs || rtt < this.#echoAge) {
      return; // the acknowledgment of a retransmission may be its original's. RFC 8985 §6.2 step 2
    }
    this.#rackRtt = rtt;
    const later = (sentAt - this.#rackSentAt) | 0;
    if (this.#hasRack && (later < 0 || (later === 0 && seqLeq(end, this.#rackEnd)))) return;
    this.#hasRack = true;
    this.#rackSentAt = sentAt;
    this.#rackEnd = end;
  }

  /** Payload bytes of the largest segment of the row at `at`, which is not SACKED. */
  #sizeOf(at: number): number {
    const rows = this.#ranges.rows;
    return Math.min(rows[at + SIZE], (rows[at + END] - rows[at]) | 0);
  }

  #lose(at: number): void {
    const rows = this.#ranges.rows;
    const length = (rows[at + END] - rows[at]) | 0;
    rows[at + FLAGS] |= LOST;
    this.lostBytes += length;
    this.#lostStart = seqMin(this.#lostStart, rows[at]);
    this.#noteLoss(rows[at], length, rows[at + SENT_AT]);
  }

  #noteLoss(start: number, length: number, sentAt: number): void {
    if (this.newlyLostBytes === 0 || start !== this.#lastLostEnd) this.newlyLostRuns++;
    if (this.newlyLostBytes === 0 || ((sentAt - this.newestLostAt) | 0) >= 0) {
      this.newestLostAt = sentAt;
    }
    this.newlyLostBytes += length;
    this.#lastLostEnd = (start + length) | 0;
  }

  #firstEndingAfter(seq: number): number {
    const rows = this.#ranges.rows;
    let low = this.#ranges.head;
    let high = this.#ranges.tail;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (seqGt(rows[middle * STRIDE + END], seq)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * Marks `[from, to)` of row `i`, counted from its start; delivered ranges need
   * no history, so SACKED neighbours are one. Returns the index of the row where
   * the bytes are now.
   */
  #markSacked(i: number, from: number, to: number): number {
    const rows = this.#ranges.rows;
    const at = i * STRIDE;
    const segments = Math.ceil((to - from) / rows[at + SIZE]);
    const start = rows[at];
    const isWhole = ((rows[at + END] - start) | 0) === to;
    if (from === 0 && i > this.#ranges.head && (rows[at - STRIDE + FLAGS] & SACKED) !== 0) {
      rows[at - STRIDE + END] = (start + to) | 0;
      rows[at - STRIDE + SIZE] += segments;
      if (!isWhole) {
        rows[at] = (start + to) | 0;
        return i - 1;
      }
      this.#ranges.remove(i--);
    } else {
      if (!isWhole) this.#split(i, to);
      if (from > 0) this.#split(i++, from);
      const marked = i * STRIDE;
      rows[marked + FLAGS] = (rows[marked + FLAGS] & RETRANSMITTED) | SACKED;
      rows[marked + SIZE] = segments;
    }
    const next = (i + 1) * STRIDE;
    if (i + 1 < this.#ranges.tail && (rows[next + FLAGS] & SACKED) !== 0) {
      rows[next - STRIDE + END] = rows[next + END];
      rows[next - STRIDE + SIZE] += rows[next + SIZE];
      this.#ranges.remove(i + 1);
    }
    return i;
  }

  /** The first `length` bytes of the first row are gone. The rest of a segment is a row of its own. */
  #cutFront(at: number, length: number): void {
    const rows = this.#ranges.rows;
    const rest = rows[at + SIZE] - length % rows[at + SIZE];
    const isCut = rest < rows[at + SIZE]; // of a SACKED row one segment is left, whose size is 1
    rows[at] = (rows[at] + length) | 0;
    if (isCut && rest < ((rows[at + END] - rows[at]) | 0)) this.#split(this.#ranges.head, rest);
  }

  /** Cuts row `i` behind its first `length` bytes. There is room for one more. */
  #split(i: number, length: number): void {
    const rows = this.#ranges.rows;
    const at = i * STRIDE;
    this.#ranges.double(i);
    rows[at + END] = rows[at + STRIDE] = (rows[at] + length) | 0;
  }

  #set(i: number, start: number, end: number, sentAt: number, flags: number, size: number): void {
    const rows = this.#ranges.rows;
    const at = i * STRIDE;
    rows[at] = start;
    rows[at + END] = end;
    rows[at + SENT_AT] = sentAt;
    rows[at + FLAGS] = flags;
    rows[at + SIZE] = size;
  }
}
