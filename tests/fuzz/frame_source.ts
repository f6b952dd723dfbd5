/**
 * FrameSource: frames a hostile or broken network may bring, drawn by a seed:
 * segments that nearly fit a connection, options of every shape, fragments,
 * quoting ICMP errors, neighbour discovery; and any of them with wrong bytes.
 */

import { addressBytes, macBytes } from "../support/internet_address.ts";
import type { Choices } from "./choices.ts";
import type { FlowBook, Talk } from "./flow_book.ts";
import { type Ends, PacketWriter } from "./packet_writer.ts";

/** The product's addresses and ports. */
export const OWN_IPV4 = "10.0.0.1";
/** See `OWN_IPV4`. */
export const OWN_IPV6 = "fd00::1";
/** Two listeners, the second with fast open; on the third port is none. */
export const PORTS: readonly number[] = [80, 82, 81];
/** The link address of the product. */
export const OWN_MAC = "02:00:00:00:00:01";

const OWN_LINK = macBytes(OWN_MAC);
const PEER_LINK = macBytes("02:00:00:00:00:02");
const BROADCAST = macBytes("ff:ff:ff:ff:ff:ff");
const OWN = [addressBytes(OWN_IPV4), addressBytes(OWN_IPV6)];
/** The peer's addresses, by their last byte. */
const HOSTS = [2, 3, 4, 5];

const SYN = 2;
const RST = 4;
const ACK = 16;
const FLAGS = [ACK, ACK, ACK, 24, 24, 17, 25, 1, 4, 20, 2, 18, 0, 3, 63, 48, 80, 208];
const OPTION_KINDS = [0, 1, 2, 3, 4, 5, 8, 28, 29, 30, 34, 69, 253, 254, 255];
const TINY = [0, 0, 0, 0, 0, 1, -1, 2, 100, -100, 1448, -1448, 70_000, -70_000];

/** Makes frames one after the other, in `writer`. */
export class FrameSource {
  readonly writer = new PacketWriter();
  /** Of the frame in `writer`: whether the device vouches for its checksum. */
  isTrusted = false;
  /** Of the frame in `writer`: the size it would be cut into; 0: it is none of those. */
  segmentSize = 0;
  readonly #choices: Choices;
  readonly #book: FlowBook;
  /** The frame that completes the datagram which the last one began. */
  #secondHalf: Uint8Array | null = null;

  constructor(choices: Choices, book: FlowBook) {
    this.#choices = choices;
    this.#book = book;
  }

  /** The next frame. */
  make(): void {
    const choices = this.#choices;
    this.isTrusted = false;
    this.segmentSize = 0;
    if (this.#secondHalf !== null) {
      this.writer.ethernet(OWN_LINK, PEER_LINK, 0x0800).length = 0;
      this.writer.put(this.#secondHalf);
      this.#secondHalf = null;
      return;
    }
    const kind = choices.below(100);
    if (kind < 14) this.#opening();
    else if (kind < 34) this.#rightSegment();
    else if (kind < 68) this.#segment();
    else if (kind < 74) this.#strangeSegment();
    else if (kind < 77) this.#fragment();
    else if (kind < 80) this.#halves();
    else if (kind < 88) this.#pathError();
    else if (kind < 94) this.#neighbors();
    else if (kind < 97) this.#extended();
    else this.#noise();
    if (choices.onceIn(5)) this.#mutate();
  }

  #ends(isIpv6: boolean, host: number): Ends {
    const source = addressBytes(isIpv6 ? `fd00::${host.toString(16)}` : `10.0.0.${host}`);
    return { isIpv6, source, destination: OWN[isIpv6 ? 1 : 0] };
  }

  #begin(talk: Talk, protocol: number, fragment?: number): PacketWriter {
    this.writer.ethernet(OWN_LINK, PEER_LINK, talk.isIpv6 ? 0x86dd : 0x0800);
    const tos = this.#choices.onceIn(8) ? this.#choices.below(4) : 0;
    return this.writer.ip(this.#ends(talk.isIpv6, talk.host), protocol, fragment, tos);
  }

  #talk(): Talk {
    const { talks } = this.#book;
    if (talks.length > 0 && !this.#choices.onceIn(30)) return this.#choices.pick(talks);
    return this.#freshTalk();
  }

