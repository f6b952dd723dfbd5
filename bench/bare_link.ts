/**
 * The least that a program on a TAP can do for a frame: read it, exchange the
 * MACs, write it. What Tapster's answer to a SYN costs is compared with that.
 * Argument: the device's name. Runs until it is killed.
 */

import { TapLink } from "../lib/host/tap.ts";
import { parseCidr } from "../lib/wire/address.ts";
import { Frame } from "../lib/wire/frame.ts";
import { EMPTY_GATHER } from "../lib/wire/gather.ts";
import { Arena } from "../lib/wire/memory.ts";

const MAC_LENGTH = 6;

/** Back to where it came from. */
function exchangeMacs({ arena: { bytes }, start }: Frame): void {
  for (let at = start; at < start + MAC_LENGTH; at++) {
    const byte = bytes[at];
    bytes[at] = bytes[at + MAC_LENGTH];
    bytes[at + MAC_LENGTH] = byte;
  }
}

if (import.meta.main) {
  const arena = new Arena(1 << 20);
  const link = TapLink.open({
    arena,
    name: Deno.args[0]!,
    mtu: 1500,
    offload: true,
    txQueueLength: 10_000,
    setup: { addresses: [parseCidr("198.18.0.1/24")!] },
  });
  const frame = new Frame(arena, 65_536);
  console.log("ready");
  for (;;) { // waiting in no other way: it is compared by its time of the CPU under a flood
    if (link.read(frame) === 0) continue;
    exchangeMacs(frame);
    link.write(frame, EMPTY_GATHER, 0);
  }
}
