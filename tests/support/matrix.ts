/**
 * The state transition matrices of the catalogue (§3), as a program reads them:
 * each cell is a list of clauses, which say when, what is done, and which state
 * follows.
 */

/** The eleven states as the catalogue writes them. */
export const MATRIX_STATES = [
  "CLOSED",
  "LISTEN",
  "SYN_SENT",
  "SYN_RCVD",
  "ESTABLISHED",
  "FIN_WAIT_1",
  "FIN_WAIT_2",
  "CLOSE_WAIT",
  "CLOSING",
  "LAST_ACK",
  "TIME_WAIT",
] as const;

/** One of them. */
export type MatrixState = (typeof MATRIX_STATES)[number];

/** One thing that a cell says. */
export interface Clause {
  /** The case it is about; "" when the cell knows only one. */
  readonly when: string;
  /** What is done, one of `ACTIONS` or the id of a row; "": nothing is sent or returned. */
  readonly action: string;
  /** The state that follows; null: it stays. */
  readonly to: MatrixState | null;
  /** The error that is reported; "": none. */
  readonly error: string;
}

/** One cell of a matrix. */
export interface Cell {
  readonly state: MatrixState;
  readonly column: string;
  /** As it stands in the catalogue. */
  readonly text: string;
  /** Empty for a cell that says – : it cannot come to that. */
  readonly clauses: readonly Clause[];
}

/** What a clause may say that is done. */
const ACTIONS: ReadonlySet<string> = new Set([
  "ACK, not delivered",
  "ACK, restart 2MSL",
  "ACK, drop",
  "deliver, ACK",
  "RST SEQ=SEG.ACK",
  "RST,ACK",
  "SYN-ACK again",
  "SYN-ACK",
  "ACK",
  "RST",
  "accept",
  "as SYN",
  "chal",
  "data, FIN",
  "deliver",
  "drop SYN queue",
  "drop",
  "err",
  "FIN resend",
  "FIN",
  "ignore",
  "keep-alive",
  "LISTEN never times out",
  "may send",
  "no segment",
  "none",
  "ok, no second FIN",
  "ok",
  "queue",
  "refuse",
  "RTO resend",
  "same",
  "send SYN, queue data",
  "send SYN",
  "send",
  "SYN retransmit",
  "SYN-ACK retransmit",
  "update",
]);

const ROW_ID = /^[A-Z]+(?:-[SC])?-\d\d(?:\/\d\d)*$/;

/** The cells of the table under the heading `### Matrix <name>`. Throws when there is none, or a state is missing. */
export function parseMatrix(catalogue: string, name: string): Cell[] {
  const [, section] = catalogue.split(`\n### Matrix ${name} `);
  if (section === undefined) throw new Error(`The catalogue has no matrix ${name}`);
  const table = section.split("\n").filter((line) => line.startsWith("|"));
  const end = table.findIndex((line) => line.startsWith("| id "));
  const [head, , ...rows] = (end < 0 ? table : table.slice(0, end)).map(cellsOf);
  const states = rows.slice(0, MATRIX_STATES.length).map(([state]) => state);
  if (states.join() !== MATRIX_STATES.join()) throw new Error(`The states are ${states.join()}`);
  return rows.slice(0, MATRIX_STATES.length).flatMap(([state, ...texts]) => {
    if (texts.length !== head.length - 1) throw new Error(`The row of ${state} is too short`);
    return texts.map((text, i) => {
      const cell = { state: state as MatrixState, column: head[i + 1], text };
      return { ...cell, clauses: text === "–" ? [] : parseCell(text) };
    });
  });
}

/** The clauses of a cell's text. Throws on one that nobody understands. */
export function parseCell(text: string): Clause[] {
  // What stands in parentheses refers to rows, but for a case of its own.
  const asides = [...text.matchAll(/\(([a-zA-Z ]+: [^()]*)\)/g)].map(([, aside]) => aside);
  const errors = [...text.matchAll(/\((E[A-Z]+)\)/g)].map(([, error]) => `, ${error}`);
  const bare = text.replace(
    /\s*\([^()]*\)/g,
    (ref) => errors.length && /E[A-Z]{4}/.test(ref) ? errors[0] : "",
  );
  const parts = bare.replace(/ or (?=refuse\b|[A-Z]+-\d)/, "; or: ").split(/;\s*|,\s*(?=active\b)/);
  return [...parts, ...asides.map((aside) => aside.replace(/, [A-Z]+(-S)?-\d\d$/, ""))]
    .map((part) => parseClause(part.trim()));
}

/** The transitions that the cells allow, as `FROM>TO`. */
export function edgesOf(cells: readonly Cell[]): Set<string> {
  const edges = cells.flatMap(({ state, clauses }) =>
    clauses.filter((clause) => clause.to !== null).map((clause) => `${state}>${clause.to}`)
  );
  return new Set(edges);
}

function parseClause(text: string): Clause {
  const [left, right = ""] = text.split(/\s*→\s*/);
  const [to, ...rest] = right.split(/,\s*/);
  if (to !== "" && !MATRIX_STATES.includes(to as MatrixState)) {
    throw new Error(`There is no state ${to}: ${text}`);
  }
  const tail = [...left.matchAll(/, (E[A-Z]+)$/g), ...rest.map((word) => ["", word])]
    .map(([, word]) => word);
  const error = tail.find((word) => /^E[A-Z]+$/.test(word)) ?? "";
  const remarks = tail.filter((word) => word !== error);
  const said = left.replace(/, E[A-Z]+$/, "").replace(/,?\s*=$/, "").replace(/:?\s*$/, "");
  const { when, action } = partsOf(said);
  return {
    when: [when, ...remarks].filter((word) => word !== "").join(", "),
    action,
    to: to === "" ? null : to as MatrixState,
    error,
  };
}

/** Splits `case: action`; either may stand alone. What is no action is a case. */
function partsOf(said: string): Pick<Clause, "when" | "action"> {
  const [, before = "", rest] = /^(.*: |else |otherwise )?(.*)$/.exec(said)!;
  const when = before.replace(/:? $/, "");
  const isAction = ACTIONS.has(rest) || ROW_ID.test(rest);
  return isAction ? { when, action: rest } : { when: said, action: "" };
}

function cellsOf(line: string): string[] {
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}
