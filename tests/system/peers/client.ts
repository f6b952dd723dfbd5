/**
 * The client of the system tests: opens connections, holds them until all are
 * there, does one exchange on each. Argument: a `ClientTask` as JSON. Prints
 * JSON records; ends with its work or with its standard input.
 */

import { encodeExchange, type Exchange } from "./exchange.ts";
import { endOf, type Progress, receiveAll, sendPattern, type Tally, writeAll } from "./stream.ts";

const BUFFER_LENGTH = 256 * 1024;
const SMALL_BUFFER_LENGTH = 64 * 1024;
const MANY_CONNECTIONS = 16;

/** What to do. */
export interface ClientTask {
  readonly hostname: string;
  readonly port: number;
  /** How many connections at once; each next one has a seed two higher. */
  readonly connections: number;
  /** Null: connect, send nothing and read. */
  readonly exchange: Exchange | null;
  /** Prints `under way` when a connection moved so many bytes; 0: never. */
  readonly noticeAfter: number;
  /** Waits, having printed `under way`, for a line on the standard input. */
  readonly holds: boolean;
}

/** How one connection went; null: that direction was never begun. */
export interface ClientReport {
  event: "connection";
  seed: number;
  /** `done`, or what kept it from connecting. */
  connected: string;
  sent: Tally | null;
  received: Tally | null;
}

type Result = Pick<ClientReport, "sent" | "received">;

async function run(task: ClientTask, line: Promise<void>): Promise<void> {
  const opening = Array.from({ length: task.connections }, () => open(task));
  const opened = await Promise.all(opening);
  report({ event: "connected" });
  await Promise.all(opened.map(async (conn, index) => {
    const seed = (task.exchange?.seed ?? 0) + 2 * index;
    if (typeof conn === "string") {
      return report({ event: "connection", seed, connected: conn, sent: null, received: null });
    }
    const result = await perform(conn, task, seed, line);
    conn.close();
    report({ event: "connection", seed, connected: "done", ...result });
  }));
}

async function open(task: ClientTask): Promise<Deno.Conn | string> {
  try {
    return await Deno.connect({ hostname: task.hostname, port: task.port });
  } catch (error) {
    return endOf(error);
  }
}

async function perform(
  conn: Deno.Conn,
  task: ClientTask,
  seed: number,
  line: Promise<void>,
): Promise<Result> {
  const progress = watchProgress(task, line);
  const receive = () => receiveAll(conn, bufferLength(task), progress);
  if (task.exchange === null) return { sent: null, received: await receive() };

  const exchange: Exchange = { ...task.exchange, seed };
  try {
    await writeAll(conn, encodeExchange(exchange));
  } catch (error) {
    return { sent: { bytes: 0, sha256: "", end: endOf(error) }, received: await receive() };
  }
  if (exchange.order === "client first") {
    const sent = await send(conn, exchange, progress);
    return { sent, received: await receive() };
  }
  if (exchange.order === "upstream first") {
    const received = await receive();
    return { received, sent: await send(conn, exchange, progress) };
  }
  if (exchange.order === "upstream dies") return await performDeath(conn, exchange, task);
  const [sent, received] = await Promise.all([send(conn, exchange, progress), receive()]);
  return { sent, received };
}

/** Says goodbye with two bytes when all came; the upstream dies then. */
async function performDeath(conn: Deno.Conn, exchange: Exchange, task: ClientTask) {
  let missing = exchange.downLength;
  const received = await receiveAll(conn, bufferLength(task), async (bytes) => {
    missing -= bytes;
    if (missing === 0) await writeAll(conn, new Uint8Array(2));
  });
  return { sent: null, received };
}

async function send(conn: Deno.Conn, exchange: Exchange, progress: Progress): Promise<Tally> {
  const tally = await sendPattern(conn, exchange.seed, exchange.upLength, progress);
  if (tally.end === "done") await conn.closeWrite().catch((error) => tally.end = endOf(error));
  return tally;
}

function watchProgress(task: ClientTask, line: Promise<void>): Progress {
  let missing = task.noticeAfter;
  let gate: Promise<void> | undefined;
  return (bytes) => {
    const wasMissing = missing > 0;
    missing -= bytes;
    if (wasMissing && missing <= 0) {
      report({ event: "under way" });
      if (task.holds) gate = line;
    }
    return gate; // Both directions stop at it.
  };
}

function bufferLength(task: ClientTask): number {
  return task.connections > MANY_CONNECTIONS ? SMALL_BUFFER_LENGTH : BUFFER_LENGTH;
}

/** Resolves at the first line of the standard input; ends the program with it. */
function watchInput(): Promise<void> {
  const line = Promise.withResolvers<void>();
  (async () => {
    for await (const _ of Deno.stdin.readable) line.resolve();
    Deno.exit(1);
  })();
  return line.promise;
}

function report(record: Record<string, unknown>): void {
  console.log(JSON.stringify(record));
}

if (import.meta.main) {
  await run(JSON.parse(Deno.args[0]), watchInput());
  Deno.exit(0);
}
