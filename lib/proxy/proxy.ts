/**
 * Proxy: accepts the clients of each route, pairs them with upstreams, and
 * keeps the pairs: run list, deadlines, limits, drain, records. House §7, PX-01,
 * PX-20 … PX-22.
 *
 * Synchronous, and without a clock: the driver calls it. An exception in one
 * pair resets that pair and goes no further.
 */

import { type Poller, READABLE, type Sockets, WRITABLE } from "../host/host.ts";
import { errnoName } from "../host/errno.ts";
import type { Connection, Keepalive } from "../tcp/connection.ts";
import { Deadlines } from "../tcp/deadlines.ts";
import type { ListenOptions } from "../tcp/listener.ts";
import type { Tunables } from "../tcp/tunables.ts";
import { Endpoint } from "../wire/address.ts";
import type { Arena } from "../wire/memory.ts";
import type { RecordLog } from "./record_log.ts";
import { type ClientConnection, type EndReason, Relay, type RelayHost, Stage } from "./relay.ts";
import { type LegKeepalive, type Route, upstreamOf } from "./route.ts";
import { RunList } from "./run_list.ts";
import { type Opener, TapUpstream } from "./tap_upstream.ts";
import { KernelUpstream, type Upstream } from "./upstream.ts";

/** Bytes that one relay moves each way before the next one has its turn. */
const RELAY_BYTES = 256 * 1024;
/** Bytes after which a turn of the run list ends: acknowledgments wait behind it. */
const TURN_BYTES = 1024 * 1024;
/** Connections accepted from one listener in one turn. */
const ACCEPTS_PER_TURN = 64;

/** A connection as a listener hands it out. */
export type AcceptedConnection =
  & ClientConnection
  & Pick<
    Connection,
    "localAddress" | "localPort" | "remoteAddress" | "remotePort" | "takeSignals"
  >;

/** What the proxy uses of a `Listener`; test doubles implement it. */
export interface ClientListener {
  accept(): AcceptedConnection | null;
  close(): void;
}

/** What a route asks of its listener. */
export type RouteListening = Required<
  Pick<ListenOptions, "backlog" | "fastOpen" | "congestionControl">
>;

/** What the proxy uses of the `Stack`; test doubles implement it. */
export interface ClientStack extends Opener {
  /** In force now; another object after a change. */
  readonly tunables: Tunables;
  listen(local: Endpoint, options: RouteListening): ClientListener;
  signalled(): AcceptedConnection | null;
}

/** What a proxy is made of. */
export interface ProxyParts {
  readonly stack: ClientStack;
  /** The one that the stack's queues are in. */
  readonly arena: Arena;
  readonly sockets: Sockets;
  readonly poller: Pick<Poller, "watch">;
  readonly log: RecordLog;
  readonly routes: readonly Route[];
}

/** What happened so far. All only grow. */
export class ProxyCounts {
  /** Connections taken from the listeners. */
  accepted = 0;
  /** Bytes of ended pairs, from clients to upstreams and back. */
  bytesUp = 0;
  bytesDown = 0;
  /** Pairs that ended, by reason. */
  readonly ended: Record<EndReason, number> = {
    "closed": 0,
    "client lost": 0,
    "dial failed": 0,
    "dial timed out": 0,
    "upstream lost": 0,
    "idle": 0,
    "half-closed": 0,
    "drained": 0,
    "aborted": 0,
    "failed": 0,
  };
}

/** A listener and where its clients go. */
interface Entrance {
  readonly route: Route;
  readonly listener: ClientListener;
}

/** What is written about a pair, beside its relay. */
interface Pair {
  readonly id: number;
  readonly connection: AcceptedConnection;
}

/** All pairs of one stack. */
export class Proxy implements RelayHost {
  readonly counts: ProxyCounts = new ProxyCounts();
  readonly #sockets: Sockets;
  readonly #stack: ClientStack;
  readonly #arena: Arena;
  readonly #poller: Pick<Poller, "watch">;
  readonly #log: RecordLog;
  readonly #entrances: readonly Entrance[];
  readonly #pairs: Map<Relay, Pair> = new Map();
  /** By descriptor: the relay which holds it, or held it last. */
  readonly #relays: (Relay | null)[] = [];
  readonly #runList = new RunList();
  readonly #deadlines = new Deadlines<Relay>();
  #mayAccept = false;
  #isDraining = false;
  #drainUntil = Infinity;

