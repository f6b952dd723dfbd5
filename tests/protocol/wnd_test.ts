/** WND: flow control, silly windows, zero windows. Requirements §2.22. */

import { assert, assertEquals } from "@std/assert";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { FEW_PAGES, shutWindow } from "./windows.ts";

protocolTest(
  "WND-01",
  "a scaled window is used to its end and never beyond",
  `
  0  < S 0:0(0) win 5840 <mss 1460,nop,wscale 2>
  +0 > S. 0:0(0) ack 1 <mss 1460,nop,wscale 7>
  +.1 < . 1:1(0) ack 1 win 1460
     accept
     write 20000
  +0 > . 1:5841(5840/1460) ack 1
  none(.25)
  `,
);

protocolTest(
  "WND-01",
  "the window of a SYN is not scaled",
  `
  0  < S 0:0(0) win 1460 <mss 1460,nop,wscale 7>
  +0 > S. 0:0(0) ack 1 <mss 1460,nop,wscale 7>
  +.1 < . 1:1(0) ack 1 win 23
     accept
     write 20000
  +0 > . 1:2921(2920/1460) ack 1
  `,
);

for (const mtu of [576, 9000, 65520]) {
  protocolTest(
    "WND-09",
    `data leaves without a timer at an MTU of ${mtu}`,
    (t) => {
      t.run(`
      0   < S 0:0(0) win 65535 <mss ${mtu - 40},nop,wscale 7>
      +0  > S. 0:0(0) ack 1 <...>
      +.1 < . 1:1(0) ack 1 win 65535
          accept
          write 100000
      `);
      const first = t.next(50);
      assertEquals(first?.payload.length, mtu - 40);
      const inFlight = Math.min(10, Math.max(2, Math.floor(14600 / (mtu - 40)))) * (mtu - 40);
      let sent = first!.payload.length;
      for (let packet = t.next(1); packet !== null; packet = t.next(1)) {
        sent += packet.payload.length;
      }
      assertEquals(sent, Math.min(inFlight, 100_000));
    },
    { mtu },
  );
}

protocolTest("WND-02", "the right edge of the window never moves left", (t) => {
  t.run("EST+WS7");
  // The runner watches the edge of every segment.
  let next = 1;
  for (let i = 0; i < 300; i++) {
    const size = 1 + (i * 997) % 5000;
    const end = Math.min(next + size, t.flow.productEdge!);
    t.inject(`. ${next}:${end}(${end - next}) ack 1`);
    while (t.next(50) !== null);
    next = end;
    const readable = t.connection.readable().length;
    t.calls.read(t.flow, Math.min(readable, (i * 131) % 3000), null);
    t.advance(1);
    while (t.next() !== null);
  }
  assert(next > 100_000);
}, FEW_PAGES);

protocolTest("WND-02", "what was promised is kept when memory becomes short", (t) => {
  t.run("EST+WS7");
  const edge = t.flow.productEdge!;
  const lent: number[] = [];
  while (!t.stack.tcp.isUnderPressure) lent.push(t.fixture.pages.take());
  // The runner watches the edge of every segment.
  t.inject(". 1:1001(1000) ack 1");
  t.expect(". 1:1(0) ack 1001");
  assert(t.flow.productEdge! >= edge && t.flow.productEdge! < edge + 128, `${t.flow.productEdge}`);
  t.calls.read(t.flow, 1000, null);
  t.none(1);
  for (const page of lent) t.fixture.pages.give(page);
  t.inject(". 1001:2001(1000) ack 1");
  t.expect(". 1:1(0) ack 2001");
  assert(t.flow.productEdge! > edge + 1460);
  t.calls.read(t.flow, 1000, null);
});

protocolTest(
  "WND-03",
  "a window that shrinks stops new data",
  `
  EST rtt .1
       write 20000
  +0   > . 1:14601(14600) ack 1
  +.1  < . 1:1(0) ack 1 win 1000
  none(.1)
  +.05 < . 1:1(0) ack 14601 win 1000
  none(.09)
  +0   < . 1:1(0) ack 14601 win 30000
  +0   > P. 14601:20001(5400) ack 1
  `,
);

