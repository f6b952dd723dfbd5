import { assertEquals } from "@std/assert";
import { PathErrorKind } from "../../lib/wire/path_error.ts";
import { fromHex } from "../support/bytes.ts";
import { concat, sum } from "../support/codec.ts";
import { fragment } from "../support/fragment_frames.ts";
import { addressBytes } from "../support/internet_address.ts";
import { GOLDEN } from "../support/golden.ts";
import { NetworkFixture } from "../support/network_fixture.ts";
import {
  ethernet,
  halves,
  icmp,
  icmpv6,
  type IpFields,
  ipv4,
  ipv6,
  OWN_MAC,
  PEER_MAC,
  udp,
} from "../support/packets.ts";

const BACK = { to: PEER_MAC, from: OWN_MAC };
const REVERSED = { source: "10.0.0.1", destination: "10.0.0.2" };
const REVERSED6 = { source: "fd00::1", destination: "fd00::2" };

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7);
}

function assertIgnored(frame: Uint8Array, ...counters: string[]): void {
  const f = new NetworkFixture();
  const moved = f.countersMovedBy(() => assertEquals(f.receive(frame), []));
  assertEquals(moved.toSorted(), ["InReceives", ...counters].toSorted());
  assertEquals(f.transport.errors, []);
}

for (const length of [4, 5, 60, 61, 1476]) {
  Deno.test(`ICMP-01: an echo of ${length - 4} bytes comes back byte for byte`, () => {
    const f = new NetworkFixture();
    const rest = pattern(length);
    assertEquals(f.receive(ethernet(0x0800, ipv4(1, icmp(8, 0, rest)))), [
      ethernet(0x0800, ipv4(1, icmp(0, 0, rest), REVERSED), BACK).toHex(),
    ]);
  });

  Deno.test(`IP6-06: an ICMPv6 echo of ${length - 4} bytes comes back byte for byte`, () => {
    const f = new NetworkFixture();
    const rest = pattern(Math.min(length, 1456));
    assertEquals(f.receive(ethernet(0x86dd, ipv6(58, icmpv6(128, 0, rest)))), [
      ethernet(0x86dd, ipv6(58, icmpv6(129, 0, rest, REVERSED6), REVERSED6), BACK).toHex(),
    ]);
  });
}

Deno.test("ICMP-01 IP6-06: an echo of two whole fragments comes back in two", () => {
  for (const [isIpv6, most] of [[false, 1480], [true, 1448]] as const) {
    const f = new NetworkFixture();
    const rest = pattern(2 * most - 4);
    const fields = isIpv6 ? { source: "fd00::2", destination: "fd00::1" } : {};
    const [protocol, request] = isIpv6 ? [58, icmpv6(128, 0, rest)] : [1, icmp(8, 0, rest)];
    const [back, reply] = isIpv6
      ? [REVERSED6, icmpv6(129, 0, rest, REVERSED6)]
      : [REVERSED, icmp(0, 0, rest)];
    const pieces = (message: Uint8Array, from: string, addresses: IpFields) =>
      [0, most].map((start) =>
        fragment(protocol, message.slice(start, start + most), start, start === 0, {
          ...addresses,
          from,
        })
      );
    const [start, end] = pieces(request, PEER_MAC, fields);
    assertEquals(f.receive(start), []);
    const sent = f.receive(end).map((hex) => hex.slice(24));
    assertEquals(sent, pieces(reply, OWN_MAC, back).map((frame) => frame.slice(12).toHex()));
  }
});

Deno.test("ICMP-02: broken, misplaced and outdated messages are ignored", () => {
  const rest = pattern(8);
  const corrupt = icmp(8, 0, rest);
  corrupt[9] ^= 1;
  assertIgnored(ethernet(0x0800, ipv4(1, corrupt)), "IcmpInErrors");
  assertIgnored(ethernet(0x0800, ipv4(1, icmp(8, 0, pattern(3)))), "IcmpInErrors");
  for (const type of [0, 4, 5, 9, 13, 17]) {
    assertIgnored(ethernet(0x0800, ipv4(1, icmp(type, 0, rest))), "IcmpInMsgs", "IcmpInIgnored");
  }
  const toGroup = { destination: "10.0.0.255" };
  assertIgnored(ethernet(0x0800, ipv4(1, icmp(8, 0, rest), toGroup)), "InAddrErrors");
});

Deno.test("IP6-06: broken and outlandish ICMPv6 messages are ignored", () => {
  const rest = pattern(8);
  const corrupt = icmpv6(128, 0, rest);
  corrupt[9] ^= 1;
  assertIgnored(ethernet(0x86dd, ipv6(58, corrupt)), "IcmpInErrors");
  assertIgnored(ethernet(0x86dd, ipv6(58, new Uint8Array(0))), "IcmpInErrors");
  for (const type of [0, 5, 129, 130, 133, 134, 137]) {
    const frame = ethernet(0x86dd, ipv6(58, icmpv6(type, 0, rest)));
    assertIgnored(frame, "IcmpInMsgs", "IcmpInIgnored");
  }
});

