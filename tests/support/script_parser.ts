/**
 * The script language, line by line: packetdrill's notation on virtual time.
 *
 *     0     < S 0:0(0) win 65535 <mss 1460>     at 0 s the peer sends
 *     +0    > S. 0:0(0) ack 1 <mss 1460>        0 s later the product must send
 *     +1~2  > S. 0:0(0) ack 1 <...>             between 1 and 2 s later
 *     *     > S. 0:0(0) ack 1 <...>             whenever
 *     +.1   < . 1:1(0) ack 1
 *     &     accept                              before the product may send again
 *           state ESTABLISHED                   no time: at once
 *     none(1)                                   for 1 s the product sends nothing
 *     cnt:PAWSEstabRejected=2                   grew by 2 since last asked
 *     app: Readable, PeerClosed                 signals since last asked
 *     app: Reset "reset by peer"                and why the connection ended
 *     accept | accept none | read 10 | read "abc" | readable 10 | eof
 *     write 10 | write "abc" | shutdown | close | release | abort | keepalive | nodelay
 *     write 10 fails EPIPE | shutdown fails EALREADY | abort fails ENOTCONN
 *     read fails ECONNRESET                     when all that came was read
 *     synQueue 1 | acceptQueue 0
 *     connect | connect b | connect fails EADDRNOTAVAIL     actively, from the flow's port
 *     connect fast | connect fast b             the same by fast open
 *     SR | EST | ACT | EST+TS+SACK+WS7+ECN | EST rtt 0.1  fixtures of the requirements, §1
 *     peer b 10.0.0.3:40001 > 10.0.0.1:80       another flow: <b …, >b …, state b …
 *     new [5000]                                the flow begins anew, with C = 5000
 *
 * `//` starts a comment. Segments are described in `segment_notation.ts`.
 */

import { type Direction, parseSegment, type SegmentSpec } from "./segment_notation.ts";

/** When a line happens. Milliseconds; `relative`: since the line before, else since the start. */
export type ScriptTime =
  | {
    readonly kind: "at";
    readonly relative: boolean;
    readonly fromMs: number;
    readonly toMs: number;
  }
  | { readonly kind: "any" }
  | { readonly kind: "sameBatch" };

/** What a line says. `flow` is "" for the flow that needs no name. */
export type ScriptAction =
  | { kind: "segment"; direction: Direction; flow: string; segment: SegmentSpec }
  | { kind: "none"; seconds: number }
  | { kind: "count"; counter: string; growth: number }
  | { kind: "state"; flow: string; state: string }
  | { kind: "signals"; flow: string; names: string[]; reason: string | null }
  | { kind: "queue"; which: "synQueue" | "acceptQueue"; length: number }
  | CallAction
  | { kind: "connect"; flow: string; isFast: boolean; failure: string | null }
  | { kind: "fixture"; parts: string[]; rttMs: number }
  | { kind: "peer"; flow: string; remote: string; local: string }
  | { kind: "new"; flow: string; isn: number | null };

/** A call of the application. `failure`: the error it must come to, null: none. */
export interface CallAction {
  readonly kind: "call";
  readonly verb: CallVerb;
  readonly flow: string;
  readonly count: number;
  readonly text: string | null;
  readonly failure: string | null;
}

/** What the application does, or finds. */
export type CallVerb = (typeof CALL_VERBS)[number];

/** One line of a script. */
export interface ScriptEvent {
  /** 1 is the first. */
  readonly line: number;
  readonly source: string;
  readonly time: ScriptTime;
  readonly action: ScriptAction;
}

/** A script nobody can run. The message names the line. */
export class ScriptSyntaxError extends Error {
  override readonly name = "ScriptSyntaxError";
}

const CALL_VERBS = [
  "accept",
  "acceptNone",
  "read",
  "readable",
  "eof",
  "write",
  "shutdown",
  "close",
  "release",
  "abort",
  "keepalive",
  "nodelay",
] as const;

const FALLIBLE: readonly CallVerb[] = ["read", "write", "shutdown", "abort"];

/** Reads a script. Throws ScriptSyntaxError, also when it checks nothing. */
export function parseScript(text: string): ScriptEvent[] {
  const events = parseLines(text);
  if (!events.some(isCheck)) {
    throw new ScriptSyntaxError(
      "The script checks nothing: it has no expected frame, state, counter or none(N)",
    );
  }
  return events;
}

/** Reads the lines of a script, or of a part of one which need not check anything. */
export function parseLines(text: string): ScriptEvent[] {
  const events: ScriptEvent[] = [];
  text.split("\n").forEach((raw, index) => {
    const source = raw.replace(/(^|\s)\/\/.*$/, "").trim();
    if (source !== "") events.push(parseLine(source, index + 1));
  });
  return events;
}

function isCheck({ action }: ScriptEvent): boolean {
  return (action.kind === "segment" && action.direction === ">") ||
    ["none", "count", "state", "signals", "queue"].includes(action.kind) ||
    ((action.kind === "connect" || action.kind === "call") && action.failure !== null);
}

