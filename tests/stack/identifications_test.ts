import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Identifications } from "../../lib/stack/identifications.ts";

function take(key: number, count: number): number[] {
  const identifications = new Identifications(key);
  return Array.from({ length: count }, () => identifications.next());
}

Deno.test("identifications: 65536 in a row are all there are, whatever the key", () => {
  for (const key of [0, 1, -1, 0x12345678]) {
    const numbers = take(key, 2 * 65536);
    for (const from of [0, 1, 40_000]) {
      assertEquals(new Set(numbers.slice(from, from + 65536)).size, 65536);
    }
    assert(numbers.every((number) => number >= 0 && number < 65536));
  }
});

Deno.test("identifications: no step between two in a row is frequent, and another key gives others", () => {
  const numbers = take(5, 10_000);
  const steps = new Map<number, number>();
  for (let i = 1; i < numbers.length; i++) {
    const step = (numbers[i] - numbers[i - 1]) & 0xffff;
    steps.set(step, (steps.get(step) ?? 0) + 1);
  }
  assert(Math.max(...steps.values()) < 100, `${Math.max(...steps.values())}`);
  assertNotEquals(take(6, 100), numbers.slice(0, 100));
});
