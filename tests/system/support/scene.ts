/**
 * Scene: one namespace with Tapster between a Linux client and an upstream, and
 * the checks that hold after every test: nothing remains, the counters agree.
 */

import { assert, assertEquals } from "@std/assert";
import type { ClientReport, ClientTask } from "../peers/client.ts";
import { type Exchange, EXCHANGE_LENGTH, EXCHANGE_PORT } from "../peers/exchange.ts";
import type { UpstreamReport } from "../peers/upstream.ts";
import { Link } from "./link.ts";
import { Namespace } from "./namespace.ts";
import type { Program } from "./program.ts";
import type { Means } from "./requirements.ts";
import {
  type CloseRecord,
  closeRecordsOf,
  countDescriptors,
  DEVICE,
  failuresOf,
  type Special,
  startTapster,
  waitForDescriptors,
} from "./tapster.ts";
import { addressesOf, flagsOf, type Variant } from "./variants.ts";
import { eventually } from "./wait.ts";

const START_MS = 10_000;
const SETTLE_MS = 5_000;
const END_MS = 10_000;
/** A whole exchange, the largest included, on a slow machine. */
const EXCHANGE_MS = 60_000;
/** Nobody else is in a scene's namespace: no second is spent on looking for other owners of an address. */
const AT_ONCE = ["--set", "dad_transmits=0"];
const PEERS = new URL("../peers/", import.meta.url).pathname;

/** Tapster, its upstream, its clients. Disposing of it leaves nothing. */
export class Scene implements AsyncDisposable {
  readonly variant: Variant;
  /** Where Tapster and the upstream are. */
  readonly namespace: Namespace;
  /** Where clients are started: the same, or the far end of an emulated link. */
  clientNamespace: Namespace;
  readonly tapster: Program;
  upstream: Program;
  /** How many errors Tapster is to log: a test provokes them. */
  expectedFailures = 0;
  #link: Link | null = null;
  readonly #peers: Program[] = [];
  readonly #beside: Namespace[] = [];
  readonly #idleDescriptorCount: number;

  private constructor(
    variant: Variant,
    namespace: Namespace,
    tapster: Program,
    upstream: Program,
  ) {
    this.variant = variant;
    this.namespace = namespace;
    this.clientNamespace = namespace;
    this.tapster = tapster;
    this.upstream = upstream;
    this.#idleDescriptorCount = countDescriptors(tapster);
  }

