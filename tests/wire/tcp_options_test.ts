import { assertEquals } from "@std/assert";
import { Arena } from "../../lib/wire/memory.ts";
import { ACK, Segment, SYN } from "../../lib/wire/segment.ts";
import { buildTcpOptions, parseTcpOptions, tcpOptionsLength } from "../../lib/wire/tcp_options.ts";
import { hexAt, putHex } from "../support/bytes.ts";

const AT = 64;
const arena = new Arena(65536);

function parse(hex: string, flags: number = SYN): Segment {
  const seg = new Segment();
  seg.flags = flags;
  assertEquals(parseTcpOptions(arena.view, AT, putHex(arena, AT, hex), seg), true);
  return seg;
}

function parseMalformed(hex: string): Segment {
  const seg = new Segment();
  seg.flags = SYN;
  assertEquals(parseTcpOptions(arena.view, AT, putHex(arena, AT, hex), seg), false);
  return seg;
}

function build(fields: Partial<Segment>): string {
  const seg = Object.assign(new Segment(), fields);
  const length = buildTcpOptions(arena.view, AT, seg);
  assertEquals(length, tcpOptionsLength(seg));
  return hexAt(arena, AT, length);
}

Deno.test("OPT-01: the golden SYN's options are all recognised", () => {
  const seg = parse("020405b4 0402 080a000a791400000000 01 030302");
  assertEquals(seg.mss, 1460);
  assertEquals(seg.sackPermitted, true);
  assertEquals([seg.hasTimestamps, seg.tsVal, seg.tsEcr], [true, 0x000a7914, 0]);
  assertEquals(seg.windowScale, 2);
});

Deno.test("OPT-01: of a repeated option the last valid one counts", () => {
  assertEquals(parse("020405b4 020403e8").mss, 1000);
  assertEquals(parse("020405b4 020503e800 000000").mss, 1460);
});

Deno.test("OPT-02: unknown options are skipped by their length", () => {
  const seg = parse("1e0c 00000000000000000000 fd04f989 020405b4");
  assertEquals(seg.mss, 1460);
  assertEquals(seg.fastOpenLength, -1);
});

Deno.test("OPT-03: a malformed length ends the list and keeps what was read", () => {
  for (const bad of ["0800 0000", "0801 0000", "080a 0000", "0101 0108"]) {
    const seg = parseMalformed("020405b4" + bad);
    assertEquals(seg.mss, 1460);
    assertEquals(seg.hasTimestamps, false);
  }
});

Deno.test("OPT-04: options at any alignment are read, until the end of the list", () => {
  assertEquals(parse("01 020405b4 000000").mss, 1460);
  assertEquals(parse("00 02040064 000000").mss, -1);
});

Deno.test("OPT-08: options of a SYN are ignored in other segments", () => {
  const seg = parse("02040064 0402 030302 2202 00", ACK);
  assertEquals([seg.mss, seg.windowScale, seg.sackPermitted, seg.fastOpenLength], [
    -1,
    -1,
    false,
    -1,
  ]);
});

Deno.test("OPT-11: a SYN with everything takes 20 bytes in Linux's order", () => {
  const fields = { flags: SYN, mss: 1460, sackPermitted: true, hasTimestamps: true };
  assertEquals(
    build({ ...fields, tsVal: 0x000a7914, windowScale: 7 }),
    "020405b40402080a000a79140000000001030307",
  );
});

Deno.test("OPT-11: a SYN without timestamps pads SACK-permitted", () => {
  assertEquals(
    build({ flags: SYN, mss: 1460, sackPermitted: true, windowScale: 7 }),
    "020405b40101040201030307",
  );
  assertEquals(build({ flags: SYN, mss: 1460 }), "020405b4");
  assertEquals(
    build({ flags: SYN | ACK, mss: 1460, hasTimestamps: true, tsVal: 1, tsEcr: 2 }),
    "020405b40101080a0000000100000002",
  );
});

Deno.test("OPT-12: other segments carry aligned timestamps", () => {
  const fields = { flags: ACK, hasTimestamps: true, tsVal: 1, tsEcr: -1 };
  assertEquals(build({ ...fields, mss: 1460 }), "0101080a00000001ffffffff");
  assertEquals(build({ flags: ACK }), "");
});

Deno.test("OPT-12: aligned timestamps are read alone and beside SACK blocks", () => {
  const alone = parse("0101080a 00000001 ffffffff", ACK);
  assertEquals([alone.hasTimestamps, alone.tsVal, alone.tsEcr], [true, 1, -1]);
  const beside = parse("0101080a 00000001 ffffffff 0101050a 00000010 00000020", ACK);
  assertEquals([beside.tsVal, beside.tsEcr, beside.sackCount], [1, -1, 1]);
  assertEquals([beside.sackStart[0], beside.sackEnd[0]], [16, 32]);
});

Deno.test("SACK-02: three blocks fit beside timestamps, four without", () => {
  const sackStart = Int32Array.of(1, 3, 5, 7);
  const sackEnd = Int32Array.of(2, 4, 6, 8);
  const fields = { flags: ACK, sackCount: 4, sackStart, sackEnd };
  const block = (n: number) => `0000000${2 * n - 1}0000000${2 * n}`;
  assertEquals(build(fields), "01010522" + block(1) + block(2) + block(3) + block(4));
  assertEquals(
    build({ ...fields, hasTimestamps: true, tsVal: 1, tsEcr: 2 }),
    "0101080a00000001000000020101051a" + block(1) + block(2) + block(3),
  );
});

