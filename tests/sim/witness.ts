/**
 * Witness: stands where the stack hands its frames down, before any weather,
 * and knows only the RFCs. In the order in which a connection sends, its
 * acknowledgments and the right edge of its window never go back, it neither
 * acknowledges nor reports what the client never sent, sends nothing beyond the
 * client's window, and every byte it sends, again or for the first time, is the
 * one that belongs there.
 */

import type { Segment } from "../../lib/wire/segment.ts";
import type { ModelClient } from "./model_client.ts";
import type { ReceivedSegment } from "./packet.ts";
import type { Pattern } from "./pattern.ts";

/** What was said to one client. */
class Statement {
  readonly client: ModelClient;
  readonly down: Pattern;
  /** Of the SYN-ACK that all else belongs to. */
  iss = 0;
  irs = 0;
  hasBegun = false;
  shift = 0;
  ack = 0;
  edge = 0;
  /** Sequence number of the FIN. */
  fin = 0;
  hasFin = false;
  /** Behind the last byte sent. */
  end = 0;

  constructor(client: ModelClient, down: Pattern) {
    this.client = client;
    this.down = down;
  }

  /** What is said begins behind `iss`: nothing of it was, unless it is as before. */
  begin(iss: number): void {
    if (this.hasBegun && iss === this.iss) return;
    this.iss = iss;
    this.end = (iss + 1) | 0;
    this.hasFin = false;
  }
}

/** Watches what is said to each client. */
export class Witness {
  readonly #statements = new Map<number, Statement>();
  readonly #hasCookies: boolean;
  readonly #violated: (what: string) => void;

  /** `hasCookies`: whether SYN cookies may come back. */
  constructor(hasCookies: boolean, violated: (what: string) => void) {
    this.#hasCookies = hasCookies;
    this.#violated = violated;
  }

  /** From now on, what goes to the port of `client` is for it, and the text is `down`. */
  expect(client: ModelClient, down: Pattern): void {
    this.#statements.set(client.plan.ends.port, new Statement(client, down));
  }

  /** The stack sends a segment, which may be one that the device will cut. */
  sees(received: ReceivedSegment): void {
    const { seg } = received;
    const statement = this.#statements.get(seg.localPort);
    if (statement === undefined) return; // of an adversary, who may open again with numbers it had
    if (seg.hasSyn) return this.#seesSynAck(statement, seg);
    if (seg.hasRst) {
      statement.hasBegun = false;
      statement.client.isForsaken = this.#hasCookies;
    }
    const { client } = statement;
    if (!statement.hasBegun || client.phase !== "open") return;
    // Cookies of two minutes are two first numbers: the client has the choice.
    if (client.isSynchronized) statement.begin(client.irs);
    this.#judgeAck(statement, seg);
    this.#judgeText(statement, received);
  }

  #seesSynAck(s: Statement, seg: Segment): void {
    if (s.hasBegun && s.iss === seg.seq) return; // once more
    s.begin(seg.seq);
    s.irs = (seg.ack - 1) | 0;
    s.hasBegun = true;
    s.ack = seg.ack;
    s.edge = (seg.ack + seg.wnd) | 0;
    s.shift = Math.max(seg.windowScale, 0);
    if (s.irs !== s.client.plan.isn) this.#violated("a SYN acknowledged that was never sent");
  }

  #judgeAck(s: Statement, seg: Segment): void {
    const { client } = s;
    if (((seg.ack - s.ack) | 0) < 0) {
      this.#violated(`ACK goes back by ${(s.ack - seg.ack) | 0} to ${name(s)}`);
    }
    s.ack = seg.ack;
    const edge = (seg.ack + (seg.wnd << s.shift)) | 0;
    if (((edge - s.edge) | 0) > 0) s.edge = edge;
    const { sentEnd } = client;
    if (((seg.ack - sentEnd) | 0) > 0) this.#violated(`ACK of what ${name(s)} never sent`);
    // The window of who has received the FIN means nothing.
    const isOver = client.hasSentFin && seg.ack === sentEnd;
    if (!isOver && ((edge - s.edge) | 0) < 0) {
      this.#violated(`the window of ${name(s)} shrinks by ${(s.edge - edge) | 0}`);
    }
    for (let i = 0; i < seg.sackCount; i++) {
      const start = seg.sackStart[i];
      const end = seg.sackEnd[i];
      const isDuplicate = i === 0 && ((end - seg.ack) | 0) <= 0; // RFC 2883
      const isOrdered = ((end - start) | 0) > 0 && (isDuplicate || ((start - seg.ack) | 0) > 0);
      if (!isOrdered || ((end - sentEnd) | 0) > 0) {
        this.#violated(`SACK block ${(start - seg.ack) | 0}…${(end - seg.ack) | 0} to ${name(s)}`);
      }
    }
  }

  #judgeText(s: Statement, { seg, bytes }: ReceivedSegment): void {
    const { client } = s;
    if (seg.len === 0) {
      if (seg.ecn !== 0) this.#violated(`an ACK may be marked, to ${name(s)}`); // RFC 3168 §6.1.4
      return;
    }
    const first = (s.iss + 1) | 0;
    const position = (seg.seq - first) | 0;
    const textEnd = (seg.seq + seg.payloadLength) | 0;
    if (position === -1 && seg.len === 1) return; // a probe with a byte of nothing
    const { payloadOffset: from, payloadLength } = seg;
    const wrong = s.down.firstWrong(bytes, from, from + payloadLength, Math.max(position, 0));
    if (position < 0 || wrong >= 0) {
      this.#violated(`a wrong byte is sent at ${wrong} to ${name(s)}`);
    }
    if (s.hasFin && ((textEnd - s.fin) | 0) > 0) {
      this.#violated(`text behind the FIN to ${name(s)}`);
    }
    if (seg.hasFin) {
      if (s.hasFin && s.fin !== textEnd) this.#violated(`a FIN that moves, to ${name(s)}`);
      if (((s.end - textEnd) | 0) > 0 && !s.hasFin) {
        this.#violated(`a FIN inside the text to ${name(s)}`);
      }
      s.hasFin = true;
      s.fin = textEnd;
    }
    if (seg.ecn !== 0 && ((seg.seq - s.end) | 0) < 0) {
      this.#violated(`text sent again may be marked, to ${name(s)}`); // RFC 3168 §6.1.5
    }
    if (((seg.seq - s.end) | 0) > 0) this.#violated(`text leaves a hole, to ${name(s)}`);
    if (((textEnd - s.end) | 0) > 0) s.end = textEnd;
    const behind = (seg.seq + seg.len) | 0;
    if (client.isSynchronized && ((behind - client.offeredEnd) | 0) > 0) {
      this.#violated(`${(behind - client.offeredEnd) | 0} bytes beyond the window of ${name(s)}`);
    }
  }
}

function name(s: Statement): string {
  return `client ${s.client.plan.ends.port}`;
}
