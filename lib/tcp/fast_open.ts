/**
 * TCP Fast Open, the server's side: cookies which prove that a client can
 * receive at its address, and the limit of connections that were opened on
 * their word alone. RFC 7413 §4.1.2, §4.2, §5.1.
 *
 * A fast-open child is a Connection in SYN-RECEIVED beside its Handshake, which
 * owns the SYN-ACK and everything that arrives until the third ACK.
 */

import type { Arena } from "../wire/memory.ts";
import type { Segment } from "../wire/segment.ts";
import { openConnection } from "./agreement.ts";
import { type Connection, SIGNAL } from "./connection.ts";
import type { Tuple } from "./connection_table.ts";
import type { Handshake } from "./handshake.ts";
import { SipHash } from "./siphash.ts";
import { State } from "./state.ts";
import { FAST_OPEN_KEY, FAST_OPEN_KEY_FORM, isFastOpenKey } from "./tunables.ts";

/** Bits of the tunable `tcp_fastopen`. Linux: ip-sysctl. */
export const FAST_OPEN = {
  Client: 0x1,
  Server: 0x2,
  ClientWithoutCookie: 0x4,
  ServerWithoutCookie: 0x200,
  AllListeners: 0x400,
} as const;

/** Requests pending at a listener which fast open was enabled for without a number. */
export const DEFAULT_FAST_OPEN_LIMIT = 256;

/** Bytes of the cookies made here. Linux: `TCP_FASTOPEN_COOKIE_SIZE`. */
export const COOKIE_LENGTH = 8;

/** How long a request that was reset still counts. RFC 7413 §5.1; Linux. */
const RESET_QUOTA_MS = 60_000;

/** What a cookie turned out to be. */
export const CookieValidity = {
  Invalid: 0,
  /** Made with the primary key. */
  Valid: 1,
  /** Made with the backup key: good still, but the client needs a new one. */
  Ageing: 2,
} as const;

/** See the constants of the same name. */
export type CookieValidity = (typeof CookieValidity)[keyof typeof CookieValidity];

/** Makes and checks cookies: the primary key does both, the backup key only checks. */
export class FastOpenCookies {
  #primary: SipHash;
  #backup: SipHash;
  #hasBackup = false;
  /** Makes the keys of rotation: what it hashes is never told. */
  readonly #source: SipHash;
  /** Keys taken from `#source` so far. */
  #keysMade = 0;
  /** Whether the primary key was made here, and is replaced now and then. */
  #isOwn = true;
  /** When the primary key was first used, in milliseconds with a fraction; -1: not yet. */
  #inUseSince = -1.5;

  /** `secret` are 16 bytes, from which keys come until `setKeys` is called. */
  constructor(arena: Arena, secret: Uint8Array) {
    this.#source = new SipHash(arena, secret);
    this.#primary = new SipHash(arena, this.#nextKey());
    this.#backup = new SipHash(arena, secret);
  }

