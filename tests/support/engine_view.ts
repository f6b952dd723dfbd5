/** What tests may see of the engine's inside: states, and the lengths of its queues. */

import type { Listener } from "../../lib/tcp/listener.ts";
import type { Stack } from "../../lib/stack/stack.ts";
import type { Flow } from "./flow.ts";

/**
 * The state of a flow's connection: the RFC's name with `_` for `-`, SYN_RCVD
 * for SYN-RECEIVED. Before `accept` the engine is taken to have this flow only.
 */
export function stateNameOf(stack: Stack, flow: Flow): string {
  const name = flow.connection?.stateName ??
    (stack.tcp.handshakeCount > 0 ? "SYN-RECEIVED" : "LISTEN");
  return name.replaceAll("-", "_").replace("SYN_RECEIVED", "SYN_RCVD");
}

/** Entries of the listener's SYN queue, or of its accept queue. */
export function queueLengthOf(listener: Listener, queue: "synQueue" | "acceptQueue"): number {
  return queue === "synQueue" ? listener.synQueueLength : listener.acceptable;
}
