/** The system's random numbers. */

import type { Entropy } from "./host.ts";

/** The most bytes `crypto.getRandomValues` gives at once. */
const QUOTA = 65536;

/** Randomness from the operating system's generator; needs no permission. */
export class SystemEntropy implements Entropy {
  fill(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += QUOTA) {
      crypto.getRandomValues(bytes.subarray(from, from + QUOTA) as Uint8Array<ArrayBuffer>);
    }
  }
}
