/**
 * A link on the way to the client is narrower than Tapster's own: a router says
 * so, or a black hole swallows what is too long. MTU-01, MTU-03, MTU-05.
 */

import { assert, assertEquals } from "@std/assert";
import type { Exchange } from "./peers/exchange.ts";
import { NARROW_MTU, NarrowRouter } from "./support/narrow_router.ts";
import { systemTest } from "./support/register.ts";
import { assertTransfers } from "./support/scene.ts";

const MIB = 1024 * 1024;
const DOWN: Exchange = { seed: 1, upLength: 0, downLength: 20 * MIB, order: "together" };
/** Most of the bytes. */
const BULK = 15 * MIB;
const NEEDS = ["ip", "nft"];

systemTest("path MTU: segments become as small as a router asks for", async (scene) => {
  const router = await NarrowRouter.open(scene, false);
  await assertTransfers(scene, DOWN);
  const tooBigs = await router.tooBigs();
  assert(tooBigs.packets > 0, "the router said nothing");
  const { tooLong, full } = await router.lengths();
  assertEquals(tooLong.packets, 0, `packets of more than ${NARROW_MTU} bytes`);
  assert(full.bytes > BULK, `${full.bytes} bytes in packets of ${NARROW_MTU}`);
}, { needs: NEEDS });

systemTest("path MTU: behind a black hole the largest segments are searched", async (scene) => {
  const router = await NarrowRouter.open(scene, true);
  await assertTransfers(scene, DOWN);
  const tooBigs = await router.tooBigs();
  assert(tooBigs.packets > 0, "nothing fell into the black hole");
  const { tooLong, searched } = await router.lengths();
  assertEquals(tooLong.packets, 0, `packets of more than ${NARROW_MTU} bytes`);
  assert(searched.bytes > BULK, `${searched.bytes} bytes in packets larger than the first`);
}, { needs: NEEDS });
