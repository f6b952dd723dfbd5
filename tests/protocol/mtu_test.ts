/** MTU: the MTU of the path. Requirements §2.29. */

import { assert, assertEquals } from "@std/assert";
import { Phase } from "../../lib/tcp/phase.ts";
import { MtuSearch, probeLength } from "../../lib/tcp/plpmtud.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { NarrowPath } from "./narrow_path.ts";
import { pathError } from "./path_errors.ts";

/** A router on the way says that the segment with the relative number `seq` was too large. */
function tooBig(t: ScriptRun, seq: number, mtu: number): void {
  const isIpv6 = t.flow.ends.localAddress.includes(":");
  t.injectFrame(pathError(t, isIpv6 ? 2 : 3, isIpv6 ? 0 : 4, { seq, mtu }));
}

/** The payload lengths of all segments sent now. */
function sizes(t: ScriptRun): number[] {
  const lengths: number[] = [];
  for (let p = t.next(); p !== null; p = t.next()) lengths.push(p.payload.length);
  return lengths;
}

const FLIGHT = `
  EST rtt .1
  write 14600
  +0 > P. 1:14601(14600/1460) ack 1
`;

protocolTest(
  "MTU-01, RTX-09",
  "what was too large is sent again at once, smaller, with cwnd as it was",
  (t) => {
    t.run(FLIGHT);
    const { cwnd } = t.connection;
    t.advance(20);
    tooBig(t, 1461, 1400);
    t.run(`
    +0  > P. 1:14601(14600/1360) ack 1
    cnt:TCPTimeouts=0
  `);
    assertEquals(t.connection.cwnd, cwnd);
    t.run(`
    +.1 < . 1:1(0) ack 14601
    write 3000
    +0  > P. 14601:17601(3000/1360) ack 1
    state ESTABLISHED
  `);
  },
);

protocolTest("MTU-01", "timestamps take their part of the smaller segments", (t) => {
  t.run("EST+TS rtt .1\nwrite 3000");
  assertEquals(sizes(t), [1448, 1448, 104]);
  tooBig(t, 1, 1400);
  assertEquals(sizes(t), [1348, 1348, 304]);
});

protocolTest(
  "MTU-01",
  "an error about what was acknowledged already, or never sent, changes nothing",
  (t) => {
    t.run(`
    ${FLIGHT}
    +.1 < . 1:1(0) ack 2921
  `);
    tooBig(t, 1461, 1400);
    tooBig(t, 14_601, 1400);
    t.run(`
    cnt:OutOfWindowIcmps=2
    +.01 < . 1:1(0) ack 14601
    write 1460
    +0   > P. 14601:16061(1460) ack 1
  `);
  },
);

protocolTest(
  "MTU-01",
  "a later connection to the destination begins with the smaller size",
  (t) => {
    t.run(FLIGHT);
    tooBig(t, 1, 1400);
    t.discard();
    t.run(`
    +.01 < R. 1:1(0) ack 1
    peer b 10.0.0.2:40001 > 10.0.0.1:80
    +0  <b S 0:0(0) win 65535 <mss 1460>
    +0  >b S. 0:0(0) ack 1 <mss 1460>
    +.1 <b . 1:1(0) ack 1
    accept b
    write b 2000
    +0  >b P. 1:2001(2000/1360) ack 1
  `);
  },
);

/** Another connection of the default flow's peer, and what both have in flight. */
const TWO_FLIGHTS = `
  EST+SACK rtt .1
  peer b 10.0.0.2:40001 > 10.0.0.1:80
  +0 <b S 0:0(0) win 65535 <mss 1460,sackOK>
  +0 >b S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
  +.1 <b . 1:1(0) ack 1
  accept b
  write 2920
  +0 > P. 1:2921(2920/1460) ack 1
  write b 2920
  +0 >b P. 1:2921(2920/1460) ack 1
`;

protocolTest("MTU-01", "what was told of the path before counts for who is told it again", (t) => {
  t.run(TWO_FLIGHTS);
  tooBig(t, 1, 1400);
  t.run("+0 > P. 1:2921(2920/1360) ack 1");
  t.injectFrame(pathError(t, 3, 4, { seq: 1, mtu: 1400 }, t.flows.named("b")!));
  t.run("+0 >b P. 1:2921(2920/1360) ack 1");
});

