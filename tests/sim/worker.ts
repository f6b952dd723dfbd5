/** A worker of `search.ts`: is told a seed, answers with its outcome. */

import { runSeed } from "./run.ts";

const port = self as unknown as {
  onmessage: ((event: MessageEvent<number>) => void) | null;
  postMessage(message: unknown): void;
};

port.onmessage = (event) => port.postMessage(runSeed(event.data, null));
