/**
 * The rules of the house (README.md, "The house") that a program can check.
 * A failure names each place; where a rule makes the code worse, the exception
 * goes into this file with its reason.
 */

import { assertEquals } from "@std/assert";
import { type Mutant, mutantsOf } from "./mutation/mutants.ts";
import { SURVIVORS } from "./mutation/survivors.ts";
import { DECLARATIONS } from "./protocol/groups.ts";
import { idsIn, judge, parseCatalogue, problemsOf, totalsTable } from "./support/catalogue.ts";
import { withSection } from "./support/markdown.ts";
import { currentReadme } from "./support/readme.ts";
import { importsOf, lineAt, readSource, type SourceText } from "./support/source_text.ts";

const ROOT = new URL("../", import.meta.url);

/** What belongs at the top of the repository; names with a dot in front come and go. */
const TOP_LEVEL = ["README.md", "bench", "deno.json", "lib", "main.ts", "tests"];

/** Files of lib/ itself which every floor may import; they import nothing. */
const LEAVES = ["lib/invariant.ts", "lib/nearest.ts"];

/** What each folder or file may import besides itself and the leaves: folders, files, packages. */
const MAY_IMPORT: Record<string, string[]> = {
  // What the user says and is told; only main.ts and the proxy look at it.
  "lib/flags.ts": ["lib/tcp/tunables.ts"],
  "lib/config.ts": [
    "lib/flags.ts",
    "lib/proxy/route.ts",
    "lib/wire/address.ts",
    "lib/tcp/tunables.ts",
  ],
  "lib/help.ts": [
    "lib/config.ts",
    "lib/proxy/route.ts",
    "lib/wire/address.ts",
    "lib/tcp/tunables.ts",
  ],
  "lib/wire/": [],
  "lib/tcp/": ["lib/wire/"],
  "lib/stack/": ["lib/tcp/", "lib/wire/"],
  "lib/proxy/": [
    "lib/stack/",
    "lib/tcp/",
    "lib/wire/",
    "lib/flags.ts", // the levels of logging
    "lib/host/host.ts",
    "lib/host/errno.ts", // what the calls of host.ts answer with
    "node:timers", // the driver's setImmediate
    "@std/log",
  ],
  // Above the proxy: it looks on, and puts the same program together on a recording.
  "lib/observe/": [
    "lib/proxy/",
    "lib/tcp/tunables.ts",
    "lib/wire/",
    "lib/host/host.ts",
    "lib/host/errno.ts",
  ],
  "lib/host/": [
    "lib/wire/address.ts",
    "lib/wire/frame.ts",
    "lib/wire/gather.ts",
    "lib/wire/memory.ts",
  ],
  "lib/std/": ["npm:deno-std@1.4.0/"],
  "main.ts": ["deno.json", "lib/", "@std/cli", "@std/log"],
  "tests/": ["lib/", "main.ts", "@std/assert", "fast-check"],
  "tests/system/": ["lib/", "main.ts", "tests/", "@std/assert", "node:crypto"],
  "tests/packetdrill/": ["lib/", "tests/", "@std/assert", "@std/cli"], // a program of its own
  "tests/host/": ["lib/", "tests/", "@std/assert", "node:net"],
  // The stand-ins for packages are what these test.
  "tests/std/": ["tests/support/", "@std/assert", "@std/cli", "@std/log"],
  "tests/support/heap.ts": ["node:v8", "node:vm"], // a collection, to measure what lives
  "tests/support/conformance.ts": ["deno.json", "tests/"], // runs what `deno task test` runs
  "tests/mutation/": ["tests/", "@std/assert", "node:util"], // parseArgs: @std/cli is main.ts's
  "tests/fuzz/": ["lib/", "main.ts", "tests/", "@std/assert", "fast-check", "node:util"],
  "bench/": ["lib/", "tests/support/", "tests/system/"],
};

