import { assertEquals } from "@std/assert";
import { formatJson, formatText } from "../lib/log_line.ts";

function message(msg: string, levelName = "INFO") {
  return { msg, levelName, datetime: new Date("2026-01-31T12:00:00.007Z") };
}

/** The members of the JSON line behind time and level. */
function membersOf(msg: string): unknown {
  const { time, level, ...members } = JSON.parse(formatJson(message(msg)));
  assertEquals([time, level], ["2026-01-31T12:00:00.007Z", "info"]);
  return members;
}

Deno.test("log line: text has time, level and the message as it is", () => {
  const line = formatText(message('close id=1 reason="half-closed"'));
  assertEquals(line, '2026-01-31T12:00:00.007Z INFO  close id=1 reason="half-closed"');
  assertEquals(formatText(message("gone", "ERROR")), "2026-01-31T12:00:00.007Z ERROR gone");
});

Deno.test("log line: a record's fields are members in JSON, numbers as numbers", () => {
  const record = "close id=7 client=[fd00::1]:40000 upstream=127.0.0.1:80 up=0 ms=1.5 " +
    'reason="dial failed" cause="ECONNREFUSED"';
  assertEquals(membersOf(record), {
    msg: "close",
    id: 7,
    client: "[fd00::1]:40000",
    upstream: "127.0.0.1:80",
    up: 0,
    ms: 1.5,
    reason: "dial failed",
    cause: "ECONNREFUSED",
  });
});

Deno.test("log line: what stands behind the fields is text", () => {
  assertEquals(membersOf("failed id=3 Error: boom\n    at relay.ts"), {
    msg: "failed",
    id: 3,
    text: "Error: boom\n    at relay.ts",
  });
});

Deno.test("log line: a sentence stays whole, in one line", () => {
  assertEquals(membersOf('Try: curl "http://x/?a=b"'), { msg: 'Try: curl "http://x/?a=b"' });
  assertEquals(formatJson(message("a\nb")).includes("\n"), false);
});
