/**
 * What the program asks of the machine, as bytes: the `asked` part of entries.
 * The recorder and the replay write the same for the same.
 */

import type { Endpoint } from "../wire/address.ts";
import type { Frame } from "../wire/frame.ts";
import type { Gather } from "../wire/gather.ts";
import type { Arena } from "../wire/memory.ts";
import { Digest } from "./digest.ts";
import { type EntryWriter, Kind } from "./recording.ts";

/** Bit of a frame's flags: what the device cuts is an IPv6 packet. */
const IS_IPV6 = 1;
/** Bit of a frame's flags: CWR stands in the header. */
const HAS_CWR = 2;

/** Calls on descriptors which ask nothing more. */
export type DescriptorKind =
  | typeof Kind.Watch
  | typeof Kind.DialResult
  | typeof Kind.ShutdownWrite
  | typeof Kind.AtMark
  | typeof Kind.Close
  | typeof Kind.Reset;

/** Each method begins the entry of one call, and writes all that is asked by it. */
export class Calls {
  readonly #out: EntryWriter;
  readonly #bytes: Uint8Array;
  readonly #digest: Digest;

  /** `arena` is where frames and pages lie; some 16 KiB of it are taken, for good. */
  constructor(out: EntryWriter, arena: Arena) {
    this.#out = out;
    this.#bytes = arena.bytes;
    this.#digest = new Digest(arena);
  }

  entropy(length: number): void {
    this.#out.begin(Kind.Entropy);
    this.#out.i32(length);
  }

  frameIn(): void {
    this.#out.begin(Kind.FrameIn);
  }

  frameOut(header: Frame, payload: Gather, segmentSize: number): void {
    const out = this.#out;
    this.#digest.ofGather(payload);
    out.begin(Kind.FrameOut);
    out.u16(segmentSize);
    out.u16(header.checksumStart);
    // The device looks at these only where it completes or cuts.
    out.u16(header.checksumStart === 0 ? 0 : header.checksumField);
    out.u8(segmentSize === 0 ? 0 : (header.isIpv6 ? IS_IPV6 : 0) | (header.hasCwr ? HAS_CWR : 0));
    out.i32(payload.length);
    this.#putDigest();
    out.copy(this.#bytes, header.start, header.length);
  }

  dial(remote: Endpoint, opensFast: boolean): void {
    this.#out.begin(Kind.Dial);
    this.#out.u8(opensFast ? 1 : 0);
    this.#out.text(remote.toString());
  }

  setKeepalive(descriptor: number, time: number, interval: number, probes: number): void {
    const out = this.#out;
    out.begin(Kind.SetKeepalive);
    out.i32(descriptor);
    out.i32(time);
    out.i32(interval);
    out.i32(probes);
  }

  send(descriptor: number, offset: number, length: number): void {
    this.#digest.of(offset, length);
    this.#beginSend(Kind.Send, descriptor, length);
  }

  sendGather(descriptor: number, bytes: Gather): void {
    this.#digest.ofGather(bytes);
    this.#beginSend(Kind.SendGather, descriptor, bytes.length);
  }

  sendUrgent(descriptor: number, offset: number): void {
    this.#digest.of(offset, 1);
    this.#beginSend(Kind.SendUrgent, descriptor, 1);
  }

  receive(descriptor: number, room: number): void {
    this.#out.begin(Kind.Receive);
    this.#out.i32(descriptor);
    this.#out.i32(room);
  }

  onDescriptor(kind: DescriptorKind, descriptor: number): void {
    this.#out.begin(kind);
    this.#out.i32(descriptor);
  }

  ending(reason: string, errno: number): void {
    this.#out.begin(Kind.Ending);
    this.#out.i32(errno);
    this.#out.text(reason);
  }

  failure(error: unknown): void {
    this.#out.begin(Kind.Failure);
    this.#out.text(messageOf(error));
  }

  #beginSend(kind: Kind, descriptor: number, length: number): void {
    this.#out.begin(kind);
    this.#out.i32(descriptor);
    this.#out.i32(length);
    this.#putDigest();
  }

  #putDigest(): void {
    this.#out.i32(this.#digest.low);
    this.#out.i32(this.#digest.high);
  }
}

/** What is recorded of something thrown. Its stack is not: lines move. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
