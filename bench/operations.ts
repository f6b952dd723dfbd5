/** What is measured: one step of each, to be repeated as often as one likes. */

import { ConnectionTable, type Tuple, tupleHash } from "../lib/tcp/connection_table.ts";
import type { Connection } from "../lib/tcp/connection.ts";
import { MAX_CWND } from "../lib/tcp/congestion.ts";
import { Scoreboard } from "../lib/tcp/scoreboard.ts";
import { State } from "../lib/tcp/state.ts";
import { TimeWaitQueue } from "../lib/tcp/time_wait.ts";
import { DEFAULT_TUNABLES, type Tunables } from "../lib/tcp/tunables.ts";
import { Segment, SYN } from "../lib/wire/segment.ts";
import { buildTcpOptions, parseTcpOptions } from "../lib/wire/tcp_options.ts";
import type { PeerFrame } from "./peer_frame.ts";
import { SEGMENT, SUPER_SEGMENT, Workbench } from "./workbench.ts";

/** One thing the engine does. */
export interface Operation {
  readonly name: string;
  /** What house §14 allows, in nanoseconds; null: nothing is said. */
  readonly budgetNs: number | null;
  /** Whether it may allocate: connections are objects. */
  readonly allocates: boolean;
  /** Does it once. */
  readonly step: () => void;
}

/** Frames the driver reads before it polls. House §5. */
const BATCH = 64;

const FIRST_SEQ = 1001;

/** The tables' key. */
const HASH_KEY = 0x5bd1e995;

/** Every SYN is answered with a cookie. */
const ALWAYS_COOKIES: Partial<Tunables> = { tcp_syncookies: 2, px_rst_ratelimit: 1_000_000 };

/** All operations. Building them takes a second and some hundred MiB. */
export function createOperations(): Operation[] {
  return [
    harness(),
    dataIn(`data in: ${SEGMENT} B, ACK out, batches of ${BATCH}`, BATCH),
    dataIn(`data in: ${SEGMENT} B, ACK out, one by one`, 1),
    superSegmentIn(),
    dataOut(`data out: ${SEGMENT} B, ACK in`, false, SEGMENT),
    dataOut(`data out: ${SUPER_SEGMENT} B, ACK in`, true, SUPER_SEGMENT),
    cookieReply("SYN in, cookie SYN-ACK out", "S"),
    cookieReply("ACK in that is no cookie, RST out", "."),
    life("handshake by cookie to close, peer first", 40000, peerCloses, ALWAYS_COOKIES),
    life("handshake to close, the peer first", 40000, peerCloses),
    life("handshake to close and reuse of TIME-WAIT", 40000, productCloses),
    ...[0, 1, 100].map(scoreboard),
    ...[0, 1, 100].map(acknowledgment),
    ...[1_000, 100_000, 1_000_000].map(lookup),
    timeWaitLookup(DEFAULT_TUNABLES.tcp_max_tw_buckets),
    checksum(SEGMENT + 32),
    checksum(65_535),
    ...options(),
  ];
}

/** What the operations cost without an engine. */
function harness(): Operation {
  const bench = new Workbench(false);
  const frame = bench.frame(".", SEGMENT);
  let seq = FIRST_SEQ;
  return {
    name: "the bench itself: a frame's numbers",
    budgetNs: null,
    allocates: false,
    step: () => {
      frame.set(seq, 0);
      seq = (seq + SEGMENT) | 0;
    },
  };
}

/** Small segments in order; the user takes what is there behind each batch. */
function dataIn(name: string, batch: number): Operation {
  const bench = new Workbench(false);
  const c = bench.connect();
  const frame = bench.frame(".", SEGMENT);
  const ack = c.sndNxt;
  let seq = FIRST_SEQ;
  let inBatch = 0;
  return {
    name,
    budgetNs: 150,
    allocates: false,
    step: () => {
      frame.set(seq, ack);
      bench.receive(frame);
      seq = (seq + SEGMENT) | 0;
      if (++inBatch < batch) return;
      inBatch = 0;
      takeAll(c);
      bench.poll();
    },
  };
}

function takeAll(c: Connection): void {
  for (let bytes = c.readable(); bytes.length > 0; bytes = c.readable()) c.consume(bytes.length);
}

