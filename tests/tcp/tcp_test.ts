/** Tcp: what no segment shows at once; the rest is in tests/protocol/. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { tupleHash } from "../../lib/tcp/connection_table.ts";
import { RateLimit } from "../../lib/tcp/rate_limit.ts";
import { SipHash } from "../../lib/tcp/siphash.ts";
import { SECRETS } from "../../lib/tcp/tcp.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { createFixture, type FixtureOptions } from "../support/fixture.ts";
import { runTest } from "../support/script.ts";
import { tupleOf } from "./support.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => 7 * i);

function tcpWith(options: FixtureOptions) {
  return createFixture("bare", options).stack.tcp;
}

/** Which of many events, ever denser, pass. */
function passing(take: (now: number) => boolean): boolean[] {
  return Array.from({ length: 5000 }, (_, i) => take(10_000 * Math.log2(1 + i)));
}

Deno.test("tcp: secrets lie side by side, each of its own length", () => {
  const ranges = Object.values(SECRETS);
  assertEquals(ranges.map(([begin]) => begin), [0, ...ranges.map(([, end]) => end)].slice(0, -1));
  const lengths = Object.entries(SECRETS).map(([name, [begin, end]]) => [name, end - begin]);
  for (const [name, length] of lengths) assertEquals(length, name === "tuples" ? 4 : 16);
});

Deno.test("tcp: tuples are hashed under their own secret", () => {
  const tuple = tupleOf(2, 40_000, 0);
  const tcp = tcpWith({ secrets: { tuples: Uint8Array.of(0x89, 0xab, 0xcd, 0xef) } });
  assertEquals(tcp.hashOf(tuple), tupleHash(tuple, 0x89abcdef | 0));
});

Deno.test("tcp: a hundred challenge ACKs of handshakes a second, in a pattern of their own", () => {
  const tcp = tcpWith({ secrets: { limits: KEY }, tunables: { px_rst_ratelimit: 100 } });
  const limitOf = (stream: number) => {
    const limit = new RateLimit(100, new SipHash(new Arena(65536), KEY), stream);
    return passing((now) => limit.take(now));
  };
  const challenges = passing((now) => tcp.mayChallenge(now));
  assertEquals(challenges, limitOf(1));
  assertEquals(passing((now) => tcp.resetLimit.take(now)), limitOf(0));
  assertNotEquals(limitOf(0), limitOf(1));
  assert(challenges.includes(false) && challenges.includes(true));
});

Deno.test("tcp: who has nothing to do asks for no call, a refused connection for one in a millisecond", () => {
  runTest((t) => {
    t.run("EST");
    const { tcp } = t.stack;
    assertEquals(tcp.deadline(t.now), Infinity);
    t.fixture.sink.isFull = true;
    t.calls.write(t.flow, 10, null);
    tcp.poll(t.now);
    assertEquals(tcp.deadline(t.now), t.now + 1);
    t.fixture.sink.isFull = false;
    t.advance(2);
    t.run("* > P. 1:11(10) ack 1");
  }, "bare");
});
