/**
 * Client and upstream of `urgent_test.ts`, both sockets of the kernel:
 * `urgent.ts <address and port of the client's door> <the upstream's port>`.
 * Prints what each got of the other's urgent data, marks in brackets.
 */

import { KernelSockets } from "../../../lib/host/sockets.ts";
import { parseEndpoint } from "../../../lib/wire/address.ts";
import { Arena } from "../../../lib/wire/memory.ts";
import { RawListener } from "../../support/raw_listener.ts";
import { UrgentStream } from "../../support/urgent_stream.ts";

const TEXT = "before!after";

const [door, port] = Deno.args;
const arena = new Arena(65536);
const sockets = new KernelSockets(arena);
using listener = new RawListener(Number(port));
const client = new UrgentStream(sockets, arena, sockets.dial(parseEndpoint(door)!));
const upstream = new UrgentStream(sockets, arena, listener.accept());
for (const [from, to] of [[client, upstream], [upstream, client]]) {
  await from.send(TEXT);
  console.log(await to.receive(TEXT.length));
}
client.close();
upstream.close();