protocolTest(
  "WND-03",
  "a window that shrinks does not stop retransmission within it",
  `
  EST rtt .1
       write 20000
  +0   > . 1:14601(14600) ack 1
  +.1  < . 1:1(0) ack 1 win 1460
  +.2  > . 1:1461(1460) ack 1
  +.6  > . 1:1461(1460) ack 1
  `,
);

protocolTest(
  "WND-03",
  "beyond the edge of a window that shrank nothing is sent again",
  `
  EST rtt .1
       nodelay
       write 10000
  +0   > P. 1:10001(10000/1460) ack 1
  +.1  < . 1:1(0) ack 1 win 1000
       write 1000
  +.2  > . 1:1001(1000) ack 1
  +.1  < . 1:1(0) ack 1001 win 1000
  +0   > . 1001:2001(1000) ack 1
  +.1  < . 1:1(0) ack 2001 win 9000
  +0   > . 2001:4921(2920/1460) ack 1
  +.1  < . 1:1(0) ack 10001 win 9000
  +0   > P. 10001:11001(1000) ack 1
       cnt:TCPTimeouts
  `,
);

for (
  const [window, resent] of [
    [0, []],
    [1, [1]],
    [1459, [1459]],
    [1460, [1460]],
    [2919, [1460, 1459]],
    [2920, [1460, 1460]],
  ] as const
) {
  protocolTest(
    "WND-03",
    `of two segments lost a window of ${window} lets ${resent} bytes pass`,
    (t) => {
      t.run(`
      EST+SACK rtt .1
           write 14600
      +0   > P. 1:14601(14600/1460) ack 1
      +.1  < . 1:1(0) ack 1 win ${window} <nop,nop,sack 2921:14601>
    `);
      for (const length of resent) assertEquals(t.next()?.payload.length, length);
      t.none(.05);
      if (window === 0) t.expect(". 1:1461(1460) ack 1", 500);
      t.run("+.01 < . 1:1(0) ack 14601 win 65535\nnone(10)");
    },
  );
}

for (const [field, sent] of [[22, [1460, 1460]], [21, [1460, 1228]]] as const) {
  const missing = 2920 - (field << 7);
  const is = sent[1] === 1460 ? "is" : "is not";
  protocolTest("WND-03", `a window that lacks ${missing} bytes ${is} merely rounded off`, (t) => {
    t.run(`
      EST+WS7 rtt .1
          write 14600
      +0  > P. 1:14601(14600/1460) ack 1
      +.3 > . 1:1461(1460) ack 1
      +.1 < . 1:1(0) ack 11681 win ${field}
    `);
    for (const length of sent) assertEquals(t.next()?.payload.length, length);
    t.run("none(.1)\n+0 < . 1:1(0) ack 14601");
  }, { tunables: { tcp_frto: 0 } });
}

for (
  const [fixture, window, probes] of [
    ["EST+SACK", 14_600, 1],
    ["EST+SACK", 14_599, 0],
    ["EST+SACK+WS7", 114, 1], // lacks 8 bytes
    ["EST+SACK+WS7", 113, 0], // lacks 136 bytes
  ] as const
) {
  const is = probes > 0 ? "is a" : "is no";
  protocolTest("WND-03", `the last of 14600 bytes ${is} probe at ${fixture} win ${window}`, (t) => {
    t.run(`
      ${fixture} rtt .1
           write 14600
      +0   > P. 1:14601(14600/1460) ack 1
      +.05 < . 1:1(0) ack 1 win ${window}
    `);
    t.next(1000);
    assertEquals([t.growth("TCPLossProbes"), t.growth("TCPTimeouts")], [probes, 1 - probes]);
    t.inject(". 1:1(0) ack 14601");
    t.discard();
  });
}

