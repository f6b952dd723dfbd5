/** HS: connection establishment, passive side. Requirements §2.10. */

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { encodePacket } from "../support/codec.ts";
import { liveHeap } from "../support/heap.ts";
import { randomWords } from "../support/random.ts";
import { protocolTest } from "../support/script.ts";
import { exchange } from "./exchange.ts";

protocolTest(
  "HS-01",
  "a SYN is answered with SYN-ACK, and the third ACK establishes",
  `
  0   < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
      state SYN_RCVD
  +.1 < . 1:1(0) ack 1
      accept
      app: Established
      state ESTABLISHED
      cnt:PassiveOpens
  none(1)
  `,
);

protocolTest(
  "HS-03",
  "the third ACK moves the request from the SYN queue to the accept queue",
  `
  synQueue 0
  SR
  synQueue 1
  acceptQueue 0
  accept none
  +.1 < . 1:1(0) ack 1
  synQueue 0
  acceptQueue 1
  accept
  acceptQueue 0
  `,
);

protocolTest(
  "HS-04",
  "the third segment may carry data",
  `
  SR
  +.1 < P. 1:11(10) ack 1
  +0  > . 1:1(0) ack 11
      accept
      app: Established, Readable
      read 10
      readable 0
  `,
);

protocolTest(
  "HS-04",
  "the third segment may carry data and FIN",
  `
  SR
  +.1 < FP. 1:11(10) ack 1
  +0  > . 1:1(0) ack 12
      accept
      state CLOSE_WAIT
      app: Established, Readable, PeerClosed
      read 10
      eof
  `,
);

protocolTest(
  "HS-13",
  "a RST returns SYN_RCVD of a passive open to LISTEN",
  `
  SR
  +.1 < R 1:1(0)
      synQueue 0
      state LISTEN
  none(70)
  new
  +0  < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
  +0  < . 1:1(0) ack 1
      accept
      state ESTABLISHED
  `,
);

protocolTest("HS-06", "after the handshake nothing has SYN, whatever is lost", (t) => {
  t.run("EST+SACK+TS+WS7");
  const random = randomWords(t.link === "bare" ? 5 : 6);
  exchange(t, 1 << 20, () => random() % 20 === 0);
  assert(t.connection.retransmits > 0, "nothing was lost");
});

protocolTest("HS-29", "a request in the SYN queue costs at most 512 bytes, and no page", (t) => {
  const options = "mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7";
  const syn = encodePacket(t.packet(`S 0:0(0) win 65535 <${options}>`));
  const { frame, sink, listener, pages } = t.fixture;
  const arrive = (from: number, to: number) => {
    for (let port = from; port < to; port++) {
      frame.arena.bytes.set(syn, frame.start);
      frame.arena.view.setUint16(frame.start + 34, port);
      frame.length = syn.length;
      frame.checksumTrusted = true;
      t.stack.receive(frame, t.now);
      t.stack.poll(t.now);
      sink.frames.length = 0;
    }
  };
  arrive(1000, 1500);
  const before = liveHeap();
  arrive(2000, 12_000);
  const growth = liveHeap() - before;
  assertEquals(listener.synQueueLength, 10_500);
  assertEquals([t.stack.tcp.connectionCount, pages.lent], [0, 0]);
  assert(growth < 512 * 10_000, `the heap grew by ${growth} bytes`);
  t.none(0);
}, { tunables: { tcp_max_syn_backlog: 20_000 } });

protocolTest(
  "HS-15",
  "LISTEN drops RST, answers ACK with RST and ignores what is neither",
  `
  0  < R 0:0(0)
  +0 < - 0:0(0)
  +0 < P 0:0(0)
  +0 < F 0:0(0)
  +0 < SF 0:0(0)
  +0 < SR 0:0(0)
  +0 < SFPU 0:0(0)
  +0 < FPU 0:0(0)
     none(70)
  +0 < . 5:5(0) ack 77
  +0 > R 77:77(0)
  +0 < S. 5:5(0) ack 78
  +0 > R 78:78(0)
  +0 < R. 5:5(0) ack 78
     none(70)
     state LISTEN
     cnt:TCPListenRst=3
     cnt:TCPListenBadFlags=6
  `,
);

protocolTest("HS-16", "closing a listener drops its requests and resets what nobody took", (t) => {
  t.run(`
    SR
    peer b 10.0.0.2:40001
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
    +0 <b . 1:1(0) ack 1
       synQueue 1
       acceptQueue 1
  `);
  t.fixture.listener.close();
  t.run(`
    +0 >b R. 1:1(0) ack 1
       synQueue 0
       acceptQueue 0
    +0 < S 0:0(0) win 65535 <mss 1460>
    +0 > R. =0:=0(0) ack 1
    none(70)
  `);
});

protocolTest("HS-17", "a listener of the address gets the SYN, not one of all addresses", (t) => {
  const wildcard = t.stack.listen(parseEndpoint("0.0.0.0:80")!);
  t.run("SR");
  assertEquals([t.fixture.listener.synQueueLength, wildcard.synQueueLength], [1, 0]);
  t.run(`
    +0 < . 1:1(0) ack 1
       accept
       state ESTABLISHED
  `);
  // What lives is not affected by listeners that come and go.
  t.fixture.listener.close();
  t.calls.addListener(wildcard);
  t.run(`
    +0 < P. 1:6(5) ack 1
    +0 > . 1:1(0) ack 6
       read 5
    peer b 10.0.0.3:40000
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
  `);
  assertEquals(wildcard.synQueueLength, 1);
  t.calls.addListener(t.stack.listen(t.fixture.listener.local));
  t.run(`
    +0 <b . 1:1(0) ack 1
       accept b
       state b ESTABLISHED
  `);
});

