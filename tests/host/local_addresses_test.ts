import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LibcError } from "../../lib/host/libc.ts";
import {
  type LocalAddress,
  localAddresses,
  parseAddresses,
  refuseTakenAddresses,
} from "../../lib/host/local_addresses.ts";
import { type Cidr, parseCidr } from "../../lib/wire/address.ts";
import { HAS_IPV6, hostTest } from "./support.ts";

const cidrs = (...texts: string[]): Cidr[] => texts.map((text) => parseCidr(text)!);

hostTest("local addresses: the loopback device has its own", () => {
  const texts = localAddresses().map(({ cidr }) => `${cidr}`);
  assert(texts.includes("127.0.0.1/8"), texts.join(" "));
  if (HAS_IPV6) assert(texts.includes("::1/128"), texts.join(" "));
});

hostTest("local addresses: one of another device is refused, and its device named", () => {
  const attempt = () => refuseTakenAddresses("tap0", cidrs("10.9.0.1/24", "127.0.0.1/24"), []);
  const error = assertThrows(attempt, LibcError);
  assertEquals(error.message, "Cannot give 127.0.0.1 to tap0: address already in use");
  assertStringIncludes(error.advice, "lo has that address");
  assertStringIncludes(error.advice, "`ip address del 127.0.0.1/8 dev lo`");
});

hostTest("local addresses: one that the device has already is no obstacle", () => {
  refuseTakenAddresses("lo", cidrs("127.0.0.1/8"), cidrs("198.18.99.2/24"));
});

hostTest("local addresses: the stack's may be nobody's here, not even its own device's", () => {
  const error = assertThrows(() => refuseTakenAddresses("lo", [], cidrs("127.0.0.1/8")), LibcError);
  assertEquals(error.message, "Cannot relay connections to 127.0.0.1: address already in use");
  assertStringIncludes(error.advice, "--listen or --stack-address");
});

Deno.test("local addresses: of a point-to-point link the near end counts", () => {
  const found: LocalAddress[] = [];
  const message = fromHex(`
    28000000 1400 0200 00000000 00000000
    02 20 80 00 07000000
    0800 0100 0a000002
    0800 0200 0a000001`);
  assertEquals(parseAddresses(message, found), false);
  assertEquals(found.map(({ cidr, deviceIndex }) => [`${cidr}`, deviceIndex]), [[
    "10.0.0.1/32",
    7,
  ]]);
});

Deno.test("local addresses: other families are passed over, the end is the end", () => {
  const found: LocalAddress[] = [];
  const message = fromHex(`
    20000000 1400 0200 00000000 00000000
    1c 20 80 00 07000000
    0800 0100 0a000002
    14000000 0300 0200 00000000 00000000 00000000`);
  assertEquals([parseAddresses(message, found), found], [true, []]);
});

Deno.test("local addresses: the kernel's refusal is told", () => {
  const message = fromHex("24000000 0200 0000 00000000 00000000 a1ffffff" + "00".repeat(16));
  const error = assertThrows(() => parseAddresses(message, []), LibcError);
  assertEquals(error.code, "EOPNOTSUPP");
});

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/\s/g, "");
  return Uint8Array.from(digits.match(/../g)!, (pair) => parseInt(pair, 16));
}
