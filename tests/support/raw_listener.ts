/**
 * RawListener: a listening socket of the kernel whose connections are bare
 * descriptors, for what Deno's own sockets cannot do: urgent data. IPv4 only.
 */

import { assert } from "@std/assert";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_OOBINLINE = 10;
const SOCKADDR_IN_LENGTH = 16;

const SYMBOLS = {
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Listens on 127.0.0.1, until it is disposed of. */
export class RawListener implements Disposable {
  readonly port: number;
  readonly #libc = Deno.dlopen("libc.so.6", SYMBOLS);
  readonly #descriptor: number;

  /** Port 0: a free one. Throws when it is taken. */
  constructor(port: number = 0) {
    const call = this.#libc.symbols;
    this.#descriptor = call.socket(AF_INET, SOCK_STREAM, 0);
    const isInline = Int32Array.of(1); // which connections inherit
    call.setsockopt(this.#descriptor, SOL_SOCKET, SO_OOBINLINE, isInline, 4);
    const address = new Uint8Array(SOCKADDR_IN_LENGTH);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_INET, true);
    view.setUint16(2, port);
    address.set([127, 0, 0, 1], 4);
    const isBound = call.bind(this.#descriptor, address, SOCKADDR_IN_LENGTH) === 0 &&
      call.listen(this.#descriptor, 8) === 0;
    assert(isBound, `Cannot listen on 127.0.0.1:${port}`);
    call.getsockname(this.#descriptor, address, Int32Array.of(SOCKADDR_IN_LENGTH));
    this.port = view.getUint16(2);
  }

  /** Waits, blocking, for the next connection. Returns its descriptor, which does not block. */
  accept(): number {
    return this.#libc.symbols.accept4(this.#descriptor, null, null, SOCK_NONBLOCK);
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#descriptor);
    this.#libc.close();
  }
}
