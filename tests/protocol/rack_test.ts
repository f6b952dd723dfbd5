/** RACK: loss by time, and tail loss probes. Requirements §2.25. */

import { assert, assertEquals } from "@std/assert";
import { TIMER } from "../../lib/tcp/timers.ts";
import { randomWords } from "../support/random.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

protocolTest(
  "RACK-01",
  "one segment delivered behind a gap is enough, a quarter of the RTT later",
  `
  EST+SACK rtt .1
        write 2920
  +0    > P. 1:2921(2920) ack 1
  +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:2921>
  none(.024)
  +.001 > . 1:1461(1460) ack 1
        cnt:TCPTimeouts=0
        cnt:TCPSackRecovery
  +.1   < . 1:1(0) ack 2921
  none(10)
  `,
  { toleranceMs: 1.5 },
);

for (const [sacked, waitMs] of [[2, 25], [3, 0]] as const) {
  protocolTest(
    "RACK-02",
    `with ${sacked} segments reported behind a gap it waits ${waitMs} ms`,
    (t) => {
      t.run(`
      EST+SACK rtt .1
           write 14600
      +0   > P. 1:14601(14600/1460) ack 1
      +.1  < . 1:1(0) ack 1 <nop,nop,sack 1461:${1461 + 1460 * sacked}>
    `);
      if (waitMs > 0) t.none((waitMs - 1) / 1000);
      t.expect(". 1:1461(1460) ack 1", waitMs > 0 ? 1 : 0);
      t.inject(". 1:1(0) ack 14601");
      t.none(10);
    },
    { toleranceMs: 1.5 },
  );
}

for (
  const [srttMs, flight, waitMs] of [[100, 2920, 202], [100, 1460, 300], [10, 1460, 210]] as const
) {
  protocolTest(
    "RACK-03",
    `at an RTT of ${srttMs} ms the tail of ${flight} bytes is probed after ${waitMs} ms`,
    (t) => {
      t.run(`EST+SACK rtt ${srttMs / 1000}`);
      t.calls.write(t.flow, flight, null);
      t.expect(`P. 1:${flight + 1}(${flight}) ack 1`);
      t.none((waitMs - 2) / 1000);
      t.expect(`P. ${flight - 1459}:${flight + 1}(1460) ack 1`, 2);
      assertEquals([t.growth("TCPLossProbes"), t.growth("TCPTimeouts")], [1, 0]);
      t.inject(`. 1:1(0) ack ${flight + 1}`);
      t.none(10);
    },
    { toleranceMs: 1.5 },
  );
}

protocolTest(
  "RACK-01",
  "a retransmission that is lost is sent again without timeout",
  `
  EST+SACK rtt .1
        write 14600
  +0    > P. 1:14601(14600) ack 1
  +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:5841>
  +0    > . 1:1461(1460) ack 1
        write 14600
  +.01  < . 1:1(0) ack 1 <nop,nop,sack 1461:14601>
  +0    > . 14601:23361(8760/1460) ack 1
  +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:23361>
  +0    > . 1:1461(1460) ack 1
  +0    > P. 23361:29201(5840/1460) ack 1
        cnt:TCPTimeouts=0
        cnt:RetransSegs=2
  +.1   < . 1:1(0) ack 29201
  none(10)
  `,
);

protocolTest(
  "RACK-02",
  "on a path that reorders no gap is repaired before a quarter of the RTT",
  `
  EST+SACK rtt .1
        write 14600
  +0    > P. 1:14601(14600) ack 1
  +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:2921>
  +.01  < . 1:1(0) ack 2921
        cnt:TCPSACKReorder
  +0    < . 1:1(0) ack 2921 <nop,nop,sack 4381:8761>
  none(.01)
  +.01  < . 1:1(0) ack 14601
        cnt:RetransSegs=0
  none(10)
  `,
);

protocolTest(
  "RACK-02",
  "the window grows with each round of DSACKs and is kept for 16 recoveries",
  (t) => {
    t.run("EST+SACK rtt .1");
    spuriousRecovery(t, true);
    const { recovery } = t.connection;
    assertEquals([recovery?.windowFactor, recovery?.isReordering], [2, true]);
    for (let i = 0; i < 16; i++) {
      assertEquals(t.connection.recovery?.windowFactor, 2);
      spuriousRecovery(t, false);
    }
    assertEquals(t.connection.recovery?.windowFactor, 1);
  },
);

