import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MonotonicClock } from "../../lib/host/clock.ts";
import { EpollPoller } from "../../lib/host/epoll.ts";
import { READABLE, WRITABLE } from "../../lib/host/host.ts";
import { LibcError } from "../../lib/host/libc.ts";
import { KernelSockets } from "../../lib/host/sockets.ts";
import { InvariantError } from "../../lib/invariant.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { hostTest, listenOn, pieces, ready } from "./support.ts";

/** A poller, and a connection whose far end the test holds. */
async function connected() {
  const { listener, endpoint } = listenOn("127.0.0.1");
  const arena = new Arena(1 << 20);
  const sockets = new KernelSockets(arena);
  const poller = new EpollPoller(arena);
  const descriptor = sockets.dial(endpoint);
  const upstream = await listener.accept();
  return {
    arena,
    sockets,
    poller,
    descriptor,
    endpoint,
    listener,
    upstream,
    [Symbol.dispose]() {
      sockets.close(descriptor);
      upstream.close();
      listener.close();
      poller.close();
    },
  };
}

hostTest("epoll: a socket's readiness is told once for each change", async () => {
  using at = await connected();
  at.poller.watch(at.descriptor);
  assertEquals(at.poller.poll(), 1);
  assertEquals(at.poller.descriptorAt(0), at.descriptor);
  assertEquals(at.poller.readinessAt(0), WRITABLE);
  assertEquals(at.poller.poll(), 0);
  await at.upstream.write(new Uint8Array(3));
  await ready(at.poller, at.descriptor, READABLE);
  assertEquals(at.poller.poll(), 0); // unread, and not told again
  await at.upstream.write(new Uint8Array(3));
  await ready(at.poller, at.descriptor, READABLE);
});

hostTest("epoll: a link's readiness is told until it is empty", async () => {
  using at = await connected();
  at.poller.watchLink(at.descriptor);
  assertEquals(at.poller.poll(), 0); // writable does not count
  await at.upstream.write(new Uint8Array(3));
  await ready(at.poller, at.descriptor, READABLE);
  assertEquals([at.poller.poll(), at.poller.poll()], [1, 1]);
  assertEquals(at.poller.readinessAt(0), READABLE);
  assertEquals(at.sockets.receive(at.descriptor, pieces(at.arena, 10)), 3);
  assertEquals(at.poller.poll(), 0);
});

hostTest("epoll: the upstream's end of stream is READABLE", async () => {
  using at = await connected();
  at.poller.watch(at.descriptor);
  at.poller.poll();
  await at.upstream.closeWrite();
  await ready(at.poller, at.descriptor, READABLE);
});

hostTest("epoll: an event of a closed descriptor is not the next one's of its number", async () => {
  using at = await connected();
  const first = at.sockets.dial(at.endpoint);
  (await at.listener.accept()).close();
  at.poller.watch(first);
  assertEquals(at.poller.poll(), 1);
  assertEquals(at.poller.readinessAt(0), READABLE | WRITABLE);
  at.sockets.close(first);
  const second = at.sockets.dial(at.endpoint);
  assertEquals(second, first);
  at.poller.watch(second);
  assertEquals(at.poller.readinessAt(0), 0);
  (await at.listener.accept()).close();
  at.sockets.close(second);
});

hostTest("epoll: descriptors beyond the first thousand are told too", () => {
  const { listener, endpoint } = listenOn("127.0.0.1");
  listener.close(); // each dialing is refused, and its descriptor stays
  const arena = new Arena(65536);
  const sockets = new KernelSockets(arena);
  const poller = new EpollPoller(arena);
  const dialed: number[] = [];
  for (let last = 0; last >= 0 && last < 1100;) {
    last = sockets.dial(endpoint);
    if (last >= 0) dialed.push(last);
  }
  const largest = dialed[dialed.length - 1];
  if (largest < 1100) console.log("Only half a test: too few descriptors, see `ulimit -n`");
  poller.watch(largest);
  assertEquals(poller.poll(), 1);
  assertEquals(poller.descriptorAt(0), largest);
  assertEquals(poller.readinessAt(0), READABLE | WRITABLE);
  for (const descriptor of dialed) sockets.close(descriptor);
  poller.close();
});

