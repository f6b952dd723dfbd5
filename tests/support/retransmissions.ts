/**
 * What became of one direction's segments, from captures at both ends of a link
 * that keeps their order: which were lost, and which were sent again in vain.
 */

/** A segment as one end of the link had it. */
export interface SeenSegment {
  /** When, in seconds, on one clock for both ends. */
  readonly at: number;
  /** SEG.SEQ, as on the wire. */
  readonly seq: number;
  /** Its bytes of data. */
  readonly length: number;
  /** SEG.ACK, as on the wire. */
  readonly ack: number;
  /** SEG.WND, scaled. */
  readonly window: number;
  /** SACK blocks: from, and behind, as on the wire. */
  readonly blocks: readonly (readonly [number, number])[];
  /** TSval, or what else tells two transmissions of the same bytes apart. */
  readonly mark: string;
}

/** What one end of the link had. */
export interface Side {
  /** The direction in question. */
  readonly segments: readonly SeenSegment[];
  /** The other direction. */
  readonly answers: readonly SeenSegment[];
}

/** Segments with data, by what became of them. */
export interface Retransmissions {
  sent: number;
  /** On the way. */
  lost: number;
  /** With bytes that had been sent before. */
  resent: number;
  /** Of those, the ones all of whose bytes had come through: nobody needed them. */
  needless: number;
  /** Needless, and the sender had heard that, or its peer had not said it: the fault of one of them. */
  spurious: number;
}

/** Judges the segments of a direction, fewer than 2^31 bytes. Throws when something arrived that was not sent. */
export function judgeRetransmissions(sender: Side, receiver: Side): Retransmissions {
  const sent = sender.segments.filter((segment) => segment.length > 0);
  const arrivals = arrivalsOf(sent, receiver.segments.filter((segment) => segment.length > 0));
  const lost = arrivals.filter((hasArrived) => !hasArrived).length;
  const result: Retransmissions = { sent: sent.length, lost, resent: 0, needless: 0, spurious: 0 };
  const origin = sent[0]?.seq ?? 0;
  const delivered = new Ranges();
  let sentEnd = 0;
  sent.forEach((segment, index) => {
    const start = (segment.seq - origin) | 0;
    const end = start + segment.length;
    if (start < sentEnd) {
      result.resent++;
      if (delivered.holds(start, end)) {
        result.needless++;
        const wasSaid = receiver.answers.some((answer) => tells(answer, segment));
        const wasHeard = sender.answers.some((answer) => tells(answer, segment));
        if (wasHeard || !wasSaid) result.spurious++;
      }
    }
    sentEnd = Math.max(sentEnd, end);
    if (arrivals[index]) delivered.add(start, end);
  });
  return result;
}

/** How often the right edge of a window moves left, from segment to segment as they were sent. RFC 9293 §3.8.6. */
export function countShrinks(segments: readonly Pick<SeenSegment, "ack" | "window">[]): number {
  const edges = segments.map(({ ack, window }) => (ack + window) | 0);
  return edges.filter((edge, i) => i > 0 && ((edge - edges[i - 1]!) | 0) < 0).length;
}

/** Whether each of them arrived. */
function arrivalsOf(sent: readonly SeenSegment[], arrived: readonly SeenSegment[]): boolean[] {
  let next = 0;
  const arrivals = sent.map((segment) => {
    const hasArrived = next < arrived.length && isSame(segment, arrived[next]!);
    if (hasArrived) next++;
    return hasArrived;
  });
  if (next < arrived.length) {
    throw new Error(`Segment ${next} arrived and was not sent: ${JSON.stringify(arrived[next])}`);
  }
  return arrivals;
}

/** Whether an answer, earlier than `segment` was sent, says that all its bytes had come. */
function tells({ at, ack, blocks }: SeenSegment, segment: SeenSegment): boolean {
  if (at >= segment.at) return false;
  const end = segment.seq + segment.length;
  const covers = ([from, behind]: readonly [number, number]) =>
    ((segment.seq - from) | 0) >= 0 && ((behind - end) | 0) >= 0;
  return ((ack - end) | 0) >= 0 || blocks.some(covers);
}

function isSame(a: SeenSegment, b: SeenSegment): boolean {
  return a.seq === b.seq && a.length === b.length && a.ack === b.ack && a.window === b.window &&
    a.mark === b.mark && a.blocks.join() === b.blocks.join();
}

/** Ranges that neither overlap nor touch, ascending. */
class Ranges {
  #ranges: { start: number; end: number }[] = [];

  add(start: number, end: number): void {
    const isApart = (r: { start: number; end: number }) => r.end < start || r.start > end;
    const touched = this.#ranges.filter((range) => !isApart(range));
    const all = this.#ranges.filter(isApart);
    all.push({
      start: Math.min(start, ...touched.map((range) => range.start)),
      end: Math.max(end, ...touched.map((range) => range.end)),
    });
    this.#ranges = all.sort((a, b) => a.start - b.start);
  }

  holds(start: number, end: number): boolean {
    return this.#ranges.some((range) => range.start <= start && end <= range.end);
  }
}
