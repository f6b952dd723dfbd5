/**
 * ScriptRun: one engine driven through one test, in virtual time.
 *
 * Frames out are matched in the order in which they were sent. One which is
 * early, late, different or not expected at all fails the run; so does, in any
 * test, what `flow_observer.ts` finds, and a change of state that no cell of the
 * catalogue's matrices has.
 */

import { AddressError } from "../../lib/tcp/address_error.ts";
import type { CallError } from "../../lib/tcp/call_error.ts";
import { type Connection, SIGNAL } from "../../lib/tcp/connection.ts";
import type { Stack } from "../../lib/stack/stack.ts";
import { ApplicationCalls } from "./application_calls.ts";
import { concat, decodePacket, encodePacket, type Packet } from "./codec.ts";
import { queueLengthOf, stateNameOf } from "./engine_view.ts";
import { createFixture, type Fixture, type FixtureOptions, type LinkMode } from "./fixture.ts";
import { fixtureScript } from "./fixture_script.ts";
import { neighborQuestion } from "./neighbor_question.ts";
import type { Flow } from "./flow.ts";
import { observePeer, observeProduct, peerSegmentSize } from "./flow_observer.ts";
import { Flows } from "./flows.ts";
import { cutPacket, type SentFrame } from "./recording_sink.ts";
import {
  type CallAction,
  parseLines,
  parseScript,
  type ScriptAction,
  type ScriptEvent,
} from "./script_parser.ts";
import { formatPacket, parseSegment, type SegmentSpec } from "./segment_notation.ts";
import { buildPacket, differenceOf } from "./segment_spec.ts";
import { Trace } from "./trace.ts";
import { TransitionRecorder } from "./transition_recorder.ts";

/** A run that did not go as the script says. The message shows the trace. */
export class ScriptFailure extends Error {
  override readonly name = "ScriptFailure";
}

/** When a frame is due, in milliseconds since the start of the run. */
interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A segment, as the device put it on the wire, that no line has claimed yet. */
interface SentSegment {
  readonly ms: number;
  /** Null: the frame holds no TCP segment. */
  readonly packet: Packet | null;
  readonly flow: Flow;
  readonly bytes: Uint8Array;
  /** Its line of the trace. */
  readonly line: number;
}

const DAY_MS = 86_400_000;
const MOST_TURNS = 10_000;
const SUPER_SEGMENT = 65_000;
const NO_LINE = -1;

/** One run. Tests that a script cannot say get one of these. */
export class ScriptRun {
  /** The flow that scripts need not name. */
  readonly flow: Flow;
  readonly flows: Flows;
  readonly fixture: Fixture;
  readonly calls: ApplicationCalls;
  readonly trace: Trace = new Trace();
  /** Which changes of state were seen. */
  readonly transitions: TransitionRecorder;
  /** Expectations met or refuted; a test without any proves nothing. */
  checks = 0;

  readonly #toleranceMs: number;
  readonly #unclaimed: SentSegment[] = [];
  readonly #counted = new Map<string, number>();
  /** The engine's clock, and the script's: milliseconds since the start of the run. */
  #elapsedMs = 0;
  #scriptMs = 0;
  #source = "";

  constructor(link: LinkMode, options: FixtureOptions = {}) {
    this.fixture = createFixture(link, options);
    this.transitions = new TransitionRecorder(this.fixture.stack.tcp);
    this.#toleranceMs = options.toleranceMs ?? 10;
    const { ends, peerIsn, frame, listener } = this.fixture;
    this.flows = new Flows(ends, peerIsn);
    this.flow = this.flows.withEnds(ends.peerAddress, ends.peerPort, ends.localPort);
    this.calls = new ApplicationCalls(frame.arena, listener);
  }

  get stack(): Stack {
    return this.fixture.stack;
  }

  get link(): LinkMode {
    return this.fixture.link;
  }

  /** What the engine takes for the time. */
  get now(): number {
    return this.fixture.startMs + this.#elapsedMs;
  }

  /** Milliseconds since the start of the run. */
  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  /** The accepted connection of the flow that needs no name. */
  get connection(): Connection {
    const c = this.flow.connection;
    if (c === null) throw this.failure("The connection was not accepted");
    return c;
  }