const CLOCKS = /\bDate\b|\bperformance\b|\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b/g;
const RANDOMNESS = /\bMath\.random\b|\bcrypto\b/g;
const WAITING = /\basync\b|\bawait\b|\bPromise\b/g;
const MACHINE = /\bDeno\b|\bconsole\b|\bprocess\b/g;

/** What a floor must not contain. */
const BANNED: Record<string, RegExp[]> = {
  "lib/wire/": [MACHINE, WAITING, CLOCKS, RANDOMNESS],
  "lib/tcp/": [MACHINE, WAITING, CLOCKS, RANDOMNESS],
  "lib/stack/": [MACHINE, WAITING, CLOCKS, RANDOMNESS],
  "lib/proxy/": [MACHINE, WAITING, CLOCKS, RANDOMNESS],
  "lib/observe/": [MACHINE, WAITING, CLOCKS, RANDOMNESS],
};

/** The driver parks and yields: the one place above `host` that waits. */
const DRIVER = "lib/proxy/driver.ts";

const PROTOCOL_SUITE = "segment by segment in tests/protocol/";

/** Files of lib/ without a test file of their own: why, or the tests which speak for them. */
const WITHOUT_OWN_TEST: Record<string, string> = {
  "lib/host/host.ts": "interfaces and two constants",
  "lib/host/arena_address.ts": "through its users in tests/host/io_vector_test.ts",
  "lib/host/rtnetlink.ts": "through its users in tests/host/netlink_test.ts",
  "lib/host/tap_device.ts": "through TapLink in tests/host/tap_test.ts",
  "lib/observe/calls.ts": "every byte of it in tests/observe/replay_test.ts",
  "lib/observe/tape.ts": "through the replay in tests/observe/replay_test.ts",
  "lib/tcp/address_error.ts": PROTOCOL_SUITE,
  "lib/tcp/call_error.ts": PROTOCOL_SUITE,
  "lib/tcp/reset.ts": PROTOCOL_SUITE,
  "lib/tcp/tracer.ts": "an interface",
};

/** What `deno task conformance` does not run, and tests whose text only looks as if it named rows. */
const NOT_THE_SUITE =
  /^tests\/(?:system|host)\/|^tests\/(?:main|tidy)_test|^tests\/support\/(?:catalogue|script)_test/;

const obstacle = Deno.permissions.querySync({ name: "read", path: ROOT }).state === "granted"
  ? ""
  : " (needs --allow-read)";

function rule(name: string, check: () => string[]): void {
  Deno.test({
    name: `tidy: ${name}${obstacle}`,
    ignore: obstacle !== "",
    fn: () => assertEquals(check(), []),
  });
}

rule("nothing else stands at the top of the repository", () => {
  const names = [...Deno.readDirSync(ROOT)].map((entry) => entry.name);
  const visible = names.filter((name) => !name.startsWith("."));
  return [
    ...visible.filter((name) => !TOP_LEVEL.includes(name)).map((name) => `${name} is too many`),
    ...TOP_LEVEL.filter((name) => !visible.includes(name)).map((name) => `${name} is missing`),
  ];
});

rule("imports go down the floors only", () => {
  const wrong: string[] = [];
  for (const [path, source] of sources()) {
    const allowed = allowedImports(path);
    for (const { specifier } of importsOf(source)) {
      const target = resolve(path, specifier);
      if (!allowed.some((prefix) => reaches(target, prefix))) {
        wrong.push(`${path} imports ${target}`);
      }
    }
  }
  return wrong;
});

// Types may refer to each other within a floor: a queue knows its connection,
// the connection has the queue. What runs may not: modules would begin with
// parts of each other missing.
rule("imports make no cycle, but for types", () => {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, way: string[]) => {
    if (way.includes(path)) {
      cycles.push([...way.slice(way.indexOf(path)), path].join(" → "));
      return;
    }
    const source = sources().get(path);
    if (source === undefined || done.has(path)) return;
    for (const { specifier, isType } of importsOf(source)) {
      if (!isType) visit(resolve(path, specifier), [...way, path]);
    }
    done.add(path);
  };
  for (const path of sources().keys()) visit(path, []);
  return cycles;
});

