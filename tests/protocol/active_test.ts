/** HS, ICMP, TFO-C: active and simultaneous open. Requirements §2.6, §2.10, §2.14. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";

/** Ends in SYN_RCVD of a simultaneous open. */
const CROSSED = `
  ACT
  +.1 < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 win 65535 <mss 1460>
      state SYN_RCVD
`;

protocolTest("HS-05", "a SYN has no acknowledgment and an unscaled window", (t) => {
  t.learnPeer();
  t.run("connect");
  const syn = t.expect("S 0:0(0) win 65535 <mss 1460,sackOK,TS val * ecr 0,nop,wscale 7>");
  assertEquals(syn.ack, 0);
  t.run(`
       state SYN_SENT
       cnt:ActiveOpens
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 3>
    +0  > . 1:1(0) ack 1 win 1024 <nop,nop,TS val 100 ecr 7>
        state ESTABLISHED
        app: Established
    none(1)
  `);
});

protocolTest(
  "HS-05",
  "a SYN offers what the tunables allow",
  `
  ACT
  +1 > S 0:0(0) win 65535 <mss 1460>
  `,
  { tunables: { tcp_sack: 0, tcp_timestamps: 0, tcp_window_scaling: 0 } },
);

protocolTest(
  "HS-05",
  "the same over IPv6",
  `
  ACT
  +.1 < S. 0:0(0) ack 1 win 65535 <mss 1440>
  +0  > . 1:1(0) ack 1
      state ESTABLISHED
      write 10
  +0  > P. 1:11(10) ack 1
  `,
  { isIpv6: true },
);

protocolTest("HS-07", "a SYN is sent 8 times and given up after 247 s", (t) => {
  t.run(`
    ACT
    1   > S 0:0(0) win 65535 <...>
    3   > S 0:0(0) <...>
    7   > S 0:0(0) <...>
    15  > S 0:0(0) <...>
    31  > S 0:0(0) <...>
    63  > S 0:0(0) <...>
    127 > S 0:0(0) <...>
    246.9 state SYN_SENT
    cnt:TCPSynRetrans=7
    247.1 state CLOSED
    app: Reset, Closed "timed out"
    cnt:TCPAbortOnTimeout
    none(300)
  `);
  assertEquals(t.stack.tcp.openingCount, 0);
}, { tunables: { gc_stale_time: 86400 } });

protocolTest(
  "HS-07",
  "tcp_syn_retries says how often",
  `
  ACT
  1 > S 0:0(0) <...>
  3 > S 0:0(0) <...>
  6.9 state SYN_SENT
  7.1 state CLOSED
  none(100)
  `,
  { tunables: { tcp_syn_retries: 2 } },
);

protocolTest(
  "HS-07",
  "keep-alive switched on in SYN_SENT begins when the connection is open",
  `
  ACT
    keepalive
  1  > S 0:0(0) <...>
  3  > S 0:0(0) <...>
  +.5 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0  > . 1:1(0) ack 1
  +2~2.1 > . 0:0(0) ack 1
  `,
  { tunables: { tcp_keepalive_time: 2 } },
);

for (const call of ["close", "shutdown", "abort"]) {
  protocolTest(
    "HS-08",
    `${call} in SYN_SENT sends nothing, and a SYN-ACK is reset`,
    `
    ACT
    ${call}
        state CLOSED
    none(1)
    +0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0 > R 1:1(0)
    `,
  );
}

protocolTest(
  "HS-09",
  "SYN_SENT answers a wrong ACK with RST and stays",
  `
  ACT
  +.1 < S. 0:0(0) ack 100 win 65535 <mss 1460>
  +0  > R 100:100(0)
  +0  < . 0:0(0) ack 0
  +0  > R 0:0(0)
  +0  < R. 0:0(0) ack 100
  none(.1)
      state SYN_SENT
      cnt:TCPRstOutOfWindow
  +0  < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0  > . 1:1(0) ack 1
      state ESTABLISHED
  `,
);

protocolTest(
  "HS-10",
  "SYN_SENT is refused by a RST with the right ACK only",
  `
  ACT
  +.1 < R 0:0(0)
  +0  < R. 0:0(0) ack 0
  +0  < R. 0:0(0) ack 2
  none(.1)
      state SYN_SENT
      cnt:TCPRstOutOfWindow=3
  +0  < R. 0:0(0) ack 1
      state CLOSED
      app: Reset, Closed "refused"
      cnt:AttemptFails
  none(10)
  `,
);

protocolTest(
  "HS-10",
  "SYN_SENT drops what has neither SYN nor RST",
  `
  ACT
  +.1 < . 1:1(0) ack 1
  +0  < F. 1:1(0) ack 1
  +0  < P 1:11(10)
  none(.1)
      state SYN_SENT
      cnt:TCPSynSentDrop=3
  `,
);

protocolTest("HS-11", "a SYN that crosses ours is answered with SYN-ACK", CROSSED);

protocolTest(
  "HS-11",
  "the SYN-ACK to a crossing SYN is sent again, and given up after 63 s",
  `
  ${CROSSED}
  1.1  > S. 0:0(0) ack 1 <mss 1460>
  3.1  > S. 0:0(0) ack 1 <mss 1460>
  +.1  < S 0:0(0) win 65535 <mss 1460>
  +0   > S. 0:0(0) ack 1 <mss 1460>
  7.1  > S. 0:0(0) ack 1 <mss 1460>
  15.1 > S. 0:0(0) ack 1 <mss 1460>
  31.1 > S. 0:0(0) ack 1 <mss 1460>
  63   state SYN_RCVD
  63.2 state CLOSED
       app: Reset, Closed "timed out"
  none(100)
  `,
);

