/** URG-03: urgent data between a client and an upstream of the kernel's, through Tapster. */

import { assertEquals } from "@std/assert";
import { systemTest } from "./support/register.ts";
import { DEFAULT_VARIANT } from "./support/variants.ts";

const PEERS = new URL("./peers/urgent.ts", import.meta.url).pathname;
const PORT = 9107;
const END_MS = 20_000;

for (const relays of [0, 1]) {
  const got = relays === 1 ? "before[!]after" : "before!after";
  systemTest(`urgent: with px_relay_urgent ${relays} ${got} arrives, both ways`, async (scene) => {
    const args = ["run", "--allow-all", "--cached-only", PEERS, `198.18.0.2:${PORT}`, `${PORT}`];
    await using peers = scene.namespace.start("the peers", Deno.execPath(), args);
    await peers.ending(END_MS);
    assertEquals(peers.text.trim().split("\n"), [got, got]);
  }, {
    variants: [DEFAULT_VARIANT],
    flags: [
      ...["--set", `px_relay_urgent=${relays}`],
      ...["--route", `listen=198.18.0.2:${PORT},upstream=127.0.0.1:${PORT}`],
    ],
  });
}
