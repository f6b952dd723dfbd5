/** FastOpenAttempt: what is remembered of a server, to the byte. The rest is in tests/protocol/. */

import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { Counters } from "../../lib/tcp/counters.ts";
import { FastOpenCache, FastOpenPause } from "../../lib/tcp/fast_open_cache.ts";
import { FastOpenAttempt, FastOpenTrial, trialEnded } from "../../lib/tcp/fast_open_client.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { Segment } from "../../lib/wire/segment.ts";
import { tupleOf } from "./support.ts";

/** A connection whose SYN is number 0. */
function opening(changes: object = {}): Connection {
  const tcp = {
    fastOpenCache: new FastOpenCache(),
    fastOpenPause: new FastOpenPause(),
    counters: new Counters(),
    tunables: DEFAULT_TUNABLES,
  };
  const numbers = { sndUna: 1, sndNxt: 1, fastOpenTrial: FastOpenTrial.None, bytesReceived: 0 };
  return { ...tupleOf(2, 80, 0), ...numbers, tcp, ...changes } as unknown as Connection;
}

Deno.test("fast open client: RFC 7413 §4.1.3.1, one byte that was taken after all ends the refusal", () => {
  const refusedUntil = (ack: number) => {
    const c = opening();
    const attempt = new FastOpenAttempt(c);
    attempt.sent(Object.assign(new Segment(), { fastOpenLength: 8, payloadLength: 1 }));
    attempt.timedOut(1, false, 1000);
    attempt.answered(Object.assign(new Segment(), { ack, fastOpenLength: -1 }), 1460, 1500);
    return c.tcp.fastOpenCache.find(c)!.refusedUntil;
  };
  assertEquals(refusedUntil(2), -Infinity);
  assertEquals(refusedUntil(1), 1500 + 600_000);
});

Deno.test("fast open client: RFC 7413 §7.1, one byte of an answer says that there is no black hole", () => {
  for (const [bytesReceived, isSuspicious] of [[0, true], [1, false]] as const) {
    const c = opening({ fastOpenTrial: FastOpenTrial.TriedAgain, bytesReceived });
    c.tcp.fastOpenPause.begin(3600, 0);
    trialEnded(c);
    assertEquals(c.tcp.fastOpenPause.isSuspicious, isSuspicious);
  }
});