for (const answer of ["S. 0:0(0) ack 1 win 65535 <mss 1460>", ". 1:1(0) ack 1"]) {
  protocolTest("HS-12", `simultaneous open ends with ${answer[0]}, in one connection`, (t) => {
    t.run(`
      ${CROSSED}
      +.1 < ${answer}
          state ESTABLISHED
          app: Established
      none(.2)
          acceptQueue 0
          synQueue 0
          write 5
      +0  > P. 1:6(5) ack 1
      +0  < P. 1:4(3) ack 6
      +0  > . 6:6(0) ack 4
          read 3
    `);
    assertEquals([t.stack.tcp.connectionCount, t.stack.tcp.openingCount], [1, 0]);
  });
}

protocolTest(
  "HS-12",
  "bytes queued before a simultaneous open is complete wait for its end",
  `
  ACT
  write 5
  +.1 < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
  write 5
  none(.5)
  +0  < P. 1:11(10) ack 1
  +0  > P. 1:11(10) ack 11
      read 10
  `,
);

protocolTest(
  "HS-12",
  "the SYN_RCVD of a simultaneous open refuses what is wrong",
  `
  ${CROSSED}
  +.1 < . 1:1(0) ack 9
  +0  > R 9:9(0)
  +0  < S. 0:0(0) ack 9 win 65535 <mss 1460>
  +0  > R 9:9(0)
  +0  < . 70000:70000(0) ack 1
  +0  > . 1:1(0) ack 1
  +0  < S 50:50(0)
  +0  > . 1:1(0) ack 1
  +0  < R 50:50(0)
  +0  > . 1:1(0) ack 1
  +0  < R 70000:70000(0)
  +0  < P 1:11(10)
  none(.1)
      state SYN_RCVD
      cnt:TCPNoAckFlag
      cnt:TCPRstOutOfWindow
  +0  < . 1:1(0) ack 1
      state ESTABLISHED
  `,
);

protocolTest(
  "HS-13",
  "a RST in SYN_RCVD refuses an active open; no listener sees it",
  `
  ${CROSSED}
  +.1 < R 1:1(0)
      state CLOSED
      app: Reset, Closed "refused"
  none(70)
      acceptQueue 0
  `,
);

protocolTest(
  "HS-13",
  "a RST in SYN_RCVD leads a passive open back to LISTEN",
  `
  SR
  +.1 < R 1:1(0)
      synQueue 0
  none(.1)
  new
  +0  < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
      synQueue 1
`,
);

protocolTest(
  "HS-23",
  "close in SYN_RCVD sends FIN",
  `
  ${CROSSED}
  close
  +0  > F. 1:1(0) ack 1
      state FIN_WAIT_1
  +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0  < . 1:1(0) ack 2
      state FIN_WAIT_2
  `,
);

protocolTest(
  "HS-23",
  "close in SYN_RCVD lets queued bytes go first",
  `
  ${CROSSED}
  write 5
  shutdown
  none(.1)
      state SYN_RCVD
  +.1 < . 1:1(0) ack 1
  +0  > FP. 1:6(5) ack 1
      state FIN_WAIT_1
  `,
);

protocolTest(
  "RST-08",
  "abort in the SYN_RCVD of an active open sends RST",
  `
  ${CROSSED}
  abort
  +0 > R. 1:1(0) ack 1
     state CLOSED
  none(70)
  `,
);

protocolTest(
  "TFO-C-10",
  "data in a SYN-ACK is acknowledged and delivered",
  `
  ACT
  +.1 < S. 0:50(50) ack 1 win 65535 <mss 1460>
  +0  > . 1:1(0) ack 51
      state ESTABLISHED
      app: Established, Readable
      read 50
  `,
);

protocolTest(
  "TFO-C-10",
  "data and FIN in a SYN-ACK are acknowledged and delivered",
  `
  ACT
  +.1 < SF. 0:50(50) ack 1 win 65535 <mss 1460>
  +0  > . 1:1(0) ack 52
      state CLOSE_WAIT
      read 50
      eof
  `,
);

protocolTest(
  "TFO-C-11",
  "of a crossing SYN with data only the number is acknowledged",
  `
  ACT
  +.1 < S 0:500(500) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
  +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0  < P. 1:501(500) ack 1
  +0  > . 1:1(0) ack 501
      read 500
  `,
);

protocolTest(
  "HS-05",
  "SEND in SYN_SENT queues; an answered SYN lets it out with the ACK",
  `
  ACT
  write "hello"
  none(.5)
  +0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0 > P. 1:6(5) ack 1 "hello"
     state ESTABLISHED
  `,
);

protocolTest(
  "HS-28",
  "a second active OPEN of the same tuple is an error",
  `
  ACT
  connect fails EADDRNOTAVAIL
  none(.5)
`,
);

protocolTest("HS-05", "two connections of one pair of hosts have unrelated ISNs", (t) => {
  t.run("peer b 10.0.0.2:40001\nACT\nconnect b\n+0 >b S 0:0(0) <...>");
  assertNotEquals(t.flow.productIsn, t.flows.named("b")?.productIsn);
});
