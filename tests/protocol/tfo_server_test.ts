/** TFO-S: TCP Fast Open, the server's side. Requirements §2.13. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Packet } from "../support/codec.ts";
import type { FixtureOptions } from "../support/fixture.ts";
import { addressBytes } from "../support/internet_address.ts";
import { protocolTest, runTest } from "../support/script.ts";
import { slowSipHash } from "../support/slow_siphash.ts";

const KEY = "a0bf63f7-ed803d81-cd641d30-cebc4a90";
const KEY_BYTES = Uint8Array.fromHex("f763bfa0813d80ed301d64cd904abcce");
const ON: FixtureOptions = { fastOpen: 256, fastOpenKey: KEY };

/** The cookie of a client at 10.0.0.1, computed apart from the engine. */
function cookieOf(client: string, server: string = "10.0.0.1"): string {
  const message = Uint8Array.from([...addressBytes(client), ...addressBytes(server)]);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, slowSipHash(KEY_BYTES, message), true);
  return bytes.toHex();
}

const GOOD = cookieOf("10.0.0.2");
const BAD = "0123456789abcdef";

/** A fast open with 100 bytes, not accepted by the application yet. */
const OPEN_100 = `
  0  < S 0:100(100) win 65535 <mss 1460,nop,nop,FO ${GOOD}>
  +0 > S. 0:0(0) ack 101 <mss 1460>
`;

/** What a SYN-ACK's FO option holds; null: it has none. */
function cookieIn(packet: Packet): string | null {
  const option = packet.options.find((option) => option.name === "FO");
  return option === undefined ? null : option.cookie;
}

for (
  const [title, option] of [
    ["3 bytes", "hex 2203aa"],
    ["5 bytes", "hex 2205aabbcc"],
    ["7 bytes", "hex 2207aabbccddee"],
    ["20 bytes", `hex 2214${"ab".repeat(18)}`],
  ]
) {
  protocolTest(
    "TFO-S-01",
    `an option of ${title} is ignored`,
    `
    0  < S 0:10(10) win 65535 <mss 1460,${option}>
    +0 > S. 0:0(0) ack 1 <mss 1460>
    +0 < . 1:1(0) ack 1
       accept
       readable 0
       cnt:TCPFastOpenPassiveFail=0
       cnt:TCPFastOpenCookieReqd=0
    `,
    ON,
  );
}

for (const length of [4, 6, 10, 16]) {
  protocolTest(
    "TFO-S-01",
    `a cookie of ${length} bytes is one, though none of ours`,
    `
    0  < S 0:10(10) win 65535 <mss 1460,FO ${"ab".repeat(length)},nop,nop>
    +0 > S. 0:0(0) ack 1 <mss 1460,FO ${GOOD},nop,nop>
       cnt:TCPFastOpenPassiveFail
    `,
    ON,
  );
}

protocolTest(
  "TFO-S-01, TFO-S-03",
  "the option on a segment that is no SYN is ignored",
  `
  SR
  +0 < P. 1:11(10) ack 1 <FO ${GOOD},nop,nop>
  +0 > . 1:1(0) ack 11
     accept
     read 10
     cnt:TCPFastOpenPassive=0
  +0 < P. 11:21(10) ack 1 <FO,nop,nop>
  +0 > . 1:1(0) ack 21
     cnt:TCPFastOpenCookieReqd=0
  `,
  ON,
);

for (const link of ["bare", "offload"] as const) {
  Deno.test(`fast open: a client of the experiment is answered in its own option (${link})`, () =>
    runTest(
      `
      0  < S 0:0(0) win 65535 <mss 1460,hex fe04f989>
      +0 > S. 0:0(0) ack 1 <mss 1460,hex fe0cf989${GOOD}>
      +0 < R 1:1(0)
      new
      +0 < S 0:10(10) win 65535 <mss 1460,hex fe0cf989${GOOD}>
      +0 > S. 0:0(0) ack 11 <mss 1460>
      `,
      link,
      ON,
    ));
}

protocolTest("TFO-S-02", "a listener may change its mind", (t) => {
  t.fixture.listener.fastOpen = 1;
  t.run(OPEN_100);
  t.fixture.listener.fastOpen = 0;
  t.run(`
    peer b 10.0.0.2:40001
    +0 <b S 0:100(100) win 65535 <mss 1460,nop,nop,FO ${GOOD}>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
  `);
}, { fastOpenKey: KEY });

