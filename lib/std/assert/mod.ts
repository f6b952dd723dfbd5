/**
 * Stands in for jsr:@std/assert where JSR cannot be reached: the same code out
 * of npm, where it comes without types. Without the `links` in deno.json the
 * real package is used, and nothing else changes.
 */

// @ts-types="./assert.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
