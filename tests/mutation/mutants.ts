/**
 * The small faults which `deno task mutate` plants: one comparison, one constant
 * or one early return of a file is changed at a time. It works on the text, as
 * `deno fmt` leaves it: binary operators stand between blanks.
 */

import { lineAt, readSource } from "../support/source_text.ts";

/** One fault: the text that stands at `offset` of the file, and what it becomes. */
export interface Mutant {
  readonly path: string;
  readonly offset: number;
  readonly before: string;
  readonly after: string;
  /** 1-based. */
  readonly line: number;
  /** That line, without the blanks around it. */
  readonly lineText: string;
}

/** What each operator becomes. A relation is moved by one, and turned round. */
const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "&&": ["||"],
  "||": ["&&"],
};

/** The same for those which are calls. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  seqLt: ["seqLeq", "seqGeq"],
  seqLeq: ["seqLt", "seqGt"],
  seqGt: ["seqGeq", "seqLeq"],
  seqGeq: ["seqGt", "seqLt"],
  seqMin: ["seqMax"],
  seqMax: ["seqMin"],
  "Math.min": ["Math.max"],
  "Math.max": ["Math.min"],
};
const CALL = /(?<![\w.$#])(?:seq(?:Lt|Leq|Gt|Geq|Min|Max)|Math\.(?:min|max))(?=\()/g;

/** Where those of sequence numbers come from. */
const SEQ_IMPORT = /import \{([^}]*)\} from "[^"]*\/seq\.ts";/;

const OPERATOR = /(?<= )(?:[<>]=?|[!=]==|&&|\|\|)(?=\s)/g;
const NUMBER = /(?<![\w.$#])(?:0x[\da-f_]+|\d[\d_]*(?:\.\d+)?)(?![\w.])/gi;
/** `x | 0` and `x >>> 0` choose how a word is read; they are no constants of the protocol. */
const WORD_CAST = /(?:\||>>>) $/;
const BOOLEAN = /(?<![\w.$#])(?:true|false)(?![\w$:?])/g;
const IF = /(?<![\w.$#])if \(/g;
const RETURN = /^\s*(?:\{\s*)?return\b/;
/** Lines which declare and do nothing. */
const DECLARATION =
  /^\s*(?:import|export type|export interface|type|interface|readonly \w+\??: [^=]*;$)/;

/** All mutants of a file. `path` is only carried along. */
export function mutantsOf(path: string, text: string): Mutant[] {
  const { code } = readSource(text);
  const lines = text.split("\n");
  const mutants: Mutant[] = [];
  const add = (offset: number, before: string, after: string) => {
    const line = lineAt(text, offset);
    const lineText = lines[line - 1];
    if (DECLARATION.test(lineText)) return;
    mutants.push({ path, offset, before, after, line, lineText: lineText.trim() });
  };
  for (const { 0: operator, index } of code.matchAll(OPERATOR)) {
    for (const other of OPERATORS[operator]) add(index, operator, other);
  }
  for (const { 0: call, index } of code.matchAll(CALL)) {
    for (const other of CALLS[call]) add(index, call, other);
  }
  for (const { 0: number, index } of code.matchAll(NUMBER)) {
    if (!WORD_CAST.test(code.slice(0, index))) add(index, number, `${changed(number)}`);
  }
  for (const { 0: word, index } of code.matchAll(BOOLEAN)) {
    add(index, word, word === "true" ? "false" : "true");
  }
  for (const { 0: keyword, index } of code.matchAll(IF)) {
    const open = index + keyword.length;
    const close = closing(code, open);
    if (!RETURN.test(code.slice(close + 1))) continue;
    add(open, text.slice(open, close), "false");
  }
  return mutants.sort((a, b) => a.offset - b.offset);
}

/** The file with the fault in it, which is no other one: what is called instead is imported. */
export function withMutant(text: string, { offset, before, after }: Mutant): string {
  const mutated = text.slice(0, offset) + after + text.slice(offset + before.length);
  if (!(before in CALLS)) return mutated;
  return mutated.replace(SEQ_IMPORT, (statement, names) => {
    const isImported = names.split(/[\s,]+/).includes(after);
    return isImported || after.includes(".") ? statement : statement.replace("{", `{ ${after},`);
  });
}

/** Another number: the next one, and for a fraction its double. */
function changed(number: string): number {
  const value = Number(number.replaceAll("_", ""));
  return number.includes(".") ? value * 2 : value + 1;
}

/** Where the parenthesis ends that was opened just before `from`. */
function closing(code: string, from: number): number {
  let depth = 1;
  let at = from;
  while (depth > 0) {
    if (code[at] === "(") depth++;
    if (code[at] === ")") depth--;
    at++;
  }
  return at - 1;
}