protocolTest("MTU-01", "other connections to the destination hear of it before they send", (t) => {
  t.run(TWO_FLIGHTS);
  tooBig(t, 1, 1400);
  t.run(`
    +0  > P. 1:2921(2920/1360) ack 1
    none(.01)
    write b 3000
    +0  >b P. 2921:5921(3000/1360) ack 1
  `);
});

protocolTest("MTU-01", "what they had in flight is sent again smaller after a timeout", (t) => {
  t.run(TWO_FLIGHTS);
  tooBig(t, 1, 1400);
  t.run(`
    +0  > P. 1:2921(2920/1360) ack 1
    +.1 < . 1:1(0) ack 2921
    *   >b . 1:1361(1360) ack 1
        cnt:TCPTimeouts
  `);
});

protocolTest("MTU-01", "they hear of it before they probe for the loss of a tail", (t) => {
  t.run(TWO_FLIGHTS);
  const b = t.flows.named("b")!.connection!;
  b.cwnd = 2920;
  t.run("write b 3000");
  tooBig(t, 1, 1400);
  t.run(`
    +0  > P. 1:2921(2920/1360) ack 1
    +.1 < . 1:1(0) ack 2921
    *   >b . 2921:4281(1360) ack 1
    +0  >b . 4281:5641(1360) ack 1
        cnt:TCPLossProbes
  `);
});

protocolTest("MTU-01", "they hear of it before they send less than a segment at last", (t) => {
  t.run(`
    ${TWO_FLIGHTS}
    +.1 <b . 1:1(0) ack 2921 win 1400
    write b 3000
  `);
  tooBig(t, 1, 1400);
  t.run(`
    +0   > P. 1:2921(2920/1360) ack 1
    +.1  < . 1:1(0) ack 2921
    +.1  >b . 2921:4281(1360) ack 1
  `);
});

protocolTest("MTU-01", "connections to other destinations do not", (t) => {
  t.run(TWO_FLIGHTS.replace("10.0.0.2:40001", "10.0.0.3:40001"));
  tooBig(t, 1, 1400);
  t.run(`
    +0  > P. 1:2921(2920/1360) ack 1
    write b 3000
    +0  >b P. 2921:5921(3000/1460) ack 1
  `);
});

protocolTest("MTU-04", "others forget what they heard, too", (t) => {
  t.run(TWO_FLIGHTS);
  tooBig(t, 1, 1400);
  t.discard();
  t.run(`
    +.1  < . 1:1(0) ack 2921
    +0   <b . 1:1(0) ack 2921
    +590 write b 2000
    +0   >b P. 2921:4921(2000/1360) ack 1
    +.1  <b . 1:1(0) ack 4921
    +11  write b 2000
    +0   >b P. 4921:6921(2000/1460) ack 1
  `);
});

protocolTest("MTU-03", "IPv6: other connections to the destination hear of it", (t) => {
  t.run("EST rtt .1\nwrite 1440\n+0 > P. 1:1441(1440) ack 1");
  const { peerAddress, localAddress } = t.flow.ends;
  t.run(`
    peer b [${peerAddress}]:40001 > [${localAddress}]:80
    +0 <b S 0:0(0) win 65535 <mss 1440>
    +0 >b S. 0:0(0) ack 1 <mss 1440>
    +.1 <b . 1:1(0) ack 1
    accept b
  `);
  tooBig(t, 1, 1300);
  t.run(`
    +0 > P. 1:1441(1440/1240) ack 1
    write b 2000
    +0 >b P. 1:2001(2000/1240) ack 1
  `);
}, { isIpv6: true });

protocolTest("MTU-01", "with ip_no_pmtu_disc 1 DF is clear, and nothing is learned", (t) => {
  t.run("EST rtt .1\nwrite 1460");
  const first = t.next()!;
  assert(first.identification !== undefined, "DF is set");
  tooBig(t, 1, 1400);
  assertEquals(sizes(t), []);
}, { tunables: { ip_no_pmtu_disc: 1 } });

protocolTest("MTU-02", "a router that does not tell its MTU gets the next plateau", (t) => {
  t.run(FLIGHT);
  tooBig(t, 1, 0);
  t.run("+0 > P. 1:14601(14600/1452) ack 1");
  tooBig(t, 1, 0);
  const again = sizes(t); // all but the last 80 bytes, which may have been a short segment
  assert(again.every((size) => size <= 966), `${again} bytes`);
  assert(again.reduce((a, b) => a + b) >= 14_520);
});

