import { assert, assertEquals } from "@std/assert";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { PAGE_SIZE } from "../../lib/wire/pages.ts";
import { concat, encodePacket, type Packet } from "../support/codec.ts";
import { fragment, type FragmentFields, fragmentsOf } from "../support/fragment_frames.ts";
import { NetworkFixture } from "../support/network_fixture.ts";
import {
  ethernet,
  halves,
  icmp,
  icmpv6,
  ipv4,
  ipv6,
  OWN_MAC,
  PEER_MAC,
} from "../support/packets.ts";

const BACK = { to: PEER_MAC, from: OWN_MAC };
const REVERSED = { source: "10.0.0.1", destination: "10.0.0.2" };
const REVERSED6 = { source: "fd00::1", destination: "fd00::2" };
const IPV6 = { source: "fd00::2", destination: "fd00::1" };
const TEXT = ". 1000:2400(1400) ack 1 win 65535";
const CUTS = [520, 1000];

function segment(fields: Partial<Packet> = {}): Uint8Array {
  return encodePacket({
    sourceMac: PEER_MAC,
    destinationMac: OWN_MAC,
    source: "10.0.0.2",
    destination: "10.0.0.1",
    sourcePort: 40000,
    destinationPort: 80,
    ttl: 64,
    trafficClass: 0,
    seq: 1000,
    ack: 1,
    flags: ".",
    window: 65535,
    urgent: 0,
    options: [],
    payload: pattern(1400),
    ...fields,
  });
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7 >> 2);
}

/** The first fragment of a datagram that goes on. */
function first(identification: number, fields: FragmentFields = {}): Uint8Array {
  return fragment(17, pattern(64), 0, true, { identification, ...fields });
}

for (const [family, addresses] of [["IP-08", {}], ["IP6-03", IPV6]] as const) {
  const order = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]];
  Deno.test(`${family}: fragments in any order make one segment`, () => {
    for (const indexes of order) {
      const f = new NetworkFixture();
      const pieces = fragmentsOf(segment(addresses), CUTS);
      const moved = f.countersMovedBy(() => {
        for (const i of indexes) assertEquals(f.receive(pieces[i]), []);
      });
      assertEquals(f.transport.segments, [TEXT]);
      assertEquals(moved.toSorted(), ["InReceives+3", "ReasmOKs", "ReasmReqds+3"]);
      assertEquals([f.pages.lent, f.network.deadline], [0, Infinity]);
    }
  });

  Deno.test(`${family}: the checksum of a reassembled segment is verified, whatever the device says`, () => {
    const f = new NetworkFixture();
    f.frame.checksumTrusted = true;
    const broken = segment(addresses);
    broken[broken.length - 1] ^= 1;
    for (const piece of fragmentsOf(broken, CUTS)) f.receive(piece);
    assertEquals([f.transport.segments, f.counters.InCsumErrors], [[], 1]);
  });

  Deno.test(`${family}: datagrams that differ in one part of the key are not mixed up`, () => {
    const f = new NetworkFixture();
    const [start, middle, end] = fragmentsOf(segment(addresses), CUTS);
    f.receive(start);
    f.receive(middle);
    f.receive(fragmentsOf(segment(addresses), CUTS, { identification: 8 })[2]);
    assertEquals(f.transport.segments, []);
    f.receive(end);
    assertEquals(f.transport.segments, [TEXT]);
  });

  Deno.test(`${family}: a fragment that came twice does no harm`, () => {
    const f = new NetworkFixture();
    const pieces = fragmentsOf(segment(addresses), CUTS);
    for (const i of [0, 0, 1, 1, 2]) f.receive(pieces[i]);
    assertEquals([f.transport.segments, f.counters.ReasmFails], [[TEXT], 2]);
  });
}

