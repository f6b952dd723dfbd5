/** OPT: TCP options. Requirements §2.8. */

import { assertEquals } from "@std/assert";
import { encodeOptions } from "../support/codec.ts";
import { protocolTest } from "../support/script.ts";

const GV_01_OPTIONS = "mss 1460,sackOK,TS val 0x000a7914 ecr 0,nop,wscale 2";

protocolTest(
  "OPT-01",
  "of a repeated option the last counts",
  `
  0  < S 0:0(0) win 65535 <mss 1460,mss 1000>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  +0 < . 1:1(0) ack 1
     accept
     write 2500
  +0 > P. 1:2501(2500/1000) ack 1
  `,
);

protocolTest(
  "OPT-02",
  "unknown options are skipped and never echoed",
  `
  0  < S 0:0(0) win 65535 <hex 1e0c0000aaaaaaaabbbbbbbb,mss 1000,hex 1312000102030405060708090a0b0c0d0e0f>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  +0 < . 1:1(0) ack 1
     accept
     write 1500
  +0 > P. 1:1501(1500/1000) ack 1
  `,
);

protocolTest(
  "OPT-03",
  "a malformed length ends the list; what was read before counts",
  `
  peer b 10.0.0.2:40001
  peer c 10.0.0.2:40002
  0  < S 0:0(0) win 65535 <mss 1000,hex 0800>
  +0 > S. 0:0(0) ack 1 <mss 1460>
     cnt:TCPOptMalformed
  +0 <b S 0:0(0) win 65535 <mss 1000,hex 0301>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
     cnt:TCPOptMalformed
  +0 <c S 0:0(0) win 65535 <mss 1000,hex 080a0000>
  +0 >c S. 0:0(0) ack 1 <mss 1460>
     cnt:TCPOptMalformed
  +0 < . 1:1(0) ack 1
     accept
     write 1500
  +0 > P. 1:1501(1500/1000) ack 1
  `,
);

protocolTest(
  "OPT-04",
  "options may lie at any offset and end with the list",
  `
  peer b 10.0.0.2:40001
  0  < S 0:0(0) win 65535 <nop,mss 1000>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  +0 < . 1:1(0) ack 1
     accept
     write 1500
  +0 > P. 1:1501(1500/1000) ack 1
  +0 <b S 0:0(0) win 65535 <eol,hex 02040064>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
  +0 <b . 1:1(0) ack 1
     accept b
     write b 600
  +0 >b P. 1:601(600/536) ack 1
  `,
);

protocolTest(
  "OPT-05",
  "the MSS option is the MTU less 40",
  `
  0  < S 0:0(0) win 65535 <${GV_01_OPTIONS}>
  +0 > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val * ecr *,nop,wscale 7>
  `,
);

protocolTest(
  "OPT-05",
  "the MSS option follows the MTU",
  `
  0  < S 0:0(0) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 1 <mss 8960>
  `,
  { mtu: 9000 },
);

protocolTest(
  "OPT-05",
  "the MSS option of IPv6 is the MTU less 60",
  `
  0  < S 0:0(0) win 65535 <mss 1440>
  +0 > S. 0:0(0) ack 1 <mss 1440>
  `,
  { isIpv6: true },
);

protocolTest(
  "OPT-06",
  "without an MSS option segments have 536 bytes",
  `
  0  < S 0:0(0) win 65535
  +0 > S. 0:0(0) ack 1 <mss 1460>
  +0 < . 1:1(0) ack 1
     accept
     write 2000
  +0 > P. 1:2001(2000/536) ack 1
  `,
);

protocolTest(
  "OPT-06",
  "without an MSS option segments have 1220 bytes over IPv6",
  `
  0  < S 0:0(0) win 65535
  +0 > S. 0:0(0) ack 1 <mss 1440>
  +0 < . 1:1(0) ack 1
     accept
     write 2000
  +0 > P. 1:2001(2000/1220) ack 1
  `,
  { isIpv6: true },
);

