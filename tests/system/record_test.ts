/** Recordings: what happened over a real device happens again without it, bit for bit. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { systemTestWithoutScene } from "./support/register.ts";
import { Scene } from "./support/scene.ts";
import { DEFAULT_VARIANT, VARIANTS } from "./support/variants.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const MIB = 1024 * 1024;
/** What no transfer reaches. */
const ENDLESS = 1024 * 1024 * MIB;
const UNDER_WAY_MS = 10_000;
const CURL_MS = 20_000;
const PROMPTLY_MS = 5_000;
const END_MS = 10_000;
/** A lost FIN is sent again after 200 ms and 400 ms. */
const AGAIN_MS = 5_000;

interface Replay {
  readonly code: number;
  readonly lines: string[];
}

/** Runs the recording again with the main.ts of `root`, and no right but to read it. */
async function replay(path: string, root = ROOT): Promise<Replay> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", `--allow-read=${path}`, "main.ts", "--replay", path],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(stderr), "");
  return { code, lines: decoder.decode(stdout).trimEnd().split("\n") };
}

async function curl(scene: Scene): Promise<void> {
  const url = `http://${scene.urlHost}/`;
  const curl = scene.clientNamespace.start("curl", "curl", ["-sS", "--max-time", "10", url]);
  assertEquals((await curl.ending(CURL_MS)).code, 0, curl.text);
}

/** Opens a scene whose Tapster records into `path`. */
function recordedScene(
  means: Parameters<typeof Scene.open>[0],
  variant: typeof DEFAULT_VARIANT,
  path: string,
  root = ROOT,
): Promise<Scene> {
  const special = { permissions: [`--allow-write=${path}`], root };
  return Scene.open(means, variant, ["--record", path], special);
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const variant of VARIANTS) {
  systemTestWithoutScene(
    `record: a page, 8 MiB each way and an abortion are replayed bit for bit (${variant.name})`,
    (means) =>
      inFolder(async (folder) => {
        const path = `${folder}/run.rec`;
        {
          await using scene = await recordedScene(means, variant, path);
          await curl(scene);
          const length = 8 * MIB;
          const aborted = { seed: 5, upLength: 0, downLength: ENDLESS, order: "together" } as const;
          const client = scene.startClient({ exchange: aborted, noticeAfter: MIB });
          await client.record(UNDER_WAY_MS, "under way");
          client.signal("SIGKILL");
          await client.ending(PROMPTLY_MS);
          await scene.closeRecords(2);
          const exchange = { ...aborted, seed: 3, upLength: length, downLength: length };
          const [report] = await scene.runClient({ exchange });
          assertEquals([report.sent?.bytes, report.received?.bytes], [length, length]);
          await scene.finish();
        }
        assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);

        const whole = await replay(path);
        assertMatch(whole.lines.at(-1)!, /^identical up to the end of the run: \d+ turns, /);
        assertEquals(whole.code, 0);
        const trace = whole.lines.join("\n");
        for (const reason of ['reason="closed"', 'reason="client lost"', " ends, drained"]) {
          assertStringIncludes(trace, reason);
        }

        const bytes = Deno.readFileSync(path);
        Deno.writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length / 2)));
        const half = await replay(path);
        assertMatch(half.lines.at(-1)!, /^identical up to where the recording breaks off: /);
        assertEquals(half.code, 0);
        assertEquals(half.lines.slice(0, -1), whole.lines.slice(0, half.lines.length - 1));
      }),
    { needs: ["curl"] },
  );
}

/** The FIN that is received takes a sequence number: without that it is never acknowledged. */
const RIGHT = "c.rcvNxt = (c.rcvNxt + 1) | 0;";
const WRONG = "c.rcvNxt = (c.rcvNxt + 0) | 0;";

/** Copies the program and plants the bug. */
async function plantBug(folder: string): Promise<void> {
  const copy = await new Deno.Command("cp", {
    args: ["-r", "lib", "main.ts", "deno.json", ".deno.lock", folder],
    cwd: ROOT,
  }).output();
  assert(copy.success);
  const path = `${folder}/lib/tcp/input.ts`;
  const [before, after, ...more] = Deno.readTextFileSync(path).split(RIGHT);
  assertEquals([after !== undefined, more], [true, []], `one line of input.ts is ${RIGHT}`);
  Deno.writeTextFileSync(path, before + WRONG + after);
}

systemTestWithoutScene(
  "record: a bug that was met is met again in the replay, and gone with the right engine",
  (means) =>
    inFolder(async (folder) => {
      await plantBug(folder);
      const path = `${folder}/bug.rec`;
      const clientFin = / < \S+ \S+ F\S* /;
      {
        await using scene = await recordedScene(means, DEFAULT_VARIANT, path, folder);
        await curl(scene);
        const before = scene.namespace.tcpCounter("RetransSegs");
        const end = performance.now() + AGAIN_MS;
        while (scene.namespace.tcpCounter("RetransSegs") === before && performance.now() < end) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        scene.tapster.signal("SIGTERM");
        await scene.tapster.ending(END_MS);
      }
      const buggy = await replay(path, folder);
      assertMatch(buggy.lines.at(-1)!, /^identical up to the end of the run: /);
      const fins = buggy.lines.filter((line) => clientFin.test(line));
      assert(fins.length >= 2, `the client sent its FIN again:\n${buggy.lines.join("\n")}`);

      const right = await replay(path);
      assertEquals(right.code, 1);
      const [verdict, recorded, replayed] = right.lines.slice(-4);
      assertMatch(verdict, /^different at byte \d+, in turn \d+, \d+\.\d{6} s$/);
      const ackOf = (line: string) => Number(/ ack (\d+)/.exec(line)?.[1]);
      assertEquals(ackOf(replayed), ackOf(recorded) + 1, `${recorded}\n${replayed}`);
    }),
  { needs: ["curl"] },
);
