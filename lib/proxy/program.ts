/**
 * Program: stack, proxy and driver put together, over any machine: the real one,
 * or a recording of it.
 */

import type { Clock, Entropy, Link, Poller, Sockets } from "../host/host.ts";
import { Stack } from "../stack/stack.ts";
import type { Tracer } from "../tcp/tracer.ts";
import type { Tunables } from "../tcp/tunables.ts";
import type { Address, Cidr, Mac } from "../wire/address.ts";
import type { Arena } from "../wire/memory.ts";
import { PagePool } from "../wire/pages.ts";
import { Driver, type DriverWatcher } from "./driver.ts";
import { Proxy } from "./proxy.ts";
import type { RecordLog } from "./record_log.ts";
import type { Route } from "./route.ts";

/** Arena besides the pages: some frames of 64 KiB, and what system calls read and write. */
const FRAMES_BYTES = 1 << 20;

/** What is decided before the first frame, as it was decided. */
export interface Setup {
  /** The stack's own address on the link. */
  readonly mac: Mac;
  /** Largest IP packet in bytes. */
  readonly mtu: number;
  /** The stack's, each with its network. */
  readonly addresses: readonly Cidr[];
  /** Next hops out of those networks. */
  readonly gateways: readonly Address[];
  readonly routes: readonly Route[];
  readonly tunables: Tunables;
  /** Keys of fast open, a secret; null: made at random. */
  readonly fastOpenKey: string | null;
}

/** What a program runs on. */
export interface Machine {
  /** Of `arenaBytes` at least. */
  readonly arena: Arena;
  readonly link: Link;
  readonly sockets: Sockets;
  readonly poller: Poller;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/** Who looks on. */
export interface Onlookers {
  readonly log: RecordLog;
  /** Sees every segment; null: nobody does. */
  readonly tracer: Tracer | null;
  /** Sees every turn; null: nobody does. */
  readonly watcher: DriverWatcher | null;
}

/** Bytes of arena for a program with these tunables. */
export function arenaBytes(tunables: Tunables): number {
  return tunables.px_mem_max + FRAMES_BYTES;
}

/** Puts all together; the driver then runs it. Throws what `Stack` and `Proxy` throw. */
export function assemble(setup: Setup, machine: Machine, onlookers: Onlookers): Driver {
  const { arena, link, sockets, poller, clock, entropy } = machine;
  const { log, tracer, watcher } = onlookers;
  const { mac, mtu, addresses, gateways, routes, tunables, fastOpenKey } = setup;
  const stack = new Stack({
    arena,
    pages: new PagePool(arena, tunables.px_mem_max),
    tunables,
    entropy,
    frameSink: link,
    mac,
    mtu,
    offload: link.offload,
    addresses,
    gateways,
    tracer,
    ...(fastOpenKey === null ? {} : { fastOpenKey }),
  });
  const proxy = new Proxy({ stack, arena, sockets, poller, log, routes });
  return new Driver({ link, stack, proxy, poller, clock, arena, log, watcher });
}
