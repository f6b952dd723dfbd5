/** CLOSE: connection termination. Requirements §2.17. */

import { assertEquals } from "@std/assert";
import type { Packet } from "../support/codec.ts";
import { protocolTest } from "../support/script.ts";
import { ScriptRun } from "../support/script_run.ts";
import { IN_STATE } from "./states.ts";

protocolTest(
  "CLOSE-01",
  "close in ESTABLISHED sends FIN",
  `
  EST
     shutdown
  +0 > F. 1:1(0) ack 1
     state FIN_WAIT_1
  `,
);

protocolTest(
  "CLOSE-01",
  "close sends FIN behind all queued data",
  `
  EST
     write 5000
  &  close
  +0 > FP. 1:5001(5000) ack 1
     state FIN_WAIT_1
  `,
);

protocolTest(
  "CLOSE-02",
  "the ACK of our FIN leads to FIN_WAIT_2",
  `
  ${IN_STATE.FIN_WAIT_1.script}
  +.1 < . 1:1(0) ack 2
      state FIN_WAIT_2
  none(10)
  `,
);

protocolTest(
  "CLOSE-03",
  "a FIN in FIN_WAIT_2 is acknowledged and leads to TIME_WAIT",
  `
  ${IN_STATE.FIN_WAIT_2.script}
  +.1 < F. 1:1(0) ack 2
  +0  > . 2:2(0) ack 2
      state TIME_WAIT
  none(10)
  `,
);

protocolTest(
  "CLOSE-04",
  "FIN with the ACK of ours leads from FIN_WAIT_1 to TIME_WAIT",
  `
  ${IN_STATE.FIN_WAIT_1.script}
  +.1 < F. 1:1(0) ack 2
  +0  > . 2:2(0) ack 2
      state TIME_WAIT
  none(10)
  `,
);

protocolTest(
  "CLOSE-05",
  "FIN without the ACK of ours leads from FIN_WAIT_1 to CLOSING",
  `
  ${IN_STATE.FIN_WAIT_1.script}
  +.1 < F. 1:1(0) ack 1
  +0  > . 2:2(0) ack 2
      state CLOSING
  `,
);

protocolTest(
  "CLOSE-06",
  "the ACK of our FIN leads from CLOSING to TIME_WAIT, nothing else does",
  `
  ${IN_STATE.CLOSING.script}
  +.1 < . 2:2(0) ack 1
      state CLOSING
  +0  < . 2:2(0) ack 2
      state TIME_WAIT
  none(10)
  `,
);

protocolTest("CLOSE-07", "two instances whose FINs cross both close by CLOSING", (t) => {
  const other = connectedTo(t);
  t.connection.shutdown();
  other.connection.shutdown();
  let segments = 0;
  for (const state of ["CLOSING", "TIME_WAIT"]) {
    const [sent, received] = [t.next()!, other.next()!];
    segments += 2;
    other.inject(translated(sent, other));
    t.inject(translated(received, t));
    assertEquals([t.state(), other.state()], [state, state]);
  }
  assertEquals(segments, 4);
  other.none(10);
  other.finish();
  t.none(10);
});

/** Another instance, at the other end of a new connection of `t`. */
function connectedTo(t: ScriptRun): ScriptRun {
  const seed = 2;
  const trial = new ScriptRun(t.link, { seed });
  trial.run("SR");
  t.flow.renew(trial.flow.productIsn!);
  t.run("EST");
  const other = new ScriptRun(t.link, { seed, peerIsn: t.flow.productIsn! });
  other.run("EST");
  assertEquals(other.flow.productIsn, t.flow.peerIsn);
  return other;
}

/** What one instance sent, with the addresses the other one knows its peer by. */
function translated(packet: Packet, to: ScriptRun): Packet {
  return { ...packet, ...addressesOf(to.packet(". 1:1(0) ack 1")) };
}

