/**
 * Connection: the transmission control block, and what its user may call.
 * RFC 9293 §3.3.1, §3.9.1.
 *
 * The user's calls only change state and put the connection in the ready
 * queue; the sending happens in `Tcp.poll`. A connection is paid for a hundred
 * thousand times: fields are integers, buffers are lent pages, and what only a
 * flight needs is lent with it.
 */

import { Address } from "../wire/address.ts";
import type { Gather } from "../wire/gather.ts";
import { ALGORITHMS } from "./algorithms.ts";
import { type CallError, closeError, receiveError, sendError } from "./call_error.ts";
import type { CongestionControl, PathModel } from "./congestion.ts";
import type { Tuple } from "./connection_table.ts";
import type { Connector } from "./connector.ts";
import type { CubicState } from "./cubic.ts";
import { NOT_FILED } from "./deadlines.ts";
import type { FastOpenTrial } from "./fast_open_client.ts";
import type { Handshake } from "./handshake.ts";
import { sendLimit } from "./memory.ts";
import { Phase } from "./phase.ts";
import type { MtuSearch } from "./plpmtud.ts";
import { ReceiveQueue } from "./receive_queue.ts";
import { owesWindowUpdate } from "./receive_window.ts";
import type { Recovery } from "./recovery.ts";
import type { Scoreboard } from "./scoreboard.ts";
import { SendQueue } from "./send_queue.ts";
import type { RoundTrips } from "./slow_start.ts";
import { State, STATE_NAMES } from "./state.ts";
import type { Tcp } from "./tcp.ts";
import { arm, disarm, TIMER } from "./timers.ts";
import { announceUserTimeout, changeUserTimeout } from "./user_timeout.ts";

/** Bits of `Connection.signals`: what the user has not been told yet. */
export const SIGNAL = {
  Established: 1,
  Readable: 2,
  Writable: 4,
  Drained: 8,
  PeerClosed: 16,
  Reset: 32,
  Closed: 64,
  /** What `closeLingering` waited for happened, or took too long. */
  CloseDone: 128,
  /** A soft error, if `reportsErrors`. */
  ErrorReport: 256,
  /** The peer calls the bytes up to `urgentRemaining` urgent. RFC 9293 §3.8.5 (MUST-32). */
  Urgent: 512,
} as const;

/** Why a connection ended; "" while it lives. */
export type CloseReason =
  | ""
  | "closed"
  | "reset by peer"
  | "refused"
  | "timed out"
  | "keep-alive timed out"
  | "zero window timed out"
  | "host unreachable"
  | "aborted";

/** Where a connection's bytes go the moment a large segment arrives in order. */
export interface ByteSink {
  /**
   * Offers `length` bytes at arena offset `offset`, where they lie in the
   * received frame. Returns how many it took; the engine keeps the rest in the
   * receive queue and lets the window say so. Never calls back into the engine,
   * never keeps the bytes, and never throws into it: a system error returns 0,
   * is remembered, and acted on when signals are delivered.
   *
   * Called only while `readable()` is empty.
   */
  offer(c: Connection, offset: number, length: number): number;
}

/** How an idle peer is probed; what is left out is the tunable's value. RFC 9293 §3.8.4. */
export interface Keepalive {
  /** Seconds without a segment of the peer before the first probe: `tcp_keepalive_time`. */
  readonly time?: number;
  /** Seconds between probes: `tcp_keepalive_intvl`. */
  readonly interval?: number;
  /** Unanswered probes before the connection is given up: `tcp_keepalive_probes`. */
  readonly probes?: number;
  /** Bytes in each probe, 0 or 1: `tcp_keepalive_garbage`. */
  readonly bytes?: number;
}

/** One connection in a synchronized state, or the remains of one. */
export class Connection implements Tuple {
  readonly tcp: Tcp;

  readonly local0: number;
  readonly local1: number;
  readonly local2: number;
  readonly local3: number;
  readonly remote0: number;
  readonly remote1: number;
  readonly remote2: number;
  readonly remote3: number;
  readonly localPort: number;
  readonly remotePort: number;
  readonly hash: number;
  /** Where the peer's frames come from; opaque, see `Segment.pathHigh`. */
  pathHigh = 0;
  pathLow = 0;

