/** SimPoller: readiness as epoll tells it, level-triggered for the link and edge-triggered for sockets. */

import { type Poller, READABLE } from "../../lib/host/host.ts";

/** Collects edges until the driver asks. */
export class SimPoller implements Poller {
  /** Whether the link has a frame; its owner says. */
  isLinkReadable: () => boolean = () => false;
  #link = -1;
  readonly #watched = new Set<number>();
  /** Edges nobody has fetched, by descriptor. */
  readonly #edges = new Map<number, number>();
  #events: [descriptor: number, readiness: number][] = [];

  /** An edge: `descriptor` became ready. */
  signal(descriptor: number, readiness: number): void {
    if (!this.#watched.has(descriptor)) return;
    this.#edges.set(descriptor, (this.#edges.get(descriptor) ?? 0) | readiness);
  }

  /** `descriptor` was closed: nothing more is told of it. */
  forget(descriptor: number): void {
    this.#watched.delete(descriptor);
    this.#edges.delete(descriptor);
  }

  watchLink(descriptor: number): void {
    this.#link = descriptor;
  }

  watch(descriptor: number): void {
    this.#watched.add(descriptor);
  }

  poll(): number {
    this.#events = [...this.#edges];
    this.#edges.clear();
    if (this.isLinkReadable()) this.#events.push([this.#link, READABLE]);
    return this.#events.length;
  }

  wait(): never {
    throw new Error("The simulator turns, it does not wait");
  }

  park(): Promise<number> {
    return Promise.reject(new Error("The simulator turns, it does not park"));
  }

  descriptorAt(index: number): number {
    return this.#events[index][0];
  }

  readinessAt(index: number): number {
    return this.#events[index][1];
  }

  wake(): void {}

  close(): void {}
}