protocolTest(
  "MTU-02",
  "what is below min_pmtu is 552, with DF clear and numbers of their own",
  (t) => {
    t.run(FLIGHT);
    tooBig(t, 1, 100);
    const numbers: (number | undefined)[] = [];
    let sent = 0;
    for (let p = t.next(); p !== null; p = t.next()) {
      assert(p.payload.length <= 512, `${p.payload.length} bytes`);
      numbers.push(p.identification);
      sent += p.payload.length;
    }
    assertEquals(sent, 14_600);
    assert(!numbers.includes(undefined), "DF is set");
    assertEquals(new Set(numbers).size, numbers.length);
  },
);

protocolTest("MTU-02", "a larger MTU than known changes nothing", (t) => {
  t.run(FLIGHT);
  tooBig(t, 1, 9000);
  tooBig(t, 1, 1500);
  t.run(`
    none(.05)
    +0 < . 1:1(0) ack 14601
    write 1460
    +0 > P. 14601:16061(1460) ack 1
  `);
});

protocolTest("MTU-03", "IPv6: an MTU of 1300 is followed, one below 1280 is not", (t) => {
  t.run("EST rtt .1\nwrite 2880");
  assertEquals(sizes(t), [1440, 1440]);
  tooBig(t, 1, 1000);
  assertEquals(sizes(t), []);
  tooBig(t, 1, 1300);
  assertEquals(sizes(t), [1240, 1240, 400]);
}, { isIpv6: true });

for (const [mtu, isFollowed] of [[1280, true], [1279, false]] as const) {
  protocolTest("MTU-03", `IPv6: an MTU of ${mtu} is ${isFollowed ? "" : "not "}followed`, (t) => {
    t.run("EST rtt .1\nwrite 2880");
    t.discard();
    tooBig(t, 1, mtu);
    assertEquals(sizes(t), isFollowed ? [1220, 1220, 440] : []);
  }, { isIpv6: true });
}

for (const [mtu, size, mayFragment] of [[552, 512, false], [551, 512, true]] as const) {
  protocolTest("MTU-02", `an MTU of ${mtu} makes segments of ${size} bytes`, (t) => {
    t.run("EST rtt .1\nwrite 1024");
    t.discard();
    tooBig(t, 1, mtu);
    for (let sent = 0; sent < 1024; sent += size) {
      const packet = t.next()!;
      assertEquals([packet.payload.length, packet.identification !== undefined], [
        size,
        mayFragment,
      ]);
    }
  });
}

protocolTest("MTU-02", "DF is clear until what was learned expires", (t) => {
  t.run(FLIGHT);
  tooBig(t, 1, 100);
  t.discard();
  t.inject(". 1:1(0) ack 14601");
  const isFragmentable = (): boolean => {
    const start = t.flow.writePosition;
    t.calls.write(t.flow, 400, null);
    const packet = t.next()!;
    t.discard();
    t.inject(`. 1:1(0) ack ${start + 400}`);
    return packet.identification !== undefined;
  };
  assertEquals(isFragmentable(), true);
  t.advance(599_000);
  assertEquals(isFragmentable(), true);
  t.advance(2000);
  assertEquals(isFragmentable(), false);
  t.run("write 1460");
  assertEquals(sizes(t), [1460]);
});

protocolTest("MTU-04", "what was learned is forgotten after mtu_expires", (t) => {
  t.run(FLIGHT);
  tooBig(t, 1, 1400);
  t.discard();
  t.run(`
    +.1 < . 1:1(0) ack 14601
    +590 write 2000
    +0  > P. 14601:16601(2000/1360) ack 1
    +.1 < . 1:1(0) ack 16601
    +11 write 2000
    +0  > P. 16601:18601(2000/1460) ack 1
  `);
});

protocolTest(
  "MTU-04",
  "cwnd of one small segment lets a large one leave",
  (t) => {
    t.run("EST rtt .1\nwrite 1460\n+0 > P. 1:1461(1460) ack 1");
    tooBig(t, 1, 552);
    t.discard();
    t.run(`
      +.1 < . 1:1(0) ack 1461
      +590 write 512
      +0  > P. 1461:1973(512) ack 1
      +.3 > P. 1461:1973(512) ack 1
      +.1 < . 1:1(0) ack 1973
      +11 write 2000
      +0  > . 1973:3433(1460) ack 1
    `);
  },
  { tunables: { tcp_initial_cwnd: 1 } },
);

