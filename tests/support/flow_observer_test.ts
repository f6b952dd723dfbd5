import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Packet } from "./codec.ts";
import { Flow } from "./flow.ts";
import { observePeer, observeProduct } from "./flow_observer.ts";
import { parseSegment } from "./segment_notation.ts";
import { buildPacket } from "./segment_spec.ts";

const PRODUCT_ISN = 70_000;

function createFlow(): Flow {
  const ends = {
    peerMac: "02:00:00:00:00:02",
    peerAddress: "10.0.0.2",
    peerPort: 40000,
    localAddress: "10.0.0.1",
    localPort: 80,
  };
  const flow = new Flow("", ends, 1000);
  peerSends(flow, "S 0:0(0) win 4000 <mss 1460,nop,wscale 2>");
  productSends(flow, "S. 0:0(0) ack 1 win 65535 <mss 1400,nop,wscale 7>");
  peerSends(flow, ". 1:1(0) ack 1 win 1000");
  return flow;
}

function peerSends(flow: Flow, segment: string): void {
  observePeer(flow, buildPacket(parseSegment(segment), flow, 0));
}

/** What is wrong with a segment of the product, whose payload follows the pattern. */
function productSends(flow: Flow, segment: string): string {
  const spec = parseSegment(segment);
  const built = buildPacket(spec, flow, 0);
  const packet: Packet = {
    ...built,
    seq: PRODUCT_ISN + spec.seq.value,
    ack: 1000 + (spec.ack?.value ?? 0),
    payload: Uint8Array.from(
      { length: spec.length },
      (_, i) => flow.productByte(spec.seq.value + i),
    ),
  };
  return observeProduct(flow, packet);
}

Deno.test("observer: it learns the product's ISN and MSS from its SYN", () => {
  const flow = createFlow();
  assertEquals(flow.productIsn, PRODUCT_ISN);
  assertEquals(flow.productMss, 1400);
});

Deno.test("observer: a window that moves left is wrong, scaling counted in", () => {
  const flow = createFlow();
  assertEquals(productSends(flow, ". 1:1(0) ack 1 win 512"), "");
  assertEquals(productSends(flow, ". 1:1(0) ack 129 win 511"), "");
  assertStringIncludes(productSends(flow, ". 1:1(0) ack 129 win 510"), "its window ends at 65409");
});

Deno.test("observer: behind the peer's FIN the window does not count", () => {
  const flow = createFlow();
  assertEquals(productSends(flow, ". 1:1(0) ack 1 win 512"), "");
  peerSends(flow, "F. 1:1(0) ack 1");
  assertEquals(productSends(flow, ". 1:1(0) ack 2 win 0"), "");
});

Deno.test("observer: bytes nobody wrote, and wrong ones, are wrong", () => {
  const flow = createFlow();
  assertEquals(productSends(flow, "P. 1:11(10) ack 1 win 512"), "its payload was never written");
  flow.writePosition += 10;
  assertEquals(productSends(flow, "P. 1:11(10) ack 1 win 512"), "");
  flow.wrote(new TextEncoder().encode("abc"));
  assertEquals(productSends(flow, "P. 11:14(3) ack 1 win 512"), "");
  const literal = parseSegment('P. 1:4(3) ack 1 win 512 "abd"');
  const packet = { ...buildPacket(literal, flow, 0), seq: PRODUCT_ISN + 11, ack: 1001 };
  assertEquals(observeProduct(flow, packet), "byte 13 is a wrong one");
});

Deno.test("observer: bytes beyond the peer's window are wrong, but for one", () => {
  const flow = createFlow();
  flow.writePosition += 10_000;
  assertEquals(productSends(flow, ". 1:4001(4000) ack 1 win 512"), "");
  assertEquals(productSends(flow, ". 4001:4002(1) ack 1 win 512"), "");
  assertStringIncludes(
    productSends(flow, ". 3001:4002(1001) ack 1 win 512"),
    "beyond the peer's window, which ends at 4001",
  );
});

Deno.test("observer: a TSval that runs backwards is wrong", () => {
  const flow = createFlow();
  const segment = (val: number) => `. 1:1(0) ack 1 win 512 <nop,nop,TS val ${val} ecr 0>`;
  assertEquals(productSends(flow, segment(500)), "");
  assertEquals(productSends(flow, segment(500)), "");
  assertEquals(productSends(flow, segment(499)), "its TSval runs backwards");
});
