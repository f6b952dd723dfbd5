/** What tests may see of the engine's inside: states, and the lengths of its queues. */

import type { Listener } from "../../lib/tcp/listener.ts";
import { State, STATE_NAMES } from "../../lib/tcp/state.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import type { Stack } from "../../lib/stack/stack.ts";
import { Segment } from "../../lib/wire/segment.ts";
import type { Flow } from "./flow.ts";

/**
 * The state of a flow's connection: the RFC's name with `_` for `-`, SYN_RCVD
 * for SYN-RECEIVED. Before `accept` the engine is taken to have this flow only.
 */
export function stateNameOf(stack: Stack, flow: Flow): string {
  const c = flow.connection;
  if (c === null) return stack.tcp.handshakeCount > 0 ? "SYN_RCVD" : "LISTEN";
  const isGone = c.state === State.TimeWait && !isTimeWait(stack, c);
  return isGone
    ? "CLOSED"
    : STATE_NAMES[c.state].replaceAll("-", "_").replace("SYN_RECEIVED", "SYN_RCVD");
}

/** Entries of the listener's SYN queue, or of its accept queue. */
export function queueLengthOf(listener: Listener, queue: "synQueue" | "acceptQueue"): number {
  return queue === "synQueue" ? listener.synQueueLength : listener.acceptable;
}

function isTimeWait(stack: Stack, c: Connection): boolean {
  const seg = new Segment();
  const { local0, local1, local2, local3, remote0, remote1, remote2, remote3 } = c;
  const { localPort, remotePort } = c;
  Object.assign(seg, { local0, local1, local2, local3, remote0, remote1, remote2, remote3 });
  Object.assign(seg, { localPort, remotePort });
  return stack.tcp.timeWaits.find(seg, c.hash) >= 0;
}
