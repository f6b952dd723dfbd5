/** What a script's segments mean: the packet a peer sends, and what is wrong with one of the product. */

import { flagBits, type Packet, type TcpOption } from "./codec.ts";
import { type Flow, peerPattern } from "./flow.ts";
import {
  type Direction,
  isnOf,
  type OptionSpec,
  relative,
  resolve,
  type ScriptNumber,
  type SegmentSpec,
} from "./segment_notation.ts";

/** MAC address of the product. */
export const PRODUCT_MAC = "02:00:00:00:00:01";

/** The packet which a `<` line means. `clockMs` is the peer's timestamp clock. */
export function buildPacket(spec: SegmentSpec, flow: Flow, clockMs: number): Packet {
  const { ends } = flow;
  const seq = resolve(spec.seq, flow.peerIsn, flow) ?? 0;
  const position = relative(seq, flow.peerIsn) + (spec.flags.includes("S") ? 1 : 0);
  return {
    sourceMac: ends.peerMac,
    destinationMac: PRODUCT_MAC,
    source: ends.peerAddress,
    destination: ends.localAddress,
    sourcePort: ends.peerPort,
    destinationPort: ends.localPort,
    ttl: 64,
    trafficClass: spec.ecn ?? 0,
    seq,
    ack: spec.ack === null ? 0 : resolve(spec.ack, isnOf(">", flow), flow) ?? 0,
    flags: spec.flags,
    window: spec.window?.value ?? flow.peerWindow,
    urgent: spec.urgent,
    options: (spec.options ?? []).map((option) => buildOption(option, flow, clockMs)),
    payload: spec.text === null
      ? Uint8Array.from({ length: spec.length }, (_, i) => peerPattern(position + i))
      : new TextEncoder().encode(spec.text),
  };
}

/**
 * What differs between an expected and a sent segment, in words; "" when
 * nothing does. `timestampTolerance` is in ticks of a millisecond.
 */
export function differenceOf(
  spec: SegmentSpec,
  packet: Packet,
  flow: Flow,
  timestampTolerance: number,
): string {
  const differences: string[] = [];
  if (flagBits(spec.flags) !== flagBits(packet.flags)) differences.push("flags");
  if (!matches(spec.seq, packet.seq, ">", flow)) differences.push("sequence number");
  if (spec.length !== packet.payload.length) differences.push("length");
  if (spec.ack !== null && !matches(spec.ack, packet.ack, "<", flow)) {
    differences.push("acknowledgment number");
  }
  if (!windowMatches(spec, packet.window)) differences.push("window");
  if (spec.ecn !== null && spec.ecn !== (packet.trafficClass & 3)) differences.push("ECN field");
  if (spec.urgent !== packet.urgent) differences.push("urgent pointer");
  if (!optionsMatch(spec.options, packet.options, flow, timestampTolerance)) {
    differences.push("options");
  }
  if (spec.text !== null && spec.text !== new TextDecoder().decode(packet.payload)) {
    differences.push("payload");
  }
  return differences.join(", ");
}

function matches(number: ScriptNumber, actual: number, end: Direction, flow: Flow): boolean {
  const expected = resolve(number, isnOf(end, flow), flow);
  return expected === null || expected === actual;
}

function windowMatches({ window }: SegmentSpec, actual: number): boolean {
  if (window === null) return true;
  if (window.relation === "<") return actual < window.value;
  if (window.relation === ">") return actual > window.value;
  return actual === window.value;
}

function optionsMatch(
  specs: readonly OptionSpec[] | null,
  options: readonly TcpOption[],
  flow: Flow,
  tolerance: number,
): boolean {
  if (specs === null) return true;
  return specs.length === options.length &&
    specs.every((spec, i) => optionMatches(spec, options[i], flow, tolerance));
}

function optionMatches(
  spec: OptionSpec,
  option: TcpOption,
  flow: Flow,
  tolerance: number,
): boolean {
  if (spec.name === "TS" && option.name === "TS") {
    const val = resolve(spec.val, flow.timestampBase ?? 0, flow);
    const ecr = resolve(spec.ecr, 0, flow);
    return (val === null || Math.abs(relative(option.val, val)) <= tolerance) &&
      (ecr === null || ecr === option.ecr);
  }
  if (spec.name === "sack" && option.name === "sack") {
    return spec.blocks.length === option.blocks.length &&
      spec.blocks.every(([start, end], i) =>
        matches(start, option.blocks[i][0], "<", flow) &&
        matches(end, option.blocks[i][1], "<", flow)
      );
  }
  return JSON.stringify(spec) === JSON.stringify(option);
}

function buildOption(spec: OptionSpec, flow: Flow, clockMs: number): TcpOption {
  if (spec.name === "TS") {
    const ecr = resolve(spec.ecr, flow.timestampBase ?? 0, flow) ?? flow.lastTsVal;
    return { name: "TS", val: resolve(spec.val, 0, flow) ?? clockMs >>> 0, ecr };
  }
  if (spec.name === "sack") {
    const isn = isnOf(">", flow);
    const blocks = spec.blocks.map(([start, end]) =>
      [resolve(start, isn, flow) ?? 0, resolve(end, isn, flow) ?? 0] as const
    );
    return { name: "sack", blocks };
  }
  return spec;
}
