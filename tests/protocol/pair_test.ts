/** CLOSE-07, HS-05, HS-11, HS-12, TW-02: two instances of the product with each other. */

import { assertEquals } from "@std/assert";
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
