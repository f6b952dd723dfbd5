/**
 * Puts the engine behind the control protocol pdctl/1, for scripts of
 * packetdrill: `deno run -A tests/packetdrill/adapter.ts --listen PATH`.
 * README.md beside this file describes the protocol.
 */

import { parseArgs } from "@std/cli";
import { type Request, Session } from "./session.ts";

const { listen: path } = parseArgs(Deno.args, { string: ["listen"] });
if (path === undefined || path === "") {
  console.error("Where to listen is missing: --listen PATH");
  Deno.exit(2);
}
for await (const connection of Deno.listen({ transport: "unix", path })) {
  serve(connection).catch((error) => console.error(error));
}

/** Serves one script: a JSON object a line, in both directions. */
async function serve(accepted: Deno.UnixConn): Promise<void> {
  using connection = accepted;
  const encoder = new TextEncoder();
  let replies = "";
  const session = new Session((reply) => replies += JSON.stringify(reply) + "\n");
  for await (const line of linesOf(connection)) {
    session.handle(JSON.parse(line) as Request);
    const bytes = encoder.encode(replies);
    replies = "";
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  }
}

async function* linesOf(connection: Deno.UnixConn): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65536);
  let rest = "";
  for (let count = await connection.read(buffer); count; count = await connection.read(buffer)) {
    const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
