/**
 * Config: all that a user can choose, checked. Flags come in as `parseArgs` of
 * `@std/cli` leaves them; a `UsageError` says which one is wrong, what it may
 * be, and what was probably meant.
 */

import { nearest } from "./nearest.ts";
import {
  DEFAULT_TUNABLES,
  FAST_OPEN_KEY,
  FAST_OPEN_KEY_FORM,
  isFastOpenKey,
  setTunable,
  TunableError,
  type Tunables,
} from "./tcp/tunables.ts";
import {
  type Address,
  Cidr,
  Endpoint,
  type Mac,
  parseAddress,
  parseCidr,
  parseEndpoint,
  parseMac,
} from "./wire/address.ts";

/** Least and greatest MTU of the device. RFC 1122 §3.3.3; Linux's TAP. */
export const MTU_RANGE = { min: 576, max: 65520 } as const;

/** Levels of logging, most talkative first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** Forms of the log's lines. */
export const LOG_FORMATS = ["text", "json"] as const;

/** Which connections go where. */
export type RouteConfig = Readonly<{
  /** Port 0: every port of that address. */
  listen: Endpoint;
  /** Port 0: the port that the client asked for. */
  upstream: Endpoint;
}>;

/** All that a user can choose, checked and frozen. */
export type Config = Readonly<{
  /** The device's name, at most 15 characters. */
  tapName: string;
  /** The device's MTU in bytes, 576 … 65520. */
  mtu: number;
  /** The stack's own address on the link; null: a random, locally administered one. */
  mac: Mac | null;
  /** The kernel's side of the link, with its networks; empty without `setup`. */
  hostAddresses: readonly Cidr[];
  /**
   * What the stack owns: the address of every route and those given besides,
   * each with the network it shares with the host; alone in one without `setup`.
   */
  stackAddresses: readonly Cidr[];
  /** Next hops out of those networks: the host's side, one per family at most. */
  gateways: readonly Address[];
  routes: readonly RouteConfig[];
  /** Whether to give the device its MTU and addresses and to set it up. */
  setup: boolean;
  /** Whether to ask the device for segmentation and checksum offload. */
  offload: boolean;
  tunables: Tunables;
  /** Keys of fast open, a secret; null: made at random and replaced now and then. */
  fastOpenKey: string | null;
  logLevel: typeof LOG_LEVELS[number];
  logFormat: typeof LOG_FORMATS[number];
}>;

/** How `--set` begins when it sets the keys of fast open. */
const KEY_SETTING = `${FAST_OPEN_KEY}=`;

/** What the command line asks for. */
export type Command =
  | { readonly kind: "run"; readonly config: Config }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

/** A command line that cannot be obeyed. The message is for the user, and complete. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What each flag with a value may be, in words; those of the command line with a value. */
const FORMS = {
  "listen": "IP:PORT, like 198.18.0.2:80 or [fd00::2]:80; port 0 is every port",
  "upstream": "IP:PORT, like 127.0.0.1:8080 or [::1]:8080; names are not looked up, " +
    "and port 0 is the port that the client asked for",
  "tap": 'a name of 1 to 15 characters without spaces, "/", ":" and "%"',
  "mtu": `${MTU_RANGE.min} to ${MTU_RANGE.max} bytes`,
  "mac": "six bytes like 02:00:5e:10:00:01, the first one even",
  "host-address": "IP/PREFIX, like 198.18.0.1/24 or fd00::1/64",
  "stack-address": "an IP address, like 198.18.0.2 or fd00::2",
  "set": "NAME=VALUE, like tcp_msl=30; --help lists the names",
  "log-level": LOG_LEVELS.join(", "),
  "log-format": LOG_FORMATS.join(" or "),
} as const;

type ValueFlag = keyof typeof FORMS;
type Switch = "no-setup" | "no-offload" | "help" | "version";

const VALUE_FLAGS = Object.keys(FORMS) as ValueFlag[];
const SWITCHES: readonly Switch[] = ["no-setup", "no-offload", "help", "version"];

/**
 * What `parseArgs` is to be told. All flags are collected, so that one given
 * twice is noticed; the switches are not declared boolean, so that a value given
 * to one is noticed.
 */
