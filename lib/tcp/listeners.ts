/**
 * Listeners: which listener a segment is for. RFC 9293 §3.9.1.1, §3.10.1.
 */

import type { Endpoint } from "../wire/address.ts";
import type { Segment } from "../wire/segment.ts";
import { AddressError } from "./address_error.ts";
import type { Listener } from "./listener.ts";

/** All listeners of one host, by their port. */
export class Listeners {
  readonly #byPort = new Map<number, Listener[]>();

  /** Throws AddressError when somebody listens on `local` already. */
  requireFree(local: Endpoint): void {
    const others = this.#byPort.get(local.port) ?? [];
    if (others.some((l) => l.local.address.equals(local.address))) {
      throw new AddressError("EADDRINUSE", `Cannot listen on ${local}: address already in use`);
    }
  }

  add(listener: Listener): void {
    const others = this.#byPort.get(listener.local.port);
    if (others === undefined) this.#byPort.set(listener.local.port, [listener]);
    else others.push(listener);
  }

  remove(listener: Listener): void {
    const left = (this.#byPort.get(listener.local.port) ?? []).filter((l) => l !== listener);
    if (left.length > 0) this.#byPort.set(listener.local.port, left);
    else this.#byPort.delete(listener.local.port);
  }

  /** Whether there is a listener of that port alone. */
  hasPort(port: number): boolean {
    return this.#byPort.has(port);
  }

  /** The listener for the local end of `seg`, or null. A listener of the port beats one of all ports. */
  find(seg: Segment): Listener | null {
    return this.#findAt(seg.localPort, seg) ?? this.#findAt(0, seg);
  }

  /** A specific address beats a wildcard. RFC 9293 §3.9.1.1 (MUST-43). */
  #findAt(port: number, seg: Segment): Listener | null {
    const listeners = this.#byPort.get(port);
    if (listeners === undefined) return null;
    let wildcard: Listener | null = null;
    const isIpv4 = seg.local0 === 0 && seg.local1 === 0 && seg.local2 === 0xffff;
    for (let i = 0; i < listeners.length; i++) {
      const address = listeners[i].local.address;
      const isOwn = address.w3 === seg.local3 && address.w2 === seg.local2 &&
        address.w1 === seg.local1 && address.w0 === seg.local0;
      if (isOwn) return listeners[i];
      const isAny = address.w3 === 0 && address.w1 === 0 && address.w0 === 0 &&
        address.w2 === (isIpv4 ? 0xffff : 0);
      if (isAny) wildcard = listeners[i];
    }
    return wildcard;
  }
}
