import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LibcError } from "../../lib/host/libc.ts";
import { mayWrite, RecordFile } from "../../lib/host/record_file.ts";

async function inFolder(body: (folder: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("record file: it is its owner's alone, and has what was written", async () => {
  await inFolder((folder) => {
    const path = `${folder}/run.rec`;
    const file = new RecordFile(path);
    file.write(new Uint8Array(100_000).fill(1));
    file.write(Uint8Array.of(2, 3));
    file.close();
    const bytes = Deno.readFileSync(path);
    assertEquals([bytes.length, ...bytes.subarray(-3)], [100_002, 1, 2, 3]);
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
  });
});

Deno.test("record file: no file is written over, no link is followed", async () => {
  await inFolder((folder) => {
    const path = `${folder}/run.rec`;
    Deno.symlinkSync(`${folder}/elsewhere`, path);
    const error = assertThrows(() => new RecordFile(path), LibcError);
    assertEquals([error.syscall, error.code], ["open", "EEXIST"]);
    assertEquals(error.message, `Cannot record to ${path}: file exists`);
    assertStringIncludes(error.advice, "Give another name, or remove it");
    assertThrows(() => Deno.statSync(`${folder}/elsewhere`), Deno.errors.NotFound);
  });
});

Deno.test("record file: what the system refuses is named", async () => {
  await inFolder((folder) => {
    const error = assertThrows(() => new RecordFile(`${folder}/none/run.rec`), LibcError);
    assertEquals([error.code, error.advice], ["ENOENT", "Its directory must exist."]);
  });
});

Deno.test({
  name: "record file: whether it may be written is known without asking",
  permissions: { write: ["/tmp/allowed.rec"] },
  fn: () =>
    assertEquals(["allowed", "other"].map((name) => mayWrite(`/tmp/${name}.rec`)), [true, false]),
});
