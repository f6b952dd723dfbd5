// Relays whose upstream is on the device's network: two real stacks, one with the
// proxy, the other one with the client and the server, in virtual time.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Proxy } from "../../lib/proxy/proxy.ts";
import { RecordLog } from "../../lib/proxy/record_log.ts";
import { parseRoute } from "../../lib/proxy/route.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import type { Listener } from "../../lib/tcp/listener.ts";
import { STATE_NAMES } from "../../lib/tcp/state.ts";
import { setTunable } from "../../lib/tcp/tunables.ts";
import { FakePoller } from "../support/fake_host.ts";
import { FakeLogger } from "../support/fake_logger.ts";
import { FakeSockets } from "../support/fake_sockets.ts";
import { Pair } from "../support/pair.ts";

const KIB = 1024;
/** Turns in which a connection is opened through the proxy, or closed. */
const SOME_TURNS = 12;

interface Setup {
  readonly tunables?: Record<string, string>;
  /** Where the proxy dials; the server listens at 10.0.0.2:3000. */
  readonly upstream?: string;
  /** More settings of the route. */
  readonly settings?: string;
}

/** 10.0.0.1:80 is relayed to 10.0.0.2:3000. */
class Bench {
  readonly pair = new Pair();
  readonly logger = new FakeLogger();
  readonly poller = new FakePoller();
  readonly proxy: Proxy;
  readonly server: Listener;

  constructor({ tunables = {}, upstream = "10.0.0.2:3000", settings = "" }: Setup = {}) {
    const { a, b } = this.pair;
    for (const [name, value] of Object.entries(tunables)) {
      a.stack.tunables = setTunable(a.stack.tunables, name, value);
    }
    const log = new RecordLog(this.logger, "debug", 1000);
    const text = `listen=10.0.0.1:80,upstream=tap:${upstream}`;
    this.proxy = new Proxy({
      stack: a.stack,
      arena: a.frame.arena,
      sockets: new FakeSockets(a.frame.arena),
      poller: this.poller,
      log,
      routes: [parseRoute(settings === "" ? text : `${text},${settings}`)],
    });
    this.server = b.stack.listen(b.at(3000));
  }

  /** Turns of the proxy, with a millisecond on the wire after each. */
  turn(count = 1): void {
    for (let i = 0; i < count; i++) {
      this.#work();
      this.pair.exchange(1);
    }
  }

  /** Time passes for the proxy, and nothing that it sends arrives. */
  wait(seconds: number): void {
    const { a } = this.pair;
    for (let i = 0; i < seconds * 4; i++) {
      this.pair.now += 250;
      this.#work();
      while (a.stack.poll(this.pair.now));
      a.sink.frames.length = 0;
    }
  }

