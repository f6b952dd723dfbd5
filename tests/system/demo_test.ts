/** The demo works in every commit. */

import { assertEquals, assertMatch } from "@std/assert";
import { systemTestWithoutScene } from "./support/register.ts";
import { Program } from "./support/program.ts";

const DEMO = new URL("./demo.ts", import.meta.url).pathname;
const DEMO_MS = 60_000;
const UNDER_WAY_MS = 20_000;
const END_MS = 10_000;
const EXIT_INTERRUPTED = 130;

systemTestWithoutScene("demo: it shows handshake, page, 1 GiB and the end", async () => {
  await using demo = startDemo();
  assertEquals((await demo.ending(DEMO_MS)).code, 0, demo.text);
  assertMatch(demo.text, / < S .*\n.* > S\. .*\n.* < \. /);
  assertMatch(demo.text, /HTTP\/1\.1 200 OK/);
  assertMatch(demo.text, /1073741824 bytes in .* Gbit\/s/);
  assertMatch(demo.text, /They are equal/);
  assertMatch(demo.text, / > FP?\. .*\n.* < F\. .*\n.* close /);
});

systemTestWithoutScene("demo: a signal ends it early", async () => {
  await using demo = startDemo();
  await demo.line(UNDER_WAY_MS, (line) => line.includes("1 GiB"));
  demo.signal("SIGINT");
  assertEquals((await demo.ending(END_MS)).code, EXIT_INTERRUPTED, demo.text);
});

function startDemo(): Program {
  return new Program("the demo", Deno.execPath(), ["run", "--allow-all", DEMO]);
}
