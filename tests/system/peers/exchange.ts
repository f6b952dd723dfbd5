/**
 * What client and upstream do on one connection. The client's first bytes say
 * it, so one upstream serves every test.
 */

/** Where the upstream listens for exchanges. */
export const EXCHANGE_PORT = 7;
/** Where it answers HTTP. */
export const HTTP_PORT = 80;
/** Where nobody listens. */
export const REFUSED_PORT = 9;

/** Length of an encoded exchange; both legs count it as upward bytes. */
export const EXCHANGE_LENGTH = 256;

/** One connection's task. Lengths are in bytes; the SHA-256 of both sides must agree. */
export interface Exchange {
  /** Upward bytes come from this seed, downward ones from the next. */
  readonly seed: number;
  /** What the client sends after the request. */
  readonly upLength: number;
  /** What the upstream sends. */
  readonly downLength: number;
  /**
   * `together`: both send at once, then half-close.
   * `client first`: the upstream sends only after the client's half-close.
   * `upstream first`: the client sends only after the upstream's half-close.
   * `upstream dies`: the upstream kills itself when the client has all its bytes, with bytes of
   * the client unread, so that the kernel sends a reset and no FIN. Deno's `close` sends a FIN.
   * `deaf upstream`: as `together`, but the upstream never reads.
   */
  readonly order:
    | "together"
    | "client first"
    | "upstream first"
    | "upstream dies"
    | "deaf upstream";
}

/** The exchange as `EXCHANGE_LENGTH` bytes. */
export function encodeExchange(exchange: Exchange): Uint8Array<ArrayBuffer> {
  const text = JSON.stringify(exchange).padEnd(EXCHANGE_LENGTH);
  return new TextEncoder().encode(text);
}

/** The opposite of `encodeExchange`. Throws when the bytes are something else. */
export function decodeExchange(bytes: Uint8Array): Exchange {
  return JSON.parse(new TextDecoder().decode(bytes));
}
