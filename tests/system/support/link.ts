/** An emulated link between Tapster's device and a client in another namespace. */

import { assert } from "@std/assert";
import type { LinkReport, LinkTask, LinkTerms } from "../peers/link.ts";
import type { Namespace } from "./namespace.ts";
import type { Program } from "./program.ts";
import { DEVICE, setUpDevice } from "./tapster.ts";
import type { Variant } from "./variants.ts";

const START_MS = 10_000;
const END_MS = 10_000;
/** A window of segments while the link's process waits for its turn: only the link may lose them. */
const TX_QUEUE_FRAMES = 10_000;
/** Fewer frames than this may all get through. */
const CERTAIN_LOSS_FRAMES = 5_000;
const PROGRAM = new URL("../peers/link.ts", import.meta.url).pathname;

/** The device at the client's end of a link. */
export const CLIENT_DEVICE = "client0";

/** Runs until `finish`. Disposing of it ends the client's namespace; Tapster's ends the rest. */
export class Link implements AsyncDisposable {
  readonly clientNamespace: Namespace;
  readonly #terms: LinkTerms;
  readonly #program: Program;

  private constructor(clientNamespace: Namespace, terms: LinkTerms, program: Program) {
    this.clientNamespace = clientNamespace;
    this.#terms = terms;
    this.#program = program;
  }

  /**
   * Joins Tapster's device, or another one that `namespace` has, to a new one in
   * a namespace of its own.
   */
  static async open(
    namespace: Namespace,
    variant: Variant,
    terms: LinkTerms,
    device: string = DEVICE,
  ): Promise<Link> {
    const client = await namespace.openBeside();
    // This end is only a wire; the kernel has nothing to say there.
    await namespace.ip(`link set ${device} addrgenmode none`);
    await namespace.ip(`link set ${device} up`);
    const { offload } = variant;
    const task: LinkTask = { ...terms, clientDevice: CLIENT_DEVICE, device, offload };
    const args = ["run", "--allow-all", PROGRAM, JSON.stringify(task)];
    const program = namespace.start("the link", Deno.execPath(), args);
    await program.record(START_MS, "linked");
    await namespace.moveDevice(CLIENT_DEVICE, client);
    await client.ip(`link set ${CLIENT_DEVICE} mtu ${variant.mtu} txqueuelen ${TX_QUEUE_FRAMES}`);
    await setUpDevice(client, CLIENT_DEVICE, variant);
    return new Link(client, terms, program);
  }

  /** Ends it. What was asked for must have been lost: a test over a good link proves nothing. */
  async finish(): Promise<LinkReport> {
    await this.#program.tell("end");
    const report = await this.#program.record<LinkReport>(END_MS, "unlinked");
    await this.#program.ending(END_MS);
    for (const way of this.#terms.loss > 0 ? [report.up, report.down] : []) {
      assert(way.lost > 0 || way.forwarded < CERTAIN_LOSS_FRAMES, `lost: ${JSON.stringify(way)}`);
    }
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clientNamespace[Symbol.asyncDispose]();
  }
}
