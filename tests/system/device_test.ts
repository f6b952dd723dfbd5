/** The device in other hands: moved, set down, deleted, while Tapster has it open. */

import { assert, assertEquals } from "@std/assert";
import type { Exchange } from "./peers/exchange.ts";
import { systemTest } from "./support/register.ts";
import { assertSameBytes, assertTransfers, type Scene } from "./support/scene.ts";
import { DEVICE, failuresOf, setUpDevice } from "./support/tapster.ts";
import { pause } from "./support/wait.ts";

const MIB = 1024 * 1024;
const UNDER_WAY_MS = 10_000;
const PROMPTLY_MS = 5_000;
/** Longer than a first retransmission timeout, so that both sides have lost some. */
const OUTAGE_MS = 500;
const EXIT_DEVICE_GONE = 75;
/** Not over before the outage begins. */
const LONG: Exchange = {
  seed: 1,
  upLength: 256 * MIB,
  downLength: 256 * MIB,
  order: "together",
};

systemTest("device: in another namespace it serves the clients there", async (scene) => {
  const beside = await scene.openBeside();
  await scene.namespace.moveDevice(DEVICE, beside);
  await setUpDevice(beside, DEVICE, scene.variant);
  scene.clientNamespace = beside;
  await assertTransfers(scene, { ...LONG, upLength: 32 * MIB, downLength: 32 * MIB });
}, { needs: ["ip"] });

systemTest("device: set down and up amid a transfer, which then completes", async (scene) => {
  await assertSurvives(scene, async () => {
    await scene.namespace.ip(`link set ${DEVICE} down`);
    await pause(OUTAGE_MS);
    await setUpDevice(scene.namespace, DEVICE, scene.variant);
  });
}, { needs: ["ip"] });

systemTest("device: moved away and back amid a transfer, which then completes", async (scene) => {
  const beside = await scene.openBeside();
  await assertSurvives(scene, async () => {
    await scene.namespace.moveDevice(DEVICE, beside);
    await pause(OUTAGE_MS);
    await beside.moveDevice(DEVICE, scene.namespace);
    await setUpDevice(scene.namespace, DEVICE, scene.variant);
  });
}, { needs: ["ip"] });

systemTest("device: deleted, it ends the pairs, is logged, and exit code 75", async (scene) => {
  const client = scene.startClient({ exchange: LONG, noticeAfter: MIB });
  await client.record(UNDER_WAY_MS, "under way");
  await scene.namespace.ip(`link del ${DEVICE}`);
  await assertEndsWithoutDevice(scene);
  const [upstream] = await scene.upstreamReports(1);
  const ends = [upstream.sent?.end, upstream.received?.end]; // The kernel tells one of them.
  assert(ends.includes("reset"), `the upstream saw: ${ends.join(" and ")}`);
  const [record] = await scene.closeRecords(1);
  assertEquals(record.reason, "aborted");
}, { needs: ["ip"] });

systemTest(
  "device: an idle Tapster, too, notices that it went with its namespace",
  async (scene) => {
    const beside = await scene.openBeside();
    await scene.namespace.moveDevice(DEVICE, beside);
    await beside[Symbol.asyncDispose]();
    await assertEndsWithoutDevice(scene);
  },
  { needs: ["ip"] },
);

/** A long transfer both ways with an outage in its midst: all bytes arrive, by the same connection. */
async function assertSurvives(scene: Scene, outage: () => Promise<void>): Promise<void> {
  const client = scene.startClient({ exchange: LONG, noticeAfter: MIB });
  await client.record(UNDER_WAY_MS, "under way");
  await outage();
  assert(client.runs, "the transfer was over before the outage");
  const clients = await scene.reportsOf(client);
  const upstreams = await scene.upstreamReports(1);
  assertEquals(clients[0].sent?.end, "done");
  assertEquals(clients[0].received?.end, "done");
  assertEquals(clients[0].sent, upstreams[0].received);
  assertEquals(clients[0].received, upstreams[0].sent);
  assertSameBytes(await scene.closeRecords(1), clients, upstreams);
}

async function assertEndsWithoutDevice(scene: Scene): Promise<void> {
  const { code } = await scene.tapster.ending(PROMPTLY_MS);
  assertEquals(code, EXIT_DEVICE_GONE, scene.tapster.text);
  scene.expectedFailures = 1;
  const [line] = failuresOf(scene.tapster);
  assert(line?.includes("device-gone") && line.includes(DEVICE), scene.tapster.text);
}