  #work(): void {
    const { now } = this.pair;
    this.proxy.tell(now);
    this.proxy.run(now);
    this.proxy.poll(now);
  }

  /** Both connections of the proxy, from when they first have something to tell. */
  legs(): { client?: Connection; upstream?: Connection } {
    const { stack } = this.pair.a;
    const legs: { client?: Connection; upstream?: Connection } = {};
    const next = stack.signalled.bind(stack);
    stack.signalled = () => {
      const c = next();
      if (c !== null) legs[c.localPort === 80 ? "client" : "upstream"] = c;
      return c;
    };
    return legs;
  }

  /** A client whose SYN is under way. */
  comes(): Connection {
    const { a, b, now } = this.pair;
    return b.stack.connect(a.at(80), {}, now);
  }

  /** A client whose upstream is being dialed. */
  dials(): Connection {
    const client = this.comes();
    for (let turns = 0; this.proxy.open === 0; turns++) {
      assert(turns < SOME_TURNS, "the client is accepted");
      this.turn();
    }
    return client;
  }

  /** A client, and the server's connection for it. */
  opens(): { client: Connection; server: Connection } {
    const client = this.comes();
    this.turn(SOME_TURNS);
    const server = this.server.accept();
    assert(server !== null, "the server has a connection");
    return { client, server };
  }

  /** Queues bytes of a connection of the other host, as many as there is room for; returns how many. */
  write(c: Connection, bytes: Uint8Array): number {
    const arena = this.pair.b.frame.arena;
    let written = 0;
    while (written < bytes.length) {
      const room = c.writable();
      if (room.length === 0) break;
      const before = written;
      for (let i = 0; i < room.count && written < bytes.length; i++) {
        const piece = bytes.subarray(written, written + room.lengths[i]);
        arena.bytes.set(piece, room.offsets[i]);
        written += piece.length;
      }
      c.commit(written - before);
    }
    return written;
  }

  /** Takes all that a connection of the other host has received. */
  read(c: Connection): Uint8Array {
    const arena = this.pair.b.frame.arena;
    const pieces: number[] = [];
    for (let bytes = c.readable(); bytes.length > 0; bytes = c.readable()) {
      const { length } = bytes;
      for (let i = 0; i < bytes.count; i++) {
        const { [i]: start } = bytes.offsets;
        pieces.push(...arena.bytes.subarray(start, start + bytes.lengths[i]));
      }
      c.consume(length);
    }
    return Uint8Array.from(pieces);
  }

  /** Sends the bytes from one to the other; fails when they come out different. */
  passes(from: Connection, to: Connection, bytes: Uint8Array): void {
    let sent = 0;
    const got = new Uint8Array(bytes.length);
    let received = 0;
    for (let turns = 0; received < bytes.length; turns++) {
      assert(turns < 5000, `${received} of ${bytes.length} bytes arrived`);
      if (sent < bytes.length) sent += this.write(from, bytes.subarray(sent));
      this.turn();
      const piece = this.read(to);
      got.set(piece, received);
      received += piece.length;
    }
    assertEquals(firstDifference(got, bytes), -1);
  }

  /** What was logged of the end of the only pair. */
  get end(): string {
    return this.logger.records.find((text) => text.startsWith("INFO close")) ?? "";
  }
}

/** So many bytes without a period that pages or segments have. */
function bytesOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * seed + (i >> 16)) & 0xff);
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  return a.findIndex((byte, i) => byte !== b[i]);
}

Deno.test("tap upstream: bytes go both ways unchanged, and nothing waits for a socket", () => {
  const bench = new Bench();
  const { client, server } = bench.opens();
  bench.passes(client, server, bytesOf(700 * KIB, 3));
  bench.passes(server, client, bytesOf(900 * KIB, 5));
  assertEquals(bench.poller.watched, []);
  bench.turn(SOME_TURNS); // the last acknowledgments
  const { a, b } = bench.pair;
  assertEquals([`${server.remoteAddress}`, server.localPort], [a.address, 3000]);
  assertEquals([a.stack.tcp.pages.lent, b.stack.tcp.pages.lent], [0, 0], "pages lent at rest");
});

Deno.test("tap upstream: many pairs keep their bytes apart", () => {
  const bench = new Bench();
  const pairs = Array.from({ length: 20 }, () => bench.opens());
  const texts = pairs.map((_, i) => bytesOf(5000, i));
  pairs.forEach(({ client }, i) => assertEquals(bench.write(client, texts[i]), 5000));
  pairs.forEach(({ server }, i) => bench.write(server, texts[i].toReversed()));
  bench.turn(40);
  pairs.forEach(({ client, server }, i) => {
    assertEquals(firstDifference(bench.read(server), texts[i]), -1);
    assertEquals(firstDifference(bench.read(client), texts[i].toReversed()), -1);
  });
});

Deno.test("tap upstream: each leg has the congestion control that its route says", () => {
  for (
    const [settings, client, upstream] of [
      ["", "cubic", "cubic"],
      ["congestion=reno", "reno", "cubic"],
      ["upstream-congestion=reno", "cubic", "reno"],
    ]
  ) {
    const bench = new Bench({ settings });
    const legs = bench.legs();
    const ends = bench.opens();
    bench.passes(ends.client, ends.server, bytesOf(1, 1));
    assertEquals([legs.client?.congestion.name, legs.upstream?.congestion.name], [
      ...[client, upstream],
    ]);
  }
});

