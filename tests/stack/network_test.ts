import { assertEquals } from "@std/assert";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { parseAddress } from "../../lib/wire/address.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { ACK, Segment } from "../../lib/wire/segment.ts";
import { concat, encodePacket, type Packet } from "../support/codec.ts";
import { addressIpv4 } from "../support/golden.ts";
import { NetworkFixture } from "../support/network_fixture.ts";
import {
  arp,
  BROADCAST_MAC,
  ethernet,
  halves,
  icmp,
  ipv4,
  OWN_MAC,
  PEER_MAC,
} from "../support/packets.ts";
import { GOLDEN } from "../support/golden.ts";
import { fromHex } from "../support/bytes.ts";

const SYN_PACKET: Packet = {
  sourceMac: PEER_MAC,
  destinationMac: OWN_MAC,
  source: "10.0.0.2",
  destination: "10.0.0.1",
  sourcePort: 40000,
  destinationPort: 80,
  ttl: 1,
  trafficClass: 2,
  seq: 1000,
  ack: 0,
  flags: "S",
  window: 65535,
  urgent: 0,
  options: [{ name: "mss", value: 1460 }],
  payload: new Uint8Array(0),
};
const SYN_TEXT = "S 1000:1000(0) win 65535 <mss 1460>";

function syn(fields: Partial<Packet> = {}): Uint8Array {
  return encodePacket({ ...SYN_PACKET, ...fields });
}

/** A SYN with the bytes of its frame changed by `change`. */
function changed(change: (frame: Uint8Array) => void): Uint8Array {
  const frame = syn();
  change(frame);
  return frame;
}

/** A SYN in an IPv4 header with options. */
function withIpOptions(hex: string): Uint8Array {
  const frame = syn();
  return ethernet(0x0800, ipv4(6, frame.slice(34), { options: fromHex(hex) }));
}

function assertDropped(frame: Uint8Array, counter: string, isIp = true): void {
  const f = new NetworkFixture();
  const moved = f.countersMovedBy(() => assertEquals(f.receive(frame), []));
  assertEquals(moved, isIp ? ["InReceives", counter] : [counter]);
  assertEquals(f.transport.segments, []);
}

Deno.test("network: a segment for us reaches the transport with where it came from", () => {
  const f = new NetworkFixture();
  f.transport.onReceive = (seg) => {
    assertEquals([seg.remote3, seg.local3], [0x0a000002, 0x0a000001]);
    assertEquals([seg.remote2, seg.local2], [0xffff, 0xffff]);
    assertEquals([seg.remotePort, seg.localPort], [40000, 80]);
    assertEquals([seg.pathHigh, seg.pathLow], [0x0200, 2]);
    assertEquals(seg.ecn, 2);
  };
  assertEquals(f.receive(syn()), []);
  assertEquals(f.transport.segments, [SYN_TEXT]);
});

Deno.test("IP6-01: a segment over IPv6 reaches the transport", () => {
  const f = new NetworkFixture();
  f.transport.onReceive = (seg) => {
    assertEquals([seg.remote0, seg.remote1, seg.remote2, seg.remote3], [0xfd000000 | 0, 0, 0, 2]);
    assertEquals([seg.local0, seg.local3, seg.ecn], [0xfd000000 | 0, 1, 2]);
  };
  f.receive(syn({ source: "fd00::2", destination: "fd00::1" }));
  assertEquals(f.transport.segments, [SYN_TEXT]);
});

Deno.test("ETH-01: frames for others and from groups are dropped", () => {
  assertDropped(syn({ destinationMac: "02:00:00:00:00:03" }), "EthNotForUs", false);
  assertDropped(syn({ destinationMac: "01:00:5e:00:00:01" }), "EthNotForUs", false);
  assertDropped(syn({ destinationMac: "33:33:ff:00:00:02" }), "EthNotForUs", false);
  assertDropped(syn({ sourceMac: "03:00:00:00:00:02" }), "EthBadSource", false);
  assertDropped(syn({ sourceMac: "00:00:00:00:00:00" }), "EthBadSource", false);
  // Half of our MAC, of broadcast, of a group's.
  const halves = ["02:01:00:00:00:01", "ff:ff:00:00:00:03", "02:00:ff:ff:ff:ff"];
  for (const destinationMac of halves) assertDropped(syn({ destinationMac }), "EthNotForUs", false);
});

