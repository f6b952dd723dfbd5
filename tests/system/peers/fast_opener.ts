/**
 * What `fast_open_test.ts` runs inside a private network namespace: our client
 * of TCP Fast Open against the namespace's own kernel, and against a twin: our
 * own server with the kernel's addresses. `fast_opener.ts <scenario>`; a
 * scenario that fails throws.
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { MonotonicClock } from "../../../lib/host/clock.ts";
import { SystemEntropy } from "../../../lib/host/entropy.ts";
import { TapLink } from "../../../lib/host/tap.ts";
import { Stack } from "../../../lib/stack/stack.ts";
import type { Connection } from "../../../lib/tcp/connection.ts";
import { State } from "../../../lib/tcp/state.ts";
import { DEFAULT_TUNABLES, setTunable } from "../../../lib/tcp/tunables.ts";
import { parseCidr, parseEndpoint, parseMac } from "../../../lib/wire/address.ts";
import { Frame, type FrameSink } from "../../../lib/wire/frame.ts";
import { Arena } from "../../../lib/wire/memory.ts";
import { PagePool } from "../../../lib/wire/pages.ts";
import type { Segment } from "../../../lib/wire/segment.ts";
import { RecordingSink, type SentFrame } from "../../support/recording_sink.ts";

/** The kernel's addresses, alone and as a part of an endpoint. */
const FAMILIES = [
  { kernel: "198.18.0.1", endpoint: "198.18.0.1" },
  { kernel: "fd00:198:18::1", endpoint: "[fd00:198:18::1]" },
] as const;
type Family = (typeof FAMILIES)[number];

const NETWORKS = ["/24", "/64"];
const DEVICE = "tap7";
const MTU = 1500;
const PATIENCE_MS = 10_000;
const HELLO = "hello";
const TWIN_PORT = 80;

const KEYS = [
  "a0bf63f7-ed803d81-cd641d30-cebc4a90",
  "00112233-44556677-8899aabb-ccddeeff",
  "01234567-89abcdef-01234567-89abcdef",
];

// Client and server, on every listener.
setKernel("tcp_fastopen", "1027");
setKernel("tcp_fastopen_key", KEYS[0]);

const arena = new Arena(24 << 20);
const clock = new MonotonicClock(arena);
const link = TapLink.open({
  arena,
  name: DEVICE,
  mtu: MTU,
  offload: false,
  txQueueLength: 1000,
  setup: { addresses: FAMILIES.map(({ kernel }, i) => parseCidr(kernel + NETWORKS[i])!) },
});
/** Payload lengths of the SYNs that our client sent. */
const syns: number[] = [];
/** Whether our client's frames go to the twin. */
let talksToTwin = false;
const toTwin = new RecordingSink(false, MTU);
const stack = makeStack(arena, ["198.18.0.2/24", "fd00:198:18::2/64"], "02:00:00:00:00:02", {
  write: (header, payload, segmentSize) =>
    (talksToTwin ? toTwin : link).write(header, payload, segmentSize),
});
const frame = new Frame(arena, 2048);

const twinArena = new Arena(24 << 20);
const fromTwin = new RecordingSink(false, MTU);
const twin = makeStack(
  twinArena,
  FAMILIES.map(({ kernel }, i) => kernel + NETWORKS[i]),
  Deno.networkInterfaces().find(({ name }) => name === DEVICE)!.mac,
  fromTwin,
);
const twinFrame = new Frame(twinArena, 2048);

function makeStack(arena: Arena, addresses: string[], mac: string, frameSink: FrameSink): Stack {
  return new Stack({
    arena,
    pages: new PagePool(arena, 16 << 20),
    // Addresses are used at once: there is nobody else.
    tunables: setTunable(DEFAULT_TUNABLES, "dad_transmits", "0"),
    entropy: new SystemEntropy(),
    frameSink,
    mac: parseMac(mac)!,
    mtu: MTU,
    offload: false,
    addresses: addresses.map((address) => parseCidr(address)!),
    tracer: {
      sent: (seg: Segment) => {
        if (seg.hasSyn && !seg.hasAck) syns.push(seg.payloadLength);
      },
      received: () => {},
    },
    fastOpenKey: KEYS[0],
  });
}

function setKernel(name: string, value: string): void {
  Deno.writeTextFileSync(`/proc/sys/net/ipv4/${name}`, value);
}

/** A counter of the kernel's TCP. */
function kernelCounter(name: string): number {
  const rows = Deno.readTextFileSync("/proc/self/net/netstat").split("\n").map((line) =>
    line.split(" ")
  );
  const index = rows.findIndex((row) => row.includes(name));
  return Number(rows[index + 1][rows[index].indexOf(name)]);
}