Deno.test("IP-08: an incomplete datagram draws ICMP 11/1 after 30 s, quoting its first fragment", () => {
  const f = new NetworkFixture();
  const [start, middle] = fragmentsOf(segment(), CUTS);
  f.receive(middle, 0);
  f.receive(start, 10);
  assertEquals(f.network.deadline, 30_000);
  assertEquals(f.poll(29_999), []);
  const quote = concat(halves(0, 0), start.slice(14));
  assertEquals(f.poll(30_000), [
    ethernet(0x0800, ipv4(1, icmp(11, 1, quote.slice(0, 4 + 548)), REVERSED), BACK).toHex(),
  ]);
  assertEquals([f.counters.ReasmTimeout, f.counters.ReasmFails], [1, 2]);
  assertEquals([f.pages.lent, f.network.deadline], [0, Infinity]);
});

Deno.test("IP6-03: an incomplete datagram draws ICMPv6 3/1 after 60 s", () => {
  const f = new NetworkFixture();
  const [start] = fragmentsOf(segment(IPV6), CUTS);
  f.receive(start, 0);
  assertEquals(f.poll(59_999), []);
  const quote = concat(halves(0, 0), start.slice(14));
  assertEquals(f.poll(60_000), [
    ethernet(0x86dd, ipv6(58, icmpv6(3, 1, quote, REVERSED6), REVERSED6), BACK).toHex(),
  ]);
});

Deno.test("IP-08: without the first fragment, or of an ICMP error, nobody is told", () => {
  const f = new NetworkFixture();
  f.receive(fragmentsOf(segment(), CUTS)[1]);
  f.receive(fragment(1, icmp(3, 3, pattern(60)), 0, true));
  assertEquals(f.poll(30_000), []);
  assertEquals(f.counters.ReasmTimeout, 2);
  f.receive(fragment(1, icmp(8, 0, pattern(60)), 0, true), 30_000);
  assertEquals(f.poll(60_000).length, 1);
});

Deno.test("IP-08: the time follows ipfrag_time", () => {
  const f = new NetworkFixture();
  f.network.tunables = { ...DEFAULT_TUNABLES, ipfrag_time: 5 };
  f.receive(first(1), 0);
  assertEquals(f.network.deadline, 5000);
});

Deno.test("IP-09: an overlap discards the datagram, and what else comes of it", () => {
  for (const addresses of [{}, IPV6]) {
    const f = new NetworkFixture();
    const pieces = fragmentsOf(segment(addresses), CUTS);
    const teardrop = fragmentsOf(segment(addresses), [504, 1000])[1];
    const moved = f.countersMovedBy(() => {
      for (const piece of [pieces[0], teardrop, ...pieces]) assertEquals(f.receive(piece), []);
    });
    assertEquals(moved.toSorted(), [
      "InReceives+5",
      "ReasmFails+5",
      "ReasmOverlaps",
      "ReasmReqds+5",
    ]);
    assertEquals([f.transport.segments, f.pages.lent], [[], 0]);
    assertEquals(f.poll(60_000), []);
    for (const piece of pieces) f.receive(piece, 60_000);
    assertEquals(f.transport.segments, [TEXT]);
  }
});

Deno.test("IP-10: fragments that cannot be are dropped", () => {
  const odd = [
    fragment(17, pattern(63), 0, true),
    fragment(17, pattern(0), 8, false),
    fragment(17, pattern(16), 65528, false),
    fragment(17, pattern(24), 65504, false), // its end and the header pass 65535
    fragment(6, pattern(16), 0, true),
    fragment(6, pattern(16), 8, true),
  ];
  for (const frame of odd) {
    const f = new NetworkFixture();
    const moved = f.countersMovedBy(() => assertEquals(f.receive(frame), []));
    assertEquals(moved, ["InReceives", "ReasmReqds", "ReasmFails"]);
    assertEquals(f.network.deadline, Infinity);
  }
});

