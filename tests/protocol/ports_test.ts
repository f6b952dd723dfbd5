/** HS-14, HS-28, TW-08, TW-11, TW-16: tuples and ports of active opens. Requirements §2.10, §2.18. */

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../lib/tcp/address_error.ts";
import { SIGNAL } from "../../lib/tcp/connection.ts";
import { setTunable, type TunableName } from "../../lib/tcp/tunables.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { createFixture, type FixtureOptions } from "../support/fixture.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

/** An active open with timestamps, at 0 s. */
const ESTABLISHED_TS = `
  ACT
  +0 < S. 0:0(0) ack 1 win 65535 <mss 1460,TS val 998 ecr 0>
  +0 > . 1:1(0) ack 1 <ts>
`;

/** Ends at 0 s in TIME_WAIT; the product closed first. */
const TIME_WAIT_TS = `
  ${ESTABLISHED_TS}
     shutdown
  +0 > F. 1:1(0) ack 1 <ts>
  +0 < F. 1:1(0) ack 2 <nop,nop,TS val 1000 ecr 0>
  +0 > . 2:2(0) ack 2 <ts>
     state TIME_WAIT
`;

/** The same without timestamps. */
const TIME_WAIT = `
  ACT
  +0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0 > . 1:1(0) ack 1
     shutdown
  +0 > F. 1:1(0) ack 1
  +0 < F. 1:1(0) ack 2
  +0 > . 2:2(0) ack 2
     state TIME_WAIT
`;

function set(t: ScriptRun, name: TunableName, value: number): void {
  t.stack.tunables = setTunable(t.stack.tunables, name, `${value}`);
}

/** The code of the AddressError which a call throws. */
function codeOf(call: () => unknown): string {
  return assertThrows(call, AddressError).code;
}

function connect(t: ScriptRun, remote: string) {
  return t.stack.connect(parseEndpoint(remote)!, {}, t.now);
}

const RANGE: FixtureOptions = {
  tunables: { ip_local_port_min: 40000, ip_local_port_max: 40002 },
};

protocolTest("HS-28", "three ports make three connections to one destination, not four", (t) => {
  t.learnPeer();
  const ports = [1, 2, 3].map(() => connect(t, "10.0.0.2:7").localPort);
  assertEquals(ports.toSorted(), [40000, 40001, 40002]);
  assertEquals(codeOf(() => connect(t, "10.0.0.2:7")), "EADDRNOTAVAIL");
  // Another destination is another tuple.
  connect(t, "10.0.0.2:8");
  const syns = [1, 2, 3, 4].map(() => t.next());
  assertEquals(syns.map((syn) => syn?.flags), ["S", "S", "S", "S"]);
  assertEquals(new Set(syns.map((syn) => `${syn?.sourcePort} ${syn?.destinationPort}`)).size, 4);
  t.none(.5);
}, RANGE);

protocolTest(
  "HS-28",
  "ports are of the range and drawn at random, from the injected entropy",
  (t) => {
    t.learnPeer();
    const ports = Array.from({ length: 200 }, () => connect(t, "10.0.0.2:7").localPort);
    assert(ports.every((port) => port >= 32768 && port <= 60999));
    assertEquals(new Set(ports).size, 200);
    const steps = ports.slice(1).map((port, i) => port - ports[i]);
    assert(new Set(steps).size > 150, "the next port can be told from the last");
    const half = (32768 + 60999) / 2;
    const high = ports.filter((port) => port > half).length;
    assert(high > 60 && high < 140, `${high} of 200 ports lie in the upper half`);
    t.discard();
    t.none(.5);
  },
);

protocolTest("HS-28", "the same seed draws the same ports, another one others", (t) => {
  t.learnPeer();
  const port = connect(t, "10.0.0.2:7").localPort;
  assertEquals(t.next()?.sourcePort, port);
  const portOf = (seed: number) =>
    createFixture(t.link, { seed }).stack.connect(parseEndpoint("10.0.0.2:7")!, {}, 0).localPort;
  assertEquals(portOf(2), port);
  assertNotEquals(portOf(3), port);
}, { seed: 2 });

