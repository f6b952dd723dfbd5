/** ICMP-04, ICMP-05: what path errors do to an active open. Requirements §2.6. */

import { assertEquals } from "@std/assert";
import { icmpErrorFrame } from "../support/path_error_frame.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

/** The peer reports an error about the segment with the relative number `seq`. */
function report(t: ScriptRun, type: number, code: number, seq: number): void {
  const iss = t.flow.productIsn ?? 0;
  t.injectFrame(icmpErrorFrame(t.flow.ends, type, code, (iss + seq) >>> 0));
}

/** Type and code of each soft error: unreachable 0, 1, 5–15, time exceeded, parameter problem. */
const SOFT: readonly (readonly [number, number])[] = [
  ...[0, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map((code) => [3, code] as const),
  [11, 0],
  [11, 1],
  [12, 0],
];

protocolTest("ICMP-04", "soft errors in SYN_SENT let the SYN be sent again", (t) => {
  t.run("ACT");
  for (const [type, code] of SOFT) report(t, type, code, 0);
  assertEquals(t.connection.softErrors, SOFT.length);
  t.run(`
    cnt:IcmpSoftErrors=${SOFT.length}
    state SYN_SENT
    app: none
    1  > S 0:0(0) <...>
    +0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0 > . 1:1(0) ack 1
    state ESTABLISHED
  `);
});

protocolTest("ICMP-04", "soft errors about bytes in flight leave ESTABLISHED as it is", (t) => {
  t.run(`
    EST
    write 10
    +0 > P. 1:11(10) ack 1
  `);
  for (const [type, code] of SOFT) report(t, type, code, 1);
  assertEquals(t.connection.softErrors, SOFT.length);
  t.run(`
    state ESTABLISHED
    app: none
    +.01 < . 1:1(0) ack 11
    none(1)
  `);
});

for (const code of [2, 3]) {
  protocolTest("ICMP-05", `code ${code} in SYN_SENT refuses the connection`, (t) => {
    t.run("ACT");
    report(t, 3, code, 0);
    t.run(`
      state CLOSED
      app: Reset, Closed "refused"
      none(300)
    `);
  });

  protocolTest("ICMP-05", `code ${code} that quotes another number is ignored`, (t) => {
    t.run("ACT");
    report(t, 3, code, 1);
    t.run(`
      cnt:OutOfWindowIcmps
      state SYN_SENT
      1 > S 0:0(0) <...>
    `);
  });

  protocolTest("ICMP-05", `code ${code} is soft in ESTABLISHED`, (t) => {
    t.run(`
      EST
      write 10
      +0 > P. 1:11(10) ack 1
    `);
    report(t, 3, code, 1);
    assertEquals(t.connection.softErrors, 1);
    t.run(`
      state ESTABLISHED
      app: none
      +.01 < . 1:1(0) ack 11
      none(1)
    `);
  });
}
