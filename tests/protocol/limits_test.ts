/** Rows of PX and SEC that bound what the engine keeps. Requirements §2.31, §2.32. */

import { assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";

protocolTest(
  "PX-20",
  "a SYN above px_max_connections is dropped silently",
  `
  peer b 10.0.0.2:40001
  peer c 10.0.0.2:40002
  EST
  +0 <b S 0:0(0) win 65535 <mss 1460>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
  +0 <b . 1:1(0) ack 1
     accept b
  +0 <c S 0:0(0) win 65535 <mss 1460>
     cnt:TCPConnectionLimit
  none(70)
  +0 <b R 1:1(0)
  +0 <c S 0:0(0) win 65535 <mss 1460>
  +0 >c S. 0:0(0) ack 1 <mss 1460>
  `,
  { tunables: { px_max_connections: 2 } },
);

protocolTest("SEC-17", "an orphan above tcp_max_orphans is reset", (t) => {
  for (let i = 1; i <= 3; i++) {
    const name = "abc"[i - 1];
    t.run(`
      peer ${name} 10.0.0.2:${40000 + i}
      +0 <${name} S 0:0(0) win 65535 <mss 1460>
      +0 >${name} S. 0:0(0) ack 1 <mss 1460>
      +0 <${name} . 1:1(0) ack 1
         accept ${name}
    `);
  }
  t.run(`
    close a
    +0 >a F. 1:1(0) ack 1
    close b
    +0 >b F. 1:1(0) ack 1
    close c
    +0 >c R. 1:1(0) ack 1
    cnt:TCPAbortOnMemory
    +.01 <a . 1:1(0) ack 2
    +0   <b . 1:1(0) ack 2
    state a FIN_WAIT_2
    state b FIN_WAIT_2
  `);
  assertEquals(t.stack.tcp.connectionCount, 2);
}, { tunables: { tcp_max_orphans: 2 } });

protocolTest("SEC-06", "a packet from its own destination is dropped", (t) => {
  const syn = t.packet("S 0:0(0) win 65535");
  t.inject({ ...syn, source: "10.0.0.1", sourcePort: 80 });
  t.inject({ ...syn, source: "10.0.0.1", sourcePort: 5000 });
  t.none(70);
});