/** Lets frames travel until `isDone`; the kernel's sockets have their turn between. */
async function until(isDone: () => boolean, what: string): Promise<void> {
  const deadline = clock.now() + PATIENCE_MS;
  for (;;) {
    while (link.read(frame) > 0) stack.receive(frame, clock.now());
    while (stack.poll(clock.now()));
    carry(toTwin.frames.splice(0), twin, twinFrame);
    while (twin.poll(clock.now()));
    carry(fromTwin.frames.splice(0), stack, frame);
    if (isDone()) return;
    assert(clock.now() < deadline, `Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function carry(frames: SentFrame[], to: Stack, slot: Frame): void {
  for (const { bytes } of frames) {
    slot.arena.bytes.set(bytes, slot.start);
    slot.length = bytes.length;
    slot.checksumTrusted = false;
    slot.segmentSize = 0;
    to.receive(slot, clock.now());
  }
}

/** A fast open to `port` with "hello" queued, up to ESTABLISHED. */
async function openFast({ endpoint }: Family, port: number): Promise<Connection> {
  const c = stack.connect(parseEndpoint(`${endpoint}:${port}`)!, { fastOpen: true }, clock.now());
  const room = c.writable();
  arena.bytes.set(new TextEncoder().encode(HELLO), room.offsets[0]);
  c.commit(HELLO.length);
  await until(() => c.state === State.Established, "ESTABLISHED");
  return c;
}

/** The same to the kernel, which reads "hello" and closes. Returns our cookie then. */
async function helloToKernel(family: Family): Promise<string> {
  talksToTwin = false;
  using listener = Deno.listen({ hostname: family.kernel, port: 0 });
  const c = await openFast(family, listener.addr.port);
  const peer = await listener.accept();
  const bytes = new Uint8Array(10);
  let length: number | null = 0;
  const reading = peer.read(bytes).then((count) => length = count);
  await until(() => length === HELLO.length, "the kernel's bytes");
  await reading;
  assertEquals(new TextDecoder().decode(bytes.subarray(0, HELLO.length)), HELLO);
  await endOf(c);
  peer.close();
  return cookieFor(c);
}

/** The same to the twin. */
async function helloToTwin(family: Family): Promise<string> {
  talksToTwin = true;
  const at = parseEndpoint(`${family.endpoint}:${TWIN_PORT}`)!;
  const listener = twin.listen(at, { fastOpen: 16 });
  const c = await openFast(family, TWIN_PORT);
  await until(() => listener.acceptable > 0, "the twin's connection");
  const peer = listener.accept()!;
  await until(() => peer.readable().length === HELLO.length, "the twin's bytes");
  await endOf(c);
  peer.release();
  listener.close();
  return cookieFor(c);
}

async function endOf(c: Connection): Promise<void> {
  c.abort();
  await until(() => c.state === State.Closed, "CLOSED");
  c.release();
}

/** Our cookie for the server of `c`; "" without one. */
function cookieFor(c: Connection): string {
  const server = stack.tcp.fastOpenCache.find(c);
  return server === null ? "" : server.cookie.subarray(0, server.cookieLength).toHex();
}

function forgetCookie({ endpoint }: Family): void {
  const c = stack.connect(parseEndpoint(`${endpoint}:9`)!, {}, clock.now());
  stack.tcp.fastOpenCache.enter(c).cookieLength = 0;
  c.abort();
  c.release();
}

/** How much counters grow in `act`. */
async function growth(
  read: () => readonly number[],
  act: () => Promise<unknown>,
): Promise<number[]> {
  const before = read();
  await act();
  return read().map((value, i) => value - before[i]);
}

/** Our client's fast opens: successes and failures. */
function asClient(): number[] {
  const { TCPFastOpenActive, TCPFastOpenActiveFail } = stack.counters;
  return [TCPFastOpenActive, TCPFastOpenActiveFail];
}

/** The kernel's fast opens as server: successes, failures, and those by the backup key. */
function asKernel(): number[] {
  const names = ["TCPFastOpenPassive", "TCPFastOpenPassiveFail", "TCPFastOpenPassiveAltKey"];
  return names.map(kernelCounter);
}

/** The twin's: successes and failures. */
function asTwin(): number[] {
  const { TCPFastOpenPassive, TCPFastOpenPassiveFail } = twin.counters;
  return [TCPFastOpenPassive, TCPFastOpenPassiveFail];
}

const SCENARIOS: Record<string, (family: Family) => Promise<void>> = {
  "the second SYN carries data, and Linux acknowledges it": async (family) => {
    syns.length = 0;
    assertEquals(await growth(asClient, () => helloToKernel(family)), [0, 0]);
    assertEquals(await growth(asKernel, () => helloToKernel(family)), [1, 0, 0]);
    assertEquals(await growth(asClient, () => helloToKernel(family)), [1, 0]);
    assertEquals(syns, [0, HELLO.length, HELLO.length]);
  },
  "with one key a cookie of Linux is good for Tapster, and the other way round": async (family) => {
    const ofLinux = await helloToKernel(family);
    assertEquals(ofLinux.length, 16);
    assertEquals(await growth(asTwin, () => helloToTwin(family)), [1, 0]);
    forgetCookie(family);
    const ofTapster = await helloToTwin(family);
    assertEquals(ofTapster, ofLinux);
    assertEquals(await growth(asKernel, () => helloToKernel(family)), [1, 0, 0]);
  },
  "a new key renews our cookie, two new ones invalidate it": async (family) => {
    setKernel("tcp_fastopen_key", KEYS[0]);
    const first = await helloToKernel(family);
    setKernel("tcp_fastopen_key", `${KEYS[1]},${KEYS[0]}`);
    assertEquals(await growth(asKernel, () => helloToKernel(family)), [1, 0, 1]);
    let second = "";
    const renewed = await growth(asKernel, async () => second = await helloToKernel(family));
    assertEquals(renewed, [1, 0, 0]);
    assertNotEquals(second, first);
    setKernel("tcp_fastopen_key", KEYS[2]);
    let third = "";
    const refused = await growth(asClient, async () => third = await helloToKernel(family));
    assertEquals(refused, [0, 1], "the data comes again behind the handshake");
    assertNotEquals(third, second);
    assertEquals(await growth(asClient, () => helloToKernel(family)), [1, 0]);
  },
};

for (const family of FAMILIES) await SCENARIOS[Deno.args[0]](family);
Deno.exit(0);
