// Deno's own sockets cannot be told to close with RST.
import { type AddressInfo, createServer } from "node:net";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ArenaAddress } from "../../lib/host/arena_address.ts";
import { EpollPoller } from "../../lib/host/epoll.ts";
import { EAGAIN, ECONNREFUSED, ECONNRESET, EPIPE, errnoName } from "../../lib/host/errno.ts";
import { READABLE, WRITABLE } from "../../lib/host/host.ts";
import { libc } from "../../lib/host/libc.ts";
import { KernelSockets } from "../../lib/host/sockets.ts";
import { InvariantError } from "../../lib/invariant.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { RawListener } from "../support/raw_listener.ts";
import { UrgentStream } from "../support/urgent_stream.ts";
import { bytesOf, endpoint, HAS_IPV6, hostTest, listenOn, pieces, ready } from "./support.ts";

const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_FASTOPEN_CONNECT = 30;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;

/** What the kernel says of a socket. */
function integerOption(arena: Arena, descriptor: number, level: number, option: number): number {
  const address = new ArenaAddress(arena);
  const at = arena.reserve(8, 8);
  address.words[at / 4 + 1] = 4;
  const [value, length] = [address.pointer(at), address.pointer(at + 4)];
  assertEquals(libc().call.getsockopt(descriptor, level, option, value, length), 0);
  return address.words[at / 4];
}

/** A connected pair: our descriptor, and the upstream's end of it. */
class Pair implements Disposable {
  readonly arena = new Arena(8 << 20);
  readonly sockets = new KernelSockets(this.arena);
  readonly poller = new EpollPoller(this.arena);
  readonly descriptor: number;
  upstream!: Deno.TcpConn;
  #isOpen = true;

  private constructor(listener: Deno.TcpListener, hostname: string) {
    this.descriptor = this.sockets.dial(endpoint(hostname, listener.addr.port));
    assert(this.descriptor >= 0, errnoName(-this.descriptor));
    this.poller.watch(this.descriptor);
  }

  static async connect(hostname = "127.0.0.1"): Promise<Pair> {
    const { listener } = listenOn(hostname);
    const pair = new Pair(listener, hostname);
    await ready(pair.poller, pair.descriptor, WRITABLE);
    assertEquals(pair.sockets.dialResult(pair.descriptor), 0);
    pair.upstream = await listener.accept();
    listener.close();
    return pair;
  }

  async read(count: number): Promise<number[]> {
    const bytes = new Uint8Array(count);
    for (let have = 0; have < count;) {
      const got = await this.upstream.read(bytes.subarray(have));
      assert(got !== null, "the stream ended early");
      have += got;
    }
    return [...bytes];
  }

  close(): void {
    this.#isOpen = false;
    this.sockets.close(this.descriptor);
  }

  reset(): void {
    this.#isOpen = false;
    this.sockets.reset(this.descriptor);
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) this.close();
    this.upstream.close();
    this.poller.close();
  }
}

hostTest("sockets: dialing a listener connects over IPv4", async () => {
  using pair = await Pair.connect();
  assertEquals(pair.upstream.localAddr.hostname, "127.0.0.1");
});

hostTest("sockets: dialing a listener connects over IPv6", async () => {
  using pair = await Pair.connect("::1");
  assertEquals(pair.upstream.localAddr.hostname, "::1");
}, HAS_IPV6);

hostTest("sockets: dialing a closed port ends with ECONNREFUSED", async () => {
  const arena = new Arena(65536);
  const sockets = new KernelSockets(arena);
  const poller = new EpollPoller(arena);
  const { listener, endpoint } = listenOn("127.0.0.1");
  listener.close();
  const descriptor = sockets.dial(endpoint);
  assert(descriptor >= 0, "the refusal comes later");
  poller.watch(descriptor);
  await ready(poller, descriptor, WRITABLE);
  assertEquals(sockets.dialResult(descriptor), ECONNREFUSED);
  sockets.close(descriptor);
  poller.close();
});