/** Super-segments in order; the user takes each where it lies. */
function superSegmentIn(): Operation {
  const bench = new Workbench(true);
  const c = bench.connect();
  c.sink = { offer: (_c, _offset, length) => length };
  const frame = bench.frame(".", SUPER_SEGMENT, SEGMENT);
  const ack = c.sndNxt;
  let seq = FIRST_SEQ;
  return {
    name: `data in: ${SUPER_SEGMENT} B, ACK out`,
    budgetNs: 300,
    allocates: false,
    step: () => {
      frame.set(seq, ack);
      bench.receive(frame);
      seq = (seq + SUPER_SEGMENT) | 0;
      bench.poll();
    },
  };
}

/** The user commits `length` bytes, they are sent and acknowledged. */
function dataOut(name: string, offload: boolean, length: number): Operation {
  const bench = new Workbench(offload);
  const c = bench.connect();
  const ack = bench.frame(".");
  openCongestionWindow(bench, c, ack, 4 * SUPER_SEGMENT);
  return {
    name,
    budgetNs: null,
    allocates: false,
    step: () => {
      commit(c, length);
      bench.poll();
      ack.set(FIRST_SEQ, c.sndNxt);
      bench.receive(ack);
      bench.poll();
    },
  };
}

function openCongestionWindow(bench: Workbench, c: Connection, ack: PeerFrame, bytes: number) {
  for (let i = 0; c.cwnd < bytes; i++) {
    if (i > 10_000) throw new Error(`cwnd stays at ${c.cwnd}`);
    commit(c, 2 * c.cwnd);
    while (c.sndUna !== c.endOfStream) {
      bench.poll();
      ack.set(FIRST_SEQ, c.sndNxt);
      bench.receive(ack);
    }
  }
}

function commit(c: Connection, length: number): void {
  for (let left = length; left > 0;) {
    const count = Math.min(left, c.writable().length);
    if (count === 0) throw new Error("There is no room to write");
    c.commit(count);
    left -= count;
  }
}

/** Frames of a connection's whole life, and its numbers. */
interface Life {
  readonly bench: Workbench;
  readonly ack: PeerFrame;
  readonly fin: PeerFrame;
  readonly port: number;
  readonly seq: number;
  readonly iss: number;
}

/** A flood as the engine sees it: each segment from another port, each with one stateless reply. */
function cookieReply(name: string, flags: string): Operation {
  const bench = new Workbench(false, ALWAYS_COOKIES);
  const frame = bench.frame(flags);
  let count = 0;
  return {
    name,
    budgetNs: flags === "S" ? 300 : null,
    allocates: false,
    step: () => {
      count++;
      frame.set(Math.imul(count, 0x9e3779b1), count, 1024 + count % 60_000);
      bench.receive(frame);
      if (count % BATCH === 0) bench.poll();
    },
  };
}

/** SYN to CLOSED, on always the same port; the peer's ISN grows by 100000. */
function life(
  name: string,
  port: number,
  close: (life: Life) => void,
  tunables: Partial<Tunables> = {},
): Operation {
  const bench = new Workbench(false, tunables);
  const syn = bench.frame("S");
  const ack = bench.frame(".");
  const fin = bench.frame("F.");
  let isn = 1000;
  return {
    name,
    budgetNs: null,
    allocates: true,
    step: () => {
      isn = (isn + 100_000) | 0;
      syn.set(isn, 0, port);
      bench.receive(syn);
      bench.poll();
      const iss = bench.sink.lastSeq;
      ack.set((isn + 1) | 0, (iss + 1) | 0, port);
      bench.receive(ack);
      close({ bench, ack, fin, port, seq: (isn + 1) | 0, iss });
    },
  };
}

function peerCloses({ bench, ack, fin, port, seq, iss }: Life): void {
  const c = bench.listener.accept()!;
  fin.set(seq, (iss + 1) | 0, port);
  bench.receive(fin);
  c.release();
  bench.poll();
  ack.set((seq + 1) | 0, (iss + 2) | 0, port);
  bench.receive(ack);
  bench.poll();
  expectState(c, State.Closed);
}