  /** Listens for each route. Throws what `stack.listen` throws. */
  constructor(parts: ProxyParts) {
    this.#sockets = parts.sockets;
    this.#stack = parts.stack;
    this.#arena = parts.arena;
    this.#poller = parts.poller;
    this.#log = parts.log;
    this.#entrances = parts.routes.map((route) => ({ route, listener: this.#listen(route) }));
  }

  /** The stack's: pairs and timers follow a change. */
  get tunables(): Tunables {
    return this.#stack.tunables;
  }

  /** Pairs that have not ended. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Whether `tell` or `run` has something to do without any event. */
  get hasWork(): boolean {
    return this.#runList.length > 0 || this.#mayAccept;
  }

  /** Upstream `descriptor` became ready for `readiness`, bits of `Poller.readinessAt`. */
  ready(descriptor: number, readiness: number): void {
    const relay = descriptor < this.#relays.length ? this.#relays[descriptor] : null;
    if (relay === null) return;
    relay.ready(readiness);
    this.#runList.add(relay);
  }

  schedule(relay: Relay): void {
    this.#runList.add(relay);
  }

  /** Accepts who came in and delivers the signals of the rest. */
  tell(now: number): void {
    this.#mayAccept = false;
    if (!this.#isDraining) this.#acceptAll(now);
    for (let c = this.#stack.signalled(); c !== null; c = this.#stack.signalled()) {
      c.takeSignals(); // the relay looks at the connection itself
      const relay = c.user;
      if (!(relay instanceof Relay)) continue;
      if (c !== relay.connection) relay.ready(READABLE | WRITABLE); // its upstream's
      this.#runList.add(relay);
    }
  }

  /** Runs each relay of the run list once, up to 1 MiB in all. The rest is next turn's. */
  run(now: number): void {
    let left = TURN_BYTES;
    for (let count = this.#runList.length; count > 0 && left > 0; count--) {
      const relay = this.#runList.take();
      const before = relay.bytesUp + relay.bytesDown;
      this.#runOne(relay, now);
      left -= relay.bytesUp + relay.bytesDown - before;
    }
  }

  /** Acts on deadlines that have passed. */
  poll(now: number): void {
    if (now >= this.#drainUntil) {
      this.#drainUntil = Infinity;
      this.#endAll((relay) => relay.dismiss(), now);
    }
    const due = Math.floor(now);
    for (;;) {
      const relay = this.#deadlines.takeDue(due);
      if (relay === null) return;
      this.#guard(relay, () => relay.deadlinePassed(now), now);
    }
  }

  /** When `poll` must be called at the latest, in the milliseconds of `now`; may be Infinity. */
  deadline(now: number): number {
    if (this.#deadlines.count === 0) return this.#drainUntil;
    // The heap's times are int32, compared modulo 2^32.
    const floor = Math.floor(now);
    return Math.min(floor + ((this.#deadlines.earliest - floor) | 0), this.#drainUntil);
  }

  /** Lets nobody in any more; pairs may finish for `px_drain_timeout` seconds. PX-21. */
  drain(now: number): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#mayAccept = false;
    this.#drainUntil = now + this.tunables.px_drain_timeout * 1000;
    for (const { listener } of this.#entrances) listener.close();
    const seconds = this.tunables.px_drain_timeout;
    this.#log.logger.info(() => `drain open=${this.open} seconds=${seconds}`);
  }

  /** Lets nobody in any more and resets all pairs. */
  abort(now: number): void {
    if (!this.#isDraining) this.#entrances.forEach(({ listener }) => listener.close());
    this.#isDraining = true;
    this.#drainUntil = Infinity;
    this.#endAll((relay) => relay.cut("aborted"), now);
  }

  #acceptAll(now: number): void {
    for (const { route, listener } of this.#entrances) {
      let left = ACCEPTS_PER_TURN;
      // Above the limit clients wait in the accept queue; it fills, and SYNs are dropped. PX-20.
      while (left > 0 && this.open < this.tunables.px_max_connections) {
        const connection = listener.accept();
        if (connection === null) break;
        this.#accept(route, connection, now);
        left--;
      }
      if (left === 0) this.#mayAccept = true;
    }
  }

  #listen({ listen, backlog, fastOpen, congestionControl }: Route): ClientListener {
    // Without one of its own, `somaxconn` alone bounds it, also when that is changed.
    const options = { backlog: backlog ?? Infinity, fastOpen, congestionControl };
    return this.#stack.listen(listen, options);
  }

  #accept(route: Route, connection: AcceptedConnection, now: number): void {
    connection.setNoDelay(true); // PX-13: who wrote the bytes has decided when they leave
    const keepalive = keepaliveOf(route.keepalive, this.tunables.px_keepalive_client);
    if (keepalive !== null) connection.setKeepalive(keepalive);
    const upstream = this.#upstreamFor(route, connection.localPort);
    const relay = new Relay(this, connection, upstream, now);
    relay.isIdempotent = route.isIdempotent;
    relay.opensFast = route.opensFast;
    const pair = { id: ++this.counts.accepted, connection };
    this.#pairs.set(relay, pair);
    this.#log.write("open", () => `open ${describe(pair, relay)}`);
    this.#guard(relay, () => this.#dial(relay, now), now);
  }

  #upstreamFor(route: Route, port: number): Upstream {
    const remote = upstreamOf(route, port);
    const keepalive = keepaliveOf(route.upstreamKeepalive, this.tunables.px_keepalive_upstream);
    if (route.via === "kernel") return new KernelUpstream(this.#sockets, remote, keepalive);
    const congestionControl = route.upstreamCongestionControl;
    return new TapUpstream(this.#stack, this.#arena, remote, { keepalive, congestionControl });
  }

  #dial(relay: Relay, now: number): void {
    relay.dial(now);
    const { descriptor } = relay.upstream;
    if (relay.stage !== Stage.Dialing || descriptor < 0) return;
    while (this.#relays.length <= descriptor) this.#relays.push(null);
    this.#relays[descriptor] = relay;
    this.#poller.watch(descriptor);
  }

  #runOne(relay: Relay, now: number): void {
    try {
      if (relay.run(RELAY_BYTES, now)) this.#runList.add(relay);
    } catch (error) {
      this.#fail(relay, error);
    }
    this.#settle(relay, now);
  }

  /** The edge of one pair: what is thrown inside ends that pair. PX-22. */
  #guard(relay: Relay, act: () => void, now: number): void {
    try {
      act();
    } catch (error) {
      this.#fail(relay, error);
    }
    this.#settle(relay, now);
  }

  #fail(relay: Relay, error: unknown): void {
    const id = this.#pairs.get(relay)?.id;
    this.#log.write(
      "failed",
      () => `failed id=${id} ${error instanceof Error ? error.stack : error}`,
    );
    relay.cut("failed");
  }

