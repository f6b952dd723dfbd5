import { assert, assertEquals } from "@std/assert";
import { State } from "../../lib/tcp/state.ts";
import { encodePacket, type Packet } from "../support/codec.ts";
import { pathError } from "../protocol/path_errors.ts";
import { runTest } from "../support/script.ts";
import { ScriptRun } from "../support/script_run.ts";
import { randomWords } from "../support/random.ts";

const FLAGS = ["S", "S.", ".", "R", "R.", "F", "F.", "P.", "SF", "SF.", "", "SR", "SFRPUEW."];
const NUMBERS = [0, 1, 2, -1, 50, 70_000, 0x40000000];

/** A segment that may mean anything, with numbers near those that matter. */
function anySegment(t: ScriptRun, next: () => number): Packet {
  const pick = <T>(from: readonly T[]): T => from[next() % from.length];
  const flags = pick(FLAGS);
  const timestamps = { name: "TS", val: 5 + next() % 3, ecr: 0 } as const;
  return {
    ...t.packet("- 0:0(0)"),
    flags,
    seq: (t.flow.peerIsn + pick(NUMBERS)) >>> 0,
    ack: ((t.flow.productIsn ?? 0) + pick(NUMBERS)) >>> 0,
    window: pick([0, 1, 1000, 65535]),
    // The run's observer takes each SYN for the one that counts: all scale alike.
    options: flags.includes("S")
      ? [{ name: "wscale", shift: 14 }, timestamps, { name: "nop" }]
      : pick([[], [timestamps, { name: "nop" }, { name: "nop" }]]),
    payload: new Uint8Array(pick([0, 0, 0, 20])),
  };
}

Deno.test("connector: whatever arrives, each connection stands in one table and times out", () => {
  const endings = new Set<string>();
  for (let seed = 1; seed <= 400; seed++) {
    runTest((t) => {
      const next = randomWords(seed * 7919);
      const tcp = t.stack.tcp;
      t.run(seed % 3 === 0 ? "ACT\nwrite 5" : "ACT");
      const c = t.connection;
      for (let i = 0; i < 12; i++) {
        t.inject(anySegment(t, next));
        t.discard();
        if (next() % 8 === 0) c.shutdown();
        if (next() % 40 === 0) c.abort();
        t.discard();
        const isOver = c.state === State.Closed || c.state === State.TimeWait;
        assertEquals(c.connector !== null, tcp.openingCount === 1);
        assertEquals(tcp.openingCount + tcp.connectionCount, isOver ? 0 : 1);
        assert(c.state !== State.SynSent || c.connector !== null);
      }
      endings.add(t.state());
      t.advance(300_000);
      t.discard();
      assertEquals(tcp.openingCount, 0);
    }, "bare");
  }
  assert(endings.size >= 5, [...endings].join());
});

/** Ends in SYN-RECEIVED of a simultaneous open. */
const CROSSED = `
  ACT
  +0 < S 0:0(0) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 1 <mss 1460>
`;

Deno.test("connector: a SYN that the device refused is tried again after 10 ms, and is the first then", () => {
  const t = new ScriptRun("bare", { startMs: 5000, toleranceMs: 0.4 });
  t.learnPeer();
  t.fixture.sink.isFull = true;
  t.run("connect");
  t.stack.poll(t.now);
  t.fixture.sink.isFull = false;
  t.none(0.009);
  t.expect("S 0:0(0) <...>", 1);
  t.none(0.999);
  t.expect("S 0:0(0) <...>", 1);
  assertEquals(t.growth("TCPSynRetrans"), 1);
});

Deno.test("connector: RFC 6298 §2.2, the first round trip is that of the SYN, which timestamps prove", () => {
  const plain = new ScriptRun("bare");
  plain.run("ACT\n+.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>\n+0 > . 1:1(0) ack 1");
  assertEquals(Math.round(plain.connection.srttUs / 1000), 100);
  const t = new ScriptRun("bare");
  t.run(`
    ACT
    +1 > S 0:0(0) <...>
    +.5 < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 7 ecr 0>
    +0 > . 1:1(0) ack 1 <...>
  `);
  assertEquals(Math.round(t.connection.srttUs / 1000), 1500);
});

Deno.test("connector: ICMP too big about a SYN without data sends nothing again", () => {
  runTest((t) => {
    t.run("ACT");
    t.injectFrame(pathError(t, 3, 4, { seq: 0, mtu: 1000 }));
    t.run("none(.9)\ncnt:TCPSynRetrans=0");
  }, "bare");
});

Deno.test("connector: RFC 9293 §3.10.4, one byte queued before CLOSE in SYN-RECEIVED goes before the FIN", () => {
  runTest(
    `
    ${CROSSED}
    write "x"
    shutdown
    none(.1)
    state SYN_RCVD
    +0 < . 1:1(0) ack 1
    +0 > FP. 1:2(1) ack 1
    `,
    "bare",
  );
});

Deno.test("connector: RFC 5961 §3, in SYN-RECEIVED a reset in the window is challenged, up to its edge", () => {
  const after = (segment: string) => {
    const t = new ScriptRun("bare");
    t.run(CROSSED);
    t.inject(segment);
    t.discard();
    return [t.growth("TCPChallengeACK"), t.growth("TCPRstOutOfWindow")];
  };
  assertEquals(after("R 2:2(0)"), [1, 0]);
  assertEquals(after("R 65535:65535(0)"), [1, 0]);
  assertEquals(after("R 65536:65536(0)"), [0, 1]);
});

Deno.test("connector: RFC 7323 §5.3, in SYN-RECEIVED an ACK older than the SYN is dropped", () => {
  for (const options of ["<nop,nop,TS val 99 ecr *>", ""]) {
    runTest(
      `
      ACT
      +0 < S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
      +0 > S. 0:0(0) ack 1 <...>
      +0 < . 1:1(0) ack 1 ${options}
      state SYN_RCVD
      cnt:PAWSEstabRejected
      +0 < . 1:1(0) ack 1 <nop,nop,TS val 100 ecr *>
      state ESTABLISHED
      `,
      "bare",
    );
  }
});

Deno.test("connector: who answered without offload is sent to without", () => {
  for (const isOffloaded of [false, true]) {
    const t = new ScriptRun("offload");
    t.run("ACT");
    const synAck = t.packet("S. 0:0(0) ack 1 win 65535 <mss 1460>");
    if (isOffloaded) t.inject(synAck);
    else t.injectFrame(encodePacket(synAck));
    t.discard();
    assertEquals([t.state(), t.connection.isOffloaded], ["ESTABLISHED", isOffloaded]);
  }
});

Deno.test("connector: RFC 3168 §6.1.1.1, only the first reset is blamed on ECN", () => {
  runTest(
    `
    ACT+ECN
    +0 < R. 0:0(0) ack 1
    state SYN_SENT
    +0 < R. 0:0(0) ack 1
    state CLOSED
    cnt:TCPECNRefused
    `,
    "bare",
    { tunables: { tcp_ecn: 1 } },
  );
});

Deno.test("connector: RFC 7323 §2.2, a shift of 0 is one, and answered", () => {
  runTest(
    `
    ACT
    +0 < S 0:0(0) win 65535 <mss 1460,nop,wscale 0>
    +0 > S. 0:0(0) ack 1 <mss 1460,nop,wscale 7>
    `,
    "bare",
  );
});
