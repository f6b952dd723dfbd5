/** ICMP errors about segments of the product, as routers and hosts send them. */

import { concat } from "../support/codec.ts";
import { ethernet, halves, icmp, icmpv6, ipv4, ipv6 } from "../support/packets.ts";
import type { ScriptRun } from "../support/script_run.ts";

/** What an error quotes beside ports and addresses. */
export interface Quote {
  /** SEQ, relative to X. */
  readonly seq: number;
  /** Bytes of the TCP header. */
  readonly length?: number;
  readonly peerPort?: number;
  /** The next hop's MTU, of "too big". */
  readonly mtu?: number;
}

/** The frame of an ICMP (or, over IPv6, ICMPv6) error about a segment of a flow, the default one by default. */
export function pathError(
  t: ScriptRun,
  type: number,
  code: number,
  quote: Quote,
  flow = t.flow,
): Uint8Array {
  const { ends, productIsn } = flow;
  const seq = ((productIsn ?? 0) + quote.seq) >>> 0;
  const tcp = concat(
    halves(ends.localPort, quote.peerPort ?? ends.peerPort, seq >>> 16, seq & 0xffff),
    new Uint8Array(12),
  ).slice(0, quote.length ?? 8);
  const there = { source: ends.localAddress, destination: ends.peerAddress };
  const back = { source: ends.peerAddress, destination: ends.localAddress };
  const mtu = quote.mtu ?? 0;
  const unused = halves(mtu >>> 16, mtu & 0xffff);
  if (ends.localAddress.includes(":")) {
    const message = icmpv6(type, code, concat(unused, ipv6(6, tcp, there)), back);
    return ethernet(0x86dd, ipv6(58, message, back));
  }
  return ethernet(0x0800, ipv4(1, icmp(type, code, concat(unused, ipv4(6, tcp, there))), back));
}