  state: State = State.Established;
  /** Undelivered `SIGNAL` bits. */
  signals = 0;
  isSignalled = false;
  /** Whether it stands in the ready queue. */
  isReady = false;
  closeReason: CloseReason = "";
  /** Whatever the user likes; null when the user is done. */
  user: unknown = null;
  sink: ByteSink | null = null;
  /** Whether the user has it from the listener; until then signals wait. */
  isAccepted = false;
  isReleased = false;
  /** What waits for the third ACK of a fast open, in SYN-RECEIVED or closed by the user in it; else null. */
  handshake: Handshake | null = null;
  /** Whether the user is told `CloseDone` although it has released the connection. */
  isLingering = false;

  /** Armed `TIMER` bits, and the time of each: int32 milliseconds. */
  timers = 0;
  readonly timerAt: number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  heapIndex = NOT_FILED;

  readonly iss: number;
  irs: number;
  sndUna: number;
  sndNxt: number;
  sndWnd = 0;
  sndWl1: number;
  /** The largest window the peer ever offered. RFC 9293 §3.8.6.2.1 (Max(SND.WND)). */
  maxSndWnd = 0;
  sndShift = 0;
  rcvNxt: number;
  /** The right edge of the window as advertised; it never moves left. RFC 9293 §3.8.6. */
  rcvEdge: number;
  rcvShift = 0;
  /** Most bytes kept for the user, or promised a place. See `tuneReceiveWindow`. */
  rcvLimit = 0;
  /** What the user took in a round trip at best; how the current one began, and how long it is. */
  rcvDelivered = 0;
  rcvRoundAt = 0;
  rcvRoundMs = 1;
  rcvRoundStart = 0;
  lastAckSent: number;
  /** Most payload bytes of one segment, timestamps allowed for. RFC 9293 §3.7.1 (Eff.snd.MSS). */
  mss = 536;
  /** What the peer's SYN said, without regard to options and path. */
  peerMss = 536;
  /** Whether a router told of a narrow path, and until when that counts: int32 milliseconds. RFC 1191 §6.3. */
  isPathNarrow = false;
  pathExpiresAt = 0;
  /** `PathMtus.news` when that was asked last. */
  pathNews = 0;
  /** Null unless how much the path carries is being found out without routers. RFC 4821 §7. */
  mtuSearch: MtuSearch | null = null;
  /** Whether segments leave with DF clear. RFC 1191 §3; MTU-02. */
  mayFragment = false;
  /** The peer's segments hold about this many bytes; for delayed acknowledgments. */
  rcvMss = 536;

  /** DSCP of what is sent, 0 … 63; may change at any time. RFC 9293 §3.9.2 (MUST-48, SHLD-22). */
  dscp = 0;
  /** Time to live of what is sent, 1 … 255; 0: `ip_default_ttl`. RFC 9293 §3.9.2 (MUST-49). */
  ttl = 0;
  /**
   * Whether the peer's segments come by ways that know offloads; only then ours
   * are super-segments, and have checksums to be completed. A bridge or an
   * emulator between may read frames as they are.
   */
  isOffloaded = false;
  /** DSCP of the peer's last acceptable segment. RFC 9293 §3.9.2 (MAY-9). */
  receivedDscp = 0;

  sackOk = false;
  /** Whether both ends understand congestion marks; the rest of it is `ecn.ts`'s. RFC 3168 §6.1.1. */
  ecnOk = false;
  /** A mark came, and no CWR since: acknowledgments carry ECE. RFC 3168 §6.1.3. */
  owesEce = false;
  /** cwnd was reduced: the next new data carries CWR. RFC 3168 §6.1.2. */
  owesCwr = false;
  /** cwnd was reduced when SND.NXT was `ecnRecover`; until that is passed ECE says nothing new. */
  isCwndReduced = false;
  ecnRecover = 0;
  tsOk = false;
  tsRecent = 0;
  tsRecentAt = 0;
  tsOffset = 0;

