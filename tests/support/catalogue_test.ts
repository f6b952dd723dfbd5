import { assertEquals, assertThrows } from "@std/assert";
import { idsIn, idsOf, judge, parseCatalogue, totalsTable } from "./catalogue.ts";
import { withSection } from "./markdown.ts";

const CATALOGUE = `
| id | level | seed | requirement | source | test |
|---|---|---|---|---|---|
| HS-01 | MUST | S0 | a | b | c |
| HS-02 | withdrawn | S0 | a | b | c |
| TFO-S-17 | MAY | – | a | b | c |
| MUST-10 | HS-11 | MUST-20 | x |
`;

const ROWS = parseCatalogue(CATALOGUE);
const PASS = { name: "HS-01: it works", passed: true };
const DECLARED = { finishedGroups: ["HS", "TFO-S"], notImplemented: ["TFO-S-17"] };

Deno.test("catalogue: rows are lines with an id and a level", () => {
  assertEquals(ROWS, [
    { id: "HS-01", group: "HS", level: "MUST" },
    { id: "TFO-S-17", group: "TFO-S", level: "MAY" },
  ]);
});

Deno.test("catalogue: a name may begin with several ids", () => {
  assertEquals(idsOf("HS-01: a"), ["HS-01"]);
  assertEquals(idsOf("HDR-01 GV-01: a"), ["HDR-01", "GV-01"]);
  assertEquals(idsOf("KA-02, KA-03: a"), ["KA-02", "KA-03"]);
  assertEquals(idsOf("as HS-01 says: a"), []);
  assertEquals(idsOf("SHA-256: a"), []);
  const source = 'protocolTest("KA-02, TFO-S-03", "x"); test(`HDR-01 ${id}: y`); a("HS-01");';
  assertEquals(idsIn(source), ["KA-02", "TFO-S-03", "HDR-01"]);
  assertEquals(idsIn('for (const id of ["HS-01", "HS-02"]) test(`${id}: a`);'), ["HS-01", "HS-02"]);
});

Deno.test("catalogue: one failing test of many fails its row", () => {
  const status = (...passed: boolean[]) =>
    judge(ROWS, passed.map((passed, i) => ({ name: `HS-01: ${i}`, passed })))[0].status;
  assertEquals([status(), status(true, true), status(true, false)], ["missing", "pass", "fail"]);
});

Deno.test("catalogue: the table stands between its marks", () => {
  const table = totalsTable(judge(ROWS, [PASS]), { ...DECLARED, finishedGroups: ["HS"] });
  assertEquals(table.split("\n"), [
    "| Group | Rows | Proven | Finished |",
    "| ----- | ---: | -----: | -------- |",
    "| HS    |    1 |      1 | yes      |",
    "| TFO-S |    1 |      0 |          |",
    "| All   |    2 |      1 |          |",
  ]);
  const readme = "a\n<!-- conformance -->\nold\n<!-- /conformance -->\nb\n";
  const written = withSection(readme, "conformance", table);
  assertEquals(withSection(written, "conformance", table), written);
  assertEquals(written.includes("old"), false);
  assertThrows(() => withSection("nothing", "conformance", table), Error, "Cannot find");
});