protocolTest(
  "WND-03",
  "a window shut over what is in flight ends nothing while it is told",
  (t) => {
    t.run(`
    EST rtt .1
         write 10000
    +0   > P. 1:10001(10000/1460) ack 1
    +.1  < . 1:1(0) ack 1 win 0
  `);
    let asked = 0;
    for (; t.elapsedMs < 2 * 3600 * 1000; asked++) {
      const question = t.next(130_000);
      assert(question !== null, `no question after ${t.elapsedMs} ms`);
      const length = asked < 3 ? 1460 : 512; // beyond R1 it may be the path that takes nothing
      assertEquals([(question.seq - t.flow.productIsn!) | 0, question.payload.length], [1, length]);
      t.advance(50);
      t.inject(". 1:1(0) ack 1 win 0");
    }
    assert(asked > 60, `${asked} questions`);
    t.run(`
    state ESTABLISHED
    +0 < . 1:1(0) ack 1 win 65535
  `);
    t.discard();
    // Nobody answers any more: R2 counts from the last answer.
    const beganMs = t.elapsedMs;
    t.inject(". 1:1(0) ack 1 win 0");
    while (t.stack.tcp.connectionCount > 0 && t.elapsedMs < beganMs + 2e6) {
      t.advance(1000);
      t.discard();
    }
    const endedMs = t.elapsedMs - beganMs;
    assert(endedMs > 924_600 && endedMs < 924_600 + 121_000, `${endedMs} ms`);
    assertEquals(t.connection.closeReason, "timed out");
  },
);

protocolTest(
  "WND-04",
  "a shut window is probed after R, 2R, 4R and 8R",
  `
  EST rtt .1
  +0   < . 1:1(0) ack 1 win 0
       write 10
  +.3  > . 0:0(0) ack 1
  +.6  > . 0:0(0) ack 1
  +1.2 > . 0:0(0) ack 1
  +2.4 > . 0:0(0) ack 1
       cnt:TCPWinProbe=4
  none(4)
  `,
  { toleranceMs: 20 },
);

protocolTest("WND-04", "probes come every 120 s at the latest", (t) => {
  t.run(`
    EST rtt .1
    +0 < . 1:1(0) ack 1 win 0
    write 10
  `);
  let waited = 0;
  for (let i = 0, last = t.elapsedMs; i < 14; i++) {
    const probe = t.next(130_000);
    assert(probe !== null, "no probe");
    waited = t.elapsedMs - last;
    last = t.elapsedMs;
    t.inject(". 1:1(0) ack 1 win 0");
  }
  assertEquals(Math.round(waited / 100), 1200);
});

protocolTest(
  "WND-04",
  "data is sent as soon as the window opens",
  `
  EST rtt .1
  +0  < . 1:1(0) ack 1 win 0
      write 3000
  +.3 > . 0:0(0) ack 1
  +0  < . 1:1(0) ack 1 win 0
  +.1 < . 1:1(0) ack 1 win 65535
  +0  > P. 1:3001(3000) ack 1
  +.1 < . 1:1(0) ack 3001
  none(10)
  `,
);

protocolTest("WND-05", "while probes are answered a connection stays open", (t) => {
  t.run(`
    EST rtt .1
    +0 < . 1:1(0) ack 1 win 0
    write 10
  `);
  while (t.elapsedMs < 10 * 3600 * 1000) {
    assert(t.next(130_000) !== null, "no probe");
    t.advance(50);
    t.inject(". 1:1(0) ack 1 win 0");
  }
  t.run("state ESTABLISHED");
});

protocolTest("WND-05", "unanswered probes end the connection by R2", (t) => {
  t.run(`
    EST rtt .1
    +0 < . 1:1(0) ack 1 win 0
    write 10
  `);
  while (t.stack.tcp.connectionCount > 0 && t.elapsedMs < 3_600_000) {
    t.advance(1000);
    while (t.next() !== null);
  }
  assertEquals(t.connection.closeReason, "timed out");
  // R is 300 ms: probes leave at 0.3, 0.9 … 153.3 s, and then each 120 s.
  assertEquals(Math.floor(t.elapsedMs / 1000), Math.ceil(.1 + 153.3 + 7 * 120));
});

