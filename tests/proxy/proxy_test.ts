import { assertEquals, assertStringIncludes } from "@std/assert";
import { ECONNREFUSED, ECONNRESET } from "../../lib/host/errno.ts";
import { READABLE, WRITABLE } from "../../lib/host/host.ts";
import { InvariantError } from "../../lib/invariant.ts";
import { Proxy } from "../../lib/proxy/proxy.ts";
import { RecordLog } from "../../lib/proxy/record_log.ts";
import { parseRoute } from "../../lib/proxy/route.ts";
import { DEFAULT_TUNABLES, type Tunables } from "../../lib/tcp/tunables.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { FakeConnection } from "../support/fake_connection.ts";
import { FakePoller } from "../support/fake_host.ts";
import { FakeLogger } from "../support/fake_logger.ts";
import { type FakeSocket, FakeSockets } from "../support/fake_sockets.ts";
import { FakeStack } from "../support/fake_stack.ts";

/** A machine that has run for 34 days: int32 milliseconds have wrapped. */
const START = 3_000_000_000.25;
const MIB = 1 << 20;

class Bench {
  readonly arena = new Arena(32 * MIB);
  readonly stack = new FakeStack();
  readonly sockets = new FakeSockets(this.arena);
  readonly poller = new FakePoller();
  readonly logger = new FakeLogger();
  readonly log: RecordLog;
  readonly proxy: Proxy;
  #port = 40000;

  constructor(tunables: Partial<Tunables> = {}, ...routes: string[]) {
    if (routes.length === 0) routes.push("listen=198.18.0.2:80,upstream=127.0.0.1:8080");
    this.stack.tunables = { ...DEFAULT_TUNABLES, ...tunables };
    this.log = new RecordLog(this.logger, "debug", this.stack.tunables.px_log_ratelimit);
    this.proxy = new Proxy({
      stack: this.stack,
      arena: this.arena,
      sockets: this.sockets,
      poller: this.poller,
      log: this.log,
      routes: routes.map(parseRoute),
    });
  }

  /** A client that waits in the accept queue. */
  comes(local = "198.18.0.2:80", listener = 0): FakeConnection {
    const remote = parseEndpoint(`198.18.0.1:${this.#port++}`)!;
    const connection = new FakeConnection(this.arena, parseEndpoint(local)!, remote);
    this.stack.listeners[listener].acceptQueue.push(connection);
    return connection;
  }

  /** A client whose upstream has accepted. */
  opens(now = START): { connection: FakeConnection; socket: FakeSocket; descriptor: number } {
    const connection = this.comes();
    this.proxy.tell(now);
    const descriptor = this.poller.watched.at(-1)!;
    this.proxy.ready(descriptor, WRITABLE);
    this.proxy.run(now);
    return { connection, socket: this.sockets.at(descriptor), descriptor };
  }

  signals(connection: FakeConnection, now: number): void {
    this.stack.signals.push(connection);
    this.proxy.tell(now);
    this.proxy.run(now);
  }
}

Deno.test("PX-14: routes take fast opens, and only idempotent ones forward them at once", () => {
  for (const isIdempotent of [false, true]) {
    const route = "listen=198.18.0.2:80,upstream=127.0.0.1:8080";
    const bench = new Bench({}, isIdempotent ? `${route},idempotent` : route);
    assertEquals(bench.stack.listeners[0].options.fastOpen, 256);
    const connection = bench.comes();
    connection.isEstablished = false;
    connection.receives("once");
    bench.proxy.tell(START);
    const descriptor = bench.poller.watched.at(-1)!;
    bench.proxy.ready(descriptor, WRITABLE);
    bench.proxy.run(START);
    assertEquals(bench.sockets.at(descriptor).outgoing, isIdempotent ? "once" : "");
    connection.isEstablished = true;
    bench.signals(connection, START);
    assertEquals(bench.sockets.at(descriptor).outgoing, "once");
  }
});

