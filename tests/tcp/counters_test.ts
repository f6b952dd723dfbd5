import { assert, assertEquals } from "@std/assert";
import { Counters } from "../../lib/tcp/counters.ts";

Deno.test("counters: all begin at zero, and nothing but counters is there", () => {
  const counters = new Counters();
  assert(Object.keys(counters).length > 50);
  assertEquals(new Set(Object.values(counters)), new Set([0]));
  assertEquals(Reflect.ownKeys(Counters.prototype), ["constructor"]);
  assertEquals(Reflect.ownKeys(counters), Object.keys(counters));
});

Deno.test("counters: names are those of Linux's tables, letters and digits with a capital first", () => {
  const names = Object.keys(new Counters());
  assertEquals(names.filter((name) => !/^[A-Z][A-Za-z0-9]+$/.test(name)), []);
  // A monitor that takes no notice of case must not mix two up.
  assertEquals(new Set(names.map((name) => name.toLowerCase())).size, names.length);
});

Deno.test("counters: two engines count apart", () => {
  const counters = new Counters();
  const other = new Counters();
  for (const name of Object.keys(counters) as (keyof Counters)[]) counters[name]++;
  assertEquals(new Set(Object.values(counters)), new Set([1]));
  assertEquals(new Set(Object.values(other)), new Set([0]));
});
