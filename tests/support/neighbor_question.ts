/** The frame in which a neighbour asks for the product, and tells its own MAC thereby. */

import { concat } from "./codec.ts";
import { addressBytes, macBytes } from "./internet_address.ts";
import { arp, ethernet, icmpv6, ipv6 } from "./packets.ts";

const ZERO_MAC = "00:00:00:00:00:00";

/** An ARP request, or a neighbour solicitation, from `sender` for `target`. */
export function neighborQuestion(sender: string, senderMac: string, target: string): Uint8Array {
  const from = { from: senderMac };
  if (!sender.includes(":")) {
    return ethernet(0x0806, arp(1, senderMac, sender, ZERO_MAC, target), from);
  }
  const rest = concat(
    new Uint8Array(4),
    addressBytes(target),
    Uint8Array.of(1, 1),
    macBytes(senderMac),
  );
  const fields = { source: sender, destination: target, ttl: 255 };
  return ethernet(0x86dd, ipv6(58, icmpv6(135, 0, rest, fields), fields), from);
}
