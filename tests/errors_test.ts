/**
 * Wrong command lines and wrong environments, each run through the program as
 * its user would: what the message names, the exit code, and that no device is
 * left behind. Every message names the thing, its value, what it may be or what
 * is needed, and what to do.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { findMeans } from "./system/support/requirements.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const MIN_CASES = 40;
/** The exit codes: the user's mistake, the system's refusal. */
const MISTAKE = 2;
const REFUSAL = 1;

/** The four things that a message must name: the thing, its value, what is allowed, what to do. */
type Told = readonly [thing: string, value: string, allowed: string, advice: string];

interface WrongEnvironment {
  readonly name: string;
  /** Shell commands that make it, in a network namespace (and mount namespace) of its own. */
  readonly before?: string;
  readonly after?: string;
  /** In front of `deno`. */
  readonly wrapper?: readonly string[];
  /** Deno's permissions and the like. */
  readonly permissions?: readonly string[];
  readonly args?: readonly string[];
  readonly told: Told;
  /** Commands without which it cannot be made; `root` stands for being root. */
  readonly needs?: readonly string[];
}

interface Outcome {
  readonly code: number;
  readonly stderr: string;
  /** The names of the network devices, before it began and behind its end. */
  readonly devicesBefore: string;
  readonly devicesAfter: string;
}

const UPSTREAM = ["--upstream", "127.0.0.1:8080"];
const LISTEN = ["--listen", "198.18.0.2:80"];
const IPV6 = ["--host-address", "fd00::1/64", "--stack-address", "fd00::2"];
const ROUTE = "listen=198.18.0.2:80,upstream=127.0.0.1:8080";
const HELP = "--help lists";

