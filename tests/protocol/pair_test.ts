/** CLOSE-07, HS-05, HS-11, HS-12, SEG-11, TW-02: two instances of the product with each other. */

import { assert, assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { Pair } from "../support/pair.ts";

/** Two hosts that know each other's MAC, and nothing else. */
function acquainted(): Pair {
  const pair = new Pair();
  const listener = pair.b.stack.listen(pair.b.at(9));
  pair.a.stack.connect(pair.b.at(9), {}, pair.now);
  pair.exchange(6);
  listener.accept()!.abort();
  pair.exchange(2);
  pair.takeSegments();
  return pair;
}

/** Both sides open at once, port 5000 to port 5000. */
function crossing() {
  const pair = acquainted();
  const a = pair.a.stack.connect(pair.b.at(5000), { localPort: 5000 }, pair.now);
  const b = pair.b.stack.connect(pair.a.at(5000), { localPort: 5000 }, pair.now);
  pair.watch(a);
  pair.watch(b);
  return { pair, a, b };
}

Deno.test("HS-05: one instance opens a connection to another, the next hop unknown before", () => {
  const pair = new Pair();
  const listener = pair.b.stack.listen(pair.b.at(9));
  const c = pair.a.stack.connect(pair.b.at(9), {}, pair.now);
  pair.watch(c);
  pair.exchange(6);
  assertEquals(pair.takeSegments(), ["a S", "b S.", "a ."]);
  assertEquals(pair.states.get(c), ["SYN-SENT", "ESTABLISHED"]);
  assertEquals(listener.acceptable, 1);
});

for (const id of ["HS-11", "HS-12"]) {
  Deno.test(`${id}: crossing SYNs make one connection by four segments`, () => {
    const { pair, a, b } = crossing();
    pair.exchange(6);
    assertEquals(pair.takeSegments(), ["a S", "b S", "a S.", "b S."]);
    for (const c of [a, b]) {
      assertEquals(pair.states.get(c), ["SYN-SENT", "SYN-RECEIVED", "ESTABLISHED"]);
    }
    for (const { stack } of [pair.a, pair.b]) {
      assertEquals([stack.tcp.connectionCount, stack.tcp.openingCount], [1, 0]);
    }
  });
}

for (const id of ["CLOSE-07", "TW-02"]) {
  Deno.test(`${id}: crossing FINs lead both ends through CLOSING to TIME-WAIT`, () => {
    const { pair, a, b } = crossing();
    pair.exchange(4);
    pair.takeSegments();
    a.shutdown();
    b.shutdown();
    pair.exchange(4);
    assertEquals(pair.takeSegments(), ["a F.", "b F.", "a .", "b ."]);
    for (const c of [a, b]) {
      assertEquals(pair.states.get(c)?.slice(2), [
        ...["ESTABLISHED", "FIN-WAIT-1", "CLOSING", "TIME-WAIT"],
      ]);
    }
    for (const { stack } of [pair.a, pair.b]) {
      assertEquals([stack.tcp.connectionCount, stack.tcp.timeWaits.count], [0, 1]);
    }
  });
}

Deno.test("HS-23: both ends open and close at once", () => {
  const { pair, a, b } = crossing();
  pair.exchange(1);
  a.shutdown();
  b.shutdown();
  pair.exchange(6);
  for (const c of [a, b]) {
    assertEquals(pair.states.get(c)?.at(-1), "TIME-WAIT");
  }
});

/** Writes until there is no more room. Returns how many bytes that took. */
function fill(c: Connection): number {
  let written = 0;
  for (let room = c.writable().length; room > 0; room = c.writable().length) {
    c.commit(room);
    written += room;
  }
  return written;
}

/** Reads what there is. Returns how many bytes that was. */
function drain(c: Connection): number {
  const { length } = c.readable();
  c.consume(length);
  return length;
}

Deno.test("SEG-11: both ends probe the other's shut window, and both make progress", () => {
  const { pair, a, b } = crossing();
  pair.exchange(4);
  const written = [0, 0];
  const probes = () => [pair.a, pair.b].map(({ stack }) => stack.counters.TCPWinProbe);
  // Nobody reads: both windows shut, with bytes waiting to be sent.
  for (let i = 0; i < 20_000 && Math.min(...probes()) < 3; i++) {
    written[0] += fill(a);
    written[1] += fill(b);
    pair.exchange(1, 10);
  }
  assert(Math.min(...probes()) >= 3, `${probes()} probes`);
  assertEquals([a, b].map((c) => [c.sndWnd, c.sndUna === c.sndNxt]), [[0, true], [0, true]]);
  // The windows open, but the segments which say so are lost: only the probes can tell.
  const read = [drain(a), drain(b)];
  for (const { stack, sink } of [pair.a, pair.b]) {
    while (stack.poll(pair.now));
    assertEquals(sink.frames.splice(0).length, 1);
  }
  for (let i = 0; i < 20_000 && (read[0] < written[1] || read[1] < written[0]); i++) {
    pair.exchange(1, 10);
    read[0] += drain(a);
    read[1] += drain(b);
  }
  assertEquals(read, written.toReversed());
  pair.exchange(2);
  assertEquals([a, b].map((c) => c.isDrained), [true, true]);
});
