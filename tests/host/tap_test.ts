/**
 * The TAP device against a real kernel. A device must never appear in the
 * machine's own network, so each test is a child process in a network namespace
 * of its own; what it does is in `tap_scenarios.ts`.
 */

import { assert } from "@std/assert";

const SCENARIOS_FILE = new URL("./tap_scenarios.ts", import.meta.url).pathname;

/** As root a network namespace will do; others need a user namespace around it. */
const UNSHARE_WAYS = [["-n"], ["-Urn"]];

/** Starts a program which root's capabilities do not follow. */
const WITHOUT_CAPABILITY = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"];

const unshareFlags = findUnshareFlags();
if (unshareFlags === null) {
  console.log("TAP tests are ignored: they need --allow-all, unshare(1) and /dev/net/tun");
}

tapTest("a name with %d is completed by the kernel");
tapTest("a device in use is EBUSY with advice");
tapTest("a name that is no TAP is EINVAL with advice");
tapTest("a name too long is a RangeError");
tapTest("an MTU out of range is refused, and the device is closed");
tapTest("an MTU too short for IPv6 is refused with advice");
tapTest("IPv6 addresses without IPv6 are refused with advice");
tapTest("without CAP_NET_ADMIN opening is EPERM with advice", ["setpriv"], WITHOUT_CAPABILITY);
tapTest("a user's own device needs no capability without set-up", ["setpriv", "ip"], [
  "sh",
  "-c",
  'ip tuntap add dev tap7 mode tap user 0 && exec "$@"',
  "sh",
  ...WITHOUT_CAPABILITY,
]);
tapTest("set-up adds the addresses and sets the link up");
tapTest("without set-up no address is added and the link stays down");
tapTest("the kernel's ARP request is read and answered");
tapTest("the kernel's ARP request is read and answered on bare frames");
tapTest("an IPv4 super-segment in pieces arrives whole");
tapTest("an IPv6 super-segment in pieces arrives whole");
tapTest("an IPv4 super-segment is read with its segment size");
tapTest("an IPv6 super-segment is read with its segment size");
tapTest("bare frames are cut and summed by the kernel");
tapTest("a frame the kernel rejects is counted with its errno");
tapTest("a deleted device is EBADFD", ["ip"]);
tapTest("a device that was there keeps its state without set-up", ["ip"]);

/** A scenario which needs these programs; `wrapper` starts it. */
function tapTest(scenario: string, tools: string[] = [], wrapper: string[] = []): void {
  Deno.test({
    name: `tap: ${scenario}`,
    ignore: unshareFlags === null || !tools.every(hasTool),
    fn: async () => {
      const deno = [Deno.execPath(), "run", "--allow-all", "--cached-only", "--no-prompt"];
      const args = [...unshareFlags!, ...wrapper, ...deno, SCENARIOS_FILE, scenario];
      const { success, stderr } = await new Deno.Command("unshare", { args }).output();
      assert(success, new TextDecoder().decode(stderr));
    },
  });
}

function findUnshareFlags(): string[] | null {
  const isGranted = ["ffi", "run", "read", "net", "sys"].every((name) =>
    Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted"
  );
  if (!isGranted) return null;
  const test = ["test", "-r", "/dev/net/tun", "-a", "-w", "/dev/net/tun"];
  return UNSHARE_WAYS.find((flags) => succeeds("unshare", [...flags, ...test])) ?? null;
}

function hasTool(tool: string): boolean {
  return succeeds(tool, ["--version"]) || succeeds(tool, ["-V"]);
}

function succeeds(program: string, args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
