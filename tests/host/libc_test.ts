import { assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { EACCES, EBADFD, EMFILE } from "../../lib/host/errno.ts";
import { cString, libc, LibcError, loadLibc } from "../../lib/host/libc.ts";
import { hostTest } from "./support.ts";

hostTest("libc: errno is the last failed call's", () => {
  const { call, errno } = libc();
  assertEquals(call.close(99_999), -1);
  assertEquals(errno[0], 9);
  assertEquals(call.open(cString("/no/such/file"), 0, 0), -1);
  assertEquals(errno[0], 2);
});

Deno.test("LibcError: it tells the attempt, the reason and what to do", () => {
  const error = new LibcError("open", EACCES, "Cannot open tap0", "Use sudo.");
  assertInstanceOf(error, Error);
  assertEquals(error.name, "LibcError");
  assertEquals(error.message, "Cannot open tap0: permission denied");
  assertEquals([error.syscall, error.errno, error.code], ["open", EACCES, "EACCES"]);
  assertEquals(error.advice, "Use sudo.");
  assertEquals(new LibcError("read", EBADFD, "Cannot read").advice, "");
});

Deno.test("LibcError: too many open files has one remedy, whatever was tried", () => {
  assertStringIncludes(new LibcError("socket", EMFILE, "Cannot open a socket").advice, "ulimit -n");
});

hostTest("libc: a system without glibc is named, and what runs there", () => {
  const error = assertThrows(() => loadLibc("libc.so.none"), LibcError);
  assertEquals(
    error.message,
    "Cannot load the GNU C library libc.so.none: no such file or directory",
  );
  assertStringIncludes(error.advice, "musl");
  assertStringIncludes(error.advice, "denoland/deno:debian");
  assertInstanceOf(error.cause, Error);
});
