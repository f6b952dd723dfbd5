/**
 * Every tunable: its sysctl's name, default, range and unit. Named after Linux
 * where Linux has one; `px_` marks the proxy's own.
 *
 * A name that stands here is honoured; there is no knob without effect.
 */

import { nearest } from "../nearest.ts";

/** Default, least and greatest value, and what the number counts ("" for a choice). */
type Definition = readonly [standard: number, min: number, max: number, unit: string];

const DEFINITIONS = {
  // Handshakes and listeners
  /** How often an unanswered SYN-ACK is sent again, the wait doubling. RFC 9293 §3.8.3. */
  tcp_synack_retries: [5, 0, 255, "retransmissions"],
  /** How often an unanswered SYN is sent again, the wait doubling. RFC 9293 §3.8.3. */
  tcp_syn_retries: [7, 0, 127, "retransmissions"],
  /** Handshakes that a listener holds; what a SYN above that gets is for `tcp_syncookies`. RFC 4987 §3.2. */
  tcp_max_syn_backlog: [1024, 1, 1_048_576, "handshakes"],
  /** SYN cookies: 0 never, 1 when the SYN queue is full, 2 always. RFC 4987 §3.6. */
  tcp_syncookies: [1, 0, 2, ""],
  /** 1 sends a reset when a handshake is given up. RFC 9293 §3.5.2. */
  tcp_synack_fail_rst: [0, 0, 1, ""],
  /** Upper bound of a listener's accept queue. Linux: listen(2). */
  somaxconn: [4096, 1, 65535, "connections"],
  /** What a full accept queue does with a third ACK: 0 ignores it, 1 resets. Linux: tcp(7). */
  tcp_abort_on_overflow: [0, 0, 1, ""],

  // Fast open
  /** Fast open: 0x1 client, 0x2 server, 0x4 and 0x200 without cookie, 0x400 all listeners. RFC 7413. */
  tcp_fastopen: [0x3, 0, 0x607, "(the sum of some bits)"],
  /** How long a fast-open key made here makes cookies; they are good for twice as long. 0: for ever. RFC 7413 §4.1.2. */
  px_tfo_rotate: [86400, 0, 31_536_000, "seconds"],
  /** How long a server that refused a fast open is opened without; 0: it is tried again at once. RFC 7413 §4.1.3.1. */
  px_tfo_negative_ttl: [600, 0, 86400, "seconds"],
  /** First pause of fast open as a client after a black hole, doubling up to 64 times; 0: none. Linux: ip-sysctl. */
  tcp_fastopen_blackhole_timeout_sec: [3600, 0, 86400, "seconds"],

  // Closing and TIME-WAIT
  /** Maximum segment lifetime; TIME-WAIT lasts twice as long. RFC 9293 §3.4.2, §3.6.1. */
  tcp_msl: [60, 1, 120, "seconds"],
  /** An active open may take a tuple out of TIME-WAIT: 0 never, 1 with timestamps, 2 on loopback. Linux: tcp(7). */
  tcp_tw_reuse: [1, 0, 2, ""],
  /** How long the peer must have been silent before that. Linux: ip-sysctl. */
  tcp_tw_reuse_delay: [1000, 1, 3_600_000, "milliseconds"],
  /** TIME-WAIT entries kept; a connection above that is forgotten at once. Linux: tcp(7). */
  tcp_max_tw_buckets: [65536, 0, 1_048_576, "connections"],
  /**
   * 1 shortens TIME-WAIT of connections with timestamps to 3.5 RTO and refuses
   * SYNs with older timestamps than their host's, hence clients behind NAT.
   * Needs `tcp_timestamps`. Linux up to 4.11: tcp(7).
   */
  tcp_tw_recycle: [0, 0, 1, ""],
  /** 1 ignores RST in TIME-WAIT. RFC 1337 §3. */
  tcp_rfc1337: [1, 0, 1, ""],
  /** How long a connection without user waits in FIN-WAIT-2. Linux: tcp(7). */
  tcp_fin_timeout: [60, 1, 3600, "seconds"],
  /** Retransmissions before a connection without user is given up. RFC 9293 §3.8.3. */
  tcp_orphan_retries: [8, 0, 255, "retransmissions"],
  /** Connections without user that are not closed yet; one above that is reset. Linux: tcp(7). */
  tcp_max_orphans: [8192, 0, 1_048_576, "connections"],

  // Retransmission
  /** R1: retransmissions of the same data before the next hop is doubted and the user may know. RFC 9293 §3.8.3. */
  tcp_retries1: [3, 1, 255, "retransmissions"],
  /** R2: retransmissions of the same data before a connection is given up. RFC 9293 §3.8.3. */
  tcp_retries2: [15, 1, 255, "retransmissions"],
  /** Retransmission timeout before the first measurement. RFC 6298 §2.1. */
  tcp_rto_init: [1000, 100, 3000, "milliseconds"],
  /** Lower bound of the retransmission timeout; Linux's, not 1 s. RFC 6298 §2.4. */
  tcp_rto_min: [200, 10, 1000, "milliseconds"],
  /** Upper bound of the retransmission timeout. RFC 6298 §2.5. */
  tcp_rto_max: [120_000, 1000, 120_000, "milliseconds"],

  // Segments and options
  /** How long an ACK may wait for more to acknowledge. RFC 9293 §3.8.6.3. */
  tcp_delack_ms: [40, 0, 499, "milliseconds"],
  /**
   * 1 ends each super-segment with PSH, lest a receiver which collects segments
   * waits for more, and has two of them in a congestion window. Linux.
   */
  px_gso_push: [0, 0, 1, ""],
  /** ACKs that do not wait when a connection begins, or speaks again after a pause. RFC 9293 §3.8.6.3; Linux: quick ACKs. */
  px_quick_acks: [16, 0, 255, "segments"],
  /** 1 agrees to window scaling. RFC 7323 §2. */
  tcp_window_scaling: [1, 0, 1, ""],
  /** Timestamps: 0 none, 1 with a random offset per pair of hosts, 2 without. RFC 7323 §3. */
  tcp_timestamps: [1, 0, 2, ""],
  /** 1 agrees to selective acknowledgment. RFC 2018 §2. */
  tcp_sack: [1, 0, 1, ""],
  /** Explicit congestion notification: 0 off, 1 asked for and agreed to, 2 agreed to. RFC 3168 §6.1.1. */
  tcp_ecn: [2, 0, 2, ""],
  /** 1 reports text that came twice. RFC 2883. */
  tcp_dsack: [1, 0, 1, ""],
  /** Loss found by 1 time (RACK, with tail loss probes), 0 counting (RFC 6675). RFC 8985. */
  tcp_recovery: [1, 0, 1, ""],
  /** 1 looks whether a retransmission timeout was spurious. RFC 5682. */
  tcp_frto: [1, 0, 1, ""],
  /** How cwnd grows and shrinks: reno, cubic or bbr. RFC 5681, RFC 9438, draft-ietf-ccwg-bbr. */
  tcp_congestion_control: [1, 0, 2, ""],
  /** 1 tells the peer of a user timeout, and takes over the peer's, from 100 s to 1 h. RFC 5482 §3.1. */
  px_user_timeout_option: [0, 0, 1, ""],
  /** How long a peer's window may stay shut, with something for it to take, before it is reset; 0: for ever. RFC 6429. */
  px_zero_window_timeout: [0, 0, 86400, "seconds"],
  /** Floor for the MSS that a peer announces. RFC 9293 §3.7.1. */
  tcp_min_snd_mss: [48, 48, 536, "bytes"],
  /** The MTU of paths whose routers are silent: 0 never, 1 after `tcp_retries1` timeouts, 2 always searched. RFC 4821 §7. */
  tcp_mtu_probing: [1, 0, 2, ""],
  /** MSS with which that search begins. RFC 8899 §5.1.2 (BASE_PLPMTU). */
  tcp_base_mss: [1024, 48, 9000, "bytes"],
  /** Congestion window of a new connection. RFC 6928 §2. */
  tcp_initial_cwnd: [10, 1, 64, "segments"],
  /** 1 restarts from the initial window after one RTO without sending. RFC 5681 §4.1. */
  tcp_slow_start_after_idle: [1, 0, 1, ""],
  /** Least time between a connection's ACKs to invalid segments; 0: no limit. RFC 5961 §7. */
  tcp_invalid_ratelimit: [500, 0, 10000, "milliseconds"],

  // Buffers
  /** Receive buffer of a connection when memory is short. Linux: `tcp_rmem`, which sets all three. */
  tcp_rmem_min: [4096, 256, 1_073_725_440, "bytes"],
  /** Receive buffer of a new connection. */
  tcp_rmem_default: [131_072, 256, 1_073_725_440, "bytes"],
  /** How far a receive buffer grows; the window scale that covers it is chosen at start. RFC 7323 §2.3. */
  tcp_rmem_max: [6_291_456, 256, 1_073_725_440, "bytes"],
  /** 1 lets receive buffers grow with what their users take in a round trip. Linux: tcp(7). */
  tcp_moderate_rcvbuf: [1, 0, 1, ""],
  /** Send buffer of a connection when memory is short. Linux: `tcp_wmem`, which sets all three. */
  tcp_wmem_min: [4096, 256, 1_073_741_824, "bytes"],
  /** Send buffer of a connection whose congestion window is small. */
  tcp_wmem_default: [16384, 256, 1_073_741_824, "bytes"],
  /** How far a send buffer grows with the congestion window. */
  tcp_wmem_max: [4_194_304, 256, 1_073_741_824, "bytes"],

  // Keep-alive
  /** Idle time before the first keep-alive probe. RFC 9293 §3.8.4. */
  tcp_keepalive_time: [7200, 1, 2_147_483, "seconds"],
  /** Time between keep-alive probes. RFC 9293 §3.8.4. */
  tcp_keepalive_intvl: [75, 1, 32767, "seconds"],
  /** Unanswered keep-alive probes before a connection is given up. RFC 9293 §3.8.4. */
  tcp_keepalive_probes: [9, 1, 127, "probes"],
  /** 1 puts one byte into keep-alive probes, for peers who need it. RFC 9293 §3.8.4. */
  tcp_keepalive_garbage: [0, 0, 1, ""],

  // The host
  /** Time to live, or hop limit, of what is sent. RFC 1122 §3.2.1.7, RFC 8200 §3. */
  ip_default_ttl: [64, 1, 255, "hops"],
  /** 1 lets routers fragment what is sent over IPv4: no DF, and no super-segments. RFC 1191 §3. */
  ip_no_pmtu_disc: [0, 0, 1, ""],
  /** Least MTU that an IPv4 router is believed; below, packets may be cut. RFC 1191 §7; Linux: `min_pmtu`. */
  min_pmtu: [552, 68, 1500, "bytes"],
  /** How long what was found out about a path is believed. RFC 1191 §6.3, RFC 8899 §5.1.1; Linux: `mtu_expires`. */
  mtu_expires: [600, 1, 86400, "seconds"],
  /** How long an incomplete IPv4 datagram waits for its rest; IPv6 has 60 s. RFC 1122 §3.3.2. */
  ipfrag_time: [30, 1, 120, "seconds"],
  /** Memory of all incomplete datagrams together; 0 drops fragments. Linux: ip(7). */
  ipfrag_high_thresh: [4_194_304, 0, 268_435_456, "bytes"],
  /** 1 asks, for a second, whether another host has our IPv6 addresses before they are used. RFC 4862 §5.4. */
  dad_transmits: [1, 0, 1, ""],
  /** 1 asks, for some seconds, whether another host has our IPv4 addresses, and defends them. RFC 5227. */
  arp_probe: [0, 0, 1, ""],
  /** The VLAN of the link: only its frames are taken, all sent carry its tag; 0: none. IEEE 802.1Q §9.6. */
  vlan_id: [0, 0, 4094, "as VLAN identifier"],
  /** The first port of active opens. RFC 6056 §3.2; Linux: `ip_local_port_range`, which sets both. */
  ip_local_port_min: [32768, 1, 65535, "(a port)"],
  /** The last port of active opens. RFC 6056 §3.2. */
  ip_local_port_max: [60999, 1, 65535, "(a port)"],
  /** Least time between ICMP errors to one host; 0: no limit. RFC 1812 §4.3.2.8. */
  icmp_ratelimit: [1000, 0, 60000, "milliseconds"],
  /** ICMP errors sent to all hosts together. RFC 1812 §4.3.2.8, RFC 4443 §2.4. */
  icmp_msgs_per_sec: [1000, 1, 1_000_000, "messages per second"],
  /** How many of those may be sent at once. RFC 4443 §2.4. */
  icmp_msgs_burst: [50, 1, 1_000_000, "messages"],
  /** How long a neighbour is believed without confirmation. RFC 1122 §2.3.2.1. */
  gc_stale_time: [60, 1, 86400, "seconds"],
  /** Entries of the neighbour cache. RFC 1122 §2.3.2.1. */
  gc_thresh3: [1024, 1, 1_048_576, "neighbours"],
  /** RSTs sent to segments of unknown connections; 0: none. RFC 9293 §3.10.7.1. */
  px_rst_ratelimit: [1000, 0, 1_000_000, "segments per second"],

  // The proxy
  /** How long an upstream may take to accept before the client is reset. */
  px_connect_timeout: [10, 1, 300, "seconds"],
  /** A pair that carried no byte for that long is reset; 0: never. */
  px_idle_timeout: [0, 0, 86400, "seconds"],
  /** A half-closed pair that carried no byte for that long is reset; 0: never. */
  px_half_close_timeout: [300, 0, 86400, "seconds"],
  /** 1 sends keep-alive probes to clients, where their route says nothing else. RFC 9293 §3.8.4. */
  px_keepalive_client: [1, 0, 1, ""],
  /** 1 sends keep-alive probes to upstreams, where their route says nothing else. RFC 9293 §3.8.4. */
  px_keepalive_upstream: [1, 0, 1, ""],
  /** 1 carries the mark of urgent data across; otherwise its bytes come as others do. RFC 9293 §3.8.5, RFC 6093. */
  px_relay_urgent: [0, 0, 1, ""],
  /** How long a client may take to get what came before its upstream's reset. */
  px_reset_flush: [5, 0, 60, "seconds"],
  /** How long pairs may take to finish when the program is asked to end. */
  px_drain_timeout: [30, 0, 86400, "seconds"],
  /** Pairs at the same time; clients above that wait in the accept queue. */
  px_max_connections: [65536, 1, 1_048_576, "pairs"],
  /** Memory of all queues together; counts only at start. */
  px_mem_max: [536_870_912, 16_777_216, 1_879_048_192, "bytes"],
  /** Log records of each kind that connections cause; above that they are counted. 0: only counted. */
  px_log_ratelimit: [1000, 0, 1_000_000, "records per second"],
  /** How long the driver looks for work before it sleeps; 0 saves power. */
  busy_poll: [50, 0, 10000, "microseconds"],
} as const satisfies Record<string, Definition>;