protocolTest("WND-06", "a shut window is told to every probe", (t) => {
  t.run("EST");
  const next = shutWindow(t);
  for (let i = 0; i < 3; i++) {
    t.advance(1000);
    t.inject(`. ${next}:${next + 1}(1) ack 1`);
    t.expect(`. 1:1(0) ack ${next} win 0`);
    t.advance(1000);
    t.inject(`. ${next - 1}:${next - 1}(0) ack 1`);
    t.expect(`. 1:1(0) ack ${next} win 0`);
    t.advance(1000);
    t.inject(`. ${next - 1}:${next}(1) ack 1`);
    t.expect(`. 1:1(0) ack ${next} win 0`);
  }
  t.none(1);
}, FEW_PAGES);

protocolTest("WND-07", "a reader of single bytes causes no tiny window updates", (t) => {
  t.run("EST");
  const next = shutWindow(t);
  let edge = next;
  let updates = 0;
  for (let i = 0; i < 6000; i++) {
    t.calls.read(t.flow, 1, null);
    t.advance(1);
    const update = t.next();
    if (update === null) continue;
    updates++;
    assertEquals(update.payload.length, 0);
    assert(t.flow.productEdge! - edge >= 1460, "a tiny window");
    edge = t.flow.productEdge!;
  }
  // The second tells of twice the window, the third of twice that.
  assertEquals(updates, 3);
}, FEW_PAGES);

for (const [length, isTold] of [[499, false], [500, true]] as const) {
  protocolTest(
    "WND-07",
    `${length} bytes are ${isTold ? "" : "not "}half of a buffer of 1000`,
    (t) => {
      t.run("EST");
      t.inject(". 1:1001(1000) ack 1");
      t.expect(". 1:1(0) ack 1001 win 0");
      t.calls.read(t.flow, length, null);
      if (isTold) t.expect(`. 1:1(0) ack 1001 win ${length}`);
      t.none(1);
    },
    { tunables: { tcp_rmem_default: 1000, tcp_moderate_rcvbuf: 0 } },
  );
}

protocolTest("WND-08", "reading all tells the peer at once that the window is open", (t) => {
  t.run("EST");
  const next = shutWindow(t);
  t.calls.read(t.flow, next - 1, null);
  t.expect(`. 1:1(0) ack ${next} win >1459`);
  t.none(1);
}, FEW_PAGES);

protocolTest("WND-08", "a window of less than a segment is told to be larger, too", (t) => {
  t.run("EST");
  t.inject(". 1:59001(59000) ack 1");
  t.expect(". 1:1(0) ack 59001 win 1000");
  t.calls.read(t.flow, 59_000, null);
  t.expect(". 1:1(0) ack 59001 win 60000");
  t.none(1);
}, { tunables: { tcp_rmem_default: 60_000, tcp_moderate_rcvbuf: 0 } });

protocolTest(
  "WND-09",
  "a window of 100 bytes is not filled with small segments",
  `
  EST rtt .1
  +0   < . 1:1(0) ack 1 win 100
       write 5000
  none(.09)
  +0   < . 1:1(0) ack 1 win 200
  none(.005)
  +0   < . 1:1(0) ack 1 win 3000
  +0   > . 1:2921(2920) ack 1
  `,
  { toleranceMs: 3 },
);

protocolTest(
  "WND-09",
  "the override timer ends the wait for a better window",
  `
  EST rtt .1
  +0     < . 1:1(0) ack 1 win 100
         write 5000
  +.1~1  > . 1:101(100) ack 1
  `,
);

protocolTest(
  "WND-10",
  "a second short segment waits for the acknowledgment of the first",
  `
  EST rtt .1
       write 10
  +0   > P. 1:11(10) ack 1
       write 10
  none(.08)
       write 5
  +0   < . 1:1(0) ack 11
  +0   > P. 11:26(15) ack 1
  `,
);

protocolTest(
  "WND-10",
  "with nodelay both leave at once",
  `
  EST rtt .1
       nodelay
       write 10
  +0   > P. 1:11(10) ack 1
       write 10
  +0   > P. 11:21(10) ack 1
  `,
);

