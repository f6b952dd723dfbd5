import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
  fail,
  unreachable,
} from "@std/assert";

Deno.test("assert: what holds passes", () => {
  const maybe: string | null = "a".at(0) ?? null;
  assertExists(maybe);
  assert(maybe.length === 1);
  assertFalse(false);
  assertEquals({ a: [1] }, { a: [1] });
  assertNotEquals([1], [2]);
  assertStrictEquals(maybe, "a");
  assertAlmostEquals(1.01, 1, 0.1);
  assertGreater(2, 1);
  assertGreaterOrEqual(2, 2);
  assertLess(1, 2);
  assertLessOrEqual(2, 2);
  assertMatch("abc", /b/);
  assertStringIncludes("abc", "bc");
  assertArrayIncludes([1, 2, 3], [3, 1]);
  assertObjectMatch({ a: 1, b: 2 }, { b: 2 });
  assertInstanceOf(new RangeError(), Error);
  assert(equal(new Uint8Array([1]), new Uint8Array([1])));
});

Deno.test("assert: what does not hold throws AssertionError", () => {
  assertThrows(() => assertEquals([1], [2]), AssertionError, "not equal");
  assertThrows(() => assert(false, "the reason"), AssertionError, "the reason");
  assertThrows(() => fail("on purpose"), AssertionError, "on purpose");
  assertThrows(() => unreachable(), AssertionError);
});

Deno.test("assert: assertThrows and assertRejects give the error back", async () => {
  const thrown = assertThrows(() => {
    throw new RangeError("too far", { cause: 1 });
  }, RangeError);
  const rejected = await assertRejects(() => Promise.reject(new TypeError("no")), TypeError, "no");
  assertEquals([thrown.cause, rejected.message], [1, "no"]);
});
