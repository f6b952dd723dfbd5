/** TFO-C: TCP Fast Open, the client's side. Requirements §2.14. */

import { assertEquals } from "@std/assert";
import type { FixtureOptions } from "../support/fixture.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { pathError } from "./path_errors.ts";

const COOKIE = "00112233445566aa";
/** Options of a SYN with a cookie of 8 bytes take 32 bytes, with a request 24, without either 20. */
const WITH_COOKIE = `mss 1460,sackOK,TS val * ecr 0,nop,wscale 7,FO ${COOKIE},nop,nop`;
const REQUEST = "mss 1460,sackOK,TS val * ecr 0,nop,wscale 7,FO,nop,nop";
const PLAIN = "mss 1460,sackOK,TS val * ecr 0,nop,wscale 7";
/** Neighbours are believed for all of a long scene. */
const LONG: FixtureOptions = { tunables: { gc_stale_time: 86400 } };

/** Scenes begin with a peer whose hardware address is known. */
function clientTest(
  ids: string,
  title: string,
  body: string | ((t: ScriptRun) => void),
  options: FixtureOptions = {},
): void {
  protocolTest(ids, title, (t) => {
    t.learnPeer();
    if (typeof body === "string") t.run(body);
    else body(t);
  }, options);
}

/** Asks the server for a cookie through a connection of its own, `x`, and ends that. */
function learn(cookie = COOKIE, mss = 1460, server = "10.0.0.2", options = REQUEST): string {
  return `
    peer x ${server}:50000
    connect fast x
    +0 >x S 0:0(0) <${options}>
    +0 <x S. 0:0(0) ack 1 win 65535 <mss ${mss},FO ${cookie},nop,nop>
    +0 >x . 1:1(0) ack 1
    abort x
    +0 >x R. 1:1(0) ack 1
  `;
}

clientTest("TFO-C-01", "without a cookie the SYN asks for one and carries no data", (t) => {
  t.run("connect fast\n& write 100");
  const syn = t.expect(`S 0:0(0) <${REQUEST}>`);
  assertEquals(syn.options.find((option) => option.name === "FO"), { name: "FO", cookie: "" });
  t.run(`
    none(.5)
    +0 < S. 0:0(0) ack 1 win 65535 <mss 1460,FO ${COOKIE},nop,nop>
    +0 > P. 1:101(100) ack 1
       state ESTABLISHED
       cnt:TCPFastOpenActive=0
       cnt:TCPFastOpenActiveFail=0
  `);
});

for (
  const [title, call, options] of [
    ["nobody asks for fast open", "connect", {}],
    ["bit 0x1 is not set", "connect fast", { tunables: { tcp_fastopen: 0x2 } }],
    ["bit 0x4 comes without bit 0x1", "connect fast", { tunables: { tcp_fastopen: 0x4 } }],
  ] as [string, string, FixtureOptions][]
) {
  clientTest(
    "TFO-C-01",
    `the SYN is like any other when ${title}`,
    `
    ${call}
    & write 100
    +0 > S 0:0(0) <${PLAIN}>
    `,
    options,
  );
}

clientTest(
  "TFO-C-01",
  "with bit 0x4 data needs no cookie",
  `
  connect fast
  & write 1000
  +0 > S 0:516(516) <${PLAIN}>
  +0 < S. 0:0(0) ack 517 win 65535 <mss 1460>
  +0 > P. 517:1001(484) ack 1
     cnt:TCPFastOpenActive
  `,
  { tunables: { tcp_fastopen: 0x5 } },
);

clientTest(
  "TFO-C-02",
  "cookie and MSS are used for the same address, whatever the port",
  `
  ${learn(COOKIE, 1000)}
  connect fast
  & write 4000
  +0 > S 0:968(968) <${WITH_COOKIE}>
  peer b 10.0.0.2:40001
  connect fast b
  & write b 4000
  +0 >b S 0:968(968) <${WITH_COOKIE}>
  `,
);

