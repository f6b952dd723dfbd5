/** How the process lives: its permissions, what signals do, and what is left of it. */

import { assert, assertEquals } from "@std/assert";
import type { Exchange } from "./peers/exchange.ts";
import { systemTest, systemTestWithoutScene } from "./support/register.ts";
import { Namespace } from "./support/namespace.ts";
import { parseRecord } from "./support/program.ts";
import { assertSameBytes, assertTransfers } from "./support/scene.ts";
import { DEVICE, PERMISSIONS, startTapster } from "./support/tapster.ts";
import { VARIANTS } from "./support/variants.ts";
import { eventually } from "./support/wait.ts";

const MIB = 1024 * 1024;
const UNDER_WAY_MS = 10_000;
const AT_ONCE_MS = 2_000;
const END_MS = 10_000;
const EXCHANGE: Exchange = {
  seed: 1,
  upLength: 32 * MIB,
  downLength: 32 * MIB,
  order: "together",
};

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  systemTest(
    `drain: ${signal} lets a connection finish, refuses new ones, exits 0`,
    async (scene) => {
      const client = scene.startClient({ exchange: EXCHANGE, noticeAfter: MIB, holds: true });
      await client.record(UNDER_WAY_MS, "under way");
      scene.tapster.signal(signal);
      await scene.tapster.line(AT_ONCE_MS, (line) => parseRecord(line)?.msg === "drain");

      const [refused] = await scene.runClient({});
      const end = refused.received?.end ?? refused.connected;
      assert(end === "reset" || end === "refused", `a new client saw: ${end}`);
      assert(scene.tapster.runs, "Tapster ended while a connection was open");

      await client.tell("go on");
      const clients = await scene.reportsOf(client);
      const upstreams = await scene.upstreamReports(1);
      assertEquals(clients[0].sent, upstreams[0].received);
      assertEquals(clients[0].received, upstreams[0].sent);
      assertEquals(clients[0].received?.bytes, EXCHANGE.downLength);
      assertEquals((await scene.tapster.ending(END_MS)).code, 0, scene.tapster.text);
      assertSameBytes(await scene.closeRecords(1), clients, upstreams);
    },
  );
}

systemTest("drain: a second signal resets what is open and exits at once", async (scene) => {
  const client = scene.startClient({ exchange: EXCHANGE, noticeAfter: MIB, holds: true });
  await client.record(UNDER_WAY_MS, "under way");
  scene.tapster.signal("SIGTERM");
  await scene.tapster.line(AT_ONCE_MS, (line) => parseRecord(line)?.msg === "drain");
  scene.tapster.signal("SIGTERM");
  await scene.tapster.ending(AT_ONCE_MS);
  await client.tell("go on");
  const [report] = await scene.reportsOf(client);
  const ends = [report.sent?.end, report.received?.end]; // The kernel tells one of them.
  assert(ends.includes("reset"), `the client saw: ${ends.join(" and ")}`);
});

systemTest("permissions: everything runs with --allow-ffi alone", async (scene) => {
  const commandLine = await Deno.readTextFile(`/proc/${scene.tapster.pid}/cmdline`);
  const flags = commandLine.split("\0").filter((arg) => /^(-A|--allow|--no-prompt)/.test(arg));
  assertEquals(flags, [...PERMISSIONS]);
  const [report] = await scene.runClient({ exchange: { ...EXCHANGE, upLength: 1, downLength: 1 } });
  assertEquals(report.received?.end, "done");
});

systemTestWithoutScene("device: it disappears when the process is killed", async (means) => {
  await using namespace = await Namespace.open(means);
  const tapster = await startTapster(namespace, []);
  tapster.signal("SIGKILL");
  await tapster.ending(AT_ONCE_MS);
  await eventually(AT_ONCE_MS, "the device is gone", () => !namespace.devices().includes(DEVICE));
});

systemTestWithoutScene("start: without any argument it says what to try", async (means) => {
  await using namespace = await Namespace.open(means);
  const tapster = await startTapster(namespace, []);
  await tapster.line(AT_ONCE_MS, (line) => line.includes("198.18.0.2"));
  tapster.signal("SIGTERM");
  assertEquals((await tapster.ending(END_MS)).code, 0, tapster.text);
});

systemTest("start: IPv6 serves after its look for duplicate addresses", async (scene) => {
  await assertTransfers(scene, { ...EXCHANGE, upLength: MIB, downLength: MIB });
}, {
  variants: VARIANTS.filter(({ family }) => family === 6),
  flags: ["--set", "dad_transmits=1"],
});
