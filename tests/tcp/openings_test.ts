/** Openings: which local port an active open gets. RFC 6056 §3.3.1. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../lib/tcp/address_error.ts";
import type { ConnectOptions } from "../../lib/tcp/openings.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { createFixture } from "../support/fixture.ts";

const REMOTE = parseEndpoint("10.0.0.2:40000")!;

/** Opens connections from an engine that may use the ports from `low` to `high`. */
function opener(low: number, high: number, seed = 1) {
  const tunables = { ip_local_port_min: low, ip_local_port_max: high };
  const { stack } = createFixture("bare", { tunables, seed });
  return (options: ConnectOptions = {}) => stack.connect(REMOTE, options, 5000).localPort;
}

Deno.test("openings: HS-28, ports are drawn from the whole range, its ends included", () => {
  const first = new Set<number>();
  for (let seed = 1; seed <= 40; seed++) first.add(opener(50_000, 50_001, seed)());
  assertEquals([...first].sort(), [50_000, 50_001]);
});

Deno.test("openings: HS-28, each of a range is had once, and the lack of one more is told", () => {
  const open = opener(50_000, 50_007);
  const ports = Array.from({ length: 8 }, () => open());
  assertEquals(ports.toSorted(), Array.from({ length: 8 }, (_, i) => 50_000 + i));
  const error = assertThrows(() => open(), AddressError, "no local port is free");
  assertEquals(error.code, "EADDRNOTAVAIL");
  assert(error.message.includes("10.0.0.2:40000"));
});

Deno.test("openings: a port that is asked for is had, or named as taken", () => {
  const open = opener(50_000, 50_007);
  assertEquals(open({ localPort: 1 }), 1);
  assertThrows(() => open({ localPort: 1 }), AddressError, "port 1 is taken");
});
