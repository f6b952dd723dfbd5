/** What is declared about the catalogue in requirements.md; `deno task conformance` holds us to it. */

import type { Declarations } from "../support/catalogue.ts";

/**
 * `finishedGroups`: each of their rows has a test, and all pass; otherwise the
 * run fails. `notImplemented`: MAY rows left out on purpose.
 */
export const DECLARATIONS: Declarations = {
  finishedGroups: [
    "GEN",
    "ETH",
    "ARP",
    "IP",
    "IP6",
    "ICMP",
    "HDR",
    "OPT",
    "ISN",
    "HS",
    "SYNQ",
    "COOKIE",
    "TFO-S",
    "TFO-C",
    "SEG",
    "RST",
    "CLOSE",
    "TW",
    "KA",
    "RTX",
    "ACK",
    "WND",
    "CC",
    "SACK",
    "RACK",
    "TS",
    "ECN",
    "URG",
    "UTO",
    "MTU",
    "API",
    "FSM",
    "GV",
  ],
  notImplemented: ["ECN-05", "OPT-13", "TFO-S-17"],
};
