import { assert, assertEquals } from "@std/assert";
import { Scoreboard } from "../../lib/tcp/scoreboard.ts";
import { randomWords } from "../support/random.ts";
import { STARTS } from "./support.ts";

/** One byte in flight, as simply as can be. */
interface Byte {
  sentAt: number;
  /** Where its segment begins and ends. */
  start: number;
  end: number;
  isSacked: boolean;
  isLost: boolean;
  isRetransmitted: boolean;
}

/** Segments are of this size, but for a last short one. */
const SIZE = 16;

/** What RFC 2018 and RFC 8985 say, byte by byte. Offsets count from the first byte ever sent. */
class Model {
  readonly bytes: Byte[] = [];
  una = 0;
  rttSample = -1;
  deliveredBytes = 0;
  sawReordering = false;
  minRtt = 0;
  #fack = 0;
  #priorFack = 0;
  #rack: { sentAt: number; end: number; rtt: number } | null = null;

  get flight(): number[] {
    return Array.from({ length: this.bytes.length - this.una }, (_, i) => this.una + i);
  }

  count(flag: "isSacked" | "isLost"): number {
    return this.flight.filter((i) => this.bytes[i][flag]).length;
  }

  /** Segments of which the last byte is reported. */
  get sackedSegments(): number {
    return this.flight.filter((i) => this.bytes[i].isSacked && this.bytes[i].end === i + 1).length;
  }

  firstLost(): number {
    return this.flight.find((i) => this.bytes[i].isLost) ?? -1;
  }

  sent(length: number, at: number): void {
    const base = this.bytes.length;
    for (let i = 0; i < length; i++) {
      this.bytes.push({
        sentAt: at,
        ...segmentAround(base, i, base + length),
        isSacked: false,
        isLost: false,
        isRetransmitted: false,
      });
    }
  }

  beginAcknowledgment(): void {
    this.rttSample = -1;
    this.deliveredBytes = 0;
    this.sawReordering = false;
    this.#priorFack = this.#fack;
  }

  acknowledge(una: number, now: number): void {
    let isAmbiguous = false;
    for (; this.una < una; this.una++) {
      const { isSacked, isRetransmitted } = this.bytes[this.una];
      if (isSacked) continue;
      this.#delivered(this.una, now);
      isAmbiguous ||= isRetransmitted;
    }
    if (isAmbiguous) this.rttSample = -1;
  }

  sack(start: number, end: number, now: number): number {
    let news = 0;
    for (let i = Math.max(start, this.una); i < end; i++) {
      const byte = this.bytes[i];
      const isWhole = start <= Math.max(byte.start, this.una) && byte.end <= end;
      if (byte.isSacked || !isWhole) continue;
      this.#delivered(i, now);
      byte.isSacked = true;
      byte.isLost = false;
      news++;
    }
    return news;
  }

  detectLoss(now: number, window: number): number {
    const rack = this.#rack;
    if (rack === null) return 0;
    let wait = 0;
    for (const i of this.flight) {
      const byte = this.bytes[i];
      const isLater = rack.sentAt > byte.sentAt ||
        (rack.sentAt === byte.sentAt && rack.end > i + 1);
      if (byte.isSacked || byte.isLost || !isLater) continue;
      const remaining = byte.sentAt + rack.rtt + window - now;
      if (remaining <= 0) byte.isLost = true;
      else wait = wait === 0 ? remaining : Math.min(wait, remaining);
    }
    return wait;
  }

  loseAll(): void {
    for (const i of this.flight) this.bytes[i].isLost = !this.bytes[i].isSacked;
  }

  lose(start: number, length: number): void {
    for (let i = start; i < start + length; i++) this.bytes[i].isLost = true;
  }

  resent(start: number, length: number, at: number): void {
    for (let i = start; i < start + length; i++) {
      this.bytes[i] = {
        sentAt: at,
        ...segmentAround(start, i - start, start + length),
        isSacked: false,
        isLost: false,
        isRetransmitted: true,
      };
    }
  }

  #delivered(i: number, now: number): void {
    const { sentAt, isRetransmitted } = this.bytes[i];
    const rtt = now - sentAt;
    this.deliveredBytes++;
    this.#fack = Math.max(this.#fack, i + 1);
    if (!isRetransmitted) {
      this.rttSample = rtt;
      this.sawReordering ||= i < this.#priorFack;
    } else if (rtt < this.minRtt) return;
    const rack = this.#rack;
    if (rack !== null) rack.rtt = rtt;
    const isNewer = rack === null || sentAt > rack.sentAt ||
      (sentAt === rack.sentAt && i + 1 > rack.end);
    if (isNewer) this.#rack = { sentAt, end: i + 1, rtt };
  }
}

/** The segment of byte `offset` of a run from `base` to `end`. */
function segmentAround(base: number, offset: number, end: number) {
  const start = base + offset - offset % SIZE;
  return { start, end: Math.min(start + SIZE, end) };
}