/** Choices that have names, by value. */
const CHOICES: { readonly [name in keyof typeof DEFINITIONS]?: readonly string[] } = {
  tcp_congestion_control: ["reno", "cubic", "bbr"],
};

/** The name of a tunable. */
export type TunableName = keyof typeof DEFINITIONS;

/** One setting of all tunables, frozen; a change makes a new one. All are integers. */
export type Tunables = { readonly [name in keyof typeof DEFINITIONS]: number };

/** What a tunable is called and what it accepts. */
export type TunableSpec = Readonly<{
  name: TunableName;
  default: number;
  /** Least and greatest value, both allowed. */
  min: number;
  max: number;
  /** What the number counts, in the plural; empty for a choice. */
  unit: string;
  /** What the values from `min` on are called; null: they have no names. */
  choices: readonly string[] | null;
}>;

/** All tunables, in the order of documentation. */
export const TUNABLES: readonly TunableSpec[] = Object.freeze(
  Object.entries(DEFINITIONS).map(([key, [standard, min, max, unit]]) => {
    const name = key as TunableName;
    return Object.freeze({
      name,
      default: standard,
      min,
      max,
      unit,
      choices: CHOICES[name] ?? null,
    });
  }),
);

/** What is in force when nothing was set. */
export const DEFAULT_TUNABLES: Tunables = Object.freeze(
  Object.fromEntries(TUNABLES.map((spec) => [spec.name, spec.default])) as Tunables,
);

