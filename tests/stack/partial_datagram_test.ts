import { assertEquals } from "@std/assert";
import { PartialDatagram, Placement } from "../../lib/stack/partial_datagram.ts";
import { IpPacket } from "../../lib/wire/ip_packet.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PAGE_SIZE, PagePool } from "../../lib/wire/pages.ts";

const AT = 100;

/** A fragment of `length` bytes, all `fill`, behind 20 bytes of header. */
function piece(start: number, length: number, hasMore = true, fill = 1): IpPacket {
  const packet = new IpPacket();
  arena.bytes.fill(fill, AT + 20, AT + 20 + length);
  packet.offset = AT;
  packet.payloadOffset = AT + 20;
  packet.payloadLength = length;
  packet.fragmentOffset = start;
  packet.moreFragments = hasMore;
  packet.identification = 5;
  return packet;
}

const arena = new Arena(1 << 20);
arena.reserve(1 << 17, 64);

Deno.test("partial datagram: pieces across pages come out as one", () => {
  const pool = new PagePool(arena, 3 * PAGE_SIZE);
  const datagram = new PartialDatagram();
  datagram.begin(piece(0, 8), 30);
  const lengths = [4000, 4200, 100];
  const starts = [0, 4000, 8200];
  for (const i of [2, 0, 1]) {
    const packet = piece(starts[i], lengths[i], i < 2, i + 1);
    assertEquals([datagram.isComplete, datagram.placementOf(packet)], [false, Placement.New]);
    assertEquals(datagram.keep(packet, pool, arena.bytes), true);
  }
  assertEquals([datagram.isComplete, datagram.length, datagram.pageCount], [true, 8300, 3]);
  datagram.copyPayload(arena.bytes, AT);
  const whole = lengths.flatMap((length, i) => Array(length).fill(i + 1));
  assertEquals(Array.from(arena.bytes.slice(AT, AT + 8300)), whole);
  datagram.release(pool);
  assertEquals([pool.lent, datagram.pageCount], [0, 0]);
});

Deno.test("partial datagram: what is here twice, overlaps, or passes the end is told apart", () => {
  const pool = new PagePool(arena, 4 * PAGE_SIZE);
  const datagram = new PartialDatagram();
  datagram.begin(piece(0, 8), 30);
  datagram.keep(piece(16, 16), pool, arena.bytes);
  const placements = [
    [piece(0, 16), Placement.New],
    [piece(32, 8), Placement.New],
    [piece(16, 16), Placement.Duplicate],
    [piece(16, 8), Placement.Overlap],
    [piece(8, 16), Placement.Overlap],
    [piece(24, 16), Placement.Overlap],
    [piece(0, 64), Placement.Overlap],
    [piece(0, 16, false), Placement.Overlap],
  ] as const;
  for (const [packet, placement] of placements) {
    assertEquals(datagram.placementOf(packet), placement);
  }
  datagram.keep(piece(40, 3, false), pool, arena.bytes);
  assertEquals(datagram.placementOf(piece(32, 8)), Placement.New);
  assertEquals(datagram.placementOf(piece(48, 8)), Placement.Overlap);
  assertEquals(datagram.placementOf(piece(32, 8, false)), Placement.Overlap);
});

Deno.test("IP-11: a datagram takes 64 fragments", () => {
  const pool = new PagePool(arena, 4 * PAGE_SIZE);
  const datagram = new PartialDatagram();
  datagram.begin(piece(0, 8), 30);
  for (let i = 0; i < 64; i++) {
    assertEquals(datagram.placementOf(piece(16 * i, 8)), Placement.New);
    datagram.keep(piece(16 * i, 8), pool, arena.bytes);
  }
  assertEquals(datagram.placementOf(piece(16 * 64, 8)), Placement.Refused);
  assertEquals(datagram.count, 64);
});

Deno.test("partial datagram: without a page nothing is kept", () => {
  const pool = new PagePool(arena, PAGE_SIZE);
  const datagram = new PartialDatagram();
  datagram.begin(piece(0, 8), 30);
  assertEquals(datagram.pagesFor(piece(0, 4104)), 2);
  assertEquals(datagram.keep(piece(0, 4104), pool, arena.bytes), false);
  datagram.release(pool);
  assertEquals([datagram.count, pool.lent], [0, 0]);
});

/** A fragment like `piece` with other headers: `fields` of the packet. */
function pieceWith(fields: Partial<IpPacket>, ...args: Parameters<typeof piece>): IpPacket {
  return Object.assign(piece(...args), fields);
}

Deno.test("partial datagram: a fragment belongs to it by each word of its key", () => {
  const key = {
    source0: 1,
    source1: 2,
    source2: 3,
    source3: 4,
    destination0: 5,
    destination1: 6,
    destination2: 7,
    destination3: 8,
    identification: 9,
  };
  const datagram = new PartialDatagram();
  for (const isIpv6 of [false, true]) {
    const packet = (change: Partial<IpPacket> = {}) =>
      pieceWith({ ...key, isIpv6, protocol: 17, ...change }, 0, 8);
    datagram.begin(packet(), 30);
    assertEquals([datagram.has(packet()), datagram.isFrom(packet())], [true, true]);
    for (const [name, value] of Object.entries(key)) {
      const other = packet({ [name]: value + 1 });
      assertEquals(datagram.has(other), false, name);
      assertEquals(datagram.isFrom(other), !name.startsWith("source"), name);
    }
    const otherFamily = packet({ isIpv6: !isIpv6 });
    assertEquals([datagram.has(otherFamily), datagram.isFrom(otherFamily)], [false, false]);
    // RFC 791 §3.2 has the protocol in the key, RFC 8200 §4.5 has not.
    assertEquals(datagram.has(packet({ protocol: 6 })), isIpv6);
  }
});

