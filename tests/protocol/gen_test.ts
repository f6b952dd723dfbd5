/** GEN: harness, time, observability. Requirements §2.1. */

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { FixtureOptions } from "../support/fixture.ts";
import { protocolTest } from "../support/script.ts";
import { ScriptRun } from "../support/script_run.ts";
import { setTunable, TunableError } from "../../lib/tcp/tunables.ts";
import { exchange } from "./exchange.ts";
import { idsOf, judge, parseCatalogue, problemsOf } from "../support/catalogue.ts";

for (
  const [what, begin, seconds, frames] of [
    ["a handshake nobody completes takes 63 s", "SR", 64, 5],
    ["a connection nobody answers takes 7875 s", "EST\nkeepalive", 7900, 10],
  ] as const
) {
  Deno.test(`GEN-01: ${what}, in less than one; a clock in small steps changes nothing`, () => {
    const traceOf = (stepMs: number) => {
      const t = new ScriptRun("bare");
      t.run(begin);
      const trace: string[] = [];
      while (t.elapsedMs < 1000 * seconds) {
        for (let packet = t.next(stepMs); packet !== null; packet = t.next()) {
          trace.push(`${t.elapsedMs.toFixed(3)} ${JSON.stringify({ ...packet, options: [] })}`);
        }
      }
      t.finish();
      return trace;
    };
    const startedAt = performance.now();
    const fast = traceOf(1000 * seconds);
    assert(performance.now() - startedAt < 1000, "virtual time is slow");
    assertEquals(fast.length, frames);
    assertEquals(traceOf(seconds), fast);
  });
}

Deno.test("GEN-02: the same seed gives the same bytes, another seed another X", () => {
  const bytesOf = (options: FixtureOptions) => {
    const t = new ScriptRun("bare", options);
    const sent: string[] = [];
    const { frames } = t.fixture.sink;
    // The runner takes frames away when it looks at them.
    const splice = frames.splice.bind(frames);
    frames.splice = (start: number) => {
      const taken = splice(start);
      sent.push(...taken.map(({ bytes }) => bytes.toHex()));
      return taken;
    };
    t.run("EST+TS+SACK+WS7");
    const { productIsn } = t.flow;
    exchange(t, 100_000, () => false);
    t.run("< . 100001:100001(0) ack 100001 <ts>\nnone(1)");
    t.finish();
    return { sent, productIsn };
  };
  const [first, again, other] = [1, 1, 2].map((seed) => bytesOf({ seed }));
  assert(first.sent.length > 50, `only ${first.sent.length} frames`);
  assertEquals(again.sent, first.sent);
  assertNotEquals(other.productIsn, first.productIsn);
});

Deno.test("GEN-03: the suite needs no permission: frames go in and out of memory", {
  permissions: "none",
}, () => {
  for (const name of ["ffi", "net", "read", "write", "run", "env", "sys"] as const) {
    assertEquals(Deno.permissions.querySync({ name }).state === "granted", false, name);
  }
  for (const link of ["bare", "offload"] as const) {
    const t = new ScriptRun(link);
    t.run("EST+TS+SACK+WS7");
    exchange(t, 100_000, () => false);
    t.discard();
    t.finish();
  }
});

protocolTest("GEN-05", "tcp_synack_retries=2 holds for the next SYN, 256 is refused", (t) => {
  const { stack } = t;
  stack.tunables = setTunable(stack.tunables, "tcp_synack_retries", "2");
  for (const [name, value] of [["tcp_synack_retries", "256"], ["tcp_no_such_thing", "1"]]) {
    assertThrows(() => setTunable(stack.tunables, name, value), TunableError);
  }
  assertEquals(stack.tunables.tcp_synack_retries, 2);
  t.run(`
    SR
    1 > S. 0:0(0) ack 1 <mss 1460>
    3 > S. 0:0(0) ack 1 <mss 1460>
    6.98 synQueue 1
    7.02 synQueue 0
    none(70)
  `);
});

Deno.test("GEN-04: a finished row must pass and every id be known; MAY rows may be left out", () => {
  const catalogue = parseCatalogue("| AA-01 | MUST | |\n| AA-02 | MAY | |\n| BB-01 | MUST | |\n");
  const [must, may] = catalogue.map(({ id }) => id);
  const declared = { finishedGroups: ["AA"], notImplemented: [may] };
  const problems = (...results: { name: string; passed: boolean }[]) =>
    problemsOf(judge(catalogue, results), results.flatMap(({ name }) => idsOf(name)), declared);
  const pass = { name: `${must}: it works`, passed: true };
  assertEquals(problems(pass), []);
  assertEquals(problems(), [`${must} of the finished group AA: missing`]);
  assertEquals(problems(pass, { ...pass, passed: false }), [
    `${must} of the finished group AA: fail`,
  ]);
  assertEquals(problems(pass, { name: `${must}, AA-99: it works`, passed: true }), [
    `A test names AA-99, which is not in the catalogue`,
  ]);
  const wrong = { finishedGroups: ["CC"], notImplemented: [must] };
  assertEquals(problemsOf(judge(catalogue, []), [], wrong), [
    "There is no group CC to be finished",
    `${must} is no MAY row and cannot be left out`,
  ]);
});
