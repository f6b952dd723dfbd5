import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { CookieValidity, FastOpenCookies, FastOpenQueue } from "../../lib/tcp/fast_open.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { parseAddress } from "../../lib/wire/address.ts";
import { Segment, SYN } from "../../lib/wire/segment.ts";
import { fromHex } from "../support/bytes.ts";
import { addressBytes } from "../support/internet_address.ts";
import { slowSipHash } from "../support/slow_siphash.ts";

const KEY = "a0bf63f7-ed803d81-cd641d30-cebc4a90";
const OTHER_KEY = "00112233-44556677-8899aabb-ccddeeff";
const ZERO_KEY = "00000000-00000000-00000000-00000000";
const SECRET = Uint8Array.from({ length: 16 }, (_, i) => i);

function cookiesWith(key: string | null): FastOpenCookies {
  const cookies = new FastOpenCookies(new Arena(65536), SECRET);
  if (key !== null) cookies.setKeys(key);
  return cookies;
}

/** A SYN between two hosts, with a cookie in hexadecimal. */
function syn(client: string, server: string, cookie: string): Segment {
  const remote = parseAddress(client)!;
  const local = parseAddress(server)!;
  const seg = Object.assign(new Segment(), {
    flags: SYN,
    remote0: remote.w0,
    remote1: remote.w1,
    remote2: remote.w2,
    remote3: remote.w3,
    local0: local.w0,
    local1: local.w1,
    local2: local.w2,
    local3: local.w3,
  });
  seg.fastOpenLength = cookie.length / 2;
  seg.fastOpenCookie.set(fromHex(cookie));
  return seg;
}

function cookieOf(cookies: FastOpenCookies, client: string, server: string): string {
  const bytes = new Uint8Array(8);
  cookies.write(syn(client, server, ""), bytes);
  return bytes.toHex();
}

/** Client, server, cookie, key. */
const VECTORS: [string, string, string, string][] = [
  ["10.248.0.3", "192.168.0.2", "1313a2da994a0951", KEY],
  ["10.248.0.3", "192.168.0.3", "76d2c1c530f51f79", KEY],
  ["10.248.0.2", "192.168.0.2", "00abaaabe8e954c2", KEY],
  ["10.248.0.2", "192.168.0.2", "93b7aa4f550f8a1a", ZERO_KEY],
  ["172.16.48.2", "172.16.48.1", "492a089f6319a4cb", KEY],
  ["fd00::2", "fd00::1", "12c3b65fdbb24b4d", KEY],
];

for (const [client, server, cookie, key] of VECTORS) {
  Deno.test(`GV-09: ${client} has the golden cookie ${cookie} at ${server}`, () => {
    const cookies = cookiesWith(key);
    assertEquals(cookieOf(cookies, client, server), cookie);
    assertEquals(cookies.check(syn(client, server, cookie)), CookieValidity.Valid);
    for (let bit = 0; bit < 64; bit++) {
      const bytes = fromHex(cookie);
      bytes[bit >> 3] ^= 1 << (bit & 7);
      assertEquals(cookies.check(syn(client, server, bytes.toHex())), CookieValidity.Invalid);
    }
  });
}

Deno.test("TFO-S-04: a cookie is little-endian SipHash of client and server", () => {
  const key = fromHex("f763bfa0813d80ed301d64cd904abcce");
  const message = Uint8Array.from([...addressBytes("10.9.8.7"), ...addressBytes("10.0.0.1")]);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, slowSipHash(key, message), true);
  assertEquals(cookieOf(cookiesWith(KEY), "10.9.8.7", "10.0.0.1"), bytes.toHex());
});

Deno.test("fast open: a cookie of another length is invalid", () => {
  const cookies = cookiesWith(KEY);
  const cookie = cookieOf(cookies, "10.0.0.2", "10.0.0.1");
  for (const other of ["", cookie.slice(0, 8), cookie.slice(0, 12), cookie + "0000"]) {
    assertEquals(cookies.check(syn("10.0.0.2", "10.0.0.1", other)), CookieValidity.Invalid);
  }
});

Deno.test("TFO-S-14: the backup key checks and does not make", () => {
  const old = cookieOf(cookiesWith(OTHER_KEY), "10.0.0.2", "10.0.0.1");
  const cookies = cookiesWith(`${KEY},${OTHER_KEY}`);
  assertEquals(cookies.check(syn("10.0.0.2", "10.0.0.1", old)), CookieValidity.Ageing);
  const fresh = cookieOf(cookies, "10.0.0.2", "10.0.0.1");
  assertEquals(fresh, cookieOf(cookiesWith(KEY), "10.0.0.2", "10.0.0.1"));
  assertEquals(cookies.check(syn("10.0.0.2", "10.0.0.1", fresh)), CookieValidity.Valid);
});

Deno.test("TFO-S-14: keys are four words of eight digits, and an error does not repeat them", () => {
  cookiesWith(KEY.toUpperCase());
  for (
    const text of ["", KEY.slice(1), `${KEY},`, `${KEY},${KEY},${KEY}`, `${KEY}-00000000`, "x"]
  ) {
    const error = assertThrows(() => cookiesWith(text), RangeError);
    assert(text === "" || text === "x" || !error.message.includes(text.slice(0, 8)));
  }
});

