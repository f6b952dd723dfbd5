/**
 * ArpClaims: our IPv4 addresses are asked for before they are used, announced
 * when they are, and defended later. RFC 5227 §2.1.1, §2.3, §2.4.
 */

import { type Address, ipv4Address } from "../wire/address.ts";
import { hashRound } from "../wire/hash.ts";
import type { OwnAddresses } from "./own_addresses.ts";

/** PROBE_WAIT, PROBE_NUM, PROBE_MIN, PROBE_MAX, ANNOUNCE_WAIT and so on: RFC 5227 §1.1. Milliseconds. */
const PROBE_WAIT_MS = 1000;
const PROBES = 3;
const PROBE_MIN_MS = 1000;
const PROBE_MAX_MS = 2000;
const ANNOUNCE_WAIT_MS = 2000;
const ANNOUNCEMENTS = 2;
const ANNOUNCE_INTERVAL_MS = 2000;
const DEFEND_INTERVAL_MS = 10_000;

/** Broadcasts ARP requests. */
export interface ArpAsker {
  /** From `source`, 0 for a probe, for `target`: IPv4 addresses as int32. */
  askAll(source: number, target: number): void;
}

/** The claims of one host. Nothing is claimed or defended unless `isActive`. */
export class ArpClaims {
  readonly #asker: ArpAsker;
  readonly #addresses: OwnAddresses;
  readonly #claimed: readonly number[];
  readonly #key: number;
  #drawn = 0;
  /** Probes and announcements sent, together. */
  #sent = 0;
  /** When the next is due; Infinity: none is. */
  #dueAt: number;
  #hasBegun = false;
  /** When each address was defended last, milliseconds. */
  readonly #defendedAt = new Map<number, number>();
  /** The address that another host has, or wants, too: found before it was used. Null: none. */
  conflict: Address | null = null;
  /** The address that was defended last; null: none was. */
  contested: Address | null = null;
  /** How often addresses were defended. */
  defences = 0;

  /** `key`: a secret int32, which spreads the probes of hosts that start together. */
  constructor(asker: ArpAsker, addresses: OwnAddresses, isActive: boolean, key: number) {
    this.#asker = asker;
    this.#addresses = addresses;
    this.#claimed = isActive ? addresses.ipv4Addresses().map((address) => address.w3) : [];
    this.#key = key;
    addresses.isIpv4Tentative = this.#claimed.length > 0;
    this.#dueAt = addresses.isIpv4Tentative ? 0 : Infinity;
  }

  /** When `poll` must be called at the latest; may be Infinity. */
  get deadline(): number {
    return this.#dueAt;
  }

  /** Sends what is due. The addresses may be used from the first announcement on. */
  poll(now: number): void {
    if (now < this.#dueAt) return;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#dueAt = now + this.#between(0, PROBE_WAIT_MS);
      return;
    }
    const isProbe = this.#sent < PROBES;
    this.#sent++;
    this.#addresses.isIpv4Tentative = isProbe;
    for (const address of this.#claimed) this.#asker.askAll(isProbe ? 0 : address, address);
    this.#dueAt = now + this.#pause();
  }

  /** Another host has `address` of ours, or probes for it. */
  conflictArrives(address: number, now: number): void {
    if (!this.#claimed.includes(address)) return;
    if (this.#addresses.isIpv4Tentative) {
      // All stay unused until the program was told otherwise.
      this.conflict = ipv4Address(address);
      this.#dueAt = Infinity;
      return;
    }
    const defendedAt = this.#defendedAt.get(address) ?? -Infinity;
    if (now - defendedAt < DEFEND_INTERVAL_MS) return;
    this.#defendedAt.set(address, now);
    this.contested = ipv4Address(address);
    this.defences++;
    this.#asker.askAll(address, address);
  }

  /** How long it is from what was just sent to the next. */
  #pause(): number {
    if (this.#sent < PROBES) return this.#between(PROBE_MIN_MS, PROBE_MAX_MS);
    if (this.#sent === PROBES) return ANNOUNCE_WAIT_MS;
    return this.#sent < PROBES + ANNOUNCEMENTS ? ANNOUNCE_INTERVAL_MS : Infinity;
  }

  #between(least: number, most: number): number {
    const word = hashRound(hashRound(this.#key, ++this.#drawn), this.#key) >>> 0;
    return least + (most - least) * word / 2 ** 32;
  }
}