Deno.test("proxy: listens for each route and dials where its clients go", () => {
  const bench = new Bench(
    {},
    "listen=198.18.0.2:80,upstream=127.0.0.1:8080",
    "listen=198.18.0.3:0,upstream=127.0.0.2:0",
  );
  assertEquals(bench.stack.listeners.map((l) => `${l.local} ${l.options.backlog}`), [
    "198.18.0.2:80 Infinity",
    "198.18.0.3:0 Infinity",
  ]);
  bench.comes("198.18.0.2:80", 0);
  bench.comes("198.18.0.3:443", 1);
  bench.proxy.tell(START);
  assertEquals(bench.sockets.dialed.map((socket) => `${socket.remote}`), [
    "127.0.0.1:8080",
    "127.0.0.2:443",
  ]);
  assertEquals(bench.poller.watched, [10, 11]);
  assertEquals(bench.proxy.open, 2);
});

Deno.test("proxy: a pair's life leaves one record of its beginning and one of its end", () => {
  const bench = new Bench();
  const { connection, socket, descriptor } = bench.opens(START);
  connection.receives("request");
  connection.peerClosed = true;
  socket.incoming = "answer";
  socket.incomingEnd = "EOF";
  bench.proxy.ready(descriptor, READABLE);
  bench.proxy.run(START + 5);
  connection.acknowledges();
  connection.closeReason = "closed"; // which the record need not say twice
  bench.signals(connection, START + 12.4);
  const pair = "id=1 client=198.18.0.1:40000 local=198.18.0.2:80 upstream=127.0.0.1:8080";
  assertEquals(bench.logger.records, [
    `INFO open ${pair}`,
    `INFO close ${pair} up=7 down=6 ms=12 reason="closed"`,
  ]);
  assertEquals(bench.proxy.open, 0);
  const { accepted, bytesUp, bytesDown, ended } = bench.proxy.counts;
  assertEquals([accepted, bytesUp, bytesDown, ended.closed], [1, 7, 6, 1]);
});

Deno.test("proxy: the record of a failed dialing names the cause (PX-04)", () => {
  const bench = new Bench();
  bench.sockets.dialErrno = ECONNREFUSED;
  const connection = bench.comes();
  bench.proxy.tell(START);
  assertEquals(connection.calls, ["abort", "release"]);
  assertStringIncludes(bench.logger.records[1], `reason="dial failed" cause="ECONNREFUSED"`);
  assertEquals(bench.proxy.counts.ended["dial failed"], 1);
});

Deno.test("proxy: bytes for one leg come from the other in the same turn (PX-13)", () => {
  const bench = new Bench();
  const { connection, socket } = bench.opens();
  connection.receives("ping");
  bench.signals(connection, START);
  assertEquals(socket.outgoing, "ping");
});

Deno.test("proxy: above px_max_connections clients wait in the accept queue (PX-20)", () => {
  const bench = new Bench({ px_max_connections: 2 });
  const first = bench.comes();
  bench.comes();
  const third = bench.comes();
  bench.proxy.tell(START);
  assertEquals([bench.proxy.open, bench.stack.listeners[0].acceptQueue.length], [2, 1]);
  bench.proxy.run(START);
  assertEquals(bench.proxy.hasWork, false, "waiting is no work");
  first.closeReason = "reset by peer";
  bench.signals(first, START);
  bench.proxy.tell(START);
  assertEquals([bench.proxy.open, third.user !== null], [2, true]);
});

Deno.test("proxy: a route says how many may wait, whether there is fast open, and the algorithm", () => {
  const plain = "listen=198.18.0.2:80,upstream=127.0.0.1:8080";
  const route = `${plain},backlog=128,fastopen=0,congestion=reno`;
  const [{ options }] = new Bench({}, route).stack.listeners;
  assertEquals(options, { backlog: 128, fastOpen: 0, congestionControl: "reno" });
  assertEquals(new Bench({}, plain).stack.listeners[0].options.congestionControl, null);
});

