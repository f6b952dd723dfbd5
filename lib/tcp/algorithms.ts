/** The congestion control algorithms, in the order of `tcp_congestion_control`. */

import { nearest } from "../nearest.ts";
import { BBR } from "./bbr.ts";
import type { CongestionControl } from "./congestion.ts";
import { CUBIC } from "./cubic.ts";
import { NEW_RENO } from "./new_reno.ts";

/** By the value of the tunable; their names are the tunable's. */
export const ALGORITHMS: readonly CongestionControl[] = [NEW_RENO, CUBIC, BBR];

/** The algorithm of that name; null for null. Throws RangeError, with the nearest name, when there is none. */
export function algorithmNamed(name: string | null): CongestionControl | null {
  if (name === null) return null;
  const algorithm = ALGORITHMS.find((algorithm) => algorithm.name === name);
  if (algorithm !== undefined) return algorithm;
  const names = ALGORITHMS.map((algorithm) => algorithm.name);
  const near = nearest(name.toLowerCase(), names);
  const advice = near === null ? `there are ${names.join(", ")}` : `did you mean ${near}?`;
  throw new RangeError(`There is no congestion control "${name}"; ${advice}`);
}
