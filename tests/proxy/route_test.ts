import { assertEquals, assertThrows } from "@std/assert";
import {
  formatRoute,
  formatUpstream,
  parseRoute,
  parseUpstream,
  plainRoute,
  ROUTE_SETTINGS,
  RouteError,
  upstreamOf,
  usageOf,
} from "../../lib/proxy/route.ts";

const ENDS = "listen=198.18.0.2:80,upstream=127.0.0.1:3000";

Deno.test("route: text is read and written alike", () => {
  for (
    const text of [
      ENDS,
      "listen=[fd00::1]:0,upstream=[::1]:0",
      "listen=198.18.0.2:80,upstream=tap:[fd00::7]:0",
      `${ENDS},backlog=128,fastopen=0,idempotent,upstream-fastopen,keepalive=60/10/3,` +
      "upstream-keepalive=off",
      `${ENDS},keepalive=on,upstream-keepalive=32767`,
      `${ENDS},keepalive=2147483/32767/127/1,upstream-keepalive=60/10/3/0`,
      "listen=198.18.0.2:80,upstream=tap:10.0.0.1:80,upstream-keepalive=40000/10/3/1",
      `${ENDS},congestion=reno`,
      "listen=198.18.0.2:80,upstream=tap:10.0.0.1:80,congestion=cubic,upstream-congestion=reno",
    ]
  ) assertEquals(formatRoute(parseRoute(text)), text);
});

Deno.test("route: settings come in any order, and have defaults", () => {
  const route = parseRoute("idempotent,upstream=127.0.0.1:3000,backlog=1,listen=198.18.0.2:80");
  assertEquals(formatRoute(route), `${ENDS},backlog=1,idempotent`);
  const plain = plainRoute(route.listen, route.upstream, "kernel");
  assertEquals(plain, parseRoute(ENDS));
  const { backlog, fastOpen, isIdempotent, opensFast, keepalive, upstreamKeepalive } = plain;
  assertEquals([backlog, fastOpen, isIdempotent, opensFast], [null, 256, false, false]);
  assertEquals([keepalive, upstreamKeepalive], [null, null]);
  assertEquals([plain.congestionControl, plain.upstreamCongestionControl], [null, null]);
});

/** Wrong settings behind two right ends, and what is wrong with them. */
const WRONG: [settings: string, message: string][] = [
  ["backlg=5", "there is no setting backlg; did you mean backlog?"],
  ["BACKLOG=5", "there is no setting BACKLOG; did you mean backlog?"],
  [
    "weight=5",
    "there is no setting weight; there are listen, upstream, backlog, fastopen, idempotent, " +
    "upstream-fastopen, keepalive, upstream-keepalive, congestion, upstream-congestion",
  ],
  ["fastopen=1,fastopen=2", "fastopen is given twice; give it once"],
  ["backlog=0", "expected backlog=COUNT (1 to 65535 connections), not backlog=0"],
  ["backlog=65536", "expected backlog=COUNT (1 to 65535 connections), not backlog=65536"],
  ["backlog=1.5", "expected backlog=COUNT (1 to 65535 connections), not backlog=1.5"],
  ["backlog=", "expected backlog=COUNT (1 to 65535 connections), not backlog="],
  ["backlog", "expected backlog=COUNT (1 to 65535 connections), not backlog"],
  ["fastopen=65536", "expected fastopen=COUNT (0 to 65535 fast opens), not fastopen=65536"],
  ["fastopen=-1", "expected fastopen=COUNT (0 to 65535 fast opens), not fastopen=-1"],
  ["idempotent=yes", "expected idempotent (without a value), not idempotent=yes"],
  ["upstream-fastopen=1", "expected upstream-fastopen (without a value), not upstream-fastopen=1"],
  ["idempotent=", "expected idempotent (without a value), not idempotent="],
  [
    "upstream-keepalive=32768",
    "upstream-keepalive's time may be 32767 s at most without tap:, not 32768",
  ],
  [
    "upstream-keepalive=60/10/3/1",
    "upstream-keepalive's probes have 0 bytes without tap:, not 1",
  ],
  [
    "congestion=Cubik",
    "expected congestion=ALGORITHM (reno, cubic or bbr), not congestion=Cubik; did you mean cubic?",
  ],
  ["congestion=vegas", "expected congestion=ALGORITHM (reno, cubic or bbr), not congestion=vegas"],
  ["congestion=1", "expected congestion=ALGORITHM (reno, cubic or bbr), not congestion=1"],
  [
    "upstream-congestion=rno",
    "expected upstream-congestion=ALGORITHM (reno, cubic or bbr), not upstream-congestion=rno; " +
    "did you mean reno?",
  ],
  [
    "upstream-congestion=reno",
    "upstream-congestion needs an upstream with tap:; without, " +
    "the system's net.ipv4.tcp_congestion_control counts",
  ],
];

