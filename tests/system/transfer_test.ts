/**
 * Whole transfers: a Linux client's bytes reach the upstream and the upstream's
 * the client, all of them, and each side's end of the stream arrives as one.
 */

import { assertEquals } from "@std/assert";
import { SMALL_PAGE } from "./peers/upstream.ts";
import { systemTest } from "./support/register.ts";
import { assertTransfers } from "./support/scene.ts";
import {
  ANY_LINK_VARIANTS,
  OTHER_MTU_VARIANTS,
  TAP_UPSTREAM_VARIANTS,
  TRANSFER_VARIANTS,
  VARIANTS,
} from "./support/variants.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const CURL_MS = 20_000;

systemTest("http: curl gets a page", async (scene) => {
  const url = `http://${scene.urlHost}/`;
  const curl = scene.clientNamespace.start("curl", "curl", ["-sS", "--max-time", "10", url]);
  assertEquals((await curl.ending(CURL_MS)).code, 0, curl.text);
  assertEquals(curl.text + "\n", SMALL_PAGE);
  const [record] = await scene.closeRecords(1);
  assertEquals(record.down > SMALL_PAGE.length, true);
}, { variants: [...ANY_LINK_VARIANTS, ...TAP_UPSTREAM_VARIANTS], needs: ["curl"] });

// The other MTUs carry less: small frames without offloads take the longest, and prove the same.
for (
  const { volume, oneWay, eachWay, variants } of [
    { volume: "1 GiB", oneWay: GIB, eachWay: 256 * MIB, variants: VARIANTS },
    { volume: "128 MiB", oneWay: 128 * MIB, eachWay: 64 * MIB, variants: OTHER_MTU_VARIANTS },
    { volume: "128 MiB", oneWay: 128 * MIB, eachWay: 64 * MIB, variants: TAP_UPSTREAM_VARIANTS },
  ]
) {
  systemTest(`bulk: ${volume} up arrives with equal SHA-256`, async (scene) => {
    await assertTransfers(scene, { seed: 1, upLength: oneWay, downLength: 0, order: "together" });
  }, { variants });

  systemTest(`bulk: ${volume} down arrives with equal SHA-256`, async (scene) => {
    await assertTransfers(scene, { seed: 2, upLength: 0, downLength: oneWay, order: "together" });
  }, { variants });

  systemTest(
    `bulk: ${eachWay / MIB} MiB each way at once arrive with equal SHA-256`,
    async (scene) => {
      await assertTransfers(scene, {
        seed: 3,
        upLength: eachWay,
        downLength: eachWay,
        order: "together",
      });
    },
    { variants },
  );
}

systemTest("half-close: 1 MiB flows down after the client's FIN", async (scene) => {
  await assertTransfers(scene, {
    seed: 4,
    upLength: MIB,
    downLength: MIB,
    order: "client first",
  });
}, { variants: TRANSFER_VARIANTS });

systemTest("half-close: 1 MiB flows up after the upstream's FIN", async (scene) => {
  await assertTransfers(scene, {
    seed: 5,
    upLength: MIB,
    downLength: MIB,
    order: "upstream first",
  });
}, { variants: TRANSFER_VARIANTS });

systemTest("half-close: both FINs without any byte between end the connection", async (scene) => {
  await assertTransfers(scene, { seed: 6, upLength: 0, downLength: 0, order: "client first" });
}, { variants: TRANSFER_VARIANTS });

systemTest("many: 500 parallel connections each carry their own bytes", async (scene) => {
  const length = 64 * KIB;
  await assertTransfers(
    scene,
    { seed: 1000, upLength: length, downLength: length, order: "together" },
    500,
  );
}, { variants: ANY_LINK_VARIANTS });