Deno.test("proxy: silent peers are probed on both legs as the tunables say (PX-12)", () => {
  const { connection, socket } = new Bench({ tcp_keepalive_time: 40_000 }).opens();
  assertEquals(connection.keepalive, {});
  assertEquals(socket.keepalive, [32767, 75, 9], "more than 32767 s is too much for the kernel");
  assertEquals(new Bench({ px_keepalive_client: 0 }).opens().connection.keepalive, null);
  assertEquals(new Bench({ px_keepalive_upstream: 0 }).opens().socket.keepalive, null);
});

Deno.test("proxy: a route has a keep-alive of its own on each leg (PX-12)", () => {
  const route = "listen=198.18.0.2:80,upstream=127.0.0.1:8080";
  const off = { px_keepalive_client: 0, px_keepalive_upstream: 0 };
  const own = new Bench(off, `${route},keepalive=60/10/3/1,upstream-keepalive=30/5`).opens();
  assertEquals(own.connection.keepalive, { time: 60, interval: 10, probes: 3, bytes: 1 });
  assertEquals(own.socket.keepalive, [30, 5, 9]);
  const none = new Bench({}, `${route},keepalive=off,upstream-keepalive=off`).opens();
  assertEquals([none.connection.keepalive, none.socket.keepalive], [null, null]);
  const on = new Bench(off, `${route},keepalive=on,upstream-keepalive=on`).opens();
  assertEquals([on.connection.keepalive, on.socket.keepalive], [{}, [7200, 75, 9]]);
});

Deno.test("proxy: accepts 64 clients of a listener in a turn, and says that there are more", () => {
  const bench = new Bench();
  for (let i = 0; i < 70; i++) bench.comes();
  bench.proxy.tell(START);
  assertEquals(bench.proxy.open, 64);
  bench.proxy.run(START);
  assertEquals(bench.proxy.hasWork, true);
  bench.proxy.tell(START);
  bench.proxy.run(START);
  assertEquals([bench.proxy.open, bench.proxy.hasWork], [70, false]);
});

Deno.test("proxy: a descriptor used again belongs to the new pair only", () => {
  const bench = new Bench();
  const old = bench.opens();
  old.socket.incoming = "last words";
  old.socket.incomingEnd = ECONNRESET;
  bench.proxy.ready(old.descriptor, READABLE);
  bench.proxy.run(START);
  assertEquals(bench.proxy.open, 1, "the client still gets the last words");
  const young = bench.opens();
  assertEquals(young.descriptor, old.descriptor);
  old.connection.closeReason = "aborted";
  bench.signals(old.connection, START);
  young.socket.incoming = "hello";
  bench.proxy.ready(young.descriptor, READABLE);
  bench.proxy.run(START);
  assertEquals(young.connection.committed, "hello");
});

Deno.test("proxy: readiness of a descriptor nobody holds is nothing", () => {
  const bench = new Bench();
  const { connection, descriptor } = bench.opens();
  connection.closeReason = "reset by peer";
  bench.signals(connection, START);
  bench.proxy.ready(descriptor, READABLE);
  bench.proxy.ready(1000, READABLE);
  assertEquals(bench.proxy.hasWork, false);
});

Deno.test("proxy: a pair moves 256 KiB in its turn, then the others have theirs", () => {
  const bench = new Bench();
  const pairs = [bench.opens(), bench.opens()];
  for (const { socket, descriptor } of pairs) {
    socket.incoming = "d".repeat(300 * 1024);
    bench.proxy.ready(descriptor, READABLE);
  }
  bench.proxy.run(START);
  assertEquals(pairs.map(({ connection }) => connection.committed.length >> 10), [256, 256]);
  assertEquals(bench.proxy.hasWork, true);
  bench.proxy.run(START);
  assertEquals(pairs.map(({ connection }) => connection.committed.length >> 10), [300, 300]);
  assertEquals(bench.proxy.hasWork, false);
});