/** Sends so much over a path of 1400 bytes that falls silent about it, and judges how the sizes went. */
function crossBlackHole(t: ScriptRun, path: NarrowPath): void {
  const full = t.flow.ends.localAddress.includes(":") ? 1440 : 1460;
  path.carry(800_000);
  assertEquals(path.arrived[0], 1024);
  const [largest, most] = [Math.max(...path.arrived), full - 100];
  assert(largest <= most && largest > most - 8, `found ${largest} of ${most} bytes`);
  assert(path.arrived.slice(-60).filter((size) => size === largest).length > 40);
  assert(path.lost.every((size) => size > most));
  // Behind the fall only probes are lost, three of each size.
  const probes = path.lost.slice(path.lost.lastIndexOf(full) - 2);
  const sizes = [...new Set(probes)];
  assertEquals(probes, sizes.flatMap((size) => [size, size, size]));
  assertEquals(t.growth("TCPMTUPFail"), probes.length);
  assert(t.growth("TCPMTUPSuccess") > 0);
  assertEquals(t.growth("TCPTimeouts"), 4);
}

for (const fixture of ["EST+SACK+WS7", "EST+WS7"]) {
  for (const isIpv6 of [false, true]) {
    const title = `a black hole at 1400: the transfer completes (${fixture}${
      isIpv6 ? ", IPv6" : ""
    })`;
    protocolTest("MTU-05", title, (t) => {
      t.run(`${fixture} rtt .05`);
      crossBlackHole(t, new NarrowPath(t, 1400, fixture.includes("SACK")));
    }, { isIpv6 });
  }
}

protocolTest("MTU-05", "no probe lost in a black hole takes anything from cwnd", (t) => {
  t.run("EST+SACK+WS7 rtt .05");
  const path = new NarrowPath(t, 1400);
  let [losses, cwnd] = [0, 0];
  path.beforeLoss = () => {
    if (t.connection.mss >= 1460) return;
    losses++;
    assert(t.connection.cwnd >= cwnd, `cwnd falls from ${cwnd} to ${t.connection.cwnd}`);
    cwnd = t.connection.cwnd;
  };
  path.carry(800_000);
  assert(losses >= 6, `${losses} probes were lost`);
});

/** With `tcp_mtu_probing` 2: a probe of 1460 bytes, and eight segments of 1024 behind it. */
const PROBED = `
  write 40000
  +0 > . 1:1461(1460) ack 1
  +0 > . 1461:9653(8192/1024) ack 1
`;
const ALWAYS = { tunables: { tcp_mtu_probing: 2 } };

protocolTest("MTU-05", "a probe that is lost leaves cwnd as it is", (t) => {
  t.run(`EST+SACK rtt .1\n${PROBED}`);
  const { cwnd } = t.connection;
  t.run(`
    +.1 < . 1:1(0) ack 1 <nop,nop,sack 1461:4533>
    +0  > . 1:1461(1460/1024) ack 1
    +0  > . 9653:12725(3072/1024) ack 1
    cnt:TCPMTUPFail=1
    cnt:TCPSackRecovery=0
  `);
  assertEquals(t.connection.cwnd, cwnd);
  t.run(`
    +.1 < . 1:1(0) ack 12725
    +0  > . 12725:14185(1460) ack 1
  `);
  t.discard();
  assert(t.connection.cwnd >= cwnd);
}, ALWAYS);

protocolTest("MTU-05", "a probe whose loss only RACK's timer shows leaves cwnd as it is", (t) => {
  t.run(`EST+SACK rtt .1\n${PROBED}`);
  const { cwnd } = t.connection;
  t.run(`
    +.1   < . 1:1(0) ack 1 <nop,nop,sack 1461:2485>
    +0    > . 9653:10677(1024) ack 1
    +.025 > . 1:1461(1460/1024) ack 1
    cnt:TCPMTUPFail=1
  `);
  assertEquals(t.connection.cwnd, cwnd);
}, ALWAYS);

