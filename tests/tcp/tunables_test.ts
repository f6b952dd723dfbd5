import catalogue from "../protocol/requirements.md" with { type: "text" };
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  allowedValues,
  DEFAULT_TUNABLES,
  setTunable,
  TunableError,
  TUNABLES,
  valueText,
} from "../../lib/tcp/tunables.ts";

/** Name, default, least and greatest value of every tunable: a change of one is a decision, not a slip. */
const DOCUMENTED = `
  tcp_synack_retries 5 0 255
  tcp_syn_retries 7 0 127
  tcp_max_syn_backlog 1024 1 1048576
  tcp_syncookies 1 0 2
  tcp_synack_fail_rst 0 0 1
  somaxconn 4096 1 65535
  tcp_abort_on_overflow 0 0 1
  tcp_fastopen 3 0 1543
  px_tfo_rotate 86400 0 31536000
  px_tfo_negative_ttl 600 0 86400
  tcp_fastopen_blackhole_timeout_sec 3600 0 86400
  tcp_msl 60 1 120
  tcp_tw_reuse 1 0 2
  tcp_tw_reuse_delay 1000 1 3600000
  tcp_max_tw_buckets 65536 0 1048576
  tcp_tw_recycle 0 0 1
  tcp_rfc1337 1 0 1
  tcp_fin_timeout 60 1 3600
  tcp_orphan_retries 8 0 255
  tcp_max_orphans 8192 0 1048576
  tcp_retries1 3 1 255
  tcp_retries2 15 1 255
  tcp_rto_init 1000 100 3000
  tcp_rto_min 200 10 1000
  tcp_rto_max 120000 1000 120000
  tcp_delack_ms 40 0 499
  px_gso_push 0 0 1
  px_quick_acks 16 0 255
  tcp_window_scaling 1 0 1
  tcp_timestamps 1 0 2
  tcp_sack 1 0 1
  tcp_ecn 2 0 2
  tcp_dsack 1 0 1
  tcp_recovery 1 0 1
  tcp_frto 1 0 1
  tcp_congestion_control 1 0 2
  px_user_timeout_option 0 0 1
  px_zero_window_timeout 0 0 86400
  tcp_min_snd_mss 48 48 536
  tcp_mtu_probing 1 0 2
  tcp_base_mss 1024 48 9000
  tcp_initial_cwnd 10 1 64
  tcp_slow_start_after_idle 1 0 1
  tcp_invalid_ratelimit 500 0 10000
  tcp_rmem_min 4096 256 1073725440
  tcp_rmem_default 131072 256 1073725440
  tcp_rmem_max 6291456 256 1073725440
  tcp_moderate_rcvbuf 1 0 1
  tcp_wmem_min 4096 256 1073741824
  tcp_wmem_default 16384 256 1073741824
  tcp_wmem_max 4194304 256 1073741824
  tcp_keepalive_time 7200 1 2147483
  tcp_keepalive_intvl 75 1 32767
  tcp_keepalive_probes 9 1 127
  tcp_keepalive_garbage 0 0 1
  ip_default_ttl 64 1 255
  ip_no_pmtu_disc 0 0 1
  min_pmtu 552 68 1500
  mtu_expires 600 1 86400
  ipfrag_time 30 1 120
  ipfrag_high_thresh 4194304 0 268435456
  dad_transmits 1 0 1
  arp_probe 0 0 1
  vlan_id 0 0 4094
  ip_local_port_min 32768 1 65535
  ip_local_port_max 60999 1 65535
  icmp_ratelimit 1000 0 60000
  icmp_msgs_per_sec 1000 1 1000000
  icmp_msgs_burst 50 1 1000000
  gc_stale_time 60 1 86400
  gc_thresh3 1024 1 1048576
  px_rst_ratelimit 1000 0 1000000
  px_connect_timeout 10 1 300
  px_idle_timeout 0 0 86400
  px_half_close_timeout 300 0 86400
  px_keepalive_client 1 0 1
  px_keepalive_upstream 1 0 1
  px_relay_urgent 0 0 1
  px_reset_flush 5 0 60
  px_drain_timeout 30 0 86400
  px_max_connections 65536 1 1048576
  px_mem_max 536870912 16777216 1879048192
  px_log_ratelimit 1000 0 1000000
  busy_poll 50 0 10000
`;

