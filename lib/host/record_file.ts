/** RecordFile: a new file of the owner's alone, written from its beginning to its end. */

import { ENOENT, errnoNamed } from "./errno.ts";
import { LibcError } from "./libc.ts";

const OWNER_ONLY = 0o600;

const ADVICE: Readonly<Record<number, string>> = {
  [errnoNamed("EEXIST")]: "Give another name, or remove it: no recording is written over another.",
  [ENOENT]: "Its directory must exist.",
};

/** Whether Deno lets the program write that file: `--allow-write=FILE` was given. */
export function mayWrite(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state === "granted";
}

/** A file that did not exist before. */
export class RecordFile {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  /** Throws LibcError when the system refuses: the file exists, its directory does not, …. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = Deno.openSync(path, { write: true, createNew: true, mode: OWNER_ONLY });
    } catch (error) {
      throw refusal("open", `Cannot record to ${path}`, error);
    }
  }

  /** Appends all of `bytes`. Throws LibcError. */
  write(bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    } catch (error) {
      throw refusal("write", `Cannot write to ${this.#path}`, error);
    }
  }

  close(): void {
    this.#file.close();
  }
}

function refusal(syscall: string, attempt: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) return error;
  const errno = errnoNamed((error as { code?: string }).code ?? "");
  return new LibcError(syscall, errno, attempt, ADVICE[errno] ?? "", { cause: error });
}
