/**
 * A long path: what is sent is acknowledged tens of milliseconds later, so that
 * megabytes are in flight and both windows must have grown to hold them.
 */

import { systemTest } from "./support/register.ts";
import { assertTransfers } from "./support/scene.ts";
import { DEFAULT_VARIANT, overLink } from "./support/variants.ts";

const MIB = 1024 * 1024;

systemTest("long path: 200 MiB each way arrive with equal SHA-256", async (scene) => {
  await assertTransfers(scene, {
    seed: 1,
    upLength: 200 * MIB,
    downLength: 200 * MIB,
    order: "together",
  });
}, { variants: [overLink(DEFAULT_VARIANT, { delayMs: 25 })] });