/** An error about `segment`, which went from us to the peer. */
function unreachable(type: number, code: number, parameter: number, segment: Uint8Array) {
  const quote = concat(halves(0, parameter), ipv4(6, segment, REVERSED));
  return ethernet(0x0800, ipv4(1, icmp(type, code, quote), { source: "10.0.0.9" }));
}

const SEGMENT = fromHex(GOLDEN[0].hex);

Deno.test("ICMP-04: errors reach the transport with their kind", () => {
  const f = new NetworkFixture();
  f.receive(unreachable(3, 1, 0, SEGMENT));
  f.receive(unreachable(3, 3, 0, SEGMENT.slice(0, 8)));
  f.receive(unreachable(3, 4, 1400, SEGMENT));
  f.receive(unreachable(11, 0, 0, SEGMENT));
  const quote = concat(fromHex("00000514"), ipv6(6, SEGMENT, REVERSED6));
  f.receive(ethernet(0x86dd, ipv6(58, icmpv6(2, 0, quote))));
  assertEquals(f.transport.errors, [
    [PathErrorKind.Unreachable, 0],
    [PathErrorKind.Refused, 0],
    [PathErrorKind.TooBig, 1400],
    [PathErrorKind.Other, 0],
    [PathErrorKind.TooBig, 1300],
  ]);
});

Deno.test("ICMP-03: errors that quote no segment of ours are dropped", () => {
  assertIgnored(unreachable(3, 1, 0, SEGMENT.slice(0, 7)), "IcmpInMsgs", "OutOfWindowIcmps");
  const f = new NetworkFixture();
  f.transport.knowsErrors = false;
  const moved = f.countersMovedBy(() => f.receive(unreachable(3, 1, 0, SEGMENT)));
  assertEquals(moved.toSorted(), ["IcmpInMsgs", "InReceives", "OutOfWindowIcmps"]);
});

Deno.test("ICMP-08: UDP to us draws a port unreachable that quotes it", () => {
  const f = new NetworkFixture();
  const packet = ipv4(17, udp(pattern(20)));
  const moved = f.countersMovedBy(() => {
    assertEquals(f.receive(ethernet(0x0800, packet)), [
      ethernet(0x0800, ipv4(1, icmp(3, 3, concat(halves(0, 0), packet)), REVERSED), BACK).toHex(),
    ]);
  });
  assertEquals(moved.toSorted(), ["IcmpOutMsgs", "InReceives", "UdpNoPorts"]);
});

Deno.test("ICMP-08: broken UDP draws nothing", () => {
  assertIgnored(ethernet(0x0800, ipv4(17, udp(pattern(20), 1))), "UdpInErrors");
  assertIgnored(ethernet(0x0800, ipv4(17, udp(pattern(20), 0x0100))), "UdpInErrors");
  assertIgnored(ethernet(0x0800, ipv4(17, pattern(7))), "UdpInErrors");
  assertIgnored(ethernet(0x86dd, ipv6(17, udp(pattern(20)))), "UdpInErrors");
  const long = udp(pattern(20));
  long[5]++;
  assertIgnored(ethernet(0x0800, ipv4(17, long)), "UdpInErrors");
});

Deno.test("ICMP-08: UDP over IPv6 draws ICMPv6 1/4", () => {
  const f = new NetworkFixture();
  f.frame.checksumTrusted = true;
  const packet = ipv6(17, udp(pattern(20)));
  const error = icmpv6(1, 4, concat(halves(0, 0), packet), REVERSED6);
  assertEquals(f.receive(ethernet(0x86dd, packet)), [
    ethernet(0x86dd, ipv6(58, error, REVERSED6), BACK).toHex(),
  ]);
});

Deno.test("IP-12: an unknown protocol draws ICMP 3/2", () => {
  const f = new NetworkFixture();
  const packet = ipv4(99, pattern(9));
  assertEquals(f.receive(ethernet(0x0800, packet)), [
    ethernet(0x0800, ipv4(1, icmp(3, 2, concat(halves(0, 0), packet)), REVERSED), BACK).toHex(),
  ]);
  assertEquals(f.counters.InUnknownProtos, 1);
});

Deno.test("IP6-02: an unknown next header draws ICMPv6 4/1 which points at it", () => {
  const f = new NetworkFixture();
  const packet = ipv6(60, concat(fromHex("6300010400000000"), pattern(9)));
  const error = icmpv6(4, 1, concat(halves(0, 40), packet), REVERSED6);
  assertEquals(f.receive(ethernet(0x86dd, packet)), [
    ethernet(0x86dd, ipv6(58, error, REVERSED6), BACK).toHex(),
  ]);
});

Deno.test("IP6-02: a packet without next header ends quietly", () => {
  assertIgnored(ethernet(0x86dd, ipv6(59, pattern(8))), "InNoNextHeader");
});

