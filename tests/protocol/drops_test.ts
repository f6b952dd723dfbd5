/** GEN-06: every dropped frame has one reason, and it is counted once. Requirements §2.1. */

import { assertEquals } from "@std/assert";
import type { Counters } from "../../lib/tcp/counters.ts";
import countersSource from "../../lib/tcp/counters.ts" with { type: "text" };
import { concat, encodePacket, type Packet } from "../support/codec.ts";
import type { FixtureOptions } from "../support/fixture.ts";
import {
  arp,
  BROADCAST_MAC,
  ethernet,
  halves,
  icmp,
  ipv4,
  ipv6,
  PEER_MAC,
  udp,
} from "../support/packets.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { TIME_WAIT } from "./matrix_scenarios.ts";
import { pathError } from "./path_errors.ts";

/** A frame to be dropped, or a segment in script notation. */
interface Drop {
  readonly begin?: string;
  readonly options?: FixtureOptions;
  readonly frame: string | ((t: ScriptRun) => Uint8Array);
}

const SYN = "S 0:0(0) win 65535 <mss 1460>";
const NOBODY = "00:00:00:00:00:00";
const DROP_FIELD = /\/\*\* Drop:[^/]*\*\/\n {2}(\w+) = 0;/g;
const DROPS = [...countersSource.matchAll(DROP_FIELD)].map(([, name]) => name as keyof Counters);

/** Another client's SYN, answered. */
const OTHER_SYN = `
  peer b 10.0.0.2:40001
  +0 <b ${SYN}
  +0 >b S. 0:0(0) ack 1 <mss 1460>
`;
const OTHER_CONNECTION = `${OTHER_SYN}\n+0 <b . 1:1(0) ack 1`;
const TIME_WAIT_WITH_TIMESTAMPS = `
  EST+TS
  shutdown
  +0 > F. 1:1(0) ack 1 <ts>
  +0 < F. 1:1(0) ack 2 <ts>
  +0 > . 2:2(0) ack 2 <ts>
`;