const REFUSALS: [string, FixtureOptions][] = [
  ["by default the listener has it off", { fastOpenKey: KEY }],
  ["without bit 0x2 it is off", { ...ON, tunables: { tcp_fastopen: 0x1 } }],
  ["without bit 0x2, bit 0x400 changes nothing", { ...ON, tunables: { tcp_fastopen: 0x400 } }],
];
for (const [title, options] of REFUSALS) {
  protocolTest(
    "TFO-S-02",
    title,
    `
    peer b 10.0.0.2:40001
    0  < S 0:0(0) win 65535 <mss 1460,FO,nop,nop>
    +0 > S. 0:0(0) ack 1 <mss 1460>
    +0 <b S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
       acceptQueue 0
    `,
    options,
  );
}

protocolTest(
  "TFO-S-02",
  "bit 0x400 has it on for every listener",
  `
  0  < S 0:0(0) win 65535 <mss 1460,FO,nop,nop>
  +0 > S. 0:0(0) ack 1 <mss 1460,FO ${GOOD},nop,nop>
  `,
  { fastOpenKey: KEY, tunables: { tcp_fastopen: 0x402 } },
);

protocolTest(
  "TFO-S-03",
  "a request is answered with a cookie of 8 bytes, and the handshake goes on",
  `
  0  < S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7,FO,nop,nop>
  +0 > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val * ecr 1,nop,wscale 7,FO ${GOOD},nop,nop>
     acceptQueue 0
     cnt:TCPFastOpenCookieReqd
     cnt:TCPFastOpenPassiveFail=0
  +0 < . 1:1(0) ack 1 <ts>
     accept
     state ESTABLISHED
  `,
  ON,
);

protocolTest(
  "TFO-S-03",
  "a valid cookie is not answered with another",
  `
  ${OPEN_100}
  cnt:TCPFastOpenPassive
  `,
  ON,
);

protocolTest(
  "TFO-S-04",
  "the cookie of client A is invalid from client B",
  `
  peer b 10.0.0.3:40000
  0  < S 0:0(0) win 65535 <mss 1460,FO,nop,nop>
  +0 > S. 0:0(0) ack 1 <mss 1460,FO ${GOOD},nop,nop>
  +0 <b S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 >b S. 0:0(0) ack 1 <mss 1460,FO ${cookieOf("10.0.0.3")},nop,nop>
     cnt:TCPFastOpenPassiveFail
     acceptQueue 0
  `,
  ON,
);

protocolTest(
  "TFO-S-04",
  "over IPv6 whole addresses are hashed",
  `
  0  < S 0:10(10) win 65535 <mss 1440,FO ${cookieOf("fd00::2", "fd00::1")},nop,nop>
  +0 > S. 0:0(0) ack 11 <mss 1440>
     cnt:TCPFastOpenPassive
  `,
  { ...ON, isIpv6: true },
);

protocolTest(
  "TFO-S-04, GV-09",
  "the golden cookie is given and believed",
  `
  peer b 172.16.48.2:40001
  0  < S 0:0(0) win 65535 <mss 1460,FO,nop,nop>
  +0 > S. 0:0(0) ack 1 <mss 1460,FO 492a089f6319a4cb,nop,nop>
  +0 <b S 0:10(10) win 65535 <mss 1460,FO 492a089f6319a4cb,nop,nop>
  +0 >b S. 0:0(0) ack 11 <mss 1460>
  `,
  { ...ON, ends: { localAddress: "172.16.48.1", peerAddress: "172.16.48.2" } },
);

protocolTest(
  "TFO-S-05",
  "data with a valid cookie is acknowledged and can be read before the third ACK",
  `
  ${OPEN_100}
     accept
     app: Readable
     state SYN_RCVD
     read 100
     state SYN_RCVD
     synQueue 1
     app: none
  +.1 < . 101:101(0) ack 1
     app: Established
     state ESTABLISHED
     synQueue 0
  +0 < P. 101:201(100) ack 1
  +0 > . 1:1(0) ack 201
     read 100
  none(70)
  `,
  ON,
);

protocolTest("TFO-S-05", "isEstablished tells whether the third ACK came", (t) => {
  t.run(`${OPEN_100}\naccept`);
  assertEquals(t.connection.isEstablished, false);
  assertEquals(t.connection.bytesReceived, 100);
  t.run("+0 < . 101:101(0) ack 1");
  assertEquals(t.connection.isEstablished, true);
  t.none(1);
}, ON);