Deno.test("ICMP-02 IP6-06: an echo with another code than 0 is ignored", () => {
  const rest = pattern(8);
  const counters = ["IcmpInMsgs", "IcmpInIgnored"];
  assertIgnored(ethernet(0x0800, ipv4(1, icmp(8, 1, rest))), ...counters);
  assertIgnored(ethernet(0x86dd, ipv6(58, icmpv6(128, 1, rest))), ...counters);
});

Deno.test("IP-12 IP6-02: each family speaks its own ICMP, and IPv4 knows no end of headers", () => {
  const cases: [Uint8Array, Uint8Array][] = [
    [
      ethernet(0x0800, ipv4(59, pattern(8))),
      ipv4(1, icmp(3, 2, concat(halves(0, 0), ipv4(59, pattern(8)))), REVERSED),
    ],
    [
      ethernet(0x0800, ipv4(58, icmp(128, 0, pattern(8)))),
      ipv4(1, icmp(3, 2, concat(halves(0, 0), ipv4(58, icmp(128, 0, pattern(8))))), REVERSED),
    ],
    [
      ethernet(0x86dd, ipv6(1, icmp(8, 0, pattern(8)))),
      ipv6(
        58,
        icmpv6(4, 1, concat(halves(0, 6), ipv6(1, icmp(8, 0, pattern(8)))), REVERSED6),
        REVERSED6,
      ),
    ],
  ];
  for (const [frame, answer] of cases) {
    const f = new NetworkFixture();
    const moved = f.countersMovedBy(() => {
      assertEquals(f.receive(frame), [
        ethernet(frame[12] << 8 | frame[13], answer, BACK).toHex(),
      ]);
    });
    assertEquals(moved.toSorted(), ["IcmpOutMsgs", "InReceives", "InUnknownProtos"]);
  }
});

/** A UDP datagram with its checksum, between the usual addresses of a family. */
function checkedUdp(payload: Uint8Array, isIpv6: boolean): Uint8Array {
  const datagram = udp(payload);
  const [source, destination] = isIpv6 ? ["fd00::2", "fd00::1"] : ["10.0.0.2", "10.0.0.1"];
  const pseudo = concat(addressBytes(source), addressBytes(destination));
  const checksum = 0xffff - sum(concat(pseudo, halves(17, datagram.length), datagram));
  datagram.set(halves(checksum), 6);
  return datagram;
}

Deno.test("ICMP-08: UDP of any length is told from broken UDP by length and checksum", () => {
  for (const isIpv6 of [false, true]) {
    const packet = (datagram: Uint8Array) =>
      isIpv6 ? ethernet(0x86dd, ipv6(17, datagram)) : ethernet(0x0800, ipv4(17, datagram));
    for (const length of [0, 1, 20]) {
      const intact = checkedUdp(pattern(length), isIpv6);
      for (const frame of [packet(intact), packet(concat(intact, pattern(5)))]) {
        const f = new NetworkFixture();
        const moved = f.countersMovedBy(() => assertEquals(f.receive(frame).length, 1));
        assertEquals(moved.toSorted(), ["IcmpOutMsgs", "InReceives", "UdpNoPorts"]);
      }
      const corrupt = intact.slice();
      corrupt[0] ^= 1;
      assertIgnored(packet(corrupt), "UdpInErrors");
      assertIgnored(packet(intact.slice(0, -1)), "UdpInErrors");
    }
    const short = udp(new Uint8Array(8));
    short.set(halves(7), 4);
    assertIgnored(packet(short), "UdpInErrors");
  }
});

Deno.test("IP6-05: another host's advertisement from an address of ours is a conflict", () => {
  const target = addressBytes("fd00::1");
  const fields = { source: "fd00::1", destination: "ff02::1", ttl: 255 };
  const message = icmpv6(136, 0, concat(fromHex("20000000"), target), fields);
  const frame = ethernet(0x86dd, ipv6(58, message, fields), { to: "33:33:00:00:00:01" });
  assertIgnored(frame, "IcmpInMsgs", "AddressConflicts");
  const echo = { source: "fd00::1", destination: "ff02::1" };
  const other = ipv6(58, icmpv6(128, 0, pattern(8), echo), echo);
  assertIgnored(ethernet(0x86dd, other, { to: "33:33:00:00:00:01" }), "MartianSource");
  // What lies behind an empty message is no advertisement; the first byte of one may be.
  const empty = concat(ethernet(0x86dd, ipv6(58, fromHex(""), fields)), Uint8Array.of(136));
  const short = ethernet(0x86dd, ipv6(58, Uint8Array.of(136), fields));
  for (const bytes of [empty, short]) bytes.set(fromHex("333300000001"));
  assertIgnored(empty, "MartianSource");
  assertIgnored(short, "IcmpInErrors");
});

Deno.test("IP6-06: an ICMPv6 message of one byte is broken, whatever type it begins with", () => {
  for (const type of [0, 128, 133, 135, 136]) {
    assertIgnored(ethernet(0x86dd, ipv6(58, Uint8Array.of(type))), "IcmpInErrors");
  }
});
