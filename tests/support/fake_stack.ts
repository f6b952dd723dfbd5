/** FakeStack: listeners and signals without an engine, for tests of the proxy and the driver. */

import type { DrivenStack } from "../../lib/proxy/driver.ts";
import type { ClientListener, ClientStack, RouteListening } from "../../lib/proxy/proxy.ts";
import { AddressError } from "../../lib/tcp/address_error.ts";
import { DEFAULT_TUNABLES, type Tunables } from "../../lib/tcp/tunables.ts";
import type { Address, Endpoint } from "../../lib/wire/address.ts";
import type { Frame } from "../../lib/wire/frame.ts";
import type { FakeConnection } from "./fake_connection.ts";

/** A listener whose accept queue the test fills. */
export class FakeListener implements ClientListener {
  readonly local: Endpoint;
  readonly options: RouteListening;
  readonly acceptQueue: FakeConnection[] = [];
  isClosed = false;

  constructor(local: Endpoint, options: RouteListening) {
    this.local = local;
    this.options = options;
  }

  accept(): FakeConnection | null {
    return this.acceptQueue.shift() ?? null;
  }

  close(): void {
    this.isClosed = true;
  }
}

/** Answers what the test wants, and tells what was called. */
export class FakeStack implements ClientStack, DrivenStack {
  tunables: Tunables = DEFAULT_TUNABLES;
  readonly listeners: FakeListener[] = [];
  /** Connections with signals to deliver. */
  readonly signals: FakeConnection[] = [];
  /** Lengths of the frames received. */
  readonly received: number[] = [];
  /** Times at which `poll` was called. */
  readonly polledAt: number[] = [];
  /** How often `poll` still says that there is more. */
  busyPolls = 0;
  mustPoll = false;
  deadlineAt = Infinity;
  conflict: Address | null = null;
  contested: Address | null = null;
  defences = 0;
  /** Called for each frame, before it counts as received. */
  onReceive: (frame: Frame) => void = () => {};
  /** Called by each `poll`. */
  onPoll: (now: number) => void = () => {};

  listen(local: Endpoint, options: RouteListening): FakeListener {
    const listener = new FakeListener(local, options);
    this.listeners.push(listener);
    return listener;
  }

  /** Opens nothing: who tests that has the engine. */
  connect(remote: Endpoint): never {
    throw new AddressError("ENETUNREACH", `Cannot connect to ${remote}: nobody can be there`);
  }

  signalled(): FakeConnection | null {
    return this.signals.shift() ?? null;
  }

  receive(frame: Frame): void {
    this.onReceive(frame);
    this.received.push(frame.length);
  }

  poll(now: number): boolean {
    this.mustPoll = false;
    this.polledAt.push(now);
    this.onPoll(now);
    if (this.busyPolls === 0) return false;
    this.busyPolls--;
    return true;
  }

  deadline(): number {
    return this.deadlineAt;
  }
}