function parseLine(source: string, line: number): ScriptEvent {
  try {
    const [, time = "", rest] = /^([&*]|\+?[\d.]+(?:~[\d.]+)?)?\s*(.*)$/.exec(source)!;
    const event = { line, source, time: parseTime(time), action: parseAction(rest) };
    if (event.time.kind === "any" && !isExpectation(event.action)) {
      throw new Error("Only a frame of the product can come at any time");
    }
    return event;
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ScriptSyntaxError(`Line ${line}: ${problem}\n    ${source}`, { cause: error });
  }
}

function isExpectation(action: ScriptAction): boolean {
  return action.kind === "segment" && action.direction === ">";
}

function parseTime(text: string): ScriptTime {
  if (text === "&") return { kind: "sameBatch" };
  if (text === "*") return { kind: "any" };
  const relative = text === "" || text.startsWith("+");
  const [from, to = from] = text.replace("+", "").split("~").map((part) => Number(part) * 1000);
  if (Number.isNaN(from) || Number.isNaN(to)) throw new Error(`Not a time: ${text}`);
  return { kind: "at", relative, fromMs: from, toMs: to };
}

function parseAction(text: string): ScriptAction {
  let match: RegExpExecArray | null;
  if ((match = /^([<>])([a-z]\w*)?\s+(.*)$/.exec(text))) {
    const [, direction, flow = "", segment] = match;
    return {
      kind: "segment",
      direction: direction as Direction,
      flow,
      segment: parseSegment(segment),
    };
  }
  if ((match = /^none\(([\d.]+)\)$/.exec(text))) {
    return { kind: "none", seconds: Number(match[1]) };
  }
  if ((match = /^cnt:(\w+)(?:=(\d+))?$/.exec(text))) {
    return { kind: "count", counter: match[1], growth: Number(match[2] ?? 1) };
  }
  if ((match = /^app(?: ([a-z]\w*))?:\s*([\w,\s]*?)\s*(?:"(.*)")?$/.exec(text))) {
    const names = match[2].split(/\s*,\s*/).filter((name) => name !== "" && name !== "none");
    return { kind: "signals", flow: match[1] ?? "", names, reason: match[3] ?? null };
  }
  if ((match = /^state(?: ([a-z]\w*))? ([A-Z][A-Z_0-9-]+)$/.exec(text))) {
    return { kind: "state", flow: match[1] ?? "", state: match[2] };
  }
  if ((match = /^(synQueue|acceptQueue) (\d+)$/.exec(text))) {
    const which = match[1] as "synQueue" | "acceptQueue";
    return { kind: "queue", which, length: Number(match[2]) };
  }
  if ((match = /^((?:SR|EST|ACT)(?:\+\w+)*)(?: rtt ([\d.]+))?$/.exec(text))) {
    return { kind: "fixture", parts: match[1].split("+"), rttMs: Number(match[2] ?? 0) * 1000 };
  }
  if ((match = /^connect( fast)?(?: (?!fails)([a-z]\w*))?(?: fails (\w+))?$/.exec(text))) {
    const [, fast, flow = "", failure = null] = match;
    return { kind: "connect", flow, isFast: fast !== undefined, failure };
  }
  if ((match = /^peer ([a-z]\w*) (\S+)(?:\s*>\s*(\S+))?$/.exec(text))) {
    return { kind: "peer", flow: match[1], remote: match[2], local: match[3] ?? "" };
  }
  if ((match = /^new(?: ([a-z]\w*))?(?: (\w+))?$/.exec(text))) {
    const isn = match[2] === undefined ? null : Number(match[2]);
    return { kind: "new", flow: match[1] ?? "", isn };
  }
  return parseCall(text);
}

function parseCall(text: string): ScriptAction {
  const match =
    /^([a-z]+)( none)?(?: (?!fails)([a-z]\w*))?(?: (\d+))?(?: "(.*)")?(?: fails (\w+))?$/
      .exec(text);
  const verb = CALL_VERBS.find((verb) => verb === `${match?.[1]}${match?.[2] ? "None" : ""}`);
  if (match === null || verb === undefined) throw new Error("Not understood");
  const literal = match[5] ?? null;
  const count = Number(match[4] ?? literal?.length ?? 0);
  const failure = match[6] ?? null;
  const takesBytes = verb === "write" || verb === "readable" || (verb === "read" && !failure);
  if (failure !== null && !FALLIBLE.includes(verb)) throw new Error(`${verb} cannot fail`);
  if (takesBytes && match[4] === undefined && literal === null) throw new Error("How many bytes?");
  if (literal !== null && literal.length !== count) {
    throw new Error(`The text has ${literal.length} bytes, not ${count}`);
  }
  return { kind: "call", verb, flow: match[3] ?? "", count, text: literal, failure };
}
