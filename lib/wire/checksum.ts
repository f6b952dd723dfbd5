/**
 * The Internet checksum on numbers. RFC 1071, RFC 1624.
 *
 * A *sum* is a ones' complement sum of 16-bit words, 0 … 65535, of which 0 only
 * stands for no bits at all: every other zero is 65535. The *checksum* in a
 * header is its complement. Sums of bytes come from `Arena.sum`.
 */

/** The sum of 16-bit words that were added up as plain numbers; `total` is 0 … 2^32 - 1. */
export function foldSum(total: number): number {
  const once = (total >>> 16) + (total & 0xffff);
  return (once >>> 16) + (once & 0xffff);
}

/**
 * The sum of two runs of words put one behind the other; the first must have an
 * even length.
 */
export function addSums(a: number, b: number): number {
  const total = a + b;
  return (total >>> 16) + (total & 0xffff);
}

/** The checksum field of a header whose words, that field taken as 0, have this sum. RFC 1071 §1. */
export function checksumOf(sum: number): number {
  return ~sum & 0xffff;
}

/**
 * The sum of an address, given as four int32 words.
 *
 * IPv4 needs no case of its own: the ffff in front of it is a zero of ones'
 * complement arithmetic.
 */
export function addressSum(w0: number, w1: number, w2: number, w3: number): number {
  return foldSum(
    (w0 >>> 16) + (w0 & 0xffff) + (w1 >>> 16) + (w1 & 0xffff) +
      (w2 >>> 16) + (w2 & 0xffff) + (w3 >>> 16) + (w3 & 0xffff),
  );
}

/**
 * The sum of a pseudo-header, IPv4 (RFC 9293 §3.1) or IPv6 (RFC 8200 §8.1):
 * the `addressSum` of either address, the protocol's number, and the length in
 * bytes of what follows the IP header (below 2^32).
 */
export function pseudoHeaderSum(
  sourceSum: number,
  destinationSum: number,
  protocol: number,
  length: number,
): number {
  return foldSum(sourceSum + destinationSum + protocol + (length >>> 16) + (length & 0xffff));
}
