/** `deno task replay:save FILE [NAME]`: makes a recording a test. NAME is FILE's own without more. */

import { RecordingError } from "../../lib/observe/recording.ts";
import { save, SAVED } from "./saved.ts";

function main([file, name = nameOf(file ?? "")]: string[]): number {
  if (file === undefined || !/^[\w.-]*\w$/.test(name)) {
    console.error("Usage: deno task replay:save FILE [NAME], NAME of letters, digits, - and _");
    return 2;
  }
  try {
    console.log(save(Deno.readFileSync(file), name, SAVED).trimEnd());
  } catch (error) {
    const isOfFile = error instanceof RecordingError || error instanceof Deno.errors.NotFound;
    if (!isOfFile) throw error;
    console.error(`Cannot save ${file}: ${error.message}`);
    return 2;
  }
  console.log(`kept as tests/replay/saved/${name}.rec; it holds keys and all bytes of its clients`);
  return 0;
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1).replace(/\.rec$/, "");
}

if (import.meta.main) Deno.exit(main(Deno.args));
