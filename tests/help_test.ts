import { assert, assertEquals } from "@std/assert";
import { FLAG_SYNTAX } from "../lib/flags.ts";
import { helpText, welcomeLines } from "../lib/help.ts";
import { TUNABLES } from "../lib/tcp/tunables.ts";
import { parseCommandLine } from "../main.ts";

/** What is told about `args`, the device being granted as asked for. */
function welcomeTo(...args: string[]): string[] {
  const command = parseCommandLine(args);
  assert(command.kind === "run");
  return welcomeLines(command.config, command.config.tapName, command.config.offload);
}

Deno.test("help: it names every flag and every tunable, in 100 columns", () => {
  const text = helpText();
  for (const flag of FLAG_SYNTAX.collect) assert(text.includes(`--${flag}`), flag);
  for (const { name } of TUNABLES) assert(text.includes(`\n  ${name} `), name);
  for (const line of text.split("\n")) assert(line.length <= 100, line);
});

Deno.test("help: its examples are right", () => {
  const commands = helpText().replaceAll("\\\n", "").matchAll(/^ {2}main\.ts (.*)$/gm);
  const examples = [...commands].map(([, args]) => args.split(/ +/));
  assertEquals(examples.length, 4);
  for (const args of examples) assertEquals(parseCommandLine(args).kind, "run");
});

Deno.test("help: without flags the welcome names the device, the route and a command", () => {
  assertEquals(welcomeTo(), [
    "tapster0 is open, host side 198.18.0.1/24, mtu 1500, with offloads",
    "198.18.0.2, every port → 127.0.0.1, every port",
    "Try: curl http://198.18.0.2:8000/ with a server on 127.0.0.1:8000 " +
    "(python3 -m http.server 8000)",
  ]);
});

Deno.test("help: the welcome tries the first route", () => {
  const lines = welcomeTo(
    ...["--listen", "198.18.0.2:80", "--upstream", "127.0.0.1:8080", "--no-offload"],
    ...["--listen", "198.18.0.3:0", "--upstream", "10.0.0.1:22"],
  );
  assertEquals(lines, [
    "tapster0 is open, host side 198.18.0.1/24, mtu 1500, without offloads",
    "198.18.0.2:80 → 127.0.0.1:8080",
    "198.18.0.3, every port → 10.0.0.1:22",
    "Try: curl http://198.18.0.2:80/ with a server on 127.0.0.1:8080",
  ]);
});

Deno.test("help: the welcome says how an address outside of the networks is reached", () => {
  const lines = welcomeTo("--host-address", "10.0.0.1/24", "--stack-address", "10.0.1.2");
  const advice = "10.0.1.2 is in no network of tapster0: to reach it, " +
    "ip route add 10.0.1.2 dev tapster0";
  assert(lines.includes(advice));
});

Deno.test("help: the welcome warns of what is recorded", () => {
  assertEquals(
    welcomeTo("--record", "run.rec", "--record-limit", "1048576").at(-2),
    "Recording to run.rec, at most 1048576 bytes: keys, and all that clients and upstreams send",
  );
});

Deno.test("help: the welcome says how a device that is not set up can be", () => {
  const lines = welcomeTo("--no-setup", "--tap", "edge0");
  assert(lines[0].includes("not set up"));
  assert(
    lines.includes(
      "To set it up: ip link set edge0 up; ip route add 198.18.0.2 dev edge0",
    ),
  );
});