protocolTest(
  "RACK-02",
  "on a path that reorders by 40 ms the first repair in vain is the last",
  `
  EST+SACK rtt .1
        write 14600
  +0    > P. 1:14601(14600) ack 1
  +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:14601>
  +0    > . 1:1461(1460) ack 1
  +.04  < . 1:1(0) ack 14601
  +.06  < . 1:1(0) ack 14601 <nop,nop,sack 1:1461>
        cnt:RetransSegs
        write 14600
  +0    > P. 14601:29201(14600) ack 1
  +.1   < . 1:1(0) ack 14601 <nop,nop,sack 16061:29201>
  none(.04)
  +0    < . 1:1(0) ack 29201
        cnt:RetransSegs=0
        write 14600
  +0    > P. 29201:43801(14600) ack 1
  +.1   < . 1:1(0) ack 29201 <nop,nop,sack 30661:43801>
  none(.048)
  +.002 > . 29201:30661(1460) ack 1
  +.1   < . 1:1(0) ack 43801
  none(10)
  `,
  { toleranceMs: 3 },
);

for (
  const [what, script] of [
    [
      "a timeout's repair, told at once,",
      `
      +.3   > . 1:1461(1460) ack 1
            cnt:TCPTimeouts
      +.1   < . 1:1(0) ack 14601 <nop,nop,sack 1:1461>
            cnt:TCPLossUndo
      `,
    ],
    [
      "a timeout's repair, told when that is over,",
      `
      +.3   > . 1:1461(1460) ack 1
      +.1   < . 1:1(0) ack 14601
            cnt:TCPSpuriousRTOs
      +.1   < . 1:1(0) ack 14601 <nop,nop,sack 1:1461>
      `,
    ],
    [
      "a probe, told in fast recovery,",
      `
      +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:14601>
      +0    > . 1:1461(1460) ack 1
            cnt:TCPSackRecovery
      +.05  < . 1:1(0) ack 1 <nop,nop,sack 13141:14601 1461:14601>
      +.05  < . 1:1(0) ack 14601
      `,
    ],
  ] as const
) {
  protocolTest("RACK-02", `in vain, ${what} is no sign of reordering`, (t) => {
    t.run(`
      EST+SACK rtt .1
            write 14600
      +0    > P. 1:14601(14600) ack 1
      none(.2)
      +.002 > P. 13141:14601(1460) ack 1
            cnt:TCPLossProbes
      ${script}
    `);
    const { recovery } = t.connection;
    assertEquals([recovery?.windowFactor, recovery?.isReordering], [1, false]);
    t.run(`
            write 14600
      +0    > P. 14601:29201(14600) ack 1
      +.1   < . 1:1(0) ack 14601 <nop,nop,sack 16061:20441>
      +0    > . 14601:16061(1460) ack 1
            cnt:RetransSegs=3
    `);
    t.discard();
  }, { toleranceMs: 1.5 });
}

/** Ten segments, of which the first is sent again; with a DSACK if that was in vain. */
function spuriousRecovery(t: ScriptRun, isSpurious: boolean): void {
  t.connection.cwnd = 29_200;
  const start = t.flow.writePosition;
  const end = start + 14_600;
  const first = start + 1460;
  t.calls.write(t.flow, 14_600, null);
  for (let packet = t.next(); packet !== null; packet = t.next());
  t.advance(100);
  t.inject(`. 1:1(0) ack ${start} <nop,nop,sack ${first}:${end}>`);
  while (t.next(100) === null);
  t.advance(100);
  const dsack = isSpurious ? ` <nop,nop,sack ${start}:${first}>` : "";
  t.inject(`. 1:1(0) ack ${end}${dsack}`);
  t.advance(50);
}

protocolTest(
  "RACK-03",
  "a lost tail is probed after two RTTs and repaired without timeout",
  `
  EST+SACK rtt .1
        write 7300
  +0    > P. 1:7301(7300) ack 1
  +.1   < . 1:1(0) ack 4381
  +.2   > P. 5841:7301(1460) ack 1
        cnt:TCPLossProbes
  +.11  < . 1:1(0) ack 4381 <nop,nop,sack 5841:7301>
  +0    > . 4381:5841(1460) ack 1
  +.1   < . 1:1(0) ack 7301
        cnt:TCPTimeouts=0
  none(10)
  `,
);

protocolTest(
  "RACK-03",
  "new data is the probe where there is some",
  `
  EST+SACK rtt .1
        write 14600
  +0    > P. 1:14601(14600) ack 1
        write 1460
  none(.19)
  +.012 > P. 14601:16061(1460) ack 1
        cnt:TCPLossProbes
        cnt:RetransSegs=0
  +.05  < . 1:1(0) ack 16061
  none(10)
  `,
);

