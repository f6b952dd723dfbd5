/**
 * Reads TypeScript just well enough to tell code, comments and strings apart.
 * Text is replaced by blanks, line ends stay, so that positions stay true.
 */

/** One file's text, and the parts of it. All three have the same length. */
export interface SourceText {
  readonly text: string;
  /** Without comments and without what stands in strings, templates and regular expressions. */
  readonly code: string;
  /** Only the comments, their marks included. */
  readonly comments: string;
}

/** Before a `/` that divides stands a value; before one that begins a regular expression, one of these. */
const BEFORE_REGEXP = /(?:^|[(,=:[!&|?{};+\-*%~^<>\n]|\b(?:return|typeof|case|in|of))\s*$/;

const STRING = /^(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')/s;
const COMMENT = /^(?:\/\/[^\n]*|\/\*.*?\*\/)/s;
const REGEXP = /^\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/;

/** Takes `text` apart. */
export function readSource(text: string): SourceText {
  let code = "";
  let comments = "";
  const braces: boolean[] = []; // open braces; true: of a template's ${
  let at = 0;

  const keep = (length: number) => {
    const part = text.slice(at, at + length);
    code += part;
    comments += blank(part);
    at += length;
  };
  const skip = (part: string, isComment: boolean) => {
    code += blank(part);
    comments += isComment ? part : blank(part);
    at += part.length;
  };
  const skipTemplate = () => {
    const part = /^(?:[^`\\$]|\\.|\$(?!\{))*/s.exec(text.slice(at))?.[0] ?? "";
    skip(part, false);
    const isEnd = text[at] !== "$";
    if (!isEnd) braces.push(true);
    keep(isEnd ? 1 : 2);
  };

  while (at < text.length) {
    const rest = text.slice(at, at + 20_000);
    const comment = COMMENT.exec(rest)?.[0];
    const string = comment === undefined ? STRING.exec(rest)?.[0] : undefined;
    const isRegexp = text[at] === "/" && comment === undefined &&
      BEFORE_REGEXP.test(code.slice(-80));
    const literal = string ?? (isRegexp ? REGEXP.exec(rest)?.[0] : undefined);
    if (comment !== undefined) {
      skip(comment, true);
    } else if (literal !== undefined) {
      skip(literal, false);
    } else if (text[at] === "`") {
      keep(1);
      skipTemplate();
    } else if (text[at] === "}" && braces.pop()) {
      keep(1);
      skipTemplate();
    } else {
      if (text[at] === "{") braces.push(false);
      keep(1);
    }
  }
  return { text, code, comments };
}

/** A module named by an import or a re-export. */
export interface Import {
  readonly specifier: string;
  /** Only types: gone when the program runs. */
  readonly isType: boolean;
}

const STATEMENT =
  /^\s*(?:import|export)\s+(type\s)?([^;"'()=]*?)\bfrom\s*["']|^\s*import\s*["']|\bimport\(\s*["']/gm;

/** All modules that `source` names, in order. */
export function importsOf(source: SourceText): Import[] {
  const imports: Import[] = [];
  for (const match of source.text.matchAll(STATEMENT)) {
    // Not what stands in a comment or a string.
    const keyword = match.index + match[0].search(/import|export/);
    if (source.code[keyword] !== source.text[keyword]) continue;
    const start = match.index + match[0].length;
    const specifier = source.text.slice(start).match(/^[^"']*/)![0];
    const isType = match[1] !== undefined || /^\{(?:\s*type\s[^,}]*,?)+\s*\}/.test(match[2] ?? "");
    imports.push({ specifier, isType });
  }
  return imports;
}

/** The 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}