Deno.test("scoreboard: what waited behind a repaired hole gives no round-trip sample", () => {
  const board = new Scoreboard();
  board.sent(0, 1000, 1000, 1);
  board.sent(1000, 2000, 1000, 2);
  board.loseFirst(1000);
  board.resent(1000, 1000, 300_000_000);
  board.acknowledge(2000, 300_050_000);
  assertEquals(board.rttSample, -1);
});

Deno.test("scoreboard: SEC-05, a receiver that cuts the flight to pieces is not followed for ever", () => {
  const board = new Scoreboard();
  board.sent(0, 100_000, 1, 1);
  for (let seq = 99_998; seq > 0; seq -= 2) board.sack(seq, seq + 1, 2);
  assert(board.count <= 4098, `${board.count} ranges`);
  board.acknowledge(100_000, 3);
  assertEquals([board.count, board.sackedBytes], [0, 0]);
});

Deno.test("scoreboard: it says of each byte in flight what a list of bytes would", () => {
  for (const [index, base] of STARTS.entries()) {
    for (const epoch of [0x7fffffff - 20_000, -20_000]) {
      const random = randomWords(index * 2 + 3 + (epoch & 1));
      const board = new Scoreboard();
      const model = new Model();
      const seq = (offset: number) => (base + offset) | 0;
      const at = (time: number) => (epoch + time) | 0;
      let now = 0;

      for (let step = 0; step < 1500; step++) {
        now += random() % 4 === 0 ? random() % 50 : 0;
        const inFlight = model.bytes.length - model.una;
        const choice = random() % 16;
        if (inFlight === 0 || (choice < 4 && inFlight < 400)) {
          const length = 1 + random() % 80;
          const start = model.bytes.length;
          board.sent(seq(start), seq(start + length), SIZE, at(now));
          model.sent(length, now);
        } else if (choice < 8) {
          const start = model.una + random() % inFlight;
          const end = start + 1 + random() % Math.min(60, model.bytes.length - start);
          if (end === model.bytes.length - 1) continue; // the last byte may be a FIN
          board.beginAcknowledgment();
          model.beginAcknowledgment();
          assertEquals(board.sack(seq(start), seq(end), at(now)), model.sack(start, end, now));
        } else if (choice < 10) {
          const una = model.una + random() % (random() % 8 === 0 ? inFlight + 1 : 20);
          if (una > model.bytes.length) continue;
          // A receiver acknowledges all it holds; one that has reneged has tests of its own.
          if (model.bytes[una]?.isSacked) continue;
          board.beginAcknowledgment();
          model.beginAcknowledgment();
          board.acknowledge(seq(una), at(now));
          model.acknowledge(una, now);
        } else if (choice < 12) {
          const window = random() % 30;
          assertEquals(board.detectLoss(at(now), window), model.detectLoss(now, window));
        } else if (choice === 12) {
          board.minRttUs = model.minRtt = random() % 20;
        } else if (choice === 13 && random() % 8 === 0) {
          if (model.bytes[model.una].isSacked) continue;
          board.loseAll();
          model.loseAll();
        } else if (choice === 14 && random() % 4 === 0) {
          const length = SIZE;
          const before = board.lostBytes;
          const { isSacked, isLost } = model.bytes[model.una];
          board.loseFirst(length);
          const lost = board.lostBytes - before;
          assert(isSacked || isLost ? lost === 0 : lost > 0 && lost <= length);
          model.lose(model.una, lost);
        } else if (board.lostBytes > 0) {
          const index = board.firstLost();
          const whole = (board.end(index) - board.start(index)) | 0;
          const length = Math.min(whole, SIZE * (1 + random() % 3));
          now++; // what is sent again in one turn is sent in order
          board.resent(length, SIZE, at(now));
          model.resent(model.firstLost(), length, now);
        }

        assertEquals(board.sackedBytes, model.count("isSacked"));
        assertEquals(board.sackedSegments, model.sackedSegments);
        assertEquals(board.lostBytes, model.count("isLost"));
        assertEquals(
          [board.rttSample, board.deliveredBytes, board.sawReordering],
          [model.rttSample, model.deliveredBytes, model.sawReordering],
        );
        const first = board.firstLost();
        assertEquals(first < 0 ? -1 : board.start(first), first < 0 ? -1 : seq(model.firstLost()));
        assert(board.count <= model.bytes.length - model.una);
      }
      board.acknowledge(seq(model.bytes.length), at(now));
      assertEquals([board.count, board.sackedBytes, board.lostBytes], [0, 0, 0]);
    }
  }
});

/** A board of 1000-byte segments sent at the given times (µs), the first at sequence number -1500. */
function boardOf(...times: number[]): Scoreboard {
  const board = new Scoreboard();
  times.forEach((time, i) => board.sent(seqOf(i), seqOf(i + 1), 1000, time));
  return board;
}

