import { assertEquals } from "@std/assert";
import { EAGAIN, ECONNREFUSED, EPIPE } from "../../lib/host/errno.ts";
import { Relay } from "../../lib/proxy/relay.ts";
import { KernelUpstream, type SocketKeepalive } from "../../lib/proxy/upstream.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { FakeConnection } from "../support/fake_connection.ts";
import { FakeSockets, readText, writeText } from "../support/fake_sockets.ts";

const CLIENT = parseEndpoint("198.18.0.1:40000")!;
const REMOTE = parseEndpoint("127.0.0.1:8080")!;

class Bench {
  readonly arena = new Arena(1 << 20);
  readonly sockets = new FakeSockets(this.arena);

  /** Dials; what `dial` answered, and the leg. */
  dial(keepalive: SocketKeepalive | null = null) {
    const upstream = new KernelUpstream(this.sockets, REMOTE, keepalive);
    const client = new FakeConnection(this.arena, REMOTE, CLIENT);
    const host = { tunables: DEFAULT_TUNABLES, schedule: () => {} };
    return { upstream, result: upstream.dial(new Relay(host, client, upstream, 0), false) };
  }

  /** Dials with success. */
  dialed(keepalive: SocketKeepalive | null = null) {
    const { upstream, result } = this.dial(keepalive);
    assertEquals(result, 0);
    return { upstream, socket: this.sockets.at(upstream.descriptor) };
  }
}

Deno.test("upstream: a kernel socket is dialed, and nothing is held when that is refused", () => {
  const bench = new Bench();
  const { upstream, socket } = bench.dialed();
  assertEquals([`${socket.remote}`, `${upstream}`], ["127.0.0.1:8080", "127.0.0.1:8080"]);
  bench.sockets.dialErrno = ECONNREFUSED;
  const refused = bench.dial();
  assertEquals([refused.result, refused.upstream.descriptor], [-ECONNREFUSED, -1]);
  assertEquals(bench.sockets.openCount, 1);
});

Deno.test("upstream: a kernel socket probes as it is told, else as the tunables say", () => {
  const bench = new Bench();
  assertEquals(bench.dialed().socket.keepalive, null);
  assertEquals(bench.dialed({}).socket.keepalive, [7200, 75, 9]);
  assertEquals(bench.dialed({ time: 60, probes: 3 }).socket.keepalive, [60, 75, 3]);
});

Deno.test("upstream: a kernel socket sends from the arena and receives into it", () => {
  const bench = new Bench();
  const { arena } = bench;
  const { upstream, socket } = bench.dialed();
  const at = arena.reserve(16, 8);
  writeText(arena, at, "offered,gathered");
  const bytes = new Gather();
  bytes.add(at + 8, 8);
  assertEquals([upstream.send(at, 8), upstream.sendGather(bytes)], [8, 8]);
  assertEquals(socket.outgoing, "offered,gathered");
  socket.incoming = "answer";
  assertEquals(upstream.receive(bytes), 6);
  assertEquals(readText(arena, at + 8, 6), "answer");
  assertEquals(upstream.receive(bytes), -EAGAIN);
});

Deno.test("upstream: a kernel socket tells its errors, and ends as it is asked to", () => {
  const bench = new Bench();
  const { upstream, socket } = bench.dialed();
  socket.pendingErrno = ECONNREFUSED;
  assertEquals(upstream.dialResult(), ECONNREFUSED);
  socket.sendErrno = EPIPE;
  assertEquals(upstream.shutdownWrite(), -EPIPE);
  upstream.reset();
  assertEquals(socket.state, "reset");
  const other = bench.dialed();
  other.upstream.close();
  assertEquals(other.socket.state, "closed");
});
