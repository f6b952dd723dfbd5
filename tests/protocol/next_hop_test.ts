/** ARP-04, ARP-05: next hops of active opens. Requirements §2.3. */

import { assert, assertEquals } from "@std/assert";
import { neighborQuestion } from "../support/neighbor_question.ts";
import { arp, BROADCAST_MAC, ethernet, OWN_MAC, PEER_MAC } from "../support/packets.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";

const ZERO_MAC = "00:00:00:00:00:00";

/** The product's question for the peer, in hexadecimal: to all, or to the MAC it had. */
function request(to: string): string {
  const packet = arp(1, OWN_MAC, "10.0.0.1", ZERO_MAC, "10.0.0.2");
  return ethernet(0x0806, packet, { to, from: OWN_MAC }).toHex();
}

/** Waits for a question; returns when it came, in tenths of a second. */
function expectRequest(t: ScriptRun, withinMs: number, to: string = BROADCAST_MAC): number {
  assertEquals(t.expectFrame(withinMs).toHex(), request(to));
  return Math.round(t.elapsedMs / 100) / 10;
}

/** The peer answers. */
function reply(t: ScriptRun): void {
  t.injectFrame(ethernet(0x0806, arp(2, PEER_MAC, "10.0.0.2", OWN_MAC, "10.0.0.1")));
}

protocolTest("ARP-04", "an unknown next hop is asked for three times, then given up", (t) => {
  t.run("connect");
  const times = [0, 1500, 1500].map((within) => expectRequest(t, within));
  assertEquals(times, [0, 1, 2]);
  t.none(20);
  assertEquals(t.growth("NeighborFailures"), 1);
  // The SYNs that waited are told of one by one; the application may go on.
  assert(t.connection.softErrors >= 2);
  t.run(`
    state SYN_SENT
    app: none
  `);
});

protocolTest("ARP-04", "a SYN that waited leaves at once when the answer comes", (t) => {
  t.run("connect");
  assertEquals(expectRequest(t, 0), 0);
  t.advance(500);
  reply(t);
  t.run(`
    .5  > S 0:0(0) <...>
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0  > . 1:1(0) ack 1
        state ESTABLISHED
    none(1)
  `);
  assertEquals(t.connection.softErrors, 0);
});

protocolTest("ARP-05", "after 61 s of silence the next hop is asked for by unicast", (t) => {
  t.run(`
    ACT
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0  > . 1:1(0) ack 1
    61.5 write 5
    +0  > P. 1:6(5) ack 1
  `);
  assertEquals(expectRequest(t, 0, PEER_MAC), 61.5);
  t.run("+.1 < . 1:1(0) ack 6");
  t.none(5);
});

protocolTest("ARP-05", "a connection that makes progress asks for nothing in 120 s", (t) => {
  t.run(`
    ACT
    +.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0  > . 1:1(0) ack 1
  `);
  for (let i = 0; i < 12; i++) {
    t.run(`
      +10 write 5
      +0  > P. ${1 + 5 * i}:${6 + 5 * i}(5) ack 1
      +.1 < . 1:1(0) ack ${6 + 5 * i}
    `);
  }
  t.none(1);
  assertEquals(t.growth("NeighborProbes"), 0);
});

protocolTest("ARP-04", "who asks for us need not be asked for", (t) => {
  t.injectFrame(neighborQuestion("10.0.0.2", PEER_MAC, "10.0.0.1"));
  t.expectFrame();
  t.run(`
    connect
    +0 > S 0:0(0) <...>
    none(.5)
  `);
});
