/**
 * What `tap_test.ts` runs inside a private network namespace, one scenario a
 * process: `tap_scenarios.ts <scenario>`. A scenario that fails throws.
 *
 * The far side of the device is the namespace's own kernel, reached by
 * `Deno.connect`; this side answers with as little TCP as a scenario needs.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { EpollPoller } from "../../lib/host/epoll.ts";
import { EBADFD } from "../../lib/host/errno.ts";
import { LibcError } from "../../lib/host/libc.ts";
import { TapLink, type TapOptions } from "../../lib/host/tap.ts";
import { Cidr, parseAddress } from "../../lib/wire/address.ts";
import { Frame } from "../../lib/wire/frame.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";

const HOST_IPV4 = "198.18.0.1";
const PEER_IPV4 = "198.18.0.2";
const HOST_IPV6 = "fd00:198:18::1";
const PEER_IPV6 = "fd00:198:18::2";
const PEER_MAC = [0x02, 0, 0, 0, 0, 0x02];
const FRAME_CAPACITY = 65_600;
const ETHERNET_LENGTH = 14;
const MTU = 1500;
/** Long enough for any machine; passed only when a scenario has failed. */
const PATIENCE_MS = 10_000;

const arena = new Arena(4 << 20);
const nothing = new Gather();

function options(changes: Partial<TapOptions> = {}): TapOptions {
  const addresses = [cidr(HOST_IPV4, 24), cidr(HOST_IPV6, 64)];
  return {
    arena,
    name: "tap7",
    mtu: MTU,
    offload: true,
    txQueueLength: 10_000,
    setup: { addresses },
    ...changes,
  };
}

function cidr(text: string, prefixLength: number): Cidr {
  return new Cidr(parseAddress(text)!, prefixLength);
}

function interfaceAddresses(name: string): string[] {
  return Deno.networkInterfaces().filter((entry) => entry.name === name).map((entry) => entry.cidr);
}

/** One side of a conversation over a link, with an address of each version. */
class Peer {
  readonly link: TapLink;
  readonly received = new Frame(arena, FRAME_CAPACITY);
  readonly #reply = new Frame(arena, FRAME_CAPACITY);
  readonly #poller = new EpollPoller(arena);
  readonly #ipHeaderLength: number;
  /** Sequence number of the next byte to send. */
  #sndNxt = 1000;
  /** Sequence number of the next byte expected. */
  rcvNxt = 0;

  constructor(link: TapLink, isIpv6: boolean) {
    this.link = link;
    this.#ipHeaderLength = isIpv6 ? 40 : 20;
    this.#reply.isIpv6 = isIpv6;
    this.#poller.watchLink(link.descriptor);
  }

