import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Config } from "../lib/config.ts";
import { UsageError } from "../lib/flags.ts";
import { formatRoute } from "../lib/proxy/route.ts";
import { DEFAULT_TUNABLES } from "../lib/tcp/tunables.ts";
import { parseCommandLine } from "../main.ts";

function configOf(...args: string[]): Config {
  const command = parseCommandLine(args);
  assert(command.kind === "run");
  return command.config;
}

/** The routes as text, `listen → upstream`. */
function routesOf(config: Config): string[] {
  return config.routes.map(({ listen, upstream }) => `${listen} → ${upstream}`);
}

const A_ROUTE = ["--listen", "198.18.0.2:80", "--upstream", "127.0.0.1:8080"];

Deno.test("config: no argument relays every port of 198.18.0.2 to this host", () => {
  const config = configOf();
  assertEquals(config.tapName, "tapster0");
  assertEquals(config.mtu, 1500);
  assertEquals(config.mac, null);
  assertEquals(config.hostAddresses.map(String), ["198.18.0.1/24"]);
  assertEquals(config.stackAddresses.map(String), ["198.18.0.2/24"]);
  assertEquals(config.gateways.map(String), ["198.18.0.1"]);
  assertEquals(routesOf(config), ["198.18.0.2:0 → 127.0.0.1:0"]);
  assertEquals([config.setup, config.offload], [true, true]);
  assertEquals([config.logLevel, config.logFormat], ["info", "text"]);
  assertEquals(config.tunables, DEFAULT_TUNABLES);
});

Deno.test("config: it is frozen, and so are its lists", () => {
  const config = configOf(...A_ROUTE);
  const parts = [config, config.routes, config.routes[0], config.tunables];
  for (const part of [...parts, config.hostAddresses, config.stackAddresses]) {
    assert(Object.isFrozen(part));
  }
});

Deno.test("config: each --listen goes with the --upstream of the same rank", () => {
  const config = configOf(
    ...["--listen", "198.18.0.2:80", "--listen", "198.18.0.3:0"],
    ...["--upstream=10.0.0.1:8080", "--upstream", "[fd00::7]:0"],
  );
  assertEquals(routesOf(config), [
    "198.18.0.2:80 → 10.0.0.1:8080",
    "198.18.0.3:0 → [fd00::7]:0",
  ]);
});

Deno.test("config: a route has settings, a pair of --listen and --upstream has their defaults", () => {
  const config = configOf(
    ...A_ROUTE,
    ...["--route", "listen=198.18.0.3:0,upstream=tap:198.18.0.9:0,backlog=16,idempotent"],
    ...["--route=listen=198.18.0.2:0,upstream=127.0.0.1:0,fastopen=0"],
  );
  assertEquals(config.routes.map(formatRoute), [
    "listen=198.18.0.2:80,upstream=127.0.0.1:8080",
    "listen=198.18.0.3:0,upstream=tap:198.18.0.9:0,backlog=16,idempotent",
    "listen=198.18.0.2:0,upstream=127.0.0.1:0,fastopen=0",
  ]);
  assertEquals(config.stackAddresses.map(String), ["198.18.0.2/24", "198.18.0.3/24"]);
});

Deno.test("config: the stack owns every --listen and --stack-address, once each", () => {
  const config = configOf(
    ...[...A_ROUTE, "--listen", "198.18.0.2:81", "--upstream", "127.0.0.1:81"],
    ...["--stack-address", "198.18.0.9", "--stack-address", "198.18.0.2"],
  );
  assertEquals(config.stackAddresses.map(String), ["198.18.0.2/24", "198.18.0.9/24"]);
  assertEquals(config.routes.length, 2);
});

Deno.test("config: a stack address without --listen has all its ports relayed to this host", () => {
  const config = configOf(
    ...["--host-address", "10.1.0.1/16", "--stack-address", "10.1.0.2"],
    ...["--host-address", "fd00::1/64", "--stack-address", "fd00::2"],
  );
  assertEquals(config.hostAddresses.map(String), ["10.1.0.1/16", "fd00::1/64"]);
  assertEquals(routesOf(config), ["10.1.0.2:0 → 127.0.0.1:0", "[fd00::2]:0 → [::1]:0"]);
});

