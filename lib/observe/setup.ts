/** The set-up of a recorded run, as JSON: what `assemble` needs to build the same program again. */

import type { Link } from "../host/host.ts";
import type { Setup } from "../proxy/program.ts";
import { formatRoute, parseRoute } from "../proxy/route.ts";
import { DEFAULT_TUNABLES, TUNABLES, type Tunables } from "../tcp/tunables.ts";
import { parseAddress, parseCidr, parseMac } from "../wire/address.ts";
import { RecordingError } from "./recording.ts";

/** What of the link a program sees before the first frame. */
export type LinkFacts = Pick<Link, "name" | "descriptor" | "offload">;

/** A set-up and the link it was for. */
export interface RecordedSetup {
  readonly setup: Setup;
  readonly link: LinkFacts;
}

/** One line of JSON. Every tunable has its value there: defaults may change. */
export function setupText(setup: Setup, { name, descriptor, offload }: LinkFacts): string {
  const { mac, mtu, addresses, gateways, routes, tunables, fastOpenKey } = setup;
  return JSON.stringify({
    link: { name, descriptor, offload },
    mac: `${mac}`,
    mtu,
    addresses: addresses.map(String),
    gateways: gateways.map(String),
    routes: routes.map(formatRoute),
    tunables,
    fastOpenKey,
  });
}

/** Reads what `setupText` wrote. Throws RecordingError. */
export function parseSetup(text: string): RecordedSetup {
  try {
    const json = JSON.parse(text);
    return {
      setup: {
        mac: parsed(parseMac(json.mac)),
        mtu: Number(json.mtu),
        addresses: json.addresses.map((text: string) => parsed(parseCidr(text))),
        gateways: json.gateways.map((text: string) => parsed(parseAddress(text))),
        routes: json.routes.map(parseRoute),
        tunables: tunablesFrom(json.tunables),
        fastOpenKey: json.fastOpenKey,
      },
      link: {
        name: json.link.name,
        descriptor: Number(json.link.descriptor),
        offload: json.link.offload === true,
      },
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RecordingError(`its set-up cannot be used: ${why}`, { cause: error });
  }
}

/** A tunable that did not exist when the recording was made has its default. */
function tunablesFrom(values: Record<string, number>): Tunables {
  const tunables = { ...DEFAULT_TUNABLES };
  for (const [name, value] of Object.entries(values)) {
    const spec = TUNABLES.find((spec) => spec.name === name);
    if (spec === undefined) throw new Error(`this Tapster has no tunable ${name}`);
    // What was in force may have been below the least that can be set by now.
    if (!(value >= 0 && value <= spec.max)) throw new Error(`${name} cannot be ${value}`);
    tunables[spec.name] = value;
  }
  return Object.freeze(tunables);
}

function parsed<T>(value: T | null): T {
  if (value === null) throw new Error("an address is malformed");
  return value;
}