export const FLAG_SYNTAX = {
  string: [...VALUE_FLAGS, "_"],
  collect: [...VALUE_FLAGS, ...SWITCHES],
  alias: { help: "h" },
  // An empty argument mostly is the lost value of the flag before it, which is
  // the better thing to complain about.
  unknown: (argument: string, key?: string) => argument === "" || refuseUnknown(argument, key),
} as const;

/** What `parseArgs` makes of a command line, given `FLAG_SYNTAX`. */
export type Flags =
  & Readonly<Record<ValueFlag, readonly string[]>>
  & Readonly<Partial<Record<Switch, readonly unknown[]>>>
  & { readonly _: readonly (string | number)[] };

const DEFAULT_TAP = "tapster0";
const DEFAULT_HOST = parseCidr("198.18.0.1/24")!;
const DEFAULT_STACK = parseAddress("198.18.0.2")!;
const LEAST_IPV6_MTU = 1280; // RFC 8200 §5

/** What the flags ask for. Throws UsageError. */
export function commandFrom(flags: Flags): Command {
  for (const flag of VALUE_FLAGS) refuseEmpty(flag, flags[flag]);
  for (const argument of flags._) refuseUnknown(String(argument));
  for (const flag of SWITCHES) refuseValue(flag, flags[flag] ?? []);
  if (flags.help !== undefined) return { kind: "help" };
  if (flags.version !== undefined) return { kind: "version" };
  return { kind: "run", config: configFrom(flags) };
}

function configFrom(flags: Flags): Config {
  const setup = flags["no-setup"] === undefined;
  const given = routesFrom(flags.listen, flags.upstream);
  const stackAddresses = stackAddressesFrom(flags["stack-address"], given);
  refuseLoops(given, stackAddresses);
  const hostAddresses = hostAddressesFrom(flags["host-address"], stackAddresses, setup);
  return Object.freeze({
    tapName: single("tap", flags.tap, DEFAULT_TAP, tapNameFrom),
    mtu: single("mtu", flags.mtu, 1500, (text) => {
      return mtuFrom(text, [...stackAddresses, ...hostAddresses.map((cidr) => cidr.address)]);
    }),
    mac: single("mac", flags.mac, null, macFrom),
    hostAddresses: Object.freeze(hostAddresses),
    stackAddresses: Object.freeze(stackAddresses.map((own) => inNetwork(own, hostAddresses))),
    gateways: Object.freeze(gatewaysAmong(hostAddresses)),
    routes: Object.freeze(given.length > 0 ? given : stackAddresses.map(everyPortOf)),
    setup,
    offload: flags["no-offload"] === undefined,
    tunables: tunablesFrom(flags.set.filter((text) => !text.startsWith(KEY_SETTING))),
    fastOpenKey: fastOpenKeyFrom(flags.set),
    logLevel: single("log-level", flags["log-level"], "info", (text) => {
      return oneOf("log-level", text, LOG_LEVELS);
    }),
    logFormat: single("log-format", flags["log-format"], "text", (text) => {
      return oneOf("log-format", text, LOG_FORMATS);
    }),
  });
}

function routesFrom(listens: readonly string[], upstreams: readonly string[]): RouteConfig[] {
  if (listens.length !== upstreams.length) {
    throw new UsageError(
      `Cannot pair ${listens.length} --listen with ${upstreams.length} --upstream: ` +
        "give one --upstream IP:PORT for each --listen IP:PORT, in the same order",
    );
  }
  const routes: RouteConfig[] = [];
  for (const [i, text] of listens.entries()) {
    const listen = parseEndpoint(text) ?? misuse("listen", text);
    refuseForeign("listen", text, listen.address);
    if (routes.some((route) => route.listen.equals(listen))) {
      misuse("listen", text, "it has an --upstream already; give it once");
    }
    const upstream = parseEndpoint(upstreams[i]) ?? misuse("upstream", upstreams[i]);
    if (upstream.address.isUnspecified) {
      misuse(
        "upstream",
        upstreams[i],
        "nobody can be reached there; 127.0.0.1 and ::1 are this host",
      );
    }
    routes.push(Object.freeze({ listen, upstream }));
  }
  return routes;
}

/** Refuses upstreams behind the device, whose connections would come in again without end. */
function refuseLoops(routes: readonly RouteConfig[], stackAddresses: readonly Address[]): void {
  for (const { upstream } of routes) {
    if (!stackAddresses.some((own) => own.equals(upstream.address))) continue;
    misuse("upstream", `${upstream}`, "it is an address of the stack itself; give a server's");
  }
}

