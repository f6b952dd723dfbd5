import { assertEquals } from "@std/assert";
import { corpusText, parseCorpus } from "./corpus.ts";
import { runSteps } from "./episode.ts";

const CORPUS = new URL("corpus/", import.meta.url);

const mayRead = Deno.permissions.querySync({ name: "read", path: CORPUS }).state === "granted";

Deno.test({
  name: `corpus: inputs that once failed do not fail${mayRead ? "" : " (needs --allow-read)"}`,
  ignore: !mayRead,
  fn: () => {
    for (const { name } of Deno.readDirSync(CORPUS)) {
      if (!name.endsWith(".frames")) continue;
      const error = runSteps(parseCorpus(Deno.readTextFileSync(new URL(name, CORPUS))));
      assertEquals(error, null, name);
    }
  },
});

Deno.test("corpus: an input is read as it was written", () => {
  const steps = [
    { advanceMs: 0.25, turn: 5, isTrusted: false, segmentSize: 0, bytes: new Uint8Array(0) },
    { advanceMs: 0, turn: 0, isTrusted: true, segmentSize: 9, bytes: Uint8Array.of(1, 255) },
  ];
  const input = { seed: 7, isOffload: true, steps };
  assertEquals(parseCorpus(corpusText(input)), input);
});
