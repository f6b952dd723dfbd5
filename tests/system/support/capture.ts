/** Capture: every frame of a device, whole, in a file, and tshark's opinion of it. */

import { assertEquals } from "@std/assert";
import type { Namespace } from "./namespace.ts";
import { Program } from "./program.ts";
import { eventually, pause } from "./wait.ts";

const START_MS = 15_000;
const END_MS = 15_000;
/** After this long, the kernel has handed over what it had. */
const SETTLE_MS = 1_000;
/** MiB the kernel keeps for a capture that is slower than the link for a while. */
const BUFFER_MIB = "128";
/** tshark verifies no checksum unless told to, and counts sequence numbers from the ISN. */
const PREFERENCES = [
  "ip.check_checksum:TRUE",
  "tcp.check_checksum:TRUE",
  "tcp.relative_sequence_numbers:FALSE",
].flatMap((preference) => ["-o", preference]);

/** A running capture. Disposing of it ends it and deletes the file. */
export class Capture implements AsyncDisposable {
  readonly #program: Program;
  readonly #folder: string;
  readonly #file: string;

  private constructor(program: Program, folder: string, file: string) {
    this.#program = program;
    this.#folder = folder;
    this.#file = file;
  }

  /** Begins to capture what `device` sends and receives in `namespace`. */
  static async start(namespace: Namespace, device: string): Promise<Capture> {
    const folder = await Deno.makeTempDir({ prefix: "tapster-capture-" });
    const file = `${folder}/frames.pcapng`;
    const args = ["-q", "-i", device, "-B", BUFFER_MIB, "-w", file];
    const program = namespace.start("tshark", "tshark", args);
    const capture = new Capture(program, folder, file);
    try {
      await program.line(START_MS, (line) => line.startsWith("Capturing on"));
      await eventually(START_MS, "the capture has a file", () => hasBytes(file));
    } catch (error) {
      await capture[Symbol.asyncDispose]();
      throw error;
    }
    return capture;
  }

  /** Ends the capture. Throws when frames are missing from it. */
  async stop(): Promise<void> {
    await pause(SETTLE_MS);
    this.#program.signal("SIGINT");
    await this.#program.ending(END_MS);
    const dropped = this.#program.lines.filter((line) => /\d+ packets? dropped/.test(line));
    assertEquals(dropped, [], "frames are missing from the capture");
  }

  /**
   * The values of these fields in each frame that a display filter lets through,
   * tab-separated.
   */
  async frames(filter: string, fields: readonly string[]): Promise<string[]> {
    const columns = fields.flatMap((field) => ["-e", field]);
    return await this.#read(["-Y", filter, "-T", "fields", ...columns]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #read(args: string[]): Promise<string[]> {
    const all = ["-r", this.#file, ...PREFERENCES, ...args];
    const { success, stdout, stderr } = await new Deno.Command("tshark", { args: all }).output();
    const text = new TextDecoder();
    if (!success) throw new Error(`tshark cannot read the capture: ${text.decode(stderr)}`);
    return text.decode(stdout).split("\n").filter((line) => line !== "");
  }
}

function hasBytes(file: string): boolean {
  try {
    return Deno.statSync(file).size > 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
