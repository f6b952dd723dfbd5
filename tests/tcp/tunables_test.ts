import catalogue from "../protocol/requirements.md" with { type: "text" };
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  allowedValues,
  DEFAULT_TUNABLES,
  setTunable,
  TunableError,
  TUNABLES,
} from "../../lib/tcp/tunables.ts";

function refusal(name: string, text: string): TunableError {
  return assertThrows(() => setTunable(DEFAULT_TUNABLES, name, text), TunableError);
}

Deno.test("tunables: each default is an integer within its range", () => {
  for (const { name, default: standard, min, max } of TUNABLES) {
    assert(Number.isInteger(standard) && min <= standard && standard <= max, name);
    assertStrictEquals(DEFAULT_TUNABLES[name], standard);
  }
});

Deno.test("tunables: both ends of each range are accepted, what lies beyond is not", () => {
  for (const { name, min, max } of TUNABLES) {
    assertStrictEquals(setTunable(DEFAULT_TUNABLES, name, `${min}`)[name], min);
    assertStrictEquals(setTunable(DEFAULT_TUNABLES, name, `${max}`)[name], max);
    refusal(name, `${min - 1}`);
    refusal(name, `${max + 1}`);
  }
});

Deno.test("tunables: ip_local_port_range sets two ports, the lower first", () => {
  const changed = setTunable(DEFAULT_TUNABLES, "ip_local_port_range", "40000 40002");
  assertEquals(changed, {
    ...DEFAULT_TUNABLES,
    ip_local_port_min: 40000,
    ip_local_port_max: 40002,
  });
  for (const text of ["", "5", "2 1", "0 5", "1 65536", "a b"]) {
    refusal("ip_local_port_range", text);
  }
});

Deno.test("tunables: tcp_rmem and tcp_wmem set three sizes, ascending", () => {
  for (const name of ["tcp_rmem", "tcp_wmem"] as const) {
    const changed = setTunable(DEFAULT_TUNABLES, name, " 4096\t8192 0x10000");
    assertEquals(changed, {
      ...DEFAULT_TUNABLES,
      [`${name}_min`]: 4096,
      [`${name}_default`]: 8192,
      [`${name}_max`]: 65536,
    });
    for (const text of ["", "1 2", "4096 8192", "8192 4096 9000", "1 2 3", "4096 5000 x", "9"]) {
      refusal(name, text);
    }
  }
});

Deno.test("tunables: a change makes a new frozen object and leaves the old one", () => {
  const changed = setTunable(DEFAULT_TUNABLES, "tcp_msl", "30");
  assertEquals(changed, { ...DEFAULT_TUNABLES, tcp_msl: 30 });
  assertStrictEquals(DEFAULT_TUNABLES.tcp_msl, 60);
  assert(Object.isFrozen(changed) && Object.isFrozen(DEFAULT_TUNABLES));
});

Deno.test("tunables: a value is decimal, leading zeros included, or 0x hexadecimal", () => {
  assertStrictEquals(setTunable(DEFAULT_TUNABLES, "tcp_msl", "030").tcp_msl, 30);
  assertStrictEquals(setTunable(DEFAULT_TUNABLES, "tcp_msl", "0x1e").tcp_msl, 30);
  assertStrictEquals(setTunable(DEFAULT_TUNABLES, "tcp_msl", "0X1E").tcp_msl, 30);
  for (const text of ["", " 30", "30 ", "+30", "-30", "3e1", "30.0", "0b11", "0x", "30s", "NaN"]) {
    refusal("tcp_msl", text);
  }
});

Deno.test("tunables: a refusal names value and range", () => {
  const error = refusal("tcp_msl", "500");
  assertEquals(error.message, 'Cannot set tcp_msl to "500": expected 1 to 120 seconds');
  assertEquals(
    [error.tunable, error.value, error.allowed, error.nearest],
    ["tcp_msl", "500", "1 to 120 seconds", null],
  );
});

Deno.test("tunables: a refused name brings the nearest valid one", () => {
  const error = refusal("tcp_synack_retires", "3");
  assertEquals(
    error.message,
    'Cannot set tcp_synack_retires to "3": there is no such tunable; ' +
      "did you mean tcp_synack_retries?",
  );
  assertEquals([error.allowed, error.nearest], ["", "tcp_synack_retries"]);
  assertStrictEquals(refusal("colour", "3").nearest, null);
  assertStrictEquals(refusal("toString", "3").allowed, "");
});

Deno.test("tunables: a range is told with its unit, a choice value by value", () => {
  const allowed = new Map(TUNABLES.map((spec) => [spec.name, allowedValues(spec)]));
  assertEquals(allowed.get("busy_poll"), "0 to 10000 microseconds");
  assertEquals(allowed.get("tcp_sack"), "0 or 1");
  assertEquals(allowed.get("tcp_timestamps"), "0, 1 or 2");
});

Deno.test("tunables: defaults and ranges are those of the catalogue", () => {
  const specs = new Map(TUNABLES.map((spec) => [spec.name as string, spec]));
  const rows = catalogue.matchAll(
    /^\| ([a-z_0-9]+) \| (\d+)[^|]*\| (?:(\d+)–([\d^]+)|([\d,]+)) \|/gm,
  );
  let count = 0;
  for (const [, name, standard, low, high, list] of rows) {
    const spec = specs.get(name);
    if (spec === undefined) continue; // of a floor that is not there yet
    const values = list?.split(",").map(Number) ?? [Number(low), numberOf(high)];
    assertEquals(
      [name, spec.default, spec.min, spec.max],
      [name, Number(standard), values[0], values.at(-1)],
    );
    count++;
  }
  assert(count > 40, `only ${count} rows`);
});

/** A number of the catalogue, `2^24` included. */
function numberOf(text: string): number {
  const [base, exponent] = text.split("^").map(Number);
  return exponent === undefined ? base : base ** exponent;
}
