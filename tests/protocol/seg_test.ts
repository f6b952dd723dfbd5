/** SEG: sequence validation and reassembly of the byte stream. Requirements §2.15. */

import { assert, assertEquals } from "@std/assert";
import { randomWords } from "../support/random.ts";
import { protocolTest } from "../support/script.ts";
import { IN_STATE } from "./states.ts";
import { FEW_PAGES, shutWindow } from "./windows.ts";

type Place = "left" | "overlap" | "first" | "last" | "right";

/** SEG-01: where a segment of so many bytes lies. RFC 9293 §3.10.7.4 table 6. */
const BOUNDARIES: readonly (readonly [window: "open" | "shut", length: 0 | 10, where: Place])[] = [
  ["open", 0, "left"],
  ["open", 0, "first"],
  ["open", 0, "last"],
  ["open", 0, "right"],
  ["open", 10, "left"],
  ["open", 10, "overlap"],
  ["open", 10, "last"],
  ["open", 10, "right"],
  ["shut", 0, "left"],
  ["shut", 0, "first"],
  ["shut", 0, "right"],
  ["shut", 10, "first"],
  ["shut", 10, "overlap"],
];

for (const [window, length, where] of BOUNDARIES) {
  protocolTest(
    "SEG-01",
    `${length} bytes at the ${where} of a window that is ${window}`,
    (t) => {
      t.run("EST");
      const next = window === "shut" ? shutWindow(t) : 1;
      const edge = t.flow.productEdge!;
      // One that ends at RCV.NXT - 1 is no stranger (SEG-11), nor an empty one at the edge (below).
      const right = length === 0 ? edge + 1 : edge;
      const places = { left: next - length - 2, overlap: next - 5, last: edge - 1, right };
      const seq = where === "first" ? next : places[where];
      // An acceptable segment has its ACK taken, any other draws one.
      const isAcceptable = where !== "left" && where !== "right" &&
        !(window === "shut" && length > 0);
      t.calls.write(t.flow, 5, null);
      t.expect(`P. 1:6(5) ack ${next}`);
      t.inject(`. ${seq}:${seq + length}(${length}) ack 6`);
      if (!isAcceptable) t.expect(`. 6:6(0) ack ${next}`);
      else if (where === "overlap") t.expect(`. 6:6(0) ack ${next + 5}`);
      else if (length > 0) t.expect(`. 6:6(0) ack ${next}`);
      const isAckTaken = isAcceptable || (window === "shut" && where === "first");
      assertEquals(t.connection.isDrained, isAckTaken);
    },
    FEW_PAGES,
  );
}

protocolTest(
  "SEG-02",
  "an unacceptable pure ACK is answered once in tcp_invalid_ratelimit",
  `
  EST
  +1  < . -100:-100(0) ack 1
  +0  > . 1:1(0) ack 1
  +.1 < . -100:-100(0) ack 1
  none(.1)
  +.4 < . -100:-100(0) ack 1
  +0  > . 1:1(0) ack 1
      cnt:TCPACKSkipped
  `,
);

protocolTest(
  "SEG-02",
  "old data is always answered, an old RST never",
  `
  EST
  +1  < P. 1:101(100) ack 1
  +0  > . 1:1(0) ack 101
  +.1 < P. 1:101(100) ack 1
  +0  > . 1:1(0) ack 101
  +.1 < P. 1:101(100) ack 1
  +0  > . 1:1(0) ack 101
      read 100
      readable 0
      cnt:TCPOutOfWindow=2
  +1  < R 100:100(0)
  none(1)
  state ESTABLISHED
  `,
);

protocolTest(
  "SEG-02",
  "an old FIN is answered each time, an old SYN, empty or not, once in tcp_invalid_ratelimit",
  `
  EST
     write 100
  +0 > P. 1:101(100) ack 1
  +.05 < F. -100:-100(0) ack 1
  +0 > . 101:101(0) ack 1
  +0 < F. -100:-100(0) ack 1
  +0 > . 101:101(0) ack 1
     cnt:TCPACKSkipped=0
  +0 < SF. -100:-100(0) ack 1
  +0 > . 101:101(0) ack 1
  +0 < SF. -100:-100(0) ack 1
  +0 < SP. -100:-90(10) ack 1
  none(.1)
     cnt:TCPACKSkipped=2
  `,
);

