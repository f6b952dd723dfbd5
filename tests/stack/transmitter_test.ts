import { assertEquals, assertNotEquals } from "@std/assert";
import { Transmitter } from "../../lib/stack/transmitter.ts";
import { Counters } from "../../lib/tcp/counters.ts";
import { parseMac } from "../../lib/wire/address.ts";
import { type Frame, type FrameSink } from "../../lib/wire/frame.ts";
import { Gather } from "../../lib/wire/gather.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { ACK, CWR, Segment } from "../../lib/wire/segment.ts";
import { hexAt } from "../support/bytes.ts";
import { fillGolden } from "../support/golden.ts";
import { OWN_MAC } from "../support/packets.ts";

class HeaderSink implements FrameSink {
  written: string[] = [];

  write(header: Frame, payload: Gather, segmentSize: number): boolean {
    const { arena, start, length, checksumStart, checksumField, isIpv6 } = header;
    const checksum = checksumStart === 0 ? "complete" : `${checksumStart}+${checksumField}`;
    const family = isIpv6 ? "IPv6" : "IPv4";
    this.written.push(hexAt(arena, start, length));
    const cwr = header.hasCwr ? " CWR" : "";
    this.written.push(`${payload.length} ${segmentSize} ${checksum} ${family}${cwr}`);
    return true;
  }
}

const ETHERNET = "020000000002" + "020000000001";

function create(offload: boolean) {
  const arena = new Arena(1 << 17);
  const sink = new HeaderSink();
  const options = { offload, ttl: 64, flowKey: 99 };
  const transmitter = new Transmitter(arena, sink, parseMac(OWN_MAC)!, options, new Counters());
  const seg = new Segment();
  const send = (payload = new Gather()) => {
    assertEquals(transmitter.sendSegment(seg, payload, 0x0200, 2), true);
    return sink.written.splice(0);
  };
  return { arena, seg, send };
}

Deno.test("IP-07 GV-01: the frame of the golden SYN is exact", () => {
  const { seg, send } = create(false);
  fillGolden(seg, "GV-01");
  assertEquals(send(), [
    ETHERNET + "0800" + "4500003c000040004006" + "8298" + "ac103002" + "ac103001" +
    "800e138a000007bc00000000a00216d0649e0000020405b40402080a000a79140000000001030302",
    "0 0 complete IPv4",
  ]);
});

Deno.test("HDR-03: with offload the field holds the pseudo-header's sum", () => {
  const { seg, send } = create(true);
  fillGolden(seg, "GV-03");
  seg.isOffloaded = true;
  const [header, facts] = send();
  // ac10 + 3002 + ac10 + 3001 + 6 + 32, folded.
  assertEquals(header.slice(2 * (34 + 16), 2 * (34 + 18)), "b84a");
  assertEquals(facts, "0 0 34+16 IPv4");
});

Deno.test("HDR-03: where nobody else completes it, the checksum is whole even with offload", () => {
  const { seg, send } = create(true);
  fillGolden(seg, "GV-03");
  const [header, facts] = send();
  assertEquals(header.slice(2 * (34 + 16), 2 * (34 + 18)), "a58a");
  assertEquals(facts, "0 0 complete IPv4");
});

Deno.test("IP-07: a super-segment's total length counts all of it", () => {
  const { seg, send } = create(true);
  fillGolden(seg, "GV-03");
  seg.isOffloaded = true;
  const payload = new Gather();
  payload.add(65536, 45 * 1448);
  seg.segmentSize = 1448;
  seg.dscp = 46;
  seg.ecn = 2;
  seg.ttl = 3;
  const [header, facts] = send(payload);
  assertEquals(header.slice(28, 28 + 8), "45ba" + (20 + 32 + 65160).toString(16));
  assertEquals(header.slice(28 + 8, 28 + 20), "000040000306");
  assertEquals(facts, `65160 1448 34+16 IPv4`);
  seg.flags |= CWR; // the device must know: it goes with the first piece only
  assertEquals(send(payload)[1], `65160 1448 34+16 IPv4 CWR`);
});

Deno.test("IP6-01 GV-07: the IPv6 frame of the golden SYN is exact but for its label", () => {
  const { seg, send } = create(false);
  fillGolden(seg, "GV-01");
  seg.local0 = seg.remote0 = 0xfd000000 | 0;
  seg.local2 = seg.remote2 = 0;
  seg.local3 = 2;
  seg.remote3 = 1;
  const [header, facts] = send();
  assertEquals(header.slice(0, 28 + 3), ETHERNET + "86dd" + "600");
  assertEquals(
    header.slice(28 + 8),
    "00280640" + "fd00" + "0".repeat(27) + "2" + "fd00" + "0".repeat(27) + "1" +
      "800e138a000007bc00000000a00216d022be0000020405b40402080a000a79140000000001030302",
  );
  assertEquals(facts, "0 0 complete IPv6");
});

Deno.test("IP6-07: a connection has one flow label, another has another", () => {
  const { seg, send } = create(false);
  fillGolden(seg, "GV-01");
  seg.remote0 = 0xfd000000 | 0;
  const label = () => send()[0].slice(28 + 3, 28 + 8);
  const first = label();
  seg.flags = ACK;
  seg.seq++;
  assertEquals(label(), first);
  assertNotEquals(first, "00000");
  seg.localPort++;
  assertNotEquals(label(), first);
});

Deno.test("IP6-01: an address is IPv4 only where all of its prefix says so", () => {
  const { seg, send } = create(false);
  fillGolden(seg, "GV-01");
  const prefixes = [[0, 0, 0xffff], [0xfd000000 | 0, 0, 0xffff], [0, 1, 0xffff], [0, 0, 0xfffe]];
  const families = prefixes.map((words) => {
    [seg.remote0, seg.remote1, seg.remote2] = words;
    return send()[1].split(" ").at(-1);
  });
  assertEquals(families, ["IPv4", "IPv6", "IPv6", "IPv6"]);
});
