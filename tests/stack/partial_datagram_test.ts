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
