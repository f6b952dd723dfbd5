/**
 * How scripts write a segment:
 *
 *     S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>
 *     P. 1:11(10) ack 1 <...> "0123456789"
 *
 * Numbers are relative to the ISN of the end they count for; `=5` is absolute,
 * `C+1` and `X+1` name the base, `*` matches any. `1:14601(14600/1460)` is a run
 * of segments, all but the last with 1460 bytes; without `/1460`, of any size.
 * A TSval and its echo are relative to the first TSval of the product, the
 * peer's own are absolute. `<...>` stands for any options, `<ts>` for
 * `<nop,nop,TS val * ecr *>`, which a peer fills with its clock and the last
 * TSval it saw. `uto 300 s` and `uto 5 min` are user timeouts. In front, `[ce]`, `[ect0]`, `[ect1]` or `[noecn]` names the ECN
 * field of the IP header; without it a peer sends 0 and the product any.
 */

import { flagBits, flagLetters, type Packet, type TcpOption } from "./codec.ts";
import type { Flow } from "./flow.ts";

/** A number of a script, before the flow's bases are known. */
export interface ScriptNumber {
  readonly base: "relative" | "absolute" | "C" | "X" | "any";
  readonly value: number;
}

/** An option as a script writes it. */
export type OptionSpec =
  | Exclude<TcpOption, { name: "TS" } | { name: "sack" }>
  | { readonly name: "TS"; readonly val: ScriptNumber; readonly ecr: ScriptNumber }
  | { readonly name: "sack"; readonly blocks: readonly (readonly [ScriptNumber, ScriptNumber])[] };

/** A window as a script writes it: exactly, at most or at least. The field of the header, not scaled. */
export interface WindowSpec {
  readonly relation: "=" | "<" | ">";
  readonly value: number;
}

/** A segment as a script writes it. */
export interface SegmentSpec {
  readonly flags: string;
  readonly seq: ScriptNumber;
  /** Bytes of payload. */
  readonly length: number;
  /** What the pieces of a run must measure but the last; 0: anything. */
  readonly pieceLength: number;
  /** Null: the field is not named. */
  readonly ack: ScriptNumber | null;
  readonly window: WindowSpec | null;
  readonly urgent: number;
  /** The ECN field of the IP header, 0 … 3; null: not named. */
  readonly ecn: number | null;
  /** Null: any. */
  readonly options: readonly OptionSpec[] | null;
  /** The payload, if the script spells it out. */
  readonly text: string | null;
}

/** Which way a segment travels: `<` towards the product, `>` from it. */
export type Direction = "<" | ">";

const NUMBER = String.raw`(?:\*|=?(?:0x[0-9a-f]+|-?\d+)|[CX](?:[+-]\d+)?)`;
const SEGMENT = new RegExp(
  String.raw`^(?:\[(?<ecn>noecn|ect1|ect0|ce)\]\s+)?(?<flags>[SFRPUEW.]+|-)\s+` +
    String.raw`(?<seq>${NUMBER})(?::(?<end>${NUMBER}))?(?:\((?<length>\d+)(?:/(?<piece>\d+))?\))?` +
    String.raw`(?:\s+ack\s+(?<ack>${NUMBER}))?` +
    String.raw`(?:\s+win\s+(?<window>[<>]?\d+))?` +
    String.raw`(?:\s+urg\s+(?<urgent>\d+))?` +
    String.raw`(?:\s+<(?<options>[^>]*)>)?` +
    String.raw`(?:\s+"(?<text>[^"]*)")?$`,
);

/** By the value of the field. RFC 3168 §5. */
const ECN_NAMES = ["noecn", "ect1", "ect0", "ce"];

/** Reads a segment. Throws an Error which says what is wrong. */
export function parseSegment(text: string): SegmentSpec {
  const groups = SEGMENT.exec(text.trim())?.groups;
  if (groups === undefined) throw new Error(`Not a segment: ${text}`);
  const flags = groups.flags === "-" ? "" : flagLetters(flagBits(groups.flags));
  if (flags.includes(".") && groups.ack === undefined) {
    throw new Error(`Segment with the ACK flag and no "ack": ${text}`);
  }
  const seq = parseNumber(groups.seq);
  const literal = groups.text ?? null;
  const length = payloadLength(seq, groups.end, groups.length) ?? literal?.length ?? 0;
  if (literal !== null && literal.length !== length) {
    throw new Error(`Payload of ${literal.length} bytes where the numbers say ${length}: ${text}`);
  }
  return {
    flags,
    seq,
    length,
    pieceLength: Number(groups.piece ?? 0),
    ack: groups.ack === undefined ? null : parseNumber(groups.ack),
    window: parseWindow(groups.window),
    urgent: Number(groups.urgent ?? 0),
    ecn: groups.ecn === undefined ? null : ECN_NAMES.indexOf(groups.ecn),
    options: parseOptions(groups.options ?? ""),
    text: literal,
  };
}

