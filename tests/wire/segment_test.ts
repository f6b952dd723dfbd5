import { assertEquals } from "@std/assert";
import { ACK, CWR, ECE, FIN, PSH, RST, Segment, SYN, URG } from "../../lib/wire/segment.ts";

Deno.test("segment: SEG.LEN counts the payload, SYN and FIN", () => {
  const seg = new Segment();
  const rows: [number, number, number][] = [
    [0, 0, 0],
    [SYN, 0, 1],
    [FIN | ACK, 0, 1],
    [SYN | FIN, 10, 12],
    [ACK | PSH | URG | RST | ECE | CWR, 1448, 1448],
  ];
  for (const [flags, payloadLength, len] of rows) {
    seg.flags = flags;
    seg.payloadLength = payloadLength;
    assertEquals(seg.len, len);
  }
});

Deno.test("segment: each flag has its question", () => {
  const seg = new Segment();
  const answers = () => [seg.hasFin, seg.hasSyn, seg.hasRst, seg.hasAck];
  seg.flags = FIN;
  assertEquals(answers(), [true, false, false, false]);
  seg.flags = SYN;
  assertEquals(answers(), [false, true, false, false]);
  seg.flags = RST;
  assertEquals(answers(), [false, false, true, false]);
  seg.flags = ACK;
  assertEquals(answers(), [false, false, false, true]);
});

Deno.test("segment: reset leaves nothing of the segment before but its addresses and numbers", () => {
  const fresh = new Segment();
  const used = new Segment();
  Object.assign(used, {
    mss: 1460,
    windowScale: 7,
    sackPermitted: true,
    hasTimestamps: true,
    sackCount: 3,
    fastOpenLength: 8,
    urgentPointer: 9,
    payloadLength: 10,
    segmentSize: 11,
    ecn: 3,
    dscp: 12,
  });
  used.reset();
  assertEquals(used, fresh);
});
