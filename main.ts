/**
 * Tapster, the program: flags → Config → parts, signals, exit codes. What it
 * does is in `lib/`; `--allow-ffi` is the only permission it needs.
 */

import { parseArgs } from "@std/cli";
import { ConsoleHandler, getLogger, type LevelName, type Logger, setup } from "@std/log";
import manifest from "./deno.json" with { type: "json" };
import { type Command, commandFrom, type Config } from "./lib/config.ts";
import { FLAG_SYNTAX, refuseUnknownFlags, UsageError } from "./lib/flags.ts";
import { helpText, welcomeLines } from "./lib/help.ts";
import { MonotonicClock } from "./lib/host/clock.ts";
import { SystemEntropy } from "./lib/host/entropy.ts";
import { EpollPoller } from "./lib/host/epoll.ts";
import { ENOMEM, EOPNOTSUPP, errnoMessage } from "./lib/host/errno.ts";
import { LibcError } from "./lib/host/libc.ts";
import { refuseTakenAddresses } from "./lib/host/local_addresses.ts";
import { KernelSockets } from "./lib/host/sockets.ts";
import { TapLink } from "./lib/host/tap.ts";
import { formatJson, formatText } from "./lib/log_line.ts";
import { Driver } from "./lib/proxy/driver.ts";
import { Proxy } from "./lib/proxy/proxy.ts";
import { RecordLog } from "./lib/proxy/record_log.ts";
import { SegmentLog } from "./lib/proxy/segment_log.ts";
import { Stack } from "./lib/stack/stack.ts";
import { Mac } from "./lib/wire/address.ts";
import { Arena } from "./lib/wire/memory.ts";
import { PagePool } from "./lib/wire/pages.ts";

/** Arena besides the pages: some frames of 64 KiB, and what system calls read and write. */
const FRAMES_BYTES = 1 << 20;
/** The device drops without telling the sender; a receive window of small frames fits. io-measurements §3. */
const TX_QUEUE_FRAMES = 10_000;

const MEMORY_ADVICE = "Give less with --set px_mem_max=BYTES, 16777216 at least, or raise the " +
  "limit that `ulimit -v` shows.";

const EXIT_REFUSED = 1;
const EXIT_USAGE = 2;

/** What the arguments ask for. Throws UsageError. */
export function parseCommandLine(args: string[]): Command {
  refuseUnknownFlags(args);
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
  const log = new RecordLog(logger, config.logLevel, tunables.px_log_ratelimit);
  const arena = openArena(tunables.px_mem_max + FRAMES_BYTES);
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
    tracer: config.logLevel === "debug" ? new SegmentLog(log) : null,
    ...(config.fastOpenKey === null ? {} : { fastOpenKey: config.fastOpenKey }),
  });
  const proxy = new Proxy({ stack, arena, sockets, poller, log, routes: config.routes });
  const driver = new Driver({ link, stack, proxy, poller, clock, arena, log });
  const drain = () => driver.drain(); // a second call ends it at once
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, drain);
    cleanup.defer(() => Deno.removeSignalListener(signal, drain));
  }
  for (const line of welcomeLines(config, link.name, link.offload)) logger.info(line);
  const dialsFast = config.routes.some((route) => route.opensFast && route.via === "kernel");
  const errno = dialsFast ? sockets.fastOpenErrno() : 0;
  if (errno !== 0) logger.warn(`upstream-fastopen is without effect: ${fastOpenAdvice(errno)}`);
  if (tunables.tcp_tw_recycle !== 0) {
    logger.warn("tcp_tw_recycle is 1: clients that share an address by NAT will be refused");
  }
  return (await driver.run()).exitCode;
}

/** Why the kernel dials no upstream by fast open, and what helps. */
function fastOpenAdvice(errno: number): string {
  return errno === EOPNOTSUPP
    ? "the kernel has it off; sysctl net.ipv4.tcp_fastopen=1 turns it on"
    : `${errnoMessage(errno)}; it needs Linux 4.11`;
}

function openArena(byteLength: number): Arena {
  try {
    return new Arena(byteLength);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const attempt = `Cannot reserve ${byteLength} bytes of address space`;
    throw new LibcError("mmap", ENOMEM, attempt, MEMORY_ADVICE, { cause: error });
  }
}

/** Nothing is made before it is known that the addresses are free. */
function openLink(config: Config, arena: Arena): TapLink {
  const { tapName, hostAddresses, stackAddresses } = config;
  if (config.setup) refuseTakenAddresses(tapName, hostAddresses, stackAddresses);
  return TapLink.open({
    arena,
    name: tapName,
    mtu: config.mtu,
    offload: config.offload,
    txQueueLength: TX_QUEUE_FRAMES,
    setup: config.setup ? { addresses: hostAddresses } : null,
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
    console.error("tapster: Cannot call the C library: the permission --allow-ffi is missing");
    console.error("Start with `deno run --allow-ffi main.ts`; it is the only permission needed.");
    return EXIT_REFUSED;
  }
  throw error;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
