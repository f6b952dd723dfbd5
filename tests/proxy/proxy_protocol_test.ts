import { assertEquals, assertThrows } from "@std/assert";
import { proxyHeader, proxyHeaderLocal } from "../../lib/proxy/proxy_protocol.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";

function headerOf(client: string, local: string): string {
  return proxyHeader(parseEndpoint(client)!, parseEndpoint(local)!).toHex();
}

Deno.test("GV-08: the PROXY v2 header for 10.0.0.2:40000 -> 10.0.0.1:80 is the golden one", () => {
  assertEquals(
    headerOf("10.0.0.2:40000", "10.0.0.1:80"),
    "0d0a0d0a000d0a515549540a2111000c0a0000020a0000019c400050",
  );
});

Deno.test("proxy protocol: IPv6 addresses stand in 36 bytes behind the fixed part", () => {
  assertEquals(
    headerOf("[fd00::2]:40000", "[2001:db8::ffff:1]:65535"),
    "0d0a0d0a000d0a515549540a" + "21" + "21" + "0024" +
      "fd000000000000000000000000000002" + "20010db80000000000000000ffff0001" + "9c40" + "ffff",
  );
});

Deno.test("proxy protocol: the proxy's own connections have a header without addresses", () => {
  assertEquals(proxyHeaderLocal().toHex(), "0d0a0d0a000d0a515549540a" + "20" + "00" + "0000");
});

Deno.test("proxy protocol: ends of different families make no header", () => {
  assertThrows(() => headerOf("10.0.0.2:1", "[fd00::1]:1"), RangeError, "10.0.0.2:1");
});
