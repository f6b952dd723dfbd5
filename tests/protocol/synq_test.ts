/** SYNQ: SYN queue, SYN-ACK retransmission, accept queue. Requirements §2.11. */

import { assertEquals } from "@std/assert";
import { concat, encodePacket, type Packet } from "../support/codec.ts";
import { ethernet, halves, icmp, ipv4 } from "../support/packets.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

/** The waits between SYN-ACKs in seconds, the last the one before the request is forgotten. */
function waits(retries: number, maxSeconds: number = 120): number[] {
  return Array.from({ length: retries + 1 }, (_, i) => Math.min(2 ** i, maxSeconds));
}

protocolTest("SYNQ-01", "a request leaves the queue by ACK, RST, age or a closed listener", (t) => {
  t.run(`
    peer b 10.0.0.2:40001
    peer c 10.0.0.2:40002
    peer d 10.0.0.2:40003
    +0 < S 0:0(0) win 65535 <mss 1460>
    +0 > S. 0:0(0) ack 1 <mss 1460>
    synQueue 1
    +0 < S 0:0(0) win 65535 <mss 1460>
    +0 > S. 0:0(0) ack 1 <mss 1460>
    synQueue 1
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
    synQueue 2
    +0 < . 1:1(0) ack 1
    accept
    synQueue 1
    +0 <b R 1:1(0)
    synQueue 0
    +0 <c S 0:0(0) win 65535 <mss 1460>
    +0 >c S. 0:0(0) ack 1 <mss 1460>
    synQueue 1
  `);
  for (const wait of waits(5).slice(0, -1)) t.run(`+${wait} >c S. 0:0(0) ack 1 <mss 1460>`);
  t.run(`
    +31.98 synQueue 1
    +.04   synQueue 0
    +0 <d S 0:0(0) win 65535 <mss 1460>
    +0 >d S. 0:0(0) ack 1 <mss 1460>
    synQueue 1
  `);
  t.fixture.listener.close();
  t.run("synQueue 0");
});

protocolTest("SYNQ-01", "an ICMP error about its SYN-ACK ends a request", (t) => {
  t.inject("S 0:0(0) win 65535 <mss 1460>");
  const synAck = t.expect("S. 0:0(0) ack 1 <mss 1460>");
  const segment = encodePacket(synAck).subarray(34);
  const quote = concat(
    halves(0, 0),
    ipv4(6, segment, { source: "10.0.0.1", destination: "10.0.0.2" }),
  );
  t.injectFrame(ethernet(0x0800, ipv4(1, icmp(3, 3, quote), { source: "10.0.0.9" })));
  t.run(`
    synQueue 0
    cnt:IcmpSoftErrors
    none(70)
  `);
});

/** Five peers; four of them begin handshakes. */
const FOUR_SYNS = `
  peer b 10.0.0.2:40001
  peer c 10.0.0.2:40002
  peer d 10.0.0.2:40003
  peer e 10.0.0.2:40004
  +0 < S 0:0(0) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  +0 <b S 0:0(0) win 65535 <mss 1460>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
  +0 <c S 0:0(0) win 65535 <mss 1460>
  +0 >c S. 0:0(0) ack 1 <mss 1460>
  +0 <d S 0:0(0) win 65535 <mss 1460>
  +0 >d S. 0:0(0) ack 1 <mss 1460>
  synQueue 4
`;

protocolTest(
  "SYNQ-02",
  "a full SYN queue takes no SYN; room lets the next one in",
  `
  ${FOUR_SYNS}
  +0 <e S 0:0(0) win 65535 <mss 1460>
  synQueue 4
  cnt:TCPReqQFullDrop
  none(.5)
  +0 < . 1:1(0) ack 1
  synQueue 3
  +0 <e S 0:0(0) win 65535 <mss 1460>
  +0 >e S. 0:0(0) ack 1 <mss 1460>
  synQueue 4
  `,
  { tunables: { tcp_max_syn_backlog: 4, tcp_syncookies: 0 } },
);

protocolTest("SYNQ-02", "by default the SYN queue holds 1024 requests", (t) => {
  for (let port = 1; port <= 1025; port++) {
    t.inject({ ...t.packet("S 0:0(0) win 65535 <mss 1460>"), sourcePort: port });
  }
  t.discard();
  t.run("synQueue 1024\ncnt:SyncookiesSent");
}, { links: ["bare"] });

protocolTest(
  "SYNQ-08",
  "without cookies a SYN that finds the queue full is dropped silently",
  `
  ${FOUR_SYNS}
  +0 <e S 0:0(0) win 65535 <mss 1460>
  cnt:TCPReqQFullDrop
  cnt:SyncookiesSent=0
  none(70)
  `,
  { tunables: { tcp_max_syn_backlog: 4, tcp_syncookies: 0, tcp_synack_retries: 0 } },
);