clientTest("TFO-C-02", "another server has another cookie", (t) => {
  t.run(`${learn()}\npeer b 10.0.0.3:40000`);
  t.learnPeer(t.flows.named("b")!);
  t.run(`connect fast b\n& write b 10\n+0 >b S 0:0(0) <${REQUEST}>`);
});

clientTest(
  "TFO-C-03",
  "the SYN carries what fits beside its options, and no more is sent before the SYN-ACK",
  `
  ${learn()}
  connect fast
  & write 4000
  +0 > S 0:1428(1428) <${WITH_COOKIE}>
     write 100
  none(.5)
     cnt:RetransSegs=0
  +0 < S. 0:0(0) ack 1429 win 65535 <mss 1460>
  +0 > P. 1429:4101(2672/1460) ack 1
  `,
);

clientTest("TFO-C-03", "what routers told of the path counts, too", (t) => {
  t.run(`
    ${learn()}
    connect fast
    & write 1428
    +0 > S 0:1428(1428) <${WITH_COOKIE}>
  `);
  t.injectFrame(pathError(t, 3, 4, { seq: 0, mtu: 1400 }));
  t.run(`
    +0 > S 0:0(0) <${PLAIN}>
    abort
    peer b 10.0.0.2:40001
    connect fast b
    & write b 4000
    +0 >b S 0:1328(1328) <${WITH_COOKIE}>
  `);
});

clientTest(
  "TFO-C-03",
  "the link's limit counts, too",
  `
  ${learn(COOKIE, 8960).replace("mss 1460,sack", "mss 1160,sack")}
  connect fast
  & write 4000
  +0 > S 0:1128(1128) <${WITH_COOKIE.replace("mss 1460", "mss 1160")}>
  `,
  { mtu: 1200 },
);

clientTest(
  "TFO-C-03",
  "a server that named no MSS has 536",
  `
  ${learn().replace(`<mss 1460,FO ${COOKIE},`, `<FO ${COOKIE},`)}
  connect fast
  & write 4000
  +0 > S 0:504(504) <${WITH_COOKIE}>
  `,
);

clientTest(
  "TFO-C-03",
  "over IPv6 1440, and 1220 where no MSS was named",
  `
  ${learn(COOKIE, 1440, "[fd00::2]", REQUEST.replace("1460", "1440"))}
  connect fast
  & write 4000
  +0 > S 0:1408(1408) <${WITH_COOKIE.replace("1460", "1440")}>
  +0 < S. 0:0(0) ack 1409 win 65535 <nop,nop>
  +0 > P. 1409:4001(2592/1220) ack 1
  peer b [fd00::2]:40001
  connect fast b
  & write b 4000
  +0 >b S 0:1188(1188) <${WITH_COOKIE.replace("1460", "1440")}>
  `,
  { isIpv6: true },
);

clientTest(
  "TFO-C-03",
  "a cookie goes out without data, too: the server may speak first",
  `
  ${learn()}
  connect fast
  +0 > S 0:0(0) <${WITH_COOKIE}>
  +0 < S. 0:10(10) ack 1 win 65535 <mss 1460>
  +0 > . 1:1(0) ack 11
     read 10
     cnt:TCPFastOpenActive=0
     cnt:TCPFastOpenActiveFail=0
  `,
);

/** A fast open with 100 bytes by a known cookie. */
const FAST_100 = `
  ${learn()}
  connect fast
  & write 100
  +0 > S 0:100(100) <${WITH_COOKIE}>
`;

clientTest("TFO-C-04", "data that the SYN-ACK acknowledges is not sent again", (t) => {
  t.run(`
    ${FAST_100}
    +.1 < S. 0:0(0) ack 101 win 65535 <mss 1460>
    +0 > . 101:101(0) ack 1
       app: Established, Drained
       state ESTABLISHED
       cnt:TCPFastOpenActive
       cnt:TCPFastOpenActiveFail=0
       cnt:RetransSegs=0
    none(5)
       write 10
    +0 > P. 101:111(10) ack 1
  `);
  assertEquals(t.connection.bytesAcknowledged, 100);
  assertEquals(t.connection.cwnd, 14600);
});