function seqOf(segment: number): number {
  return (-1500 + segment * 1000) | 0;
}

/** All lost ranges as segment numbers, taken by sending them again. */
function takeLost(board: Scoreboard, atUs: number): [number, number][] {
  const lost: [number, number][] = [];
  while (board.lostBytes > 0) {
    const index = board.firstLost();
    const length = (board.end(index) - board.start(index)) | 0;
    const start = ((board.start(index) - seqOf(0)) | 0) / 1000;
    lost.push([start, start + length / 1000]);
    board.resent(length, 1000, atUs);
  }
  return lost;
}

Deno.test("scoreboard: what is sent in one turn is one range until something cuts it", () => {
  const board = boardOf(7, 7, 7, 8);
  assertEquals(board.count, 2);
  board.sack(seqOf(1), seqOf(2), 100);
  assertEquals([board.count, board.sackedBytes], [4, 1000]);
  board.sent(seqOf(4), seqOf(5), 1000, 8);
  assertEquals(board.count, 4);
  board.acknowledge(seqOf(2), 101);
  assertEquals([board.count, board.sackedBytes], [2, 0]);
});

Deno.test("scoreboard: SACKed neighbours become one range", () => {
  const board = boardOf(1, 2, 3, 4, 5, 6);
  assertEquals(board.sack(seqOf(1), seqOf(2), 100), 1000);
  assertEquals(board.sack(seqOf(2), seqOf(5), 100), 3000);
  assertEquals([board.count, board.sackedBytes], [3, 4000]);
  assertEquals(board.sack(seqOf(1), seqOf(5), 100), 0);
});

Deno.test("scoreboard: a SACK block over holes and edges counts each byte once", () => {
  const board = boardOf(1, 2, 3, 4);
  assertEquals(board.sack((seqOf(0) + 900) | 0, (seqOf(2) + 100) | 0, 100), 1000);
  assertEquals(board.sack(seqOf(1), seqOf(3), 100), 1000);
  assertEquals([board.sackedBytes, board.sack(seqOf(0), seqOf(4), 100)], [2000, 2000]);
});

Deno.test("scoreboard: a segment that was reported in part counts as missing", () => {
  const board = new Scoreboard();
  board.sent(0, 4001, 1000, 1); // the last byte is a FIN
  assertEquals(board.sack(3999, 4000, 100), 0);
  assertEquals(board.sack(500, 2500, 100), 1000);
  assertEquals(board.sack(3000, 4000, 100), 1000);
  assertEquals([board.sackedBytes, board.sackedSegments, board.count], [2000, 2, 5]);
});

Deno.test("scoreboard: RFC 6675 §4, lost is what has three ranges or more than two segments above it", () => {
  const board = boardOf(0, 0, 0, 0, 0, 0, 0, 0);
  board.sack(seqOf(3), seqOf(5), 9);
  board.detectLossBySacks(3, 1000);
  assertEquals(board.lostBytes, 0);
  board.sack(seqOf(7), seqOf(8), 9);
  board.detectLossBySacks(3, 1000);
  assertEquals(takeLost(board, 10), [[0, 3]]);
  board.sack(seqOf(1), seqOf(2), 11);
  board.detectLossBySacks(3, 1000);
  assertEquals(board.lostBytes, 0); // 5 and 6 have one above, 0 to 2 were sent again

  const small = boardOf(0, 0, 0, 0, 0, 0, 0);
  for (const segment of [1, 3, 5]) small.sack((seqOf(segment) + 0) | 0, seqOf(segment + 1), 9);
  small.detectLossBySacks(3, 100_000);
  assertEquals(takeLost(small, 10), [[0, 1]]);

  const apart = boardOf(0, 0, 0, 0, 0, 0, 0);
  for (const segment of [3, 5]) apart.sack(seqOf(segment), seqOf(segment + 1), 9);
  apart.detectLossBySacks(3, 1000);
  assertEquals(apart.lostBytes, 0);
  apart.sack(seqOf(1), seqOf(2), 9);
  apart.detectLossBySacks(3, 1000);
  assertEquals(takeLost(apart, 10), [[0, 1]]);
});

Deno.test("scoreboard: RFC 5682 §3.1, originals that arrive after a timeout are told from retransmissions", () => {
  const board = boardOf(0, 1000, 2000);
  board.loseAll();
  board.resent(1000, 1000, 300_000);
  board.beginAcknowledgment();
  board.acknowledge(seqOf(1), 400_000);
  assertEquals(board.sawOriginal, false);
  board.sent(seqOf(3), seqOf(4), 1000, 400_000);
  board.beginAcknowledgment();
  board.sack(seqOf(3), seqOf(4), 500_000); // was not in flight at the timeout
  assertEquals(board.sawOriginal, false);
  board.beginAcknowledgment();
  board.acknowledge(seqOf(2), 500_000);
  assertEquals([board.sawOriginal, board.lostBytes], [true, 1000]);
  board.beginAcknowledgment();
  board.sack(seqOf(2), seqOf(3), 500_000); // the last of what was in flight
  assertEquals([board.sawOriginal, board.lostBytes], [true, 0]);

  const found = boardOf(0, 1000);
  found.loseAll();
  found.findAll();
  assertEquals([found.lostBytes, found.firstLost()], [0, -1]);
});