Deno.test("proxy: a turn ends after 1 MiB, and the next begins with those who waited", () => {
  const bench = new Bench();
  const pairs = Array.from({ length: 6 }, () => bench.opens());
  for (const { socket, descriptor } of pairs) {
    socket.incoming = "d".repeat(512 * 1024);
    bench.proxy.ready(descriptor, READABLE);
  }
  const lengths = () => pairs.map(({ connection }) => connection.committed.length >> 10);
  bench.proxy.run(START);
  assertEquals(lengths(), [256, 256, 256, 256, 0, 0]);
  bench.proxy.run(START);
  assertEquals(lengths(), [512, 512, 256, 256, 256, 256]);
});

Deno.test("proxy: the earliest deadline is the driver's (PX-04)", () => {
  const bench = new Bench({ px_connect_timeout: 3 });
  assertEquals(bench.proxy.deadline(START), Infinity);
  const late = bench.comes();
  bench.proxy.tell(START);
  bench.comes();
  bench.proxy.tell(START + 1000);
  assertEquals(bench.proxy.deadline(START), Math.ceil(START + 3000), "never too early");
  bench.proxy.poll(START + 2999);
  assertEquals(late.calls, []);
  bench.proxy.poll(START + 3001);
  assertEquals(late.calls, ["abort", "release"]);
  assertEquals(bench.proxy.counts.ended["dial timed out"], 1);
  assertEquals(bench.proxy.deadline(START), Math.ceil(START + 4000));
});

Deno.test("proxy: a deadline that moved later costs one look (PX-15)", () => {
  const bench = new Bench({ px_idle_timeout: 60 });
  const { connection, socket } = bench.opens(START);
  connection.receives("x");
  bench.signals(connection, START + 30_000);
  bench.proxy.poll(START + 10_001); // the dialing's
  assertEquals(bench.proxy.deadline(START + 10_001), Math.ceil(START + 90_000));
  bench.proxy.poll(START + 90_001);
  assertEquals([socket.state, bench.proxy.counts.ended.idle], ["reset", 1]);
  assertEquals(bench.proxy.deadline(START + 90_001), Infinity);
});

Deno.test("proxy: a half-closed pair is reset after px_half_close_timeout (PX-07)", () => {
  const bench = new Bench({ px_half_close_timeout: 300 });
  const { connection } = bench.opens(START);
  connection.peerClosed = true;
  bench.signals(connection, START);
  bench.proxy.poll(START + 299_999);
  assertEquals(bench.proxy.open, 1);
  bench.proxy.poll(START + 300_001);
  assertEquals([connection.calls, bench.proxy.counts.ended["half-closed"]], [
    ["abort", "release"],
    1,
  ]);
});

Deno.test("PX-22: a bug in one pair resets that pair only", () => {
  const bench = new Bench();
  const broken = bench.opens();
  const sound = bench.opens();
  bench.sockets.onCall = (name, descriptor) => {
    if (name !== "receive" || descriptor !== broken.descriptor) return;
    throw new InvariantError("sndUna passed sndNxt");
  };
  for (const { socket, descriptor } of [broken, sound]) {
    socket.incoming = "hello";
    bench.proxy.ready(descriptor, READABLE);
  }
  bench.proxy.run(START);
  assertEquals([broken.socket.state, broken.connection.calls], ["reset", ["abort", "release"]]);
  assertEquals(sound.connection.committed, "hello");
  assertEquals([bench.proxy.open, bench.proxy.counts.ended.failed], [1, 1]);
  const record = bench.logger.records.find((text) => text.startsWith("ERROR"))!;
  assertStringIncludes(record, "failed id=1 InvariantError: sndUna passed sndNxt");
});

Deno.test("proxy: a descriptor the poller refuses ends that pair only (PX-22)", () => {
  const bench = new Bench();
  bench.poller.watch = () => {
    throw new Error("Cannot watch descriptor 10: no space left on device");
  };
  const connection = bench.comes();
  bench.proxy.tell(START);
  assertEquals([connection.calls, bench.sockets.openCount], [["abort", "release"], 0]);
});

