import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { RecordingError } from "../../lib/observe/recording.ts";
import { RecordedRun } from "../observe/recorded_run.ts";
import { namesIn, save, SAVED, verdictsOf } from "./saved.ts";

const mayRead = Deno.permissions.querySync({ name: "read", path: SAVED }).state === "granted";
const mayWrite = Deno.permissions.querySync({ name: "write" }).state === "granted";

for (const name of mayRead ? namesIn(SAVED) : []) {
  Deno.test(`saved recordings: ${name} tells what it told`, () => {
    const { kept, now } = verdictsOf(name, SAVED);
    assertEquals(now, kept, "if that is what was wanted: deno task replay:save, again");
  });
}

Deno.test({
  name: `saved recordings: what is kept is judged again${mayWrite ? "" : " (needs --allow-write)"}`,
  ignore: !mayRead || !mayWrite,
  fn: async () => {
    const path = await Deno.makeTempDir();
    const folder = new URL(`file://${path}/`);
    try {
      const bytes = new RecordedRun().wholeRun();
      assertMatch(save(bytes, "whole", folder), /^identical up to the end of the run: /);
      const changed = bytes.slice();
      changed[changed.length - 1] ^= 1; // how it ended
      assertMatch(save(changed, "changed", folder), /^different at byte \d+, in turn \d+, /);
      assertEquals(namesIn(folder), ["changed", "whole"]);
      for (const name of namesIn(folder)) {
        const { kept, now } = verdictsOf(name, folder);
        assertEquals(now, kept);
      }
      Deno.writeFileSync(new URL("whole.rec", folder), changed);
      const { kept, now } = verdictsOf("whole", folder);
      assertMatch(kept, /^identical/);
      assertMatch(now, /^different/);
      assertThrows(() => save(new Uint8Array(9), "none", folder), RecordingError);
      assertEquals(namesIn(folder).includes("none"), false);
    } finally {
      await Deno.remove(path, { recursive: true });
    }
  },
});
