import { assertEquals } from "@std/assert";
import { KERNELS_BASE64 } from "../../lib/wire/kernels.ts";
import { assembleKernels } from "../support/assemble_kernels.ts";

/** Why the assembler cannot be run here; "" when it can. */
function obstacle(): string {
  if (Deno.permissions.querySync({ name: "run", command: "wat2wasm" }).state !== "granted") {
    return "needs --allow-run=wat2wasm";
  }
  try {
    new Deno.Command("wat2wasm", { args: ["--version"] }).outputSync();
    return "";
  } catch {
    return "needs wat2wasm, Debian's package wabt";
  }
}

const reason = obstacle();

Deno.test({
  name: `kernels.wat: assembles to the bytes in kernels.ts${reason && ` (${reason})`}`,
  ignore: reason !== "",
  fn: async () => assertEquals(await assembleKernels(), KERNELS_BASE64),
});