Deno.test("proxy: draining closes the listeners and lets pairs finish (PX-21)", () => {
  const bench = new Bench({ px_drain_timeout: 30 });
  const { connection, socket, descriptor } = bench.opens();
  bench.proxy.drain(START);
  bench.proxy.drain(START + 1000);
  assertEquals(bench.stack.listeners[0].isClosed, true);
  bench.proxy.poll(START + 10_001); // the dialing's deadline is none any more
  assertEquals(bench.proxy.deadline(START), START + 30_000, "the second call changes nothing");
  bench.comes();
  connection.receives("request");
  connection.peerClosed = true;
  bench.signals(connection, START + 10_000);
  assertEquals(socket.outgoing, "request");
  socket.incomingEnd = "EOF";
  bench.proxy.ready(descriptor, READABLE);
  bench.proxy.run(START + 10_000);
  connection.acknowledges();
  bench.signals(connection, START + 10_000);
  assertEquals([bench.proxy.open, bench.proxy.counts.accepted], [0, 1]);
  assertEquals(bench.proxy.counts.ended.closed, 1);
});

Deno.test("proxy: px_drain_timeout ends the pairs that are left, FIN or RST (PX-21)", () => {
  const bench = new Bench({ px_drain_timeout: 30 });
  const idle = bench.opens();
  const stuck = bench.opens();
  stuck.socket.sendRoom = 0;
  stuck.connection.receives("x");
  bench.signals(stuck.connection, START);
  bench.proxy.drain(START);
  bench.proxy.poll(START + 29_999);
  assertEquals(bench.proxy.open, 2);
  bench.proxy.poll(START + 30_000);
  assertEquals(idle.connection.calls, ["shutdown", "release"]);
  assertEquals(stuck.connection.calls, ["abort", "release"]);
  assertEquals([bench.proxy.open, bench.proxy.counts.ended.drained], [0, 2]);
});

Deno.test("proxy: aborting resets all pairs at once and closes the listeners", () => {
  const bench = new Bench();
  const { connection, socket } = bench.opens();
  const dialing = bench.comes();
  bench.proxy.tell(START);
  bench.proxy.abort(START);
  assertEquals([connection.calls, dialing.calls], [["abort", "release"], ["abort", "release"]]);
  assertEquals([socket.state, bench.sockets.openCount, bench.proxy.open], ["reset", 0, 0]);
  assertEquals(bench.stack.listeners[0].isClosed, true);
  assertEquals(bench.proxy.counts.ended.aborted, 2);
});

Deno.test("proxy: changed tunables count for the pairs there are", () => {
  const bench = new Bench();
  bench.comes();
  bench.proxy.tell(START);
  bench.stack.tunables = { ...bench.stack.tunables, px_connect_timeout: 20 };
  bench.proxy.poll(START + 10_001);
  assertEquals(bench.proxy.deadline(START + 10_001), Math.ceil(START + 20_000));
});

Deno.test("proxy: losses of clients and upstreams are counted apart", () => {
  const bench = new Bench({ px_reset_flush: 0 });
  const first = bench.opens();
  const second = bench.opens();
  first.connection.closeReason = "timed out";
  bench.signals(first.connection, START);
  second.socket.incomingEnd = ECONNRESET;
  bench.proxy.ready(second.descriptor, READABLE);
  bench.proxy.run(START);
  bench.proxy.poll(START + 1);
  const { ended } = bench.proxy.counts;
  assertEquals([ended["client lost"], ended["upstream lost"]], [1, 1]);
  const records = bench.logger.records.filter((text) => text.startsWith("INFO close"));
  assertStringIncludes(records[0], `reason="client lost" cause="timed out"`);
  assertStringIncludes(records[1], `reason="upstream lost" cause="ECONNRESET"`);
});
