import { assertEquals } from "@std/assert";
import { importsOf, lineAt, readSource } from "./source_text.ts";

Deno.test("source text: code, comments and strings are told apart", () => {
  const { code, comments } = readSource(
    'a(); // b "c"\nd("/* e */", /[/"]/); /* f */ g(h / i / "j");',
  );
  assertEquals(code.replace(/ +/g, " "), "a(); \nd( , ); g(h / i / );");
  assertEquals(comments.replace(/ +/g, " "), ' // b "c"\n /* f */ ');
});

Deno.test("source text: code inside a template is code", () => {
  const { code } = readSource("`a ${b + `c ${d} e` + `\\`${{ f: 1 }.f}`} g` + h // `");
  assertEquals(code, "`  ${b + `  ${d}  ` + `  ${{ f: 1 }.f}`}  ` + h     ");
});

Deno.test("source text: positions stay true", () => {
  const text = "/**\n * a\n */\n\nconst b = `\n\n`;\nDeno;\n";
  const { code, comments } = readSource(text);
  assertEquals([code.length, comments.length], [text.length, text.length]);
  assertEquals(lineAt(code, code.indexOf("Deno")), 8);
});

Deno.test("source text: imports of all kinds are found, with whether they are types", () => {
  const text = [
    'import a, { b as c } from "./1.ts";',
    'import type { D } from "./2.ts";',
    'import {\n  type E,\n  type F,\n} from "./3.ts";',
    'import { type G, h } from "./4.ts";',
    'export * from "./5.ts";',
    'import "./6.ts";',
    'const i = await import("./7.ts");',
    '// import { j } from "./no.ts";',
    'const k = `\nimport { l } from "./no.ts";`;',
    'export const m = from("./no.ts");',
  ].join("\n");
  assertEquals(
    importsOf(readSource(text)).map(({ specifier, isType }) => specifier + (isType ? " type" : "")),
    ["./1.ts", "./2.ts type", "./3.ts type", "./4.ts", "./5.ts", "./6.ts", "./7.ts"],
  );
});
