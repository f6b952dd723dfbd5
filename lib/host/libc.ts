/**
 * The C library through FFI: the system calls the host floor makes, and
 * `LibcError` for those which fail while something is set up.
 *
 * Descriptors, lengths and results are declared `i32`: a Number given to a
 * 64-bit parameter leaves V8's fast path (80 ns instead of 5), and a 64-bit
 * result is always a bigint. Every count here fits 31 bits. `ioctl` and `open`
 * are variadic; Linux on x86-64 and aarch64 passes those arguments in the same
 * registers as declared ones.
 */

import { EMFILE, ENOENT, errnoMessage, errnoName } from "./errno.ts";

const LIBRARY = "libc.so.6";

const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  clock_gettime: { parameters: ["i32", "pointer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "pointer"], result: "i32" },
  // glibc 2.35 and Linux 5.11 brought epoll_pwait2; without it a park is
  // rounded up to whole milliseconds.
  epoll_pwait2: {
    parameters: ["i32", "pointer", "i32", "pointer", "pointer"],
    result: "i32",
    optional: true,
  },
  epoll_pwait2_parked: {
    name: "epoll_pwait2",
    parameters: ["i32", "pointer", "i32", "pointer", "pointer"],
    result: "i32",
    nonblocking: true,
    optional: true,
  },
  epoll_wait: { parameters: ["i32", "pointer", "i32", "i32"], result: "i32" },
  epoll_wait_parked: {
    name: "epoll_wait",
    parameters: ["i32", "pointer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // glibc 2.36 and later; the system calls are Linux 5.2's.
  fsconfig: {
    parameters: ["i32", "u32", "pointer", "pointer", "i32"],
    result: "i32",
    optional: true,
  },
  fsmount: { parameters: ["i32", "u32", "u32"], result: "i32", optional: true },
  fsopen: { parameters: ["buffer", "u32"], result: "i32", optional: true },
  getsockopt: { parameters: ["i32", "i32", "i32", "pointer", "pointer"], result: "i32" },
  if_indextoname: { parameters: ["u32", "buffer"], result: "pointer" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  ioctl_number: { name: "ioctl", parameters: ["i32", "u32", "u32"], result: "i32" },
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  openat: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  readv: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "pointer", "i32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  write: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  write_bytes: { name: "write", parameters: ["i32", "buffer", "i32"], result: "i32" },
  writev: { parameters: ["i32", "pointer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of the C library, each named after its system call. */
export type LibcCalls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The C library of this thread. */
export interface Libc {
  readonly call: LibcCalls;
  /**
   * The thread's errno in element 0, mapped once: 0.4 ns a read. It counts right
   * after a call failed, and never for a parked one, which ran on another thread.
   */
  readonly errno: Int32Array;
}

let loaded: Libc | null = null;

/**
 * The C library, loaded at the first call. Throws `Deno.errors.NotCapable`
 * without `--allow-ffi`, `LibcError` when there is no `libc.so.6` (musl).
 */
export function libc(): Libc {
  loaded ??= loadLibc(LIBRARY);
  return loaded;
}

/** What the system refused while something was opened or set up. */
export class LibcError extends Error {
  override readonly name = "LibcError";
  /** The call that failed: `open`, `TUNSETIFF`, `RTM_NEWADDR`, …. */
  readonly syscall: string;
  /** The error number, positive. */
  readonly errno: number;
  /** The error's symbol, such as `EACCES`. */
  readonly code: string;
  /** What the user can do about it, in whole sentences; empty: nothing known. */
  readonly advice: string;

  /** `attempt` says what could not be done: `Cannot open /dev/net/tun`. */
  constructor(
    syscall: string,
    errno: number,
    attempt: string,
    advice = "",
    options: ErrorOptions = {},
  ) {
    super(`${attempt}: ${errnoMessage(errno)}`, options);
    this.syscall = syscall;
    this.errno = errno;
    this.code = errnoName(errno);
    this.advice = advice === "" ? generalAdvice(errno) : advice;
  }
}

/** What helps whatever was tried. */
function generalAdvice(errno: number): string {
  if (errno !== EMFILE) return "";
  return "Raise the limit of open files with `ulimit -n 65536`: each connection needs one.";
}

/** Text as the C library takes it: UTF-8 with a zero byte behind it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
}

/** What `libc` does once; `name` is the library's file. For tests. */
export function loadLibc(name: string): Libc {
  const call = openLibrary(name).symbols;
  const location = call.__errno_location();
  if (location === null) throw new Error("Cannot find errno: the C library gave no address");
  return { call, errno: new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location, 4)) };
}

function openLibrary(name: string): Deno.DynamicLibrary<typeof SYMBOLS> {
  try {
    return Deno.dlopen(name, SYMBOLS);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const attempt = `Cannot load the GNU C library ${name}`;
    throw new LibcError("dlopen", ENOENT, attempt, libraryAdvice(), { cause: error });
  }
}

function libraryAdvice(): string {
  if (Deno.build.os !== "linux") {
    return `Tapster needs Linux, and this is ${Deno.build.os}: run it in a Linux virtual machine.`;
  }
  return "Tapster calls glibc, which Debian, Ubuntu, Fedora and others have; on Alpine and others " +
    "with musl, run it in a container such as denoland/deno:debian.";
}