protocolTest(
  "OPT-07",
  "timestamps make segments 12 bytes shorter",
  `
  EST+TS
     write 3000
  +0 > P. 1:3001(3000/1448) ack 1 <ts>
  `,
);

protocolTest(
  "OPT-07",
  "a peer's MSS above the link's is bounded by it",
  `
  0  < S 0:0(0) win 65535 <mss 9000>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  +0 < . 1:1(0) ack 1
     accept
     write 3000
  +0 > P. 1:3001(3000/1460) ack 1
  `,
);

protocolTest(
  "OPT-08",
  "options of SYNs are ignored elsewhere",
  `
  EST
  +0 < . 1:1(0) ack 1 <mss 100,nop,wscale 7,sackOK>
     write 2000
  +0 > P. 1:2001(2000/1460) ack 1
  `,
);

for (const mss of [0, 8]) {
  protocolTest(
    "OPT-09",
    `an MSS of ${mss} counts as 48`,
    `
    0  < S 0:0(0) win 65535 <mss ${mss}>
    +0 > S. 0:0(0) ack 1 <mss 1460>
    +0 < . 1:1(0) ack 1
       accept
       write 100
    +0 > P. 1:101(100/48) ack 1
    `,
  );
}

protocolTest(
  "OPT-10",
  "the SYN-ACK offers only what the SYN did",
  `
  peer b 10.0.0.2:40001
  peer c 10.0.0.2:40002
  peer d 10.0.0.2:40003
  0  < S 0:0(0) win 65535 <mss 1460>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  +0 <b S 0:0(0) win 65535 <mss 1460,sackOK>
  +0 >b S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
  +0 <c S 0:0(0) win 65535 <mss 1460,nop,wscale 3>
  +0 >c S. 0:0(0) ack 1 <mss 1460,nop,wscale 7>
  +0 <d S 0:0(0) win 65535 <mss 1460,TS val 7 ecr 0>
  +0 >d S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val * ecr 7>
  `,
);

protocolTest(
  "OPT-10",
  "the SYN-ACK offers nothing that is switched off",
  `
  0  < S 0:0(0) win 65535 <${GV_01_OPTIONS}>
  +0 > S. 0:0(0) ack 1 <mss 1460>
  `,
  { tunables: { tcp_sack: 0, tcp_timestamps: 0, tcp_window_scaling: 0 } },
);

protocolTest("OPT-11", "the options of a SYN-ACK lie as in the seed's dump", (t) => {
  t.inject(`S 0:0(0) win 5840 <${GV_01_OPTIONS}>`);
  const packet = t.expect("S. 0:0(0) ack 1 <...>");
  const timestamps = packet.options.find((option) => option.name === "TS")!;
  const tsVal = timestamps.val.toString(16).padStart(8, "0");
  assertEquals(
    encodeOptions(packet.options).toHex(),
    `020405b40402080a${tsVal}000a791401030307`,
  );
});

protocolTest("OPT-11", "the options of a SYN-ACK without timestamps are padded in front", (t) => {
  t.inject("S 0:0(0) win 5840 <mss 1460,sackOK,nop,wscale 2>");
  const packet = t.expect("S. 0:0(0) ack 1 <...>");
  assertEquals(encodeOptions(packet.options).toHex(), "020405b40101040201030307");
});

protocolTest("OPT-12", "other segments have their timestamps behind two NOPs", (t) => {
  t.run("EST+TS");
  t.inject("P. 1:2(1) ack 1 <nop,nop,TS val 0x01020304 ecr *>");
  t.calls.read(t.flow, 1, null);
  t.calls.write(t.flow, 1, null);
  for (let packet = t.next(50); packet !== null; packet = t.next(50)) {
    const timestamps = packet.options.find((option) => option.name === "TS")!;
    const tsVal = timestamps.val.toString(16).padStart(8, "0");
    assertEquals(encodeOptions(packet.options).toHex(), `0101080a${tsVal}01020304`);
  }
});
