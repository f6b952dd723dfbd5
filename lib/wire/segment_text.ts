/** A segment as one line of text, in the notation of packetdrill. For logs and tests. */

import { ACK, CWR, ECE, FIN, PSH, RST, type Segment, SYN, URG } from "./segment.ts";

const FLAG_LETTERS: readonly (readonly [number, string])[] = [
  [SYN, "S"],
  [FIN, "F"],
  [RST, "R"],
  [PSH, "P"],
  [URG, "U"],
  [ECE, "E"],
  [CWR, "W"],
  [ACK, "."],
];

/**
 * Writes a segment like `S. 100:100(0) ack 1 win 65535 <mss 1460,sackOK>`.
 * Numbers are absolute and unsigned; the window is not scaled; options stand in
 * the order in which they are sent.
 */
export function formatSegment(seg: Segment): string {
  const start = seg.seq >>> 0;
  const end = (seg.seq + seg.payloadLength) >>> 0;
  const ack = seg.hasAck ? ` ack ${seg.ack >>> 0}` : "";
  const urgent = (seg.flags & URG) !== 0 ? ` urg ${seg.urgentPointer}` : "";
  const options = formatOptions(seg);
  const tail = options === "" ? "" : ` <${options}>`;
  return `${formatFlags(seg.flags)} ${start}:${end}(${seg.payloadLength})${ack} win ${seg.wnd}` +
    urgent + tail;
}

function formatFlags(flags: number): string {
  const letters = FLAG_LETTERS.filter(([bit]) => (flags & bit) !== 0).map(([, letter]) => letter);
  return letters.length === 0 ? "-" : letters.join("");
}

function formatOptions(seg: Segment): string {
  const options: string[] = [];
  if (seg.mss >= 0) options.push(`mss ${seg.mss}`);
  if (seg.hasTimestamps && !seg.sackPermitted) options.push("nop,nop");
  if (seg.sackPermitted) options.push(seg.hasTimestamps ? "sackOK" : "nop,nop,sackOK");
  if (seg.hasTimestamps) options.push(`TS val ${seg.tsVal >>> 0} ecr ${seg.tsEcr >>> 0}`);
  if (seg.windowScale >= 0) options.push(`nop,wscale ${seg.windowScale}`);
  if (seg.userTimeout !== 0) options.push(`uto ${seg.userTimeout} s`);
  if (seg.sackCount > 0) options.push("nop,nop", `sack ${formatSack(seg)}`);
  if (seg.fastOpenLength >= 0) options.push(formatFastOpen(seg));
  return options.join(",");
}

function formatSack(seg: Segment): string {
  const blocks: string[] = [];
  for (let i = 0; i < seg.sackCount; i++) {
    blocks.push(`${seg.sackStart[i] >>> 0}:${seg.sackEnd[i] >>> 0}`);
  }
  return blocks.join(" ");
}

function formatFastOpen(seg: Segment): string {
  const cookie = seg.fastOpenCookie.subarray(0, seg.fastOpenLength);
  const padding = ",nop".repeat(-(2 + seg.fastOpenLength) & 3);
  return (cookie.length === 0 ? "FO" : `FO ${cookie.toHex()}`) + padding;
}
