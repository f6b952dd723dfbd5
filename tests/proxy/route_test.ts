import { assertEquals } from "@std/assert";
import { findRoute, formatRoute, parseRoute, upstreamOf } from "../../lib/proxy/route.ts";
import { parseAddress } from "../../lib/wire/address.ts";

const HOST = parseAddress("198.18.0.2")!;

Deno.test("route: text is read and written alike", () => {
  for (const text of ["198.18.0.2:80=127.0.0.1:8080", "[fd00::1]:0=[::1]:0"]) {
    assertEquals(formatRoute(parseRoute(text)!), text);
  }
});

Deno.test("route: text without two endpoints is none", () => {
  const texts = ["", "198.18.0.2:80", "198.18.0.2:80=", "198.18.0.2=127.0.0.1:80", "=127.0.0.1:1"];
  for (const text of texts) assertEquals(parseRoute(text), null, text);
});

Deno.test("route: upstream port 0 is the port the client connected to", () => {
  const sameForAll = parseRoute("198.18.0.2:0=127.0.0.1:8080")!;
  const samePort = parseRoute("198.18.0.2:0=127.0.0.1:0")!;
  assertEquals(`${upstreamOf(sameForAll, 443)}`, "127.0.0.1:8080");
  assertEquals(`${upstreamOf(samePort, 443)}`, "127.0.0.1:443");
});

Deno.test("route: a port of its own goes before every port, in any order", () => {
  const every = parseRoute("198.18.0.2:0=127.0.0.1:1")!;
  const own = parseRoute("198.18.0.2:80=127.0.0.1:2")!;
  for (const routes of [[every, own], [own, every]]) {
    assertEquals(findRoute(routes, HOST, 80), own);
    assertEquals(findRoute(routes, HOST, 81), every);
  }
  assertEquals(findRoute([own], HOST, 81), null);
  assertEquals(findRoute([every], parseAddress("198.18.0.3")!, 80), null);
});