function addressesOf(packet: Packet) {
  const { sourceMac, destinationMac, source, destination, sourcePort, destinationPort } = packet;
  return { sourceMac, destinationMac, source, destination, sourcePort, destinationPort };
}

protocolTest(
  "CLOSE-08",
  "a FIN is acknowledged at once; data and end of file are read",
  `
  EST
  +.1 < FP. 1:11(10) ack 1
  +0  > . 1:1(0) ack 12
      state CLOSE_WAIT
      app: Readable, PeerClosed
      read 10
      eof
  none(10)
  `,
);

protocolTest(
  "CLOSE-09",
  "close in CLOSE_WAIT sends what is left, then FIN",
  `
  ${IN_STATE.CLOSE_WAIT.script}
  +.1 write 5
  &   close
  +0  > FP. 1:6(5) ack 2
      state LAST_ACK
  `,
);

protocolTest(
  "CLOSE-10",
  "the ACK of our FIN in LAST_ACK ends the connection without TIME_WAIT",
  `
  EST
  +0  < FP. 1:11(10) ack 1
  +0  > . 1:1(0) ack 12
      read 10
      shutdown
  +0  > F. 1:1(0) ack 12
      state LAST_ACK
  +.1 < . 12:12(0) ack 2
      state CLOSED
      app: Closed "closed"
  +.1 < . 12:12(0) ack 2
  +0  > R 2:2(0)
  none(10)
  `,
);

protocolTest("CLOSE-11", "after the peer's FIN we may still send", (t) => {
  t.run(IN_STATE.CLOSE_WAIT.script);
  t.calls.write(t.flow, 100_000, null);
  receiveAll(t, 1, 100_001, 2);
  t.run("state CLOSE_WAIT");
});

protocolTest("CLOSE-11", "after our FIN we still receive, acknowledge and deliver", (t) => {
  t.run(IN_STATE.FIN_WAIT_2.script);
  for (let start = 1; start <= 100_000; start += 10_000) {
    t.advance(20);
    t.inject(`P. ${start}:${start + 10_000}(10000) ack 2`);
    while (t.next(50) !== null);
    t.calls.read(t.flow, 10_000, null);
  }
  t.inject(`. 100001:100001(0) ack 2`);
  assertEquals(t.flow.readPosition, 100_001);
  t.run("state FIN_WAIT_2");
});

/** Acknowledges what the product sends until `end` is reached. */
function receiveAll(t: ScriptRun, start: number, end: number, peerSeq: number): void {
  let received = start;
  while (received < end) {
    const packet = t.next(10);
    if (packet === null) {
      t.inject(`. ${peerSeq}:${peerSeq}(0) ack ${received}`);
      continue;
    }
    assertEquals((packet.seq - t.flow.productIsn!) | 0, received);
    received += packet.payload.length;
  }
  t.inject(`. ${peerSeq}:${peerSeq}(0) ack ${received}`);
}

protocolTest(
  "CLOSE-12",
  "an application that closes at end of file makes it three segments",
  `
  EST
  +.1 < F. 1:1(0) ack 1
  &   close
  +0  > F. 1:1(0) ack 2
      state LAST_ACK
  +.1 < . 2:2(0) ack 2
      state CLOSED
  none(10)
  `,
);

protocolTest(
  "CLOSE-12",
  "an application that closes later makes it four segments",
  `
  EST
  +.1 < F. 1:1(0) ack 1
  +0  > . 1:1(0) ack 2
  +1  close
  +0  > F. 1:1(0) ack 2
      state LAST_ACK
  +.1 < . 2:2(0) ack 2
      state CLOSED
  none(10)
  `,
);

protocolTest("CLOSE-13", "close sends all that was written, and only one FIN", (t) => {
  t.run("EST");
  t.calls.write(t.flow, 20_000, null);
  t.connection.shutdown();
  assertEquals(t.calls.writeSome(t.flow, 10), 0);
  t.connection.shutdown();
  let fins = 0;
  for (let received = 1; received < 20_001;) {
    const packet = t.next(10);
    if (packet === null) {
      t.inject(`. 1:1(0) ack ${received}`);
      continue;
    }
    received += packet.payload.length;
    if (packet.flags.includes("F")) fins++;
  }
  assertEquals(fins, 1);
  t.inject(". 1:1(0) ack 20002");
  t.run("state FIN_WAIT_2");
  t.connection.shutdown();
  t.none(1);
});