/** A tunable that cannot be set as asked. What was in force stays in force. */
export class TunableError extends Error {
  override readonly name = "TunableError";
  /** The name as it was given. */
  readonly tunable: string;
  /** The value as it was given. */
  readonly value: string;
  /** What the tunable accepts; empty when there is no such tunable. */
  readonly allowed: string;
  /** For an unknown name, or choice, the valid one most like it; null: none is near. */
  readonly nearest: string | null;

  constructor(tunable: string, value: string, allowed: string, nearest: string | null) {
    const problem = allowed !== "" ? `expected ${allowed}` : "there is no such tunable";
    super(`Cannot set ${tunable} to "${value}": ${problem}${didYouMean(nearest)}`);
    this.tunable = tunable;
    this.value = value;
    this.allowed = allowed;
    this.nearest = nearest;
  }
}

/**
 * A copy of `tunables` with one value replaced. `text` is a decimal or `0x`
 * hexadecimal integer, or the name of a choice. Throws TunableError when there is no such tunable or the
 * value is none it accepts.
 */
export function setTunable(tunables: Tunables, name: string, text: string): Tunables {
  if (Object.hasOwn(COMPOSITES, name)) return setComposite(tunables, name, text);
  const spec = TUNABLES.find((spec) => spec.name === name);
  if (spec === undefined) {
    const word = name.toLowerCase().split(".").at(-1)!; // of net.ipv4.tcp_sack, say
    throw new TunableError(name, text, "", nearest(word, TUNABLES.map((spec) => spec.name)));
  }
  const value = spec.choices?.includes(text)
    ? spec.min + spec.choices.indexOf(text)
    : INTEGER.test(text)
    ? Number(text)
    : NaN;
  if (!(value >= spec.min && value <= spec.max)) {
    const near = nearest(text.toLowerCase(), spec.choices ?? []);
    throw new TunableError(name, text, allowedValues(spec), near);
  }
  const changed = Object.freeze({ ...tunables, [spec.name]: value });
  // Without timestamps recycling would have nothing to tell old segments by.
  if (changed.tcp_tw_recycle !== 0 && changed.tcp_timestamps === 0) {
    const isRecycle = spec.name === "tcp_tw_recycle";
    const allowed = isRecycle ? "0 while tcp_timestamps is 0" : "1 or 2 while tcp_tw_recycle is 1";
    throw new TunableError(name, text, allowed, null);
  }
  return changed;
}

