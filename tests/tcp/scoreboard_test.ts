import { assert, assertEquals } from "@std/assert";
import { Scoreboard } from "../../lib/tcp/scoreboard.ts";
import { randomWords } from "../support/random.ts";
import { STARTS } from "./support.ts";

/** One byte in flight, as simply as can be. */
interface Byte {
  sentAt: number;
  isSacked: boolean;
  isLost: boolean;
  isRetransmitted: boolean;
}

/** What RFC 2018 and RFC 8985 say, byte by byte. Offsets count from the first byte ever sent. */
class Model {
  readonly bytes: Byte[] = [];
  una = 0;
  rttSample = -1;
  minRtt = 0;
  #rack: { sentAt: number; end: number; rtt: number } | null = null;

  get flight(): number[] {
    return Array.from({ length: this.bytes.length - this.una }, (_, i) => this.una + i);
  }

  count(flag: "isSacked" | "isLost"): number {
    return this.flight.filter((i) => this.bytes[i][flag]).length;
  }

  firstLost(): number {
    return this.flight.find((i) => this.bytes[i].isLost) ?? -1;
  }

  sent(length: number, at: number): void {
    for (let i = 0; i < length; i++) {
      this.bytes.push({ sentAt: at, isSacked: false, isLost: false, isRetransmitted: false });
    }
  }

  acknowledge(una: number, now: number): void {
    this.rttSample = -1;
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
      if (byte.isSacked) continue;
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
      else wait = Math.max(wait, remaining);
    }
    return wait;
  }

  /** RFC 2018 §8: a receiver that holds the first byte and did not acknowledge it has reneged. */
  loseAll(): void {
    const hasReneged = this.bytes[this.una]?.isSacked ?? false;
    for (const i of this.flight) {
      const byte = this.bytes[i];
      if (hasReneged && byte.isSacked) {
        Object.assign(byte, { isSacked: false, isRetransmitted: true });
      }
      byte.isLost = !byte.isSacked;
    }
  }

  lose(start: number, length: number): void {
    for (let i = start; i < start + length; i++) this.bytes[i].isLost = true;
  }

  resent(start: number, length: number, at: number): void {
    for (let i = start; i < start + length; i++) {
      this.bytes[i] = { sentAt: at, isSacked: false, isLost: false, isRetransmitted: true };
    }
  }

  #delivered(i: number, now: number): void {
    const { sentAt, isRetransmitted } = this.bytes[i];
    const rtt = now - sentAt;
    if (!isRetransmitted) this.rttSample = rtt;
    else if (rtt < this.minRtt) return;
    const rack = this.#rack;
    const isNewer = rack === null || sentAt > rack.sentAt ||
      (sentAt === rack.sentAt && i + 1 > rack.end);
    if (isNewer) this.#rack = { sentAt, end: i + 1, rtt };
  }
}

Deno.test("scoreboard: what waited behind a repaired hole gives no round-trip sample", () => {
  const board = new Scoreboard();
  board.sent(0, 1000, 1);
  board.sent(1000, 2000, 2);
  board.loseFirst(1000);
  board.resent(1000, 300_000_000);
  board.acknowledge(2000, 300_050_000);
  assertEquals(board.rttSample, -1);
});

Deno.test("scoreboard: SEC-05, a receiver that cuts the flight to pieces is not followed for ever", () => {
  const board = new Scoreboard();
  board.sent(0, 100_000, 1);
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
          board.sent(seq(model.bytes.length), seq(model.bytes.length + length), at(now));
          model.sent(length, now);
        } else if (choice < 8) {
          const start = model.una + random() % inFlight;
          const end = start + 1 + random() % Math.min(40, model.bytes.length - start);
          assertEquals(board.sack(seq(start), seq(end), at(now)), model.sack(start, end, now));
        } else if (choice < 10) {
          const una = model.una + random() % (random() % 8 === 0 ? inFlight + 1 : 20);
          if (una > model.bytes.length) continue;
          board.acknowledge(seq(una), at(now));
          model.acknowledge(una, now);
        } else if (choice < 12) {
          const window = random() % 30;
          assertEquals(board.detectLoss(at(now), window), model.detectLoss(now, window));
        } else if (choice === 12) {
          board.minRttUs = model.minRtt = random() % 20;
        } else if (choice === 13 && random() % 8 === 0) {
          board.loseAll();
          model.loseAll();
        } else if (choice === 14 && random() % 4 === 0) {
          const length = 1 + random() % 30;
          const before = board.lostBytes;
          const { isSacked, isLost } = model.bytes[model.una];
          board.loseFirst(length);
          const lost = board.lostBytes - before;
          assert(isSacked || isLost ? lost === 0 : lost > 0 && lost <= length);
          model.lose(model.una, lost);
        } else if (board.lostBytes > 0) {
          const index = board.firstLost();
          const length = 1 + random() % ((board.end(index) - board.start(index)) | 0);
          board.resent(length, at(now));
          model.resent(model.firstLost(), length, now);
        }

        assertEquals(board.sackedBytes, model.count("isSacked"));
        assertEquals(board.lostBytes, model.count("isLost"));
        assertEquals(board.rttSample, model.rttSample);
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
  times.forEach((time, i) => board.sent(seqOf(i), seqOf(i + 1), time));
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
    board.resent(length, atUs);
  }
  return lost;
}