Deno.test("ETH-02: other types and 802.3 frames are dropped", () => {
  const body = new Uint8Array(46);
  assertDropped(ethernet(0x0600, body), "EthUnknownType", false);
  assertDropped(ethernet(0x0040, body), "EthUnknownType", false);
});

Deno.test("ETH-03: frames of impossible length are dropped", () => {
  for (const length of [0, 1, 13]) {
    assertDropped(syn().slice(0, length), "EthBadLength", false);
  }
  assertDropped(ethernet(0x0800, new Uint8Array(1501)), "EthBadLength", false);
  assertDropped(ethernet(0x0800, new Uint8Array(1500)), "InHdrErrors");
  assertDropped(ethernet(0x0600, new Uint8Array(0)), "EthUnknownType", false);
});

Deno.test("ETH-03: a super-segment's packet has 65535 bytes at most", () => {
  const payload = new Uint8Array(65535 - 40);
  const longest = syn({ flags: ".", ack: 1, options: [], payload });
  const f = new NetworkFixture();
  for (const segmentSize of [1, 1460]) {
    f.receive(longest, 0, segmentSize);
    assertEquals(f.transport.segments.splice(0).length, 1);
    const padded = concat(longest, new Uint8Array(1));
    const moved = f.countersMovedBy(() => f.receive(padded, 0, segmentSize));
    assertEquals([moved, f.transport.segments], [["EthBadLength"], []]);
  }
});

Deno.test("ETH-03: padding behind the IP packet is no data", () => {
  const f = new NetworkFixture();
  f.receive(concat(syn(), new Uint8Array(10)));
  assertEquals(f.transport.segments, [SYN_TEXT]);
});

Deno.test("ETH-03: a super-segment is one segment", () => {
  const f = new NetworkFixture();
  const frame = syn({ flags: ".", ack: 1, options: [], payload: new Uint8Array(60000) });
  f.transport.onReceive = (seg) => assertEquals(seg.segmentSize, 1460);
  f.receive(frame, 0, 1460);
  assertEquals(f.transport.segments, [". 1000:61000(60000) ack 1 win 65535"]);
  const moved = f.countersMovedBy(() => f.receive(frame, 0, 0));
  assertEquals(moved, ["EthBadLength"]);
});

Deno.test("ETH-04: a priority tag is ignored, another VLAN dropped", () => {
  const f = new NetworkFixture();
  const tagged = (vlan: number) => {
    const frame = syn();
    return concat(frame.slice(0, 12), halves(0x8100, 0xe000 | vlan), frame.slice(12));
  };
  f.receive(tagged(0));
  assertEquals(f.transport.segments, [SYN_TEXT]);
  assertDropped(tagged(8), "EthVlanMismatch", false);
  assertDropped(tagged(8).slice(0, 18), "EthVlanMismatch", false);
  assertDropped(tagged(8).slice(0, 17), "EthUnknownType", false); // half a tag is none
});

Deno.test("IP-01: a malformed IPv4 header is dropped", () => {
  assertDropped(changed((b) => b[14] = 0x55), "InHdrErrors");
  assertDropped(changed((b) => b[14] = 0x44), "InHdrErrors");
  assertDropped(changed((b) => b[14] = 0x4f), "InHdrErrors");
  assertDropped(changed((b) => b[17] = 19), "InHdrErrors");
  assertDropped(changed((b) => b[17] += 1), "InHdrErrors");
});