  /** Executes a script, or a part of one. Times without `+` count from the start of the run. */
  run(script: string): void {
    this.#execute(parseLines(script));
  }

  /** Executes a script which must check something. */
  runWhole(script: string): void {
    this.#execute(parseScript(script));
  }

  /** The packet of a segment in script notation, to be changed and injected. */
  packet(segment: string, flow: Flow = this.flow): Packet {
    return buildPacket(parseSegment(segment), flow, 1000 + Math.floor(this.#elapsedMs));
  }

  /** Lets the peer send segments, in script notation or as packets, in one batch. */
  inject(...segments: (string | Packet)[]): void {
    for (const segment of segments) {
      const packet = typeof segment === "string" ? this.packet(segment) : segment;
      this.#deliver(
        packet,
        this.flows.withEnds(packet.source, packet.sourcePort, packet.destinationPort),
      );
    }
    this.#settle();
  }

  /** Lets a frame arrive as it is. `segmentSize` > 0: as a super-segment of such pieces. */
  injectFrame(bytes: Uint8Array, checksumTrusted: boolean = false, segmentSize: number = 0): void {
    this.trace.add(this.#elapsedMs, `< frame of ${bytes.length} bytes`);
    this.#receive(bytes, checksumTrusted, segmentSize);
    this.#settle();
  }

  /** Waits at most `withinMs` for the segment, which must be the next one sent, and returns it. */
  expect(segment: string, withinMs: number = 0, flow: Flow = this.flow): Packet {
    this.#source = `> ${segment}`;
    return this.#expect(parseSegment(segment), flow, {
      fromMs: this.#elapsedMs,
      toMs: this.#elapsedMs + withinMs,
    });
  }

  /** The next segment sent now or within `withinMs`, whatever it is; null: there is none. */
  next(withinMs: number = 0): Packet | null {
    this.checks++;
    this.#advanceTo(this.#elapsedMs + withinMs, true);
    return this.#unclaimed.shift()?.packet ?? null;
  }

  /** What was sent up to now is of no interest. */
  discard(): void {
    this.#settle();
    this.#unclaimed.length = 0;
  }

  /** The next frame sent now or within `withinMs`, which must hold no TCP segment. */
  expectFrame(withinMs: number = 0): Uint8Array {
    this.checks++;
    this.#advanceTo(this.#elapsedMs + withinMs, true);
    const sent = this.#unclaimed.shift();
    if (sent === undefined) throw this.failure("The product sent nothing");
    if (sent.packet !== null) throw this.failure("The product sent a TCP segment", sent.line);
    return sent.bytes;
  }

  /** Fails if a frame is sent within `seconds`. */
  none(seconds: number): void {
    this.checks++;
    this.#advanceTo(this.#elapsedMs + seconds * 1000, true);
    this.#refuseUnclaimed(Infinity, "no frame was expected");
    this.#scriptMs = this.#elapsedMs;
  }

  /** Lets time pass. Frames sent meanwhile wait to be expected. */
  advance(milliseconds: number): void {
    this.#advanceTo(this.#elapsedMs + milliseconds, false);
    this.#scriptMs = this.#elapsedMs;
  }

  /** The RFC's name of the state of a flow's connection, with `_` for `-`. */
  state(flow: Flow = this.flow): string {
    this.checks++;
    return stateNameOf(this.stack, flow);
  }