Deno.test("scoreboard: a probe is the last segment sent again, unless its fate is known", () => {
  const board = new Scoreboard();
  board.sent(0, 2500, 1000, 1);
  assertEquals([board.lastSegment(1000), board.lastSegment(500)], [2000, 2500]);
  board.probed(2000, 50);
  assertEquals([board.count, board.hasResent, board.firstSentAt], [2, true, 1]);
  assertEquals(board.lastSegment(1000), 2000);
  board.sack(2000, 2500, 60);
  assertEquals(board.lastSegment(1000), 2500);
  assertEquals(board.detectLoss(70, 0), 0);
  assertEquals(board.lostBytes, 2000);
});

Deno.test("scoreboard: SEC-10, duplicates give no credit for the segment that is missing", () => {
  const board = boardOf(0, 0, 0);
  for (let i = 0; i < 5; i++) board.creditDuplicate(1000);
  assertEquals([board.sackedBytes, board.deliveredBytes], [2000, 2000]);
  board.beginAcknowledgment();
  board.acknowledge(seqOf(2), 10);
  board.takeCredit(2000, 1000);
  assertEquals([board.sackedBytes, board.deliveredBytes], [0, 1000]);
});

Deno.test("scoreboard: RFC 8985 §6.2, sent before what was delivered and too long ago is lost", () => {
  const board = boardOf(0, 1000, 2000, 3000);
  board.sack(seqOf(2), seqOf(3), 12_000); // RACK.rtt is 10 ms
  assertEquals([board.detectLoss(12_000, 2500), board.lostBytes], [500, 0]);
  assertEquals([board.detectLoss(12_500, 2500), board.lostBytes], [1000, 1000]);
  assertEquals([board.detectLoss(13_500, 2500), board.lostBytes], [0, 2000]);
  assertEquals(takeLost(board, 13_500), [[0, 1], [1, 2]]);
});

Deno.test("scoreboard: RFC 8985 §6.2, of bytes sent at one time those before what was delivered are lost", () => {
  const board = boardOf(0, 0, 0, 0, 0);
  board.sack(seqOf(2), seqOf(3), 10_000);
  assertEquals(board.detectLoss(10_000, 0), 0);
  assertEquals(takeLost(board, 10_000), [[0, 2]]);
});

Deno.test("scoreboard: nothing is lost before something was delivered", () => {
  const board = boardOf(0, 1, 2);
  assertEquals([board.detectLoss(1_000_000, 0), board.lostBytes], [0, 0]);
  board.acknowledge(seqOf(0), 1_000_000);
  assertEquals([board.detectLoss(1_000_000, 0), board.lostBytes], [0, 0]);
});

Deno.test("scoreboard: RFC 8985 §3.2, a retransmission which is lost too is found without timeout", () => {
  const board = boardOf(0, 1000, 2000);
  board.sack(seqOf(1), seqOf(2), 11_000);
  board.detectLoss(11_000, 0);
  assertEquals(takeLost(board, 11_000), [[0, 1]]);
  board.sent(seqOf(3), seqOf(4), 1000, 12_000);
  board.sack(seqOf(3), seqOf(4), 22_000);
  board.detectLoss(22_000, 0);
  assertEquals(takeLost(board, 22_000), [[0, 1], [2, 3]]);
});

Deno.test("scoreboard: RFC 8985 §6.2 step 2, the late original of a retransmission proves nothing", () => {
  for (const [rtt, lost] of [[5000, 0], [10_000, 1000]]) {
    const board = boardOf(0, 1000);
    board.minRttUs = 10_000;
    board.loseFirst(1000);
    board.resent(1000, 1000, 20_000);
    board.acknowledge(seqOf(1), 20_000 + rtt);
    board.detectLoss(20_000 + rtt, 0);
    assertEquals([board.rttSample, board.lostBytes], [-1, lost]);
  }
});

Deno.test("scoreboard: RFC 8985 §6.2 step 2, nor does what a timestamp tells to be older than it", () => {
  for (const [echoAge, lost] of [[10_001, 0], [10_000, 1000], [0, 1000]]) {
    const board = boardOf(0, 1000);
    board.loseFirst(1000);
    board.resent(1000, 1000, 20_000);
    board.acknowledge(seqOf(1), 30_000, echoAge);
    board.detectLoss(30_000, 0);
    assertEquals(board.lostBytes, lost);
  }
});