function productCloses({ bench, fin, port, seq, iss }: Life): void {
  const c = bench.listener.accept()!;
  c.release();
  bench.poll();
  fin.set(seq, (iss + 2) | 0, port);
  bench.receive(fin);
  bench.poll();
  expectState(c, State.TimeWait);
}

function expectState(c: Connection, state: State): void {
  if (c.state !== state) throw new Error(`The connection is in state ${c.state}, not ${state}`);
}

/** Segments in flight beyond the holes, one more of them reported by each ACK. */
const FLIGHT = 4000;

/**
 * What an ACK with three SACK blocks does to a flight with `holes` in it, all of
 * them found lost and sent again: the newest block grows by a segment, the two
 * others say nothing new. Without holes: it acknowledges a segment.
 */
function scoreboard(holes: number): Operation {
  const board = new Scoreboard();
  const end = (segment: number) => (segment * SEGMENT) | 0;
  const first = 2 * holes;
  let segment = first + FLIGHT;
  let now = 0;
  const begin = () => {
    board.clear();
    now = (now + 1_000_000) | 0;
    board.sent(0, end(first + FLIGHT), SEGMENT, now);
    now = (now + 1000) | 0;
    for (let i = 0; i < holes; i++) board.sack(end(2 * i + 1), end(2 * i + 2), now);
    board.detectLoss(now, 0);
    while (board.lostBytes > 0) board.resent(SEGMENT, SEGMENT, now);
    segment = first;
  };
  return {
    name: `ACK in the scoreboard, ${holes} holes`,
    budgetNs: 1000,
    allocates: false,
    step: () => {
      if (segment === first + FLIGHT) begin();
      segment++;
      board.beginAcknowledgment();
      if (holes === 0) board.acknowledge(end(segment), now);
      else board.sack(end(first - 1), end(segment), now);
      if (holes > 2) {
        board.sack(end(first - 3), end(first - 2), now);
        board.sack(end(first - 5), end(first - 4), now);
      }
      board.detectLoss(now, 0);
      if (board.deliveredBytes !== SEGMENT) throw new Error(`${board.deliveredBytes} delivered`);
    },
  };
}

/**
 * The same as an ACK that arrives: from the frame to what may be sent then,
 * which is nothing. Behind it the loss of `holes` segments was found and repaired.
 */
function acknowledgment(holes: number): Operation {
  const bench = new Workbench(true, { tcp_wmem_max: 16 << 20 });
  const c = bench.connect();
  const blocks = Math.min(holes, 3);
  const ack = bench.frame(".", 0, 0, blocks);
  const oneBlock = bench.frame(".", 0, 0, 1);
  const first = 2 * holes;
  let base = c.sndNxt;
  let segment = first + FLIGHT;
  const end = (segment: number) => (base + segment * SEGMENT) | 0;
  const settle = () => {
    c.cwnd = MAX_CWND;
    bench.poll();
  };
  const begin = () => {
    if (c.sndUna !== c.sndNxt) {
      ack.set(FIRST_SEQ, c.sndNxt);
      bench.receive(ack);
    }
    base = c.sndNxt;
    settle();
    commit(c, (first + FLIGHT) * SEGMENT);
    while (c.sndNxt !== c.endOfStream) settle();
    oneBlock.set(FIRST_SEQ, base);
    for (let i = 0; i < holes; i++) {
      oneBlock.setBlock(0, end(2 * i + 1), end(2 * i + 2));
      bench.receive(oneBlock);
    }
    settle();
    const ranges = c.scoreboard!.count;
    if (ranges < 2 * holes || c.scoreboard!.lostBytes > 0) throw new Error(`${ranges} ranges`);
    segment = first;
    ack.set(FIRST_SEQ, base);
    for (let i = 1; i < blocks; i++) {
      ack.setBlock(i, end(first - 1 - 2 * i), end(first - 2 * i));
    }
  };
  return {
    name: `ACK in, ${holes} holes`,
    budgetNs: 1000,
    allocates: false,
    step: () => {
      if (segment === first + FLIGHT) begin();
      segment++;
      if (holes === 0) ack.set(FIRST_SEQ, end(segment));
      else ack.setBlock(0, end(first - 1), end(segment));
      bench.receive(ack);
      bench.poll();
      const delivered = segment === first + FLIGHT ? SEGMENT : c.scoreboard!.deliveredBytes;
      if (delivered !== SEGMENT) throw new Error(`${delivered} delivered`);
    },
  };
}