const WRONG_COMMAND_LINES: readonly (readonly [args: readonly string[], told: Told])[] = [
  // Flags that do not exist
  [["--lisen", "198.18.0.2:80"], ["flag", "--lisen", "--listen", "did you mean"]],
  [["--MTU=9000"], ["flag", "--MTU", "--mtu", "did you mean"]],
  [["-upstream=1"], ["flag", "-upstream", "--upstream", "did you mean"]],
  [["--frobnicate"], ["flag", "--frobnicate", HELP, HELP]],
  [["--no-mtu=9000"], ["flag", "--no-mtu", "--mtu", "leave --mtu out"]],
  [["--setup"], ["flag", "--setup", "--no-setup", "it is the default"]],
  [["--tcp_msl=30"], ["flag", "--tcp_msl", "--set tcp_msl=30", "did you mean"]],
  [["tap7"], ["argument", "tap7", "belongs to a flag", "--tap tap7"]],
  // Values where none may be, none where one must be, two where one may be
  [["--no-setup=yes"], ["--no-setup", "yes", "takes none", "give --no-setup alone"]],
  [["--version", "2"], ["--version", "2", "takes none", "give --version alone"]],
  [["--mtu"], ["--mtu", "needs a value", "576 to 65520 bytes", "like 1500"]],
  [["--listen", "--upstream"], ["--listen", "needs a value", "IP:PORT", "like 198.18.0.2:80"]],
  [["--mtu=1500", "--mtu=9000"], ["--mtu", "9000", "1500 before", "give it once"]],
  // Routes
  [LISTEN, ["--listen", "1", "0 --upstream", "give one --upstream IP:PORT for each"]],
  [[...LISTEN, ...UPSTREAM, ...LISTEN, ...UPSTREAM], [
    "198.18.0.2:80",
    "127.0.0.1:8080",
    "relayed to 127.0.0.1:8080 already",
    "give each --listen or listen= once",
  ]],
  [["--listen", "198.18.0.256:80", ...UPSTREAM], [
    "--listen",
    "198.18.0.256:80",
    "IP:PORT",
    "like 198.18.0.2:80",
  ]],
  [["--listen", "198.18.0.2:70000", ...UPSTREAM], [
    "--listen",
    "198.18.0.2:70000",
    "IP:PORT",
    "port 0 is every port",
  ]],
  [["--listen", "fd00::2:80", ...UPSTREAM], [
    "--listen",
    "fd00::2:80",
    "IP:PORT",
    "[fd00::2]:80",
  ]],
  [["--listen", "127.0.0.1:80", ...UPSTREAM], [
    "--listen",
    "127.0.0.1:80",
    "loopback",
    "like 198.18.0.2:80",
  ]],
  [["--listen", "10.1.2.3:80", ...UPSTREAM], [
    "10.1.2.3",
    "host's address",
    "--host-address IP/PREFIX",
    "like 10.1.2.1/24",
  ]],
  [["--listen", "198.18.0.255:80", ...UPSTREAM], [
    "198.18.0.255",
    "198.18.0.1/24",
    "between the first and the last",
    "give",
  ]],
  [[...LISTEN, "--upstream", "localhost:8080"], [
    "--upstream",
    "localhost:8080",
    "IP:PORT",
    "names are not looked up",
  ]],
  [[...LISTEN, "--upstream", "8080"], ["--upstream", "8080", "IP:PORT", "like 127.0.0.1:8080"]],
  [[...LISTEN, "--upstream", "0.0.0.0:80"], [
    "--upstream",
    "0.0.0.0:80",
    "nobody can be reached there",
    "127.0.0.1 and ::1 are this host",
  ]],
  [[...LISTEN, "--upstream", "198.18.0.2:8080"], [
    "198.18.0.2:80",
    "198.18.0.2:8080",
    "address of the stack itself",
    "give a server's",
  ]],
  [[...LISTEN, "--upstream", "224.0.0.1:80"], [
    "--upstream",
    "224.0.0.1:80",
    "multicast",
    "expected [tap:]IP:PORT",
  ]],
  [["--route", "listen=198.18.0.2:80"], ["--route", "listen=", "upstream=", "is missing"]],
  [["--route", `${ROUTE},backlg=5`], ["--route", "backlg", "backlog", "did you mean"]],
  [["--route", `${ROUTE},backlog=0`], ["--route", "backlog=0", "1 to 65535", "backlog=COUNT"]],
  [["--route", `${ROUTE},keepalive=60/0`], [
    "--route",
    "keepalive=60/0",
    "INTERVAL 1 to 32767 seconds",
    "TIME[/INTERVAL[/PROBES[/BYTES]]]",
  ]],
  [["--route", "listen=198.18.0.2:80,upstream=tap:198.18.0.2:81"], [
    "198.18.0.2:80",
    "tap:198.18.0.2:81",
    "address of the stack itself",
    "give a server's",
  ]],
  // The device
  [["--tap", "a-name-too-long-"], ["--tap", "a-name-too-long-", "1 to 15 characters", "like tap0"]],
  [["--tap", "tap/0"], ["--tap", "tap/0", 'without spaces, "/"', "like tap0"]],
  [["--mtu", "575"], ["--mtu", "575", "576 to 65520 bytes", "like 1500"]],
  [["--mtu", "9k"], ["--mtu", "9k", "576 to 65520 bytes", "like 1500"]],
  [["--mtu", "1279", ...IPV6], ["--mtu", "1279", "1280 bytes at least", "fd00::2 is IPv6"]],
  [["--mac", "01:00:5e:10:00:01"], [
    "--mac",
    "01:00:5e:10:00:01",
    "the first one even",
    "like 02:00:5e:10:00:01",
  ]],
  [["--host-address", "198.18.0.1/33"], [
    "--host-address",
    "198.18.0.1/33",
    "IP/PREFIX",
    "like 198.18.0.1/24",
  ]],
  [["--host-address", "198.18.0.2/24"], [
    "198.18.0.2",
    "both ends",
    "--host-address",
    "must differ from every --listen and --stack-address",
  ]],
  [["--stack-address", "198.18.0.2/24"], [
    "--stack-address",
    "198.18.0.2/24",
    "an IP address",
    "like 198.18.0.2",
  ]],
  [["--no-setup", "--host-address", "198.18.0.1/24"], [
    "--host-address",
    "198.18.0.1/24",
    "--no-setup",
    "gives the device none",
  ]],
  // Tunables
  [["--set", "tcp_msl"], ["--set", "tcp_msl", "NAME=VALUE", "like tcp_msl=30"]],
  [["--set", "tcp_mls=30"], ["tcp_mls", "30", "tcp_msl", "did you mean"]],
  [["--set", "net.ipv4.tcp_msl=30"], ["net.ipv4.tcp_msl", "30", "tcp_msl", "did you mean"]],
  [["--set", "colour=red"], ["colour", "red", "no such tunable", HELP]],
  [["--set", "tcp_msl=121"], ["tcp_msl", "121", "1 to 120 seconds", "the default is 60"]],
  [["--set", "tcp_sack=yes"], ["tcp_sack", "yes", "0 or 1", "the default is 1"]],
  [["--set", "px_log_ratelimit=-1"], [
    "px_log_ratelimit",
    "-1",
    "0 to 1000000 records per second",
    "the default is 1000",
  ]],
  // The log
  [["--log-level", "INFO"], ["--log-level", "INFO", "debug, info, warn or error", "did you mean"]],
  [["--log-format", "xml"], ["--log-format", "xml", "text or json", "the default is text"]],
  // Record and replay
  [["--record", "/tmp/run.rec"], [
    "Cannot record",
    "/tmp/run.rec",
    "the permission is missing",
    "--allow-write=/tmp/run.rec main.ts",
  ]],
  [["--record-limit", "1000000"], ["--record-limit", "1000000", "1048576 to 2147483648", "bytes"]],
  [["--record-limit", "1048576"], ["--record-limit", "1048576", "nothing", "give --record FILE"]],
  [["--replay", "/tmp/run.rec"], [
    "Cannot replay",
    "/tmp/run.rec",
    "the permission is missing",
    "--allow-read=/tmp/run.rec main.ts --replay",
  ]],
  [["--replay", "/tmp/run.rec", "--mtu", "9000"], ["--mtu", "--replay", "has all", "leave --mtu"]],
];

