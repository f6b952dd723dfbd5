import { assert, assertEquals, assertExists, assertFalse, assertStrictEquals } from "@std/assert";
import {
  Address,
  Endpoint,
  ipv4Address,
  Mac,
  parseAddress,
  parseCidr,
  parseEndpoint,
  parseMac,
} from "../../lib/wire/address.ts";
import { randomWords } from "../support/random.ts";

function address(text: string): Address {
  const parsed = parseAddress(text);
  assertExists(parsed, text);
  return parsed;
}

function cidr(text: string) {
  const parsed = parseCidr(text);
  assertExists(parsed, text);
  return parsed;
}

Deno.test("address: IPv4 is read and written as a dotted quad", () => {
  const parsed = address("192.0.2.255");
  assertEquals([parsed.w0, parsed.w1, parsed.w2, parsed.w3], [0, 0, 0xffff, 0xc00002ff | 0]);
  assert(parsed.isIpv4);
  assertEquals(parsed.toString(), "192.0.2.255");
  assertEquals(ipv4Address(0x7f000001).toString(), "127.0.0.1");
});

Deno.test("address: words are kept signed, whatever they are made from", () => {
  assertEquals(new Address(0xffffffff, 0x80000000, 0, 1).w0, -1);
  assert(ipv4Address(0xffffffff).equals(ipv4Address(-1)));
});

Deno.test("address: what is no IPv4 address is null", () => {
  for (
    const text of [
      "",
      "1",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "1.2.3.",
      "1..3.4",
      "01.2.3.4",
      "1.2.3.00",
      "0x1.2.3.4",
      "1.2.3.4 ",
      " 1.2.3.4",
      "1.2.3.-4",
      "1.2.3.+4",
      "1.2.3.1e1",
      "1.2.3.٤",
      "1.2.3.4/8",
      "a.b.c.d",
    ]
  ) assertStrictEquals(parseAddress(text), null, text);
});

