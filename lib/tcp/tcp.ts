/**
 * Tcp: the door of the protocol floor. RFC 9293.
 *
 * Theory of operation. `receive` takes one parsed segment to its connection,
 * handshake, TIME-WAIT record or listener, and changes state. It sends nothing
 * but the stateless replies (at most one each: a reset, or the answer of a
 * TIME-WAIT record). What a connection owes or may send it is flagged for, and
 * it joins the ready queue once, however many segments arrived; `poll` lets the
 * ready connections send and does what deadlines ask for. What the user should
 * know joins the signalled queue in the same way.
 *
 * All is synchronous. Time comes in as `now`, milliseconds with a fraction;
 * randomness only at construction, as keys.
 */

import type { Endpoint } from "../wire/address.ts";
import { EMPTY_GATHER, Gather } from "../wire/gather.ts";
import type { Arena } from "../wire/memory.ts";
import type { PagePool } from "../wire/pages.ts";
import { type PathError, PathErrorKind } from "../wire/path_error.ts";
import { Segment, type SegmentSink } from "../wire/segment.ts";
import { seqLt } from "../wire/seq.ts";
import { AddressError } from "./address_error.ts";
import { shiftFor, SYN_WINDOW_LIMIT } from "./agreement.ts";
import { type CloseReason, type Connection, SIGNAL } from "./connection.ts";
import { ConnectionTable, type Tuple, tupleHash } from "./connection_table.ts";
import type { Counters } from "./counters.ts";
import { Connector } from "./connector.ts";
import { Deadlines } from "./deadlines.ts";
import { FastOpenCookies } from "./fast_open.ts";
import { FastOpenCache, FastOpenPause } from "./fast_open_cache.ts";
import { trialEnded } from "./fast_open_client.ts";
import { Handshake } from "./handshake.ts";
import { segmentArrives } from "./input.ts";
import { IsnGenerator, type IsnSource } from "./isn.ts";
import { Listener, type ListenOptions } from "./listener.ts";
import { Listeners } from "./listeners.ts";
import { type ConnectOptions, Openings, type Router } from "./openings.ts";
import { prepareReply, transmit, Turn } from "./output.ts";
import { segmentSizeIn, tooBigArrives } from "./path_mtu.ts";
import { PathMtus } from "./path_mtus.ts";
import { RateLimit } from "./rate_limit.ts";
import { replyReset } from "./reset.ts";
import { Scoreboard } from "./scoreboard.ts";
import { SipHash } from "./siphash.ts";
import { isShort, relieve } from "./memory.ts";
import { canQueue, State } from "./state.ts";
import { SynCookies } from "./syn_cookie.ts";
import { deadlinePassed } from "./timeouts.ts";
import { TimeWaitQueue } from "./time_wait.ts";
import { elapsedMs } from "./timers.ts";
import type { Tracer } from "./tracer.ts";
import type { Tunables } from "./tunables.ts";
import { TupleReuse } from "./tuple_reuse.ts";

/** How often all connections are looked through when memory is short. Milliseconds. */
const RELIEF_MS = 1000;

/** How soon the ready queue is tried again after the device took nothing. Milliseconds. */
const REFUSED_RETRY_MS = 1;

/** Challenge ACKs of all handshakes together, at most, a second. */
const HANDSHAKE_CHALLENGES = 100;

/** Which of the bytes that `TcpParts.entropy` fills become what: begin and end. */
export const SECRETS = {
  isn: [0, 16],
  timestamps: [16, 32],
  tuples: [32, 36],
  cookie0: [36, 52],
  cookie1: [52, 68],
  fastOpen: [68, 84],
  ports: [84, 100],
  limits: [100, 116],
} as const;

