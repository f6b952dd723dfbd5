/**
 * The upstream of the system tests and the demo: exchanges on one port, HTTP/1.1
 * on another. Arguments: the address to listen at. Prints one JSON record when
 * it is ready and one for each exchange that ended; ends with its standard input.
 */

import { createHash } from "node:crypto";
import {
  decodeExchange,
  type Exchange,
  EXCHANGE_LENGTH,
  EXCHANGE_PORT,
  HTTP_PORT,
} from "./exchange.ts";
import { BLOCK_LENGTH, Pattern } from "./pattern.ts";
import {
  endOf,
  HTTP_HEAD_END,
  readExactly,
  receiveAll,
  sendPattern,
  type Tally,
  writeAll,
} from "./stream.ts";

/** Enough for bulk; a thousand connections at once have 64 MiB then. */
const BUFFER_LENGTH = 256 * 1024;
const SMALL_BUFFER_LENGTH = 64 * 1024;
const MANY_CONNECTIONS = 16;
const REQUEST_LIMIT = 16 * 1024;

/** What the small page says. */
export const SMALL_PAGE = "These bytes came through a TCP written in TypeScript.\n";

/** What an exchange was like for the upstream; null: that direction was never begun. */
export interface UpstreamReport {
  event: "exchange";
  seed: number;
  received: Tally | null;
  sent: Tally | null;
}

let openConnections = 0;

async function serveExchanges(listener: Deno.Listener): Promise<void> {
  for await (const conn of listener) {
    openConnections++;
    serveExchange(conn).catch((error) => report({ event: "failure", text: endOf(error) }))
      .finally(() => {
        openConnections--;
        conn.close();
      });
  }
}

async function serveExchange(conn: Deno.Conn): Promise<void> {
  const exchange = decodeExchange(await readExactly(conn, EXCHANGE_LENGTH));
  report({ event: "begin", seed: exchange.seed });
  const result = await perform(conn, exchange);
  report({ event: "exchange", seed: exchange.seed, ...result });
}

type Result = Pick<UpstreamReport, "received" | "sent">;

async function perform(conn: Deno.Conn, exchange: Exchange): Promise<Result> {
  if (exchange.order === "client first") {
    const received = await receive(conn);
    return { received, sent: await send(conn, exchange) };
  }
  if (exchange.order === "upstream first") {
    const sent = await send(conn, exchange);
    return { sent, received: await receive(conn) };
  }
  if (exchange.order === "upstream dies") return await performDeath(conn, exchange);
  if (exchange.order === "deaf upstream") {
    return { received: null, sent: await send(conn, exchange) };
  }
  const [received, sent] = await Promise.all([receive(conn), send(conn, exchange)]);
  return { received, sent };
}

/** Sends all, gets one of the two bytes that the client answers with, and is no more. */
async function performDeath(conn: Deno.Conn, exchange: Exchange): Promise<never> {
  const sent = await sendPattern(conn, exchange.seed + 1, exchange.downLength, () => {});
  await readExactly(conn, 1);
  report({ event: "exchange", seed: exchange.seed, sent, received: null });
  Deno.kill(Deno.pid, "SIGKILL");
  return await new Promise(() => {});
}

async function send(conn: Deno.Conn, exchange: Exchange): Promise<Tally> {
  const tally = await sendPattern(conn, exchange.seed + 1, exchange.downLength, () => {});
  if (tally.end === "done") await conn.closeWrite();
  return tally;
}

function receive(conn: Deno.Conn): Promise<Tally> {
  const length = openConnections > MANY_CONNECTIONS ? SMALL_BUFFER_LENGTH : BUFFER_LENGTH;
  return receiveAll(conn, length, () => {});
}

async function serveHttp(listener: Deno.Listener): Promise<void> {
  for await (const conn of listener) {
    answerHttp(conn).catch((error) => report({ event: "failure", text: endOf(error) }))
      .finally(() => conn.close());
  }
}

/** Answers one request: `/` is the small page, `/bytes/N` the first N bytes of the pattern. */
async function answerHttp(conn: Deno.Conn): Promise<void> {
  const path = await readRequestPath(conn);
  const length = /^\/bytes\/(\d+)$/.exec(path)?.[1];
  if (length !== undefined) await answerBytes(conn, Number(length));
  else if (path === "/") await answerText(conn, "200 OK", SMALL_PAGE);
  else await answerText(conn, "404 Not Found", `There is no ${path}\n`);
}

async function readRequestPath(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(REQUEST_LIMIT);
  let text = "";
  while (!text.includes(HTTP_HEAD_END) && text.length < REQUEST_LIMIT) {
    const count = await conn.read(buffer);
    if (count === null) throw new Deno.errors.UnexpectedEof("in an HTTP request");
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text.split(" ")[1] ?? "";
}

async function answerText(conn: Deno.Conn, status: string, text: string): Promise<void> {
  const head =
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n`;
  await writeAll(conn, new TextEncoder().encode(`${head}Connection: close\r\n\r\n${text}`));
}

async function answerBytes(conn: Deno.Conn, length: number): Promise<void> {
  // Hashed beforehand, so that the transfer is not slowed by it.
  const head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n" +
    `Content-Length: ${length}\r\nX-Sha256: ${sha256OfPattern(length)}\r\n`;
  await writeAll(conn, new TextEncoder().encode(`${head}Connection: close\r\n\r\n`));
  const pattern = new Pattern(0);
  for (let sent = 0; sent < length; sent += BLOCK_LENGTH) {
    await writeAll(conn, pattern.block(sent / BLOCK_LENGTH, length - sent));
  }
}

function sha256OfPattern(length: number): string {
  const pattern = new Pattern(0);
  const hash = createHash("sha256");
  for (let hashed = 0; hashed < length; hashed += BLOCK_LENGTH) {
    hash.update(pattern.block(hashed / BLOCK_LENGTH, length - hashed));
  }
  return hash.digest("hex");
}

function report(record: Record<string, unknown>): void {
  console.log(JSON.stringify(record));
}

if (import.meta.main) {
  const hostname = Deno.args[0]!;
  serveExchanges(Deno.listen({ hostname, port: EXCHANGE_PORT }));
  serveHttp(Deno.listen({ hostname, port: HTTP_PORT }));
  report({ event: "listening" });
  for await (const _ of Deno.stdin.readable);
  Deno.exit(0);
}
