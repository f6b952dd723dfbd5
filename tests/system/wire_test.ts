/**
 * What Tapster puts on the wire, judged by tshark: frames captured whole, at the
 * client's end, where no offload hides the segments.
 */

import { assert, assertEquals } from "@std/assert";
import {
  countShrinks,
  judgeRetransmissions,
  type Retransmissions,
  type SeenSegment,
} from "../support/retransmissions.ts";
import { type Exchange, EXCHANGE_PORT, REFUSED_PORT } from "./peers/exchange.ts";
import { Capture } from "./support/capture.ts";
import { CLIENT_DEVICE } from "./support/link.ts";
import { systemTest } from "./support/register.ts";
import type { Scene } from "./support/scene.ts";
import { DEVICE } from "./support/tapster.ts";
import { addressesOf, overLink, TRANSFER_VARIANTS, type Variant } from "./support/variants.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const UNDER_WAY_MS = 10_000;
const PROMPTLY_MS = 5_000;
const ETHERNET_LENGTH = 14;
const TCP_HEADER_LENGTH = 20;
const IP_HEADER_LENGTH = { 4: 20, 6: 40 } as const;

/** `tcp.checksum.status` of a right one; 0 is a wrong one, 2 one not looked at. */
const VERIFIED = 1;

const VARIANTS = TRANSFER_VARIANTS.filter((variant) => !variant.offload);

/** The most retransmissions that one of both sides must answer for, as a part of the losses. */
const SPURIOUS_PART = 0.01;
/** The most of Tapster's that are needless, whoever must answer for it; a few more by chance are no surprise. */
const NEEDLESS_PART = 0.01;
const BY_CHANCE = 5;
const IS_DOWN = `tcp.srcport == ${EXCHANGE_PORT}`;
const IS_UP = `tcp.dstport == ${EXCHANGE_PORT}`;
/** Each frame is one segment. */
const SEGMENT_VARIANT = VARIANTS.find((variant) => variant.family === 4)!;

const BULK: Exchange = { seed: 1, upLength: 4 * MIB, downLength: 4 * MIB, order: "together" };
const ENDLESS: Exchange = { ...BULK, upLength: 1024 * KIB * MIB, downLength: 1024 * KIB * MIB };

systemTest(
  "wire: tshark finds no fault in any frame, and no segment above the MSS",
  async (scene) => {
    const { variant } = scene;
    const device = variant.link !== null ? CLIENT_DEVICE : DEVICE;
    await using capture = await Capture.start(scene.clientNamespace, device);
    await doEverything(scene);
    await capture.stop();

    const syns = await capture.frames("tcp.flags.syn == 1", [
      "tcp.options.mss_val",
      "tcp.checksum.status",
    ]);
    const mss = variant.mtu - IP_HEADER_LENGTH[variant.family] - TCP_HEADER_LENGTH;
    const announced = new Set(syns.map((line) => line.split("\t")[0]));
    assertEquals([...announced], [String(mss)], "announced MSS");
    assert(syns.includes(`${mss}\t${VERIFIED}`), "tshark verified no checksum");
    const faults = await capture.frames(faultFilter(variant), [
      "frame.number",
      "frame.len",
      "tcp.srcport",
      "tcp.len",
      "_ws.expert.message",
    ]);
    assertEquals(faults, [], "frame, its length, source port, payload, what is wrong");
  },
  { variants: VARIANTS, needs: ["tshark"] },
);

// The lossier and the longer the path, the less is sent in the same time.
for (
  const { loss, delayMs, length } of [
    { loss: 0.01, delayMs: 0, length: 32 * MIB },
    { loss: 0.05, delayMs: 0, length: 16 * MIB },
    { loss: 0.01, delayMs: 5, length: 8 * MIB },
    { loss: 0.05, delayMs: 5, length: 4 * MIB },
  ]
) {
  systemTest(
    "wire: what arrived is hardly ever sent again, either way, and no window shrinks",
    async (scene) => {
      await using near = await Capture.start(scene.namespace, DEVICE);
      await using far = await Capture.start(scene.clientNamespace, CLIENT_DEVICE);
      await scene.runClient({
        exchange: { ...BULK, upLength: length, downLength: length, order: "client first" },
      });
      await near.stop();
      await far.stop();

      const [upHere, downHere] = [await segmentsOf(near, IS_UP), await segmentsOf(near, IS_DOWN)];
      const [upThere, downThere] = [await segmentsOf(far, IS_UP), await segmentsOf(far, IS_DOWN)];
      const up = judgeRetransmissions(
        { segments: upThere, answers: downThere },
        { segments: upHere, answers: downHere },
      );
      const down = judgeRetransmissions(
        { segments: downHere, answers: upHere },
        { segments: downThere, answers: upThere },
      );
      console.info(`Down ${inWords(down)}; up ${inWords(up)}`);
      for (const way of [up, down]) {
        assert(way.spurious <= SPURIOUS_PART * way.lost, JSON.stringify({ up, down }));
      }
      // Strictly counted: some follow the loss of an answer, which no sender can know of.
      assert(down.needless <= NEEDLESS_PART * down.lost + BY_CHANCE, JSON.stringify(down));
      assert(up.needless <= 2 * loss * up.resent + BY_CHANCE, JSON.stringify(up));
      assertEquals(countShrinks(downHere), 0, "how often the window shrank");
      assertEquals(await near.frames(faultFilter(scene.variant), ["frame.number"]), [], "faults");
    },
    { variants: [overLink(SEGMENT_VARIANT, { loss, delayMs })], needs: ["tshark"] },
  );
}