const WITHOUT_NET_ADMIN = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"];
const DEVICE_OF_ROOT = "ip tuntap add dev tapster0 mode tap user 0";
const FIRST_TAPSTER = `${Deno.execPath()} run --no-prompt --allow-ffi main.ts >/dev/null & first=$!
  until grep -q tapster0 /proc/net/dev; do kill -0 $first && sleep 0.05; done`;
const END_FIRST = "kill -INT $first $first; kill -INT $first; wait $first";

const WRONG_ENVIRONMENTS: readonly WrongEnvironment[] = [
  {
    name: "without --allow-ffi",
    permissions: [],
    told: [
      "the C library",
      "--allow-ffi",
      "only permission needed",
      "deno run --allow-ffi main.ts",
    ],
  },
  {
    name: "with FFI of another library only",
    permissions: ["--allow-ffi=/etc"],
    told: [
      "the C library",
      "--allow-ffi",
      "only permission needed",
      "deno run --allow-ffi main.ts",
    ],
  },
  {
    name: "with too little address space",
    permissions: ["--allow-ffi", "--v8-flags=--wasm-max-mem-pages=64"],
    told: ["address space", "537919488 bytes", "16777216 at least", "--set px_mem_max=BYTES"],
  },
  {
    name: "without /dev/net/tun",
    before: "mount -t tmpfs none /dev/net",
    told: ["/dev/net/tun", "no such file", "modprobe tun", "--device /dev/net/tun"],
    needs: ["mount"],
  },
  {
    name: "with something else as /dev/net/tun",
    before: "mount --bind /dev/null /dev/net/tun",
    told: ["tapster0", "inappropriate ioctl", "the TUN/TAP driver", "mknod /dev/net/tun c 10 200"],
    needs: ["mount"],
  },
  {
    name: "with a /dev/net/tun of somebody else",
    before: "mount -t tmpfs none /dev/net && mknod -m 0 /dev/net/tun c 10 200",
    wrapper: [
      "setpriv",
      "--bounding-set=-dac_override,-dac_read_search",
      "--inh-caps=-dac_override,-dac_read_search",
    ],
    told: ["/dev/net/tun", "permission denied", "as root", "sudo chmod 666 /dev/net/tun"],
    needs: ["mount", "mknod", "setpriv", "root"],
  },
  {
    name: "without CAP_NET_ADMIN",
    wrapper: WITHOUT_NET_ADMIN,
    told: ["tapster0", "operation not permitted", "CAP_NET_ADMIN", "unshare -Urn"],
    needs: ["setpriv"],
  },
  {
    name: "as nobody of a user namespace",
    wrapper: ["unshare", "--user"],
    told: ["tapster0", "operation not permitted", "CAP_NET_ADMIN", "ip tuntap add dev tapster0"],
  },
  {
    name: "with a device that a Tapster has open",
    before: FIRST_TAPSTER,
    after: END_FIRST,
    told: ["tapster0", "device or resource busy", "perhaps another Tapster", "--tap"],
  },
  {
    name: "with the addresses of another Tapster",
    before: `${FIRST_TAPSTER}; until grep -q tapster0 /proc/net/route; do sleep 0.05; done`,
    after: END_FIRST,
    args: ["--tap", "other0"],
    told: ["198.18.0.1", "other0", "tapster0 has that address", "--host-address"],
  },
  {
    name: "with the host's address on another device",
    before: "ip address add 198.18.0.1/16 dev lo",
    told: ["198.18.0.1", "tapster0", "lo has that", "ip address del 198.18.0.1/16 dev lo"],
    needs: ["ip"],
  },
  {
    name: "with the host's IPv6 address on another device",
    before: "ip link set lo up && ip address add fd00::1/64 dev lo",
    args: IPV6,
    told: ["fd00::1", "tapster0", "lo has that", "ip address del fd00::1/64 dev lo"],
    needs: ["ip"],
  },
  {
    name: "with the stack's address on a device",
    before: "ip address add 198.18.0.2/32 dev lo",
    told: ["198.18.0.2", "lo has that", "Linux would answer", "--stack-address"],
    needs: ["ip"],
  },
  {
    name: "with the stack's address in the network of another device",
    before: "ip link set lo up && ip address add 198.18.0.7/25 dev lo",
    told: ["198.18.0.2", "lo has the network", "Linux would send there", "--host-address"],
    needs: ["ip"],
  },
  {
    name: "with a device of another kind",
    args: ["--tap", "lo"],
    told: ["lo", "invalid argument", "not a TAP", "ip -d link show lo"],
  },
  {
    name: "with a TUN in place of a TAP",
    before: "ip tuntap add dev tapster0 mode tun",
    told: ["tapster0", "invalid argument", "a TAP with a single queue", "--tap"],
    needs: ["ip"],
  },
  {
    name: "with one's own device, and no right to set it up",
    before: DEVICE_OF_ROOT,
    wrapper: WITHOUT_NET_ADMIN,
    args: ["--mtu", "9000", "--no-setup"],
    told: ["the MTU of tapster0", "9000", "CAP_NET_ADMIN", "ip link set tapster0 mtu 9000"],
    needs: ["ip", "setpriv", "root"],
  },
  {
    name: "to record over a file",
    permissions: ["--allow-ffi", "--allow-write=/dev/null"],
    args: ["--record", "/dev/null"],
    told: ["Cannot record", "/dev/null", "file exists", "Give another name"],
  },
  {
    name: "with IPv6 switched off",
    before: "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6",
    args: IPV6,
    told: ["fd00::1/64", "tapster0", "net.ipv6.conf.default.disable_ipv6", "use IPv4 only"],
    needs: ["root"],
  },
];

