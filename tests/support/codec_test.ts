import { assertEquals, assertThrows } from "@std/assert";
import {
  CodecError,
  concat,
  decodePacket,
  encodePacket,
  flagBits,
  flagLetters,
  type Packet,
} from "./codec.ts";
import { addressBytes, addressText } from "./internet_address.ts";
import { cutPacket } from "./recording_sink.ts";

const GV_01 = "800e138a000007bc00000000a00216d0649e0000020405b40402080a000a79140000000001030302";
const GV_01_IP = "4500003c000040004006829" + "8ac103002ac103001";

function syn(): Packet {
  return {
    sourceMac: "02:00:00:00:00:02",
    destinationMac: "02:00:00:00:00:01",
    source: "172.16.48.2",
    destination: "172.16.48.1",
    sourcePort: 32782,
    destinationPort: 5002,
    ttl: 64,
    trafficClass: 0,
    seq: 0x7bc,
    ack: 0,
    flags: "S",
    window: 5840,
    urgent: 0,
    options: [
      { name: "mss", value: 1460 },
      { name: "sackOK" },
      { name: "TS", val: 0x000a7914, ecr: 0 },
      { name: "nop" },
      { name: "wscale", shift: 2 },
    ],
    payload: new Uint8Array(0),
  };
}

Deno.test("codec: a packet is encoded as in GV-01", () => {
  const frame = encodePacket(syn()).toHex();
  assertEquals(frame, "020000000001" + "020000000002" + "0800" + GV_01_IP + GV_01);
});

Deno.test("codec: what is encoded is decoded again", () => {
  const packet: Packet = {
    ...syn(),
    flags: "FP.",
    ack: 0x988e4092,
    options: [
      { name: "nop" },
      { name: "nop" },
      { name: "sack", blocks: [[1, 2], [0xfffffffe, 3]] },
      { name: "FO", cookie: "0011223344556677" },
      { name: "hex", bytes: "fd04f989" },
      { name: "nop" },
      { name: "nop" },
    ],
    payload: Uint8Array.of(1, 2, 3),
  };
  assertEquals(decodePacket(encodePacket(packet)), packet);
});

Deno.test("codec: IPv6 has the checksum of GV-07", () => {
  const frame = encodePacket({ ...syn(), source: "fd00::2", destination: "fd00::1" });
  assertEquals(frame.slice(14 + 40 + 16, 14 + 40 + 18).toHex(), "22be");
  assertEquals(decodePacket(frame)?.source, "fd00::2");
});

Deno.test("codec: a flipped bit is found, in the headers and in the payload", () => {
  const good = encodePacket({ ...syn(), payload: Uint8Array.of(7) });
  for (let bit = 8 * 14; bit < 8 * good.length; bit++) {
    const bad = good.slice();
    bad[bit >> 3] ^= 1 << (bit & 7);
    assertThrows(() => decodePacket(bad), CodecError);
  }
});

Deno.test("codec: a fragment, trailing bytes and bytes behind the options' end are refused", () => {
  const good = encodePacket(syn());
  const fragment = good.slice();
  fragment[20] = 0x20; // MF instead of DF: the checksum of the header changes alike
  fragment[24] += 0x20;
  assertThrows(() => decodePacket(fragment), CodecError, "fragment");
  assertThrows(() => decodePacket(concat(good, Uint8Array.of(0))), CodecError, "total length");
  const padded = encodePacket({
    ...syn(),
    options: [{ name: "eol" }, { name: "hex", bytes: "000001" }],
  });
  assertThrows(() => decodePacket(padded), CodecError, "not zero");
});

Deno.test("codec: frames without TCP are not its affair", () => {
  const arp = concat(new Uint8Array(12), Uint8Array.of(8, 6), new Uint8Array(28));
  assertEquals(decodePacket(arp), null);
});

Deno.test("codec: flags are letters and bits, both ways", () => {
  for (let bits = 0; bits < 256; bits++) assertEquals(flagBits(flagLetters(bits)), bits);
  assertEquals(flagLetters(0x12), "S.");
});

Deno.test("codec: addresses are text and bytes, both ways", () => {
  for (const text of ["10.0.0.1", "fd00::1", "::", "::1", "1::", "1:0:2:3:4:5:6:7"]) {
    assertEquals(addressText(addressBytes(text)), text);
  }
});

Deno.test("codec: a device cuts a super-segment with FIN and PSH on the last piece", () => {
  const packet = { ...syn(), flags: "FP.", payload: new Uint8Array(2500) };
  const pieces = cutPacket(packet, 1000).map((
    piece,
  ) => [piece.flags, piece.seq - packet.seq, piece.payload.length]);
  assertEquals(pieces, [[".", 0, 1000], [".", 1000, 1000], ["FP.", 2000, 500]]);
});
