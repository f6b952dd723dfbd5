import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { RecordingError } from "../../lib/observe/recording.ts";
import { parseSetup, setupText } from "../../lib/observe/setup.ts";
import type { Setup } from "../../lib/proxy/program.ts";
import { parseRoute } from "../../lib/proxy/route.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { parseAddress, parseCidr, parseMac } from "../../lib/wire/address.ts";

const SETUP: Setup = {
  mac: parseMac("02:00:5e:10:00:ff")!,
  mtu: 9000,
  addresses: [parseCidr("198.18.0.2/24")!, parseCidr("fd00::2/64")!],
  gateways: [parseAddress("198.18.0.1")!, parseAddress("fd00::1")!],
  routes: [
    parseRoute("listen=198.18.0.2:0,upstream=127.0.0.1:0"),
    parseRoute("listen=[fd00::2]:80,upstream=tap:[fd00::1]:3000,backlog=7,fastopen=0,idempotent"),
    parseRoute("listen=198.18.0.2:80,upstream=10.0.0.1:80,upstream-fastopen,keepalive=60/10/3"),
  ],
  tunables: { ...DEFAULT_TUNABLES, tcp_msl: 7, px_mem_max: 4096 },
  fastOpenKey: "00112233-44556677-8899aabb-ccddeeff",
};
const LINK = { name: "edge0", descriptor: 23, offload: true };

Deno.test("set-up: it comes back as it was", () => {
  assertEquals(parseSetup(setupText(SETUP, LINK)), { setup: SETUP, link: LINK });
  const plain = { ...SETUP, fastOpenKey: null };
  assertEquals(parseSetup(setupText(plain, { ...LINK, offload: false })), {
    setup: plain,
    link: { ...LINK, offload: false },
  });
});

Deno.test("set-up: a tunable that is younger than the recording has its default", () => {
  const text = setupText(SETUP, LINK).replace('"tcp_msl":7,', "");
  assertEquals(parseSetup(text).setup.tunables.tcp_msl, DEFAULT_TUNABLES.tcp_msl);
});

Deno.test("set-up: what cannot be used is named", () => {
  const text = setupText(SETUP, LINK);
  for (
    const [from, to, why] of [
      ['"mtu"', '"mtu', /JSON/],
      ['"tcp_msl"', '"tcp_lsm"', /this Tapster has no tunable tcp_lsm/],
      ['"tcp_msl":7', '"tcp_msl":121', /tcp_msl cannot be 121/],
      ['"tcp_msl":7', '"tcp_msl":"x"', /tcp_msl cannot be x/],
      ["02:00:5e", "02:00:5g", /an address is malformed/],
      ["backlog=7", "backlog=x", /expected backlog=COUNT/],
    ] as const
  ) {
    const error = assertThrows(() => parseSetup(text.replace(from, to)), RecordingError);
    assertMatch(error.message, /^its set-up cannot be used: /);
    assertMatch(error.message, why);
  }
});
