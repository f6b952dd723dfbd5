import { assert, assertEquals } from "@std/assert";
import { ArpClaims } from "../../lib/stack/arp_claims.ts";
import { OwnAddresses } from "../../lib/stack/own_addresses.ts";
import { ipv4Address, parseCidr } from "../../lib/wire/address.ts";

/** Claims of 10.0.0.1, and what they ask: when, from whom, for whom. */
class Bench {
  readonly asked: string[] = [];
  readonly addresses: OwnAddresses;
  readonly claims: ArpClaims;
  #now = 0;

  constructor(isActive: boolean, key = 7, addresses = ["10.0.0.1/24", "fd00::1/64"]) {
    this.addresses = new OwnAddresses(addresses.map((text) => parseCidr(text)!), []);
    this.claims = new ArpClaims(this, this.addresses, isActive, key);
  }

  askAll(source: number, target: number): void {
    this.asked.push(`${ipv4Address(source)} ${ipv4Address(target)}`);
  }

  /** Polls at the deadlines up to `until`; returns when something was asked, milliseconds. */
  run(until: number): number[] {
    const times: number[] = [];
    for (let polls = 0; this.claims.deadline <= until; polls++) {
      assert(polls < 10, "it is polled in vain");
      this.#now = Math.max(this.#now, this.claims.deadline);
      const before = this.asked.length;
      this.claims.poll(this.#now);
      if (this.asked.length > before) times.push(this.#now);
    }
    return times;
  }
}

const PROBE = "0.0.0.0 10.0.0.1";
const ANNOUNCEMENT = "10.0.0.1 10.0.0.1";

Deno.test("arp claims: ARP-07, three probes 1 to 2 s apart, then two announcements 2 s apart", () => {
  const waits = new Set<number>();
  for (let key = 0; key < 20; key++) {
    const bench = new Bench(true, key);
    const [first, second, third, fourth, fifth, ...more] = bench.run(60_000);
    assertEquals(bench.asked, [PROBE, PROBE, PROBE, ANNOUNCEMENT, ANNOUNCEMENT]);
    assert(first < 1000);
    for (const wait of [second - first, third - second]) {
      assert(wait >= 1000 && wait <= 2000, `${wait}`);
      waits.add(wait);
    }
    assertEquals([Math.round(fourth - third), Math.round(fifth - fourth), more], [2000, 2000, []]);
  }
  assert(waits.size > 30);
});

Deno.test("arp claims: ARP-07, the waits are spread over all of what RFC 5227 §1.1 gives", () => {
  const firsts: number[] = [];
  const gaps: number[] = [];
  for (let key = 0; key < 6000; key++) {
    const [first, second, third] = new Bench(true, key).run(60_000);
    firsts.push(first);
    gaps.push(second - first, third - second);
  }
  for (const [waits, least] of [[firsts, 0], [gaps, 1000]] as const) {
    const [shortest, longest] = [Math.min(...waits), Math.max(...waits)];
    assert(shortest >= least && shortest < least + 1, `${shortest}`);
    assert(longest > least + 999 && longest < least + 1000, `${longest}`);
  }
});

Deno.test("arp claims: what is polled too soon asks nothing, and moves no deadline", () => {
  const bench = new Bench(true);
  assertEquals(bench.claims.deadline, 0);
  bench.claims.poll(0);
  const { deadline } = bench.claims;
  bench.claims.poll(deadline - 1);
  assertEquals([bench.asked, bench.claims.deadline], [[], deadline]);
  bench.claims.poll(deadline);
  assertEquals(bench.asked, [PROBE]);
});

Deno.test("arp claims: a host without an IPv4 address claims none", () => {
  const bench = new Bench(true, 7, ["fd00::1/64"]);
  assertEquals([bench.claims.deadline, bench.addresses.isIpv4Tentative], [Infinity, false]);
});

Deno.test("arp claims: addresses are used from the first announcement on", () => {
  const bench = new Bench(true);
  const times = bench.run(60_000);
  const again = new Bench(true);
  again.run(times[3] - 1);
  assertEquals(again.addresses.isIpv4Tentative, true);
  again.run(times[3]);
  assertEquals(again.addresses.isIpv4Tentative, false);
});

Deno.test("arp claims: a conflict before that ends the claim", () => {
  const bench = new Bench(true);
  bench.run(1500);
  bench.claims.conflictArrives(0x0a000001, 1500);
  assertEquals(bench.claims.conflict?.toString(), "10.0.0.1");
  assertEquals([bench.claims.deadline, bench.addresses.isIpv4Tentative], [Infinity, true]);
});

Deno.test("arp claims: an address is defended once in ten seconds", () => {
  const bench = new Bench(true);
  bench.run(60_000);
  bench.asked.length = 0;
  for (const now of [61_000, 62_000, 70_999]) bench.claims.conflictArrives(0x0a000001, now);
  assertEquals([bench.asked, bench.claims.defences], [[ANNOUNCEMENT], 1]);
  bench.claims.conflictArrives(0x0a000001, 71_000);
  assertEquals([bench.asked.length, bench.claims.defences], [2, 2]);
  assertEquals(bench.claims.contested?.toString(), "10.0.0.1");
  bench.claims.conflictArrives(0x0a000009, 90_000);
  assertEquals(bench.claims.defences, 2);
});

Deno.test("arp claims: without arp_probe addresses are used at once, and nothing is asked", () => {
  const bench = new Bench(false);
  assertEquals([bench.claims.deadline, bench.addresses.isIpv4Tentative], [Infinity, false]);
  bench.claims.conflictArrives(0x0a000001, 1000);
  assertEquals([bench.asked, bench.claims.conflict], [[], null]);
});
