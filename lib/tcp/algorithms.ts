/** The congestion control algorithms, in the order of `tcp_congestion_control`. */

import type { CongestionControl } from "./congestion.ts";
import { CUBIC } from "./cubic.ts";
import { NEW_RENO } from "./new_reno.ts";

/** By the value of the tunable; their names are the tunable's. */
export const ALGORITHMS: readonly CongestionControl[] = [NEW_RENO, CUBIC];