for (const [pauseMs, isAnswered] of [[499, false], [500, true], [25 * 86_400_000, true]] as const) {
  protocolTest(
    "SEG-02",
    `${pauseMs} ms later an unacceptable ACK is ${isAnswered ? "" : "not "}answered again`,
    (t) => {
      t.run(`
        EST
        peer b 10.0.0.2:40001
        +0 <b S 0:0(0) win 65535 <mss 1460>
        +0 >b S. 0:0(0) ack 1 <mss 1460>
        +0 <b . 1:1(0) ack 1
        +1 < . -100:-100(0) ack 1
        +0 > . 1:1(0) ack 1
        +0 <b . -100:-100(0) ack 1
        +0 >b . 1:1(0) ack 1
        +0 <b . -100:-100(0) ack 1
        cnt:TCPACKSkipped
      `);
      t.advance(pauseMs);
      t.inject(". -100:-100(0) ack 1");
      if (isAnswered) t.expect(". 1:1(0) ack 1");
      assertEquals(t.growth("TCPACKSkipped"), isAnswered ? 0 : 1);
    },
  );
}

protocolTest(
  "SEG-03",
  "what lies left of the window is trimmed, the rest delivered",
  `
  EST
  +0 < . 1:101(100) ack 1
  +0 > . 1:1(0) ack 101
  +0 < . 51:151(100) ack 1
  +0 > . 1:1(0) ack 151
     read 150
     readable 0
  `,
);

protocolTest(
  "SEG-03",
  "what lies right of the window is trimmed, FIN included",
  (t) => {
    t.run("EST");
    const edge = shutWindow(t);
    t.inject(`FP. ${edge}:${edge + 10}(10) ack 1`);
    t.expect(`. 1:1(0) ack ${edge} win 0`);
    t.run("state ESTABLISHED");
  },
  FEW_PAGES,
);

protocolTest(
  "SEG-03",
  "bytes right of the window are trimmed, those in it delivered",
  (t) => {
    t.run("EST");
    const edge = t.flow.productEdge!;
    t.inject(`. 101:${edge + 100} ack 1`);
    t.expect(". 1:1(0) ack 1");
    t.inject(". 1:101(100) ack 1");
    t.expect(`. 1:1(0) ack ${edge}`);
    t.calls.read(t.flow, edge - 1, null);
    t.run("readable 0");
  },
);

protocolTest("SEG-04", "a stream that is lost, doubled and shuffled arrives whole", (t) => {
  const random = randomWords(t.link === "bare" ? 3 : 4);
  const length = 1 << 20;
  t.run("EST+SACK+WS7");
  let acknowledged = 1;
  while (acknowledged <= length) {
    const edge = Math.min(t.flow.productEdge!, length + 1);
    const segments: string[] = [];
    for (let start = acknowledged; start < edge && segments.length < 24;) {
      const size = 1 + random() % 1460;
      const end = Math.min(start + size, edge);
      // Some begin too early, some are lost, some come twice.
      const from = Math.max(1, start - (random() % 4 === 0 ? random() % 700 : 0));
      const segment = `. ${from}:${end} ack 1`;
      if (random() % 8 !== 0) segments.push(segment);
      if (random() % 8 === 0) segments.push(segment);
      start = end;
    }
    for (let i = segments.length - 1; i > 0; i--) {
      const other = random() % (i + 1);
      [segments[i], segments[other]] = [segments[other], segments[i]];
    }
    t.inject(...segments);
    for (let packet = t.next(50); packet !== null; packet = t.next()) {
      acknowledged = (packet.ack - t.flow.peerIsn) | 0;
    }
    t.calls.read(t.flow, t.connection.readable().length, null);
  }
  t.calls.read(t.flow, length + 1 - t.flow.readPosition, null);
  t.run("readable 0");
});

protocolTest(
  "SEG-05",
  "of two contents for the same bytes the first counts",
  `
  EST
  +0 < . 11:21(10) ack 1 "BBBBBBBBBB"
  +0 > . 1:1(0) ack 1
  +0 < . 1:21(20) ack 1 "AAAAAAAAAAAAAAAAAAAA"
  +0 > . 1:1(0) ack 21
     read "AAAAAAAAAABBBBBBBBBB"
     cnt:TCPOFOQueue
  `,
);

protocolTest(
  "SEG-05",
  "bytes once acknowledged never change",
  `
  EST
  +0 < . 1:11(10) ack 1 "AAAAAAAAAA"
  +0 > . 1:1(0) ack 11
  +0 < . 1:16(15) ack 1 "BBBBBBBBBBBBBBB"
  +0 > . 1:1(0) ack 16
     read "AAAAAAAAAABBBBB"
  `,
);