  /** After anything was done with `relay`: files its deadline, or forgets it. */
  #settle(relay: Relay, now: number): void {
    if (relay.stage === Stage.Ended) return this.#forget(relay, now);
    const at = relay.deadline();
    // Rounded up: a deadline that comes up early would be filed again at once.
    if (at !== Infinity) this.#deadlines.file(relay, Math.ceil(at));
  }

  #forget(relay: Relay, now: number): void {
    const pair = this.#pairs.get(relay);
    if (pair === undefined) return;
    this.#pairs.delete(relay);
    this.#deadlines.remove(relay);
    const { descriptor } = relay.upstream;
    if (descriptor >= 0 && this.#relays[descriptor] === relay) this.#relays[descriptor] = null;
    if (relay.reason !== "") this.counts.ended[relay.reason]++;
    this.counts.bytesUp += relay.bytesUp;
    this.counts.bytesDown += relay.bytesDown;
    this.#log.write("close", () => `close ${describe(pair, relay)} ${describeEnd(relay, now)}`);
  }

  #endAll(end: (relay: Relay) => void, now: number): void {
    for (const relay of [...this.#pairs.keys()]) this.#guard(relay, () => end(relay), now);
  }
}

/** How one leg is probed; null: not at all. `byDefault` is the tunable where its route does not say. PX-12. */
function keepaliveOf(ofRoute: LegKeepalive, byDefault: number): Keepalive | null {
  if (ofRoute === "off") return null;
  return ofRoute ?? (byDefault !== 0 ? {} : null);
}

function describe(pair: Pair, relay: Relay): string {
  const c = pair.connection;
  const client = new Endpoint(c.remoteAddress, c.remotePort);
  const local = new Endpoint(c.localAddress, c.localPort);
  return `id=${pair.id} client=${client} local=${local} upstream=${relay.upstream}`;
}

function describeEnd(relay: Relay, now: number): string {
  const cause = relay.upstreamErrno !== 0
    ? errnoName(relay.upstreamErrno)
    : relay.connection.closeReason;
  const ms = Math.round(now - relay.openedAt);
  const end = `up=${relay.bytesUp} down=${relay.bytesDown} ms=${ms} reason="${relay.reason}"`;
  return cause === "" || cause === relay.reason ? end : `${end} cause="${cause}"`;
}
