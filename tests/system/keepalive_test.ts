/** Keep-alive of a route's upstream leg, as Linux shows it: PX-12. */

import { assertMatch } from "@std/assert";
import { EXCHANGE_PORT } from "./peers/exchange.ts";
import { systemTest } from "./support/register.ts";
import { DEFAULT_VARIANT } from "./support/variants.ts";

const CONNECTED_MS = 10_000;
const END_MS = 10_000;
const UPSTREAM = `127.0.0.1:${EXCHANGE_PORT}`;

systemTest("keep-alive: the kernel probes an upstream as its route says", async (scene) => {
  const client = scene.startClient({
    exchange: { seed: 1, upLength: 1, downLength: 0, order: "client first" },
    noticeAfter: 1,
    holds: true,
  });
  await client.record(CONNECTED_MS, "under way");
  await scene.upstream.record(CONNECTED_MS, "begin");
  const words = ["-tno", "state", "established", "dst", UPSTREAM];
  await using ss = scene.namespace.start("ss", "ss", words);
  await ss.ending(END_MS);
  // At most ten of the sixty seconds have gone by.
  assertMatch(ss.text, /timer:\(keepalive,(?:1min|5\d(?:\.\d+)?sec),0\)/);
  await client.tell("go on");
  await scene.reportsOf(client);
}, {
  variants: [DEFAULT_VARIANT],
  needs: ["ss"],
  flags: [
    "--route",
    `listen=198.18.0.2:${EXCHANGE_PORT},upstream=${UPSTREAM},upstream-keepalive=60/10/3`,
  ],
});
