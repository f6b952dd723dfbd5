/** Path MTU: what is believed, and what becomes of a connection's segments. RFC 1191, RFC 8201. */

import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import type { Tuple } from "../../lib/tcp/connection_table.ts";
import {
  followPath,
  hearOfPath,
  learnPathMtu,
  segmentSizeIn,
  tooBigArrives,
} from "../../lib/tcp/path_mtu.ts";
import { PathMtus, PathSource } from "../../lib/tcp/path_mtus.ts";
import { Scoreboard } from "../../lib/tcp/scoreboard.ts";
import type { Tcp } from "../../lib/tcp/tcp.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { tupleOf } from "./support.ts";

const NOW = 1000.5;
const IPV4 = tupleOf(2, 40_000, 0);
const IPV6: Tuple = { ...IPV4, remote0: 0xfd00 << 16, remote2: 0 };

/** All that matters of a Tcp here. */
function tcpWith(mtu: number, tunables = {}): Tcp {
  return {
    pathMtus: new PathMtus(),
    tunables: { ...DEFAULT_TUNABLES, ...tunables },
    mtu,
    maxSegmentSize: (t: Tuple) => segmentSizeIn(mtu, t),
    ready: (c: Connection) => c.isReady = true,
  } as unknown as Tcp;
}

/** Whether each of `told` is news to `tcp`, and which MTU counts then. */
function learned(tcp: Tcp, t: Tuple, told: readonly number[]): [boolean, number][] {
  return told.map((mtu) => {
    const { news } = tcp.pathMtus;
    learnPathMtu(tcp, t, mtu, NOW);
    const slot = tcp.pathMtus.find(t, NOW);
    return [tcp.pathMtus.news !== news, slot >= 0 ? tcp.pathMtus.mtu(slot) : tcp.mtu];
  });
}

Deno.test("path MTU: RFC 1191 §7, routers that do not tell theirs are taken down all plateaus", () => {
  const expected = [32000, 17914, 8166, 4352, 2002, 1492, 1006].map((mtu) => [true, mtu]);
  assertEquals(learned(tcpWith(65_535), IPV4, Array(9).fill(0)), [
    ...expected as [boolean, number][],
    [true, 552], // in pieces from here on
    [false, 552],
  ]);
  const tcp = tcpWith(65_535, { min_pmtu: 68 });
  assertEquals(learned(tcp, IPV4, Array(11).fill(0)).slice(7), [
    [true, 508],
    [true, 296],
    [true, 68],
    [true, 68],
  ]);
});

Deno.test("path MTU: only what is less than known is news, and it is told in whole", () => {
  assertEquals(learned(tcpWith(1500), IPV4, [1501, 1500, 1499, 1499, 1000, 1400]), [
    ...[[false, 1500], [false, 1500], [true, 1499], [false, 1499], [true, 1000], [false, 1000]],
  ] as [boolean, number][]);
});

Deno.test("path MTU: MTU-02, below min_pmtu packets may be cut into pieces, at it they may not", () => {
  const believed = (told: number) => {
    const tcp = tcpWith(1500);
    learnPathMtu(tcp, IPV4, told, NOW);
    const slot = tcp.pathMtus.find(IPV4, NOW);
    return [tcp.pathMtus.mtu(slot), tcp.pathMtus.source(slot)];
  };
  assertEquals([552, 551].map(believed), [
    [552, PathSource.Router],
    [552, PathSource.NarrowRouter],
  ]);
});

Deno.test("path MTU: who is known at min_pmtu is news again when it is narrower still, once", () => {
  assertEquals(learned(tcpWith(1500), IPV4, [552, 552, 551, 500, 1000]), [
    ...[[true, 552], [false, 552], [true, 552], [false, 552], [false, 552]],
  ] as [boolean, number][]);
});

Deno.test("path MTU: RFC 8201 §4, IPv6 goes down to 1280 and is never cut", () => {
  assertEquals(learned(tcpWith(1500), IPV6, [0, 1279, 1280, 1279]), [
    ...[[false, 1500], [false, 1500], [true, 1280], [false, 1280]],
  ] as [boolean, number][]);
});

Deno.test("path MTU: without discovery nothing is news", () => {
  const tcp = tcpWith(1500, { ip_no_pmtu_disc: 1 });
  assertEquals(learned(tcp, IPV4, [1400]), [[false, 1500]]);
});

Deno.test("path MTU: it is known for mtu_expires seconds", () => {
  const tcp = tcpWith(1500, { mtu_expires: 7 });
  learnPathMtu(tcp, IPV4, 1400, NOW);
  assertEquals(tcp.pathMtus.expiresAt(tcp.pathMtus.find(IPV4, NOW)), 8000);
});

/** A connection to `t` with two segments of `size` bytes in flight. */
function connectionTo(t: Tuple, tcp: Tcp, size = 1460): Connection {
  const scoreboard = new Scoreboard();
  scoreboard.sent(0, 2 * size, size, 0);
  return {
    ...t,
    ...{ peerMss: size, mss: size, tsOk: false, pathExpiresAt: 0, mtuSearch: null, scoreboard },
    ...{ tcp, isReady: false },
  } as unknown as Connection;
}

/** What sending goes by, and what will be sent again. */
function stateOf(c: Connection) {
  return { mss: c.mss, lost: c.scoreboard?.lostBytes ?? 0, isReady: c.isReady };
}

