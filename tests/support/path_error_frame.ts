/** Frames in which a router or the peer reports an error about a segment of the product. */

import { concat } from "./codec.ts";
import type { FlowEnds } from "./flow.ts";
import { ethernet, halves, icmp, ipv4 } from "./packets.ts";

/** The ICMP error of `type` and `code` about the product's segment with number `seq`, from the peer. */
export function icmpErrorFrame(
  ends: FlowEnds,
  type: number,
  code: number,
  seq: number,
): Uint8Array {
  const { localPort, peerPort, localAddress, peerAddress } = ends;
  const quoted = halves(localPort, peerPort, seq >>> 16, seq & 0xffff);
  const fields = { source: localAddress, destination: peerAddress };
  const rest = concat(new Uint8Array(4), ipv4(6, quoted, fields));
  return ethernet(0x0800, ipv4(1, icmp(type, code, rest)));
}
