/** API: calls, errors. Requirements §2.30. */

import { assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";

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
