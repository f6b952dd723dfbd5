import { assertEquals } from "@std/assert";
import { ipv4Address, parseAddress, parseCidr } from "../../lib/wire/address.ts";
import { NeighborState } from "../../lib/stack/neighbors.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { Segment, SYN } from "../../lib/wire/segment.ts";
import { fromHex } from "../support/bytes.ts";
import { concat, decodePacket } from "../support/codec.ts";
import { addressIpv4 } from "../support/golden.ts";
import { addressBytes } from "../support/internet_address.ts";
import { NetworkFixture } from "../support/network_fixture.ts";
import {
  arp,
  BROADCAST_MAC,
  ethernet,
  icmpv6,
  type IpFields,
  ipv6,
  OWN_MAC,
  PEER_MAC,
} from "../support/packets.ts";

const ZERO_MAC = "00:00:00:00:00:00";

function arpFrame(operation: number, sender: string, target: string, senderMac = PEER_MAC) {
  const packet = arp(operation, senderMac, sender, ZERO_MAC, target);
  return ethernet(0x0806, packet, { to: operation === 1 ? BROADCAST_MAC : OWN_MAC });
}

Deno.test("ARP-02: a request for us is answered with exactly 42 bytes", () => {
  const f = new NetworkFixture();
  assertEquals(f.receive(arpFrame(1, "10.0.0.2", "10.0.0.1")), [
    "020000000002" + "020000000001" + "0806" +
    "0001080006040002" + "020000000001" + "0a000001" + "020000000002" + "0a000002",
  ]);
});

Deno.test("ARP-02: requests for others are not answered", () => {
  const f = new NetworkFixture();
  const moved = f.countersMovedBy(() => {
    assertEquals(f.receive(arpFrame(1, "10.0.0.2", "10.0.0.9")), []);
  });
  assertEquals(moved, ["ArpNotForUs"]);
  assertEquals(f.network.neighbors.count, 0);
});

Deno.test("ARP-01: a packet with a wrong field is ignored", () => {
  const good = arpFrame(1, "10.0.0.2", "10.0.0.1");
  const f = new NetworkFixture();
  // htype, ptype, hlen, plen, op 0 and 3
  for (const [offset, value] of [[15, 2], [17, 6], [18, 5], [19, 6], [21, 0], [21, 3]]) {
    const bad = good.slice();
    bad[offset] = value;
    const moved = f.countersMovedBy(() => assertEquals(f.receive(bad), []));
    assertEquals(moved, ["ArpInErrors"]);
  }
  assertEquals(f.countersMovedBy(() => f.receive(good.slice(0, 41))), ["ArpInErrors"]);
  assertEquals(f.network.neighbors.count, 0);
});

Deno.test("ARP-03: only who speaks to us gets an entry", () => {
  const f = new NetworkFixture();
  f.receive(arpFrame(1, "10.0.0.3", "10.0.0.3"));
  assertEquals(f.network.neighbors.count, 0);
  f.receive(arpFrame(1, "10.0.0.3", "10.0.0.1"));
  assertEquals(f.network.neighbors.count, 1);
  const known = f.countersMovedBy(() => f.receive(arpFrame(1, "10.0.0.3", "10.0.0.3")));
  assertEquals(known, [], "what is learned is for us");
});

Deno.test("ARP-06: a probe is answered and makes no entry", () => {
  const f = new NetworkFixture();
  assertEquals(f.receive(arpFrame(1, "0.0.0.0", "10.0.0.1")).length, 1);
  assertEquals(f.network.neighbors.count, 0);
});

Deno.test("ARP-08: senders that cannot be teach nothing", () => {
  const f = new NetworkFixture();
  for (const sender of ["224.0.0.1", "10.0.0.255", "255.255.255.255", "127.0.0.1"]) {
    const moved = f.countersMovedBy(() => f.receive(arpFrame(1, sender, "10.0.0.1")));
    assertEquals(moved, ["ArpInErrors"]);
  }
  const group = arpFrame(1, "10.0.0.2", "10.0.0.1", "03:00:00:00:00:02");
  assertEquals(f.countersMovedBy(() => f.receive(group)), ["ArpInErrors"]);
  const ours = arpFrame(1, "10.0.0.1", "10.0.0.1");
  assertEquals(f.countersMovedBy(() => f.receive(ours)), ["AddressConflicts"]);
  assertEquals(f.network.neighbors.count, 0);
});

