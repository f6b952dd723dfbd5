/** Handshakes with Linux as the client: fast open and SYN cookies. */

import { assertEquals } from "@std/assert";
import type { Exchange } from "./peers/exchange.ts";
import { SMALL_PAGE } from "./peers/upstream.ts";
import { systemTest } from "./support/register.ts";
import { assertSameBytes, type Scene } from "./support/scene.ts";

const MIB = 1024 * 1024;
const CURL_MS = 20_000;
const UNDER_WAY_MS = 10_000;
const CONNECTIONS = 8;

/** Gets the page by a fast open, if the kernel has a cookie. */
async function getByFastOpen(scene: Scene): Promise<void> {
  const url = `http://${scene.urlHost}/`;
  const args = ["-sS", "--tcp-fastopen", "--max-time", "10", url];
  const curl = scene.namespace.start("curl", "curl", args);
  assertEquals((await curl.ending(CURL_MS)).code, 0, curl.text);
  assertEquals(curl.text + "\n", SMALL_PAGE);
}

systemTest(
  "fast open: the second SYN of Linux carries its request, and it is taken",
  async (scene) => {
    await getByFastOpen(scene);
    const { namespace } = scene;
    assertEquals(namespace.tcpCounter("TCPFastOpenActive"), 0, "there was no cookie yet");
    for (let count = 1; count <= 3; count++) {
      await getByFastOpen(scene);
      assertEquals(namespace.tcpCounter("TCPFastOpenActive"), count);
    }
    assertEquals(namespace.tcpCounter("TCPFastOpenActiveFail"), 0);
    await scene.closeRecords(4);
  },
  { needs: ["curl"] },
);

systemTest(
  "cookies: with tcp_syncookies=2 Linux connects, with window scale, SACK and timestamps",
  async (scene) => {
    const exchange: Exchange = {
      seed: 1,
      upLength: 64 * MIB,
      downLength: 64 * MIB,
      order: "together",
    };
    const task = { exchange, connections: CONNECTIONS, noticeAfter: MIB, holds: true };
    const client = scene.startClient(task);
    await client.record(UNDER_WAY_MS, "under way");
    const agreements = await agreementsOf(scene);
    await client.tell("go on");
    assertEquals(agreements, Array(CONNECTIONS).fill("ts sack wscale:7"));

    const clients = await scene.reportsOf(client);
    const upstreams = await scene.upstreamReports(CONNECTIONS);
    assertEquals(clients.map((report) => report.connected), Array(CONNECTIONS).fill("done"));
    assertSameBytes(await scene.closeRecords(CONNECTIONS), clients, upstreams);
  },
  { flags: ["--set", "tcp_syncookies=2"], needs: ["ss"] },
);

/** What the kernel has agreed on in each connection to Tapster: its words for the options, our window scale. */
async function agreementsOf(scene: Scene): Promise<string[]> {
  const args = ["--tcp", "--info", "--options", "--numeric", "--no-header", "dst", scene.urlHost];
  const ss = scene.namespace.start("ss", "ss", args);
  assertEquals((await ss.ending(UNDER_WAY_MS)).code, 0, ss.text);
  return ss.lines.filter((line) => line.startsWith("\t")).map((line) =>
    line.split(/\s+/).flatMap((word) => /^(?:ts|sack|wscale:\d+)/.exec(word) ?? []).join(" ")
  );
}
