/** Laws that hold for every input, each tried on many; a counterexample is shortened. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../lib/flags.ts";
import { RangeSet } from "../../lib/tcp/range_set.ts";
import { ReceiveQueue } from "../../lib/tcp/receive_queue.ts";
import { mssIndexOf, shiftIn, SynCookies, timestampWith } from "../../lib/tcp/syn_cookie.ts";
import { DEFAULT_TUNABLES, setTunable, TunableError, TUNABLES } from "../../lib/tcp/tunables.ts";
import { parseAddress, parseCidr, parseEndpoint, parseMac } from "../../lib/wire/address.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { ACK, Segment, SYN } from "../../lib/wire/segment.ts";
import { seqGeq, seqGt, seqLeq, seqLt, seqMin } from "../../lib/wire/seq.ts";
import { buildTcpOptions, parseTcpOptions, tcpOptionsLength } from "../../lib/wire/tcp_options.ts";
import { parseCommandLine } from "../../main.ts";
import { Memory, tupleOf } from "../tcp/support.ts";

const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const half = fc.integer({ min: 0, max: 0xffff });
const WINDOW = 1 << 30;

/** Tries `law` on values of `arbitraries`. */
function law<T extends [unknown, ...unknown[]]>(
  name: string,
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  holds: (...values: T) => void,
  numRuns = 1000,
): void {
  Deno.test(`law: ${name}`, () => {
    fc.assert(fc.property<T>(...arbitraries, holds), { numRuns });
  });
}

law(
  "sequence numbers less than 2^31 apart are ordered, wherever they lie",
  [word, fc.integer({ min: 1, max: 0x7fffffff })],
  (a, distance) => {
    const b = (a + distance) | 0;
    assert(seqLt(a, b) && seqLeq(a, b) && seqGt(b, a) && seqGeq(b, a));
    assert(!seqLt(b, a) && !seqGt(a, b) && !seqLt(a, a) && seqLeq(a, a));
    assertEquals([seqMin(a, b), seqMin(b, a)], [a, a]);
  },
);

law(
  "windows far apart keep their order through a third number between them",
  [word, fc.integer({ min: 1, max: WINDOW }), fc.integer({ min: 1, max: WINDOW - 1 })],
  (a, first, second) => {
    const b = (a + first) | 0;
    const c = (b + second) | 0;
    assert(seqLt(a, b) && seqLt(b, c) && seqLt(a, c));
  },
);

law(
  "a range set holds the numbers put into it, in as few runs as there are",
  [word, fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 40 })), { maxLength: 60 })],
  (base, runs) => {
    const set = new RangeSet();
    const held = new Array<boolean>(500).fill(false);
    for (const [start, length] of runs) {
      set.insert((base + start) | 0, (base + start + length) | 0);
      held.fill(true, start, start + length);
    }
    const told = new Array<boolean>(500).fill(false);
    for (let i = 0; i < set.count; i++) {
      told.fill(true, (set.start(i) - base) | 0, (set.end(i) - base) | 0);
    }
    assertEquals(told, held);
    assertEquals(set.count, held.filter((is, i) => is && !held[i - 1]).length);
  },
);

law(
  "however a stream is cut, doubled and shuffled, it is read as it was written",
  [
    word,
    fc.array(fc.tuple(fc.nat(8000), fc.integer({ min: 1, max: 3000 })), { maxLength: 30 }),
  ],
  (start, pieces) => {
    const memory = new Memory(16);
    const queue = new ReceiveQueue(memory.arena, memory.pool, start);
    const total = 8000;
    for (const [at, length] of [...pieces, [0, total]]) {
      const end = Math.min(at + length, total);
      const from = memory.scratch(end - at, (i) => (at + i) * 7 & 255);
      const next = (queue.next - start) | 0;
      if (at > next) queue.insert((start + at) | 0, from, end - at);
      else if (end > next) queue.append(from + next - at, end - next);
    }
    assertEquals(queue.length, total);
    const gather = new Gather();
    for (let taken = 0; taken < total;) {
      const count = queue.gather(gather);
      assert(count > 0);
      assertEquals(memory.mismatch(gather, (i) => (taken + i) * 7 & 255), -1);
      queue.consume(count);
      taken += count;
    }
    assertEquals([queue.hasGap, memory.pool.lent], [false, 0]);
  },
  300,
);

const options = fc.record({
  isSyn: fc.boolean(),
  mss: fc.integer({ min: 1, max: 65535 }),
  windowScale: fc.integer({ min: -1, max: 14 }),
  sackPermitted: fc.boolean(),
  timestamps: fc.option(fc.tuple(word, word)),
  sack: fc.array(fc.tuple(word, word), { maxLength: 3 }),
});

law("TCP options are read as they were written", [options], (given) => {
  const view = new DataView(new ArrayBuffer(64));
  const seg = new Segment();
  seg.flags = given.isSyn ? SYN : ACK;
  if (given.timestamps !== null) {
    seg.hasTimestamps = true;
    [seg.tsVal, seg.tsEcr] = given.timestamps;
  }
  if (given.isSyn) {
    seg.mss = given.mss;
    seg.windowScale = given.windowScale;
    seg.sackPermitted = given.sackPermitted;
  } else {
    seg.sackCount = given.sack.length;
    for (const [i, [start, end]] of given.sack.entries()) {
      seg.sackStart[i] = start;
      seg.sackEnd[i] = end;
    }
  }
  const length = buildTcpOptions(view, 4, seg);
  assertEquals([length, length % 4], [tcpOptionsLength(seg), 0]);
  const parsed = new Segment();
  parsed.flags = seg.flags;
  assert(parseTcpOptions(view, 4, length, parsed));
  for (
    const field of [
      ...["mss", "windowScale", "sackPermitted", "hasTimestamps", "tsVal", "tsEcr", "sackCount"],
    ] as const
  ) {
    assertEquals(parsed[field as keyof Segment], seg[field as keyof Segment], field);
  }
  for (let i = 0; i < seg.sackCount; i++) {
    assertEquals(
      [parsed.sackStart[i], parsed.sackEnd[i]],
      [seg.sackStart[i], seg.sackEnd[i]],
    );
  }
});