  cwnd = 0;
  /** The largest cwnd there was when the user asked for room. */
  mostCwnd = 0;
  ssthresh = 0x7fffffff;
  /** Acknowledged bytes that have not moved cwnd yet. RFC 5681 §3.1. */
  cwndCredit = 0;
  /** SND.NXT when recovery began. RFC 6582 §3.2. */
  recover: number;
  phase: Phase = Phase.Open;
  duplicateAcks = 0;
  /** Whether cwnd was what ended the last sending: only then acknowledgments open it. RFC 7661 §4.3. */
  isCwndLimited = false;
  /** The greatest flight of a round trip, and SND.NXT when that was. RFC 7661 §4.3. */
  greatestFlight = 0;
  windowUseEnd: number;
  /** By default what `tcp_congestion_control` says; may change before there was loss. Linux: `TCP_CONGESTION`. */
  congestion: CongestionControl;
  /** Null where `congestion` has none, and until the first flight. */
  model: PathModel | null = null;
  /** Null until cwnd was first full, and after the first slow start. */
  roundTrips: RoundTrips | null = null;
  /** Null until CUBIC has something to remember. */
  cubic: CubicState | null = null;
  /** Null until the first loss. */
  recovery: Recovery | null = null;
  /** A tail loss probe was sent, when SND.NXT was `probeEnd`: again what had been sent before, or new data. RFC 8985 §7. */
  hasProbed = false;
  isProbeResent = false;
  probeEnd = 0;
  srttUs = 0;
  rttvarUs = 0;
  minRttUs = 0;
  /** The least RTT since `minRttSince`, which is to replace `minRttUs`. */
  laterMinRttUs = 0;
  minRttSince = 0;
  rtoMs = 0;
  /** How often the timeout was doubled since the last round-trip sample. RFC 6298 §5.5. */
  backoff = 0;
  /** Retransmissions or probes in a row without any answer, and when the first of them was due. */
  retries = 0;
  retriesBeganAt = 0;
  /** How long the peer may take nothing, milliseconds; 0: R2 and the probes' count decide. */
  userTimeoutMs = 0;
  /** Whether our user chose it, so that the peer's option does not change it. RFC 5482 §3.1 (CHANGEABLE). */
  isUserTimeoutChosen = false;
  /** Whether the peer is to be told of it. */
  owesUserTimeout = false;
  /** When it last took something, or there was something to take; only while there is a user timeout. */
  progressAt = 0;
  scoreboard: Scoreboard | null = null;
  /** What our SYN tried of fast open; None for a passive open. */
  fastOpenTrial: FastOpenTrial = 0;
  /** Null but for an active open whose SYN is not acknowledged yet. */
  connector: Connector | null = null;
  /** Whether it began with a SYN of ours. */
  isActive = false;

  /** Whether short segments leave at once: Nagle's algorithm is off. RFC 9293 §3.7.4 (MUST-17). */
  isNoDelay = false;
  /** Whether a short last segment waits for more to be written, whatever is in flight. Linux: `TCP_CORK`. */
  isCorked = false;
  /** Behind the last short segment sent. */
  sndSmall: number;

  ackNow = false;
  /** Segments still to be acknowledged at once. Linux: quick ACKs. */
  quickAcks: number;
  /** The user answers soon when the peer speaks: the ACK of a FIN waits for that. Linux: pingpong mode. */
  isInteractive = false;
  /** Text that came twice, to be reported with the next ACK; equal: none. RFC 2883 §4. */
  dsackStart = 0;
  dsackEnd = 0;
  lastReceivedAt = 0;
  lastSentAt = 0;
  /** Since when nothing has been in flight, as far as `congestion` was not told of it yet; int32 milliseconds. */
  idleSince = 0;
  /** When the last rate-limited acknowledgment left. RFC 5961 §7; Linux: `tcp_invalid_ratelimit`. */
  lastInvalidAckAt = 0;
  /** Keep-alive probes since the peer was heard last. */
  keepaliveProbes = 0;
  /** Overrides of the tunables, in seconds and probes; 0: there is none. */
  keepaliveTime = 0;
  keepaliveInterval = 0;
  keepaliveLimit = 0;
  /** The same in bytes of a probe; -1: there is none. */
  keepaliveBytes = -1;
  /** Whether ICMP told that the peer is unreachable, since it was heard last. RFC 5461 §2. */
  isUnreachable = false;

