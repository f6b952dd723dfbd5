/** MTU: the MTU of the path. Requirements §2.29. */

import { assert, assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { pathError } from "./path_errors.ts";

/** A router on the way says that the segment with the relative number `seq` was too large. */
function tooBig(t: ScriptRun, seq: number, mtu: number): void {
  const isIpv6 = t.flow.ends.localAddress.includes(":");
  t.injectFrame(pathError(t, isIpv6 ? 2 : 3, isIpv6 ? 0 : 4, { seq, mtu }));
}

/** The payload lengths of all segments sent now. */
function sizes(t: ScriptRun): number[] {
  const lengths: number[] = [];
  for (let p = t.next(); p !== null; p = t.next()) lengths.push(p.payload.length);
  return lengths;
}

const FLIGHT = `
  EST rtt .1
  write 14600
  +0 > P. 1:14601(14600/1460) ack 1
`;

protocolTest(
  "MTU-01, RTX-09",
  "what was too large is sent again at once, smaller, with cwnd as it was",
  (t) => {
    t.run(FLIGHT);
    const { cwnd } = t.connection;
    t.advance(20);
    tooBig(t, 1461, 1400);
    t.run(`
    +0  > P. 1:14601(14600/1360) ack 1
    cnt:TCPTimeouts=0
  `);
    assertEquals(t.connection.cwnd, cwnd);
    t.run(`
    +.1 < . 1:1(0) ack 14601
    write 3000
    +0  > P. 14601:17601(3000/1360) ack 1
    state ESTABLISHED
  `);
  },
);

protocolTest("MTU-01", "timestamps take their part of the smaller segments", (t) => {
  t.run("EST+TS rtt .1\nwrite 3000");
  assertEquals(sizes(t), [1448, 1448, 104]);
  tooBig(t, 1, 1400);
  assertEquals(sizes(t), [1348, 1348, 304]);
});

protocolTest(
  "MTU-01",
  "an error about what was acknowledged already, or never sent, changes nothing",
  (t) => {
    t.run(`
    ${FLIGHT}
    +.1 < . 1:1(0) ack 2921
  `);
    tooBig(t, 1461, 1400);
    tooBig(t, 14_601, 1400);
    t.run(`
    cnt:OutOfWindowIcmps=2
    +.01 < . 1:1(0) ack 14601
    write 1460
    +0   > P. 14601:16061(1460) ack 1
  `);
  },
);

protocolTest(
  "MTU-01",
  "a later connection to the destination begins with the smaller size",
  (t) => {
    t.run(FLIGHT);
    tooBig(t, 1, 1400);
    t.discard();
    t.run(`
    +.01 < R. 1:1(0) ack 1
    peer b 10.0.0.2:40001 > 10.0.0.1:80
    +0  <b S 0:0(0) win 65535 <mss 1460>
    +0  >b S. 0:0(0) ack 1 <mss 1460>
    +.1 <b . 1:1(0) ack 1
    accept b
    write b 2000
    +0  >b P. 1:2001(2000/1360) ack 1
  `);
  },
);

protocolTest("MTU-01", "with ip_no_pmtu_disc 1 DF is clear, and nothing is learned", (t) => {
  t.run("EST rtt .1\nwrite 1460");
  const first = t.next()!;
  assert(first.identification !== undefined, "DF is set");
  tooBig(t, 1, 1400);
  assertEquals(sizes(t), []);
}, { tunables: { ip_no_pmtu_disc: 1 } });

protocolTest("MTU-02", "a router that does not tell its MTU gets the next plateau", (t) => {
  t.run(FLIGHT);
  tooBig(t, 1, 0);
  t.run("+0 > P. 1:14601(14600/1452) ack 1");
  tooBig(t, 1, 0);
  const again = sizes(t); // all but the last 80 bytes, which may have been a short segment
  assert(again.every((size) => size <= 966), `${again} bytes`);
  assert(again.reduce((a, b) => a + b) >= 14_520);
});

protocolTest(
  "MTU-02",
  "what is below min_pmtu is 552, with DF clear and numbers of their own",
  (t) => {
    t.run(FLIGHT);
    tooBig(t, 1, 100);
    const numbers: (number | undefined)[] = [];
    let sent = 0;
    for (let p = t.next(); p !== null; p = t.next()) {
      assert(p.payload.length <= 512, `${p.payload.length} bytes`);
      numbers.push(p.identification);
      sent += p.payload.length;
    }
    assertEquals(sent, 14_600);
    assert(!numbers.includes(undefined), "DF is set");
    assertEquals(new Set(numbers).size, numbers.length);
  },
);

protocolTest("MTU-02", "a larger MTU than known changes nothing", (t) => {
  t.run(FLIGHT);
  tooBig(t, 1, 9000);
  tooBig(t, 1, 1500);
  t.run(`
    none(.05)
    +0 < . 1:1(0) ack 14601
    write 1460
    +0 > P. 14601:16061(1460) ack 1
  `);
});

protocolTest("MTU-03", "IPv6: an MTU of 1300 is followed, one below 1280 is not", (t) => {
  t.run("EST rtt .1\nwrite 2880");
  assertEquals(sizes(t), [1440, 1440]);
  tooBig(t, 1, 1000);
  assertEquals(sizes(t), []);
  tooBig(t, 1, 1300);
  assertEquals(sizes(t), [1240, 1240, 400]);
}, { isIpv6: true });

protocolTest("MTU-04", "what was learned is forgotten after mtu_expires", (t) => {
  t.run(FLIGHT);
  tooBig(t, 1, 1400);
  t.discard();
  t.run(`
    +.1 < . 1:1(0) ack 14601
    +590 write 2000
    +0  > P. 14601:16601(2000/1360) ack 1
    +.1 < . 1:1(0) ack 16601
    +11 write 2000
    +0  > P. 16601:18601(2000/1460) ack 1
  `);
});

protocolTest(
  "IP-07",
  "packets that may be cut have unlike numbers without a constant step",
  (t) => {
    t.run("EST rtt .001");
    const seen = new Set<number>();
    const steps = new Set<number>();
    let last = 0;
    for (let count = 0; count < 10_000; count++) {
      t.inject(`P. ${1 + count}:${2 + count}(1) ack 1`);
      const number = t.next(50)!.identification!;
      assert(!seen.has(number), `${number} comes twice in ${count}`);
      seen.add(number);
      steps.add((number - last) & 0xffff);
      last = number;
      t.calls.read(t.flow, 1, null);
    }
    assert(steps.size > 1000, `${steps.size} different steps`);
  },
  { tunables: { ip_no_pmtu_disc: 1 } },
);

protocolTest("MTU-06", "a SYN too large with its data goes again without, at once", (t) => {
  t.learnPeer();
  t.run(`
    peer x 10.0.0.2:50000
    connect fast x
    +0 >x S 0:0(0) <...>
    +0 <x S. 0:0(0) ack 1 win 65535 <mss 1460,FO 00112233445566aa,nop,nop>
    +0 >x . 1:1(0) ack 1
    abort x
    +0 >x R. 1:1(0) ack 1
    connect fast
    & write 3000
    +0 > S 0:1428(1428) <...>
  `);
  tooBig(t, 0, 1300);
  t.run(`
    +0  > S 0:0(0) <...>
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0  > P. 1:3001(3000/1260) ack 1
  `);
});
