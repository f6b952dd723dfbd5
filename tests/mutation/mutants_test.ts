import { assertEquals } from "@std/assert";
import { mutantsOf, withMutant } from "./mutants.ts";

function changes(text: string): string[] {
  return mutantsOf("x.ts", text).map(({ before, after }) => `${before} -> ${after}`);
}

Deno.test("mutants: comparisons are moved and turned round, types and arrows are left", () => {
  assertEquals(changes("const f = (a: Map<string, number>) => a.size < b;"), [
    "< -> <=",
    "< -> >=",
  ]);
  assertEquals(changes("x = a === b &&\n  c;"), ["=== -> !==", "&& -> ||"]);
});

Deno.test("mutants: calls that compare or choose become others", () => {
  assertEquals(changes("x = seqLt(a, b) ? Math.min(a, b) : seqMax(c, d);"), [
    "seqLt -> seqLeq",
    "seqLt -> seqGeq",
    "Math.min -> Math.max",
    "seqMax -> seqMin",
  ]);
  assertEquals(changes("import { seqGt } from 'x';\nMath.minute(seqGtOf(a));"), []);
});

Deno.test("mutants: constants change, word casts and what stands in text or comments do not", () => {
  assertEquals(changes("x = (y + 1_000) | 0; // 5 < 6\nlog(`7 ${8}`, '9', true);"), [
    "1_000 -> 1001",
    "8 -> 9",
    "true -> false",
  ]);
  assertEquals(changes("x = 0xff + 0.75;"), ["0xff -> 256", "0.75 -> 1.5"]);
});

Deno.test("mutants: a condition that guards a return becomes false, another does not", () => {
  assertEquals(changes("if (f(a)) return b;\nif (g) h();\nif (i) {\n  return;\n}"), [
    "f(a) -> false",
    "i -> false",
  ]);
});

Deno.test("mutants: declarations are left, positions are told and only the place changes", () => {
  const text = "interface A {\n  readonly a: 0 | 1;\n}\nx = y < z;\n";
  const [mutant] = mutantsOf("x.ts", text);
  assertEquals([mutant.line, mutant.lineText], [4, "x = y < z;"]);
  assertEquals(withMutant(text, mutant), text.replace("y < z", "y <= z"));
});

Deno.test("mutants: what is called instead is imported, once", () => {
  const text = 'import { seqLeq, seqLt } from "../wire/seq.ts";\nx = seqLt(y, z);\n';
  const faults = mutantsOf("x.ts", text).map((mutant) => withMutant(text, mutant));
  assertEquals(faults, [
    'import { seqLeq, seqLt } from "../wire/seq.ts";\nx = seqLeq(y, z);\n',
    'import { seqGeq, seqLeq, seqLt } from "../wire/seq.ts";\nx = seqGeq(y, z);\n',
  ]);
});
