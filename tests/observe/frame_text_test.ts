import { assertEquals } from "@std/assert";
import { FrameText } from "../../lib/observe/frame_text.ts";
import { ACK, PSH, RST, SYN } from "../../lib/wire/segment.ts";
import { compose } from "../sim/host.ts";
import { ethernet, ipv4 } from "../support/packets.ts";

const ENDS = { isIpv6: false, host: 7, port: 40000, serverPort: 80 };

function segment(flags: number, seq: number, ack: number, length = 0, isIpv6 = false) {
  return compose({ ...ENDS, isIpv6 }, (seg) => {
    seg.flags = flags;
    seg.seq = seq | 0;
    seg.ack = ack | 0;
    seg.wnd = 500;
    seg.payloadLength = length;
  }).bytes;
}

function told(bytes: Uint8Array, length = bytes.length): string {
  return new FrameText().of(bytes, length, true);
}

Deno.test("frame text: the numbers of a flow count from its first ones", () => {
  const text = new FrameText();
  const line = (bytes: Uint8Array) => text.of(bytes, bytes.length, true);
  const ends = "10.0.1.7:40000 10.0.0.1:80";
  assertEquals(line(segment(SYN, 0xffffffff, 0)), `${ends} S 0:0(0) win 500`);
  assertEquals(line(segment(ACK | PSH, 0, 0, 100)), `${ends} P. 1:101(100) ack 0 win 500`);
  assertEquals(line(segment(RST, 100, 0)), `${ends} R 101:101(0) win 500`);
});

Deno.test("frame text: the flows of a flood are forgotten, the oldest first", () => {
  const text = new FrameText();
  const line = (bytes: Uint8Array) => text.of(bytes, bytes.length, true);
  line(segment(SYN, 100, 0));
  const flood = segment(SYN, 500, 0);
  const view = new DataView(flood.buffer);
  for (let i = 0; i < 65536; i++) {
    view.setUint16(34, 1 + i % 30000); // source port, not that of the first flow
    view.setUint16(36, 1 + Math.floor(i / 30000));
    line(flood);
  }
  assertEquals(line(segment(ACK, 101, 0)), "10.0.1.7:40000 10.0.0.1:80 . 101:101(0) ack 0 win 500");
  view.setUint8(47, ACK);
  assertEquals(line(flood), "10.0.1.7:5536 10.0.0.1:3 . 0:0(0) ack 0 win 500");
});

Deno.test("frame text: the peer stands first, whoever speaks", () => {
  const bytes = segment(ACK, 5, 6);
  assertEquals(
    new FrameText().of(bytes, bytes.length, false),
    "10.0.0.1:80 10.0.1.7:40000 . 5:5(0) ack 6 win 500",
  );
});

Deno.test("frame text: a payload that lies elsewhere counts by its length", () => {
  const whole = segment(ACK, 1, 1, 1000);
  assertEquals(
    told(whole.subarray(0, whole.length - 1000), whole.length),
    "10.0.1.7:40000 10.0.0.1:80 . 1:1001(1000) ack 1 win 500",
  );
});

Deno.test("frame text: IPv6 and tags of VLANs", () => {
  const bytes = segment(SYN, 9, 0, 0, true);
  const line = "[fd00:1::7]:40000 [fd00::1]:80 S 0:0(0) win 500";
  assertEquals(told(bytes), line);
  const tagged = Uint8Array.of(...bytes.subarray(0, 12), 0x81, 0, 0, 5, ...bytes.subarray(12));
  assertEquals(told(tagged), `vlan 5 ${line}`);
});

Deno.test("frame text: what is no TCP is named", () => {
  const arp = Uint8Array.fromHex(
    "0001080006040001" + "020000000002" + "0a000002" + "000000000000" + "0a000001",
  );
  assertEquals(told(ethernet(0x0806, arp)), "arp request of 10.0.0.2 for 10.0.0.1");
  assertEquals(
    told(ethernet(0x0800, ipv4(1, Uint8Array.of(8, 0, 1, 2)))),
    "icmp 8/0 from 10.0.0.2 to 10.0.0.1, 4 bytes",
  );
  assertEquals(
    told(ethernet(0x0800, ipv4(17, new Uint8Array(8)))),
    "protocol 17 from 10.0.0.2 to 10.0.0.1, 8 bytes",
  );
  assertEquals(
    told(ethernet(0x0800, ipv4(6, new Uint8Array(8), { fragment: 0x2001 }))),
    "fragment at 8 of protocol 6 from 10.0.0.2 to 10.0.0.1, 8 bytes",
  );
  assertEquals(told(ethernet(0x88cc, new Uint8Array(46))), "type 0x88cc, 46 bytes");
});

Deno.test("frame text: whatever arrives has a line", () => {
  const whole = segment(SYN, 1, 0);
  for (let length = 0; length < whole.length; length++) {
    const cut = told(whole.subarray(0, length));
    assertEquals(cut.includes("\n") || cut === "", false);
    assertEquals(told(whole.subarray(0, length), whole.length) === "", false);
  }
  assertEquals(told(new Uint8Array(3)), "3 bytes, too short for a frame");
  assertEquals(told(ethernet(0x0800, new Uint8Array(20))), "malformed IP packet");
  assertEquals(told(ethernet(0x0800, ipv4(6, new Uint8Array(19)))), "malformed TCP segment");
});
