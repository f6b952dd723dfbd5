/** ICMP. Requirements §2.6. In SYN_SENT: `path_error_test.ts`. */

import { assertEquals } from "@std/assert";
import { concat } from "../support/codec.ts";
import { fragment, fragmentsOf } from "../support/fragment_frames.ts";
import {
  BROADCAST_MAC,
  ethernet,
  halves,
  icmp,
  ipv4,
  OWN_MAC,
  PEER_MAC,
  udp,
} from "../support/packets.ts";
import { protocolTest } from "../support/script.ts";
import { pathError } from "./path_errors.ts";

const BACK = { to: PEER_MAC, from: OWN_MAC };
const REVERSED = { source: "10.0.0.1", destination: "10.0.0.2" };
const REST = Uint8Array.from({ length: 60 }, (_, i) => i * 37);

protocolTest("ICMP-01", "an echo of 56 bytes comes back byte for byte", (t) => {
  t.injectFrame(ethernet(0x0800, ipv4(1, icmp(8, 0, REST))));
  const reply = ethernet(0x0800, ipv4(1, icmp(0, 0, REST), REVERSED), BACK);
  assertEquals(t.expectFrame(), reply);
});

protocolTest("ICMP-01", "an echo too long for the link comes and goes in fragments", (t) => {
  const rest = Uint8Array.from({ length: 3004 }, (_, i) => i * 37 >> 3);
  const echo = ethernet(0x0800, ipv4(1, icmp(8, 0, rest)));
  for (const piece of fragmentsOf(echo, [1480, 2960])) t.injectFrame(piece);
  const reply = ethernet(0x0800, ipv4(1, icmp(0, 0, rest), REVERSED), BACK);
  for (const piece of fragmentsOf(reply, [1480, 2960], REVERSED)) {
    assertEquals(t.expectFrame().slice(14), piece.slice(14));
  }
  t.none(31);
});

protocolTest("ICMP-02", "echo to groups, broken and outdated messages are ignored", (t) => {
  t.run("EST");
  const corrupt = icmp(8, 0, REST);
  corrupt[9] ^= 1;
  t.injectFrame(ethernet(0x0800, ipv4(1, corrupt)));
  for (const destination of ["10.0.0.255", "255.255.255.255", "224.0.0.1"]) {
    const echo = ipv4(1, icmp(8, 0, REST), { destination });
    t.injectFrame(ethernet(0x0800, echo, { to: BROADCAST_MAC }));
    t.injectFrame(ethernet(0x0800, echo));
  }
  const quote = ipv4(6, halves(80, 40000, 0, 0), REVERSED);
  for (const type of [4, 5, 13, 14, 17, 18]) {
    t.injectFrame(ethernet(0x0800, ipv4(1, icmp(type, 1, concat(halves(0, 0), quote)))));
  }
  t.none(1);
  assertEquals([t.state(), t.connection.softErrors], ["ESTABLISHED", 0]);
});

protocolTest("ICMP-03", "an error about what is not in flight is dropped and counted", (t) => {
  t.run("EST rtt .1");
  t.calls.write(t.flow, 10, null);
  t.run("+0 > P. 1:11(10) ack 1");
  t.growth("OutOfWindowIcmps");
  t.injectFrame(pathError(t, 3, 1, { seq: 5011 }));
  t.injectFrame(pathError(t, 3, 1, { seq: 11 }));
  t.injectFrame(pathError(t, 3, 1, { seq: 0 }));
  t.injectFrame(pathError(t, 3, 1, { seq: 1, length: 7 }));
  t.injectFrame(pathError(t, 3, 1, { seq: 1, peerPort: 40001 }));
  assertEquals(t.growth("OutOfWindowIcmps"), 5);
  assertEquals([t.state(), t.connection.softErrors], ["ESTABLISHED", 0]);
  t.run("+.1 < . 1:1(0) ack 11");
});

protocolTest("ICMP-03", "an error about an unanswered keep-alive probe is heard", (t) => {
  t.run("EST");
  t.injectFrame(pathError(t, 3, 1, { seq: 0 }));
  assertEquals(t.connection.softErrors, 0);
  t.run("keepalive\n7200 > . 0:0(0) ack 1");
  t.injectFrame(pathError(t, 3, 1, { seq: 0 }));
  assertEquals(t.connection.softErrors, 1);
  t.run("+1 < . 1:1(0) ack 1");
  t.injectFrame(pathError(t, 3, 1, { seq: 0 }));
  assertEquals(t.connection.softErrors, 1);
});

protocolTest("ICMP-03", "an error about an unanswered window probe is heard", (t) => {
  t.run(`
    EST rtt .1
    +0 < . 1:1(0) ack 1 win 0
  `);
  t.calls.write(t.flow, 10, null);
  t.injectFrame(pathError(t, 3, 1, { seq: 0 }));
  assertEquals(t.connection.softErrors, 0);
  t.run("* > . 0:0(0) ack 1");
  t.injectFrame(pathError(t, 3, 1, { seq: 0 }));
  assertEquals(t.connection.softErrors, 1);
  t.run("+.01 < . 1:1(0) ack 1 win 0");
  t.injectFrame(pathError(t, 3, 1, { seq: 0 }));
  assertEquals(t.connection.softErrors, 1);
});

