import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { algorithmNamed, ALGORITHMS } from "../../lib/tcp/algorithms.ts";
import { TUNABLES } from "../../lib/tcp/tunables.ts";

Deno.test("algorithms: CC-07, they stand in the order of the tunable, and CUBIC is the default", () => {
  const spec = TUNABLES.find((spec) => spec.name === "tcp_congestion_control")!;
  assertEquals(spec.choices, ALGORITHMS.map((algorithm) => algorithm.name));
  assertEquals(ALGORITHMS[spec.default].name, "cubic");
});

Deno.test("algorithms: each is found by its name, and a wrong name gets the nearest", () => {
  for (const algorithm of ALGORITHMS) {
    assertStrictEquals(algorithmNamed(algorithm.name), algorithm);
  }
  assertEquals(algorithmNamed(null), null);
  for (
    const [name, advice] of [
      ["cubik", "did you mean cubic?"],
      ["Reno", "did you mean reno?"],
      ["vegas", "there are reno, cubic, bbr"],
    ]
  ) {
    const message = `There is no congestion control "${name}"; ${advice}`;
    assertThrows(() => algorithmNamed(name), RangeError, message);
  }
});
