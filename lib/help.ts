/** What the program tells its user: how to call it, and, once it runs, what to try. */

import type { Config } from "./config.ts";
import { type Route, ROUTE_SETTINGS, usageOf } from "./proxy/route.ts";
import {
  allowedValues,
  FAST_OPEN_KEY,
  FAST_OPEN_KEY_FORM,
  TUNABLES,
  valueText,
} from "./tcp/tunables.ts";
import { type Address, Endpoint } from "./wire/address.ts";

/** A port for examples, where every port is relayed. */
const EXAMPLE_PORT = 8000;

/** What `--help` prints. */
export function helpText(): string {
  return `Tapster ends TCP connections that come in by a TAP device, in its own TCP, and
relays their bytes to upstream servers.

Usage: deno run --allow-ffi main.ts [flags]

Without flags it makes the device tapster0 with the address 198.18.0.1/24 on the
host's side, and relays every TCP port of 198.18.0.2 to the same port of
127.0.0.1. It needs CAP_NET_ADMIN to make a device: run it as root, or in a
namespace of its own with "unshare -Urn".

Who goes where, repeatable:
  --route SETTING,SETTING,…  All about one route; the settings are listed below
  --listen IP:PORT           Where clients connect to, and
  --upstream [tap:]IP:PORT   where they are relayed to: a route's short form, in pairs

The device:
  --tap NAME                 Its name; one that exists is used (tapster0)
  --mtu BYTES                Largest IP packet, 576 to 65520 (1500)
  --mac MAC                  The stack's address on it (random)
  --host-address IP/PREFIX   The host's address on it, repeatable (198.18.0.1/24)
  --stack-address IP         What the stack answers for besides every --listen
                             address, repeatable (198.18.0.2 without --listen)
  --no-setup                 Leave the device's addresses and link state alone
  --no-offload               Frames of one MTU each, checksums computed here

Behaviour:
  --set TUNABLE=VALUE        Change a tunable of the list below, repeatable

Record and replay:
  --record FILE              Record the run in a new file, its keys and all bytes of its
                             clients included. Needs --allow-write=FILE
  --record-limit BYTES       The most bytes of it, 1048576 to 2147483648 (268435456)
  --replay FILE              Run a recording again, tell what happens and whether it is
                             the same, bit for bit. Needs --allow-read=FILE, no device

Log:
  --log-level LEVEL          debug, info, warn or error (info); debug shows each
                             segment with SYN, FIN or RST
  --log-format FORMAT        text or json (text)
  Of each kind px_log_ratelimit records a second are written, the rest counted.

  --help, -h                 Print this
  --version                  Print the version

SIGINT and SIGTERM let open connections finish (px_drain_timeout), a second one
ends the program at once. Exit codes: 0 ended as asked, 1 the system refused
something, 2 wrong flags, 75 the device was destroyed. Of a replay: 0 the same, 1 not.

Examples:
  # A web server of this host under another address
  main.ts --listen 198.18.0.2:80 --upstream 127.0.0.1:8080

  # One on the device's network, dialed by Tapster's own TCP; 16 clients may wait
  main.ts --route listen=198.18.0.2:80,upstream=tap:198.18.0.1:3000,fastopen=0,backlog=16

  # Both families, one address each
  main.ts --host-address 10.9.0.1/24 --listen 10.9.0.2:443 --upstream 192.0.2.7:443 \\
          --host-address fd00:9::1/64 --listen [fd00:9::2]:443 --upstream [2001:db8::7]:443

  # A device that somebody else sets up, or moves into another namespace
  main.ts --no-setup --tap edge0 --listen 10.9.0.2:0 --upstream 127.0.0.1:0

Settings of a route:
${settingLines().join("\n")}

Tunables, named after Linux's sysctls; decimal or 0x:
${tunableLines().join("\n")}`;
}

/**
 * What stands in the log once the device is open: what was set up, and a command
 * to try. `deviceName` and `offload` are what the system granted.
 */
export function welcomeLines(config: Config, deviceName: string, offload: boolean): string[] {
  const { setup, mtu, hostAddresses, routes, recording } = config;
  const stackAddresses = config.stackAddresses.map((cidr) => cidr.address);
  const unreachable = setup
    ? stackAddresses.filter((own) => !hostAddresses.some((network) => network.contains(own)))
    : [];
  return [
    `${deviceName} is open, ${setup ? `host side ${hostAddresses.join(", ")}` : "not set up"}, ` +
    `mtu ${mtu}, ${offload ? "with" : "without"} offloads`,
    ...routes.map((route) => `${sideText(route.listen)} → ${upstreamText(route)}`),
    ...(setup ? [] : [`To set it up: ${setupCommands(deviceName, stackAddresses)}`]),
    ...unreachable.map((own) =>
      `${own} is in no network of ${deviceName}: to reach it, ip route add ${own} dev ${deviceName}`
    ),
    ...(recording === null ? [] : [
      `Recording to ${recording.path}, at most ${recording.limit} bytes: keys, and all that ` +
      "clients and upstreams send",
    ]),
    `Try: curl http://${exampleOf(routes[0])}/ with a server on ${exampleServerOf(routes[0])}`,
  ];
}

function settingLines(): string[] {
  return ROUTE_SETTINGS.map((setting) => {
    const { meaning, range, standard } = setting;
    const note = standard === "" ? "" : ` (${standard})`;
    const lines = wrap(`${meaning} (${range})`, 94).map((line) => `      ${line}`);
    return [`  ${usageOf(setting)}${note}`, ...lines].join("\n").replaceAll("`", "");
  });
}

/** The words of `text` in lines of at most `width` characters. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function tunableLines(): string[] {
  const line = (name: string, standard: string, allowed: string) =>
    `  ${name.padEnd(26)} ${standard.padEnd(9)}  ${allowed}`;
  return [
    ...TUNABLES.map((spec) => line(spec.name, valueText(spec, spec.default), allowedValues(spec))),
    line(FAST_OPEN_KEY, "random", FAST_OPEN_KEY_FORM),
  ];
}

function sideText({ address, port }: Endpoint): string {
  return port === 0 ? `${address}, every port` : `${new Endpoint(address, port)}`;
}

function upstreamText(route: Route): string {
  if (route.via === "tap") return `${sideText(route.upstream)}, on the device's network`;
  return sideText(route.upstream);
}

function setupCommands(deviceName: string, stackAddresses: readonly Address[]): string {
  const routes = stackAddresses.map((own) => `ip route add ${own} dev ${deviceName}`);
  return [`ip link set ${deviceName} up`, ...routes].join("; ");
}

function exampleOf({ listen }: Route): Endpoint {
  return new Endpoint(listen.address, listen.port || EXAMPLE_PORT);
}

function exampleServerOf(route: Route): string {
  const { address, port } = route.upstream;
  const server = new Endpoint(address, port || exampleOf(route).port);
  return port === 0 ? `${server} (python3 -m http.server ${server.port})` : `${server}`;
}
