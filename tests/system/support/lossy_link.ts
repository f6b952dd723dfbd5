/** A link between Tapster's device and a client in another namespace that loses frames. */

import { assert } from "@std/assert";
import type { LossReport, LossTask } from "../peers/lossy_link.ts";
import type { Namespace } from "./namespace.ts";
import type { Program } from "./program.ts";
import { DEVICE, setUpDevice } from "./tapster.ts";
import type { Variant } from "./variants.ts";

const START_MS = 10_000;
const END_MS = 10_000;
/** Fewer frames than this may all get through. */
const CERTAIN_LOSS_FRAMES = 5_000;
const PROGRAM = new URL("../peers/lossy_link.ts", import.meta.url).pathname;

/** The device at the client's end of a lossy link. */
export const CLIENT_DEVICE = "client0";

/** Runs until `finish`. Disposing of it ends the client's namespace; Tapster's ends the rest. */
export class LossyLink implements AsyncDisposable {
  readonly clientNamespace: Namespace;
  readonly #program: Program;

  private constructor(clientNamespace: Namespace, program: Program) {
    this.clientNamespace = clientNamespace;
    this.#program = program;
  }

  /** Joins Tapster's device, which `namespace` has, to a new one in a namespace of its own. */
  static async open(namespace: Namespace, variant: Variant): Promise<LossyLink> {
    const client = await namespace.openBeside();
    // Tapster's end is only a wire; the kernel has nothing to say there.
    await namespace.ip(`link set ${DEVICE} addrgenmode none`);
    await namespace.ip(`link set ${DEVICE} up`);
    const task: LossTask = { clientDevice: CLIENT_DEVICE, device: DEVICE, loss: variant.loss };
    const args = ["run", "--allow-all", PROGRAM, JSON.stringify(task)];
    const program = namespace.start("the lossy link", Deno.execPath(), args);
    await program.record(START_MS, "linked");
    await namespace.moveDevice(CLIENT_DEVICE, client);
    await client.ip(`link set ${CLIENT_DEVICE} mtu ${variant.mtu}`);
    await setUpDevice(client, CLIENT_DEVICE, variant);
    return new LossyLink(client, program);
  }

  /** Ends it. What was asked for must have been lost: a test over a good link proves nothing. */
  async finish(): Promise<LossReport> {
    await this.#program.tell("end");
    const report = await this.#program.record<LossReport>(END_MS, "unlinked");
    await this.#program.ending(END_MS);
    for (const way of [report.up, report.down]) {
      assert(way.lost > 0 || way.forwarded < CERTAIN_LOSS_FRAMES, `lost: ${JSON.stringify(way)}`);
    }
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clientNamespace[Symbol.asyncDispose]();
  }
}
