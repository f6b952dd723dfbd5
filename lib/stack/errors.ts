/**
 * IcmpErrors: the ICMP and ICMPv6 errors this host sends, and their limits.
 * RFC 1122 §3.2.2, RFC 1812 §4.3.2.8, RFC 4443 §2.4.
 */

import type { Counters } from "../tcp/counters.ts";
import type { Tunables } from "../tcp/tunables.ts";
import { addressSum, pseudoHeaderSum } from "../wire/checksum.ts";
import { Gather } from "../wire/gather.ts";
import { hashRound } from "../wire/hash.ts";
import { buildIcmp, ICMP_HEADER_LENGTH, IcmpType, icmpTypeOf } from "../wire/icmp.ts";
import { Icmpv6Type } from "../wire/icmpv6.ts";
import { type IpPacket, Protocol } from "../wire/ip_packet.ts";
import type { Transmitter } from "./transmitter.ts";

/** How much of a packet is quoted: the whole error fits into the least MTU. RFC 1812 §4.3.2.3, RFC 4443 §3.1. */
const QUOTE_LIMIT = 548;
const IPV6_QUOTE_LIMIT = 1232;
/** Hosts remembered, by hash; two in one place cost the older its limit, the common limit holds. */
const HOST_SLOTS = 1024;

/** Sends errors about packets, unless there were too many. */
export class IcmpErrors {
  readonly #transmitter: Transmitter;
  readonly #counters: Counters;
  #tunables: Tunables;
  readonly #quote = new Gather();
  readonly #hosts = new Int32Array(HOST_SLOTS);
  readonly #sentAt = new Float64Array(HOST_SLOTS).fill(-Infinity);
  /** A bucket of tokens; one error takes one. */
  #tokens: number;
  #filledAt = -Infinity;

  constructor(transmitter: Transmitter, tunables: Tunables, counters: Counters) {
    this.#transmitter = transmitter;
    this.#counters = counters;
    this.#tunables = tunables;
    this.#tokens = tunables.icmp_msgs_burst;
  }

  /** Changes the limits. */
  set tunables(tunables: Tunables) {
    this.#tunables = tunables;
  }

  /**
   * Tells the sender of `packet`, which is whole, valid, and was sent to us
   * alone, that it came to nothing. `parameter` is the message's second word. An
   * error about an error would go on for ever: there is none. RFC 1122 §3.2.2.
   */
  send(packet: IpPacket, type: number, code: number, parameter: number, now: number): void {
    const transmitter = this.#transmitter;
    if (isIcmpError(transmitter.arena.view, packet) || !this.#isAllowed(packet, now)) return;
    const limit = packet.isIpv6 ? IPV6_QUOTE_LIMIT : QUOTE_LIMIT;
    const quoted = Math.min(packet.headerLength + packet.payloadLength, limit);
    const length = ICMP_HEADER_LENGTH + quoted;
    const protocol = packet.isIpv6 ? Protocol.Icmpv6 : Protocol.Icmp;
    const at = transmitter.beginReply(packet, protocol, length);
    const sum = transmitter.arena.sum(packet.offset, quoted) +
      (packet.isIpv6 ? replyPseudoSum(packet, length) : 0);
    buildIcmp(transmitter.arena.view, at, type, code, parameter, sum);
    this.#quote.clear();
    this.#quote.add(packet.offset, quoted);
    this.#counters.IcmpOutMsgs++;
    transmitter.sendReply(at + ICMP_HEADER_LENGTH, this.#quote);
  }

  #isAllowed(packet: IpPacket, now: number): boolean {
    const host = hostOf(packet);
    const slot = (host ^ (host >>> 16)) & (HOST_SLOTS - 1);
    const isSameHost = this.#hosts[slot] === host;
    if (isSameHost && now - this.#sentAt[slot] < this.#tunables.icmp_ratelimit) {
      this.#counters.IcmpOutRateLimitHost++;
      return false;
    }
    this.#fill(now);
    if (this.#tokens < 1) {
      this.#counters.IcmpOutRateLimitGlobal++;
      return false;
    }
    this.#tokens--;
    this.#hosts[slot] = host;
    this.#sentAt[slot] = now;
    return true;
  }

  #fill(now: number): void {
    const gained = (now - this.#filledAt) * this.#tunables.icmp_msgs_per_sec / 1000;
    this.#tokens = Math.min(this.#tokens + gained, this.#tunables.icmp_msgs_burst);
    this.#filledAt = now;
  }
}

/** Whether the packet is a message that must not be answered with an error; all but echo, in IPv4. */
function isIcmpError(view: DataView, packet: IpPacket): boolean {
  if (packet.protocol !== Protocol.Icmp && packet.protocol !== Protocol.Icmpv6) return false;
  if (packet.payloadLength === 0 || packet.fragmentOffset !== 0) return true;
  const type = icmpTypeOf(view, packet.payloadOffset);
  return packet.protocol === Protocol.Icmp ? type !== IcmpType.Echo : type < Icmpv6Type.Echo;
}

/** The sum of the pseudo-header of an ICMPv6 message of `length` bytes back to the packet's source. */
export function replyPseudoSum(packet: IpPacket, length: number): number {
  return pseudoHeaderSum(
    addressSum(packet.source0, packet.source1, packet.source2, packet.source3),
    addressSum(
      packet.destination0,
      packet.destination1,
      packet.destination2,
      packet.destination3,
    ),
    Protocol.Icmpv6,
    length,
  );
}

/** The source in 32 bits. IPv6: its /64, since a host has as many addresses as it likes there. */
function hostOf(packet: IpPacket): number {
  if (!packet.isIpv6) return packet.source3;
  return hashRound(0, packet.source0) ^ packet.source1;
}