/** Finds one of `count` connections, chosen at random, by a segment. */
function lookup(count: number): Operation {
  const table = new ConnectionTable<Tuple>();
  const crowd = new Crowd(count);
  for (let i = 0; i < count; i++) table.add(crowd.tuple(i));
  return {
    name: `lookup among ${count} connections`,
    budgetNs: null,
    allocates: false,
    step: () => {
      if (table.find(crowd.seg, crowd.chooseHash()) === null) throw new Error("Not found");
    },
  };
}

/** Finds one of `count` records in TIME-WAIT, chosen at random, by a segment. */
function timeWaitLookup(count: number): Operation {
  const queue = new TimeWaitQueue();
  const crowd = new Crowd(count);
  const remains = { sndNxt: 1, rcvNxt: 1, tsRecent: 1, tsOk: true, pathHigh: 0, pathLow: 1 };
  for (let i = 0; i < count; i++) {
    // All that the queue looks at of a connection.
    queue.add({ ...crowd.tuple(i), ...remains } as unknown as Connection, i, 0);
  }
  return {
    name: `lookup among ${count} in TIME-WAIT`,
    budgetNs: null,
    allocates: false,
    step: () => {
      if (queue.find(crowd.seg, crowd.chooseHash()) < 0) throw new Error("Not found");
    },
  };
}

/** Many peers of one port, of which a segment is now and then from another one. */
class Crowd {
  readonly seg: Segment = new Segment();
  readonly #count: number;
  #random = 1;

  constructor(count: number) {
    this.#count = count;
    const { seg } = this;
    seg.local2 = seg.remote2 = 0xffff;
    seg.local3 = 0x0a000001;
    seg.localPort = 80;
  }

  /** The tuple of peer `i`. */
  tuple(i: number): Tuple {
    this.#become(i);
    return tupleOf(this.seg, tupleHash(this.seg, HASH_KEY));
  }

  /** Has the segment come from a peer chosen at random. Returns the hash of its tuple. */
  chooseHash(): number {
    this.#random = (Math.imul(this.#random, 0x41c64e6d) + 12345) | 0;
    this.#become((this.#random >>> 4) % this.#count);
    return tupleHash(this.seg, HASH_KEY);
  }

  #become(i: number): void {
    this.seg.remote3 = (0x0b000000 + (i >>> 4)) | 0;
    this.seg.remotePort = 1024 + (i & 15);
  }
}

function tupleOf(seg: Segment, hash: number): Tuple {
  const { local0, local1, local2, local3, localPort } = seg;
  const { remote0, remote1, remote2, remote3, remotePort } = seg;
  return {
    local0,
    local1,
    local2,
    local3,
    remote0,
    remote1,
    remote2,
    remote3,
    localPort,
    remotePort,
    hash,
  };
}

function checksum(length: number): Operation {
  const { arena } = new Workbench(false);
  const offset = arena.reserve(length, 4);
  let total = 0;
  return {
    name: `checksum of ${length} bytes`,
    budgetNs: null,
    allocates: false,
    step: () => {
      total ^= arena.sum(offset, length);
    },
  };
}

function options(): Operation[] {
  const timestamps = new Segment();
  timestamps.hasTimestamps = true;
  const sack = new Segment();
  sack.hasTimestamps = true;
  sack.sackCount = 3;
  const syn = new Segment();
  syn.flags = SYN;
  syn.hasTimestamps = syn.sackPermitted = true;
  syn.mss = 1460;
  syn.windowScale = 7;
  return [
    parsing("parsing timestamps", timestamps),
    parsing("parsing timestamps and three SACK blocks", sack),
    parsing("parsing a SYN's options", syn),
  ];
}

function parsing(name: string, model: Segment): Operation {
  const view = new DataView(new ArrayBuffer(40));
  const length = buildTcpOptions(view, 0, model);
  const seg = new Segment();
  seg.flags = model.flags;
  return {
    name,
    budgetNs: null,
    allocates: false,
    step: () => {
      seg.reset();
      if (!parseTcpOptions(view, 0, length, seg)) throw new Error("Malformed");
    },
  };
}
