/**
 * Config: all that a user can choose, checked. Flags come in as `parseArgs` of
 * `@std/cli` leaves them; a `UsageError` says which one is wrong, and what to do.
 */

import {
  type Flags,
  formOf,
  LOG_FORMATS,
  LOG_LEVELS,
  misuse,
  MTU_RANGE,
  oneOf,
  RECORD_LIMIT_RANGE,
  refuseOthers,
  refuseStrayValues,
  single,
  UsageError,
  type ValueFlag,
} from "./flags.ts";
import {
  DEFAULT_TUNABLES,
  FAST_OPEN_KEY,
  FAST_OPEN_KEY_FORM,
  isFastOpenKey,
  setTunable,
  TunableError,
  TUNABLES,
  type Tunables,
  valueText,
} from "./tcp/tunables.ts";
import {
  formatUpstream,
  parseRoute,
  parseUpstream,
  plainRoute,
  type Route,
  RouteError,
} from "./proxy/route.ts";
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
  /** Who goes where; no two listen at the same address and port. */
  routes: readonly Route[];
  /** Whether to give the device its MTU and addresses and to set it up. */
  setup: boolean;
  /** Whether to ask the device for segmentation and checksum offload. */
  offload: boolean;
  tunables: Tunables;
  /** Keys of fast open, a secret; null: made at random and replaced now and then. */
  fastOpenKey: string | null;
  logLevel: typeof LOG_LEVELS[number];
  logFormat: typeof LOG_FORMATS[number];
  /** Where the run is recorded, and the most bytes of that; null: it is not. */
  recording: RecordingConfig | null;
}>;

/** A file that is to be made, and its greatest size in bytes. */
export type RecordingConfig = Readonly<{ path: string; limit: number }>;

/** How `--set` begins when it sets the keys of fast open. */
const KEY_SETTING = `${FAST_OPEN_KEY}=`;

/** What the command line asks for. */
export type Command =
  | { readonly kind: "run"; readonly config: Config }
  | { readonly kind: "replay"; readonly path: string }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

const DEFAULT_TAP = "tapster0";
const DEFAULT_HOST = parseCidr("198.18.0.1/24")!;
const DEFAULT_STACK = parseAddress("198.18.0.2")!;
const LEAST_IPV6_MTU = 1280; // RFC 8200 §5

/** What the flags ask for. Throws UsageError. */
export function commandFrom(flags: Flags): Command {
  refuseStrayValues(flags);
  if (flags.help !== undefined) return { kind: "help" };
  if (flags.version !== undefined) return { kind: "version" };
  const recording = single("replay", flags.replay, null, (path) => path);
  if (recording === null) return { kind: "run", config: configFrom(flags) };
  refuseOthers("replay", flags, "a recording has all settings of its run");
  return { kind: "replay", path: recording };
}

function configFrom(flags: Flags): Config {
  const setup = flags["no-setup"] === undefined;
  const given = [...pairsFrom(flags.listen, flags.upstream), ...routesFrom(flags.route)];
  refuseSharedListens(given);
  const stackAddresses = stackAddressesFrom(flags["stack-address"], given);
  for (const route of given) refuseUnfit(route, stackAddresses);
  const hostAddresses = hostAddressesFrom(flags["host-address"], stackAddresses, setup);
  for (const network of hostAddresses) {
    for (const own of [network.address, ...stackAddresses]) refuseEdges(own, network);
  }
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
      return oneOf("log-level", text, LOG_LEVELS, "info");
    }),
    logFormat: single("log-format", flags["log-format"], "text", (text) => {
      return oneOf("log-format", text, LOG_FORMATS, "text");
    }),
    recording: recordingFrom(flags),
  });
}

/** The short form: the n-th `--listen` goes with the n-th `--upstream`. */
function pairsFrom(listens: readonly string[], upstreams: readonly string[]): Route[] {
  if (listens.length !== upstreams.length) {
    throw new UsageError(
      `Cannot pair ${listens.length} --listen with ${upstreams.length} --upstream: ` +
        "give one --upstream IP:PORT for each --listen IP:PORT, in the same order",
    );
  }
  return listens.map((text, i) => {
    const listen = parseEndpoint(text) ?? misuse("listen", text);
    refuseForeign("listen", text, listen.address);
    const { upstream, via } = parseUpstream(upstreams[i]) ?? misuse("upstream", upstreams[i]);
    const route = plainRoute(listen, upstream, via);
    refuseUnreachable("upstream", upstreams[i], route);
    return route;
  });
}

function routesFrom(texts: readonly string[]): Route[] {
  return texts.map((text) => {
    const route = routeFrom(text);
    refuseForeign("route", text, route.listen.address);
    refuseUnreachable("route", text, route);
    return route;
  });
}

function routeFrom(text: string): Route {
  try {
    return parseRoute(text);
  } catch (error) {
    if (!(error instanceof RouteError)) throw error;
    throw new UsageError(`Cannot use --route ${text}: ${error.message}`, { cause: error });
  }
}

