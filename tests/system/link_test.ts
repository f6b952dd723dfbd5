/** The emulated link itself: what is proven over it holds only if it does what it says. */

import { assert, assertEquals } from "@std/assert";
import { systemTest } from "./support/register.ts";
import type { Scene } from "./support/scene.ts";
import { DEFAULT_VARIANT, overLink, type Variant } from "./support/variants.ts";

const MIB = 1024 * 1024;
const CURL_MS = 20_000;
const DELAY_MS = 25;
const RATE_MBIT = 100;
/** What a download may take longer than its bytes take at that rate: headers, slow start, the machine. */
const SLACK = 3;

/** Super-segments, and one frame for each segment. */
const VARIANTS: readonly Variant[] = [DEFAULT_VARIANT, {
  ...DEFAULT_VARIANT,
  name: "IPv4, no offload, MTU 1500",
  offload: false,
}];

systemTest(
  "link: a connection takes one round trip, a request another one",
  async (scene) => {
    const { connectMs, totalMs } = await fetchTimes(scene, "/");
    assert(connectMs >= 2 * DELAY_MS, `connected after ${connectMs} ms`);
    assert(totalMs >= 4 * DELAY_MS, `done after ${totalMs} ms`);
    assert(totalMs < 4 * DELAY_MS * SLACK, `done after ${totalMs} ms`);
  },
  { variants: over({ delayMs: DELAY_MS }), needs: ["curl"] },
);

systemTest(
  "link: bytes pass at its rate",
  async (scene) => {
    const leastMs = 20 * MIB * 8 / (RATE_MBIT * 1000);
    const { totalMs } = await fetchTimes(scene, `/bytes/${20 * MIB}`);
    assert(totalMs >= leastMs, `${totalMs} ms, and ${leastMs} ms at least`);
    assert(totalMs < leastMs * SLACK, `${totalMs} ms, and ${leastMs} ms at least`);
  },
  { variants: over({ rateMbit: RATE_MBIT, queueBytes: MIB }), needs: ["curl"] },
);

function over(terms: Parameters<typeof overLink>[1]): Variant[] {
  return VARIANTS.map((variant) => overLink(variant, terms));
}

/** When curl had its connection, and when all of the answer. */
async function fetchTimes(scene: Scene, path: string) {
  const url = `http://${scene.urlHost}${path}`;
  const format = "%{time_connect} %{time_total}";
  const args = ["-sS", "-o", "/dev/null", "--max-time", "10", "-w", format, url];
  const curl = scene.clientNamespace.start("curl", "curl", args);
  assertEquals((await curl.ending(CURL_MS)).code, 0, curl.text);
  const [connectMs, totalMs] = curl.text.split(" ").map((seconds) => 1000 * Number(seconds));
  return { connectMs, totalMs };
}