Deno.test("IP-10: what ends within 65535 bytes, or shows its TCP header whole, is kept", () => {
  const cases: [Uint8Array, boolean][] = [
    [fragment(17, pattern(11), 65504, false), true],
    [fragment(17, pattern(12), 65504, false), false],
    [fragment(17, pattern(7), 65528, false, IPV6), true],
    [fragment(17, pattern(8), 65528, false, IPV6), false],
    [fragment(6, pattern(24), 0, true), true],
    [fragment(6, pattern(8), 24, true), true],
    [fragment(6, pattern(8), 16, true), false],
    [fragment(17, pattern(8), 0, true), true],
    [fragment(17, pattern(8), 8, true), true],
  ];
  for (const [i, [frame, isKept]] of cases.entries()) {
    const f = new NetworkFixture();
    f.receive(frame);
    assertEquals([f.counters.ReasmFails, f.pages.lent], isKept ? [0, 1] : [1, 0], `case ${i}`);
  }
});

Deno.test("IP6-03: impossible lengths draw ICMPv6 4/0 which points at the field", () => {
  const cases = [[fragment(17, pattern(63), 0, true, IPV6), 4], [
    fragment(17, pattern(16), 65528, false, IPV6),
    42,
  ]] as const;
  for (const [frame, pointer] of cases) {
    const f = new NetworkFixture();
    const error = icmpv6(4, 0, concat(halves(0, pointer), frame.slice(14)), REVERSED6);
    assertEquals(f.receive(frame), [ethernet(0x86dd, ipv6(58, error, REVERSED6), BACK).toHex()]);
  }
});

Deno.test("IP-11: 100000 first fragments stay within the memory, and the oldest go", () => {
  const f = new NetworkFixture();
  f.network.tunables = { ...DEFAULT_TUNABLES, ipfrag_high_thresh: 64 * PAGE_SIZE };
  const pieces = fragmentsOf(segment(), CUTS);
  for (const piece of pieces.slice(0, 2)) f.receive(piece);
  for (let i = 0; i < 100_000; i++) {
    f.receive(first(i & 0xffff, { source: `10.${i >> 16}.${(i >> 8) & 255}.77` }), 1);
    if (i % 1000 === 0) assert(f.pages.lent <= 64);
  }
  assertEquals(f.pages.lent, 64);
  f.receive(pieces[2], 2);
  assertEquals(f.transport.segments, []);
  f.receive(segment(), 2);
  assertEquals(f.transport.segments, [TEXT]);
});

Deno.test("IP-11: one source has 128 datagrams at most, and pushes out its own only", () => {
  const f = new NetworkFixture();
  const pieces = fragmentsOf(segment({ source: "10.0.0.3" }), CUTS, { source: "10.0.0.3" });
  for (const piece of pieces.slice(0, 2)) f.receive(piece);
  for (let i = 0; i < 1000; i++) f.receive(first(i));
  assertEquals(f.pages.lent, 129);
  f.receive(pieces[2]);
  assertEquals(f.transport.segments, [TEXT]);
  assertEquals(f.counters.ReasmFails, 1000 - 128);
});

Deno.test("IP-11: datagrams that were discarded count as memory, too", () => {
  const f = new NetworkFixture();
  f.network.tunables = { ...DEFAULT_TUNABLES, ipfrag_high_thresh: 2 * PAGE_SIZE };
  for (const [i, source] of ["10.0.0.2", "10.0.0.3", "10.0.0.4"].entries()) {
    f.receive(fragment(17, pattern(64), 0, true, { source }), i);
    f.receive(fragment(17, pattern(64), 8, true, { source }), i);
  }
  assertEquals([f.pages.lent, f.network.deadline], [0, 30_000]);
  assertEquals(f.poll(30_000), []);
  assertEquals(f.network.deadline, 30_001);
});

