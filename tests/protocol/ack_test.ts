/** ACK: acknowledgment generation. Requirements §2.21. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_TUNABLES, setTunable, TunableError } from "../../lib/tcp/tunables.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

/** Receives 16 segments of 1460 bytes, so that ACKs are no longer sent at once. Returns RCV.NXT. */
function leaveQuickAcks(t: ScriptRun): number {
  t.run("EST");
  let next = 1;
  for (let i = 0; i < 16; i++) {
    t.advance(1);
    t.inject(`. ${next}:${next + 1460}(1460) ack 1`);
    next += 1460;
    t.expect(`. 1:1(0) ack ${next}`);
    t.calls.read(t.flow, 1460, null);
  }
  return next;
}

protocolTest("ACK-01", "a lone segment is acknowledged after 40 ms", (t) => {
  const next = leaveQuickAcks(t);
  t.run(`
    +.1  < P. ${next}:${next + 100}(100) ack 1
    none(.038)
    +.002 > . 1:1(0) ack ${next + 100}
    cnt:DelayedACKs
  `);
}, { toleranceMs: 1.5 });

protocolTest(
  "ACK-01",
  "without quick ACKs already the first segment is acknowledged after 40 ms",
  `
    EST
    +.1  < P. 1:101(100) ack 1
    none(.038)
    +.002 > . 1:1(0) ack 101
  `,
  { tunables: { px_quick_acks: 0 }, toleranceMs: 1.5 },
);

Deno.test("ACK-01: no setting delays an acknowledgment by half a second", () => {
  assertEquals(setTunable(DEFAULT_TUNABLES, "tcp_delack_ms", "499").tcp_delack_ms, 499);
  assertThrows(() => setTunable(DEFAULT_TUNABLES, "tcp_delack_ms", "500"), TunableError);
});

protocolTest("ACK-01", "an acknowledgment rides on data sent within the delay", (t) => {
  const next = leaveQuickAcks(t);
  t.run(`
    +.1  < P. ${next}:${next + 100}(100) ack 1
    +.01 write 100
    +0   > P. 1:101(100) ack ${next + 100}
    +.01 < . ${next + 100}:${next + 100}(0) ack 101
    none(1)
  `);
});

protocolTest(
  "ACK-03",
  "a FIN is acknowledged at once, but at the end of an exchange with our own, within 40 ms",
  `
  EST
  +.1  < F. 1:1(0) ack 1
  +0   > . 1:1(0) ack 2
     close
  +0   > F. 1:1(0) ack 2
  +0   < . 2:2(0) ack 2
  new
  EST
  +.1  < P. 1:11(10) ack 1
  +0   > . 1:1(0) ack 11
     read 10
  +.01 write 100
  +0   > P. 1:101(100) ack 11
  +.1  < F. 11:11(0) ack 101
  none(.038)
  +.002 > . 101:101(0) ack 12
     close
  +0   > F. 101:101(0) ack 12
  +0   < . 12:12(0) ack 102
  new
  EST
  +.1  < P. 1:11(10) ack 1
  +0   > . 1:1(0) ack 11
     read 10
  +.01 write 100
  +0   > P. 1:101(100) ack 11
  +.1  < F. 11:11(0) ack 101
  +.01 close
  +0   > F. 101:101(0) ack 12
  none(.1)
  `,
  { toleranceMs: 1.5 },
);

protocolTest("ACK-02", "at least every second full segment is acknowledged", (t) => {
  let next = leaveQuickAcks(t);
  let acks = 0;
  for (let i = 0; i < 10; i++) {
    t.advance(1);
    t.inject(`. ${next}:${next + 1460}(1460) ack 1`);
    next += 1460;
    while (t.next() !== null) acks++;
    t.calls.read(t.flow, 1460, null);
  }
  assert(acks >= 5, `${acks} ACKs`);
});

for (const segments of [44, 2]) {
  protocolTest(
    "ACK-02",
    `a super-segment of ${segments} MSS is acknowledged at once, and once`,
    (t) => {
      const next = leaveQuickAcks(t);
      const end = next + 1460 * segments;
      t.inject(`. ${next}:${end} ack 1`);
      t.expect(`. 1:1(0) ack ${end}`);
      t.none(1);
    },
    { toleranceMs: 1 },
  );
}

