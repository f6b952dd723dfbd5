import { assert } from "@std/assert";
import { Phase } from "../../lib/tcp/phase.ts";

Deno.test("phase: the worse is the greater", () => {
  assert(Phase.Open < Phase.Recovery && Phase.Recovery < Phase.Loss);
});