Deno.test("partial datagram: each byte comes out where it came in, across pages and in any order", () => {
  const pool = new PagePool(arena, 4 * PAGE_SIZE);
  const datagram = new PartialDatagram();
  const whole = Uint8Array.from({ length: 3 * PAGE_SIZE + 1 }, (_, i) => i * 31 >> 3);
  const cuts = [0, 8, PAGE_SIZE - 8, PAGE_SIZE, PAGE_SIZE + 8, 3 * PAGE_SIZE - 8, whole.length];
  datagram.begin(piece(0, 8), 30);
  for (const i of [4, 0, 3, 5, 1, 2]) {
    const [start, end] = [cuts[i], cuts[i + 1]];
    const packet = piece(start, end - start, end < whole.length);
    arena.bytes.set(whole.subarray(start, end), packet.payloadOffset);
    const before = datagram.pageCount;
    const missing = datagram.pagesFor(packet);
    assertEquals(datagram.isComplete, false);
    assertEquals(datagram.keep(packet, pool, arena.bytes), true);
    assertEquals(datagram.pageCount, before + missing);
  }
  assertEquals([datagram.isComplete, datagram.length], [true, whole.length]);
  assertEquals([datagram.pageCount, pool.lent], [4, 4]);
  arena.bytes[AT + whole.length] = 0x77; // not to be written over
  datagram.copyPayload(arena.bytes, AT);
  assertEquals(arena.bytes.slice(AT, AT + whole.length), whole);
  assertEquals(arena.bytes[AT + whole.length], 0x77);
  datagram.release(pool);
  assertEquals(pool.lent, 0);
});

Deno.test("partial datagram: pages are lent for the bytes there are, not for one more", () => {
  const datagram = new PartialDatagram();
  datagram.begin(piece(0, 8), 30);
  const cases = [[0, 8], [0, 4096], [0, 4097], [4088, 8], [4088, 16], [4096, 4096], [65528, 7]];
  const pages = cases.map(([start, length]) => datagram.pagesFor(piece(start, length)));
  assertEquals(pages, [1, 1, 2, 1, 2, 1, 1]);
});

Deno.test("partial datagram: the first fragment is quoted with its headers, up to 128 bytes of them", () => {
  const pool = new PagePool(arena, 4 * PAGE_SIZE);
  for (const headerLength of [20, 128, 129]) {
    const datagram = new PartialDatagram();
    const first = piece(0, 5000);
    first.payloadOffset = AT + headerLength;
    for (let i = 0; i < headerLength + 5000; i++) arena.bytes[AT + i] = i * 7 >> 2;
    const sent = arena.bytes.slice(AT, AT + headerLength + 5000);
    datagram.begin(first, 30);
    assertEquals(datagram.hasFirst, false);
    if (headerLength === 129) {
      assertEquals(datagram.placementOf(first), Placement.Refused);
      continue;
    }
    assertEquals(datagram.placementOf(first), Placement.New);
    datagram.keep(first, pool, arena.bytes);
    const to = AT + 10_000;
    assertEquals([datagram.hasFirst, datagram.copyFirst(arena.bytes, to)], [true, sent.length]);
    assertEquals(arena.bytes.slice(to, to + sent.length), sent);
    datagram.release(pool);
  }
});

Deno.test("partial datagram: the headers of the whole are those of the first, but any CE stays", () => {
  const pool = new PagePool(arena, 4 * PAGE_SIZE);
  const CE = 3;
  for (const [ecnFirst, ecnSecond, ecn] of [[2, 1, 2], [2, CE, CE], [CE, 1, CE], [0, 2, 0]]) {
    for (const order of [[0, 1], [1, 0]]) {
      const datagram = new PartialDatagram();
      const first = () =>
        pieceWith({ dscp: 9, ecn: ecnFirst, ttl: 4, pathHigh: 5, pathLow: 6 }, 0, 8);
      const second = () => pieceWith({ dscp: 1, ecn: ecnSecond, ttl: 9 }, 8, 8, false);
      datagram.begin(first(), 30);
      for (const i of order) datagram.keep([first, second][i](), pool, arena.bytes);
      assertEquals(
        [datagram.header.ecn, datagram.header.dscp, datagram.header.ttl],
        [ecn, 9, 4],
        `${[ecnFirst, order]}`,
      );
      assertEquals([datagram.header.pathHigh, datagram.header.pathLow], [5, 6]);
      datagram.release(pool);
    }
  }
});

Deno.test("partial datagram: begun again, nothing is left of the one before", () => {
  const pool = new PagePool(arena, 4 * PAGE_SIZE);
  const datagram = new PartialDatagram();
  datagram.begin(piece(0, 8), 30);
  datagram.keep(pieceWith({ ecn: 3 }, 0, 8), pool, arena.bytes);
  datagram.keep(piece(8, 800, false), pool, arena.bytes);
  datagram.release(pool);
  datagram.isDiscarded = true;
  datagram.begin(piece(8, 8), 70);
  assertEquals([datagram.dueAt, datagram.isDiscarded, datagram.count], [70, false, 0]);
  assertEquals([datagram.hasFirst, datagram.isComplete], [false, false]);
  // Shorter than the one before: its end is none now.
  const last = piece(8, 8, false);
  assertEquals(datagram.placementOf(last), Placement.New);
  datagram.keep(last, pool, arena.bytes);
  assertEquals([datagram.isComplete, datagram.header.ecn], [false, 0]);
  datagram.keep(piece(0, 8), pool, arena.bytes);
  assertEquals([datagram.isComplete, datagram.length, datagram.header.ecn], [true, 16, 0]);
  datagram.release(pool);
});
