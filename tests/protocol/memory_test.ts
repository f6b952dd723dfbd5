/** SEC-14, SEC-15: the memory of all connections together. Requirements §2.32. */

import { assert, assertEquals } from "@std/assert";
import { RST, SYN } from "../../lib/wire/segment.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { decodePacket, encodePacket, type Packet } from "../support/codec.ts";
import { createFixture, type Fixture, type FixtureOptions } from "../support/fixture.ts";
import { protocolTest } from "../support/script.ts";
import { PRODUCT_MAC } from "../support/segment_spec.ts";
import { FEW_PAGES } from "./windows.ts";

protocolTest(
  "SEC-15",
  "memory has an end: nobody is let in, stalled connections are reset",
  (t) => {
    const { pages } = t.fixture;
    let dropped = 0;
    for (let i = 0; i < 40 && dropped === 0; i++) {
      t.run(`
      peer p${i} 10.0.0.3:${41000 + i} > 10.0.0.1:80
      +0 <p${i} S 0:0(0) win 65535 <mss 1460>
    `);
      t.discard();
      dropped = t.growth("TCPMemoryDrop");
      if (dropped > 0) break;
      t.run(`
      +0 <p${i} . 1:1(0) ack 1 win 0
      accept p${i}
      +0 <p${i} . 1:8001(8000) ack 1 win 0
    `);
      t.discard();
      // They take nothing, and their own bytes are not read.
      t.calls.writeSome(t.flows.named(`p${i}`)!, 16_384);
      assert(pages.lent <= pages.limit);
    }
    assertEquals(dropped, 1);
    const before = pages.lent;
    t.advance(7000);
    t.discard();
    const reset = t.growth("TCPAbortOnMemory");
    assert(reset > 0, `${before} of ${pages.limit} pages were lent, ${pages.lent} are`);
    assert(pages.lent < before, `${pages.lent} of ${before} pages are lent`);
    t.run(`
    +0 < S 0:0(0) win 65535 <mss 1460>
    +0 > S. 0:0(0) ack 1 <mss 1460>
  `);
  },
  FEW_PAGES,
);

protocolTest("SEC-15", "when memory is short what lies beyond gaps is given up", (t) => {
  t.run(`
    EST+SACK
    peer b 10.0.0.3:41000 > 10.0.0.1:80
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
    +0 <b . 1:1(0) ack 1
    accept b
    +0 < . 1001:41001(40000) ack 1
  `);
  t.discard();
  assert(t.connection.receiveQueue.hasGap);
  for (let i = 0, at = 1; i < 10; i++, at += 20_000) {
    t.run(`+0 <b . ${at}:${at + 20_000}(20000) ack 1`);
    t.discard();
  }
  t.advance(1000);
  t.discard();
  assertEquals(t.growth("OfoPruned"), 1);
  assert(!t.connection.receiveQueue.hasGap);
  t.run("state ESTABLISHED");
}, { pageBytes: 128 << 10 });

const MINUTE = { tunables: { px_zero_window_timeout: 60 } };

protocolTest(
  "SEC-14",
  "a window that stays shut for px_zero_window_timeout ends the connection",
  (t) => {
    t.run(`
    EST rtt .1
    +0 < . 1:1(0) ack 1 win 0
    write 10
  `);
    for (let probes = 0; probes < 7; probes++) {
      assert(t.next(30_000) !== null, "no probe");
      t.inject(". 1:1(0) ack 1 win 0");
    }
    t.run("state ESTABLISHED");
    t.run(`
    60.1 > R. 1:1(0) ack 1
         app: Reset "zero window timed out"
         cnt:TCPAbortOnZeroWindow
         cnt:TCPAbortOnTimeout=0
    none(200)
  `);
  },
  MINUTE,
);

