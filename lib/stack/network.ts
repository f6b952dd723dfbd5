/**
 * Network: everything of the host that lies below TCP. A frame comes in, is
 * checked, answered if it is ARP, NDP, echo or nobody's, and otherwise handed up
 * as a segment; a segment comes down and leaves as a frame.
 *
 * One received frame causes at most one immediate reply, and that goes to where
 * the frame came from: a flood of spoofed sources costs no lookup. What is
 * dropped increments one counter, with its name for the reason.
 */

import type { Counters } from "../tcp/counters.ts";
import type { Router } from "../tcp/openings.ts";
import type { Tunables } from "../tcp/tunables.ts";
import type { Address, Cidr, Mac } from "../wire/address.ts";
import {
  destinationMacHigh,
  destinationMacLow,
  ETHERNET_HEADER_LENGTH,
  EtherType,
  etherTypeOf,
  MAC_GROUP_BIT,
  sourceMacHigh,
  sourceMacLow,
  VLAN_TAG_LENGTH,
  vlanIdOf,
} from "../wire/ethernet.ts";
import type { Frame, FrameSink } from "../wire/frame.ts";
import type { Gather } from "../wire/gather.ts";
import { IpFault, IpPacket, Protocol } from "../wire/ip_packet.ts";
import { parseIpv4 } from "../wire/ipv4.ts";
import { parseIpv6 } from "../wire/ipv6.ts";
import type { Arena } from "../wire/memory.ts";
import type { PagePool } from "../wire/pages.ts";
import { parseQuote, PathError, PathErrorKind } from "../wire/path_error.ts";
import { ACK, Segment, type SegmentSink } from "../wire/segment.ts";
import { parseTcp, TcpFault, verifyTcp } from "../wire/tcp_header.ts";
import type { ArpClaims } from "./arp_claims.ts";
import { Control, type PathErrorReceiver } from "./control.ts";
import { Discovery } from "./discovery.ts";
import { IcmpErrors } from "./errors.ts";
import { Fragments } from "./fragments.ts";
import type { Neighbors } from "./neighbors.ts";
import { OwnAddresses } from "./own_addresses.ts";
import { Transmitter } from "./transmitter.ts";
import type { LostPacketReceiver } from "./waiting_packets.ts";

/** The longest packet of a frame the sender's device would cut. RFC 791 §3.1. */
const SUPER_PACKET_LIMIT = 65535;

/** The floor above. */
export interface Transport extends PathErrorReceiver {
  /** A segment arrived, well formed and for us. It is borrowed. */
  receive(seg: Segment, now: number): void;
}

/** What the host below TCP is made of. */
export interface NetworkParts {
  readonly arena: Arena;
  /** Pages for the few packets that wait for their next hop, and for fragments. */
  readonly pages: PagePool;
  readonly tunables: Tunables;
  readonly frameSink: FrameSink;
  readonly mac: Mac;
  /** The longest IP packet that the link carries, in bytes. */
  readonly mtu: number;
  /** Whether the device cuts super-segments and completes checksums. */
  readonly offload: boolean;
  /** Our addresses with their subnets; prefix length 32 or 128 when there is none to know. */
  readonly addresses: readonly Cidr[];
  /** Next hops out of those subnets, at most one per family; none: all is on the link. */
  readonly gateways?: readonly Address[];
}

/** One host's network floor. */
export class Network implements SegmentSink, Router, LostPacketReceiver {
  readonly counters: Counters;
  /** The neighbour cache. */
  readonly neighbors: Neighbors;
  readonly #arena: Arena;
  readonly #view: DataView;
  readonly #macHigh: number;
  readonly #macLow: number;
  readonly #mtu: number;
  readonly #addresses: OwnAddresses;
  readonly #transmitter: Transmitter;
  readonly #discovery: Discovery;
  readonly #errors: IcmpErrors;
  readonly #fragments: Fragments;
  readonly #control: Control;
  readonly #packet = new IpPacket();
  readonly #seg = new Segment();
  /** The VLAN we are in; 0: frames are untagged. */
  #vlanId: number;
  /** Scratch: what is told of a packet that was given up. */
  readonly #lost = new PathError();
  #transport: Transport | null = null;
  #now = 0;

