/** RST: resets. Requirements §2.16. */

import { assert, assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { protocolTest } from "../support/script.ts";
import { ScriptRun } from "../support/script_run.ts";
import { IN_STATE } from "./states.ts";

/** What ends a connection of its user's own accord. */
const ENDS: readonly [string, (c: Connection, now: number) => void][] = [
  ["abort", (c) => c.abort()],
  ["a user timeout", (c, now) => c.setUserTimeout(100, now)],
];

protocolTest(
  "RST-01",
  "a segment without ACK to nobody is answered with RST,ACK",
  `
  peer c 10.0.0.2:40001 > 10.0.0.1:81
  +0 <c S 0:0(0) win 65535 <mss 1460>
  +0 >c R. 0:0(0) ack 1
  +0 <c S 0:10(10) win 65535
  +0 >c R. 0:0(0) ack 11
  +0 <c F 5:10(5)
  +0 >c R. 0:0(0) ack 11
  +0 <c - 5:5(0)
  +0 >c R. 0:0(0) ack 5
  none(1)
  `,
);

protocolTest(
  "RST-02",
  "a segment with ACK to nobody is answered with RST at its ACK number",
  `
  peer c 10.0.0.2:40001 > 10.0.0.1:81
  +0 < F. 500:500(0) ack 900
  +0 > R 900:900(0)
  +0 <c F. 500:500(0) ack 901
  +0 >c R 901:901(0)
  +0 <c P. 500:510(10) ack 902
  +0 >c R 902:902(0)
  +0 <c S. 500:500(0) ack 903
  +0 >c R 903:903(0)
     cnt:OutRsts=4
  none(1)
  `,
);

protocolTest("RST-03", "no RST answers a RST, a broadcast or an invalid source", (t) => {
  t.run(`
    peer c 10.0.0.2:40001 > 10.0.0.1:81
    +0 <c R 1:1(0)
    +0 <c R. 1:1(0) ack 1
    none(1)
    cnt:TCPRstNoConnection=2
  `);
  const syn = { ...t.packet("S 0:0(0) win 65535"), destinationPort: 81 };
  t.inject({ ...syn, destination: "10.0.0.255" });
  t.inject({ ...syn, destination: "255.255.255.255", destinationMac: "ff:ff:ff:ff:ff:ff" });
  t.inject({ ...syn, destination: "224.0.0.1" });
  t.inject({ ...syn, source: "127.0.0.1" });
  t.inject({ ...syn, source: "224.0.0.1" });
  t.inject({ ...syn, source: "255.255.255.255" });
  t.inject({ ...syn, source: "10.0.0.1" });
  t.none(1);
});

for (const [state, { script, rcvNxt }] of Object.entries(IN_STATE)) {
  protocolTest(
    "RST-04",
    `an exact RST ends ${state}`,
    `
    ${script}
    state ${state}
    +.1 < R ${rcvNxt}:${rcvNxt}(0)
       state CLOSED
       app: Reset "reset by peer"
       cnt:EstabResets
    none(200)
    `,
  );
  protocolTest(
    "RST-05",
    `a RST in the window but not exact is challenged in ${state}`,
    (t) => {
      t.run(script);
      t.run(`+.1 < R ${rcvNxt + 1}:${rcvNxt + 1}(0)`);
      t.expect(`. * ack ${rcvNxt}`);
      t.run(`state ${state}`);
    },
  );
  protocolTest(
    "RST-06",
    `a RST outside of the window is dropped in ${state}`,
    (t) => {
      t.run(script);
      const edge = t.flow.productEdge!;
      t.run(`
        state ${state}
        +.01 < R ${edge}:${edge}(0)
        +0 < R ${rcvNxt - 1}:${rcvNxt - 1}(0)
        none(.1)
        state ${state}
        cnt:TCPRstOutOfWindow=2
      `);
    },
  );
}

protocolTest("RST-07", "after a RST what came in order can be read, and nothing written", (t) => {
  t.run(`
    EST
    +0 < P. 1:11(10) ack 1
    +0 > . 1:1(0) ack 11
    +0 < P. 21:31(10) ack 1
    +0 > . 1:1(0) ack 11
       write 100000
    +0 > . 1:14601(14600) ack 11
    +0 < R 11:11(0)
       app: Readable, Reset, Closed "reset by peer"
       read 10
       readable 0
  `);
  assert(t.calls.writeSome(t.flow, 10) === 0, "a write was accepted");
  t.none(70);
});

for (const [state, { script, rcvNxt }] of Object.entries(IN_STATE)) {
  const isSilent = state === "CLOSING" || state === "LAST_ACK";
  protocolTest("RST-08", `abort in ${state} ${isSilent ? "sends nothing" : "sends RST"}`, (t) => {
    t.run(`
      ${script}
      state ${state}
    `);
    const { sndNxt } = t.connection;
    t.connection.abort();
    if (!isSilent) {
      const reset = t.expect(`R. * ack ${rcvNxt}`);
      assertEquals(reset.seq | 0, sndNxt);
    }
    t.run(`
      state CLOSED
      none(200)
    `);
  });
}

protocolTest(
  "RST-08",
  "abort in TIME_WAIT and CLOSED sends nothing, and frees the tuple",
  `
  ${IN_STATE.FIN_WAIT_2.script}
  +0 < F. 1:1(0) ack 2
  +0 > . 2:2(0) ack 2
     state TIME_WAIT
     abort
     state CLOSED
  none(10)
  +0 < F. 1:1(0) ack 2
  +0 > R 2:2(0)
     abort fails ENOTCONN
  none(10)
  `,
);

protocolTest("RST-08", "abort in LISTEN sends nothing to those who only asked", (t) => {
  t.run("SR");
  t.fixture.listener.close();
  assertEquals(t.fixture.listener.stateName, "CLOSED");
  t.none(70);
});

protocolTest(
  "RST-08",
  "abort in the SYN_RCVD of a fast open sends RST",
  `
  +0 < S 0:10(10) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 11 <mss 1460>
     accept
     state SYN_RCVD
     abort
  +0 > R. 1:1(0) ack 11
     state CLOSED
  none(70)
  `,
  { fastOpen: 1, tunables: { tcp_fastopen: 0x202 } },
);

protocolTest(
  "RST-08",
  "abort drops what is queued, the RST carries none of it",
  `
  EST
     write 10000
  &  abort
  +0 > R. 1:1(0) ack 1
     state CLOSED
  none(200)
  `,
);

for (const [how, end] of ENDS) {
  protocolTest("RST-08", `${how} ends a connection with RST,ACK at SND.NXT`, (t) => {
    t.run(`
      EST rtt .1
         write 10
      +0 > P. 1:11(10) ack 1
    `);
    end(t.connection, t.now);
    t.expect("R. 11:11(0) ack 1 win 65535 <>", 150);
    t.run(`
         state CLOSED
      none(200)
    `);
  });
}

protocolTest(
  "RST-09",
  "a RST of a timestamp connection carries timestamps",
  `
  EST+TS
     abort
  +0 > R. 1:1(0) ack 1 <ts>
  +0 < . 1:1(0) ack 1 <ts>
  +0 > R 1:1(0)
  `,
);

protocolTest(
  "RST-10",
  "a RST may carry data and an old timestamp",
  `
  0  < S 0:0(0) win 65535 <mss 1460,TS val 1000 ecr 0>
  +0 > S. 0:0(0) ack 1 <...>
  +0 < . 1:1(0) ack 1 <nop,nop,TS val 1001 ecr 0>
     accept
  +0 < R 1:21(20) <nop,nop,TS val 5 ecr 0>
     state CLOSED
     app: Reset "reset by peer"
     readable 0
  none(70)
  `,
);

protocolTest(
  "RST-11",
  "a SYN in ESTABLISHED is challenged, whatever its number",
  `
  EST
  +1 < S 0:0(0) win 65535 <mss 1460>
  +0 > . 1:1(0) ack 1
  +1 < S 100:100(0) win 65535 <mss 1460>
  +0 > . 1:1(0) ack 1
  +1 < S 10000000:10000000(0) win 65535 <mss 1460>
  +0 > . 1:1(0) ack 1
  +1 < S. 1:1(0) ack 1
  +0 > . 1:1(0) ack 1
     state ESTABLISHED
     cnt:TCPChallengeACK=4
  `,
);

protocolTest("RST-12", "resets to nobody are limited to px_rst_ratelimit a second", (t) => {
  const answered = resetsOf(t, 0.19);
  assert(answered > 850 && answered <= 1000, `${answered} resets`);
  assertEquals(t.growth("TCPRstRateLimited"), 5000 - answered);
});

Deno.test("RST-12: how many of a burst are reset, nobody outside can know before", () => {
  const counts = [1, 2, 3, 4].map((seed) => {
    const t = new ScriptRun("bare", { seed });
    const first = resetsOf(t, 0);
    t.advance(2000);
    return [first, resetsOf(t, 0)];
  }).flat();
  assert(counts.every((count) => count >= 125 && count <= 250), `${counts}`);
  assert(new Set(counts).size > 5, `${counts}`);
});

/** How many of 5000 SYNs to closed ports, `everyMs` apart, are answered. */
function resetsOf(t: ScriptRun, everyMs: number): number {
  const syn = t.packet("S 0:0(0) win 65535");
  let answered = 0;
  for (let i = 0; i < 5000; i++) {
    t.inject({ ...syn, destinationPort: 81 + i % 1000, sourcePort: 1 + i });
    while (t.next() !== null) answered++;
    t.advance(everyMs);
  }
  return answered;
}

protocolTest(
  "RST-08",
  "while the device refuses the RST of an abort, no timer touches the queue that is gone",
  (t) => {
    // A window below the MSS and half of the best arms the timer; it spans pages.
    t.run(`
      +0 < S 0:0(0) win 65535 <mss 8960>
      +0 > S. 0:0(0) ack 1 <mss 8960>
      +0 < . 1:1(0) ack 1
         accept
      +0 < . 1:1(0) ack 1 win 8000
         write 9000
      none(.05)
    `);
    t.fixture.sink.isFull = true;
    t.connection.abort();
    t.none(2);
    t.fixture.sink.isFull = false;
    t.run(`
      +0 > R. 1:1(0) ack 1
         state CLOSED
    `);
  },
  { mtu: 9000 },
);
