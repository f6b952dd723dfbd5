import { assertEquals, assertThrows } from "@std/assert";
import {
  type Flags,
  oneOf,
  refuseStrayValues,
  refuseUnknownFlags,
  single,
  UsageError,
} from "../lib/flags.ts";

/** What parseArgs makes of a command line without flags. */
const NO_FLAGS: Flags = {
  "_": [],
  "listen": [],
  "upstream": [],
  "route": [],
  "tap": [],
  "mtu": [],
  "mac": [],
  "host-address": [],
  "stack-address": [],
  "set": [],
  "record": [],
  "record-limit": [],
  "replay": [],
  "log-level": [],
  "log-format": [],
};

Deno.test("flags: what stands behind -- is no flag", () => {
  refuseUnknownFlags(["--mtu", "1500", "--no-setup", "--", "--frobnicate"]);
  assertThrows(() => refuseUnknownFlags(["--frobnicate", "--", "--mtu"]), UsageError);
});

Deno.test("flags: a value may begin like a flag behind =", () => {
  refuseUnknownFlags(["--tap=--x=y", "-x"]); // parseArgs tells of the last one
});

Deno.test("flags: a lost value is the mistake that is told, not the empty argument", () => {
  refuseStrayValues(NO_FLAGS);
  const flags = { ...NO_FLAGS, _: [""], tap: [""] };
  const error = assertThrows(() => refuseStrayValues(flags), UsageError);
  assertEquals(error.message.split(":")[0], "--tap needs a value");
});

Deno.test("flags: one without a value has the absent one, unchecked", () => {
  assertEquals(single("mtu", [], 1500, Number), 1500);
  assertEquals(single("mtu", ["9000"], 1500, Number), 9000);
  assertThrows(() => single("mtu", ["1", "2"], 1500, Number), UsageError, "it was 1 before");
});

Deno.test("flags: a choice is told its nearest one, else the default", () => {
  assertEquals(oneOf("log-format", "json", ["text", "json"], "text"), "json");
  const refusal = (text: string) => () => oneOf("log-format", text, ["text", "json"], "text");
  assertThrows(refusal("JSON"), UsageError, "did you mean json?");
  assertThrows(refusal("yaml"), UsageError, "the default is text");
});