  get #isIpv6(): boolean {
    return this.#reply.isIpv6;
  }

  get tcpOffset(): number {
    return ETHERNET_LENGTH + this.#ipHeaderLength;
  }

  /** The largest payload of one frame: 1460, or 1440 with IPv6. */
  get segmentSize(): number {
    return MTU - this.#ipHeaderLength - 20;
  }

  byte(offset: number): number {
    return arena.view.getUint8(this.received.start + offset);
  }

  word16(offset: number): number {
    return arena.view.getUint16(this.received.start + offset);
  }

  /** The flags of the TCP segment received last. */
  get flags(): number {
    return this.byte(this.tcpOffset + 13);
  }

  /** Bytes of TCP header and payload by the IP header's word. */
  get tcpLength(): number {
    return this.#isIpv6 ? this.word16(18) : this.word16(16) - 20;
  }

  get payloadOffset(): number {
    return this.tcpOffset + (this.byte(this.tcpOffset + 12) >> 4) * 4;
  }

  get payloadLength(): number {
    return this.tcpLength - (this.payloadOffset - this.tcpOffset);
  }

  /** Reads the next frame, whatever it is. */
  async next(): Promise<void> {
    for (;;) {
      const length = this.link.read(this.received);
      assert(length >= 0, `read gave ${length}`);
      if (length > 0) return;
      assert(await this.#poller.park(PATIENCE_MS) > 0, "no frame came");
    }
  }

  /** Reads up to the next ARP request for this side's address. */
  async nextArp(): Promise<void> {
    do await this.next(); while (this.word16(12) !== 0x0806);
  }

  /** Reads up to the next TCP segment, answering ARP and neighbour solicitations. */
  async nextTcp(): Promise<void> {
    for (;;) {
      await this.next();
      const type = this.word16(12);
      if (type === 0x0806) this.answerArp();
      else if (type === 0x0800 && !this.#isIpv6 && this.byte(23) === 6) return;
      else if (type === 0x86dd && this.#isIpv6 && this.byte(20) === 6) return;
      else if (type === 0x86dd && this.byte(20) === 58 && this.byte(54) === 135) {
        this.#answerSolicitation();
      }
    }
  }

  answerArp(): boolean {
    const out = this.#copyBack(42);
    arena.view.setUint16(out + 20, 2); // a reply
    arena.bytes.copyWithin(out + 32, out + 22, out + 32); // their addresses become the target
    arena.bytes.set(PEER_MAC, out + 22);
    arena.bytes.set([198, 18, 0, 2], out + 28);
    return this.link.write(this.#reply, nothing, 0);
  }

  #answerSolicitation(): void {
    const out = this.#copyBack(ETHERNET_LENGTH + 40 + 32);
    const target = arena.bytes.slice(out + 62, out + 78);
    arena.view.setUint16(out + 18, 32);
    arena.bytes.copyWithin(out + 38, out + 22, out + 38);
    arena.bytes.set(target, out + 22);
    arena.view.setUint16(out + 54, 136 << 8); // neighbour advertisement
    arena.view.setUint32(out + 58, 0x6000_0000); // solicited, override
    arena.bytes.set([2, 1, ...PEER_MAC], out + 78);
    this.#sumTransport(out, 58, 32, 2, false);
    assert(this.link.write(this.#reply, nothing, 0));
  }

  /** Answers the SYN received last, and waits for the third segment. */
  async establish(): Promise<void> {
    assertEquals(this.flags & 0x12, 0x02, "a SYN");
    this.rcvNxt = (arena.view.getUint32(this.received.start + this.tcpOffset + 4) + 1) >>> 0;
    assert(this.sendTcp(0x12, nothing, 0));
    this.#sndNxt++;
    do await this.nextTcp(); while (this.flags !== 0x10);
  }

  /** Sends a segment back along the one received last; a SYN with an MSS that fills the MTU. */
  sendTcp(flags: number, payload: Gather, segmentSize: number): boolean {
    const headerLength = (flags & 0x02) !== 0 ? 24 : 20;
    const out = this.#copyBack(this.tcpOffset + headerLength);
    const tcp = out + this.tcpOffset;
    const view = arena.view;
    this.#turnIpHeader(out, headerLength + payload.length);
    const sourcePort = view.getUint16(tcp);
    view.setUint16(tcp, view.getUint16(tcp + 2));
    view.setUint16(tcp + 2, sourcePort);
    view.setUint32(tcp + 4, this.#sndNxt);
    view.setUint32(tcp + 8, this.rcvNxt);
    view.setUint16(tcp + 12, (headerLength << 10) | flags);
    view.setUint16(tcp + 14, 65535);
    view.setUint32(tcp + 16, 0);
    if (headerLength === 24) view.setUint32(tcp + 20, 0x0204_0000 | this.segmentSize);
    assert(this.link.offload || payload.length === 0, "sums headers only");
    this.#sumTransport(out, 6, headerLength + payload.length, 16, this.link.offload);
    const isSent = this.link.write(this.#reply, payload, segmentSize);
    if (isSent) this.#sndNxt += payload.length;
    return isSent;
  }

  /** Closes the link and the poller. */
  close(): void {
    this.#poller.close();
    this.link.close();
  }

  /** Starts a reply as a copy of the received frame with its MAC addresses turned. */
  #copyBack(length: number): number {
    const out = this.#reply.start;
    const from = this.received.start;
    arena.bytes.copyWithin(out, from, from + length);
    arena.bytes.copyWithin(out, from + 6, from + 12);
    arena.bytes.set(PEER_MAC, out + 6);
    this.#reply.length = length;
    this.#reply.checksumStart = 0;
    return out;
  }

  #turnIpHeader(out: number, length: number): void {
    const bytes = arena.bytes;
    if (this.#isIpv6) {
      const source = bytes.slice(out + 22, out + 38);
      bytes.copyWithin(out + 22, out + 38, out + 54);
      bytes.set(source, out + 38);
      arena.view.setUint16(out + 18, length);
      return;
    }
    const source = bytes.slice(out + 26, out + 30);
    bytes.copyWithin(out + 26, out + 30, out + 34);
    bytes.set(source, out + 30);
    arena.view.setUint16(out + 16, 20 + length);
    arena.view.setUint16(out + 24, 0);
    arena.view.setUint16(out + 24, ~arena.sum(out + 14, 20) & 0xffff);
  }

  /** Sums the pseudo-header, and what follows unless the device does that. RFC 9293 §3.1. */
  #sumTransport(
    out: number,
    protocol: number,
    length: number,
    field: number,
    isPartial: boolean,
  ): void {
    const transport = out + (protocol === 58 ? ETHERNET_LENGTH + 40 : this.tcpOffset);
    const isIpv6 = protocol === 58 || this.#isIpv6;
    arena.view.setUint16(transport + field, 0);
    let sum = protocol + length + (isIpv6 ? arena.sum(out + 22, 32) : arena.sum(out + 26, 8));
    if (!isPartial) sum += arena.sum(transport, length);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    arena.view.setUint16(transport + field, isPartial ? sum : ~sum & 0xffff);
    this.#reply.checksumStart = isPartial ? transport - out : 0;
    this.#reply.checksumField = isPartial ? field : 0;
  }

  /** Whether the received TCP checksum is right as it stands. */
  isTcpChecksumRight(): boolean {
    const from = this.received.start;
    const length = this.tcpLength;
    const addresses = this.#isIpv6 ? arena.sum(from + 22, 32) : arena.sum(from + 26, 8);
    const sum = 6 + length + addresses + arena.sum(from + this.tcpOffset, length);
    return sum % 0xffff === 0;
  }
}

/** `count` bytes which differ from their neighbours, in pieces that start and end anywhere. */
function patternPieces(count: number): Gather {
  const pieces = new Gather();
  let done = 0;
  for (const length of [1, 4095, 777, 2, 8192, count]) {
    const taken = Math.min(length, count - done);
    const offset = arena.reserve(taken, 1);
    for (let i = 0; i < taken; i++) arena.bytes[offset + i] = pattern(done + i);
    pieces.add(offset, taken);
    done += taken;
  }
  assertEquals(pieces.length, count);
  return pieces;
}

function pattern(index: number): number {
  return (index * 31 + (index >> 8)) & 0xff;
}

function isPattern(bytes: Uint8Array): boolean {
  return bytes.every((byte, index) => byte === pattern(index));
}

async function readExactly(connection: Deno.Conn, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let have = 0; have < count;) {
    const got = await connection.read(bytes.subarray(have));
    assert(got !== null, `stream ended after ${have} bytes`);
    have += got;
  }
  return bytes;
}

async function connected(isIpv6: boolean): Promise<{ peer: Peer; client: Deno.Conn }> {
  const peer = new Peer(TapLink.open(options()), isIpv6);
  const dialing = Deno.connect({ hostname: isIpv6 ? PEER_IPV6 : PEER_IPV4, port: 80 });
  await peer.nextTcp();
  await peer.establish();
  return { peer, client: await dialing };
}

async function superSegmentArrives(isIpv6: boolean): Promise<void> {
  const { peer, client } = await connected(isIpv6);
  const length = 20 * peer.segmentSize;
  assert(peer.sendTcp(0x18, patternPieces(length), peer.segmentSize));
  assert(isPattern(await readExactly(client, length)));
  client.close();
  peer.close();
}

async function superSegmentIsRead(isIpv6: boolean): Promise<void> {
  // Whatever pace it has measured, Reno sends two segments at once; BBR may send one.
  Deno.writeTextFileSync("/proc/sys/net/ipv4/tcp_congestion_control", "reno");
  const { peer, client } = await connected(isIpv6);
  const bytes = new Uint8Array(10_000).map((_, index) => pattern(index));
  const writing = client.write(bytes);
  const arrived = new Uint8Array(bytes.length);
  const frame = peer.received;
  let largest = 0;
  for (let have = 0; have < bytes.length; have += peer.payloadLength) {
    await peer.nextTcp();
    // The kernel chooses how much it sends at once; more than one MSS has a segment size.
    assertEquals(frame.segmentSize, peer.payloadLength > peer.segmentSize ? peer.segmentSize : 0);
    assert(frame.checksumTrusted);
    assertEquals(frame.length, peer.payloadOffset + peer.payloadLength);
    const from = frame.start + peer.payloadOffset;
    arrived.set(arena.bytes.subarray(from, from + peer.payloadLength), have);
    largest = Math.max(largest, peer.payloadLength);
  }
  assert(largest > peer.segmentSize, "a super-segment came");
  assert(isPattern(arrived));
  await writing;
  client.close();
  peer.close();
}

async function arpIsRead(offload: boolean): Promise<void> {
  const peer = new Peer(TapLink.open(options({ offload })), false);
  assertEquals(peer.link.offload, offload);
  const dialing = Deno.connect({ hostname: PEER_IPV4, port: 80 });
  await peer.nextArp();
  assertEquals(peer.received.length, 42);
  assertEquals(peer.received.segmentSize, 0);
  assertEquals(peer.word16(20), 1, "a request");
  assertEquals([28, 29, 30, 31].map((at) => peer.byte(at)), [198, 18, 0, 1]);
  assertEquals([38, 39, 40, 41].map((at) => peer.byte(at)), [198, 18, 0, 2]);
  // The reply arrived when the kernel goes on to TCP.
  assert(peer.answerArp());
  await peer.nextTcp();
  await peer.establish();
  (await dialing).close();
  peer.close();
}

const SCENARIOS: Record<string, () => void | Promise<void>> = {
  "a name with %d is completed by the kernel": () => {
    const first = TapLink.open(options({ name: "tap%d", setup: null }));
    const second = TapLink.open(options({ name: "tap%d", setup: null }));
    assertEquals([first.name, second.name], ["tap0", "tap1"]);
    first.close();
    second.close();
  },

  "a device in use is EBUSY with advice": () => {
    const link = TapLink.open(options());
    const error = assertThrows(() => TapLink.open(options()), LibcError);
    assertEquals([error.code, error.syscall], ["EBUSY", "TUNSETIFF"]);
    assertEquals(error.message, "Cannot open tap7: device or resource busy");
    assert(error.advice.includes("Another program has tap7 open"));
    link.close();
    TapLink.open(options()).close(); // closing gave it back
  },

  "a name that is no TAP is EINVAL with advice": () => {
    const error = assertThrows(() => TapLink.open(options({ name: "lo" })), LibcError);
    assertEquals(error.code, "EINVAL");
    assert(error.advice.includes("lo is not a TAP"));
  },

  "a name too long is a RangeError": () => {
    assertThrows(() => TapLink.open(options({ name: "sixteen-letters0" })), RangeError);
  },

  "an MTU out of range is refused, and the device is closed": () => {
    const error = assertThrows(() => TapLink.open(options({ mtu: 70_000 })), LibcError);
    assertEquals([error.code, error.syscall], ["EINVAL", "SIOCSIFMTU"]);
    assert(error.advice.includes("68 to 65521"));
    TapLink.open(options()).close();
  },

  "an MTU too short for IPv6 is refused with advice": () => {
    const error = assertThrows(() => TapLink.open(options({ mtu: 1000 })), LibcError);
    assertEquals([error.code, error.syscall], ["EINVAL", "RTM_NEWADDR"]);
    assertEquals(error.advice, "IPv6 needs an MTU of at least 1280 bytes.");
  },

  "IPv6 addresses without IPv6 are refused with advice": () => {
    Deno.writeTextFileSync("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    const error = assertThrows(() => TapLink.open(options()), LibcError);
    assertEquals(error.message, "Cannot add fd00:198:18::1/64 to tap7: permission denied");
    assert(error.advice.includes("IPv6 seems to be off"));
  },

  "without CAP_NET_ADMIN opening is EPERM with advice": () => {
    const error = assertThrows(() => TapLink.open(options()), LibcError);
    assertEquals([error.code, error.syscall], ["EPERM", "TUNSETIFF"]);
    for (const way of ["sudo", "unshare -Urn", "ip tuntap add dev tap7"]) {
      assert(error.advice.includes(way), `advice names ${way}`);
    }
  },

  "set-up adds the addresses and sets the link up": () => {
    const link = TapLink.open(options());
    const addresses = interfaceAddresses("tap7");
    assert(addresses.includes("198.18.0.1/24"), `${addresses}`);
    assert(addresses.includes("fd00:198:18::1/64"), `${addresses}`);
    assertEquals(link.txQueueLength, 10_000);
    link.close();
  },

  "without set-up no address is added and the link stays down": () => {
    const link = TapLink.open(options({ setup: null }));
    assertEquals(interfaceAddresses("tap7"), []);
    const frame = new Frame(arena, 1514);
    frame.length = 60;
    assertEquals(link.read(frame), 0);
    assertEquals(link.write(frame, nothing, 0), false);
    assertEquals([link.writesWhileDown, link.writesRefused, link.writesFailed], [1, 0, 0]);
    link.close();
  },

  "the kernel's ARP request is read and answered": () => arpIsRead(true),
  "the kernel's ARP request is read and answered on bare frames": () => arpIsRead(false),
  "an IPv4 super-segment in pieces arrives whole": () => superSegmentArrives(false),
  "an IPv6 super-segment in pieces arrives whole": () => superSegmentArrives(true),
  "an IPv4 super-segment is read with its segment size": () => superSegmentIsRead(false),
  "an IPv6 super-segment is read with its segment size": () => superSegmentIsRead(true),

  "bare frames are cut and summed by the kernel": async () => {
    const peer = new Peer(TapLink.open(options({ offload: false })), false);
    const dialing = Deno.connect({ hostname: PEER_IPV4, port: 80 });
    await peer.nextTcp();
    await peer.establish();
    const client = await dialing;
    await client.write(new Uint8Array(10_000));
    do await peer.nextTcp(); while (peer.payloadLength === 0);
    assertEquals(peer.received.length, MTU + ETHERNET_LENGTH);
    assertEquals(peer.received.segmentSize, 0);
    assertEquals(peer.received.checksumTrusted, false);
    assert(peer.isTcpChecksumRight());
    client.close();
    peer.close();
  },

  "a frame the kernel rejects is counted with its errno": () => {
    const link = TapLink.open(options());
    const frame = new Frame(arena, 1514);
    frame.length = 5; // shorter than an Ethernet header
    assertEquals(link.write(frame, nothing, 0), false);
    assertEquals([link.writesFailed, link.lastWriteErrno], [1, 22]);
    link.close();
  },

  "a deleted device is EBADFD": async () => {
    const link = TapLink.open(options());
    const { success } = await new Deno.Command("ip", { args: ["link", "del", "tap7"] }).output();
    assert(success);
    assertEquals(link.read(new Frame(arena, 1514)), -EBADFD);
    link.close();
  },

  "a user's own device needs no capability without set-up": () => {
    const link = TapLink.open(options({ setup: null }));
    assertEquals(link.txQueueLength, 1000);
    link.close();
    const otherMtu = options({ setup: null, mtu: 1400 });
    const error = assertThrows(() => TapLink.open(otherMtu), LibcError);
    assertEquals([error.code, error.syscall], ["EPERM", "SIOCSIFMTU"]);
    assert(error.advice.includes("ip link set tap7 mtu 1400"));
  },

  "a device that was there keeps its state without set-up": async () => {
    const made = await new Deno.Command("sh", {
      args: ["-c", "ip tuntap add dev tap7 mode tap && ip link set tap7 mtu 1400 up"],
    }).output();
    assert(made.success);
    const link = TapLink.open(options({ mtu: 1400, setup: null }));
    const frame = new Frame(arena, 1514);
    frame.length = 60;
    assert(link.write(frame, nothing, 0), "the link is up");
    link.close();
    TapLink.open(options({ setup: null, offload: false })).close(); // it is still there
  },
};

if (import.meta.main) await SCENARIOS[Deno.args[0]]();
