/** IP: IPv4. Requirements §2.4. */

import { assert, assertEquals } from "@std/assert";
import { concat, encodePacket, type Packet } from "../support/codec.ts";
import { fragment, fragmentsOf } from "../support/fragment_frames.ts";
import {
  ethernet,
  halves,
  icmp,
  type IpFields,
  ipv4,
  OWN_MAC,
  PEER_MAC,
} from "../support/packets.ts";
import type { SentFrame } from "../support/recording_sink.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

const BACK = { to: PEER_MAC, from: OWN_MAC };
const REVERSED = { source: "10.0.0.1", destination: "10.0.0.2" };
const SYN = "S 0:0(0) win 65535 <mss 1460>";
const SYN_ACK = "S. 0:0(0) ack 1 <mss 1460>";

/** The frame of a SYN, changed. */
function synWith(t: ScriptRun, change: (frame: Uint8Array) => void): Uint8Array {
  const frame = encodePacket(t.packet(SYN));
  change(frame);
  return frame;
}

/** The frame of a SYN under another IPv4 header. */
function synUnder(t: ScriptRun, fields: IpFields): Uint8Array {
  return ethernet(0x0800, ipv4(6, encodePacket(t.packet(SYN)).slice(34), fields));
}

/** A data segment of the default flow, `length` bytes from `from` on. */
function data(t: ScriptRun, from: number, length: number): Packet {
  return t.packet(`P. ${from}:${from + length}(${length}) ack 1`);
}

protocolTest("IP-01", "impossible versions and lengths are dropped", (t) => {
  t.injectFrame(synWith(t, (frame) => frame[14] = 0x55));
  t.injectFrame(synWith(t, (frame) => frame[14] = 0x44));
  t.injectFrame(synWith(t, (frame) => frame[14] = 0x4f));
  t.injectFrame(synWith(t, (frame) => frame[17] = 19));
  t.injectFrame(synWith(t, (frame) => frame[17]++));
  t.none(1);
  assertEquals(t.growth("InHdrErrors"), 5);
});

protocolTest("IP-01", "the time to live of what arrives is of no account", (t) => {
  t.inject({ ...t.packet(SYN), ttl: 1 });
  t.expect(SYN_ACK);
  t.run("+.1 < R. 1:1(0) ack 1");
});

protocolTest("IP-02", "a wrong header checksum is dropped", (t) => {
  t.injectFrame(synWith(t, (frame) => frame[25]++));
  t.none(1);
  assertEquals(t.growth("InIpCsumErrors"), 1);
});

protocolTest("IP-03", "what is for others or for groups draws nothing", (t) => {
  for (const destination of ["10.0.0.9", "10.0.0.255", "255.255.255.255", "224.0.0.1"]) {
    t.inject({ ...t.packet(SYN), destination });
  }
  t.none(70);
  assertEquals(t.growth("InAddrErrors"), 4);
});

protocolTest("IP-04", "sources that cannot be draw nothing", (t) => {
  const sources = [
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "10.0.0.255",
    "10.0.0.1",
  ];
  for (const source of sources) {
    t.inject({ ...t.packet(SYN), source });
    t.none(70);
    assertEquals(t.growth("MartianSource"), 1);
  }
});

protocolTest("IP-05", "record route and timestamp options have no effect", (t) => {
  const options = Uint8Array.fromHex("0707040000000000440c0500000000000000000000000000");
  t.injectFrame(synUnder(t, { options }));
  t.expect(SYN_ACK); // the codec refuses IP options
  t.run("+.1 < R. 1:1(0) ack 1");
});

protocolTest("IP-05", "a malformed option drops the packet", (t) => {
  for (const options of ["07000000", "01010107", "01070400"]) {
    t.injectFrame(synUnder(t, { options: Uint8Array.fromHex(options) }));
  }
  t.none(1);
  assertEquals(t.growth("InHdrErrors"), 3);
});

protocolTest("IP-06", "source routes are dropped", (t) => {
  for (const options of ["8307040a00000900", "8907040a00000900"]) {
    t.injectFrame(synUnder(t, { options: Uint8Array.fromHex(options) }));
  }
  t.none(70);
  assertEquals(t.growth("SourceRouteDrop"), 2);
});

/** Collects the frames that are sent from now on, as the device gets them. */
function watchSent(t: ScriptRun): SentFrame[] {
  const sent: SentFrame[] = [];
  const { frames } = t.fixture.sink;
  const splice = frames.splice.bind(frames);
  // The runner takes frames away when it looks at them.
  frames.splice = (start: number) => {
    const taken = splice(start);
    sent.push(...taken);
    return taken;
  };
  return sent;
}

/** Identification, and flags with fragment offset, of an IPv4 frame. */
function fragmentFields({ bytes }: SentFrame): [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint16(18), view.getUint16(20)];
}

/** Writes 64 KiB, which the peer acknowledges; it sent `received` bytes before. */
function sendBulk(t: ScriptRun, received: number): void {
  t.calls.write(t.flow, 65536, null);
  for (let sent = 0; sent < 65536;) {
    const packet = t.next(2000);
    assert(packet !== null && packet.payload.length <= 1460);
    sent += packet.payload.length;
    t.inject(`. ${1 + received}:${1 + received}(0) ack ${1 + sent}`);
  }
  t.none(1);
}

/** Fails unless each frame has IHL 5, TTL 64, and segments that fit the MTU. */
function assertWhole(frames: readonly SentFrame[]): void {
  for (const { bytes, segmentSize } of frames) {
    assertEquals([bytes[14], bytes[22]], [0x45, 64]);
    const headers = 20 + (bytes[46] >> 4) * 4;
    const length = segmentSize > 0 ? headers + segmentSize : bytes.length - 14;
    assert(length <= 1500, `${length} bytes`);
  }
}

