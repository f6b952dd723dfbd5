/**
 * Receives on several connections at once, for a while, and tells how much came
 * on each. Argument: a `ReceiverTask` as JSON. Prints a `ReceiverReport`; ends then.
 */

import { encodeExchange, EXCHANGE_PORT } from "./exchange.ts";
import { writeAll } from "./stream.ts";

const BUFFER_LENGTH = 256 * 1024;
/** More than any link carries meanwhile. */
const ENDLESS = 2 ** 40;

/** From whom to receive, and for how long. */
export interface ReceiverTask {
  /** One connection to the exchange at each of them; one may be there more than once. */
  readonly hostnames: readonly string[];
  /** Milliseconds from the moment when all connections are there. */
  readonly forMs: number;
}

/** What came. */
export interface ReceiverReport {
  event: "received";
  /** Bytes of each connection, in the order of the task's names. */
  bytes: number[];
}

async function receive(conn: Deno.Conn, count: (bytes: number) => void): Promise<void> {
  const buffer = new Uint8Array(BUFFER_LENGTH);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) throw new Error("The stream ended");
    count(length);
  }
}

if (import.meta.main) {
  const { hostnames, forMs }: ReceiverTask = JSON.parse(Deno.args[0]!);
  const conns = await Promise.all(
    hostnames.map((hostname) => Deno.connect({ hostname, port: EXCHANGE_PORT })),
  );
  const bytes = hostnames.map(() => 0);
  setTimeout(() => {
    const report: ReceiverReport = { event: "received", bytes };
    console.log(JSON.stringify(report));
    Deno.exit(0);
  }, forMs);
  await Promise.all(conns.map(async (conn, index) => {
    const exchange = { seed: index, upLength: 0, downLength: ENDLESS, order: "together" } as const;
    await writeAll(conn, encodeExchange(exchange));
    await receive(conn, (length) => bytes[index] += length);
  }));
}