function refusal(name: string, text: string): TunableError {
  return assertThrows(() => setTunable(DEFAULT_TUNABLES, name, text), TunableError);
}

Deno.test("tunables: defaults and ranges are those that are documented", () => {
  const actual = TUNABLES.map(({ name, default: standard, min, max }) =>
    [name, standard, min, max].join(" ")
  );
  assertEquals(actual, DOCUMENTED.trim().split(/\n\s*/));
});

Deno.test("tunables: each default is an integer within its range", () => {
  for (const { name, default: standard, min, max } of TUNABLES) {
    assert(Number.isInteger(standard) && min <= standard && standard <= max, name);
    assertStrictEquals(DEFAULT_TUNABLES[name], standard);
  }
});

Deno.test("tunables: both ends of each range are accepted, what lies beyond is not", () => {
  for (const { name, min, max } of TUNABLES) {
    assertStrictEquals(setTunable(DEFAULT_TUNABLES, name, `${min}`)[name], min);
    assertStrictEquals(setTunable(DEFAULT_TUNABLES, name, `${max}`)[name], max);
    refusal(name, `${min - 1}`);
    refusal(name, `${max + 1}`);
  }
});

Deno.test("tunables: ip_local_port_range sets two ports, the lower first", () => {
  const changed = setTunable(DEFAULT_TUNABLES, "ip_local_port_range", "40000 40002");
  assertEquals(changed, {
    ...DEFAULT_TUNABLES,
    ip_local_port_min: 40000,
    ip_local_port_max: 40002,
  });
  for (const text of ["", "5", "2 1", "0 5", "1 65536", "a b"]) {
    refusal("ip_local_port_range", text);
  }
});

Deno.test("tunables: tcp_rmem and tcp_wmem set three sizes, ascending", () => {
  for (const name of ["tcp_rmem", "tcp_wmem"] as const) {
    const changed = setTunable(DEFAULT_TUNABLES, name, " 4096\t8192 0x10000");
    assertEquals(changed, {
      ...DEFAULT_TUNABLES,
      [`${name}_min`]: 4096,
      [`${name}_default`]: 8192,
      [`${name}_max`]: 65536,
    });
    for (const text of ["", "1 2", "4096 8192", "8192 4096 9000", "1 2 3", "4096 5000 x", "9"]) {
      refusal(name, text);
    }
  }
});

Deno.test("tunables: a change makes a new frozen object and leaves the old one", () => {
  const changed = setTunable(DEFAULT_TUNABLES, "tcp_msl", "30");
  assertEquals(changed, { ...DEFAULT_TUNABLES, tcp_msl: 30 });
  assertStrictEquals(DEFAULT_TUNABLES.tcp_msl, 60);
  assert(Object.isFrozen(changed) && Object.isFrozen(DEFAULT_TUNABLES));
});

Deno.test("tunables: a value is decimal, leading zeros included, or 0x hexadecimal", () => {
  assertStrictEquals(setTunable(DEFAULT_TUNABLES, "tcp_msl", "030").tcp_msl, 30);
  assertStrictEquals(setTunable(DEFAULT_TUNABLES, "tcp_msl", "0x1e").tcp_msl, 30);
  assertStrictEquals(setTunable(DEFAULT_TUNABLES, "tcp_msl", "0X1E").tcp_msl, 30);
  for (const text of ["", " 30", "30 ", "+30", "-30", "3e1", "30.0", "0b11", "0x", "30s", "NaN"]) {
    refusal("tcp_msl", text);
  }
});