Deno.test("scoreboard: a timestamp says nothing of what the next acknowledgment reports by SACK", () => {
  const board = boardOf(0, 1000, 2000);
  board.acknowledge(seqOf(0), 2000, 1_000_000);
  board.loseFirst(1000);
  board.resent(1000, 1000, 20_000);
  board.loseAll();
  board.resent(1000, 1000, 20_000);
  board.resent(1000, 1000, 20_001);
  board.beginAcknowledgment();
  board.sack(seqOf(1), seqOf(2), 30_001);
  board.detectLoss(30_001, 0);
  assertEquals(board.lostBytes, 2000);
});

Deno.test("scoreboard: RTX-04, a retransmission gives no round-trip sample", () => {
  const board = boardOf(0, 1000);
  board.acknowledge(seqOf(1), 10_000);
  assertEquals(board.rttSample, 10_000);
  board.loseAll();
  board.resent(1000, 1000, 500_000);
  board.beginAcknowledgment();
  board.acknowledge(seqOf(2), 510_000);
  assertEquals(board.rttSample, -1);
});

Deno.test("scoreboard: a SACKed range gives its round-trip sample once", () => {
  const board = boardOf(0, 1000);
  board.sack(seqOf(1), seqOf(2), 9000);
  assertEquals(board.rttSample, 8000);
  board.loseFirst(1000);
  board.resent(1000, 1000, 10_000);
  board.beginAcknowledgment();
  board.acknowledge(seqOf(2), 30_000);
  assertEquals(board.rttSample, -1);
});

Deno.test("scoreboard: SACK-04, a timeout takes all but what is SACKed for lost", () => {
  const board = boardOf(0, 1000, 2000, 3000);
  board.sack(seqOf(1), seqOf(2), 9000);
  board.loseAll();
  assertEquals([board.lostBytes, board.sackedBytes], [3000, 1000]);
  assertEquals(takeLost(board, 20_000), [[0, 1], [2, 3], [3, 4]]);
});

// RFC 2018 §8: the sender MUST send the left edge of the window again after a timeout.
Deno.test("scoreboard: SACK-07, a timeout of SACKed bytes at SND.UNA clears all SACK marks", () => {
  const board = boardOf(0, 1000, 2000, 3000);
  board.sack(seqOf(1), seqOf(2), 9000);
  board.sack(seqOf(3), seqOf(4), 9000);
  board.acknowledge(seqOf(1), 10_000);
  board.loseAll();
  assertEquals([board.lostBytes, board.sackedBytes], [3000, 0]);
  assertEquals(takeLost(board, 20_000), [[1, 2], [2, 3], [3, 4]]);
});

Deno.test("scoreboard: three duplicates lose the first segment of a larger range only", () => {
  const board = boardOf(5, 5, 5);
  board.loseFirst(1000);
  board.loseFirst(1000);
  assertEquals([board.count, board.lostBytes], [2, 1000]);
  assertEquals(takeLost(board, 10), [[0, 1]]);
  board.sack(seqOf(0), seqOf(1), 20);
  board.loseFirst(1000);
  assertEquals(board.lostBytes, 0);
});

Deno.test("scoreboard: a cleared board knows nothing of the flight before", () => {
  const board = boardOf(0, 1000, 2000);
  board.sack(seqOf(2), seqOf(3), 9000);
  board.loseAll();
  board.clear();
  assertEquals([board.count, board.sackedBytes, board.lostBytes, board.rttSample], [0, 0, 0, -1]);
  board.sent(seqOf(5), seqOf(6), 1000, 500);
  assertEquals([board.detectLoss(1_000_000, 0), board.lostBytes], [0, 0]);
});

Deno.test("scoreboard: a long flight of small ranges keeps its order", () => {
  const board = new Scoreboard();
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 40; i++) {
      board.sent(seqOf(40 * round + i), seqOf(40 * round + i + 1), 1000, i);
    }
    for (let i = 1; i < 40; i += 2) {
      board.sack(seqOf(40 * round + i), seqOf(40 * round + i + 1), 99);
    }
    assertEquals([board.count, board.sackedBytes], [40, 20_000]);
    board.acknowledge(seqOf(40 * round + 40), 99);
    assertEquals([board.count, board.sackedBytes], [0, 0]);
  }
});

Deno.test("scoreboard: a SACKed segment acknowledged in part counts as a segment still", () => {
  const board = boardOf(0, 0);
  board.sack(seqOf(1), seqOf(2), 100);
  assertEquals(board.sackedSegments, 1);
  board.acknowledge((seqOf(1) + 500) | 0, 101);
  assertEquals([board.sackedBytes, board.sackedSegments], [500, 1]);

  const several = boardOf(0, 0, 0, 0);
  several.sack(seqOf(1), seqOf(4), 100);
  several.acknowledge((seqOf(2) + 500) | 0, 101);
  assertEquals([several.sackedBytes, several.sackedSegments], [1500, 1]);
  several.acknowledge(seqOf(4), 102);
  assertEquals([several.sackedBytes, several.sackedSegments], [0, 0]);
});