Deno.test("ARP-08: 2000 spoofed senders fill the cache and no more", () => {
  const f = new NetworkFixture();
  for (let i = 0; i < 2000; i++) {
    f.receive(arpFrame(1, `10.0.${1 + (i >> 7)}.${1 + (i & 127)}`, "10.0.0.1"));
  }
  assertEquals(f.network.neighbors.count, 1024);
});

Deno.test("ETH-05: a reply the device does not take is lost and counted", () => {
  const f = new NetworkFixture();
  f.sink.isFull = true;
  const moved = f.countersMovedBy(() => f.receive(arpFrame(1, "10.0.0.2", "10.0.0.1")));
  assertEquals(moved, ["TxDrop"]);
});

function activeSyn(port: number, remote = ipv4Address(0x0a000002)): Segment {
  const seg = new Segment();
  addressIpv4(seg, remote.w3, 0x0a000001);
  seg.localPort = port;
  seg.remotePort = 80;
  seg.flags = SYN;
  seg.seq = 7;
  seg.mss = 1460;
  return seg;
}

const REQUEST = "ffffffffffff" + "020000000001" + "0806" +
  "0001080006040001" + "020000000001" + "0a000001" + "000000000000" + "0a000002";

Deno.test("ARP-04: an unknown next hop is asked for at 0, 1 and 2 s, then given up", () => {
  const f = new NetworkFixture();
  assertEquals(f.network.send(activeSyn(1), new Gather()), true);
  assertEquals(f.takeSent(), []);
  assertEquals(f.poll(0), [REQUEST]);
  assertEquals(f.poll(999), []);
  assertEquals(f.network.deadline, 1000);
  assertEquals(f.poll(1000), [REQUEST]);
  assertEquals(f.poll(2000), [REQUEST]);
  const moved = f.countersMovedBy(() => assertEquals(f.poll(3000), []));
  assertEquals(moved, ["NeighborFailures", "NeighborQueueDrop"]);
  assertEquals(f.pages.lent, 0);
});

Deno.test("ARP-04: who failed is not asked for again for a while", () => {
  const f = new NetworkFixture();
  f.network.send(activeSyn(1), new Gather());
  for (const now of [0, 1000, 2000, 3000]) f.poll(now);
  const moved = f.countersMovedBy(() => f.network.send(activeSyn(1), new Gather()));
  assertEquals(moved, ["NeighborQueueDrop"]);
  assertEquals(f.poll(7000), []);
  assertEquals(f.poll(23_000), []);
  f.network.send(activeSyn(1), new Gather());
  assertEquals(f.poll(23_000), [REQUEST]);
});

Deno.test("ARP-04: what waited is sent in order when the answer comes", () => {
  const f = new NetworkFixture({ offload: true });
  for (let port = 1; port <= 20; port++) f.network.send(activeSyn(port), new Gather());
  assertEquals(f.counters.NeighborQueueDrop, 4);
  assertEquals(f.poll(0).length, 1);
  assertEquals(f.counters.NeighborProbes, 1);
  f.receive(arpFrame(2, "10.0.0.2", "10.0.0.1"), 500);
  f.network.poll(500);
  const packets = f.sink.frames.splice(0).map(({ bytes }) => decodePacket(bytes)!);
  assertEquals(packets.map((p) => p.sourcePort), Array.from({ length: 16 }, (_, i) => i + 5));
  assertEquals(packets[0].destinationMac, PEER_MAC);
  assertEquals(f.pages.lent, 0);
});

Deno.test("ARP-04: what the device does not take waits on", () => {
  const f = new NetworkFixture();
  f.network.send(activeSyn(1), new Gather());
  f.poll(0);
  f.receive(arpFrame(2, "10.0.0.2", "10.0.0.1"), 500);
  f.sink.isFull = true;
  assertEquals(f.poll(500), []);
  f.sink.isFull = false;
  assertEquals(f.poll(f.network.deadline).length, 1);
});