  /** RCV.UP, behind the peer's urgent bytes; only if `isUrgent`. RFC 9293 §3.8.5. */
  rcvUp = 0;
  isUrgent = false;
  /** SND.UP, behind our own; only if `isSendingUrgent`. RFC 9293 §3.8.5. */
  sndUp = 0;
  isSendingUrgent = false;
  finQueued = false;
  finReceived = false;
  /** The peer's FIN is known and waits for text before it; its sequence number. */
  finHeld = false;
  finSeq = 0;
  resetPending = false;
  /** Whether `room` was refused since the last `Writable`. */
  wantsRoom = false;
  resetsWhenDrained = false;

  readonly sendQueue: SendQueue;
  readonly receiveQueue: ReceiveQueue;
  /** Payload bytes received in order. */
  bytesReceived = 0;
  /** Payload bytes the peer acknowledged. */
  bytesAcknowledged = 0;
  /** Segments sent again. */
  retransmits = 0;
  /** ICMP errors about segments in flight, and times that R1 was reached. RFC 5461 §3, RFC 9293 §3.8.3. */
  softErrors = 0;
  /** Whether `ErrorReport` is signalled for each of them; false at first. RFC 9293 §3.9.1.8 (SHLD-20). */
  reportsErrors = false;

  constructor(tcp: Tcp, tuple: Tuple, iss: number, irs: number) {
    this.tcp = tcp;
    this.local0 = tuple.local0;
    this.local1 = tuple.local1;
    this.local2 = tuple.local2;
    this.local3 = tuple.local3;
    this.remote0 = tuple.remote0;
    this.remote1 = tuple.remote1;
    this.remote2 = tuple.remote2;
    this.remote3 = tuple.remote3;
    this.localPort = tuple.localPort;
    this.remotePort = tuple.remotePort;
    this.hash = tuple.hash;
    this.iss = iss;
    this.irs = irs;
    const firstOut = (iss + 1) | 0;
    const firstIn = (irs + 1) | 0;
    this.sndUna = firstOut;
    this.sndNxt = firstOut;
    this.sndWl1 = firstIn;
    this.rcvNxt = firstIn;
    this.rcvEdge = firstIn;
    this.lastAckSent = firstIn;
    this.recover = firstOut;
    this.sndSmall = firstOut;
    this.windowUseEnd = firstOut;
    this.congestion = ALGORITHMS[tcp.tunables.tcp_congestion_control];
    this.quickAcks = tcp.tunables.px_quick_acks;
    this.sendQueue = new SendQueue(tcp.arena, tcp.pages, firstOut);
    this.receiveQueue = new ReceiveQueue(tcp.arena, tcp.pages, firstIn);
  }

  get localAddress(): Address {
    return new Address(this.local0, this.local1, this.local2, this.local3);
  }

  get remoteAddress(): Address {
    return new Address(this.remote0, this.remote1, this.remote2, this.remote3);
  }

  /**
   * STATUS: the RFC's name of the state. A TIME-WAIT that is over, or whose
   * tuple another connection has by now, is CLOSED. RFC 9293 §3.10.6.
   */
  get stateName(): string {
    const isOver = this.state === State.TimeWait && !this.tcp.tupleReuse.rests(this);
    return STATE_NAMES[isOver ? State.Closed : this.state];
  }

  /** What SEND comes to now: "", or why `writable` has no room and never will. */
  get sendError(): CallError {
    return sendError(this);
  }

  /** What RECEIVE comes to now: "", or how the connection ended, when all that came was read. */
  get receiveError(): CallError {
    return receiveError(this);
  }

  /** Whether the peer has proved that it is there: false for a fast open before its third ACK. RFC 7413 §6.1. */
  get isEstablished(): boolean {
    return this.handshake === null;
  }

  /** Whether the peer's FIN was received in order. Act on it only when `readable()` is empty. */
  get peerClosed(): boolean {
    return this.finReceived;
  }

  /** Whether the peer has acknowledged all that was committed, and the FIN if `shutdown` was called. */
  get isDrained(): boolean {
    return this.sndUna === this.endOfStream;
  }

  /** The sequence number behind all there is to send: bytes and FIN. */
  get endOfStream(): number {
    return (this.sendQueue.end + (this.finQueued ? 1 : 0)) | 0;
  }

