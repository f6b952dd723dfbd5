/**
 * Two connections down through Tapster and one of the kernel's share a narrow
 * link: nobody starves, nobody pushes the others aside. All three senders have
 * CUBIC.
 *
 *     Tapster, 198.18.0.2 ── tapster0 ─┐
 *     the kernel, 198.18.0.3 ──────── bridge0 ── port0 ══ wire0 ── the link ── the client
 */

import { assert, assertEquals } from "@std/assert";
import type { LinkTerms } from "./peers/link.ts";
import type { ReceiverReport, ReceiverTask } from "./peers/receiver.ts";
import { Link } from "./support/link.ts";
import { Namespace } from "./support/namespace.ts";
import { systemTestWithoutScene } from "./support/register.ts";
import { DEVICE, startTapster } from "./support/tapster.ts";
import { addressesOf, flagsOf, overLink, VARIANTS } from "./support/variants.ts";

const START_MS = 10_000;
const RECEIVE_MS = 20_000;
const END_MS = 10_000;
const RATE_MBIT = 100;
const DELAY_MS = 10;
/** What is in flight when the link is full: the queue has room for as much again. */
const BANDWIDTH_DELAY_BYTES = RATE_MBIT * 125 * 2 * DELAY_MS;
const TERMS: LinkTerms = {
  loss: 0,
  delayMs: DELAY_MS,
  rateMbit: RATE_MBIT,
  queueBytes: BANDWIDTH_DELAY_BYTES,
};
/** The part of the link's rate that at least is used. */
const LEAST_USE = 0.7;
const GREATEST_RATIO = 2;
const LEAST_INDEX = 0.9;

/** Frames of one MTU: in super-segments one sender's losses would come in lumps. */
const VARIANT = overLink(VARIANTS.find(({ family, offload }) => family === 4 && !offload)!, TERMS);
const KERNEL = "198.18.0.3";
const PEERS = new URL("./peers/", import.meta.url).pathname;

systemTestWithoutScene(
  "fairness: two of Tapster's senders and the kernel's share a narrow link",
  async (means) => {
    await using namespace = await Namespace.open(means);
    const { loopback, stack } = addressesOf(VARIANT);
    await useCubic(namespace);
    await startTapster(namespace, [...flagsOf(VARIANT), "--set", "dad_transmits=0"]);
    await bridge(namespace);
    for (const address of [loopback, KERNEL]) {
      const args = ["run", "--allow-all", `${PEERS}upstream.ts`, address];
      await namespace.start("the upstream", Deno.execPath(), args).record(START_MS, "listening");
    }
    await using link = await Link.open(namespace, VARIANT, TERMS, "wire0");

    const task: ReceiverTask = { hostnames: [stack, stack, KERNEL], forMs: RECEIVE_MS };
    const args = ["run", "--allow-all", `${PEERS}receiver.ts`, JSON.stringify(task)];
    const client = link.clientNamespace.start("the client", Deno.execPath(), args);
    const { bytes } = await client.record<ReceiverReport>(RECEIVE_MS + START_MS, "received");
    const { down } = await link.finish();
    const rates = bytes.map((count) => count * 8 / RECEIVE_MS / 1000);
    const told = `Mbit/s: ${rates.map((rate) => rate.toFixed(1))}; ${JSON.stringify(down)}`;
    assert(sum(rates) >= LEAST_USE * RATE_MBIT, told);
    assert(Math.max(...rates) <= GREATEST_RATIO * Math.min(...rates), told);
    assert(jain(rates) >= LEAST_INDEX, told);
  },
  { needs: ["ip"] },
);

/** Joins Tapster's device, the kernel's address and one end of a wire. */
async function bridge(namespace: Namespace): Promise<void> {
  await namespace.ip("link add bridge0 type bridge");
  await namespace.ip("link add wire0 type veth peer name port0");
  for (const port of ["port0", DEVICE]) await namespace.ip(`link set ${port} master bridge0 up`);
  // The kernel sends frames of one segment, as Tapster does.
  await namespace.ip("link set bridge0 up gso_max_segs 1");
  await namespace.ip(`addr add ${KERNEL}/24 dev bridge0`);
}

/** What the kernel's senders in `namespace` use. */
async function useCubic(namespace: Namespace): Promise<void> {
  const write = "echo cubic > /proc/sys/net/ipv4/tcp_congestion_control";
  const shell = namespace.start("the shell", "sh", ["-c", write]);
  assertEquals((await shell.ending(END_MS)).code, 0, shell.text);
}

/** Jain's index: 1 for equal shares, 1/n for one who has all. RFC 5166 §2.3. */
function jain(rates: readonly number[]): number {
  return sum(rates) ** 2 / (rates.length * sum(rates.map((rate) => rate ** 2)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
