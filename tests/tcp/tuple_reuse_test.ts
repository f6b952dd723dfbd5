/** TupleReuse: whose record rests, who may have its tuple, and with which numbers. */

import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import type { IsnSource } from "../../lib/tcp/isn.ts";
import type { Tcp } from "../../lib/tcp/tcp.ts";
import { TimeWaitQueue } from "../../lib/tcp/time_wait.ts";
import { TupleReuse } from "../../lib/tcp/tuple_reuse.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { Counters } from "../../lib/tcp/counters.ts";
import { ScriptRun } from "../support/script_run.ts";
import { segmentOf, tupleOf } from "./support.ts";

const TUPLE = tupleOf(2, 40_000, 5);
const OTHER = tupleOf(2, 40_001, 6);
const ISS = 1000;

/** The reuse of tuples by an engine whose every ISS is 1000, and a connection in TIME-WAIT. */
function reuseWith(tunables = {}, connection: Partial<Connection> = {}) {
  const tcp = { tunables: { ...DEFAULT_TUNABLES, ...tunables }, counters: new Counters() };
  const isn = { next: () => ISS } as unknown as IsnSource;
  const reuse = new TupleReuse(tcp as unknown as Tcp, new TimeWaitQueue(), isn);
  const numbers = { sndNxt: 50_000, rcvNxt: 7000, tsRecent: 0, rtoMs: 200, tsOk: false };
  const c = { ...TUPLE, ...numbers, ...connection } as Connection;
  reuse.rest(c, 0);
  return { reuse, tcp, c };
}

Deno.test("tuple reuse: a record is of the connection whose tuple and both numbers it has", () => {
  const { reuse, c } = reuseWith();
  const rests = (changes: object) => reuse.rests({ ...c, ...changes } as Connection);
  assertEquals(rests({}), true);
  assertEquals([rests({ sndNxt: 1 }), rests({ rcvNxt: 1 }), rests(OTHER)], [false, false, false]);
  reuse.abandon({ ...c, rcvNxt: 1 } as Connection);
  assertEquals(rests({}), true);
  reuse.abandon(c);
  assertEquals(rests({}), false);
});

Deno.test("tuple reuse: RFC 9293 §3.6.1, only the tuple that was taken begins beyond the old numbers", () => {
  const { reuse } = reuseWith();
  assertEquals(reuse.take(TUPLE, TUPLE.hash, 10), 50_000 + 65_537);
  assertEquals(reuse.take(OTHER, OTHER.hash, 10), ISS);
  assertEquals(reuse.nextIss(OTHER, 10), ISS);
});

Deno.test("tuple reuse: RFC 9293 §3.6.1, after a SYN reopened a tuple others have their own numbers", () => {
  const run = (isReopened: boolean) => {
    const t = new ScriptRun("bare");
    t.run("EST\nshutdown\n+0 > F. 1:1(0) ack 1\n+0 < F. 1:1(0) ack 2\n+0 > . 2:2(0) ack 2");
    if (isReopened) {
      t.inject("S 1000:1000(0) win 65535 <mss 1460>");
      t.discard();
      t.inject("R 1001:1001(0)");
      t.discard();
    }
    return Array.from({ length: 10 }, (_, i) => {
      t.run(`peer p${i} 10.0.0.2:${41_000 + i}\n+0 <p${i} S 0:0(0) win 65535 <mss 1460>`);
      t.discard();
      return t.flows.named(`p${i}`)!.productIsn;
    });
  };
  assertEquals(run(true), run(false));
});

Deno.test("tuple reuse: TW-13, only timestamps are remembered of a host, and only while it is asked for", () => {
  const stale = (tsVal: number, hasTimestamps = true) =>
    Object.assign(segmentOf(OTHER), { hasTimestamps, tsVal });
  const known = reuseWith({ tcp_tw_recycle: 1 }, { tsOk: true, tsRecent: 500 });
  assertEquals(known.reuse.isFromStaleHost(stale(498), 10), true);
  assertEquals(known.reuse.isFromStaleHost(stale(499), 10), false);
  assertEquals(known.reuse.isFromStaleHost(stale(498, false), 10), false);
  Object.assign(known.tcp.tunables, { tcp_tw_recycle: 0 });
  assertEquals(known.reuse.isFromStaleHost(stale(498), 10), false);
  const without = reuseWith({ tcp_tw_recycle: 1 });
  assertEquals(without.reuse.isFromStaleHost(stale(-5), 10), false);
  const off = reuseWith({ tcp_tw_recycle: 0 }, { tsOk: true, tsRecent: 500 });
  Object.assign(off.tcp.tunables, { tcp_tw_recycle: 1 });
  assertEquals(off.reuse.isFromStaleHost(stale(498), 10), false);
});

/** Ends in TIME-WAIT; the peer's timestamps, if it has any, are around `tsVal`. */
function timeWait(tsVal: number | null): ScriptRun {
  const t = new ScriptRun("bare");
  const options = tsVal === null ? "" : `<nop,nop,TS val ${tsVal} ecr *>`;
  t.run(`
    +0 < S 0:0(0) win 65535 ${tsVal === null ? "<mss 1460>" : `<nop,nop,TS val ${tsVal} ecr 0>`}
    +0 > S. 0:0(0) ack 1 <...>
    +0 < . 1:1(0) ack 1 ${options}
    accept
    shutdown
    +0 > F. 1:1(0) ack 1 <...>
    +0 < F. 1:1(0) ack 2 ${options}
    +0 > . 2:2(0) ack 2 <...>
    state TIME_WAIT
  `);
  t.growth("TWRecycled");
  return t;
}

Deno.test("tuple reuse: RFC 6191 §2, a SYN alone reopens, no ACK, SYN-ACK or SYN with FIN", () => {
  const reopened = (segment: string) => {
    const t = timeWait(null);
    t.inject(segment);
    t.discard();
    return t.growth("TWRecycled");
  };
  assertEquals(reopened("S 1000:1000(0) win 65535 <mss 1460>"), 1);
  assertEquals(reopened(". 1000:1000(0) ack 2"), 0);
  assertEquals(reopened("S. 1000:1000(0) ack 2 win 65535 <mss 1460>"), 0);
  assertEquals(reopened("SF 1000:1000(0) win 65535 <mss 1460>"), 0);
});

Deno.test("tuple reuse: RFC 6191 §2, a SYN without timestamps is newer by its number alone", () => {
  for (const tsVal of [1000, 4_000_000_000]) {
    for (const [seq, reopened] of [[1000, 1], [1, 0]]) {
      const t = timeWait(tsVal);
      t.run(`
        peer b 10.0.0.2:41000
        +0 <b S 0:0(0) win 65535 <nop,nop,TS val ${tsVal === 1000 ? 5 : 5000} ecr 0>
      `);
      t.discard();
      t.inject(`S ${seq}:${seq}(0) win 65535 <mss 1460>`);
      t.discard();
      assertEquals(t.growth("TWRecycled"), reopened, `${tsVal}, ${seq}`);
    }
  }
});

Deno.test("tuple reuse: RFC 1337, a reset in TIME-WAIT is counted there, and not as one to nobody", () => {
  const t = timeWait(null);
  t.inject("R 5:5(0)");
  assertEquals([t.growth("TCPTimeWaitRst"), t.growth("TCPRstNoConnection")], [1, 0]);
});