/** Linux's tunables of several numbers, smallest first, with blanks between: what each of them is called here. */
const COMPOSITES: Readonly<Record<string, readonly TunableName[]>> = {
  ip_local_port_range: ["ip_local_port_min", "ip_local_port_max"],
  tcp_rmem: ["tcp_rmem_min", "tcp_rmem_default", "tcp_rmem_max"],
  tcp_wmem: ["tcp_wmem_min", "tcp_wmem_default", "tcp_wmem_max"],
};

/** Sets all numbers of a composite, or none. */
function setComposite(tunables: Tunables, name: string, text: string): Tunables {
  const names = COMPOSITES[name];
  const texts = text.trim().split(/[\s,-]+/);
  const { min, max, unit } = TUNABLES.find((spec) => spec.name === names[0])!;
  const isAscending = texts.every((value, i) =>
    INTEGER.test(value) && Number(value) >= (i === 0 ? min : Number(texts[i - 1]))
  );
  if (texts.length !== names.length || !isAscending || Number(texts.at(-1)) > max) {
    const allowed = `${names.length} ascending numbers, ${min} to ${max} ${unit}`;
    throw new TunableError(name, text, allowed, null);
  }
  return names.reduce((changed, name, i) => setTunable(changed, name, texts[i]), tunables);
}