protocolTest("HS-28", "nobody is at a broadcast, multicast, unspecified or own address", (t) => {
  for (
    const remote of [
      ...["255.255.255.255:7", "10.0.0.255:7", "224.0.0.1:7", "0.0.0.0:7", "127.0.0.1:7"],
      ...["10.0.0.1:7", "10.0.0.2:0", "[::]:7", "[ff02::1]:7", "[::1]:7"],
    ]
  ) {
    assertEquals(codeOf(() => connect(t, remote)), "ENETUNREACH", remote);
  }
  t.none(5);
  assertEquals(t.stack.tcp.openingCount, 0);
});

protocolTest("HS-28", "the port of a listener is not drawn", (t) => {
  t.learnPeer();
  for (const port of [40000, 40002]) t.stack.listen(parseEndpoint(`10.0.0.1:${port}`)!);
  assertEquals(connect(t, "10.0.0.2:7").localPort, 40001);
  t.next();
}, RANGE);

protocolTest("HS-14", "a listener turns active; bytes wait for ESTABLISHED", (t) => {
  t.learnPeer();
  t.flow.connection = t.fixture.listener.connect(parseEndpoint("10.0.0.2:40000")!, t.now);
  t.run(`
        write "hello"
    +0  > S 0:0(0) win 65535 <...>
        state SYN_SENT
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0  > P. 1:6(5) ack 1 "hello"
        state ESTABLISHED
        peer b 10.0.0.3:40000
    +0  <b S 0:0(0) win 65535 <mss 1460>
    +0  >b R. =0:=0(0) ack 1
  `);
});

protocolTest("HS-14", "a listener with requests does not turn active", (t) => {
  const remote = parseEndpoint("10.0.0.2:41000")!;
  t.run("SR");
  assertEquals(codeOf(() => t.fixture.listener.connect(remote, t.now)), "EISCONN");
  t.run("+.1 < . 1:1(0) ack 1\n acceptQueue 1");
  assertEquals(codeOf(() => t.fixture.listener.connect(remote, t.now)), "EISCONN");
  t.run("none(.5)\n accept\n state ESTABLISHED");
});

protocolTest(
  "TW-11",
  "with timestamps an active open takes a tuple 1 s after its last segment",
  (t) => {
    t.run(`
    ${TIME_WAIT_TS}
    .9  connect fails EADDRNOTAVAIL
    none(.19)
  `);
    const first = t.flow.productIsn ?? 0;
    t.run(`
    new
    1.1 connect
    +0  > S 0:0(0) win 65535 <...>
        state SYN_SENT
        cnt:TWRecycled
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460,TS val 3000 ecr 0>
    +0  > . 1:1(0) ack 1 <ts>
        state ESTABLISHED
  `);
    assertEquals(t.stack.tcp.timeWaits.count, 0);
    // TW-08: beyond all the old connection may have sent.
    assert((((t.flow.productIsn ?? 0) - (first + 2)) | 0) >= 65537);
  },
);

protocolTest(
  "TW-11",
  "a segment in TIME_WAIT begins the wait anew",
  `
  ${TIME_WAIT_TS}
  .8  < . 1:1(0) ack 2 <nop,nop,TS val 1001 ecr 0>
  +0  > . 2:2(0) ack 2 <ts>
  1.7 connect fails EADDRNOTAVAIL
  new
  1.9 connect
  +0  > S 0:0(0) <...>
`,
);

protocolTest(
  "TW-11",
  "tcp_tw_reuse_delay says how long",
  `
  ${TIME_WAIT_TS}
  4.9 connect fails EADDRNOTAVAIL
  new
  5.1 connect
  +0  > S 0:0(0) <...>
`,
  { tunables: { tcp_tw_reuse_delay: 5000 } },
);

protocolTest("TW-11", "the wait is over a millisecond after tcp_tw_reuse_delay, not at it", (t) => {
  t.run(TIME_WAIT_TS);
  const heardAt = t.now;
  // The engine notes whole milliseconds.
  t.advance(1000 - (heardAt - Math.floor(heardAt)));
  t.run("connect fails EADDRNOTAVAIL");
  t.advance(1);
  t.run(`
    new
    connect
    +0 > S 0:0(0) <...>
  `);
});

