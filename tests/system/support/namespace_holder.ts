/**
 * Keeps a network namespace alive: the first process in it. Sets the loopback
 * up (through FFI, as `ip` may be missing), says so, and waits until its
 * standard input ends. So the namespace goes with whoever made it.
 */

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** `struct ifreq` of netdevice(7): 16 bytes of name, then the flags. */
const IFREQ_LENGTH = 40;
const FLAGS_OFFSET = 16;

function setLoopbackUp(): void {
  const libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const request = new Uint8Array(IFREQ_LENGTH);
  request.set(new TextEncoder().encode("lo"));
  new DataView(request.buffer).setInt16(FLAGS_OFFSET, IFF_UP, true);
  const descriptor = libc.symbols.socket(AF_INET, SOCK_DGRAM, 0);
  const result = libc.symbols.ioctl(descriptor, BigInt(SIOCSIFFLAGS), request);
  libc.symbols.close(descriptor);
  libc.close();
  if (result < 0) throw new Error("Cannot set the loopback up: ioctl SIOCSIFFLAGS failed");
}

setLoopbackUp();
console.log("loopback is up");
for await (const _ of Deno.stdin.readable);