protocolTest(
  "CLOSE-14",
  "a FIN nobody acknowledges is sent again with backoff, tcp_orphan_retries times",
  `
  EST rtt .1
  +0   < F. 1:1(0) ack 1
  &    close
  +0   > F. 1:1(0) ack 2
  +.3  > F. 1:1(0) ack 2
  +.6  > F. 1:1(0) ack 2
  +1.2 > F. 1:1(0) ack 2
  +2.3 state LAST_ACK
  +.2  state CLOSED
  none(100)
  `,
  { tunables: { tcp_orphan_retries: 3 }, toleranceMs: 15 },
);

protocolTest(
  "CLOSE-15",
  "a FIN ahead of missing data changes nothing until the gap is filled",
  `
  EST
  +.1 < F. 11:11(0) ack 1
  +0  > . 1:1(0) ack 1
      state ESTABLISHED
  +.1 < P. 1:11(10) ack 1
  +0  > . 1:1(0) ack 12
      state CLOSE_WAIT
      read 10
      eof
  `,
);

protocolTest(
  "CLOSE-15",
  "a FIN with data ahead of missing data is held with it",
  `
  EST
  +.1 < FP. 11:21(10) ack 1
  +0  > . 1:1(0) ack 1
      state ESTABLISHED
  +.1 < P. 1:11(10) ack 1
  +0  > . 1:1(0) ack 22
      state CLOSE_WAIT
      read 20
      eof
  `,
);

for (const state of ["CLOSE_WAIT", "CLOSING", "LAST_ACK"]) {
  protocolTest(
    "CLOSE-16",
    `a repeated FIN is acknowledged again in ${state}`,
    (t) => {
      t.run(IN_STATE[state].script);
      for (let i = 0; i < 2; i++) {
        t.run("+.05 < F. 1:1(0) ack 1");
        t.expect(". * ack 2");
        t.run(`state ${state}`);
      }
    },
  );
}

protocolTest(
  "CLOSE-17",
  "an orphan in FIN_WAIT_2 is dropped after tcp_fin_timeout",
  `
  EST
  close
  +0     > F. 1:1(0) ack 1
  +.1    < . 1:1(0) ack 2
         state FIN_WAIT_2
  +59.98 state FIN_WAIT_2
  +.04   state CLOSED
  +0     < F. 1:1(0) ack 2
  +0     > R 2:2(0)
  none(10)
  `,
);

protocolTest(
  "CLOSE-17",
  "a half-closed connection with a reader stays",
  `
  EST
  shutdown
  +0   > F. 1:1(0) ack 1
  +.1  < . 1:1(0) ack 2
  none(120)
  state FIN_WAIT_2
  +0   < P. 1:11(10) ack 2
  +0   > . 2:2(0) ack 11
       read 10
  `,
);

protocolTest(
  "CLOSE-18",
  "close with unread data resets",
  `
  EST
  +.1 < P. 1:11(10) ack 1
  +0  > . 1:1(0) ack 11
      readable 10
      close
  +0  > R. 1:1(0) ack 11
      state CLOSED
  none(70)
  `,
);

protocolTest(
  "CLOSE-18",
  "data after a full close resets",
  `
  EST
      close
  +0  > F. 1:1(0) ack 1
  +.1 < . 1:1(0) ack 2
      state FIN_WAIT_2
  +.1 < P. 1:11(10) ack 2
  +0  > R 2:2(0)
      state CLOSED
      cnt:TCPAbortOnData
  none(70)
  `,
);

