/** HS-02, GV-01, GV-02, GV-03: the seed's exchange, byte for byte in both roles. Requirements §5.1. */

import { assertEquals } from "@std/assert";
import { Stack } from "../../lib/stack/stack.ts";
import { State } from "../../lib/tcp/state.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { parseCidr, parseEndpoint, parseMac } from "../../lib/wire/address.ts";
import { Frame } from "../../lib/wire/frame.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { PagePool } from "../../lib/wire/pages.ts";
import { GOLDEN } from "../support/golden.ts";
import { neighborQuestion } from "../support/neighbor_question.ts";
import { ethernet, ipv4, OWN_MAC, PEER_MAC } from "../support/packets.ts";
import { RecordingSink } from "../support/recording_sink.ts";

const A = "172.16.48.2";
const B = "172.16.48.1";
const NOW = 1000;

/** What is preset of a host. */
interface Preset {
  readonly address: string;
  readonly peer: string;
  readonly isn: number;
  /** TSval at `NOW`. */
  readonly clock: number;
  readonly window: number;
}

/** A host of the exchange: IP packets in, IP packets out, at one instant. */
class Host {
  readonly stack: Stack;
  readonly #preset: Preset;
  readonly #frame: Frame;
  readonly #sink = new RecordingSink(false, 1500);

  constructor(preset: Preset) {
    this.#preset = preset;
    const arena = new Arena(4 << 20);
    this.#frame = new Frame(arena, 2048);
    this.stack = new Stack({
      arena,
      pages: new PagePool(arena, 1 << 20),
      tunables: DEFAULT_TUNABLES,
      entropy: { fill() {} },
      frameSink: this.#sink,
      mac: parseMac(OWN_MAC)!,
      mtu: 1500,
      offload: false,
      addresses: [parseCidr(`${preset.address}/24`)!],
      tracer: null,
      isn: { next: () => preset.isn, timestampOffset: () => preset.clock - NOW },
      receiving: { limit: preset.window, shift: 2 },
    });
    this.#receive(neighborQuestion(preset.peer, PEER_MAC, preset.address));
    this.sent();
  }

  /** A TCP segment, in hexadecimal, arrives from the other host. */
  arrives(segment: string): void {
    const { address, peer } = this.#preset;
    const packet = ipv4(6, Uint8Array.fromHex(segment), { source: peer, destination: address });
    this.#receive(ethernet(0x0800, packet));
  }

  /** The IP packets sent since this was asked last, in hexadecimal. */
  sent(): string[] {
    while (this.stack.poll(NOW));
    return this.#sink.frames.splice(0).map(({ bytes }) => bytes.subarray(14).toHex());
  }

  #receive(bytes: Uint8Array): void {
    this.#frame.arena.bytes.set(bytes, this.#frame.start);
    this.#frame.length = bytes.length;
    this.stack.receive(this.#frame, NOW);
  }
}

/** The IP headers of requirements §5.1. */
const IP_A = "4500003c0000400040068298ac103002ac103001";
const IP_B = "4500003c0000400040068298ac103001ac103002";
const IP_A_SHORT = "4500003400004000400682a0ac103002ac103001";

const [SYN, SYN_ACK, THIRD_ACK] = ["GV-01", "GV-02", "GV-03"].map((id) =>
  GOLDEN.find((vector) => vector.id === id)!.hex
);

for (const id of ["HS-02", "GV-01", "GV-03", "TS-04"]) {
  Deno.test(`${id}: as A the product sends GV-01 and answers GV-02 with GV-03`, () => {
    const preset = { address: A, peer: B, isn: 0x7bc, clock: 0x000a7914, window: 5840 };
    const host = new Host(preset);
    const c = host.stack.connect(parseEndpoint(`${B}:5002`)!, { localPort: 32782 }, NOW);
    assertEquals(host.sent(), [IP_A + SYN]);
    assertEquals(c.state, State.SynSent);
    host.arrives(SYN_ACK);
    assertEquals(host.sent(), [IP_A_SHORT + THIRD_ACK]);
    assertEquals(c.state, State.Established);
    assertEquals([c.sndWnd, c.mss], [5792, 1448]);
  });
}

for (const id of ["HS-02", "GV-02", "TS-04"]) {
  Deno.test(`${id}: as B the product answers GV-01 with GV-02, and GV-03 establishes`, () => {
    const isn = 0x988e4091 | 0;
    const host = new Host({ address: B, peer: A, isn, clock: 0x003c258a, window: 5792 });
    const listener = host.stack.listen(parseEndpoint(`${B}:5002`)!);
    host.arrives(SYN);
    assertEquals(host.sent(), [IP_B + SYN_ACK]);
    assertEquals(listener.accept(), null);
    host.arrives(THIRD_ACK);
    assertEquals(host.sent(), []);
    const c = listener.accept()!;
    assertEquals(c.state, State.Established);
    assertEquals([c.sndWnd, c.sndShift, c.mss], [5840, 2, 1448]);
  });
}