protocolTest(
  "SEG-05",
  "what surrounds bytes beyond a gap does not change them",
  `
  EST
  +0 < . 11:16(5) ack 1 "BBBBB"
  +0 > . 1:1(0) ack 1
  +0 < . 6:21(15) ack 1 "CCCCCCCCCCCCCCC"
  +0 > . 1:1(0) ack 1
  +0 < . 1:26(25) ack 1 "AAAAAAAAAAAAAAAAAAAAAAAAA"
  +0 > . 1:1(0) ack 26
     read "AAAAACCCCCBBBBBCCCCCAAAAA"
  `,
);

protocolTest("SEG-06", "a shut window refuses data, but not the ACK with it", (t) => {
  t.run("EST");
  t.calls.write(t.flow, 500, null);
  t.expect("P. 1:501(500) ack 1");
  const next = shutWindow(t);
  t.inject(`P. ${next}:${next + 1}(1) ack 500`);
  t.expect(`. 501:501(0) ack ${next} win 0`);
  assertEquals((t.connection.sndNxt - t.connection.sndUna) | 0, 1);
  t.inject(`P. ${next}:${next + 1}(1) ack 501`);
  t.expect(`. 501:501(0) ack ${next} win 0`);
  assertEquals(t.connection.isDrained, true);
}, FEW_PAGES);

protocolTest("SEG-06", "a shut window lets the urgent pointer and RST through", (t) => {
  t.run("EST");
  const next = shutWindow(t);
  t.run("app: Readable");
  t.inject(`PU. ${next}:${next + 1}(1) ack 1 urg 100`);
  t.expect(`. 1:1(0) ack ${next} win 0`);
  t.run("app: Urgent");
  t.inject(`U. ${next}:${next}(0) ack 1 urg 200`);
  assertEquals(t.connection.urgentRemaining, next - 1 + 200);
  t.inject(`R ${next}:${next}(0)`);
  t.run(`
    app: Reset "reset by peer"
    state CLOSED
  `);
}, FEW_PAGES);

protocolTest(
  "SEG-07",
  "a segment without ACK is dropped silently",
  `
  EST
  +0 < P 1:11(10)
  +0 < - 1:1(0)
  +0 < F 1:1(0)
  none(1)
     state ESTABLISHED
     readable 0
     cnt:TCPNoAckFlag=3
  `,
);

protocolTest(
  "SEG-08",
  "an ACK of what was never sent discards the segment",
  `
  EST
  +1 < P. 1:11(10) ack 5000
  +0 > . 1:1(0) ack 1
     readable 0
     cnt:TCPACKInvalid
  +1 < P. 1:11(10) ack -70000
  +0 > . 1:1(0) ack 1
     readable 0
     cnt:TCPACKInvalid
  +1 < P. 1:11(10) ack -60000
  +0 > . 1:1(0) ack 11
     read 10
  `,
);

protocolTest(
  "SEG-08",
  "ACKs of what was never sent are answered once in tcp_invalid_ratelimit",
  `
  EST
  +1 < P. 1:11(10) ack 5000
  +0 > . 1:1(0) ack 1
  +.1 < P. 1:11(10) ack 5000
  none(.3)
     cnt:TCPACKInvalid=2
     cnt:TCPACKSkipped
     readable 0
  +.2 < P. 1:11(10) ack 5000
  +0 > . 1:1(0) ack 1
  `,
);

protocolTest(
  "SEG-09",
  "an old segment that arrives late does not change the window",
  `
  EST
  +0 < P. 11:21(10) ack 1 win 2000
  +0 > . 1:1(0) ack 1
  +0 < P. 1:11(10) ack 1 win 50000
  +0 > . 1:1(0) ack 21
     write 20000
  +0 > . 1:1461(1460) ack 21
  none(.15)
  `,
);

protocolTest(
  "SEG-09",
  "a segment that fills a gap names the window, although those behind the gap were sent later",
  `
  EST
  +0 < P. 11:21(10) ack 1 win 4000
  +0 > . 1:1(0) ack 1
     write 20000
  +0 > . 1:1461(1460) ack 1
  +0 > . 1461:2921(1460) ack 1
  +.01 < . 1:11(10) ack 2921 win 1079
  +0 > . 2921:2921(0) ack 21
  none(.15)
  `,
);

protocolTest(
  "SEG-09",
  "what acknowledges less than was acknowledged names no window",
  `
  EST
  +0 < P. 11:21(10) ack 1 win 2920
  +0 > . 1:1(0) ack 1
     write 20000
  +0 > . 1:1461(1460) ack 1
  +0 > . 1461:2921(1460) ack 1
  +.01 < . 1:11(10) ack 2921 win 0
  +0 > . 2921:2921(0) ack 21
  +.01 < . 21:21(0) ack 1461 win 1460
  none(.15)
  `,
);

