/**
 * Tapster, the program: flags → Config → parts, signals, exit codes. What it
 * does is in `lib/`; `--allow-ffi` is the only permission it needs.
 */

import { parseArgs } from "@std/cli";
import { ConsoleHandler, getLogger, type LevelName, type Logger, setup } from "@std/log";
import manifest from "./deno.json" with { type: "json" };
import { type Command, commandFrom, type Config, FLAG_SYNTAX, UsageError } from "./lib/config.ts";
import { helpText, welcomeLines } from "./lib/help.ts";
import { MonotonicClock } from "./lib/host/clock.ts";
import { SystemEntropy } from "./lib/host/entropy.ts";
import { EpollPoller } from "./lib/host/epoll.ts";
import { LibcError } from "./lib/host/libc.ts";
import { KernelSockets } from "./lib/host/sockets.ts";
import { TapLink } from "./lib/host/tap.ts";
import { formatJson, formatText } from "./lib/log_line.ts";
import { Driver } from "./lib/proxy/driver.ts";
import { Proxy } from "./lib/proxy/proxy.ts";
import { SegmentLog } from "./lib/proxy/segment_log.ts";
import { Stack } from "./lib/stack/stack.ts";
import { Mac } from "./lib/wire/address.ts";
import { Arena } from "./lib/wire/memory.ts";
import { PagePool } from "./lib/wire/pages.ts";

/** Arena besides the pages: some frames of 64 KiB, and what system calls read and write. */
const FRAMES_BYTES = 1 << 20;
/** The device drops without telling the sender; a receive window of small frames fits. io-measurements §3. */
const TX_QUEUE_FRAMES = 10_000;

const EXIT_REFUSED = 1;
const EXIT_USAGE = 2;

/** What the arguments ask for. Throws UsageError. */
export function parseCommandLine(args: string[]): Command {
  return commandFrom(parseArgs(args, FLAG_SYNTAX));
}

/** Does what the command line asks for. Returns the exit code. */
async function main(args: string[]): Promise<number> {
  try {
    const command = parseCommandLine(args);
    if (command.kind === "run") return await run(command.config);
    console.log(command.kind === "help" ? helpText() : `tapster ${manifest.version}`);
    return 0;
  } catch (error) {
    return explain(error);
  }
}

/** Runs the proxy until a signal or the loss of the device ends it. Throws what the system refuses. */
async function run(config: Config): Promise<number> {
  const logger = openLog(config);
  const { tunables, mtu } = config;
  const arena = new Arena(tunables.px_mem_max + FRAMES_BYTES);
  const clock = new MonotonicClock(arena);
  const entropy = new SystemEntropy();
  const sockets = new KernelSockets(arena);
  using cleanup = new DisposableStack();
  const poller = cleanup.adopt(new EpollPoller(arena), (poller) => poller.close());
  const link = cleanup.adopt(openLink(config, arena), (link) => link.close());
  const stack = new Stack({
    arena,
    pages: new PagePool(arena, tunables.px_mem_max),
    tunables,
    entropy,
    frameSink: link,
    mac: config.mac ?? randomMac(entropy),
    mtu,
    offload: link.offload,
    addresses: config.stackAddresses,
    gateways: config.gateways,
    tracer: config.logLevel === "debug" ? new SegmentLog(logger) : null,
    ...(config.fastOpenKey === null ? {} : { fastOpenKey: config.fastOpenKey }),
  });
  const proxy = new Proxy({ stack, sockets, poller, tunables, logger, routes: config.routes });
  const driver = new Driver({ link, stack, proxy, poller, clock, arena, logger });
  const drain = () => driver.drain(); // a second call ends it at once
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, drain);
    cleanup.defer(() => Deno.removeSignalListener(signal, drain));
  }
  for (const line of welcomeLines(config, link.name, link.offload)) logger.info(line);
  return (await driver.run()).exitCode;
}

function openLink(config: Config, arena: Arena): TapLink {
  return TapLink.open({
    arena,
    name: config.tapName,
    mtu: config.mtu,
    offload: config.offload,
    txQueueLength: TX_QUEUE_FRAMES,
    setup: config.setup ? { addresses: config.hostAddresses } : null,
  });
}

function openLog(config: Config): Logger {
  const level = config.logLevel.toUpperCase() as LevelName;
  const formatter = config.logFormat === "json" ? formatJson : formatText;
  setup({
    handlers: { lines: new ConsoleHandler(level, { formatter, useColors: false }) },
    loggers: { tapster: { level, handlers: ["lines"] } },
  });
  return getLogger("tapster");
}

/** A locally administered unicast address. IEEE 802 §8.4. */
function randomMac(entropy: SystemEntropy): Mac {
  const words = new Uint32Array(2);
  entropy.fill(new Uint8Array(words.buffer));
  return new Mac(words[0] & 0xfcff | 0x0200, words[1]);
}

/** Tells the user what went wrong; returns the exit code. Throws what is a bug. */
function explain(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`tapster: ${error.message}`);
    return EXIT_USAGE;
  }
  if (error instanceof LibcError) {
    console.error(`tapster: ${error.message}`);
    if (error.advice !== "") console.error(error.advice);
    return EXIT_REFUSED;
  }
  if (error instanceof Deno.errors.NotCapable) {
    console.error("tapster: Cannot call the C library: start with deno run --allow-ffi main.ts");
    return EXIT_REFUSED;
  }
  throw error;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
