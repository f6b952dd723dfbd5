/** COOKIE: SYN cookies. Requirements §2.12. */

import { assert, assertEquals } from "@std/assert";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { decodePacket, encodePacket, type Packet } from "../support/codec.ts";
import type { FixtureOptions } from "../support/fixture.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { tupleOf } from "../tcp/support.ts";

const ALWAYS: FixtureOptions = { tunables: { tcp_syncookies: 2 } };
const ONE_PLACE: FixtureOptions = { tunables: { tcp_max_syn_backlog: 1, tcp_synack_retries: 0 } };

const K0 = Uint8Array.from({ length: 16 }, (_, i) => i);
const K1 = K0.map((byte) => byte + 16);

/** The hosts and keys of the golden vectors. */
const GOLDEN: FixtureOptions = {
  secrets: { cookie0: K0, cookie1: K1 },
  peerIsn: 0x7bc,
  ends: {
    localAddress: "172.16.48.1",
    localPort: 5002,
    peerAddress: "172.16.48.2",
    peerPort: 32782,
  },
};
const GV_01 = "S 0:0(0) win 5840 <mss 1460,sackOK,TS val 686356 ecr 0,nop,wscale 2>";

/** The flow's SYN and its cookie. */
const COOKIE = `
  +0 < S 0:0(0) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 1 <mss 1460>
     synQueue 0
     cnt:SyncookiesSent
`;

/** Another flow fills the SYN queue of `ONE_PLACE`. */
const FILL_QUEUE = `
  peer q 10.0.0.9:50000
  +0 <q S 0:0(0) win 65535 <mss 1460>
  +0 >q S. 0:0(0) ack 1 <mss 1460>
  synQueue 1
`;

protocolTest("COOKIE-01", "in mode 2 every SYN gets a cookie", COOKIE, ALWAYS);

protocolTest(
  "COOKIE-01",
  "in mode 1 only a SYN that finds the queue full gets a cookie",
  `
  ${FILL_QUEUE}
  cnt:SyncookiesSent=0
  +0 < S 0:0(0) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  cnt:SyncookiesSent
  synQueue 1
  +0 < . 1:1(0) ack 1
     cnt:SyncookiesRecv
     accept
     state ESTABLISHED
  `,
  ONE_PLACE,
);

protocolTest(
  "COOKIE-01",
  "in mode 0 no SYN gets a cookie, and no acknowledgment is taken for one",
  (t) => {
    t.run(`
      ${FILL_QUEUE}
      +0 < S 0:0(0) win 65535 <mss 1460>
      none(70)
      cnt:TCPReqQFullDrop
      cnt:SyncookiesSent=0
    `);
    acknowledgeCookie(t);
    t.run("+0 > R *(0)");
    assertEquals(t.growth("SyncookiesFailed"), 0);
  },
  { tunables: { ...ONE_PLACE.tunables, tcp_syncookies: 0 } },
);

/** The peer acknowledges a cookie that is valid now, whether it was sent or not. */
function acknowledgeCookie(t: ScriptRun): void {
  const { peerIsn } = t.flow;
  const tuple = tupleOf(2, 40000, 0);
  const cookie = t.stack.tcp.cookies.make(tuple, peerIsn | 0, 3, t.now);
  t.inject({ ...t.packet(". 1:1(0) ack 1"), ack: (cookie + 1) >>> 0 });
}

for (const [period, cookie] of [[0, 0x9c738547], [1, 0x9d4ca81c], [255, 0x9b254a8b]]) {
  protocolTest("COOKIE-02, GV-05", `the cookie of period ${period} is the golden one`, (t) => {
    t.inject(GV_01);
    assertEquals(t.expect("S. 0:0(0) ack 1 <...>").seq, cookie);
    t.run(`
      +0 < . 1:1(0) ack 1 win 1460 <ts>
         cnt:SyncookiesRecv
         accept
         state ESTABLISHED
         write 2896
      +0 > P. 1:2897(2896/1448) ack 1 <ts>
    `);
  }, { ...GOLDEN, ...ALWAYS, startMs: period * 60_000 });
}

