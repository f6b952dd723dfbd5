import { assertEquals } from "@std/assert";
import { PeerClocks } from "../../lib/tcp/peer_clocks.ts";
import { randomWords } from "../support/random.ts";

const PEER = { remote0: 0, remote1: 0, remote2: 0xffff, remote3: 0x0a000002 };

Deno.test("peer clocks: only a timestamp lower by more than 1 is stale, for 60 s", () => {
  for (const tsVal of [1000, -1000, 0x7fffffff | 0, -0x80000000]) {
    const clocks = new PeerClocks();
    clocks.note(PEER, tsVal, 0x7fffff00);
    const isStale = (difference: number, later: number) =>
      clocks.isStale(PEER, (tsVal + difference) | 0, 0x7fffff00 + later);
    assertEquals([-2, -1, 0, 1].map((d) => isStale(d, 59_999)), [true, false, false, false]);
    assertEquals(isStale(-2, 60_000), false);
  }
});

Deno.test("peer clocks: who was not noted, or was pushed out, is not stale", () => {
  const clocks = new PeerClocks();
  assertEquals(clocks.isStale(PEER, -100, 0), false);
  const random = randomWords(1);
  const peers = Array.from({ length: 20_000 }, () => ({ ...PEER, remote3: random() | 0 }));
  for (const peer of peers) {
    clocks.note(peer, 1000, 0);
    assertEquals(clocks.isStale(peer, 998, 0), true);
    for (const word of ["remote0", "remote1", "remote2", "remote3"] as const) {
      assertEquals(clocks.isStale({ ...peer, [word]: peer[word] ^ 1 }, 998, 0), false);
    }
  }
  const left = peers.filter((peer) => clocks.isStale(peer, 998, 0)).length;
  assertEquals(left > 3000 && left <= 4096, true);
});

Deno.test("peer clocks: all words of an address are kept, and when it was noted", () => {
  const clocks = new PeerClocks();
  const peer = { remote0: 5, remote1: 6, remote2: 7, remote3: 8 };
  clocks.note(peer, 1000, 70_000);
  assertEquals(clocks.isStale(peer, 998, 129_999), true);
  assertEquals(clocks.isStale(peer, 998, 130_000), false);
});
