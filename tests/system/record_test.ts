/** Recordings: what happened over a real device happens again without it, bit for bit. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Exchange } from "./peers/exchange.ts";
import { parseRecord } from "./support/program.ts";
import { systemTestWithoutScene } from "./support/register.ts";
import { assertTransfers, Scene } from "./support/scene.ts";
import { DEFAULT_VARIANT, TAP_UPSTREAM_VARIANTS, VARIANTS } from "./support/variants.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const MIB = 1024 * 1024;
/** What no transfer reaches. */
const ENDLESS = 1024 * 1024 * MIB;
const SMALL: Exchange = { seed: 1, upLength: 1000, downLength: 1000, order: "together" };
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
  { root = ROOT, flags = [] as string[] } = {},
): Promise<Scene> {
  const special = { permissions: [`--allow-write=${path}`], root };
  return Scene.open(means, variant, ["--record", path, ...flags], special);
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const variant of [...VARIANTS, ...TAP_UPSTREAM_VARIANTS]) {
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

systemTestWithoutScene(
  "record: a killed run is replayed up to its last rest",
  (means) =>
    inFolder(async (folder) => {
      const path = `${folder}/run.rec`;
      {
        await using scene = await recordedScene(means, DEFAULT_VARIANT, path);
        await scene.runClient({ exchange: SMALL });
        await scene.closeRecords(1);
        scene.tapster.signal("SIGKILL");
        await scene.tapster.ending(END_MS);
      }
      const { code, lines } = await replay(path);
      assertMatch(lines.at(-1)!, /^identical up to where the recording breaks off: /);
      assertEquals(code, 0);
      assert(lines.some((line) => line.includes('reason="closed"')), lines.join("\n"));
    }),
);

systemTestWithoutScene(
  "record: at the limit the run goes on, and the log says so",
  (means) =>
    inFolder(async (folder) => {
      const path = `${folder}/run.rec`;
      {
        const flags = ["--record-limit", `${MIB}`];
        await using scene = await recordedScene(means, DEFAULT_VARIANT, path, { flags });
        await assertTransfers(scene, { ...SMALL, upLength: 4 * MIB, downLength: 4 * MIB });
        const [notice] = scene.tapster.lines.map(parseRecord)
          .filter((record) => record?.msg === "recording-ended");
        const { bytes, cause, file } = notice ?? {};
        assertEquals([bytes, cause, file], [Deno.statSync(path).size, "--record-limit", path]);
        assert(Number(bytes) <= MIB);
        await scene.finish();
      }
      const { code, lines } = await replay(path);
      assertMatch(lines.at(-1)!, /^identical up to the recording's limit: /);
      assertEquals(code, 0);
    }),
);

/** The FIN that is received takes a sequence number: without that it is never acknowledged. */
const RIGHT = "c.rcvNxt = (c.rcvNxt + 1) | 0;";
const WRONG = "c.rcvNxt = (c.rcvNxt + 0) | 0;";

/** A bug that ends the program. */
const FATAL = 'throw new Error("the FIN is taken twice");';

/** Copies the program, and puts `wrong` in the place of what is right. */
async function plantBug(folder: string, wrong: string): Promise<void> {
  const copy = await new Deno.Command("cp", {
    args: ["-r", "lib", "main.ts", "deno.json", ".deno.lock", folder],
    cwd: ROOT,
  }).output();
  assert(copy.success);
  const path = `${folder}/lib/tcp/input.ts`;
  const [before, after, ...more] = Deno.readTextFileSync(path).split(RIGHT);
  assertEquals([after !== undefined, more], [true, []], `one line of input.ts is ${RIGHT}`);
  Deno.writeTextFileSync(path, before + wrong + after);
}

systemTestWithoutScene(
  "record: a bug that was met is met again in the replay, and gone with the right engine",
  (means) =>
    inFolder(async (folder) => {
      await plantBug(folder, WRONG);
      const path = `${folder}/bug.rec`;
      const clientFin = / < \S+ \S+ F\S* /;
      {
        await using scene = await recordedScene(means, DEFAULT_VARIANT, path, { root: folder });
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

systemTestWithoutScene(
  "record: a bug that ended the program ends its replay, and not that of the right engine",
  (means) =>
    inFolder(async (folder) => {
      await plantBug(folder, FATAL);
      const path = `${folder}/bug.rec`;
      {
        await using scene = await recordedScene(means, DEFAULT_VARIANT, path, { root: folder });
        await curl(scene);
        assertEquals((await scene.tapster.ending(END_MS)).code, 1);
        assertStringIncludes(scene.tapster.text, "the FIN is taken twice");
      }
      const buggy = await replay(path, folder);
      assertEquals(buggy.code, 0);
      const [last, verdict] = buggy.lines.slice(-2);
      assertMatch(last, /^ +\d+\.\d{6} {2}fails: the FIN is taken twice$/);
      assertMatch(verdict, /^identical up to the end of the run: /);

      const right = await replay(path);
      assertEquals(right.code, 1);
      assertEquals(right.lines.at(-3), "  recorded: fails: the FIN is taken twice");
    }),
  { needs: ["curl"] },
);