protocolTest(
  "ACK-03",
  "what is out of order, fills a gap, comes twice or ends is acknowledged at once",
  (t) => {
    const next = leaveQuickAcks(t);
    const at = (offset: number) => next + offset;
    t.run(`
    +.1 < . ${at(10)}:${at(20)}(10) ack 1
    +0  > . 1:1(0) ack ${at(0)}
    +0  < . ${at(30)}:${at(40)}(10) ack 1
    +0  > . 1:1(0) ack ${at(0)}
    +0  < . ${at(0)}:${at(10)}(10) ack 1
    +0  > . 1:1(0) ack ${at(20)}
    +0  < . ${at(20)}:${at(30)}(10) ack 1
    +0  > . 1:1(0) ack ${at(40)}
    +0  < . ${at(0)}:${at(10)}(10) ack 1
    +0  > . 1:1(0) ack ${at(40)}
    +0  < F. ${at(40)}:${at(40)}(0) ack 1
    +0  > . 1:1(0) ack ${at(41)}
  `);
  },
  { toleranceMs: 1 },
);

protocolTest(
  "ACK-04",
  "the first segments of a connection are acknowledged at once",
  `
  EST
  +1 < P. 1:11(10) ack 1
  +0 > . 1:1(0) ack 11
  +1 < P. 11:21(10) ack 1
  +0 > . 1:1(0) ack 21
  `,
  { toleranceMs: 1 },
);

protocolTest("ACK-04", "after an idle time the next segment is acknowledged at once", (t) => {
  const next = leaveQuickAcks(t);
  t.run(`
    +10 < P. ${next}:${next + 10}(10) ack 1
    +0  > . 1:1(0) ack ${next + 10}
  `);
}, { toleranceMs: 1 });

protocolTest("ACK-05", "without memory bytes are neither stored nor acknowledged", (t) => {
  t.run("EST");
  t.inject(". 1:60001(60000) ack 1");
  let stored = 1;
  for (let packet = t.next(100); packet !== null; packet = t.next(100)) {
    stored = (packet.ack - t.flow.peerIsn) | 0;
  }
  assert(stored > 1 && stored < 60_001, `${stored - 1} bytes were acknowledged`);
  assert(t.growth("TCPRcvQDrop") > 0);
  t.calls.read(t.flow, stored - 1, null);
  t.run(`readable 0`);
  t.discard();
  t.inject(`. ${stored}:${stored + 10000}(10000) ack 1`);
  t.expect(`. 1:1(0) ack ${stored + 10000}`, 100);
  t.calls.read(t.flow, 10_000, null);
}, { pageBytes: 32 << 10 });

protocolTest("ACK-05", "text beyond a gap leaves memory for what fills the gap", (t) => {
  t.run("EST+SACK");
  t.inject(". 8193:60001(51808) ack 1");
  while (t.next(100) !== null);
  t.inject(". 1:1461(1460) ack 1");
  const answer = t.next(100);
  assert(answer !== null);
  assertEquals((answer.ack - t.flow.peerIsn) | 0, 1461);
  t.calls.read(t.flow, 1460, null);
  t.discard();
}, { pageBytes: 32 << 10 });

protocolTest("ACK-05", "without memory what is out of order is dropped", (t) => {
  t.run("EST+SACK");
  t.inject(". 101:60001(59900) ack 1", ". 60101:65001(4900) ack 1");
  while (t.next(100) !== null);
  assert(t.growth("TCPOFODrop") > 0);
  t.inject(". 1:101(100) ack 1");
  const acknowledged = t.next(100);
  assert(acknowledged !== null);
  t.calls.read(t.flow, (acknowledged.ack - t.flow.peerIsn - 1) | 0, null);
  t.run("readable 0");
  t.discard();
}, { pageBytes: 32 << 10 });

protocolTest(
  "ACK-01",
  "the delay counts from the first segment, and a pure ACK ends nothing",
  (t) => {
    const next = leaveQuickAcks(t);
    t.run(`
    +10  < . ${next}:${next}(0) ack 1
    none(.1)
    +0   < P. ${next}:${next + 10}(10) ack 1
    +.03 < P. ${next + 10}:${next + 20}(10) ack 1
    none(.008)
    +.002 > . 1:1(0) ack ${next + 20}
  `);
  },
  { toleranceMs: 1.5 },
);

