/** KA: keep-alive. Requirements §2.19. */

import { assertEquals } from "@std/assert";
import { encodePacket } from "../support/codec.ts";
import { ethernet, icmp, ipv4 } from "../support/packets.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { IN_STATE } from "./states.ts";

protocolTest(
  "KA-01",
  "without keep-alive an idle connection stays silent",
  `
  EST
  none(100000)
  state ESTABLISHED
  `,
);

protocolTest(
  "KA-02, KA-03",
  "an idle connection is probed after tcp_keepalive_time, without data",
  `
  EST
     keepalive
  none(7199.9)
  +.1 > . 0:0(0) ack 1
  +.1 < . 1:1(0) ack 1
  none(7199.8)
  +.2 > . 0:0(0) ack 1
  `,
);

protocolTest(
  "KA-04",
  "nine unanswered probes end the connection with RST",
  `
  EST
     keepalive
  7200 > . 0:0(0) ack 1
  7275 > . 0:0(0) ack 1
  7350 > . 0:0(0) ack 1
  7425 > . 0:0(0) ack 1
  7500 > . 0:0(0) ack 1
  7575 > . 0:0(0) ack 1
  7650 > . 0:0(0) ack 1
  7725 > . 0:0(0) ack 1
  7800 > . 0:0(0) ack 1
       cnt:TCPKeepAlive=9
  7875 > R. 1:1(0) ack 1
       app: Reset "keep-alive timed out"
       state CLOSED
  none(10000)
  `,
);

protocolTest("KA-02", "settings of a connection can be changed while it is idle", (t) => {
  t.run(`
    EST
    keepalive
    none(12)
  `);
  t.connection.setKeepalive({ time: 10, interval: 1, probes: 3 });
  t.run(`
    +0 > . 0:0(0) ack 1
    +1 > . 0:0(0) ack 1
    +1 > . 0:0(0) ack 1
    +1 > R. 1:1(0) ack 1
       app: Reset "keep-alive timed out"
       state CLOSED
  `);
});

protocolTest("KA-01", "keep-alive can be switched off again", (t) => {
  t.run(`
    EST
    keepalive
    7200 > . 0:0(0) ack 1
  `);
  t.connection.setKeepalive(null);
  t.run(`
    none(100000)
    state ESTABLISHED
  `);
});

protocolTest(
  "KA-03",
  "a probe is left of what was acknowledged last",
  `
  EST
         keepalive
         write 10
  +0     > P. 1:11(10) ack 1
  +0     < P. 1:6(5) ack 11
  +0     > . 11:11(0) ack 6
  7200   > . 10:10(0) ack 6
  `,
);

protocolTest(
  "KA-03",
  "a probe has one byte with tcp_keepalive_garbage",
  `
  EST
       keepalive
  7200 > . 0:1(1) ack 1
  +0   < . 1:1(0) ack 1
  none(10)
       cnt:TCPKeepAlive
  `,
  { tunables: { tcp_keepalive_garbage: 1 } },
);

protocolTest("KA-03", "a connection says for itself whether its probes have a byte", (t) => {
  t.run(`
    EST
    keepalive
    7200 > . 0:1(1) ack 1
    +0   < . 1:1(0) ack 1
  `);
  t.connection.setKeepalive({ time: 10, bytes: 0 });
  t.run(`
    +10  > . 0:0(0) ack 1
  `);
  t.connection.setKeepalive({ time: 20, bytes: 1 });
  t.run(`
    +10  > . 0:1(1) ack 1
  `);
}, { tunables: { tcp_keepalive_garbage: 1 } });

protocolTest(
  "KA-09",
  "an active open is not probed before it is established, and is after",
  (t) => {
    t.run("ACT");
    t.connection.setKeepalive({ time: 2, interval: 1, probes: 2 });
    t.run(`
    1  > S 0:0(0) <...>
    3  > S 0:0(0) <...>
    +1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0 > . 1:1(0) ack 1
    +2 > . 0:0(0) ack 1
    +1 > . 0:0(0) ack 1
    +1 > R. 1:1(0) ack 1
       state CLOSED
  `);
  },
);

protocolTest("KA-05", "an answer to the ninth probe begins another 7200 s", (t) => {
  t.run(`
    EST
    keepalive
  `);
  for (let i = 0; i < 9; i++) t.run(`${7200 + 75 * i} > . 0:0(0) ack 1`);
  t.run(`
    +1 < . 1:1(0) ack 1
    none(7199.9)
    +.1 > . 0:0(0) ack 1
    +75 > . 0:0(0) ack 1
    state ESTABLISHED
  `);
});

protocolTest(
  "KA-05",
  "any segment of the peer resets idle time and count",
  `
  EST
     keepalive
  10 > . 0:0(0) ack 1
  11 > . 0:0(0) ack 1
  +.5 < . 1:1(0) ack 1
  none(9.9)
  +.1 > . 0:0(0) ack 1
  +1  > . 0:0(0) ack 1
  +1  > . 0:0(0) ack 1
  +1  > R. 1:1(0) ack 1
  `,
  { tunables: { tcp_keepalive_time: 10, tcp_keepalive_intvl: 1, tcp_keepalive_probes: 3 } },
);

