/** Program: one child process, what it printed so far, and its certain end. */

import { within } from "./wait.ts";

const END_MS = 10_000;

/** How a program ended. `code` is 128 + signal number when a signal ended it. */
export type Ending = Deno.CommandStatus;

/** A running child process. Disposing of it kills it if need be and waits for its end. */
export class Program implements AsyncDisposable {
  /** What it printed to standard output and standard error, line by line. */
  readonly lines: string[] = [];
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #readers: Promise<unknown>;
  readonly #what: string;
  #ending: Ending | null = null;
  #news = Promise.withResolvers<void>();

  /** Starts `command`; `what` names it in messages. Throws when there is no such command. */
  constructor(what: string, command: string, args: string[], cwd?: string) {
    this.#what = what;
    this.#child = new Deno.Command(command, {
      args,
      ...(cwd === undefined ? {} : { cwd }),
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#readers = Promise.all([
      this.#collect(this.#child.stdout),
      this.#collect(this.#child.stderr),
      this.#child.status.then((ending) => {
        this.#ending = ending;
        this.#wake();
      }),
    ]);
  }

  /** Whether it still runs. */
  get runs(): boolean {
    return this.#ending === null;
  }

  /** All it printed, for messages. */
  get text(): string {
    return this.lines.join("\n");
  }

  /** The first line that `matches`. Throws when it ends or time passes without. */
  async line(milliseconds: number, matches: (line: string) => boolean): Promise<string> {
    const search = async () => {
      for (let next = 0;;) {
        while (next < this.lines.length) {
          const line = this.lines[next++]!;
          if (matches(line)) return line;
        }
        if (!this.runs) {
          throw new Error(`Ended too early: ${this.#told}`);
        }
        await this.#news.promise;
      }
    };
    return await within(milliseconds, () => `a line of ${this.#told}`, search());
  }

  /** The first JSON record with `event`, as `line` finds it. */
  async record<T>(milliseconds: number, event: string): Promise<T> {
    const line = await this.line(milliseconds, (line) => parseRecord(line)?.event === event);
    return JSON.parse(line);
  }

  /** All JSON records with `event` so far. */
  records<T>(event: string): T[] {
    return this.lines.map(parseRecord).filter((r) => r?.event === event) as T[];
  }

  /** Writes one line to its standard input. */
  async tell(line: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    try {
      await writer.write(new TextEncoder().encode(line + "\n"));
    } finally {
      writer.releaseLock();
    }
  }

  /** Sends a signal; none when it has ended. */
  signal(name: Deno.Signal): void {
    if (this.runs) this.#child.kill(name);
  }

  /** Waits for its end and the rest of its lines. */
  async ending(milliseconds: number): Promise<Ending> {
    await within(milliseconds, () => `the end of ${this.#told}`, this.#readers);
    return this.#ending!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.ending(END_MS);
    // It fails when the reader is gone first; there is nothing left to say then.
    await this.#child.stdin.close().catch(() => {});
  }

  /** Its name and words, for messages. */
  get #told(): string {
    return `${this.#what}, which said:\n${this.text}`;
  }

  async #collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      this.lines.push(...parts);
      this.#wake();
    }
    if (rest !== "") this.lines.push(rest);
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

/** A line as a JSON object; null when it is something else. */
export function parseRecord(line: string): Record<string, unknown> | null {
  if (!line.startsWith("{")) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null; // Half a record, of a process killed while it wrote.
  }
}