Deno.test("IP-02: a wrong header checksum is dropped", () => {
  assertDropped(changed((b) => b[25]++), "InIpCsumErrors");
});

Deno.test("IP-03: packets for other addresses are dropped", () => {
  for (const destination of ["10.0.0.9", "10.0.0.255", "255.255.255.255", "224.0.0.1"]) {
    assertDropped(syn({ destination }), "InAddrErrors");
  }
  assertDropped(syn({ source: "fd00::2", destination: "fd00::9" }), "InAddrErrors");
  assertDropped(
    syn({ source: "fd00::2", destination: "ff02::1", destinationMac: "33:33:00:00:00:01" }),
    "InAddrErrors",
  );
  assertDropped(syn({ destinationMac: BROADCAST_MAC }), "InAddrErrors");
});

Deno.test("IP-03: an IPv4 address in IPv6's clothes is not ours", () => {
  assertDropped(syn({ source: "fd00::2", destination: "::ffff:a00:1" }), "InAddrErrors");
  assertDropped(syn({ source: "::ffff:a00:2", destination: "fd00::1" }), "MartianSource");
});

Deno.test("IP-04: sources that cannot be are dropped", () => {
  const sources = ["0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"];
  for (const source of [...sources, "10.0.0.255"]) assertDropped(syn({ source }), "MartianSource");
  for (const source of ["::", "::1", "ff02::1", "fd00::1"]) {
    assertDropped(syn({ source, destination: "fd00::1" }), "MartianSource");
  }
});

Deno.test("SEC-06: a packet from ourselves is dropped", () => {
  assertDropped(syn({ source: "10.0.0.1", sourcePort: 80 }), "MartianSource");
});

Deno.test("IP-05: harmless options are skipped, malformed ones drop the packet", () => {
  const f = new NetworkFixture();
  f.receive(withIpOptions("0707040000000000440c0500000000000000000000000000"));
  assertEquals(f.transport.segments, [SYN_TEXT]);
  assertDropped(withIpOptions("07000000"), "InHdrErrors");
  assertDropped(withIpOptions("01010107"), "InHdrErrors");
  assertDropped(withIpOptions("01070400"), "InHdrErrors");
});

Deno.test("IP-06: source routes are dropped", () => {
  assertDropped(withIpOptions("8307040a00000900"), "SourceRouteDrop");
  assertDropped(withIpOptions("018907040a000009"), "SourceRouteDrop");
});

Deno.test("HDR-04: a wrong TCP checksum is dropped, unless the device vouches", () => {
  const frame = changed((b) => b[b.length - 1] ^= 1);
  assertDropped(frame, "InCsumErrors");
  const f = new NetworkFixture();
  f.frame.checksumTrusted = true;
  f.receive(frame);
  assertEquals(f.transport.segments.length, 1);
});

Deno.test("HDR-05: a malformed TCP header is dropped", () => {
  assertDropped(syn({ sourcePort: 0 }), "InErrs");
  assertDropped(syn({ destinationPort: 0 }), "InErrs");
  assertDropped(changed((b) => b[46] = 0x40), "InErrs");
  assertDropped(changed((b) => b[46] = 0xf0), "InErrs");
  assertDropped(ethernet(0x0800, ipv4(6, new Uint8Array(19))), "InErrs");
});

Deno.test("OPT-03: a malformed option is counted, the segment is processed", () => {
  const f = new NetworkFixture();
  const options = [{ name: "mss", value: 1460 }, { name: "hex", bytes: "08000000" }] as const;
  const moved = f.countersMovedBy(() => f.receive(syn({ options })));
  assertEquals(moved, ["InReceives", "TCPOptMalformed"]);
  assertEquals(f.transport.segments, [SYN_TEXT]);
});

function segmentToPeer(): Segment {
  const seg = new Segment();
  addressIpv4(seg, 0x0a000002, 0x0a000001);
  seg.localPort = 80;
  seg.remotePort = 40000;
  seg.seq = 1;
  seg.ack = 2;
  seg.flags = ACK;
  seg.wnd = 0x1000;
  seg.pathHigh = 0x0200;
  seg.pathLow = 2;
  return seg;
}

