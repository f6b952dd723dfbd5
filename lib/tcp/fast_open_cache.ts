/**
 * What the client's side of fast open remembers: of each server its cookie, its
 * MSS and whether to leave it alone for a while; and of the whole network
 * whether fast open pauses, because some middlebox swallows what it makes.
 * RFC 7413 §4.1.3, §4.1.3.1, §7.1.
 */

import type { Tuple } from "./connection_table.ts";

/** Servers remembered; one more pushes out the one that was asked for least recently. TFO-C-02. */
export const FAST_OPEN_SERVERS = 1024;

/** Longest cookie. RFC 7413 §4.1.1. */
const COOKIE_LIMIT = 16;

/** A pause is at most 2^6 times the first. Linux: `tcp_fastopen_active_should_disable`. */
const MOST_DOUBLINGS = 6;

/** The addresses of both ends: a cookie is good for that pair, whatever the ports. RFC 7413 §4.1.3. */
export type AddressPair = Omit<Tuple, "hash" | "localPort" | "remotePort">;

/** What is known of one server. */
export class FastOpenServer {
  /** The MSS that its last SYN-ACK named, in bytes; 0: there was none yet. */
  mss = 0;
  /** The first `cookieLength` bytes are its cookie. */
  readonly cookie: Uint8Array = new Uint8Array(COOKIE_LIMIT);
  /** 4 … 16 bytes; 0: it has given none. */
  cookieLength = 0;
  /** When it may be tried again, in the milliseconds of `now`. */
  refusedUntil = -Infinity;

  /** It gave a cookie: the first `length` bytes of `cookie`, 4 … 16. */
  give(cookie: Uint8Array, length: number): void {
    this.cookie.set(cookie.subarray(0, length));
    this.cookieLength = length;
    this.refusedUntil = -Infinity;
  }
}

/**
 * The servers that were tried, by pair of addresses. Only active opens ask,
 * which allocate a connection anyway: a Map is fast enough, and in order.
 */
export class FastOpenCache {
  /** Least recently used first. */
  readonly #servers = new Map<string, FastOpenServer>();

  /** Servers remembered. */
  get count(): number {
    return this.#servers.size;
  }

  /** What is known of the server at the remote end, which counts as used; null: nothing. */
  find(pair: AddressPair): FastOpenServer | null {
    const key = keyOf(pair);
    const server = this.#servers.get(key);
    if (server === undefined) return null;
    this.#servers.delete(key);
    this.#servers.set(key, server);
    return server;
  }

  /** As `find`; a server of which nothing is known is remembered from now on. */
  enter(pair: AddressPair): FastOpenServer {
    const known = this.find(pair);
    if (known !== null) return known;
    if (this.#servers.size === FAST_OPEN_SERVERS) {
      this.#servers.delete(this.#servers.keys().next().value!);
    }
    const server = new FastOpenServer();
    this.#servers.set(keyOf(pair), server);
    return server;
  }
}

/** The pause of fast open towards all servers after a black hole was found. Linux: `tcp_fastopen_active_disable`. */
export class FastOpenPause {
  #times = 0;
  #since = -Infinity;

  /** Whether a black hole was found since fast open worked last: the next success counts. */
  get isSuspicious(): boolean {
    return this.#times > 0;
  }

  /** Whether fast open pauses; `seconds` is how long a first pause lasts, each further one twice as long. */
  isOn(seconds: number, now: number): boolean {
    if (this.#times === 0) return false;
    const doublings = Math.min(this.#times - 1, MOST_DOUBLINGS);
    return now - this.#since < seconds * 1000 * 2 ** doublings;
  }

  /**
   * A black hole was found; 0 seconds: that is of no interest. Returns whether a
   * pause begins: what was opened before a pause tells nothing new during it.
   */
  begin(seconds: number, now: number): boolean {
    if (seconds === 0 || this.isOn(seconds, now)) return false;
    this.#times++;
    this.#since = now;
    return true;
  }

  /** Fast open works: the next pause is a first one again. */
  end(): void {
    this.#times = 0;
  }
}

function keyOf(pair: AddressPair): string {
  const { local0, local1, local2, local3, remote0, remote1, remote2, remote3 } = pair;
  return `${local0} ${local1} ${local2} ${local3} ${remote0} ${remote1} ${remote2} ${remote3}`;
}
