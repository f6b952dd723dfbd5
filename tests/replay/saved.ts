/**
 * Saved recordings: each a file NAME.rec, and NAME.verdict with what its replay
 * tells. A recording of a bug says "identical" as long as the bug is there, and
 * where it is gone "different", at the very place; both are kept, so that
 * neither the bug nor anything before it changes unseen.
 */

import { replay } from "../../lib/observe/replay.ts";
import { verdictLines } from "../../lib/observe/verdict.ts";

/** Where this repository's are. */
export const SAVED: URL = new URL("saved/", import.meta.url);

const RECORDING = ".rec";
const VERDICT = ".verdict";

/** What a replay of these bytes tells, as the file that is kept. Throws RecordingError. */
export function verdictOf(bytes: Uint8Array<ArrayBuffer>): string {
  return [...verdictLines(replay(bytes, null)), ""].join("\n");
}

/** Keeps a recording in `folder`, or its verdict anew. Returns the verdict. Throws RecordingError. */
export function save(bytes: Uint8Array<ArrayBuffer>, name: string, folder: URL): string {
  const verdict = verdictOf(bytes);
  Deno.writeFileSync(new URL(name + RECORDING, folder), bytes);
  Deno.writeTextFileSync(new URL(name + VERDICT, folder), verdict);
  return verdict;
}

/** The names of what is kept in `folder`, in order. */
export function namesIn(folder: URL): string[] {
  return [...Deno.readDirSync(folder)]
    .filter(({ name }) => name.endsWith(RECORDING))
    .map(({ name }) => name.slice(0, -RECORDING.length))
    .sort();
}

/** What was told when the recording was kept, and what is told now. */
export function verdictsOf(name: string, folder: URL): { kept: string; now: string } {
  return {
    kept: Deno.readTextFileSync(new URL(name + VERDICT, folder)),
    now: verdictOf(Deno.readFileSync(new URL(name + RECORDING, folder))),
  };
}