Deno.test("path MTU: RFC 1191 §6.3, what was told of a path holds for its segments until it expires", () => {
  const tcp = tcpWith(1500);
  learnPathMtu(tcp, IPV4, 1400, NOW);
  const c = connectionTo(IPV4, tcp);
  followPath(c, NOW);
  assertEquals([c.mss, c.isPathNarrow, c.pathExpiresAt], [1360, true, 601_000]);
  followPath(c, 601_000);
  assertEquals([c.mss, c.isPathNarrow], [1460, false]);
});

Deno.test("path MTU: RFC 1191 §6.4, segments that are too large now are lost, if any are in flight", () => {
  const flight = connectionTo(IPV4, tcpWith(1500));
  tooBigArrives(flight, 1400, NOW);
  assertEquals(stateOf(flight), { mss: 1360, lost: 2920, isReady: true });
  const idle = connectionTo(IPV4, tcpWith(1500));
  idle.scoreboard = null;
  tooBigArrives(idle, 1400, NOW);
  assertEquals(stateOf(idle), { mss: 1360, lost: 0, isReady: false });
});

Deno.test("path MTU: RFC 1191 §6.2, who is told what others were told has lost its large segments, too", () => {
  const tcp = tcpWith(1500);
  tooBigArrives(connectionTo(IPV4, tcp), 1400, NOW);
  const c = connectionTo(IPV4, tcp);
  tooBigArrives(c, 1400, NOW);
  assertEquals(stateOf(c), { mss: 1360, lost: 2920, isReady: true });
});

Deno.test("path MTU: RFC 1191 §6.2, who is about to send hears what others were told, and loses nothing", () => {
  const tcp = tcpWith(1500);
  const c = connectionTo(IPV4, tcp);
  followPath(c, NOW);
  tooBigArrives(connectionTo(IPV4, tcp), 1400, NOW);
  hearOfPath(c, NOW);
  assertEquals(stateOf(c), { mss: 1360, lost: 0, isReady: false });
  assertEquals([c.isPathNarrow, c.pathExpiresAt], [true, 601_000]);
});

Deno.test("path MTU: as long as there is no news nobody asks", () => {
  const tcp = tcpWith(1500);
  learnPathMtu(tcp, IPV4, 1400, NOW);
  const c = connectionTo(IPV4, tcp);
  followPath(c, NOW);
  c.mss = 1000;
  hearOfPath(c, NOW);
  learnPathMtu(tcp, IPV4, 1400, NOW);
  hearOfPath(c, NOW);
  assertEquals(c.mss, 1000);
  learnPathMtu(tcp, IPV4, 1399, NOW);
  hearOfPath(c, NOW);
  assertEquals(c.mss, 1359);
});

Deno.test("path MTU: news of another path lets no segments grow", () => {
  const tcp = tcpWith(1500);
  const c = connectionTo(IPV4, tcp);
  learnPathMtu(tcp, IPV4, 1400, NOW);
  followPath(c, NOW);
  tcp.pathMtus.learn(IPV4, 1300, PathSource.Search, 600, NOW); // and what was told is forgotten
  learnPathMtu(tcp, IPV6, 1400, NOW);
  hearOfPath(c, NOW);
  assertEquals([c.mss, c.isPathNarrow], [1360, true]);
});

Deno.test("path MTU: segments that were small enough before stay in flight", () => {
  const c = connectionTo(IPV4, tcpWith(1500), 1000);
  tooBigArrives(c, 1400, NOW);
  assertEquals([c.mss, c.isPathNarrow, c.scoreboard!.lostBytes], [1000, true, 0]);
  tooBigArrives(c, 1040, NOW);
  assertEquals(c.scoreboard!.lostBytes, 0);
  tooBigArrives(c, 1039, NOW);
  assertEquals(stateOf(c), { mss: 999, lost: 2000, isReady: true });
});

Deno.test("path MTU: RFC 6691, a segment too large by its timestamps is lost", () => {
  const lost = [1348, 1349].map((size) => {
    const c = connectionTo(IPV4, tcpWith(1500), size);
    c.tsOk = true;
    tooBigArrives(c, 1400, NOW);
    return c.scoreboard!.lostBytes;
  });
  assertEquals(lost, [0, 2698]);
});

Deno.test("path MTU: of a path that no router calls narrow nothing is lost", () => {
  const c = connectionTo(IPV4, tcpWith(1500));
  c.mss = 1360; // it was narrow once
  tooBigArrives(c, 1500, NOW);
  assertEquals(stateOf(c), { mss: 1360, lost: 0, isReady: false });
});

Deno.test("path MTU: a search's probe that fits the path stays in flight", () => {
  const tcp = tcpWith(1500);
  learnPathMtu(tcp, IPV4, 1400, NOW);
  const c = connectionTo(IPV4, tcp, 1360);
  c.mtuSearch = { isOver: false, size: 1000, limit() {} } as unknown as Connection["mtuSearch"];
  tooBigArrives(c, 1500, NOW);
  assertEquals([c.mss, c.scoreboard!.lostBytes], [1000, 0]);
});

Deno.test("path MTU: a search that is over, or whose packets may be cut, is one no more", () => {
  const cases = [
    { isOver: false, disc: 0, searches: true, mss: 1000 },
    { isOver: true, disc: 0, searches: false, mss: 1000 },
    { isOver: false, disc: 1, searches: false, mss: 1460 },
  ];
  for (const { isOver, disc, searches, mss } of cases) {
    const c = connectionTo(IPV4, tcpWith(1500, { ip_no_pmtu_disc: disc }));
    c.mtuSearch = { isOver, size: 1000, limit() {} } as unknown as Connection["mtuSearch"];
    followPath(c, NOW);
    assertEquals([c.mtuSearch !== null, c.mss], [searches, mss]);
  }
});