  /** How much a counter grew since this was asked last. */
  growth(counter: string): number {
    this.checks++;
    const value = Reflect.get(this.stack.counters, counter);
    if (typeof value !== "number") throw this.failure(`There is no counter ${counter}`);
    const growth = value - (this.#counted.get(counter) ?? 0);
    this.#counted.set(counter, value);
    return growth;
  }

  /** Ends the run: fails if a frame was sent that nothing expected, or if nothing was checked. */
  finish(): void {
    this.#source = "the end";
    this.#settle();
    this.#refuseUnclaimed(Infinity, "no line expects it");
    if (this.checks === 0) throw this.failure("The test checks nothing");
  }

  /** An error with the trace; line `marked` of it is the culprit. */
  failure(problem: string, marked: number = NO_LINE): ScriptFailure {
    const line = marked === NO_LINE ? this.trace.add(this.#elapsedMs, "(here)") : marked;
    const where = this.#source === "" ? "" : `    ${this.#source}\n`;
    return new ScriptFailure(
      `${problem} (${this.link} link)\n${where}\n${this.trace.format(line, problem)}\n`,
    );
  }

  #execute(events: readonly ScriptEvent[]): void {
    events.forEach((event, i) => {
      this.#source = `line ${event.line}: ${event.source}`;
      const { time, action } = event;
      if (action.kind === "segment" && action.direction === ">") {
        this.#expectLine(event, action.flow, action.segment);
        return;
      }
      if (time.kind === "at") {
        this.#scriptMs = (time.relative ? this.#scriptMs : 0) + time.fromMs;
        this.#advanceTo(this.#scriptMs, false);
        this.#refuseUnclaimed(this.#scriptMs - this.#toleranceMs, "no line expects it");
      }
      this.#act(action);
      const next = events[i + 1];
      if (next?.time.kind !== "sameBatch") this.#settle();
    });
    this.#source = "";
  }

  #expectLine({ time }: ScriptEvent, flow: string, segment: SegmentSpec): void {
    const base = time.kind === "at" && !time.relative ? 0 : this.#scriptMs;
    const window = time.kind === "at"
      ? { fromMs: base + time.fromMs, toMs: base + time.toMs }
      : time.kind === "any"
      ? { fromMs: base, toMs: this.#elapsedMs + DAY_MS }
      : { fromMs: base, toMs: base };
    const first = this.#unclaimed.length === 0 ? null : this.#unclaimed[0].ms;
    this.#expect(segment, this.#flowNamed(flow), window);
    const isExact = window.fromMs === window.toMs;
    this.#scriptMs = isExact ? window.toMs : first ?? this.#elapsedMs;
  }

  #act(action: ScriptAction): void {
    switch (action.kind) {
      case "segment": {
        const flow = this.#flowNamed(action.flow);
        const clockMs = 1000 + Math.floor(this.#elapsedMs);
        return this.#deliver(buildPacket(action.segment, flow, clockMs), flow);
      }
      case "none":
        return this.none(action.seconds);
      case "count":
        return this.#equal(action.counter, this.growth(action.counter), action.growth);
      case "state": {
        const name = action.state.replaceAll("-", "_").replace("SYN_RECEIVED", "SYN_RCVD");
        return this.#equal("state", this.state(this.#flowNamed(action.flow)), name);
      }
      case "queue":
        this.checks++;
        return this.#equal(
          action.which,
          queueLengthOf(this.fixture.listener, action.which),
          action.length,
        );
      case "signals":
        return this.#checkSignals(this.#flowNamed(action.flow), action.names, action.reason);
      case "call":
        return this.#call(action);
      case "connect":
        return this.#connect(this.#flowNamed(action.flow), action.isFast, action.failure);
      case "fixture":
        return this.#runFixture(action.parts, action.rttMs);
      case "peer":
        this.flows.add(action.flow, action.remote, action.local);
        return;
      case "new": {
        const flow = this.#flowNamed(action.flow);
        return flow.renew(action.isn ?? flow.peerIsn);
      }
    }
  }

  #call(action: CallAction): void {
    const bytes = action.text !== null ? ` "${action.text}"` : action.count || "";
    this.trace.add(this.#elapsedMs, `  ${action.verb} ${bytes}`.trimEnd());
    this.#settleSignals();
    let error: CallError;
    try {
      error = this.calls.call(this.#flowNamed(action.flow), action);
    } catch (problem) {
      throw this.failure(problem instanceof Error ? problem.message : String(problem));
    }
    if (action.failure !== null) this.checks++;
    this.#equal(`the error of ${action.verb}`, error, action.failure ?? "");
  }

  #connect(flow: Flow, isFast: boolean, failure: string | null): void {
    this.trace.add(this.#elapsedMs, isFast ? "  connect fast" : "  connect");
    let code: string | null = null;
    try {
      this.calls.connect(this.stack, flow, isFast, this.now);
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      code = error.code;
    }
    if (failure !== null) this.checks++;
    this.#equal("the failure of connect", code, failure);
  }

  #checkSignals(flow: Flow, names: readonly string[], reason: string | null): void {
    this.checks++;
    const raised = Object.entries(SIGNAL)
      .filter(([, bit]) => (flow.signals & bit) !== 0)
      .map(([name]) => name);
    flow.signals = 0;
    const missing = names.filter((name) => !raised.includes(name));
    if (missing.length > 0 || (names.length === 0 && raised.length > 0)) {
      throw this.failure(`The signals were ${raised.join(", ") || "none"}`);
    }
    if (reason !== null) {
      this.#equal("the reason", flow.connection?.closeReason ?? "", reason);
    }
  }

