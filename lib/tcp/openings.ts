/**
 * Openings: the active opens under way, and which local ports they may have.
 * RFC 9293 §3.9.1.1, §3.10.1, RFC 6056 §3.3.1; out of TIME-WAIT: §3.6.1.
 */

import type { Address, Endpoint } from "../wire/address.ts";
import type { Arena } from "../wire/memory.ts";
import { Segment } from "../wire/segment.ts";
import { AddressError } from "./address_error.ts";
import { algorithmNamed } from "./algorithms.ts";
import { Connection } from "./connection.ts";
import { ConnectionTable, type Tuple } from "./connection_table.ts";
import { Connector } from "./connector.ts";
import { SipHash } from "./siphash.ts";
import type { Tcp } from "./tcp.ts";

/** What an active open may be given. */
export interface ConnectOptions {
  /** 0 or none: a free one of `ip_local_port_range`, at random. */
  readonly localPort?: number;
  /** None: the one of ours from which `remote` is reached. */
  readonly localAddress?: Address;
  /**
   * Whether bytes queued before the next `poll` may ride on the SYN: the peer's
   * user may get them twice. Not by default. RFC 7413 §6.1.
   */
  readonly fastOpen?: boolean;
  /** Its congestion control, reno, cubic or bbr; none or null: what `tcp_congestion_control` says. */
  readonly congestionControl?: string | null;
}

/** Knows which of our addresses a remote one is reached from. */
export interface Router {
  /** Null: there is no way, or nobody can be there. */
  sourceFor(remote: Address): Address | null;
  /** The remote side of `seg` does not answer: its next hop is asked for again. RFC 1122 §2.3.2.1, §3.3.1.4. */
  doubt(seg: Segment): void;
}

/** Connections whose SYN is not acknowledged yet. */
export class Openings {
  readonly #tcp: Tcp;
  readonly #router: Router | null;
  readonly #connections = new ConnectionTable<Connection>();
  readonly #ports: SipHash;
  #drawn = 0;
  /** Scratch: the tuple that is tried. */
  readonly #tuple = new Segment();

  /** `key` is secret: 16 bytes from which ports are drawn. */
  constructor(tcp: Tcp, router: Router | null, arena: Arena, key: Uint8Array) {
    this.#tcp = tcp;
    this.#router = router;
    this.#ports = new SipHash(arena, key);
  }

  /** Connections in SYN-SENT, or in SYN-RECEIVED after it. */
  get count(): number {
    return this.#connections.count;
  }

  /** The connection a segment belongs to, or null. */
  find(t: Omit<Tuple, "hash">, hash: number): Connection | null {
    return this.#connections.find(t, hash);
  }

  /** Whether a connection is opened from this address and port. */
  hasLocal(local: Endpoint): boolean {
    return this.#connections.hasLocal(local);
  }

  /** See `Tcp.connect`. */
  connect(remote: Endpoint, options: ConnectOptions, now: number): Connection {
    const source = this.#router === null ? null : this.#router.sourceFor(remote.address);
    if (source === null || remote.port === 0) {
      throw new AddressError("ENETUNREACH", `Cannot connect to ${remote}: nobody can be there`);
    }
    const congestion = algorithmNamed(options.congestionControl ?? null);
    this.#address(options.localAddress ?? source, remote);
    const hash = this.#choosePort(options.localPort ?? 0, remote, now);
    const tcp = this.#tcp;
    const iss = tcp.tupleReuse.take(this.#tuple, hash, now);
    const c = new Connection(tcp, tupleOf(this.#tuple, hash), iss, 0);
    if (congestion !== null) c.congestion = congestion;
    c.lastReceivedAt = now | 0; // idle time counts from here
    c.beginOpening(new Connector(c, options.fastOpen ?? false, now));
    this.#connections.add(c);
    tcp.counters.ActiveOpens++;
    return c;
  }

  /** `c` is synchronized, or gone. */
  leave(c: Connection): void {
    const connector = c.connector;
    if (connector === null) return;
    this.#connections.remove(c);
    this.#tcp.deadlines.remove(connector);
    c.connector = null;
  }

  #address(local: Address, remote: Endpoint): void {
    const { w0, w1, w2, w3 } = remote.address;
    const t = this.#tuple;
    t.local0 = local.w0;
    t.local1 = local.w1;
    t.local2 = local.w2;
    t.local3 = local.w3;
    t.remote0 = w0;
    t.remote1 = w1;
    t.remote2 = w2;
    t.remote3 = w3;
    t.remotePort = remote.port;
  }

  /** Completes the tuple with the asked-for port, or a free one, and returns its hash. HS-28. */
  #choosePort(asked: number, remote: Endpoint, now: number): number {
    const { ip_local_port_min, ip_local_port_max } = this.#tcp.tunables;
    const low = asked !== 0 ? asked : ip_local_port_min;
    const count = asked !== 0 ? 1 : ip_local_port_max - ip_local_port_min + 1;
    const first = this.#draw(count);
    for (let i = 0; i < count; i++) {
      this.#tuple.localPort = low + (first + i) % count;
      if (asked === 0 && this.#tcp.hasListener(this.#tuple.localPort)) continue;
      const hash = this.#tcp.hashOf(this.#tuple);
      const isFree = this.find(this.#tuple, hash) === null &&
        !this.#tcp.hasTuple(this.#tuple, hash) &&
        this.#tcp.tupleReuse.mayTake(this.#tuple, hash, now);
      if (isFree) return hash;
    }
    const what = asked !== 0 ? `port ${asked} is taken` : "no local port is free";
    throw new AddressError("EADDRNOTAVAIL", `Cannot connect to ${remote}: ${what}`);
  }

  /** A random number below `count`, from the secret key. RFC 6056 §3.3.1. */
  #draw(count: number): number {
    return (this.#ports.begin().word(this.#drawn++).low() >>> 0) % count;
  }
}

function tupleOf(seg: Segment, hash: number): Tuple {
  const { local0, local1, local2, local3, remote0, remote1, remote2, remote3 } = seg;
  const { localPort, remotePort } = seg;
  return {
    ...{ local0, local1, local2, local3, remote0, remote1, remote2, remote3 },
    ...{ localPort, remotePort, hash },
  };
}