Deno.test("scoreboard: retransmissions are in flight from when they are sent until they are acknowledged", () => {
  const board = boardOf(0, 0);
  assertEquals(board.hasResent, false);
  board.loseFirst(1000);
  board.resent(1000, 1000, 10);
  assertEquals(board.hasResent, true);
  board.acknowledge((seqOf(1) - 1) | 0, 20);
  assertEquals(board.hasResent, true);
  board.acknowledge(seqOf(1), 20);
  assertEquals(board.hasResent, false);
});

Deno.test("scoreboard: RFC 6582 §3.2, an ACK of the hole alone takes no credit, each byte more does", () => {
  for (const [acked, rest] of [[999, 3000], [1000, 3000], [1001, 2999]]) {
    const board = boardOf(0, 0, 0, 0, 0, 0);
    for (let i = 0; i < 3; i++) board.creditDuplicate(1000);
    board.takeCredit(acked, 1000);
    assertEquals(board.sackedBytes, rest);
  }
});

Deno.test("scoreboard: SEC-05, what is not followed any more is no news", () => {
  const board = new Scoreboard();
  board.sent(0, 100_000, 1, 1);
  board.sent(100_000, 100_001, 1, 2);
  let seq = 1;
  while (board.count < 4096) {
    assertEquals(board.sack(seq, seq + 1, 2), 1);
    seq += 2;
  }
  const { count, sackedBytes, sackedSegments } = board;
  assertEquals(board.sack(seq, seq + 1, 2), 0);
  assertEquals([board.count, board.sackedBytes], [4096, sackedBytes]);
  assertEquals([count, sackedSegments], [4096, sackedBytes]);
  board.clear();
  assertEquals([board.sackedBytes, board.sackedSegments], [0, 0]);
});

Deno.test("scoreboard: RFC 8985 §6.2, one byte sent later than another is enough to tell", () => {
  const board = new Scoreboard();
  board.sent(0, 10, 1, 1000);
  board.sack(5, 6, 9000);
  assertEquals([board.detectLoss(9000, 0), board.lostBytes], [0, 5]);
  board.resent(5, 1, 9001);
  board.sent(10, 11, 1, 9002);
  board.sack(10, 11, 17_002); // a microsecond later
  assertEquals([board.detectLoss(17_002, 1), board.lostBytes], [0, 9]);
});

Deno.test("scoreboard: SEC-10, what is lost is no more credited than what is missing", () => {
  const board = boardOf(0, 0, 0);
  for (let i = 0; i < 2; i++) board.creditDuplicate(1000);
  board.loseFirst(2000);
  assertEquals([board.lostBytes, board.sackedBytes], [2000, 1000]);
});

Deno.test("scoreboard: SACK-07, a lone segment that was reported and not acknowledged is lost, too", () => {
  const board = boardOf(0);
  board.sack(seqOf(0), seqOf(1), 100);
  assertEquals([board.count, board.sackedBytes], [1, 1000]);
  board.loseAll();
  assertEquals([board.sackedBytes, board.lostBytes], [0, 1000]);
});

Deno.test("scoreboard: RFC 8985 §6.2, a retransmission waits to the last microsecond, and is found then", () => {
  const board = boardOf(0, 1000, 2000);
  board.sack(seqOf(1), seqOf(2), 11_000);
  board.detectLoss(11_000, 0);
  assertEquals(takeLost(board, 11_000), [[0, 1]]);
  board.sent(seqOf(3), seqOf(4), 1000, 12_000);
  board.sack(seqOf(3), seqOf(4), 22_000); // RACK.rtt is 10 ms
  assertEquals([board.detectLoss(22_000, 1001), board.lostBytes], [1, 1000]);
  assertEquals([board.detectLoss(22_001, 1001), board.lostBytes], [0, 2000]);
});

Deno.test("scoreboard: RFC 4821 §7.6.2, what was lost in larger segments is told apart", () => {
  for (const base of STARTS) {
    const board = new Scoreboard();
    const at = (offset: number) => (base + offset) | 0;
    board.sent(at(0), at(40), 40, 1000);
    board.sent(at(40), at(56), SIZE, 1000);
    board.sent(at(56), at(96), 40, 1000);
    assertEquals([board.firstSize, board.isLost(at(0)), board.hasLost(40)], [40, false, false]);
    board.loseLargerThan(SIZE);
    assertEquals([0, 39, 40, 55, 56, 95].map((i) => board.isLost(at(i))), [
      true,
      true,
      false,
      false,
      true,
      true,
    ]);
    assertEquals([board.hasLost(SIZE), board.hasLost(39), board.hasLost(40)], [false, false, true]);
    // What was sent again in smaller segments is lost like anything else.
    board.resent(40, SIZE, 2000);
    assertEquals([board.firstSize, board.isLost(at(0)), board.hasLost(SIZE)], [SIZE, false, false]);
    board.loseAll();
    assertEquals([board.isLost(at(0)), board.hasLost(SIZE)], [true, true]);
  }
});

