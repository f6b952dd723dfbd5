/** Handshake: the edges of what SYN-RECEIVED takes, and the times and fields of what it sends. */

import { assertEquals } from "@std/assert";
import type { FixtureOptions } from "../support/fixture.ts";
import { runTest } from "../support/script.ts";
import { ScriptRun } from "../support/script_run.ts";

/** Data in a SYN opens without a cookie. */
const WITHOUT_COOKIE: FixtureOptions = { fastOpen: 16, tunables: { tcp_fastopen: 0x202 } };

Deno.test("handshake: a SYN-ACK that the device refused is tried again after 10 ms", () => {
  const t = new ScriptRun("bare", { startMs: 5000, toleranceMs: 0.4 });
  t.fixture.sink.isFull = true;
  t.run("+0 < S 0:0(0) win 65535 <mss 1460>");
  t.fixture.sink.isFull = false;
  t.none(0.009);
  t.expect("S. 0:0(0) ack 1 <mss 1460>", 1);
});

Deno.test("handshake: RFC 9293 §3.10.7.4, the third ACK lies in the window, or reaches into it", () => {
  const state = (segment: string) => {
    const t = new ScriptRun("bare");
    t.run("SR");
    t.inject(segment);
    t.discard();
    return [t.fixture.listener.acceptable, t.growth("TCPChallengeACK")];
  };
  const [taken, refused] = [[1, 0], [0, 1]];
  assertEquals(state(". 1:1(0) ack 1"), taken);
  assertEquals(state(". 65535:65535(0) ack 1"), taken);
  assertEquals(state(". 65536:65536(0) ack 1"), refused);
  assertEquals(state(". 0:0(0) ack 1"), refused);
  assertEquals(state("P. 0:1(1) ack 1"), refused);
  assertEquals(state("P. 0:2(2) ack 1"), taken);
});

Deno.test("handshake: RFC 7323 §5.3, a third ACK older than the SYN, or without timestamps, is dropped", () => {
  for (const options of ["<nop,nop,TS val 99 ecr *>", ""]) {
    runTest(
      `
      +0 < S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
      +0 > S. 0:0(0) ack 1 <...>
      +0 < . 1:1(0) ack 1 ${options}
      state SYN_RCVD
      cnt:PAWSEstabRejected
      +0 < . 1:1(0) ack 1 <nop,nop,TS val 100 ecr *>
      acceptQueue 1
      `,
      "bare",
    );
  }
});

Deno.test("handshake: RFC 5961 §3, §4, in the window RST is challenged and SYN believed, outside not", () => {
  const after = (segment: string) => {
    const t = new ScriptRun("bare");
    t.run("SR");
    t.inject(segment);
    t.discard();
    const counted = ["TCPChallengeACK", "TCPRstOutOfWindow", "TCPReqReset"].map((name) =>
      t.growth(name)
    );
    return [t.state(), ...counted];
  };
  assertEquals(after("R 1:1(0)"), ["LISTEN", 0, 0, 1]);
  assertEquals(after("R 2:2(0)"), ["SYN_RCVD", 1, 0, 0]);
  assertEquals(after("R 65535:65535(0)"), ["SYN_RCVD", 1, 0, 0]);
  assertEquals(after("R 65536:65536(0)"), ["SYN_RCVD", 0, 1, 0]);
  assertEquals(after("R 0:0(0)"), ["SYN_RCVD", 0, 1, 0]);
  assertEquals(after("S 1:1(0) win 65535"), ["LISTEN", 0, 0, 1]);
  assertEquals(after("S 65535:65535(0) win 65535"), ["LISTEN", 0, 0, 1]);
  assertEquals(after("S 65536:65536(0) win 65535"), ["SYN_RCVD", 1, 0, 0]);
  assertEquals(after("S -1:-1(0) win 65535"), ["SYN_RCVD", 1, 0, 0]);
});

Deno.test("handshake: a challenge has the connection's window and timestamps", () => {
  const t = new ScriptRun("bare");
  t.run("SR+TS+WS0");
  t.inject("R 2:2(0)");
  const challenge = t.expect(". 1:1(0) ack 1 <nop,nop,TS val * ecr *>");
  assertEquals(challenge.window, Math.ceil(65_535 / 2 ** t.stack.tcp.receiveShift));
  const plain = new ScriptRun("bare");
  plain.run("SR");
  plain.inject("R 2:2(0)");
  plain.expect(". 1:1(0) ack 1 win 65535 <>");
});

Deno.test("handshake: TFO-S-08, a challenge lies behind what a fast open has sent", () => {
  runTest(
    `
    +0 < S 0:10(10) win 65535 <mss 1460>
    +0 > S. 0:0(0) ack 11 <...>
    accept
    write 20
    +0 > P. 1:21(20) ack 11
    +0 < R 12:12(0)
    +0 > . 21:21(0) ack 11
    `,
    "bare",
    WITHOUT_COOKIE,
  );
});

Deno.test("handshake: RFC 9293 §3.8.6.2.1, the window of a fast open's SYN was the largest, if the next is smaller", () => {
  runTest(
    `
    +0 < S 0:10(10) win 65535 <mss 1460>
    +0 > S. 0:0(0) ack 11 <...>
    accept
    +0 < . 11:11(0) ack 1 win 100
    write 2000
    none(.1)
    * > . 1:101(100) ack 11
    `,
    "bare",
    WITHOUT_COOKIE,
  );
});
