import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { Counters } from "../../lib/tcp/counters.ts";
import { isExhausted, isShort, relieve, sendLimit } from "../../lib/tcp/memory.ts";
import type { Tcp } from "../../lib/tcp/tcp.ts";
import type { PagePool } from "../../lib/wire/pages.ts";

Deno.test("memory: pages are short when more than three quarters are lent", () => {
  const short = [0, 75, 76, 100].map((lent) => isShort({ lent, limit: 100 } as PagePool));
  assertEquals(short, [false, false, true, true]);
});

Deno.test("memory: nobody is let in when more than 97 of a hundred pages are lent", () => {
  const exhausted = [97, 98].map((lent) => isExhausted({ lent, limit: 100 } as PagePool));
  assertEquals(exhausted, [false, true]);
});

/** What a connection keeps, when it last sent and began a round of receiving, and the peer's window. */
interface Holder {
  readonly name: string;
  readonly sends?: number;
  readonly receives?: number;
  readonly sentAt?: number;
  readonly roundAt?: number;
  readonly wnd?: number;
}

/** Which of `holders` are reset at 10 s, each giving back a page, when `lent` of 100 are lent. */
function reset(lent: number, holders: readonly Holder[]): string[] {
  const names: string[] = [];
  const pages = { lent, limit: 100 };
  const counters = new Counters();
  const connections = holders.map((holder) => ({
    sendQueue: { length: holder.sends ?? 0 },
    receiveQueue: { length: holder.receives ?? 0, hasGap: false },
    lastSentAt: holder.sentAt ?? 0,
    rcvRoundAt: holder.roundAt ?? 0,
    sndWnd: holder.wnd ?? 1,
    abort() {
      names.push(holder.name);
      pages.lent--;
    },
  }));
  const tcp = { counters, pages } as unknown as Tcp;
  relieve(tcp, connections as unknown as Connection[], 10_000);
  assertEquals(counters.TCPAbortOnMemory, names.length);
  return names;
}

Deno.test("memory: who has held bytes for 5 s and moved none is reset, the longest first", () => {
  const holders: Holder[] = [
    { name: "holds nothing" },
    { name: "sent", sends: 1, sentAt: 5001 },
    { name: "received", receives: 1, roundAt: 5001 },
    { name: "just stalled", receives: 1, sentAt: 5000, roundAt: 4000 },
    { name: "shut out, though it receives", sends: 1, wnd: 0, sentAt: 2500, roundAt: 9999 },
    { name: "shut out, with nothing to send", receives: 1, wnd: 0, roundAt: 5001 },
    { name: "sends", sends: 1, sentAt: 1000 },
    { name: "receives", receives: 1, roundAt: 2000 },
    { name: "both", sends: 1, receives: 1, sentAt: 500, roundAt: 3000 },
  ];
  assertEquals(reset(98, holders), [
    "sends",
    "receives",
    "shut out, though it receives",
    "both",
    "just stalled",
  ]);
  assertEquals(reset(97, holders), []);
});

Deno.test("memory: no more are reset than make it plentiful again", () => {
  const holders = Array.from({ length: 100 }, (_, i) => ({ name: `${i}`, sends: 1, sentAt: i }));
  assertEquals(reset(98, holders), holders.slice(0, 23).map(({ name }) => name));
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