protocolTest("ACK-02", "the second full segment is acknowledged at once, and no byte less", (t) => {
  const next = leaveQuickAcks(t);
  assertEquals(t.connection.rcvMss, 1460);
  t.inject(`. ${next}:${next + 1460}(1460) ack 1`);
  t.advance(1);
  t.inject(`. ${next + 1460}:${next + 2919}(1459) ack 1`);
  t.run("none(.035)");
  t.inject(`. ${next + 2919}:${next + 2920}(1) ack 1`);
  t.expect(`. 1:1(0) ack ${next + 2920}`);
  t.run("none(.1)");
}, { toleranceMs: 1 });

protocolTest(
  "ACK-03",
  "without quick ACKs, too, what fills a gap, was partly here or comes twice is acknowledged at once",
  `
  EST
  +.1 < . 2:11(9) ack 1
  +0  > . 1:1(0) ack 1
  +0  < . 1:2(1) ack 1
  +0  > . 1:1(0) ack 11
  +0  < . 6:16(10) ack 1
  +0  > . 1:1(0) ack 16
  +0  < . 15:16(1) ack 1
  +0  > . 1:1(0) ack 16
  +0  < . 15:17(2) ack 1
  +0  > . 1:1(0) ack 17
      read 16
      cnt:TCPRcvQDrop=0
  `,
  { tunables: { px_quick_acks: 0 }, toleranceMs: 1 },
);

protocolTest(
  "ACK-03",
  "who spoke first acknowledges at once a FIN that ends no exchange",
  `
  EST
       write 100
  +0   > P. 1:101(100) ack 1
  +.1  < F. 1:1(0) ack 101
  +0   > . 101:101(0) ack 2
       abort
  +0   > R. 101:101(0) ack 2
  new
  EST
       write 100
  +0   > P. 1:101(100) ack 1
  +.1  < P. 1:2(1) ack 101
  +0   > . 101:101(0) ack 2
       read 1
       write 100
  +0   > P. 101:201(100) ack 2
  +.1  < F. 2:2(0) ack 201
  none(.038)
  +.002 > . 201:201(0) ack 3
  `,
  { toleranceMs: 1.5 },
);

for (const [silence, mayWait] of [[40, true], [41, false]] as const) {
  protocolTest(
    "ACK-03",
    `an answer ${silence} ms after the peer spoke is ${mayWait ? "" : "not "}of an exchange`,
    (t) => {
      t.run("EST");
      t.inject("P. 1:2(1) ack 1");
      t.expect(". 1:1(0) ack 2");
      t.calls.read(t.flow, 1, null);
      t.advance(silence);
      t.calls.write(t.flow, 100, null);
      t.expect("P. 1:101(100) ack 2");
      t.inject("F. 2:2(0) ack 101");
      if (mayWait) t.run("none(.039)");
      t.expect(". 101:101(0) ack 3", mayWait ? 2 : 0);
    },
    { toleranceMs: 0.5 },
  );
}

for (const [idle, isQuick] of [[0, false], [1, true]] as const) {
  protocolTest(
    "ACK-04",
    `one byte after RTO + ${idle} ms of silence is acknowledged ${isQuick ? "at once" : "later"}`,
    (t) => {
      const next = leaveQuickAcks(t);
      const c = t.connection;
      t.advance(c.rtoMs + idle);
      t.inject(`. ${next}:${next + 1}(1) ack 1`);
      assertEquals(c.quickAcks, isQuick ? 15 : 0);
      if (!isQuick) t.run("none(.039)");
      t.expect(`. 1:1(0) ack ${next + 1}`, isQuick ? 0 : 2);
    },
    { toleranceMs: 0.5 },
  );
}

protocolTest("ACK-05", "without memory the user is not told of bytes that are not there", (t) => {
  t.run("EST");
  while (t.fixture.pages.take() >= 0);
  t.inject("P. 1:11(10) ack 1");
  t.expect(". 1:1(0) ack 1");
  t.run(`
    app: none
    cnt:TCPRcvQDrop
  `);
});

protocolTest(
  "ACK-03",
  "text after a pause begins another exchange: a FIN is acknowledged at once",
  `
  EST
  +.1  < P. 1:2(1) ack 1
  +0   > . 1:1(0) ack 2
       read 1
       write 100
  +0   > P. 1:101(100) ack 2
  +0   < . 2:2(0) ack 101
  +10  < P. 2:3(1) ack 101
  +0   > . 101:101(0) ack 3
       read 1
  +0   < F. 3:3(0) ack 101
  +0   > . 101:101(0) ack 4
  `,
  { toleranceMs: 1 },
);
