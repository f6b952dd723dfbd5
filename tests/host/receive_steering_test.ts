import { assertEquals } from "@std/assert";
import { cpuMask } from "../../lib/host/receive_steering.ts";

Deno.test("receive steering: a mask of processors is hexadecimal words, highest first", () => {
  assertEquals([1, 2, 4, 31].map(cpuMask), ["1", "3", "f", "7fffffff"]);
  assertEquals([32, 36, 64].map(cpuMask), ["0,ffffffff", "f,ffffffff", "0,ffffffff,ffffffff"]);
});
