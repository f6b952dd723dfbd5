import { assert, assertEquals, assertThrows } from "@std/assert";
import { ROUTE_SETTINGS } from "../../lib/proxy/route.ts";
import { TUNABLES } from "../../lib/tcp/tunables.ts";
import { markdownTable } from "./markdown.ts";
import { routeTable, tunableTables } from "./readme.ts";

/** A tunables.ts with a comment for each of these. */
function sourceWith(names: readonly string[]): string {
  const rows = names.map((name) =>
    `  /** Half of ${name},\n   * and | the rest. */\n  ${name}: [1],`
  );
  return [
    "const DEFINITIONS = {",
    "  // All",
    ...rows,
    "} as const;",
    "/** The key. */",
    "export const FAST_OPEN_KEY_OTHER = 1;",
    "/** The keys. */",
    "export const FAST_OPEN_KEY = 1;",
  ].join("\n");
}

Deno.test("readme: every tunable has a row, with its numbers and what its comment says", () => {
  const names = TUNABLES.map((spec) => spec.name);
  const lines = tunableTables(sourceWith(names)).split("\n");
  assertEquals(lines.slice(0, 2), ["#### All", ""]);
  assertEquals(lines.length, names.length + 5, "heading, head, rule and the key besides");
  const cells = lines.find((line) => line.includes("`tcp_msl`"))!.split(/ +\| +|^\| | +\|$/);
  assertEquals(cells.slice(1, -1), [
    "`tcp_msl`",
    "60",
    "1 to 120 seconds",
    "Half of tcp_msl, and \\| the rest.",
  ]);
  assert(
    lines.some((line) => /^\| `tcp_fastopen_key` +\| random +\|.* The keys\. +\|$/.test(line)),
  );
});

Deno.test("readme: a tunable without a comment is an error, and so is a comment without one", () => {
  const names: string[] = TUNABLES.map((spec) => spec.name);
  assertThrows(() => tunableTables(sourceWith(names.slice(0, -1))), Error, names.at(-1));
  assertThrows(() => tunableTables(sourceWith([...names, "tcp_magic"])), Error, "tcp_magic");
});

Deno.test("readme: every setting of a route has a row", () => {
  const lines = routeTable().split("\n");
  assertEquals(lines.length, ROUTE_SETTINGS.length + 2);
  for (const { name } of ROUTE_SETTINGS) {
    assert(lines.some((line) => line.startsWith(`| \`${name}`)), name);
  }
});

Deno.test("markdown: a table's columns have one width, figures stand to the right", () => {
  assertEquals(markdownTable([["a", "Count"], ["long", "7"]], [1]).split("\n"), [
    "| a    | Count |",
    "| ---- | ----: |",
    "| long |     7 |",
  ]);
});