  /** Bytes kept back, in order. A scratch Gather, valid until the next call on any connection. */
  readable(): Gather {
    const gather = this.tcp.userGather;
    this.receiveQueue.gather(gather);
    return gather;
  }

  /** The first `count` bytes of `readable()` were taken. The window may open. */
  consume(count: number): void {
    if (count === 0) return;
    this.receiveQueue.consume(count);
    if (this.isUrgent && this.urgentRemaining === 0) this.isUrgent = false;
    if (owesWindowUpdate(this)) {
      this.ackNow = true;
      this.tcp.ready(this);
    }
  }

  /**
   * Room in the send queue, up to 64 KiB, borrowed until `commit`. None
   * (`count` 0) at the limit, without pages, or when the stream has ended;
   * `Writable` is signalled when there is room again. A scratch Gather.
   */
  writable(): Gather {
    const gather = this.tcp.userGather;
    gather.clear();
    if (sendError(this) !== "") return gather;
    if (this.sendQueue.room(gather, sendLimit(this)) === 0) {
      this.wantsRoom = true;
      if (this.sendQueue.length === 0) this.tcp.starve(this);
    }
    return gather;
  }

  /** The first `count` bytes of the room lent by `writable()` are part of the stream now. */
  commit(count: number): void {
    this.sendQueue.commit(count);
    if (count > 0) this.tcp.ready(this);
  }

  /** FIN after what is queued. RFC 9293 §3.10.4 (CLOSE). Does nothing when it was called before. */
  shutdown(): CallError {
    const error = closeError(this);
    if (error !== "") return error;
    if (this.connector !== null) {
      this.connector.shutdown();
      return "";
    }
    const isOpen = this.state === State.Established || this.state === State.SynReceived;
    if (isOpen) this.state = State.FinWait1;
    else if (this.state === State.CloseWait) this.state = State.LastAck;
    else return "";
    this.finQueued = true;
    this.tcp.ready(this);
    return "";
  }

  /** RST now, where the state asks for one; queues are dropped, TIME-WAIT ends. RFC 9293 §3.10.5 (ABORT). */
  abort(): CallError {
    if (this.state === State.Closed) return "ENOTCONN";
    this.sendQueue.clear();
    if (this.state === State.TimeWait) {
      this.tcp.tupleReuse.abandon(this);
      this.state = State.Closed;
    } else if (this.connector !== null) {
      this.connector.abort();
    } else {
      this.resetPending = true;
      this.tcp.ready(this);
    }
    return "";
  }

  /** Delivers what is queued, then sends RST; at `deadline` (the milliseconds of `now`) at the latest. */
  resetWhenDrained(deadline: number): void {
    if (this.state === State.Closed || this.state === State.TimeWait) return;
    if (this.isDrained) {
      this.abort();
      return;
    }
    this.resetsWhenDrained = true;
    arm(this, TIMER.ResetFlush, deadline | 0);
  }