for (
  const [title, acked] of [
    ["only the SYN is acknowledged, all data", 0],
    ["a part of the data is acknowledged, the rest", 100],
  ] as [string, number][]
) {
  clientTest("TFO-C-04", `when ${title} is sent at once, which is no loss`, (t) => {
    t.run(`
      ${learn()}
      connect fast
      & write 300
      +0 > S 0:300(300) <${WITH_COOKIE}>
      +.1 < S. 0:0(0) ack ${acked + 1} win 65535 <mss 1460>
      +0 > P. ${acked + 1}:301(${300 - acked}) ack 1
         cnt:TCPFastOpenActiveFail
         cnt:TCPFastOpenActive=0
         cnt:RetransSegs=0
      +.1 < . 1:1(0) ack 301
      none(5)
    `);
    const { bytesAcknowledged, cwnd, retransmits } = t.connection;
    assertEquals([bytesAcknowledged, cwnd, retransmits], [300, 14600, 0]);
  });
}

clientTest(
  "TFO-C-05",
  "an unanswered SYN is sent again without data and option, the data follows",
  `
  ${FAST_100}
  +1  > S 0:0(0) <${PLAIN}>
  +2  > S 0:0(0) <${PLAIN}>
  +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0  > P. 1:101(100) ack 1
      cnt:TCPFastOpenActiveFail
      cnt:TCPSynRetrans=2
  `,
);

clientTest(
  "TFO-C-05",
  "the answer to the first SYN may still come, and counts",
  `
  ${FAST_100}
  +1  > S 0:0(0) <${PLAIN}>
  +.1 < S. 0:0(0) ack 101 win 65535 <mss 1460>
  +0  > . 101:101(0) ack 1
      cnt:TCPFastOpenActive
  peer b 10.0.0.2:40001
  connect fast b
  & write b 10
  +0  >b S 0:10(10) <${WITH_COOKIE}>
  `,
);

/** The next fast open to the same server, from another port. */
const next = (syn: string) => `
  peer n 10.0.0.2:40099
  connect fast n
  & write n 10
  +0 >n ${syn}
`;

for (const length of [3, 2, 1, 5, 18]) {
  clientTest(
    "TFO-C-06",
    `a cookie of ${length} bytes is ignored, the old one stays, the MSS counts`,
    `
    ${FAST_100}
    +0 < S. 0:0(0) ack 101 win 65535 <mss 1200,hex 22${(length + 2).toString(16).padStart(2, "0")}${
      "ab".repeat(length)
    }${"01".repeat(-(length + 2) & 3)}>
    +0 > . 101:101(0) ack 1
    peer b 10.0.0.2:40001
    connect fast b
    & write b 4000
    +0 >b S 0:1168(1168) <${WITH_COOKIE}>
    `,
  );
}

clientTest(
  "TFO-C-06",
  "a length of 2, as in a request, brings no cookie either",
  `
  ${FAST_100}
  +0 < S. 0:0(0) ack 101 win 65535 <mss 1460,FO,nop,nop>
  +0 > . 101:101(0) ack 1
  ${next(`S 0:10(10) <${WITH_COOKIE}>`)}
  `,
);

for (
  const [title, cookie, padding] of [
    ["16 bytes", "f0".repeat(16), ",nop,nop"],
    ["4 zero bytes", "00000000", ",nop,nop"],
    ["6 bytes", "0102030405ff", ""],
  ]
) {
  clientTest(
    "TFO-C-06",
    `a new cookie of ${title} replaces the old one`,
    `
    ${FAST_100}
    +0 < S. 0:0(0) ack 1 win 65535 <mss 1460,FO ${cookie}${padding}>
    +0 > P. 1:101(100) ack 1
    ${next(`S 0:10(10) <mss 1460,sackOK,TS val * ecr 0,nop,wscale 7,FO ${cookie}${padding}>`)}
    `,
  );
}

