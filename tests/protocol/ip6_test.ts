/** IP6: the same protocol over IPv6. Requirements §2.5. */

import { protocolTest } from "../support/script.ts";

protocolTest(
  "IP6-01",
  "a connection lives over IPv6 as over IPv4, with an MSS of 1440",
  `
  0   < S 0:0(0) win 65535 <mss 1440,sackOK,TS val 1 ecr 0,nop,wscale 7>
  +0  > S. 0:0(0) ack 1 <mss 1440,sackOK,TS val 0 ecr 1,nop,wscale 7>
  +.1 < . 1:1(0) ack 1 win 512 <ts>
      accept
      state ESTABLISHED
  +0  < P. 1:5001(5000) ack 1 <ts>
  *   > . 1:1(0) ack 5001 <ts>
      read 5000
      write 5000
  +0  > P. 1:5001(5000/1428) ack 5001 <ts>
  +.1 < . 5001:5001(0) ack 5001 <ts>
      shutdown
  +0  > F. 5001:5001(0) ack 5001 <ts>
  +.1 < F. 5001:5001(0) ack 5002 <ts>
  +0  > . 5002:5002(0) ack 5002 <ts>
      state TIME_WAIT
  none(130)
      state CLOSED
  `,
  { isIpv6: true },
);

protocolTest(
  "IP6-01",
  "unanswered SYN-ACKs, closed ports and resets are as over IPv4",
  `
  peer c fd00::2:40001 > fd00::1:81
  SR
  +1  > S. 0:0(0) ack 1 <mss 1440>
  +0  < R 1:1(0)
      synQueue 0
  +0  <c S 0:0(0) win 65535
  +0  >c R. 0:0(0) ack 1
  none(70)
  `,
  { isIpv6: true },
);