/**
 * The one setting that is a text and a secret, and therefore no tunable: the
 * keys of fast open, primary[,backup]. RFC 7413 §4.1.2; Linux: ip-sysctl.
 */
export const FAST_OPEN_KEY = "tcp_fastopen_key";

/** How keys of fast open are written. */
export const FAST_OPEN_KEY_FORM = "xxxxxxxx-xxxxxxxx-xxxxxxxx-xxxxxxxx[,backup]";

/** Whether `text` are keys of fast open: one or two, four words of eight hexadecimal digits each. */
export function isFastOpenKey(text: string): boolean {
  return KEYS.test(text);
}

/** What a tunable accepts, in words: `0 or 1`, `1 to 120 seconds`. */
export function allowedValues(spec: TunableSpec): string {
  if (spec.unit !== "") return `${spec.min} to ${spec.max} ${spec.unit}`;
  const values = Array.from({ length: spec.max - spec.min + 1 }, (_, i) => spec.min + i);
  const choices = spec.choices ?? values;
  return `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
}

/** A value as `setTunable` takes it: the name of a choice, if it has one. */
export function valueText(spec: TunableSpec, value: number): string {
  return spec.choices === null ? String(value) : spec.choices[value - spec.min];
}

const KEYS = /^[0-9a-f]{8}(?:-[0-9a-f]{8}){3}(?:,[0-9a-f]{8}(?:-[0-9a-f]{8}){3})?$/i;
const INTEGER = /^(?:[0-9]+|0x[0-9a-f]+)$/i;

function didYouMean(nearest: string | null): string {
  return nearest === null ? "" : `; did you mean ${nearest}?`;
}
