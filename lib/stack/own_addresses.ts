/**
 * OwnAddresses: which unicast addresses this host has, what it hears, which
 * sources cannot be, and where a packet to a remote address goes first.
 * RFC 1122 §3.2.1.3, §3.3.1, RFC 4291 §2.4, §2.7.1.
 */

import type { Address, Cidr } from "../wire/address.ts";
import { MAPPED_PREFIX } from "../wire/ipv4.ts";
import type { IpPacket } from "../wire/ip_packet.ts";

/** ff02::1:ff00:0, the prefix of solicited-node groups: its words 0 and 3. RFC 4291 §2.7.1. */
const LINK_LOCAL_GROUP = 0xff020000 | 0;
const SOLICITED_NODE = 0xff000000 | 0;
const LOW_24_BITS = 0x00ffffff;

/** The addresses of one host, fixed when it starts. */
export class OwnAddresses {
  readonly #cidrs: readonly Cidr[];
  readonly #gateways: readonly Address[];
  /** Four words of each address. */
  readonly #words: Int32Array;
  /** Directed broadcast addresses of the IPv4 subnets. */
  readonly #broadcasts: Int32Array;
  /** Whether any of the addresses is IPv6. */
  readonly hasIpv6: boolean;
  /** While true, IPv6 addresses are no destinations: another host may have them. RFC 4862 §5.4. */
  isTentative = false;
  /** The same for IPv4 addresses. RFC 5227 §2.1. */
  isIpv4Tentative = false;

  /** `gateways`: at most one per family; without one, every remote address is on the link. */
  constructor(cidrs: readonly Cidr[], gateways: readonly Address[]) {
    this.#cidrs = cidrs;
    this.#gateways = gateways;
    this.#words = Int32Array.from(
      cidrs.flatMap(({ address: a }) => [a.w0, a.w1, a.w2, a.w3]),
    );
    this.#broadcasts = Int32Array.from(
      cidrs.filter((cidr) => cidr.address.isIpv4 && cidr.prefixLength < 31).map(broadcastOf),
    );
    this.hasIpv6 = cidrs.some((cidr) => !cidr.address.isIpv4);
  }

  /** Whether the address is one of ours. */
  has(word0: number, word1: number, word2: number, word3: number): boolean {
    const words = this.#words;
    for (let i = 0; i < words.length; i += 4) {
      if (
        words[i + 3] === word3 && words[i + 2] === word2 && words[i + 1] === word1 &&
        words[i] === word0
      ) return true;
    }
    return false;
  }

  /** Whether the IPv4 address is one of ours. */
  hasIpv4(address: number): boolean {
    return this.has(0, 0, MAPPED_PREFIX, address);
  }

  /**
   * Whether the packet is addressed to a unicast address of ours. ::ffff:a.b.c.d
   * on the wire is none, though it is how we write IPv4 here.
   */
  isDestination(packet: IpPacket): boolean {
    if (packet.isIpv6) {
      const { destination0, destination1, destination2 } = packet;
      if (this.isTentative || isMapped(destination0, destination1, destination2)) return false;
    } else if (this.isIpv4Tentative) {
      return false;
    }
    return this.has(
      packet.destination0,
      packet.destination1,
      packet.destination2,
      packet.destination3,
    );
  }

  /** Whether the packet is addressed to an IPv6 group we are in: all nodes, or a solicited-node group. */
  isGroup(packet: IpPacket): boolean {
    if (!packet.isIpv6 || packet.destination0 !== LINK_LOCAL_GROUP) return false;
    if (packet.destination1 !== 0) return false;
    if (packet.destination2 === 0) return packet.destination3 === 1;
    return packet.destination2 === 1 && this.#isSolicitedNode(packet.destination3);
  }

  /** Whether frames to the group MAC 33:33:`low` carry packets for `isGroup`. RFC 2464 §7. */
  isGroupMac(low: number): boolean {
    return this.hasIpv6 && (low === 1 || this.#isSolicitedNode(low));
  }

  /** Whether no packet can come from its source: nobody's unicast address, or our own. */
  isMartian(packet: IpPacket): boolean {
    const isOdd = packet.isIpv6
      ? isMartianIpv6(packet.source0, packet.source1, packet.source2, packet.source3)
      : this.isMartianIpv4(packet.source3);
    return isOdd || this.has(packet.source0, packet.source1, packet.source2, packet.source3);
  }

  /** 0/8, 127/8, multicast, class E, limited and directed broadcast. */
  isMartianIpv4(address: number): boolean {
    const network = address >>> 24;
    if (network === 0 || network === 127 || network >= 224) return true;
    for (let i = 0; i < this.#broadcasts.length; i++) {
      if (this.#broadcasts[i] === address) return true;
    }
    return false;
  }

  /** Whether somebody else can be at the address: unicast, and not ours. RFC 9293 §3.9.2.3 (MUST-46). */
  canBeRemote(a: Address): boolean {
    const isOdd = a.isIpv4 ? this.isMartianIpv4(a.w3) : isMartianIpv6(a.w0, a.w1, a.w2, a.w3);
    return !isOdd && !this.has(a.w0, a.w1, a.w2, a.w3);
  }

  /** An address of ours to ask for `remote` from: of its subnet, else the family's first; null: none. */
  sourceFor(remote: Address): Address | null {
    const cidr = this.#cidrs.find((cidr) => cidr.contains(remote)) ??
      this.#cidrs.find((cidr) => cidr.address.isIpv4 === remote.isIpv4);
    return cidr === undefined ? null : cidr.address;
  }

  /** All IPv4 addresses. */
  ipv4Addresses(): Address[] {
    return this.#cidrs.map((cidr) => cidr.address).filter((address) => address.isIpv4);
  }

  /** All IPv6 addresses. */
  ipv6Addresses(): Address[] {
    return this.#cidrs.map((cidr) => cidr.address).filter((address) => !address.isIpv4);
  }

  /** Whom a packet to `remote` is handed to on the link: itself, or the gateway. RFC 1122 §3.3.1.1. */
  nextHop(remote: Address): Address {
    if (this.#cidrs.some((cidr) => cidr.contains(remote))) return remote;
    return this.#gateways.find((gateway) => gateway.isIpv4 === remote.isIpv4) ?? remote;
  }

  /** Whether `word` ends the solicited-node group of an IPv6 address of ours. */
  #isSolicitedNode(word: number): boolean {
    if ((word & ~LOW_24_BITS) !== SOLICITED_NODE) return false;
    const words = this.#words;
    for (let i = 0; i < words.length; i += 4) {
      if (isMapped(words[i], words[i + 1], words[i + 2])) continue;
      if (((words[i + 3] ^ word) & LOW_24_BITS) === 0) return true;
    }
    return false;
  }
}

/** ::, ::1, multicast, and IPv4 in disguise. RFC 4291 §2.5, §2.7, RFC 5156 §2. */
function isMartianIpv6(word0: number, word1: number, word2: number, word3: number): boolean {
  if (word0 >>> 24 === 0xff || isMapped(word0, word1, word2)) return true;
  return (word0 | word1 | word2) === 0 && word3 >>> 0 <= 1;
}

function isMapped(word0: number, word1: number, word2: number): boolean {
  return (word0 | word1) === 0 && word2 === MAPPED_PREFIX;
}

function broadcastOf(cidr: Cidr): number {
  return cidr.address.w3 | (-1 >>> cidr.prefixLength);
}
