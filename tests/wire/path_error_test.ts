import { assertEquals } from "@std/assert";
import { Arena } from "../../lib/wire/memory.ts";
import {
  parseIcmpError,
  parseIcmpv6Error,
  PathError,
  PathErrorKind,
} from "../../lib/wire/path_error.ts";
import { concat } from "../support/codec.ts";
import { ipv4, ipv6 } from "../support/packets.ts";

const AT = 44;
const TCP = Uint8Array.of(0, 80, 0x9c, 0x40, 1, 2, 3, 4);
const arena = new Arena(65536);

function parse(type: number, code: number, parameter: number, quote: Uint8Array) {
  const message = concat(Uint8Array.of(type, code, 0, 0, 0, 0, parameter >> 8, parameter), quote);
  arena.bytes.set(message, AT);
  const error = new PathError();
  const isIpv6 = quote[0] >> 4 === 6;
  const isQuote = isIpv6
    ? parseIcmpv6Error(arena.view, AT, message.length, error)
    : parseIcmpError(arena.view, AT, message.length, error);
  return { isQuote, error };
}

Deno.test("ICMP-03: the quoted segment is told from our side", () => {
  const { isQuote, error } = parse(3, 1, 0, ipv4(6, TCP));
  assertEquals(isQuote, true);
  const { seg } = error;
  assertEquals([seg.local2, seg.local3, seg.localPort], [0xffff, 0x0a000002, 80]);
  assertEquals([seg.remote2, seg.remote3, seg.remotePort], [0xffff, 0x0a000001, 40000]);
  assertEquals(seg.seq, 0x01020304);
});

Deno.test("IP6-06: the quoted IPv6 segment is told from our side", () => {
  const { isQuote, error } = parse(1, 0, 0, ipv6(6, TCP));
  assertEquals(isQuote, true);
  const { seg } = error;
  assertEquals([seg.local0, seg.local3, seg.localPort], [0xfd000000 | 0, 2, 80]);
  assertEquals([seg.remote0, seg.remote3, seg.remotePort], [0xfd000000 | 0, 1, 40000]);
});

Deno.test("ICMP-03: a quote that is none, too short, or of another protocol is refused", () => {
  const isQuote = (quote: Uint8Array) => parse(3, 1, 0, quote).isQuote;
  assertEquals(isQuote(ipv4(17, TCP)), false);
  assertEquals(isQuote(ipv4(6, TCP, { fragment: 1 })), false);
  assertEquals(isQuote(ipv6(17, TCP)), false);
  for (const whole of [ipv4(6, TCP), ipv6(6, TCP)]) {
    for (let length = 1; length < whole.length; length++) {
      assertEquals(isQuote(whole.slice(0, length)), false);
    }
  }
  const odd = ipv4(6, TCP);
  odd[0] = 0x44;
  assertEquals(isQuote(odd), false);
});

Deno.test("ICMP-04: codes of ICMP have their kinds", () => {
  const kind = (type: number, code: number) => parse(type, code, 0, ipv4(6, TCP)).error.kind;
  const { Unreachable, Refused, TooBig, Other } = PathErrorKind;
  assertEquals([0, 1, 2, 3, 4, 5, 13, 15].map((code) => kind(3, code)), [
    Unreachable,
    Unreachable,
    Refused,
    Refused,
    TooBig,
    Other,
    Other,
    Other,
  ]);
  assertEquals([kind(11, 0), kind(12, 4)], [Other, Other]);
});

Deno.test("IP6-06: codes of ICMPv6 have their kinds", () => {
  const kind = (type: number, code: number) => parse(type, code, 0, ipv6(6, TCP)).error.kind;
  const { Unreachable, Refused, TooBig, Other } = PathErrorKind;
  assertEquals([0, 1, 2, 3, 4, 5, 6].map((code) => kind(1, code)), [
    Unreachable,
    Refused,
    Other,
    Unreachable,
    Refused,
    Other,
    Other,
  ]);
  assertEquals([kind(2, 0), kind(3, 0), kind(4, 1)], [TooBig, Other, Other]);
});

Deno.test("MTU-01: only packets too big tell an MTU", () => {
  assertEquals(parse(3, 4, 1400, ipv4(6, TCP)).error.mtu, 1400);
  assertEquals(parse(3, 1, 1400, ipv4(6, TCP)).error.mtu, 0);
  assertEquals(parse(2, 0, 1300, ipv6(6, TCP)).error.mtu, 1300);
});
