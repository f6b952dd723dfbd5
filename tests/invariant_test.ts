import { assertEquals, assertThrows } from "@std/assert";
import { invariant, InvariantError } from "../lib/invariant.ts";

Deno.test("invariant: a condition that holds passes and narrows", () => {
  const value: string | null = [..."a"].pop() ?? null;
  invariant(value !== null, "the list is empty");
  assertEquals(value.length, 1);
});

Deno.test("invariant: one that fails throws with its message", () => {
  const error = assertThrows(() => invariant(false, "sndUna passed sndNxt"), InvariantError);
  assertEquals([error.name, error.message], ["InvariantError", "sndUna passed sndNxt"]);
});