Deno.test("route: a wrong setting is named, with what it may be", () => {
  for (const [settings, message] of WRONG) {
    const error = assertThrows(() => parseRoute(`${ENDS},${settings}`), RouteError);
    assertEquals(error.message, message);
  }
});

Deno.test("route: each number of a keep-alive has its range", () => {
  const form = "TIME[/INTERVAL[/PROBES[/BYTES]]]";
  const range = "TIME 1 to 2147483 seconds, INTERVAL 1 to 32767 seconds, " +
    "PROBES 1 to 127 probes, BYTES 0 or 1; or off, or on";
  const wrong = ["0", "2147484", "60/0", "60/32768", "60/10/0", "60/10/128", "60/10/3/2"];
  for (const value of [...wrong, "", "60/", "60/10/3/1/1", "never", "1e3"]) {
    const message = `expected keepalive=${form} (${range}), not keepalive=${value}`;
    assertThrows(() => parseRoute(`${ENDS},keepalive=${value}`), RouteError, message);
  }
});

Deno.test("route: both ends must be there, and be endpoints", () => {
  const listen = "expected listen=IP:PORT (like 198.18.0.2:80 or [fd00::2]:80), not ";
  const upstream =
    "expected upstream=[tap:]IP:PORT (like 127.0.0.1:3000 or tap:[fd00::3]:80), not ";
  for (
    const [text, message] of [
      ["", "there is no setting without a name"],
      ["listen=198.18.0.2:80", "upstream=[tap:]IP:PORT is missing"],
      ["upstream=127.0.0.1:80", "listen=IP:PORT is missing"],
      ["listen=198.18.0.2", `${listen}listen=198.18.0.2`],
      ["listen=tap:198.18.0.2:80", `${listen}listen=tap:198.18.0.2:80`],
      ["upstream=tap:127.0.0.1", `${upstream}upstream=tap:127.0.0.1`],
      ["upstream=unix:/run/x", `${upstream}upstream=unix:/run/x`],
    ]
  ) assertThrows(() => parseRoute(text), RouteError, message);
});

Deno.test("route: an upstream says who dials it", () => {
  for (const text of ["127.0.0.1:80", "[::1]:80", "tap:10.0.0.1:80", "tap:[fd00::7]:80"]) {
    assertEquals(formatUpstream(parseUpstream(text)!), text);
  }
  assertEquals(parseUpstream("tap:[fd00::7]:80")!.via, "tap");
  assertEquals(parseUpstream("tap:"), null);
});

Deno.test("route: each setting is documented", () => {
  for (const { name, meaning, range } of ROUTE_SETTINGS) {
    assertEquals([meaning.endsWith("."), range !== ""], [true, true], name);
  }
  assertEquals(usageOf(ROUTE_SETTINGS[0]), "listen=IP:PORT");
});

Deno.test("route: upstream port 0 is the port the client connected to", () => {
  const sameForAll = parseRoute("listen=198.18.0.2:0,upstream=127.0.0.1:8080");
  const samePort = parseRoute("listen=198.18.0.2:0,upstream=127.0.0.1:0");
  assertEquals(`${upstreamOf(sameForAll, 443)}`, "127.0.0.1:8080");
  assertEquals(`${upstreamOf(samePort, 443)}`, "127.0.0.1:443");
});