const means = findMeans();

Deno.test("errors: there are forty cases and more", () => {
  assert(WRONG_COMMAND_LINES.length >= MIN_CASES);
  assert(WRONG_ENVIRONMENTS.length >= 12);
});

for (const [args, told] of WRONG_COMMAND_LINES) {
  errorTest({ name: args.join(" "), args, told }, MISTAKE);
}
for (const environment of WRONG_ENVIRONMENTS) errorTest(environment, REFUSAL);

function errorTest(wrong: WrongEnvironment, code: number): void {
  const obstacle = obstacleTo(wrong);
  Deno.test({
    name: `errors: ${wrong.name}${obstacle === "" ? "" : ` (ignored: ${obstacle})`}`,
    ignore: obstacle !== "",
    fn: async () => {
      const outcome = await outcomeOf(wrong);
      for (const part of wrong.told) assertStringIncludes(outcome.stderr, part);
      assert(outcome.stderr.startsWith("tapster: "), outcome.stderr);
      assert(!outcome.stderr.includes("    at "), outcome.stderr); // no stack trace
      assertEquals(outcome.code, code, outcome.stderr);
      assert(outcome.devicesBefore.split(" ").includes("lo"), outcome.devicesBefore);
      assertEquals(outcome.devicesAfter, outcome.devicesBefore);
    },
  });
}

function obstacleTo({ needs = [] }: WrongEnvironment): string {
  if (typeof means === "string") return means;
  if (needs.includes("root") && means.rootless) return "needs root";
  const missing = needs.find((tool) => tool !== "root" && !hasTool(tool));
  return missing === undefined ? "" : `needs ${missing}`;
}

function hasTool(name: string): boolean {
  return new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).outputSync().success;
}

/** Runs the program in namespaces of its own. */
async function outcomeOf(wrong: WrongEnvironment): Promise<Outcome> {
  assert(typeof means !== "string");
  const { before = "true", after = "true", wrapper = [], args = [] } = wrong;
  const script = `devices() { echo $(tail -n +3 /proc/net/dev | cut -d: -f1); }
    { ${before}\n} || exit 99
    devices
    "$@"; code=$?
    devices
    ${after}
    exit $code`;
  const permissions = wrong.permissions ?? ["--allow-ffi"];
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [
      ...[...means.unshare, "--mount", "sh", "-c", script, "sh", ...wrapper],
      ...[Deno.execPath(), "run", "--no-prompt", ...permissions, "main.ts", ...args],
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  const [devicesBefore, devicesAfter] = decoder.decode(stdout).split("\n");
  return { code, stderr: decoder.decode(stderr), devicesBefore, devicesAfter };
}
