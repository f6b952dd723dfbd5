/**
 * Scoreboard: what is in flight, remembered per range. RFC 2018 §5,
 * RFC 6675 §3, RFC 8985 §6.
 *
 * A 64 KiB super-segment is one range until a SACK block or a retransmission
 * cuts it, so it behaves like forty segments and costs like one. Ranges sent
 * in the same turn are one.
 */

const INITIAL_CAPACITY = 16;
const MAX_RANGES = 4096;

/** The receiver holds the range. */
const SACKED = 1;
/** The range is taken for lost and not sent again yet. */
const LOST = 2;
/** The range was sent more than once: it gives no RTT sample (Karn). RFC 6298 §3. */
const RETRANSMITTED = 4;

/** Ranges in flight, ascending. Times are int32 microseconds, compared modulo 2^32. */
export class Scoreboard {
  #starts = new Int32Array(INITIAL_CAPACITY);
  #ends = new Int32Array(INITIAL_CAPACITY);
  #sentAt = new Int32Array(INITIAL_CAPACITY);
  #flags = new Int32Array(INITIAL_CAPACITY);
  #head = 0;
  #tail = 0;
  /** Bytes that the receiver reported beyond SND.UNA. */
  sackedBytes = 0;
  /** Bytes taken for lost and not sent again yet. */
  lostBytes = 0;
  /** When the newest delivered bytes were sent, and where they end: RACK.xmit_ts, RACK.end_seq. RFC 8985 §5.2. */
  #rackSentAt = 0;
  #rackEnd = 0;
  #hasRack = false;
  /** RACK.rtt in µs. */
  #rackRtt = 0;
  /** The RTT the last call of `acknowledge` or `sack` measured, in µs; -1: none. */
  rttSample = -1;

  /** The least RTT known of this path, in µs. Kept by the connection, lent with the flight. RFC 8985 §6.2 step 1. */
  minRttUs = 0;

  /** Ranges in flight. */
  get count(): number {
    return this.#tail - this.#head;
  }

  /** Forgets everything; the flight is over. */
  clear(): void {
    this.#head = 0;
    this.#tail = 0;
    this.sackedBytes = 0;
    this.lostBytes = 0;
    this.#hasRack = false;
    this.rttSample = -1;
  }

  /** `[start, end)` was sent for the first time. */
  sent(start: number, end: number, atUs: number): void {
    const last = this.#tail - 1;
    if (last >= this.#head && this.#flags[last] === 0 && this.#sentAt[last] === atUs) {
      this.#ends[last] = end;
      return;
    }
    this.#reserve(1);
    this.#set(this.#tail++, start, end, atUs, 0);
  }