protocolTest(
  "SEC-14",
  "a window that opens, or has nothing to take, gives the next one its time anew",
  (t) => {
    t.run(`
    EST rtt .1
    +0 < . 1:1(0) ack 1 win 0
    write 10
  `);
    t.advance(59_000);
    t.discard();
    t.run(`
    +0 < . 1:1(0) ack 1 win 4
    +.2 > . 1:5(4) ack 1
    +.1 < . 1:1(0) ack 5 win 0
  `);
    t.advance(59_000);
    t.discard();
    t.run(`
    state ESTABLISHED
    +0 < . 1:1(0) ack 5 win 100
    +0 > P. 5:11(6) ack 1
    +.1 < . 1:1(0) ack 11 win 0
    none(1000)
    write 10
    state ESTABLISHED
  `);
    t.advance(59_000);
    t.discard();
    t.run("state ESTABLISHED");
    t.expect("R. 11:11(0) ack 1", 1100);
  },
  MINUTE,
);

protocolTest("SEC-14", "data in flight that is never taken does not hold the clock", (t) => {
  t.run(`
    EST rtt .1
    write 1000
    +0 > P. 1:1001(1000) ack 1
    +.1 < . 1:1(0) ack 501 win 0
  `);
  t.advance(59_000);
  t.discard();
  t.run("state ESTABLISHED");
  t.expect("R. 1001:1001(0) ack 1", 1100);
}, MINUTE);

protocolTest("SEC-14", "by default, and once it is 0 again, a window may stay shut", (t) => {
  const { stack } = t;
  stack.tunables = { ...stack.tunables, px_zero_window_timeout: 60 };
  t.run(`
    EST rtt .1
    +0 < . 1:1(0) ack 1 win 0
    write 10
  `);
  stack.tunables = { ...stack.tunables, px_zero_window_timeout: 0 };
  t.advance(300_000);
  t.discard();
  t.run("state ESTABLISHED\ncnt:TCPAbortOnZeroWindow=0");
});

protocolTest("SEC-14", "what a peer sends does not excuse that it takes nothing", (t) => {
  const talkers = ["a", "b", "c"];
  for (const [i, name] of talkers.entries()) {
    t.run(`
      peer ${name} 10.0.0.3:${41000 + i} > 10.0.0.1:80
      +0 <${name} S 0:0(0) win 65535 <mss 1460>
      +0 >${name} S. 0:0(0) ack 1 <mss 1460>
      +0 <${name} . 1:1(0) ack 1 win 0
      accept ${name}
    `);
    t.calls.writeSome(t.flows.named(name)!, 80_000);
  }
  for (let second = 0; second < 7; second++) {
    t.advance(1000);
    for (const name of talkers) {
      t.discard();
      t.run(`+0 <${name} . 1:2(1) ack 1 win 0`);
    }
    t.discard();
  }
  assert(t.growth("TCPAbortOnMemory") > 0);
}, { pageBytes: 160 << 10, tunables: { tcp_wmem_min: 65_536, tcp_wmem_default: 65_536 } });

/** Where flags and destination port stand in a frame. */
const FLAGS_AT = 47;
const PORT_AT = 36;

function portOf(bytes: Uint8Array): number {
  return (bytes[PORT_AT] << 8) | bytes[PORT_AT + 1];
}

/**
 * Clients that never open their windows, and an application that has much for
 * each of them. Nothing but probes is sent: the kind of link makes no difference.
 */
class Crowd {
  readonly fixture: Fixture;
  now: number;
  /** Who was reset, by port, in order. */
  readonly reset: number[] = [];
  /** Most pages that were lent at any time. */
  mostLent = 0;
  /** Only the client of this port has a window, and has got so many bytes. */
  welcome = 0;
  delivered = 0;

  constructor(options: FixtureOptions) {
    this.fixture = createFixture("bare", options);
    this.now = this.fixture.startMs;
  }

  /** A client sends its SYN; `turn` does the rest. */
  comes(port: number): void {
    this.#send({ port, flags: "S", seq: 0, ack: 0, window: 0 });
  }

  /** Lets `milliseconds` pass, and all who have something to do do it. */
  turn(milliseconds: number): void {
    const { stack, listener, pages, sink } = this.fixture;
    this.now += milliseconds;
    for (let turns = 0; stack.poll(this.now); turns++) assert(turns < 1000, "poll comes to rest");
    for (const { bytes } of sink.frames.splice(0)) this.#arrives(bytes);
    for (let c = listener.accept(); c !== null; c = listener.accept()) this.#write(c);
    for (let c = stack.signalled(); c !== null; c = stack.signalled()) c.takeSignals();
    this.mostLent = Math.max(this.mostLent, pages.lent);
  }

