/**
 * Tapster, the program: flags → Config → parts, signals, exit codes. What it
 * does is in `lib/`; `--allow-ffi` is the only permission it needs.
 */

import { parseArgs } from "@std/cli";
import { ConsoleHandler, getLogger, type LevelName, type Logger, setup } from "@std/log";
import manifest from "./deno.json" with { type: "json" };
import { type Command, commandFrom, type Config, type RecordingConfig } from "./lib/config.ts";
import { FLAG_SYNTAX, refuseUnknownFlags, UsageError } from "./lib/flags.ts";
import { helpText, welcomeLines } from "./lib/help.ts";
import { MonotonicClock } from "./lib/host/clock.ts";
import { SystemEntropy } from "./lib/host/entropy.ts";
import { EpollPoller } from "./lib/host/epoll.ts";
import { ENOMEM, EOPNOTSUPP, errnoMessage } from "./lib/host/errno.ts";
import { LibcError } from "./lib/host/libc.ts";
import { refuseTakenAddresses } from "./lib/host/local_addresses.ts";
import { mayWrite, RecordFile } from "./lib/host/record_file.ts";
import { KernelSockets } from "./lib/host/sockets.ts";
import { TapLink } from "./lib/host/tap.ts";
import { formatJson, formatText } from "./lib/log_line.ts";
import { Recorder } from "./lib/observe/recorder.ts";
import { RecordingError } from "./lib/observe/recording.ts";
import { replay } from "./lib/observe/replay.ts";
import { verdictLines } from "./lib/observe/verdict.ts";
import { arenaBytes, assemble, type Setup } from "./lib/proxy/program.ts";
import { RecordLog } from "./lib/proxy/record_log.ts";
import { SegmentLog } from "./lib/proxy/segment_log.ts";
import { Mac } from "./lib/wire/address.ts";
import { Arena } from "./lib/wire/memory.ts";

/** The device drops without telling the sender; a receive window of small frames fits. io-measurements §3. */
const TX_QUEUE_FRAMES = 10_000;

const MEMORY_ADVICE = "Give less with --set px_mem_max=BYTES, 16777216 at least, or raise the " +
  "limit that `ulimit -v` shows.";

const EXIT_DIFFERENT = 1;
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
    if (command.kind === "replay") return replayFile(command.path);
    console.log(command.kind === "help" ? helpText() : `tapster ${manifest.version}`);
    return 0;
  } catch (error) {
    return explain(error);
  }
}

/** Runs the proxy until a signal or the loss of the device ends it. Throws what the system refuses. */
async function run(config: Config): Promise<number> {
  if (config.recording !== null) refuseUnwritable(config.recording);
  const logger = openLog(config);
  const { tunables } = config;
  const log = new RecordLog(logger, config.logLevel, tunables.px_log_ratelimit);
  const arena = openArena(arenaBytes(tunables));
  const clock = new MonotonicClock(arena);
  const entropy = new SystemEntropy();
  const sockets = new KernelSockets(arena);
  using cleanup = new DisposableStack();
  const poller = cleanup.adopt(new EpollPoller(arena), (poller) => poller.close());
  const link = cleanup.adopt(openLink(config, arena), (link) => link.close());
  const setup: Setup = {
    mac: config.mac ?? randomMac(entropy),
    mtu: config.mtu,
    addresses: config.stackAddresses,
    gateways: config.gateways,
    routes: config.routes,
    tunables,
    fastOpenKey: config.fastOpenKey,
  };
  const machine = { arena, link, sockets, poller, clock, entropy };
  const recorder = config.recording === null
    ? null
    : cleanup.adopt(openRecorder(config.recording, arena, logger), (recorder) => recorder.close());
  const driver = assemble(setup, recorder?.attach(setup, machine) ?? machine, {
    log,
    tracer: config.logLevel === "debug" ? new SegmentLog(log) : null,
    watcher: recorder,
  });
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
  try {
    return (await driver.run()).exitCode;
  } catch (error) {
    recorder?.failed(error);
    throw error;
  }
}

/** Runs a recording again. Returns the exit code: 0 when all is as recorded. */
function replayFile(path: string): number {
  try {
    const verdict = replay(Deno.readFileSync(path), { line: (text) => console.log(text) });
    for (const line of verdictLines(verdict)) console.log(line);
    return verdict.difference === null ? 0 : EXIT_DIFFERENT;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new UsageError(
        `Cannot replay ${path}: the permission is missing; start with ` +
          `deno run --allow-read=${path} main.ts --replay ${path}`,
      );
    }
    const isOfFile = error instanceof RecordingError ||
      error instanceof Error && "code" in error && error.code !== undefined;
    if (isOfFile) throw new UsageError(`Cannot replay ${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Refused before anything is made: a run that was to be recorded is of no use without. */
function refuseUnwritable({ path }: RecordingConfig): void {
  if (mayWrite(path)) return;
  throw new UsageError(
    `Cannot record to ${path}: the permission is missing; start with ` +
      `deno run --allow-ffi --allow-write=${path} main.ts`,
  );
}

function openRecorder({ path, limit }: RecordingConfig, arena: Arena, logger: Logger): Recorder {
  return new Recorder(new RecordFile(path), arena, {
    limit,
    onStop: (bytes, error) => {
      const refusal = error instanceof LibcError ? error.code : `${error}`;
      const cause = error === null ? "--record-limit" : refusal;
      logger.warn(
        `recording-ended file=${path} bytes=${bytes} cause="${cause}" the run goes on, unrecorded`,
      );
    },
  });
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
