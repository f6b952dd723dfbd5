/** Types of assert/mod.js, which npm's package leaves out. `msg` ends the failure's message. */

// deno-lint-ignore no-explicit-any
type Constructor<T> = abstract new (...args: any[]) => T;

/** Thrown by every failed assertion. */
export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions);
}

/** Whether both are deeply equal: own fields, prototypes, elements of collections. */
export function equal(a: unknown, b: unknown): boolean;

/** `expr` is truthy. */
export function assert(expr: unknown, msg?: string): asserts expr;
/** `expr` is falsy. */
export function assertFalse(expr: unknown, msg?: string): asserts expr is false;

/** Both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
/** They are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void;
/** Both are the same value, as `Object.is` sees it. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T;
/** They are not the same value. */
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void;
/** They differ by at most `tolerance`, by default a ten-millionth of `expected`. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void;
/** `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void;
/** `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void;
/** `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void;
/** `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void;

/** `actual` is neither null nor undefined. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T>;
/** `actual` is an instance of `expectedType`. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: Constructor<T>,
  msg?: string,
): asserts actual is T;
/** `actual` is not an instance of `unexpectedType`. */
export function assertNotInstanceOf<A, T>(
  actual: A,
  unexpectedType: Constructor<T>,
  msg?: string,
): asserts actual is Exclude<A, T>;

/** `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void;
/** `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void;
/** `actual` does not match `expected`. */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void;
/** `actual` contains each element of `expected`, deeply equal, in any order. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  msg?: string,
): void;
/** Each field of `expected` is in `actual`, deeply equal; others may be there too. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void;

/** `error` is an Error, of the class and with the text when given. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  // deno-lint-ignore no-explicit-any
  ErrorClass?: abstract new (...args: any[]) => E,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E;
/** `fn` throws. Returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** `fn` throws an Error, of the class and with the text when given. Returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  // deno-lint-ignore no-explicit-any
  ErrorClass: abstract new (...args: any[]) => E,
  msgIncludes?: string,
  msg?: string,
): E;
/** `fn` returns a promise which rejects. Resolves to the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** `fn` returns a promise which rejects with an Error, of the class and with the text when given. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  // deno-lint-ignore no-explicit-any
  ErrorClass: abstract new (...args: any[]) => E,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;

/** Always fails. */
export function fail(msg?: string): never;
/** Fails: this code is not written yet. */
export function unimplemented(msg?: string): never;
/** Fails: this line was thought never to run. */
export function unreachable(msg?: string): never;
