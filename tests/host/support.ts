/** What the tests of the host floor share: tests that need FFI, and waiting for readiness. */

import { assert } from "@std/assert";
import { libc } from "../../lib/host/libc.ts";
import type { EpollPoller } from "../../lib/host/epoll.ts";
import { type Address, Endpoint, parseAddress } from "../../lib/wire/address.ts";
import { Gather } from "../../lib/wire/gather.ts";
import type { Arena } from "../../lib/wire/memory.ts";

/** Long enough for any machine; passed only when a test has failed. */
const PATIENCE_MS = 10_000;

const LACKING = (["ffi", "net"] as const).filter((name) =>
  Deno.permissions.querySync({ name }).state !== "granted"
);
if (LACKING.length > 0) {
  console.log(`Tests of system calls are ignored: they need --allow-${LACKING.join(" --allow-")}`);
}

// Loaded once for the process and never unloaded: no test of its own leaks it.
if (LACKING.length === 0) libc();

/** Whether this machine has the IPv6 loopback address. */
export const HAS_IPV6 = LACKING.length === 0 && canListen("::1");

/** A test which makes system calls; ignored without `--allow-ffi` and `--allow-net`. */
export function hostTest(name: string, fn: () => void | Promise<void>, isPossible = true): void {
  Deno.test({ name, ignore: LACKING.length > 0 || !isPossible, fn });
}

/** A server of this process on a loopback address, on a free port; the test closes it. */
export function listenOn(hostname: string): { listener: Deno.TcpListener; endpoint: Endpoint } {
  const listener = Deno.listen({ hostname, port: 0 });
  return { listener, endpoint: endpoint(hostname, listener.addr.port) };
}

/** The endpoint of an address in text. */
export function endpoint(address: string, port: number): Endpoint {
  return new Endpoint(parseAddress(address) as Address, port);
}

/** Waits for an event of `descriptor` with one of the bits of `readiness`. */
export async function ready(
  poller: EpollPoller,
  descriptor: number,
  readiness: number,
): Promise<void> {
  for (;;) {
    const count = await poller.park(PATIENCE_MS);
    assert(count > 0, `descriptor ${descriptor} never became ready`);
    for (let i = 0; i < count; i++) {
      const isIt = poller.descriptorAt(i) === descriptor;
      if (isIt && (poller.readinessAt(i) & readiness) !== 0) return;
    }
  }
}

/** New room in the arena, in pieces of these lengths, filled with 0, 1, 2, …, 255, 0, …. */
export function pieces(arena: Arena, ...lengths: number[]): Gather {
  const gather = new Gather();
  let next = 0;
  for (const length of lengths) {
    const offset = arena.reserve(length, 1);
    for (let i = 0; i < length; i++) arena.bytes[offset + i] = next++;
    gather.add(offset, length);
  }
  return gather;
}

/** The bytes of the pieces, as one run. */
export function bytesOf(arena: Arena, gather: Gather): number[] {
  const bytes: number[] = [];
  for (let i = 0; i < gather.count; i++) {
    const offset = gather.offsets[i];
    bytes.push(...arena.bytes.subarray(offset, offset + gather.lengths[i]));
  }
  return bytes;
}

function canListen(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false; // no such address here
  }
}