Deno.test("config: the stack shares the host's networks, and goes through it elsewhere", () => {
  const config = configOf(
    ...["--host-address", "10.1.0.1/16", "--host-address", "10.2.0.1/24"],
    ...["--host-address", "fd00::1/64", "--stack-address", "10.2.0.2"],
    ...["--stack-address", "fd00::2", "--stack-address", "10.3.0.2", "--stack-address", "fd01::2"],
  );
  assertEquals(
    config.stackAddresses.map(String),
    ["10.2.0.2/24", "fd00::2/64", "10.3.0.2/32", "fd01::2/128"],
  );
  assertEquals(config.gateways.map(String), ["10.1.0.1", "fd00::1"]);
});

Deno.test("config: a network of two has no address that stands for it (RFC 3021)", () => {
  const config = configOf("--host-address", "10.0.0.0/31", "--stack-address", "10.0.0.1");
  assertEquals(config.stackAddresses.map(String), ["10.0.0.1/31"]);
});

Deno.test("config: --no-setup needs no host address", () => {
  const config = configOf("--no-setup", "--listen", "10.0.0.2:80", "--upstream", "127.0.0.1:80");
  assertEquals(config.setup, false);
  assertEquals([config.hostAddresses, config.gateways], [[], []]);
  assertEquals(config.stackAddresses.map(String), ["10.0.0.2/32"]);
});

Deno.test("config: the flags of one value are taken over", () => {
  const config = configOf(
    ...["--tap=edge0", "--mtu", "9000", "--mac", "02:00:5E:10:00:01", "--no-offload"],
    ...["--log-level", "debug", "--log-format", "json"],
  );
  assertEquals([config.tapName, config.mtu, `${config.mac}`, config.offload], [
    "edge0",
    9000,
    "02:00:5e:10:00:01",
    false,
  ]);
  assertEquals([config.logLevel, config.logFormat], ["debug", "json"]);
});

Deno.test("config: --set changes tunables in order, the last one stands", () => {
  const { tunables } = configOf(
    "--set",
    "tcp_msl=30",
    "--set",
    "tcp_msl=0x10",
    "--set=busy_poll=0",
  );
  assertEquals(tunables, { ...DEFAULT_TUNABLES, tcp_msl: 16, busy_poll: 0 });
});

Deno.test("config: the keys of fast open are set like a tunable, and an error keeps them secret", () => {
  const key = "a0bf63f7-ed803d81-cd641d30-cebc4a90";
  assertEquals(configOf().fastOpenKey, null);
  const config = configOf("--set", "tcp_msl=30", "--set", `tcp_fastopen_key=${key},${key}`);
  assertEquals([config.tunables.tcp_msl, config.fastOpenKey], [30, `${key},${key}`]);
  const message = "Cannot set tcp_fastopen_key: expected " +
    "xxxxxxxx-xxxxxxxx-xxxxxxxx-xxxxxxxx[,backup]";
  for (const wrong of ["", key.slice(1), `${key},`, `${key}-`]) {
    assertThrows(() => configOf("--set", `tcp_fastopen_key=${wrong}`), UsageError, message);
  }
});

Deno.test("config: a recording has a file, and 256 MiB where nothing else is said", () => {
  assertEquals(configOf().recording, null);
  const recording = { path: "run.rec", limit: 256 << 20 };
  assertEquals(configOf("--record", "run.rec").recording, recording);
  for (const limit of [2 ** 20, 2 ** 31]) {
    const config = configOf("--record=run.rec", `--record-limit=${limit}`);
    assertEquals(config.recording, { path: "run.rec", limit });
  }
});