Deno.test("IP-11: room for one that grows is made by the oldest of the others", () => {
  // Three sources have a page each of four; the one that grows needs two more.
  const sources = ["10.0.0.2", "10.0.0.3", "10.0.0.4"];
  const frames = sources.map((source) => segment({ source, payload: pattern(9000) }));
  const cuts = [1400, 2800, 4200, 5600, 7000, 8400];
  for (const [grown, given] of [[0, 1], [1, 0], [2, 0]]) {
    const f = new NetworkFixture();
    f.network.tunables = { ...DEFAULT_TUNABLES, ipfrag_high_thresh: 4 * PAGE_SIZE };
    const pieces = frames.map((frame, i) => fragmentsOf(frame, cuts, { source: sources[i] }));
    for (const [start] of pieces) f.receive(start);
    const memory = pieces[grown].slice(1, -1).map((piece) => {
      f.receive(piece);
      return [f.pages.lent, f.counters.ReasmFails];
    });
    assertEquals(memory, [[3, 0], [4, 0], [4, 0], [4, 0], [4, 1]]);
    const kept = 3 - grown - given;
    for (const [source, arrived] of [[grown, 1], [kept, 1], [given, 0]]) {
      for (const piece of pieces[source].slice(source === grown ? 6 : 1)) f.receive(piece);
      assertEquals(f.transport.segments.splice(0).length, arrived, `${source}`);
    }
  }
});

Deno.test("IP-11: a 65th fragment discards the datagram, and is no overlap", () => {
  const f = new NetworkFixture();
  for (let i = 0; i < 64; i++) f.receive(fragment(17, pattern(8), 8 * i, true));
  assertEquals([f.counters.ReasmFails, f.pages.lent], [0, 1]);
  f.receive(fragment(17, pattern(8), 8 * 64, true));
  const { ReasmFails, ReasmOverlaps } = f.counters;
  assertEquals([ReasmFails, ReasmOverlaps, f.pages.lent], [65, 0, 0]);
});

Deno.test("IP-11: with no memory at all fragments are dropped", () => {
  const f = new NetworkFixture();
  f.network.tunables = { ...DEFAULT_TUNABLES, ipfrag_high_thresh: 0 };
  for (const piece of fragmentsOf(segment(), CUTS)) f.receive(piece);
  assertEquals([f.transport.segments, f.counters.ReasmFails], [[], 3]);
  assertEquals(f.network.deadline, Infinity);
});

Deno.test("IP-08: a datagram of 65535 bytes is put together", () => {
  const f = new NetworkFixture();
  const frame = segment({ payload: pattern(65535 - 40) });
  const cuts = Array.from({ length: 44 }, (_, i) => 1480 * (i + 1));
  for (const piece of fragmentsOf(frame, cuts).toReversed()) f.receive(piece);
  assertEquals(f.transport.segments, [". 1000:66495(65495) ack 1 win 65535"]);
  assertEquals(f.pages.lent, 0);
});

Deno.test("IP-08: what was put together has the traffic class and the number of its first fragment", () => {
  for (const addresses of [{}, IPV6]) {
    const f = new NetworkFixture();
    f.transport.onReceive = (seg) => assertEquals([seg.dscp, seg.ecn], [46, 2]);
    for (const piece of fragmentsOf(segment(addresses), CUTS)) {
      if (piece[12] === 0x86) {
        piece.set([0x6b, 0xa0], 14);
      } else {
        piece[15] = 0xba;
        repairChecksum(piece);
      }
      f.receive(piece);
    }
    assertEquals(f.transport.segments, [TEXT]);
  }
  const f = new NetworkFixture();
  const datagram = concat(halves(5353, 53, 48, 0), pattern(40));
  f.receive(fragment(17, datagram.slice(24), 24, false, { ttl: 9, identification: 0xabcd }));
  const [error] = f.receive(
    fragment(17, datagram.slice(0, 24), 0, true, { ttl: 5, identification: 0xabcd }),
  );
  const quote = ipv4(17, datagram, { ttl: 5, identification: 0xabcd, fragment: 0 });
  assertEquals(error.slice(2 * (14 + 20 + 8)), quote.toHex());
});

