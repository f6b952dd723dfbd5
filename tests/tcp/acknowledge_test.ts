import { assertEquals } from "@std/assert";
import { SIGNAL } from "../../lib/tcp/connection.ts";
import { ScriptRun } from "../support/script_run.ts";

/** Whether a writer who found no room is told when `acked` bytes of a full queue of `limit` are acknowledged. */
function isTold(cwnd: number, limit: number, acked: number): boolean {
  const t = new ScriptRun("offload");
  t.run(`
    EST+WS7
    +0 < . 1:1(0) ack 1 win 65535
  `);
  t.connection.cwnd = cwnd;
  assertEquals(t.calls.writeSome(t.flow, 10 << 20), limit);
  t.discard();
  assertEquals(t.connection.writable().length, 0);
  t.inject(`. 1:1(0) ack ${1 + acked} win 65535`);
  t.discard();
  return (t.flow.signals & SIGNAL.Writable) !== 0;
}

Deno.test("acknowledge: a writer is told of a quarter of the room, or of 256 KiB", () => {
  assertEquals(isTold(14_600, 29_200, 7299), false);
  assertEquals(isTold(14_600, 29_200, 7300), true);
  const quarter = 256 << 10;
  // What is acknowledged opens cwnd, and with it the room, unless that is as large as can be.
  assertEquals(isTold(4_000_000, 4_194_304, quarter - 1), false);
  assertEquals(isTold(4_000_000, 4_194_304, quarter), true);
});

Deno.test("acknowledge: RFC 6675 §2, a report of one byte is a duplicate that counts", () => {
  const t = new ScriptRun("bare");
  t.run(`
    EST+SACK
    nodelay
    write 1
    +0 > P. 1:2(1) ack 1
    write 1
    +0 > P. 2:3(1) ack 1
    +0 < . 1:1(0) ack 1 <nop,nop,sack 2:3>
    cnt:TCPDupAcks
    +0 < . 1:1(0) ack 1 <nop,nop,sack 2:3>
    cnt:TCPDupAcks=0
  `);
});
