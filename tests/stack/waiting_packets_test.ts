import { assertEquals } from "@std/assert";
import { Transmitter } from "../../lib/stack/transmitter.ts";
import { WaitingPackets } from "../../lib/stack/waiting_packets.ts";
import { Counters } from "../../lib/tcp/counters.ts";
import { parseMac } from "../../lib/wire/address.ts";
import { EtherType } from "../../lib/wire/ethernet.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PagePool } from "../../lib/wire/pages.ts";
import { Segment } from "../../lib/wire/segment.ts";
import { decodePacket } from "../support/codec.ts";
import { fillGolden } from "../support/golden.ts";
import { OWN_MAC, PEER_MAC } from "../support/packets.ts";
import { RecordingSink } from "../support/recording_sink.ts";

function create() {
  const arena = new Arena(4 << 20);
  const pages = new PagePool(arena, 2 << 20);
  const sink = new RecordingSink(false, 1500);
  const counters = new Counters();
  const options = { offload: true, ttl: 64, flowKey: 1 };
  const transmitter = new Transmitter(arena, sink, parseMac(OWN_MAC)!, options, counters);
  const waiting = new WaitingPackets(transmitter, pages, counters);
  const seg = new Segment();
  fillGolden(seg, "GV-03");
  const payloadOf = (...lengths: number[]) => {
    const payload = new Gather();
    for (const length of lengths) payload.add(arena.reserve(length, 1), length);
    return payload;
  };
  return { arena, pages, sink, counters, waiting, seg, payloadOf };
}

Deno.test("waiting packets: leave whole, with payload and checksum", () => {
  const { arena, pages, sink, waiting, seg, payloadOf } = create();
  const payload = payloadOf(3, 5);
  arena.bytes.fill(0x61, payload.offsets[0], payload.offsets[0] + 3);
  arena.bytes.fill(0x62, payload.offsets[1], payload.offsets[1] + 5);
  waiting.add(7, seg, payload);
  assertEquals([waiting.count, pages.lent], [1, 1]);
  assertEquals(waiting.send(7, 0x0200, 2, EtherType.Ipv4), true);
  const packet = decodePacket(sink.frames[0].bytes)!;
  assertEquals(new TextDecoder().decode(packet.payload), "aaabbbbb");
  assertEquals(packet.destinationMac, PEER_MAC);
  assertEquals([waiting.count, pages.lent], [0, 0]);
});

Deno.test("waiting packets: one as large as a page waits, a larger one is dropped", () => {
  const { counters, pages, waiting, seg, payloadOf } = create();
  const headersLength = 20 + 32;
  waiting.add(7, seg, payloadOf(4097 - headersLength));
  assertEquals([counters.NeighborQueueDrop, waiting.count, pages.lent], [1, 0, 0]);
  waiting.add(7, seg, payloadOf(4096 - headersLength));
  assertEquals([counters.NeighborQueueDrop, waiting.count, pages.lent], [1, 1, 1]);
});

Deno.test("waiting packets: what a gather held before is no part of a packet", () => {
  const { sink, waiting, seg, payloadOf } = create();
  const payload = payloadOf(3, 5);
  const offset = payload.offsets[0];
  payload.clear();
  payload.add(offset, 3);
  waiting.add(7, seg, payload);
  waiting.send(7, 0x0200, 2, EtherType.Ipv4);
  assertEquals(sink.frames[0].bytes.length, 14 + 20 + 32 + 3);
});

Deno.test("waiting packets: 256 wait for all neighbours together", () => {
  const { counters, pages, waiting, seg } = create();
  for (let i = 0; i < 300; i++) waiting.add(i >> 3, seg, new Gather());
  assertEquals([counters.NeighborQueueDrop, waiting.count, pages.lent], [44, 256, 256]);
  for (let slot = 0; slot < 40; slot++) waiting.discard(slot);
  assertEquals([counters.NeighborQueueDrop, waiting.count, pages.lent], [300, 0, 0]);
});