Deno.test("tunables: a refusal names value and range", () => {
  const error = refusal("tcp_msl", "500");
  assertEquals(error.message, 'Cannot set tcp_msl to "500": expected 1 to 120 seconds');
  assertEquals(
    [error.tunable, error.value, error.allowed, error.nearest],
    ["tcp_msl", "500", "1 to 120 seconds", null],
  );
});

Deno.test("tunables: a refused name brings the nearest valid one", () => {
  const error = refusal("tcp_synack_retires", "3");
  assertEquals(
    error.message,
    'Cannot set tcp_synack_retires to "3": there is no such tunable; ' +
      "did you mean tcp_synack_retries?",
  );
  assertEquals([error.allowed, error.nearest], ["", "tcp_synack_retries"]);
  assertStrictEquals(refusal("colour", "3").nearest, null);
  assertStrictEquals(refusal("toString", "3").allowed, "");
});

Deno.test("tunables: a range is told with its unit, a choice value by value", () => {
  const allowed = new Map(TUNABLES.map((spec) => [spec.name, allowedValues(spec)]));
  assertEquals(allowed.get("busy_poll"), "0 to 10000 microseconds");
  assertEquals(allowed.get("tcp_sack"), "0 or 1");
  assertEquals(allowed.get("tcp_timestamps"), "0, 1 or 2");
});

Deno.test("tunables: defaults and ranges are those of the catalogue", () => {
  const specs = new Map(TUNABLES.map((spec) => [spec.name as string, spec]));
  const rows = catalogue.matchAll(
    /^\| ([a-z_0-9]+) \| (\d+)[^|]*\| (?:(\d+)–([\d^]+)|([\d,]+)) \|/gm,
  );
  let count = 0;
  for (const [, name, standard, low, high, list] of rows) {
    const spec = specs.get(name);
    if (spec === undefined) continue; // of a floor that is not there yet
    const values = list?.split(",").map(Number) ?? [Number(low), numberOf(high)];
    assertEquals(
      [name, spec.default, spec.min, spec.max],
      [name, Number(standard), values[0], values.at(-1)],
    );
    count++;
  }
  assert(count > 40, `only ${count} rows`);
});

/** A number of the catalogue, `2^24` included. */
function numberOf(text: string): number {
  const [base, exponent] = text.split("^").map(Number);
  return exponent === undefined ? base : base ** exponent;
}

Deno.test("tunables: the name of a choice that is misspelt gets the nearest", () => {
  const error = refusal("tcp_congestion_control", "CUBIK");
  assertEquals(
    error.message,
    'Cannot set tcp_congestion_control to "CUBIK": expected reno, cubic or bbr; did you mean cubic?',
  );
  assertEquals(refusal("tcp_congestion_control", "bottleneck").nearest, null);
});

Deno.test("tunables: the greatest size of three is within the range, which the refusal tells", () => {
  const changed = setTunable(DEFAULT_TUNABLES, "tcp_rmem", "256 256 1073725440");
  assertEquals([changed.tcp_rmem_min, changed.tcp_rmem_max], [256, 1_073_725_440]);
  const error = refusal("tcp_rmem", "256 256 1073725441");
  assertEquals(error.allowed, "3 ascending numbers, 256 to 1073725440 bytes");
  assertEquals(error.tunable, "tcp_rmem");
});

Deno.test("tunables: a value is told as it is set, a choice by its name", () => {
  const texts = TUNABLES.map((spec) => [spec.name, valueText(spec, spec.default)]);
  const told = new Map(texts as [string, string][]);
  assertEquals([told.get("tcp_congestion_control"), told.get("tcp_msl")], ["cubic", "60"]);
  for (const [name, text] of texts) {
    assertEquals(setTunable(DEFAULT_TUNABLES, name, text), DEFAULT_TUNABLES);
  }
});
