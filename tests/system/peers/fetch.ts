/**
 * A small HTTP/1.1 client that counts, hashes and takes the time, for the demo.
 * Arguments: address, port, path. Prints a `FetchReport` as JSON.
 */

import { createHash } from "node:crypto";
import { HTTP_HEAD_END, writeAll } from "./stream.ts";

const BUFFER_LENGTH = 1024 * 1024;
/** The longest body that the report repeats. */
const TEXT_LIMIT = 1000;

/** How a fetch went. */
export interface FetchReport {
  readonly event: "fetched";
  /** `HTTP/1.1 200 OK`, say. */
  readonly status: string;
  /** The body's length. */
  readonly bytes: number;
  readonly sha256: string;
  /** What the server says the SHA-256 is; null when it says nothing. */
  readonly expectedSha256: string | null;
  /** From the first byte of the body to its end. */
  readonly transferMs: number;
  /** From before the connecting to the end. */
  readonly totalMs: number;
  /** The client's port. */
  readonly localPort: number;
  /** The body, when it is short. */
  readonly text: string;
}

async function fetchOnce(hostname: string, port: number, path: string): Promise<FetchReport> {
  const startedAt = performance.now();
  using conn = await Deno.connect({ hostname, port });
  const request = `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`;
  await writeAll(conn, new TextEncoder().encode(request));

  const buffer = new Uint8Array(BUFFER_LENGTH);
  const { head, rest } = await readHead(conn, buffer);
  const bodyAt = performance.now();
  const hash = createHash("sha256");
  const start = rest.slice(0, TEXT_LIMIT);
  let bytes = rest.length;
  hash.update(rest);
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    hash.update(buffer.subarray(0, count));
    bytes += count;
  }
  const endedAt = performance.now();
  return {
    event: "fetched",
    status: head.split("\r\n")[0],
    bytes,
    sha256: hash.digest("hex"),
    expectedSha256: /^x-sha256: (\w+)\r?$/im.exec(head)?.[1] ?? null,
    transferMs: endedAt - bodyAt,
    totalMs: endedAt - startedAt,
    localPort: conn.localAddr.port,
    text: bytes <= start.length ? new TextDecoder().decode(start) : "",
  };
}

/** Reads the head and what came with it of the body, which lies in `buffer`. */
async function readHead(
  conn: Deno.Conn,
  buffer: Uint8Array,
): Promise<{ head: string; rest: Uint8Array }> {
  let length = 0;
  for (;;) {
    const count = await conn.read(buffer.subarray(length));
    if (count === null) throw new Deno.errors.UnexpectedEof("in the head of an HTTP answer");
    length += count;
    const text = new TextDecoder("latin1").decode(buffer.subarray(0, length));
    const end = text.indexOf(HTTP_HEAD_END);
    if (end >= 0) {
      const rest = buffer.subarray(end + HTTP_HEAD_END.length, length);
      return { head: text.slice(0, end), rest };
    }
  }
}

if (import.meta.main) {
  const [hostname, port, path] = Deno.args;
  console.log(JSON.stringify(await fetchOnce(hostname, Number(port), path)));
}