  /** `keys` are secrets: two int32. */
  constructor(parts: NetworkParts, keys: Int32Array, counters: Counters) {
    const { arena, tunables, mac } = parts;
    const [flowKey, hashKey] = keys;
    this.counters = counters;
    this.#arena = arena;
    this.#view = arena.view;
    this.#macHigh = mac.high;
    this.#macLow = mac.low;
    this.#mtu = parts.mtu;
    this.#addresses = new OwnAddresses(parts.addresses, parts.gateways ?? []);
    const options = { offload: parts.offload, ttl: tunables.ip_default_ttl, flowKey };
    this.#transmitter = new Transmitter(arena, parts.frameSink, mac, options, counters);
    this.#transmitter.mayFragment = tunables.ip_no_pmtu_disc !== 0;
    this.#errors = new IcmpErrors(this.#transmitter, tunables, counters);
    this.#discovery = new Discovery({
      transmitter: this.#transmitter,
      addresses: this.#addresses,
      mac,
      pages: parts.pages,
      counters,
      neighborLimit: tunables.gc_thresh3,
      staleMs: tunables.gc_stale_time * 1000,
      detectsDuplicates: tunables.dad_transmits > 0,
      claimsByArp: tunables.arp_probe !== 0,
      hashKey,
      lostPackets: this,
    });
    this.neighbors = this.#discovery.neighbors;
    this.#vlanId = this.#transmitter.vlanId = tunables.vlan_id;
    this.#fragments = new Fragments({
      arena,
      pages: parts.pages,
      errors: this.#errors,
      tunables,
      counters,
      hashKey,
    });
    this.#control = new Control({
      transmitter: this.#transmitter,
      addresses: this.#addresses,
      discovery: this.#discovery,
      errors: this.#errors,
      mtu: parts.mtu,
      counters,
    });
  }

  /** Names the floor above, once, before the first frame. */
  attach(transport: Transport): void {
    this.#transport = transport;
    this.#control.pathErrorReceiver = transport;
  }

  /** Changes the tunables; the neighbour cache keeps its size. */
  set tunables(tunables: Tunables) {
    this.#transmitter.ttl = tunables.ip_default_ttl;
    this.#transmitter.mayFragment = tunables.ip_no_pmtu_disc !== 0;
    this.#vlanId = this.#transmitter.vlanId = tunables.vlan_id;
    this.#errors.tunables = tunables;
    this.#fragments.tunables = tunables;
    this.neighbors.staleMs = tunables.gc_stale_time * 1000;
  }

  /** An address of ours that another host had already, so that none of its family is used; null: there is none. */
  get conflict(): Address | null {
    return this.#discovery.conflict;
  }

  /** See `ArpClaims`. */
  get claims(): ArpClaims {
    return this.#discovery.claims;
  }

  /** A frame arrived; it is free after the call. */
  receive(frame: Frame, now: number): void {
    const view = this.#view;
    const start = frame.start;
    this.#now = now;
    let offset = start + ETHERNET_HEADER_LENGTH;
    if (frame.length < ETHERNET_HEADER_LENGTH) {
      this.counters.EthBadLength++;
      return;
    }
    let type = etherTypeOf(view, start);
    let vlanId = 0;
    if (type === EtherType.Vlan && frame.length >= ETHERNET_HEADER_LENGTH + VLAN_TAG_LENGTH) {
      vlanId = vlanIdOf(view, start); // 0, a mere priority, counts as no tag. IEEE 802.1Q §9.6
      type = etherTypeOf(view, start + VLAN_TAG_LENGTH);
      offset += VLAN_TAG_LENGTH;
    }
    if (vlanId !== this.#vlanId) {
      this.counters.EthVlanMismatch++;
      return;
    }
    const length = start + frame.length - offset;
    if (length > (frame.segmentSize > 0 ? SUPER_PACKET_LIMIT : this.#mtu)) {
      this.counters.EthBadLength++;
      return;
    }
    if (!this.#isLinkAcceptable(start)) return;
    if (type === EtherType.Ipv4 || type === EtherType.Ipv6) {
      this.#ipArrives(frame, type === EtherType.Ipv6, offset, length, now);
    } else if (type === EtherType.Arp) {
      this.#discovery.arpArrives(offset, length, now);
    } else {
      this.counters.EthUnknownType++;
    }
  }

  /** The address of ours from which `remote` is reached; null: nobody can be there, or we have none for it. */
  sourceFor(remote: Address): Address | null {
    return this.#addresses.canBeRemote(remote) ? this.#addresses.sourceFor(remote) : null;
  }

  /** Sends a segment: where it came from, unless its host's confirmed MAC is another by now. */
  send(seg: Segment, payload: Gather): boolean {
    const neighbors = this.neighbors;
    const slot = neighbors.find(seg.remote0, seg.remote1, seg.remote2, seg.remote3);
    if (slot >= 0 && neighbors.use(slot, this.#now)) {
      const macHigh = neighbors.macHigh[slot];
      return this.#transmitter.sendSegment(seg, payload, macHigh, neighbors.macLow[slot]);
    }
    if ((seg.pathHigh | seg.pathLow) !== 0) {
      return this.#transmitter.sendSegment(seg, payload, seg.pathHigh, seg.pathLow);
    }
    return this.#sendThroughHop(seg, payload);
  }

  doubt(seg: Segment): void {
    const slot = this.neighbors.find(seg.remote0, seg.remote1, seg.remote2, seg.remote3);
    const hop = slot >= 0 ? slot : this.#discovery.hopOf(seg);
    if (hop >= 0) this.neighbors.doubt(hop, this.#now);
  }

  /** Its connection learns that the host is unreachable: a soft error. RFC 1122 §4.2.3.9. */
  packetLost(offset: number, length: number): void {
    const error = this.#lost;
    error.kind = PathErrorKind.Unreachable;
    const isSegment = parseQuote(this.#view, offset, length, error.seg);
    if (isSegment) this.#transport?.pathErrorArrives(error, this.#now);
  }

  /** Sends the probes that are due, and what need no longer wait for its next hop; gives up fragments. */
  poll(now: number): void {
    this.#now = now;
    this.#discovery.poll(now);
    this.#fragments.poll(now);
  }

  /** When `poll` must be called at the latest; may be Infinity. */
  get deadline(): number {
    return Math.min(this.#discovery.deadline, this.#fragments.deadline);
  }

  /** ETH-01: our MAC, broadcast or a group of ours, from somebody. Counts what it refuses. */
  #isLinkAcceptable(start: number): boolean {
    const view = this.#view;
    const sourceHigh = sourceMacHigh(view, start);
    // An all-zero source would mean "resolve the address" to TCP.
    if ((sourceHigh & MAC_GROUP_BIT) !== 0 || (sourceHigh | sourceMacLow(view, start)) === 0) {
      this.counters.EthBadSource++;
      return false;
    }
    const high = destinationMacHigh(view, start);
    const low = destinationMacLow(view, start);
    if (high === this.#macHigh && low === this.#macLow) return true;
    if (high === 0xffff && low === -1) return true;
    if (high === 0x3333 && this.#addresses.isGroupMac(low)) return true;
    this.counters.EthNotForUs++;
    return false;
  }

  #ipArrives(frame: Frame, isIpv6: boolean, offset: number, length: number, now: number): void {
    const counters = this.counters;
    const packet = this.#packet;
    counters.InReceives++;
    const fault = isIpv6
      ? parseIpv6(this.#view, offset, length, packet)
      : parseIpv4(this.#view, offset, length, packet);
    if (fault !== IpFault.None) return this.#countFault(fault);
    packet.pathHigh = sourceMacHigh(this.#view, frame.start);
    packet.pathLow = sourceMacLow(this.#view, frame.start);
    const isLinkGroup = (destinationMacHigh(this.#view, frame.start) & MAC_GROUP_BIT) !== 0;
    if (isLinkGroup || !this.#addresses.isDestination(packet)) {
      return this.#strayArrives(packet, now);
    }
    if (this.#addresses.isMartian(packet)) {
      counters.MartianSource++;
    } else if (packet.isFragment) {
      this.#fragmentArrives(packet, now);
    } else if (packet.protocol === Protocol.Tcp) {
      this.#tcpArrives(frame, packet, now);
    } else {
      this.#control.packetArrives(frame, packet, now);
    }
  }

  /** The last one missing makes a packet, which is taken in as if it had come in one piece. */
  #fragmentArrives(packet: IpPacket, now: number): void {
    if (!this.#fragments.arrives(packet, now)) return;
    const { frame } = this.#fragments;
    const { identification } = packet;
    const offset = frame.start + ETHERNET_HEADER_LENGTH;
    const length = frame.length - ETHERNET_HEADER_LENGTH;
    const fault = packet.isIpv6
      ? parseIpv6(this.#view, offset, length, packet)
      : parseIpv4(this.#view, offset, length, packet);
    if (fault !== IpFault.None) return this.#countFault(fault);
    packet.hasFragmentHeader = true;
    packet.identification = identification;
    if (packet.isFragment) this.counters.InHdrErrors++; // a fragment header in what was cut
    else if (packet.protocol === Protocol.Tcp) this.#tcpArrives(frame, packet, now);
    else this.#control.packetArrives(frame, packet, now);
  }

  #countFault(fault: number): void {
    if (fault === IpFault.Checksum) this.counters.InIpCsumErrors++;
    else if (fault === IpFault.SourceRoute) this.counters.SourceRouteDrop++;
    else this.counters.InHdrErrors++;
  }

  /**
   * Not to a unicast address of ours in a unicast frame: nothing but neighbour
   * discovery travels so. RFC 1122 §3.2.1.3, §3.3.6.
   */
  #strayArrives(packet: IpPacket, now: number): void {
    const isDiscovery = packet.protocol === Protocol.Icmpv6 && packet.isIpv6 && !packet.isFragment;
    if (isDiscovery && this.#addresses.isGroup(packet)) {
      return this.#control.discoveryArrives(packet, now);
    }
    this.counters.InAddrErrors++;
  }

  #tcpArrives(frame: Frame, packet: IpPacket, now: number): void {
    const counters = this.counters;
    const seg = this.#seg;
    const { payloadOffset, payloadLength } = packet;
    const fault = parseTcp(this.#view, payloadOffset, payloadLength, seg);
    if (fault === TcpFault.Header) {
      counters.InErrs++;
      return;
    }
    seg.local0 = packet.destination0;
    seg.local1 = packet.destination1;
    seg.local2 = packet.destination2;
    seg.local3 = packet.destination3;
    seg.remote0 = packet.source0;
    seg.remote1 = packet.source1;
    seg.remote2 = packet.source2;
    seg.remote3 = packet.source3;
    if (!frame.checksumTrusted && !verifyTcp(this.#arena, payloadOffset, payloadLength, seg)) {
      counters.InCsumErrors++;
      return;
    }
    if (fault === TcpFault.Options) counters.TCPOptMalformed++;
    seg.ecn = packet.ecn;
    seg.dscp = packet.dscp;
    seg.segmentSize = frame.segmentSize;
    seg.isOffloaded = frame.checksumTrusted;
    seg.pathHigh = packet.pathHigh;
    seg.pathLow = packet.pathLow;
    if ((seg.flags & ACK) !== 0) this.#confirm(packet, now);
    this.#transport?.receive(seg, now);
  }

  /**
   * A segment with ACK from a neighbour's own MAC shows that it hears us.
   * Deviates from RFC 4861 §7.3.1: progress of SND.UNA is not asked for; that is
   * another floor's knowledge, and who forges this MAC could forge ARP too.
   */
  #confirm(packet: IpPacket, now: number): void {
    const { source0, source1, source2, source3 } = packet;
    const slot = this.neighbors.find(source0, source1, source2, source3);
    if (slot >= 0) this.neighbors.confirm(slot, packet.pathHigh, packet.pathLow, now);
  }

  /** An active open: nothing came from there yet. */
  #sendThroughHop(seg: Segment, payload: Gather): boolean {
    const slot = this.#discovery.hopOf(seg);
    const neighbors = this.neighbors;
    if (slot >= 0 && neighbors.use(slot, this.#now)) {
      const macHigh = neighbors.macHigh[slot];
      return this.#transmitter.sendSegment(seg, payload, macHigh, neighbors.macLow[slot]);
    }
    this.#discovery.wait(seg, payload, this.#now);
    return true;
  }
}