  #equal(what: string, actual: unknown, expected: unknown): void {
    if (actual !== expected) throw this.failure(`${what} is ${actual}, not ${expected}`);
  }

  #runFixture(parts: readonly string[], rttMs: number): void {
    const source = this.#source;
    const { checks } = this;
    if (parts[0] === "ACT") this.learnPeer();
    this.run(fixtureScript(parts, rttMs));
    this.#source = source;
    this.checks = checks; // what the fixture expects says nothing about the test
    this.flow.signals = 0;
  }

  /** Puts the peer into the product's neighbour cache: it asked for the product once. */
  learnPeer(flow: Flow = this.flow): void {
    const { peerAddress, peerMac, localAddress } = flow.ends;
    this.#receive(neighborQuestion(peerAddress, peerMac, localAddress), false, 0);
    this.fixture.sink.frames.length = 0;
  }

  /** Injects a segment, cut as the peer's device and the link need it. */
  #deliver(packet: Packet, flow: Flow): void {
    const size = peerSegmentSize(flow, packet);
    observePeer(flow, packet);
    const pieceLength = packet.payload.length > size ? size : 0;
    this.trace.add(
      this.#elapsedMs,
      `<${flow.name} ${formatPacket(packet, flow, "<", pieceLength)}`,
    );
    const isOffload = this.link === "offload";
    const most = isOffload ? SUPER_SEGMENT - SUPER_SEGMENT % size : size;
    for (const piece of cutPacket(packet, most)) {
      const bytes = encodePacket(piece, { partialChecksum: isOffload });
      this.#receive(bytes, isOffload, isOffload && piece.payload.length > size ? size : 0);
    }
  }

  #receive(bytes: Uint8Array, checksumTrusted: boolean, segmentSize: number): void {
    const { frame } = this.fixture;
    frame.arena.bytes.set(bytes, frame.start);
    frame.length = bytes.length;
    frame.checksumTrusted = checksumTrusted;
    frame.segmentSize = segmentSize;
    this.stack.receive(frame, this.now);
    // The frame is free after the call: nobody may rely on what is in it.
    frame.arena.bytes.fill(0xdb, frame.start, frame.start + bytes.length);
  }

  #expect(spec: SegmentSpec, flow: Flow, { fromMs, toMs }: Window): Packet {
    this.checks++;
    const tolerance = this.#toleranceMs;
    this.#advanceTo(toMs + tolerance, true);
    const sent = this.#unclaimed.shift();
    if (sent === undefined) throw this.failure("The product sent nothing");
    if (sent.packet === null) throw this.failure("This frame holds no TCP segment", sent.line);
    if (sent.flow !== flow) throw this.failure("This belongs to another flow", sent.line);
    const packet = this.#assemble(sent.packet, spec, flow, toMs + tolerance);
    const difference = differenceOf(spec, packet, flow, tolerance);
    if (difference !== "") throw this.failure(`This differs in ${difference}`, sent.line);
    if (sent.ms < fromMs - tolerance) throw this.failure("This is too early", sent.line);
    if (sent.ms > toMs + tolerance) throw this.failure("This is too late", sent.line);
    return packet;
  }

  /** Joins the segments of a run that together carry `spec.length` bytes. */
  #assemble(first: Packet, spec: SegmentSpec, flow: Flow, untilMs: number): Packet {
    let last = first;
    let length = first.payload.length;
    const pieces = [first.payload];
    while (length < spec.length && canContinue(last, spec.pieceLength)) {
      if (this.#unclaimed.length === 0) this.#advanceTo(untilMs, true);
      const next = this.#unclaimed[0];
      if (next?.packet == null || next.flow !== flow) break;
      if (next.packet.seq !== (first.seq + length) >>> 0) break;
      this.#unclaimed.shift();
      last = next.packet;
      length += last.payload.length;
      pieces.push(last.payload);
    }
    return { ...last, seq: first.seq, payload: concat(...pieces) };
  }

  /** Moves the clock to `ms`, stopping for the engine's deadlines; with `stops`, at the first frame. */
  #advanceTo(ms: number, stops: boolean): void {
    this.#settle();
    for (let idle = 0; idle < MOST_TURNS;) {
      if (stops && this.#unclaimed.length > 0) return;
      const dueMs = this.stack.deadline(this.now) - this.fixture.startMs;
      if (dueMs > ms) break;
      idle = dueMs > this.#elapsedMs ? 0 : idle + 1;
      this.#elapsedMs = Math.max(this.#elapsedMs, dueMs);
      this.#settle();
      if (idle === MOST_TURNS) throw this.failure("The deadline stays in the past after poll");
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, ms);
    this.#settle();
  }

  /** Lets the engine do all it can do now. */
  #settle(): void {
    this.#settleSignals();
    let turns = 0;
    do {
      for (; this.stack.poll(this.now); turns++) {
        if (turns > MOST_TURNS) throw this.failure("poll never comes to rest");
      }
      this.#collect();
    } while (this.#settleSignals());
    const { problem } = this.transitions;
    if (problem !== "") throw this.failure(`Never right: ${problem}`);
  }

  /** Notes signals. Returns whether the application wrote, having found room. */
  #settleSignals(): boolean {
    let hasWritten = false;
    for (let c = this.stack.signalled(); c !== null; c = this.stack.signalled()) {
      const flow = this.flows.withEnds(c.remoteAddress.toString(), c.remotePort, c.localPort);
      const signals = c.takeSignals();
      flow.signals |= signals;
      if ((signals & SIGNAL.Writable) === 0 || flow.connection !== c) continue;
      if (this.calls.continueWriting(flow)) hasWritten = true;
    }
    return hasWritten;
  }

  #collect(): void {
    for (const frame of this.fixture.sink.frames.splice(0)) this.#observe(frame);
  }

  #observe({ bytes, segmentSize }: SentFrame): void {
    const packet = decodePacket(bytes);
    const ms = this.#elapsedMs;
    if (packet === null) {
      const line = this.trace.add(ms, `> frame ${bytes.toHex()}`);
      this.#unclaimed.push({ ms, packet, flow: this.flow, bytes, line });
      return;
    }
    const flow = this.flows.withEnds(packet.destination, packet.destinationPort, packet.sourcePort);
    const problem = observeProduct(flow, packet) || this.#linkProblem(flow, packet);
    const text = formatPacket(packet, flow, ">", segmentSize);
    const line = this.trace.add(ms, `>${flow.name} ${text}`);
    if (problem !== "") throw this.failure(`Never right: ${problem}`, line);
    for (const piece of cutPacket(packet, segmentSize)) {
      this.#unclaimed.push({ ms, packet: piece, flow, bytes, line });
    }
  }

  #linkProblem({ ends, connection }: Flow, packet: Packet): string {
    if (packet.destinationMac !== ends.peerMac) return `it goes to ${packet.destinationMac}`;
    if (packet.source !== ends.localAddress) return `it comes from ${packet.source}`;
    const ttl = connection?.ttl || this.stack.tcp.tunables.ip_default_ttl;
    return packet.ttl === ttl ? "" : `its time to live is ${packet.ttl}`;
  }

  #refuseUnclaimed(beforeMs: number, problem: string): void {
    const sent = this.#unclaimed[0];
    if (sent !== undefined && sent.ms <= beforeMs) throw this.failure(problem, sent.line);
  }

  #flowNamed(name: string): Flow {
    const flow = this.flows.named(name);
    if (flow === null) throw this.failure(`There is no flow ${name}`);
    return flow;
  }
}

/** Whether more of a run may follow: no piece but the last has FIN, or is short. */
function canContinue(packet: Packet, pieceLength: number): boolean {
  if (packet.payload.length === 0 || /[SFR]/.test(packet.flags)) return false;
  return pieceLength === 0 || (packet.payload.length === pieceLength && !/P/.test(packet.flags));
}
