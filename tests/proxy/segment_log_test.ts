import { assertEquals } from "@std/assert";
import { RecordLog } from "../../lib/proxy/record_log.ts";
import { SegmentLog } from "../../lib/proxy/segment_log.ts";
import { parseAddress } from "../../lib/wire/address.ts";
import { ACK, FIN, PSH, Segment, SYN } from "../../lib/wire/segment.ts";
import { FakeLogger } from "../support/fake_logger.ts";

function segment(flags: number): Segment {
  const seg = new Segment();
  const address = parseAddress("10.0.0.2")!;
  seg.remote0 = address.w0;
  seg.remote1 = address.w1;
  seg.remote2 = address.w2;
  seg.remote3 = address.w3;
  seg.remotePort = 40000;
  seg.flags = flags;
  return seg;
}

function logged(): { log: SegmentLog; lines: string[] } {
  const logger = new FakeLogger();
  const log = new SegmentLog(new RecordLog(logger, "debug", 10_000));
  return { log, lines: logger.records };
}

Deno.test("segment log: shows the three segments of a handshake and the FIN, not the data", () => {
  const { log, lines } = logged();
  log.received(segment(SYN));
  log.sent(segment(SYN | ACK));
  log.received(segment(ACK));
  log.received(segment(ACK | PSH));
  log.sent(segment(ACK | PSH));
  log.received(segment(FIN | ACK));
  assertEquals(lines.map((line) => line.split(" ").slice(1, 4).join(" ")), [
    "< 10.0.0.2:40000 S",
    "> 10.0.0.2:40000 S.",
    "< 10.0.0.2:40000 .",
    "< 10.0.0.2:40000 F.",
  ]);
});

Deno.test("TS-03: a shift above 14 is logged as it came", () => {
  const { log, lines } = logged();
  const syn = segment(SYN);
  syn.windowScale = 15;
  log.received(syn);
  assertEquals([lines.length, lines[0].endsWith("<nop,wscale 15>")], [1, true], lines[0]);
});

Deno.test("segment log: remembers a bounded number of clients during a flood", () => {
  const { log, lines } = logged();
  for (let port = 1; port <= 1000; port++) {
    const seg = segment(SYN | ACK);
    seg.remotePort = port;
    log.sent(seg);
  }
  lines.length = 0;
  for (let port = 1; port <= 1000; port++) {
    const seg = segment(ACK);
    seg.remotePort = port;
    log.received(seg);
  }
  assertEquals(lines.length, 256);
  assertEquals(lines.at(-1)!.split(" ")[2], "10.0.0.2:1000"); // the newest are remembered
});
