/** SocketOptions: what setsockopt(2) knows, and what of it a connection follows. Linux: socket(7), tcp(7), ip(7). */

import type { Connection } from "../../lib/tcp/connection.ts";
import { State } from "../../lib/tcp/state.ts";

/** What getsockopt(2) answers: a number, or bytes in hexadecimal. */
export type OptionValue = number | { readonly hex: string };

/** Numbers that are kept, and answered as they were set: at first these. */
const PLAIN: Readonly<Record<string, number>> = {
  "SOL_SOCKET.SO_REUSEADDR": 0,
  "SOL_SOCKET.SO_KEEPALIVE": 0,
  "SOL_SOCKET.SO_RCVLOWAT": 1,
  "SOL_TCP.TCP_NODELAY": 0,
  "SOL_TCP.TCP_CORK": 0,
  "SOL_TCP.TCP_KEEPIDLE": 7200,
  "SOL_TCP.TCP_KEEPINTVL": 75,
  "SOL_TCP.TCP_KEEPCNT": 9,
  "SOL_TCP.TCP_QUICKACK": 1,
  "SOL_TCP.TCP_USER_TIMEOUT": 0,
  "SOL_TCP.TCP_FASTOPEN": 0,
  "SOL_TCP.TCP_FASTOPEN_CONNECT": 0,
  "SOL_IP.IP_TOS": 0,
  "SOL_IP.IP_TTL": 64,
  "SOL_IP.IP_MTU_DISCOVER": 1, // whatever it says, the engine looks for the path's MTU
  "SOL_IPV6.IPV6_TCLASS": 0,
};

const DEFAULT_SEND_BUFFER = 4 << 20;
const RECEIVE_BUFFER = 131072;

/** The options of one socket. */
export class SocketOptions {
  readonly #values = new Map(Object.entries(PLAIN));
  #connection: Connection | null = null;
  /** Bytes that may wait to be acknowledged. */
  sendBuffer = DEFAULT_SEND_BUFFER;
  /** How long `close` waits, in seconds; -1: SO_LINGER is off. */
  lingerSeconds = -1;

  get reuseAddress(): boolean {
    return this.#values.get("SOL_SOCKET.SO_REUSEADDR") !== 0;
  }

  /** Fast-open requests that may be pending at the listener. */
  get fastOpen(): number {
    return this.#values.get("SOL_TCP.TCP_FASTOPEN")!;
  }

  /** Whether `connect` asks for fast open. */
  get opensFast(): boolean {
    return this.#values.get("SOL_TCP.TCP_FASTOPEN_CONNECT") !== 0;
  }

  /** How many bytes make a socket readable. */
  get receiveLow(): number {
    return Math.max(1, this.#values.get("SOL_SOCKET.SO_RCVLOWAT")!);
  }

  /** A listener's options, for a connection accepted there. */
  inherited(): SocketOptions {
    const copy = new SocketOptions();
    this.#values.forEach((value, name) => copy.#values.set(name, value));
    copy.sendBuffer = this.sendBuffer;
    copy.lingerSeconds = this.lingerSeconds;
    return copy;
  }

  /** From now on `c` follows. */
  attach(c: Connection, now: number): void {
    this.#connection = c;
    for (const [name, value] of this.#values) {
      if (value !== PLAIN[name]) this.#apply(c, name, value, now);
    }
  }

  /** Returns false when there is no such option. */
  set(name: string, value: number, now: number): boolean {
    if (name === "SOL_SOCKET.SO_SNDBUF") {
      this.sendBuffer = 2 * value; // Linux doubles it for its bookkeeping.
      return true;
    }
    if (name === "SOL_SOCKET.SO_RCVBUF") return true;
    if (!this.#values.has(name)) return false;
    this.#values.set(name, value);
    if (this.#connection !== null) this.#apply(this.#connection, name, value, now);
    return true;
  }

  /** Null: there is no such option. */
  get(name: string): OptionValue | null {
    const c = this.#connection;
    switch (name) {
      case "SOL_SOCKET.SO_SNDBUF":
        return this.sendBuffer;
      case "SOL_SOCKET.SO_RCVBUF":
        return RECEIVE_BUFFER;
      case "SOL_TCP.TCP_MAXSEG":
        return c === null || c.state === State.Closed ? 536 : c.mss;
      default:
        return this.#values.get(name) ?? null;
    }
  }

  #apply(c: Connection, name: string, value: number, now: number): void {
    switch (name) {
      case "SOL_TCP.TCP_USER_TIMEOUT":
        return c.setUserTimeout(value, now);
      case "SOL_TCP.TCP_CORK":
        return c.setCork(value !== 0);
      case "SOL_TCP.TCP_NODELAY":
        return c.setNoDelay(value !== 0);
      case "SOL_SOCKET.SO_KEEPALIVE":
      case "SOL_TCP.TCP_KEEPIDLE":
      case "SOL_TCP.TCP_KEEPINTVL":
      case "SOL_TCP.TCP_KEEPCNT":
        return this.#applyKeepalive(c);
      case "SOL_TCP.TCP_QUICKACK":
        c.quickAcks = value === 0 ? 0 : c.tcp.tunables.px_quick_acks;
        return;
      case "SOL_IP.IP_TOS":
      case "SOL_IPV6.IPV6_TCLASS":
        c.dscp = value >> 2;
        return;
      case "SOL_IP.IP_TTL":
        c.ttl = value;
        return;
    }
  }

  #applyKeepalive(c: Connection): void {
    if (this.#values.get("SOL_SOCKET.SO_KEEPALIVE") === 0) return c.setKeepalive(null);
    c.setKeepalive({
      ...this.#given("time", "SOL_TCP.TCP_KEEPIDLE"),
      ...this.#given("interval", "SOL_TCP.TCP_KEEPINTVL"),
      ...this.#given("probes", "SOL_TCP.TCP_KEEPCNT"),
    });
  }

  /** What was not set is the tunable's affair. */
  #given(key: string, name: string): Record<string, number> {
    const value = this.#values.get(name)!;
    return value === PLAIN[name] ? {} : { [key]: value };
  }
}
