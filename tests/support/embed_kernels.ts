/**
 * Assembles lib/wire/kernels.wat and writes the binary into lib/wire/kernels.ts.
 * Run by `deno task kernels`; needs wat2wasm (package wabt).
 */

import { assembleKernels } from "./assemble_kernels.ts";

const EMBEDDED = /(export const KERNELS_BASE64 =)[^;]*;/;

const path = new URL("../../lib/wire/kernels.ts", import.meta.url);
const source = await Deno.readTextFile(path);
const lines = (await assembleKernels()).match(/.{1,88}/g) ?? [];
const text = lines.map((line) => `  "${line}"`).join(" +\n");
await Deno.writeTextFile(path, source.replace(EMBEDDED, `$1\n${text};`));
