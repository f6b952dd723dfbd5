/**
 * The demo: `deno task demo`. In a network namespace of its own, with an HTTP
 * server and a client of its own, it runs Tapster as a user would, fetches a
 * page and 1 GiB through it and shows what happened. Leaves nothing behind.
 *
 * Needs root or user namespaces, /dev/net/tun, and util-linux.
 */

import { HTTP_PORT } from "./peers/exchange.ts";
import type { FetchReport } from "./peers/fetch.ts";
import { Namespace } from "./support/namespace.ts";
import type { Program } from "./support/program.ts";
import { findMeans, type Means } from "./support/requirements.ts";
import { DEVICE, PERMISSIONS, startTapster } from "./support/tapster.ts";
import { addressesOf, DEFAULT_VARIANT } from "./support/variants.ts";
import { eventually } from "./support/wait.ts";

const GIB = 1024 * 1024 * 1024;
const START_MS = 10_000;
const SMALL_FETCH_MS = 10_000;
const BIG_FETCH_MS = 60_000;
const LOG_MS = 2_000;
const END_MS = 10_000;
const EXIT_FAILED = 1;
const EXIT_INTERRUPTED = 130;

const FLAGS = ["--log-level", "debug"];
const PEERS = new URL("./peers/", import.meta.url).pathname;
const { host, stack: hostname, loopback } = addressesOf(DEFAULT_VARIANT);

/** Shows everything. Throws when something is not as it should be. */
async function show(namespace: Namespace): Promise<void> {
  const upstream = startPeer(namespace, "the HTTP server", ["upstream.ts", loopback]);
  await upstream.record(START_MS, "listening");
  const tapster = await startTapster(namespace, FLAGS);
  say(PICTURE);
  say(`$ deno run ${PERMISSIONS.join(" ")} main.ts ${FLAGS.join(" ")}`);
  say(...tapster.lines.map((line) => `  ${line}`));

  say("", `1. A small page: GET http://${hostname}/`, "");
  const page = await fetchPath(namespace, "/", SMALL_FETCH_MS);
  await showSegments(tapster, page.localPort);
  say("", `   ${page.status}, ${page.totalMs.toFixed(1)} ms: ${page.text.trim()}`);

  say("", `2. 1 GiB: GET http://${hostname}/bytes/${GIB}`, "");
  const big = await fetchPath(namespace, `/bytes/${GIB}`, BIG_FETCH_MS);
  await showSegments(tapster, big.localPort);
  showTransfer(big);

  say("", "3. The end: SIGTERM");
  tapster.signal("SIGTERM");
  const { code } = await tapster.ending(END_MS);
  demand(code === 0, `Tapster ended with exit code ${code} and said:\n${tapster.text}`);
  demand(!namespace.devices().includes(DEVICE), `The device ${DEVICE} is still there`);
  say(`   exit code 0, the device ${DEVICE} is gone`);
}

const PICTURE = `
In a network namespace of its own:

  an HTTP client at ${host.split("/")[0]}       its TCP is the kernel's
    │  Ethernet frames, device ${DEVICE}
  Tapster at ${hostname}              its own TCP, in TypeScript
    │  a kernel socket
  an HTTP server at ${loopback}

Below, "<" is a segment from the client and ">" one from Tapster, as Tapster logs
them: those that begin or end a connection.
`;

function startPeer(namespace: Namespace, what: string, [file, ...args]: string[]): Program {
  return namespace.start(what, Deno.execPath(), ["run", "--allow-all", PEERS + file, ...args]);
}

async function fetchPath(
  namespace: Namespace,
  path: string,
  milliseconds: number,
): Promise<FetchReport> {
  const args = ["fetch.ts", hostname, String(HTTP_PORT), path];
  await using client = startPeer(namespace, "the client", args);
  return await client.record(milliseconds, "fetched");
}

/** Prints Tapster's own log of one connection: segments with SYN, FIN or RST, open and close. */
async function showSegments(tapster: Program, port: number): Promise<void> {
  const isOfClient = (line: string) => new RegExp(`[ =][\\d.]+:${port} `).test(line);
  const isEnd = (line: string) => isOfClient(line) && / close /.test(line);
  await eventually(LOG_MS, "Tapster logs the connection's end", () => tapster.lines.some(isEnd));
  const lines = tapster.lines.filter(isOfClient);
  const start = timeOf(lines[0]);
  for (const line of lines) {
    const [, , ...words] = line.split(/\s+/);
    const segment = /^[<>]$/.test(words[0]) ? `${words[0]} ${words.slice(2).join(" ")}` : null;
    say(`   +${timeOf(line) - start} ms`.padEnd(14) + (segment ?? words.join(" ")));
  }
}

/** A log line's time in milliseconds. */
function timeOf(line: string): number {
  return Date.parse(line.split(" ")[0]);
}

function showTransfer(report: FetchReport): void {
  const { bytes, transferMs, sha256, expectedSha256 } = report;
  const gigabits = bytes * 8 / 1e9 / (transferMs / 1000);
  const seconds = (transferMs / 1000).toFixed(2);
  say("", `   ${bytes} bytes in ${seconds} s, ${gigabits.toFixed(1)} Gbit/s, SHA-256 included`);
  say(`   SHA-256 sent      ${expectedSha256}`, `   SHA-256 received  ${sha256}`);
  demand(bytes === GIB, `Expected ${GIB} bytes, received ${bytes}`);
  demand(sha256 === expectedSha256, "The SHA-256 received is another than the one sent");
  say("   They are equal.");
}

function demand(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

function say(...lines: string[]): void {
  for (const line of lines) console.log(line);
}

/** Aborted at Ctrl-C or SIGTERM. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => controller.abort());
  }
  return controller.signal;
}

/** Throws, when it was interrupted, after everything is cleaned up. */
async function showUntil(interrupted: AbortSignal, means: Means): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  interrupted.addEventListener("abort", () => resolve());
  await using namespace = await Namespace.open(means);
  interrupted.throwIfAborted();
  await Promise.race([show(namespace), promise]);
  interrupted.throwIfAborted();
}

async function main(): Promise<number> {
  const means = findMeans();
  if (typeof means === "string") {
    console.error(`The demo cannot run here: it ${means}.`);
    return EXIT_FAILED;
  }
  const interrupted = interruption();
  try {
    await showUntil(interrupted, means);
    return 0;
  } catch (error) {
    // Ctrl-C reaches the children, too; what fails then is no failure.
    if (!interrupted.aborted) {
      console.error(`\nThe demo failed. ${error instanceof Error ? error.message : error}`);
      return EXIT_FAILED;
    }
    console.error("\nInterrupted; nothing is left behind.");
    return EXIT_INTERRUPTED;
  }
}

if (import.meta.main) Deno.exit(await main());