protocolTest(
  "TFO-S-05",
  "the third ACK may bring more data and FIN",
  `
  ${OPEN_100}
     accept
  +0 < F. 101:151(50) ack 1
  +0 > . 1:1(0) ack 152
     read 150
     eof
     state CLOSE_WAIT
  `,
  ON,
);

protocolTest(
  "TFO-S-05",
  "a third ACK that repeats data of the SYN brings nothing twice",
  `
  ${OPEN_100}
     accept
  +0 < P. 51:151(100) ack 1
  +0 > . 1:1(0) ack 151
     read 150
     readable 0
     state ESTABLISHED
  `,
  ON,
);

protocolTest(
  "TFO-S-06",
  "before the third ACK the SYN's window, not scaled, is the limit",
  `
  0  < S 0:10(10) win 5840 <mss 1460,nop,wscale 7,FO ${GOOD},nop,nop>
  +0 > S. 0:0(0) ack 11 <mss 1460,nop,wscale 7>
     accept
     write 20000
  +0 > . 1:5841(5840/1460) ack 11
  none(.5)
  +0 < . 11:11(0) ack 1 win 1000
  +0 > . 5841:14601(8760/1460) ack 11
     state ESTABLISHED
  +0 < . 11:11(0) ack 14601 win 1000
  +0 > P. 14601:20001(5400/1460) ack 11
  `,
  ON,
);

protocolTest(
  "TFO-S-06",
  "before the third ACK the initial window is the limit",
  `
  0  < S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 > S. 0:0(0) ack 11 <mss 1460>
     accept
     write 20000
  +0 > . 1:14601(14600/1460) ack 11
  none(.5)
  +0 < . 11:11(0) ack 14601
  +0 > P. 14601:20001(5400/1460) ack 11
     state ESTABLISHED
  `,
  ON,
);

protocolTest(
  "TFO-S-07",
  "data with an invalid cookie is dropped, a valid cookie comes back, resent data counts once",
  `
  0  < S 0:100(100) win 65535 <mss 1460,FO ${BAD},nop,nop>
  +0 > S. 0:0(0) ack 1 <mss 1460,FO ${GOOD},nop,nop>
     cnt:TCPFastOpenPassiveFail
     acceptQueue 0
  +.1 < P. 1:101(100) ack 1
  +0 > . 1:1(0) ack 101
     accept
     read 100
     readable 0
  `,
  ON,
);

protocolTest(
  "TFO-S-08",
  "beyond the limit a fast open is a plain handshake until the number falls",
  `
  peer b 10.0.0.2:40001
  peer c 10.0.0.2:40002
  peer d 10.0.0.2:40003
  peer e 10.0.0.2:40004
  0  < S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 > S. 0:0(0) ack 11 <mss 1460>
  +0 <b S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 >b S. 0:0(0) ack 11 <mss 1460>
  +0 <c S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 >c S. 0:0(0) ack 1 <mss 1460>
     cnt:TCPFastOpenListenOverflow
  +0 <e S 0:0(0) win 65535 <mss 1460,FO,nop,nop>
  +0 >e S. 0:0(0) ack 1 <mss 1460>
     cnt:TCPFastOpenListenOverflow
     acceptQueue 2
  +0 < . 11:11(0) ack 1
  +0 <d S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 >d S. 0:0(0) ack 11 <mss 1460>
     cnt:TCPFastOpenListenOverflow=0
  `,
  { ...ON, fastOpen: 2 },
);

protocolTest("TFO-S-08", "a child that ends in any way makes room", (t) => {
  t.run("peer b 10.0.0.2:40001\npeer c 10.0.0.2:40002");
  const open = (flow: string) =>
    t.run(`
    +0 <${flow} S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
    +0 >${flow} S. 0:0(0) ack 11 <mss 1460>
       accept ${flow}
  `);
  open("");
  t.run("+0 abort\n+0 > R. 1:1(0) ack 11\nsynQueue 0");
  open("b");
  for (const wait of [1, 2, 4, 8, 16]) t.run(`+${wait} >b S. 0:0(0) ack 11 <mss 1460>`);
  t.run("+32.1 synQueue 0");
  open("c");
  assertEquals(t.growth("TCPFastOpenPassive"), 3);
}, { ...ON, fastOpen: 1 });

