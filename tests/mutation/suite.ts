/**
 * The test files of one copy of the project, run as one module: a run costs one
 * start, stops at the first failure, and begins with the files that found most.
 * What they let through meets the simulator.
 */

const DIRECTORIES = ["wire", "tcp", "stack", "proxy", "protocol"];
/** The module that imports the test files. */
const ENTRY = "tests/mutated_suite_test.ts";
/** The simulator's program. */
const SIMULATOR = "tests/sim/main.ts";
const FAILED_FILE = /=> \.\/(tests\/\S+?_test\.ts):/;
/** What a run needs of the project. */
const PARTS = ["deno.json", ".deno.lock", "main.ts", "lib", "tests"];

/** How a run ended. */
export type Verdict = "passed" | "failed" | "hung";

/** The project's test files, relative to its root; those which need the machine are not among them. */
export function testFiles(root: string): string[] {
  return DIRECTORIES.flatMap((directory) =>
    [...Deno.readDirSync(`${root}/tests/${directory}`)]
      .map(({ name }) => `tests/${directory}/${name}`)
      .filter((path) => path.endsWith("_test.ts") && !path.includes("assembly"))
  ).sort();
}

/** A copy of the project in which faults are planted; it is removed by `dispose`. */
export class Suite {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async copy(root: string): Promise<Suite> {
    const directory = await Deno.makeTempDir({ prefix: "mutate-" });
    const { success } = await new Deno.Command("cp", {
      args: ["-r", ...PARTS, directory],
      cwd: root,
    }).output();
    if (!success) throw new Error("Cannot copy the project");
    return new Suite(directory);
  }

  read(path: string): string {
    return Deno.readTextFileSync(`${this.#directory}/${path}`);
  }

  write(path: string, text: string): void {
    Deno.writeTextFileSync(`${this.#directory}/${path}`, text);
  }

  /** Runs `files` in their order, for `limitMs` at most; `file` is the one with the failure. */
  async run(
    files: readonly string[],
    limitMs: number,
  ): Promise<{ verdict: Verdict; file: string }> {
    this.write(ENTRY, files.map((file) => `import "../${file}";\n`).join(""));
    const { verdict, output } = await this.#deno(
      ["test", "--no-check", "--no-prompt", "--quiet", "--fail-fast", ENTRY],
      limitMs,
    );
    return { verdict, file: FAILED_FILE.exec(output)?.[1] ?? "" };
  }

  /** Runs the simulator's worlds of the seeds from 1 to `seeds`, for `limitMs` at most. */
  async simulate(seeds: number, limitMs: number): Promise<Verdict> {
    const options = ["--seeds", `${seeds}`, "--first", "1", "--jobs", "1"];
    const { verdict } = await this.#deno(
      ["run", "--no-check", "--no-prompt", "--allow-read=tests,lib", SIMULATOR, ...options],
      limitMs,
    );
    return verdict;
  }

  async #deno(args: string[], limitMs: number): Promise<{ verdict: Verdict; output: string }> {
    const child = new Deno.Command(Deno.execPath(), {
      args,
      cwd: this.#directory,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let isHung = false;
    const timer = setTimeout(() => {
      isHung = true;
      child.kill("SIGKILL");
    }, limitMs);
    const { success, stdout } = await child.output();
    clearTimeout(timer);
    const verdict = isHung ? "hung" : success ? "passed" : "failed";
    return { verdict, output: new TextDecoder().decode(stdout) };
  }

  async dispose(): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }
}