  /** Makes the namespace and starts Tapster and the upstream in it. */
  static async open(
    means: Means,
    variant: Variant,
    flags: string[] = [],
    special: Special = {},
  ): Promise<Scene> {
    const namespace = await Namespace.open(means);
    try {
      const { loopback, any } = addressesOf(variant);
      const upstream = namespace.start("the upstream", Deno.execPath(), [
        "run",
        "--allow-all",
        `${PEERS}upstream.ts`,
        variant.via === "tap" ? any : loopback, // the device is not there yet
      ]);
      await upstream.record(START_MS, "listening");
      const logFlags = ["--log-level", "info", "--log-format", "json"];
      const tapster = await startTapster(namespace, [
        ...flagsOf(variant),
        ...AT_ONCE,
        ...logFlags,
        ...flags,
      ], special);
      const scene = new Scene(variant, namespace, tapster, upstream);
      const { link: terms } = variant;
      if (terms !== null) scene.#link = await Link.open(namespace, variant, terms);
      scene.clientNamespace = scene.#link?.clientNamespace ?? namespace;
      return scene;
    } catch (error) {
      await namespace[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Makes another namespace, which devices can be moved to; it ends with the scene at the latest. */
  async openBeside(): Promise<Namespace> {
    const beside = await this.namespace.openBeside();
    this.#beside.push(beside);
    return beside;
  }

  /** What a client connects to. */
  get hostname(): string {
    return addressesOf(this.variant).stack;
  }

  /** What follows `http://` for curl. */
  get urlHost(): string {
    return this.variant.family === 6 ? `[${this.hostname}]` : this.hostname;
  }

  /** Starts a client with a task; what is left out is one idle connection. */
  startClient(task: Partial<ClientTask>): Program {
    const whole: ClientTask = {
      hostname: this.hostname,
      port: EXCHANGE_PORT,
      connections: 1,
      exchange: null,
      noticeAfter: 0,
      holds: false,
      ...task,
    };
    return this.startPeer("the client", "client.ts", whole);
  }

  /** Starts a program of `peers/` with its task where the clients are; `what` names it in messages. */
  startPeer(what: string, file: string, task: unknown): Program {
    const args = ["run", "--allow-all", `${PEERS}${file}`, JSON.stringify(task)];
    const peer = this.clientNamespace.start(what, Deno.execPath(), args);
    this.#peers.push(peer);
    return peer;
  }

  /** Runs a client to its end; its reports, in the order of their seeds. */
  async runClient(
    task: Partial<ClientTask>,
    milliseconds: number = EXCHANGE_MS,
  ): Promise<ClientReport[]> {
    return await this.reportsOf(this.startClient(task), milliseconds);
  }

  /** Waits for a client's end; its reports, in the order of their seeds. */
  async reportsOf(
    client: Program,
    milliseconds: number = EXCHANGE_MS,
  ): Promise<ClientReport[]> {
    await client.ending(milliseconds);
    return inOrder(client.records<ClientReport>("connection"));
  }

  /** Waits until the upstream has reported `count` exchanges; in the order of their seeds. */
  async upstreamReports(count: number): Promise<UpstreamReport[]> {
    const reports = () => this.upstream.records<UpstreamReport>("exchange");
    await eventually(SETTLE_MS, `the upstream reports ${count} exchanges`, () => {
      return reports().length >= count;
    });
    return inOrder(reports());
  }

  /** Waits until Tapster has logged the end of `count` connections. */
  async closeRecords(count: number): Promise<CloseRecord[]> {
    await eventually(SETTLE_MS, `Tapster logs ${count} closed connections`, () => {
      return closeRecordsOf(this.tapster).length >= count;
    });
    return closeRecordsOf(this.tapster);
  }

  /** Ends Tapster and checks what every test promises. */
  async finish(): Promise<void> {
    if (this.tapster.runs) {
      await waitForDescriptors(this.tapster, this.#idleDescriptorCount);
      this.tapster.signal("SIGTERM");
      const ending = await this.tapster.ending(END_MS);
      assertEquals(ending.code, 0, `exit code; Tapster said:\n${this.tapster.text}`);
    }
    const failures = failuresOf(this.tapster);
    assertEquals(
      failures.length,
      this.expectedFailures,
      `Tapster's errors:\n${failures.join("\n")}`,
    );
    for (const namespace of [this.namespace, ...this.#beside]) {
      assert(!namespace.devices().includes(DEVICE), "the device remains");
    }
    for (const peer of this.#peers) await peer[Symbol.asyncDispose]();
    await this.#link?.finish();
    await this.upstream[Symbol.asyncDispose]();
    assertEquals(this.namespace.processes(), [], "processes remain");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link?.[Symbol.asyncDispose]();
    for (const namespace of this.#beside) await namespace[Symbol.asyncDispose]();
    await this.namespace[Symbol.asyncDispose]();
  }
}

/** Does the exchange on so many connections; all must end well, with equal sums everywhere. */
export async function assertTransfers(
  scene: Scene,
  exchange: Exchange,
  connections = 1,
  milliseconds: number = EXCHANGE_MS,
): Promise<void> {
  const clients = await scene.runClient({ exchange, connections }, milliseconds);
  assertEquals(clients.length, connections);
  const upstreams = await scene.upstreamReports(connections);
  for (let i = 0; i < connections; i++) {
    const { connected, sent, received } = clients[i];
    assertEquals(connected, "done");
    assertEquals(sent?.end, "done");
    assertEquals(received?.end, "done");
    assertEquals(sent?.bytes, exchange.upLength);
    assertEquals(received?.bytes, exchange.downLength);
    assertEquals(upstreams[i].received, sent);
    assertEquals(upstreams[i].sent, received);
  }
  assertSameBytes(await scene.closeRecords(connections), clients, upstreams);
}

/** Both legs of finished exchanges, and the log's records, must tell the same bytes. */
export function assertSameBytes(
  records: CloseRecord[],
  clients: ClientReport[],
  upstreams: UpstreamReport[],
): void {
  const told = (up: number, down: number) => `up ${up} down ${down}`;
  const ofRecords = records.map((r) => told(r.up, r.down));
  const ofClients = clients.map((r) =>
    told(EXCHANGE_LENGTH + (r.sent?.bytes ?? 0), r.received?.bytes ?? 0)
  );
  const ofUpstreams = upstreams.map((r) =>
    told(EXCHANGE_LENGTH + (r.received?.bytes ?? 0), r.sent?.bytes ?? 0)
  );
  assertEquals(ofClients.sort(), ofUpstreams.sort(), "client's and upstream's bytes");
  assertEquals(ofRecords.sort(), ofClients.sort(), "logged and transferred bytes");
}

/** Where a connection was cut: no leg may tell of more bytes than the one before it. */
export function assertNoneInvented(
  record: CloseRecord,
  client: ClientReport | undefined,
  upstream: UpstreamReport | undefined,
): void {
  const ways = [
    [client?.sent?.bytes, record.up - EXCHANGE_LENGTH, upstream?.received?.bytes],
    [upstream?.sent?.bytes, record.down, client?.received?.bytes],
  ];
  for (const way of ways) {
    const known = way.filter((bytes) => bytes !== undefined);
    assertEquals(known, known.toSorted((a, b) => b - a), "bytes from leg to leg");
  }
}

function inOrder<T extends { seed: number }>(reports: T[]): T[] {
  return reports.sort((a, b) => a.seed - b.seed);
}
