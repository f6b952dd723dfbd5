/** KA: keep-alive. Requirements §2.19. */

import { protocolTest } from "../support/script.ts";

protocolTest(
  "KA-01",
  "without keep-alive an idle connection stays silent",
  `
  EST
  none(100000)
  state ESTABLISHED
  `,
  { tunables: { px_keepalive_client: 0 } },
);

protocolTest(
  "KA-02, KA-03",
  "an idle connection is probed after tcp_keepalive_time, without data",
  `
  EST
  none(7199.9)
  +.1 > . 0:0(0) ack 1
  +.1 < . 1:1(0) ack 1
  none(7199.8)
  +.2 > . 0:0(0) ack 1
  `,
);

protocolTest(
  "KA-04",
  "nine unanswered probes end the connection with RST",
  `
  EST
  7200 > . 0:0(0) ack 1
  7275 > . 0:0(0) ack 1
  7350 > . 0:0(0) ack 1
  7425 > . 0:0(0) ack 1
  7500 > . 0:0(0) ack 1
  7575 > . 0:0(0) ack 1
  7650 > . 0:0(0) ack 1
  7725 > . 0:0(0) ack 1
  7800 > . 0:0(0) ack 1
       cnt:TCPKeepAlive=9
  7875 > R. 1:1(0) ack 1
       app: Reset "keep-alive timed out"
       state CLOSED
  none(10000)
  `,
);

protocolTest(
  "KA-05",
  "any segment of the peer resets idle time and count",
  `
  EST
  10 > . 0:0(0) ack 1
  11 > . 0:0(0) ack 1
  +.5 < . 1:1(0) ack 1
  none(9.9)
  +.1 > . 0:0(0) ack 1
  +1  > . 0:0(0) ack 1
  +1  > . 0:0(0) ack 1
  +1  > R. 1:1(0) ack 1
  `,
  { tunables: { tcp_keepalive_time: 10, tcp_keepalive_intvl: 1, tcp_keepalive_probes: 3 } },
);

protocolTest(
  "KA-06",
  "a peer that was restarted resets at the first probe",
  `
  EST
  7200 > . 0:0(0) ack 1
  +.1  < R 1:1(0)
       app: Reset "reset by peer"
       state CLOSED
  none(8000)
  `,
);

protocolTest(
  "KA-08",
  "a peer's probes are answered and not delivered",
  `
  EST
  +10 < . 0:0(0) ack 1
  +0  > . 1:1(0) ack 1
  +10 < . 0:1(1) ack 1
  +0  > . 1:1(0) ack 1
      readable 0
      state ESTABLISHED
  `,
);

protocolTest(
  "KA-09",
  "while data is outstanding only its retransmission is sent",
  `
  EST rtt .1
       write 10
  +0   > P. 1:11(10) ack 1
  +.3  > P. 1:11(10) ack 1
  +.6  > P. 1:11(10) ack 1
  +1.2 > P. 1:11(10) ack 1
  none(2.3)
  `,
  {
    tunables: { tcp_keepalive_time: 1, tcp_keepalive_intvl: 1, tcp_keepalive_probes: 3 },
    toleranceMs: 20,
  },
);

protocolTest(
  "KA-10",
  "a vanished link does not end a connection by itself",
  `
  EST
  none(86400)
  state ESTABLISHED
  `,
  { tunables: { px_keepalive_client: 0 } },
);