Deno.test("IP6-03: neighbour discovery in fragments is dropped", () => {
  const f = new NetworkFixture();
  const target = concat(new Uint8Array(4), Uint8Array.fromHex("fd000000000000000000000000000001"));
  const message = icmpv6(135, 0, target);
  const fields = { ...IPV6, ttl: 255 };
  assertEquals(f.receive(fragment(58, message, 0, false, fields)), []);
  assertEquals(f.counters.IcmpInErrors, 1);
  f.receive(fragment(58, message.slice(0, 16), 0, true, fields));
  assertEquals(f.receive(fragment(58, message.slice(16), 16, false, fields)), []);
  assertEquals(f.counters.IcmpInErrors, 2);
});

Deno.test("IP6-03: all of neighbour discovery is dropped in an atomic fragment, echo is not", () => {
  for (
    const [type, counter] of [
      [128, "IcmpOutMsgs"],
      [133, "IcmpInErrors"],
      [134, "IcmpInErrors"],
      [135, "IcmpInErrors"],
      [136, "IcmpInErrors"],
    ] as const
  ) {
    const f = new NetworkFixture();
    const message = icmpv6(type, 0, new Uint8Array(20));
    const moved = f.countersMovedBy(() =>
      f.receive(fragment(58, message, 0, false, { ...IPV6, ttl: 255 }))
    );
    assertEquals(moved.includes(counter), true, `${type}: ${moved}`);
  }
});

Deno.test("IP6-03: extension headers behind the fragment header are walked once whole", () => {
  const f = new NetworkFixture();
  const tcp = segment(IPV6).slice(54);
  const body = concat(Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0), tcp);
  f.receive(fragment(60, body.slice(0, 800), 0, true, IPV6));
  f.receive(fragment(60, body.slice(800), 800, false, IPV6));
  assertEquals(f.transport.segments, [TEXT]);
  const nested = concat(Uint8Array.of(6, 0, 0, 1, 0, 0, 0, 9), tcp);
  f.receive(fragment(44, nested.slice(0, 800), 0, true, IPV6));
  f.receive(fragment(44, nested.slice(800), 800, false, IPV6));
  assertEquals([f.transport.segments.length, f.counters.InHdrErrors], [1, 1]);
  body[1] = 255; // longer than the packet
  f.receive(fragment(60, body.slice(0, 800), 0, true, IPV6));
  const moved = f.countersMovedBy(() => {
    assertEquals(f.receive(fragment(60, body.slice(800), 800, false, IPV6)), []);
  });
  assertEquals(moved.toSorted(), ["InHdrErrors", "InReceives", "ReasmOKs", "ReasmReqds"]);
});

Deno.test("GEN-07: mutated fragments never throw, and leave no page behind", () => {
  const f = new NetworkFixture();
  const frames = [...fragmentsOf(segment(), CUTS), ...fragmentsOf(segment(IPV6), CUTS)];
  let seed = 11;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) | 0;
    return (seed >>> 8) % limit;
  };
  for (let round = 0; round < 30_000; round++) {
    const frame = frames[random(frames.length)].slice();
    const isIpv6 = frame[12] === 0x86;
    frame[(isIpv6 ? 54 : 18) + random(8)] ^= 1 << random(8);
    if (!isIpv6) repairChecksum(frame);
    f.receive(frame, round);
    f.network.poll(round);
  }
  f.network.poll(1e9);
  assertEquals([f.pages.lent, f.network.deadline], [0, Infinity]);
});

/** Makes the IPv4 header's checksum right. */
function repairChecksum(frame: Uint8Array): void {
  frame.set([0, 0], 24);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += (frame[at] << 8) | frame[at + 1];
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  frame.set(halves(0xffff - sum), 24);
}
