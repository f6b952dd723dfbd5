/**
 * What `active_open_test.ts` runs inside a private network namespace: our
 * active opener against the namespace's own kernel, `opener.ts <scenario>`. A
 * scenario that fails throws.
 */

import { assert, assertEquals } from "@std/assert";
import { MonotonicClock } from "../../../lib/host/clock.ts";
import { SystemEntropy } from "../../../lib/host/entropy.ts";
import { TapLink } from "../../../lib/host/tap.ts";
import { Stack } from "../../../lib/stack/stack.ts";
import type { Connection } from "../../../lib/tcp/connection.ts";
import { State } from "../../../lib/tcp/state.ts";
import { DEFAULT_TUNABLES } from "../../../lib/tcp/tunables.ts";
import { parseCidr, parseEndpoint, parseMac } from "../../../lib/wire/address.ts";
import { Frame } from "../../../lib/wire/frame.ts";
import { Arena } from "../../../lib/wire/memory.ts";
import { PagePool } from "../../../lib/wire/pages.ts";

/** The kernel's addresses, alone and as a part of an endpoint. */
const FAMILIES = [
  { kernel: "198.18.0.1", endpoint: "198.18.0.1" },
  { kernel: "fd00:198:18::1", endpoint: "[fd00:198:18::1]" },
] as const;
const PATIENCE_MS = 10_000;

const arena = new Arena(24 << 20);
const clock = new MonotonicClock(arena);
const link = TapLink.open({
  arena,
  name: "tap7",
  mtu: 1500,
  offload: true,
  txQueueLength: 10_000,
  setup: { addresses: [parseCidr("198.18.0.1/24")!, parseCidr("fd00:198:18::1/64")!] },
});
const stack = new Stack({
  arena,
  pages: new PagePool(arena, 16 << 20),
  tunables: DEFAULT_TUNABLES,
  entropy: new SystemEntropy(),
  frameSink: link,
  mac: parseMac("02:00:00:00:00:02")!,
  mtu: 1500,
  offload: link.offload,
  addresses: [parseCidr("198.18.0.2/24")!, parseCidr("fd00:198:18::2/64")!],
  tracer: null,
});
const frame = new Frame(arena, 65_600);

/**
 * Lets frames travel until `isDone`; the kernel's sockets have their turn
 * between. `received` is called after each frame.
 */
async function until(isDone: () => boolean, what: string, received?: () => void): Promise<void> {
  const deadline = clock.now() + PATIENCE_MS;
  for (;;) {
    while (link.read(frame) > 0) {
      stack.receive(frame, clock.now());
      received?.();
    }
    while (stack.poll(clock.now()));
    if (isDone()) return;
    assert(clock.now() < deadline, `Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function write(c: Connection, text: string): void {
  const room = c.writable();
  arena.bytes.set(new TextEncoder().encode(text), room.offsets[0]);
  c.commit(text.length);
}

function read(c: Connection): string {
  const bytes = c.readable();
  const text = new TextDecoder().decode(
    arena.bytes.slice(bytes.offsets[0], bytes.offsets[0] + bytes.length),
  );
  c.consume(bytes.length);
  return text;
}

/** A connection of ours to a listener of the kernel, and the kernel's end of it. */
async function connect({ kernel, endpoint }: (typeof FAMILIES)[number]) {
  using listener = Deno.listen({ hostname: kernel, port: 0 });
  const { port } = listener.addr;
  const c = stack.connect(parseEndpoint(`${endpoint}:${port}`)!, {}, clock.now());
  const accepting = listener.accept();
  await until(() => c.state === State.Established, "ESTABLISHED");
  return { c, peer: await accepting };
}

const SCENARIOS: Record<string, (family: (typeof FAMILIES)[number]) => Promise<void>> = {
  "bytes go both ways, and we close first": async (family) => {
    const { c, peer } = await connect(family);
    assert(c.sackOk && c.tsOk && c.sndShift > 0, "Linux agrees to SACK, timestamps and scaling");
    write(c, "ping");
    const bytes = new Uint8Array(10);
    let length: number | null = 0;
    const reading = peer.read(bytes).then((count) => length = count);
    await until(() => length === 4, "the kernel's 4 bytes");
    await reading;
    assertEquals(new TextDecoder().decode(bytes.subarray(0, 4)), "ping");
    await peer.write(new TextEncoder().encode("pong"));
    await until(() => c.readable().length === 4, "our 4 bytes");
    assertEquals(read(c), "pong");
    c.shutdown();
    await until(() => c.state === State.FinWait2, "FIN_WAIT_2");
    peer.close();
    await until(() => c.state === State.TimeWait, "TIME_WAIT");
  },
  "a port where nobody listens refuses": async ({ endpoint }) => {
    const c = stack.connect(parseEndpoint(`${endpoint}:9`)!, {}, clock.now());
    await until(() => c.state === State.Closed, "CLOSED");
    assertEquals(c.closeReason, "refused");
  },
  "both ends close at once": async (family) => {
    const { c, peer } = await connect(family);
    await peer.closeWrite(); // its FIN waits in the device
    c.shutdown();
    while (stack.poll(clock.now()));
    const states: string[] = [c.stateName];
    await until(() => c.state === State.TimeWait, "TIME_WAIT", () => {
      if (states.at(-1) !== c.stateName) states.push(c.stateName);
    });
    assertEquals(states, ["FIN-WAIT-1", "CLOSING", "TIME-WAIT"]);
    peer.close();
  },
};

for (const family of FAMILIES) await SCENARIOS[Deno.args[0]](family);
Deno.exit(0);
