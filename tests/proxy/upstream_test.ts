import { assertEquals } from "@std/assert";
import { EAGAIN, ECONNREFUSED, EPIPE } from "../../lib/host/errno.ts";
import { KernelUpstream } from "../../lib/proxy/upstream.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { FakeSockets, readText, writeText } from "../support/fake_sockets.ts";

const REMOTE = parseEndpoint("127.0.0.1:8080")!;

function dialed() {
  const arena = new Arena(1 << 20);
  const sockets = new FakeSockets(arena);
  const upstream = new KernelUpstream(sockets, REMOTE);
  assertEquals(upstream.dial(), 0);
  return { arena, sockets, upstream, socket: sockets.at(upstream.descriptor) };
}

Deno.test("upstream: a kernel socket is dialed, and nothing is held when that is refused", () => {
  const { sockets, socket } = dialed();
  assertEquals(`${socket.remote}`, "127.0.0.1:8080");
  sockets.dialErrno = ECONNREFUSED;
  const refused = new KernelUpstream(sockets, REMOTE);
  assertEquals([refused.dial(), refused.descriptor], [-ECONNREFUSED, -1]);
  assertEquals(sockets.openCount, 1);
});

Deno.test("upstream: a kernel socket sends from the arena and receives into it", () => {
  const { arena, upstream, socket } = dialed();
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
  const { upstream, socket } = dialed();
  socket.pendingErrno = ECONNREFUSED;
  assertEquals(upstream.dialResult(), ECONNREFUSED);
  socket.sendErrno = EPIPE;
  assertEquals(upstream.shutdownWrite(), -EPIPE);
  upstream.reset();
  assertEquals(socket.state, "reset");
  const other = dialed();
  other.upstream.close();
  assertEquals(other.socket.state, "closed");
});