law(
  "any bytes are options or refused, and never read beyond their end",
  [fc.uint8Array({ maxLength: 40 }), fc.boolean()],
  (bytes, isSyn) => {
    // Exactly as long as the options: a read beyond throws.
    const view = new DataView(bytes.slice().buffer);
    const seg = new Segment();
    seg.flags = isSyn ? SYN : ACK;
    parseTcpOptions(view, 0, bytes.length, seg);
    assert(seg.sackCount >= 0 && seg.sackCount <= 4);
    assert(seg.mss >= -1 && seg.mss <= 65535);
  },
  5000,
);

const cookies = new SynCookies(
  new Arena(65536),
  Uint8Array.from({ length: 16 }, (_, i) => i),
  Uint8Array.from({ length: 16 }, (_, i) => 99 - i),
);

law(
  "a SYN cookie tells its MSS to those it was made for, for two minutes at most",
  [half, word, fc.nat(3), fc.integer({ min: 0, max: 2 ** 40 }), fc.nat(300_000)],
  (port, irs, mssIndex, now, later) => {
    const tuple = tupleOf(7, port, 0);
    const cookie = cookies.make(tuple, irs, mssIndex, now);
    const found = cookies.check(tuple, irs, cookie, now + later);
    if (later < 60_000) assertEquals(found, mssIndex);
    if (later >= 120_000) assertEquals(found, -1);
    // By chance of 4 in 2^24; the next numbers are other indexes.
    const other = cookies.check(tuple, (irs + 1000) | 0, cookie, now);
    assertEquals(other, -1);
  },
);

law(
  "what a cookie's timestamp carries is read back, and the clock stays near",
  [word, fc.nat(14), fc.boolean(), fc.boolean()],
  (clock, shift, sack, ecn) => {
    const stamp = timestampWith(clock, shift, sack, ecn);
    assertEquals(shiftIn(stamp), shift);
    assert(((clock - stamp) | 0) >= 0 && ((clock - stamp) | 0) < 128);
  },
);

law(
  "of the MSS values of cookies the greatest that fits is taken",
  [half, fc.boolean()],
  (mss, isIpv4) => {
    const index = mssIndexOf(isIpv4, mss);
    assert(index >= 0 && index < 4);
    assert(mss === 0 || mssIndexOf(isIpv4, mss - 1) <= index);
  },
);

law("addresses are read as they are written", [
  fc.oneof(fc.ipV4(), fc.ipV6()),
  half,
  fc.nat(32),
], (text, port, prefix) => {
  const address = parseAddress(text);
  if (address === null) return assert(text.includes("."), `${text} is refused`);
  assert(parseAddress(String(address))!.equals(address));
  const isIpv6 = String(address).includes(":");
  const endpoint = isIpv6 ? `[${address}]:${port}` : `${address}:${port}`;
  assertEquals(String(parseEndpoint(endpoint)), endpoint);
  const cidr = parseCidr(`${address}/${prefix}`);
  assertEquals(String(cidr), `${address}/${prefix}`);
});

law("any text is an address or refused", [fc.string({ unit: "grapheme" })], (text) => {
  for (const parse of [parseAddress, parseEndpoint, parseCidr, parseMac]) {
    const parsed = parse(text);
    if (parsed !== null) assertEquals(String(parse(String(parsed))), String(parsed));
  }
}, 5000);

const flag = fc.constantFrom(
  ...["--listen", "--upstream", "--tap", "--mtu", "--mac", "--host-address", "--stack-address"],
  ...["--set", "--log-level", "--log-format", "--route", "--no-setup", "--no-offload", "--help"],
  ...["--version", "-h", "--", "-", "--no-mtu", "--lisen"],
);
const value = fc.oneof(
  fc.string(),
  fc.ipV4().map((address) => `${address}:80`),
  fc.ipV6().map((address) => `[${address}]:0`),
  fc.constantFrom(...["", "1500", "-1", "1e3", "0x10", "tap0", "debug", "json", "tcp_msl=30"]),
  fc.constantFrom(...["198.18.0.1/24", "fd00::1/64", "listen=198.18.0.2:80", "NaN", "__proto__"]),
);
const argument = fc.oneof(
  flag,
  value,
  fc.tuple(flag, value).map(([name, text]) => `${name}=${text}`),
);

law(
  "any command line is obeyed or refused with words",
  [fc.array(argument, { maxLength: 8 })],
  (args) => {
    try {
      assert(["run", "help", "version"].includes(parseCommandLine(args).kind));
    } catch (error) {
      assert(error instanceof UsageError, String(error));
      assert(error.message.length > 10);
    }
  },
  5000,
);

law(
  "any value of a tunable is in its range or refused with the range",
  [
    fc.constantFrom(...TUNABLES.map(({ name }) => name)),
    fc.oneof(fc.string(), fc.double().map(String), word.map(String)),
  ],
  (name, text) => {
    try {
      const tunables = setTunable(DEFAULT_TUNABLES, name, text);
      assertEquals(setTunable(tunables, name, String(tunables[name]))[name], tunables[name]);
    } catch (error) {
      assert(error instanceof TunableError, String(error));
      assert(error.message.includes(name));
    }
  },
  5000,
);