Deno.test("TFO-S-14: keys made here are SipHash under the secret, of a count and the half", () => {
  const cookies = cookiesWith(null);
  const message = Uint8Array.from([...addressBytes("10.9.8.7"), ...addressBytes("10.0.0.1")]);
  for (let count = 0; count < 3; count++) {
    const key = new DataView(new ArrayBuffer(16));
    for (let half = 0; half < 2; half++) {
      const made = slowSipHash(SECRET, Uint8Array.of(0, 0, 0, count, 0, 0, 0, half));
      key.setBigUint64(8 * half, made, true);
    }
    const expected = new DataView(new ArrayBuffer(8));
    expected.setBigUint64(0, slowSipHash(new Uint8Array(key.buffer), message), true);
    const bytes = new Uint8Array(expected.buffer);
    assertEquals(cookieOf(cookies, "10.9.8.7", "10.0.0.1"), bytes.toHex());
    cookies.rotate();
  }
});

Deno.test("TFO-S-14: before the first rotation there is no backup key", () => {
  const message = Uint8Array.from([...addressBytes("10.9.8.7"), ...addressBytes("10.0.0.1")]);
  const forged = new DataView(new ArrayBuffer(8));
  forged.setBigUint64(0, slowSipHash(SECRET, message), true);
  const cookie = new Uint8Array(forged.buffer).toHex();
  const cookies = cookiesWith(null);
  assertEquals(cookies.check(syn("10.9.8.7", "10.0.0.1", cookie)), CookieValidity.Invalid);
});

Deno.test("TFO-S-14: keys age no more once 0 is set", () => {
  const cookies = cookiesWith(null);
  cookies.age(10, 0);
  const cookie = cookieOf(cookies, "10.0.0.2", "10.0.0.1");
  cookies.age(0, 9000);
  assertEquals(cookies.check(syn("10.0.0.2", "10.0.0.1", cookie)), CookieValidity.Valid);
});

Deno.test("TFO-S-14: with rotation a cookie is good, then ageing, then invalid", () => {
  const cookies = cookiesWith(null);
  const cookie = cookieOf(cookies, "10.0.0.2", "10.0.0.1");
  const check = () => cookies.check(syn("10.0.0.2", "10.0.0.1", cookie));
  const seen = [cookie];
  assertEquals(check(), CookieValidity.Valid);
  for (let i = 0; i < 10; i++) {
    cookies.rotate();
    assertEquals(check(), i === 0 ? CookieValidity.Ageing : CookieValidity.Invalid);
    seen.push(cookieOf(cookies, "10.0.0.2", "10.0.0.1"));
  }
  assertEquals(new Set(seen).size, 11);
});

Deno.test("TFO-S-14: keys made here age by the clock, keys given do not", () => {
  for (
    const [seconds, own, expected] of [[10, true, [1, 2, 2, 0]], [0, true, [1, 1, 1, 1]], [
      10,
      false,
      [1, 1, 1, 1],
    ]] as const
  ) {
    const cookies = cookiesWith(own ? null : KEY);
    cookies.age(seconds, 5000.5);
    const cookie = cookieOf(cookies, "10.0.0.2", "10.0.0.1");
    const found = [14_999, 15_001, 24_999, 25_001].map((now) => {
      cookies.age(seconds, now);
      return cookies.check(syn("10.0.0.2", "10.0.0.1", cookie));
    });
    assertEquals(found, [...expected]);
  }
});

Deno.test("TFO-S-14: after two periods without any SYN nothing old is believed", () => {
  const cookies = cookiesWith(null);
  cookies.age(10, 0);
  const cookie = cookieOf(cookies, "10.0.0.2", "10.0.0.1");
  cookies.age(10, 95_000);
  assertEquals(cookies.check(syn("10.0.0.2", "10.0.0.1", cookie)), CookieValidity.Invalid);
  const fresh = cookieOf(cookies, "10.0.0.2", "10.0.0.1");
  assertNotEquals(fresh, cookie);
  cookies.age(10, 99_999);
  assertEquals(cookieOf(cookies, "10.0.0.2", "10.0.0.1"), fresh);
  cookies.age(10, 100_000);
  assertEquals(cookies.check(syn("10.0.0.2", "10.0.0.1", fresh)), CookieValidity.Ageing);
});

Deno.test("TFO-S-09: what was reset counts for 60 s more", () => {
  const queue = new FastOpenQueue();
  assertEquals([queue.hasRoom(1, 0), queue.hasRoom(0, 0)], [true, false]);
  queue.pending = 2;
  queue.reset(1000.5);
  queue.pending--;
  assertEquals([queue.hasRoom(2, 2000), queue.hasRoom(3, 2000)], [false, true]);
  assertEquals([queue.hasRoom(2, 61_000), queue.hasRoom(2, 61_000.5)], [false, true]);
  assertEquals(queue.pending, 1);
});