  /** Probes are not answered: a client may keep the engine waiting for R2 by that. */
  #arrives(bytes: Uint8Array): void {
    const isWelcome = portOf(bytes) === this.welcome;
    if ((bytes[FLAGS_AT] & RST) !== 0) this.reset.push(portOf(bytes));
    else if (isWelcome || (bytes[FLAGS_AT] & SYN) !== 0) {
      this.#answer(decodePacket(bytes)!, isWelcome);
    }
  }

  #answer({ destinationPort: port, flags, seq, payload }: Packet, isWelcome: boolean): void {
    if (isWelcome) this.delivered += payload.length;
    const ack = (seq + payload.length + (flags.includes("S") ? 1 : 0)) >>> 0;
    this.#send({ port, flags: ".", seq: 1, ack, window: isWelcome ? 65535 : 0 });
  }

  /** As much as there is room for. */
  #write(c: Connection): void {
    for (let room = c.writable(); room.length > 0; room = c.writable()) c.commit(room.length);
  }

  #send(part: { port: number; flags: string; seq: number; ack: number; window: number }): void {
    const { ends, frame, stack } = this.fixture;
    const bytes = encodePacket({
      sourceMac: ends.peerMac,
      destinationMac: PRODUCT_MAC,
      source: ends.peerAddress,
      destination: ends.localAddress,
      sourcePort: part.port,
      destinationPort: ends.localPort,
      ttl: 64,
      trafficClass: 0,
      ...part,
      urgent: 0,
      options: [],
      payload: new Uint8Array(0),
    });
    frame.arena.bytes.set(bytes, frame.start);
    frame.length = bytes.length;
    frame.checksumTrusted = true;
    stack.receive(frame, this.now);
  }
}

const PEERS = 10_000;
const FIRST_PORT = 20_000;

Deno.test(`SEC-14: ${PEERS} zero-window peers hold no more memory than there is`, () => {
  const crowd = new Crowd({ pageBytes: 32 << 20 });
  const { pages, stack } = crowd.fixture;
  for (let i = 0; i < PEERS; i++) {
    crowd.comes(FIRST_PORT + i);
    crowd.turn(1);
    crowd.turn(1);
  }
  assert(crowd.mostLent > pages.limit * 0.9, "they take nearly all there is");
  assert(crowd.mostLent <= pages.limit);
  crowd.turn(6000);
  const { reset } = crowd;
  assertEquals(stack.counters.TCPAbortOnMemory, reset.length);
  assert(reset.length > 1000, `${reset.length} were reset`);
  assertEquals(reset, reset.toSorted((a, b) => a - b), "who stalled longest goes first");
  crowd.welcome = 1024;
  crowd.comes(crowd.welcome);
  for (let i = 0; i < 20; i++) crowd.turn(1);
  assert(crowd.delivered > 0, "who takes something is served");
});

Deno.test(`SEC-14: ${PEERS} zero-window peers are reset after px_zero_window_timeout`, () => {
  const crowd = new Crowd({
    pageBytes: 256 << 20,
    tunables: { px_zero_window_timeout: 60 },
  });
  const { pages, stack } = crowd.fixture;
  for (let i = 0; i < PEERS; i++) {
    crowd.comes(FIRST_PORT + i);
    crowd.turn(1);
    crowd.turn(1);
  }
  assertEquals(stack.tcp.connectionCount, PEERS);
  assert(pages.lent >= 4 * PEERS, "16 KiB each");
  const ports = Array.from({ length: PEERS }, (_, i) => FIRST_PORT + i);
  for (let i = 0; i < 60; i++) crowd.turn(1000);
  assertEquals(crowd.reset, ports);
  assertEquals(stack.counters.TCPAbortOnZeroWindow, PEERS);
  assertEquals([stack.tcp.connectionCount, pages.lent], [0, 0]);
});