/** What a Tcp is built from. */
export interface TcpParts {
  readonly arena: Arena;
  readonly pages: PagePool;
  readonly tunables: Tunables;
  /** Fills bytes with secrets; used at construction only. */
  readonly entropy: { fill(bytes: Uint8Array): void };
  readonly counters: Counters;
  readonly sink: SegmentSink;
  /** Of the link, in bytes. */
  readonly mtu: number;
  /** Whether the device cuts super-segments. */
  readonly offload: boolean;
  readonly tracer: Tracer | null;
  /** See `FastOpenCookies.setKeys`; without it keys are made and replaced here. */
  readonly fastOpenKey?: string | undefined;
  /** Where ISNs and timestamp offsets come from; null: a generator with keys of its own. */
  readonly isn?: IsnSource | null;
  /** How windows are promised; null: by `tcp_rmem` and a scale which covers it. */
  readonly receiving?: Receiving | null;
  /** Names the source of what goes to a remote address; null: there are no active opens. */
  readonly router?: Router | null;
}

/** How much a receive window promises, and how it says so. */
export interface Receiving {
  /** Most bytes kept for the user of a connection. */
  readonly limit: number;
  /** Our window scale option. RFC 7323 §2.3. */
  readonly shift: number;
}

/** The protocol: all connections of one host. */
export class Tcp {
  readonly arena: Arena;
  readonly pages: PagePool;
  readonly counters: Counters;
  readonly offload: boolean;
  readonly deadlines: Deadlines<Connection | Handshake | Connector> = new Deadlines();
  /** Scratch: filled by `readable` and `writable`. */
  readonly userGather: Gather = new Gather();
  /** Scratch: the payload of the segment which is sent. */
  readonly sendGather: Gather = new Gather();
  /** Scratch: the segment which is sent. */
  readonly out: Segment = new Segment();
  /** Whether an acknowledgment is owed that would not say all if it answered the next segment, too. `poll` sends it. */
  mustPoll = false;
  readonly resetLimit: RateLimit;
  /** Arena offset of a byte that says nothing. */
  readonly garbage: number;
  /** What routers told of paths. */
  readonly pathMtus: PathMtus = new PathMtus();
  readonly timeWaits: TimeWaitQueue = new TimeWaitQueue();
  readonly tupleReuse: TupleReuse;
  readonly cookies: SynCookies;
  readonly fastOpenCookies: FastOpenCookies;
  readonly fastOpenCache: FastOpenCache = new FastOpenCache();
  readonly fastOpenPause: FastOpenPause = new FastOpenPause();
  readonly #connections = new ConnectionTable<Connection>();
  readonly #handshakes = new ConnectionTable<Handshake>();
  readonly #openings: Openings;
  readonly #router: Router | null;
  readonly #challengeLimit: RateLimit;
  readonly #sink: SegmentSink;
  readonly #tracer: Tracer | null;
  /** Of the link, in bytes. */
  readonly mtu: number;
  /** Our window scale. */
  readonly receiveShift: number;
  readonly #receiving: Receiving | null;
  readonly #isn: IsnSource;
  readonly #hashKey: number;
  readonly #listeners = new Listeners();
  #tunables: Tunables;
  #ready: (Connection | null)[] = [];
  #readyNext: (Connection | null)[] = [];
  #readyCount = 0;
  readonly #signalled: (Connection | null)[] = [];
  #signalledTail = 0;
  #signalledHead = 0;
  readonly #starving: Connection[] = [];
  /** When all connections may be looked through again for memory. */
  #reliefAt = -Infinity;
  readonly #scoreboards: Scoreboard[] = [];
  /** Those of `connectionCount` that began with a SYN of ours. */
  #activeCount = 0;
  /** Live connections whose user is gone. */
  #orphans = 0;
  /** The device took nothing: the ready queue waits until then. */
  #refusedUntil = -Infinity;