/** The text of a packet. `pieceLength` > 0: it is a super-segment cut into such pieces. */
export function formatPacket(
  packet: Packet,
  flow: Flow,
  direction: Direction,
  pieceLength: number = 0,
): string {
  const own = direction === "<" ? flow.peerIsn : flow.productIsn ?? 0;
  const other = direction === "<" ? flow.productIsn ?? 0 : flow.peerIsn;
  const start = relative(packet.seq, own);
  const length = packet.payload.length;
  const pieces = pieceLength > 0 ? `${length}/${pieceLength}` : `${length}`;
  const ecn = packet.trafficClass & 3;
  const parts = ecn === 0 ? [] : [`[${ECN_NAMES[ecn]}]`];
  parts.push(packet.flags === "" ? "-" : packet.flags, `${start}:${start + length}(${pieces})`);
  if (packet.flags.includes(".")) parts.push(`ack ${relative(packet.ack, other)}`);
  parts.push(`win ${packet.window}`);
  if (packet.urgent !== 0) parts.push(`urg ${packet.urgent}`);
  if (packet.options.length > 0) {
    const options = packet.options.map((option) => formatOption(option, flow, direction, other));
    parts.push(`<${options.join(",")}>`);
  }
  return parts.join(" ");
}

/** What a script's number means: 0 … 2^32-1, or null for any. */
export function resolve(number: ScriptNumber, base: number, flow: Flow): number | null {
  switch (number.base) {
    case "any":
      return null;
    case "absolute":
      return number.value >>> 0;
    case "relative":
      return (base + number.value) >>> 0;
    case "C":
      return (flow.peerIsn + number.value) >>> 0;
    case "X":
      return ((flow.productIsn ?? 0) + number.value) >>> 0;
  }
}

/** The ISN which the sequence numbers of one end count from. */
export function isnOf(end: Direction, flow: Flow): number {
  return end === "<" ? flow.peerIsn : flow.productIsn ?? 0;
}

/** How far `number` is from `base`, as an int32. */
export function relative(number: number, base: number): number {
  return (number - base) | 0;
}

function parseNumber(text: string): ScriptNumber {
  if (text === "*") return { base: "any", value: 0 };
  if (text.startsWith("=")) return { base: "absolute", value: Number(text.slice(1)) };
  const base = text[0];
  if (base === "C" || base === "X") return { base, value: Number(text.slice(1)) };
  return { base: "relative", value: Number(text) };
}

function payloadLength(
  seq: ScriptNumber,
  end: string | undefined,
  length: string | undefined,
): number | null {
  if (end === undefined) return length === undefined ? null : Number(length);
  const last = parseNumber(end);
  if (last.base !== seq.base) throw new Error(`Range from "${seq.base}" to "${last.base}"`);
  const difference = last.value - seq.value;
  if (length !== undefined && Number(length) !== difference) {
    throw new Error(`Range ${seq.value}:${end} is not ${length} bytes long`);
  }
  return difference;
}

function parseWindow(text: string | undefined): WindowSpec | null {
  if (text === undefined) return null;
  const relation = text[0];
  if (relation !== "<" && relation !== ">") return { relation: "=", value: Number(text) };
  return { relation, value: Number(text.slice(1)) };
}

function parseOptions(text: string): OptionSpec[] | null {
  if (text.trim() === "...") return null;
  if (text.trim() === "") return [];
  return text.split(",").flatMap((option) => parseOption(option.trim()));
}

function parseOption(text: string): OptionSpec[] {
  const [name, ...values] = text.split(/\s+/);
  switch (name) {
    case "eol":
    case "nop":
    case "sackOK":
      if (values.length === 0) return [{ name }];
      break;
    case "ts":
      return parseOptions("nop,nop,TS val * ecr *")!;
    case "mss":
      if (values.length === 1) return [{ name, value: Number(values[0]) }];
      break;
    case "wscale":
      if (values.length === 1) return [{ name, shift: Number(values[0]) }];
      break;
    case "TS":
      if (values.length === 4 && values[0] === "val" && values[2] === "ecr") {
        return [{ name, val: parseNumber(values[1]), ecr: parseNumber(values[3]) }];
      }
      break;
    case "sack":
      return [{ name, blocks: values.map(parseBlock) }];
    case "uto": {
      const [count, unit] = values;
      if (values.length === 2 && (unit === "s" || unit === "min")) {
        return [{ name, count: Number(count), unit }];
      }
      break;
    }
    case "FO":
      if (values.length <= 1) return [{ name, cookie: values[0] ?? "" }];
      break;
    case "hex":
      return [{ name, bytes: values.join("") }];
  }
  throw new Error(`Not an option: ${text}`);
}

function parseBlock(text: string): [ScriptNumber, ScriptNumber] {
  const ends = text.split(":");
  if (ends.length !== 2) throw new Error(`Not a SACK block: ${text}`);
  return [parseNumber(ends[0]), parseNumber(ends[1])];
}

function formatOption(option: TcpOption, flow: Flow, direction: Direction, other: number): string {
  switch (option.name) {
    case "mss":
      return `mss ${option.value}`;
    case "wscale":
      return `wscale ${option.shift}`;
    case "sack":
      return `sack ${option.blocks.map((block) => formatBlock(block, other)).join(" ")}`;
    case "TS":
      return direction === "<"
        ? `TS val ${option.val} ecr ${relative(option.ecr, flow.timestampBase ?? 0)}`
        : `TS val ${relative(option.val, flow.timestampBase ?? 0)} ecr ${option.ecr}`;
    case "uto":
      return `uto ${option.count} ${option.unit}`;
    case "FO":
      return `FO ${option.cookie}`.trimEnd();
    case "hex":
      return `hex ${option.bytes}`;
    default:
      return option.name;
  }
}

function formatBlock([start, end]: readonly [number, number], isn: number): string {
  return `${relative(start, isn)}:${relative(end, isn)}`;
}