  /**
   * Uses keys as `tcp_fastopen_key` has them. They are not replaced by
   * themselves. Throws RangeError when `text` is none.
   */
  setKeys(text: string): void {
    // The text is a secret: the message does not repeat it.
    if (!isFastOpenKey(text)) {
      throw new RangeError(`Cannot use ${FAST_OPEN_KEY}: expected ${FAST_OPEN_KEY_FORM}`);
    }
    const keys = text.split(",");
    this.#primary.rekey(keyBytes(keys[0]));
    this.#hasBackup = keys.length > 1;
    if (this.#hasBackup) this.#backup.rekey(keyBytes(keys[1]));
    this.#isOwn = false;
  }

  /** The primary key becomes the backup key, a new one takes its place. */
  rotate(): void {
    const oldest = this.#backup;
    this.#backup = this.#primary;
    this.#hasBackup = true;
    this.#primary = oldest;
    oldest.rekey(this.#nextKey());
  }

  /** Rotates keys made here which are in use for `seconds`; 0: never. TFO-S-14. */
  age(seconds: number, now: number): void {
    if (this.#inUseSince < 0) this.#inUseSince = now;
    const periodMs = seconds * 1000;
    if (periodMs === 0 || !this.#isOwn || now - this.#inUseSince < periodMs) return;
    const periods = Math.floor((now - this.#inUseSince) / periodMs);
    for (let i = Math.min(periods, 2); i > 0; i--) this.rotate();
    this.#inUseSince += periods * periodMs;
  }

  /** Writes the cookie of a client into `cookie`: 8 bytes. */
  write(t: Omit<Tuple, "hash">, cookie: Uint8Array): void {
    const low = hash(this.#primary, t);
    putWord(cookie, 0, low);
    putWord(cookie, 4, this.#primary.high());
  }

  /** What the cookie in a SYN is. All bytes are compared, whichever differs. RFC 7413 §4.1.2. */
  check(syn: Segment): CookieValidity {
    if (syn.fastOpenLength !== COOKIE_LENGTH) return CookieValidity.Invalid;
    if (this.#differs(this.#primary, syn) === 0) return CookieValidity.Valid;
    if (!this.#hasBackup) return CookieValidity.Invalid;
    return this.#differs(this.#backup, syn) === 0 ? CookieValidity.Ageing : CookieValidity.Invalid;
  }

  /** The bits in which the cookie of `syn` differs from the right one. */
  #differs(key: SipHash, syn: Segment): number {
    const low = hash(key, syn) ^ wordAt(syn.fastOpenCookie, 0);
    return low | (key.high() ^ wordAt(syn.fastOpenCookie, 4));
  }

  #nextKey(): Uint8Array {
    const key = new Uint8Array(16);
    for (let half = 0; half < 2; half++) {
      const low = this.#source.begin().word(this.#keysMade).word(half).low();
      putWord(key, 8 * half, low);
      putWord(key, 8 * half + 4, this.#source.high());
    }
    this.#keysMade++;
    return key;
  }
}

/** The fast-open requests of one listener that wait for their third ACK. RFC 7413 §5.1 (PendingFastOpenRequests). */
export class FastOpenQueue {
  /** Requests that count, those which were reset lately among them. */
  pending = 0;
  /** When requests were reset, oldest first. */
  readonly #resetAt: number[] = [];

  /** Whether one more may be let in when `limit` are allowed. */
  hasRoom(limit: number, now: number): boolean {
    while (this.#resetAt.length > 0 && now - this.#resetAt[0] >= RESET_QUOTA_MS) {
      this.#resetAt.shift();
      this.pending--;
    }
    return this.pending < limit;
  }

  /** A pending request was reset: its place stays taken for a minute, lest spoofed SYNs buy places by resets. */
  reset(now: number): void {
    this.pending++;
    this.#resetAt.push(now);
  }
}

/**
 * The SYN of `handshake` is believed: a connection in SYN-RECEIVED, which has
 * the data of the SYN and may send within its window, not scaled, and the
 * initial window. RFC 7413 §4.2.2.
 */
export function openFast(handshake: Handshake, syn: Segment, now: number): Connection {
  const c = openConnection(handshake.tcp, handshake, now);
  c.state = State.SynReceived;
  c.handshake = handshake;
  c.sndWnd = syn.wnd;
  c.maxSndWnd = syn.wnd;
  c.sndWl1 = syn.seq;
  if (syn.payloadLength > 0) {
    c.receiveQueue.append(syn.payloadOffset, syn.payloadLength);
    c.bytesReceived = c.receiveQueue.length;
    c.rcvNxt = c.receiveQueue.next;
    c.rcvEdge = (c.rcvNxt + c.tcp.synWindow) | 0;
    c.lastAckSent = c.rcvNxt;
    if (c.bytesReceived > 0) c.tcp.signal(c, SIGNAL.Readable);
  }
  handshake.child = c;
  handshake.rcvNxt = c.rcvNxt;
  return c;
}

/** The words of a key are read little-endian. Linux. */
function keyBytes(text: string): Uint8Array {
  const key = new Uint8Array(16);
  text.split("-").forEach((word, i) => putWord(key, 4 * i, parseInt(word, 16)));
  return key;
}

function hash(key: SipHash, t: Omit<Tuple, "hash">): number {
  return key.begin()
    .address(t.remote0, t.remote1, t.remote2, t.remote3)
    .address(t.local0, t.local1, t.local2, t.local3).low();
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

function putWord(bytes: Uint8Array, at: number, word: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = word >>> (8 * i);
}