/** Every kind of error that a synchronized connection survives. */
const SOFT: readonly (readonly [type: number, codes: readonly number[]])[] = [
  [3, [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]],
  [11, [0, 1]],
  [12, [0, 1, 2]],
];

protocolTest("ICMP-04, ICMP-05", "no error ends a synchronized connection", (t) => {
  t.run("EST rtt .1");
  t.calls.write(t.flow, 10, null);
  t.run("+0 > P. 1:11(10) ack 1");
  t.growth("IcmpSoftErrors");
  let count = 0;
  for (const [type, codes] of SOFT) {
    for (const code of codes) {
      t.injectFrame(pathError(t, type, code, { seq: 1 }));
      assertEquals([t.state(), t.connection.softErrors], ["ESTABLISHED", ++count]);
    }
  }
  assertEquals(t.growth("IcmpSoftErrors"), count);
  t.run(`
    +.1 < P. 1:6(5) ack 11
    *   > . 11:11(0) ack 6
        read 5
  `);
});

protocolTest(
  "ICMP-06",
  "an error that quotes ISS ends a request, and the third ACK gets RST",
  (t) => {
    for (const code of [0, 1, 2, 3]) {
      t.run("SR");
      t.injectFrame(pathError(t, 3, code, { seq: 0 }));
      t.run(`
      synQueue 0
      cnt:IcmpSoftErrors
      +0 < . 1:1(0) ack 1
      +0 > R 1:1(0)
      new
    `);
    }
    t.none(70);
  },
);

protocolTest("ICMP-06", "an error that quotes another number does not", (t) => {
  t.run("SR");
  for (const seq of [1, -1, 5000]) t.injectFrame(pathError(t, 3, 3, { seq }));
  t.injectFrame(pathError(t, 11, 0, { seq: 0 }));
  t.run(`
    synQueue 1
    +.1 < . 1:1(0) ack 1
    +0 accept
       state ESTABLISHED
  `);
});

for (const [type, code] of [[3, 1], [3, 3]]) {
  protocolTest(
    "ICMP-06",
    `an error ${type}/${code} ends a fast-open child behind its data`,
    (t) => {
      t.run(`
      0  < S 0:10(10) win 65535 <mss 1460>
      +0 > S. 0:0(0) ack 11 <mss 1460>
         accept
    `);
      t.injectFrame(pathError(t, 3, code, { seq: 5000 }));
      t.run("state SYN_RCVD");
      t.injectFrame(pathError(t, type, code, { seq: 0 }));
      t.run(`
         app: Reset "host unreachable"
         state CLOSED
         read 10
      +0 < . 11:11(0) ack 1
      +0 > R 1:1(0)
    `);
    },
    { fastOpen: 1, tunables: { tcp_fastopen: 0x202 } },
  );
}

protocolTest("ICMP-07", "100 probes in a second draw one reply", (t) => {
  t.injectFrame(ethernet(0x0800, ipv4(17, udp(REST))));
  t.expectFrame();
  for (let i = 0; i < 99; i++) {
    t.advance(10);
    t.injectFrame(ethernet(0x0800, ipv4(17, udp(REST))));
  }
  assertEquals(t.growth("IcmpOutRateLimitHost"), 99);
  t.none(.001);
  t.advance(10);
  t.injectFrame(ethernet(0x0800, ipv4(17, udp(REST))));
  t.expectFrame();
});

protocolTest("ICMP-07", "all hosts together draw a burst of 50", (t) => {
  for (let i = 0; i < 100; i++) {
    t.injectFrame(ethernet(0x0800, ipv4(17, udp(REST), { source: `10.0.0.${100 + i}` })));
  }
  for (let i = 0; i < 50; i++) t.expectFrame();
  t.none(1);
  assertEquals(t.growth("IcmpOutRateLimitGlobal"), 50);
});

protocolTest("ICMP-07", "errors, later fragments, groups and invalid sources draw nothing", (t) => {
  const probe = (fields: { source?: string; destination?: string }) =>
    ethernet(0x0800, ipv4(17, udp(REST), fields));
  t.injectFrame(probe({ destination: "10.0.0.255" }));
  t.injectFrame(probe({ destination: "224.0.0.1" }));
  for (const source of ["0.0.0.0", "127.0.0.1", "224.0.0.1", "10.0.0.255", "10.0.0.1"]) {
    t.injectFrame(probe({ source }));
  }
  t.injectFrame(ethernet(0x0800, ipv4(17, udp(REST)), { to: BROADCAST_MAC }));
  t.injectFrame(fragment(17, REST.slice(0, 32), 32, true));
  t.injectFrame(ethernet(0x0800, ipv4(1, icmp(3, 3, concat(halves(0, 0), ipv4(17, udp(REST)))))));
  t.injectFrame(fragment(1, icmp(3, 3, REST), 0, true, { identification: 8 }));
  t.none(31);
});

protocolTest("ICMP-08", "UDP draws a port unreachable, TCP to a closed port only RST", (t) => {
  const packet = ipv4(17, udp(REST));
  t.injectFrame(ethernet(0x0800, packet));
  const error = icmp(3, 3, concat(halves(0, 0), packet));
  assertEquals(t.expectFrame(), ethernet(0x0800, ipv4(1, error, REVERSED), BACK));
  t.run(`
    peer c 10.0.0.2:40001 > 10.0.0.1:81
    +2 <c S 0:0(0) win 65535
    +0 >c R. 0:0(0) ack 1
  `);
  t.none(1);
});