protocolTest(
  "WND-10",
  "what was held back leaves when nodelay is switched on",
  `
  EST rtt .1
       write 10
  +0   > P. 1:11(10) ack 1
       write 10
  none(.05)
       nodelay
  +0   > P. 11:21(10) ack 1
  `,
);

protocolTest(
  "WND-10",
  "a full segment does not wait, nor what ends with FIN",
  `
  EST rtt .1
       write 10
  +0   > P. 1:11(10) ack 1
       write 1500
  +0   > . 11:1471(1460) ack 1
  none(.05)
       shutdown
  +0   > FP. 1471:1511(40) ack 1
  `,
);

/**
 * A peer with a round-trip time of 100 ms that sends `flightOf(round)` bytes in
 * each, as far as it may. Returns the window after `rounds` of them, in bytes.
 */
function receive(t: ScriptRun, rounds: number, flightOf: (round: number) => number): number {
  t.run("EST+TS+WS7 rtt .1");
  let next = 1;
  let window = 65535;
  for (let round = 0; round < rounds; round++) {
    const end = Math.min(next + flightOf(round), t.flow.productEdge!);
    for (; next < end; next = Math.min(next + 14_480, end)) {
      t.inject(`. ${next}:${Math.min(next + 14_480, end)} ack 1 <ts>`);
      t.calls.read(t.flow, t.connection.readable().length, null);
    }
    t.advance(100);
    for (let packet = t.next(); packet !== null; packet = t.next()) {
      window = packet.window << t.flow.productShift;
    }
  }
  return window;
}

protocolTest("WND-11", "the window begins with 64 KiB and follows a bulk transfer", (t) => {
  // Slow start: the flight doubles, and is never held back by the window.
  const window = receive(t, 9, (round) => 14_600 << round);
  const taken = t.flow.readPosition - 1;
  assertEquals(taken, 14_600 * (2 ** 9 - 1));
  assert(window > 1 << 20, `the window is ${window}`);
  assert(window <= 6_291_456);
});

protocolTest("WND-11", "a steady flight gets a window of some times its size, and no more", (t) => {
  const window = receive(t, 40, () => 300_000);
  assert(window > 600_000 && window < 6 * 300_000, `the window is ${window}`);
});

protocolTest("WND-11", "the window ends at tcp_rmem_max", (t) => {
  const window = receive(t, 9, (round) => 14_600 << round);
  assert(window > 500_000 && window <= 1 << 19, `the window is ${window}`);
}, { tunables: { tcp_rmem_max: 1 << 19 } });

protocolTest("WND-11", "with tcp_moderate_rcvbuf 0 the window stays", (t) => {
  assertEquals(receive(t, 9, (round) => 14_600 << round), 131_072);
}, { tunables: { tcp_moderate_rcvbuf: 0 } });

protocolTest(
  "WND-11",
  "the first window is tcp_rmem_default where that is less",
  `
  0  < S 0:0(0) win 65535 <mss 1460,nop,wscale 7>
  +0 > S. 0:0(0) ack 1 win 20000 <mss 1460,nop,wscale 7>
  `,
  { tunables: { tcp_rmem_default: 20_000 } },
);

protocolTest("WND-12", "a shut window lets a writer fill its buffer, and no more", (t) => {
  t.run(`
    EST+WS7 rtt .1
    +0 < . 1:1(0) ack 1 win 0
  `);
  const kept = t.calls.writeSome(t.flow, 10 << 20);
  assert(kept > 0 && kept <= 4_194_304, `${kept} bytes were taken`);
  assert(t.fixture.pages.lent * 4096 <= kept + 2 * 4096);
  assertEquals(t.calls.writeSome(t.flow, 1), 0);
  t.run(`
    app: none
    +.1 < . 1:1(0) ack 1 win 511
  `);
  t.discard();
  t.run(`+.1 < . 1:1(0) ack ${kept < 14_601 ? kept : 14_601} win 511`);
  t.discard();
  t.run("app: Writable");
  assert(t.calls.writeSome(t.flow, 1) === 1);
  t.discard();
});