protocolTest("SEG-10", "a batch of segments is acknowledged together", (t) => {
  t.run("EST");
  const segments = Array.from(
    { length: 10 },
    (_, i) => `. ${1 + 1460 * i}:${1461 + 1460 * i}(1460) ack 1`,
  );
  t.inject(...segments);
  let acks = 0;
  let last = 0;
  for (let packet = t.next(100); packet !== null; packet = t.next(100)) {
    acks++;
    last = (packet.ack - t.flow.peerIsn) | 0;
  }
  assertEquals(last, 14_601);
  assertEquals(acks <= 5, true, `${acks} ACKs`);
});

protocolTest(
  "SEG-11",
  "a repeated FIN is not delivered, but its ACK counts",
  `
  EST
     shutdown
  +0  > F. 1:1(0) ack 1
  +.1 < F. 1:1(0) ack 1
  +0  > . 2:2(0) ack 2
      state CLOSING
  +.05 < F. 1:1(0) ack 2
  +0  > . 2:2(0) ack 2
      state TIME_WAIT
  `,
);

protocolTest(
  "SEG-11",
  "a repeated byte is not delivered, but its ACK counts",
  `
  EST
  +0  < P. 1:2(1) ack 1
  +0  > . 1:1(0) ack 2
      read 1
      write 10
  +0  > P. 1:11(10) ack 2
  +.1 < . 1:2(1) ack 11
  +0  > . 11:11(0) ack 2
      readable 0
  none(10)
  `,
);

protocolTest("SEG-02", "data of one byte is answered each time, a pure ACK is not", (t) => {
  t.run("EST");
  for (let i = 0; i < 3; i++) {
    t.inject("P. -100:-99(1) ack 1");
    t.expect(". 1:1(0) ack 1");
  }
  assertEquals([t.growth("TCPOutOfWindow"), t.growth("TCPACKSkipped")], [3, 0]);
});

protocolTest(
  "SEG-03",
  "one new byte behind old ones is taken, one old byte before the window is not",
  `
  EST
  +0 < P. 1:11(10) ack 1
  +0 > . 1:1(0) ack 11
  +0 < P. 1:12(11) ack 1
  +0 > . 1:1(0) ack 12
     cnt:TCPOutOfWindow=0
  +0 < P. 10:12(2) ack 1
  +0 > . 1:1(0) ack 12
     cnt:TCPOutOfWindow
     readable 11
  `,
);

protocolTest("SEG-03", "a FIN just behind the window is taken, one a byte further is not", (t) => {
  t.run("EST");
  const edge = t.flow.productEdge!;
  t.inject(`F. ${edge - 20_000}:${edge + 1} ack 1`);
  t.discard();
  t.inject(`. 1:${edge - 20_000} ack 1`);
  t.discard();
  assertEquals(t.connection.rcvNxt, t.connection.rcvEdge);
  assert(!t.connection.finHeld);
  t.run("state ESTABLISHED");
  t.inject(`F. ${edge}:${edge}(0) ack 1`);
  t.expect(`. 1:1(0) ack ${edge + 1} win 0`);
  t.run("state CLOSE_WAIT");
  // What the FIN takes is no part of the buffer.
  assertEquals(t.connection.rcvNxt, t.connection.rcvEdge);
}, { pageBytes: 1 << 20, tunables: { tcp_rmem_default: 60_000, tcp_moderate_rcvbuf: 0 } });

protocolTest(
  "SEG-04",
  "a gap of one byte is a gap",
  `
  EST
  +0 < P. 2:3(1) ack 1 "B"
  +0 > . 1:1(0) ack 1
     cnt:TCPOFOQueue
  +0 < P. 1:2(1) ack 1 "A"
  +0 > . 1:1(0) ack 3
     read "AB"
  `,
);

protocolTest("SEG-06", "a byte for a shut window is counted, and makes ACKs quick", (t) => {
  t.run("EST");
  const next = shutWindow(t);
  t.connection.quickAcks = 0;
  t.growth("TCPOutOfWindow");
  t.inject(`P. ${next}:${next + 1}(1) ack 1`);
  t.expect(`. 1:1(0) ack ${next} win 0`);
  assertEquals([t.growth("TCPOutOfWindow"), t.connection.quickAcks], [1, 15]);
}, FEW_PAGES);

