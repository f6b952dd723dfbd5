/** IP6: the same protocol over IPv6. Requirements §2.5. */

import { assert, assertEquals } from "@std/assert";
import { concat, encodePacket } from "../support/codec.ts";
import { fragment, fragmentsOf } from "../support/fragment_frames.ts";
import { addressBytes } from "../support/internet_address.ts";
import { ethernet, halves, icmpv6, ipv6, OWN_MAC, PEER_MAC } from "../support/packets.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { pathError } from "./path_errors.ts";

const BACK = { to: PEER_MAC, from: OWN_MAC };
const PEER = { source: "fd00::2", destination: "fd00::1" };
const REVERSED = { source: "fd00::1", destination: "fd00::2" };
const SYN = "S 0:0(0) win 65535 <mss 1440>";
const IPV6 = { isIpv6: true };

protocolTest(
  "IP6-01",
  "a connection lives over IPv6 as over IPv4, with an MSS of 1440",
  `
  0   < S 0:0(0) win 65535 <mss 1440,sackOK,TS val 1 ecr 0,nop,wscale 7>
  +0  > S. 0:0(0) ack 1 <mss 1440,sackOK,TS val 0 ecr 1,nop,wscale 7>
  +.1 < . 1:1(0) ack 1 win 512 <ts>
      accept
      state ESTABLISHED
  +0  < P. 1:5001(5000) ack 1 <ts>
  *   > . 1:1(0) ack 5001 <ts>
      read 5000
      write 5000
  +0  > P. 1:5001(5000/1428) ack 5001 <ts>
  +.1 < . 5001:5001(0) ack 5001 <ts>
      shutdown
  +0  > F. 5001:5001(0) ack 5001 <ts>
  +.1 < F. 5001:5001(0) ack 5002 <ts>
  +0  > . 5002:5002(0) ack 5002 <ts>
      state TIME_WAIT
  none(130)
      state CLOSED
  `,
  { isIpv6: true },
);

protocolTest(
  "IP6-01",
  "unanswered SYN-ACKs, closed ports and resets are as over IPv4",
  `
  peer c fd00::2:40001 > fd00::1:81
  SR
  +1  > S. 0:0(0) ack 1 <mss 1440>
  +0  < R 1:1(0)
      synQueue 0
  +0  <c S 0:0(0) win 65535
  +0  >c R. 0:0(0) ack 1
  none(70)
  `,
  { isIpv6: true },
);

/** A SYN behind extension headers: each is 8 bytes, its first byte is filled in. */
function synBehind(t: ScriptRun, ...headers: readonly [protocol: number, bytes: string][]) {
  const syn = encodePacket(t.packet(SYN)).slice(54);
  const chain = headers.map(([, hex], i) =>
    Uint8Array.fromHex((headers[i + 1]?.[0] ?? 6).toString(16).padStart(2, "0") + hex)
  );
  return ethernet(0x86dd, ipv6(headers[0][0], concat(...chain, syn)));
}

const PADDING = "00010400000000";

protocolTest("IP6-02", "eight extension headers are walked, nine are not", (t) => {
  const options = (count: number) =>
    Array.from({ length: count }, (): [number, string] => [60, PADDING]);
  t.injectFrame(synBehind(t, [0, PADDING], ...options(8)));
  t.none(1);
  t.injectFrame(synBehind(t, [0, PADDING], ...options(7)));
  t.expect("S. 0:0(0) ack 1 <mss 1440>");
  t.run("+.1 < R. 1:1(0) ack 1");
}, IPV6);

protocolTest("IP6-02", "type 0 routing and late hop-by-hop options are dropped", (t) => {
  t.injectFrame(synBehind(t, [43, "00000000000000"]));
  t.injectFrame(synBehind(t, [60, PADDING], [0, PADDING]));
  t.none(1);
  assertEquals([t.growth("SourceRouteDrop"), t.growth("InHdrErrors")], [1, 1]);
}, IPV6);

protocolTest("IP6-02", "an unknown next header draws ICMPv6 4/1", (t) => {
  const packet = ipv6(99, new Uint8Array(9));
  t.injectFrame(ethernet(0x86dd, packet));
  const error = icmpv6(4, 1, concat(halves(0, 6), packet), REVERSED);
  assertEquals(t.expectFrame(), ethernet(0x86dd, ipv6(58, error, REVERSED), BACK));
}, IPV6);

/** A data segment of the default flow in three fragments. */
function pieces(t: ScriptRun, cut = 520): Uint8Array[] {
  return fragmentsOf(encodePacket(t.packet("P. 1:1401(1400) ack 1")), [cut, 1000]);
}