protocolTest("TW-11", "at 0.9 s another port of the range is taken", (t) => {
  t.run(TIME_WAIT_TS);
  set(t, "ip_local_port_min", 80);
  set(t, "ip_local_port_max", 80);
  t.advance(900);
  assertEquals(codeOf(() => connect(t, "10.0.0.2:40000")), "EADDRNOTAVAIL");
  set(t, "ip_local_port_max", 81);
  assertEquals(connect(t, "10.0.0.2:40000").localPort, 81);
  assertEquals(t.next()?.sourcePort, 81);
});

for (const reuse of [0, 2]) {
  protocolTest(
    "TW-11, TW-16",
    `tcp_tw_reuse=${reuse} lets no active open into TIME_WAIT`,
    `
    ${TIME_WAIT_TS}
    1.1  connect fails EADDRNOTAVAIL
    119  connect fails EADDRNOTAVAIL
    none(.5)
    new
    120.1 connect
    *    > S 0:0(0) <...>
  `,
    { tunables: { tcp_tw_reuse: reuse, gc_stale_time: 86400 } },
  );
}

protocolTest(
  "TW-11",
  "without timestamps there is no reuse",
  `
  ${TIME_WAIT}
  1.1  connect fails EADDRNOTAVAIL
  119  connect fails EADDRNOTAVAIL
  none(.5)
`,
);

protocolTest("TW-11", "with tcp_timestamps=0 there is no reuse", (t) => {
  t.run(TIME_WAIT_TS);
  set(t, "tcp_timestamps", 0);
  t.run(`
    1.1  connect fails EADDRNOTAVAIL
    none(.5)
  `);
});

protocolTest(
  "TW-08",
  "an active open out of TIME_WAIT has an ISS and TSval beyond the old ones",
  (t) => {
    t.run(ESTABLISHED_TS);
    // More than the ISN's clock counts meanwhile: the floor decides.
    t.calls.write(t.flow, 500_000, null);
    while (!t.connection.isDrained) {
      while (t.next() !== null);
      const { sndNxt, iss } = t.connection;
      t.inject(`. 1:1(0) ack ${(sndNxt - iss) | 0} <nop,nop,TS val 999 ecr *>`);
    }
    const end = t.flow.writePosition;
    t.run(`
    shutdown
    +0 > F. ${end}:${end}(0) ack 1 <ts>
    +0 < F. 1:1(0) ack ${end + 1} <nop,nop,TS val 1000 ecr 0>
    +0 > . ${end + 1}:${end + 1}(0) ack 2 <ts>
       state TIME_WAIT
  `);
    const last = t.flow.lastTsVal;
    const sndNxt = (t.flow.productIsn ?? 0) + end + 1;
    t.flow.renew(t.flow.peerIsn);
    t.run("+1.1 connect");
    const syn = t.expect("S 0:0(0) <...>");
    assertEquals((syn.seq - sndNxt) | 0, 65537);
    const option = syn.options.find((option) => option.name === "TS");
    assert(option?.name === "TS" && ((option.val - last) | 0) > 0);
  },
);

protocolTest(
  "TW-16",
  "listening on a port in TIME_WAIT needs reuseAddress, which is the default",
  (t) => {
    t.run(TIME_WAIT);
    const local = t.fixture.listener.local;
    t.fixture.listener.close();
    assertEquals(codeOf(() => t.stack.listen(local, { reuseAddress: false })), "EADDRINUSE");
    t.run(`
    peer b 10.0.0.3:40000
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b R. =0:=0(0) ack 1
  `);
    t.calls.addListener(t.stack.listen(local));
    t.run(`
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
    +0 <b . 1:1(0) ack 1
       accept b
       state b ESTABLISHED
       state TIME_WAIT
  `);
  },
);

protocolTest("TW-16", "a port without TIME_WAIT needs no reuseAddress", (t) => {
  const local = t.fixture.listener.local;
  t.fixture.listener.close();
  t.stack.listen(local, { reuseAddress: false });
  t.run("SR\n none(.5)");
});

protocolTest("HS-17", "a port may listen while connections of it are opened", (t) => {
  t.run(`
    ACT
    peer b 10.0.0.3:40001
    +0  <b S 0:0(0) win 65535 <mss 1460>
    +0  >b S. 0:0(0) ack 1 <mss 1460>
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0  > . 1:1(0) ack 1
    +0  <b . 1:1(0) ack 1
        accept b
        state ESTABLISHED
        state b ESTABLISHED
  `);
  assertEquals(t.flow.signals & SIGNAL.Established, SIGNAL.Established);
});