protocolTest("WND-12", "the buffer grows with the congestion window, up to tcp_wmem_max", (t) => {
  t.run("EST+WS7 rtt .1");
  const { connection: c, flow } = t;
  assertEquals(t.calls.writeSome(flow, 10 << 20), 2 * c.cwnd);
  c.cwnd = 1_000_000;
  assertEquals(t.calls.writeSome(flow, 10 << 20), 2_000_000 - 29_200);
  c.cwnd = 20_000_000;
  t.calls.writeSome(flow, 10 << 20);
  assertEquals(flow.writePosition - 1, 4_194_304);
  t.connection.abort();
  t.discard();
  t.run("state CLOSED");
});

protocolTest(
  "WND-13",
  "a shut window in the SYN is valid; data waits for a window",
  `
  0    < S 0:0(0) win 0 <mss 1460>
  +0   > S. 0:0(0) ack 1 <mss 1460>
  +.1  < . 1:1(0) ack 1 win 0
       accept
       write 100
  none(.2)
  +0   < . 1:1(0) ack 1 win 1000
  +0   > P. 1:101(100) ack 1
  `,
);

protocolTest("WND-10", "corked, only full segments leave, and the rest after 200 ms", (t) => {
  t.run("EST");
  t.connection.setNoDelay(true);
  t.connection.setCork(true);
  t.run(`
       write 10
    none(.1)
       write 1460
    +0 > . 1:1461(1460) ack 1
    +.01 < . 1:1(0) ack 1461
    none(.18)
    +.02 > P. 1461:1471(10) ack 1
    +.01 < . 1:1(0) ack 1471
       write 10
    none(.1)
  `);
  t.connection.setCork(false);
  t.run(`
    +0 > P. 1471:1481(10) ack 1
    +.01 < . 1:1(0) ack 1481
  `);
  t.connection.setCork(true);
  t.run(`
       write 10
    none(.1)
       shutdown
    +0 > FP. 1481:1491(10) ack 1
  `);
}, { toleranceMs: 12 });

protocolTest(
  "WND-09",
  "what a window holds just to its end leaves at once",
  `
  EST rtt .1
  +0 < . 1:1(0) ack 1 win 1500
     write 1500
  +0 > P. 1:1501(1500/1460) ack 1
  `,
);

for (const [window, isHalf] of [[500, true], [499, false]] as const) {
  protocolTest(
    "WND-09",
    `${window} bytes are ${isHalf ? "" : "not "}half of the greatest window of 1000`,
    `
    0    < S 0:0(0) win 1000 <mss 1460>
    +0   > S. 0:0(0) ack 1 <mss 1460>
    +.1  < . 1:1(0) ack 1 win 1000
         accept
    +0   < . 1:1(0) ack 1 win ${window}
         write 5000
    ${isHalf ? "" : "none(.19)"}
    +${isHalf ? 0 : .01} > . 1:${window + 1}(${window}) ack 1
    `,
  );
}

protocolTest(
  "WND-09",
  "a window of one byte is used after 200 ms",
  `
  EST rtt .1
  +0    < . 1:1(0) ack 1 win 1
        write 5000
  none(.199)
  +.001 > . 1:2(1) ack 1
        cnt:TCPWinProbe=0
  `,
  { startMs: 5000, toleranceMs: 0.4 },
);

protocolTest("WND-09", "what cwnd holds back is not sent by a timer of the window", (t) => {
  t.run("EST rtt .1");
  t.connection.cwnd = 1560;
  t.run(`
    +0 < . 1:1(0) ack 1 win 1560
       write 5000
    +0 > . 1:1461(1460) ack 1
    none(.29)
  `);
});

protocolTest(
  "WND-04",
  "the first probe is due R after the last acknowledgment, not after the window was full",
  `
  EST rtt .1
  +0   < . 1:1(0) ack 1 win 1460
       write 5000
  +0   > . 1:1461(1460) ack 1
  +.1  < . 1:1(0) ack 1461 win 0
  none(.29)
  +.01 > . 1460:1460(0) ack 1
  `,
);
