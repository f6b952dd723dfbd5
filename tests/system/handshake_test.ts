/** Handshakes with Linux as the client: fast open and SYN cookies. */

import { assertEquals } from "@std/assert";
import type { Exchange } from "./peers/exchange.ts";
import { SMALL_PAGE } from "./peers/upstream.ts";
import { systemTest } from "./support/register.ts";
import { assertSameBytes, type Scene } from "./support/scene.ts";

const MIB = 1024 * 1024;
const CURL_MS = 20_000;

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
  "cookies: with tcp_syncookies=2 Linux connects, and windows are scaled",
  async (scene) => {
    const exchange: Exchange = {
      seed: 1,
      upLength: 64 * MIB,
      downLength: 64 * MIB,
      order: "together",
    };
    const clients = await scene.runClient({ exchange, connections: 8 });
    const upstreams = await scene.upstreamReports(8);
    assertEquals(clients.map((report) => report.connected), Array(8).fill("done"));
    assertSameBytes(await scene.closeRecords(8), clients, upstreams);
  },
  { flags: ["--set", "tcp_syncookies=2"] },
);
