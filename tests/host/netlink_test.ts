import { assertEquals, assertThrows } from "@std/assert";
import { LibcError } from "../../lib/host/libc.ts";
import {
  addressRequest,
  linkUpRequest,
  Netlink,
  parseAcknowledgement,
  txQueueRequest,
} from "../../lib/host/netlink.ts";
import { type Address, Cidr, parseAddress } from "../../lib/wire/address.ts";
import { hostTest } from "./support.ts";

const LITTLE_ENDIAN = true;

Deno.test("netlink: an IPv4 address request names device, prefix and address twice", () => {
  const request = addressRequest(new Cidr(parseAddress("10.1.2.3") as Address, 24), 7);
  assertEquals(
    request,
    fromHex(`
    28000000 1400 0505 00000000 00000000
    02 18 00 00 07000000
    0800 0200 0a010203
    0800 0100 0a010203`),
  );
});

Deno.test("netlink: an IPv6 address request turns duplicate address detection off", () => {
  const request = addressRequest(new Cidr(parseAddress("fd00::1") as Address, 64), 258);
  assertEquals(
    request,
    fromHex(`
    40000000 1400 0505 00000000 00000000
    0a 40 02 00 02010000
    1400 0200 fd00 0000 0000 0000 0000 0000 0000 0001
    1400 0100 fd00 0000 0000 0000 0000 0000 0000 0001`),
  );
});

Deno.test("netlink: a link-up request changes one flag", () => {
  assertEquals(
    linkUpRequest(7),
    fromHex(`
    20000000 1000 0500 00000000 00000000
    00 00 0000 07000000 01000000 01000000`),
  );
});

Deno.test("netlink: a transmit queue request changes its length alone", () => {
  assertEquals(
    txQueueRequest(7, 10_000),
    fromHex(`
    28000000 1000 0500 00000000 00000000
    00 00 0000 07000000 00000000 00000000
    0800 0d00 10270000`),
  );
});

Deno.test("netlink: an acknowledgement is 0 or the kernel's errno", () => {
  const done = fromHex("24000000 0200 0001 05000000 00000000 00000000");
  assertEquals(parseAcknowledgement(done, 5), 0);
  const refused = fromHex("24000000 0200 0000 05000000 00000000 f3ffffff");
  assertEquals(parseAcknowledgement(refused, 5), 13);
});

Deno.test("netlink: what is no acknowledgement of the request is refused", () => {
  const done = fromHex("24000000 0200 0001 05000000 00000000 00000000");
  assertThrows(() => parseAcknowledgement(done, 6), Error, "request 6");
  assertThrows(() => parseAcknowledgement(done.subarray(0, 16), 5), Error);
  new DataView(done.buffer).setUint16(4, 3, LITTLE_ENDIAN);
  assertThrows(() => parseAcknowledgement(done, 5), Error);
});

hostTest("netlink: a device that is not there is an error with its name", () => {
  const error = assertThrows(() => new Netlink("no-such-device"), LibcError);
  assertEquals([error.code, error.message], [
    "ENODEV",
    "Cannot find no-such-device: no such device",
  ]);
});

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/\s/g, "");
  return Uint8Array.from(digits.match(/../g)!, (pair) => parseInt(pair, 16));
}
