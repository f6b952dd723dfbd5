/**
 * Route: who goes where, and how. As text a route is a list of settings with
 * commas between, the same on the command line and in configuration files:
 *
 *     listen=198.18.0.2:80,upstream=127.0.0.1:3000,fastopen=256,keepalive=60/10/3
 */

import { nearest } from "../nearest.ts";
import type { Keepalive } from "../tcp/connection.ts";
import { allowedValues, TUNABLES, type TunableSpec } from "../tcp/tunables.ts";
import { Endpoint, parseEndpoint } from "../wire/address.ts";

/** Fast opens of a listener that may wait for their third ACK, where a route does not say. RFC 7413 §5.1. */
const DEFAULT_FAST_OPEN = 256;

/** The longest time that a socket's keep-alive takes, in seconds. Linux: TCP_KEEPIDLE, tcp(7). */
export const KERNEL_KEEPALIVE_LIMIT = 32767;

/** What stands in front of an upstream on the device's network. */
const TAP_PREFIX = "tap:";

/** How the peer of one leg is probed: with these values, not at all, or (null) as the tunables say. */
export type LegKeepalive = Keepalive | "off" | null;

/** Clients of `listen` are relayed to `upstream`. Port 0 of the first stands for every port of an address. */
export interface Route {
  /** Where clients connect to. Port 0: every port of that address. */
  readonly listen: Endpoint;
  /** Where their bytes go. Port 0: the port that the client connected to. */
  readonly upstream: Endpoint;
  /** Who dials the upstream: the kernel, or our own stack, on the device's network. */
  readonly via: "kernel" | "tap";
  /** Most connections that wait to be accepted; null: `somaxconn`, which bounds it anyway. */
  readonly backlog: number | null;
  /** Fast opens that may wait for their third ACK; 0: fast open is off. RFC 7413 §5.1. */
  readonly fastOpen: number;
  /** Whether the upstream may see a request twice, as after a replayed fast open. RFC 7413 §6.1. */
  readonly isIdempotent: boolean;
  /** Whether the client's first bytes may ride on the SYN to the upstream, which may see them twice. RFC 7413 §6.1. */
  readonly opensFast: boolean;
  /** Of the client's leg; null: `px_keepalive_client`. */
  readonly keepalive: LegKeepalive;
  /** Of the upstream's leg; null: `px_keepalive_upstream`. */
  readonly upstreamKeepalive: LegKeepalive;
  /** Toward clients, an algorithm's name; null: what `tcp_congestion_control` says. */
  readonly congestionControl: string | null;
  /** Toward the upstream; null: the same, or a kernel's own affair. */
  readonly upstreamCongestionControl: string | null;
}

/** A text that is no route. The message says which setting is wrong and what it may be. */
export class RouteError extends Error {
  override readonly name = "RouteError";
}

/** A route that is being read. */
type Draft = { -readonly [name in keyof Route]: Route[name] | undefined };

/** One setting of a route. */
export interface RouteSetting {
  readonly name: string;
  /** How its value is written; empty: it has none. */
  readonly form: string;
  /** Which values there are, in words. */
  readonly range: string;
  /** The values, where they are names; else it is left out. */
  readonly choices?: readonly string[];
  /** What is in force without it, in words; empty: there must be one. */
  readonly standard: string;
  /** What it is for: a sentence, for the documentation. */
  readonly meaning: string;
  /** Takes the value in. Returns whether it is one. */
  read(draft: Draft, text: string): boolean;
}

const KEEPALIVE_FORM = "TIME[/INTERVAL[/PROBES[/BYTES]]]";

/** What bounds the numbers of a keep-alive, in their order. */
const KEEPALIVE_SPECS: readonly TunableSpec[] = ([
  "tcp_keepalive_time",
  "tcp_keepalive_intvl",
  "tcp_keepalive_probes",
  "tcp_keepalive_garbage",
] as const).map((name) => TUNABLES.find((spec) => spec.name === name)!);