protocolTest("IP6-03", "a data segment in three fragments, reversed, is acknowledged once", (t) => {
  t.run("EST rtt .1");
  for (const piece of pieces(t).toReversed()) t.injectFrame(piece);
  t.run(`
    *  > . 1:1(0) ack 1401
       read 1400
    none(70)
  `);
}, IPV6);

protocolTest("IP6-03", "an overlap discards the datagram for 60 s", (t) => {
  t.run("EST rtt .1");
  t.injectFrame(pieces(t)[0]);
  t.injectFrame(pieces(t, 512)[1]);
  for (const piece of pieces(t)) t.injectFrame(piece);
  t.none(61);
  assertEquals(t.connection.readable().length, 0);
}, IPV6);

protocolTest("IP6-03", "two of three draw ICMPv6 3/1 after 60 s", (t) => {
  t.run("EST rtt .1");
  const [start, , end] = pieces(t);
  t.injectFrame(start);
  t.injectFrame(end);
  t.none(59.98);
  const error = icmpv6(3, 1, concat(halves(0, 0), start.slice(14)), REVERSED);
  assertEquals(t.expectFrame(40), ethernet(0x86dd, ipv6(58, error, REVERSED), BACK));
}, IPV6);

protocolTest(
  "IP6-03",
  "an atomic fragment is processed at once, beside others of its number",
  (t) => {
    t.run("EST rtt .1");
    t.injectFrame(pieces(t)[0]);
    const tcp = encodePacket(t.packet("P. 1:101(100) ack 1")).slice(54);
    t.injectFrame(fragment(6, tcp, 0, false, PEER));
    t.run("* > . 1:1(0) ack 101");
  },
  IPV6,
);

/** A neighbour solicitation for fd00::1. */
function solicitation(source: string, ttl = 255, options = "0101020000000002"): Uint8Array {
  const destination = "ff02::1:ff00:1";
  const rest = concat(new Uint8Array(4), addressBytes("fd00::1"), Uint8Array.fromHex(options));
  const message = icmpv6(135, 0, rest, { source, destination });
  return ethernet(0x86dd, ipv6(58, message, { source, destination, ttl }), {
    to: "33:33:ff:00:00:01",
  });
}

/** The advertisement which answers it. */
function advertisement(flags: number, destination: string, to: string): Uint8Array {
  const fields = { source: "fd00::1", destination, ttl: 255 };
  const option = Uint8Array.fromHex("0201020000000001");
  const rest = concat(halves(flags, 0), addressBytes("fd00::1"), option);
  return ethernet(0x86dd, ipv6(58, icmpv6(136, 0, rest, fields), fields), { to, from: OWN_MAC });
}

protocolTest("IP6-04", "a solicitation is answered with S=1 O=1, one from :: with S=0 O=1", (t) => {
  t.injectFrame(solicitation("fd00::2"));
  assertEquals(t.expectFrame(), advertisement(0x6000, "fd00::2", PEER_MAC));
  t.injectFrame(solicitation("::", 255, ""));
  assertEquals(t.expectFrame(), advertisement(0x2000, "ff02::1", "33:33:00:00:00:01"));
}, IPV6);

protocolTest(
  "IP6-04",
  "a hop limit of 254, a bad checksum or an empty option is no solicitation",
  (t) => {
    const corrupt = solicitation("fd00::2");
    corrupt[corrupt.length - 1] ^= 1;
    t.injectFrame(corrupt);
    t.injectFrame(solicitation("fd00::2", 254));
    t.injectFrame(solicitation("fd00::2", 255, "0100020000000002"));
    t.none(1);
    assertEquals(t.growth("IcmpInErrors"), 3);
  },
  IPV6,
);

const DETECTING = { ...IPV6, tunables: { dad_transmits: 1 } };

/** The product asks whether another host has fd00::1. */
function expectProbe(t: ScriptRun): void {
  const fields = { source: "::", destination: "ff02::1:ff00:1", ttl: 255 };
  const message = icmpv6(135, 0, concat(new Uint8Array(4), addressBytes("fd00::1")), fields);
  assertEquals(
    t.expectFrame(),
    ethernet(0x86dd, ipv6(58, message, fields), { to: "33:33:ff:00:00:01", from: OWN_MAC }),
  );
}

protocolTest("IP6-05", "an address is probed once, and used a second later", (t) => {
  expectProbe(t);
  t.inject(SYN);
  t.injectFrame(solicitation("fd00::2"));
  t.none(.999);
  assertEquals(t.growth("InAddrErrors"), 1);
  t.advance(10);
  assertEquals(t.stack.conflict, null);
  t.injectFrame(solicitation("fd00::2"));
  t.expectFrame();
  t.run("EST");
  t.none(10);
}, DETECTING);