protocolTest("CLOSE-19", "lingering for 0 s drops what is queued and resets", (t) => {
  t.run("EST");
  t.calls.write(t.flow, 10_000, null);
  t.connection.closeLingering(0, t.now);
  t.run(`
    +0 > R. 1:1(0) ack 1
       state CLOSED
    none(70)
    +0 < . 1:1(0) ack 1
    +0 > R 1:1(0)
  `);
  assertEquals(t.stack.tcp.timeWaits.count, 0);
});

protocolTest("CLOSE-19", "lingering for 0 s resets behind the peer's FIN, too", (t) => {
  t.run(IN_STATE.CLOSE_WAIT.script);
  t.connection.closeLingering(0, t.now);
  t.run(`
    +0 > R. 1:1(0) ack 2
       state CLOSED
    none(70)
  `);
});

protocolTest("CLOSE-20", "a lingering close is done after its time; transmission goes on", (t) => {
  t.run("EST rtt .1");
  t.calls.write(t.flow, 10, null);
  t.connection.closeLingering(2000, t.now);
  t.run(`
    +0  > FP. 1:11(10) ack 1
        app: none
    +.3 > FP. 1:11(10) ack 1
    +.6 > FP. 1:11(10) ack 1
    2.08 app: none
    2.12 app: CloseDone
    2.2 > FP. 1:11(10) ack 1
    4.6 > FP. 1:11(10) ack 1
    +.1 < . 1:1(0) ack 12
        state FIN_WAIT_2
        app: none
  `);
}, { toleranceMs: 20 });

protocolTest("CLOSE-20", "a lingering close is done when the FIN is acknowledged", (t) => {
  t.run("EST rtt .1");
  t.connection.closeLingering(2000, t.now);
  t.run(`
    +0  > F. 1:1(0) ack 1
        app: none
    +.1 < . 1:1(0) ack 2
        app: CloseDone
    +.1 < F. 1:1(0) ack 2
    +0  > . 2:2(0) ack 2
        state TIME_WAIT
    none(5)
        app: none
  `);
});

protocolTest("CLOSE-20", "a lingering close is done when the peer resets, at the latest", (t) => {
  t.run(IN_STATE.CLOSE_WAIT.script);
  t.connection.closeLingering(2000, t.now);
  t.run(`
    +0  > F. 1:1(0) ack 2
    +.1 < R 2:2(0)
        app: CloseDone
        state CLOSED
  `);
  t.run("none(5)");
});

protocolTest(
  "CLOSE-20",
  "without lingering, close tells nothing",
  `
  EST
      close
  +0  > F. 1:1(0) ack 1
  +.1 < . 1:1(0) ack 2
      app: none
  `,
);

protocolTest(
  "CLOSE-21",
  "the engine never closes on behalf of the application",
  `
  ${IN_STATE.CLOSE_WAIT.script}
  none(3600)
  state CLOSE_WAIT
  `,
);

protocolTest(
  "CLOSE-01",
  "a FIN alone does not wait for room in cwnd",
  `
  EST rtt .1
     write 14600
  +0 > P. 1:14601(14600) ack 1
     shutdown
  +0 > F. 14601:14601(0) ack 1
  +.1 < . 1:1(0) ack 14602
     state FIN_WAIT_2
  `,
);

protocolTest(
  "CLOSE-01",
  "a FIN waits with the data before it",
  `
  EST rtt .1
     write 14610
  +0 > . 1:14601(14600) ack 1
     shutdown
  +.1 < . 1:1(0) ack 1461
  +0 > FP. 14601:14611(10) ack 1
  +.1 < . 1:1(0) ack 14612
     state FIN_WAIT_2
  `,
);

for (const [state, next] of [["CLOSING", "TIME_WAIT"], ["LAST_ACK", "CLOSED"]] as const) {
  protocolTest(
    "CLOSE-06",
    `what comes with the ACK of our FIN in ${state} is not answered`,
    `
    ${IN_STATE[state].script}
    +0 < P. 2:12(10) ack 2
    none(.1)
       state ${next}
    `,
  );
}
