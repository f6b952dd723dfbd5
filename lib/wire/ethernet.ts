/**
 * Ethernet II and 802.1Q headers. IEEE 802.3, IEEE 802.1Q, RFC 894.
 *
 * A MAC address is two numbers: its 16 high bits and its 32 low bits, signed.
 */

/** Bytes of an untagged Ethernet header. */
export const ETHERNET_HEADER_LENGTH = 14;
/** Bytes an 802.1Q tag adds. */
export const VLAN_TAG_LENGTH = 4;

/** The EtherTypes we know; smaller than 0x0600 is an 802.3 length. */
export const EtherType = { Ipv4: 0x0800, Arp: 0x0806, Vlan: 0x8100, Ipv6: 0x86dd } as const;

/** The group bit of a MAC address, as it lies in its 16 high bits. */
export const MAC_GROUP_BIT = 0x0100;

/** The destination's 16 high bits of the Ethernet header at `offset`. */
export function destinationMacHigh(view: DataView, offset: number): number {
  return view.getUint16(offset);
}

/** The destination's 32 low bits. */
export function destinationMacLow(view: DataView, offset: number): number {
  return view.getInt32(offset + 2);
}

/** The source's 16 high bits. */
export function sourceMacHigh(view: DataView, offset: number): number {
  return view.getUint16(offset + 6);
}

/** The source's 32 low bits. */
export function sourceMacLow(view: DataView, offset: number): number {
  return view.getInt32(offset + 8);
}

/** The EtherType, or 802.3 length, of the untagged header at `offset`. */
export function etherTypeOf(view: DataView, offset: number): number {
  return view.getUint16(offset + 12);
}

/** The VLAN identifier in the 802.1Q tag of the Ethernet header at `offset`, 0 … 4095. */
export function vlanIdOf(view: DataView, offset: number): number {
  return view.getUint16(offset + 14) & 0x0fff;
}

/** Writes an untagged header of 14 bytes at `offset`. */
export function buildEthernet(
  view: DataView,
  offset: number,
  destinationHigh: number,
  destinationLow: number,
  sourceHigh: number,
  sourceLow: number,
  etherType: number,
): void {
  view.setInt16(offset, destinationHigh);
  view.setInt32(offset + 2, destinationLow);
  view.setInt16(offset + 6, sourceHigh);
  view.setInt32(offset + 8, sourceLow);
  view.setInt16(offset + 12, etherType);
}

/** Puts an 802.1Q tag, priority 0, into the untagged header of 14 bytes at `offset`; it has 18 then. */
export function tagEthernet(view: DataView, offset: number, vlanId: number): void {
  view.setInt16(offset + 16, etherTypeOf(view, offset));
  view.setInt32(offset + 12, (EtherType.Vlan << 16) | vlanId);
}