clientTest(
  "TFO-C-06",
  "the option on a data segment is ignored",
  `
  ${FAST_100}
  +0 < S. 0:0(0) ack 101 win 65535 <mss 1460>
  +0 > . 101:101(0) ack 1
  +0 < P. 1:11(10) ack 101 <FO ffffffffffffffff,nop,nop>
  +0 > . 101:101(0) ack 11
  ${next(`S 0:10(10) <${WITH_COOKIE}>`)}
  `,
);

clientTest(
  "TFO-C-06",
  "a cookie that was not asked for is ignored",
  `
  connect
  +0 > S 0:0(0) <${PLAIN}>
  +0 < S. 0:0(0) ack 1 win 65535 <mss 1460,FO ${COOKIE},nop,nop>
  +0 > . 1:1(0) ack 1
  ${next(`S 0:0(0) <${REQUEST}>`)}
  `,
);

/** Whatever made the server refuse: for 600 s its SYNs are like any other, then the cookie is tried again. */
const refusal = (then: string) => `
  peer d 10.0.0.2:40003
  peer e 10.0.0.2:40004
  connect fast d
  & write d 10
  +0 >d S 0:0(0) <${PLAIN}>
  abort d
  none(599)
  connect fast e
  & write e 10
  +0 >e S 0:0(0) <${PLAIN}>
  abort e
  none(2)
  ${next(then)}
`;

clientTest(
  "TFO-C-07",
  "after a timeout of the SYN with data there is no fast open for 600 s",
  `
  ${FAST_100}
  +1 > S 0:0(0) <${PLAIN}>
  abort
  ${refusal(`S 0:10(10) <${WITH_COOKIE}>`)}
  `,
  LONG,
);

clientTest(
  "TFO-C-07",
  "after a timeout of a SYN with a cookie and no data there is none, though the next SYN is answered",
  `
  ${learn()}
  connect fast
  +0  > S 0:0(0) <${WITH_COOKIE}>
  +1  > S 0:0(0) <${PLAIN}>
  +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0  > . 1:1(0) ack 1
  abort
  +0  > R. 1:1(0) ack 1
  ${next(`S 0:0(0) <${PLAIN}>`)}
  `,
);

clientTest(
  "TFO-C-07",
  "after a RST there is none",
  `
  ${FAST_100}
  +0 < R. 0:0(0) ack 101
     state CLOSED
     cnt:AttemptFails
  ${refusal(`S 0:10(10) <${WITH_COOKIE}>`)}
  `,
  LONG,
);

for (const isIpv6 of [false, true]) {
  clientTest("TFO-C-07", `after a hard ${isIpv6 ? "ICMPv6" : "ICMP"} error there is none`, (t) => {
    const [server, mss] = isIpv6 ? ["[fd00::2]", "mss 1440"] : ["10.0.0.2", "mss 1460"];
    const [request, plain] = [REQUEST, PLAIN].map((options) => options.replace("mss 1460", mss));
    t.run(`
      ${learn(COOKIE, 1400, server, request)}
      connect fast
      & write 100
      +0 > S 0:100(100) <...>
    `);
    t.injectFrame(pathError(t, isIpv6 ? 1 : 3, isIpv6 ? 4 : 3, { seq: 0 }));
    t.run(`
         state CLOSED
      peer d ${server}:40003
      connect fast d
      & write d 10
      +0 >d S 0:0(0) <${plain}>
    `);
  }, { isIpv6 });
}

clientTest(
  "TFO-C-07",
  "after a SYN-ACK without cookie to a request there is none",
  `
  connect fast
  +0 > S 0:0(0) <${REQUEST}>
  +0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0 > . 1:1(0) ack 1
  ${refusal(`S 0:0(0) <${REQUEST}>`)}
  `,
  LONG,
);

