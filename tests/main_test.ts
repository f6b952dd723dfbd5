/** The program as its user meets it: what it prints, exit codes. `errors_test.ts` has what it refuses. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Namespace } from "./system/support/namespace.ts";
import { findMeans, type Means } from "./system/support/requirements.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const MAIN = ["run", "--no-prompt", "--allow-ffi", "main.ts"];
const START_MS = 15_000;
const END_MS = 10_000;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const means = findMeans();
const isIgnored = typeof means === "string";

function mainTest(name: string, body: (means: Means) => Promise<void>, needs: string[] = []): void {
  const missing = isIgnored ? means : needs.find((tool) => !hasTool(tool));
  const reason = missing === undefined ? "" : ` (ignored: ${isIgnored ? "" : "needs "}${missing})`;
  Deno.test({
    name: `main: ${name}${reason}`,
    ignore: missing !== undefined,
    fn: () => body(means as Means),
  });
}

function hasTool(name: string): boolean {
  return new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).outputSync().success;
}

/** Runs a command to its end in a network namespace of its own: no device may come into ours. */
async function outcomeOf({ unshare }: Means, command: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [...unshare, Deno.execPath(), ...command],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

mainTest("--help goes to standard output, exit code 0", async (means) => {
  const { code, stdout, stderr } = await outcomeOf(means, [...MAIN, "--help"]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^Tapster .*\n(.*\n)*Usage: deno run --allow-ffi main.ts/);
});

mainTest("--version prints the version of deno.json", async (means) => {
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const outcome = await outcomeOf(means, [...MAIN, "--version"]);
  assertEquals(outcome, { code: 0, stdout: `tapster ${version}\n`, stderr: "" });
});

mainTest("a device in use is left alone, exit code 1", async (means) => {
  await using namespace = await Namespace.open(means);
  const first = namespace.start("the first", Deno.execPath(), MAIN, ROOT);
  await first.line(START_MS, (line) => line.includes("tapster0 is open"));

  const second = namespace.start("the second", Deno.execPath(), MAIN, ROOT);
  assertEquals((await second.ending(END_MS)).code, 1);
  assertEquals(second.lines[0], "tapster: Cannot open tapster0: device or resource busy");
  assertStringIncludes(second.text, "choose another name");
  assertEquals([first.runs, namespace.devices()], [true, ["lo", "tapster0"]]);
});

mainTest("a device that is destroyed ends it, exit code 75", async (means) => {
  await using namespace = await Namespace.open(means);
  const tapster = namespace.start("tapster", Deno.execPath(), MAIN, ROOT);
  await tapster.line(START_MS, (line) => line.includes("tapster0 is open"));
  const ip = namespace.start("ip", "ip", ["link", "delete", "tapster0"]);
  assertEquals((await ip.ending(END_MS)).code, 0, ip.text);
  assertEquals((await tapster.ending(END_MS)).code, 75, tapster.text);
}, ["ip"]);

mainTest("in JSON every line is an object", async (means) => {
  await using namespace = await Namespace.open(means);
  const args = [...MAIN, "--log-format", "json", "--tap", "edge0"];
  const tapster = namespace.start("tapster", Deno.execPath(), args, ROOT);
  await tapster.line(START_MS, (line) => line.includes("Try: curl"));
  tapster.signal("SIGTERM");
  assertEquals((await tapster.ending(END_MS)).code, 0, tapster.text);
  const records = tapster.lines.map((line) => JSON.parse(line));
  assertStringIncludes(records[0].msg, "edge0 is open");
  for (const record of records) assertEquals(record.level, "info");
});