  constructor(parts: TcpParts) {
    this.arena = parts.arena;
    this.pages = parts.pages;
    this.counters = parts.counters;
    this.offload = parts.offload;
    this.#tunables = parts.tunables;
    this.#sink = parts.sink;
    this.#tracer = parts.tracer;
    this.mtu = parts.mtu;
    this.garbage = parts.arena.reserve(1, 1);
    const secrets = new Uint8Array(SECRETS.limits[1]);
    parts.entropy.fill(secrets);
    const secret = (name: keyof typeof SECRETS) => secrets.subarray(...SECRETS[name]);
    this.#isn = parts.isn ??
      new IsnGenerator(parts.arena, secret("isn"), secret("timestamps"));
    this.tupleReuse = new TupleReuse(this, this.timeWaits, this.#isn);
    const limits = new SipHash(parts.arena, secret("limits"));
    this.resetLimit = new RateLimit(parts.tunables.px_rst_ratelimit, limits, 0);
    this.#challengeLimit = new RateLimit(HANDSHAKE_CHALLENGES, limits, 1);
    this.#hashKey = new DataView(secrets.buffer).getInt32(SECRETS.tuples[0]);
    this.cookies = new SynCookies(parts.arena, secret("cookie0"), secret("cookie1"));
    this.fastOpenCookies = new FastOpenCookies(parts.arena, secret("fastOpen"));
    if (parts.fastOpenKey !== undefined) this.fastOpenCookies.setKeys(parts.fastOpenKey);
    this.#receiving = parts.receiving ?? null;
    this.receiveShift = parts.receiving?.shift ?? shiftFor(parts.tunables.tcp_rmem_max);
    this.#router = parts.router ?? null;
    this.#openings = new Openings(this, this.#router, parts.arena, secret("ports"));
  }

  /** The tunables in force. */
  get tunables(): Tunables {
    return this.#tunables;
  }

  /** Changes the tunables; what is under way follows at its next step. */
  set tunables(tunables: Tunables) {
    this.#tunables = tunables;
    this.resetLimit.perSecond = tunables.px_rst_ratelimit;
  }

  /** Bytes a new connection keeps for its user. */
  get receiveLimit(): number {
    return this.#receiving?.limit ?? this.#tunables.tcp_rmem_default;
  }

  /** The window of segments with SYN; it is not scaled. */
  get synWindow(): number {
    return Math.min(this.receiveLimit, SYN_WINDOW_LIMIT);
  }

  /** Whether pages are so short that no buffer grows. SEC-15. */
  get isUnderPressure(): boolean {
    return isShort(this.pages);
  }

  /** Connections in a synchronized state, TIME-WAIT not among them. */
  get connectionCount(): number {
    return this.#connections.count;
  }

  /** Active opens whose SYN is not acknowledged yet. */
  get openingCount(): number {
    return this.#openings.count;
  }

  /** Requests in the SYN queues. */
  get handshakeCount(): number {
    return this.#handshakes.count;
  }

  /** Whether no more connections are let in; those we opened ourselves do not count. */
  get isFull(): boolean {
    const passive = this.connectionCount - this.#activeCount + this.handshakeCount;
    return passive >= this.#tunables.px_max_connections;
  }

  /**
   * Connections to `local` are welcome from now on. Port 0: to every port of the
   * address that has no listener of its own; 0.0.0.0 and ::, to every address of
   * the family that has none. Throws AddressError when there is one already,
   * RangeError for a congestion control that is none. RFC 9293 §3.10.1.
   */
  listen(local: Endpoint, options: ListenOptions = {}): Listener {
    this.#listeners.requireFree(local);
    if (options.reuseAddress === false) this.#requireUnused(local);
    const listener = new Listener(this, local, options);
    this.#listeners.add(listener);
    return listener;
  }

  /**
   * Opens a connection: its SYN leaves with the next `poll`, `Established` or
   * `Reset` is signalled. Bytes may be queued at once. Throws AddressError when
   * `remote` can be nobody, or no local port is free; RangeError for a congestion
   * control that is none. RFC 9293 §3.10.1.
   */
  connect(remote: Endpoint, options: ConnectOptions, now: number): Connection {
    return this.#openings.connect(remote, options, now);
  }

  /** SEGMENT ARRIVES. `seg` is well-formed and for one of our addresses; it is borrowed. RFC 9293 §3.10.7. */
  receive(seg: Segment, now: number): void {
    this.counters.InSegs++;
    if (this.#tracer !== null) this.#tracer.received(seg, now);
    const hash = tupleHash(seg, this.#hashKey);
    const c = this.#connections.find(seg, hash);
    if (c !== null) return segmentArrives(c, seg, now);
    const handshake = this.#handshakes.find(seg, hash);
    if (handshake !== null) return handshake.arrives(seg, now);
    const opening = this.#openings.find(seg, hash);
    if (opening !== null) return opening.connector!.arrives(seg, now);
    const index = this.timeWaits.find(seg, hash);
    const isTaken = index >= 0
      ? this.tupleReuse.arrives(index, seg, hash, now)
      : this.listenerArrives(seg, hash, now);
    if (!isTaken) replyReset(this, seg, now);
  }

  /**
   * An ICMP error quotes a segment of ours. It counts only if that segment may
   * be in flight (RFC 5927 §4.1), and ends nothing that is synchronized: it is a
   * soft error (RFC 5461 §3). A request in the SYN queue is forgotten. Returns
   * false when the quote fits no connection.
   */
  pathErrorArrives(error: PathError, now: number): boolean {
    const quoted = error.seg;
    const hash = tupleHash(quoted, this.#hashKey);
    const c = this.#connections.find(quoted, hash);
    if (c !== null) {
      const offset = (quoted.seq - c.sndUna) | 0;
      const isInFlight = offset >= 0 && seqLt(quoted.seq, c.sndNxt);
      if (!isInFlight && !(offset === -1 && awaitsProbe(c, now))) return false;
      this.counters.IcmpSoftErrors++;
      this.reportError(c);
      if (error.kind === PathErrorKind.Unreachable) c.isUnreachable = true;
      else if (error.kind === PathErrorKind.TooBig) tooBigArrives(c, error.mtu, now);
      return true;
    }
    const opening = this.#openings.find(quoted, hash);
    if (opening !== null && quoted.seq === opening.iss) {
      opening.connector!.pathErrorArrives(error, now);
      return true;
    }
    const handshake = this.#handshakes.find(quoted, hash);
    if (handshake === null || quoted.seq !== handshake.iss) return false;
    this.counters.IcmpSoftErrors++;
    const isFatal = error.kind === PathErrorKind.Unreachable ||
      error.kind === PathErrorKind.Refused;
    if (!isFatal) return true;
    if (handshake.child === null) this.forget(handshake);
    else this.closed(handshake.child, "host unreachable");
    return true;
  }

  /** Does what is due and sends what may be sent. Returns true when there is more to send at once. */
  poll(now: number): boolean {
    this.mustPoll = false;
    const time = now | 0;
    for (let due = this.deadlines.takeDue(time); due !== null; due = this.deadlines.takeDue(time)) {
      if (due instanceof Handshake || due instanceof Connector) due.deadlinePassed(now);
      else deadlinePassed(due, now);
    }
    this.timeWaits.expire(time);
    if (this.#starving.length > 0) this.#feed();
    if (this.isUnderPressure && now >= this.#reliefAt) this.#relieve(now);
    if (now < this.#refusedUntil) return false;
    return this.#transmitReady(now);
  }

  /** When `poll` must be called at the latest, in the milliseconds of `now`; Infinity: not by itself. */
  deadline(now: number): number {
    // Deadlines are whole milliseconds: counted from a fraction, one would be seen before it is due.
    const base = Math.floor(now);
    let deadline = Infinity;
    if (this.deadlines.count > 0) deadline = base + ((this.deadlines.earliest - base) | 0);
    if (this.timeWaits.count > 0) {
      deadline = Math.min(deadline, base + ((this.timeWaits.earliest - base) | 0));
    }
    if (this.#readyCount > 0) {
      deadline = Math.min(deadline, Math.max(now, this.#refusedUntil));
    }
    return deadline;
  }

  /** The next connection with undelivered signals, or null. Its user takes them by `takeSignals`. */
  signalled(): Connection | null {
    while (this.#signalledHead < this.#signalledTail) {
      const c = this.#signalled[this.#signalledHead]!;
      this.#signalled[this.#signalledHead++] = null;
      c.isSignalled = false;
      if (c.signals !== 0) return c;
    }
    this.#signalledHead = 0;
    this.#signalledTail = 0;
    return null;
  }

  /** Largest segment that fits the link without options: what our MSS option says. RFC 9293 §3.7.1, RFC 6691. */
  maxSegmentSize(t: Omit<Tuple, "hash">): number {
    return segmentSizeIn(this.mtu, t);
  }

  // What follows is for the rest of this floor.

  /** Hands `seg` down. Returns false when the device takes nothing now. */
  send(seg: Segment, payload: Gather, now: number): boolean {
    if (!this.#sink.send(seg, payload)) {
      this.#refusedUntil = now + REFUSED_RETRY_MS;
      return false;
    }
    this.counters.OutSegs++;
    if (this.#tracer !== null) this.#tracer.sent(seg, now);
    return true;
  }

  /** Hands down a reply which nothing remembers: one that the device refuses is lost, and counted. */
  sendReply(seg: Segment, now: number): void {
    if (!this.send(seg, EMPTY_GATHER, now)) this.counters.TxDrop++;
  }

  /** The peer of `c` does not answer: the floor below may know another way. RFC 9293 §3.8.3 (R1). */
  doubtPath(c: Connection): void {
    prepareReply(this, c);
    this.#router?.doubt(this.out);
  }

  /** `c` owes or may send something: it has a turn in the next `poll`. */
  ready(c: Connection): void {
    if (c.isReady) return;
    c.isReady = true;
    this.#ready[this.#readyCount++] = c;
  }

  /** Tells the user of `c`, once it is accepted; 0: what waits already. */
  signal(c: Connection, bits: number): void {
    if (c.isReleased && bits !== SIGNAL.CloseDone) return;
    c.signals |= bits;
    if (!c.isAccepted || c.isSignalled) return;
    c.isSignalled = true;
    this.#signalled[this.#signalledTail++] = c;
  }

  /** `c` has found no page to write into and has nothing in flight that would free one. */
  starve(c: Connection): void {
    this.#starving.push(c);
  }

  /** TSval at `now`. RFC 7323 §5.4; `tcp_timestamps` 2 has no offset. */
  timestamp(offset: number, now: number): number {
    return (now + (this.#tunables.tcp_timestamps === 1 ? offset : 0)) | 0;
  }

  /** See `IsnGenerator`. */
  timestampOffset(t: Omit<Tuple, "hash">): number {
    return this.#isn.timestampOffset(t);
  }

  /** An ACK for something unacceptable, at most one per connection and `tcp_invalid_ratelimit`. RFC 5961 §7. */
  acknowledgeInvalid(c: Connection, now: number): void {
    const since = elapsedMs(c.lastInvalidAckAt, now);
    if (c.lastInvalidAckAt !== 0 && since < this.#tunables.tcp_invalid_ratelimit) {
      this.counters.TCPACKSkipped++;
      return;
    }
    c.lastInvalidAckAt = (now | 0) || -1;
    c.ackNow = true;
    this.ready(c);
  }

  /** A challenge ACK. RFC 5961 §3, §4. */
  challenge(c: Connection, now: number): void {
    this.counters.TCPChallengeACK++;
    this.acknowledgeInvalid(c, now);
  }

  /** Whether a handshake may answer with a challenge ACK now. */
  mayChallenge(now: number): boolean {
    this.counters.TCPChallengeACK++;
    return this.#challengeLimit.take(now);
  }

  /** A request entered the SYN queue; its SYN-ACK leaves with the next `poll`. */
  begin(handshake: Handshake, now: number): void {
    this.#handshakes.add(handshake);
    handshake.replaced = this.tupleReuse.reopenedRecord;
    handshake.listener.synQueueLength++;
    this.counters.PassiveOpens++;
    this.deadlines.file(handshake, now | 0);
  }

  /** A request leaves the SYN queue. */
  forget(handshake: Handshake): void {
    if (!this.#handshakes.remove(handshake)) return;
    handshake.listener.synQueueLength--;
    this.deadlines.remove(handshake);
    if (handshake.child === null) return;
    handshake.listener.fastOpenQueue.pending--;
    handshake.child.handshake = null;
    handshake.child = null;
  }

  /** `c`, opened actively, may send: it has a turn in the next `poll`. */
  admit(c: Connection): void {
    c.isReady = false;
    this.ready(c);
  }

  /** The SYN of an active open was acknowledged: `c` is in a synchronized state. */
  opened(c: Connection): void {
    this.#openings.leave(c);
    this.#activeCount++;
    this.established(c);
    this.admit(c);
  }

  /** See `tupleHash`. */
  hashOf(t: Omit<Tuple, "hash">): number {
    return tupleHash(t, this.#hashKey);
  }

  /** Whether there is a listener of that port alone. */
  hasListener(port: number): boolean {
    return this.#listeners.hasPort(port);
  }

  /** Whether a connection or a request in a SYN queue has the tuple. */
  hasTuple(t: Omit<Tuple, "hash">, hash: number): boolean {
    return this.#connections.find(t, hash) !== null || this.#handshakes.find(t, hash) !== null;
  }

  /** Whether somebody listens where `seg` goes. */
  hasListenerFor(seg: Segment): boolean {
    return this.#listeners.find(seg) !== null;
  }

  /** A segment that belongs to no connection and no request. Returns whether a listener wanted it. */
  listenerArrives(seg: Segment, hash: number, now: number): boolean {
    const listener = this.#listeners.find(seg);
    return listener !== null && listener.arrives(seg, hash, now);
  }

  /** A connection reached ESTABLISHED. */
  established(c: Connection): void {
    this.#connections.add(c);
    this.signal(c, SIGNAL.Established);
  }

  /** `listener` was closed: its place and its SYN queue are emptied. */
  listenerClosed(listener: Listener): void {
    this.#listeners.remove(listener);
    const requests: Handshake[] = [];
    this.#handshakes.forEach((h) => {
      if (h.listener === listener && h.child === null) requests.push(h);
    });
    for (const h of requests) this.forget(h);
  }

  /** The scoreboard of what `c` has in flight, lent to it if it had nothing. */
  beginFlight(c: Connection): Scoreboard {
    if (c.scoreboard === null) {
      c.scoreboard = this.#scoreboards.pop() ?? new Scoreboard();
      c.scoreboard.minRttUs = c.minRttUs;
    }
    return c.scoreboard;
  }

  /** Everything `c` sent was acknowledged. */
  endFlight(c: Connection): void {
    const scoreboard = c.scoreboard;
    if (scoreboard === null) return;
    scoreboard.clear();
    this.#scoreboards.push(scoreboard);
    c.scoreboard = null;
  }

  /** `c` is CLOSED: nothing is sent or received any more; bytes in order stay readable. */
  closed(c: Connection, reason: CloseReason): void {
    if (c.state === State.Closed) return;
    c.state = State.Closed;
    this.#end(c, reason);
    this.signal(c, reason === "closed" ? SIGNAL.Closed : SIGNAL.Reset | SIGNAL.Closed);
  }

  /** Both FINs were acknowledged and ours was first: the tuple rests for 2·MSL. RFC 9293 §3.6.1. */
  enterTimeWait(c: Connection, now: number): void {
    this.tupleReuse.rest(c, now);
    c.state = State.TimeWait;
    this.#end(c, "closed");
    this.signal(c, SIGNAL.Closed);
  }

  /** Throws AddressError when a connection has the address and port, in whatever state. POSIX: bind. */
  #requireUnused(local: Endpoint): void {
    const isUsed = this.timeWaits.hasLocal(local) || this.#openings.hasLocal(local) ||
      this.#connections.hasLocal(local) || this.#handshakes.hasLocal(local);
    if (!isUsed) return;
    throw new AddressError("EADDRINUSE", `Cannot listen on ${local}: a connection has it still`);
  }

  /** The user of `c` is done with it. RFC 9293 §3.10.4. */
  released(c: Connection): void {
    const hadUnread = c.receiveQueue.length > 0;
    c.receiveQueue.clear();
    if (c.state === State.Closed || c.state === State.TimeWait) return;
    if (++this.#orphans > this.#tunables.tcp_max_orphans) {
      this.counters.TCPAbortOnMemory++;
      c.abort();
    } else if (hadUnread) {
      c.abort();
    } else {
      if (canQueue(c.state)) c.shutdown();
      this.ready(c);
    }
  }

  /** A soft error, of ICMP or at R1: it is told to a user who wants to know. RFC 9293 §3.9.1.8. */
  reportError(c: Connection): void {
    c.softErrors++;
    if (c.reportsErrors) this.signal(c, SIGNAL.ErrorReport);
  }

  /** The user who lingers over closing `c` need not wait any more. */
  closeDone(c: Connection): void {
    if (!c.isLingering) return;
    c.isLingering = false;
    this.signal(c, SIGNAL.CloseDone);
  }

  #end(c: Connection, reason: CloseReason): void {
    this.closeDone(c);
    c.closeReason = reason;
    trialEnded(c);
    if (c.handshake !== null) this.forget(c.handshake);
    if (c.connector !== null) {
      this.#openings.leave(c);
    } else {
      this.#connections.remove(c);
      if (c.isActive) this.#activeCount--;
    }
    this.deadlines.remove(c);
    c.timers = 0;
    c.resetPending = false;
    if (c.state === State.Closed) c.ackNow = false;
    c.owesUserTimeout = false;
    this.endFlight(c);
    c.sendQueue.clear();
    c.receiveQueue.dropGaps();
    if (c.isReleased) {
      c.receiveQueue.clear();
      this.#orphans--;
    }
  }

  #transmitReady(now: number): boolean {
    const turn = this.#ready;
    this.#ready = this.#readyNext;
    this.#readyNext = turn;
    const count = this.#readyCount;
    this.#readyCount = 0;
    let hasMore = false;
    for (let i = 0; i < count; i++) {
      const c = turn[i]!;
      turn[i] = null;
      c.isReady = false;
      const result = transmit(c, now);
      if (result === Turn.Done) continue;
      this.ready(c);
      if (result === Turn.More) {
        hasMore = true;
        continue;
      }
      for (i++; i < count; i++) {
        const rest = turn[i]!;
        turn[i] = null;
        rest.isReady = false;
        this.ready(rest);
      }
    }
    return hasMore;
  }

  /** See `relieve`. */
  #relieve(now: number): void {
    this.#reliefAt = now + RELIEF_MS;
    const connections: Connection[] = [];
    this.#connections.forEach((c) => connections.push(c));
    relieve(this, connections, now);
  }

  /** Pages were given back: those who found none may write again. */
  #feed(): void {
    if (this.pages.lent >= this.pages.limit) return;
    for (const c of this.#starving) {
      c.wantsRoom = false;
      this.signal(c, SIGNAL.Writable);
    }
    this.#starving.length = 0;
  }
}

/** Whether a keep-alive or window probe, whose SEQ lies before SND.UNA, is unanswered. */
function awaitsProbe(c: Connection, now: number): boolean {
  if (c.retries > 0 && c.sndUna === c.sndNxt) return true;
  const idle = (now - c.lastReceivedAt) | 0;
  return c.keepaliveProbes > 0 && idle >= c.keepaliveTimeMs;
}