Deno.test("ARP-04: 1000 segments from unknown sources are answered without a lookup", () => {
  const f = new NetworkFixture();
  const seg = activeSyn(80);
  seg.pathHigh = 0x0200;
  for (let i = 1; i <= 1000; i++) {
    seg.remote3 = 0x0b000000 + i;
    seg.pathLow = i;
    f.network.send(seg, new Gather());
  }
  assertEquals(f.takeSent().length, 1000);
  assertEquals(f.poll(0), []);
});

Deno.test("discovery: a remote outside the subnet is reached through the gateway", () => {
  const f = new NetworkFixture({ gateways: [parseAddress("10.0.0.254")!] });
  f.network.send(activeSyn(1, ipv4Address(0x08080808)), new Gather());
  const [request] = f.poll(0);
  assertEquals(request.slice(-8), "0a0000fe");
  f.receive(arpFrame(2, "10.0.0.254", "10.0.0.1"));
  const [frame] = f.poll(0);
  assertEquals(frame.slice(0, 12), "020000000002");
  assertEquals(frame.slice(60, 68), "08080808");
  f.network.send(activeSyn(2, ipv4Address(0x08080808)), new Gather());
  assertEquals(f.takeSent().length, 1);
});

const SLLA = fromHex("0101020000000002");

function solicitation(fields: IpFields = {}, target = "fd00::1", options = SLLA): Uint8Array {
  const rest = concat(new Uint8Array(4), addressBytes(target), options);
  const f = { destination: "ff02::1:ff00:1", ttl: 255, ...fields };
  return ethernet(0x86dd, ipv6(58, icmpv6(135, 0, rest, f), f), { to: "33:33:ff:00:00:01" });
}

function advertisement(flags: string, mac: string, target = "fd00::2"): Uint8Array {
  const rest = concat(fromHex(flags), addressBytes(target), fromHex("0201" + mac));
  return ethernet(0x86dd, ipv6(58, icmpv6(136, 0, rest), { ttl: 255 }));
}

/** An advertisement of fd00::1 as it must leave. */
function advertised(flags: number, destination: string, mac: string): string {
  const rest = concat(
    Uint8Array.of(flags, 0, 0, 0),
    addressBytes("fd00::1"),
    fromHex("0201020000000001"),
  );
  const fields = { source: "fd00::1", destination, ttl: 255 };
  const packet = ipv6(58, icmpv6(136, 0, rest, fields), fields);
  return ethernet(0x86dd, packet, { to: mac, from: OWN_MAC }).toHex();
}

Deno.test("IP6-04: a solicitation is answered with a solicited, overriding advertisement", () => {
  const f = new NetworkFixture();
  assertEquals(f.receive(solicitation()), [advertised(0x60, "fd00::2", PEER_MAC)]);
  assertEquals(f.network.neighbors.count, 1);
  const unicast = solicitation({ destination: "fd00::1" }, "fd00::1", new Uint8Array(0));
  unicast.set(fromHex("020000000001"));
  assertEquals(f.receive(unicast), [advertised(0x60, "fd00::2", PEER_MAC)]);
});

Deno.test("IP6-04: a probe for duplicates is answered to all nodes", () => {
  const f = new NetworkFixture();
  const probe = solicitation({ source: "::" }, "fd00::1", new Uint8Array(0));
  assertEquals(f.receive(probe), [advertised(0x20, "ff02::1", "33:33:00:00:00:01")]);
  assertEquals(f.network.neighbors.count, 0);
});

Deno.test("IP6-04: malformed solicitations and those for others are dropped", () => {
  const f = new NetworkFixture();
  const check = (frame: Uint8Array, counters: string[]) => {
    const moved = f.countersMovedBy(() => assertEquals(f.receive(frame), []));
    assertEquals(moved, ["InReceives", ...counters]);
  };
  const intact = "IcmpInMsgs";
  check(solicitation({ ttl: 254 }), [intact, "IcmpInErrors"]);
  check(solicitation({}, "fd00::1", fromHex("0100020000000002")), [intact, "IcmpInErrors"]);
  check(solicitation({}, "fd00::1", fromHex("0101030000000002")), [intact, "IcmpInErrors"]);
  check(solicitation({ source: "::" }), [intact, "IcmpInErrors"]);
  check(solicitation({ source: "fd00::1" }), ["MartianSource"]);
  check(solicitation({}, "fd00::7"), [intact, "IcmpInIgnored"]);
  const corrupt = solicitation();
  corrupt[corrupt.length - 1] ^= 1;
  check(corrupt, ["IcmpInErrors"]);
  assertEquals(f.network.neighbors.count, 0);
});