/** Refuses two routes for the same clients. Every port (0) and one port are not the same: the one goes first. */
function refuseSharedListens(routes: readonly Route[]): void {
  for (const [i, { listen, ...route }] of routes.entries()) {
    const first = routes.slice(0, i).find((other) => other.listen.equals(listen));
    if (first === undefined) continue;
    throw new UsageError(
      `Cannot relay ${listen} to ${formatUpstream(route)}: it is relayed to ` +
        `${formatUpstream(first)} already; give each --listen or listen= once`,
    );
  }
}

/** Refuses upstreams which no TCP can reach. */
function refuseUnreachable(flag: ValueFlag, text: string, { upstream, via }: Route): void {
  const { address } = upstream;
  if (via === "tap") return refuseForeign(flag, text, address);
  if (address.isUnspecified) {
    misuse(flag, text, "nobody can be reached there; 127.0.0.1 and ::1 are this host");
  }
  const kind = groupKind(address);
  if (kind !== "") misuse(flag, text, `${address} is ${kind}; expected ${formOf(flag)}`);
}

/** Refuses upstreams whose connections would come in again without end, and those no address of the stack can dial. */
function refuseUnfit(route: Route, stackAddresses: readonly Address[]): void {
  const { address } = route.upstream;
  const refuse = (why: string): never => {
    throw new UsageError(`Cannot relay ${route.listen} to ${formatUpstream(route)}: ${why}`);
  };
  if (stackAddresses.some((own) => own.equals(address))) {
    refuse("it is an address of the stack itself; give a server's");
  }
  if (route.via === "tap" && !stackAddresses.some((own) => own.isIpv4 === address.isIpv4)) {
    const family = address.isIpv4 ? "IPv4" : "IPv6";
    refuse(`the stack has no ${family} address to dial it from; give --stack-address one`);
  }
}

/** Where everything goes that is sent to an address without a route: this host's own servers. */
function everyPortOf(address: Address): Route {
  const loopback = parseAddress(address.isIpv4 ? "127.0.0.1" : "::1")!;
  return plainRoute(new Endpoint(address, 0), new Endpoint(loopback, 0), "kernel");
}

function stackAddressesFrom(texts: readonly string[], routes: readonly Route[]): Address[] {
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

/** Refuses the addresses of an IPv4 network which stand for all of it. RFC 1122 §3.2.1.3, RFC 3021 §2.1. */
function refuseEdges(own: Address, network: Cidr): void {
  if (!own.isIpv4 || network.prefixLength > 30 || !network.contains(own)) return;
  const hostMask = -1 >>> network.prefixLength;
  const host = own.w3 & hostMask;
  if (host !== 0 && host !== hostMask) return;
  throw new UsageError(
    `Cannot use ${own} in the network ${network}: it is the ${host === 0 ? "first" : "last"} ` +
      `address, which stands for the whole network; give --host-address, --listen and ` +
      `--stack-address one between the first and the last`,
  );
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
      throw new UsageError(`${error.message}${tunableAdvice(error)}`, { cause: error });
    }
  }
  return tunables;
}

/** What to do about a tunable, where the error itself does not say it. */
function tunableAdvice({ tunable, allowed, nearest }: TunableError): string {
  const spec = TUNABLES.find((spec) => spec.name === tunable);
  if (spec !== undefined) return `; the default is ${valueText(spec, spec.default)}`;
  return allowed === "" && nearest === null ? "; --help lists all" : "";
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

function recordingFrom(flags: Flags): RecordingConfig | null {
  const { min, max, standard } = RECORD_LIMIT_RANGE;
  const limit = single("record-limit", flags["record-limit"], standard, (text) => {
    const bytes = /^[0-9]+$/.test(text) ? Number(text) : NaN;
    return bytes >= min && bytes <= max ? bytes : misuse("record-limit", text);
  });
  const path = single("record", flags.record, null, (text) => text);
  if (path === null && flags["record-limit"].length > 0) {
    misuse("record-limit", `${limit}`, "nothing is recorded; give --record FILE, too");
  }
  return path === null ? null : Object.freeze({ path, limit });
}

/** Refuses what neither end of an Ethernet link can have for an address of its own. */
function refuseForeign(flag: ValueFlag, text: string, address: Address): void {
  const kind = foreignKind(address);
  if (kind === "") return;
  misuse(flag, text, `${address} is ${kind}; expected ${formOf(flag)}`);
}

function foreignKind(address: Address): string {
  const { w0, w1, w2, w3 } = address;
  if (address.isUnspecified) return "no address";
  if (address.isIpv4 && w3 >>> 24 === 127) {
    return "a loopback address, which never reaches a device";
  }
  const isLoopback = !address.isIpv4 && (w0 | w1 | w2) === 0 && w3 === 1;
  return isLoopback ? "the loopback address, which never reaches a device" : groupKind(address);
}

/** What kind of group `address` stands for; empty: none, it is one host's. */
function groupKind({ isIpv4, w0, w3 }: Address): string {
  if (isIpv4 && w3 === -1) return "the broadcast address";
  const isMulticast = isIpv4 ? w3 >>> 28 === 0xe : w0 >>> 24 === 0xff;
  return isMulticast ? "a multicast address" : "";
}