protocolTest("MTU-05", "a probe whose loss three duplicates show leaves cwnd as it is", (t) => {
  t.run(`EST rtt .1\n${PROBED}`);
  const { cwnd } = t.connection;
  t.run(`
    +.1 < . 1:1(0) ack 1
    +0  > . 9653:10677(1024) ack 1
    +0  < . 1:1(0) ack 1
    +0  > . 10677:11701(1024) ack 1
    +0  < . 1:1(0) ack 1
    +0  > . 1:1461(1460/1024) ack 1
    +0  > . 11701:12725(1024) ack 1
    cnt:TCPMTUPFail=1
    cnt:TCPFastRetrans=0
  `);
  assertEquals(t.connection.cwnd, cwnd);
}, ALWAYS);

protocolTest("MTU-05", "what is lost beside a probe is congestion", (t) => {
  t.run(`EST+SACK rtt .1\n${PROBED}`);
  const { cwnd } = t.connection;
  t.run(`
    +.1 < . 1:1(0) ack 1 <nop,nop,sack 2485:5557>
    cnt:TCPMTUPFail=1
    cnt:TCPSackRecovery=1
  `);
  t.discard();
  t.run("+.1 < . 1:1(0) ack 9653");
  t.discard();
  assert(t.connection.cwnd < cwnd);
}, ALWAYS);

protocolTest("MTU-05", "a repaired probe that is lost again is congestion", (t) => {
  t.run(`EST+SACK rtt .1\n${PROBED}`);
  t.run(`
    +.1 < . 1:1(0) ack 1 <nop,nop,sack 1461:4533>
    +0  > . 1:1461(1460/1024) ack 1
    +0  > . 9653:12725(3072/1024) ack 1
    +.1 < . 1:1(0) ack 1 <nop,nop,sack 1461:12725>
    cnt:TCPMTUPFail=1
    cnt:TCPSackRecovery=1
  `);
  t.discard();
}, ALWAYS);

protocolTest("MTU-05", "a probe that ends in a timeout was lost", (t) => {
  t.run(`EST rtt .1\n${PROBED}`);
  t.run(`
    +.3 > . 1:1025(1024) ack 1
    cnt:TCPMTUPFail=1
    cnt:TCPTimeouts=1
  `);
}, ALWAYS);

protocolTest(
  "MTU-05",
  "with tcp_mtu_probing 2 segments begin with tcp_base_mss, and grow with the first probe",
  (t) => {
    t.run(`EST+SACK rtt .1\n${PROBED}`);
    t.run(`
      +.1 < . 1:1(0) ack 9653
      cnt:TCPMTUPSuccess=1
    `);
    assert(sizes(t).every((size) => size === 1460));
  },
  ALWAYS,
);

protocolTest(
  "MTU-05",
  "with tcp_mtu_probing 2 the base is tcp_base_mss without timestamps",
  (t) => {
    t.run("EST+TS rtt .1\nwrite 3000");
    assertEquals(sizes(t), [688, 688, 688, 688, 248]);
  },
  { tunables: { tcp_mtu_probing: 2, tcp_base_mss: 700 } },
);

for (
  const [what, begin, ts, full, least] of [
    ["IPv4", "EST rtt .1", "", 1460, 512],
    ["IPv4 with timestamps", "EST+TS rtt .1", "<ts>", 1448, 500],
    ["IPv6", "EST rtt .1", "", 1440, 1220],
  ] as const
) {
  const title = `${what}: behind a black hole a window that opened unseen is asked with less`;
  const question = (length: number) => `* > . 1:${1 + length}(${length}) ack 1 ${ts}`;
  protocolTest("MTU-05", title, (t) => {
    t.run(`
      ${begin}
      write ${2 * full}
      +0  > P. 1:${1 + 2 * full}(${2 * full}/${full}) ack 1 ${ts}
      +.1 < . 1:1(0) ack 1 win 0 ${ts}
      ${question(full)}
      ${question(full)}
      ${question(full)}
      ${question(least)}
      ${question(least)}
      +.1 < . 1:1(0) ack ${1 + least} win 65535 ${ts}
      +0  > . ${1 + least}:${1 + full}(${full - least}) ack 1 ${ts}
    `);
    t.discard();
  }, { isIpv6: what === "IPv6" });
}

protocolTest("MTU-05", "with tcp_mtu_probing 0 nothing falls", (t) => {
  t.run("EST rtt .1\nwrite 1460\n+0 > P. 1:1461(1460) ack 1");
  for (let i = 0; i < 9; i++) assertEquals(t.next(130_000)?.payload.length, 1460);
  t.discard();
}, { tunables: { tcp_mtu_probing: 0 } });

