/** EntryText: the entries of a recording as lines of a trace. */

import { errnoName } from "../host/errno.ts";
import { READABLE, WRITABLE } from "../host/host.ts";
import { FrameText } from "./frame_text.ts";
import { type Entry, Kind, PartReader } from "./recording.ts";

/** What an entry says the program did. */
export type Question = Pick<Entry, "kind" | "asked">;

/** Bytes of a question shown where its line does not tell what is different. */
const DETAIL_BYTES = 160;

/** Writes entries; `<` is what arrives at the device, `>` what leaves by it. */
export class EntryText {
  readonly #frames = new FrameText();

  /** One line; empty where nothing happened. */
  of({ kind, threw, asked, answered }: Entry): string {
    const answer = new PartReader(answered);
    if (kind === Kind.Turn) return ofEvents(answer);
    if (kind === Kind.FrameIn && !threw) return this.#ofFrameIn(answer);
    const text = this.ofQuestion({ kind, asked });
    if (threw) return `${text} throws ${answer.text()}`;
    if (kind === Kind.FrameOut) return answer.i32() === 1 ? text : `${text} (not taken)`;
    const isAnswered = kind === Kind.Dial || kind === Kind.DialResult || kind === Kind.Send ||
      kind === Kind.SendGather || kind === Kind.SendUrgent || kind === Kind.AtMark ||
      kind === Kind.Receive || kind === Kind.ShutdownWrite;
    if (!isAnswered) return text;
    return `${text} = ${resultText(kind === Kind.DialResult ? -answer.i32() : answer.i32())}`;
  }

  /** What the program did, without what came of it. */
  ofQuestion({ kind, asked }: Question): string {
    const part = new PartReader(asked);
    switch (kind) {
      case Kind.Setup:
        return `set-up ${part.text()}`;
      case Kind.Turn:
        return "turn";
      case Kind.Drain:
        return "is asked to end";
      case Kind.Stop:
        return "is asked to end at once";
      case Kind.Ending:
        return endingText(part);
      case Kind.Failure:
        return `fails: ${part.text()}`;
      case Kind.Full:
        return "the recording is full";
      case Kind.Entropy:
        return `entropy, ${part.i32()} bytes`; // which are secrets
      case Kind.FrameIn:
        return "reads a frame";
      case Kind.FrameOut:
        return this.#ofFrameOut(part);
      case Kind.Dial:
        return `${part.u8() === 1 ? "dial fast" : "dial"} ${part.text()}`;
      case Kind.SetKeepalive:
        return `keepalive ${part.i32()} ${part.i32()}/${part.i32()}/${part.i32()}`;
      case Kind.Receive:
        return `receive ${part.i32()}, room for ${part.i32()}`;
      case Kind.Send:
      case Kind.SendGather:
        return `send ${part.i32()}, ${part.i32()} bytes`;
      case Kind.SendUrgent:
        return `send urgent ${part.i32()}, ${part.i32()} bytes`;
      case Kind.AtMark:
        return `at mark ${part.i32()}`;
      case Kind.Watch:
        return `watch ${part.i32()}`;
      case Kind.DialResult:
        return `dialed ${part.i32()}`;
      case Kind.ShutdownWrite:
        return `shutdown ${part.i32()}`;
      case Kind.Close:
        return `close ${part.i32()}`;
      case Kind.Reset:
        return `reset ${part.i32()}`;
    }
  }

  /** What two questions with the same line differ in: their bytes, digests of payloads among them. */
  static detail({ asked }: Question): string {
    const hex = asked.subarray(0, DETAIL_BYTES).toHex();
    return `, in bytes ${hex}${asked.length > DETAIL_BYTES ? "…" : ""}`;
  }

  #ofFrameIn(answer: PartReader): string {
    const length = answer.i32();
    if (length === 0) return "";
    if (length < 0) return `< the device is gone: ${resultText(length)}`;
    answer.u8(); // whether the device vouches for the checksum
    const segmentSize = answer.u16();
    const bytes = answer.bytes(answer.left);
    return `< ${this.#frames.of(bytes, length, true)}${cutText(segmentSize)}`;
  }

  #ofFrameOut(part: PartReader): string {
    const segmentSize = part.u16();
    part.bytes(5); // checksum offsets and flags
    const payloadLength = part.i32();
    part.bytes(8); // the digest
    const header = part.bytes(part.left);
    const length = header.length + payloadLength;
    return `> ${this.#frames.of(header, length, false)}${cutText(segmentSize)}`;
  }
}

function cutText(segmentSize: number): string {
  return segmentSize === 0 ? "" : ` cut by ${segmentSize}`;
}

function ofEvents(answer: PartReader): string {
  answer.f64(); // the time stands in front of the line
  const events: string[] = [];
  while (answer.left > 0) {
    const descriptor = answer.i32();
    const readiness = answer.u8();
    const ways = `${(readiness & READABLE) !== 0 ? "r" : ""}${
      (readiness & WRITABLE) !== 0 ? "w" : ""
    }`;
    events.push(`${descriptor}:${ways}`);
  }
  return events.length === 0 ? "" : `ready ${events.join(" ")}`;
}

function endingText(part: PartReader): string {
  const errno = part.i32();
  return `ends, ${part.text()}${errno === 0 ? "" : ` (${errnoName(errno)})`}`;
}

/** A count, or an errno's name. */
function resultText(result: number): string {
  return result < 0 ? errnoName(-result) : `${result}`;
}
