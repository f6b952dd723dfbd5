/** TIME-WAIT with Linux as the client: who comes back is told from who is late. TW-06; RFC 6191. */

import { assert, assertEquals } from "@std/assert";
import { HTTP_PORT } from "./peers/exchange.ts";
import type { ReuseReport, ReuseTask } from "./peers/port_reuser.ts";
import { SMALL_PAGE } from "./peers/upstream.ts";
import { systemTest } from "./support/register.ts";
import { DEVICE } from "./support/tapster.ts";
import { addressesOf, VARIANTS } from "./support/variants.ts";

const REPORT_MS = 10_000;
const LOCAL_PORT = 40000;
/** Linux repeats an unanswered SYN after so long. */
const FIRST_SYN_TIMEOUT_MS = 1000;

systemTest(
  "TIME-WAIT: a client that reuses its port is let in, an older SYN of it is not",
  async (scene) => {
    const { host, stack } = addressesOf(scene.variant);
    const task: ReuseTask = {
      device: DEVICE,
      local: host.split("/")[0]!,
      localPort: LOCAL_PORT,
      remote: stack,
      remotePort: HTTP_PORT,
    };
    const client = scene.startPeer("the reuser of a port", "port_reuser.ts", task);
    const report = await client.record<ReuseReport>(REPORT_MS, "reused");
    // Without the entry the older SYN would be answered with a SYN-ACK.
    assertEquals(report.answersToOldSyn, []);
    assertEquals(report.pages.map((page) => page.endsWith(SMALL_PAGE)), [true, true]);
    assert(report.connectMs < FIRST_SYN_TIMEOUT_MS, `connected after ${report.connectMs} ms`);
    const records = await scene.closeRecords(2);
    assertEquals(records.map(({ reason }) => reason), ["closed", "closed"]);
  },
  { variants: VARIANTS.filter(({ offload }) => !offload) },
);
