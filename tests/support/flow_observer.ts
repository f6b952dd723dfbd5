/**
 * What a flow learns from the segments that pass, and what no segment of the
 * product may do whatever the script expects.
 */

import { encodeOptions, type Packet } from "./codec.ts";
import type { Flow } from "./flow.ts";
import { relative } from "./segment_notation.ts";

/** A segment of the peer is about to arrive. */
export function observePeer(flow: Flow, packet: Packet): void {
  const isSyn = packet.flags.includes("S");
  if (!packet.flags.includes("R")) flow.peerWindow = packet.window;
  if (isSyn) flow.peerShift = shiftOf(packet);
  // SYN and FIN together begin or end nothing, unless they are an answer.
  if (packet.flags.includes("F") && (!isSyn || packet.flags.includes("."))) {
    flow.peerEnd = relative(packet.seq, flow.peerIsn) + packet.payload.length + 1;
  }
  const acknowledged = packet.flags.includes(".") ? relative(packet.ack, flow.productIsn ?? 0) : 1;
  const edge = acknowledged + (packet.window << (isSyn ? 0 : effectiveShift(flow, flow.peerShift)));
  if (flow.peerEdge === null || edge > flow.peerEdge) flow.peerEdge = edge;
}

/** A segment of the product left the device uncut. Returns what is wrong with it; "" if nothing is. */
export function observeProduct(flow: Flow, packet: Packet): string {
  if (packet.flags.includes("S")) learnFromSyn(flow, packet);
  return timestampProblem(flow, packet) || windowProblem(flow, packet) ||
    payloadProblem(flow, packet);
}

/** The most payload bytes the product accepts in one segment of these options. */
export function peerSegmentSize(flow: Flow, packet: Packet): number {
  return flow.productMss - encodeOptions(packet.options).length;
}

function learnFromSyn(flow: Flow, packet: Packet): void {
  if (flow.productIsn === null) flow.productIsn = packet.seq;
  flow.productShift = shiftOf(packet);
  flow.productEdge = null;
  for (const option of packet.options) {
    if (option.name === "mss") flow.productMss = option.value;
  }
}

/** A TSval never runs backwards. RFC 7323 §5.4. */
function timestampProblem(flow: Flow, packet: Packet): string {
  const option = packet.options.find((option) => option.name === "TS");
  if (option === undefined) return "";
  const isFirst = flow.timestampBase === null;
  if (!isFirst && relative(option.val, flow.lastTsVal) < 0) return "its TSval runs backwards";
  flow.timestampBase ??= option.val;
  flow.lastTsVal = option.val;
  return "";
}

/** The right edge of the receive window never moves left, while it counts. RFC 9293 §3.8.6 SHLD-14. */
function windowProblem(flow: Flow, packet: Packet): string {
  const { flags } = packet;
  if (!flags.includes(".") || flags.includes("R")) return "";
  const shift = flags.includes("S") ? 0 : effectiveShift(flow, flow.productShift);
  const acknowledged = relative(packet.ack, flow.peerIsn);
  const edge = acknowledged + (packet.window << shift);
  if (acknowledged === flow.peerEnd) return "";
  const last = flow.productEdge;
  flow.productEdge = edge;
  return last !== null && edge < last
    ? `its window ends at ${edge}, and once ended at ${last}`
    : "";
}

/** Bytes are those the application wrote, where the peer has room for them. RFC 9293 §3.8.6. */
function payloadProblem(flow: Flow, packet: Packet): string {
  const { payload } = packet;
  const isSyn = packet.flags.includes("S");
  const start = relative(packet.seq, flow.productIsn ?? 0) + (isSyn ? 1 : 0);
  const end = start + payload.length;
  if (payload.length === 0 || start < 1) return "";
  if (end > flow.writePosition) return "its payload was never written";
  for (let i = 0; i < payload.length; i++) {
    if (payload[i] !== flow.productByte(start + i)) return `byte ${start + i} is a wrong one`;
  }
  // One byte beyond the window may probe it.
  const isBeyond = flow.peerEdge !== null && end > flow.peerEdge && payload.length > 1;
  return isBeyond ? `it goes beyond the peer's window, which ends at ${flow.peerEdge}` : "";
}

/** Scaling counts only when both SYNs asked for it. RFC 7323 §2.2. */
function effectiveShift(flow: Flow, shift: number): number {
  return flow.peerShift >= 0 && flow.productShift >= 0 ? Math.min(shift, 14) : 0;
}

function shiftOf(packet: Packet): number {
  const option = packet.options.find((option) => option.name === "wscale");
  return option === undefined ? -1 : option.shift;
}