protocolTest(
  "SYNQ-09",
  "a SYN that finds the queue full is answered with a cookie",
  `
  ${FOUR_SYNS}
  +0 <e S 0:0(0) win 65535 <mss 1460>
  +0 >e S. 0:0(0) ack 1 <mss 1460>
  synQueue 4
  cnt:SyncookiesSent
  cnt:TCPReqQFullDrop=0
  none(70)
  `,
  { tunables: { tcp_max_syn_backlog: 4, tcp_synack_retries: 0 } },
);

protocolTest(
  "SYNQ-03",
  "an unanswered SYN-ACK is sent again at 1, 3, 7, 15 and 31 s",
  `
  0   < S  0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
  +1  > S. 0:0(0) ack 1 <mss 1460>
  +2  > S. 0:0(0) ack 1 <mss 1460>
  +4  > S. 0:0(0) ack 1 <mss 1460>
  +8  > S. 0:0(0) ack 1 <mss 1460>
  +16 > S. 0:0(0) ack 1 <mss 1460>
  none(100)
  `,
);

protocolTest(
  "SYNQ-04",
  "the request is forgotten silently 63 s after its SYN",
  `
  0     < S  0:0(0) win 65535 <mss 1460>
  +0    > S. 0:0(0) ack 1 <mss 1460>
  1     > S. 0:0(0) ack 1 <mss 1460>
  3     > S. 0:0(0) ack 1 <mss 1460>
  7     > S. 0:0(0) ack 1 <mss 1460>
  15    > S. 0:0(0) ack 1 <mss 1460>
  31    > S. 0:0(0) ack 1 <mss 1460>
  none(31)
  62.98 synQueue 1
  63.02 synQueue 0
        cnt:TCPSynRetrans=5
        cnt:TCPSynAckGivenUp
  64    < . 1:1(0) ack 1
  +0    > R 1:1(0)
  none(70)
  `,
);

for (const retries of [0, 2, 7]) {
  protocolTest(
    "SYNQ-05",
    `with ${retries} retries the request lives for all their waits`,
    (t) => {
      t.run("SR");
      const all = waits(retries);
      for (const wait of all.slice(0, -1)) t.run(`+${wait} > S. 0:0(0) ack 1 <mss 1460>`);
      t.run(`
        +${all.at(-1)! - 0.02} synQueue 1
        +.04 synQueue 0
      `);
      assertEquals(Math.round(t.elapsedMs / 1000), { 0: 1, 2: 7, 7: 247 }[retries]);
    },
    { tunables: { tcp_synack_retries: retries } },
  );
}

protocolTest("SYNQ-06", "repeated SYN-ACKs differ from the first in TSval only", (t) => {
  t.inject("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>");
  const synAck = "S. 0:0(0) ack 1 <mss 1460,sackOK,TS val * ecr 100,nop,wscale 7>";
  const first = t.expect(synAck);
  for (const wait of [1000, 2000]) assertEquals(timeless(t.expect(synAck, wait)), timeless(first));
});

/** A packet without TSval. */
function timeless(packet: Packet): Packet {
  const options = packet.options.map((option) =>
    option.name === "TS" ? { ...option, val: 0 } : option
  );
  return { ...packet, options };
}

protocolTest(
  "SYNQ-07",
  "with tcp_synack_fail_rst a request that is given up is reset",
  `
  0   < S  0:0(0) win 65535 <mss 1460>
  0   > S. 0:0(0) ack 1 <mss 1460>
  1   > S. 0:0(0) ack 1 <mss 1460>
  3   > S. 0:0(0) ack 1 <mss 1460>
  7   > S. 0:0(0) ack 1 <mss 1460>
  15  > S. 0:0(0) ack 1 <mss 1460>
  31  > S. 0:0(0) ack 1 <mss 1460>
  63  > R. 1:1(0) ack 1 win 0
      synQueue 0
  none(70)
  `,
  { tunables: { tcp_synack_fail_rst: 1 } },
);

protocolTest(
  "SYNQ-07",
  "with tcp_synack_retries 0 besides, that is after 1 s, and no SYN-ACK is repeated",
  `
  SR
  +1 > R. 1:1(0) ack 1
     synQueue 0
  none(70)
  `,
  { tunables: { tcp_synack_fail_rst: 1, tcp_synack_retries: 0 } },
);

/** Two handshakes begin; the first is completed and fills the accept queue. */
function fillAcceptQueue(t: ScriptRun): void {
  t.run(`
    peer b 10.0.0.2:40001
    peer c 10.0.0.2:40002
    +0 < S 0:0(0) win 65535 <mss 1460>
    +0 > S. 0:0(0) ack 1 <mss 1460>
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
    +0 < . 1:1(0) ack 1
    acceptQueue 1
  `);
}

protocolTest(
  "SYNQ-10",
  "a full accept queue ignores third ACKs until there is room",
  (t) => {
    fillAcceptQueue(t);
    t.run(`
      +.1 <b . 1:1(0) ack 1
      synQueue 1
      cnt:ListenOverflows
      +.9 >b S. 0:0(0) ack 1 <mss 1460>
      accept
      acceptQueue 0
      +.1 <b . 1:1(0) ack 1
      synQueue 0
      accept b
      state b ESTABLISHED
    `);
  },
  { backlog: 1 },
);