protocolTest("MTU-05", "where routers may fragment nothing falls", (t) => {
  t.run("EST rtt .1\nwrite 1460\n+0 > P. 1:1461(1460) ack 1");
  for (let i = 0; i < 9; i++) assertEquals(t.next(130_000)?.payload.length, 1460);
  t.discard();
}, { tunables: { ip_no_pmtu_disc: 1 } });

protocolTest(
  "MTU-05",
  "segments fall at the timeout behind R1, to half at the next R1, and no lower",
  (t) => {
    t.run("EST rtt .1\nwrite 1460\n+0 > P. 1:1461(1460) ack 1");
    const again = Array.from({ length: 12 }, () => {
      const { length } = t.next(130_000)!.payload;
      t.discard();
      return length;
    });
    // min_pmtu is 552: no router is believed that asks for less.
    assertEquals(again, [1460, 1460, 1460, 1024, 1024, 1024, 512, 512, 512, 512, 512, 512]);
  },
);

protocolTest("MTU-05", "IPv6: segments fall to the base and no lower", (t) => {
  t.run("EST rtt .1\nwrite 1440\n+0 > P. 1:1441(1440) ack 1");
  const again = Array.from({ length: 8 }, () => t.next(130_000)!.payload.length);
  assertEquals(again, [1440, 1440, 1440, 1024, 1024, 1024, 1024, 1024]);
}, { isIpv6: true });

protocolTest("MTU-05", "short segments that time out are no reason to fall", (t) => {
  t.run("EST rtt .1\nwrite 1000\n+0 > P. 1:1001(1000) ack 1");
  for (let i = 0; i < 4; i++) assertEquals(t.next(10_000)?.payload.length, 1000);
  t.inject(". 1:1(0) ack 1001");
  t.calls.write(t.flow, 2920, null);
  assertEquals(t.next()?.payload.length, 1460);
  t.discard();
});

protocolTest("MTU-05", "after an outage the first probe finds the full size again", (t) => {
  t.run("EST+SACK+WS7 rtt .05");
  const path = new NarrowPath(t, 0);
  path.beforeLoss = () => path.mtu = t.connection.mss === 1024 ? 1500 : 0;
  path.carry(100_000);
  assertEquals([t.growth("TCPMTUPSuccess"), t.growth("TCPMTUPFail")], [1, 0]);
  assertEquals(path.arrived.at(-2), 1460);
});

protocolTest("MTU-05", "what was found is tried again after mtu_expires", (t) => {
  t.run("EST+SACK+WS7 rtt .05");
  const path = new NarrowPath(t, 1400);
  path.carry(800_000);
  path.mtu = 1500;
  path.carry(100_000);
  assert(path.arrived.at(-2)! <= 1360);
  t.advance(601_000);
  path.carry(100_000);
  assertEquals(path.arrived.at(-2), 1460);
});

protocolTest(
  "MTU-05",
  "a later connection begins with what was found, and later tries more",
  (t) => {
    t.run("EST+SACK+WS7 rtt .05");
    const path = new NarrowPath(t, 1400);
    path.carry(800_000);
    const found = t.connection.mss;
    t.inject("R. 1:1(0) ack 800001");
    t.discard();
    t.run(`
    peer b 10.0.0.2:40001 > 10.0.0.1:80
    +0  <b S 0:0(0) win 65535 <mss 1460,sackOK>
    +0  >b S. 0:0(0) ack 1 <...>
    +.1 <b . 1:1(0) ack 1
    accept b
    write b 10000
    +0  >b P. 1:10001(10000/${found}) ack 1
    +.1 <b . 1:1(0) ack 10001
    +601 write b 20000
    +0  >b . 10001:11461(1460) ack 1
  `);
    t.discard();
  },
);

protocolTest("MTU-05", "a router that speaks at last ends the search", (t) => {
  t.run("EST+SACK+WS7 rtt .05");
  const path = new NarrowPath(t, 1400);
  path.beforeLoss = () => {
    if (t.connection.mss === 1024) tooBig(t, (t.connection.sndUna - t.connection.iss) | 0, 1400);
  };
  path.carry(100_000);
  assertEquals(path.arrived.at(-2), 1360);
  assertEquals(t.growth("TCPMTUPSuccess"), 1);
});

