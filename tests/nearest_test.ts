import { assertEquals } from "@std/assert";
import { editDistance, nearest } from "../lib/nearest.ts";

Deno.test("nearest: distance counts insertions, deletions and substitutions", () => {
  assertEquals(editDistance("", ""), 0);
  assertEquals(editDistance("", "abc"), 3);
  assertEquals(editDistance("abc", ""), 3);
  assertEquals(editDistance("kitten", "sitting"), 3);
  assertEquals(editDistance("tcp_mls", "tcp_msl"), 2);
});

Deno.test("nearest: the candidate with the fewest edits, the first of equals", () => {
  assertEquals(nearest("lisen", ["upstream", "listen", "lissen"]), "listen");
  assertEquals(nearest("mtu", ["mtv", "mtu"]), "mtu");
});

Deno.test("nearest: none when too little is alike", () => {
  assertEquals(nearest("frobnicate", ["listen", "upstream"]), null);
  assertEquals(nearest("x", ["mtu", "tap"]), null);
  assertEquals(nearest("mtu", []), null);
});
