/**
 * FrameText: an Ethernet frame as a line of text. TCP segments stand in the
 * notation of packetdrill, sequence numbers counted from the first of each side
 * where its SYN went by.
 */

import { ArpOperation, arpOperationOf, arpSender, arpTarget, isArp } from "../wire/arp.ts";
import { Address, Endpoint, ipv4Address } from "../wire/address.ts";
import {
  ETHERNET_HEADER_LENGTH,
  EtherType,
  etherTypeOf,
  VLAN_TAG_LENGTH,
  vlanIdOf,
} from "../wire/ethernet.ts";
import { IpFault, IpPacket, Protocol } from "../wire/ip_packet.ts";
import { parseIpv4 } from "../wire/ipv4.ts";
import { parseIpv6 } from "../wire/ipv6.ts";
import { Segment } from "../wire/segment.ts";
import { formatSegment } from "../wire/segment_text.ts";
import { parseTcp, TcpFault } from "../wire/tcp_header.ts";

/** Directions of flows that are remembered: a flood of SYNs must not fill memory. */
const FLOWS_LIMIT = 65536;

/** Writes frames, and remembers where the sequence numbers of each flow began. */
export class FrameText {
  readonly #packet = new IpPacket();
  readonly #seg = new Segment();
  /** First sequence numbers by who counts and whom it speaks to. */
  readonly #first = new Map<string, number>();

  /**
   * The frame whose first bytes are `bytes`; `length` is that of the whole, its
   * payload may be missing. `isIn` says whether it came from a peer.
   */
  of(bytes: Uint8Array, length: number, isIn: boolean): string {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < ETHERNET_HEADER_LENGTH) return `${length} bytes, too short for a frame`;
    const isTagged = etherTypeOf(view, 0) === EtherType.Vlan &&
      bytes.length >= ETHERNET_HEADER_LENGTH + VLAN_TAG_LENGTH;
    const tag = isTagged ? `vlan ${vlanIdOf(view, 0)} ` : "";
    const skipped = isTagged ? VLAN_TAG_LENGTH : 0;
    const offset = ETHERNET_HEADER_LENGTH + skipped;
    return tag + this.#withType(view, etherTypeOf(view, skipped), offset, length - offset, isIn);
  }

  #withType(view: DataView, type: number, offset: number, length: number, isIn: boolean): string {
    if (type === EtherType.Arp && isArp(view, offset, view.byteLength - offset)) {
      const what = arpOperationOf(view, offset) === ArpOperation.Request ? "request" : "reply";
      const sender = ipv4Address(arpSender(view, offset));
      return `arp ${what} of ${sender} for ${ipv4Address(arpTarget(view, offset))}`;
    }
    if (type !== EtherType.Ipv4 && type !== EtherType.Ipv6) {
      return `type 0x${type.toString(16).padStart(4, "0")}, ${length} bytes`;
    }
    const parse = type === EtherType.Ipv4 ? parseIpv4 : parseIpv6;
    // A header that lies about its length must not lead behind the bytes that are here.
    try {
      if (parse(view, offset, length, this.#packet) !== IpFault.None) return "malformed IP packet";
      return this.#ofPacket(view, isIn);
    } catch (error) {
      if (error instanceof RangeError) return "IP packet, its headers cut off";
      throw error;
    }
  }

  #ofPacket(view: DataView, isIn: boolean): string {
    const packet = this.#packet;
    if (packet.protocol === Protocol.Tcp && !packet.isFragment) return this.#ofTcp(view, isIn);
    const { source0, source1, source2, source3 } = packet;
    const { destination0, destination1, destination2, destination3 } = packet;
    const from = new Address(source0, source1, source2, source3);
    const to = new Address(destination0, destination1, destination2, destination3);
    const isIcmp = packet.protocol === Protocol.Icmp || packet.protocol === Protocol.Icmpv6;
    const at = packet.payloadOffset;
    const what = packet.isFragment
      ? `fragment at ${packet.fragmentOffset} of protocol ${packet.protocol}`
      : isIcmp
      ? `icmp ${view.getUint8(at)}/${view.getUint8(at + 1)}`
      : `protocol ${packet.protocol}`;
    return `${what} from ${from} to ${to}, ${packet.payloadLength} bytes`;
  }

  #ofTcp(view: DataView, isIn: boolean): string {
    const packet = this.#packet;
    const seg = this.#seg;
    const fault = parseTcp(view, packet.payloadOffset, packet.payloadLength, seg);
    if (fault === TcpFault.Header) return "malformed TCP segment";
    const { source0, source1, source2, source3 } = packet;
    const { destination0, destination1, destination2, destination3 } = packet;
    const source = new Address(source0, source1, source2, source3);
    const destination = new Address(destination0, destination1, destination2, destination3);
    const from = new Endpoint(source, seg.remotePort).toString();
    const to = new Endpoint(destination, seg.localPort).toString();
    this.#count(seg, `${from} ${to}`, `${to} ${from}`);
    return `${isIn ? `${from} ${to}` : `${to} ${from}`} ${formatSegment(seg)}`;
  }

  /** Counts the numbers of `seg` from the first ones of its sender and its receiver. */
  #count(seg: Segment, own: string, other: string): void {
    if (seg.hasSyn) this.#remember(own, seg.seq);
    const first = this.#first.get(other) ?? 0;
    seg.seq -= this.#first.get(own) ?? 0;
    seg.ack -= first;
    for (let i = 0; i < seg.sackCount; i++) {
      seg.sackStart[i] -= first;
      seg.sackEnd[i] -= first;
    }
  }

  /** The one that came first makes room. */
  #remember(flow: string, seq: number): void {
    this.#first.set(flow, seq);
    if (this.#first.size <= FLOWS_LIMIT) return;
    const [oldest] = this.#first.keys();
    this.#first.delete(oldest);
  }
}