for (const text of ["", "0123456789"]) {
  const data = text === "" ? ". 1:1(0) ack 1" : `P. 1:11(10) ack 1 <> "${text}"`.replace("<> ", "");
  protocolTest(
    "COOKIE-03",
    `a cookie is taken back after 59 s${text === "" ? "" : ", with the data that comes with it"}`,
    `
    ${COOKIE}
    59 < ${data}
       ${text === "" ? "" : "+0 > . 1:1(0) ack 11"}
       cnt:SyncookiesRecv
       cnt:SyncookiesFailed=0
       accept
       ${text === "" ? "readable 0" : `read "${text}"`}
       state ESTABLISHED
    none(70)
    `,
    ALWAYS,
  );
}

protocolTest(
  "COOKIE-03",
  "a cookie of 121 s is reset",
  `
  ${COOKIE}
  121 < . 1:1(0) ack 1
  +0  > R 1:1(0)
      cnt:SyncookiesFailed
      acceptQueue 0
  `,
  ALWAYS,
);

protocolTest("COOKIE-03", "what is no cookie is reset", (t) => {
  t.run(`
    ${COOKIE}
    +0 < . 1:1(0) ack 2
    +0 > R 2:2(0)
    cnt:SyncookiesFailed
    +0 < . 1:1(0) ack 5
    +0 > R 5:5(0)
    cnt:SyncookiesFailed
    +0 < S. 1:1(0) ack 1
    +0 > R 1:1(0)
    cnt:SyncookiesFailed=0
    +0 < . 1:1(0) ack 1
    accept
  `);
  assertEquals(t.state(), "ESTABLISHED");
}, ALWAYS);

const MSS_IPV4 = [
  ["", 536],
  ["<mss 400>", 536],
  ["<mss 536>", 536],
  ["<mss 1299>", 536],
  ["<mss 1300>", 1300],
  ["<mss 1400>", 1300],
  ["<mss 1440>", 1440],
  ["<mss 1459>", 1440],
  ["<mss 1460>", 1460],
  ["<mss 8960>", 1460],
] as const;

const MSS_IPV6 = [
  ["", 1220],
  ["<mss 500>", 1220],
  ["<mss 1400>", 1220],
  ["<mss 1420>", 1420],
  ["<mss 1440>", 1440],
  ["<mss 8939>", 1440],
  ["<mss 8940>", 8940],
] as const;

for (const isIpv6 of [false, true]) {
  for (const [option, size] of isIpv6 ? MSS_IPV6 : MSS_IPV4) {
    protocolTest(
      "COOKIE-04",
      `a SYN with ${option === "" ? "no MSS" : option} over IPv${isIpv6 ? 6 : 4} means ${size}`,
      `
      +0 < S 0:0(0) win 65535 ${option}
      +0 > S. 0:0(0) ack 1 <mss ${isIpv6 ? 8940 : 8960}>
      +0 < . 1:1(0) ack 1
         accept
         write ${2 * size}
      +0 > P. 1:${2 * size + 1}(${2 * size}/${size}) ack 1
      `,
      { ...ALWAYS, isIpv6, mtu: 9000 },
    );
  }
}

protocolTest(
  "COOKIE-05",
  "with timestamps window scaling and SACK survive",
  (t) => {
    t.inject("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>");
    t.expect("S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val * ecr 100,nop,wscale 7>");
    t.run(`
      +.1 < . 1:1(0) ack 1 win 512 <nop,nop,TS val 200 ecr *>
      accept
      +0 < . 1001:2001(1000) ack 1 win 512 <nop,nop,TS val 200 ecr *>
      +0 > . 1:1(0) ack 1 win 512~ <nop,nop,TS val * ecr 200,nop,nop,sack 1001:2001>
    `.replace("512~ ", ">511 "));
    assertEquals(t.connection.sndWnd, 65536);
    assertEquals([t.connection.sndShift, t.connection.sackOk], [7, true]);
  },
  ALWAYS,
);

for (const shift of [-1, 0, 1, 14, 15, 255]) {
  for (const sackOk of [false, true]) {
    const sack = sackOk ? "sackOK," : "nop,nop,";
    const scale = shift < 0 ? "" : `,nop,wscale ${shift}`;
    const own = shift < 0 ? "" : ",nop,wscale 7";
    protocolTest("COOKIE-05", `shift ${shift} and SACK ${sackOk} come back`, (t) => {
      t.inject(`S 0:0(0) win 65535 <mss 1460,${sack}TS val 1 ecr 0${scale}>`);
      t.expect(`S. 0:0(0) ack 1 <mss 1460,${sack}TS val * ecr 1${own}>`);
      t.run(`
        +0 < . 1:1(0) ack 1 win 3 <ts>
           accept
           state ESTABLISHED
      `);
      const c = t.connection;
      const isScaled = shift >= 0;
      assertEquals([c.sndShift, c.rcvShift], isScaled ? [Math.min(shift, 14), 7] : [0, 0]);
      assertEquals([c.sackOk, c.tsOk], [sackOk, true]);
    }, ALWAYS);
  }
}