protocolTest(
  "KA-05",
  "an answer counts, too, where probes are no further apart than the idle time",
  `
  EST
     keepalive
  1  > . 0:0(0) ack 1
  +0 < . 1:1(0) ack 1
  2  > . 0:0(0) ack 1
  +0 < . 1:1(0) ack 1
  3  > . 0:0(0) ack 1
  +0 < . 1:1(0) ack 1
  4  > . 0:0(0) ack 1
  +1 > . 0:0(0) ack 1
  +1 > R. 1:1(0) ack 1
  `,
  { tunables: { tcp_keepalive_time: 1, tcp_keepalive_intvl: 1, tcp_keepalive_probes: 2 } },
);

protocolTest(
  "KA-06",
  "a peer that was restarted resets at the first probe",
  `
  EST
     keepalive
  7200 > . 0:0(0) ack 1
  +.1  < R 1:1(0)
       app: Reset "reset by peer"
       state CLOSED
  none(8000)
  `,
);

protocolTest("KA-07", "an unreachable peer is reported, and ends nothing earlier", (t) => {
  t.run(`
    EST
    keepalive
    7200 > . 0:0(0) ack 1
  `);
  hostUnreachable(t, -1);
  t.run("cnt:IcmpSoftErrors");
  hostUnreachable(t, 0);
  hostUnreachable(t, -2);
  t.run("cnt:OutOfWindowIcmps=2");
  for (let i = 1; i < 9; i++) t.run(`${7200 + 75 * i} > . 0:0(0) ack 1`);
  t.run(`
    7875 > R. 1:1(0) ack 1
         app: Reset "host unreachable"
         state CLOSED
  `);
});

protocolTest("KA-07", "what a living peer's path once was is forgotten", (t) => {
  t.run(`
    EST
    keepalive
    7200 > . 0:0(0) ack 1
  `);
  hostUnreachable(t, -1);
  t.run("+1 < . 1:1(0) ack 1");
  for (let i = 0; i < 9; i++) t.run(`${14401 + 75 * i} > . 0:0(0) ack 1`);
  t.run(`
    15076 > R. 1:1(0) ack 1
         app: Reset "keep-alive timed out"
  `);
});

/** A router tells that the segment `offset` from SND.NXT did not come through. */
function hostUnreachable(t: ScriptRun, offset: number): void {
  const { sndNxt, remotePort, localPort } = t.connection;
  const quoted = encodePacket({
    ...t.packet(". 1:1(0) ack 1"),
    source: "10.0.0.1",
    destination: "10.0.0.2",
    sourcePort: localPort,
    destinationPort: remotePort,
    seq: (sndNxt + offset) >>> 0,
  });
  const rest = new Uint8Array(4 + 28);
  rest.set(quoted.subarray(14, 14 + 28), 4);
  t.injectFrame(ethernet(0x0800, ipv4(1, icmp(3, 1, rest))));
}

protocolTest(
  "KA-08",
  "a peer's probes are answered and not delivered",
  `
  EST
     keepalive
  +10 < . 0:0(0) ack 1
  +0  > . 1:1(0) ack 1
  +10 < . 0:1(1) ack 1
  +0  > . 1:1(0) ack 1
      readable 0
      state ESTABLISHED
  `,
);

protocolTest(
  "KA-09",
  "while data is outstanding only its retransmission is sent",
  `
  EST rtt .1
     keepalive
       write 10
  +0   > P. 1:11(10) ack 1
  +.3  > P. 1:11(10) ack 1
  +.6  > P. 1:11(10) ack 1
  +1.2 > P. 1:11(10) ack 1
  none(2.3)
  `,
  {
    tunables: { tcp_keepalive_time: 1, tcp_keepalive_intvl: 1, tcp_keepalive_probes: 3 },
    toleranceMs: 20,
  },
);

for (const state of ["CLOSE_WAIT", "FIN_WAIT_2"]) {
  const { script, rcvNxt } = IN_STATE[state];
  protocolTest("KA-09", `${state} with a reader is probed`, (t) => {
    t.run(script);
    t.connection.setKeepalive({ time: 10 });
    t.advance(9_900);
    t.none(0.05);
    const probe = t.expect(`. * ack ${rcvNxt}`, 100);
    assertEquals((probe.seq - t.connection.sndNxt) | 0, -1);
    t.run(`state ${state}`);
  });
}

protocolTest(
  "KA-09",
  "a shut window is probed as such, and an old connection not at all",
  `
  EST rtt .1
         keepalive
         write 10
  +0     > P. 1:11(10) ack 1
  +0     < . 1:1(0) ack 11 win 0
         write 10
  +.2~.4 > . 10:10(0) ack 1
  +0     < . 1:1(0) ack 11 win 0
  +.4~.8 > . 10:10(0) ack 1
         cnt:TCPKeepAlive=0
  +0     < . 1:1(0) ack 11 win 1000
  +0     > P. 11:21(10) ack 1
  +0     < . 1:1(0) ack 21
         shutdown
  +0     > F. 21:21(0) ack 1
  +0     < F. 1:1(0) ack 22
  +0     > . 22:22(0) ack 2
         state TIME_WAIT
  none(1000)
  `,
  { tunables: { tcp_keepalive_time: 1, tcp_keepalive_intvl: 1 } },
);

protocolTest(
  "KA-10",
  "a vanished link does not end a connection by itself",
  `
  EST
  none(86400)
  state ESTABLISHED
  `,
);
