/** No static import of the host floor here: this file's own imports are what is tested. */

import { assertThrows } from "@std/assert";

Deno.test({
  name: "host: importing it needs no permission, using it needs FFI",
  permissions: "none",
  fn: async () => {
    await import("../../lib/host/clock.ts");
    await import("../../lib/host/entropy.ts");
    await import("../../lib/host/epoll.ts");
    await import("../../lib/host/sockets.ts");
    const { TapLink } = await import("../../lib/host/tap.ts");
    const { Arena } = await import("../../lib/wire/memory.ts");
    const arena = new Arena(65536);
    const options = { arena, name: "tap0", mtu: 1500, offload: true, txQueueLength: 1000 };
    assertThrows(() => TapLink.open({ ...options, setup: null }), Deno.errors.NotCapable);
  },
});
