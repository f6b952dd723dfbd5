import { assertEquals } from "@std/assert";
import { ACK, CWR, ECE, FIN, PSH, RST, Segment, SYN, URG } from "../../lib/wire/segment.ts";
import { formatSegment } from "../../lib/wire/segment_text.ts";

function format(fields: Partial<Segment>): string {
  return formatSegment(Object.assign(new Segment(), { wnd: 65535 }, fields));
}

Deno.test("segment text: reads like packetdrill", () => {
  assertEquals(
    format({
      flags: SYN | ACK,
      seq: 100,
      ack: 1,
      mss: 1460,
      sackPermitted: true,
      hasTimestamps: true,
      tsVal: 1,
      tsEcr: 2,
      windowScale: 7,
    }),
    "S. 100:100(0) ack 1 win 65535 <mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7>",
  );
});

Deno.test("segment text: numbers are unsigned and wrap", () => {
  assertEquals(
    format({ flags: PSH | ACK, seq: -1, ack: -2, payloadLength: 3 }),
    "P. 4294967295:2(3) ack 4294967294 win 65535",
  );
});

Deno.test("segment text: every flag has its letter", () => {
  assertEquals(format({ flags: 0 }), "- 0:0(0) win 65535");
  assertEquals(
    format({ flags: SYN | FIN | RST | PSH | URG | ECE | CWR | ACK, urgentPointer: 9 }),
    "SFRPUEW. 0:0(0) ack 0 win 65535 urg 9",
  );
});

Deno.test("segment text: SACK blocks and fast open cookies are spelled out", () => {
  const sackStart = Int32Array.of(1, 5, 0, 0);
  const sackEnd = Int32Array.of(3, 7, 0, 0);
  assertEquals(
    format({ flags: ACK, sackCount: 2, sackStart, sackEnd }),
    ". 0:0(0) ack 0 win 65535 <nop,nop,sack 1:3 5:7>",
  );
  assertEquals(
    format({ flags: ACK, userTimeout: 300, sackCount: 1, sackStart, sackEnd }),
    ". 0:0(0) ack 0 win 65535 <uto 300 s,nop,nop,sack 1:3>",
  );
  const fastOpenCookie = new Uint8Array(16).fill(0xab);
  assertEquals(
    format({ flags: SYN, fastOpenLength: 4, fastOpenCookie }),
    "S 0:0(0) win 65535 <FO abababab,nop,nop>",
  );
  assertEquals(format({ flags: SYN, fastOpenLength: 0 }), "S 0:0(0) win 65535 <FO,nop,nop>");
});