const FRAMES: Readonly<Partial<Record<keyof Counters, Drop>>> = {
  EthBadLength: { frame: () => ethernet(0x0800, new Uint8Array(0)).slice(0, 13) },
  EthNotForUs: { frame: changed({ destinationMac: "02:00:00:00:00:03" }) },
  EthBadSource: { frame: changed({ sourceMac: "03:00:00:00:00:02" }) },
  EthUnknownType: { frame: () => ethernet(0x0600, new Uint8Array(46)) },
  EthVlanMismatch: {
    frame: () => ethernet(0x8100, concat(halves(8, 0x0800), ipv4(6, new Uint8Array(20)))),
  },
  ArpInErrors: { frame: () => question(3, "10.0.0.1") },
  ArpNotForUs: { frame: () => question(1, "10.0.0.9") },
  InHdrErrors: { frame: spoiled(14, 0x10) },
  InIpCsumErrors: { frame: spoiled(24, 1) },
  InAddrErrors: { frame: changed({ destination: "10.0.0.9" }) },
  MartianSource: { frame: changed({ source: "127.0.0.1" }) },
  SourceRouteDrop: {
    frame: () =>
      ip(17, udp(new Uint8Array(4)), { options: Uint8Array.of(131, 7, 4, 10, 0, 0, 9, 0) }),
  },
  ReasmFails: { frame: () => ip(17, new Uint8Array(9), { fragment: 0x2000 }) },
  InUnknownProtos: { frame: () => ip(99, new Uint8Array(8)) },
  InNoNextHeader: {
    options: { isIpv6: true },
    frame: () => ethernet(0x86dd, ipv6(59, new Uint8Array(0))),
  },
  IcmpInErrors: { frame: () => ip(1, concat(Uint8Array.of(8, 0, 1, 2), new Uint8Array(8))) },
  IcmpInIgnored: { frame: () => ip(1, icmp(13, 0, new Uint8Array(16))) },
  OutOfWindowIcmps: { begin: "EST", frame: (t) => pathError(t, 3, 1, { seq: 5000 }) },
  UdpNoPorts: { frame: () => ip(17, udp(new Uint8Array(4))) },
  UdpInErrors: { frame: () => ip(17, udp(new Uint8Array(4)).slice(0, 10)) },
  InErrs: { frame: spoiled(46, 0x40) },
  InCsumErrors: { frame: spoiled(38, 1) },
  ListenOverflows: { begin: OTHER_CONNECTION, options: { backlog: 1 }, frame: SYN },
  PAWSEstabRejected: { begin: "EST+TS", frame: "P. 1:2(1) ack 1 <nop,nop,TS val 1 ecr 0>" },
  TCPReqQFullDrop: {
    begin: OTHER_SYN,
    options: { tunables: { tcp_syncookies: 0, tcp_max_syn_backlog: 1 } },
    frame: SYN,
  },
  TCPSynSentDrop: { begin: "ACT", frame: ". 0:0(0) ack 1" },
  TCPConnectionLimit: {
    begin: OTHER_CONNECTION,
    options: { tunables: { px_max_connections: 1 } },
    frame: SYN,
  },
  TCPListenRst: { frame: "R 0:0(0)" },
  TCPListenBadFlags: { frame: "SF 0:0(0)" },
  TCPRstNoConnection: {
    frame: (t) => encodePacket({ ...t.packet("R 0:0(0)"), destinationPort: 81 }),
  },
  TCPRstRateLimited: { options: { tunables: { px_rst_ratelimit: 0 } }, frame: ". 0:0(0) ack 1" },
  TCPRstOutOfWindow: { begin: "EST", frame: "R 200001:200001(0)" },
  TCPNoAckFlag: { begin: "EST", frame: "P 1:2(1)" },
  TCPNoTimestamp: { begin: "EST+TS", frame: "P. 1:2(1) ack 1" },
  TCPOutOfWindow: { begin: "EST", frame: "P. 200001:200002(1) ack 1" },
  TCPACKInvalid: { begin: "EST", frame: ". 1:1(0) ack 5000" },
  TCPTimeWaitRst: { begin: TIME_WAIT, frame: "R 2:2(0)" },
  TCPTimeWaitSynDrop: {
    begin: TIME_WAIT_WITH_TIMESTAMPS,
    frame: "S -50:-50(0) win 65535 <mss 1460,nop,nop,TS val 1 ecr 0>",
  },
};

/** What takes more than one frame: each has its own test, of the row named. */
const ELSEWHERE: readonly (keyof Counters)[] = [
  "NeighborQueueDrop", // a frame of ours, ARP-04
  "PAWSPassiveRejected", // TW-13
  "TCPOFODrop", // ACK-05
  "TCPRcvQDrop", // ACK-05
  "TCPMemoryDrop", // SEC-15
];

for (const [name, { begin, frame, options }] of Object.entries(FRAMES)) {
  protocolTest("GEN-06", `one frame is dropped for one reason, ${name}`, (t) => {
    t.run(begin ?? "");
    for (const drop of DROPS) t.growth(drop);
    if (typeof frame === "string") t.inject(frame);
    else t.injectFrame(frame(t));
    assertEquals(DROPS.flatMap((drop) => Array(t.growth(drop)).fill(drop)), [name]);
    t.discard();
  }, options);
}

Deno.test("GEN-06: each reason to drop is provoked", () => {
  assertEquals([...Object.keys(FRAMES), ...ELSEWHERE].sort(), [...DROPS].sort());
});

function ip(...packet: Parameters<typeof ipv4>): Uint8Array {
  return ethernet(0x0800, ipv4(...packet));
}

function question(operation: number, target: string): Uint8Array {
  const packet = arp(operation, PEER_MAC, "10.0.0.2", NOBODY, target);
  return ethernet(0x0806, packet, { to: BROADCAST_MAC });
}

/** A SYN with other fields. */
function changed(fields: Partial<Packet>): (t: ScriptRun) => Uint8Array {
  return (t) => encodePacket({ ...t.packet(SYN), ...fields });
}

/** A SYN with other bits in one byte. */
function spoiled(offset: number, bits: number): (t: ScriptRun) => Uint8Array {
  return (t) => {
    const frame = encodePacket(t.packet(SYN));
    frame[offset] ^= bits;
    return frame;
  };
}
