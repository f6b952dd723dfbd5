/** Tapster as a child process: started as a user would, watched from outside. */

import { Namespace } from "./namespace.ts";
import { parseRecord, type Program } from "./program.ts";
import { addressesOf, type Variant } from "./variants.ts";
import { eventually } from "./wait.ts";

const START_MS = 15_000;
const SETTLE_MS = 5_000;
const ROOT = new URL("../../../", import.meta.url).pathname;

/** The device that Tapster makes by default. */
export const DEVICE = "tapster0";

/** The only permission there is. `--no-prompt`: nobody is asked for another. */
export const PERMISSIONS = ["--no-prompt", "--allow-ffi"] as const;

/** What is not as usual about the program. */
export interface Special {
  /** Besides `PERMISSIONS`. */
  readonly permissions?: readonly string[];
  /** Where its main.ts is; the repository by default. */
  readonly root?: string;
}

/** Starts main.ts in the namespace and waits until its device can be used, or set up. */
export async function startTapster(
  namespace: Namespace,
  flags: string[],
  { permissions = [], root = ROOT }: Special = {},
): Promise<Program> {
  const args = ["run", ...PERMISSIONS, ...permissions, "main.ts", ...flags];
  const tapster = namespace.start("tapster", Deno.execPath(), args, root);
  const isReady = flags.includes("--no-setup")
    ? () => namespace.devices().includes(DEVICE)
    : () => namespace.hasRoute(DEVICE) && namespace.hasOnlyUsableAddresses();
  await eventually(START_MS, "the device is ready", () => !tapster.runs || isReady());
  await tapster.line(START_MS, () => true);
  if (!tapster.runs) throw new Error(`Tapster ended at its start and said:\n${tapster.text}`);
  return tapster;
}

/** Sets a device up with the client's address, as somebody does to a device that has lost it. */
export async function setUpDevice(
  namespace: Namespace,
  device: string,
  variant: Variant,
): Promise<void> {
  const noDetection = variant.family === 6 ? " nodad" : "";
  await namespace.ip(`link set ${device} up`);
  await namespace.ip(`addr replace ${addressesOf(variant).host} dev ${device}${noDetection}`);
}

/** What Tapster says of a connection that ended. Lengths in bytes. */
export interface CloseRecord {
  readonly up: number;
  readonly down: number;
  readonly reason: string;
  /** What became of the side that is to blame, where there is more to say. */
  readonly cause?: string;
}

/** The close records in Tapster's JSON log so far. */
export function closeRecordsOf(tapster: Program): CloseRecord[] {
  return tapster.lines.map(parseRecord).filter((r) =>
    r?.msg === "close"
  ) as unknown[] as CloseRecord[];
}

/** What Tapster logged as errors, its own bugs among them. */
export function failuresOf(tapster: Program): string[] {
  return tapster.lines.filter((line) => parseRecord(line)?.level === "error");
}

/** How many descriptors a running program has open. */
export function countDescriptors(program: Program): number {
  return Array.from(Deno.readDirSync(`/proc/${program.pid}/fd`)).length;
}

/** Waits until a program has no more descriptors than `limit`. */
export async function waitForDescriptors(program: Program, limit: number): Promise<void> {
  await eventually(
    SETTLE_MS,
    `${program.pid} has at most ${limit} descriptors`,
    () => countDescriptors(program) <= limit,
  );
}
