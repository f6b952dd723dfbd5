/** ARP for IPv4 over Ethernet. RFC 826, RFC 5227. */

import { EtherType } from "./ethernet.ts";

/** Bytes of an ARP packet for IPv4 over Ethernet. */
export const ARP_LENGTH = 28;

/** ar$op. */
export const ArpOperation = { Request: 1, Reply: 2 } as const;

const HARDWARE_ETHERNET = 1;
const LENGTHS = 0x0604; // hlen 6, plen 4

/** Whether `length` bytes at `offset` are a request or a reply for IPv4 over Ethernet. */
export function isArp(view: DataView, offset: number, length: number): boolean {
  if (length < ARP_LENGTH) return false;
  if (view.getUint16(offset) !== HARDWARE_ETHERNET) return false;
  if (view.getUint16(offset + 2) !== EtherType.Ipv4) return false;
  if (view.getUint16(offset + 4) !== LENGTHS) return false;
  const operation = view.getUint16(offset + 6);
  return operation === ArpOperation.Request || operation === ArpOperation.Reply;
}

/** ar$op of the packet at `offset`. */
export function arpOperationOf(view: DataView, offset: number): number {
  return view.getUint16(offset + 6);
}

/** The sender's MAC, 16 high bits. */
export function arpSenderMacHigh(view: DataView, offset: number): number {
  return view.getUint16(offset + 8);
}

/** The sender's MAC, 32 low bits. */
export function arpSenderMacLow(view: DataView, offset: number): number {
  return view.getInt32(offset + 10);
}

/** The sender's IPv4 address. */
export function arpSender(view: DataView, offset: number): number {
  return view.getInt32(offset + 14);
}

/** The target's IPv4 address. */
export function arpTarget(view: DataView, offset: number): number {
  return view.getInt32(offset + 24);
}

/** Writes a packet of 28 bytes at `offset`; a request's target MAC is 0, 0. */
export function buildArp(
  view: DataView,
  offset: number,
  operation: number,
  senderMacHigh: number,
  senderMacLow: number,
  sender: number,
  targetMacHigh: number,
  targetMacLow: number,
  target: number,
): void {
  view.setInt16(offset, HARDWARE_ETHERNET);
  view.setInt16(offset + 2, EtherType.Ipv4);
  view.setInt16(offset + 4, LENGTHS);
  view.setInt16(offset + 6, operation);
  view.setInt16(offset + 8, senderMacHigh);
  view.setInt32(offset + 10, senderMacLow);
  view.setInt32(offset + 14, sender);
  view.setInt16(offset + 18, targetMacHigh);
  view.setInt32(offset + 20, targetMacLow);
  view.setInt32(offset + 24, target);
}
