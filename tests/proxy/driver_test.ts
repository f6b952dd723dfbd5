import { assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { EBADFD } from "../../lib/host/errno.ts";
import { READABLE, WRITABLE } from "../../lib/host/host.ts";
import { Driver } from "../../lib/proxy/driver.ts";
import { Proxy } from "../../lib/proxy/proxy.ts";
import { RecordLog } from "../../lib/proxy/record_log.ts";
import { parseRoute } from "../../lib/proxy/route.ts";
import { DEFAULT_TUNABLES, type Tunables } from "../../lib/tcp/tunables.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { FakeConnection } from "../support/fake_connection.ts";
import { FakeClock, FakeLink, FakePoller } from "../support/fake_host.ts";
import { FakeLogger } from "../support/fake_logger.ts";
import { FakeSockets } from "../support/fake_sockets.ts";
import { FakeStack } from "../support/fake_stack.ts";

const START = 1000;
/** What one look at the clock costs here. */
const STEP_MS = 1 / 128;

class Bench {
  readonly arena = new Arena(4 << 20);
  readonly stack = new FakeStack();
  readonly sockets = new FakeSockets(this.arena);
  readonly poller = new FakePoller();
  readonly link = new FakeLink();
  readonly clock = new FakeClock(START, STEP_MS);
  readonly logger = new FakeLogger();
  readonly log: RecordLog;
  readonly proxy: Proxy;
  readonly driver: Driver;

  constructor(tunables: Partial<Tunables> = {}) {
    this.poller.onWait = (milliseconds) => void (this.clock.time += milliseconds);
    this.stack.tunables = { ...DEFAULT_TUNABLES, ...tunables };
    this.log = new RecordLog(this.logger, "debug", this.stack.tunables.px_log_ratelimit);
    this.proxy = new Proxy({
      stack: this.stack,
      arena: this.arena,
      sockets: this.sockets,
      poller: this.poller,
      log: this.log,
      routes: [parseRoute("listen=198.18.0.2:80,upstream=127.0.0.1:8080")],
    });
    this.driver = new Driver({
      link: this.link,
      stack: this.stack,
      proxy: this.proxy,
      poller: this.poller,
      clock: this.clock,
      arena: this.arena,
      log: this.log,
    });
  }

  /** A client whose upstream has accepted; reported to the next turn. */
  comes(): FakeConnection {
    const local = parseEndpoint("198.18.0.2:80")!;
    const remote = parseEndpoint("198.18.0.1:40000")!;
    const connection = new FakeConnection(this.arena, local, remote);
    this.stack.listeners[0].acceptQueue.push(connection);
    this.proxy.tell(START);
    this.poller.report(this.poller.watched.at(-1)!, WRITABLE);
    return connection;
  }

  /** Turns with the events reported, at `now`. */
  turn(now = START): boolean {
    return this.driver.turn(this.poller.poll(), now);
  }
}

// A turn.

Deno.test("driver: reads at most 64 frames in a turn, the rest in the next", () => {
  const bench = new Bench();
  bench.link.frames = Array(70).fill(60);
  assertEquals(bench.turn(), true);
  assertEquals(bench.stack.received.length, 64);
  assertEquals(bench.turn(), true);
  assertEquals(bench.stack.received.length, 70);
  assertEquals(bench.turn(), false);
});

Deno.test("driver: reads at most 256 KiB in a turn, whole frames", () => {
  const bench = new Bench();
  bench.link.frames = Array(10).fill(65549);
  bench.turn();
  assertEquals(bench.stack.received.length, 4);
});

Deno.test("driver: a frame that wants an answer of its own is the last of its turn", () => {
  const bench = new Bench();
  bench.link.frames = Array(5).fill(60);
  bench.stack.onReceive = () => bench.stack.mustPoll = bench.stack.received.length === 2;
  assertEquals(bench.turn(), true);
  assertEquals(bench.stack.received.length, 3);
  assertEquals(bench.turn(), true);
  assertEquals(bench.stack.received.length, 5);
});

Deno.test("driver: reads the link only when it was reported, or was not empty", () => {
  const bench = new Bench();
  bench.turn();
  assertEquals(bench.link.reads, 1, "at first nobody knows");
  bench.turn();
  assertEquals(bench.link.reads, 1);
  bench.poller.report(bench.link.descriptor, READABLE);
  bench.turn();
  assertEquals(bench.link.reads, 2);
});

Deno.test("driver: what came by the link and by sockets leaves in the same turn (PX-13)", () => {
  const bench = new Bench();
  const connection = bench.comes();
  bench.turn();
  const socket = bench.sockets.dialed[0];
  let atPoll: string[] = [];
  bench.stack.onPoll = () => atPoll = [socket.outgoing, connection.committed];
  bench.stack.onReceive = () => {
    connection.receivesLarge("large,");
    connection.receives("small");
    bench.stack.signals.push(connection);
  };
  bench.link.frames = [60];
  bench.poller.report(bench.link.descriptor, READABLE);
  socket.incoming = "answer";
  bench.poller.report(bench.poller.watched[0], READABLE);
  bench.turn();
  assertEquals(atPoll, ["large,small", "answer"]);
});

Deno.test("driver: readiness is known before frames are offered", () => {
  const bench = new Bench();
  const connection = bench.comes();
  bench.turn();
  const socket = bench.sockets.dialed[0];
  socket.sendRoom = 2;
  assertEquals(connection.receivesLarge("abcd"), 2);
  bench.stack.signals.push(connection);
  connection.consume(2);
  socket.sendRoom = Infinity;
  let taken = 0;
  bench.stack.onReceive = () => taken = connection.receivesLarge("efgh");
  bench.link.frames = [60];
  bench.poller.report(bench.link.descriptor, READABLE);
  bench.poller.report(bench.poller.watched[0], WRITABLE);
  bench.turn();
  assertEquals(taken, 4);
});

Deno.test("driver: a connection that a timer ended is dealt with before anything rests", () => {
  const bench = new Bench();
  const connection = bench.comes();
  bench.turn();
  bench.stack.onPoll = () => {
    connection.closeReason = "timed out";
    bench.stack.signals.push(connection);
    bench.stack.onPoll = () => {};
  };
  assertEquals(bench.turn(), true);
  bench.turn();
  assertEquals(bench.sockets.dialed[0].state, "reset");
});

Deno.test("driver: a turn says whether there was something to do, or is", () => {
  const bench = new Bench();
  assertEquals(bench.turn(), false);
  bench.stack.busyPolls = 1;
  assertEquals(bench.turn(), true, "the engine has more to send");
  bench.comes();
  assertEquals(bench.turn(), true, "there were events");
  assertEquals(bench.turn(), false);
});

// Between turns.

Deno.test("driver: parks until the engine's deadline or the proxy's", () => {
  const bench = new Bench({ busy_poll: 0 });
  assertEquals(bench.driver.work(), Infinity);
  bench.stack.deadlineAt = bench.clock.time + 200;
  assertEquals(bench.driver.work(), 200 - 2 * STEP_MS, "the clock was read twice");
  bench.comes(); // which files the dialing's deadline
  bench.stack.deadlineAt = Infinity;
  bench.proxy.drain(bench.clock.time);
  let parkMs = 0;
  while (parkMs === 0) parkMs = bench.driver.work(); // there was work: a pause comes first
  assertLess(Math.abs(parkMs - 10_000), 10);
});

Deno.test("driver: looks for busy_poll before it waits", () => {
  const bench = new Bench({ busy_poll: 500 });
  bench.link.frames = [60];
  let looked = 0;
  bench.poller.onWait = (milliseconds) => {
    looked ||= bench.clock.time - START;
    bench.clock.time += milliseconds;
  };
  bench.driver.work();
  assertLess(Math.abs(looked - 0.5), 0.05);
});

Deno.test("driver: an event while it looks is a turn, and the looking starts again", () => {
  const bench = new Bench({ busy_poll: 200 });
  bench.link.frames = [60];
  bench.poller.onPoll = () => {
    if (bench.poller.polls !== 10) return;
    bench.link.frames = [60];
    bench.poller.report(bench.link.descriptor, READABLE);
  };
  let polls = 0;
  bench.poller.onWait = (milliseconds) => {
    polls ||= bench.poller.polls;
    bench.clock.time += milliseconds;
  };
  bench.driver.work();
  assertEquals(bench.stack.received, [60, 60]);
  assertEquals(
    bench.stack.polledAt.length,
    5,
    "each frame is a turn, one more looks behind it, and one behind the wait",
  );
  assertLess(30, polls);
});

Deno.test("driver: a pause of the traffic is waited for without a park, by yields a millisecond apart", () => {
  const bench = new Bench({ busy_poll: 0 });
  bench.link.frames = [60];
  let yields = 0;
  while (bench.driver.work() === 0) yields++;
  assertEquals([bench.poller.waits.length, yields], [4, 4]);
  assertLess(bench.poller.waits.reduce((longest, wait) => Math.max(longest, wait)), 1);
  assertLess(Math.abs(bench.clock.time - START - 4), 0.2);
});

Deno.test("driver: an event that ends a wait is the next turn's", () => {
  const bench = new Bench({ busy_poll: 0 });
  bench.link.frames = [60];
  bench.poller.onWait = () => {
    bench.poller.onWait = (milliseconds) => void (bench.clock.time += milliseconds);
    bench.link.frames = [61];
    bench.poller.report(bench.link.descriptor, READABLE);
  };
  bench.driver.work();
  assertEquals(bench.stack.received, [60, 61]);
});

Deno.test("driver: a pause ends with a deadline, too", () => {
  const bench = new Bench({ busy_poll: 0 });
  bench.link.frames = [60];
  bench.stack.deadlineAt = START + 0.5;
  bench.driver.work();
  assertLess(Math.abs(bench.stack.polledAt[2] - (START + 0.5)), 2 * STEP_MS);
});

Deno.test("driver: never parks while there is work, but yields every millisecond", () => {
  const bench = new Bench();
  bench.stack.busyPolls = Infinity;
  assertEquals(bench.driver.work(), 0);
  assertLess(Math.abs(bench.clock.time - START - 1), 0.05);
  assertLess(100, bench.stack.polledAt.length);
  assertEquals(bench.poller.waits, []);
});

Deno.test("driver: awaits a deadline below a millisecond without parking", () => {
  const bench = new Bench({ busy_poll: 0 });
  bench.stack.deadlineAt = START + 0.8;
  bench.stack.onPoll = (now) => {
    if (now >= bench.stack.deadlineAt) bench.stack.deadlineAt = Infinity;
  };
  assertEquals(bench.driver.work(), Infinity);
  const [, second] = bench.stack.polledAt;
  assertLess(Math.abs(second - (START + 0.8)), 2 * STEP_MS);
  assertEquals(bench.poller.waits.length, 1);
});

Deno.test("driver: what a park found is the next turn's", async () => {
  const bench = new Bench({ busy_poll: 0 });
  const connection = bench.comes();
  const socket = bench.sockets.dialed[0];
  bench.poller.onPark = () => {
    if (bench.poller.parks.length > 1) return bench.driver.stop();
    socket.incoming = "hello";
    bench.poller.report(bench.poller.watched[0], READABLE);
  };
  await bench.driver.run();
  assertEquals(connection.committed, "hello");
});

// Endings.

Deno.test("driver: a device that is gone resets all pairs and ends it with code 75", async () => {
  const bench = new Bench();
  const connection = bench.comes();
  bench.link.end = -EBADFD;
  const ending = await bench.driver.run();
  assertEquals(ending, { reason: "device-gone", exitCode: 75, errno: EBADFD });
  assertEquals([connection.calls, bench.sockets.openCount], [["abort", "release"], 0]);
  assertEquals(bench.logger.records.at(-1), "ERROR device-gone name=fake0 cause=EBADFD");
});

Deno.test("driver: an address that another host has ends it with the address in the log (IP6-05)", async () => {
  const bench = new Bench();
  bench.stack.conflict = parseEndpoint("[fd00::1]:0")!.address;
  const ending = await bench.driver.run();
  assertEquals(ending, { reason: "address-taken", exitCode: 1, errno: 0 });
  assertMatch(bench.logger.records.at(-1)!, /^ERROR address-taken address=fd00::1 cause=/);
});

Deno.test("driver: an address that was defended is in the log, once (ARP-07)", async () => {
  const bench = new Bench({ busy_poll: 0 });
  bench.stack.contested = parseEndpoint("10.0.0.1:0")!.address;
  bench.stack.defences = 1;
  bench.driver.drain();
  await bench.driver.run();
  const records = bench.logger.records.filter((record) => record.includes("address-contested"));
  assertEquals(records, [
    'WARN address-contested address=10.0.0.1 cause="another host on the link uses it, too"',
  ]);
});

Deno.test("driver: draining ends it when no pair is left (PX-21)", async () => {
  const bench = new Bench({ busy_poll: 0 });
  const connection = bench.comes();
  bench.poller.onPark = () => {
    if (bench.poller.parks.length === 1) return bench.driver.drain();
    assertEquals(bench.stack.listeners[0].isClosed, true);
    connection.closeReason = "reset by peer";
    bench.stack.signals.push(connection);
  };
  const ending = await bench.driver.run();
  assertEquals(ending, { reason: "drained", exitCode: 0, errno: 0 });
  assertEquals([bench.poller.wakes, bench.poller.parks.length], [1, 2]);
});

Deno.test("driver: the end of px_drain_timeout ends it, its last segments sent (PX-21)", async () => {
  const bench = new Bench({ busy_poll: 0, px_drain_timeout: 30 });
  const connection = bench.comes();
  bench.driver.drain();
  bench.poller.onPark = (milliseconds) => bench.clock.time += milliseconds;
  let callsAtPoll: string[] = [];
  bench.stack.onPoll = () => callsAtPoll = [...connection.calls];
  const ending = await bench.driver.run();
  assertEquals(ending.reason, "drained");
  assertEquals(callsAtPoll, ["shutdown", "release"]);
  assertLess(Math.abs(bench.clock.time - START - 30_000), 5);
});

Deno.test("driver: draining twice resets all pairs and ends it at once (PX-21)", async () => {
  const bench = new Bench({ busy_poll: 0 });
  const connection = bench.comes();
  let callsAtPoll: string[] = [];
  bench.stack.onPoll = () => callsAtPoll = [...connection.calls];
  bench.poller.onPark = () => bench.driver.drain();
  const ending = await bench.driver.run();
  assertEquals(ending, { reason: "aborted", exitCode: 1, errno: 0 });
  assertEquals(callsAtPoll, ["abort", "release"], "the RST was sent");
  assertEquals(bench.poller.parks.length, 2);
});

Deno.test("driver: an AbortSignal ends it, also while it is busy", async () => {
  const bench = new Bench();
  const connection = bench.comes();
  bench.stack.busyPolls = 100_000; // and no more: the last segments are bounded
  const controller = new AbortController();
  const ending = bench.driver.run(controller.signal);
  await Promise.resolve();
  controller.abort();
  assertEquals((await ending).reason, "aborted");
  assertEquals(connection.calls, ["abort", "release"]);
  assertEquals(bench.poller.parks, []);
});

Deno.test("driver: a signal aborted before it began ends it at once", async () => {
  const bench = new Bench();
  assertEquals((await bench.driver.run(AbortSignal.abort())).reason, "aborted");
});

Deno.test("driver: a bug in the engine is not swallowed", async () => {
  const bench = new Bench();
  bench.link.frames = [60];
  bench.stack.onReceive = () => {
    throw new Error("table torn");
  };
  await assertRejects(() => bench.driver.run(), Error, "table torn");
});

Deno.test("driver: says once a second how many records were suppressed, and at its end", () => {
  const bench = new Bench({ px_log_ratelimit: 0 });
  const suppressed = () => bench.logger.records.filter((text) => text.includes("suppressed"));
  bench.turn(START);
  bench.comes();
  bench.turn(START);
  assertEquals([bench.driver.deadline(START), suppressed()], [START + 1000, []]);
  bench.turn(START + 1000);
  bench.driver.stop();
  bench.turn(START + 1001);
  assertEquals(suppressed().map((text) => text.split(" ").slice(1, 4).join(" ")), [
    "suppressed count=1 open=1",
    "suppressed count=1 close=1",
  ]);
});