Deno.test("IP6-05: an unknown IPv6 neighbour is asked for at its solicited-node group", () => {
  const f = new NetworkFixture();
  const seg = activeSyn(1);
  seg.local0 = seg.remote0 = 0xfd000000 | 0;
  seg.local2 = seg.remote2 = 0;
  seg.local3 = 1;
  seg.remote3 = 0x00123456;
  f.network.send(seg, new Gather());
  const rest = concat(
    new Uint8Array(4),
    addressBytes("fd00::12:3456"),
    fromHex("0101020000000001"),
  );
  const fields = { source: "fd00::1", destination: "ff02::1:ff12:3456", ttl: 255 };
  const packet = ipv6(58, icmpv6(135, 0, rest, fields), fields);
  const expected = ethernet(0x86dd, packet, { to: "33:33:ff:12:34:56", from: OWN_MAC });
  assertEquals(f.poll(0), [expected.toHex()]);
  f.receive(advertisement("60000000", "020000000002", "fd00::12:3456"), 100);
  const [syn] = f.poll(100);
  assertEquals(syn.slice(0, 12), "020000000002");
});

Deno.test("IP6-05: an advertisement changes a known MAC only when it may override", () => {
  const f = new NetworkFixture();
  const moved = f.countersMovedBy(() => f.receive(advertisement("60000000", "020000000009")));
  assertEquals(moved, ["InReceives", "IcmpInMsgs", "IcmpInIgnored"]);
  f.receive(solicitation());
  f.receive(advertisement("40000000", "020000000009"));
  assertEquals(f.network.neighbors.macLow[0], 2);
  f.receive(advertisement("60000000", "020000000009"));
  assertEquals(f.network.neighbors.macLow[0], 9);
  const conflict = advertisement("20000000", "020000000009", "fd00::1");
  assertEquals(f.countersMovedBy(() => f.receive(conflict)), [
    "InReceives",
    "AddressConflicts",
    "IcmpInMsgs",
  ]);
});

// Addresses none of whose words are equal.

const OWN6 = "2001:db8:1:2:3:4:5:6";
const PEER6 = "2001:db8:1:2:33:44:55:66";
const DISTINCT = { addresses: [parseCidr(`${OWN6}/64`)!] };

/** A message of neighbour discovery, in its packet. */
function discoveryPacket(
  type: number,
  flags: string,
  target: string,
  option: string,
  fields: IpFields,
) {
  const rest = concat(fromHex(flags), addressBytes(target), fromHex(option));
  return ipv6(58, icmpv6(type, 0, rest, fields), fields);
}

/** A solicitation of ours for `PEER6`, to all who may have it or to its MAC. */
function questionFor(to: string, mac: string): string {
  const fields = { source: OWN6, destination: to, ttl: 255 };
  const packet = discoveryPacket(135, "00000000", PEER6, "0101020000000001", fields);
  return ethernet(0x86dd, packet, { to: mac, from: OWN_MAC }).toHex();
}

function advertisementOf(target: string, rest: Uint8Array, ttl = 255, destination = OWN6) {
  const fields = { source: PEER6, destination, ttl };
  const body = concat(fromHex("60000000"), addressBytes(target), rest);
  return ethernet(0x86dd, ipv6(58, icmpv6(136, 0, body, fields), fields));
}

function activeSyn6(): Segment {
  const seg = activeSyn(1);
  const own = parseAddress(OWN6)!;
  const peer = parseAddress(PEER6)!;
  [seg.local0, seg.local1, seg.local2, seg.local3] = [own.w0, own.w1, own.w2, own.w3];
  [seg.remote0, seg.remote1] = [peer.w0, peer.w1];
  [seg.remote2, seg.remote3] = [peer.w2, peer.w3];
  return seg;
}

