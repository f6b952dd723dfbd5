/** TFO-S, TFO-C: TCP Fast Open against the kernel's, in both roles and towards upstreams. */

import { assert, assertEquals } from "@std/assert";
import { HTTP_PORT } from "./peers/exchange.ts";
import { SMALL_PAGE } from "./peers/upstream.ts";
import { Namespace } from "./support/namespace.ts";
import { systemTest, systemTestWithoutScene } from "./support/register.ts";
import type { Program } from "./support/program.ts";
import { startTapster } from "./support/tapster.ts";
import { eventually } from "./support/wait.ts";
import { addressesOf, flagsOf, type Variant, VARIANTS } from "./support/variants.ts";

const OPENER = new URL("./peers/fast_opener.ts", import.meta.url).pathname;
const UPSTREAM = new URL("./peers/upstream.ts", import.meta.url).pathname;
const START_MS = 10_000;
const CURL_MS = 20_000;
const END_MS = 10_000;
/** Client and server, on every listener. */
const KERNEL_FAST_OPEN = "net.ipv4.tcp_fastopen=1027";
/** The listener whose upstreams are dialed by fast open. */
const FAST_PORT = 8081;

openerTest("the second SYN carries data, and Linux acknowledges it");
openerTest("with one key a cookie of Linux is good for Tapster, and the other way round");
openerTest("a new key renews our cookie, two new ones invalidate it");

/** Runs a scenario of `fast_opener.ts` in a network namespace of its own. */
function openerTest(scenario: string): void {
  systemTestWithoutScene(`fast open: ${scenario}`, async ({ unshare }) => {
    const deno = [Deno.execPath(), "run", "--allow-all", "--cached-only", "--no-prompt"];
    const args = [...unshare, ...deno, OPENER, scenario];
    const { success, stderr } = await new Deno.Command("unshare", { args }).output();
    assert(success, new TextDecoder().decode(stderr));
  });
}

for (const family of [4, 6] as const) {
  const { host, stack, loopback } = addressesOf(VARIANTS.find((v) => v.family === family)!);
  upstreamTest(family, "the kernel's", stack, loopback, "");
  upstreamTest(family, "our own", stack, host.split("/")[0], "tap:");
}

/** Clients of `stack` are relayed to an upstream at `hostname`, dialed by fast open. */
function upstreamTest(
  family: Variant["family"],
  whose: string,
  stack: string,
  hostname: string,
  prefix: string,
): void {
  const listen = `${urlHostOf(stack)}:${FAST_PORT}`;
  const route = `listen=${listen},upstream=${prefix}${urlHostOf(hostname)}:${HTTP_PORT}`;
  systemTest(
    `fast open: what a client's SYN brings rides on ${whose} SYN to the upstream`,
    async (scene) => {
      const { namespace } = scene;
      await setKernel(namespace, KERNEL_FAST_OPEN);
      await scene.upstream[Symbol.asyncDispose](); // a listener is fast from its beginning
      scene.upstream = await startUpstream(namespace, hostname);
      const url = `http://${listen}/`;
      // The first rounds bring the client its cookie, and the upstream's dialer its own.
      for (let round = 0; round < 2; round++) await get(namespace, url);
      for (let round = 0; round < 3; round++) {
        const before = namespace.tcpCounter("TCPFastOpenPassive");
        await get(namespace, url);
        assertEquals(namespace.tcpCounter("TCPFastOpenPassive"), before + 1);
      }
      assertEquals(namespace.tcpCounter("TCPFastOpenActiveFail"), 0);
      // A silent client's upstream is dialed, too: it may be the one to speak first.
      const before = namespace.tcpCounter("PassiveOpens");
      const client = scene.startClient({ port: FAST_PORT });
      await eventually(START_MS, "the upstream has a connection without any byte", () => {
        return namespace.tcpCounter("PassiveOpens") > before;
      });
      await client[Symbol.asyncDispose]();
      await scene.closeRecords(6);
    },
    {
      variants: VARIANTS.filter((variant) => variant.family === family),
      needs: ["curl"],
      flags: ["--route", `${route},upstream-fastopen,idempotent`],
    },
  );
}

