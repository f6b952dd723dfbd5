import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import * as log from "@std/log";

class Recorder extends log.BaseHandler {
  readonly lines: string[] = [];
  override log(line: string): void {
    this.lines.push(line);
  }
}

/** Loggers `proxy` (INFO) and `default` (WARN) which write to what is returned. */
function recording(formatter?: log.FormatterFunction): Recorder {
  const recorder = new Recorder("DEBUG", formatter ? { formatter } : {});
  log.setup({
    handlers: { recorder },
    loggers: {
      default: { level: "WARN", handlers: ["recorder"] },
      proxy: { level: "INFO", handlers: ["recorder", "missing"] },
    },
  });
  return recorder;
}

Deno.test("log: a record below the logger's level is not made", () => {
  const recorder = recording();
  let calls = 0;
  const answer = log.getLogger("proxy").debug(() => ++calls);
  log.getLogger("proxy").info("listening");
  log.getLogger().info("hidden");
  log.warn("shown");
  log.getLogger("proxy").critical({ code: 7, why: "x" });
  assertEquals([answer, calls], [undefined, 0]);
  assertEquals(recorder.lines, [
    "INFO listening",
    "WARN shown",
    'CRITICAL {"code":7,"why":"x"}',
  ]);
});

Deno.test("log: the handler's level filters, the message is given back", () => {
  const recorder = recording();
  recorder.levelName = "ERROR";
  const answer = log.getLogger("proxy").warn("low");
  log.getLogger("proxy").error(() => "computed");
  assertStrictEquals(answer, "low");
  assertEquals(recorder.lines, ["ERROR computed"]);
});

Deno.test("log: jsonFormatter writes one object, one argument stands alone", () => {
  const recorder = recording(log.formatters.jsonFormatter);
  log.getLogger("proxy").info("plain");
  log.getLogger("proxy").info("one", { port: 80 });
  log.getLogger("proxy").info("two", 1, "b");
  const lines = recorder.lines.map((line) => line.replace(/"datetime":\d+/, '"datetime":0'));
  assertEquals(lines, [
    '{"level":"INFO","datetime":0,"message":"plain"}',
    '{"level":"INFO","datetime":0,"message":"one","args":{"port":80}}',
    '{"level":"INFO","datetime":0,"message":"two","args":[1,"b"]}',
  ]);
});

Deno.test("log: a formatter sees the whole record", () => {
  const recorder = recording((r) => `${r.datetime.toISOString()} ${r.loggerName} ${r.args[0]}`);
  log.getLogger("proxy").info("x", 5);
  assertMatch(recorder.lines[0], /^\d{4}-\d\d-\d\dT[\d:.]+Z proxy 5$/);
});

Deno.test("log: a logger that was not set up is silent", () => {
  const recorder = recording();
  log.getLogger("stranger").critical("nobody hears");
  assertEquals(recorder.lines, []);
});

Deno.test("log: ConsoleHandler without colours leaves the line alone", () => {
  const handler = new log.ConsoleHandler("INFO", { useColors: false });
  const record = new log.LogRecord({ msg: "m", args: [], level: 20, loggerName: "a" });
  assertEquals(handler.format(record), "INFO m");
});