clientTest(
  "TFO-C-07",
  "after a SYN-ACK that takes no data and brings no cookie there is none",
  `
  ${FAST_100}
  +0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0 > P. 1:101(100) ack 1
  +0 < R 1:1(0)
  ${refusal(`S 0:10(10) <${WITH_COOKIE}>`)}
  `,
  LONG,
);

clientTest(
  "TFO-C-07",
  "px_tfo_negative_ttl says how long",
  `
  ${FAST_100}
  +0 < R. 0:0(0) ack 101
  none(1.9)
  peer d 10.0.0.2:40003
  connect fast d
  & write d 10
  +0 >d S 0:0(0) <${PLAIN}>
  abort d
  none(.2)
  ${next(`S 0:10(10) <${WITH_COOKIE}>`)}
  `,
  { tunables: { px_tfo_negative_ttl: 2 } },
);

clientTest(
  "TFO-C-07",
  "the time is over to the millisecond, and a SYN like any other adds none",
  (t) => {
    t.run(`
    ${FAST_100}
    +0 < R. 0:0(0) ack 101
  `);
    t.advance(1999);
    t.run(`
    peer d 10.0.0.2:40003
    connect fast d
    & write d 10
    +0 >d S 0:0(0) <${PLAIN}>
    +0 <d R. 0:0(0) ack 1
  `);
    t.advance(1);
    t.run(next(`S 0:10(10) <${WITH_COOKIE}>`));
  },
  { tunables: { px_tfo_negative_ttl: 2 }, toleranceMs: 0 },
);

clientTest(
  "TFO-C-07",
  "a server that took no single byte is left alone, one that was sent none is not",
  `
  ${learn()}
  peer d 10.0.0.2:40003
  connect fast d
  +0 >d S 0:0(0) <${WITH_COOKIE}>
  +0 <d S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0 >d . 1:1(0) ack 1
  peer e 10.0.0.2:40004
  connect fast e
  & write e 1
  +0 >e S 0:1(1) <${WITH_COOKIE}>
  +0 <e S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0 >e P. 1:2(1) ack 1
  ${next(`S 0:0(0) <${PLAIN}>`)}
  `,
);

clientTest("TFO-C-02", "a server is remembered only if fast open was tried with it", (t) => {
  t.run(`
    connect fast
    & write 10
    +0 > S 0:0(0) <${PLAIN}>
    +0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0 > P. 1:11(10) ack 1
  `);
  assertEquals(t.stack.tcp.fastOpenCache.count, 0);
}, { tunables: { tcp_fastopen: 0x2 } });

clientTest(
  "TFO-C-07",
  "of a server that never answered no MSS is known, and the default is believed",
  `
  connect fast
  & write 100
  +0 > S 0:100(100) <${PLAIN}>
  +1 > S 0:0(0) <${PLAIN}>
  abort
  none(2.1)
  ${next(`S 0:10(10) <${PLAIN}>`)}
  `,
  { tunables: { tcp_fastopen: 0x5, px_tfo_negative_ttl: 2 } },
);

/** A pause of fast open towards any server: another one, whose cookie is known, sees it. */
const paused = (flow: string, port: number) => `
  peer ${flow} 10.0.0.3:${port}
  connect fast ${flow}
  & write ${flow} 10
  +0 >${flow} S 0:0(0) <${PLAIN}>
  abort ${flow}
`;

/** What makes a black hole, after a connection of flow `f` was opened fast. */
const BLACK_HOLES: [string, string][] = [
  [
    "a RST out of order",
    "+0 <f R 100:100(0)\n+0 >f . 11:11(0) ack 1\nabort f\n+0 >f R. 11:11(0) ack 1",
  ],
  [
    "a FIN out of order",
    "+0 <f F. 100:100(0) ack 11\n+0 >f . 11:11(0) ack 1 <...>\nabort f\n+0 >f R. 11:11(0) ack 1",
  ],
];

