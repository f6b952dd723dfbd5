/**
 * World: Stack, Proxy and Driver, unchanged, over a simulated link and simulated
 * upstream sockets, on virtual time. It lets everything happen in order and
 * looks at the invariants after every turn.
 */

import type { Endpoint } from "../../lib/wire/address.ts";
import { parseCidr, parseMac } from "../../lib/wire/address.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PagePool } from "../../lib/wire/pages.ts";
import { Recorder, type RecordingFile } from "../../lib/observe/recorder.ts";
import { Driver, type Ending } from "../../lib/proxy/driver.ts";
import type { Machine } from "../../lib/proxy/program.ts";
import { type ClientStack, Proxy } from "../../lib/proxy/proxy.ts";
import { type ProxyLogger, RecordLog } from "../../lib/proxy/record_log.ts";
import { parseRoute } from "../../lib/proxy/route.ts";
import { Stack } from "../../lib/stack/stack.ts";
import type { IsnSource } from "../../lib/tcp/isn.ts";
import { Adversary } from "./adversary.ts";
import { Dice } from "./dice.ts";
import { EventQueue } from "./events.ts";
import { type HostParts, type SimHost, STACK_ADDRESSES } from "./host.ts";
import { Inspector } from "./invariants.ts";
import { type LinkWatcher, SimLink } from "./link.ts";
import { ModelClient } from "./model_client.ts";
import { ReceivedSegment, type WireFrame } from "./packet.ts";
import { Pattern } from "./pattern.ts";
import { planIsn, type SessionPlan, type WorldPlan } from "./plan.ts";
import { SimPoller } from "./poller.ts";
import { tooBig } from "./too_big.ts";
import type { Trace } from "./trace.ts";
import { Server, SimSockets } from "./upstreams.ts";
import { Witness } from "./witness.ts";

/** When each fair transfer must be over, after the weather is: longer than any backed-off timeout. */
const LIVENESS_MS = 300_000;
/** And how much later where a black hole is found only by R1 timeouts, each backed off as far as it goes. RFC 4821 §7.7. */
const BLACK_HOLE_MS = 4 * 120_000;
/** When everything must be forgotten: longer than R2, keep-alive and all timeouts one behind the other. */
const LIMIT_MS = 3_600_000;
/** Turns at one instant; more is a loop. */
const TURNS_LIMIT = 10_000;
/** Frames, arena bytes for what is no page. */
const ARENA_REST = 1 << 20;

/** Worlds end by themselves. */
const NO_LIMIT = { limit: Infinity, onStop: () => {} };

const ROUTES = STACK_ADDRESSES.map((address) => {
  const listen = address.includes(":") ? `[${address}]` : address;
  return parseRoute(`listen=${listen}:0,upstream=127.0.0.1:0`);
});

/** Something that must not happen did. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** A client that follows the RFCs, and its server. */
interface Session {
  readonly plan: SessionPlan;
  readonly client: ModelClient;
  readonly server: Server;
}

/** All of it. */
export class World implements LinkWatcher {
  readonly plan: WorldPlan;
  readonly stack: Stack;
  readonly proxy: Proxy;
  readonly sessions: Session[] = [];
  /** Virtual milliseconds since the world began. */
  now = 0;
  /** Turns taken, frames delivered: what a seed costs. */
  turns = 0;
  frames = 0;
  readonly #events = new EventQueue();
  readonly #poller = new SimPoller();
  readonly #link: SimLink;
  readonly #sockets: SimSockets;
  readonly #driver: Driver;
  readonly #inspector: Inspector;
  readonly #witness: Witness;
  readonly #trace: Trace | null;
  readonly #dice: Dice;
  readonly #recorder: Recorder | null;
  readonly #hosts = new Map<number, SimHost>();
  /** By port: what is there for one who dials. */
  readonly #servers = new Map<number, () => Server>();
  readonly #received = new ReceivedSegment();
  #violation = "";