protocolTest(
  "IP-07",
  "packets that may be cut have unlike numbers without a constant step",
  (t) => {
    t.run("EST rtt .001");
    const seen = new Set<number>();
    const steps = new Set<number>();
    let last = 0;
    for (let count = 0; count < 10_000; count++) {
      t.inject(`P. ${1 + count}:${2 + count}(1) ack 1`);
      const number = t.next(50)!.identification!;
      assert(!seen.has(number), `${number} comes twice in ${count}`);
      seen.add(number);
      steps.add((number - last) & 0xffff);
      last = number;
      t.calls.read(t.flow, 1, null);
    }
    assert(steps.size > 1000, `${steps.size} different steps`);
  },
  { tunables: { ip_no_pmtu_disc: 1 } },
);

/** The SYN goes again without its data, which follows in segments that fit 1300 bytes. */
const WITHOUT_DATA = `
  +0  > S 0:0(0) <...>
  +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0  > P. 1:3001(3000/1260) ack 1
`;

/** A SYN with 1428 bytes leaves; `x`, which got the cookie for it, is open still. */
function sendFastSyn(t: ScriptRun): void {
  t.learnPeer();
  t.run(`
    peer x 10.0.0.2:50000
    connect fast x
    +0 >x S 0:0(0) <...>
    +0 <x S. 0:0(0) ack 1 win 65535 <mss 1460,FO 00112233445566aa,nop,nop>
    +0 >x . 1:1(0) ack 1
    connect fast
    & write 3000
    +0 > S 0:1428(1428) <...>
  `);
}

protocolTest("MTU-06", "a SYN too large with its data goes again without, at once", (t) => {
  sendFastSyn(t);
  tooBig(t, 0, 1300);
  t.run(WITHOUT_DATA);
});

protocolTest("MTU-06", "a SYN goes again without data where others were told before, too", (t) => {
  sendFastSyn(t);
  t.run("write x 1000\n+0 >x P. 1:1001(1000) ack 1");
  t.injectFrame(pathError(t, 3, 4, { seq: 1, mtu: 1300 }, t.flows.named("x")!));
  tooBig(t, 0, 1300);
  t.run(WITHOUT_DATA);
});

protocolTest("MTU-06", "a SYN that is not too large after all waits for its timeout", (t) => {
  sendFastSyn(t);
  tooBig(t, 0, 9000);
  t.run("+1 > S 0:0(0) <...>");
});

protocolTest(
  "MTU-05",
  "a probe leaves only where its loss will be found, and nothing else is wrong",
  (t) => {
    t.run("EST+SACK rtt .1\nwrite 40000");
    t.discard();
    const c = t.connection;
    const freshSearch = () => {
      const search = new MtuSearch(1024);
      search.limit(1460);
      return search;
    };
    const probe = (search = freshSearch()) => probeLength(c, search, t.now);
    const flight = 1460 + 4 * c.mss;
    const unsent = (c.sendQueue.end - c.sndNxt) | 0;
    assert(unsent > flight);
    c.cwnd = flight;
    assertEquals(probe(), 1460);
    c.cwnd--;
    assertEquals(probe(), 0, "cwnd has no room for what must follow");
    c.cwnd++;
    const { sndWnd, sndNxt } = c;
    c.sndWnd = (c.sndNxt - c.sndUna + flight) | 0;
    assertEquals(probe(), 1460);
    c.sndWnd--;
    assertEquals(probe(), 0, "the window has none");
    c.sndWnd = sndWnd;
    c.sndNxt = (c.sendQueue.end - flight) | 0;
    assertEquals(probe(), 1460);
    c.sndNxt++;
    assertEquals(probe(), 0, "too little is to be sent");
    c.sndNxt = sndNxt;
    const search = freshSearch();
    search.sent(c.sndNxt, c.sndNxt + 1460);
    assertEquals(probe(search), 0, "one is on its way");
    c.phase = Phase.Recovery;
    assertEquals(probe(), 0, "recovery has its own to do");
    c.phase = Phase.Open;
    const rested = freshSearch();
    rested.rest(Math.ceil(t.now) + 1);
    assertEquals(probe(rested), 0, "the search rests");
    rested.rest(t.now | 0);
    assertEquals(probe(rested), 1460);
    t.run("+0 < . 2:3(1) ack 1");
    t.discard();
    c.cwnd = flight;
    assertEquals(probe(), 0, "SACK blocks need the room");
    t.run("state ESTABLISHED");
  },
);
