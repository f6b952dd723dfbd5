import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { isShort, sendLimit } from "../../lib/tcp/memory.ts";
import type { PagePool } from "../../lib/wire/pages.ts";

Deno.test("memory: pages are short when more than three quarters are lent", () => {
  const short = [0, 75, 76, 100].map((lent) => isShort({ lent, limit: 100 } as PagePool));
  assertEquals(short, [false, false, true, true]);
});

Deno.test("memory: two of the greatest windows are kept for sending, between default and most", () => {
  const tunables = { tcp_wmem_min: 10, tcp_wmem_default: 1000, tcp_wmem_max: 5000 };
  const c = { mostCwnd: 0, tcp: { tunables, isUnderPressure: false } } as unknown as Connection;
  const limit = (cwnd: number) => {
    c.cwnd = cwnd;
    return sendLimit(c);
  };
  assertEquals([499, 501, 400, 2600].map(limit), [1000, 1002, 1002, 5000]);
  const pressed = { ...c, tcp: { tunables, isUnderPressure: true } } as unknown as Connection;
  assertEquals(sendLimit(pressed), 10);
});
