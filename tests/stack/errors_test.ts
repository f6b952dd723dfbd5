import { assertEquals } from "@std/assert";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { NetworkFixture } from "../support/network_fixture.ts";
import { concat } from "../support/codec.ts";
import { fragment } from "../support/fragment_frames.ts";
import { ethernet, icmp, ipv4, ipv6, udp } from "../support/packets.ts";

function probe(source: string, length = 4): Uint8Array {
  return ethernet(0x0800, ipv4(17, udp(new Uint8Array(length)), { source }));
}

Deno.test("ICMP-07: 100 probes of one host in a second draw one reply", () => {
  const f = new NetworkFixture();
  let replies = 0;
  for (let i = 0; i < 100; i++) replies += f.receive(probe("10.0.0.2"), i * 10).length;
  assertEquals(replies, 1);
  assertEquals(f.counters.IcmpOutRateLimitHost, 99);
  assertEquals(f.receive(probe("10.0.0.2"), 1000).length, 1);
});

Deno.test("ICMP-07: all hosts together draw a burst of 50, and 1000 replies a second", () => {
  const f = new NetworkFixture();
  const host = (i: number) => `10.0.${i >> 7}.${2 + (i & 127)}`;
  let replies = 0;
  for (let i = 0; i < 200; i++) replies += f.receive(probe(host(i)), 0).length;
  assertEquals(replies, 50);
  assertEquals(f.counters.IcmpOutRateLimitGlobal, 150);
  for (let i = 200; i < 300; i++) replies += f.receive(probe(host(i)), 10).length;
  assertEquals(replies, 60);
});

Deno.test("ICMP-07: the limits follow the tunables", () => {
  const f = new NetworkFixture();
  f.network.tunables = { ...DEFAULT_TUNABLES, icmp_ratelimit: 0, ip_default_ttl: 9 };
  assertEquals(f.receive(probe("10.0.0.2")).length, 1);
  const [reply] = f.receive(probe("10.0.0.2"));
  assertEquals(reply.slice(44, 46), "09");
});

Deno.test("SEC-08: an error quotes so little that it fits 576 bytes", () => {
  const f = new NetworkFixture();
  const [reply] = f.receive(probe("10.0.0.2", 1400));
  assertEquals(reply.length / 2, 14 + 576);
});

Deno.test("IP6-06: an ICMPv6 error quotes so little that it fits 1280 bytes", () => {
  const f = new NetworkFixture();
  for (const [length, replied] of [[1183, 14 + 1279], [1184, 14 + 1280], [1400, 14 + 1280]]) {
    const packet = ipv6(99, new Uint8Array(length + 8), { source: `fd00:${length}::2` });
    assertEquals(f.receive(ethernet(0x86dd, packet)).map((reply) => reply.length / 2), [replied]);
  }
});

Deno.test("ICMP-07: neighbouring hosts are limited each for itself", () => {
  const f = new NetworkFixture();
  const hosts = Array.from({ length: 20 }, (_, i) => `10.0.0.${2 + i}`);
  for (const host of hosts) assertEquals(f.receive(probe(host), 0).length, 1);
  for (const host of hosts) assertEquals(f.receive(probe(host), 1).length, 0);
  assertEquals(f.counters.IcmpOutRateLimitHost, 20);
});

Deno.test("ICMP-07: in IPv6 a /64 counts as one host", () => {
  const f = new NetworkFixture();
  const unknown = (source: string) => ethernet(0x86dd, ipv6(99, new Uint8Array(8), { source }));
  const replies = (source: string) => f.receive(unknown(source)).length;
  assertEquals(["fd00::2", "fd00::3", "fd00:0:0:1::2", "fd01::2"].map(replies), [1, 0, 1, 1]);
});

Deno.test("ICMP-06: an ICMP message in the other family's packet is no less an error", () => {
  // What lies behind the packet must not be taken for its type.
  const padding = new Uint8Array(8).fill(0xff);
  const cases: [Uint8Array, number][] = [
    [ethernet(0x0800, ipv4(58, icmp(127, 0, new Uint8Array(4)))), 0],
    [ethernet(0x0800, ipv4(58, icmp(128, 0, new Uint8Array(4)))), 1],
    [ethernet(0x86dd, ipv6(1, icmp(3, 0, new Uint8Array(4)))), 0],
    [ethernet(0x86dd, ipv6(1, icmp(8, 0, new Uint8Array(4)))), 1],
    [concat(ethernet(0x0800, ipv4(58, new Uint8Array(0))), padding), 0],
    [concat(ethernet(0x0800, ipv4(58, Uint8Array.of(128))), padding), 1],
  ];
  for (const [i, [frame, replies]] of cases.entries()) {
    const f = new NetworkFixture();
    assertEquals(f.receive(frame).length, replies, `case ${i}`);
    assertEquals(f.counters.InUnknownProtos, 1);
  }
});

Deno.test("IP6-03: of ICMPv6 only a first fragment draws an error", () => {
  const body = new Uint8Array(63).fill(0xff);
  for (const [offset, replies] of [[0, 1], [8, 0]]) {
    const f = new NetworkFixture();
    assertEquals(
      f.receive(fragment(58, body, offset, true, { source: "fd00::2", destination: "fd00::1" }))
        .length,
      replies,
    );
  }
});
