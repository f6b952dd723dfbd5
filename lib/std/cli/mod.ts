/**
 * Stands in for jsr:@std/cli where JSR cannot be reached: the same code out of
 * npm, where it comes without types. Without the `links` in deno.json the real
 * package is used, and nothing else changes.
 */

// @ts-types="./parse_args.d.ts"
export { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
export type { ParseOptions } from "./parse_args.d.ts";
