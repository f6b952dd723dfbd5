/**
 * Discovery: ARP and neighbour discovery, both ways: who asks for us is
 * answered, whom we start to speak to is asked for, and what is to be sent there
 * waits. RFC 826, RFC 5227 §2.1.1, RFC 4861 §7.2, RFC 1122 §2.3.2.2.
 */

import type { Counters } from "../tcp/counters.ts";
import { Address, type Mac } from "../wire/address.ts";
import {
  ARP_LENGTH,
  ArpOperation,
  arpOperationOf,
  arpSender,
  arpSenderMacHigh,
  arpSenderMacLow,
  arpTarget,
  buildArp,
  isArp,
} from "../wire/arp.ts";
import { addressSum, pseudoHeaderSum } from "../wire/checksum.ts";
import { EtherType, MAC_GROUP_BIT } from "../wire/ethernet.ts";
import { EMPTY_GATHER, type Gather } from "../wire/gather.ts";
import { buildIcmp, ICMP_HEADER_LENGTH, icmpParameterOf } from "../wire/icmp.ts";
import {
  buildNdpBody,
  Icmpv6Type,
  isNdp,
  NDP_BARE_LENGTH,
  NDP_HOP_LIMIT,
  NDP_LENGTH,
  NdpFlag,
  ndpLinkLayer,
  NdpOption,
  ndpTarget,
} from "../wire/icmpv6.ts";
import { type IpPacket, Protocol } from "../wire/ip_packet.ts";
import { MAPPED_PREFIX } from "../wire/ipv4.ts";
import { buildIpv6Address } from "../wire/ipv6.ts";
import type { PagePool } from "../wire/pages.ts";
import type { Segment } from "../wire/segment.ts";
import { type ArpAsker, ArpClaims } from "./arp_claims.ts";
import { Neighbors, type Prober } from "./neighbors.ts";
import type { OwnAddresses } from "./own_addresses.ts";
import type { Transmitter } from "./transmitter.ts";
import { type LostPacketReceiver, WaitingPackets } from "./waiting_packets.ts";

/** 33:33, what IPv6 group MACs begin with; the rest is the group's last word. RFC 2464 §7. */
const IPV6_GROUP_MAC_HIGH = 0x3333;
const BROADCAST_MAC_HIGH = 0xffff;
const BROADCAST_MAC_LOW = -1;
const LINK_LOCAL_GROUP = 0xff020000 | 0;
const SOLICITED_NODE = 0xff000000 | 0;
const LOW_24_BITS = 0x00ffffff;
/** How long others have to object. RFC 4861 §10, RetransTimer. */
const DETECTION_MS = 1000;

/** What Discovery is made of. */
export interface DiscoveryParts {
  readonly transmitter: Transmitter;
  readonly addresses: OwnAddresses;
  readonly mac: Mac;
  readonly pages: PagePool;
  readonly counters: Counters;
  /** Entries of the cache, and how long they are believed. */
  readonly neighborLimit: number;
  /** Is told of what waited for a neighbour in vain. */
  readonly lostPackets: LostPacketReceiver;
  readonly staleMs: number;
  /** Whether our IPv6 addresses wait until nobody else turned out to have them. RFC 4862 §5.4. */
  readonly detectsDuplicates: boolean;
  /** Whether our IPv4 addresses are asked for, announced and defended. RFC 5227. */
  readonly claimsByArp: boolean;
  /** A secret int32. */
  readonly hashKey: number;
}

/** Speaks ARP and NDP for one host. */
export class Discovery implements Prober, ArpAsker {
  readonly neighbors: Neighbors;
  readonly claims: ArpClaims;
  readonly #transmitter: Transmitter;
  readonly #view: DataView;
  readonly #addresses: OwnAddresses;
  readonly #macHigh: number;
  readonly #macLow: number;
  readonly #counters: Counters;
  readonly #waiting: WaitingPackets;
  /** The IPv6 address that another host turned out to have before we used it; null: none. */
  #conflictIpv6: Address | null = null;
  /** When duplicate address detection begins, or ends; Infinity: it is over. */
  #detectionDueAt = Infinity;
  #isDetecting = false;
  readonly #lostPackets: LostPacketReceiver;

