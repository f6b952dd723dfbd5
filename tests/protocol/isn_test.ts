/** ISN: initial sequence numbers. Requirements §2.9. */

import { assert, assertEquals } from "@std/assert";
import { type Packet } from "../support/codec.ts";
import { addressBytes } from "../support/internet_address.ts";
import { protocolTest } from "../support/script.ts";
import type { ScriptRun } from "../support/script_run.ts";
import { slowSipHash } from "../support/slow_siphash.ts";

const K0 = Uint8Array.from({ length: 16 }, (_, i) => i);
const SYN = "S 0:0(0) win 65535 <mss 1460>";

/** F of a SYN's tuple, computed apart from the engine. */
function keyedPart(syn: Packet): number {
  const ports = [syn.destinationPort, syn.sourcePort].flatMap((port) => [port >> 8, port & 255]);
  const ends = [...addressBytes(syn.destination), ...addressBytes(syn.source)];
  return Number(BigInt.asIntN(32, slowSipHash(K0, Uint8Array.from([...ends, ...ports]))));
}

/** X of the answer to a SYN. */
function isnOf(t: ScriptRun, syn: Packet): number {
  t.inject(syn);
  return t.next()!.seq | 0;
}

protocolTest("ISN-01", "X is the clock plus a keyed hash of the tuple", (t) => {
  const syn = t.packet(SYN);
  const clock = Math.floor(t.now * 250);
  const syns = [syn, { ...syn, sourcePort: 40001 }, { ...syn, source: "10.0.0.3" }];
  for (const each of syns) assertEquals(isnOf(t, each), (keyedPart(each) + clock) | 0);
}, { secrets: { isn: K0 } });

protocolTest("ISN-01, GV-04", "the golden vector's F comes out of a SYN", (t) => {
  assertEquals(keyedPart(t.packet(SYN)), 0x13f38f27);
  assertEquals(isnOf(t, t.packet(SYN)), 0x13f38f27);
}, {
  secrets: { isn: K0 },
  startMs: 0,
  ends: {
    localAddress: "172.16.48.1",
    localPort: 5002,
    peerAddress: "172.16.48.2",
    peerPort: 32782,
  },
});

protocolTest("ISN-02", "the clock adds 250000 a second and wraps after 17179.869184 s", (t) => {
  const syn = t.packet(SYN);
  const again = () => {
    const isn = isnOf(t, syn);
    t.inject("R 1:1(0)");
    t.run("synQueue 0");
    return isn;
  };
  const first = again();
  t.advance(1000);
  assertEquals((again() - first) | 0, 250_000);
  t.advance(17_179_869.184 - 1000);
  assertEquals(again(), first);
});

protocolTest(
  "ISN-03",
  "tuples of one instant have unrelated numbers, and no frame holds the key",
  (t) => {
    const syn = t.packet(SYN);
    const numbers: number[] = [];
    const frames: string[] = [];
    const write = t.fixture.sink.write.bind(t.fixture.sink);
    t.fixture.sink.write = (header, ...rest) => {
      const { arena, start, length } = header;
      frames.push(arena.bytes.slice(start, start + length).toHex());
      return write(header, ...rest);
    };
    for (let i = 0; i < 10_000; i++) {
      const source = `10.0.0.${2 + (i >> 8)}`;
      numbers.push(isnOf(t, { ...syn, source, sourcePort: 1024 + (i & 255) }));
    }
    assert(new Set(numbers).size >= 9998); // by chance 0.01 collisions
    for (let bit = 0; bit < 32; bit++) {
      const ones = numbers.filter((number) => (number >>> bit & 1) === 1).length;
      assert(ones > 4750 && ones < 5250, `bit ${bit} is set ${ones} times`); // 5 sigma
    }
    const differences = numbers.slice(1, 100).map((number, i) => (number - numbers[i]) | 0);
    assertEquals(new Set(differences).size, 99);
    const key = K0.toHex();
    assert(frames.every((frame) => !frame.includes(key)));
    assertEquals(frames.length, 10_000);
  },
  { secrets: { isn: K0 }, tunables: { tcp_max_syn_backlog: 20_000 }, links: ["bare"] },
);

protocolTest("ISN-04", "segments of an earlier incarnation are answered, not delivered", (t) => {
  t.run("EST");
  const old = Array.from(
    { length: 10 },
    (_, i) => t.packet(`. ${1 + 100 * i}:${101 + 100 * i}(100) ack 1`),
  );
  for (const segment of old) t.inject(segment);
  t.discard();
  t.run(`
    read 1000
    abort
    +0 > R. 1:1(0) ack 1001
    +1 new ${0x12345678}
  `);
  t.run("EST");
  for (const segment of old) {
    t.inject(segment);
    t.run(`
      +0 > . 1:1(0) ack 1
      readable 0
    `);
  }
});

for (const isn of [0, 0xffffffff]) {
  protocolTest(
    "ISN-05",
    `a peer may begin with ${isn}`,
    `
    0  < S =${isn}(0) win 65535 <mss 1460>
    +0 > S. 0:0(0) ack =${(isn + 1) >>> 0} <mss 1460>
    +0 < . 1:1(0) ack 1
       accept
       state ESTABLISHED
    +0 < P. 1:11(10) ack 1
    +0 > . 1:1(0) ack 11
       read 10
    `,
    { peerIsn: isn },
  );
}
