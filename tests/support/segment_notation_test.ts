import { assertEquals, assertThrows } from "@std/assert";
import { Flow } from "./flow.ts";
import { formatPacket, parseSegment } from "./segment_notation.ts";
import { buildPacket, differenceOf } from "./segment_spec.ts";

function flow(): Flow {
  const ends = {
    peerMac: "02:00:00:00:00:02",
    peerAddress: "10.0.0.2",
    peerPort: 40000,
    localAddress: "10.0.0.1",
    localPort: 80,
  };
  const flow = new Flow("", ends, 0xffffff00);
  flow.productIsn = 5000;
  flow.timestampBase = 700;
  flow.lastTsVal = 750;
  return flow;
}

/** Reads a segment, builds its packet and writes that again. */
function again(text: string): string {
  const ends = flow();
  return formatPacket(buildPacket(parseSegment(text), ends, 1234), ends, "<");
}

Deno.test("notation: what is read is written again", () => {
  const lines = [
    "S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr -700,nop,wscale 7>",
    "S 0:0(0) win 65535 <mss 1460,uto 300 s>",
    ". 0:0(0) ack 0 win 65535 <uto 5 min>",
    "FP. 1:11(10) ack 1 win 0",
    "- -5:-5(0) win 1",
    "[ce] . 1:3(2) ack 1 win 1",
    "[ect0] PEW. 1:3(2) ack 1 win 1",
    "PU. 1:3(2) ack 1 win 1 urg 1",
    ". 300:300(0) ack 70000 win 9 <nop,nop,sack 11:21 -1:3>",
    "S 0:0(0) win 1 <FO 0011223344556677,nop,nop,eol>",
    "S 0:0(0) win 1 <FO>",
    "S 0:0(0) win 1 <hex fd02>",
  ];
  for (const line of lines) assertEquals(again(line), line);
});

Deno.test("notation: numbers may be short, absolute or named", () => {
  assertEquals(again(". 1 ack 2 win 1"), ". 1:1(0) ack 2 win 1");
  assertEquals(again("P. 1:11 ack 2 win 1"), "P. 1:11(10) ack 2 win 1");
  assertEquals(again("R =0xffffff00 win 1"), "R 0:0(0) win 1");
  assertEquals(again("R. X+7 ack C+1 win 1").startsWith("R. 5263:5263"), true);
  assertEquals(again('P. 1:4 ack 1 win 1 "abc"'), "P. 1:4(3) ack 1 win 1");
});

Deno.test("notation: <ts> is the peer's clock and the last TSval of the product", () => {
  assertEquals(again(". 1 ack 1 win 1 <ts>"), ". 1:1(0) ack 1 win 1 <nop,nop,TS val 1234 ecr 50>");
});

Deno.test("notation: a mistake is explained", () => {
  assertThrows(() => parseSegment("X 0:0(0)"), Error, "Not a segment");
  assertThrows(() => parseSegment(". 0:0(0)"), Error, 'no "ack"');
  assertThrows(() => parseSegment("P. 1:11(11) ack 1"), Error, "not 11 bytes long");
  assertThrows(() => parseSegment("P. 1:C+2 ack 1"), Error, "Range from");
  assertThrows(() => parseSegment("S 0 <mss>"), Error, "Not an option: mss");
  assertThrows(() => parseSegment('P. 1:3 ack 1 "abc"'), Error, "3 bytes where");
});

Deno.test("notation: each difference has its name", () => {
  const ends = flow();
  const sent = buildPacket(
    parseSegment('P. 1:4(3) ack 1 win 100 <nop,nop,TS val 710 ecr 0> "abc"'),
    ends,
    0,
  );
  // Seen from the other side: what the peer sends is what the product would.
  const packet = { ...sent, seq: 5001, ack: 0xffffff01 };
  const difference = (text: string) => differenceOf(parseSegment(text), packet, ends, 10);
  assertEquals(difference("P. 1:4(3) ack 1 win 100 <nop,nop,TS val 0 ecr *>"), "");
  assertEquals(difference("P. 1:4(3) ack 1 <...>"), "");
  assertEquals(difference('P. * ack * <...> "abc"'), "");
  assertEquals(difference(". 1:4(3) ack 1 <...>"), "flags");
  assertEquals(difference("P. 2:5(3) ack 1 <...>"), "sequence number");
  assertEquals(difference("P. 1:3(2) ack 1 <...>"), "length");
  assertEquals(difference("P. 1:4(3) ack 2 <...>"), "acknowledgment number");
  assertEquals(difference("P. 1:4(3) ack 1 win 99 <...>"), "window");
  assertEquals(difference("P. 1:4(3) ack 1 win >99 <...>"), "");
  assertEquals(difference("P. 1:4(3) ack 1 win <100 <...>"), "window");
  assertEquals(difference("P. 1:4(3) ack 1 urg 1 <...>"), "urgent pointer");
  assertEquals(difference("P. 1:4(3) ack 1"), "options");
  assertEquals(difference("P. 1:4(3) ack 1 <nop,nop,TS val 21 ecr *>"), "options");
  assertEquals(difference('P. 1:4(3) ack 1 <...> "abd"'), "payload");
});
