/**
 * Keep-alive with Linux as the client, in real time: who answers may be idle for
 * ever, who does not is given up. KA-04, KA-05; PX-12.
 */

import { assert, assertEquals } from "@std/assert";
import { EXCHANGE_PORT } from "./peers/exchange.ts";
import { systemTest } from "./support/register.ts";
import { closeRecordsOf, DEVICE } from "./support/tapster.ts";
import { VARIANTS } from "./support/variants.ts";
import { eventually, pause } from "./support/wait.ts";

const START_MS = 10_000;
const PROMPTLY_MS = 5_000;
const TIME_SECONDS = 1;
const INTERVAL_SECONDS = 1;
const PROBES = 2;
/** From the first unanswered probe, and from the last that was heard, to the end. */
const PROBING_MS = 1000 * PROBES * INTERVAL_SECONDS;
const SILENCE_MS = 1000 * TIME_SECONDS + PROBING_MS;
/** By the kernel's clock and ours, and on a busy machine. */
const EARLY_MS = 50;
const LATE_MS = 1_500;

/** Drops all that clients send to Tapster, and nothing of what it sends to them. */
const DROP = `add table inet silence
add chain inet silence out { type filter hook output priority 0; }
add rule inet silence out oifname ${DEVICE} tcp dport ${EXCHANGE_PORT} drop`;

systemTest(
  "keep-alive: a client that answers probes stays, one whose packets vanish is reset",
  async (scene) => {
    const client = scene.startClient({});
    await client.record(START_MS, "connected");
    await pause(SILENCE_MS + LATE_MS);
    assertEquals(closeRecordsOf(scene.tapster), [], "the idle client was given up");

    const { namespace, upstream } = scene;
    await using nft = namespace.start("nft", "nft", [DROP]);
    assertEquals((await nft.ending(PROMPTLY_MS)).code, 0, nft.text);
    const droppedAt = performance.now();
    const [report] = await scene.reportsOf(client);
    const tookMs = performance.now() - droppedAt;
    assertEquals(report.received?.end, "reset");
    assert(tookMs >= PROBING_MS - EARLY_MS, `given up after ${tookMs} ms`);
    assert(tookMs <= SILENCE_MS + LATE_MS, `given up after ${tookMs} ms`);

    const [record] = await scene.closeRecords(1);
    assertEquals([record.reason, record.cause], ["client lost", "keep-alive timed out"]);
    await eventually(PROMPTLY_MS, "the upstream sees a reset, too", () => {
      return upstream.records<{ text: string }>("failure").some(({ text }) => text === "reset");
    });
  },
  {
    variants: VARIANTS.filter(({ offload }) => offload),
    needs: ["nft"],
    flags: [
      ...["--set", `tcp_keepalive_time=${TIME_SECONDS}`],
      ...["--set", `tcp_keepalive_intvl=${INTERVAL_SECONDS}`],
      ...["--set", `tcp_keepalive_probes=${PROBES}`],
    ],
  },
);
