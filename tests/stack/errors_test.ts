import { assertEquals } from "@std/assert";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { NetworkFixture } from "../support/network_fixture.ts";
import { ethernet, ipv4, udp } from "../support/packets.ts";

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
