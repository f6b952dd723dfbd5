import { assertEquals } from "@std/assert";
import { ALGORITHMS } from "../../lib/tcp/algorithms.ts";
import { TUNABLES } from "../../lib/tcp/tunables.ts";

Deno.test("algorithms: CC-07, they stand in the order of the tunable, and CUBIC is the default", () => {
  const spec = TUNABLES.find((spec) => spec.name === "tcp_congestion_control")!;
  assertEquals(spec.choices, ALGORITHMS.map((algorithm) => algorithm.name));
  assertEquals(ALGORITHMS[spec.default].name, "cubic");
});