for (const isRelayed of [false, true]) {
  const what = isRelayed ? "with px_relay_urgent the mark crosses" : "by default no leg has URG";
  Deno.test(`URG-03: ${what}, both ways, in its place`, () => {
    const bench = new Bench({ tunables: isRelayed ? { px_relay_urgent: "1" } : {} });
    const { client, server } = bench.opens();
    bench.turn(SOME_TURNS);
    for (const [from, to] of [[client, server], [server, client]]) {
      bench.pair.takeSegments();
      bench.write(from, bytesOf(3000, 1));
      from.urge();
      bench.turn(); // all of it is under way
      bench.write(from, bytesOf(500, 2));
      bench.turn(SOME_TURNS);
      assertEquals(to.urgentRemaining, isRelayed ? 3000 : 0);
      const all = [...bytesOf(3000, 1), ...bytesOf(500, 2)];
      assertEquals(firstDifference(bench.read(to), Uint8Array.from(all)), -1);
      const marked = bench.pair.takeSegments().filter((text) => text.includes("U"));
      const byProxy = marked.filter((text) => text.startsWith("a "));
      assert(marked.length > byProxy.length, "the peer marks its own");
      assertEquals(byProxy.length > 0, isRelayed);
    }
  });
}

Deno.test("PX-02: what a client sends while the upstream is dialed is delivered after", () => {
  const bench = new Bench();
  const client = bench.dials();
  bench.write(client, bytesOf(3000, 1));
  bench.turn();
  assertEquals(bench.server.acceptable, 0, "still dialing");
  bench.turn(SOME_TURNS);
  const server = bench.server.accept()!;
  assertEquals(firstDifference(bench.read(server), bytesOf(3000, 1)), -1);
});

Deno.test("tap upstream: with upstream-fastopen what came on the client's SYN leaves on ours", () => {
  const bench = new Bench({ settings: "upstream-fastopen,idempotent" });
  const { a, b } = bench.pair;
  b.stack.tunables = setTunable(b.stack.tunables, "tcp_fastopen", "0x403");
  for (let round = 0; round < 3; round++) {
    const client = b.stack.connect(a.at(80), { fastOpen: true }, bench.pair.now);
    bench.write(client, bytesOf(100, round));
    bench.turn(SOME_TURNS);
    const server = bench.server.accept()!;
    assertEquals(firstDifference(bench.read(server), bytesOf(100, round)), -1);
    // In the first round the client asks for our cookie, and we for the server's.
    assertEquals(a.stack.counters.TCPFastOpenPassive, round);
    assertEquals(b.stack.counters.TCPFastOpenPassive, round);
    assertEquals(a.stack.counters.TCPFastOpenActive, round);
  }
});

Deno.test("PX-04: a refused upstream resets the client", () => {
  const bench = new Bench({ upstream: "10.0.0.2:3001" });
  const client = bench.comes();
  bench.turn(SOME_TURNS);
  assertEquals(client.closeReason, "reset by peer");
  assertEquals(client.peerClosed, false, "never FIN");
  assertStringIncludes(bench.end, 'reason="dial failed" cause="ECONNREFUSED"');
  assertEquals(bench.pair.a.stack.tcp.openingCount, 0);
});

Deno.test("PX-04: an upstream that does not answer resets the client after px_connect_timeout", () => {
  const bench = new Bench({ upstream: "10.0.0.9:3000", tunables: { px_connect_timeout: "3" } });
  const client = bench.comes();
  bench.turn(2990);
  assertEquals(client.closeReason, "");
  bench.turn(30);
  assertEquals(client.closeReason, "reset by peer");
  assertStringIncludes(bench.end, 'reason="dial timed out"');
  assertEquals(bench.pair.a.stack.tcp.openingCount, 0, "its SYN is not repeated any more");
});