hostTest("sockets: a fast dialing without a cookie connects, and takes bytes then", async () => {
  const arena = new Arena(65536);
  const sockets = new KernelSockets(arena);
  const poller = new EpollPoller(arena);
  const { listener, endpoint } = listenOn("127.0.0.1");
  const descriptor = sockets.dial(endpoint, true);
  const wasSet = integerOption(arena, descriptor, IPPROTO_TCP, TCP_FASTOPEN_CONNECT) === 1;
  assertEquals(wasSet, sockets.fastOpenErrno() === 0);
  const bytes = pieces(arena, 100);
  const early = sockets.sendGather(descriptor, bytes);
  if (early > 0) assertEquals(early, 100); // an own cookie was there: nobody knows the machine's past
  poller.watch(descriptor);
  await ready(poller, descriptor, WRITABLE);
  assertEquals(sockets.dialResult(descriptor), 0);
  if (early < 0) assertEquals(sockets.sendGather(descriptor, bytes), 100);
  const upstream = await listener.accept();
  assertEquals(await upstream.read(new Uint8Array(200)), 100);
  upstream.close();
  listener.close();
  sockets.close(descriptor);
  poller.close();
});

hostTest("sockets: a refusal at once gives its errno and keeps no descriptor", () => {
  const sockets = new KernelSockets(new Arena(65536));
  const broadcast = endpoint("255.255.255.255", 80);
  const first = sockets.dial(broadcast);
  assert(first < 0);
  for (let i = 0; i < 5000; i++) assertEquals(sockets.dial(broadcast), first); // never EMFILE
});