Deno.test("network: a segment goes where it came from", () => {
  const f = new NetworkFixture();
  assertEquals(f.network.send(segmentToPeer(), new Gather()), true);
  const [frame] = f.takeSent();
  assertEquals(frame.slice(0, 12), "020000000002");
});

Deno.test("ARP-03: a known host's new MAC is used for the next frame", () => {
  const f = new NetworkFixture();
  const own = "10.0.0.1";
  f.receive(ethernet(0x0806, arp(1, PEER_MAC, "10.0.0.2", "00:00:00:00:00:00", own)));
  f.network.send(segmentToPeer(), new Gather());
  assertEquals(f.takeSent()[0].slice(0, 12), "020000000002");
  const moved = "02:00:00:00:00:99";
  f.receive(ethernet(0x0806, arp(1, moved, "10.0.0.2", "00:00:00:00:00:00", "10.0.0.2"), {
    to: BROADCAST_MAC,
    from: moved,
  }));
  f.network.send(segmentToPeer(), new Gather());
  assertEquals(f.takeSent()[0].slice(0, 12), "020000000099");
});

Deno.test("ARP-05: a stale neighbour is probed by unicast, and forgotten when silent", () => {
  const f = new NetworkFixture();
  f.receive(ethernet(0x0806, arp(1, PEER_MAC, "10.0.0.2", "00:00:00:00:00:00", "10.0.0.1")), 0);
  const request = "020000000002" + "020000000001" + "0806" + "0001080006040001" + "020000000001" +
    "0a000001" + "000000000000" + "0a000002";
  assertEquals(f.poll(61_000), []);
  f.network.send(segmentToPeer(), new Gather());
  f.takeSent();
  assertEquals(f.network.deadline <= 61_000, true);
  assertEquals(f.poll(61_000), [request]);
  assertEquals(f.poll(62_000), [request]);
  assertEquals(f.poll(63_000), [request]);
  assertEquals(f.poll(64_000), []);
  assertEquals([f.network.neighbors.count, f.network.deadline], [0, Infinity]);
});

Deno.test("ARP-05: segments of a connection confirm its neighbour", () => {
  const f = new NetworkFixture();
  f.receive(ethernet(0x0806, arp(1, PEER_MAC, "10.0.0.2", "00:00:00:00:00:00", "10.0.0.1")), 0);
  f.receive(syn({ flags: ".", ack: 1 }), 59_000);
  f.poll(100_000);
  f.network.send(segmentToPeer(), new Gather());
  f.takeSent();
  assertEquals(f.poll(100_000), []);
});

Deno.test("ARP-05: a SYN without ACK confirms nobody: it shows that we hear, not that we are heard", () => {
  const f = new NetworkFixture();
  f.receive(ethernet(0x0806, arp(1, PEER_MAC, "10.0.0.2", "00:00:00:00:00:00", "10.0.0.1")), 0);
  f.receive(syn(), 59_000);
  f.poll(61_000);
  f.network.send(segmentToPeer(), new Gather());
  f.takeSent();
  assertEquals(f.poll(61_000).length, 1);
});

Deno.test("IP-07: ip_no_pmtu_disc may change at any time", () => {
  const f = new NetworkFixture();
  const echo = ethernet(0x0800, ipv4(1, icmp(8, 0, new Uint8Array(8))));
  const mayNotFragment = (ip_no_pmtu_disc: number) => {
    f.network.tunables = { ...DEFAULT_TUNABLES, ip_no_pmtu_disc };
    return fromHex(f.receive(echo)[0])[20] === 0x40;
  };
  assertEquals([mayNotFragment(1), mayNotFragment(0)], [false, true]);
});