/** Opens a flow of 10.0.0.3 fast, from a port of its own. */
const openFast = (port: number, flow = "f") => `
  peer ${flow} 10.0.0.3:${port}
  connect fast ${flow}
  & write ${flow} 10
  +0 >${flow} S 0:10(10) <${WITH_COOKIE}>
  +0 <${flow} S. 0:0(0) ack 11 win 65535 <mss 1460>
  +0 >${flow} . 11:11(0) ack 1
`;

function learnThird(t: ScriptRun): void {
  t.run("peer x 10.0.0.3:50000");
  t.learnPeer(t.flows.named("x")!);
  t.run(learn(COOKIE, 1460, "10.0.0.3"));
}

for (const [title, blackHole] of BLACK_HOLES) {
  clientTest("TFO-C-08", `${title} first pauses fast open: 3600 s, then 7200 s`, (t) => {
    learnThird(t);
    t.run(`
      ${openFast(41000)}
      ${blackHole}
      cnt:TCPFastOpenBlackhole
      ${paused("g", 41001)}
      none(3598)
      ${paused("h", 41002)}
      none(2)
      ${openFast(41003)}
      ${blackHole}
      cnt:TCPFastOpenBlackhole
      none(7198)
      ${paused("i", 41004)}
      none(2)
      ${openFast(41005)}
    `);
  }, LONG);
}

clientTest("TFO-C-08", "a success after the pause makes the next one a first", (t) => {
  learnThird(t);
  const [, blackHole] = BLACK_HOLES[0];
  t.run(`
    ${openFast(41000)}
    ${blackHole}
    none(3601)
    ${openFast(41001)}
    +0 <f P. 1:11(10) ack 11
    +0 >f . 11:11(0) ack 11
    abort f
    +0 >f R. 11:11(0) ack 11
    ${openFast(41002)}
    ${blackHole}
    cnt:TCPFastOpenBlackhole=2
    none(3601)
    ${openFast(41003)}
  `);
}, LONG);

clientTest(
  "TFO-C-08",
  "an attempt from before the black hole ends no pause by its success",
  (t) => {
    learnThird(t);
    t.run(`
    ${openFast(40999, "e")}
    ${openFast(41000)}
    ${BLACK_HOLES[0][1]}
    cnt:TCPFastOpenBlackhole
    +0 <e P. 1:11(10) ack 11
    +0 >e . 11:11(0) ack 11
    abort e
    +0 >e R. 11:11(0) ack 11
    ${paused("g", 41001)}
  `);
  },
  LONG,
);

clientTest("TFO-C-08", "three timeouts of SYNs pause fast open", (t) => {
  learnThird(t);
  t.run(`
    peer f 10.0.0.3:41000
    connect fast f
    & write f 10
    +0 >f S 0:10(10) <${WITH_COOKIE}>
    +1 >f S 0:0(0) <${PLAIN}>
    +2 >f S 0:0(0) <${PLAIN}>
    none(3.9)
    cnt:TCPFastOpenBlackhole=0
    +.1 >f S 0:0(0) <${PLAIN}>
    cnt:TCPFastOpenBlackhole
    abort f
    connect fast
    +0 > S 0:0(0) <${PLAIN}>
  `);
}, LONG);

clientTest("TFO-C-08", "giving up after fewer timeouts does, too", (t) => {
  learnThird(t);
  t.run(`
    peer f 10.0.0.3:41000
    connect fast f
    & write f 10
    +0 >f S 0:10(10) <${WITH_COOKIE}>
    +1 >f S 0:0(0) <${PLAIN}>
    none(2.1)
    state f CLOSED
    cnt:TCPFastOpenBlackhole
  `);
}, { tunables: { tcp_syn_retries: 1 } });

clientTest("TFO-C-08", "three timeouts of data after a fast open pause it", (t) => {
  learnThird(t);
  t.run(`
    ${openFast(41000)}
    write f 20
    +0 >f P. 11:31(20) ack 1
    *  >f P. 11:31(20) ack 1
    *  >f P. 11:31(20) ack 1
    cnt:TCPFastOpenBlackhole=0
    *  >f P. 11:31(20) ack 1
    cnt:TCPFastOpenBlackhole
    connect fast
    +0 > S 0:0(0) <${PLAIN}>
  `);
}, LONG);