const KEEPALIVE_RANGE = ["TIME", "INTERVAL", "PROBES", "BYTES"]
  .map((word, i) => `${word} ${allowedValues(KEEPALIVE_SPECS[i])}`)
  .join(", ") + "; or off, or on";

const CONGESTION_SPEC = TUNABLES.find(({ name }) => name === "tcp_congestion_control")!;

/** What both settings of congestion control have in common. */
const CONGESTION = {
  form: "ALGORITHM",
  range: allowedValues(CONGESTION_SPEC),
  choices: CONGESTION_SPEC.choices!,
  standard: "`tcp_congestion_control`",
} as const;

/** All settings, in the order of documentation. */
export const ROUTE_SETTINGS: readonly RouteSetting[] = [
  {
    name: "listen",
    form: "IP:PORT",
    range: "like 198.18.0.2:80 or [fd00::2]:80",
    standard: "",
    meaning: "Where clients connect to; port 0 is every port that has no route of its own.",
    read: (draft, text) => isRead(draft.listen = parseEndpoint(text) ?? undefined),
  },
  {
    name: "upstream",
    form: "[tap:]IP:PORT",
    range: "like 127.0.0.1:3000 or tap:[fd00::3]:80",
    standard: "",
    meaning: "Where they are relayed to; port 0 is the port that the client asked for. With " +
      "`tap:` the server is on the device's network and Tapster's own TCP dials it.",
    read: (draft, text) => {
      const target = parseUpstream(text);
      draft.upstream = target?.upstream;
      draft.via = target?.via;
      return target !== null;
    },
  },
  {
    name: "backlog",
    form: "COUNT",
    range: "1 to 65535 connections",
    standard: "`somaxconn`",
    meaning: "Connections that may wait to be accepted, at most `somaxconn`.",
    read: (draft, text) => isRead(draft.backlog = integerWithin(text, 1, 65535)),
  },
  {
    name: "fastopen",
    form: "COUNT",
    range: "0 to 65535 fast opens",
    standard: `${DEFAULT_FAST_OPEN}`,
    meaning: "Fast opens that may wait for their third ACK; 0 turns TCP Fast Open off. " +
      "`tcp_fastopen` is above it.",
    read: (draft, text) => isRead(draft.fastOpen = integerWithin(text, 0, 65535)),
  },
  {
    name: "idempotent",
    form: "",
    range: "without a value",
    standard: "no",
    meaning: "The upstream may see a request twice: the data of a SYN is sent on at once, and " +
      "not held until the handshake is complete.",
    read: (draft, text) => text === "" && (draft.isIdempotent = true),
  },
  {
    name: "upstream-fastopen",
    form: "",
    range: "without a value",
    standard: "no",
    meaning: "The upstream is dialed by TCP Fast Open: bytes of the client that are there when " +
      "it is dialed ride on the SYN once the upstream has given a cookie, and it may see them " +
      "twice. Those of a client's own fast open are there, and need `idempotent` too.",
    read: (draft, text) => text === "" && (draft.opensFast = true),
  },
  {
    name: "keepalive",
    form: KEEPALIVE_FORM,
    range: KEEPALIVE_RANGE,
    standard: "`px_keepalive_client`",
    meaning: "How silent clients are probed: seconds before the first probe, seconds between " +
      "probes, how many, and 0 or 1 bytes in each. What is left out is as `tcp_keepalive_*` say.",
    read: (draft, text) => isRead(draft.keepalive = parseKeepalive(text)),
  },
  {
    name: "upstream-keepalive",
    form: KEEPALIVE_FORM,
    range: KEEPALIVE_RANGE,
    standard: "`px_keepalive_upstream`",
    meaning: "The same for silent upstreams. The kernel, which probes those without `tap:`, " +
      "takes times up to 32767 s and sends no byte.",
    read: (draft, text) => isRead(draft.upstreamKeepalive = parseKeepalive(text)),
  },
  {
    ...CONGESTION,
    name: "congestion",
    meaning: "Congestion control toward clients.",
    read: (draft, text) => isRead(draft.congestionControl = algorithmIn(text)),
  },
  {
    ...CONGESTION,
    name: "upstream-congestion",
    meaning: "The same toward an upstream with `tap:`; of the others the kernel decides.",
    read: (draft, text) => isRead(draft.upstreamCongestionControl = algorithmIn(text)),
  },
];