  /** Everything before `una` arrived. Sets `rttSample`. */
  acknowledge(una: number, nowUs: number): void {
    this.rttSample = -1;
    let isAmbiguous = false;
    while (this.#head < this.#tail) {
      const i = this.#head;
      if (((this.#starts[i] - una) | 0) >= 0) break;
      const whole = ((this.#ends[i] - una) | 0) <= 0;
      const end = whole ? this.#ends[i] : una;
      const length = (end - this.#starts[i]) | 0;
      if ((this.#flags[i] & SACKED) !== 0) this.sackedBytes -= length;
      else this.#delivered(i, end, nowUs);
      if ((this.#flags[i] & (SACKED | RETRANSMITTED)) === RETRANSMITTED) isAmbiguous = true;
      if ((this.#flags[i] & LOST) !== 0) this.lostBytes -= length;
      if (!whole) {
        this.#starts[i] = una;
        break;
      }
      this.#head++;
    }
    // What lies behind a hole may have waited at the receiver: its age is no round trip.
    if (isAmbiguous) this.rttSample = -1;
    if (this.#head === this.#tail) {
      this.#head = 0;
      this.#tail = 0;
    }
  }

  /**
   * The receiver holds `[start, end)`. Returns how many of these bytes were news.
   * Sets `rttSample` if any were. A receiver that cuts the flight into more than
   * 4096 ranges is not followed further (SEC-05).
   */
  sack(start: number, end: number, nowUs: number): number {
    if (this.count >= MAX_RANGES) return 0;
    let news = 0;
    this.#reserve(2); // only the first and the last range met can be cut
    let i = this.#firstEndingAfter(start);
    while (i < this.#tail && ((this.#starts[i] - end) | 0) < 0) {
      if ((this.#flags[i] & SACKED) !== 0) {
        i++;
        continue;
      }
      i = this.#cut(i, start, end);
      const length = (this.#ends[i] - this.#starts[i]) | 0;
      if ((this.#flags[i] & LOST) !== 0) this.lostBytes -= length;
      this.#delivered(i, this.#ends[i], nowUs);
      this.#flags[i] = (this.#flags[i] & RETRANSMITTED) | SACKED;
      this.sackedBytes += length;
      news += length;
      i = this.#joinSacked(i) + 1;
    }
    return news;
  }

  /**
   * Takes for lost what was sent before something that was delivered, more than
   * RACK.rtt + `reorderWindowUs` ago. Returns after how many µs the next range
   * will be, 0 if none waits. RFC 8985 §6.2 step 5.
   */
  detectLoss(nowUs: number, reorderWindowUs: number): number {
    if (!this.#hasRack) return 0;
    let wait = 0;
    for (let i = this.#head; i < this.#tail; i++) {
      if ((this.#flags[i] & (SACKED | LOST)) !== 0) continue;
      const age = (this.#rackSentAt - this.#sentAt[i]) | 0;
      if (age < 0) continue;
      if (age === 0 && ((this.#rackEnd - this.#ends[i]) | 0) <= 0) continue;
      const remaining = (this.#sentAt[i] + this.#rackRtt + reorderWindowUs - nowUs) | 0;
      if (remaining <= 0) this.#lose(i);
      else if (remaining > wait) wait = remaining;
    }
    return wait;
  }

  /**
   * Takes everything not reported by the receiver for lost: the retransmission
   * timer expired. RFC 8985 §6.3. A receiver that reported the first byte and did
   * not acknowledge it has discarded it: then no report counts. RFC 2018 §8.
   */
  loseAll(): void {
    const hasReneged = this.count > 0 && (this.#flags[this.#head] & SACKED) !== 0;
    for (let i = this.#head; i < this.#tail; i++) {
      // Reported bytes were joined without their history: they give no RTT sample.
      if (hasReneged && (this.#flags[i] & SACKED) !== 0) this.#flags[i] = RETRANSMITTED;
      if ((this.#flags[i] & (SACKED | LOST)) === 0) this.#lose(i);
    }
    if (hasReneged) this.sackedBytes = 0;
  }

  /** Takes the first `length` bytes in flight for lost, unless they are already or were SACKed. RFC 6582 §3.2. */
  loseFirst(length: number): void {
    this.#reserve(1);
    const i = this.#head;
    if (i === this.#tail || (this.#flags[i] & (SACKED | LOST)) !== 0) return;
    const end = (this.#starts[i] + length) | 0;
    if (((this.#ends[i] - end) | 0) > 0) this.#split(i, end);
    this.#lose(i);
  }

  /** Index of the first lost range, for `start` and `end`, valid until the next change; -1: none. */
  firstLost(): number {
    if (this.lostBytes === 0) return -1;
    let i = this.#head;
    while ((this.#flags[i] & LOST) === 0) i++;
    return i;
  }

  /** First sequence number of range `index`. */
  start(index: number): number {
    return this.#starts[index];
  }

  /** The sequence number behind range `index`. */
  end(index: number): number {
    return this.#ends[index];
  }

  /** The first `length` bytes of the first lost range were sent again. */
  resent(length: number, atUs: number): void {
    this.#reserve(1);
    const index = this.firstLost();
    const end = (this.#starts[index] + length) | 0;
    if (((this.#ends[index] - end) | 0) > 0) this.#split(index, end);
    this.#flags[index] = RETRANSMITTED;
    this.#sentAt[index] = atUs;
    this.lostBytes -= length;
  }

  #delivered(i: number, end: number, nowUs: number): void {
    const sentAt = this.#sentAt[i];
    const rtt = (nowUs - sentAt) | 0;
    if ((this.#flags[i] & RETRANSMITTED) === 0) this.rttSample = rtt;
    // The acknowledgment of a retransmission may be its original's. RFC 8985 §6.2 step 2.
    else if (rtt < this.minRttUs) return;
    const later = (sentAt - this.#rackSentAt) | 0;
    if (this.#hasRack && (later < 0 || (later === 0 && ((end - this.#rackEnd) | 0) <= 0))) return;
    this.#hasRack = true;
    this.#rackSentAt = sentAt;
    this.#rackEnd = end;
    this.#rackRtt = rtt;
  }

  #lose(i: number): void {
    this.#flags[i] |= LOST;
    this.lostBytes += (this.#ends[i] - this.#starts[i]) | 0;
  }

  #firstEndingAfter(seq: number): number {
    let low = this.#head;
    let high = this.#tail;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (((this.#ends[middle] - seq) | 0) > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Cuts range `i` down to what lies in `[start, end)`. Returns that part's index. */
  #cut(i: number, start: number, end: number): number {
    if (((this.#starts[i] - start) | 0) < 0) {
      this.#split(i, start);
      i++;
    }
    if (((this.#ends[i] - end) | 0) > 0) this.#split(i, end);
    return i;
  }

  #split(i: number, at: number): void {
    this.#starts.copyWithin(i + 1, i, this.#tail);
    this.#ends.copyWithin(i + 1, i, this.#tail);
    this.#sentAt.copyWithin(i + 1, i, this.#tail);
    this.#flags.copyWithin(i + 1, i, this.#tail);
    this.#tail++;
    this.#ends[i] = at;
    this.#starts[i + 1] = at;
  }

  /** Joins SACKed range `i` with a SACKed neighbour before it: delivered ranges need no history. */
  #joinSacked(i: number): number {
    if (i === this.#head || (this.#flags[i - 1] & SACKED) === 0) return i;
    this.#ends[i - 1] = this.#ends[i];
    this.#starts.copyWithin(i, i + 1, this.#tail);
    this.#ends.copyWithin(i, i + 1, this.#tail);
    this.#sentAt.copyWithin(i, i + 1, this.#tail);
    this.#flags.copyWithin(i, i + 1, this.#tail);
    this.#tail--;
    return i - 1;
  }

  #set(i: number, start: number, end: number, sentAt: number, flags: number): void {
    this.#starts[i] = start;
    this.#ends[i] = end;
    this.#sentAt[i] = sentAt;
    this.#flags[i] = flags;
  }

  /** Makes room for `extra` ranges behind the last. Indices change. */
  #reserve(extra: number): void {
    if (this.#tail + extra <= this.#starts.length) return;
    const count = this.count;
    const capacity = (count + extra) * 2 > this.#starts.length ? this.#starts.length * 2 : 0;
    this.#starts = moved(this.#starts, this.#head, this.#tail, capacity);
    this.#ends = moved(this.#ends, this.#head, this.#tail, capacity);
    this.#sentAt = moved(this.#sentAt, this.#head, this.#tail, capacity);
    this.#flags = moved(this.#flags, this.#head, this.#tail, capacity);
    this.#head = 0;
    this.#tail = count;
  }
}

function moved(from: Int32Array<ArrayBuffer>, head: number, tail: number, capacity: number) {
  if (capacity === 0) return from.copyWithin(0, head, tail);
  const to = new Int32Array(capacity);
  to.set(from.subarray(head, tail));
  return to;
}