Deno.test("config: --replay is another command, which has no settings", () => {
  assertEquals(parseCommandLine(["--replay", "run.rec"]), { kind: "replay", path: "run.rec" });
  for (const other of ["--no-setup", "--tap=tap7", "--record=other.rec", "--set=tcp_msl=3"]) {
    const error = assertThrows(() => parseCommandLine(["--replay=run.rec", other]), UsageError);
    assert(error.message.endsWith(`leave ${other.split("=")[0]} out`), error.message);
  }
});

Deno.test("config: the ends of the MTU's range are in it", () => {
  assertEquals([configOf("--mtu", "576").mtu, configOf("--mtu", "65520").mtu], [576, 65520]);
});

Deno.test("config: --help and --version win over flags that would be wrong", () => {
  assertEquals(parseCommandLine(["--help", "--mtu", "1"]), { kind: "help" });
  assertEquals(parseCommandLine(["-h"]), { kind: "help" });
  assertEquals(parseCommandLine(["--version"]), { kind: "version" });
});

const IP_PORT = "expected IP:PORT, like 198.18.0.2:80 or [fd00::2]:80; port 0 is every port";
const UPSTREAM_FORM = "expected [tap:]IP:PORT, like 127.0.0.1:8080 or [::1]:8080; names are not " +
  "looked up, and port 0 is the port that the client asked for";
const ROUTE_FORM =
  "expected listen=IP:PORT,upstream=[tap:]IP:PORT and more settings; --help lists them";
const ONE_IP = "expected an IP address, like 198.18.0.2 or fd00::2";
const IP_PREFIX = "expected IP/PREFIX, like 198.18.0.1/24 or fd00::1/64";
const SIX_BYTES = "expected six bytes like 02:00:5e:10:00:01, the first one even";
const TAP_NAME =
  'expected a name of 1 to 15 characters without spaces, "/", ":" and "%", like tap0';
const BYTES = "expected 576 to 65520 bytes, like 1500";