/** Where everything goes that is sent to an address without a route: this host's own servers. */
function everyPortOf(address: Address): RouteConfig {
  const loopback = parseAddress(address.isIpv4 ? "127.0.0.1" : "::1")!;
  return Object.freeze({ listen: new Endpoint(address, 0), upstream: new Endpoint(loopback, 0) });
}

function stackAddressesFrom(texts: readonly string[], routes: readonly RouteConfig[]): Address[] {
  const addresses = routes.map((route) => route.listen.address);
  for (const text of texts) {
    const address = parseAddress(text) ?? misuse("stack-address", text);
    refuseForeign("stack-address", text, address);
    addresses.push(address);
  }
  if (addresses.length === 0) addresses.push(DEFAULT_STACK);
  return addresses.filter((address, i) => addresses.findIndex((a) => a.equals(address)) === i);
}

function hostAddressesFrom(
  texts: readonly string[],
  stackAddresses: readonly Address[],
  setup: boolean,
): Cidr[] {
  if (!setup) {
    if (texts.length > 0) misuse("host-address", texts[0], "--no-setup gives the device none");
    return [];
  }
  if (texts.length === 0) {
    const foreign = stackAddresses.find((address) => !DEFAULT_HOST.contains(address));
    if (foreign !== undefined) {
      throw new UsageError(
        `Cannot choose the host's address beside ${foreign}: give --host-address IP/PREFIX ` +
          `of a network that contains it, like ${neighbourOf(foreign)}, or --no-setup`,
      );
    }
  }
  const addresses = texts.length === 0 ? [DEFAULT_HOST] : texts.map((text) => {
    const cidr = parseCidr(text) ?? misuse("host-address", text);
    refuseForeign("host-address", text, cidr.address);
    return cidr;
  });
  if (stackAddresses[0] === DEFAULT_STACK && !addresses.some((a) => a.contains(DEFAULT_STACK))) {
    throw new UsageError(
      `Cannot choose the stack's address beside ${addresses[0]}: ` +
        "give --listen IP:PORT or --stack-address IP of that network",
    );
  }
  for (const { address } of addresses) {
    if (!stackAddresses.some((own) => own.equals(address))) continue;
    throw new UsageError(
      `Cannot give ${address} to both ends of the device: ` +
        "--host-address must differ from every --listen and --stack-address",
    );
  }
  return addresses;
}

/** `own` with the prefix length of the first network that contains it, else its full length. */
function inNetwork(own: Address, networks: readonly Cidr[]): Cidr {
  const network = networks.find((network) => network.contains(own));
  return new Cidr(own, network?.prefixLength ?? (own.isIpv4 ? 32 : 128));
}

/** The first address of each family. */
function gatewaysAmong(hostAddresses: readonly Cidr[]): Address[] {
  const addresses = hostAddresses.map((cidr) => cidr.address);
  return addresses.filter((address, i) =>
    addresses.findIndex((a) => a.isIpv4 === address.isIpv4) === i
  );
}

/** A host address, for an example, in the same network as `address`. */
function neighbourOf(address: Address): string {
  const last = (address.w3 & 0xff) === 1 ? 2 : 1;
  const prefix = address.toString().replace(/[^.:]*$/, "");
  return address.isIpv4 ? `${prefix}${last}/24` : `${prefix}${last}/64`;
}

function tapNameFrom(text: string): string {
  // What Linux's dev_valid_name refuses, and "%", which makes a name a pattern.
  const isValid = text.length <= 15 && !/[\s/:%]|^\.\.?$|[^ -~]/.test(text);
  return isValid ? text : misuse("tap", text);
}

function mtuFrom(text: string, addresses: readonly Address[]): number {
  const mtu = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (!(mtu >= MTU_RANGE.min && mtu <= MTU_RANGE.max)) misuse("mtu", text);
  const ipv6 = addresses.find((address) => !address.isIpv4);
  if (mtu < LEAST_IPV6_MTU && ipv6 !== undefined) {
    misuse("mtu", text, `IPv6 needs ${LEAST_IPV6_MTU} bytes at least, and ${ipv6} is IPv6`);
  }
  return mtu;
}