protocolTest("IP-07", "a bulk transfer has IHL 5, TTL 64, DF, and fits the MTU", (t) => {
  const sent = watchSent(t);
  t.run("EST+WS7 rtt .1");
  sendBulk(t, 0);
  assert(sent.length > (t.link === "bare" ? 44 : 2));
  assertWhole(sent);
  for (const frame of sent) assertEquals(fragmentFields(frame)[1], 0x4000);
});

protocolTest("IP-07", "with ip_no_pmtu_disc=1 there is no DF, and IDs tell nothing", (t) => {
  const sent = watchSent(t);
  t.run("EST+WS7 rtt .1");
  for (let i = 0; i < 10_000; i++) {
    t.inject(`P. ${1 + i}:${2 + i}(1) ack 1`);
    if (t.next(100) === null) throw t.failure("no acknowledgment");
    t.calls.read(t.flow, 1, null);
  }
  sendBulk(t, 10_000);
  assert(sent.length > 10_000);
  assertWhole(sent);
  const ids = sent.map((frame) => fragmentFields(frame)[0]);
  assert(sent.every((frame) => fragmentFields(frame)[1] === 0 && frame.segmentSize === 0));
  assertEquals(new Set(ids).size, ids.length);
  const steps = new Set(ids.slice(1).map((id, i) => (id - ids[i]) & 0xffff));
  assert(steps.size > ids.length / 2, `${steps.size} different steps`);
}, { tunables: { ip_no_pmtu_disc: 1 } });

protocolTest("IP-07", "time to live follows ip_default_ttl", "EST\nstate ESTABLISHED", {
  tunables: { ip_default_ttl: 9 },
});

protocolTest("IP-08", "a data segment in three fragments, reversed, is acknowledged once", (t) => {
  t.run("EST rtt .1");
  for (const piece of fragmentsOf(encodePacket(data(t, 1, 1400)), [520, 1000]).toReversed()) {
    t.injectFrame(piece);
  }
  t.run(`
    *  > . 1:1(0) ack 1401
       read 1400
    none(40)
    cnt:ReasmOKs
  `);
});

protocolTest("IP-08", "two of three draw ICMP 11/1 after 30 s, if the first is among them", (t) => {
  t.run("EST rtt .1");
  const pieces = fragmentsOf(encodePacket(data(t, 1, 1400)), [520, 1000]);
  t.injectFrame(pieces[0]);
  t.injectFrame(pieces[2]);
  t.none(29.98);
  const error = icmp(11, 1, concat(halves(0, 0), pieces[0].slice(14)));
  assertEquals(t.expectFrame(40), ethernet(0x0800, ipv4(1, error, REVERSED), BACK));
  t.injectFrame(pieces[1]);
  t.injectFrame(pieces[2]);
  t.none(40);
  assertEquals([t.growth("ReasmTimeout"), t.growth("ReasmFails")], [2, 4]);
});

protocolTest("IP-09", "a teardrop pair is discarded, and what follows it", (t) => {
  t.run("EST rtt .1");
  const frame = encodePacket(data(t, 1, 1400));
  const pieces = fragmentsOf(frame, [520, 1000]);
  t.injectFrame(pieces[0]);
  t.injectFrame(fragmentsOf(frame, [512, 1000])[1]);
  for (const piece of pieces) t.injectFrame(piece);
  t.none(31);
  assertEquals([t.growth("ReasmOverlaps"), t.growth("ReasmFails")], [1, 5]);
  assertEquals(t.connection.readable().length, 0);
});

protocolTest("IP-10", "the ping of death, odd lengths and tiny fragments are dropped", (t) => {
  t.run("EST");
  const tcp = encodePacket(data(t, 1, 100)).slice(34);
  t.injectFrame(fragment(1, icmp(8, 0, new Uint8Array(60)), 65528, false));
  t.injectFrame(fragment(17, new Uint8Array(61), 0, true));
  t.injectFrame(fragment(6, tcp.slice(0, 8), 0, true));
  t.injectFrame(fragment(6, tcp.slice(8), 8, false));
  t.none(31);
  assertEquals(t.growth("ReasmFails"), 4);
});

protocolTest("IP-11", "100000 first fragments stay within 4 MiB and hurt no connection", (t) => {
  t.run("EST rtt .1");
  const { frame, pages } = t.fixture;
  const flood = fragment(17, new Uint8Array(64), 0, true);
  const body = flood.slice(34);
  for (let i = 0; i < 100_000; i++) {
    const source = `10.1.${(i >> 8) & 255}.${i & 255}`;
    const bytes = fragment(17, body, 0, true, { source, identification: i >> 12 });
    frame.arena.bytes.set(bytes, frame.start);
    frame.length = bytes.length;
    frame.checksumTrusted = false;
    frame.segmentSize = 0;
    t.stack.receive(frame, t.now);
    if ((i & 1023) === 0) assert(pages.lent * 4096 <= 4 << 20);
  }
  assert(pages.lent * 4096 <= 4 << 20);
  t.run(`
    +0 < P. 1:101(100) ack 1
    *  > . 1:1(0) ack 101
       read 100
  `);
  t.advance(29_000);
});

protocolTest("IP-12", "an unknown protocol draws ICMP 3/2 which quotes it, within limits", (t) => {
  const packet = ipv4(99, new Uint8Array(9));
  t.injectFrame(ethernet(0x0800, packet));
  const error = icmp(3, 2, concat(halves(0, 0), packet));
  assertEquals(t.expectFrame(), ethernet(0x0800, ipv4(1, error, REVERSED), BACK));
  t.injectFrame(ethernet(0x0800, packet));
  t.none(.9);
  assertEquals(t.growth("InUnknownProtos"), 2);
});
