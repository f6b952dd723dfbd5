/**
 * The soak: `deno task soak`. One connection carries 10 GiB each way at once
 * over a round trip of 50 ms, so that the sequence numbers of either direction
 * wrap twice, with megabytes in flight. It takes minutes, and is no part of the
 * suite for that. RFC 9293 §3.4.
 */

import { systemTest } from "./support/register.ts";
import { assertTransfers } from "./support/scene.ts";
import { DEFAULT_VARIANT, overLink } from "./support/variants.ts";

const GIB = 1024 ** 3;
const LENGTH = 10 * GIB;
/** 190 Mbit/s each way would do. */
const TRANSFER_MS = 900_000;
const TEST_MS = TRANSFER_MS + 60_000;

systemTest("soak: 10 GiB each way at once arrive with equal SHA-256", async (scene) => {
  const beganAt = performance.now();
  await assertTransfers(
    scene,
    { seed: 1, upLength: LENGTH, downLength: LENGTH, order: "together" },
    1,
    TRANSFER_MS,
  );
  const seconds = (performance.now() - beganAt) / 1000;
  const megabits = LENGTH * 8 / seconds / 1e6;
  console.log(`${seconds.toFixed(0)} s, ${megabits.toFixed(0)} Mbit/s each way`);
}, { variants: [overLink(DEFAULT_VARIANT, { delayMs: 25 })], milliseconds: TEST_MS });
