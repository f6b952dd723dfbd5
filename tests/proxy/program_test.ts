import { assertEquals, assertThrows } from "@std/assert";
import { type Onlookers, type Setup } from "../../lib/proxy/program.ts";
import { arenaBytes, assemble } from "../../lib/proxy/program.ts";
import { RecordLog } from "../../lib/proxy/record_log.ts";
import { parseRoute } from "../../lib/proxy/route.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { parseCidr, parseMac } from "../../lib/wire/address.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { FakeClock, FakeLink, FakePoller } from "../support/fake_host.ts";
import { FakeLogger } from "../support/fake_logger.ts";
import { FakeSockets } from "../support/fake_sockets.ts";

const SETUP: Setup = {
  mac: parseMac("02:00:00:00:00:01")!,
  mtu: 1500,
  addresses: [parseCidr("10.0.0.1/24")!],
  gateways: [],
  routes: [parseRoute("listen=10.0.0.1:80,upstream=127.0.0.1:8080")],
  tunables: { ...DEFAULT_TUNABLES, px_mem_max: 1 << 20 },
  fastOpenKey: null,
};

function assembled(setup: Setup, onlookers: Partial<Onlookers> = {}) {
  const arena = new Arena(arenaBytes(setup.tunables));
  const machine = {
    arena,
    link: new FakeLink(),
    sockets: new FakeSockets(arena),
    poller: new FakePoller(),
    clock: new FakeClock(5000, 0.01),
    entropy: { fill: () => {} },
  };
  const log = new RecordLog(new FakeLogger(), "info", 1000);
  return {
    machine,
    driver: assemble(setup, machine, { log, tracer: null, watcher: null, ...onlookers }),
  };
}

Deno.test("program: put together it runs on its machine until it is told to end", async () => {
  const { machine, driver } = assembled(SETUP);
  machine.link.frames = [60, 60]; // of zeros: dropped
  machine.poller.onPark = () => driver.drain();
  const ending = await driver.run();
  assertEquals([ending.reason, machine.link.frames, machine.poller.link], ["drained", [], 3]);
});

Deno.test("program: what it is made from is used", () => {
  const twice = { ...SETUP, routes: [SETUP.routes[0], SETUP.routes[0]] };
  assertThrows(() => assembled(twice), Error, "in use");
  assertThrows(() => assembled({ ...SETUP, fastOpenKey: "no key" }), Error, "key");
});

Deno.test("program: a watcher sees its turns, what is asked of it, and its end", async () => {
  const seen: string[] = [];
  const watcher = {
    turnBegins: (events: number, now: number) => seen.push(`turn ${events} ${now > 5000}`),
    drains: () => seen.push("drain"),
    stops: () => seen.push("stop"),
    ended: ({ reason }: { reason: string }) => seen.push(reason),
  };
  const { machine, driver } = assembled(SETUP, { watcher });
  machine.poller.onPark = () => machine.poller.parks.length === 1 ? driver.drain() : driver.stop();
  await driver.run();
  assertEquals(seen, ["turn 0 true", "drain", "turn 0 true", "drained"]);
  driver.stop();
  assertEquals(seen.at(-1), "stop");
});