Deno.test("IP6-04: a solicitation is answered about all 128 bits of the target", () => {
  const f = new NetworkFixture(DISTINCT);
  const ask = (target: string) => {
    const fields = { source: PEER6, destination: OWN6 };
    const frame = solicitation(fields, target);
    frame.set(fromHex("020000000001"));
    return f.receive(frame);
  };
  const fields = { source: OWN6, destination: PEER6, ttl: 255 };
  const answer = discoveryPacket(136, "60000000", OWN6, "0201020000000001", fields);
  assertEquals(ask(OWN6), [ethernet(0x86dd, answer, { to: PEER_MAC, from: OWN_MAC }).toHex()]);
  for (const other of ["2001:db9:1:2:3:4:5:6", "2001:db8:1:3:3:4:5:6", "2001:db8:1:2:3:5:5:6"]) {
    assertEquals(ask(other), [], other);
  }
});

Deno.test("IP6-05: a neighbour is asked for at its group, later at its MAC, about all of its address", () => {
  const f = new NetworkFixture(DISTINCT);
  f.network.send(activeSyn6(), new Gather());
  const toGroup = questionFor("ff02::1:ff55:66", "33:33:ff:55:00:66");
  assertEquals(f.poll(0), [toGroup]);
  f.receive(advertisementOf(PEER6, fromHex("0201020000000002")), 1);
  assertEquals(f.poll(1).map((frame) => frame.slice(0, 12)), ["020000000002"]);
  f.poll(61_000);
  f.network.send(activeSyn6(), new Gather());
  f.takeSent();
  assertEquals(f.poll(61_000), [questionFor(PEER6, PEER_MAC)]);
});

Deno.test("IP6-05: an advertisement is believed about its target alone", () => {
  for (const target of [PEER6, "2001:db8:1:2:33:45:55:66", "2001:db8:1:3:33:44:55:66"]) {
    const f = new NetworkFixture(DISTINCT);
    f.network.send(activeSyn6(), new Gather());
    f.poll(0);
    f.receive(advertisementOf(target, fromHex("0201020000000002")), 1);
    assertEquals(f.poll(1).length, target === PEER6 ? 1 : 0, target);
  }
});

Deno.test("IP6-05: malformed advertisements are dropped", () => {
  const f = new NetworkFixture(DISTINCT);
  f.network.send(activeSyn6(), new Gather());
  f.poll(0);
  const option = fromHex("0201020000000002");
  for (
    const frame of [
      advertisementOf(PEER6, option, 254),
      advertisementOf(PEER6, fromHex("0200020000000002")),
    ]
  ) {
    const moved = f.countersMovedBy(() => f.receive(frame));
    assertEquals(moved, ["InReceives", "IcmpInMsgs", "IcmpInErrors"]);
  }
  // Well formed, but what it tells is nobody's MAC, or none.
  for (const rest of ["0201000000000000", "0201030000000002", ""]) {
    const frame = advertisementOf(PEER6, fromHex(rest));
    const moved = f.countersMovedBy(() => f.receive(frame));
    assertEquals(moved, ["InReceives", "IcmpInMsgs", "IcmpInIgnored"], rest);
  }
  assertEquals(f.poll(1), []);
});

Deno.test("IP6-05: the first MAC of a neighbour overrides none, and needs no flag for it", () => {
  const f = new NetworkFixture();
  const seg = activeSyn(2);
  const own = parseAddress("fd00::1")!;
  [seg.local0, seg.local2, seg.local3] = [own.w0, own.w2, own.w3];
  [seg.remote0, seg.remote2, seg.remote3] = [own.w0, own.w2, 2];
  f.network.send(seg, new Gather());
  f.poll(0);
  f.receive(advertisement("40000000", "020000000002"), 1);
  assertEquals(f.poll(1).map((frame) => frame.slice(0, 12)), ["020000000002"]);
});

Deno.test("IP6-05: the same MAC told again, without the flag to override it, confirms it", () => {
  const f = new NetworkFixture();
  f.receive(solicitation(), 0);
  f.receive(advertisement("40000000", "020000000002"), 50_000);
  f.poll(100_000);
  assertEquals(f.network.neighbors.use(0, 100_000), true);
  assertEquals(f.network.neighbors.state[0], NeighborState.Reachable);
});

