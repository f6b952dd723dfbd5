import { assertEquals } from "@std/assert";
import { PathMtus, PathSource } from "../../lib/tcp/path_mtus.ts";

const HERE = { remote0: 0, remote1: 0, remote2: 0xffff, remote3: 0x0a000002 };
const THERE = { ...HERE, remote3: 0x0a000003 };
const WRAP = 0x7fffffff;

function toldOf(mtus: PathMtus, now: number): [number, PathSource, number] | null {
  const at = mtus.find(HERE, now | 0);
  return at < 0 ? null : [mtus.mtu(at), mtus.source(at), mtus.expiresAt(at)];
}

Deno.test("path mtus: what was told counts until it expires, across the clock's wrap", () => {
  for (const expiresAt of [1000, 1, 0, -5, (WRAP + 300) | 0]) {
    const mtus = new PathMtus();
    assertEquals(toldOf(mtus, expiresAt - 600), null);
    assertEquals(mtus.learn(HERE, 1400, PathSource.Router, 7, expiresAt - 7000), expiresAt);
    assertEquals(toldOf(mtus, expiresAt - 600), [1400, PathSource.Router, expiresAt]);
    assertEquals(mtus.find(THERE, expiresAt - 600), -1);
    assertEquals(toldOf(mtus, expiresAt - 1), [1400, PathSource.Router, expiresAt]);
    assertEquals(toldOf(mtus, expiresAt), null);
    assertEquals(toldOf(mtus, expiresAt - 1), null, "it came back");
  }
});

Deno.test("path mtus: the newest word counts", () => {
  const mtus = new PathMtus();
  mtus.learn(HERE, 1400, PathSource.Search, 1, 0);
  mtus.learn(HERE, 552, PathSource.NarrowRouter, 2, 0.5);
  assertEquals(toldOf(mtus, 1500), [552, PathSource.NarrowRouter, 2000]);
  mtus.learn(HERE, 1300, PathSource.Router, 3, 0);
  assertEquals(toldOf(mtus, 1500), [1300, PathSource.Router, 3000]);
});

Deno.test("path mtus: what a router tells is news, what a search found is not", () => {
  const mtus = new PathMtus();
  const tell = (source: PathSource) => {
    mtus.learn(HERE, 1400, source, 1, 0);
    return [mtus.news, mtus.findTold(HERE, 0) === mtus.find(HERE, 0)];
  };
  assertEquals(mtus.news, 0);
  assertEquals(tell(PathSource.Router), [1, true]);
  assertEquals(tell(PathSource.NarrowRouter), [2, true]);
  assertEquals(tell(PathSource.Search), [2, false]);
  assertEquals(mtus.findTold(THERE, 0), -1);
});
