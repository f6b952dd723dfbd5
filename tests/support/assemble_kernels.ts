/** Runs wat2wasm over lib/wire/kernels.wat. Needs --allow-run=wat2wasm. */

/** The assembled module in base64. Throws when wat2wasm is missing or finds an error. */
export async function assembleKernels(): Promise<string> {
  const source = new URL("../../lib/wire/kernels.wat", import.meta.url).pathname;
  const command = new Deno.Command("wat2wasm", { args: [source, "--output=-"] });
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(`Cannot assemble ${source}: ${new TextDecoder().decode(stderr)}`);
  return stdout.toBase64();
}