protocolTest(
  "RACK-03",
  "a probe of new data is two segments, so that no delayed ACK is waited for",
  `
  EST+SACK rtt .1
        write 14600
  +0    > P. 1:14601(14600) ack 1
        write 4380
  none(.19)
  +.012 > . 14601:16061(1460) ack 1
  +0    > . 16061:17521(1460) ack 1
        cnt:TCPLossProbes
        cnt:RetransSegs=0
  +.05  < . 1:1(0) ack 17521
  +0    > P. 17521:18981(1460) ack 1
  +.05  < . 1:1(0) ack 18981
  none(10)
  `,
);

protocolTest(
  "RACK-03",
  "a probe of new data stays within the window",
  `
  EST+SACK rtt .1
        write 14600
  +0    > P. 1:14601(14600) ack 1
  +0    < . 1:1(0) ack 1 win 16061
        write 4380
  none(.19)
  +.012 > . 14601:16061(1460) ack 1
        cnt:TCPLossProbes
  none(.1)
  +.05  < . 1:1(0) ack 16061 win 65535
  +0    > P. 16061:18981(2920/1460) ack 1
  +.05  < . 1:1(0) ack 18981
  none(10)
  `,
);

/** Of ten segments the first was lost, sent again, and nothing was heard since; 13,140 bytes are not sent yet. */
const REPAIRED = `
  EST+SACK rtt .1
        write 36500
  +0    > . 1:14601(14600/1460) ack 1
  +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:14601>
  +0    > . 1:1461(1460) ack 1
  +0    > . 14601:23361(8760/1460) ack 1
`;

for (
  const [what, answer] of [
    [
      "only acknowledgments were lost: nothing is sent in vain",
      `
      +.05  < . 1:1(0) ack 26281
            cnt:RetransSegs
      `,
    ],
    [
      "the retransmission was lost: it is sent again without timeout",
      `
      +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:26281>
      +0    > . 1:1461(1460) ack 1
            cnt:RetransSegs=2
      `,
    ],
  ] as const
) {
  protocolTest("RACK-03", `in fast recovery new data is the probe; ${what}`, (t) => {
    t.run(`
      ${REPAIRED}
      none(.2)
      +.002 > . 23361:24821(1460) ack 1
      +0    > . 24821:26281(1460) ack 1
            cnt:TCPLossProbes
      none(.04)
      ${answer}
            cnt:TCPTimeouts=0
    `);
    t.discard();
  }, { toleranceMs: 1.5 });
}

protocolTest(
  "RACK-03",
  "in fast recovery there is no probe once the window is full: the timer runs as before",
  (t) => {
    t.run(`
      ${REPAIRED}
      +.01  < . 1:1(0) ack 1 win 23360 <nop,nop,sack 1461:14601>
      none(.285)
      +.005 > . 1:1461(1460) ack 1
            cnt:TCPLossProbes=0
            cnt:TCPTimeouts
    `);
    t.discard();
  },
  { toleranceMs: 1.5 },
);

protocolTest(
  "RACK-03",
  "in fast recovery without new data the timer runs",
  `
  EST+SACK rtt .1
        write 14600
  +0    > P. 1:14601(14600) ack 1
  +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:14601>
  +0    > . 1:1461(1460) ack 1
  none(.295)
  +.005 > . 1:1461(1460) ack 1
        cnt:TCPLossProbes=0
        cnt:TCPTimeouts
  +.01  < . 1:1(0) ack 14601
  none(10)
  `,
  { toleranceMs: 1.5 },
);

protocolTest(
  "RACK-03",
  "a lone segment is probed 200 ms later, but not after the RTO",
  `
  EST+SACK rtt .01
        write 1000
  +0    > P. 1:1001(1000) ack 1
  none(.2)
  +.01  > P. 1:1001(1000) ack 1
        cnt:TCPLossProbes
        cnt:TCPTimeouts=0
  none(.2)
  +.01  > P. 1:1001(1000) ack 1
        cnt:TCPLossProbes=0
        cnt:TCPTimeouts
  +.01  < . 1:1(0) ack 1001
  none(10)
  `,
);

protocolTest("RACK-03", "without SRTT the probe comes after one second", (t) => {
  t.run(`
    0   < S 0:0(0) win 65535 <mss 1460,sackOK>
    +0  > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
    +1  > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
    +.1 < . 1:1(0) ack 1
        accept
        write 1000
    +0  > P. 1:1001(1000) ack 1
  `);
  assertEquals(t.connection.srttUs, 0);
  t.run(`
    none(.98)
    +.02 > P. 1:1001(1000) ack 1
         cnt:TCPLossProbes
  `);
  t.discard();
});

