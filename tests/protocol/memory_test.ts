/** SEC-15: the memory of all connections together. Requirements §2.32. */

import { assert, assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";
import { FEW_PAGES } from "./windows.ts";

protocolTest(
  "SEC-15",
  "memory has an end: nobody is let in, stalled connections are reset",
  (t) => {
    const { pages } = t.fixture;
    let dropped = 0;
    for (let i = 0; i < 40 && dropped === 0; i++) {
      t.run(`
      peer p${i} 10.0.0.3:${41000 + i} > 10.0.0.1:80
      +0 <p${i} S 0:0(0) win 65535 <mss 1460>
    `);
      t.discard();
      dropped = t.growth("TCPMemoryDrop");
      if (dropped > 0) break;
      t.run(`
      +0 <p${i} . 1:1(0) ack 1 win 0
      accept p${i}
      +0 <p${i} . 1:8001(8000) ack 1 win 0
    `);
      t.discard();
      // They take nothing, and their own bytes are not read.
      t.calls.writeSome(t.flows.named(`p${i}`)!, 16_384);
      assert(pages.lent <= pages.limit);
    }
    assertEquals(dropped, 1);
    const before = pages.lent;
    t.advance(7000);
    t.discard();
    const reset = t.growth("TCPAbortOnMemory");
    assert(reset > 0, `${before} of ${pages.limit} pages were lent, ${pages.lent} are`);
    assert(pages.lent < before, `${pages.lent} of ${before} pages are lent`);
    t.run(`
    +0 < S 0:0(0) win 65535 <mss 1460>
    +0 > S. 0:0(0) ack 1 <mss 1460>
  `);
  },
  FEW_PAGES,
);

protocolTest("SEC-15", "when memory is short what lies beyond gaps is given up", (t) => {
  t.run(`
    EST+SACK
    peer b 10.0.0.3:41000 > 10.0.0.1:80
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
    +0 <b . 1:1(0) ack 1
    accept b
    +0 < . 1001:41001(40000) ack 1
  `);
  t.discard();
  assert(t.connection.receiveQueue.hasGap);
  for (let i = 0, at = 1; i < 10; i++, at += 20_000) {
    t.run(`+0 <b . ${at}:${at + 20_000}(20000) ack 1`);
    t.discard();
  }
  t.advance(1000);
  t.discard();
  assertEquals(t.growth("OfoPruned"), 1);
  assert(!t.connection.receiveQueue.hasGap);
  t.run("state ESTABLISHED");
}, { pageBytes: 128 << 10 });