Deno.test("scoreboard: the first segment in flight may be shorter than its range's others", () => {
  const board = new Scoreboard();
  board.sent(0, 10, SIZE, 1000);
  assertEquals(board.firstSize, 10);
  board.sent(10, 58, SIZE, 1000);
  board.acknowledge(10, 2000);
  assertEquals(board.firstSize, SIZE);
});

Deno.test("scoreboard: RFC 1191 §6.4, what was sent in segments larger than the path is lost, once", () => {
  const lostBy = (size: number, prepare: (board: Scoreboard) => void = () => {}) => {
    const board = new Scoreboard();
    board.sent(0, 3000, 1000, 1);
    board.sent(3000, 3500, 1000, 2); // a short one by itself
    prepare(board);
    board.loseLargerThan(size);
    return [board.lostBytes, board.sackedBytes];
  };
  assertEquals([1000, 999, 500, 499].map((size) => lostBy(size)), [
    [0, 0],
    [3000, 0],
    [3000, 0],
    [3500, 0],
  ]);
  assertEquals(lostBy(999, (board) => board.sack(1000, 2000, 9)), [2000, 1000]);
  assertEquals(lostBy(499, (board) => board.loseFirst(1000)), [3500, 0]);
  assertEquals(lostBy(499, (board) => board.loseFirst(3000)), [3500, 0]);
  // What was credited and is lost was not what arrived.
  assertEquals(lostBy(999, (board) => board.creditDuplicate(1000)), [3000, 500]);
});

Deno.test("scoreboard: ranges of an earlier flight are not taken for lost with this one", () => {
  const losing = [
    (board: Scoreboard) => board.loseLargerThan(500),
    (board: Scoreboard) => board.loseAll(),
  ];
  for (const lose of losing) {
    const board = boardOf(1, 2, 3);
    board.acknowledge(seqOf(3), 9);
    board.sent(seqOf(3), seqOf(4), 1000, 10);
    lose(board);
    assertEquals([board.count, board.lostBytes], [1, 1000]);
  }
});

Deno.test("scoreboard: RFC 5682 §3.1, a lone segment may be an original that arrives after the timeout", () => {
  const board = new Scoreboard();
  board.sent(5000, 6000, 1000, 1);
  board.loseAll();
  board.beginAcknowledgment();
  board.acknowledge(6000, 9);
  assertEquals(board.sawOriginal, true);
});

Deno.test("scoreboard: what was found after all may be lost again", () => {
  const board = boardOf(0, 1000, 2000);
  board.sack(seqOf(2), seqOf(3), 12_000);
  for (let i = 0; i < 2; i++) {
    assertEquals([board.detectLoss(20_000, 0), board.lostBytes], [0, 2000]);
    board.findAll();
    assertEquals(board.lostBytes, 0);
  }
});

Deno.test("scoreboard: what was lost of an earlier flight is not lost of this one", () => {
  const board = boardOf(1, 2, 3);
  board.loseAll();
  board.acknowledge(seqOf(3), 9);
  board.sent(seqOf(3), seqOf(4), 1000, 10);
  assertEquals([board.lostBytes, board.hasLost(1000)], [0, false]);
});

Deno.test("scoreboard: RFC 8985 §7.3, a probe is cut off from what was sent with it, however short", () => {
  const probe = (length: number, size: number) => {
    const board = new Scoreboard();
    board.sent(0, length, size, 1);
    const start = board.lastSegment(size);
    board.probed(start, 50);
    return [start, board.count, board.lastSegment(size)];
  };
  assertEquals(probe(2001, 1000), [2000, 2, 2000]);
  assertEquals(probe(2, 1), [1, 2, 1]);
  assertEquals(probe(1000, 1000), [0, 1, 0]);
});

Deno.test("scoreboard: a SACKed range joins the one behind it, and none that is gone", () => {
  const board = boardOf(1, 2, 3, 4, 5, 6);
  board.sack(seqOf(3), seqOf(4), 100);
  board.sack(seqOf(2), seqOf(3), 100);
  assertEquals([board.count, board.sackedBytes, board.sackedSegments], [5, 2000, 2]);
  board.sack(seqOf(5), seqOf(6), 100);
  board.sack(seqOf(4), seqOf(5), 100); // the one behind is the last
  assertEquals([board.count, board.sackedBytes, board.sackedSegments], [3, 4000, 4]);

  // Behind the last range, and before the first, lie rows of ranges acknowledged before.
  const again = boardOf(1, 2, 3, 4);
  again.sack(seqOf(2), seqOf(3), 100);
  again.acknowledge(seqOf(4), 101);
  again.sent(seqOf(4), seqOf(5), 1000, 102);
  again.sent(seqOf(5), seqOf(6), 1000, 103);
  again.sack(seqOf(5), seqOf(6), 110);
  assertEquals([again.count, again.sackedBytes], [2, 1000]);
  again.acknowledge(seqOf(6), 111);
  assertEquals([again.count, again.sackedBytes], [0, 0]);
  const behind = boardOf(1, 2, 3);
  behind.sack(seqOf(1), seqOf(2), 100);
  behind.acknowledge(seqOf(2), 101);
  behind.sack(seqOf(2), seqOf(3), 102);
  assertEquals([behind.count, behind.sackedBytes], [1, 1000]);
});

