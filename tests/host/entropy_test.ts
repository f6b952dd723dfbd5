import { assert, assertEquals } from "@std/assert";
import { SystemEntropy } from "../../lib/host/entropy.ts";

Deno.test({
  name: "entropy: every part of a large array is filled, without a permission",
  permissions: "none",
  fn: () => {
    const bytes = new Uint8Array(150_000);
    new SystemEntropy().fill(bytes);
    for (let from = 0; from + 64 <= bytes.length; from += 1000) {
      assert(bytes.subarray(from, from + 64).some((byte) => byte !== 0), `at ${from}`);
    }
  },
});

Deno.test("entropy: only the given bytes are overwritten", () => {
  const memory = new Uint8Array(48);
  new SystemEntropy().fill(memory.subarray(16, 32));
  assertEquals([...memory.subarray(0, 16), ...memory.subarray(32)], new Array(32).fill(0));
  assert(memory.subarray(16, 32).some((byte) => byte !== 0));
});