  constructor(parts: DiscoveryParts) {
    this.#transmitter = parts.transmitter;
    this.#view = parts.transmitter.arena.view;
    this.#addresses = parts.addresses;
    this.#macHigh = parts.mac.high;
    this.#macLow = parts.mac.low;
    this.#counters = parts.counters;
    this.#addresses.isTentative = parts.detectsDuplicates && this.#addresses.hasIpv6;
    if (this.#addresses.isTentative) this.#detectionDueAt = 0;
    this.claims = new ArpClaims(this, this.#addresses, parts.claimsByArp, parts.hashKey);
    this.#lostPackets = parts.lostPackets;
    this.#waiting = new WaitingPackets(parts.transmitter, parts.pages, parts.counters);
    this.neighbors = new Neighbors(
      parts.neighborLimit,
      parts.staleMs,
      parts.hashKey,
      this,
      parts.counters,
    );
  }

  /** An ARP packet of `length` bytes arrived. RFC 826, "Packet Reception". */
  arpArrives(offset: number, length: number, now: number): void {
    const view = this.#view;
    if (!isArp(view, offset, length)) {
      this.#counters.ArpInErrors++;
      return;
    }
    const sender = arpSender(view, offset);
    const macHigh = arpSenderMacHigh(view, offset);
    const macLow = arpSenderMacLow(view, offset);
    if (!this.#isPlausible(sender, macHigh, macLow, now)) return;
    const target = arpTarget(view, offset);
    const isForUs = this.#addresses.hasIpv4(target);
    if (isForUs && this.#addresses.isIpv4Tentative) {
      return this.#tentativeArrives(sender, target, now);
    }
    const isProbe = sender === 0; // RFC 5227 §2.1.1: nobody has that address, or will
    const isLearned = !isProbe &&
      this.#learn(0, 0, MAPPED_PREFIX, sender, macHigh, macLow, isForUs, now);
    if (isForUs && arpOperationOf(view, offset) === ArpOperation.Request) {
      return this.#replyArp(macHigh, macLow, sender, target);
    }
    if (!isLearned) this.#counters.ArpNotForUs++;
  }

  /** RFC 5227 §2.1.1: who probes for an address wants it, too; others are not answered yet. */
  #tentativeArrives(sender: number, target: number, now: number): void {
    if (sender !== 0) {
      this.#counters.ArpNotForUs++;
      return;
    }
    this.#counters.AddressConflicts++;
    this.claims.conflictArrives(target, now);
  }

  /** A neighbour solicitation whose checksum verified arrived. RFC 4861 §7.2.3, §7.2.4. */
  solicitationArrives(packet: IpPacket, now: number): void {
    const view = this.#view;
    const offset = packet.payloadOffset;
    const option = this.#optionOf(packet, NdpOption.SourceLinkLayer);
    const isProbe = (packet.source0 | packet.source1 | packet.source2 | packet.source3) === 0;
    // A probe for duplicates names no MAC. To us alone it would be a packet from nobody: dropped before.
    if (option < 0 || (isProbe && option !== 0)) {
      this.#counters.IcmpInErrors++;
      return;
    }
    const target0 = ndpTarget(view, offset, 0);
    const target1 = ndpTarget(view, offset, 1);
    const target2 = ndpTarget(view, offset, 2);
    const target3 = ndpTarget(view, offset, 3);
    if (!this.#addresses.has(target0, target1, target2, target3)) {
      this.#counters.IcmpInIgnored++;
      return;
    }
    if (this.#addresses.isTentative) {
      // RFC 4862 §5.4.3: who probes wants the address, too; others are not answered yet.
      if (isProbe) this.#conflict(target0, target1, target2, target3);
      else this.#counters.IcmpInIgnored++;
      return;
    }
    if (option !== 0 && !this.#learnSource(packet, option, now)) return;
    this.#advertise(packet, isProbe, target0, target1, target2, target3);
  }

  /** A neighbour advertisement whose checksum verified arrived. RFC 4861 §7.2.5. */
  advertisementArrives(packet: IpPacket, now: number): void {
    const view = this.#view;
    const offset = packet.payloadOffset;
    const option = this.#optionOf(packet, NdpOption.TargetLinkLayer);
    if (option < 0) {
      this.#counters.IcmpInErrors++;
      return;
    }
    const target0 = ndpTarget(view, offset, 0);
    const target1 = ndpTarget(view, offset, 1);
    const target2 = ndpTarget(view, offset, 2);
    const target3 = ndpTarget(view, offset, 3);
    if (this.#addresses.has(target0, target1, target2, target3)) {
      return this.#conflict(target0, target1, target2, target3);
    }
    const slot = this.neighbors.find(target0, target1, target2, target3);
    if (slot < 0) {
      this.#counters.IcmpInIgnored++;
      return;
    }
    const mayOverride = (icmpParameterOf(view, offset) & NdpFlag.Override) !== 0;
    this.#takeAdvertisement(slot, option, mayOverride, now);
  }

  /** An address that another host turned out to have before we used it; null: none. */
  get conflict(): Address | null {
    return this.#conflictIpv6 ?? this.claims.conflict;
  }

  /** Broadcasts an ARP request. */
  askAll(source: number, target: number): void {
    this.#counters.NeighborProbes++;
    this.#requestArp(source, target, 0, 0);
  }

  /** When `poll` must be called at the latest; may be Infinity. */
  get deadline(): number {
    return Math.min(this.neighbors.deadline, this.#detectionDueAt, this.claims.deadline);
  }

  /** Sends the probes that are due, and what need no longer wait for its next hop. */
  poll(now: number): void {
    this.neighbors.poll(now);
    this.claims.poll(now);
    if (now >= this.#detectionDueAt) this.#detectDuplicates(now);
  }

  /** The entry of the next hop towards a segment's remote side, -1 when there is none. RFC 1122 §3.3.1.1. */
  hopOf(seg: Segment): number {
    const hop = this.#hopAddress(seg);
    return this.neighbors.find(hop.w0, hop.w1, hop.w2, hop.w3);
  }

  /**
   * Keeps a segment until its next hop is known, and asks for that. What is too
   * large for a page, or one too many, is lost: it is sent again like any loss.
   */
  wait(seg: Segment, payload: Gather, now: number): void {
    const hop = this.#hopAddress(seg);
    let slot = this.neighbors.find(hop.w0, hop.w1, hop.w2, hop.w3);
    if (slot < 0) slot = this.neighbors.create(hop.w0, hop.w1, hop.w2, hop.w3, now);
    if (this.neighbors.isFailed(slot)) this.#counters.NeighborQueueDrop++;
    else this.#waiting.add(slot, seg, payload);
  }

  /** Sends an ARP request or a neighbour solicitation. */
  probe(slot: number): void {
    const words = this.neighbors.words;
    const at = slot * 4;
    const target = new Address(words[at], words[at + 1], words[at + 2], words[at + 3]);
    const source = this.#addresses.sourceFor(target);
    if (source === null) return; // a family without address here: it fails in time
    const macHigh = this.neighbors.macHigh[slot];
    const macLow = this.neighbors.macLow[slot];
    if (target.isIpv4) this.#requestArp(source.w3, target.w3, macHigh, macLow);
    else this.#solicit(source, target, macHigh, macLow);
  }

  /** Sends what waits for a neighbour, in order. */
  flush(slot: number): boolean {
    const isIpv4 = this.neighbors.words[slot * 4 + 2] === MAPPED_PREFIX;
    const type = isIpv4 ? EtherType.Ipv4 : EtherType.Ipv6;
    const macHigh = this.neighbors.macHigh[slot];
    return this.#waiting.send(slot, macHigh, this.neighbors.macLow[slot], type);
  }

  /** Forgets what waits for a neighbour; its failure is told. RFC 1122 §2.3.2.2. */
  discard(slot: number): void {
    this.#waiting.discard(slot, this.neighbors.isFailed(slot) ? this.#lostPackets : null);
  }

  /** One probe for each address, and a second for the answers. RFC 4862 §5.1, §5.4.2. */
  #detectDuplicates(now: number): void {
    if (!this.#isDetecting) {
      this.#isDetecting = true;
      this.#detectionDueAt = now + DETECTION_MS;
      for (const address of this.#addresses.ipv6Addresses()) this.#probeDuplicate(address);
      return;
    }
    this.#detectionDueAt = Infinity;
    // With an address that is another's, all stay unused until the program was told otherwise.
    if (this.#conflictIpv6 === null) this.#addresses.isTentative = false;
  }

  #conflict(word0: number, word1: number, word2: number, word3: number): void {
    this.#counters.AddressConflicts++;
    if (this.#addresses.isTentative) this.#conflictIpv6 = new Address(word0, word1, word2, word3);
  }

  /** A solicitation from ::, which names no MAC. RFC 4862 §5.4.2. */
  #probeDuplicate(address: Address): void {
    const view = this.#view;
    const { w0, w1, w2, w3 } = address;
    const group = SOLICITED_NODE | (w3 & LOW_24_BITS);
    const length = NDP_BARE_LENGTH;
    const hops = NDP_HOP_LIMIT;
    const mac = IPV6_GROUP_MAC_HIGH;
    const at = this.#transmitter.beginIpv6(mac, group, Protocol.Icmpv6, length, hops);
    buildIpv6Address(view, at - 32, 0, 0, 0, 0);
    buildIpv6Address(view, at - 16, LINK_LOCAL_GROUP, 0, 1, group);
    buildIpv6Address(view, at + ICMP_HEADER_LENGTH, w0, w1, w2, w3);
    this.#counters.NeighborProbes++;
    this.#sendNdp(at, Icmpv6Type.NeighborSolicitation, 0, length);
  }

  #hopAddress(seg: Segment): Address {
    return this.#addresses.nextHop(
      new Address(seg.remote0, seg.remote1, seg.remote2, seg.remote3),
    );
  }

  /** ARP-08: a sender which cannot be, or which claims an address of ours, teaches nothing. */
  #isPlausible(sender: number, macHigh: number, macLow: number, now: number): boolean {
    if (this.#addresses.hasIpv4(sender)) {
      this.#counters.AddressConflicts++;
      this.claims.conflictArrives(sender, now);
      return false;
    }
    const isOdd = isNobody(macHigh, macLow) ||
      (sender !== 0 && this.#addresses.isMartianIpv4(sender));
    if (isOdd) this.#counters.ArpInErrors++;
    return !isOdd;
  }

  /** Returns whether there is an entry for that address now. */
  #learn(
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    macHigh: number,
    macLow: number,
    mayCreate: boolean,
    now: number,
  ): boolean {
    let slot = this.neighbors.find(word0, word1, word2, word3);
    if (slot < 0) {
      if (!mayCreate) return false;
      slot = this.neighbors.create(word0, word1, word2, word3, now);
    }
    this.neighbors.learn(slot, macHigh, macLow, now);
    return true;
  }

  /** The MAC at `option` is the source's, and the way back. Returns false, having counted, when it is nobody's. */
  #learnSource(packet: IpPacket, option: number, now: number): boolean {
    const macHigh = this.#view.getUint16(option);
    const macLow = this.#view.getInt32(option + 2);
    if (isNobody(macHigh, macLow)) {
      this.#counters.IcmpInErrors++;
      return false;
    }
    packet.pathHigh = macHigh;
    packet.pathLow = macLow;
    const { source0, source1, source2, source3 } = packet;
    this.#learn(source0, source1, source2, source3, macHigh, macLow, true, now);
    return true;
  }

  /** Without the override flag another MAC than ours for it is not believed. */
  #takeAdvertisement(slot: number, option: number, mayOverride: boolean, now: number): void {
    const neighbors = this.neighbors;
    const oldHigh = neighbors.macHigh[slot];
    const oldLow = neighbors.macLow[slot];
    const macHigh = option === 0 ? oldHigh : this.#view.getUint16(option);
    const macLow = option === 0 ? oldLow : this.#view.getInt32(option + 2);
    const isKnown = (oldHigh | oldLow) !== 0;
    const isSame = macHigh === oldHigh && macLow === oldLow;
    if (isNobody(macHigh, macLow) || (isKnown && !isSame && !mayOverride)) {
      this.#counters.IcmpInIgnored++;
      return;
    }
    neighbors.learn(slot, macHigh, macLow, now);
  }