/** A route as its settings say. Throws RouteError. */
export function parseRoute(text: string): Route {
  const draft = {} as Draft;
  const given: string[] = [];
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    const name = at < 0 ? part : part.slice(0, at);
    const setting = ROUTE_SETTINGS.find((setting) => setting.name === name);
    if (setting === undefined) throw new RouteError(unknownSetting(name));
    if (given.includes(name)) throw new RouteError(`${name} is given twice; give it once`);
    given.push(name);
    const isFlag = setting.form === "";
    const value = at < 0 ? "" : part.slice(at + 1);
    const isRead = isFlag === (at < 0) && setting.read(draft, value);
    if (!isRead) {
      const near = nearest(value.toLowerCase(), setting.choices ?? []);
      const advice = near === null ? "" : `; did you mean ${near}?`;
      throw new RouteError(
        `expected ${usageOf(setting)} (${setting.range}), not ${part}${advice}`,
      );
    }
  }
  return complete(draft);
}

/** The route's text, as `parseRoute` reads it; settings that have their default are left out. */
export function formatRoute(route: Route): string {
  const { backlog, fastOpen, isIdempotent, opensFast, keepalive, upstreamKeepalive } = route;
  const { congestionControl, upstreamCongestionControl } = route;
  const settings = [`listen=${route.listen}`, `upstream=${formatUpstream(route)}`];
  if (backlog !== null) settings.push(`backlog=${backlog}`);
  if (fastOpen !== DEFAULT_FAST_OPEN) settings.push(`fastopen=${fastOpen}`);
  if (isIdempotent) settings.push("idempotent");
  if (opensFast) settings.push("upstream-fastopen");
  if (keepalive !== null) settings.push(`keepalive=${formatKeepalive(keepalive)}`);
  if (upstreamKeepalive !== null) {
    settings.push(`upstream-keepalive=${formatKeepalive(upstreamKeepalive)}`);
  }
  if (congestionControl !== null) settings.push(`congestion=${congestionControl}`);
  if (upstreamCongestionControl !== null) {
    settings.push(`upstream-congestion=${upstreamCongestionControl}`);
  }
  return settings.join(",");
}

/** A route with nothing but its two ends. */
export function plainRoute(listen: Endpoint, upstream: Endpoint, via: Route["via"]): Route {
  return complete({ listen, upstream, via } as Draft);
}

/** Reads `[tap:]IP:PORT`; null when it is none. */
export function parseUpstream(text: string): Pick<Route, "upstream" | "via"> | null {
  const isTap = text.startsWith(TAP_PREFIX);
  const upstream = parseEndpoint(isTap ? text.slice(TAP_PREFIX.length) : text);
  return upstream === null ? null : { upstream, via: isTap ? "tap" : "kernel" };
}

/** Where a route leads, as `parseUpstream` reads it. */
export function formatUpstream({ upstream, via }: Pick<Route, "upstream" | "via">): string {
  return via === "tap" ? `${TAP_PREFIX}${upstream}` : `${upstream}`;
}

/** Where a client goes that connected to `port`. */
export function upstreamOf(route: Route, port: number): Endpoint {
  if (route.upstream.port !== 0) return route.upstream;
  return new Endpoint(route.upstream.address, port);
}

/** How a setting is written: `backlog=COUNT`. */
export function usageOf({ name, form }: RouteSetting): string {
  return form === "" ? name : `${name}=${form}`;
}