  /**
   * The user is done: no more calls, no more signals. What is queued is still
   * sent, then FIN; bytes nobody will read make it an RST. RFC 9293 §3.6.1,
   * RFC 2525 §2.17.
   */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    this.user = null;
    this.sink = null;
    this.signals = 0;
    this.tcp.released(this);
  }

  /** It begins with a SYN of ours: → SYN-SENT; its turn to send comes with `Tcp.admit`. */
  beginOpening(connector: Connector): void {
    this.connector = connector;
    this.isActive = true;
    this.state = State.SynSent;
    this.isAccepted = true;
    this.isReady = true;
  }

  /** The peer's SYN has the number `irs`. */
  synchronize(irs: number): void {
    const first = (irs + 1) | 0;
    this.irs = irs;
    this.rcvNxt = first;
    this.rcvEdge = first;
    this.sndWl1 = first;
    this.lastAckSent = first;
    this.receiveQueue.begin(first);
  }

  /**
   * CLOSE with SO_LINGER on. 0 ms: what is queued is dropped and RST sent, with
   * no TIME-WAIT. Otherwise as `release`, but `user` stays and `CloseDone` is
   * signalled when the FIN is acknowledged or the connection has ended,
   * `lingerMs` after `now` at the latest; sending goes on either way. RFC 9293
   * §3.10.4, §3.10.5; POSIX: setsockopt.
   */
  closeLingering(lingerMs: number, now: number): void {
    if (this.isReleased) return;
    if (lingerMs === 0) {
      this.abort();
      return this.release();
    }
    const { user } = this;
    this.release();
    this.user = user;
    this.isLingering = true;
    if (this.state === State.Closed || this.state === State.TimeWait) this.tcp.closeDone(this);
    else arm(this, TIMER.Linger, (now + lingerMs) | 0);
  }

  /**
   * Switches keep-alive on, changes its settings, or switches it off (null, as
   * it is at first). Idle time counts from the peer's last segment.
   */
  setKeepalive(settings: Keepalive | null): void {
    if (settings === null) return disarm(this, TIMER.Keepalive);
    this.keepaliveTime = settings.time ?? 0;
    this.keepaliveInterval = settings.interval ?? 0;
    this.keepaliveLimit = settings.probes ?? 0;
    this.keepaliveBytes = settings.bytes ?? -1;
    this.keepaliveProbes = 0;
    if (this.state === State.Closed || this.state === State.TimeWait) return;
    arm(this, TIMER.Keepalive, (this.lastReceivedAt + this.keepaliveTimeMs) | 0);
  }

  /**
   * How many milliseconds from `now` or later on, 1 … 2^31 - 1, data may stay
   * unacknowledged, the peer's window shut, or a probed peer silent, before the
   * connection is reset as timed out. It takes the place of `tcp_retries2` and of
   * the number of keep-alive probes; 0, as at first: there is none, unless the
   * peer names one. With `px_user_timeout_option` the peer is told. RFC 9293
   * §3.8.3, RFC 5482 §3; Linux: `TCP_USER_TIMEOUT`.
   */
  setUserTimeout(timeoutMs: number, now: number): void {
    this.isUserTimeoutChosen = timeoutMs > 0;
    changeUserTimeout(this, timeoutMs, now);
    announceUserTimeout(this);
  }

  /** Idle milliseconds before the first keep-alive probe. */
  get keepaliveTimeMs(): number {
    return 1000 * (this.keepaliveTime || this.tcp.tunables.tcp_keepalive_time);
  }

  /**
   * Switches Nagle's algorithm off, or on, as it is at first. Off, what it held
   * back leaves at once. RFC 9293 §3.7.4 (MUST-17), §3.9.1.2 (SHLD-7).
   */
  setNoDelay(isNoDelay: boolean): void {
    this.isNoDelay = isNoDelay;
    if (isNoDelay) this.tcp.ready(this);
  }

  /**
   * How many of the bytes not taken yet, or still to come, the peer calls urgent;
   * they are among the others, in order. RFC 9293 §3.8.5 (MUST-33), RFC 6093 §4.
   */
  get urgentRemaining(): number {
    return this.isUrgent ? Math.max(0, (this.rcvUp - this.receiveQueue.start) | 0) : 0;
  }

  /**
   * What was committed up to now is urgent: the peer's user hears of it at once,
   * even through a shut window. To be called before the next `poll`; a second
   * call moves the end, and the peer knows the last one only. RFC 9293 §3.8.5
   * (SHLD-13), §3.10.2, RFC 6093 §4.
   */
  urge(): CallError {
    const error = sendError(this);
    if (error !== "") return error;
    this.sndUp = this.sendQueue.end;
    this.isSendingUrgent = this.sndUp !== this.sndUna;
    if (!this.isSendingUrgent) return "";
    this.ackNow = true; // by itself, if no text may be sent
    this.tcp.ready(this);
    return "";
  }

  /**
   * Corked, a segment that is not full leaves only when the stream ends, or after
   * 200 ms; uncorked, as it is at first, what waited leaves as far as Nagle's
   * algorithm lets it. Linux: `TCP_CORK`.
   */
  setCork(isCorked: boolean): void {
    this.isCorked = isCorked;
    if (!isCorked) this.tcp.ready(this);
  }

  /** Takes the undelivered `SIGNAL` bits. */
  takeSignals(): number {
    const signals = this.signals;
    this.signals = 0;
    return signals;
  }
}
