/** API: calls, errors. Requirements §2.30. */

import { assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../lib/tcp/address_error.ts";
import { SIGNAL } from "../../lib/tcp/connection.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { protocolTest } from "../support/script.ts";
import { pathError } from "./path_errors.ts";

for (const isIpv6 of [false, true]) {
  const family = isIpv6 ? "IPv6" : "IPv4";
  protocolTest("API-03", `DSCP and time to live are a connection's own, over ${family}`, (t) => {
    t.run("EST rtt .1");
    const marks = (script: string) => {
      const { trafficClass, ttl } = t.expect(script, 1000);
      return [trafficClass >> 2, ttl];
    };
    t.connection.dscp = 0x2e;
    t.calls.write(t.flow, 10, null);
    assertEquals(marks("P. 1:11(10) ack 1"), [0x2e, 64]);
    t.connection.ttl = 7;
    assertEquals(marks("P. 1:11(10) ack 1"), [0x2e, 7]); // the retransmission
    t.inject("P. 1:11(10) ack 11");
    assertEquals(marks(". 11:11(0) ack 11"), [0x2e, 7]);
    t.connection.dscp = 0x0a;
    t.connection.setKeepalive({ time: 1 });
    assertEquals(marks(". 10:10(0) ack 11"), [0x0a, 7]);
    t.calls.read(t.flow, 10, null);
    t.connection.shutdown();
    assertEquals(marks("F. 11:11(0) ack 11"), [0x0a, 7]);
    t.connection.abort();
    assertEquals(marks("R. 12:12(0) ack 11"), [0x0a, 7]);
  }, { isIpv6 });

  protocolTest("API-03", `the DSCP of the peer can be read, over ${family}`, (t) => {
    t.run("EST");
    assertEquals(t.connection.receivedDscp, 0);
    t.inject({ ...t.packet(". 1:1(0) ack 1"), trafficClass: 0x2e << 2 | 1 });
    assertEquals(t.connection.receivedDscp, 0x2e);
    // What is not acceptable says nothing.
    t.inject({ ...t.packet(". 200000:200000(0) ack 1"), trafficClass: 0x0a << 2 });
    assertEquals(t.connection.receivedDscp, 0x2e);
    t.expect(". 1:1(0) ack 1");
  }, { isIpv6 });
}

protocolTest("API-02", "who wants to know is told of a soft error, once", (t) => {
  t.run("EST rtt .1");
  t.calls.write(t.flow, 10, null);
  t.run("+0 > P. 1:11(10) ack 1");
  for (const reportsErrors of [true, false]) {
    t.connection.reportsErrors = reportsErrors;
    t.flow.signals = 0;
    t.injectFrame(pathError(t, 3, 1, { seq: 1 }));
    assertEquals(t.flow.signals, reportsErrors ? SIGNAL.ErrorReport : 0);
    assertEquals([t.state(), t.growth("IcmpSoftErrors")], ["ESTABLISHED", 1]);
  }
  assertEquals(t.connection.softErrors, 2);
  t.run(`
    +0 < . 1:1(0) ack 11
    none(1)
  `);
});

protocolTest("API-02", "who wants to know is told of R1, once", (t) => {
  t.run("EST rtt .1");
  t.connection.reportsErrors = true;
  t.flow.signals = 0;
  t.calls.write(t.flow, 10, null);
  t.run(`
    +0   > P. 1:11(10) ack 1
    +.3  > P. 1:11(10) ack 1
    +.6  > P. 1:11(10) ack 1
    +1.2 > P. 1:11(10) ack 1
  `);
  assertEquals([t.flow.signals, t.connection.softErrors], [0, 0]);
  t.run("+2.4 > P. 1:11(10) ack 1");
  assertEquals([t.flow.signals, t.connection.softErrors], [SIGNAL.ErrorReport, 1]);
  t.flow.signals = 0;
  t.run("+4.8 > P. 1:11(10) ack 1");
  assertEquals([t.flow.signals, t.growth("IcmpSoftErrors")], [0, 0]);
  t.run(`
    +0 < . 1:1(0) ack 11
       state ESTABLISHED
    none(1)
  `);
}, { toleranceMs: 20 });

protocolTest(
  "API-04",
  "a RST makes reading fail with ECONNRESET, once all is read, and writing with EPIPE",
  `
  EST
  +0 < P. 1:11(10) ack 1
  +0 > . 1:1(0) ack 11
  +0 < R 11:11(0)
     write 1 fails EPIPE
     read 10
     read fails ECONNRESET
  none(1)
  `,
);

protocolTest(
  "API-04",
  "a refused connection fails with ECONNREFUSED",
  `
  ACT
  +0 < R. 0:0(0) ack 1
     read fails ECONNREFUSED
     write 1 fails EPIPE
     shutdown fails ENOTCONN
  none(1)
  `,
);

protocolTest(
  "API-04",
  "a SYN nobody answers fails with ETIMEDOUT",
  `
  ACT
  +1 > S 0:0(0) <...>
  +2.1 read fails ETIMEDOUT
     write 1 fails EPIPE
  none(100)
  `,
  { tunables: { tcp_syn_retries: 1 } },
);

protocolTest(
  "API-04",
  "data nobody acknowledges, and probes nobody answers, fail with ETIMEDOUT",
  `
  EST rtt .1
     write 10
  +0 > P. 1:11(10) ack 1
  *  > P. 1:11(10) ack 1
  *  > P. 1:11(10) ack 1
  +3 state CLOSED
     read fails ETIMEDOUT
  peer b 10.0.0.2:40001
  +0 <b S 0:0(0) win 65535 <mss 1460>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
  +0 <b . 1:1(0) ack 1
     accept b
     keepalive b
  +7200 >b . 0:0(0) ack 1
  +75 >b R. 1:1(0) ack 1
     read b fails ETIMEDOUT
     write b 1 fails EPIPE
  `,
  { tunables: { tcp_retries2: 2, tcp_keepalive_probes: 1 } },
);

protocolTest(
  "API-04",
  "writing after our FIN fails with EPIPE",
  `
  EST
     shutdown
  +0 > F. 1:1(0) ack 1
     write 1 fails EPIPE
  +0 < . 1:1(0) ack 2
     write 1 fails EPIPE
  none(1)
  `,
);

protocolTest("API-04", "ports that are used up are EADDRNOTAVAIL, a bound one EADDRINUSE", (t) => {
  const remote = parseEndpoint("10.0.0.2:9000")!;
  const codeOf = (call: () => unknown) => assertThrows(call, AddressError).code;
  t.stack.connect(remote, {}, t.now);
  t.stack.connect(remote, {}, t.now);
  assertEquals(codeOf(() => t.stack.connect(remote, {}, t.now)), "EADDRNOTAVAIL");
  assertEquals(codeOf(() => t.stack.listen(t.fixture.listener.local)), "EADDRINUSE");
  t.discard();
  t.run("state LISTEN");
}, { tunables: { ip_local_port_min: 40_000, ip_local_port_max: 40_001 } });
