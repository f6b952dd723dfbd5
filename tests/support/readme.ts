/**
 * `deno task readme`: writes what README.md says about tunables and routes from
 * the code: names, ranges and defaults from the tables themselves, the tunables'
 * meaning from the JSDoc above each. The tidy test fails while it is not current.
 */

import { ROUTE_SETTINGS, usageOf } from "../../lib/proxy/route.ts";
import {
  allowedValues,
  FAST_OPEN_KEY,
  FAST_OPEN_KEY_FORM,
  TUNABLES,
  valueText,
} from "../../lib/tcp/tunables.ts";
import { markdownTable, withSection } from "./markdown.ts";

const ROOT = new URL("../../", import.meta.url);

/** What is known of one tunable besides its numbers. */
interface TunableText {
  readonly name: string;
  readonly group: string;
  readonly meaning: string;
}

/** README.md as it should be. */
export function currentReadme(): string {
  const source = Deno.readTextFileSync(new URL("lib/tcp/tunables.ts", ROOT));
  const readme = Deno.readTextFileSync(new URL("README.md", ROOT));
  return withSection(
    withSection(readme, "routes", routeTable()),
    "tunables",
    tunableTables(source),
  );
}

/** Every tunable of `source`, the text of tunables.ts, in tables with a heading each. Throws when one has no JSDoc. */
export function tunableTables(source: string): string {
  const texts = tunableTexts(source);
  const undocumented = TUNABLES.filter(({ name }) => !texts.some((text) => text.name === name));
  if (undocumented.length > 0) {
    throw new Error(`Cannot find JSDoc of ${undocumented.map(({ name }) => name).join(", ")}`);
  }
  const groups = [...new Set(texts.map(({ group }) => group))];
  return groups.map((group) => {
    const rows = texts.filter((text) => text.group === group).map(tunableRow);
    return `#### ${group}\n\n${tableOf([["Tunable", "Default", "Range", "Meaning"], ...rows])}`;
  }).join("\n\n");
}

/** Every setting of a route in a table. */
export function routeTable(): string {
  const rows = ROUTE_SETTINGS.map((setting) => [
    `\`${usageOf(setting)}\``,
    setting.standard,
    setting.range,
    setting.meaning,
  ]);
  return tableOf([["Setting", "Default", "Range", "Meaning"], ...rows]);
}

function tableOf(rows: string[][]): string {
  return markdownTable(rows, []);
}

function tunableRow({ name, meaning }: TunableText): string[] {
  if (name === FAST_OPEN_KEY) {
    return [`\`${name}\``, "random", `\`${FAST_OPEN_KEY_FORM}\``, meaning];
  }
  const spec = TUNABLES.find((spec) => spec.name === name);
  if (spec === undefined) throw new Error(`There is no tunable ${name}`);
  return [`\`${name}\``, valueText(spec, spec.default), allowedValues(spec), meaning];
}

/** Group comments, JSDoc and names of the rows, in their order; the key of fast open with its kin. */
function tunableTexts(source: string): TunableText[] {
  const rows = /^const DEFINITIONS = \{\n(.*?)^\}/ms.exec(source)?.[1] ?? "";
  const part = /^ {2}\/\/ ([^\n]+)$|^ {2}\/\*\*(.*?)\*\/\n {2}(\w+):/gms;
  const texts: TunableText[] = [];
  let group = "";
  for (const [, heading, comment, name] of rows.matchAll(part)) {
    if (heading !== undefined) group = heading;
    else texts.push({ name, group, meaning: sentencesOf(comment) });
  }
  const key = /\/\*\*([^/]*?)\*\/\nexport const FAST_OPEN_KEY\b/s.exec(source)?.[1] ?? "";
  const kin = texts.findIndex(({ name }) => name === "tcp_fastopen");
  const { group: home } = texts[kin];
  texts.splice(kin + 1, 0, { name: FAST_OPEN_KEY, group: home, meaning: sentencesOf(key) });
  return texts;
}

/** The text of a comment in one line, safe in a table. */
function sentencesOf(comment: string): string {
  const text = comment.replaceAll(/^ *\* ?/gm, "").replaceAll(/\s+/g, " ").trim();
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) Deno.writeTextFileSync(new URL("README.md", ROOT), currentReadme());