hostTest("sockets: the kernel probes a silent upstream as it is told", async () => {
  using pair = await Pair.connect();
  const { arena, descriptor } = pair;
  const optionOf = (level: number, option: number) =>
    integerOption(arena, descriptor, level, option);
  assertEquals(optionOf(SOL_SOCKET, SO_KEEPALIVE), 0);
  pair.sockets.setKeepalive(descriptor, 60, 10, 3);
  assertEquals(optionOf(SOL_SOCKET, SO_KEEPALIVE), 1);
  const times = [TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map((option) =>
    optionOf(IPPROTO_TCP, option)
  );
  assertEquals(times, [60, 10, 3]);
  pair.sockets.setKeepalive(descriptor, 32767, 32767, 127);
  assertEquals(optionOf(IPPROTO_TCP, TCP_KEEPIDLE), 32767);
});

hostTest("sockets: send takes bytes of the arena", async () => {
  using pair = await Pair.connect();
  const bytes = pieces(pair.arena, 100);
  assertEquals(pair.sockets.send(pair.descriptor, bytes.offsets[0] + 10, 50), 50);
  assertEquals(await pair.read(50), bytesOf(pair.arena, bytes).slice(10, 60));
});

hostTest("sockets: sendGather sends all 17 pieces in order", async () => {
  using pair = await Pair.connect();
  const lengths = Array.from({ length: 17 }, (_, index) => 4096 - index);
  const bytes = pieces(pair.arena, ...lengths);
  assertEquals(pair.sockets.sendGather(pair.descriptor, bytes), bytes.length);
  assertEquals(await pair.read(bytes.length), bytesOf(pair.arena, bytes));
});

hostTest("sockets: receive fills the pieces in order", async () => {
  using pair = await Pair.connect();
  const sent = Uint8Array.from({ length: 700 }, (_, index) => index * 7);
  const room = pieces(pair.arena, 1, 99, 300, 300);
  await pair.upstream.write(sent);
  await ready(pair.poller, pair.descriptor, READABLE);
  assertEquals(pair.sockets.receive(pair.descriptor, room), 700);
  assertEquals(bytesOf(pair.arena, room), [...sent]);
});

hostTest("sockets: receive gives -EAGAIN when nothing came, 0 at the end", async () => {
  using pair = await Pair.connect();
  const room = pieces(pair.arena, 64);
  assertEquals(pair.sockets.receive(pair.descriptor, room), -EAGAIN);
  await pair.upstream.closeWrite();
  await ready(pair.poller, pair.descriptor, READABLE);
  assertEquals(pair.sockets.receive(pair.descriptor, room), 0);
});

hostTest("sockets: receive without room is a bug, not the end of the stream", async () => {
  using pair = await Pair.connect();
  assertThrows(() => pair.sockets.receive(pair.descriptor, new Gather()), InvariantError);
});

hostTest("sockets: a half-closed stream still brings the upstream's bytes", async () => {
  using pair = await Pair.connect();
  const bytes = pieces(pair.arena, 5);
  pair.sockets.sendGather(pair.descriptor, bytes);
  assertEquals(pair.sockets.shutdownWrite(pair.descriptor), 0);
  assertEquals(await pair.read(5), [0, 1, 2, 3, 4]);
  assertEquals(await pair.upstream.read(new Uint8Array(1)), null);
  await pair.upstream.write(new Uint8Array([9]));
  await ready(pair.poller, pair.descriptor, READABLE);
  assertEquals(pair.sockets.receive(pair.descriptor, bytes), 1);
  assertEquals(bytesOf(pair.arena, bytes)[0], 9);
});

hostTest("sockets: a full socket gives -EAGAIN and becomes writable again", async () => {
  using pair = await Pair.connect();
  const bytes = pieces(pair.arena, 65536);
  let sent = 0;
  let last = 0;
  while ((last = pair.sockets.sendGather(pair.descriptor, bytes)) > 0) sent += last;
  assertEquals(last, -EAGAIN);
  assertEquals(pair.poller.poll(), 0);
  const reading = pair.read(sent - 65536);
  await ready(pair.poller, pair.descriptor, WRITABLE);
  assert(pair.sockets.send(pair.descriptor, bytes.offsets[0], 1) > 0);
  await reading;
});

hostTest("sockets: close ends the stream gracefully", async () => {
  using pair = await Pair.connect();
  pair.close();
  assertEquals(await pair.upstream.read(new Uint8Array(1)), null);
});

hostTest("sockets: reset ends the stream with RST", async () => {
  using pair = await Pair.connect();
  pair.reset();
  await assertRejects(() => pair.upstream.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
});

hostTest("sockets: an upstream's reset is an errno, and sending on raises no signal", async () => {
  const server = createServer((upstream) => upstream.resetAndDestroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const arena = new Arena(65536);
  const sockets = new KernelSockets(arena);
  const poller = new EpollPoller(arena);
  const descriptor = sockets.dial(endpoint("127.0.0.1", (server.address() as AddressInfo).port));
  poller.watch(descriptor);
  await ready(poller, descriptor, READABLE);
  const bytes = pieces(arena, 64);
  assertEquals(sockets.receive(descriptor, bytes), -ECONNRESET);
  assertEquals(sockets.sendGather(descriptor, bytes), -EPIPE);
  sockets.close(descriptor);
  poller.close();
  await new Promise((resolve) => server.close(resolve));
});

hostTest("sockets: buffers left to the kernel work as well", async () => {
  const { listener, endpoint } = listenOn("127.0.0.1");
  const arena = new Arena(65536);
  const sockets = new KernelSockets(arena, { sendBufferBytes: 0, receiveBufferBytes: 1 << 20 });
  const descriptor = sockets.dial(endpoint);
  const upstream = await listener.accept();
  assertEquals(sockets.dialResult(descriptor), 0);
  sockets.close(descriptor);
  upstream.close();
  listener.close();
});

hostTest("URG-03: sockets: urgent bytes go and come in their place, and marked", async () => {
  const arena = new Arena(65536);
  const sockets = new KernelSockets(arena);
  using listener = new RawListener();
  const client = new UrgentStream(
    sockets,
    arena,
    sockets.dial(endpoint("127.0.0.1", listener.port)),
  );
  const server = new UrgentStream(sockets, arena, listener.accept());
  for (const [from, to] of [[client, server], [server, client]]) {
    await from.send("before!after");
    assertEquals(await to.receive(12), "before[!]after");
    await from.send("!");
    assertEquals(await to.receive(1), "[!]");
  }
  client.close();
  server.close();
});