protocolTest("HS-17", "one address and port have one listener", (t) => {
  const { local } = t.fixture.listener;
  assertThrows(() => t.stack.listen(local), RangeError, "address already in use");
  t.run("SR");
  assertThrows(() => t.stack.listen(local), RangeError, "address already in use");
  // What is there is not affected.
  t.run(`
       synQueue 1
    +0 < . 1:1(0) ack 1
       accept
       state ESTABLISHED
  `);
});

protocolTest(
  "HS-18",
  "a repeated SYN is answered alike and makes no second request",
  (t) => {
    t.run("SR");
    for (let i = 0; i < 2; i++) {
      t.inject("S 0:0(0) win 65535 <mss 1460>");
      t.expect("S. 0:0(0) ack 1 win 65535 <mss 1460>");
      t.run("synQueue 1");
    }
  },
);

protocolTest(
  "HS-18",
  "a SYN that is there twice before it is answered gets one answer, whose ACK is a sample",
  `
  0   < S 0:0(0) win 65535 <mss 1460>
  &   < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
  +.1 < . 1:1(0) ack 1
      accept
      write 100
  +0  > P. 1:101(100) ack 1
  +.3 > P. 1:101(100) ack 1
  `,
);

protocolTest(
  "HS-18",
  "a SYN every second restarts neither the backoff nor the request's life",
  (t) => {
    t.run("SR");
    const iss = t.flow.productIsn;
    for (let second = 0; second < 63; second++) {
      t.run(`
        ${second + 0.5} < S 0:0(0) win 65535 <mss 1460>
                    +0  > S. 0:0(0) ack 1 <mss 1460>
      `);
      if ([1, 3, 7, 15, 31].includes(second + 1)) t.run("+.5 > S. 0:0(0) ack 1 <mss 1460>");
    }
    t.run(`
      62.98 synQueue 1
      63.02 synQueue 0
      new
      63.5  < S 0:0(0) win 65535 <mss 1460>
      +0    > S. 0:0(0) ack 1 <mss 1460>
      synQueue 1
    `);
    assertNotEquals(t.flow.productIsn, iss);
  },
);

protocolTest(
  "HS-19",
  "SYN_RCVD answers a wrong ACK with RST and stays",
  `
  SR
  +.1 < . 1:1(0) ack 9
  +0  > R 9:9(0)
  +0  < . 1:1(0) ack 0
  +0  > R 0:0(0)
      state SYN_RCVD
  +.1 < . 1:1(0) ack 1
      accept
      state ESTABLISHED
  none(.5)
  `,
);

protocolTest(
  "HS-20",
  "an old duplicate SYN is undone by the peer's RST; the real one succeeds",
  `
  new 90
  0   < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
  +.1 < R 1:1(0)
      synQueue 0
  none(70)
  new 100
  +0  < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
  +.1 < . 1:1(0) ack 1
      accept
      accept none
      state ESTABLISHED
  `,
);

protocolTest(
  "HS-21",
  "nothing is accepted or sent before the third ACK",
  `
  SR
  accept none
  none(.9)
  accept none
  +0.1 > S. 0:0(0) ack 1 <mss 1460>
  +0   < . 1:1(0) ack 1
       accept
       write 100
  +0   > P. 1:101(100) ack 1
  `,
);

protocolTest(
  "HS-22",
  "data in a SYN is neither acknowledged nor delivered",
  `
  0   < S 0:10(10) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
  +.1 < . 1:1(0) ack 1
      accept
      readable 0
  +0  < P. 1:11(10) ack 1
  +0  > . 1:1(0) ack 11
      read 10
      readable 0
  `,
);

protocolTest(
  "HS-24",
  "a FIN with the third ACK leads to CLOSE_WAIT",
  `
  SR
  +.1 < F. 1:1(0) ack 1
  +0  > . 1:1(0) ack 2
      accept
      state CLOSE_WAIT
      eof
  `,
);

protocolTest(
  "HS-25",
  "SYN_RCVD drops what has no ACK and answers what lies outside of the window",
  `
  SR
  +.1 < P 1:2(1)
  none(.1)
  +0  < . 100001:100001(0) ack 1
  +0  > . 1:1(0) ack 1
      state SYN_RCVD
  `,
);

protocolTest(
  "HS-25",
  "another SYN in the window ends the request, and begins one when it comes again",
  `
  SR
  +.1 < S 50:50(0) win 65535 <mss 1460>
      synQueue 0
  none(.1)
  new
  +0  < S 50:50(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 51 <mss 1460>
      synQueue 1
  `,
);

protocolTest(
  "HS-26",
  "a restarted peer is challenged, resets, and connects again",
  `
  EST
  +1  < S =5000:=5000(0) win 65535 <mss 1460>
  +0  > . 1:1(0) ack 1
      state ESTABLISHED
  +.1 < R 1:1(0)
      app: Reset "reset by peer"
      state CLOSED
  new 5000
  +1  < S 0:0(0) win 65535 <mss 1460>
  +0  > S. 0:0(0) ack 1 <mss 1460>
  +.1 < . 1:1(0) ack 1
      accept
      state ESTABLISHED
  `,
);

protocolTest(
  "HS-27",
  "the same ports from another address are another connection",
  `
  peer b 10.0.0.3:40000
  EST
  +0 <b S 0:0(0) win 65535 <mss 1460>
  +0 >b S. 0:0(0) ack 1 <mss 1460>
  +0 <b . 1:1(0) ack 1
     accept b
  +0 < P. 1:6(5) ack 1 "first"
  +0 > . 1:1(0) ack 6
  +0 <b P. 1:7(6) ack 1 "second"
  +0 >b . 1:1(0) ack 7
     read "first"
     readable 0
     read b "second"
     readable b 0
  `,
);
