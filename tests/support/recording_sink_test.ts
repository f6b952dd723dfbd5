import { assertEquals, assertThrows } from "@std/assert";
import { Frame } from "../../lib/wire/frame.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { CodecError, decodePacket, encodePacket, type Packet } from "./codec.ts";
import { RecordingSink } from "./recording_sink.ts";

const HEADERS = 54;

function packetOf(length: number): Packet {
  return {
    sourceMac: "02:00:00:00:00:01",
    destinationMac: "02:00:00:00:00:02",
    source: "10.0.0.1",
    destination: "10.0.0.2",
    sourcePort: 80,
    destinationPort: 40000,
    ttl: 64,
    trafficClass: 0,
    seq: 1,
    ack: 1,
    flags: "P.",
    window: 1,
    urgent: 0,
    options: [],
    payload: new Uint8Array(length).fill(7),
  };
}

/** Writes a packet's frame in two pieces of payload, its checksum left to the device. */
function write(sink: RecordingSink, packet: Packet, segmentSize: number, partial = true): boolean {
  const arena = new Arena(1 << 20);
  const frame = new Frame(arena, 70_000);
  const bytes = encodePacket(packet, { partialChecksum: partial });
  arena.bytes.set(bytes, frame.start);
  frame.length = HEADERS;
  if (partial) {
    frame.checksumStart = 34;
    frame.checksumField = 16;
  }
  const payload = new Gather();
  const half = packet.payload.length >> 1;
  if (half > 0) payload.add(frame.start + HEADERS, half);
  payload.add(frame.start + HEADERS + half, packet.payload.length - half);
  return sink.write(frame, payload, segmentSize);
}

Deno.test("sink: a device with offload completes the checksum", () => {
  const sink = new RecordingSink(true, 1500);
  write(sink, packetOf(5000), 1460);
  assertEquals(sink.frames[0].segmentSize, 1460);
  assertEquals(decodePacket(sink.frames[0].bytes), packetOf(5000));
});

Deno.test("sink: a bare device completes and cuts nothing", () => {
  const sink = new RecordingSink(false, 1500);
  assertThrows(() => write(sink, packetOf(10), 0), CodecError, "completes none");
  assertThrows(() => write(sink, packetOf(5000), 1460, false), CodecError, "cuts none");
  assertThrows(() => write(sink, packetOf(1461), 0, false), CodecError, "Frame of 1515 bytes");
  assertEquals(write(sink, packetOf(1460), 0, false), true);
});

Deno.test("sink: super-segments must need the cut, and fit after it", () => {
  const sink = new RecordingSink(true, 1500);
  assertThrows(() => write(sink, packetOf(1460), 1460), CodecError, "needs no cut");
  assertThrows(() => write(sink, packetOf(3000), 1461), CodecError, "frames of 1515 bytes");
});

Deno.test("sink: a full device takes nothing", () => {
  const sink = new RecordingSink(true, 1500);
  sink.isFull = true;
  assertEquals(write(sink, packetOf(10), 0), false);
  assertEquals(sink.frames.length, 0);
});
