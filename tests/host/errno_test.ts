import { assertEquals } from "@std/assert";
import * as errno from "../../lib/host/errno.ts";

Deno.test("errno: each constant has its own name", () => {
  for (const [name, value] of Object.entries(errno)) {
    if (typeof value === "number") assertEquals(errno.errnoName(value), name);
  }
});

Deno.test("errno: a name has its number, an unknown one that of an error without a name", () => {
  assertEquals(errno.errnoNamed("ECONNREFUSED"), errno.ECONNREFUSED);
  assertEquals(errno.errnoNamed("ENOTHING"), errno.EIO);
});

Deno.test("errno: a message is the C library's in lower case", () => {
  assertEquals(errno.errnoMessage(errno.EACCES), "permission denied");
  assertEquals(errno.errnoMessage(errno.ECONNREFUSED), "connection refused");
});

Deno.test("errno: an unknown number still has a name and a message", () => {
  assertEquals(errno.errnoName(4095), "E4095");
  assertEquals(errno.errnoMessage(4095), "unknown error 4095");
});