protocolTest(
  "TFO-S-09",
  "a request that was reset keeps its place for 60 s",
  `
  peer b 10.0.0.2:40001
  peer c 10.0.0.2:40002
  0  < S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 > S. 0:0(0) ack 11 <mss 1460>
  +0 < R 11:11(0)
     synQueue 0
  1  <b S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
     cnt:TCPFastOpenListenOverflow
  +0 <b R 1:1(0)
  61 <c S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 >c S. 0:0(0) ack 11 <mss 1460>
  `,
  { ...ON, fastOpen: 1 },
);

protocolTest(
  "TFO-S-10",
  "a valid cookie without data opens at once; the server may speak first",
  `
  0  < S 0:0(0) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 > S. 0:0(0) ack 1 <mss 1460>
     accept
     write 10
  +0 > P. 1:11(10) ack 1
     state SYN_RCVD
  +.1 < . 1:1(0) ack 11
     state ESTABLISHED
  none(70)
  `,
  ON,
);

protocolTest(
  "TFO-S-10, SEC-14",
  "a shut window of the SYN tries nobody's patience before the third ACK",
  `
  0  < S 0:0(0) win 0 <mss 1460,FO ${GOOD},nop,nop>
  +0 > S. 0:0(0) ack 1 <mss 1460>
     accept
     write 10
  1  > S. 0:0(0) ack 1 <mss 1460>
  2.5 < . 1:1(0) ack 1 win 100
  +0 > P. 1:11(10) ack 1
  `,
  { ...ON, tunables: { ...ON.tunables, px_zero_window_timeout: 1 } },
);

protocolTest(
  "TFO-S-11",
  "data without the option is ignored",
  `
  0  < S 0:10(10) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 1 <mss 1460>
     acceptQueue 0
  `,
  { tunables: { tcp_fastopen: 0x402 } },
);

protocolTest(
  "TFO-S-11",
  "with bit 0x200 it is taken",
  `
  peer b 10.0.0.2:40001
  0  < S 0:10(10) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 11 <mss 1460>
     accept
     read 10
     state SYN_RCVD
  +0 <b S 0:0(0) win 65535 <mss 1460>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
     acceptQueue 0
  `,
  { tunables: { tcp_fastopen: 0x602 } },
);

protocolTest(
  "TFO-S-12",
  "an unanswered SYN-ACK is repeated without data and given up after 63 s",
  `
  ${OPEN_100}
     accept
     write 10
  0  > P. 1:11(10) ack 101
  1  > S. 0:0(0) ack 101 <mss 1460>
  3  > S. 0:0(0) ack 101 <mss 1460>
  7  > S. 0:0(0) ack 101 <mss 1460>
  15 > S. 0:0(0) ack 101 <mss 1460>
  31 > S. 0:0(0) ack 101 <mss 1460>
     app: Readable
  none(31.9)
     app: none
     synQueue 1
  63.02 app: Reset, Closed "timed out"
     synQueue 0
     cnt:TCPSynAckGivenUp
     read 100
  none(70)
  `,
  ON,
);

protocolTest(
  "TFO-S-12",
  "data sent before the third ACK is sent again after it",
  `
  ${OPEN_100}
     accept
     write 10
  +0 > P. 1:11(10) ack 101
  1  > S. 0:0(0) ack 101 <mss 1460>
  +.1 < . 101:101(0) ack 1
     state ESTABLISHED
  +0~3.1 > P. 1:11(10) ack 101
  +.1 < . 101:101(0) ack 11
  none(70)
  `,
  ON,
);

protocolTest(
  "TFO-S-12",
  "no keep-alive probe is sent before the third ACK",
  `
  ${OPEN_100}
     accept
     keepalive
  1  > S. 0:0(0) ack 101 <mss 1460>
  3  > S. 0:0(0) ack 101 <mss 1460>
  +.5 < . 101:101(0) ack 1
  +2~2.1 > . 0:0(0) ack 101
  `,
  { ...ON, tunables: { tcp_keepalive_time: 2 } },
);

protocolTest(
  "TFO-S-13",
  "a repeated SYN is answered alike, and its data is not delivered again",
  `
  ${OPEN_100}
     accept
  +.1 < S 0:100(100) win 65535 <mss 1460,nop,nop,FO ${GOOD}>
  +0 > S. 0:0(0) ack 101 <mss 1460>
  +.1 < S 0:0(0) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 101 <mss 1460>
     synQueue 1
     readable 100
     read 100
  +0 < . 101:101(0) ack 1
     state ESTABLISHED
     readable 0
  `,
  ON,
);