clientTest(
  "TFO-C-08",
  "what follows data, or a plain open, is no black hole",
  `
  connect
  +0 > S 0:0(0) <...>
  +0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0 > . 1:1(0) ack 1
  +0 < R 100:100(0)
  +0 > . 1:1(0) ack 1
  peer b 10.0.0.2:40001
  connect fast b
  +0 >b S 0:0(0) <${REQUEST}>
  +0 <b S. 0:10(10) ack 1 win 65535 <mss 1460>
  +0 >b . 1:1(0) ack 11
  +0 <b F. 100:100(0) ack 1
  +0 >b . 1:1(0) ack 11
  +1 <b R 200:200(0)
  +0 >b . 1:1(0) ack 11
     cnt:TCPFastOpenBlackhole=0
  `,
);

clientTest("TFO-C-08", "tcp_fastopen_blackhole_timeout_sec 0 pauses nothing", (t) => {
  learnThird(t);
  t.run(`
    ${openFast(41000)}
    ${BLACK_HOLES[0][1]}
    cnt:TCPFastOpenBlackhole=0
    ${openFast(41001)}
  `);
}, { tunables: { tcp_fastopen_blackhole_timeout_sec: 0 } });

clientTest(
  "TFO-C-09",
  "a SYN-ACK that acknowledges more than was sent is reset; the cookie stays",
  `
  ${FAST_100}
  +0 < S. 0:0(0) ack 100101 win 65535 <mss 1000,FO ffffffffffffffff,nop,nop>
  +0 > R 100101:100101(0)
  +0 < S. 0:0(0) ack 102 win 65535 <mss 1000>
  +0 > R 102:102(0)
     state SYN_SENT
  +0 < S. 0:0(0) ack 101 win 65535 <mss 1460>
  +0 > . 101:101(0) ack 1
     state ESTABLISHED
  ${next(`S 0:10(10) <${WITH_COOKIE}>`)}
  `,
);

clientTest(
  "TFO-C-10",
  "data in the SYN-ACK to a fast open is acknowledged and delivered",
  `
  ${FAST_100}
  +.1 < S. 0:50(50) ack 101 win 65535 <mss 1460>
  +0  > . 101:101(0) ack 51
      app: Established, Readable
      read 50
  `,
);

clientTest(
  "TFO-C-11",
  "when fast SYNs cross, only the peer's number is acknowledged; data comes again both ways",
  `
  ${FAST_100}
  +.1 < S 0:500(500) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
      readable 0
  +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0  > P. 1:101(100) ack 1
  +0  < P. 1:501(500) ack 101
  +0  > . 101:101(0) ack 501
      read 500
      cnt:RetransSegs=0
  none(5)
  `,
);

clientTest(
  "TFO-C-11",
  "a peer that kept the data of our SYN may acknowledge it",
  `
  ${FAST_100}
  +.1 < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
  +.1 < . 1:1(0) ack 101
      state ESTABLISHED
      app: Established, Drained
  none(5)
  `,
);

clientTest("TFO-C-12", "ten connections use the same cookie", (t) => {
  t.run(learn());
  for (let port = 42000; port < 42010; port++) {
    t.run(`
      peer f 10.0.0.2:${port}
      connect fast f
      & write f 10
      +0 >f S 0:10(10) <${WITH_COOKIE}>
      +0 <f S. 0:0(0) ack 11 win 65535 <mss 1460>
      +0 >f . 11:11(0) ack 1
      +60 <f R 1:1(0)
          state f CLOSED
    `);
  }
  assertEquals(t.growth("TCPFastOpenActive"), 10);
});

clientTest(
  "HS-08",
  "close in SYN_SENT of a fast open sends nothing",
  `
  ${FAST_100}
  close
     state CLOSED
  none(2)
  `,
);
