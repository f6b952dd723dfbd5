/**
 * `deno task bench:synflood`: cookie SYN-ACKs a second over a real TAP. In a
 * network namespace of its own, a flooder sends SYNs of spoofed sources as fast
 * as it can; Tapster answers each with a cookie. In turn with it, on the same
 * device, `bare_link.ts` shows what reading and writing alone cost.
 *
 * Needs root or user namespaces, /dev/net/tun, and three cores.
 */

import type { FloodTask } from "../tests/system/peers/syn_flooder.ts";
import { Namespace } from "../tests/system/support/namespace.ts";
import type { Program } from "../tests/system/support/program.ts";
import { findMeans } from "../tests/system/support/requirements.ts";
import { DEVICE, startTapster } from "../tests/system/support/tapster.ts";
import { addressesOf, DEFAULT_VARIANT } from "../tests/system/support/variants.ts";
import { pause } from "../tests/system/support/wait.ts";

const ROUNDS = 5;
const FLOOD_SECONDS = 4;
/** Of a flood, until the code is compiled; and what of it is measured then. */
const WARM_UP_MS = 1_500;
const MEASURED_MS = 2_000;
const START_MS = 10_000;
const END_MS = 10_000;
/** `/proc/PID/stat` counts in these. USER_HZ. */
const TICKS_PER_SECOND = 100;
const TAPSTER_MAC = "02:00:00:00:00:02";
/** Another station's on the link: the kernel has no use for the answers, and drops them early. */
const STRANGER_MAC = "02:00:00:00:00:66";
const BARE_LINK = new URL("./bare_link.ts", import.meta.url).pathname;
const FLOODER = new URL("../tests/system/peers/syn_flooder.ts", import.meta.url).pathname;

/** Who answers. */
interface Contender {
  readonly name: string;
  readonly start: (namespace: Namespace) => Promise<Program>;
  /** One of each round. */
  readonly results: Result[];
}

/** Of one round. */
interface Result {
  readonly answersPerSecond: number;
  /** All threads, in the kernel and out of it, for one answer. */
  readonly cpuMicroseconds: number;
}

const contenders: readonly Contender[] = [
  {
    name: "Tapster",
    start: (namespace) =>
      startTapster(namespace, ["--mac", TAPSTER_MAC, "--set", "tcp_syncookies=2"]),
    results: [],
  },
  {
    name: "read and write alone",
    start: async (namespace) => {
      const args = ["run", "--allow-all", BARE_LINK, DEVICE];
      const program = namespace.start("the bare link", Deno.execPath(), args);
      await program.line(START_MS, (line) => line === "ready");
      return program;
    },
    results: [],
  },
];

/** Floods one contender once. */
async function measure(namespace: Namespace, { start }: Contender): Promise<Result> {
  const program = await start(namespace);
  await using flooder = startFlood(namespace);
  await flooder.record(START_MS, "flooding");
  await pause(WARM_UP_MS);
  const before = sample(namespace, program);
  await pause(MEASURED_MS);
  const after = sample(namespace, program);
  await flooder.ending(END_MS);
  program.signal("SIGKILL"); // a drain would wait for the last SYNs' handshakes
  await program.ending(END_MS);
  const answers = after.frames - before.frames;
  return {
    answersPerSecond: answers / (after.atMs - before.atMs) * 1000,
    cpuMicroseconds: (after.cpuSeconds - before.cpuSeconds) * 1e6 / answers,
  };
}

function startFlood(namespace: Namespace): Program {
  const { stack, spoofed } = addressesOf(DEFAULT_VARIANT);
  const task: FloodTask = {
    device: DEVICE,
    sourceMac: STRANGER_MAC,
    destinationMac: TAPSTER_MAC,
    source: spoofed,
    destination: stack,
    port: 80,
    perSecond: 0,
    seconds: FLOOD_SECONDS,
  };
  const args = ["run", "--allow-all", FLOODER, JSON.stringify(task)];
  return namespace.start("the flooder", Deno.execPath(), args);
}

function sample(namespace: Namespace, program: Program) {
  // Behind the name, which may have blanks, the third field is the first.
  const stat = Deno.readTextFileSync(`/proc/${program.pid}/stat`).split(") ").at(-1)!.split(" ");
  const [user, system] = [Number(stat[11]), Number(stat[12])];
  return {
    atMs: performance.now(),
    frames: namespace.receivedFrames(DEVICE),
    cpuSeconds: (user + system) / TICKS_PER_SECOND,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function line(name: string, results: readonly Result[]): string {
  const perSecond = median(results.map((result) => result.answersPerSecond));
  const microseconds = median(results.map((result) => result.cpuMicroseconds));
  return [
    name.padEnd(22),
    perSecond.toFixed(0).padStart(10),
    microseconds.toFixed(2).padStart(14),
    (1e6 / microseconds).toFixed(0).padStart(24),
  ].join("");
}

if (import.meta.main) {
  const means = findMeans();
  if (typeof means === "string") {
    console.error(`Cannot measure: ${means}`);
    Deno.exit(1);
  }
  await using namespace = await Namespace.open(means);
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of contenders) {
      contender.results.push(await measure(namespace, contender));
    }
  }
  console.log(`${"".padEnd(22)} answers/s  CPU µs for one  answers per CPU second`);
  for (const { name, results } of contenders) console.log(line(name, results));
}