Deno.test("scoreboard: what is sent in one turn is one range until something cuts it", () => {
  const board = boardOf(7, 7, 7, 8);
  assertEquals(board.count, 2);
  board.sack(seqOf(1), seqOf(2), 100);
  assertEquals([board.count, board.sackedBytes], [4, 1000]);
  board.sent(seqOf(4), seqOf(5), 8);
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
  assertEquals(board.sack((seqOf(1) + 300) | 0, (seqOf(1) + 400) | 0, 100), 100);
  assertEquals(board.sack((seqOf(0) + 900) | 0, (seqOf(2) + 100) | 0, 100), 1100);
  assertEquals([board.sackedBytes, board.sack(seqOf(0), seqOf(4), 100)], [1200, 2800]);
});

Deno.test("scoreboard: RFC 8985 §6.2, sent before what was delivered and too long ago is lost", () => {
  const board = boardOf(0, 1000, 2000, 3000);
  board.sack(seqOf(2), seqOf(3), 12_000); // RACK.rtt is 10 ms
  assertEquals([board.detectLoss(12_000, 2500), board.lostBytes], [1500, 0]);
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
  board.sent(seqOf(3), seqOf(4), 12_000);
  board.sack(seqOf(3), seqOf(4), 22_000);
  board.detectLoss(22_000, 0);
  assertEquals(takeLost(board, 22_000), [[0, 1], [2, 3]]);
});

Deno.test("scoreboard: RFC 8985 §6.2 step 2, the late original of a retransmission proves nothing", () => {
  for (const [rtt, lost] of [[5000, 0], [10_000, 1000]]) {
    const board = boardOf(0, 1000);
    board.minRttUs = 10_000;
    board.loseFirst(1000);
    board.resent(1000, 20_000);
    board.acknowledge(seqOf(1), 20_000 + rtt);
    board.detectLoss(20_000 + rtt, 0);
    assertEquals([board.rttSample, board.lostBytes], [-1, lost]);
  }
});

Deno.test("scoreboard: RTX-04, a retransmission gives no round-trip sample", () => {
  const board = boardOf(0, 1000);
  board.acknowledge(seqOf(1), 10_000);
  assertEquals(board.rttSample, 10_000);
  board.loseAll();
  board.resent(1000, 500_000);
  board.acknowledge(seqOf(2), 510_000);
  assertEquals(board.rttSample, -1);
});

Deno.test("scoreboard: a SACKed range gives its round-trip sample once", () => {
  const board = boardOf(0, 1000);
  board.sack(seqOf(1), seqOf(2), 9000);
  assertEquals(board.rttSample, 8000);
  board.loseFirst(1000);
  board.resent(1000, 10_000);
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
  board.sent(seqOf(5), seqOf(6), 500);
  assertEquals([board.detectLoss(1_000_000, 0), board.lostBytes], [0, 0]);
});

Deno.test("scoreboard: a long flight of small ranges keeps its order", () => {
  const board = new Scoreboard();
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 40; i++) board.sent(seqOf(40 * round + i), seqOf(40 * round + i + 1), i);
    for (let i = 1; i < 40; i += 2) {
      board.sack(seqOf(40 * round + i), seqOf(40 * round + i + 1), 99);
    }
    assertEquals([board.count, board.sackedBytes], [40, 20_000]);
    board.acknowledge(seqOf(40 * round + 40), 99);
    assertEquals([board.count, board.sackedBytes], [0, 0]);
  }
});