/** The strict figure beside what it is a part of. */
function inWords({ sent, lost, resent, needless }: Retransmissions): string {
  const rate = (100 * needless / lost).toFixed(1);
  return `${lost} of ${sent} segments lost, ${resent} sent again, ${needless} needlessly: ` +
    `${rate} for 100 losses`;
}

/** The segments that a filter lets through and that acknowledge; resets promise no window. */
async function segmentsOf(capture: Capture, filter: string): Promise<SeenSegment[]> {
  const lines = await capture.frames(`${filter} && tcp.flags.ack == 1 && tcp.flags.reset == 0`, [
    "frame.time_epoch",
    "tcp.seq",
    "tcp.len",
    "tcp.ack",
    "tcp.window_size",
    "tcp.options.timestamp.tsval",
    "tcp.options.sack_le",
    "tcp.options.sack_re",
  ]);
  return lines.map((line) => {
    const [at, seq, length, ack, window, mark, starts, ends] = line.split("\t");
    return {
      at: Number(at),
      seq: Number(seq),
      length: Number(length),
      ack: Number(ack),
      window: Number(window),
      blocks: blocksOf(starts!, ends!),
      mark: mark!,
    };
  });
}

/** tshark's lists, with commas between. */
function blocksOf(starts: string, ends: string): [number, number][] {
  if (starts === "") return [];
  const behind = ends.split(",").map(Number);
  return starts.split(",").map((start, index) => [Number(start), behind[index]!]);
}

/** Every kind of transfer and of end, one after the other. */
async function doEverything(scene: Scene): Promise<void> {
  const few = { ...BULK, upLength: MIB, downLength: MIB };
  await scene.runClient({ exchange: BULK });
  await scene.runClient({ exchange: { ...few, order: "client first" } });
  await scene.runClient({ exchange: { ...few, order: "upstream first" } });
  await scene.runClient({
    exchange: { ...BULK, upLength: 64 * KIB, downLength: 64 * KIB },
    connections: 50,
  });
  const killed = scene.startClient({ exchange: ENDLESS, noticeAfter: MIB });
  await killed.record(UNDER_WAY_MS, "under way");
  killed.signal("SIGKILL");
  await killed.ending(PROMPTLY_MS);
  // A lost RST is not repeated, and this client would wait for it.
  if (scene.variant.link === null) await scene.runClient({ port: REFUSED_PORT });
}

/**
 * What is wrong with a frame. Unverified checksums are, too, but 0xffff from the
 * client is not: Linux sends it in place of 0 when it sums in software
 * (`skb_checksum_help`), and Wireshark would have it otherwise. RFC 1624 §3.
 */
function faultFilter(variant: Variant): string {
  const ip = variant.family === 4 ? "ip" : "ipv6";
  const isClient = `${ip}.src == ${addressesOf(variant).host.split("/")[0]}`;
  const mss = variant.mtu - IP_HEADER_LENGTH[variant.family] - TCP_HEADER_LENGTH;
  // Options are part of what the MSS limits. RFC 6691 §2.
  const length = variant.family === 4
    ? `ip.len > ${mss + IP_HEADER_LENGTH[4] + TCP_HEADER_LENGTH}`
    : `ipv6.plen > ${mss + TCP_HEADER_LENGTH}`;
  return [
    "_ws.malformed",
    '_ws.expert.severity == "Error"',
    "ip.checksum.status == 0",
    "icmp.checksum.status == 0",
    "icmpv6.checksum.status == 0",
    `(tcp && !(tcp.checksum.status == ${VERIFIED}) && !(tcp.checksum == 0xffff && ${isClient}))`,
    `(tcp && ${length})`,
    `frame.len > ${ETHERNET_LENGTH + variant.mtu}`,
  ].join(" || ");
}