protocolTest("IP6-05", "an address that another host has, or wants, is never used", (t) => {
  expectProbe(t);
  if (t.link === "bare") {
    const fields = { source: "fd00::1", destination: "ff02::1", ttl: 255 };
    const rest = concat(halves(0x2000, 0), addressBytes("fd00::1"));
    const answer = ipv6(58, icmpv6(136, 0, rest, fields), fields);
    t.injectFrame(ethernet(0x86dd, answer, { to: "33:33:00:00:00:01" }));
  } else {
    t.injectFrame(solicitation("::", 255, ""));
  }
  assertEquals([t.growth("AddressConflicts"), `${t.stack.conflict}`], [1, "fd00::1"]);
  t.none(2);
  t.inject(SYN);
  t.none(70);
}, DETECTING);

protocolTest("IP6-06", "an echo is answered, one with a bad checksum is not", (t) => {
  const rest = Uint8Array.from({ length: 60 }, (_, i) => i * 37);
  const corrupt = icmpv6(128, 0, rest);
  corrupt[9] ^= 1;
  t.injectFrame(ethernet(0x86dd, ipv6(58, corrupt)));
  t.none(1);
  t.injectFrame(ethernet(0x86dd, ipv6(58, icmpv6(128, 0, rest))));
  const reply = icmpv6(129, 0, rest, REVERSED);
  assertEquals(t.expectFrame(), ethernet(0x86dd, ipv6(58, reply, REVERSED), BACK));
}, IPV6);

protocolTest("IP6-06", "an echo too long for the link comes and goes in fragments", (t) => {
  const rest = Uint8Array.from({ length: 3004 }, (_, i) => i * 37 >> 3);
  const echo = ethernet(0x86dd, ipv6(58, icmpv6(128, 0, rest)));
  for (const piece of fragmentsOf(echo, [1448, 2896])) t.injectFrame(piece);
  const reply = ethernet(0x86dd, ipv6(58, icmpv6(129, 0, rest, REVERSED), REVERSED), BACK);
  for (const piece of fragmentsOf(reply, [1448, 2896], REVERSED)) {
    assertEquals(t.expectFrame().slice(14), piece.slice(14));
  }
  t.none(61);
}, IPV6);

protocolTest("IP6-06", "no ICMPv6 error ends a synchronized connection", (t) => {
  t.run("EST rtt .1");
  t.calls.write(t.flow, 10, null);
  t.run("+0 > P. 1:11(10) ack 1");
  const errors = [[1, 0], [1, 1], [1, 2], [1, 3], [1, 4], [1, 5], [1, 6], [3, 0], [3, 1], [4, 0]];
  for (const [i, [type, code]] of errors.entries()) {
    t.injectFrame(pathError(t, type, code, { seq: 1 }));
    assertEquals([t.state(), t.connection.softErrors], ["ESTABLISHED", i + 1]);
  }
  t.run("+.1 < . 1:1(0) ack 11");
}, IPV6);

/** Flow labels and hop limits of each IPv6 header sent from now on. */
function recordHeaders(t: ScriptRun): { labels: Set<number>; hopLimits: Set<number> } {
  const labels = new Set<number>();
  const hopLimits = new Set<number>();
  const { sink } = t.fixture;
  const write = sink.write.bind(sink);
  sink.write = (header, payload, segmentSize) => {
    labels.add(header.arena.view.getInt32(header.start + 14) & 0xfffff);
    hopLimits.add(header.arena.view.getUint8(header.start + 14 + 7));
    return write(header, payload, segmentSize);
  };
  return { labels, hopLimits };
}

protocolTest("IP6-07", "a connection keeps one flow label, another has another", (t) => {
  const { labels, hopLimits } = recordHeaders(t);
  t.run("EST+WS7 rtt .01");
  for (let sent = 0; sent < 1 << 20;) {
    t.calls.writeSome(t.flow, (1 << 20) + 1 - t.flow.writePosition);
    const packet = t.next(2000);
    assert(packet !== null);
    sent += packet.payload.length;
    t.inject(`. 1:1(0) ack ${1 + sent}`);
  }
  t.discard();
  assertEquals([labels.size, labels.has(0), [...hopLimits]], [1, false, [64]]);
  t.run(`
    peer c fd00::2:40001 > fd00::1:80
    +0 <c S 0:0(0) win 65535 <mss 1440>
    +0 >c S. 0:0(0) ack 1 <mss 1440>
    +0 <c R. 1:1(0) ack 1
  `);
  assertEquals([labels.size, labels.has(0)], [2, false]);
}, IPV6);
