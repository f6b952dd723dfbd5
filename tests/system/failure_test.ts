/** What one side's failure is like for the other: prompt, and never like a good end. */

import { assert, assertEquals } from "@std/assert";
import type { ClientReport } from "./peers/client.ts";
import { type Exchange, REFUSED_PORT } from "./peers/exchange.ts";
import { systemTest } from "./support/register.ts";
import { assertNoneInvented, type Scene } from "./support/scene.ts";
import {
  ANY_LINK_VARIANTS,
  ANY_UPSTREAM_VARIANTS,
  TAP_UPSTREAM_VARIANTS,
} from "./support/variants.ts";

const MIB = 1024 * 1024;
/** What no transfer of a test reaches. */
const ENDLESS = 1024 * 1024 * MIB;
const UNDER_WAY_MS = 10_000;
const PROMPTLY_MS = 5_000;
const CURL_MS = 20_000;
const CURL_COULD_NOT_CONNECT = 7;
const CURL_CONNECTION_RESET = 56;

systemTest("refused: the client sees a reset or a refusal, never a clean end", async (scene) => {
  const [report] = await scene.runClient({ port: REFUSED_PORT });
  const end = report.received?.end ?? report.connected;
  assert(end === "reset" || end === "refused", `the client saw: ${end}`);
}, { variants: ANY_UPSTREAM_VARIANTS });

systemTest("refused: curl says so", async (scene) => {
  const url = `http://${scene.urlHost}:${REFUSED_PORT}/`;
  const curl = scene.clientNamespace.start("curl", "curl", ["-sS", "--max-time", "10", url]);
  const { code } = await curl.ending(CURL_MS);
  assert(code === CURL_COULD_NOT_CONNECT || code === CURL_CONNECTION_RESET, curl.text);
}, { variants: ANY_UPSTREAM_VARIANTS, needs: ["curl"] });

systemTest("reset: the client gets all bytes, then the upstream's reset", async (scene) => {
  const exchange: Exchange = {
    seed: 1,
    upLength: 0,
    downLength: 8 * MIB,
    order: "upstream dies",
  };
  const [report] = await scene.runClient({ exchange });
  assertEquals(report.received?.bytes, exchange.downLength);
  assertEquals(report.received?.end, "reset");
  const [upstream] = await scene.upstreamReports(1);
  assertEquals(upstream.sent?.sha256, report.received?.sha256);
  const [record] = await scene.closeRecords(1);
  assertEquals(record.down, exchange.downLength);
}, { variants: ANY_UPSTREAM_VARIANTS });

for (
  const [direction, upLength, downLength] of [
    ["up", ENDLESS, 0],
    ["down", 0, ENDLESS],
    ["both ways", ENDLESS, ENDLESS],
  ] as const
) {
  const exchange: Exchange = { seed: 1, upLength, downLength, order: "together" };

  systemTest(
    `killed: a client dead amid a transfer ${direction} ends the upstream's connection`,
    async (scene) => {
      const client = scene.startClient({ exchange, noticeAfter: 16 * MIB });
      await client.record(UNDER_WAY_MS, "under way");
      client.signal("SIGKILL");
      await client.ending(PROMPTLY_MS);
      const [upstream] = await scene.upstreamReports(1);
      const [record] = await scene.closeRecords(1);
      assertNoneInvented(record, undefined, upstream);
    },
    { variants: [...ANY_LINK_VARIANTS, ...TAP_UPSTREAM_VARIANTS] },
  );
}

systemTest("killed: an upstream dead amid a transfer up resets the client", async (scene) => {
  const exchange: Exchange = {
    seed: 1,
    upLength: ENDLESS,
    downLength: 0,
    order: "client first",
  };
  const report = await runUntilUpstreamIsKilled(scene, exchange);
  // A killed process that had read everything sends FIN, and RST to what comes then.
  const end = report.sent?.end ?? "";
  assert(["reset", "broken pipe"].includes(end), `the client saw: ${end}`);
}, { variants: [...ANY_LINK_VARIANTS, ...TAP_UPSTREAM_VARIANTS] });

systemTest("killed: an upstream dead amid a transfer down resets the client", async (scene) => {
  const exchange: Exchange = {
    seed: 1,
    upLength: MIB,
    downLength: ENDLESS,
    order: "deaf upstream",
  };
  const report = await runUntilUpstreamIsKilled(scene, exchange);
  assertEquals(report.received?.end, "reset");
}, { variants: [...ANY_LINK_VARIANTS, ...TAP_UPSTREAM_VARIANTS] });

/** Kills the upstream amid the exchange. The client's report; it must come promptly. */
async function runUntilUpstreamIsKilled(scene: Scene, exchange: Exchange): Promise<ClientReport> {
  const client = scene.startClient({ exchange, noticeAfter: 16 * MIB });
  await client.record(UNDER_WAY_MS, "under way");
  scene.upstream.signal("SIGKILL");
  await client.ending(PROMPTLY_MS);
  const [report] = client.records<ClientReport>("connection");
  const [record] = await scene.closeRecords(1);
  assertNoneInvented(record, report, undefined);
  return report;
}
