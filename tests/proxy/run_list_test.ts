import { assertEquals } from "@std/assert";
import type { Relay } from "../../lib/proxy/relay.ts";
import { RunList } from "../../lib/proxy/run_list.ts";

/** A run list looks at nothing but this of a relay. */
function relay(): Relay {
  return { isWaiting: false } as Relay;
}

Deno.test("run list: first come, first served", () => {
  const list = new RunList();
  const relays = [relay(), relay(), relay()];
  relays.forEach((relay) => list.add(relay));
  assertEquals(relays.map(() => relays.indexOf(list.take())), [0, 1, 2]);
  assertEquals(list.length, 0);
});

Deno.test("run list: holds a relay once, and again after it was taken", () => {
  const list = new RunList();
  const only = relay();
  list.add(only);
  list.add(only);
  assertEquals(list.length, 1);
  list.take();
  list.add(only);
  assertEquals(list.length, 1);
});

Deno.test("run list: keeps the order when it grows with its head in the middle", () => {
  const list = new RunList();
  for (let i = 0; i < 40; i++) list.add(relay());
  for (let i = 0; i < 40; i++) list.take();
  const relays = Array.from({ length: 200 }, relay);
  relays.forEach((relay) => list.add(relay));
  assertEquals(relays.filter((relay) => list.take() !== relay), []);
});