Deno.test("IP6-05: an advertisement without a MAC confirms the one that is known", () => {
  const f = new NetworkFixture(DISTINCT);
  f.network.send(activeSyn6(), new Gather());
  f.receive(advertisementOf(PEER6, fromHex("0201020000000002")), 0);
  f.poll(0);
  f.receive(advertisementOf(PEER6, new Uint8Array(0)), 50_000);
  f.poll(100_000);
  f.network.send(activeSyn6(), new Gather());
  assertEquals(f.takeSent()[0].slice(0, 12), "020000000002");
  assertEquals(f.poll(100_000), []);
});

Deno.test("IP6-04: a probe for duplicates comes to the group alone, and no MAC is all zero", () => {
  const f = new NetworkFixture();
  const toUs = solicitation({ source: "::", destination: "fd00::1" }, "fd00::1", fromHex(""));
  toUs.set(fromHex("020000000001"));
  const ofNobody = solicitation({}, "fd00::1", fromHex("0101000000000000"));
  for (
    const [frame, ...counters] of [
      [toUs, "MartianSource"],
      [ofNobody, "IcmpInMsgs", "IcmpInErrors"],
    ] as const
  ) {
    const moved = f.countersMovedBy(() => assertEquals(f.receive(frame), []));
    assertEquals(moved, ["InReceives", ...counters]);
  }
  assertEquals(f.network.neighbors.count, 0);
});

Deno.test("ARP-04: two neighbours are asked for, and told apart by their answers", () => {
  const f = new NetworkFixture();
  for (const host of [2, 3]) {
    f.network.send(activeSyn(host, ipv4Address(0x0a000000 + host)), new Gather());
  }
  assertEquals(f.poll(0), [REQUEST, REQUEST.slice(0, -1) + "3"]);
  f.receive(arpFrame(2, "10.0.0.3", "10.0.0.1", "02:00:00:00:00:03"), 1);
  const [syn, ...more] = f.poll(1);
  assertEquals([syn.slice(0, 12), syn.slice(24, 28), more], ["020000000003", "0800", []]);
  f.receive(arpFrame(2, "10.0.0.2", "10.0.0.1"), 2);
  assertEquals(f.poll(2).map((frame) => frame.slice(0, 12)), ["020000000002"]);
});

Deno.test("IP6-05: in a family without an address of ours nobody is asked for", () => {
  const f = new NetworkFixture({ addresses: [parseCidr("10.0.0.1/24")!] });
  f.network.send(activeSyn6(), new Gather());
  for (const now of [0, 1000, 2000]) assertEquals(f.poll(now), []);
  const moved = f.countersMovedBy(() => assertEquals(f.poll(3000), []));
  assertEquals(moved, ["NeighborFailures", "NeighborQueueDrop"]);
});

Deno.test("IP6-05: duplicate address detection begins at once and takes a second", () => {
  const tunables = { ...DEFAULT_TUNABLES, dad_transmits: 1 };
  const f = new NetworkFixture({ ...DISTINCT, tunables });
  assertEquals(f.network.deadline, 0);
  const fields = { source: "::", destination: "ff02::1:ff05:6", ttl: 255 };
  const probe = discoveryPacket(135, "00000000", OWN6, "", fields);
  const frame = ethernet(0x86dd, probe, { to: "33:33:ff:05:00:06", from: OWN_MAC });
  const moved = f.countersMovedBy(() => assertEquals(f.poll(0), [frame.toHex()]));
  assertEquals([moved.toSorted(), f.network.deadline], [["IcmpOutMsgs", "NeighborProbes"], 1000]);
  const echo = ethernet(0x86dd, ipv6(58, echoRequest(), { source: PEER6, destination: OWN6 }));
  assertEquals([f.poll(999), f.receive(echo, 999)], [[], []]);
  assertEquals([f.poll(1000), f.network.deadline], [[], Infinity]);
  assertEquals(f.receive(echo, 1000).length, 1);
});

function echoRequest(): Uint8Array {
  return icmpv6(128, 0, new Uint8Array(8), { source: PEER6, destination: OWN6 });
}
