/** SimHost: one end on the other side of the link, and how it addresses the stack. */

import { Segment } from "../../lib/wire/segment.ts";
import type { EventQueue } from "./events.ts";
import { frameOf, type PayloadWriter, type ReceivedSegment, type WireFrame } from "./packet.ts";

/** Who receives what the stack sends to one port. */
export interface SimHost {
  /** A segment arrived, its checksums right. It is borrowed. */
  receive(received: ReceivedSegment, now: number): void;
}

/** What hosts need of their world. */
export interface HostParts {
  readonly events: EventQueue;
  /** Virtual time. */
  now(): number;
  /** Hands a frame to the network. */
  send(frame: WireFrame): void;
  violated(what: string): void;
  note(what: string): void;
}

/** The two ends of a connection, as the client sees them. */
export interface Ends {
  readonly isIpv6: boolean;
  /** The client's address, 0 … 255 of its network, and port. */
  readonly host: number;
  readonly port: number;
  /** The stack's port. */
  readonly serverPort: number;
}

/** Where clients are: 10.0.1.x and fd00:1::x. */
const CLIENTS_IPV4 = 0x0a000100;
const CLIENTS_IPV6 = 0xfd000001 | 0;
/** The stack's addresses: 10.0.0.1 and fd00::1. */
const STACK_IPV4 = 0x0a000001;
const STACK_IPV6 = 0xfd000000 | 0;

/** The stack's addresses, as text. */
export const STACK_ADDRESSES = ["10.0.0.1", "fd00::1"] as const;

/** Addresses `seg`, reset, from the client to the stack. */
export function address(seg: Segment, { isIpv6, host, port, serverPort }: Ends): void {
  seg.reset();
  seg.local0 = isIpv6 ? CLIENTS_IPV6 : 0;
  seg.remote0 = isIpv6 ? STACK_IPV6 : 0;
  seg.local1 = seg.remote1 = 0;
  seg.local2 = seg.remote2 = isIpv6 ? 0 : 0xffff;
  seg.local3 = isIpv6 ? host : CLIENTS_IPV4 | host;
  seg.remote3 = isIpv6 ? 1 : STACK_IPV4;
  seg.localPort = port;
  seg.remotePort = serverPort;
  seg.ttl = 64;
  seg.wnd = 0;
}

/** Builds a frame from `seg` as `fill` leaves it. */
export function compose(
  ends: Ends,
  fill: (seg: Segment) => void,
  writePayload?: PayloadWriter,
): WireFrame {
  address(OUT, ends);
  fill(OUT);
  return frameOf(OUT, writePayload);
}

const OUT = new Segment();