  #freshTalk(): Talk {
    const choices = this.#choices;
    const port = 40_000 + choices.below(200);
    return this.#book.open(choices.onceIn(3), choices.pick(HOSTS), port, choices.pick(PORTS));
  }

  #opening(): void {
    const choices = this.#choices;
    const talk = this.#freshTalk();
    const isn = choices.pick([choices.word(), 0xffffffff, 0x7fffffff, talk.expected]);
    this.#begin(talk, 6);
    this.#tcp(talk, isn, choices.onceIn(20) ? talk.next : 0, choices.onceIn(15) ? 194 : SYN);
    const options: number[] = [];
    if (choices.below(4) > 0) options.push(2, 4, choices.below(6), choices.below(256));
    if (choices.below(3) > 0) options.push(1, 3, 3, choices.below(16));
    if (choices.below(3) > 0) options.push(4, 2, 1, 1);
    if (choices.below(3) > 0) {
      talk.clock = choices.word();
      options.push(...timestamps(talk.clock, 0));
    }
    if (choices.onceIn(4)) options.push(...this.#fastOpen());
    this.#finish(options, choices.onceIn(4) ? choices.below(1200) : 0);
  }

  #fastOpen(): number[] {
    if (this.#book.cookie !== null && this.#choices.onceIn(2)) {
      return [34, 10, ...this.#book.cookie];
    }
    const length = this.#choices.pick([0, 8, 8, 4, 16, 3]);
    return [34, 2 + length, ...Array.from({ length }, () => this.#choices.below(256))];
  }

  /** What a careful peer would send: data in order, an ACK of all or of nothing new, a FIN. */
  #rightSegment(): void {
    const choices = this.#choices;
    const talk = this.#talk();
    this.#begin(talk, 6);
    const isAckOfAll = choices.below(3) > 0;
    const flags = choices.onceIn(8) ? 17 : choices.pick([ACK, 24]);
    this.#tcp(talk, talk.expected, isAckOfAll ? talk.next : talk.unacknowledged, flags, 65535);
    if (isAckOfAll) talk.unacknowledged = talk.next;
    const options = talk.tsVal === 0 ? [] : timestamps(++talk.clock, talk.tsVal);
    this.#finish(options, choices.onceIn(2) ? 100 : 0);
  }

  /** A segment of a connection that somebody knows, its numbers right or nearly so. */
  #segment(): void {
    const choices = this.#choices;
    const talk = this.#talk();
    const seq = talk.expected + choices.pick(TINY);
    const span = (talk.next - talk.unacknowledged) | 0;
    const ack = choices.onceIn(4) && span > 0
      ? talk.unacknowledged + choices.below(span + 1)
      : talk.next + (choices.onceIn(6) ? choices.pick(TINY) : 0);
    talk.unacknowledged = choices.onceIn(3) ? ack >>> 0 : talk.unacknowledged;
    const flags = choices.below(3) > 0 ? choices.pick([ACK, 24]) : choices.pick(FLAGS);
    if ((flags & (RST | SYN)) !== 0 && !choices.onceIn(3)) return this.#opening();
    this.#begin(talk, 6);
    this.#tcp(talk, seq, ack, flags);
    const options: number[] = [];
    if (talk.tsVal !== 0 && !choices.onceIn(12)) {
      options.push(...timestamps(talk.clock + choices.pick(TINY), talk.tsVal));
    }
    if (choices.onceIn(4)) options.push(...this.#sack(talk));
    const isSuper = choices.onceIn(12);
    const length = isSuper ? choices.below(60_000) : choices.onceIn(3) ? choices.below(1400) : 0;
    this.#finish(options, length);
    if (!isSuper) return;
    this.isTrusted = true;
    this.segmentSize = choices.pick([536, 1448, 1, 9000, 65535]);
  }

  #sack(talk: Talk): number[] {
    const choices = this.#choices;
    const count = 1 + choices.below(3);
    const options = [1, 1, 5, 2 + 8 * count];
    for (let i = 0; i < count; i++) {
      const begin = talk.unacknowledged + choices.below(100_000) * choices.pick([1, 1, 1, -1]);
      options.push(...bytesOf(begin), ...bytesOf(begin + choices.pick([1448, 1, 0, -1, 60_000])));
    }
    return options;
  }

  #strangeSegment(): void {
    const choices = this.#choices;
    const talk = this.#talk();
    this.#begin(talk, 6);
    this.#tcp(talk, choices.word(), choices.word(), choices.below(256));
    const options: number[] = [];
    const room = 4 * choices.below(11);
    while (options.length < room) {
      options.push(choices.onceIn(4) ? choices.below(256) : choices.pick(OPTION_KINDS));
      if (choices.below(3) > 0) options.push(choices.below(12));
    }
    this.#finish(options.slice(0, room), choices.onceIn(2) ? choices.below(1400) : 0);
  }

  /** One piece of a datagram; few of them make a whole. */
  #fragment(): void {
    const choices = this.#choices;
    const talk = this.#talk();
    const offset = choices.pick([0, 0, 1, 2, 3, 10, 100, 8190, choices.below(8192)]);
    const hasMore = choices.below(3) > 0;
    if (talk.isIpv6) {
      this.#begin(talk, 6);
      const header = new Uint8Array(8);
      header[2] = offset >> 5;
      header[3] = (offset << 3 | (hasMore ? 1 : 0)) & 255;
      header[7] = choices.below(8);
      this.writer.extension(44, header);
    } else {
      this.#begin(talk, 6, offset | (hasMore ? 0x2000 : 0));
    }
    this.#tcp(talk, talk.expected, talk.next, 24);
    this.#finish([], 8 * choices.below(20) + (choices.onceIn(6) ? 3 : 0));
  }

  /** The two halves of a datagram, one now and one next time. IPv4. */
  #halves(): void {
    const talk = { ...this.#talk(), isIpv6: false };
    this.#begin(talk, 6);
    this.#tcp(talk, talk.expected, talk.next, 24, 65535);
    this.#finish([], 60 + this.#choices.below(100));
    const { bytes, length } = this.writer;
    const cut = 34 + 8 * (1 + this.#choices.below(9));
    const second = [...bytes.subarray(0, 34), ...bytes.subarray(cut, length)];
    this.writer.length = cut;
    this.writer.reframe(0x2000);
    const first = bytes.slice(0, cut);
    this.writer.length = 0;
    this.writer.put(Uint8Array.from(second)).reframe(cut - 34 >> 3);
    this.#secondHalf = bytes.slice(0, second.length);
    this.writer.length = 0;
    this.writer.put(first);
  }

  /** An ICMP error which quotes a segment the engine may have sent. */
  #pathError(): void {
    const choices = this.#choices;
    const talk = this.#talk();
    const { isIpv6 } = talk;
    const writer = this.#begin(talk, isIpv6 ? 58 : 1);
    const type = isIpv6
      ? choices.pick([1, 2, 3, 4, 128, 129])
      : choices.pick([3, 3, 11, 12, 8, 0, 4]);
    writer.byte(type).byte(choices.below(18)).half(0);
    const mtu = choices.pick([0, 68, 552, 1280, 1400, 65535, choices.below(65536)]);
    if (isIpv6) writer.word(mtu);
    else writer.half(choices.below(65536)).half(mtu);
    if (isIpv6) {
      writer.word(0x60000000).half(20).byte(6).byte(64);
    } else {
      writer.word(0x45000000 | 40).word(0x4000).byte(64).byte(6).half(0);
    }
    const { source, destination } = this.#ends(isIpv6, talk.host);
    writer.put(destination).put(source);
    writer.half(talk.ownPort).half(talk.peerPort);
    writer.word(choices.pick([talk.unacknowledged, talk.next - 1, talk.next, choices.word()]));
    if (choices.below(4) > 0) writer.word(talk.expected).word(0x50100000).word(0);
    writer.finish(2);
  }

  #neighbors(): void {
    const choices = this.#choices;
    const isIpv6 = choices.onceIn(2);
    const host = choices.onceIn(4) ? choices.below(256) : choices.pick(HOSTS);
    const to = choices.onceIn(3) ? BROADCAST : OWN_LINK;
    const ends = this.#ends(isIpv6, host);
    if (!isIpv6) {
      this.writer.ethernet(to, PEER_LINK, 0x0806)
        .half(1).half(0x0800).half(0x0604).half(1 + choices.below(3))
        .put(PEER_LINK).put(ends.source).put(OWN_LINK)
        .put(choices.onceIn(3) ? ends.source : ends.destination);
      return;
    }
    const type = choices.pick([133, 134, 135, 136, 137]);
    const writer = this.writer.ethernet(to, PEER_LINK, 0x86dd).ip(ends, 58);
    writer.bytes[14 + 7] = choices.onceIn(5) ? 64 : 255;
    writer.byte(type).byte(0).half(0).word(choices.pick([0, 0x60000000, 0xe0000000]));
    writer.put(choices.onceIn(3) ? ends.source : ends.destination);
    if (choices.below(3) > 0) {
      writer.byte(choices.pick([1, 2, 3])).byte(choices.pick([1, 1, 0, 4])).put(PEER_LINK);
    }
    writer.finish(2);
  }

  /** IPv6 with headers between, IPv4 with options. */
  #extended(): void {
    const choices = this.#choices;
    const talk = this.#talk();
    this.#begin(talk, 6);
    if (talk.isIpv6) {
      for (let i = choices.below(4); i >= 0; i--) {
        const header = new Uint8Array(8 * (1 + choices.below(3)));
        header[1] = choices.onceIn(6) ? choices.below(256) : header.length / 8 - 1;
        this.writer.extension(choices.pick([0, 43, 60, 51, 50, 59, 135]), header);
      }
    } else {
      const words = choices.below(11);
      for (let i = 0; i < words; i++) this.writer.word(choices.word());
      this.writer.bytes[14] = 0x45 + words;
    }
    this.#tcp(talk, talk.expected, talk.next, choices.pick(FLAGS));
    this.#finish([], choices.below(100));
  }

  #noise(): void {
    const choices = this.#choices;
    const type = choices.pick([0x0800, 0x86dd, 0x0806, 0x8100, 0x1234]);
    const writer = this.writer.ethernet(choices.onceIn(2) ? OWN_LINK : BROADCAST, PEER_LINK, type);
    const count = choices.below(300);
    for (let i = 0; i < count; i++) writer.byte(choices.below(256));
    if (choices.onceIn(4)) writer.length = choices.below(14);
  }

  /** Changes bytes of the frame, its length, or what the device says of it. */
  #mutate(): void {
    const choices = this.#choices;
    const { writer } = this;
    for (let i = choices.below(4); i >= 0; i--) {
      const at = choices.below(Math.max(1, Math.min(writer.length, 120)));
      if (choices.onceIn(2)) writer.bytes[at] ^= 1 << choices.below(8);
      else writer.bytes[at] = choices.pick([0, 1, 127, 128, 255, choices.below(256)]);
    }
    if (choices.onceIn(4)) writer.length = choices.below(writer.length + 1);
    if (choices.onceIn(8)) writer.length = Math.min(writer.length + choices.below(64), 65_535);
    if (choices.onceIn(2)) writer.sumIpHeader();
    if (choices.onceIn(2)) this.isTrusted = true;
    if (choices.onceIn(10)) this.segmentSize = choices.below(65536);
  }

  #tcp(talk: Talk, seq: number, ack: number, flags: number, window?: number): void {
    const choices = this.#choices;
    this.writer.half(talk.peerPort).half(talk.ownPort).word(seq >>> 0).word(ack >>> 0)
      .half(0x5000 | flags).half(window ?? choices.pick([0, 1, 1000, 65535, choices.below(65536)]))
      .half(0).half(choices.onceIn(8) ? choices.below(65536) : 0);
  }

  /** Options, payload, lengths and checksum. The TCP header was the last thing written. */
  #finish(options: readonly number[], payloadLength: number): void {
    const { writer } = this;
    const header = writer.length - 20;
    const count = Math.min(options.length, 40);
    for (let i = 0; i < count; i++) writer.byte(options[i]);
    while ((writer.length - header) % 4 !== 0) writer.byte(0);
    writer.bytes[header + 12] = (writer.length - header) / 4 << 4;
    writer.fill(payloadLength);
    writer.finish(16);
  }
}

function timestamps(val: number, ecr: number): number[] {
  return [1, 1, 8, 10, ...bytesOf(val), ...bytesOf(ecr)];
}

function bytesOf(word: number): number[] {
  return [word >>> 24 & 255, word >>> 16 & 255, word >>> 8 & 255, word & 255];
}
