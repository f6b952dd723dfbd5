/** Listener: the edges of who comes in, and of what it remembers. */

import { assertEquals } from "@std/assert";
import { SIGNAL } from "../../lib/tcp/connection.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import type { FixtureOptions } from "../support/fixture.ts";
import { runTest } from "../support/script.ts";
import { ScriptRun } from "../support/script_run.ts";

/** Data in a SYN opens without a cookie. */
const WITHOUT_COOKIE: FixtureOptions = { fastOpen: 16, tunables: { tcp_fastopen: 0x202 } };

Deno.test("listener: COOKIE-08, cookies are expected for 120 s after the last, to the millisecond", () => {
  const options = { tunables: { tcp_max_syn_backlog: 1, tcp_synack_retries: 0 } };
  for (const [afterMs, failed] of [[120_000, 1], [120_001, 0]]) {
    runTest(
      (t) => {
        t.run(`
        peer b 10.0.0.2:40001
        SR
        +0 <b S 0:0(0) win 65535 <mss 1460>
        +0 >b S. 0:0(0) ack 1 <mss 1460>
        cnt:SyncookiesSent
      `);
        t.advance(afterMs);
        t.discard();
        t.run("+0 <b . 1:1(0) ack 1\n+0 >b R 1:1(0)");
        assertEquals(t.growth("SyncookiesFailed"), failed);
      },
      "bare",
      options,
    );
  }
});

Deno.test("listener: RFC 7413 §4.2, fast open is off until it is asked for", () => {
  const { stack } = new ScriptRun("bare").fixture;
  assertEquals(stack.listen(parseEndpoint("10.0.0.1:81")!, {}).fastOpen, 0);
});

Deno.test("listener: accept tells what happened, and nothing else", () => {
  runTest(
    (t) => {
      t.run(`
      +0 < S 0:10(10) win 65535 <mss 1460>
      +0 > S. 0:0(0) ack 11 <...>
      accept
      app: Readable
    `);
      t.flow.signals = 0;
      t.run("none(.1)\napp: none\n+0 < . 11:11(0) ack 1\nnone(.1)");
      assertEquals(t.flow.signals, SIGNAL.Established);
    },
    "bare",
    WITHOUT_COOKIE,
  );
  runTest(
    (t) => {
      t.run("+0 < S 0:10(10) win 65535 <mss 1460>\n+0 > S. 0:0(0) ack 11 <...>\naccept\nnone(.1)");
      assertEquals(t.flow.signals, SIGNAL.Readable);
    },
    "bare",
    WITHOUT_COOKIE,
  );
});

Deno.test("listener: RFC 7413 §5.1, a listener's own limit goes before that of all, if it is only 1", () => {
  runTest(
    `
    peer b 10.0.0.2:40001
    +0 < S 0:10(10) win 65535 <mss 1460>
    +0 > S. 0:0(0) ack 11 <...>
    +0 <b S 0:10(10) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <...>
    cnt:TCPFastOpenListenOverflow
    `,
    "bare",
    { fastOpen: 1, tunables: { tcp_fastopen: 0x602 } },
  );
});

Deno.test("listener: where fast open is off its limit is not exceeded", () => {
  runTest(
    `
    +0 < S 0:10(10) win 65535 <mss 1460,FO>
    +0 > S. 0:0(0) ack 1 <mss 1460>
    cnt:TCPFastOpenListenOverflow=0
    `,
    "bare",
  );
});

Deno.test("listener: one byte in a SYN opens without a cookie, none does not", () => {
  for (const [length, acknowledged] of [[0, 1], [1, 2]]) {
    runTest(
      `
      +0 < S 0:${length}(${length}) win 65535 <mss 1460>
      +0 > S. 0:0(0) ack ${acknowledged} <...>
      acceptQueue ${length}
      `,
      "bare",
      WITHOUT_COOKIE,
    );
  }
});

Deno.test("listener: closing it twice is closing it once", () => {
  const { fixture } = new ScriptRun("bare");
  fixture.listener.close();
  const next = fixture.stack.listen(parseEndpoint("10.0.0.1:80")!, {});
  fixture.listener.close();
  assertEquals([fixture.listener.isClosed, next.isClosed, next.stateName], [true, false, "LISTEN"]);
});

Deno.test("listener: RFC 9293 §3.10.7.2, a reset is its own affair, and is not counted as one to nobody", () => {
  runTest("+0 < R 5:5(0)\nnone(1)\ncnt:TCPListenRst\ncnt:TCPRstNoConnection=0", "bare");
});
