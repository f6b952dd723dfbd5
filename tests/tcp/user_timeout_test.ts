import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { State } from "../../lib/tcp/state.ts";
import { TIMER } from "../../lib/tcp/timers.ts";
import {
  announcedSeconds,
  announceUserTimeout,
  changeUserTimeout,
  takeUserTimeout,
} from "../../lib/tcp/user_timeout.ts";

/** A connection with something in flight, and how often it was made ready. */
function fake(px_user_timeout_option: number = 1) {
  const turns = { count: 0 };
  const c = {
    ...{ state: State.Established, timers: TIMER.User | TIMER.Retransmit, progressAt: 0 },
    ...{ sndUna: 1, endOfStream: 2, userTimeoutMs: 0 },
    ...{ isUserTimeoutChosen: false, owesUserTimeout: false },
    tcp: { tunables: { px_user_timeout_option }, ready: () => turns.count++ },
  } as unknown as Connection;
  return { c, turns };
}

Deno.test("user timeout: a new one counts from now for what waits", () => {
  const { c, turns } = fake();
  changeUserTimeout(c, 5000, 1234.5);
  assertEquals([c.userTimeoutMs, c.progressAt], [5000, 1234]);
  assertEquals([c.timers, turns.count], [TIMER.Retransmit, 1]);
});

Deno.test("user timeout: what the peer tells is bounded, and repetition moves nothing", () => {
  const { c, turns } = fake();
  for (const [seconds, ms] of [[1, 100_000], [300, 300_000], [9999, 3_600_000]]) {
    takeUserTimeout(c, seconds, 10);
    assertEquals(c.userTimeoutMs, ms);
  }
  takeUserTimeout(c, 3600, 20);
  assertEquals([c.progressAt, turns.count], [10, 3]);
});

Deno.test("user timeout: the peer's is not taken over one that was chosen, nor when disabled", () => {
  const { c } = fake();
  c.isUserTimeoutChosen = true;
  takeUserTimeout(c, 300, 10);
  assertEquals(c.userTimeoutMs, 0);
  const disabled = fake(0).c;
  takeUserTimeout(disabled, 300, 10);
  assertEquals(disabled.userTimeoutMs, 0);
});

Deno.test("user timeout: it is told when enabled, to a peer who is still there", () => {
  const announced = (timeoutMs: number, state: State, isEnabled = 1) => {
    const { c } = fake(isEnabled);
    c.userTimeoutMs = timeoutMs;
    c.state = state;
    announceUserTimeout(c);
    return announcedSeconds(c);
  };
  assertEquals(announced(250_001, State.Established), 251);
  assertEquals(announced(1, State.SynSent), 100);
  assertEquals(announced(2 ** 31 - 1, State.CloseWait), 3600);
  assertEquals(announced(0, State.Established), 0);
  assertEquals(announced(250_000, State.TimeWait), 0);
  assertEquals(announced(250_000, State.Closed), 0);
  assertEquals(announced(250_000, State.Established, 0), 0);
});