for (const state of ["CLOSE_WAIT", "CLOSING", "LAST_ACK"]) {
  const { script, rcvNxt } = IN_STATE[state];
  protocolTest("SEG-03", `text behind the peer's FIN is not taken in ${state}`, (t) => {
    t.run(script);
    t.inject(`P. ${rcvNxt}:${rcvNxt + 10}(10) ack 1`);
    // Where our FIN is out, too, it is ignored.
    if (state === "CLOSE_WAIT") t.expect(". 1:1(0) ack 2");
    t.run(`
      none(.1)
      state ${state}
      readable 0
    `);
  });
}

protocolTest("SEG-08", "an ACK may be as old as the greatest window, and never ahead", (t) => {
  t.run("EST");
  const most = t.connection.maxSndWnd;
  assertEquals(most, 65_535);
  for (const [ack, isTaken] of [[1 - most, true], [0 - most, false], [2, false]] as const) {
    const { rcvNxt } = t.connection;
    const next = (rcvNxt - t.flow.peerIsn) | 0;
    t.advance(1000);
    t.inject(`P. ${next}:${next + 1}(1) ack ${ack}`);
    t.expect(`. 1:1(0) ack ${isTaken ? next + 1 : next}`);
    assertEquals(t.growth("TCPACKInvalid"), isTaken ? 0 : 1);
  }
});

protocolTest("SEG-01", "an overlapping segment brings the last byte of a window", (t) => {
  t.run("EST");
  const edge = t.flow.productEdge!;
  t.inject(`. 1:${edge - 1} ack 1`);
  t.discard();
  t.inject(`. ${edge - 11}:${edge}(11) ack 1`);
  t.expect(`. 1:1(0) ack ${edge} win 0`);
}, { tunables: { tcp_rmem_default: 60_000, tcp_moderate_rcvbuf: 0 } });

protocolTest(
  "SEG-01",
  "who has filled the window, and lost something, acknowledges from its edge",
  (t) => {
    t.run("EST+SACK rtt .1");
    const edge = t.flow.productEdge!;
    t.inject(`. 1461:${edge} ack 1`);
    t.discard();
    t.calls.write(t.flow, 1000, null);
    t.expect("P. 1:1001(1000) ack 1 <...>");
    t.advance(600);
    t.discard();
    // The segment is not acceptable and draws an ACK, but what it acknowledges is.
    t.inject(`. ${edge}:${edge}(0) ack 1001`);
    t.expect(". 1001:1001(0) ack 1 <...>");
    assert(t.connection.isDrained);
    t.inject(". 1:1461(1460) ack 1001");
    t.expect(`. 1001:1001(0) ack ${edge}`);
    t.calls.read(t.flow, edge - 1, null);
    t.expect(`. 1001:1001(0) ack ${edge} win 60000`);
    t.none(10);
  },
  { tunables: { tcp_rmem_default: 60_000, tcp_moderate_rcvbuf: 0 } },
);

for (const [last, isNew] of [[1, true], [0, false], [-1, false]] as const) {
  protocolTest("SEG-01", `ten bytes, the last of them ${last - 1} from RCV.NXT`, (t) => {
    t.run("EST\nwrite 5\n+0 > P. 1:6(5) ack 1");
    t.inject(`. ${last - 9}:${last + 1}(10) ack 6`);
    t.expect(`. 6:6(0) ack ${isNew ? 2 : 1}`);
    // Of one that ends just before RCV.NXT the ACK is taken all the same: SEG-11.
    assertEquals(t.connection.isDrained, last >= 0);
    assertEquals(t.connection.readable().length, isNew ? 1 : 0);
    assertEquals(t.growth("TCPOutOfWindow"), isNew ? 0 : 1);
  });
}

protocolTest("SEG-01", "a window of one byte ends behind it", (t) => {
  t.run("EST");
  const edge = t.flow.productEdge!;
  t.inject(`. 1:${edge - 1} ack 1`);
  t.discard();
  t.calls.write(t.flow, 5, null);
  t.expect(`P. 1:6(5) ack ${edge - 1}`);
  t.inject(`. ${edge + 1}:${edge + 1}(0) ack 6`);
  t.expect(`. 6:6(0) ack ${edge - 1}`);
  assert(!t.connection.isDrained);
}, { tunables: { tcp_rmem_default: 60_000, tcp_moderate_rcvbuf: 0 } });

protocolTest(
  "SEG-07",
  "a segment without ACK outside of the window is dropped silently, too",
  `
  EST
  +0 < P -100:-90(10)
  none(1)
     cnt:TCPNoAckFlag
     cnt:TCPOutOfWindow=0
  `,
);