  /** With a `recording` the program's part of it all is recorded there. */
  constructor(plan: WorldPlan, trace: Trace | null, recording: RecordingFile | null = null) {
    this.plan = plan;
    this.#trace = trace;
    const dice = new Dice(plan.seed ^ 0x77777777);
    this.#dice = dice.fork();
    const arena = new Arena(plan.pageBytes + ARENA_REST);
    const pages = new PagePool(arena, plan.pageBytes);
    const violated = (what: string) => this.#violated(what);
    this.#link = new SimLink({
      plan: plan.link,
      dice: dice.fork(),
      events: this.#events,
      watcher: this,
    });
    this.#poller.isLinkReadable = () => this.#link.waiting.length > 0;
    this.#sockets = new SimSockets({
      arena,
      dice: dice.fork(),
      events: this.#events,
      poller: this.#poller,
      serverAt: (remote: Endpoint) => this.#serverAt(remote),
      violated,
      note: (what) => this.#note(what),
    });
    const setup = {
      mac: parseMac("02:00:00:00:00:01")!,
      mtu: plan.link.mtu,
      addresses: STACK_ADDRESSES.map((address) =>
        parseCidr(`${address}/${address.includes(":") ? 64 : 24}`)!
      ),
      gateways: [],
      routes: ROUTES,
      tunables: { ...plan.tunables, px_mem_max: plan.pageBytes },
    };
    const plain: Machine = {
      arena,
      link: this.#link,
      sockets: this.#sockets,
      poller: this.#poller,
      clock: { now: () => this.#clock },
      entropy: entropyOf(dice.fork()),
    };
    const isns = plan.hasChosenIsns ? chosenIsns(dice.fork()) : null;
    const recorder = recording === null ? null : new Recorder(recording, arena, NO_LIMIT);
    const machine = recorder?.attach({ ...setup, fastOpenKey: null }, plain) ?? plain;
    this.#recorder = recorder;
    this.stack = new Stack({
      ...setup,
      arena,
      pages,
      entropy: machine.entropy,
      isn: recorder === null ? isns : null, // a recording has the keys that make them, no others
      frameSink: machine.link,
      offload: plan.link.offload,
      tracer: null,
    });
    const log = new RecordLog(this.#logger(), "error", 1000);
    this.proxy = new Proxy({
      stack: this.#watchedStack(),
      arena,
      sockets: machine.sockets,
      poller: machine.poller,
      log,
      routes: ROUTES,
    });
    this.#driver = new Driver({
      ...machine,
      stack: this.stack,
      proxy: this.proxy,
      log,
      watcher: recorder,
    });
    this.#inspector = new Inspector({
      stack: this.stack,
      proxy: this.proxy,
      pages,
      sockets: this.#sockets,
      violated,
    });
    this.#witness = new Witness(plan.tunables.tcp_syncookies !== 0, violated);
    this.#populate(dice);
  }

  /** Lets all of it happen. Throws Violation. */
  run(): void {
    const driver = this.#driver;
    for (;;) {
      const due = driver.deadline(this.#clock) - this.plan.startMs;
      const at = Math.max(this.now, Math.min(this.#events.earliest, due));
      if (at >= LIMIT_MS) break;
      this.#moveTo(at + this.#lateness());
      this.#events.run(this.now);
      let turns = 0;
      while (driver.turn(this.#poller.poll(), this.#clock)) {
        this.#look();
        if (++turns > TURNS_LIMIT) this.#fail(`the driver turns without end`);
      }
      this.#look();
      this.turns += turns + 1;
      if (driver.ending !== null) break;
    }
    this.#recorder?.close();
    if (driver.ending !== null) this.#checkEnding(driver.ending);
    else this.#checkEnd();
    if (this.#violation !== "") this.#fail(this.#violation);
  }

  // What the link tells.

  written(frame: WireFrame, now: number): void {
    this.#trace?.frame("sent", false, frame, now);
    const fault = this.#received.read(frame.bytes);
    if (fault === "other") return;
    if (fault !== "") return this.#violated(`the stack sends a segment with a ${fault}`);
    this.#witness.sees(this.#received);
  }

  read(frame: WireFrame, now: number): void {
    this.frames++;
    this.#trace?.frame("read", true, frame, now);
  }

  arrives(frame: WireFrame): void {
    this.frames++;
    if (this.#received.read(frame.bytes) !== "") return;
    const host = this.#hosts.get(this.#received.seg.localPort);
    host?.receive(this.#received, this.now);
  }

  happened(fate: string, isUp: boolean, frame: WireFrame, now: number): void {
    this.#trace?.frame(fate, isUp, frame, now);
  }

  tooLong(frame: WireFrame, mtu: number): void {
    this.#link.send(tooBig(frame, mtu));
  }

  // Its parts.

  get #clock(): number {
    return this.plan.startMs + this.now;
  }

  #populate(dice: Dice): void {
    const parts: HostParts = {
      events: this.#events,
      now: () => this.now,
      send: (frame) => this.#link.send(frame),
      violated: (what) => this.#violated(what),
      note: (what) => this.#note(what),
    };
    for (const plan of this.plan.sessions) this.#enter(plan, parts, dice.fork());
    const { endsAt, endsAtOnce } = this.plan;
    if (endsAt < Infinity) {
      this.#events.plan(endsAt, () => endsAtOnce ? this.#driver.stop() : this.#driver.drain());
    }
    for (const { adversary, server } of this.plan.attacks) {
      const up = new Pattern(dice.word());
      const down = new Pattern(dice.word());
      const { port, serverPort } = adversary.ends;
      this.#hosts.set(port, new Adversary(parts, adversary, up, dice.fork()));
      this.#servers.set(serverPort, () => new Server(server, up, down, false));
    }
  }

  /** A client comes, now or at its time. */
  #enter(plan: SessionPlan, parts: HostParts, dice: Dice): void {
    const up = new Pattern(dice.word());
    const down = new Pattern(dice.word());
    const client = new ModelClient(parts, plan.client, up, down);
    const server = new Server(plan.server, up, down, true);
    const { port, serverPort } = plan.client.ends;
    this.#hosts.set(port, client);
    this.#servers.set(serverPort, () => this.#dialed(server));
    this.#witness.expect(client, down);
    const session = { plan, client, server };
    this.sessions.push(session);
    const calmAt = Math.max(this.now, this.plan.link.calmAt);
    const patienceMs = LIVENESS_MS + (this.plan.link.blackHoleFrom < Infinity ? BLACK_HOLE_MS : 0);
    this.#events.plan(calmAt + patienceMs, () => this.#checkLiveness(session));
    const { again, pauseMs } = plan;
    if (again === null) return;
    client.whenDone = () => {
      this.#events.plan(this.now + pauseMs, () => {
        // Not while the stack may wait for an ACK of the old connection: the new one has none for it.
        if (server.end === "closed") this.#enter(again, parts, dice);
      });
    };
  }

  #serverAt(remote: Endpoint): Server | null {
    const serve = this.#servers.get(remote.port);
    return serve === undefined ? null : serve();
  }

  /**
   * A client connects once. But a SYN cookie may come back twice, the second
   * time when the connection is over: nothing remembers that it was used.
   */
  #dialed(server: Server): Server {
    if (server.dials === 0) return server;
    const isReplay = this.stack.counters.SyncookiesRecv > 0;
    if (!isReplay) this.#violated("a server is dialed twice for one client");
    return new Server(server.plan, server.up, server.down, false);
  }

  /** The stack, with a look at whom its listeners hand out. */
  #watchedStack(): ClientStack {
    const { stack } = this;
    return {
      get tunables() {
        return stack.tunables;
      },
      listen: (local, options) => {
        const listener = stack.listen(local, options);
        return {
          accept: () => {
            const c = listener.accept();
            if (c !== null) this.#inspector.watch(c);
            return c;
          },
          close: () => listener.close(),
        };
      },
      connect: (remote, options, now) => stack.connect(remote, options, now),
      signalled: () => stack.signalled(),
    };
  }

  #logger(): ProxyLogger {
    return {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (message) => this.#violated(message()),
    };
  }

  // Time, and what must hold.

  #moveTo(now: number): void {
    this.now = now;
    this.#link.now = now;
    this.#sockets.now = now;
  }

  /** A machine does not always look when it should. */
  #lateness(): number {
    const { lateness, latestMs } = this.plan;
    return this.#dice.chance(lateness) ? this.#dice.fraction() * latestMs : 0;
  }

  #look(): void {
    this.#inspector.check();
    if (this.#violation !== "") this.#fail(this.#violation);
  }

  /** Who follows the RFCs, and has a server that does, is done by now. */
  #checkLiveness({ plan, client }: Session): void {
    // Two that never go: one whom its cookie gave another connection, and one that
    // waits, silent, for a peer whose reset was lost.
    const isLeft = client.isForsaken || (!plan.isFair && !client.plan.keepsAlive);
    if (isLeft && client.phase === "open") client.vanish();
    if (!plan.isFair || client.phase === "done" || this.#isExcused(client)) return;
    this.#violated(`not done in time: ${client}`);
  }

  /**
   * A SYN cookie comes back with the first segment of text at the latest: when
   * that is lost and the next arrives, nobody knows what it belongs to.
   */
  #isExcused(client: ModelClient): boolean {
    const isRefused = client.phase === "reset" && client.received === 0;
    return isRefused && this.stack.counters.SyncookiesFailed > 0;
  }

  /** The program was asked to end, and did: in time, and without leaving a pair or a socket. */
  #checkEnding({ reason }: Ending): void {
    const { endsAt, endsAtOnce, tunables, latestMs } = this.plan;
    const patience = endsAtOnce ? 0 : tunables.px_drain_timeout * 1000;
    if (endsAt === Infinity) this.#violated(`the driver ended by itself: ${reason}`);
    if (reason !== (endsAtOnce ? "aborted" : "drained")) this.#violated(`it ended as ${reason}`);
    if (this.now > endsAt + patience + 2 * latestMs + 1) this.#violated("it ended too late");
    this.#inspector.checkLeft();
  }

  #checkEnd(): void {
    for (const session of this.sessions) this.#checkSession(session);
    this.#inspector.checkEmpty();
    if (this.plan.isFine) this.#checkCalm();
  }

  /** Where nothing is lost, late or twice, nobody need send anything again. */
  #checkCalm(): void {
    const { TCPTimeouts, TCPSynRetrans } = this.stack.counters;
    if (TCPTimeouts + TCPSynRetrans > 0) {
      this.#violated(
        `${TCPTimeouts} timeouts and ${TCPSynRetrans} SYN-ACKs sent again in fine weather`,
      );
    }
    for (const { client } of this.sessions) {
      if (client.resent > 0 && !client.hasProbed) {
        this.#violated(`${client} had to send again in fine weather`);
      }
    }
  }

  #checkSession({ plan, client, server }: Session): void {
    const { port } = client.plan.ends;
    if (client.phase === "open" || client.phase === "syn-sent") {
      this.#violated(`${client} hangs at the end`);
    }
    if (client.received > server.delivered && !client.isForsaken) {
      this.#violated(`client ${port} got more than was sent`);
    }
    if (!plan.isFair || this.#isExcused(client)) return;
    const went = {
      "bytes up": [server.received, client.plan.upBytes],
      "bytes down": [client.received, server.plan.downBytes],
      "end up": [server.isUpEnded, true],
      "end down": [client.isDownEnded, true],
      "upstream": [server.end, "closed"],
    };
    for (const [what, [actual, expected]] of Object.entries(went)) {
      if (actual !== expected) {
        this.#violated(`client ${port}: ${what} ${actual}, expected ${expected}`);
      }
    }
  }

  #note(what: string): void {
    this.#trace?.note(what, this.now);
  }

  /** Kept until the product's code has returned: it must not be able to catch it. */
  #violated(what: string): void {
    this.#note(`VIOLATION ${what}`);
    if (this.#violation === "") this.#violation = what;
  }

  #fail(what: string): never {
    throw new Violation(`at ${(this.now / 1000).toFixed(6)} s: ${what}`);
  }
}

/** First numbers which wrap before long. No client opens twice, so they need not grow. */
function chosenIsns(dice: Dice): IsnSource {
  const tsOffset = dice.word() | 0;
  return { next: () => planIsn(dice), timestampOffset: () => tsOffset };
}

function entropyOf(dice: Dice): { fill(bytes: Uint8Array): void } {
  return {
    fill(bytes) {
      for (let i = 0; i < bytes.length; i++) bytes[i] = dice.word() >>> 24;
    },
  };
}