Deno.test("address: IPv6 in each form of RFC 4291 §2.2", () => {
  const same = [
    ["2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"],
    ["FF01:0:0:0:0:0:0:101", "ff01::101"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["::", "::"],
    ["0:0:0:0:0:0:13.1.68.3", "::d01:4403"],
    ["::13.1.68.3", "::d01:4403"],
    ["::FFFF:129.144.52.38", "129.144.52.38"],
    ["::ffff:8190:3426", "129.144.52.38"],
    ["fe80::", "fe80::"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ];
  for (const [text, written] of same) assertEquals(address(text).toString(), written, text);
});

Deno.test("address: IPv6 is written in the one form of RFC 5952 §4", () => {
  const same = [
    ["2001:0db8::0001", "2001:db8::1"], // §4.1
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"], // §4.2.1
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"], // §4.2.2
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"], // §4.2.3, the longest
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"], // §4.2.3, the first
    ["2001:DB8::AAAA", "2001:db8::aaaa"], // §4.3
    ["1:0:0:0:0:0:0:0", "1::"],
    ["0:1:0:0:0:0:0:0", "0:1::"],
  ];
  for (const [text, written] of same) assertEquals(address(text).toString(), written, text);
});

Deno.test("address: what is no IPv6 address is null", () => {
  for (
    const text of [
      ":",
      ":::",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8::",
      "::1:2:3:4:5:6:7:8",
      "1::2:3:4:5:6:7:8",
      "1::2::3",
      ":1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:",
      "12345::",
      "g::",
      "::1%eth0",
      "[::1]",
      "::1.2.3",
      "::1.2.3.256",
      "::01.2.3.4",
      "1.2.3.4::",
      "::1.2.3.4:5",
      "1:2:3:4:5:6:7:1.2.3.4",
      " ::1",
      "::1 ",
      "::-1",
      "0x1::",
    ]
  ) assertStrictEquals(parseAddress(text), null, text);
});

Deno.test("address: what is written is read back", () => {
  const random = randomWords(1);
  for (let i = 0; i < 2000; i++) {
    // Every other group zero, so that runs of all lengths come up.
    const word = () =>
      random() & (random() & 4 ? 0xffff : 0) | (random() & (random() & 4 ? -1 : 0) & ~0xffff);
    const original = new Address(word(), word(), word(), word());
    assert(address(original.toString()).equals(original), original.toString());
  }
});

Deno.test("address: 0.0.0.0 and :: are unspecified, and not the same", () => {
  assert(address("0.0.0.0").isUnspecified);
  assert(address("::").isUnspecified);
  assertFalse(address("0.0.0.0").equals(address("::")));
  for (const text of ["0.0.0.1", "::1", "1::", "0:1::", "::1:0:0", "::1:0"]) {
    assertFalse(address(text).isUnspecified, text);
  }
});

Deno.test("endpoint: IPv6 stands in brackets", () => {
  for (const text of ["1.2.3.4:80", "[fd00::1]:80", "0.0.0.0:0", "[::]:65535"]) {
    assertEquals(parseEndpoint(text)?.toString(), text);
  }
  assertEquals(parseEndpoint("[::ffff:1.2.3.4]:80")?.toString(), "1.2.3.4:80");
  assert(parseEndpoint("1.2.3.4:80")?.equals(new Endpoint(ipv4Address(0x01020304), 80)));
  assertFalse(parseEndpoint("1.2.3.4:80")?.equals(new Endpoint(ipv4Address(0x01020304), 81)));
});

Deno.test("endpoint: what is none is null", () => {
  for (
    const text of [
      "",
      "1.2.3.4",
      "1.2.3.4:",
      ":80",
      "::1:80",
      "[::1]",
      "[::1]:",
      "[::1]80",
      "[1.2.3.4]:80",
      "[]:80",
      "1.2.3.4:65536",
      "1.2.3.4:080",
      "1.2.3.4:-1",
      "1.2.3.4:80 ",
      "1.2.3.4:8e1",
      "localhost:80",
      "[::1]]:80",
      "[[::1]:80",
    ]
  ) assertStrictEquals(parseEndpoint(text), null, text);
});

Deno.test("mac: is read with colons or hyphens and written with colons", () => {
  const mac = parseMac("02-00-5E-10-fe-ff");
  assertExists(mac);
  assertEquals([mac.high, mac.low], [0x0200, 0x5e10feff]);
  assertEquals(mac.toString(), "02:00:5e:10:fe:ff");
  assert(mac.equals(new Mac(0x0200, 0x5e10feff)));
  assertEquals(parseMac("00:00:00:00:00:01")?.toString(), "00:00:00:00:00:01");
  assertEquals(parseMac("ff:ff:ff:ff:ff:ff")?.low, -1);
  for (
    const text of [
      "",
      "02:00:5e:10:fe",
      "02:00:5e:10:fe:ff:00",
      "2:0:5e:10:fe:ff",
      "02:00-5e:10:fe:ff",
      "02005e10feff",
      "0g:00:5e:10:fe:ff",
      "02:00:5e:10:fe:ff ",
    ]
  ) assertStrictEquals(parseMac(text), null, text);
});

Deno.test("mac: multicast and broadcast are groups", () => {
  assert(new Mac(0x3333, 1).isGroup);
  assert(new Mac(0xffff, -1).isGroup);
  assertFalse(new Mac(0x0200, 1).isGroup);
  assertFalse(new Mac(0x0001, -1).isGroup);
});

Deno.test("cidr: contains what shares its leading bits", () => {
  const rows: [string, string, boolean][] = [
    ["10.0.0.1/24", "10.0.0.255", true],
    ["10.0.0.1/24", "10.0.1.0", false],
    ["10.0.0.1/32", "10.0.0.1", true],
    ["10.0.0.1/32", "10.0.0.0", false],
    ["10.0.0.0/9", "10.127.255.255", true],
    ["10.0.0.0/9", "10.128.0.0", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "fd00::1", true],
    ["::/0", "1.2.3.4", false],
    ["fd00::/8", "fdff::1", true],
    ["fd00::/8", "fe00::1", false],
    ["fd00::1/64", "fd00::ffff:0:0:1", true],
    ["fd00::1/64", "fd00:0:0:1::1", false],
    ["fd00::1/127", "fd00::", true],
    ["fd00::1/128", "fd00::", false],
  ];
  for (const [prefix, inside, expected] of rows) {
    assertEquals(cidr(prefix).contains(address(inside)), expected, `${prefix} ${inside}`);
  }
});

Deno.test("cidr: is written as it was read", () => {
  for (const text of ["10.0.0.1/24", "0.0.0.0/0", "fd00::1/64", "::/0", "::1/128"]) {
    assertEquals(cidr(text).toString(), text);
  }
  assertEquals(cidr("::ffff:10.0.0.0/104").toString(), "10.0.0.0/8");
});

Deno.test("cidr: what is none is null", () => {
  for (
    const text of [
      "",
      "/",
      "/24",
      "10.0.0.1",
      "10.0.0.1/",
      "10.0.0.1/33",
      "10.0.0.1/024",
      "10.0.0.1/-1",
      "10.0.0.1/24/24",
      "fd00::1/129",
      "fd00::1",
      "::ffff:10.0.0.0/95",
    ]
  ) assertStrictEquals(parseCidr(text), null, text);
});