Deno.test("ARP-05: gc_stale_time is in seconds, at start and later", () => {
  for (const isLater of [false, true]) {
    const tunables = { ...DEFAULT_TUNABLES, dad_transmits: 0, gc_stale_time: 5 };
    const f = new NetworkFixture(isLater ? {} : { tunables });
    if (isLater) f.network.tunables = tunables;
    f.receive(ethernet(0x0806, arp(1, PEER_MAC, "10.0.0.2", "00:00:00:00:00:00", "10.0.0.1")), 0);
    const probesAt = (now: number) => {
      f.poll(now);
      f.network.send(segmentToPeer(), new Gather());
      f.takeSent();
      return f.poll(now).length;
    };
    assertEquals([probesAt(5000), probesAt(5001)], [0, 1]);
  }
});

Deno.test("network: a neighbour beyond our subnets is doubted itself, not its gateway", () => {
  const f = new NetworkFixture({ gateways: [parseAddress("10.0.0.254")!] });
  const far = "10.0.1.2";
  f.receive(ethernet(0x0806, arp(1, PEER_MAC, far, "00:00:00:00:00:00", "10.0.0.1")), 0);
  assertEquals(f.poll(0), []);
  const seg = segmentToPeer();
  addressIpv4(seg, 0x0a000102, 0x0a000001);
  f.network.doubt(seg);
  const [question, ...more] = f.poll(0);
  assertEquals([question.slice(0, 12), question.slice(-8), more], ["020000000002", "0a000102", []]);
});

Deno.test("network: where the neighbour is unknown its gateway is doubted", () => {
  const f = new NetworkFixture({ gateways: [parseAddress("10.0.0.254")!] });
  const seg = segmentToPeer();
  addressIpv4(seg, 0x0a000102, 0x0a000001);
  f.network.doubt(seg);
  f.receive(ethernet(0x0806, arp(1, PEER_MAC, "10.0.0.254", "00:00:00:00:00:00", "10.0.0.1")), 0);
  assertEquals(f.poll(0), []);
  f.network.doubt(seg);
  assertEquals(f.poll(0).map((frame) => frame.slice(-8)), ["0a0000fe"]);
});

Deno.test("GEN-07: truncated frames of every golden vector never throw", () => {
  const f = new NetworkFixture();
  for (const golden of GOLDEN) {
    const segment = fromHex(golden.hex);
    for (const frame of [ethernet(0x0800, ipv4(6, segment)), ethernet(0x86dd, segment)]) {
      for (let length = 0; length <= frame.length; length++) f.receive(frame.slice(0, length));
    }
  }
});

Deno.test("GEN-06: frames cut short are dropped, each for one reason", () => {
  const f = new NetworkFixture();
  const frames = [syn(), ethernet(0x0800, ipv4(1, icmp(8, 0, new Uint8Array(20))))];
  for (const frame of frames) {
    for (let length = 0; length < frame.length; length++) {
      const moved = f.countersMovedBy(() => f.receive(frame.slice(0, length)));
      assertEquals(moved.filter((name) => name !== "InReceives").length, 1, `${length}`);
    }
  }
});

Deno.test("GEN-07: mutated frames never throw", () => {
  const f = new NetworkFixture();
  f.frame.checksumTrusted = true;
  const frames = [
    syn(),
    syn({ source: "fd00::2", destination: "fd00::1" }),
    ethernet(0x0800, ipv4(1, icmp(3, 3, concat(new Uint8Array(4), syn().slice(14))))),
    ethernet(0x0806, arp(1, PEER_MAC, "10.0.0.2", "00:00:00:00:00:00", "10.0.0.1")),
  ];
  let seed = 7;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) | 0;
    return (seed >>> 8) % limit;
  };
  for (let round = 0; round < 50_000; round++) {
    const frame = frames[round % frames.length].slice();
    for (let i = random(4); i >= 0; i--) frame[12 + random(frame.length - 12)] = random(256);
    f.receive(frame, round);
    f.network.poll(round);
  }
});