  #replyArp(macHigh: number, macLow: number, sender: number, target: number): void {
    const transmitter = this.#transmitter;
    const at = transmitter.beginFrame(macHigh, macLow, EtherType.Arp);
    const ownHigh = this.#macHigh;
    const ownLow = this.#macLow;
    const reply = ArpOperation.Reply;
    buildArp(this.#view, at, reply, ownHigh, ownLow, target, macHigh, macLow, sender);
    transmitter.sendReply(at + ARP_LENGTH, EMPTY_GATHER);
  }

  #requestArp(source: number, target: number, macHigh: number, macLow: number): void {
    const transmitter = this.#transmitter;
    const isKnown = (macHigh | macLow) !== 0;
    const at = transmitter.beginFrame(
      isKnown ? macHigh : BROADCAST_MAC_HIGH,
      isKnown ? macLow : BROADCAST_MAC_LOW,
      EtherType.Arp,
    );
    const ownHigh = this.#macHigh;
    const ownLow = this.#macLow;
    const request = ArpOperation.Request;
    buildArp(this.#view, at, request, ownHigh, ownLow, source, 0, 0, target);
    transmitter.sendReply(at + ARP_LENGTH, EMPTY_GATHER);
  }

  #solicit(source: Address, target: Address, macHigh: number, macLow: number): void {
    const view = this.#view;
    const isKnown = (macHigh | macLow) !== 0;
    const group = SOLICITED_NODE | (target.w3 & LOW_24_BITS);
    const destination = isKnown ? target : new Address(LINK_LOCAL_GROUP, 0, 1, group);
    const at = this.#transmitter.beginIpv6(
      isKnown ? macHigh : IPV6_GROUP_MAC_HIGH,
      isKnown ? macLow : group,
      Protocol.Icmpv6,
      NDP_LENGTH,
      NDP_HOP_LIMIT,
    );
    const { w0, w1, w2, w3 } = target;
    const option = NdpOption.SourceLinkLayer;
    buildIpv6Address(view, at - 32, source.w0, source.w1, source.w2, source.w3);
    const to = destination;
    buildIpv6Address(view, at - 16, to.w0, to.w1, to.w2, to.w3);
    buildNdpBody(view, at, w0, w1, w2, w3, option, this.#macHigh, this.#macLow);
    this.#sendNdp(at, Icmpv6Type.NeighborSolicitation, 0, NDP_LENGTH);
  }

  /** Answers a solicitation for `target`; who probes for duplicates has no address yet: all nodes hear it. */
  #advertise(
    packet: IpPacket,
    isProbe: boolean,
    target0: number,
    target1: number,
    target2: number,
    target3: number,
  ): void {
    const view = this.#view;
    const at = this.#transmitter.beginIpv6(
      isProbe ? IPV6_GROUP_MAC_HIGH : packet.pathHigh,
      isProbe ? 1 : packet.pathLow,
      Protocol.Icmpv6,
      NDP_LENGTH,
      NDP_HOP_LIMIT,
    );
    buildIpv6Address(view, at - 32, target0, target1, target2, target3);
    const { source0, source1, source2, source3 } = packet;
    if (isProbe) buildIpv6Address(view, at - 16, LINK_LOCAL_GROUP, 0, 0, 1);
    else buildIpv6Address(view, at - 16, source0, source1, source2, source3);
    const option = NdpOption.TargetLinkLayer;
    const ownHigh = this.#macHigh;
    buildNdpBody(view, at, target0, target1, target2, target3, option, ownHigh, this.#macLow);
    const flags = NdpFlag.Override | (isProbe ? 0 : NdpFlag.Solicited);
    this.#sendNdp(at, Icmpv6Type.NeighborAdvertisement, flags, NDP_LENGTH);
  }

  /** Writes the first eight bytes over body and addresses, which are written, and sends. */
  #sendNdp(at: number, type: number, parameter: number, length: number): void {
    const view = this.#view;
    const sum =
      pseudoHeaderSum(sumAt(view, at - 32), sumAt(view, at - 16), Protocol.Icmpv6, length) +
      this.#transmitter.arena.sum(at + ICMP_HEADER_LENGTH, length - ICMP_HEADER_LENGTH);
    buildIcmp(view, at, type, 0, parameter, sum);
    this.#counters.IcmpOutMsgs++;
    this.#transmitter.sendReply(at + length, EMPTY_GATHER);
  }

  /** Offset of the MAC in an NDP message, 0: it carries none, -1: the message is malformed. RFC 4861 §7.1. */
  #optionOf(packet: IpPacket, kind: number): number {
    const { payloadOffset, payloadLength } = packet;
    if (packet.ttl !== NDP_HOP_LIMIT) return -1;
    if (!isNdp(this.#view, payloadOffset, payloadLength)) return -1;
    return ndpLinkLayer(this.#view, payloadOffset, payloadLength, kind);
  }
}

/** Whether no single station can have the MAC. */
function isNobody(macHigh: number, macLow: number): boolean {
  return (macHigh & MAC_GROUP_BIT) !== 0 || (macHigh | macLow) === 0;
}

/** The sum of the IPv6 address at `offset`. */
function sumAt(view: DataView, offset: number): number {
  return addressSum(
    view.getInt32(offset),
    view.getInt32(offset + 4),
    view.getInt32(offset + 8),
    view.getInt32(offset + 12),
  );
}