Deno.test("PX-04: an upstream that cannot be dialed at all resets the client", () => {
  for (
    const [setup, cause] of [
      [{ upstream: "[fd00::7]:3000" }, "ENETUNREACH"],
      [{ tunables: { ip_local_port_range: "40000-40000" } }, "EADDRNOTAVAIL"],
    ] as const
  ) {
    const bench = new Bench(setup);
    if (cause === "EADDRNOTAVAIL") bench.opens();
    const client = bench.comes();
    bench.turn(SOME_TURNS);
    assertEquals(client.closeReason, "reset by peer");
    assertStringIncludes(bench.end, `reason="dial failed" cause="${cause}"`);
  }
});

Deno.test("PX-05: a client's FIN is passed on after its last byte, and 1 MiB comes back after it", () => {
  const bench = new Bench();
  const { client, server } = bench.opens();
  bench.write(client, bytesOf(20 * KIB, 1));
  client.shutdown();
  bench.turn(SOME_TURNS);
  assertEquals([bench.read(server).length, server.peerClosed], [20 * KIB, true]);
  bench.passes(server, client, bytesOf(1024 * KIB, 7));
  assertEquals(client.peerClosed, false);
  server.shutdown();
  bench.turn(SOME_TURNS);
  assertEquals(client.peerClosed, true);
  assertStringIncludes(bench.end, `up=${20 * KIB} down=${1024 * KIB}`);
  assertStringIncludes(bench.end, 'reason="closed"');
});

Deno.test("PX-05: an upstream's FIN is passed on after its last byte, and 1 MiB goes up after it", () => {
  const bench = new Bench();
  const { client, server } = bench.opens();
  bench.write(server, bytesOf(20 * KIB, 1));
  server.shutdown();
  bench.turn(SOME_TURNS);
  assertEquals([bench.read(client).length, client.peerClosed], [20 * KIB, true]);
  bench.passes(client, server, bytesOf(1024 * KIB, 7));
  client.shutdown();
  bench.turn(SOME_TURNS);
  assertEquals(server.peerClosed, true);
  assertStringIncludes(bench.end, 'reason="closed"');
});

Deno.test("PX-06: TIME-WAIT is only where the proxy's FIN came first", () => {
  const bench = new Bench();
  const { client, server } = bench.opens();
  const tcp = bench.pair.a.stack.tcp;
  client.shutdown();
  bench.turn(SOME_TURNS);
  server.shutdown();
  bench.turn(SOME_TURNS);
  assertEquals(STATE_NAMES[client.state], "TIME-WAIT", "the client's leg went by LAST-ACK");
  assertEquals(STATE_NAMES[server.state], "CLOSED", "the proxy's FIN came first");
  assertEquals([tcp.connectionCount, tcp.timeWaits.count], [0, 1]);
});

Deno.test("tap upstream: a server that does not read stops the client, and no byte is lost (PX-08)", () => {
  const bench = new Bench();
  const { client, server } = bench.opens();
  const bytes = bytesOf(3000 * KIB, 9);
  // Two queues of the other host share its pages with what this test writes.
  let sent = bench.write(client, bytes);
  for (let i = 0; i < 300; i++) {
    bench.turn();
    sent += bench.write(client, bytes.subarray(sent));
  }
  const { a } = bench.pair;
  assert(a.stack.tcp.pages.lent <= a.stack.tcp.pages.limit, "the arena bounds it");
  let received = 0;
  for (let turns = 0; received < bytes.length; turns++) {
    assert(turns < 5000, `${received} of ${bytes.length} bytes arrived`);
    const piece = bench.read(server);
    assertEquals(firstDifference(piece, bytes.subarray(received)), -1);
    received += piece.length;
    bench.turn();
    sent += bench.write(client, bytes.subarray(sent));
  }
});

Deno.test("PX-10: a client's reset resets the upstream and discards what was kept", () => {
  const bench = new Bench();
  const { client, server } = bench.opens();
  client.abort();
  bench.turn(SOME_TURNS);
  assertEquals(server.closeReason, "reset by peer");
  assertStringIncludes(bench.end, 'reason="client lost" cause="reset by peer"');
  assertEquals(bench.pair.a.stack.tcp.connectionCount, 0);
});