protocolTest(
  "TFO-S-13",
  "another SYN in the window does not end a child",
  `
  ${OPEN_100}
     accept
  +0 < S 150:150(0) win 65535 <mss 1460>
  +0 > . 1:1(0) ack 101
     state SYN_RCVD
  +0 < . 101:101(0) ack 1
     state ESTABLISHED
  `,
  ON,
);

protocolTest("TFO-S-14", "a rotation: believed and renewed; two: invalid", (t) => {
  t.run("peer b 10.0.0.2:40001\npeer c 10.0.0.2:40002");
  t.inject("S 0:0(0) win 65535 <mss 1460,FO,nop,nop>");
  const first = cookieIn(t.expect("S. 0:0(0) ack 1 <...>"))!;
  t.inject("R 1:1(0)");
  t.none(60);
  t.run(`+0 <b S 0:10(10) win 65535 <mss 1460,FO ${first},nop,nop>`);
  const second = cookieIn(t.expect("S. 0:0(0) ack 11 <...>", 0, t.flows.named("b")!))!;
  assertNotEquals(second, first);
  assertEquals(t.growth("TCPFastOpenPassiveAltKey"), 1);
  t.run("+0 <b . 11:11(0) ack 1\naccept b\nreadable b 10");
  t.none(60);
  t.run(`+0 <c S 0:10(10) win 65535 <mss 1460,FO ${first},nop,nop>`);
  const third = cookieIn(t.expect("S. 0:0(0) ack 1 <...>", 0, t.flows.named("c")!))!;
  assert(third !== first && third !== second);
  assertEquals(t.growth("TCPFastOpenPassiveFail"), 1);
}, { fastOpen: 256, tunables: { px_tfo_rotate: 60 } });

for (const seed of [1, 2]) {
  protocolTest(
    "TFO-S-14",
    `instance ${seed} with the same key gives the same cookie`,
    `
    0  < S 0:0(0) win 65535 <mss 1460,FO,nop,nop>
    +0 > S. 0:0(0) ack 1 <mss 1460,FO ${GOOD},nop,nop>
    `,
    { ...ON, seed },
  );
}

protocolTest("TFO-S-14", "without a key instances give different cookies", (t) => {
  t.inject("S 0:0(0) win 65535 <mss 1460,FO,nop,nop>");
  const cookie = cookieIn(t.expect("S. 0:0(0) ack 1 <...>"))!;
  assertEquals(cookie.length, 16);
  cookies.add(cookie);
  assertNotEquals(cookie, GOOD);
}, { fastOpen: 256 });
const cookies = new Set<string>();
protocolTest("TFO-S-14", "that is, each its own", (t) => {
  t.inject("S 0:0(0) win 65535 <mss 1460,FO,nop,nop>");
  assert(!cookies.has(cookieIn(t.expect("S. 0:0(0) ack 1 <...>"))!));
}, { fastOpen: 256, seed: 2 });

protocolTest(
  "TFO-S-14",
  "a cookie of the configured backup key is believed and renewed",
  `
  0  < S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 > S. 0:0(0) ack 11 <mss 1460,FO *>
  `.replace("<mss 1460,FO *>", "<...>"),
  { ...ON, fastOpenKey: `00112233-44556677-8899aabb-ccddeeff,${KEY}` },
);

protocolTest("TFO-S-14", "keys that are set anew count from the next SYN on", (t) => {
  t.run(`
    peer b 10.0.0.2:40001
    peer c 10.0.0.2:40002
    peer d 10.0.0.2:40003
    ${OPEN_100}
  `);
  const other = "00112233-44556677-8899aabb-ccddeeff";
  t.stack.tcp.fastOpenCookies.setKeys(`${other},${KEY}`);
  t.run(`+0 <b S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>`);
  const renewed = cookieIn(t.expect("S. 0:0(0) ack 11 <...>", 0, t.flows.named("b")!))!;
  t.stack.tcp.fastOpenCookies.setKeys(other);
  t.run(`
    +0 <c S 0:10(10) win 65535 <mss 1460,FO ${renewed},nop,nop>
    +0 >c S. 0:0(0) ack 11 <mss 1460>
    +0 <d S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
    +0 >d S. 0:0(0) ack 1 <mss 1460,FO ${renewed},nop,nop>
    +0 < . 101:101(0) ack 1
       accept
       state ESTABLISHED
  `);
}, ON);