for (
  const [how, ack, isLoss] of [
    ["an ACK behind it without DSACK tells of a loss: cwnd falls once", "ack 2921", true],
    ["a DSACK tells that nothing was lost", "ack 1461 <nop,nop,sack 1:1461>", false],
    ["a DSACK of bytes before it tells nothing", "ack 1461 <nop,nop,sack 0:1>", true],
    ["a duplicate tells that nothing was lost", "ack 1461", false],
  ] as const
) {
  protocolTest("RACK-03", `the probe's answer: ${how}`, (t) => {
    t.run(`
      EST+SACK rtt .1
            write 14600
      +0    > P. 1:14601(14600) ack 1
      +.1   < . 1:1(0) ack 13141
      +.3   > P. 13141:14601(1460) ack 1
      +.1   < . 1:1(0) ack 14601
            write 1460
      +0    > P. 14601:16061(1460) ack 1
    `);
    t.advance(50);
    const before = t.connection.cwnd;
    const [, number, rest = ""] = /ack (\d+)(.*)/.exec(ack)!;
    t.inject(`. 1:1(0) ack ${Number(number) + 13_140}${shifted(rest)}`);
    t.discard();
    t.inject(". 1:1(0) ack 16061");
    assertEquals(t.connection.cwnd, isLoss ? Math.floor(before * 7 / 10) : before);
    assertEquals(t.growth("TCPLossProbeRecovery"), isLoss ? 1 : 0);
  });
}

/** SACK blocks that count from the last of ten segments. */
function shifted(options: string): string {
  return options.replaceAll(/\d+/g, (number) => String(Number(number) + 13_140));
}

protocolTest(
  "RACK-04",
  "never two of the reorder, probe and retransmission timers are armed",
  (t) => {
    const random = randomWords(17);
    t.run("EST+SACK rtt .05");
    const peer = new LossyPeer(t, random);
    const exclusive = TIMER.Reorder | TIMER.Probe | TIMER.Retransmit;
    const seen = new Set<number>();
    for (let step = 0; step < 1500; step++) {
      const isPause = step % 200 > 150; // all is acknowledged now and then
      const wants = isPause ? 0 : random() % 20_000;
      if (t.connection.sendQueue.length < 60_000) t.calls.writeSome(t.flow, wants);
      t.advance(20);
      peer.answer();
      const armed = t.connection.timers & exclusive;
      assert((armed & (armed - 1)) === 0, `timers ${armed} at ${t.elapsedMs} ms`);
      assert(
        armed !== 0 || t.connection.sndUna === t.connection.sndNxt,
        "nothing waits for an ACK",
      );
      seen.add(armed);
      t.advance(random() % 8 === 0 ? 60 : 20);
    }
    assertEquals([...seen].sort((a, b) => a - b), [
      0,
      TIMER.Retransmit,
      TIMER.Reorder,
      TIMER.Probe,
    ]);
    t.discard();
  },
);

/** A receiver which loses a tenth of what comes and reports the rest. */
class LossyPeer {
  readonly #t: ScriptRun;
  readonly #random: () => number;
  #next = 1;
  readonly #held = new Map<number, number>();

  constructor(t: ScriptRun, random: () => number) {
    this.#t = t;
    this.#random = random;
  }

  answer(): void {
    let arrived = false;
    for (let packet = this.#t.next(); packet !== null; packet = this.#t.next()) {
      if (this.#random() % 10 === 0) continue;
      arrived = true;
      const start = (packet.seq - this.#t.flow.productIsn!) | 0;
      this.#held.set(start, Math.max(start + packet.payload.length, this.#held.get(start) ?? 0));
    }
    if (!arrived || this.#random() % 10 === 0) return;
    for (const [start, end] of [...this.#held].sort(([a], [b]) => a - b)) {
      if (start > this.#next) break;
      this.#next = Math.max(this.#next, end);
      this.#held.delete(start);
    }
    const blocks = this.#runs().slice(0, 3).map(([start, end]) => `${start}:${end}`);
    const sack = blocks.length > 0 ? ` <nop,nop,sack ${blocks.join(" ")}>` : "";
    this.#t.inject(`. 1:1(0) ack ${this.#next}${sack}`);
  }

  /** The runs beyond the first gap. */
  #runs(): [number, number][] {
    const runs: [number, number][] = [];
    for (const [start, end] of [...this.#held].sort(([a], [b]) => a - b)) {
      const last = runs.at(-1);
      if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
      else runs.push([start, end]);
    }
    return runs;
  }
}