for (const [clock, expected] of [[0x003c258a, 0x003c2552], [0x003c25bf, 0x003c2592]]) {
  const title = `at ${clock.toString(16)} TSval is the golden ${expected.toString(16)}`;
  protocolTest("COOKIE-05, GV-06", title, (t) => {
    t.inject(GV_01);
    const { options } = t.expect("S. 0:0(0) ack 1 <mss 1460,sackOK,TS val * ecr *,nop,wscale 7>");
    const timestamps = options.find((option) => option.name === "TS")!;
    assertEquals(timestamps.val, expected);
    t.run(`
      +0 < . 1:1(0) ack 1 win 1460 <ts>
         accept
         state ESTABLISHED
    `);
    assertEquals([t.connection.sndShift, t.connection.sackOk], [2, true]);
  }, { ...GOLDEN, startMs: clock, tunables: { tcp_syncookies: 2, tcp_timestamps: 2 } });
}

protocolTest("COOKIE-05", "TSval is never ahead of the clock, whatever the moment", (t) => {
  const syn = t.packet("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 14>");
  for (let i = 0; i < 130; i++) {
    t.inject({ ...syn, sourcePort: 1024 + i });
    const { options } = t.next()!;
    const { val } = options.find((option) => option.name === "TS")!;
    const behind = (Math.floor(t.now) - val) | 0;
    assert(behind >= 0 && behind < 64, `it is ${behind} ms behind`);
    assertEquals(val & 0x3f, 14 | 0x10);
    t.advance(1);
  }
}, { tunables: { tcp_syncookies: 2, tcp_timestamps: 2 } });

protocolTest(
  "COOKIE-06",
  "without timestamps the cookie offers only MSS, and nothing else is agreed on",
  (t) => {
    t.run(`
      0  < S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK,nop,wscale 7>
      +0 > S. 0:0(0) ack 1 win 65535 <mss 1460>
      +0 < . 1:1(0) ack 1 win 1000
         accept
      +0 < . 1001:2001(1000) ack 1 win 1000
      +0 > . 1:1(0) ack 1 win >65000
    `);
    const c = t.connection;
    assertEquals([c.sndWnd, c.sndShift, c.rcvShift, c.sackOk, c.tsOk], [1000, 0, 0, false, false]);
  },
  ALWAYS,
);

protocolTest("COOKIE-07", "100000 SYNs leave nothing behind but one SYN-ACK each", (t) => {
  const { frame, startMs } = t.fixture;
  const bytes = encodePacket(t.packet("S 0:0(0) win 65535 <mss 1460>"));
  let answers = 0;
  t.fixture.sink.write = () => ++answers > 0; // keeps nothing
  const flood = (count: number) => {
    for (let i = 0; i < count; i++) {
      const at = frame.start;
      frame.arena.bytes.set(bytes, at);
      frame.arena.view.setUint16(at + 34, 1024 + i % 60_000);
      frame.length = bytes.length;
      frame.checksumTrusted = true; // a device vouches for it
      t.stack.receive(frame, startMs);
    }
  };
  flood(20_000); // what is compiled on the way counts not
  let growth = Infinity;
  for (let round = 0; round < 3; round++) {
    const before = Deno.memoryUsage().heapUsed;
    flood(100_000);
    growth = Math.min(growth, Deno.memoryUsage().heapUsed - before);
  }
  t.run("synQueue 0");
  assertEquals([answers, t.stack.tcp.handshakeCount], [320_000, 0]);
  assertEquals([t.growth("SyncookiesSent"), t.growth("TxDrop")], [320_000, 0]);
  assert(growth < 1 << 20, `the heap grew by ${growth} bytes`);
  t.none(70);
  assertEquals(answers, 320_000, "nothing is sent again");
}, { ...ALWAYS, links: ["offload"] });

protocolTest(
  "COOKIE-08",
  "within 120 s of an overflow a cookie is taken back",
  (t) => {
    t.run(`
      ${FILL_QUEUE}
      +0 < S 0:0(0) win 65535 <mss 1460>
      +0 > S. 0:0(0) ack 1 <mss 1460>
    `);
    t.none(119.9);
    acknowledgeCookie(t);
    t.run("cnt:SyncookiesRecv\nacceptQueue 1");
  },
  ONE_PLACE,
);