protocolTest(
  "TFO-S-15, HS-23",
  "close before the third ACK sends FIN",
  `
  ${OPEN_100}
     accept
     read 100
     close
  +0 > F. 1:1(0) ack 101
     state FIN_WAIT_1
  +.1 < . 101:101(0) ack 1
     state FIN_WAIT_1
  +.1 < . 101:101(0) ack 2
     state FIN_WAIT_2
  +.1 < F. 101:101(0) ack 2
  +0 > . 2:2(0) ack 102
     state TIME_WAIT
  `,
  ON,
);

protocolTest(
  "TFO-S-15",
  "a third ACK that acknowledges the FIN, too, leads to FIN-WAIT-2",
  `
  ${OPEN_100}
     accept
     read 100
     write 10
  &  shutdown
  +0 > FP. 1:11(10) ack 101
  +.1 < . 101:101(0) ack 12
     state FIN_WAIT_2
  `,
  ON,
);

protocolTest(
  "TFO-S-16",
  "FIN before the third ACK leads to CLOSE-WAIT",
  `
  0  < S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 > S. 0:0(0) ack 11 <mss 1460>
     accept
  +0 < F. 11:11(0) ack 1
  +0 > . 1:1(0) ack 12
     state CLOSE_WAIT
     app: Readable, Established, PeerClosed
     read 10
     eof
  `,
  ON,
);

protocolTest(
  "TFO-S-16, SYNQ-12",
  "after a reset the data of the SYN can still be read",
  `
  0  < S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 > S. 0:0(0) ack 11 <mss 1460>
     accept
  +0 < R. 12:12(0) ack 1
  +0 > . 1:1(0) ack 11
     state SYN_RCVD
  +0 < R. 11:11(0) ack 1
     app: Readable, Reset, Closed "reset by peer"
     state CLOSED
     read 10
     synQueue 0
     cnt:TCPReqReset
  none(70)
  `,
  ON,
);

protocolTest(
  "TFO-S-16",
  "an ACK of what was never sent is reset, and the child lives on",
  `
  ${OPEN_100}
     accept
  +0 < . 101:101(0) ack 2
  +0 > R 2:2(0)
     state SYN_RCVD
  +0 < . 101:101(0) ack 1
     state ESTABLISHED
  `,
  ON,
);

protocolTest(
  "TFO-S-08",
  "a listener that is closed resets children nobody took, and no others",
  (t) => {
    t.run(`
    peer b 10.0.0.2:40001
    ${OPEN_100}
    accept
    +0 <b S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
    +0 >b S. 0:0(0) ack 11 <mss 1460>
  `);
    t.fixture.listener.close();
    t.run(`
    +0 >b R. 1:1(0) ack 11
    +1 > S. 0:0(0) ack 101 <mss 1460>
    +0 < . 101:101(0) ack 1
    state ESTABLISHED
  `);
  },
  ON,
);

protocolTest(
  "COOKIE-10",
  "a fast open whose SYN gets a SYN cookie is none",
  `
  peer b 10.0.0.2:40001
  0  <b S 0:0(0) win 65535 <mss 1460>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
  +0 < S 0:10(10) win 65535 <mss 1460,FO ${GOOD},nop,nop>
  +0 > S. 0:0(0) ack 1 <mss 1460>
     cnt:SyncookiesSent
     cnt:TCPFastOpenPassive=0
     acceptQueue 0
  +0 < P. 1:11(10) ack 1
  +0 > . 1:1(0) ack 11
     accept
     read 10
     readable 0
  `,
  { ...ON, tunables: { tcp_max_syn_backlog: 1, tcp_synack_retries: 0 } },
);

protocolTest("TFO-S-05", "one byte on a SYN is data already", (t) => {
  t.run(`
    0  < S 0:1(1) win 65535 <mss 1460,nop,nop,FO ${GOOD}> "x"
    +0 > S. 0:0(0) ack 2 <mss 1460>
       accept
       app: Readable
       read "x"
  `);
}, ON);

for (const pending of [255, 256]) {
  const isOpened = pending < 256;
  protocolTest("TFO-S-02", `of a listener without a number 256 may wait, ${pending} do`, (t) => {
    t.fixture.listener.fastOpenQueue.pending = pending;
    t.run(`
      0  < S 0:100(100) win 65535 <mss 1460,nop,nop,FO ${GOOD}>
      +0 > S. 0:0(0) ack ${isOpened ? 101 : 1} <mss 1460>
         cnt:${isOpened ? "TCPFastOpenPassive" : "TCPFastOpenListenOverflow"}
    `);
  }, { fastOpenKey: KEY, tunables: { tcp_fastopen: 0x402 } });
}
