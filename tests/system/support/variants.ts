/** Over what the system tests are repeated: address family, link mode, MTU, the upstream's kind. */

import { EXCHANGE_PORT, HTTP_PORT, REFUSED_PORT } from "../peers/exchange.ts";
import type { LinkTerms } from "../peers/link.ts";

/** One way to run Tapster. */
export interface Variant {
  /** Stands in the tests' names. */
  readonly name: string;
  readonly family: 4 | 6;
  readonly offload: boolean;
  /** In bytes; 1280 at least for IPv6. RFC 8200 §5. */
  readonly mtu: number;
  /** The emulated link to the client, who is in another namespace then; null: there is none. */
  readonly link: LinkTerms | null;
  /** Who dials the upstream: the kernel, by the loopback, or Tapster's TCP, by the device. */
  readonly via: "kernel" | "tap";
}

const FAMILIES: readonly Variant["family"][] = [4, 6];
const OFFLOADS: readonly boolean[] = [true, false];
const DEFAULT_MTU = 1500;
const OTHER_MTUS: readonly number[] = [576, 1280, 9000, 65520];
const SMALLEST_MTU = { 4: 576, 6: 1280 } as const;

/** The program's own defaults: what it does without any argument. */
export const DEFAULT_VARIANT: Variant = variantOf(4, true, DEFAULT_MTU);

/** The variants that every test of the main job runs over. */
export const VARIANTS: readonly Variant[] = variantsWith([DEFAULT_MTU]);

/** Every other MTU: the variants that whole transfers run over besides. */
export const OTHER_MTU_VARIANTS: readonly Variant[] = variantsWith(OTHER_MTUS);

/** One of a hundred frames is lost each way; without offloads, so that a frame is a segment. */
export const LOSSY_VARIANTS: readonly Variant[] = FAMILIES.map((family) =>
  overLink(variantOf(family, false, DEFAULT_MTU), { loss: 0.01 })
);

/** The upstream is at the kernel's end of the device, as the client is. */
export const TAP_UPSTREAM_VARIANTS: readonly Variant[] = VARIANTS.map((variant) => ({
  ...variant,
  name: `${variant.name}, tap: upstream`,
  via: "tap",
}));

/** What gets through a link that loses frames, too, is tested over these. */
export const ANY_LINK_VARIANTS: readonly Variant[] = [...VARIANTS, ...LOSSY_VARIANTS];

/** What is the same for either kind of upstream is tested over these. */
export const ANY_UPSTREAM_VARIANTS: readonly Variant[] = [...VARIANTS, ...TAP_UPSTREAM_VARIANTS];

/** All of them. */
export const TRANSFER_VARIANTS: readonly Variant[] = [
  ...ANY_LINK_VARIANTS,
  ...OTHER_MTU_VARIANTS,
  ...TAP_UPSTREAM_VARIANTS,
];

function variantsWith(mtus: readonly number[]): Variant[] {
  const link = (family: Variant["family"], offload: boolean) =>
    mtus.filter((mtu) => mtu >= SMALLEST_MTU[family])
      .map((mtu) => variantOf(family, offload, mtu));
  return FAMILIES.flatMap((family) => OFFLOADS.flatMap((offload) => link(family, offload)));
}

function variantOf(family: Variant["family"], offload: boolean, mtu: number): Variant {
  const name = `IPv${family}, ${offload ? "offload" : "no offload"}, MTU ${mtu}`;
  return { name, family, offload, mtu, link: null, via: "kernel" };
}

/** The same over an emulated link; what is left out of its terms it does not do. */
export function overLink(variant: Variant, terms: Partial<LinkTerms>): Variant {
  const link = { loss: 0, delayMs: 0, rateMbit: 0, queueBytes: 0, ...terms };
  const words = [variant.name];
  if (link.delayMs > 0) words.push(`RTT ${2 * link.delayMs} ms`);
  if (link.rateMbit > 0) words.push(`${link.rateMbit} Mbit/s`);
  if (link.loss > 0) words.push(`${100 * link.loss} % loss`);
  return { ...variant, name: words.join(", "), link };
}

interface Addresses {
  readonly host: string;
  readonly stack: string;
  readonly loopback: string;
  /** All of the host's, also those it will have. */
  readonly any: string;
  /** Of a network where nobody is; its last 16 bits are free. */
  readonly spoofed: string;
}

const IPV4: Addresses = {
  host: "198.18.0.1/24",
  stack: "198.18.0.2",
  loopback: "127.0.0.1",
  any: "0.0.0.0",
  spoofed: "198.19.0.0",
};
const IPV6: Addresses = {
  host: "fd00::1/64",
  stack: "fd00::2",
  loopback: "::1",
  any: "::",
  spoofed: "fd00:0:0:1::0",
};

/** The addresses a variant uses. */
export function addressesOf(variant: Variant): Addresses {
  return variant.family === 4 ? IPV4 : IPV6;
}

/** The flags of main.ts that make it run as the variant says; none for the default. */
export function flagsOf(variant: Variant): string[] {
  const flags = variant.mtu === DEFAULT_MTU ? [] : ["--mtu", String(variant.mtu)];
  if (!variant.offload) flags.push("--no-offload");
  if (variant.link !== null) flags.push("--no-setup"); // the link's other end is set up
  if (variant.family === 6) {
    if (variant.link === null) flags.push("--host-address", IPV6.host);
    flags.push("--stack-address", IPV6.stack);
  } else if (variant.via === "kernel") return flags;

  const { host, stack, loopback } = addressesOf(variant);
  const upstream = variant.via === "tap" ? host.split("/")[0] : loopback;
  const prefix = variant.via === "tap" ? "tap:" : "";
  for (const port of [EXCHANGE_PORT, HTTP_PORT, REFUSED_PORT]) {
    flags.push("--listen", endpoint(stack, port));
    flags.push("--upstream", `${prefix}${endpoint(upstream, port)}`);
  }
  return flags;
}

function endpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