function complete(draft: Draft): Route {
  const { listen, upstream, via } = draft;
  if (listen === undefined) throw new RouteError("listen=IP:PORT is missing");
  if (upstream === undefined || via === undefined) {
    throw new RouteError("upstream=[tap:]IP:PORT is missing");
  }
  const upstreamKeepalive = draft.upstreamKeepalive ?? null;
  const upstreamCongestionControl = draft.upstreamCongestionControl ?? null;
  if (via === "kernel") {
    refuseKernelKeepalive(upstreamKeepalive);
    refuseKernelCongestion(upstreamCongestionControl);
  }
  return Object.freeze({
    listen,
    upstream,
    via,
    backlog: draft.backlog ?? null,
    fastOpen: draft.fastOpen ?? DEFAULT_FAST_OPEN,
    isIdempotent: draft.isIdempotent ?? false,
    opensFast: draft.opensFast ?? false,
    keepalive: draft.keepalive ?? null,
    upstreamKeepalive,
    congestionControl: draft.congestionControl ?? null,
    upstreamCongestionControl,
  });
}

/** Refuses what a socket cannot be told: Linux has 15 bits for the time, and probes without a byte. */
function refuseKernelKeepalive(keepalive: LegKeepalive): void {
  if (keepalive === null || keepalive === "off") return;
  if ((keepalive.time ?? 0) > KERNEL_KEEPALIVE_LIMIT) {
    throw new RouteError(
      `upstream-keepalive's time may be ${KERNEL_KEEPALIVE_LIMIT} s at most without tap:, ` +
        `not ${keepalive.time}`,
    );
  }
  if (keepalive.bytes === 1) {
    throw new RouteError("upstream-keepalive's probes have 0 bytes without tap:, not 1");
  }
}

/** The kernel has algorithms of its own, and may lack ours. */
function refuseKernelCongestion(name: string | null): void {
  if (name === null) return;
  throw new RouteError(
    `upstream-congestion needs an upstream with tap:; without, ` +
      "the system's net.ipv4.tcp_congestion_control counts",
  );
}

/** An algorithm's name; undefined when it is none. */
function algorithmIn(text: string): string | undefined {
  return CONGESTION.choices.includes(text) ? text : undefined;
}

/** Reads `off`, `on` or up to four numbers; undefined when it is none of them. */
function parseKeepalive(text: string): Keepalive | "off" | undefined {
  if (text === "off") return "off";
  if (text === "on") return {};
  const values = text.split("/").map((part, i) => {
    const spec = KEEPALIVE_SPECS[i];
    return spec === undefined ? undefined : integerWithin(part, spec.min, spec.max);
  });
  if (values.includes(undefined)) return undefined;
  const [time, interval, probes, bytes] = values as number[];
  return Object.freeze({
    time,
    ...(interval === undefined ? {} : { interval }),
    ...(probes === undefined ? {} : { probes }),
    ...(bytes === undefined ? {} : { bytes }),
  });
}

function formatKeepalive(keepalive: Keepalive | "off"): string {
  if (keepalive === "off") return "off";
  const { time, interval, probes, bytes } = keepalive;
  const values = [time, interval, probes, bytes].filter((value) => value !== undefined);
  return values.length === 0 ? "on" : values.join("/");
}

function unknownSetting(name: string): string {
  const names = ROUTE_SETTINGS.map((setting) => setting.name);
  const near = nearest(name.toLowerCase(), names);
  const advice = near === null ? `there are ${names.join(", ")}` : `did you mean ${near}?`;
  return `there is no setting ${name === "" ? "without a name" : name}; ${advice}`;
}

/** A decimal integer; undefined when it is none, or out of the range. */
function integerWithin(text: string, min: number, max: number): number | undefined {
  const value = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max ? value : undefined;
}

function isRead(value: unknown): boolean {
  return value !== undefined;
}
