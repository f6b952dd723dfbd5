import { assertEquals } from "@std/assert";
import { RecordLog } from "../../lib/proxy/record_log.ts";
import { FakeLogger } from "../support/fake_logger.ts";

const START = 5000.25;

function logged(level: "debug" | "info" | "error", perSecond: number) {
  const logger = new FakeLogger();
  const log = new RecordLog(logger, level, perSecond);
  log.poll(perSecond, START);
  return { log, records: logger.records };
}

Deno.test("record log: each kind has its level and its own budget", () => {
  const { log, records } = logged("debug", 1);
  for (const kind of ["open", "close", "failed", "segment"] as const) {
    log.write(kind, () => `${kind} id=1`);
    log.write(kind, () => `${kind} id=2`);
  }
  assertEquals(records, [
    "INFO open id=1",
    "INFO close id=1",
    "ERROR failed id=1",
    "DEBUG segment id=1",
  ]);
});

Deno.test("record log: what is above the budget is counted in one line a second", () => {
  const { log, records } = logged("info", 2);
  for (let id = 1; id <= 5; id++) log.write("open", () => `open id=${id}`);
  for (let id = 1; id <= 3; id++) log.write("close", () => `close id=${id}`);
  assertEquals(log.deadline(), START + 1000);
  log.poll(2, START + 999);
  assertEquals(records.length, 4);
  log.poll(2, START + 1000);
  assertEquals(records.slice(4), [
    "WARN suppressed count=4 open=3 close=1 more than px_log_ratelimit allows",
  ]);
  assertEquals(log.deadline(), Infinity);
});

Deno.test("record log: the budget is whole again in the next second", () => {
  const { log, records } = logged("info", 1);
  log.write("close", () => "close id=1");
  log.poll(3, START + 1000);
  for (let id = 2; id <= 5; id++) log.write("close", () => `close id=${id}`);
  assertEquals(records.map((record) => record.at(-1)), ["1", "2", "3", "4"]);
});

Deno.test("record log: written and counted records are all there are", () => {
  const { log, records } = logged("info", 7);
  for (let i = 0; i < 1000; i++) {
    log.poll(7, START + i * 10);
    log.write("close", () => "close");
  }
  log.tellSuppressed();
  const told = records.map((record) => Number(/count=([0-9]+)/.exec(record)?.[1] ?? 1));
  assertEquals(told.reduce((sum, count) => sum + count, 0), 1000);
});

Deno.test("record log: with 0 there is the count alone", () => {
  const { log, records } = logged("info", 0);
  log.write("open", () => "open id=1");
  log.tellSuppressed();
  log.tellSuppressed();
  assertEquals(records, ["WARN suppressed count=1 open=1 more than px_log_ratelimit allows"]);
});

Deno.test("record log: a message that the level hides is neither made nor counted", () => {
  const { log, records } = logged("error", 0);
  log.write("open", () => {
    throw new Error("made");
  });
  assertEquals(log.deadline(), Infinity);
  log.write("failed", () => "failed id=1");
  log.tellSuppressed();
  assertEquals(records, ["ERROR suppressed count=1 failed=1 more than px_log_ratelimit allows"]);
});