/** Wrong command lines and what the user is told: the thing, its value, what it may be, what to do. */
const WRONG: [args: string[], message: string][] = [
  // No such flag
  [["--lisen", "198.18.0.2:80"], "There is no flag --lisen; did you mean --listen?"],
  [["-listen", "198.18.0.2:80"], "There is no flag -listen; did you mean --listen?"],
  [["--upstrem=127.0.0.1:80"], "There is no flag --upstrem; did you mean --upstream?"],
  [["--no-offloads"], "There is no flag --no-offloads; did you mean --no-offload?"],
  [["--setup"], "There is no flag --setup: it is the default; --no-setup is the other way"],
  [["--frobnicate"], "There is no flag --frobnicate; --help lists all"],
  [["-x"], "There is no flag -x; --help lists all"],
  [["--no-mtu=9000"], "There is no flag --no-mtu: leave --mtu out to have its default"],
  [["--no-tap"], "There is no flag --no-tap: leave --tap out to have its default"],
  [["--MTU=9000"], "There is no flag --MTU; did you mean --mtu?"],
  [["--tcp_msl=30"], "There is no flag --tcp_msl; did you mean --set tcp_msl=30?"],
  [["--_=tap7"], "There is no flag --_; --help lists all"],
  [["--__proto__=1"], "There is no flag --__proto__; --help lists all"],
  // No flag at all
  [
    ["tap7"],
    'Cannot take the argument "tap7": every value belongs to a flag, like --tap tap7',
  ],
  [
    ["--no-offload", "--", "--mtu"],
    'Cannot take the argument "--mtu": every value belongs to a flag, like --tap --mtu',
  ],
  // No value, or one too many
  [["--mtu"], `--mtu needs a value: ${BYTES}`],
  [["--tap="], `--tap needs a value: ${TAP_NAME}`],
  [["--tap", ""], `--tap needs a value: ${TAP_NAME}`],
  [["--listen", "--upstream"], `--listen needs a value: ${IP_PORT}`],
  [
    ["--no-setup=yes"],
    "Cannot give --no-setup the value yes: it takes none; give --no-setup alone or leave it out",
  ],
  [
    ["--no-offload", "on"],
    "Cannot give --no-offload the value on: it takes none; give --no-offload alone or leave it out",
  ],
  [["--mtu", "1500", "--mtu", "9000"], "Cannot use --mtu 9000: it was 1500 before; give it once"],
  [["--tap", "a", "--tap", "a"], "Cannot use --tap a: it was a before; give it once"],
  // Pairs
  [
    ["--listen", "198.18.0.2:80"],
    "Cannot pair 1 --listen with 0 --upstream: give one --upstream IP:PORT for each " +
    "--listen IP:PORT, in the same order",
  ],
  [
    [...A_ROUTE, "--upstream", "127.0.0.1:81"],
    "Cannot pair 1 --listen with 2 --upstream: give one --upstream IP:PORT for each " +
    "--listen IP:PORT, in the same order",
  ],
  [
    [...A_ROUTE, ...A_ROUTE],
    "Cannot relay 198.18.0.2:80 to 127.0.0.1:8080: it is relayed to 127.0.0.1:8080 already; " +
    "give each --listen or listen= once",
  ],
  // Endpoints
  [[...listen("198.18.0.2")], `Cannot use --listen 198.18.0.2: ${IP_PORT}`],
  [[...listen("198.18.0.2:65536")], `Cannot use --listen 198.18.0.2:65536: ${IP_PORT}`],
  [[...listen("198.18.0.2:http")], `Cannot use --listen 198.18.0.2:http: ${IP_PORT}`],
  [[...listen("198.18.0.256:80")], `Cannot use --listen 198.18.0.256:80: ${IP_PORT}`],
  [[...listen("fd00::2:80")], `Cannot use --listen fd00::2:80: ${IP_PORT}`],
  [[...listen("0.0.0.0:80")], `Cannot use --listen 0.0.0.0:80: 0.0.0.0 is no address; ${IP_PORT}`],
  [
    [...listen("127.0.0.1:80")],
    "Cannot use --listen 127.0.0.1:80: 127.0.0.1 is a loopback address, which never reaches a " +
    `device; ${IP_PORT}`,
  ],
  [
    [...listen("[::1]:80")],
    "Cannot use --listen [::1]:80: ::1 is the loopback address, which never reaches a " +
    `device; ${IP_PORT}`,
  ],
  [
    [...listen("224.0.0.1:80")],
    `Cannot use --listen 224.0.0.1:80: 224.0.0.1 is a multicast address; ${IP_PORT}`,
  ],
  [
    [...listen("[ff02::1]:80")],
    `Cannot use --listen [ff02::1]:80: ff02::1 is a multicast address; ${IP_PORT}`,
  ],
  [
    [...upstream("localhost:8080")],
    `Cannot use --upstream localhost:8080: ${UPSTREAM_FORM}`,
  ],
  [[...upstream("8080")], `Cannot use --upstream 8080: ${UPSTREAM_FORM}`],
  [
    [...upstream("0.0.0.0:8080")],
    "Cannot use --upstream 0.0.0.0:8080: nobody can be reached there; " +
    "127.0.0.1 and ::1 are this host",
  ],
  [
    [...upstream("198.18.0.2:8080")],
    "Cannot relay 198.18.0.2:80 to 198.18.0.2:8080: it is an address of the stack itself; " +
    "give a server's",
  ],
  [
    [...upstream("224.0.0.1:80")],
    `Cannot use --upstream 224.0.0.1:80: 224.0.0.1 is a multicast address; ${UPSTREAM_FORM}`,
  ],
  [
    [...upstream("255.255.255.255:80")],
    "Cannot use --upstream 255.255.255.255:80: 255.255.255.255 is the broadcast address; " +
    UPSTREAM_FORM,
  ],
  [
    [...upstream("tap:127.0.0.1:80")],
    "Cannot use --upstream tap:127.0.0.1:80: 127.0.0.1 is a loopback address, which never " +
    `reaches a device; ${UPSTREAM_FORM}`,
  ],
  [
    [...upstream("tap:198.18.0.2:81")],
    "Cannot relay 198.18.0.2:80 to tap:198.18.0.2:81: it is an address of the stack itself; " +
    "give a server's",
  ],
  [
    [...upstream("tap:[fd00::1]:80")],
    "Cannot relay 198.18.0.2:80 to tap:[fd00::1]:80: the stack has no IPv6 address to dial it from; " +
    "give --stack-address one",
  ],
  // Routes
  [
    ["--route", "198.18.0.2:80"],
    "Cannot use --route 198.18.0.2:80: there is no setting 198.18.0.2:80; there are listen, " +
    "upstream, backlog, fastopen, idempotent, upstream-fastopen, keepalive, upstream-keepalive, " +
    "congestion, upstream-congestion",
  ],
  [
    route("backlog=0"),
    "Cannot use --route listen=198.18.0.2:80,upstream=127.0.0.1:8080,backlog=0: expected " +
    "backlog=COUNT (1 to 65535 connections), not backlog=0",
  ],
  [
    route("fast-open=16"),
    "Cannot use --route listen=198.18.0.2:80,upstream=127.0.0.1:8080,fast-open=16: there is no " +
    "setting fast-open; did you mean fastopen?",
  ],
  [
    ["--route", "listen=127.0.0.1:80,upstream=127.0.0.1:8080"],
    "Cannot use --route listen=127.0.0.1:80,upstream=127.0.0.1:8080: 127.0.0.1 is a loopback " +
    `address, which never reaches a device; ${ROUTE_FORM}`,
  ],
  [
    ["--route", "listen=198.18.0.2:80,upstream=0.0.0.0:80"],
    "Cannot use --route listen=198.18.0.2:80,upstream=0.0.0.0:80: nobody can be reached there; " +
    "127.0.0.1 and ::1 are this host",
  ],
  [
    [...A_ROUTE, "--route", "listen=198.18.0.2:80,upstream=tap:198.18.0.1:81"],
    "Cannot relay 198.18.0.2:80 to tap:198.18.0.1:81: it is relayed to 127.0.0.1:8080 already; " +
    "give each --listen or listen= once",
  ],
  // The device
  [["--tap", "a-name-too-long-"], `Cannot use --tap a-name-too-long-: ${TAP_NAME}`],
  [["--tap", "tap/0"], `Cannot use --tap tap/0: ${TAP_NAME}`],
  [["--tap", ".."], `Cannot use --tap ..: ${TAP_NAME}`],
  [["--mtu", "575"], `Cannot use --mtu 575: ${BYTES}`],
  [["--mtu", "65521"], `Cannot use --mtu 65521: ${BYTES}`],
  [["--mtu", "1.5k"], `Cannot use --mtu 1.5k: ${BYTES}`],
  [["--mtu=-1"], `Cannot use --mtu -1: ${BYTES}`],
  [
    ["--mtu", "1279", "--host-address", "fd00::1/64", "--stack-address", "fd00::2"],
    "Cannot use --mtu 1279: IPv6 needs 1280 bytes at least, and fd00::2 is IPv6",
  ],
  [
    ["--mtu", "1000", "--host-address", "198.18.0.1/24", "--host-address", "fd00::1/64"],
    "Cannot use --mtu 1000: IPv6 needs 1280 bytes at least, and fd00::1 is IPv6",
  ],
  [["--mac", "02:00:5e:10:00"], `Cannot use --mac 02:00:5e:10:00: ${SIX_BYTES}`],
  [["--mac", "01:00:5e:10:00:01"], `Cannot use --mac 01:00:5e:10:00:01: ${SIX_BYTES}`],
  [["--mac", "00:00:00:00:00:00"], `Cannot use --mac 00:00:00:00:00:00: ${SIX_BYTES}`],
  // Addresses
  [["--host-address", "198.18.0.1"], `Cannot use --host-address 198.18.0.1: ${IP_PREFIX}`],
  [["--host-address", "198.18.0.1/33"], `Cannot use --host-address 198.18.0.1/33: ${IP_PREFIX}`],
  [
    ["--host-address", "198.18.0.2/24"],
    "Cannot give 198.18.0.2 to both ends of the device: --host-address must differ from every " +
    "--listen and --stack-address",
  ],
  [
    ["--host-address", "10.1.2.1/24"],
    "Cannot choose the stack's address beside 10.1.2.1/24: give --listen IP:PORT or " +
    "--stack-address IP of that network",
  ],
  [
    ["--no-setup", "--host-address", "198.18.0.1/24"],
    "Cannot use --host-address 198.18.0.1/24: --no-setup gives the device none",
  ],
  [["--stack-address", "198.18.0.2/24"], `Cannot use --stack-address 198.18.0.2/24: ${ONE_IP}`],
  [
    ["--stack-address", "255.255.255.255"],
    `Cannot use --stack-address 255.255.255.255: 255.255.255.255 is the broadcast address; ${ONE_IP}`,
  ],
  [
    [...listen("10.1.2.3:80")],
    "Cannot choose the host's address beside 10.1.2.3: give --host-address IP/PREFIX of a " +
    "network that contains it, like 10.1.2.1/24, or --no-setup",
  ],
  [
    ["--stack-address", "fd00::1"],
    "Cannot choose the host's address beside fd00::1: give --host-address IP/PREFIX of a " +
    "network that contains it, like fd00::2/64, or --no-setup",
  ],
  [
    [...listen("198.18.0.255:80")],
    "Cannot use 198.18.0.255 in the network 198.18.0.1/24: it is the last address, which stands " +
    "for the whole network; give --host-address, --listen and --stack-address one between the " +
    "first and the last",
  ],
  [
    ["--host-address", "198.18.0.0/24"],
    "Cannot use 198.18.0.0 in the network 198.18.0.0/24: it is the first address, which stands " +
    "for the whole network; give --host-address, --listen and --stack-address one between the " +
    "first and the last",
  ],
  // Tunables
  [
    ["--set", "tcp_msl"],
    "Cannot use --set tcp_msl: expected NAME=VALUE, like tcp_msl=30; " +
    "--help lists the names",
  ],
  [
    ["--set", "tcp_msl="],
    "Cannot use --set tcp_msl=: expected NAME=VALUE, like tcp_msl=30; " +
    "--help lists the names",
  ],
  [
    ["--set", "tcp_mls=30"],
    'Cannot set tcp_mls to "30": there is no such tunable; did you mean tcp_msl?',
  ],
  [
    ["--set", "colour=red"],
    'Cannot set colour to "red": there is no such tunable; --help lists all',
  ],
  [
    ["--set", "net.ipv4.TCP_MSL=30"],
    'Cannot set net.ipv4.TCP_MSL to "30": there is no such tunable; did you mean tcp_msl?',
  ],
  [
    ["--set", "tcp_msl=121"],
    'Cannot set tcp_msl to "121": expected 1 to 120 seconds; the default is 60',
  ],
  [["--set", "tcp_sack=yes"], 'Cannot set tcp_sack to "yes": expected 0 or 1; the default is 1'],
  [
    ["--set", "tcp_timestamps=3"],
    'Cannot set tcp_timestamps to "3": expected 0, 1 or 2; the default is 1',
  ],
  // Log
  [
    ["--log-level", "inf"],
    "Cannot use --log-level inf: expected debug, info, warn or error; did you mean info?",
  ],
  [
    ["--log-level", "INFO"],
    "Cannot use --log-level INFO: expected debug, info, warn or error; did you mean info?",
  ],
  [
    ["--log-format", "xml"],
    "Cannot use --log-format xml: expected text or json; the default is text",
  ],
];

for (const [args, message] of WRONG) {
  Deno.test(`config: refuses ${args.join(" ")}`, () => {
    const error = assertThrows(() => parseCommandLine(args), UsageError);
    assertEquals(error.message, message);
  });
}

function route(settings: string): string[] {
  return ["--route", `listen=198.18.0.2:80,upstream=127.0.0.1:8080,${settings}`];
}

function listen(text: string): string[] {
  return ["--listen", text, "--upstream", "127.0.0.1:8080"];
}

function upstream(text: string): string[] {
  return ["--listen", "198.18.0.2:80", "--upstream", text];
}
