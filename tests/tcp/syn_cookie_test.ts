import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  ecnIn,
  mssIndexOf,
  sackIn,
  shiftIn,
  SynCookies,
  timestampWith,
} from "../../lib/tcp/syn_cookie.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { runTest } from "../support/script.ts";
import { tupleOf } from "./support.ts";

const K0 = Uint8Array.from({ length: 16 }, (_, i) => i);
const K1 = K0.map((byte) => byte + 16);
const PERIOD_MS = 60_000;

/** GV-01's tuple, seen by its server. */
const GOLDEN = {
  ...tupleOf(0, 32782, 0),
  local3: 0xac103001 | 0,
  localPort: 5002,
  remote3: 0xac103002 | 0,
};

function cookies(): SynCookies {
  return new SynCookies(new Arena(65536), K0, K1);
}

Deno.test("GV-05: the golden cookies", () => {
  for (const [period, cookie] of [[0, 0x9c738547], [1, 0x9d4ca81c], [255, 0x9b254a8b]]) {
    const now = period * PERIOD_MS;
    assertEquals(cookies().make(GOLDEN, 0x7bc, 3, now), cookie | 0);
    assertEquals(cookies().make(GOLDEN, 0x7bc, 3, now + 59_999.9), cookie | 0);
    assertEquals(cookies().check(GOLDEN, 0x7bc, cookie | 0, now), 3);
  }
});

Deno.test("GV-06: the golden timestamps", () => {
  assertEquals(timestampWith(0x003c258a, 2, true, false), 0x003c2552);
  assertEquals(timestampWith(0x003c25bf, 2, true, false), 0x003c2592);
});

Deno.test("syn cookie: it lives for this period and the next, at every point of the clock", () => {
  const c = cookies();
  for (const period of [0, 1, 254, 255, 256, 511, 512, 1 << 20]) {
    for (const irs of [0, -1, 0x7fffffff, 0x12345678]) {
      for (let index = 0; index < 4; index++) {
        const cookie = c.make(GOLDEN, irs, index, period * PERIOD_MS + 30_000);
        const after = (periods: number) =>
          c.check(GOLDEN, irs, cookie, (period + periods) * PERIOD_MS + 1);
        assertEquals([after(0), after(1), after(2)], [index, index, -1]);
        // Its eight bits come again, the rest of the counter does not.
        assertEquals([after(256), after(257), after(512)], [-1, -1, -1]);
        if (period > 0) assertEquals(after(-1), -1);
      }
    }
  }
});

Deno.test("syn cookie: of 100000 guesses at most a few are right", () => {
  const c = cookies();
  let right = 0;
  for (let i = 0; i < 100_000; i++) {
    if (c.check(GOLDEN, 7, Math.imul(i, 0x9e3779b1), 90_000) >= 0) right++;
  }
  assert(right <= 2, `${right} were right`); // the chance of each is 2^-29
});

Deno.test("syn cookie: both keys and each part of the tuple count", () => {
  const c = cookies();
  const cookie = c.make(GOLDEN, 5, 2, 0);
  const changes = { localPort: 1, remotePort: 1, local3: 1, remote3: 1, local0: 1, remote0: 1 };
  for (const [field, by] of Object.entries(changes)) {
    const value = GOLDEN[field as keyof typeof changes] + by;
    assertEquals(c.check({ ...GOLDEN, [field]: value }, 5, cookie, 0), -1, field);
  }
  for (let irs = -1000; irs <= 1000; irs++) {
    assertEquals(c.check(GOLDEN, irs, cookie, 0), irs === 5 ? 2 : -1, `ISN ${irs}`);
  }
  for (const keys of [[K1, K1], [K0, K0]]) {
    assertNotEquals(
      new SynCookies(new Arena(65536), keys[0], keys[1]).make(GOLDEN, 5, 2, 0),
      cookie,
    );
  }
});

Deno.test("syn cookie: MSS is rounded down, and what is below the table up to its first", () => {
  const indices = (isIpv4: boolean, sizes: number[]) => sizes.map((mss) => mssIndexOf(isIpv4, mss));
  assertEquals(indices(true, [0, 535, 536, 1299, 1300, 1439, 1440, 1459, 1460, 65535]), [
    ...[0, 0, 0, 0, 1, 1, 2, 2, 3, 3],
  ]);
  assertEquals(indices(false, [0, 1219, 1220, 1419, 1420, 1439, 1440, 8939, 8940, 65535]), [
    ...[0, 0, 0, 0, 1, 1, 2, 2, 3, 3],
  ]);
});

Deno.test("syn cookie: a timestamp holds its options and is the latest not after the clock", () => {
  for (const start of [0, 0x7fffffff - 70, -70, 1_000_000]) {
    for (let clock = start; clock < start + 140; clock++) {
      for (let shift = -1; shift <= 14; shift++) {
        for (const [sackOk, ecnOk] of [[false, false], [true, false], [false, true]]) {
          const value = timestampWith(clock | 0, shift, sackOk, ecnOk);
          const behind = (clock - value) | 0;
          assert(behind >= 0 && behind < 64);
          assertEquals([shiftIn(value), sackIn(value), ecnIn(value)], [shift, sackOk, ecnOk]);
        }
      }
    }
  }
});

Deno.test("syn cookie: COOKIE-05, no TSval runs ahead of the clock, at each of its milliseconds", () => {
  runTest(
    (t) => {
      const offset = t.stack.tcp.timestampOffset(tupleOf(2, 41_000, 0));
      for (let i = 0; i < 64; i++) {
        const syn = "S 0:0(0) win 65535 <mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7>";
        t.inject({ ...t.packet(syn), sourcePort: 41_000 + i });
        const option = t.next()!.options.find((option) => option.name === "TS")!;
        const behind = (Math.floor(t.now) + offset - option.val) | 0;
        assert(behind >= 0 && behind < 64, `${behind} ms behind`);
        t.advance(1);
      }
    },
    "bare",
    { tunables: { tcp_syncookies: 2 } },
  );
});
