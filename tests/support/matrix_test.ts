import { assertEquals, assertThrows } from "@std/assert";
import { edgesOf, parseCell, parseMatrix } from "./matrix.ts";

Deno.test("matrix: a cell has clauses with a case, what is done, a state and an error", () => {
  assertEquals(parseCell("with ACK: RST; without: drop ="), [
    { when: "with ACK", action: "RST", to: null, error: "" },
    { when: "without", action: "drop", to: null, error: "" },
  ]);
  assertEquals(parseCell("63 s: passive → LISTEN (gone, SYNQ-04), active → CLOSED, ETIMEDOUT"), [
    { when: "63 s: passive", action: "", to: "LISTEN", error: "" },
    { when: "active", action: "", to: "CLOSED", error: "ETIMEDOUT" },
  ]);
  assertEquals(parseCell("err (EADDRINUSE)"), [
    { when: "", action: "err", to: null, error: "EADDRINUSE" },
  ]);
  assertEquals(parseCell("deliver, ACK = (orphan: RST, CLOSE-18)"), [
    { when: "", action: "deliver, ACK", to: null, error: "" },
    { when: "orphan", action: "RST", to: null, error: "" },
  ]);
  assertEquals(parseCell("→ ESTABLISHED (HS-01) or SYNQ-10/11"), [
    { when: "", action: "", to: "ESTABLISHED", error: "" },
    { when: "or", action: "SYNQ-10/11", to: null, error: "" },
  ]);
});

Deno.test("matrix: a table has eleven states, and every cell of a row", () => {
  const states = [
    "CLOSED LISTEN SYN_SENT SYN_RCVD ESTABLISHED FIN_WAIT_1",
    "FIN_WAIT_2 CLOSE_WAIT CLOSING LAST_ACK TIME_WAIT",
  ].join(" ").split(" ");
  const rows = states.map((state) => `| ${state} | err | – |`);
  const table = (lines: string[]) =>
    ["", "### Matrix Z – test", "", "| state | SEND | CLOSE |", "|---|---|---|", ...lines].join(
      "\n",
    );
  const cells = parseMatrix(table(rows), "Z");
  assertEquals(cells.length, 22);
  assertEquals(cells[21], { state: "TIME_WAIT", column: "CLOSE", text: "–", clauses: [] });
  assertThrows(() => parseMatrix(table(rows.slice(1)), "Z"), Error, "The states are LISTEN");
  assertThrows(() => parseMatrix(table(rows), "Y"), Error, "no matrix Y");
  rows[3] = "| SYN_RCVD | → NOWHERE | – |";
  assertThrows(() => parseMatrix(table(rows), "Z"), Error, "no state NOWHERE");
  rows[3] = "| SYN_RCVD | RST → CLOSED | FIN → FIN_WAIT_1 |";
  assertEquals([...edgesOf(parseMatrix(table(rows), "Z"))], [
    "SYN_RCVD>CLOSED",
    "SYN_RCVD>FIN_WAIT_1",
  ]);
});
