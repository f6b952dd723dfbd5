/**
 * A link that loses one frame in a hundred, each way: bulk ends as it would on a
 * good one, only later. The other kinds of transfer run over it where they stand,
 * in `transfer_test.ts` and `failure_test.ts`; but no test that waits for a lone
 * RST, as nobody repeats a lost one, and a client that only listens never learns.
 */

import { systemTest } from "./support/register.ts";
import { assertTransfers } from "./support/scene.ts";
import { LOSSY_VARIANTS, overLink } from "./support/variants.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

systemTest("loss: 32 MiB up arrive with equal SHA-256", async (scene) => {
  await assertTransfers(scene, {
    seed: 1,
    upLength: 32 * MIB,
    downLength: 0,
    order: "together",
  });
}, { variants: LOSSY_VARIANTS });

systemTest("loss: 32 MiB down arrive with equal SHA-256", async (scene) => {
  await assertTransfers(scene, {
    seed: 2,
    upLength: 0,
    downLength: 32 * MIB,
    order: "together",
  });
}, { variants: LOSSY_VARIANTS });

systemTest("loss: 100 MiB each way at once arrive with equal SHA-256", async (scene) => {
  await assertTransfers(scene, {
    seed: 3,
    upLength: 100 * MIB,
    downLength: 100 * MIB,
    order: "together",
  });
}, { variants: LOSSY_VARIANTS });

// CUBIC would take a minute: it leaves 99 % of this link unused.
systemTest("loss: 100 MiB down by BBR, over 10 ms, arrive with equal SHA-256", async (scene) => {
  await assertTransfers(scene, {
    seed: 4,
    upLength: MIB,
    downLength: 100 * MIB,
    order: "together",
  });
}, {
  variants: LOSSY_VARIANTS.map((variant) => overLink(variant, { loss: 0.01, delayMs: 5 })),
  flags: ["--set", "tcp_congestion_control=bbr"],
});