const KEYS = [
  "a0bf63f7-ed803d81-cd641d30-cebc4a90",
  "00112233-44556677-8899aabb-ccddeeff",
  "01234567-89abcdef-01234567-89abcdef",
];

for (const variant of VARIANTS.filter(({ offload }) => offload)) {
  systemTestWithoutScene(
    `fast open: Linux's cookie outlives our start with its key as backup, and no other (${variant.name})`,
    async (means) => {
      await using namespace = await Namespace.open(means);
      const { stack, loopback } = addressesOf(variant);
      await using _upstream = await startUpstream(namespace, loopback);
      const url = `http://${urlHostOf(stack)}:${HTTP_PORT}/`;
      const counts = () =>
        ["TCPFastOpenActive", "TCPFastOpenActiveFail"].map((name) => namespace.tcpCounter(name));
      const starts: [keys: string, gets: number, active: number, fail: number][] = [
        [KEYS[0], 2, 1, 0], // the first asks for a cookie
        [`${KEYS[1]},${KEYS[0]}`, 2, 3, 0], // believed, and renewed
        [KEYS[1], 1, 4, 0], // so the new one needs no backup
        [KEYS[2], 2, 5, 1], // refused once, and renewed
      ];
      for (const [keys, gets, active, fail] of starts) {
        const flags = [...flagsOf(variant), "--set", "dad_transmits=0"];
        const tapster = await startTapster(namespace, [
          ...flags,
          ...["--set", `tcp_fastopen_key=${keys}`],
        ]);
        for (let i = 0; i < gets; i++) await get(namespace, url);
        assertEquals(counts(), [active, fail], keys);
        tapster.signal("SIGTERM");
        assertEquals((await tapster.ending(END_MS)).code, 0, tapster.text);
      }
    },
    { needs: ["curl"] },
  );
}

systemTestWithoutScene(
  "fast open: a kernel that has it off dials upstreams as ever, and a warning says so",
  async (means) => {
    await using namespace = await Namespace.open(means);
    await setKernel(namespace, "net.ipv4.tcp_fastopen=0");
    const { stack, loopback } = addressesOf(VARIANTS[0]);
    await using _upstream = await startUpstream(namespace, loopback);
    const route = `listen=${stack}:${FAST_PORT},upstream=${loopback}:${HTTP_PORT}`;
    const tapster = await startTapster(namespace, ["--route", `${route},upstream-fastopen`]);
    const warning = "upstream-fastopen is without effect: the kernel has it off";
    await tapster.line(START_MS, (line) => line.includes(`WARN  ${warning}`));
    await get(namespace, `http://${stack}:${FAST_PORT}/`);
    tapster.signal("SIGTERM");
    assertEquals((await tapster.ending(END_MS)).code, 0, tapster.text);
  },
  { needs: ["curl"] },
);

/** Gets the page by a fast open, if the kernel has a cookie. */
async function get(namespace: Namespace, url: string): Promise<void> {
  const curl = namespace.start("curl", "curl", ["-sS", "--tcp-fastopen", "--max-time", "10", url]);
  assertEquals((await curl.ending(CURL_MS)).code, 0, curl.text);
  assertEquals(curl.text + "\n", SMALL_PAGE);
}

/** An address as it stands before a port. */
function urlHostOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

async function startUpstream(namespace: Namespace, hostname: string): Promise<Program> {
  const args = ["run", "--allow-all", UPSTREAM, hostname];
  const upstream = namespace.start("the upstream", Deno.execPath(), args);
  await upstream.record(START_MS, "listening");
  return upstream;
}

async function setKernel(namespace: Namespace, setting: string): Promise<void> {
  await using sysctl = namespace.start("sysctl", "sysctl", ["-qw", setting]);
  assertEquals((await sysctl.ending(END_MS)).code, 0, sysctl.text);
}
