/** HS-05, HS-10, CLOSE-07: our active opener against the kernel's TCP, over IPv4 and IPv6. */

import { assert } from "@std/assert";
import { systemTestWithoutScene } from "./support/register.ts";

const OPENER = new URL("./peers/opener.ts", import.meta.url).pathname;

openerTest("bytes go both ways, and we close first");
openerTest("a port where nobody listens refuses");
openerTest("both ends close at once");

/** Runs a scenario of `opener.ts` in a network namespace of its own. */
function openerTest(scenario: string): void {
  systemTestWithoutScene(`active open: ${scenario}`, async ({ unshare }) => {
    const deno = [Deno.execPath(), "run", "--allow-all", "--cached-only", "--no-prompt"];
    const args = [...unshare, ...deno, OPENER, scenario];
    const { success, stderr } = await new Deno.Command("unshare", { args }).output();
    assert(success, new TextDecoder().decode(stderr));
  });
}
