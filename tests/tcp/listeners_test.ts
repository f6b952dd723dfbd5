import { assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../lib/tcp/address_error.ts";
import type { Listener } from "../../lib/tcp/listener.ts";
import { Listeners } from "../../lib/tcp/listeners.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { Segment } from "../../lib/wire/segment.ts";

/** All that matters of a listener here. */
function listenerOf(local: string): Listener {
  return { local: parseEndpoint(local)! } as unknown as Listener;
}

/** A segment for that local end. */
function segmentFor(local: string): Segment {
  const seg = new Segment();
  const { address, port } = parseEndpoint(local)!;
  seg.local0 = address.w0;
  seg.local1 = address.w1;
  seg.local2 = address.w2;
  seg.local3 = address.w3;
  seg.localPort = port;
  return seg;
}

Deno.test("listeners: port before address, address before wildcard, each family its own", () => {
  const listeners = new Listeners();
  const add = (local: string) => {
    const listener = listenerOf(local);
    listeners.add(listener);
    return listener;
  };
  const own = add("198.18.0.1:80");
  const any = add("0.0.0.0:80");
  const anyIpv6 = add("[::]:80");
  const everyPort = add("198.18.0.1:0");
  const found = (local: string) => listeners.find(segmentFor(local));
  assertEquals(found("198.18.0.1:80"), own);
  assertEquals(found("198.18.0.2:80"), any);
  assertEquals(found("[fd00::1]:80"), anyIpv6);
  assertEquals(found("198.18.0.1:81"), everyPort);
  assertEquals(found("198.18.0.2:81"), null);
  assertEquals(found("[fd00::1]:81"), null);
  assertEquals([listeners.hasPort(80), listeners.hasPort(81)], [true, false]);
});

Deno.test("listeners: an address is another if one word of it is, and no wildcard unless all are 0", () => {
  const listeners = new Listeners();
  // One word of each differs from ::, and from the address that is sought.
  const near = ["1::", "0:0:1::", "::1:0:0", "::ffff:0:1", "::1"];
  const found = (address: string) => listeners.find(segmentFor(`[${address}]:80`));
  for (const address of near) {
    const listener = listenerOf(`[${address}]:80`);
    listeners.add(listener);
    assertEquals(found(address), listener);
    for (const other of ["::", "1::1:0:0", "0:0:1:0:0:1::", "2::", "1::1"]) {
      assertEquals(found(other), null, `${other} at ${address}`);
    }
    listeners.remove(listener);
    assertEquals(found(address), null);
  }
});

Deno.test("listeners: what only resembles ::ffff:0:0/96 is IPv6", () => {
  const listeners = new Listeners();
  const any = listenerOf("0.0.0.0:80");
  const anyIpv6 = listenerOf("[::]:80");
  for (const listener of [any, anyIpv6]) listeners.add(listener);
  const found = (address: string) => listeners.find(segmentFor(`[${address}]:80`));
  assertEquals(found("::ffff:10.0.0.1"), any);
  for (const address of ["1::ffff:a00:1", "::1:0:ffff:a00:1", "::fffe:a00:1", "::1:0:a00:1"]) {
    assertEquals(found(address), anyIpv6, address);
  }
});

Deno.test("listeners: one that is removed is found no more, and its place is free", () => {
  const listeners = new Listeners();
  const first = listenerOf("198.18.0.1:80");
  const second = listenerOf("198.18.0.2:80");
  listeners.add(first);
  listeners.add(second);
  assertThrows(() => listeners.requireFree(first.local), AddressError, "198.18.0.1:80");
  listeners.remove(first);
  listeners.requireFree(first.local);
  assertEquals(listeners.find(segmentFor("198.18.0.1:80")), null);
  assertEquals(listeners.find(segmentFor("198.18.0.2:80")), second);
  listeners.remove(second);
  assertEquals(listeners.hasPort(80), false);
});
