import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { probeTimeout } from "../../lib/tcp/tail_probe.ts";

Deno.test("tail probe: RACK-03, the timeout is 2·SRTT, longer for a lone segment, 1 s without SRTT", () => {
  const timeout = (srttMs: number, flight: number) =>
    probeTimeout(
      { srttUs: srttMs * 1000, mss: 1460, sndUna: -5, sndNxt: flight - 5 } as Connection,
    );
  assertEquals([timeout(50, 14_600), timeout(50, 1460), timeout(0, 14_600)], [102, 300, 1000]);
});