Deno.test("SACK-02: blocks of a wrong length are ignored", () => {
  assertEquals(parse("0101 0502", ACK).sackCount, 0);
  assertEquals(parse("0509 00000000000000 000000", ACK).sackCount, 0);
});

Deno.test("UTO-02: a user timeout counts seconds, or minutes where its first bit is set", () => {
  for (const flags of [SYN, ACK]) {
    assertEquals(parse("1c04012c", flags).userTimeout, 300);
    assertEquals(parse("1c047fff", flags).userTimeout, 32_767);
    assertEquals(parse("01 1c048005 000000", flags).userTimeout, 300);
    assertEquals(parse("1c04ffff", flags).userTimeout, 1_966_020);
  }
});

Deno.test("UTO-02: a user timeout of nothing, or of a wrong length, is none", () => {
  for (const hex of ["1c040000", "1c048000", "1c030101", "1c05012c00 000000", "1c02 0101"]) {
    assertEquals(parse(hex).userTimeout, 0);
  }
  assertEquals(parse("1c04012c 1c040000").userTimeout, 300, "it is ignored");
});

Deno.test("UTO-02: a user timeout is written in seconds as long as they fit", () => {
  assertEquals(build({ flags: ACK, userTimeout: 300 }), "1c04012c");
  assertEquals(build({ flags: ACK, userTimeout: 32_767 }), "1c047fff");
  assertEquals(build({ flags: ACK, userTimeout: 32_768 }), "1c048223");
  assertEquals(build({ flags: ACK, userTimeout: 1_966_020 }), "1c04ffff");
});

Deno.test("UTO-02: a user timeout stands behind the other options of a SYN, and before SACK blocks", () => {
  const all = { mss: 1460, sackPermitted: true, hasTimestamps: true, tsVal: 1, tsEcr: 2 };
  assertEquals(
    build({ ...all, flags: SYN, windowScale: 7, userTimeout: 300, fastOpenLength: 0 }),
    "020405b4 0402080a0000000100000002 01030307 1c04012c 22020101".replaceAll(" ", ""),
  );
  const blocks = {
    flags: ACK,
    userTimeout: 300,
    sackCount: 4,
    sackStart: Int32Array.of(1, 3, 5, 7),
    sackEnd: Int32Array.of(2, 4, 6, 8),
  };
  const timestamps = "0101080a0000000100000002";
  const two = "0000000100000002" + "0000000300000004";
  assertEquals(build({ ...blocks, ...all }), timestamps + "1c04012c" + "01010512" + two);
  const four = two + "0000000500000006" + "0000000700000008";
  assertEquals(build(blocks), "1c04012c" + "01010522" + four);
});

Deno.test("TFO-S-01: a fast open option is a request or an even cookie of 4 to 16 bytes", () => {
  assertEquals(parse("2202 0101").fastOpenLength, 0);
  const seg = parse("220a 1313a2da994a0951 0101");
  assertEquals(seg.fastOpenLength, 8);
  assertEquals(seg.fastOpenCookie.subarray(0, 8).toHex(), "1313a2da994a0951");
  assertEquals(parse("2203 0001").fastOpenLength, -1);
  assertEquals(parse("2204 0000").fastOpenLength, -1);
  assertEquals(parse("2207 0000000000 01").fastOpenLength, -1);
  assertEquals(parse("2214" + "00".repeat(18)).fastOpenLength, -1);
});

Deno.test("TFO-S-01: a fast open option is padded with NOPs", () => {
  assertEquals(build({ flags: SYN, fastOpenLength: 0 }), "22020101");
  const fastOpenCookie = new Uint8Array(16).fill(0xcc);
  assertEquals(
    build({ flags: SYN, mss: 1460, fastOpenLength: 8, fastOpenCookie }),
    "020405b4220acccccccccccccccc0101",
  );
  const all = { flags: SYN, mss: 1460, sackPermitted: true, hasTimestamps: true, windowScale: 7 };
  assertEquals(build({ ...all, fastOpenLength: 16, fastOpenCookie }).length, 80);
});

Deno.test("fast open is read and written as an experiment too, with its number", () => {
  const seg = parse("fe0c f989 1313a2da994a0951");
  assertEquals([seg.fastOpenLength, seg.isFastOpenExperimental], [8, true]);
  assertEquals(seg.fastOpenCookie.subarray(0, 8).toHex(), "1313a2da994a0951");
  assertEquals(parse("fe04 f989").fastOpenLength, 0);
  for (const other of ["fe04 f98a", "fe02 0000", "fe03 f900", "fe05 f989 00 000000"]) {
    assertEquals(parse(other).fastOpenLength, -1);
  }
  assertEquals(parse("fe04f989 2202 0000").isFastOpenExperimental, false);
  const fields = { flags: SYN, fastOpenCookie: new Uint8Array(16).fill(0xcc) };
  const experiment = { ...fields, isFastOpenExperimental: true };
  assertEquals(build({ ...experiment, fastOpenLength: 0 }), "fe04f989");
  assertEquals(build({ ...experiment, fastOpenLength: 6 }), "fe0af989cccccccccccc0101");
});

Deno.test("GEN-07: every option list of every length is parsed or refused", () => {
  let seed = 1;
  for (let round = 0; round < 20000; round++) {
    for (let i = 0; i < 40; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) | 0;
      arena.bytes[AT + i] = (seed >>> 16) & (round & 1 ? 0xff : 0x0f);
    }
    const seg = new Segment();
    seg.flags = SYN;
    parseTcpOptions(arena.view, AT, (round % 11) * 4, seg);
  }
});
