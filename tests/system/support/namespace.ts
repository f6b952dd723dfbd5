/**
 * Namespace: an anonymous network namespace. It lives as long as its holder
 * process and what was started inside, so nothing is left behind even when a
 * test is killed.
 */

import { Program } from "./program.ts";
import type { Means } from "./requirements.ts";

const START_MS = 10_000;
const END_MS = 10_000;
/** As `/proc/net/if_inet6` writes it. */
const GLOBAL_SCOPE = "00";
const IFA_F_TENTATIVE = 0x40;
const HOLDER = new URL("./namespace_holder.ts", import.meta.url).pathname;

/** A network namespace and the programs started in it. Disposing of it ends them all. */
export class Namespace implements AsyncDisposable {
  readonly #holder: Program;
  readonly #means: Means;
  readonly #programs: Program[] = [];

  private constructor(holder: Program, means: Means) {
    this.#holder = holder;
    this.#means = means;
  }

  /** Makes a namespace whose loopback is up. */
  static async open(means: Means): Promise<Namespace> {
    const args = [...means.unshare, Deno.execPath(), "run", "--allow-all", HOLDER];
    return await Namespace.#held(new Program("the namespace's holder", "unshare", args), means);
  }

  /** Makes another one, which devices can be moved to and from. */
  async openBeside(): Promise<Namespace> {
    // From within, for both to belong to one user namespace.
    const args = ["--net", Deno.execPath(), "run", "--allow-all", HOLDER];
    const holder = this.start("the other namespace's holder", "unshare", args);
    return await Namespace.#held(holder, this.#means);
  }

  static async #held(holder: Program, means: Means): Promise<Namespace> {
    try {
      await holder.line(START_MS, (line) => line === "loopback is up");
    } catch (error) {
      await holder[Symbol.asyncDispose]();
      throw error;
    }
    return new Namespace(holder, means);
  }

  /** Starts a program inside. The namespace ends it, if nobody did before. */
  start(what: string, command: string, args: string[], cwd?: string): Program {
    const namespaces = `/proc/${this.#holder.pid}/ns`;
    const userArgs = this.#means.rootless
      ? [`--user=${namespaces}/user`, "--preserve-credentials"]
      : [];
    const program = new Program(
      what,
      "nsenter",
      [...userArgs, `--net=${namespaces}/net`, "--", command, ...args],
      cwd,
    );
    this.#programs.push(program);
    return program;
  }

  /** Runs `ip` inside with these words. Throws when it fails. */
  async ip(words: string): Promise<void> {
    await this.run("ip", words.split(" "));
  }

  /** Runs a command inside to its end and returns what it printed. Throws when it fails. */
  async run(command: string, args: string[]): Promise<string> {
    const words = `${command} ${args.join(" ")}`;
    await using program = this.start(words, command, args);
    const { success } = await program.ending(END_MS);
    if (!success) throw new Error(`Cannot ${words}: ${program.text}`);
    return program.text;
  }

  /** Moves a device to a namespace opened beside this one; it arrives down and without addresses. */
  async moveDevice(device: string, target: Namespace): Promise<void> {
    await this.ip(`link set ${device} netns ${target.#holder.pid}`);
  }

  /** Names of the network devices inside. */
  devices(): string[] {
    return this.#table("dev").slice(2).map((line) => line.split(":")[0]!.trim());
  }

  /** Whether an address or route inside belongs to the device. */
  hasRoute(device: string): boolean {
    const isOfDevice = (line: string) => line.split(/\s+/).includes(device);
    return this.#table("route").some(isOfDevice) || this.#table("if_inet6").some(isOfDevice);
  }

  /** Whether no global IPv6 address inside awaits duplicate address detection. RFC 4862 §5.4. */
  hasOnlyUsableAddresses(): boolean {
    return this.#table("if_inet6").map((line) => line.split(/\s+/)).every(([, , , scope, flags]) =>
      scope !== GLOBAL_SCOPE || (parseInt(flags, 16) & IFA_F_TENTATIVE) === 0
    );
  }

  /** A counter of the kernel's TCP inside, as `nstat` names it without `Tcp` or `TcpExt`. */
  tcpCounter(name: string): number {
    const rows = [...this.#table("snmp"), ...this.#table("netstat")].map((line) => line.split(" "));
    const index = rows.findIndex((row) => /^Tcp(Ext)?:$/.test(row[0]!) && row.includes(name));
    if (index < 0) throw new Error(`The kernel's TCP has no counter ${name}`);
    return Number(rows[index + 1]![rows[index]!.indexOf(name)]);
  }

  /** How many frames the kernel has had from a device inside. */
  receivedFrames(device: string): number {
    const line = this.#table("dev").find((line) => line.trim().startsWith(`${device}:`));
    if (line === undefined) throw new Error(`There is no device ${device}`);
    return Number(line.split(":")[1]!.trim().split(/\s+/)[1]);
  }

  /** Ids of the processes inside, the holder apart. */
  processes(): number[] {
    const own = Deno.readLinkSync(`/proc/${this.#holder.pid}/ns/net`);
    return Array.from(Deno.readDirSync("/proc"))
      .map((entry) => Number(entry.name))
      .filter((pid) => pid > 0 && pid !== this.#holder.pid && networkOf(pid) === own);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.reverse()) await program[Symbol.asyncDispose]();
    this.#holder.signal("SIGTERM");
    await this.#holder.ending(END_MS);
    await this.#holder[Symbol.asyncDispose]();
  }

  #table(name: string): string[] {
    try {
      const text = Deno.readTextFileSync(`/proc/${this.#holder.pid}/net/${name}`);
      return text.split("\n").filter((line) => line !== "");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return []; // a kernel without IPv6
      throw error;
    }
  }
}

/** The network namespace of a process; null when it is gone, or not ours to see. */
function networkOf(pid: number): string | null {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return null;
  }
}