protocolTest(
  "SYNQ-10",
  "a full accept queue drops SYNs silently",
  (t) => {
    fillAcceptQueue(t);
    t.run(`
      +0 <b R 1:1(0)
      +0 <c S 0:0(0) win 65535 <mss 1460>
      cnt:ListenOverflows
      synQueue 0
      none(70)
    `);
  },
  { backlog: 1 },
);

protocolTest(
  "SYNQ-11",
  "with tcp_abort_on_overflow the third ACK is reset and the request deleted",
  (t) => {
    fillAcceptQueue(t);
    t.run(`
      +.1 <b . 1:1(0) ack 1
      +0 >b R 1:1(0)
      synQueue 0
      none(70)
    `);
  },
  { backlog: 1, tunables: { tcp_abort_on_overflow: 1 } },
);

for (const abort of [0, 1]) {
  protocolTest(
    "SYNQ-11",
    `the ACK of a cookie that finds the accept queue full is ${abort === 0 ? "ignored" : "reset"}`,
    `
    peer b 10.0.0.2:40001
    +0 < S 0:0(0) win 65535 <mss 1460>
    +0 > S. 0:0(0) ack 1 <mss 1460>
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
    +0 < . 1:1(0) ack 1
    acceptQueue 1
    +.1 <b . 1:1(0) ack 1
    ${abort === 0 ? "" : "+0 >b R 1:1(0)"}
    cnt:ListenOverflows
    acceptQueue 1
    none(30)
    accept
    +0 <b . 1:1(0) ack 1
    acceptQueue 1
    accept b
    state b ESTABLISHED
    none(70)
    `,
    { backlog: 1, tunables: { tcp_syncookies: 2, tcp_abort_on_overflow: abort } },
  );
}

protocolTest(
  "SYNQ-12",
  "only a RST with the exact number ends a request",
  `
  SR
  +0 < R 2:2(0)
  +0 > . 1:1(0) ack 1
     synQueue 1
  +0 < R 70000:70000(0)
  none(.1)
     synQueue 1
  +0 < R 1:1(0)
     synQueue 0
     cnt:TCPReqReset
  none(70)
  `,
);

protocolTest(
  "SYNQ-12",
  "a challenge does not take back what the SYN-ACK's window promised",
  `
  0  < S 0:0(0) win 65535 <mss 1460,nop,wscale 7>
  +0 > S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>
  +0 < R 2:2(0)
  +0 > . 1:1(0) ack 1 win 512
  `,
);

protocolTest(
  "SYNQ-13",
  "requests time out independently",
  `
  peer b 10.0.0.2:40001
  peer c 10.0.0.2:40002
  0   <  S 0:0(0) win 65535 <mss 1460>
  0   >  S. 0:0(0) ack 1 <mss 1460>
  .4  <b S 0:0(0) win 65535 <mss 1460>
  .4  >b S. 0:0(0) ack 1 <mss 1460>
  .9  <c S 0:0(0) win 65535 <mss 1460>
  .9  >c S. 0:0(0) ack 1 <mss 1460>
  1   >  S. 0:0(0) ack 1 <mss 1460>
  1.4 >b S. 0:0(0) ack 1 <mss 1460>
  1.5 <b . 1:1(0) ack 1
  1.9 >c S. 0:0(0) ack 1 <mss 1460>
  3   >  S. 0:0(0) ack 1 <mss 1460>
  3.9 >c S. 0:0(0) ack 1 <mss 1460>
  7   >  S. 0:0(0) ack 1 <mss 1460>
  7.9 >c S. 0:0(0) ack 1 <mss 1460>
  15  >  S. 0:0(0) ack 1 <mss 1460>
  15.9 >c S. 0:0(0) ack 1 <mss 1460>
  31  >  S. 0:0(0) ack 1 <mss 1460>
  31.9 >c S. 0:0(0) ack 1 <mss 1460>
  62.98 synQueue 2
  63.02 synQueue 1
  63.88 synQueue 1
  63.92 synQueue 0
  `,
);

protocolTest(
  "SYNQ-14",
  "after two lost SYN-ACKs the first flight is one segment",
  `
  SR
  +1 > S. 0:0(0) ack 1 <mss 1460>
  +2 > S. 0:0(0) ack 1 <mss 1460>
  +.1 < . 1:1(0) ack 1
     accept
     write 20000
  +0 > . 1:1461(1460) ack 1
  none(.5)
  `,
);

protocolTest(
  "SYNQ-14",
  "a timestamp proves that the first SYN-ACK was delivered",
  `
  0  < S 0:0(0) win 65535 <mss 1460,TS val 1 ecr 0>
  +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 0 ecr 1>
  +1 > S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 1000 ecr 1>
  +2 > S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 3000 ecr 1>
  +0 < . 1:1(0) ack 1 <nop,nop,TS val 2 ecr 0>
     accept
     write 20000
  +0 > . 1:14481(14480/1448) ack 1 <ts>
  `,
);
