/**
 * Sequence number arithmetic, modulo 2^32. RFC 9293 §3.4.
 *
 * A comparison holds for numbers less than 2^31 apart; two that are exactly
 * 2^31 apart are each before the other. Windows are at most 2^30 (RFC 7323
 * §2.3), so that distance is only ever seen in segments which are refused.
 */

/** A sequence number: an int32, its bits those of the number on the wire. */
export type Seq = number;

/** Whether `a` comes before `b`. RFC 9293 §3.4. */
export function seqLt(a: Seq, b: Seq): boolean {
  return ((a - b) | 0) < 0;
}

/** Whether `a` is `b` or comes before it. */
export function seqLeq(a: Seq, b: Seq): boolean {
  return ((a - b) | 0) <= 0;
}

/** Whether `a` comes after `b`. */
export function seqGt(a: Seq, b: Seq): boolean {
  return ((a - b) | 0) > 0;
}

/** Whether `a` is `b` or comes after it. */
export function seqGeq(a: Seq, b: Seq): boolean {
  return ((a - b) | 0) >= 0;
}

/** The later of the two. */
export function seqMax(a: Seq, b: Seq): Seq {
  return ((a - b) | 0) < 0 ? b : a;
}

/** The earlier of the two. */
export function seqMin(a: Seq, b: Seq): Seq {
  return ((a - b) | 0) < 0 ? a : b;
}
