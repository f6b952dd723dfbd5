/** Floods of SYNs from sources that do not exist, and Linux's clients meanwhile. SEC-01, in real time. */

import { assert, assertEquals } from "@std/assert";
import { type Exchange, EXCHANGE_PORT } from "./peers/exchange.ts";
import type { FloodReport, FloodTask } from "./peers/syn_flooder.ts";
import type { Program } from "./support/program.ts";
import { systemTest } from "./support/register.ts";
import { assertSameBytes, type Scene } from "./support/scene.ts";
import { DEVICE } from "./support/tapster.ts";
import { addressesOf } from "./support/variants.ts";

const KIB = 1024;
const START_MS = 10_000;
const END_MS = 20_000;
const TAPSTER_MAC = "02:00:00:00:00:02";
/** Another station's on the link. */
const STRANGER_MAC = "02:00:00:00:00:66";
const SYNS_PER_SECOND = 20_000;
const FLOOD_SECONDS = 5;
/** Clients at once; they come again and again while the flood lasts. */
const CLIENTS = 20;
/** On a machine with other work the flooder falls behind, and frames are lost; with less it was no flood. */
const LEAST_SENT = SYNS_PER_SECOND * FLOOD_SECONDS / 2;
const LEAST_ANSWERED = 0.9;
const EXCHANGE: Exchange = {
  seed: 1,
  upLength: 16 * KIB,
  downLength: 16 * KIB,
  order: "together",
};

systemTest(
  "flood: amid 20,000 SYNs a second every client is served, and nobody else",
  async (scene) => {
    const flooder = startFlood(scene);
    await flooder.record(START_MS, "flooding");
    const clients = [];
    for (let seed = EXCHANGE.seed; flooder.runs; seed += 2 * CLIENTS) {
      const exchange = { ...EXCHANGE, seed };
      clients.push(...await scene.runClient({ exchange, connections: CLIENTS }));
    }
    const flood = await flooder.record<FloodReport>(END_MS, "flooded");
    assert(flood.sent >= LEAST_SENT, `SYNs sent: ${flood.sent}`);
    const answers = scene.namespace.receivedFrames(DEVICE);
    assert(answers >= flood.sent * LEAST_ANSWERED, `frames from Tapster: ${answers}`);

    assert(clients.length >= 2 * CLIENTS, "clients came only before the flood had begun");
    const ends = clients.map(({ connected, sent, received }) => [
      connected,
      sent?.end,
      received?.end,
      received?.bytes,
    ]);
    assertEquals(ends, clients.map(() => ["done", "done", "done", EXCHANGE.downLength]));
    const upstreams = await scene.upstreamReports(clients.length);
    assertSameBytes(await scene.closeRecords(clients.length), clients, upstreams);
    // The only listeners of the kernel are the upstream's.
    assertEquals(scene.namespace.tcpCounter("PassiveOpens"), clients.length);
  },
  { flags: ["--mac", TAPSTER_MAC] },
);

function startFlood(scene: Scene): Program {
  const { stack, spoofed } = addressesOf(scene.variant);
  const task: FloodTask = {
    device: DEVICE,
    sourceMac: STRANGER_MAC,
    destinationMac: TAPSTER_MAC,
    source: spoofed,
    destination: stack,
    port: EXCHANGE_PORT,
    perSecond: SYNS_PER_SECOND,
    seconds: FLOOD_SECONDS,
  };
  return scene.startPeer("the flooder", "syn_flooder.ts", task);
}