Deno.test("scoreboard: of bytes sent one by one a single one may be SACKed", () => {
  const board = new Scoreboard();
  board.sent(0, 3, 1, 1);
  assertEquals([board.sack(1, 2, 9), board.count, board.sackedBytes], [1, 3, 1]);
  board.acknowledge(1, 10);
  assertEquals([board.count, board.sackedBytes], [2, 1]);
});

Deno.test("scoreboard: of what an acknowledgment delivers the newest departure is known", () => {
  for (const epoch of [0, -2, 0x7fffffff - 2]) {
    const at = (us: number) => (epoch + us) | 0;
    const board = boardOf(...[1, 2, 3, 4, 5, 6].map(at));
    const newestAfter = (tell: () => void) => {
      board.beginAcknowledgment();
      tell();
      return (board.newestSentAt - epoch) | 0;
    };
    const sack = (from: number, to: number) => board.sack(seqOf(from), seqOf(to), at(100));
    assertEquals(newestAfter(() => board.acknowledge((seqOf(0) + 10) | 0, at(90))), 1);
    assertEquals(newestAfter(() => [sack(3, 4), sack(1, 2)]), 4);
    // Of the next one only what is news counts, though it left before.
    assertEquals(newestAfter(() => sack(2, 4)), 3);
    board.loseFirst(1000);
    board.resent(1000, 1000, at(110)); // what is sent again left again
    assertEquals(newestAfter(() => board.acknowledge(seqOf(4), at(200))), 110);
    assertEquals(newestAfter(() => [sack(4, 5), sack(5, 6)]), 6);
  }
});

/** What is news of loss: bytes, runs, and when the newest of it left. */
function lossNews(board: Scoreboard): number[] {
  return [
    board.newlyLostBytes,
    board.newlyLostRuns,
    board.newestLostAt,
  ];
}

Deno.test("scoreboard: what is found lost is news until it is forgotten, by its runs", () => {
  const board = boardOf(1, 2, 3, 4, 5, 6, 7);
  assertEquals(lossNews(board).slice(0, 2), [0, 0]);
  for (const segment of [2, 4, 6]) board.sack(seqOf(segment), seqOf(segment + 1), 100);
  board.detectLoss(100, 0);
  assertEquals(lossNews(board), [4000, 3, 6]);
  board.forgetLosses();
  assertEquals(lossNews(board).slice(0, 2), [0, 0]);
  assertEquals(board.lostBytes, 4000); // it is lost still
  board.detectLoss(200, 0);
  assertEquals(lossNews(board).slice(0, 2), [0, 0]);
});

Deno.test("scoreboard: the newest loss is what left last, wherever it is found", () => {
  for (const epoch of [0, -10, 0x7fffffff - 10]) {
    const at = (us: number) => (epoch + us) | 0;
    const board = new Scoreboard();
    board.sent(-1500, 500, 1000, at(5));
    board.sent(500, 700, 1000, at(5)); // short ones by themselves
    board.sent(700, 800, 1000, at(5));
    board.sent(800, 2800, 1000, at(9));
    board.loseFirst(2000);
    board.resent(2000, 1000, at(20));
    board.forgetLosses();
    board.loseAll();
    assertEquals(lossNews(board), [4300, 1, at(20)]);
    board.findAll();
    board.acknowledge(500, at(30));
    board.forgetLosses();
    board.loseAll();
    assertEquals(lossNews(board), [2300, 1, at(9)]);
    board.findAll();
    board.sack(800, 2800, at(40));
    board.forgetLosses();
    board.loseAll();
    assertEquals(lossNews(board), [300, 1, at(5)]);
  }
});

Deno.test("scoreboard: where a run of loss ended before says nothing of the next news", () => {
  const board = boardOf(1, 2, 3, 4);
  board.loseFirst(1000);
  board.forgetLosses();
  board.sack(seqOf(3), seqOf(4), 100);
  board.detectLoss(100, 0);
  assertEquals(lossNews(board), [2000, 1, 3]);
});

Deno.test("scoreboard: a cleared board has no news of loss", () => {
  const board = boardOf(1, 2);
  board.loseAll();
  board.clear();
  assertEquals(lossNews(board).slice(0, 2), [0, 0]);
});