function macFrom(text: string): Mac {
  const mac = parseMac(text);
  const isNull = mac !== null && mac.high === 0 && mac.low === 0;
  return mac === null || mac.isGroup || isNull ? misuse("mac", text) : mac;
}

function tunablesFrom(texts: readonly string[]): Tunables {
  let tunables = DEFAULT_TUNABLES;
  for (const text of texts) {
    const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? misuse("set", text);
    try {
      tunables = setTunable(tunables, name, value);
    } catch (error) {
      if (!(error instanceof TunableError)) throw error;
      const advice = error.allowed === "" && error.nearest === null ? "; --help lists all" : "";
      throw new UsageError(`${error.message}${advice}`, { cause: error });
    }
  }
  return tunables;
}

/** The last one stands. What is no key is not repeated in the message: it may be most of one. */
function fastOpenKeyFrom(texts: readonly string[]): string | null {
  let key: string | null = null;
  for (const text of texts) {
    if (!text.startsWith(KEY_SETTING)) continue;
    key = text.slice(KEY_SETTING.length);
    if (!isFastOpenKey(key)) {
      throw new UsageError(`Cannot set ${FAST_OPEN_KEY}: expected ${FAST_OPEN_KEY_FORM}`);
    }
  }
  return key;
}

function oneOf<T extends string>(flag: ValueFlag, text: string, choices: readonly T[]): T {
  const choice = choices.find((choice) => choice === text);
  if (choice !== undefined) return choice;
  return misuse(flag, text, `expected ${FORMS[flag]}${didYouMean(nearest(text, choices))}`);
}

/** The checked value of a flag that may be given once. */
function single<T, D>(
  flag: ValueFlag,
  values: readonly string[],
  absent: D,
  check: (text: string) => T,
): T | D {
  if (values.length > 1) misuse(flag, values[1], `it was ${values[0]} before; give it once`);
  return values.length === 0 ? absent : check(values[0]);
}

function refuseEmpty(flag: ValueFlag, values: readonly string[]): void {
  if (values.includes("")) throw new UsageError(`--${flag} needs a value: ${FORMS[flag]}`);
}

function refuseValue(flag: Switch, values: readonly unknown[]): void {
  const value = values.find((value) => value !== true);
  if (value === undefined) return;
  throw new UsageError(`Cannot give --${flag} the value ${value}: it takes none`);
}

/** Refuses what neither end of an Ethernet link can have for an address of its own. */
function refuseForeign(flag: ValueFlag, text: string, address: Address): void {
  const kind = foreignKind(address);
  if (kind === "") return;
  misuse(flag, text, `${address} is ${kind}; expected ${FORMS[flag]}`);
}

function foreignKind(address: Address): string {
  const { w0, w1, w2, w3 } = address;
  if (address.isUnspecified) return "no address";
  const top = (address.isIpv4 ? w3 : w0) >>> 24;
  if (address.isIpv4) {
    if (w3 === -1) return "the broadcast address";
    if (top === 127) return "a loopback address, which never reaches a device";
    return top >= 224 && top < 240 ? "a multicast address" : "";
  }
  if ((w0 | w1 | w2) === 0 && w3 === 1) return "the loopback address, which never reaches a device";
  return top === 0xff ? "a multicast address" : "";
}

/** Refuses an argument that belongs to no flag; with a `key`, a flag that does not exist. */
function refuseUnknown(argument: string, key?: string): never {
  if (key === undefined) {
    throw new UsageError(
      `Cannot take the argument "${argument}": every value belongs to a flag, like --tap ` +
        (argument || "NAME"),
    );
  }
  const [flag, value] = argument.split("=", 2);
  const name = flag.replace(/^-+/, "");
  // parseArgs takes --no-setup=yes for --setup=yes, which it does not know.
  const known = SWITCHES.find((known) => known === name);
  if (known !== undefined) refuseValue(known, [value]);
  const near = nearest(name, [...VALUE_FLAGS, ...SWITCHES]);
  const advice = near === null ? "; --help lists all" : didYouMean(`--${near}`);
  throw new UsageError(`There is no flag ${flag}${advice}`);
}

function misuse(flag: ValueFlag, text: string, why = `expected ${FORMS[flag]}`): never {
  throw new UsageError(`Cannot use --${flag} ${text}: ${why}`);
}

function didYouMean(name: string | null): string {
  return name === null ? "" : `; did you mean ${name}?`;
}
