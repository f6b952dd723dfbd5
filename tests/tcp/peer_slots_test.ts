import { assert, assertEquals } from "@std/assert";
import { type Peer, PeerSlots } from "../../lib/tcp/peer_slots.ts";
import { randomWords } from "../support/random.ts";

const BITS = 8;

function peers(count: number): Peer[] {
  const random = randomWords(3);
  return Array.from({ length: count }, () => ({
    remote0: random() | 0,
    remote1: random() | 0,
    remote2: random() | 0,
    remote3: random() | 0,
  }));
}

Deno.test("peer slots: the words of a peer are its own until another pushes it out", () => {
  const slots = new PeerSlots(BITS, 3);
  const all = peers(4000);
  const owners = new Map<number, number>(); // place -> number of the peer that took it last
  for (const [number, peer] of all.entries()) {
    const at = slots.take(peer);
    owners.set(at, number);
    for (const index of [0, 1, 2]) slots.set(at, index, number * 3 + index);
    for (const word of ["remote0", "remote1", "remote2", "remote3"] as const) {
      assertEquals(slots.find({ ...peer, [word]: peer[word] ^ 1 }), -1);
    }
  }
  assertEquals(owners.size, 2 ** BITS, "4000 peers do not fill all slots");
  const places = [...owners.keys()].sort((a, b) => a - b);
  assert(places.every((at, i) => i === 0 || at - places[i - 1] === 4 + 3), "slots overlap");
  for (const [number, peer] of all.entries()) {
    const at = slots.find(peer);
    if (at < 0) {
      assert(![...owners.values()].includes(number));
      continue;
    }
    assertEquals(owners.get(at), number);
    assertEquals(
      [0, 1, 2].map((index) => slots.word(at, index)),
      [0, 1, 2].map((i) => number * 3 + i),
    );
  }
});

Deno.test("peer slots: neighbouring addresses spread over the slots", () => {
  const slots = new PeerSlots(BITS, 1);
  for (const word of ["remote0", "remote1", "remote2", "remote3"] as const) {
    const places = new Set<number>();
    for (let host = 0; host < 2 ** BITS; host++) {
      const peer = { remote0: 0, remote1: 0, remote2: 0xffff, remote3: 0x0a000000 };
      places.add(slots.take({ ...peer, [word]: peer[word] + host }));
    }
    assert(places.size >= 2 ** BITS / 2, `${word}: ${places.size} places of ${2 ** BITS}`);
  }
});