Deno.test("PX-10: a client's reset while the upstream is dialed gives the dialing up", () => {
  const bench = new Bench({ upstream: "10.0.0.9:3000" });
  const client = bench.comes();
  bench.turn(SOME_TURNS);
  assertEquals(bench.pair.a.stack.tcp.openingCount, 1);
  client.abort();
  bench.turn(2);
  assertEquals([bench.pair.a.stack.tcp.openingCount, bench.proxy.open], [0, 0]);
});

Deno.test("PX-10: a client's FIN while the upstream is dialed goes up behind the bytes", () => {
  const bench = new Bench();
  const client = bench.dials();
  bench.write(client, bytesOf(3000, 1));
  client.shutdown();
  bench.turn(SOME_TURNS);
  const server = bench.server.accept()!;
  assertEquals([bench.read(server).length, server.peerClosed], [3000, true]);
});

Deno.test("PX-11: what an upstream sent before its reset is delivered, then RST", () => {
  const bench = new Bench();
  const { client, server } = bench.opens();
  bench.write(server, bytesOf(5000, 1));
  bench.turn(2); // the bytes have left the server, and are not acknowledged by the client
  server.abort();
  bench.turn(SOME_TURNS);
  assertEquals(firstDifference(bench.read(client), bytesOf(5000, 1)), -1);
  assertEquals([client.bytesReceived, client.closeReason], [5000, "reset by peer"]);
  assertStringIncludes(bench.end, 'reason="upstream lost" cause="ECONNRESET"');
});

Deno.test("PX-11: an upstream that resets behind its end of stream is found", () => {
  const bench = new Bench();
  const { client, server } = bench.opens();
  server.shutdown();
  bench.turn(SOME_TURNS);
  assertEquals(client.peerClosed, true);
  server.abort();
  bench.turn(SOME_TURNS);
  assertEquals(client.closeReason, "reset by peer");
  assertStringIncludes(bench.end, 'reason="upstream lost" cause="ECONNRESET"');
});

Deno.test("PX-12: a silent upstream is probed and given up, and the client reset", () => {
  const bench = new Bench({ settings: "keepalive=off,upstream-keepalive=60/10/3" });
  bench.opens();
  bench.wait(89);
  assertEquals([bench.proxy.open, bench.pair.a.stack.counters.TCPKeepAlive], [1, 3]);
  bench.wait(2);
  assertEquals(bench.proxy.open, 0);
  assertStringIncludes(bench.end, 'reason="upstream lost" cause="ETIMEDOUT"');
});

Deno.test("PX-12: by default a silent upstream is given up after 7875 s", () => {
  const bench = new Bench({ settings: "keepalive=off" });
  bench.opens();
  bench.wait(7874);
  assertEquals(bench.proxy.open, 1);
  bench.wait(2);
  assertStringIncludes(bench.end, 'reason="upstream lost" cause="ETIMEDOUT"');
});

Deno.test("PX-12: a silent client is given up, and its upstream reset", () => {
  const bench = new Bench({ settings: "keepalive=60/10/3,upstream-keepalive=off" });
  bench.opens();
  bench.wait(89);
  assertEquals(bench.proxy.open, 1);
  bench.wait(2);
  assertStringIncludes(bench.end, 'reason="client lost" cause="keep-alive timed out"');
  assertEquals(bench.pair.a.stack.tcp.connectionCount, 0);
});

/** A pair that rests, half-closed or open, is reset on both legs after so many seconds. */
function assertQuietEnd(bench: Bench, isHalfClosed: boolean, seconds: number): void {
  const { client, server } = bench.opens();
  if (isHalfClosed) client.shutdown();
  bench.turn(SOME_TURNS);
  bench.wait(seconds - 1);
  assertEquals(bench.proxy.open, 1);
  bench.pair.now += 1500;
  bench.turn(SOME_TURNS);
  assertEquals([client.closeReason, server.closeReason], ["reset by peer", "reset by peer"]);
}

Deno.test("PX-07: a half-closed pair without traffic is reset on both legs", () => {
  const bench = new Bench();
  assertQuietEnd(bench, true, 300);
  assertStringIncludes(bench.end, 'reason="half-closed"');
});

