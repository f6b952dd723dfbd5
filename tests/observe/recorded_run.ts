/** RecordedRun: the program on a machine in memory, recorded while a test plays client and upstream. */

import { Recorder, type RecordingFile } from "../../lib/observe/recorder.ts";
import type { Link } from "../../lib/host/host.ts";
import { READABLE, WRITABLE } from "../../lib/host/host.ts";
import type { Driver } from "../../lib/proxy/driver.ts";
import { arenaBytes, assemble, type Setup } from "../../lib/proxy/program.ts";
import { RecordLog } from "../../lib/proxy/record_log.ts";
import { parseRoute } from "../../lib/proxy/route.ts";
import { DEFAULT_TUNABLES, type Tunables } from "../../lib/tcp/tunables.ts";
import { parseCidr, parseMac } from "../../lib/wire/address.ts";
import type { Frame } from "../../lib/wire/frame.ts";
import type { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { ACK, FIN, PSH, SYN, URG } from "../../lib/wire/segment.ts";
import { compose, type Ends } from "../sim/host.ts";
import { ReceivedSegment } from "../sim/packet.ts";
import { concat } from "../support/codec.ts";
import { FakeClock, FakePoller } from "../support/fake_host.ts";
import { FakeLogger } from "../support/fake_logger.ts";
import { FakeSockets } from "../support/fake_sockets.ts";
import { randomWords } from "../support/random.ts";

/** When the first turn is, in milliseconds. */
export const START = 5000.5;
/** 16 MiB of pages: what the recording says is what the replay takes. */
const MEMORY = 16 << 20;
const CLIENT: Ends = { isIpv6: false, host: 7, port: 40000, serverPort: 80 };
const CLIENT_ISN = 999;

/** A file in memory. */
export class MemoryFile implements RecordingFile {
  readonly #parts: Uint8Array[] = [];
  isClosed = false;
  /** Thrown by the next writing; null: it works. */
  refusal: Error | null = null;

  /** All that was written. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return concat(...this.#parts) as Uint8Array<ArrayBuffer>;
  }

  write(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.refusal !== null) throw this.refusal;
    this.#parts.push(bytes.slice());
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A device with the frames that a test puts in. */
class TestLink implements Link {
  readonly name = "test0";
  readonly descriptor = 3;
  readonly offload = false;
  readonly waiting: Uint8Array[] = [];
  /** What was written, header and payload in one. */
  readonly written: Uint8Array<ArrayBuffer>[] = [];
  /** What a read answers when no frame waits. */
  end = 0;
  /** Called before each writing; throws to be a bug. */
  onWrite: () => void = () => {};

  read(frame: Frame): number {
    const bytes = this.waiting.shift();
    if (bytes === undefined) return this.end;
    frame.arena.bytes.set(bytes, frame.start);
    frame.checksumTrusted = false;
    frame.segmentSize = 0;
    frame.length = bytes.length;
    return bytes.length;
  }

  write(header: Frame, payload: Gather): boolean {
    this.onWrite();
    const { bytes } = header.arena;
    const parts = [bytes.slice(header.start, header.start + header.length)];
    for (let i = 0; i < payload.count; i++) {
      parts.push(bytes.slice(payload.offsets[i], payload.offsets[i] + payload.lengths[i]));
    }
    this.written.push(concat(...parts) as Uint8Array<ArrayBuffer>);
    return true;
  }

  close(): void {}
}

/** One run. What `stopped` has are the reasons for which the recording ended before it. */
export class RecordedRun {
  readonly file = new MemoryFile();
  readonly link = new TestLink();
  readonly poller = new FakePoller();
  readonly sockets: FakeSockets;
  readonly recorder: Recorder;
  readonly driver: Driver;
  readonly stopped: unknown[] = [];
  now = START;
  #sent = 0;
  #isFinSent = false;

  constructor(tunables: Partial<Tunables> = {}, limit = Infinity) {
    const setup: Setup = {
      mac: parseMac("02:00:00:00:00:01")!,
      mtu: 1500,
      addresses: [parseCidr("10.0.0.1/24")!],
      gateways: [],
      routes: [parseRoute("listen=10.0.0.1:80,upstream=127.0.0.1:8080")],
      tunables: { ...DEFAULT_TUNABLES, px_mem_max: MEMORY, ...tunables },
      fastOpenKey: null,
    };
    const arena = new Arena(arenaBytes(setup.tunables));
    const next = randomWords(1);
    this.sockets = new FakeSockets(arena);
    this.recorder = new Recorder(this.file, arena, {
      limit,
      onStop: (_bytes, error) => this.stopped.push(error),
    });
    const machine = this.recorder.attach(setup, {
      arena,
      link: this.link,
      sockets: this.sockets,
      poller: this.poller,
      clock: new FakeClock(START, 0),
      entropy: {
        fill(bytes) {
          for (let i = 0; i < bytes.length; i++) bytes[i] = next() >>> 24;
        },
      },
    });
    this.driver = assemble(setup, machine, {
      log: new RecordLog(new FakeLogger(), "info", setup.tunables.px_log_ratelimit),
      tracer: null,
      watcher: this.recorder,
    });
  }

  /** Turns until nothing is left to do, `afterMs` later. */
  turn(afterMs = 1): void {
    this.now += afterMs;
    if (this.link.waiting.length > 0) this.poller.report(this.link.descriptor, READABLE);
    while (this.driver.turn(this.poller.poll(), this.now));
  }

  /** A client connects, and its upstream accepts. */
  connect(): void {
    this.#send(SYN);
    this.turn();
    this.#send(ACK);
    this.turn();
    this.poller.report(this.poller.watched.at(-1)!, WRITABLE);
    this.turn();
  }

  /** The client sends `text`. */
  send(text: string): void {
    this.#send(ACK | PSH, text);
    this.turn();
  }

  /** The client sends `text`, all of it urgent. */
  urge(text: string): void {
    this.#send(ACK | PSH | URG, text);
    this.turn();
  }

  /** The upstream sends `text`, urgent up to the byte at `mark` (-1: none is), and the client acknowledges. */
  answer(text: string, mark = -1): void {
    this.sockets.dialed[0].incoming = text;
    this.sockets.dialed[0].mark = mark;
    this.poller.report(this.poller.watched.at(-1)!, READABLE);
    this.turn();
    this.#send(ACK);
    this.turn();
  }

  /** Both sides end. */
  finish(): void {
    this.#send(ACK | FIN);
    this.#isFinSent = true;
    this.turn();
    this.sockets.dialed[0].incomingEnd = "EOF";
    this.poller.report(this.poller.watched.at(-1)!, READABLE);
    this.turn();
    this.#send(ACK);
    this.turn();
  }

  /** The whole: connected, bytes both ways, closed, drained. The recording. */
  wholeRun(): Uint8Array<ArrayBuffer> {
    this.connect();
    this.send("GET /");
    this.answer("hello, client");
    this.finish();
    this.driver.drain();
    this.turn();
    return this.recording();
  }

  /** What was recorded so far, from now on all of it. */
  recording(): Uint8Array<ArrayBuffer> {
    this.recorder.close();
    return this.file.bytes;
  }

  #send(flags: number, text = ""): void {
    const ack = this.#next();
    const { bytes } = compose(CLIENT, (seg) => {
      seg.flags = flags;
      seg.seq = CLIENT_ISN + ((flags & SYN) !== 0 ? 0 : 1 + this.#sent + (this.#isFinSent ? 1 : 0));
      seg.ack = ack;
      seg.wnd = 60000;
      seg.payloadLength = text.length;
      if ((flags & URG) !== 0) seg.urgentPointer = text.length;
      if ((flags & SYN) !== 0) seg.mss = 1460;
    }, (frame, from) => frame.set(new TextEncoder().encode(text), from));
    this.#sent += text.length;
    this.link.waiting.push(bytes);
  }

  /** What the client has of the server's numbers: the end of the last segment that has any. */
  #next(): number {
    const received = new ReceivedSegment();
    let next = 0;
    for (const bytes of this.link.written) {
      if (received.read(bytes) !== "") continue;
      const { seg } = received;
      const length = seg.payloadLength + (seg.hasSyn ? 1 : 0) + (seg.hasFin ? 1 : 0);
      if (length > 0) next = (seg.seq + length) | 0;
    }
    return next;
  }
}
