/** HDR: the TCP header. Requirements §2.7. */

import { assertEquals } from "@std/assert";
import { encodePacket } from "../support/codec.ts";
import type { FixtureOptions, LinkMode } from "../support/fixture.ts";
import { protocolTest } from "../support/script.ts";
import { ScriptRun } from "../support/script_run.ts";
import { exchange } from "./exchange.ts";

protocolTest("HDR-03", "a peer reached without offloads gets segments of one MSS", (t) => {
  t.run("EST rtt .1");
  t.injectFrame(encodePacket(t.packet(". 1:1(0) ack 1"))); // no device vouches for its checksum
  t.growth("OutSegs");
  t.calls.write(t.flow, 14_600, null);
  t.run("+0 > P. 1:14601(14600/1460) ack 1");
  assertEquals(t.growth("OutSegs"), 10);
  t.run("+.1 < . 1:1(0) ack 14601"); // this one says nothing else, if the link has offload
  t.calls.write(t.flow, 14_600, null);
  t.run("+0 > P. 14601:29201(14600/1460) ack 1");
  assertEquals(t.growth("OutSegs"), t.link === "offload" ? 1 : 10);
  t.run("+.1 < . 1:1(0) ack 29201");
});

protocolTest("HDR-04", "a segment whose checksum does not verify is dropped", (t) => {
  const bytes = encodePacket(t.packet("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0>"));
  for (let bit = 8 * 34; bit < 8 * bytes.length; bit++) {
    const bad = bytes.slice();
    bad[bit >> 3] ^= 0x80 >> (bit & 7);
    t.injectFrame(bad);
  }
  t.none(70);
  assertEquals(t.growth("InCsumErrors") + t.growth("InErrs"), 8 * (bytes.length - 34));
});

protocolTest("HDR-05", "impossible lengths, offsets and ports are dropped", (t) => {
  const syn = t.packet("S 0:0(0) win 65535");
  t.inject({ ...syn, sourcePort: 0 });
  t.inject({ ...syn, destinationPort: 0 });
  const bytes = encodePacket(syn);
  for (const nibble of [0, 4, 6, 15]) {
    const bad = bytes.slice();
    bad[46] = nibble << 4;
    t.injectFrame(bad, true);
  }
  t.none(70);
  assertEquals(t.growth("InErrs"), 6);
});

protocolTest("HDR-06", "reserved bits are ignored on receipt", (t) => {
  const bytes = encodePacket(t.packet("S 0:0(0) win 65535 <mss 1460>"));
  bytes[46] |= 0x0f;
  t.injectFrame(bytes, true);
  // The codec refuses a reply with reserved bits.
  assertEquals(t.next()?.flags, "S.");
});

for (const link of ["bare", "offload"] as const) {
  const isn = 0xffffff00;
  const wholeExchange = (options: FixtureOptions, check: (t: ScriptRun) => void) => {
    const t = new ScriptRun(link, { ...options, peerIsn: isn });
    t.run("EST+TS+WS7");
    check(t);
    exchange(t, 1 << 20, () => false);
    assertEquals([t.growth("RetransSegs"), t.growth("OutRsts")], [0, 0]);
    t.discard();
    t.finish();
  };

  Deno.test(`HDR-07: 1 MiB each way over the wrap of both sequences, ${link} link`, () => {
    const startMs = startFor(link, isn);
    wholeExchange({ startMs }, (t) => assertEquals(t.flow.productIsn, isn));
  });

  Deno.test(`HDR-07: 1 MiB each way over the wrap of the timestamps, ${link} link`, () => {
    const options = { startMs: isn + 0.25, tunables: { tcp_timestamps: 2 } };
    wholeExchange(options, (t) => assertEquals(t.flow.timestampBase, isn));
  });
}

/** When a run must start for its product to choose `isn` at once: the ISN's clock adds 250 a millisecond. */
function startFor(link: LinkMode, isn: number): number {
  const startMs = 5000;
  const trial = new ScriptRun(link, { startMs });
  trial.run("SR");
  return startMs + ((isn - trial.flow.productIsn!) >>> 0) / 250;
}

protocolTest(
  "HDR-08",
  "SYN and FIN take a number each, ACKs none",
  `
  EST
  +0 < . 1:1(0) ack 1
  +0 < . 1:1(0) ack 1
  +0 < . 1:1(0) ack 1
     shutdown
  +0 > F. 1:1(0) ack 1
  +0 < . 1:1(0) ack 2
     state FIN_WAIT_2
  `,
);

protocolTest(
  "HDR-09",
  "the ACK is what was received plus its payload, headers not counted",
  `
  EST
  +0 < . 1:1461(1460) ack 1
  +0 > . 1:1(0) ack 1461
  +0 < . 1461:2921(1460) ack 1
  +0 > . 1:1(0) ack 2921
  `,
);

for (const link of ["bare", "offload"] as const) {
  Deno.test(`HDR-09: the seed's numbers, ${link} link`, () => {
    const t = new ScriptRun(link, { startMs: startFor(link, 69_999), peerIsn: 39_999 });
    t.run(`
      EST
      < . =40000:=41460(1460) ack =70000
      > . =70000:=70000(0) ack =41460
      < . =41460:=42920(1460) ack =70000
      > . =70000:=70000(0) ack =42920
    `);
    assertEquals(encodePacket(t.packet(". =42920:=44380(1460) ack =70000")).length, 1514);
    t.finish();
  });
}

protocolTest(
  "HDR-10",
  "PSH stands on the segment that empties the queue; a received one delays nothing",
  `
  EST
     write 3000
  +0 > . 1:1461(1460) ack 1
  +0 > . 1461:2921(1460) ack 1
  +0 > P. 2921:3001(80) ack 1
  +0 < . 1:1(0) ack 3001
  +0 < P. 1:11(10) ack 3001
     read 10
  +0 > . 3001:3001(0) ack 11
  +0 < . 11:21(10) ack 3001
     read 10
  +0 > . 3001:3001(0) ack 21
  `,
);

protocolTest(
  "HDR-10",
  "with px_gso_push it ends each super-segment, two of which are in a window",
  `
  EST
     write 30000
  +0 > . 1:5841(5840) ack 1
  +0 > P. 5841:7301(1460) ack 1
  +0 > . 7301:13141(5840) ack 1
  +0 > P. 13141:14601(1460) ack 1
  +.01 < . 1:1(0) ack 7301
  +0 > . 14601:23361(8760) ack 1
  +0 > P. 23361:24821(1460) ack 1
  +0 > . 24821:27741(2920) ack 1
  +0 > P. 27741:29201(1460) ack 1
  `,
  { tunables: { px_gso_push: 1 }, links: ["offload"] },
);

protocolTest("HDR-11", "a window of 65535 is filled and never exceeded", (t) => {
  t.run("EST rtt .5");
  t.connection.cwnd = 1 << 20;
  t.calls.write(t.flow, 200_000, null);
  // The runner watches that nothing lies beyond the window.
  t.run(`
    +0    > . 1:64241(64240/1460) ack 1
    +.1~1 > . 64241:65536(1295) ack 1
    none(.3)
  `);
}, { tunables: { tcp_slow_start_after_idle: 0 } });