Deno.test("PX-15: a pair without traffic is reset on both legs after px_idle_timeout", () => {
  const bench = new Bench({ tunables: { px_idle_timeout: "60" } });
  assertQuietEnd(bench, false, 60);
  assertStringIncludes(bench.end, 'reason="idle"');
});

Deno.test("TW-11: the upstream's leg takes a tuple out of TIME-WAIT a second later, not before", () => {
  const bench = new Bench({ tunables: { ip_local_port_range: "40000-40000" } });
  const finish = () => {
    const { client, server } = bench.opens();
    assertEquals(server.remotePort, 40000);
    client.shutdown(); // so that the proxy's FIN is first towards the upstream
    bench.turn(SOME_TURNS);
    server.shutdown();
    bench.turn(SOME_TURNS);
    assertEquals(bench.pair.a.stack.tcp.timeWaits.count, 1);
  };
  finish();
  bench.turn(900);
  const early = bench.comes();
  bench.turn(SOME_TURNS);
  assertEquals(early.closeReason, "reset by peer");
  bench.turn(200);
  finish();
});

Deno.test("tap upstream: what waits in full memory is still sent on", () => {
  const bench = new Bench();
  const pairs = Array.from({ length: 60 }, () => bench.opens());
  const bytes = bytesOf(200 * KIB, 1);
  const sent = pairs.map(() => 0);
  const { pages, pages: { limit } } = bench.pair.a.stack.tcp;
  const others = bench.pair.b.stack.tcp.pages;
  const writeMore = () => {
    pairs.forEach(({ client }, i) => {
      if (others.lent > others.limit / 2) return; // its receivers need some, too
      sent[i] += bench.write(client, bytes.subarray(sent[i]));
    });
  };
  for (let i = 0; i < 40; i++) { // nobody takes what arrives
    writeMore();
    bench.pair.exchange(5);
  }
  assert(pages.lent > 0.9 * limit, `${pages.lent} of ${limit} pages are lent`);
  const received = pairs.map(() => 0);
  for (let turns = 0; received.some((count) => count < bytes.length); turns++) {
    assert(turns < 20_000, `received: ${received}`);
    bench.turn();
    pairs.forEach(({ server }, i) => received[i] += bench.read(server).length);
    writeMore();
  }
});

Deno.test("PX-13: a thousand bytes there and back take the time of the wire alone", () => {
  const bench = new Bench();
  const { client, server } = bench.opens();
  const byte = bytesOf(1, 1);
  const begin = bench.pair.now;
  for (let i = 0; i < 1000; i++) {
    bench.write(client, byte);
    bench.turn(2); // client → proxy → server, a millisecond each
    assertEquals(bench.read(server).length, 1);
    bench.write(server, byte);
    bench.turn(2);
    assertEquals(bench.read(client).length, 1);
  }
  assertEquals(bench.pair.now - begin, 4000);
});

Deno.test("tap upstream: px_max_connections counts pairs, not legs (PX-20)", () => {
  const bench = new Bench({ tunables: { px_max_connections: "3" } });
  const pairs = [bench.opens(), bench.opens(), bench.opens()];
  const fourth = bench.comes();
  bench.turn(SOME_TURNS);
  const { counters } = bench.pair.a.stack;
  assertEquals([fourth.closeReason, counters.TCPConnectionLimit], ["", 1], "dropped silently");
  pairs[0].client.abort();
  bench.turn(1100); // its SYN comes again
  assertEquals([bench.proxy.open, bench.server.acceptable], [3, 1]);
});

Deno.test("tap upstream: a drained pair at rest gets FIN on both legs (PX-21)", () => {
  const bench = new Bench({ tunables: { px_drain_timeout: "1" } });
  const { client, server } = bench.opens();
  bench.proxy.drain(bench.pair.now);
  bench.turn(1100);
  assertEquals([client.peerClosed, server.peerClosed], [true, true]);
  assertStringIncludes(bench.end, 'reason="drained"');
});

Deno.test("tap upstream: the record names it as the route does", () => {
  const bench = new Bench();
  bench.opens();
  assertStringIncludes(bench.logger.records[0], " upstream=tap:10.0.0.2:3000");
});
