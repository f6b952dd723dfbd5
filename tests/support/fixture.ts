/** The default fixture of the requirements catalogue, §1: one engine, its device, its listener. */

import type { Entropy } from "../../lib/host/host.ts";
import type { Listener } from "../../lib/tcp/listener.ts";
import { SECRETS } from "../../lib/tcp/tcp.ts";
import { DEFAULT_TUNABLES, setTunable, type TunableName } from "../../lib/tcp/tunables.ts";
import { Stack } from "../../lib/stack/stack.ts";
import { parseCidr, parseEndpoint, parseMac } from "../../lib/wire/address.ts";
import { Frame } from "../../lib/wire/frame.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PagePool } from "../../lib/wire/pages.ts";
import type { FlowEnds } from "./flow.ts";
import { randomWords } from "./random.ts";
import { RecordingSink } from "./recording_sink.ts";
import { PRODUCT_MAC } from "./segment_spec.ts";

/** Whether the device cuts super-segments and completes checksums, or does neither. */
export type LinkMode = "bare" | "offload";

/** What a test changes in the default fixture. */
export interface FixtureOptions {
  /** Values to set, by name; the others have their defaults. */
  readonly tunables?: Readonly<Partial<Record<TunableName, number>>>;
  /** The listener's accept queue. */
  readonly backlog?: number;
  /** C; by default 1000000 on bare links and just before the wrap on the others. */
  readonly peerIsn?: number;
  /** Fast-open requests that may wait at the listener; 0 by default. */
  readonly fastOpen?: number;
  readonly fastOpenKey?: string;
  /** Of the listener's connections; by default the tunable's. */
  readonly congestionControl?: string;
  readonly mtu?: number;
  /** fd00::1 and fd00::2 instead of 10.0.0.1 and 10.0.0.2. */
  readonly isIpv6?: boolean;
  /** How early or late a frame may be. Milliseconds, default 10. */
  readonly toleranceMs?: number;
  /** Both by default. */
  readonly links?: readonly LinkMode[];
  /** What the clock shows at the start; by default it has run for 34 days on links with offload. */
  readonly startMs?: number;
  readonly seed?: number;
  /** Bytes of pages for all queues. */
  readonly pageBytes?: number;
  /** Keys of the engine that are known; the others come from the seed. */
  readonly secrets?: Readonly<Partial<Record<keyof typeof SECRETS, Uint8Array>>>;
  /** Ends of the flow that needs no name, where they are not the usual ones. */
  readonly ends?: Readonly<Partial<FlowEnds>>;
  /** Addresses of the product besides that of the listener. */
  readonly moreAddresses?: readonly string[];
}

const FRAME_BYTES = 65536 + 64;

/** An engine with its device, ready for frames. */
export interface Fixture {
  readonly link: LinkMode;
  readonly stack: Stack;
  readonly listener: Listener;
  readonly sink: RecordingSink;
  readonly pages: PagePool;
  /** Where frames are put for `Stack.receive`. */
  readonly frame: Frame;
  readonly startMs: number;
  readonly peerIsn: number;
  readonly ends: FlowEnds;
}

/** Builds the fixture. */
export function createFixture(link: LinkMode, options: FixtureOptions): Fixture {
  const mtu = options.mtu ?? 1500;
  const pageBytes = options.pageBytes ?? 16 << 20;
  const arena = new Arena(pageBytes + (2 << 20));
  const pages = new PagePool(arena, pageBytes);
  const sink = new RecordingSink(link === "offload", mtu);
  const ends = { ...defaultEnds(options.isIpv6 ?? false), ...options.ends };
  const addresses = [ends.localAddress, ...options.moreAddresses ?? []];
  const stack = new Stack({
    arena,
    pages,
    // The IPv6 address of the fixture was found to be its own long ago.
    tunables: tunablesWith({ dad_transmits: 0, ...options.tunables }),
    entropy: seededEntropy(options.seed ?? 1, options.secrets ?? {}),
    frameSink: sink,
    mac: parseMac(PRODUCT_MAC)!,
    mtu,
    offload: link === "offload",
    addresses: addresses.map((address) => parseCidr(`${address}/${options.isIpv6 ? 64 : 24}`)!),
    tracer: null,
    ...(options.fastOpenKey === undefined ? {} : { fastOpenKey: options.fastOpenKey }),
  });
  const endpoint = parseEndpoint(endpointText(ends.localAddress, ends.localPort))!;
  return {
    link,
    stack,
    listener: stack.listen(endpoint, {
      backlog: options.backlog ?? 128,
      fastOpen: options.fastOpen ?? 0,
      congestionControl: options.congestionControl ?? null,
    }),
    sink,
    pages,
    frame: new Frame(arena, FRAME_BYTES),
    // A monotonic clock of an old machine has left the range of int32.
    startMs: options.startMs ?? (link === "bare" ? 5000.75 : 3_000_000_000.25),
    peerIsn: options.peerIsn ?? (link === "bare" ? 1_000_000 : 0xffffff00),
    ends,
  };
}

/** An address and a port in text; IPv6 in brackets. */
export function endpointText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The same keys for the same seed, but for those that are given. */
function seededEntropy(seed: number, secrets: NonNullable<FixtureOptions["secrets"]>): Entropy {
  const next = randomWords(seed);
  return {
    fill(bytes) {
      for (let i = 0; i < bytes.length; i++) bytes[i] = next() >>> 24;
      if (bytes.length < SECRETS.tuples[1]) return; // keys of another floor
      for (const [name, key] of Object.entries(secrets)) {
        bytes.set(key, SECRETS[name as keyof typeof SECRETS][0]);
      }
    },
  };
}

function defaultEnds(isIpv6: boolean): FlowEnds {
  return {
    peerMac: "02:00:00:00:00:02",
    peerAddress: isIpv6 ? "fd00::2" : "10.0.0.2",
    peerPort: 40000,
    localAddress: isIpv6 ? "fd00::1" : "10.0.0.1",
    localPort: 80,
  };
}

function tunablesWith(values: Readonly<Partial<Record<TunableName, number>>>) {
  return Object.entries(values).reduce(
    (tunables, [name, value]) => setTunable(tunables, name, String(value)),
    DEFAULT_TUNABLES,
  );
}