rule("the floors know no machine, no waiting, no clock, no chance", () => {
  const wrong: string[] = [];
  for (const [path, source] of sources()) {
    for (const words of BANNED[longestPrefix(BANNED, path) ?? ""] ?? []) {
      if (path === DRIVER && (words === WAITING || words === CLOCKS)) continue;
      for (const { index, 0: word } of source.code.matchAll(words)) {
        wrong.push(`${path}:${lineAt(source.code, index)} says ${word}`);
      }
    }
  }
  return wrong;
});

rule("a reason is given only for a mutant that can be planted", () => {
  const planted = new Map<string, readonly Mutant[]>();
  for (const [path, { text }] of sources()) planted.set(path, mutantsOf(path, text));
  return SURVIVORS.filter(({ path, lineText, before, after }) =>
    !planted.get(path)?.some((mutant) =>
      mutant.lineText === lineText && mutant.before === before && mutant.after === after
    )
  ).map(({ path, lineText, before, after }) => `${path}: ${before} -> ${after} in ${lineText}`);
});

rule("every export has JSDoc, every file of lib a header", () => {
  const wrong: string[] = [];
  for (const [path, source] of sources()) {
    if (!/^(?:lib|tests\/support)\//.test(path) || path.endsWith("_test.ts")) continue;
    if (!source.text.startsWith("/**")) wrong.push(`${path} begins without a comment`);
    const overloads = new Set<string>();
    const lines = source.text.split("\n");
    lines.forEach((line, index) => {
      const name = /^export (?:declare |abstract |async |default )*[a-z]+\*? (?:enum )?([\w$]+)/
        .exec(line)?.[1];
      if (name === undefined) return;
      if (!isDocumented(lines, index) && !overloads.has(name)) {
        wrong.push(`${path}:${index + 1} ${name}`);
      }
      if (line.startsWith("export function") && line.endsWith(";")) overloads.add(name);
      if (line.startsWith("export function") && !line.includes("{")) overloads.add(name);
    });
  }
  return wrong;
});

rule("no code is commented out", () => {
  const wrong: string[] = [];
  for (const [path, source] of sources()) {
    source.comments.split("\n").forEach((line, index) => {
      const text = /^\s*\/\/ ?(.*)$/.exec(line)?.[1]?.trim() ?? "";
      if (looksLikeCode(text)) wrong.push(`${path}:${index + 1} ${text}`);
    });
  }
  return wrong;
});

rule("each file of lib has its test file", () => {
  const wrong: string[] = [];
  for (const path of sources().keys()) {
    if (!path.startsWith("lib/") || path.startsWith("lib/std/")) continue;
    const test = path.replace(/^lib\/(.*)\.ts$/, "tests/$1_test.ts");
    const hasTest = sources().has(test);
    if (!hasTest && !(path in WITHOUT_OWN_TEST)) wrong.push(`${path} has no ${test}`);
    if (hasTest && path in WITHOUT_OWN_TEST) wrong.push(`${path} is no exception any more`);
  }
  for (const [path, reason] of Object.entries(WITHOUT_OWN_TEST)) {
    if (!sources().has(path)) wrong.push(`${path} is an exception, but does not exist`);
    const tests = /tests\/[\w/]*/.exec(reason)?.[0] ?? "";
    if (![...sources().keys()].some((path) => path.startsWith(tests))) {
      wrong.push(`${path} is tested by ${tests}, which does not exist`);
    }
  }
  return wrong;
});

rule("each counter is expected by a test", () => {
  const counters = sources().get("lib/tcp/counters.ts");
  if (counters === undefined) return ["lib/tcp/counters.ts is missing"];
  const body = /\bclass Counters\b[^{]*\{(.*?)^\}/ms.exec(counters.code)?.[1];
  const fields = body?.match(/^ {2}(?:readonly )?[A-Za-z]\w*(?=\s*[:=])/gm) ?? [];
  if (fields.length === 0) return ["class Counters has no fields"];
  const tests = [...sources()].filter(([path]) => path.endsWith("_test.ts"));
  return fields
    .map((field) => field.trim().replace("readonly ", ""))
    .filter((name) => !tests.some(([, { text }]) => new RegExp(`\\b${name}\\b`).test(text)))
    .map((name) => `Counters.${name}`);
});

// What ids the tests are named by is read from their text: running them takes
// too long here, and that they pass is what every other test is for.
rule("finished groups have their tests, and README.md says which rows have one", () => {
  const named = [...sources()]
    .filter(([path]) => path.endsWith("_test.ts") && !NOT_THE_SUITE.test(path))
    .flatMap(([, { text }]) => idsIn(text));
  const results = named.map((id) => ({ name: `${id}:`, passed: true }));
  const catalogue = Deno.readTextFileSync(new URL("tests/protocol/requirements.md", ROOT));
  const rows = judge(parseCatalogue(catalogue), results);
  const readme = Deno.readTextFileSync(new URL("README.md", ROOT));
  const table = totalsTable(rows, DECLARATIONS);
  const isCurrent = withSection(readme, "conformance", table) === readme;
  return [
    ...problemsOf(rows, named, DECLARATIONS),
    ...isCurrent ? [] : ["README.md: run deno task conformance --readme"],
  ];
});

rule("README.md says of tunables and routes what the code says", () => {
  const readme = Deno.readTextFileSync(new URL("README.md", ROOT));
  return currentReadme() === readme ? [] : ["README.md: run deno task readme"];
});

let files: Map<string, SourceText> | null = null;

/** Every TypeScript file by its path, e.g. "lib/wire/seq.ts". Read once, at the first rule. */
function sources(): Map<string, SourceText> {
  if (files !== null) return files;
  files = new Map();
  const found = files;
  const visit = (folder: string) => {
    for (const entry of Deno.readDirSync(new URL(folder, ROOT))) {
      const path = folder + entry.name;
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      if (entry.isDirectory) visit(`${path}/`);
      else if (path.endsWith(".ts")) {
        found.set(path, readSource(Deno.readTextFileSync(new URL(path, ROOT))));
      }
    }
  };
  visit("");
  return files;
}

/** Paths, folders and names `path` may import. */
function allowedImports(path: string): string[] {
  if (LEAVES.includes(path)) return [];
  const own = longestPrefix(MAY_IMPORT, path);
  return own === undefined ? [] : [...LEAVES, ...MAY_IMPORT[own], own];
}

/** The longest key that `path` begins with. */
function longestPrefix(table: Record<string, unknown>, path: string): string | undefined {
  const keys = Object.keys(table).filter((key) => path.startsWith(key));
  return keys.sort((a, b) => b.length - a.length)[0];
}

function reaches(target: string, allowed: string): boolean {
  return allowed.endsWith("/") ? target.startsWith(allowed) : target === allowed;
}

/** A relative specifier as a path from the root, others as they are. */
function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return new URL(specifier, new URL(from, ROOT)).href.slice(ROOT.href.length);
}

/** Whether a JSDoc comment ends right above the line; a lint directive may stand between. */
function isDocumented(lines: string[], index: number): boolean {
  let above = index - 1;
  while (above >= 0 && /^\/\/ (?:deno-lint-ignore|@ts-)/.test(lines[above])) above--;
  if (above < 0 || !lines[above].endsWith("*/")) return false;
  while (above > 0 && !/^\/\*/.test(lines[above])) above--;
  return lines[above].startsWith("/**");
}

function looksLikeCode(text: string): boolean {
  return /^(?:const|let|var|return|throw|await|import|export|if|for|while|switch)\b.*[;{]$/
    .test(text) ||
    /^[\w.$[\]#]+ *(?:[-+*/|&^]|<<|>>>?)?= *\S.*;$/.test(text) ||
    /^[\w.$#]+\(.*\);$/.test(text) ||
    /^\}(?: else \{)?;?$/.test(text);
}