hostTest("epoll: more events than fit come with the next poll", async () => {
  using at = await connected();
  const poller = new EpollPoller(at.arena, 2);
  const descriptors = [1, 2, 3].map(() => at.sockets.dial(at.endpoint));
  for (const descriptor of descriptors) {
    (await at.listener.accept()).close();
    poller.watch(descriptor);
  }
  assertEquals([poller.poll(), poller.poll(), poller.poll()], [2, 1, 0]);
  for (const descriptor of descriptors) at.sockets.close(descriptor);
  poller.close();
});

hostTest("epoll: a park ends with the event that comes", async () => {
  using at = await connected();
  at.poller.watch(at.descriptor);
  at.poller.poll();
  const parked = at.poller.park(Infinity);
  await at.upstream.write(new Uint8Array(1));
  assertEquals(await parked, 1);
  assertEquals(at.poller.descriptorAt(0), at.descriptor);
});

hostTest("epoll: a park waits for a fraction of a millisecond", async () => {
  const arena = new Arena(65536);
  const poller = new EpollPoller(arena);
  const clock = new MonotonicClock(arena);
  let shortest = Infinity;
  for (let i = 0; i < 50; i++) {
    const from = clock.now();
    assertEquals(await poller.park(0.3), 0);
    shortest = Math.min(shortest, clock.now() - from);
  }
  assert(shortest >= 0.3, `${shortest} ms`);
  assert(shortest < 1, `${shortest} ms`);
  poller.close();
});

hostTest("epoll: a wait ends with an event, or after a fraction of a millisecond", async () => {
  using at = await connected();
  const clock = new MonotonicClock(at.arena);
  at.poller.watch(at.descriptor);
  assertEquals(at.poller.wait(1000), 1);
  assertEquals(at.poller.descriptorAt(0), at.descriptor);
  let shortest = Infinity;
  for (let i = 0; i < 50; i++) {
    const from = clock.now();
    assertEquals(at.poller.wait(0.3), 0);
    shortest = Math.min(shortest, clock.now() - from);
  }
  assert(shortest >= 0.3, `${shortest} ms`);
  assert(shortest < 1, `${shortest} ms`);
});

hostTest("epoll: a park without time is a poll", async () => {
  using at = await connected();
  at.poller.watch(at.descriptor);
  assertEquals(await at.poller.park(0), 1);
  assertEquals(await at.poller.park(-1), 0);
});

hostTest("epoll: wake ends an endless park and is no event", async () => {
  const poller = new EpollPoller(new Arena(65536));
  for (let i = 0; i < 3; i++) {
    const parked = poller.park(Infinity);
    poller.wake();
    poller.wake();
    assertEquals(await parked, 0);
    assertEquals(poller.poll(), 0);
  }
  poller.close();
});

hostTest("epoll: wake beside another event leaves that one alone", async () => {
  using at = await connected();
  at.poller.watch(at.descriptor);
  at.poller.poll();
  const parked = at.poller.park(Infinity);
  at.poller.wake();
  await at.upstream.write(new Uint8Array(1));
  // Either event may have ended the park; the socket's is told, and only once.
  const told = await parked + at.poller.poll();
  assertEquals(told, 1);
  assertEquals(at.poller.descriptorAt(0), at.descriptor);
});

hostTest("epoll: wake before a park ends it at once, even after a poll", async () => {
  const poller = new EpollPoller(new Arena(65536));
  poller.wake();
  poller.poll();
  assertEquals(await poller.park(Infinity), 0);
  poller.close();
});

hostTest("epoll: two parks at a time are a bug", async () => {
  const poller = new EpollPoller(new Arena(65536));
  const parked = poller.park(Infinity);
  await assertRejects(() => poller.park(Infinity), InvariantError);
  poller.wake();
  await parked;
  poller.close();
});

hostTest("epoll: closing ends a park", async () => {
  const poller = new EpollPoller(new Arena(65536));
  const parked = poller.park(Infinity);
  poller.close();
  assertEquals(await parked, 0);
  assertEquals(await poller.park(Infinity), 0);
});

hostTest("epoll: a descriptor that is none is refused with its errno", () => {
  const poller = new EpollPoller(new Arena(65536));
  const error = assertThrows(() => poller.watch(99_999), LibcError);
  assertEquals([error.syscall, error.code], ["epoll_ctl", "EBADF"]);
  poller.close();
});