protocolTest(
  "COOKIE-08",
  "121 s after the last overflow even a valid cookie is reset unseen",
  (t) => {
    t.run(`
      ${FILL_QUEUE}
      +0 < S 0:0(0) win 65535 <mss 1460>
      +0 > S. 0:0(0) ack 1 <mss 1460>
    `);
    t.none(121);
    acknowledgeCookie(t);
    t.run("+0 > R *(0)\ncnt:SyncookiesFailed=0\nacceptQueue 0");
  },
  ONE_PLACE,
);

protocolTest(
  "COOKIE-08",
  "without any overflow a valid cookie is reset unseen",
  (t) => {
    acknowledgeCookie(t);
    t.run("+0 > R *(0)\ncnt:SyncookiesFailed=0\nacceptQueue 0");
  },
);

protocolTest(
  "COOKIE-08",
  "a client whose repeated SYN found room may still acknowledge the cookie",
  `
  ${FILL_QUEUE}
  +0 < S 0:0(0) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  +.1 <q R 1:1(0)
     synQueue 0
  +.9 < S 0:0(0) win 65535 <mss 1460>
  +0 > S. *(0) ack 1 <mss 1460>
     synQueue 1
  +.1 < . 1:1(0) ack 1
     synQueue 0
     cnt:SyncookiesRecv
     accept
     state ESTABLISHED
  none(70)
  `,
  ONE_PLACE,
);

protocolTest("COOKIE-09", "the same acknowledgment again is a mere duplicate", (t) => {
  t.run(`
    ${COOKIE}
    +.1 < . 1:1(0) ack 1
    accept
    +.1 < . 1:1(0) ack 1
    none(1)
    state ESTABLISHED
    acceptQueue 0
    cnt:SyncookiesRecv
  `);
  assertEquals(t.stack.tcp.connectionCount, 1);
}, ALWAYS);

/** The immediate reply to a packet, which may be for any address of the product. */
function answerTo(t: ScriptRun, packet: Packet): Packet {
  const { frame, sink } = t.fixture;
  const bytes = encodePacket(packet);
  frame.arena.bytes.set(bytes, frame.start);
  frame.length = bytes.length;
  frame.checksumTrusted = false;
  t.stack.receive(frame, t.now);
  const sent = sink.frames.shift();
  if (sent === undefined) throw t.failure(`No answer to ${JSON.stringify(packet)}`);
  return decodePacket(sent.bytes)!;
}

protocolTest("COOKIE-09", "a cookie is good for its tuple and number only", (t) => {
  for (const endpoint of ["10.0.0.1:81", "10.0.0.7:80"]) t.stack.listen(parseEndpoint(endpoint)!);
  t.run(COOKIE);
  const ack = t.packet(". 1:1(0) ack 1");
  const others: Partial<Packet>[] = [
    { source: "10.0.0.3" },
    { sourcePort: 40001 },
    { destination: "10.0.0.7" },
    { destinationPort: 81 },
    { seq: (ack.seq + 1) >>> 0 },
    { seq: (ack.seq + 2) >>> 0 },
    { seq: (ack.seq + 3) >>> 0 },
    { seq: (ack.seq + 100) >>> 0 },
    { seq: (ack.seq - 1) >>> 0 },
  ];
  for (const other of others) {
    const reset = answerTo(t, { ...ack, ...other });
    assertEquals([reset.flags, reset.seq], ["R", ack.ack], JSON.stringify(other));
    assertEquals(t.growth("SyncookiesFailed"), 1);
  }
  t.inject(ack);
  t.run("acceptQueue 1\ncnt:SyncookiesRecv");
}, { ...ALWAYS, moreAddresses: ["10.0.0.7"] });

protocolTest(
  "PX-20",
  "the ACK of a cookie above px_max_connections is dropped",
  `
  peer b 10.0.0.2:40001
  ${COOKIE}
  +0 <b S 0:0(0) win 65535 <mss 1460>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
  +0 < . 1:1(0) ack 1
     accept
  +0 <b . 1:1(0) ack 1
     cnt:TCPConnectionLimit
     acceptQueue 0
  none(70)
  `,
  { tunables: { tcp_syncookies: 2, px_max_connections: 1 } },
);
