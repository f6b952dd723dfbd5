import { assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli";

Deno.test("cli: declared flags have their types, undeclared ones are told", () => {
  const unknown: string[] = [];
  const flags = parseArgs(
    ["--listen", "1.2.3.4:80", "--set=a=1", "--set", "b=2", "rest", "-h", "--typo"],
    {
      string: ["listen", "set", "mtu", "_"],
      collect: ["set"],
      boolean: ["help"],
      alias: { h: "help" },
      default: { mtu: "1500" },
      unknown: (arg, key) => {
        if (key !== undefined) unknown.push(arg);
        return key === undefined;
      },
    },
  );
  const listen: string | undefined = flags.listen;
  const set: string[] = flags.set;
  const mtu: string = flags.mtu;
  const help: boolean = flags.help;
  const short: boolean = flags.h;
  const rest: string[] = flags._;
  assertEquals([listen, set, mtu, help, short], ["1.2.3.4:80", ["a=1", "b=2"], "1500", true, true]);
  assertEquals(unknown, ["--typo"]);
  assertEquals(rest, ["rest"]);
});

Deno.test("cli: what follows -- can be kept apart", () => {
  const flags = parseArgs(["-v", "--", "--not-a-flag"], { boolean: ["v"], "--": true });
  const behind: string[] = flags["--"];
  assertEquals([flags.v, behind, flags._], [true, ["--not-a-flag"], []]);
});

Deno.test("cli: without options a flag's kind is guessed", () => {
  const flags = parseArgs(["--count=3", "--name=x", "--on"]);
  assertEquals(flags, { _: [], count: 3, name: "x", on: true });
});
